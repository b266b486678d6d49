/* SPDX-License-Identifier: ISC */
/*
 * After a power cut: look at the spool, open it as queued does at start, and
 * compare with the ledger.  Then it must take a new message, and a second
 * start must find the same.
 */
#ifndef REGRESS_CRASH_JUDGE_H
#define REGRESS_CRASH_JUDGE_H

#include "regress/crash/ledger.h"

struct verdict {
	unsigned owed;	  /* acknowledged messages that must be there */
	unsigned found;	  /* by the first start */
	unsigned live;	  /* shown in all starts */
	unsigned lost;	  /* owed, and not there, or not readable */
	unsigned stale;	  /* there, but not with the acknowledged state */
	unsigned undead;  /* there, though DONE was acknowledged */
	unsigned damaged; /* there, but not what was handed in */
	unsigned corrupt; /* what store_check() and recovery complain of */
	unsigned failed;  /* could not be opened, read, or used further */
	char why[200];	  /* the first of these */
};

bool verdict_is_good(const struct verdict *);

/*
 * In a process of its own; one that dies or hangs is a failure of the store.
 * What the judge does to the spool is marked on the tape.  talk: every event
 * and fault to stdout.
 */
void judge(const char *spool, const struct ledger *, struct tape *, bool talk,
    struct verdict *);

#endif
