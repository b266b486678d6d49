/* SPDX-License-Identifier: ISC */
/*
 * The cage of a program: all that confines it, stated in its sandbox.c and
 * nowhere else.  child.c puts a process into it, and so does the selftest,
 * which attacks it from the inside.
 */
#ifndef COMMON_BASE_CAGE_H
#define COMMON_BASE_CAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/privdrop.h"
#include "common/base/proc.h"
#include "common/base/sandbox.h"

struct cm_hello;

#define CAGE_MASTER_FD 3 /* the channel to posternd; the others follow it */

struct cage {
	const struct sandbox_call *calls;
	size_t ncalls;
	bool host_net;	 /* connd: stays in its network namespace */
	bool uses_dir;	 /* queued: its root is the spool, and it may use it */
	uint64_t nofile; /* 0: 256 */
	uint64_t fsize;	 /* RLIMIT_FSIZE; 0: no file may grow */
	uint64_t as;	 /* RLIMIT_AS; 0: 512 MiB */
};

/*
 * Fills the block of channel descriptors, a power of two that holds nslots,
 * with copies of /dev/null (descriptor 0); returns its size.  Fatal on errors.
 */
unsigned cage_block(unsigned nslots);

/*
 * What the cage comes to for the process that posternd's hello names; points
 * into the hello.
 */
void cage_fit(const struct cage *, enum proc, const struct cm_hello *,
    unsigned block, struct privdrop *, struct sandbox *);

#endif
