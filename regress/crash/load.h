/* SPDX-License-Identifier: ISC */
/*
 * A few hundred operations on the real store, with segments so small that all
 * it can do happens on the way; each with its mark on the tape.  With an odd
 * seed the next hosts are slow and mail is spilled all the time, with an even
 * one most of it leaves from the log.
 */
#ifndef REGRESS_CRASH_LOAD_H
#define REGRESS_CRASH_LOAD_H

#include "queued/store/store.h"
#include "regress/crash/ledger.h"
#include "regress/crash/liar.h"

extern const struct store_params load_params;

struct load {
	int dirfd; /* of the spool */
	struct tape *tape;
	uint64_t seed;
	enum control control;
	/* inside */
	struct store *s;
	struct liar liar;
	struct ledger ledger;
	uint64_t rng;
	bool fast; /* relay: mail leaves at once, little is spilled */
	unsigned restarts;
};

/*
 * Ends the process with a message if the store fails, or if the load did not
 * make it go through rotation, spill, recycling and removal.
 */
void load_run(struct load *, unsigned rounds);

/* Add one message with the next id, marked.  -1: the store's errno. */
int load_append(struct store *, struct tape *, struct ledger *, size_t size);

#endif
