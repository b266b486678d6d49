/* SPDX-License-Identifier: ISC */
/*
 * A file system in memory behind the store's table of calls.  What was not
 * synced is lost, kept or torn when the power goes; directory entries need
 * their directory synced; after a sync that failed the data counts as clean,
 * as on Linux.  Any call can be made to fail.
 */
#ifndef REGRESS_STORE_MEMFS_H
#define REGRESS_STORE_MEMFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queued/store/ops.h"

enum memfs_fault {
	MEMFS_NONE = 0,
	MEMFS_ERROR, /* the call fails with memfs.fault_errno */
	MEMFS_SHORT, /* a write does half, then the rest fails */
	MEMFS_HALF,  /* a write does half, and may go on */
	MEMFS_CUT    /* the power goes: nothing works any more */
};

enum memfs_cut {
	MEMFS_DROP,   /* nothing that was not synced is there */
	MEMFS_KEEP,   /* all of it */
	MEMFS_RANDOM, /* sectors at random, directory changes up to some point
		       */
	MEMFS_WILD,   /* torn sectors, directory changes at random */
	MEMFS_CUTS
};

#define MEMFS_SPARES 1024

struct memfs {
	struct store_ops ops;
	uint64_t rng;
	uint64_t now;
	uint64_t capacity; /* bytes of all files; 0: no limit */
	uint64_t used;
	bool cow;
	/* faults */
	enum memfs_fault fault;
	uint64_t fault_at; /* number of the call */
	int fault_errno;
	uint64_t calls;
	bool dead;
	struct memfs *twin;	 /* the power of both goes at once; or NULL */
	bool still_failing;	 /* MEMFS_SHORT: the next write fails */
	bool lie_data, lie_dirs; /* syncs that do nothing: the controls */
	/* what was seen */
	uint64_t syncs, resyncs; /* syncs after a failed one, same descriptor */
	uint64_t writes_after;	 /* writes after a failed sync, same */
	/* inside */
	struct memfs_inode **inodes; /* NULL: free */
	size_t ninodes, first_free, cap_inodes;
	size_t nlive;				 /* inodes */
	size_t nunlinks;			 /* since they were reclaimed */
	struct memfs_inode *spare[MEMFS_SPARES]; /* small files, empty */
	size_t nspares;
	struct memfs_fd *fds;
	size_t nfds;
};

#define MEMFS_ROOT 1000 /* descriptor of the top directory */

struct memfs *memfs_new(uint64_t seed);
void memfs_free(struct memfs *);
void memfs_kill(struct memfs *); /* the process died: descriptors close */
void memfs_power(struct memfs *, enum memfs_cut); /* and power went */
void memfs_cut_off(struct memfs *); /* nothing works any more; twin, too */
int memfs_open_fds(const struct memfs *);

/* A descriptor on bytes that is no file: a memfd. */
int memfs_memfd(struct memfs *, const void *, size_t);
/* Bytes of a file, to look at or to damage; NULL: there is none. */
uint8_t *memfs_bytes(struct memfs *, const char *path, size_t *size);
void memfs_truncate(struct memfs *, const char *path, size_t size);
void memfs_remove(struct memfs *, const char *path);
void memfs_put(struct memfs *, const char *path, const void *, size_t);
int memfs_list(struct memfs *, const char *path, int (*)(void *, const char *),
    void *);
uint64_t memfs_random(struct memfs *);

#endif
