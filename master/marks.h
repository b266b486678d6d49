/* SPDX-License-Identifier: ISC */
/*
 * Where the statements of a configuration stand.  struct conf keeps lines
 * only for what "why" answers show; an error can be about anything, so the
 * parser notes the line of every statement and list member here.
 */
#ifndef MASTER_MARKS_H
#define MASTER_MARKS_H

#include <stddef.h>
#include <stdint.h>

enum mark_kind {
	MARK_HOSTNAME,
	MARK_SIDE,	 /* a: side */
	MARK_INTERFACE,	 /* a: side */
	MARK_NAMESPACE,	 /* a: side */
	MARK_SOURCE,	 /* a: side, b: 4 or 6 */
	MARK_DNS,	 /* a: side, b: index */
	MARK_NETWORKS,	 /* the statement itself */
	MARK_NETWORK,	 /* b: index */
	MARK_ACCEPT,	 /* b: index */
	MARK_REPAIR,	 /* b: index */
	MARK_REACH,	 /* a: side, b: index */
	MARK_WORKERS,	 /* a: side, or 2 for both; b: 0 in, 1 out, 2 both */
	MARK_RECIPIENTS, /* a: line of the domain */
	MARK_DELIVER,	 /* a: line of the domain */
	MARK_HOST,	 /* a: line of domain or connector, b: index */
	MARK_LIMIT,	 /* a: index in the table of limits */
	MARK_RETRY,	 /* a: line of domain or connector, 0: top level */
	MARK_EXPIRE,	 /* a: the same */
	MARK_WARN,	 /* a: the same */
	MARK_PACE,	 /* a: line of limit to, b: PACE_* of build_pace.c */
	MARK_LOG,
	MARK_SPOOL,
	MARK_CONTROL,
	MARK_CHROOT,
	MARK_SANDBOX,
	MARK_SENDERS,
	MARK_TLS,	  /* a: side */
	MARK_TLS_FROM,	  /* a: side, b: index */
	MARK_PROXY,	  /* b: index of its last listener */
	MARK_TLS_OUT,	  /* a: line of domain or connector */
	MARK_TRUST,	  /* a: side, or 2 for both */
	MARK_ACCEPT_CERT, /* a: index */
	MARK_FLAG	  /* a: the bit of enum conf_flag */
};

struct mark {
	enum mark_kind kind;
	uint32_t a, b, line;
};

struct marks {
	struct mark *v;
	size_t n;
};

/* -1: ENOMEM */
int marks_add(struct marks *, enum mark_kind, uint32_t a, uint32_t b,
    uint32_t line);
/* the first one's line; 0: there is none */
uint32_t marks_line(const struct marks *, enum mark_kind, uint32_t a,
    uint32_t b);
void marks_free(struct marks *);

#endif
