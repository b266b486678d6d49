/* SPDX-License-Identifier: ISC */
/*
 * postern: the operator's tool.  It asks ctld over the control socket and
 * prints, for people or, with -j, one JSON object a line.
 *
 * Exit status: 0 done; 1 the answer is no (drift, no such message, reload
 * refused); 2 it could not be asked; 64 wrong usage.
 */
#ifndef POSTERN_TOOL_H
#define POSTERN_TOOL_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/base/ibuf.h"
#include "common/msg/ctl_tool.h"

#define EXIT_NO	 1
#define EXIT_ASK 2
#define EXIT_USE 64

/* ask.c */
/* 0, or -1 with the reason on stderr */
int ask_connect(const char *path);
/*
 * Ask and read the whole answer: row() for each, then *end.  -1: the
 * connection or the answer broke, the reason is on stderr.
 */
int ask(uint16_t type, const struct ibuf *payload,
    int (*row)(void *, uint16_t type, struct ibuf *), void *arg,
    struct ct_end *end);
/* Say why on stderr if end is no success; the exit status. */
int ask_status(const struct ct_end *, const char *what);

/* become.c */
/* Another program: where it is in a build tree, below PREFIX, and else. */
struct sibling {
	const char *built, *below, *installed;
};
void sibling_path(const struct sibling *, char[PATH_MAX]);
/*
 * What it writes to standard output, owned; NULL: it could not be run, or
 * failed; the reason is on stderr.
 */
char *sibling_ask(const struct sibling *, char **args);
/* Returns on failure only, with the exit status. */
int become(const struct sibling *, char **args);

/* json.c: one object a line on stdout */
void json_begin(void);
void json_str(const char *key, const char *value);
void json_num(const char *key, uint64_t value);
void json_bool(const char *key, bool value);
/* a list of strings: begin, any number of elements, end */
void json_list(const char *key);
void json_elem(const char *value);
void json_list_end(void);
void json_end(void);

/* text.c: for people */
/* "3m", "2h 10m", "5d"; buf of TEXT_MAX */
#define TEXT_MAX 32
const char *text_age(uint64_t ms, char *buf);
const char *text_size(uint64_t bytes, char *buf);
/* local time "2026-11-24 03:31:18"; "-" for 0 */
const char *text_time(uint64_t unix_ms, char *buf);
const char *text_iso(uint64_t unix_ms, char *buf); /* UTC, ISO 8601 */
uint64_t text_now(void);			   /* Unix ms */
/* "90", "30s", "5m", "2h", "1d": seconds; -1: it is none of these, or 0 */
int text_seconds(const char *, uint32_t *);
/* control characters and bytes beyond ASCII made visible; static buffer */
const char *text_clean(const char *);

/* the verbs: arguments after the verb; exit status */
int cmd_status(int argc, char **argv, bool json);
int cmd_reload(int argc, char **argv, bool json);
int cmd_stats(int argc, char **argv, bool json);
int cmd_queue(int argc, char **argv, bool json);
int cmd_audit(int argc, char **argv, bool json);
/* these return on failure only */
int cmd_spool(int argc, char **argv, bool json);
int cmd_firewall(int argc, char **argv, bool json);

#endif
