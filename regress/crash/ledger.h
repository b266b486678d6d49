/* SPDX-License-Identifier: ISC */
/*
 * The ledger: what was tried on a store, and what it acknowledged.  Whoever
 * drives the store puts a mark on the disk's tape before each call that may
 * write and one after each commit, so the marks before any place of the tape
 * say what the store had promised when the power went there.
 */
#ifndef REGRESS_CRASH_LEDGER_H
#define REGRESS_CRASH_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "regress/crash/tape.h"

enum mark_kind {
	MARK_BEGIN = 1, /* the first one: only from here on power may go */
	MARK_MESSAGE,	/* will be added */
	MARK_STATE,	/* one more attempt will be recorded */
	MARK_DONE,	/* will be done with */
	MARK_ACK,	/* all of the above are acknowledged */
	MARK_LIFE,	/* another process: what waits is never acknowledged */
	MARK_ITEM	/* an item as it is in a ledger */
};

struct item {
	uint64_t id, size, env_hash, body_hash;
	uint32_t tried, noted; /* attempts: recorded, acknowledged */
	bool acked, done_tried, done_acked;
	bool past; /* no acknowledgement is about it any more */
	/* the judge's */
	bool seen;
	uint32_t found; /* attempts */
};

struct mark {
	uint32_t kind;
	uint32_t control; /* BEGIN: enum control */
	uint64_t seed;	  /* BEGIN */
	uint64_t states;  /* BEGIN */
	char fs[16];	  /* BEGIN */
	struct item item; /* of MESSAGE, STATE, DONE the id; of ITEM all */
};

struct ledger {
	struct item *items; /* by id, which only grows */
	size_t n, cap;
};

void ledger_free(struct ledger *);
void ledger_copy(struct ledger *, const struct ledger *);
void ledger_apply(struct ledger *, const struct mark *);
struct item *ledger_find(const struct ledger *, uint64_t id);
size_t ledger_owed(const struct ledger *); /* acknowledged, not done with */

/* Marks that make it what it is. */
void ledger_write(const struct ledger *, struct tape *);
void mark_add(struct tape *, const struct mark *);
void mark_get(const struct tape *, const struct tape_entry *, struct mark *);

#endif
