/* SPDX-License-Identifier: ISC */
/*
 * logd: stamps each line with the time and with the name of the channel it
 * came on, and writes it.  A child cannot write under another's name.
 */
#ifndef LOGD_LOGD_H
#define LOGD_LOGD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/cage.h"
#include "common/base/conf.h"
#include "common/base/log.h"

/* sandbox.c */
extern const struct cage logd_cage;

/* format.c: pure */
#define LOGD_LINE_MAX (LOG_LINE_MAX * 4 + 128)
/*
 * One line without its end: time= level= proc= and the sender's text, in
 * which whatever is not printable ASCII is escaped once more, and the '=' of
 * what would read as one of those three keys.  now is Unix time in ms.  Returns
 * the length, at most cap - 1.
 */
size_t format_line(char *, size_t cap, uint64_t now, enum log_level,
    const char *proc, const char *text, size_t len);
/* "info"; checked: a level out of range is "info" */
const char *format_level(unsigned level);
enum log_level format_level_from(unsigned level);

/* sink.c: where lines go */
void sink_conf(enum conf_log_kind);
void sink_fd(enum conf_log_kind, int fd); /* takes fd */
/* Queue a line; written by sink_flush(), once a turn. */
void sink_line(enum log_level, const char *, size_t len);
void sink_finish(void); /* the same wherever it can be written */
/* Returns -1 if the syslog socket is dead, until there is a new one. */
int sink_flush(void);
bool sink_waits(void); /* a pipe is full; to be flushed again */
/* Lines lost since it was asked last; 0 as long as nothing can be written. */
uint64_t sink_lost(void);

#endif
