/* SPDX-License-Identifier: ISC */
/*
 * Sinks.  Lines for a file or stderr are gathered and written once a turn of
 * the loop; syslog takes one datagram a line.  What cannot be written is
 * counted, never waited for.
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

static enum conf_log_kind kind = CONF_LOG_STDERR;
static int fds[NKINDS] = { -1, -1, -1, -1 };
static char buffer[BUFFER];
static size_t used;
static uint64_t lines; /* in the buffer */
static int syslog_dead;

void
sink_conf(enum conf_log_kind k)
{
	(void)sink_flush();
	kind = k;
}

void
sink_fd(enum conf_log_kind k, int fd)
{
	(void)sink_flush();
	if (fds[k] != -1)
		(void)close(fds[k]);
	fds[k] = fd;
	if (k == CONF_LOG_SYSLOG)
		syslog_dead = 0;
}

static void
write_all(int fd)
{
	size_t done = 0;
	ssize_t n;

	while (done < used) {
		n = write(fd, buffer + done, used - done);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	stats_add(done == used ? STAT_LOG_LINES : STAT_LOG_DROPPED, lines);
}

void
sink_finish(void)
{
	if (used > 0)
		write_all(fds[kind] != -1 ? fds[kind] : STDERR_FILENO);
	used = 0;
	lines = 0;
}

/* Where they go is told when all are on their way: they wait for that. */
int
sink_flush(void)
{
	int dead = syslog_dead;

	if (fds[kind] != -1)
		sink_finish();
	syslog_dead = 0;
	return dead ? -1 : 0;
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
		return;
	}
	stats_inc(STAT_LOG_DROPPED);
	if (errno != EAGAIN && errno != ENOBUFS)
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
	memcpy(buffer + used, line, len);
	used += len;
	buffer[used++] = '\n';
	lines++;
}
