/* SPDX-License-Identifier: ISC */
/* The table of calls that counts, fails on demand, and watches. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "regress/unit/store_faulty.h"

static const char *const names[FAULTY_OPS] = {
	[OP_OPENAT] = "openat",
	[OP_CLOSE] = "close",
	[OP_PREAD] = "pread",
	[OP_PWRITE] = "pwrite",
	[OP_FDATASYNC] = "fdatasync",
	[OP_FSYNC] = "fsync",
	[OP_SIZE] = "size",
	[OP_RENAMEAT] = "renameat",
	[OP_UNLINKAT] = "unlinkat",
	[OP_MKDIRAT] = "mkdirat",
	[OP_LIST] = "list",
	[OP_FSINFO] = "fsinfo",
	[OP_LOCK] = "lock",
};

const char *
faulty_op_name(enum faulty_op op)
{
	return names[op];
}

static bool
changes(enum faulty_op op)
{
	return op == OP_PWRITE || op == OP_FDATASYNC || op == OP_FSYNC ||
	    op == OP_RENAMEAT || op == OP_UNLINKAT || op == OP_MKDIRAT;
}

bool
faulty_applies(enum faulty_kind kind, enum faulty_op op)
{
	if (kind == FAULTY_SHORT || kind == FAULTY_HALF)
		return op == OP_PREAD || op == OP_PWRITE;
	if (kind == FAULTY_BURST)
		return changes(op);
	return true;
}

static size_t
slot_of(int fd)
{
	size_t i = (size_t)(fd - MEMFS_ROOT);

	assert(fd >= MEMFS_ROOT && i < FAULTY_FDS);
	return i;
}

/* The file system itself makes the next call fail, with all that follows. */
static void
arm(struct faulty *f, enum memfs_fault fault)
{
	f->m->fault = fault;
	f->m->fault_errno = f->error;
	f->m->fault_at = f->m->calls + 1;
}

/* Counts; true: the test's fault is due at this call. */
static bool
due(struct faulty *f, enum faulty_op op)
{
	if (f->m->dead)
		return false;
	if (f->calls < FAULTY_TRACED)
		f->trace[f->calls] = (uint8_t)op;
	f->calls++;
	f->count[op]++;
	if (f->kind == FAULTY_NONE || f->calls != f->at)
		return false;
	f->struck = true;
	f->struck_op = op;
	return true;
}

/*
 * Before each call: arranges for the fault where the file system knows it.
 * True: the call must fail here, with errno set.
 */
static bool
before(struct faulty *f, enum faulty_op op, int flags)
{
	bool now = due(f, op);

	errno = f->error;
	switch (f->kind) {
	case FAULTY_ERROR:
	case FAULTY_BURST:
		if (f->kind == FAULTY_BURST) {
			if (now)
				f->left = FAULTY_CALLS;
			now = f->left > 0 && changes(op);
			f->left -= now;
		}
		if (!now)
			return false;
		if (op == OP_FSINFO || op == OP_LOCK || op == OP_CLOSE)
			return true;
		arm(f, MEMFS_ERROR);
		return false;
	case FAULTY_KILL:
		if (now && (op == OP_FSINFO || op == OP_LOCK || op == OP_CLOSE))
			f->m->dead = true;
		else if (now)
			arm(f, MEMFS_CUT);
		return false;
	case FAULTY_FULL:
		if (now)
			f->m->capacity = f->m->used > 0 ? f->m->used : 1;
		return false;
	case FAULTY_READONLY:
		return f->struck && (changes(op) || (flags & O_CREAT) != 0);
	case FAULTY_SHORT:
	case FAULTY_HALF:
		if (now && op == OP_PWRITE)
			arm(f,
			    f->kind == FAULTY_HALF ? MEMFS_HALF : MEMFS_SHORT);
		return false;
	case FAULTY_NONE:
	case FAULTY_KINDS:
		break;
	}
	return false;
}

static int
f_openat(void *ctx, int dir, const char *name, int flags, mode_t mode)
{
	struct faulty *f = ctx;
	int fd;

	if (before(f, OP_OPENAT, flags))
		return -1;
	fd = f->m->ops.openat(f->m, dir, name, flags, mode);
	if (fd != -1)
		f->failed[slot_of(fd)] = false;
	return fd;
}

/* As on Linux, the descriptor is gone even if it fails. */
static int
f_close(void *ctx, int fd)
{
	struct faulty *f = ctx;
	bool fails = before(f, OP_CLOSE, 0);
	int error = errno;

	(void)f->m->ops.close(f->m, fd);
	errno = error;
	return fails ? -1 : 0;
}

