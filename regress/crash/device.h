/* SPDX-License-Identifier: ISC */
/*
 * File systems on a file, by a loop device that the kernel gives free as soon
 * as nothing is mounted from it, whatever becomes of this process.
 */
#ifndef REGRESS_CRASH_DEVICE_H
#define REGRESS_CRASH_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

struct fstype {
	const char *name;
	uint64_t size;	       /* of its disk: sparse, in bytes */
	const char *const *mk; /* the command that makes it, without the file */
	const char *options;   /* of mount, to see the state of a power cut */
	uint64_t super[2];     /* places of its superblock, 4 KiB */
	const char *const *magic; /* how blocks of its own begin */
};
#define FSTYPE_BLOCK 4096

const struct fstype *fstype_find(const char *name); /* NULL */

/*
 * Does it rely on this block, with these first bytes, not being torn?  True of
 * superblocks, and of all of XFS but inodes and log: README.
 */
bool fstype_whole(const struct fstype *, uint64_t off, const uint8_t *);

/* Each ends the process with a message if it cannot. */
void device_mkfs(const struct fstype *, const char *file);
void device_unmount(const char *dir);
/* 0, or -1 and errno: mount(2) refused it. */
int device_mount(const struct fstype *, const char *file, const char *dir,
    const char *options);

#endif
