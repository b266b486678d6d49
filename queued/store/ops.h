/* SPDX-License-Identifier: ISC */
/*
 * Every call that the store makes on the world.  The real table is
 * store_ops_posix(); tests put a file system in memory behind it that loses
 * power and fails on demand.  All return as the system call of that name:
 * -1 and errno on failure.  Names are relative to a directory descriptor.
 *
 * What the real table needs of a system call filter: openat, close, pread64,
 * pwrite64, fdatasync, fsync, fstat, fstatfs, renameat, unlinkat, mkdirat,
 * getdents64, lseek, fcntl, flock, clock_gettime, getrandom.
 */
#ifndef QUEUED_STORE_OPS_H
#define QUEUED_STORE_OPS_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store_fsinfo {
	uint64_t free;	 /* bytes that an unprivileged process may still take */
	uint64_t inodes; /* that are free; UINT64_MAX where there is no bound */
	bool cow;	 /* copy on write: an overwrite takes new space */
};

struct store_ops {
	void *ctx; /* first argument of every call */
	int (*openat)(void *, int dir, const char *name, int flags, mode_t);
	int (*close)(void *, int fd);
	ssize_t (*pread)(void *, int fd, void *, size_t, off_t);
	ssize_t (*pwrite)(void *, int fd, const void *, size_t, off_t);
	int (*fdatasync)(void *, int fd);
	int (*fsync)(void *, int fd);		 /* files and directories */
	int (*size)(void *, int fd, uint64_t *); /* of a file: fstat */
	int (*renameat)(void *, int dir, const char *from, const char *to);
	int (*unlinkat)(void *, int dir, const char *name);
	int (*mkdirat)(void *, int dir, const char *name, mode_t);
	/*
	 * Calls back for each entry of directory "name" below dir ("." for
	 * dir itself), without "." and "..", in any order.  A callback that
	 * returns non-zero ends the listing with that value.
	 */
	int (*list)(void *, int dir, const char *name,
	    int (*)(void *arg, const char *entry), void *arg);
	int (*fsinfo)(void *, int fd, struct store_fsinfo *);
	int (*lock)(void *, int fd); /* exclusive, EWOULDBLOCK if taken */
	uint64_t (*now)(void *);     /* Unix time, ms */
	void (*random)(void *, void *, size_t);
};

const struct store_ops *store_ops_posix(void);

#endif
