/* SPDX-License-Identifier: ISC */
/*
 * File systems on a file, by a loop device that the kernel gives free as soon
 * as nothing is mounted from it, whatever becomes of this process.
 */
#ifndef REGRESS_CRASH_DEVICE_H
#define REGRESS_CRASH_DEVICE_H

#include <stdint.h>

struct fstype {
	const char *name;
	uint64_t size;	       /* of its disk: sparse, in bytes */
	const char *const *mk; /* the command that makes it, without the file */
	const char *options;   /* of mount, to see the state of a power cut */
	uint64_t super[2];     /* 4 KiB that it writes as one: see README */
};

const struct fstype *fstype_find(const char *name); /* NULL */

/* Each ends the process with a message if it cannot. */
void device_mkfs(const struct fstype *, const char *file);
void device_unmount(const char *dir);
/* 0, or -1 and errno: mount(2) refused it. */
int device_mount(const struct fstype *, const char *file, const char *dir,
    const char *options);

#endif
