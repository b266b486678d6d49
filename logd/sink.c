/* SPDX-License-Identifier: ISC */
/*
 * Sinks.  Lines for a file or stderr are gathered and written once a turn of
 * the loop; syslog takes one datagram a line.  What a pipe does not take now is
 * kept as far as the buffer goes; what is over, or cannot be written at all,
 * is counted, never waited for.
 */
#include <sys/socket.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/stats.h"
#include "logd/logd.h"

#define BUFFER	      (256 * 1024)
#define NKINDS	      4	       /* enum conf_log_kind, from 1 */
#define FACILITY_MAIL (2 << 3) /* RFC 5424 6.2.1 */
#define REFUSED_MAX   1000     /* in a row: who listens there does not */

static enum conf_log_kind kind = CONF_LOG_STDERR;
static int fds[NKINDS] = { -1, -1, -1, -1 };
static char buffer[BUFFER];
static size_t used, done; /* in the buffer; of that, written */
static uint64_t lost;	  /* lines, since somebody was told */
static unsigned refused;  /* by syslog, in a row */
static int syslog_dead;

static uint64_t
count_lines(const char *text, size_t len)
{
	const char *end = text + len;
	uint64_t n = 0;

	while (text < end &&
	    (text = memchr(text, '\n', (size_t)(end - text))) != NULL) {
		text++;
		n++;
	}
	return n;
}

static void
drop(uint64_t n)
{
	stats_add(STAT_LOG_DROPPED, n);
	lost += n;
}

static void
write_some(int fd)
{
	ssize_t n;

	while (done < used) {
		n = write(fd, buffer + done, used - done);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && errno == EAGAIN)
			return;
		if (n <= 0) {
			drop(count_lines(buffer + done, used - done));
			break;
		}
		stats_add(STAT_LOG_LINES,
		    count_lines(buffer + done, (size_t)n));
		done += (size_t)n;
	}
	used = done = 0;
}

/* Another file does not begin with the rest of a line. */
static void
skip_half(void)
{
	const char *end;

	if (done == 0 || done == used || buffer[done - 1] == '\n')
		return;
	end = memchr(buffer + done, '\n', used - done);
	done = end == NULL ? used : (size_t)(end - buffer) + 1;
	drop(1);
}

void
sink_conf(enum conf_log_kind k)
{
	(void)sink_flush();
	if (k != kind) {
		skip_half();
		refused = 0;
		syslog_dead = 0;
	}
	kind = k;
}

void
sink_fd(enum conf_log_kind k, int fd)
{
	(void)sink_flush();
	skip_half();
	if (fds[k] != -1)
		(void)close(fds[k]);
	fds[k] = fd;
	if (k == CONF_LOG_SYSLOG) {
		syslog_dead = 0;
		refused = 0;
	}
}

void
sink_finish(void)
{
	if (used > done)
		write_some(fds[kind] != -1 ? fds[kind] : STDERR_FILENO);
}

bool
sink_waits(void)
{
	return used > done;
}

uint64_t
sink_lost(void)
{
	uint64_t n = lost;

	if (sink_waits() || refused > 0 || syslog_dead)
		return 0;
	lost = 0;
	return n;
}

/* Where they go is told when all are on their way: they wait for that. */
int
sink_flush(void)
{
	if (fds[kind] != -1)
		sink_finish();
	return kind == CONF_LOG_SYSLOG && syslog_dead ? -1 : 0;
}

static void
to_syslog(enum log_level level, const char *line, size_t len)
{
	char buf[LOGD_LINE_MAX + 32];
	ssize_t w;
	int n;

	n = snprintf(buf, sizeof(buf),
	    "<%d>postern: ", FACILITY_MAIL | (int)level);
	if (n < 0 || len > sizeof(buf) - (size_t)n)
		return;
	memcpy(buf + n, line, len);
	w = send(fds[CONF_LOG_SYSLOG], buf, (size_t)n + len,
	    MSG_NOSIGNAL | MSG_DONTWAIT);
	if (w != -1) {
		stats_inc(STAT_LOG_LINES);
		refused = 0;
		return;
	}
	drop(1);
	if ((errno != EAGAIN && errno != ENOBUFS) || ++refused >= REFUSED_MAX)
		syslog_dead = 1;
}

void
sink_line(enum log_level level, const char *line, size_t len)
{
	if (kind == CONF_LOG_SYSLOG && fds[CONF_LOG_SYSLOG] != -1) {
		to_syslog(level, line, len);
		return;
	}
	if (len + 1 > sizeof(buffer) - used)
		sink_finish();
	if (done > 0) {
		memmove(buffer, buffer + done, used - done);
		used -= done;
		done = 0;
	}
	if (len + 1 > sizeof(buffer) - used) {
		drop(1);
		return;
	}
	memcpy(buffer + used, line, len);
	used += len;
	buffer[used++] = '\n';
}
