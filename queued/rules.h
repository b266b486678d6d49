/* SPDX-License-Identifier: ISC */
/*
 * What the operator ordered until it is taken back: destinations and flows
 * that are suspended, domains that are rerouted.  A rule is a struct cq_rule
 * with set true and lasts 0; its names are lower case.  The table is pure;
 * rules_file.c keeps it in the spool.
 */
#ifndef QUEUED_RULES_H
#define QUEUED_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/msg/ctl_queue.h"
#include "queued/store/ops.h"

#define RULES_MAX 1000
#define RULE_LINE 1024 /* one of them as a line, with its NUL */

struct rules {
	struct cq_rule *v; /* sorted by kind, flow and name */
	size_t n, cap;
};

void rules_free(struct rules *);
/*
 * Take a rule in, in the place of one for the same.  -1: EINVAL, it says
 * nothing that can be done; ENOSPC, there are RULES_MAX; ENOMEM.
 */
int rules_set(struct rules *, const struct cq_rule *);
/* Take back the one of the same kind, flow and name; false: there is none. */
bool rules_clear(struct rules *, const struct cq_rule *, struct cq_rule *was);
/* The rule for a name, in any case of letters, or a flow; NULL: none. */
const struct cq_rule *rules_find(const struct rules *, enum cq_rule_kind,
    const char *name);
const struct cq_rule *rules_flow(const struct rules *, enum cq_flow);
/* When the first one ends, Unix ms; UINT64_MAX: none does by itself. */
uint64_t rules_next(const struct rules *);
/* Take out one that has ended; false: none has. */
bool rules_expire(struct rules *, uint64_t now, struct cq_rule *was);

/* A rule as a line without its end, and back; -1: it is none. */
void rules_print(const struct cq_rule *, char line[RULE_LINE]);
int rules_parse(const char *line, struct cq_rule *);

/* --- rules_file.c: the file "rules" in a directory of the spool --- */

/* -1 with errno: the disk has the old ones or these, but whole. */
int rules_save(const struct rules *, const struct store_ops *, int dirfd);
/* It cannot be read: it is kept as "rules.bad". */
void rules_set_aside(const struct store_ops *, int dirfd);
/* Returns the number of lines that are damaged, and were left out; or -1. */
int rules_load(struct rules *, const struct store_ops *, int dirfd);

#endif
