/* SPDX-License-Identifier: ISC */
/*
 * Logging.  One event is one line of logfmt: key=value pairs, event first.
 * Every byte from outside goes through ll_str(), which quotes and escapes it
 * (RFC 5424 has no opinion; we escape all but printable ASCII) and caps it.
 * A line goes to logd over the process's log channel, stamped there with the
 * time and the true sender; before that channel is there, and in posternd
 * with -d, to stderr.  Logging never blocks: lines that logd cannot take are
 * counted and the count is logged when it can again.
 *
 * A child gathers the lines of one turn of its loop into one message; whoever
 * is about to say something that a line must precede calls log_flush().
 * Warnings and errors go out at once, and what was gathered before them.
 */
#ifndef COMMON_BASE_LOG_H
#define COMMON_BASE_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/reason.h"

struct netaddr;
struct chan;

#define LOG_LINE_MAX 2048 /* bytes of a whole line */

enum log_level {
	LOG_L_ERROR = 3, /* the operator must act */
	LOG_L_WARN = 4,	 /* the operator should look */
	LOG_L_INFO = 6,
	LOG_L_DEBUG = 7
};

struct logline {
	enum log_level level;
	size_t len;
	char text[LOG_LINE_MAX];
};

/* Begin: event=NAME */
void ll_begin(struct logline *, enum log_level, const char *event);
void ll_str(struct logline *, const char *key, const char *, size_t len);
void ll_cstr(struct logline *, const char *key, const char *);
void ll_num(struct logline *, const char *key, uint64_t);
void ll_int(struct logline *, const char *key, int64_t);
void ll_addr(struct logline *, const char *key, const struct netaddr *);
void ll_id(struct logline *, const char *key, uint64_t msgid);
void ll_reason(struct logline *, enum reason); /* reason=NAME */
void ll_errno(struct logline *, int error);    /* error="..." */
void ll_send(const struct logline *);

/* process name shown until logd stamps it; copied */
void log_init(const char *procname, int debug);
void log_set_chan(struct chan *); /* NULL: stderr again */
void log_gather(bool);		  /* false, the default: each by itself */
void log_flush(void);
/* for log.c: false, it did not take the line, as there is no logd */
bool log_to_logd(const struct logline *);
int log_is_debug(void);
uint64_t log_dropped(void);

/* Free text for set-up and rare troubles: event=note text="..." */
void log_errorx(const char *, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *, ...) __attribute__((format(printf, 1, 2)));
void log_warnx(const char *, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *, ...) __attribute__((format(printf, 1, 2)));
/* Bugs and set-up only; never for what a peer or the network sent. */
void fatal(const char *, ...)
    __attribute__((noreturn, format(printf, 1, 2))); /* with errno */
void fatalx(const char *, ...) __attribute__((noreturn, format(printf, 1, 2)));

/*
 * Is text[at] the '=' of a key that every line begins with (time, level, proc),
 * as a reader would find it there, in quotes or not?  It is then written \x3d,
 * so that no line has such a key twice.
 */
bool log_is_stamp(const char *text, size_t at);

/* 64-bit message id <-> its 13 characters */
#define MSGID_STRLEN 14
const char *msgid_fmt(uint64_t, char buf[MSGID_STRLEN]);
int msgid_parse(const char *, uint64_t *);

#endif
