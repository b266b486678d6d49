/* SPDX-License-Identifier: ISC */
/*
 * What belongs to one process beside its life: the page of its counters, and
 * the pipe that takes what it writes to stderr (set-up that failed, a system
 * call that was trapped), which posternd logs under the process's true name.
 */
#include <sys/mman.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/stats.h"
#include "master/super.h"

#define OUTPUT_LINES 50 /* of one life; a child has logd for its log */

int
stats_page(void)
{
	int fd, error;

	fd = memfd_create("stats", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd == -1)
		return -1;
	if (ftruncate(fd, STATS_PAGE_SIZE) == -1 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) ==
		-1) {
		error = errno;
		(void)close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

/* A new life begins with nothing open; the totals go on. */
void
stats_page_reset(int fd)
{
	const uint64_t zero = 0;
	enum counter c;

	for (c = 0; c < STAT_MAX; c++)
		if (stats_is_gauge(c) &&
		    pwrite(fd, &zero, sizeof(zero),
			(off_t)(c * sizeof(zero))) == -1)
			log_warn("resetting %s", stats_name(c));
}

static void
output_line(struct instance *i)
{
	struct logline l;

	if (i->line_len > 0 && i->lines++ < OUTPUT_LINES) {
		ll_begin(&l, LOG_L_WARN, "child-output");
		ll_cstr(&l, "instance", i->name);
		ll_str(&l, "text", i->line, i->line_len);
		/* what logd says about itself cannot go through logd */
		if (i->peer.proc == PROC_LOGD)
			log_set_chan(NULL);
		ll_send(&l);
		if (i->super->phase != PHASE_STARTING)
			log_set_chan(i->super->log);
	}
	i->line_len = 0;
}

static void
output_bytes(struct instance *i, const char *buf, size_t len)
{
	size_t n;

	for (n = 0; n < len; n++) {
		if (buf[n] == '\n') {
			output_line(i);
			continue;
		}
		i->line[i->line_len++] = buf[n];
		if (i->line_len == sizeof(i->line))
			output_line(i);
	}
}

/* As read(2). */
static ssize_t
output_read(struct instance *i)
{
	char buf[1024];
	ssize_t n;

	n = read(i->output.fd, buf, sizeof(buf));
	if (n > 0)
		output_bytes(i, buf, (size_t)n);
	return n;
}

static void
on_output(struct ev_io *io, uint32_t events)
{
	struct instance *i = io->arg;
	ssize_t n;

	(void)events;
	n = output_read(i);
	/* who says more than is logged is not listened to any longer */
	if (n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR) ||
	    i->lines >= OUTPUT_LINES)
		output_close(i);
}

void
output_watch(struct instance *i, int fd)
{
	i->line_len = 0;
	i->lines = 0;
	ev_io_init(&i->output, on_output, i);
	if (ev_io_set(i->super->ev, &i->output, fd, EPOLLIN) == -1) {
		log_warn("%s: watching its output", i->name);
		(void)close(fd);
		i->output.fd = -1;
	}
}

/* What a dead process wrote last is the reason of its death, often. */
void
output_close(struct instance *i)
{
	int fd = i->output.fd, left = OUTPUT_LINES;

	if (fd == -1)
		return;
	while (left-- > 0 && output_read(i) > 0)
		;
	output_line(i);
	ev_io_del(i->super->ev, &i->output);
	(void)close(fd);
	i->output.fd = -1;
}
