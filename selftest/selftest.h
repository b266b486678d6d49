/* SPDX-License-Identifier: ISC */
/*
 * selftest: is the cage of a program tight on this kernel?
 *
 * posternd starts it in the place of a program, in the same way and with the
 * same hello on descriptor 3.  For every attack of common/attack it puts a
 * process into that program's cage, with descriptors of the kinds that the
 * program would hold, lets it try, and tells posternd what came of it.
 */
#ifndef SELFTEST_SELFTEST_H
#define SELFTEST_SELFTEST_H

#include <stdbool.h>

#include "common/attack/attack.h"
#include "common/base/cage.h"
#include "common/msg/child_master.h"

/* --- cages.c --- */

enum holds { HOLDS_LISTENER = 1, HOLDS_STREAM = 2, HOLDS_DGRAM = 4 };

struct inmate {
	enum proc proc;
	const struct cage *cage;
	unsigned holds; /* besides channels; uses_dir: its root as well */
};

/* NULL: no program of the gateway. */
const struct inmate *inmate_find(enum proc);

/* --- world.c: what there is to be reached --- */

/* Makes targets of which it listens itself; fatal on errors. */
void world_make(struct attack_env *);
/* Sockets to hold, made anew: what one attack does to them is not the next's */
void world_hold(struct attack_env *, unsigned holds);
/* Has anybody come to a target since the last time? */
bool world_reached(void);

#endif
