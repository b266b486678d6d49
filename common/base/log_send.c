/* SPDX-License-Identifier: ISC */
/* Log lines on their way to logd: gathered, sent, or counted as lost. */
#include <errno.h>

#include "common/base/chan.h"
#include "common/base/log.h"
#include "common/msg/log.h"

#define WAITING_MAX 1000 /* lines kept for a logd that is slow */

static struct chan *log_chan;
static bool gathering;
static uint64_t dropped;    /* ever */
static unsigned waiting;    /* lines given to a channel that was busy */
static uint64_t unreported; /* since logd last heard of it */

static struct {
	struct ibuf b; /* in mem, which is set up with the first line */
	unsigned n;
	uint8_t mem[LG_LINES_MAX];
} lines;

void
log_set_chan(struct chan *c)
{
	if (c == NULL)
		log_flush();
	log_chan = c;
}

void
log_gather(bool yes)
{
	log_flush();
	gathering = yes;
}

uint64_t
log_dropped(void)
{
	return dropped;
}

static void
drop(unsigned n)
{
	dropped += n;
	unreported += n;
}

static void
report_dropped(void)
{
	if (unreported != 0 && waiting == 0 &&
	    chan_send(log_chan, LG_DROPPED, (uint32_t)unreported, NULL, -1) ==
		0)
		unreported = 0;
}

static void
send_lines(unsigned n)
{
	if (log_chan == NULL || !chan_open(log_chan)) {
		drop(n);
		return;
	}
	if (!chan_busy(log_chan)) {
		waiting = 0;
	} else if ((waiting += n) > WAITING_MAX) {
		drop(n);
		return;
	}
	report_dropped();
	if (chan_send(log_chan, LG_LINES, 0, &lines.b, -1) == -1)
		drop(n);
}

void
log_flush(void)
{
	unsigned n = lines.n;
	int saved = errno;

	if (n == 0)
		return;
	lines.n = 0; /* first: sending may have something to say */
	send_lines(n);
	errno = saved;
}

bool
log_to_logd(const struct logline *l)
{
	struct lg_line line = { .level = (uint8_t)l->level,
		.len = (uint16_t)l->len,
		.text = l->text };

	if (log_chan == NULL || !chan_open(log_chan))
		return false;
	if (lines.n > 0 &&
	    ibuf_size(&lines.b) + LG_LINE_HEAD + l->len > sizeof(lines.mem))
		log_flush();
	if (lines.n == 0)
		ibuf_wrap(&lines.b, lines.mem, sizeof(lines.mem));
	if (put_lg_line(&lines.b, &line) == -1)
		return false;
	lines.n++;
	if (!gathering || l->level <= LOG_L_WARN)
		log_flush();
	return true;
}
