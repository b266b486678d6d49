/* SPDX-License-Identifier: ISC */
/*
 * A disk in memory that is seen as one regular file: a FUSE file system whose
 * root is that file.  A process of its own serves it; what it is asked to
 * write goes to the bytes and onto the tape before it answers, what it is
 * asked to flush onto the tape.  A loop device on the file then has a disk
 * with a volatile cache, of which every write is known.
 *
 * The bytes are shared memory: whoever forked the server may change them while
 * no file system is mounted from them.
 *
 * Discards are not supported, so that file systems do without.
 */
#ifndef REGRESS_CRASH_DISK_H
#define REGRESS_CRASH_DISK_H

#include <sys/types.h>

#include "regress/crash/tape.h"

struct disk {
	uint8_t *bytes; /* zeros at first */
	uint64_t size;
	struct tape *tape; /* the caller's */
	pid_t server;
};

/*
 * Mount the disk on an existing regular file and serve it.  The server ends
 * with its parent or when the disk is unmounted.  Ends the process with a
 * message if the system cannot do it.
 */
void disk_start(struct disk *, uint64_t size, struct tape *, const char *path);

#endif
