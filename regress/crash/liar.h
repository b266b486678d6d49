/* SPDX-License-Identifier: ISC */
/*
 * The store's calls on the system, counted, and in the controls of the test
 * with one sync less than is needed.
 */
#ifndef REGRESS_CRASH_LIAR_H
#define REGRESS_CRASH_LIAR_H

#include "queued/store/ops.h"

enum control {
	CONTROL_NONE,  /* as queued has it */
	CONTROL_EARLY, /* a file's sync comes after the acknowledgement */
	CONTROL_NODIR  /* no directory is synced; spilled files get their names
			  only where their directory should have been.  On
			  btrfs any later sync makes such a name durable, so
			  there they get them after the acknowledgement */
};
#define LIAR_FDS   8
#define LIAR_NAMES 128

struct liar {
	struct store_ops ops; /* for store_open() */
	const struct store_ops *real;
	enum control control;
	int dirfd;
	int owed[LIAR_FDS]; /* EARLY: descriptors that wait for their sync */
	size_t nowed;
	char unnamed[LIAR_NAMES][48]; /* NODIR: names that files shall get */
	size_t nunnamed;
	bool cow;
	/* what the store went through */
	unsigned made, recycled, spilled, removed;
};

const char *control_name(enum control);
void liar_init(struct liar *, enum control, int dirfd); /* of the spool */
void liar_pay(struct liar *); /* do now what was said to be done */

#endif
