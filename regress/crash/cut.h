/* SPDX-License-Identifier: ISC */
/*
 * Where the power goes, and what is on the disk then.
 *
 * All that was written before the last flush is there.  Of each write behind
 * it, up to the cut, the disk may have all, nothing, or any of its sectors of
 * 512 bytes; a flush that has not returned promises nothing.  Which of these
 * a state has follows from the seed and the state's number alone.
 */
#ifndef REGRESS_CRASH_CUT_H
#define REGRESS_CRASH_CUT_H

#include "regress/crash/device.h"
#include "regress/crash/ledger.h"

enum cut_way {
	CUT_NONE, /* nothing since the last flush */
	CUT_ALL,
	CUT_HALF, /* each write as a coin falls */
	CUT_FEW,  /* one of eight */
	CUT_MOST, /* seven of eight */
	CUT_TORN, /* and of those there, some sectors only */
	CUT_WAYS
};

struct cut {
	const struct tape *tape;
	const struct fstype *fs;
	uint64_t seed;
	size_t states; /* in all */
	size_t first;  /* entry from which on power may go */
	uint8_t *disk; /* shared with its server */
	/* inside */
	size_t *places;	      /* of the states, sorted: entries before are in */
	uint8_t *base;	      /* what is durable at "at" */
	size_t at, durable;   /* entries before these are in base, in ledger */
	struct ledger ledger; /* at "at" */
	uint64_t rng;
	enum cut_way way;
};

/*
 * The disk's bytes must be zeros; size is theirs.
 */
void cut_init(struct cut *, uint64_t size);
void cut_free(struct cut *, uint64_t size);
const char *cut_way_name(enum cut_way);

/*
 * Make the disk be as after that power cut.  States are asked for in order of
 * their number.  talk: each write that is not durable, and what became of it.
 */
void cut_make(struct cut *, size_t state, bool talk);
/*
 * The power goes again, while the store starts from that state and works on:
 * the first len entries of dirty are what it wrote then.  Returns how many of
 * them count.  The ledger is a new one, with the promises made in between.
 */
size_t cut_again(struct cut *, size_t state, const struct tape *dirty,
    size_t len, struct ledger *);
/* Make it durable bytes only again; dirty: what was written to it since. */
void cut_undo(struct cut *, const struct tape *dirty);

#endif