static ssize_t
f_pread(void *ctx, int fd, void *buf, size_t len, off_t off)
{
	struct faulty *f = ctx;
	bool was = f->struck;

	if (f->rest_fd == fd) {
		f->rest_fd = -1;
		errno = f->error;
		return -1;
	}
	if (before(f, OP_PREAD, 0))
		return -1;
	if (!was && f->struck && len > 1 &&
	    (f->kind == FAULTY_SHORT || f->kind == FAULTY_HALF)) {
		len /= 2;
		if (f->kind == FAULTY_SHORT)
			f->rest_fd = fd;
	}
	return f->m->ops.pread(f->m, fd, buf, len, off);
}

static void
watch(struct faulty *f, int fd)
{
	if (f->failed[slot_of(fd)] && !f->m->dead)
		f->again++;
}

static ssize_t
f_pwrite(void *ctx, int fd, const void *buf, size_t len, off_t off)
{
	struct faulty *f = ctx;
	ssize_t n = -1;

	watch(f, fd);
	if (!before(f, OP_PWRITE, 0))
		n = f->m->ops.pwrite(f->m, fd, buf, len, off);
	if (n == -1)
		f->failed[slot_of(fd)] = true;
	return n;
}

static int
f_sync(struct faulty *f, enum faulty_op op, int fd)
{
	int r = -1;

	watch(f, fd);
	if (!before(f, op, 0))
		r = f->m->ops.fsync(f->m, fd);
	if (r == -1)
		f->failed[slot_of(fd)] = true;
	return r;
}

static int
f_fdatasync(void *ctx, int fd)
{
	return f_sync(ctx, OP_FDATASYNC, fd);
}

static int
f_fsync(void *ctx, int fd)
{
	return f_sync(ctx, OP_FSYNC, fd);
}

static int
f_size(void *ctx, int fd, uint64_t *size)
{
	struct faulty *f = ctx;

	if (before(f, OP_SIZE, 0))
		return -1;
	return f->m->ops.size(f->m, fd, size);
}

static int
f_renameat(void *ctx, int dir, const char *from, const char *to)
{
	struct faulty *f = ctx;

	if (before(f, OP_RENAMEAT, 0))
		return -1;
	return f->m->ops.renameat(f->m, dir, from, to);
}

static int
f_unlinkat(void *ctx, int dir, const char *name)
{
	struct faulty *f = ctx;

	if (before(f, OP_UNLINKAT, 0))
		return -1;
	return f->m->ops.unlinkat(f->m, dir, name);
}

static int
f_mkdirat(void *ctx, int dir, const char *name, mode_t mode)
{
	struct faulty *f = ctx;

	if (before(f, OP_MKDIRAT, 0))
		return -1;
	return f->m->ops.mkdirat(f->m, dir, name, mode);
}

static int
f_list(void *ctx, int dir, const char *name, int (*cb)(void *, const char *),
    void *arg)
{
	struct faulty *f = ctx;

	if (before(f, OP_LIST, 0))
		return -1;
	return f->m->ops.list(f->m, dir, name, cb, arg);
}

static int
f_fsinfo(void *ctx, int fd, struct store_fsinfo *info)
{
	struct faulty *f = ctx;

	if (before(f, OP_FSINFO, 0))
		return -1;
	return f->m->ops.fsinfo(f->m, fd, info);
}

static int
f_lock(void *ctx, int fd)
{
	struct faulty *f = ctx;

	if (before(f, OP_LOCK, 0))
		return -1;
	return f->m->ops.lock(f->m, fd);
}

static uint64_t
f_now(void *ctx)
{
	struct faulty *f = ctx;

	return f->m->ops.now(f->m);
}

static void
f_random(void *ctx, void *buf, size_t len)
{
	struct faulty *f = ctx;

	f->m->ops.random(f->m, buf, len);
}

void
faulty_init(struct faulty *f, struct memfs *m)
{
	*f = (struct faulty){ .m = m, .rest_fd = -1 };
	f->ops = (struct store_ops){
		.ctx = f,
		.openat = f_openat,
		.close = f_close,
		.pread = f_pread,
		.pwrite = f_pwrite,
		.fdatasync = f_fdatasync,
		.fsync = f_fsync,
		.size = f_size,
		.renameat = f_renameat,
		.unlinkat = f_unlinkat,
		.mkdirat = f_mkdirat,
		.list = f_list,
		.fsinfo = f_fsinfo,
		.lock = f_lock,
		.now = f_now,
		.random = f_random,
	};
}

void
faulty_heal(struct faulty *f)
{
	f->kind = FAULTY_NONE;
	f->rest_fd = -1;
	f->m->fault = MEMFS_NONE;
	f->m->still_failing = false;
	f->m->capacity = 0;
}
