/* SPDX-License-Identifier: ISC */
/*
 * A table of calls between the store and the file system in memory that
 * counts every call, fails any one of them, and watches the descriptors: what
 * once failed to be written or synced must not be written or synced again.
 */
#ifndef REGRESS_STORE_FAULTY_H
#define REGRESS_STORE_FAULTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queued/store/ops.h"
#include "regress/unit/store_memfs.h"

enum faulty_op {
	OP_OPENAT,
	OP_CLOSE,
	OP_PREAD,
	OP_PWRITE,
	OP_FDATASYNC,
	OP_FSYNC,
	OP_SIZE,
	OP_RENAMEAT,
	OP_UNLINKAT,
	OP_MKDIRAT,
	OP_LIST,
	OP_FSINFO,
	OP_LOCK,
	FAULTY_OPS
};

enum faulty_kind {
	FAULTY_NONE,
	FAULTY_ERROR,	 /* the call fails with .error */
	FAULTY_BURST,	 /* and the next ones that change anything, too */
	FAULTY_SHORT,	 /* a read or write does half, its rest fails */
	FAULTY_HALF,	 /* a read or write does half, and may go on */
	FAULTY_KILL,	 /* the process dies in the midst of the call */
	FAULTY_FULL,	 /* from this call on the disk is full */
	FAULTY_READONLY, /* from this call on nothing can be changed */
	FAULTY_KINDS
};

#define FAULTY_CALLS  4 /* in a burst */
#define FAULTY_FDS    256
#define FAULTY_TRACED 4096 /* calls whose kind is remembered */

struct faulty {
	struct store_ops ops; /* for the store; ctx is this structure */
	struct memfs *m;
	/* set by the test */
	enum faulty_kind kind;
	int error;
	uint64_t at; /* number of the call, from 1 */
	/* seen */
	uint64_t calls;
	uint64_t count[FAULTY_OPS];
	uint8_t trace[FAULTY_TRACED]; /* enum faulty_op of call n at n - 1 */
	bool struck;
	enum faulty_op struck_op;
	uint64_t again; /* writes and syncs of what had failed before */
	/* inside */
	bool failed[FAULTY_FDS];
	int rest_fd;   /* whose next read fails, or -1 */
	unsigned left; /* of a burst */
};

void faulty_init(struct faulty *, struct memfs *);
void faulty_heal(struct faulty *); /* no fault from now on */
/* Whether this kind of fault differs, at this call, from plain success. */
bool faulty_applies(enum faulty_kind, enum faulty_op);
const char *faulty_op_name(enum faulty_op);

#endif
