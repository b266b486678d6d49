/* SPDX-License-Identifier: ISC */
/*
 * logd: see logd.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <bsd/sys/queue.h>

#include "common/base/child.h"
#include "common/base/ev.h"
#include "common/base/privdrop.h"
#include "common/base/stats.h"
#include "common/msg/child_master.h"
#include "common/msg/log.h"
#include "logd/logd.h"

#define RATE	    50000  /* lines a second from one process, */
#define BURST	    100000 /* and how many it may save up */
#define DRAIN_LIMIT 1000   /* ms to wait for the others to close */
#define RETRY	    100	   /* ms until a full pipe is tried again */

struct sender {
	LIST_ENTRY(sender) entry;
	struct peer peer;
	char name[INSTANCE_MAX];
	struct chan *chan;
	uint32_t tokens;
	uint64_t refilled;
	uint64_t over; /* lines lost to the rate */
};

static LIST_HEAD(, sender) senders = LIST_HEAD_INITIALIZER(senders);
static struct child *self;
static struct ev *loop;
static struct ev_timer drain_timer, retry_timer;
static bool reopening; /* posternd was asked for another syslog socket */

static void
emit(enum log_level level, const char *proc, const char *text, size_t len)
{
	char line[LOGD_LINE_MAX];
	size_t n;

	n = format_line(line, sizeof(line), ev_realtime(loop), level, proc,
	    text, len);
	sink_line(level, line, n);
}

static void
say_lost(const char *proc, uint64_t n)
{
	struct logline l;

	ll_begin(&l, LOG_L_WARN, "log-dropped");
	ll_num(&l, "lines", n);
	emit(l.level, proc, l.text, l.len);
}

static void
emit_lost(const char *proc, uint64_t n)
{
	stats_add(STAT_LOG_DROPPED, n);
	say_lost(proc, n);
}

static bool
within_rate(struct sender *s)
{
	uint64_t now = ev_now(loop), add = (now - s->refilled) * RATE / 1000;

	if (add > 0) {
		s->refilled = now;
		s->tokens =
		    add > BURST - s->tokens ? BURST : s->tokens + (uint32_t)add;
	}
	if (s->tokens == 0)
		return false;
	s->tokens--;
	return true;
}

static void
take_line(struct sender *s, const struct lg_line *line)
{
	if (!within_rate(s)) {
		s->over++;
		return;
	}
	if (s->over > 0) {
		emit_lost(s->name, s->over);
		s->over = 0;
	}
	emit(format_level_from(line->level), s->name, line->text, line->len);
}

static int
on_lines(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct lg_line line;

	(void)id;
	(void)fd;
	while (ibuf_size(b) > 0) {
		if (get_lg_line(b, &line) == -1)
			return -1;
		take_line(chan_ctx(ch), &line);
	}
	return 0;
}

static int
on_dropped(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct sender *s = chan_ctx(ch);

	(void)b;
	(void)fd;
	s->over += id;
	if (within_rate(s)) {
		emit_lost(s->name, s->over);
		s->over = 0;
	}
	return 0;
}

static const struct chan_msg msgs[] = {
	{ LG_LINES, LG_LINES_MIN, LG_LINES_MAX, FD_NONE, CHAN_ANY, on_lines },
	{ LG_DROPPED, 0, 0, FD_NONE, CHAN_ANY, on_dropped },
};

/* Drained when nobody but posternd can say anything more. */
static void
leave_if_done(void)
{
	struct sender *s;

	if (!child_draining(self))
		return;
	LIST_FOREACH(s, &senders, entry)
		if (s->peer.proc != PROC_MASTER)
			return;
	sink_finish();
	if (!sink_waits())
		child_exit(self);
}

static void
sender_lost(struct sender *s)
{
	LIST_REMOVE(s, entry);
	chan_free(s->chan);
	free(s);
	leave_if_done();
}

static void
on_violation(struct chan *ch, enum chan_violation v)
{
	struct sender *s = chan_ctx(ch);

	child_violation(self, &s->peer, v);
	sender_lost(s);
}

static struct sender *
sender_find(const struct peer *p)
{
	struct sender *s;

	LIST_FOREACH(s, &senders, entry)
		if (s->peer.proc == p->proc && s->peer.side == p->side &&
		    s->peer.index == p->index)
			return s;
	return NULL;
}

static void
on_peer(struct child *c, const struct peer *peer, int fd)
{
	struct chan_spec spec = {
		.msgs = msgs,
		.nmsgs = 2,
		.on_violation = on_violation,
	};
	struct sender *s;

	(void)c;
	if ((s = sender_find(peer)) != NULL)
		sender_lost(s);
	if ((s = calloc(1, sizeof(*s))) == NULL) {
		(void)close(fd);
		return;
	}
	s->peer = *peer;
	s->tokens = BURST;
	s->refilled = ev_now(loop);
	spec.name = peer_name(peer, s->name);
	spec.ctx = s;
	LIST_INSERT_HEAD(&senders, s, entry);
	if ((s->chan = chan_new(loop, fd, &spec)) == NULL)
		sender_lost(s);
}

static int
on_fd(struct child *c, enum child_fd kind, uint32_t id, int fd)
{
	(void)c;
	(void)id;
	if (kind == CHILD_FD_LOG_FILE)
		sink_fd(CONF_LOG_FILE, fd);
	else if (kind == CHILD_FD_SYSLOG) {
		sink_fd(CONF_LOG_SYSLOG, fd);
		reopening = false;
	} else if (kind == CHILD_FD_STDERR)
		sink_fd(CONF_LOG_STDERR, fd);
	else {
		(void)close(fd);
		return -1;
	}
	return 0;
}

static void
on_conf(struct child *c, const struct conf *conf)
{
	(void)c;
	sink_conf(conf->log_kind);
}

static void
on_drain_limit(struct ev_timer *t)
{
	(void)t;
	sink_finish();
	child_exit(self);
}

static void
on_drain(struct child *c)
{
	(void)c;
	(void)ev_timer_set(loop, &drain_timer, DRAIN_LIMIT);
	leave_if_done();
}

/* The turn that it makes is what counts. */
static void
on_retry(struct ev_timer *t)
{
	(void)t;
}

static bool
on_turn(void *arg)
{
	bool waited = sink_waits();
	uint64_t n;

	(void)arg;
	if (sink_flush() == -1 && !reopening)
		reopening = chan_send(child_master(self), CM_ANS_REOPEN, 0,
				NULL, -1) == 0;
	n = sink_lost();
	if (n > 0) {
		say_lost("logd", n);
		(void)sink_flush();
	}
	if (sink_waits() && !ev_timer_pending(&retry_timer))
		(void)ev_timer_set(loop, &retry_timer, RETRY);
	if (waited)
		leave_if_done();
	return false;
}

int
main(int argc, char **argv)
{
	struct program program = {
		.proc = PROC_LOGD,
		.cage = &logd_cage,
		.on_conf = on_conf,
		.on_peer = on_peer,
		.on_fd = on_fd,
		.on_drain = on_drain,
	};

	self = child_attach(argc, argv, &program, NULL);
	loop = child_ev(self);
	ev_hook(loop, on_turn, NULL);
	ev_timer_init(&drain_timer, on_drain_limit, NULL);
	ev_timer_init(&retry_timer, on_retry, NULL);
	privdrop(child_privdrop(self));
	sandbox_enter(child_sandbox(self), child_report(self));
	return child_loop(self);
}
