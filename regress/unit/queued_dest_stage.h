/* SPDX-License-Identifier: ISC */
/* Destinations by themselves, for their tests. */
#ifndef REGRESS_UNIT_QUEUED_DEST_STAGE_H
#define REGRESS_UNIT_QUEUED_DEST_STAGE_H

#include "queued/dest.h"
#include "queued/sched.h"
#include "queued/session.h"

extern struct dests ds;
extern const struct qo_outcome trouble;

struct dest *get(const char *name); /* by DNS, outside */
void start(void);
struct part *parts_new(size_t n); /* free() */
void empty(struct dest *);	  /* forget its parts */

#endif
