/* SPDX-License-Identifier: ISC */
/* The store's calls on the real world. */
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <linux/magic.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/base/log.h"
#include "queued/store/ops.h"

#define ZFS_MAGIC      0x2fc12fc1
#define BCACHEFS_MAGIC 0xca451a4e

static int
os_openat(void *ctx, int dir, const char *name, int flags, mode_t mode)
{
	(void)ctx;
	return openat(dir, name, flags | O_CLOEXEC | O_NOFOLLOW, mode);
}

static int
os_close(void *ctx, int fd)
{
	(void)ctx;
	return close(fd);
}

static ssize_t
os_pread(void *ctx, int fd, void *buf, size_t len, off_t off)
{
	(void)ctx;
	return pread(fd, buf, len, off);
}

static ssize_t
os_pwrite(void *ctx, int fd, const void *buf, size_t len, off_t off)
{
	(void)ctx;
	return pwrite(fd, buf, len, off);
}

static int
os_fdatasync(void *ctx, int fd)
{
	(void)ctx;
	return fdatasync(fd);
}

static int
os_fsync(void *ctx, int fd)
{
	(void)ctx;
	return fsync(fd);
}

static int
os_size(void *ctx, int fd, uint64_t *size)
{
	struct stat st;

	(void)ctx;
	if (fstat(fd, &st) == -1)
		return -1;
	*size = (uint64_t)st.st_size;
	return 0;
}

static int
os_renameat(void *ctx, int dir, const char *from, const char *to)
{
	(void)ctx;
	return renameat(dir, from, dir, to);
}

static int
os_unlinkat(void *ctx, int dir, const char *name)
{
	(void)ctx;
	return unlinkat(dir, name, 0);
}

static int
os_mkdirat(void *ctx, int dir, const char *name, mode_t mode)
{
	(void)ctx;
	return mkdirat(dir, name, mode);
}

static int
os_list(void *ctx, int dir, const char *name, int (*cb)(void *, const char *),
    void *arg)
{
	struct dirent *de;
	DIR *d;
	int fd, r = 0, save;

	(void)ctx;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd == -1)
		return -1;
	d = fdopendir(fd);
	if (d == NULL) {
		save = errno;
		(void)close(fd);
		errno = save;
		return -1;
	}
	while (r == 0) {
		errno = 0;
		de = readdir(d);
		if (de == NULL)
			break;
		if (strcmp(de->d_name, ".") != 0 &&
		    strcmp(de->d_name, "..") != 0)
			r = cb(arg, de->d_name);
	}
	if (r == 0 && errno != 0)
		r = -1;
	save = errno;
	(void)closedir(d);
	errno = save;
	return r;
}

static int
os_fsinfo(void *ctx, int fd, struct store_fsinfo *info)
{
	struct statfs fs;
	uint64_t type;

	(void)ctx;
	if (fstatfs(fd, &fs) == -1)
		return -1;
	type = (uint32_t)fs.f_type;
	info->free = (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize;
	info->inodes = fs.f_files == 0 ? UINT64_MAX : (uint64_t)fs.f_ffree;
	info->cow = type == BTRFS_SUPER_MAGIC || type == ZFS_MAGIC ||
	    type == BCACHEFS_MAGIC;
	return 0;
}

static int
os_lock(void *ctx, int fd)
{
	(void)ctx;
	return flock(fd, LOCK_EX | LOCK_NB);
}

static uint64_t
os_now(void *ctx)
{
	struct timespec ts;

	(void)ctx;
	if (clock_gettime(CLOCK_REALTIME, &ts) == -1)
		fatal("clock_gettime");
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void
os_random(void *ctx, void *buf, size_t len)
{
	(void)ctx;
	/* up to 256 bytes come whole or not at all */
	if (len > 256 || getrandom(buf, len, 0) != (ssize_t)len)
		fatal("getrandom");
}

const struct store_ops *
store_ops_posix(void)
{
	static const struct store_ops ops = {
		.openat = os_openat,
		.close = os_close,
		.pread = os_pread,
		.pwrite = os_pwrite,
		.fdatasync = os_fdatasync,
		.fsync = os_fsync,
		.size = os_size,
		.renameat = os_renameat,
		.unlinkat = os_unlinkat,
		.mkdirat = os_mkdirat,
		.list = os_list,
		.fsinfo = os_fsinfo,
		.lock = os_lock,
		.now = os_now,
		.random = os_random,
	};

	return &ops;
}
