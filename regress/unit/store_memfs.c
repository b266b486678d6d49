/* SPDX-License-Identifier: ISC */
/* A file system in memory: its calls, their faults, and what tests look at. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "regress/unit/store_memfs.h"
#include "regress/unit/store_memfs_inside.h"

#define SPARE_MAX (64U * 1024)	      /* bytes */
#define LARGE	  (4UL * 1024 * 1024) /* the same: what is larger grows by */

uint64_t
memfs_random(struct memfs *m)
{
	uint64_t z = (m->rng += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static struct memfs_inode *
take_inode(struct memfs *m, bool is_dir)
{
	struct memfs_inode *ino;

	if (!is_dir && m->nspares > 0)
		return m->spare[--m->nspares];
	ino = memfs_must(calloc(1, sizeof(*ino)));
	ino->is_dir = is_dir;
	return ino;
}

static size_t
new_inode(struct memfs *m, bool is_dir)
{
	struct memfs_inode *ino = take_inode(m, is_dir);

	m->nlive++;
	for (; m->first_free < m->ninodes; m->first_free++) {
		if (m->inodes[m->first_free] == NULL) {
			m->inodes[m->first_free] = ino;
			return m->first_free++;
		}
	}
	m->first_free = m->ninodes + 1;
	if (m->ninodes == m->cap_inodes) {
		m->cap_inodes = 2 * m->cap_inodes + 64;
		m->inodes = memfs_must(realloc(m->inodes,
		    m->cap_inodes * sizeof(struct memfs_inode *)));
	}
	m->inodes[m->ninodes] = ino;
	return m->ninodes++;
}

void
memfs_cut_off(struct memfs *m)
{
	m->dead = true;
	if (m->twin != NULL)
		m->twin->dead = true;
}

/* Counts the call; true: it must fail. */
static bool
fault(struct memfs *m, enum memfs_fault *kind)
{
	*kind = MEMFS_NONE;
	if (m->dead) {
		errno = EIO;
		return true;
	}
	m->calls++;
	if (m->fault == MEMFS_NONE || m->calls != m->fault_at)
		return false;
	*kind = m->fault;
	if (m->fault == MEMFS_CUT)
		memfs_cut_off(m);
	errno = m->fault == MEMFS_CUT ? EIO : m->fault_errno;
	return m->fault != MEMFS_HALF && m->fault != MEMFS_SHORT;
}

static bool
simple_fault(struct memfs *m)
{
	enum memfs_fault kind;

	return fault(m, &kind);
}

static int
new_fd(struct memfs *m, size_t inode)
{
	size_t i;

	for (i = 0; i < m->nfds && m->fds[i].open; i++)
		;
	if (i == m->nfds) {
		m->fds = memfs_must(
		    realloc(m->fds, (m->nfds + 1) * sizeof(*m->fds)));
		m->nfds++;
	}
	m->fds[i] = (struct memfs_fd){ .open = true, .inode = inode };
	return MEMFS_ROOT + 1 + (int)i;
}

static struct memfs_fd *
fd_of(struct memfs *m, int fd)
{
	size_t i = (size_t)(fd - MEMFS_ROOT - 1);

	assert(fd > MEMFS_ROOT && i < m->nfds && m->fds[i].open);
	return &m->fds[i];
}

static struct memfs_inode *
file_of(struct memfs *m, int fd)
{
	return m->inodes[fd_of(m, fd)->inode];
}

static int
mem_openat(void *ctx, int dirfd, const char *name, int flags, mode_t mode)
{
	struct memfs *m = ctx;
	struct memfs_inode *dir;
	const char *last;
	ssize_t ino;

	(void)mode;
	assert(dirfd == MEMFS_ROOT);
	if (simple_fault(m))
		return -1;
	ino = memfs_inode_of(m, name);
	if (ino == -1 && !(flags & O_CREAT))
		return -1;
	if (ino != -1 && (flags & O_EXCL)) {
		errno = EEXIST;
		return -1;
	}
	if (ino == -1) {
		dir = memfs_parent_of(m, name, &last);
		if (dir == NULL)
			return -1;
		ino = (ssize_t)new_inode(m, false);
		names_set(&dir->now, last, (size_t)ino);
		dir_change(dir, CHANGE_LINK, last, "", (size_t)ino);
	}
	return new_fd(m, (size_t)ino);
}

static void
destroy(struct memfs_inode *ino)
{
	free(ino->data);
	/* a spare has none; NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
	free(ino->disk);
	free(ino->dirty);
	names_free(&ino->now);
	names_free(&ino->durable);
	free(ino->changes);
	free(ino);
}

/* Most files are small and soon gone: their memory is the next one's. */
static bool
keep_spare(struct memfs *m, struct memfs_inode *ino)
{
	size_t used = ino->high < ino->cap ? ino->high : ino->cap;

	if (ino->is_dir || ino->cap == 0 || ino->cap > SPARE_MAX ||
	    m->nspares == MEMFS_SPARES)
		return false;
	memset(ino->data, 0, used);
	memset(ino->dirty, 0, ino->cap / MEMFS_SECTOR + 1);
	free(ino->disk);
	*ino = (struct memfs_inode){ .data = ino->data,
		.dirty = ino->dirty,
		.cap = ino->cap };
	m->spare[m->nspares++] = ino;
	return true;
}

static void
inode_free(struct memfs *m, size_t i)
{
	struct memfs_inode *ino = m->inodes[i];

	if (ino == NULL)
		return;
	if (!keep_spare(m, ino))
		destroy(ino);
	m->inodes[i] = NULL;
	m->nlive--;
	if (i < m->first_free)
		m->first_free = i;
}

static void
mark_dir(struct memfs *m, bool *used, size_t i)
{
	const struct memfs_inode *dir = m->inodes[i];
	size_t k;

	used[i] = true;
	for (k = 0; k < dir->now.n; k++)
		used[dir->now.v[k].inode] = true;
	for (k = 0; k < dir->durable.n; k++)
		used[dir->durable.v[k].inode] = true;
	for (k = 0; k < dir->nchanges; k++)
		used[dir->changes[k].inode] = true;
}

/* Forget files that no name and no descriptor leads to any more. */
static void
reclaim(struct memfs *m)
{
	bool *used = memfs_must(calloc(m->ninodes, sizeof(*used)));
	size_t i;

	/* directories stay: the store never removes one */
	for (i = 0; i < m->ninodes; i++)
		if (m->inodes[i] != NULL && m->inodes[i]->is_dir)
			mark_dir(m, used, i);
	for (i = 0; i < m->nfds; i++)
		if (m->fds[i].open)
			used[m->fds[i].inode] = true;
	for (i = 0; i < m->ninodes; i++)
		if (!used[i])
			inode_free(m, i);
	free(used);
}

/* Often enough for memory, seldom enough for time. */
static void
reclaim_some(struct memfs *m)
{
	if (++m->nunlinks < 256 + m->nlive / 2)
		return;
	m->nunlinks = 0;
	reclaim(m);
}

static int
mem_close(void *ctx, int fd)
{
	struct memfs *m = ctx;

	fd_of(m, fd)->open = false;
	reclaim_some(m);
	return 0;
}

static ssize_t
mem_pread(void *ctx, int fd, void *buf, size_t len, off_t off)
{
	struct memfs *m = ctx;
	struct memfs_inode *ino = file_of(m, fd);
	size_t at = (size_t)off;

	if (simple_fault(m))
		return -1;
	if (at >= ino->size)
		return 0;
	if (len > ino->size - at)
		len = ino->size - at;
	memcpy(buf, ino->data + at, len);
	return (ssize_t)len;
}

/* More room; fresh memory is not touched, a file of zeros costs little. */
static uint8_t *
grown(uint8_t *old, size_t used, size_t cap)
{
	uint8_t *p = memfs_must(calloc(1, cap));

	if (used > 0)
		memcpy(p, old, used);
	free(old);
	return p;
}

static void
ensure(struct memfs_inode *ino, size_t size)
{
	size_t cap = ino->cap, old = ino->cap;
	size_t used = ino->high < old ? ino->high : old;

	if (size <= cap)
		return;
	while (cap < size)
		cap = cap < SPARE_MAX ? cap * 2 + 1024 : cap + LARGE;
	ino->data = grown(ino->data, used, cap);
	if (ino->disk != NULL)
		ino->disk = grown(ino->disk, used, cap);
	ino->dirty = grown(ino->dirty, old == 0 ? 0 : old / MEMFS_SECTOR + 1,
	    cap / MEMFS_SECTOR + 1);
	ino->cap = cap;
}

uint8_t *
memfs_disk(struct memfs_inode *ino)
{
	size_t used = ino->high < ino->cap ? ino->high : ino->cap;

	if (ino->disk == NULL && ino->cap > 0) {
		ino->disk = memfs_must(calloc(1, ino->cap));
		if (ino->same && used > 0)
			memcpy(ino->disk, ino->data, used);
	}
	ino->same = false;
	return ino->disk;
}

static bool
is_zero(const void *buf, size_t len)
{
	const uint8_t *p = buf;

	return p[0] == 0 && memcmp(p, p + 1, len - 1) == 0;
}

/* Behind "high" there are zeros: those need not be written. */
static void
put_bytes(struct memfs_inode *ino, const void *buf, size_t len, size_t off)
{
	size_t end = (off + len + MEMFS_SECTOR - 1) & ~(MEMFS_SECTOR - 1UL);

	if (off >= ino->high && is_zero(buf, len))
		return;
	memcpy(ino->data + off, buf, len);
	if (end > ino->high)
		ino->high = end;
}

static void
store_bytes(struct memfs *m, struct memfs_inode *ino, const void *buf,
    size_t len, size_t off)
{
	size_t s;

	if (len == 0)
		return;
	ensure(ino, off + len);
	if (ino->same)
		(void)memfs_disk(ino);
	put_bytes(ino, buf, len, off);
	for (s = off / MEMFS_SECTOR; s <= (off + len - 1) / MEMFS_SECTOR; s++)
		ino->dirty[s] = 1;
	if (ino->to == 0 || off / MEMFS_SECTOR < ino->from)
		ino->from = off / MEMFS_SECTOR;
	if (s > ino->to)
		ino->to = s;
	if (off + len > ino->size) {
		m->used += off + len - ino->size;
		ino->size = off + len;
	}
}

static ssize_t
mem_pwrite(void *ctx, int fd, const void *buf, size_t len, off_t off)
{
	struct memfs *m = ctx;
	struct memfs_fd *f = fd_of(m, fd);
	struct memfs_inode *ino = m->inodes[f->inode];
	size_t at = (size_t)off;
	enum memfs_fault kind;

	if (f->failed && !m->dead)
		m->writes_after++;
	if (m->still_failing) {
		m->still_failing = false;
		errno = m->fault_errno;
		return -1;
	}
	if (fault(m, &kind)) {
		if (kind != MEMFS_NONE) /* some of it is there all the same */
			store_bytes(m, ino, buf, memfs_random(m) % (len + 1),
			    at);
		errno = m->dead ? EIO : m->fault_errno;
		return -1;
	}
	if (m->capacity != 0 && at + len > ino->size &&
	    m->used + (at + len - ino->size) > m->capacity) {
		errno = ENOSPC;
		return -1;
	}
	if (kind != MEMFS_NONE && len > 1)
		len /= 2;
	m->still_failing = kind == MEMFS_SHORT;
	store_bytes(m, ino, buf, len, at);
	return (ssize_t)len;
}

static void
flush(struct memfs_inode *ino)
{
	size_t at = ino->from * MEMFS_SECTOR, n = ino->to - ino->from;

	if (ino->disk == NULL) /* what is not dirty was never written */
		ino->same = true;
	else if (n > 0)
		memcpy(ino->disk + at, ino->data + at, n * MEMFS_SECTOR);
	if (n > 0)
		memset(ino->dirty + ino->from, 0, n);
	ino->from = ino->to = 0;
	ino->disk_size = ino->size;
}

/* Some sectors got there, some did not, and all are clean. */
static void
flush_badly(struct memfs *m, struct memfs_inode *ino)
{
	uint8_t *disk = ino->from < ino->to ? memfs_disk(ino) : NULL;
	size_t s;

	for (s = ino->from; s < ino->to; s++) {
		if (ino->dirty[s] && memfs_random(m) % 2 == 0)
			memcpy(disk + s * MEMFS_SECTOR,
			    ino->data + s * MEMFS_SECTOR, MEMFS_SECTOR);
		else if (ino->dirty[s])
			ino->lost = true;
		ino->dirty[s] = 0;
	}
	ino->from = ino->to = 0;
}

/* All changes since both were the same; a test may have made others. */
static void
flush_dir(struct memfs_inode *dir)
{
	size_t i;

	if (dir->touched)
		names_copy(&dir->durable, &dir->now);
	else
		for (i = 0; i < dir->nchanges; i++)
			names_apply(&dir->durable, &dir->changes[i]);
	dir->nchanges = 0;
	dir->touched = false;
}

static int
mem_sync(void *ctx, int fd)
{
	struct memfs *m = ctx;
	struct memfs_fd *f = fd_of(m, fd);
	struct memfs_inode *ino = m->inodes[f->inode];

	if (f->failed && !m->dead)
		m->resyncs++;
	if (simple_fault(m)) {
		if (!m->dead) {
			f->failed = true;
			flush_badly(m, ino);
		}
		return -1;
	}
	m->syncs++;
	if (ino->is_dir ? m->lie_dirs : m->lie_data)
		return 0;
	if (ino->is_dir)
		flush_dir(ino);
	else
		flush(ino);
	return 0;
}

static int
mem_size(void *ctx, int fd, uint64_t *size)
{
	struct memfs *m = ctx;

	if (simple_fault(m))
		return -1;
	*size = file_of(m, fd)->size;
	return 0;
}

static int
mem_renameat(void *ctx, int dirfd, const char *from, const char *to)
{
	struct memfs *m = ctx;
	struct memfs_inode *dir = m->inodes[0];
	struct dir_entry *e;
	size_t ino;

	(void)dirfd;
	if (simple_fault(m))
		return -1;
	e = names_find(&dir->now, from);
	if (e == NULL) {
		errno = ENOENT;
		return -1;
	}
	ino = e->inode;
	names_del(&dir->now, from);
	names_set(&dir->now, to, ino);
	dir_change(dir, CHANGE_RENAME, from, to, ino);
	return 0;
}

static int
mem_unlinkat(void *ctx, int dirfd, const char *name)
{
	struct memfs *m = ctx;
	struct memfs_inode *dir;
	struct dir_entry *e;
	const char *last;

	(void)dirfd;
	if (simple_fault(m))
		return -1;
	dir = memfs_parent_of(m, name, &last);
	e = dir == NULL ? NULL : names_find(&dir->now, last);
	if (e == NULL) {
		errno = ENOENT;
		return -1;
	}
	m->used -= m->inodes[e->inode]->size;
	names_del(&dir->now, last);
	dir_change(dir, CHANGE_UNLINK, last, "", 0);
	reclaim_some(m);
	return 0;
}

static int
mem_mkdirat(void *ctx, int dirfd, const char *name, mode_t mode)
{
	struct memfs *m = ctx;
	struct memfs_inode *dir;
	const char *last;
	size_t ino;

	(void)dirfd;
	(void)mode;
	if (simple_fault(m))
		return -1;
	dir = memfs_parent_of(m, name, &last);
	if (dir == NULL)
		return -1;
	if (names_find(&dir->now, last) != NULL) {
		errno = EEXIST;
		return -1;
	}
	ino = new_inode(m, true);
	names_set(&dir->now, last, ino);
	dir_change(dir, CHANGE_LINK, last, "", ino);
	return 0;
}

int
memfs_list(struct memfs *m, const char *path, int (*cb)(void *, const char *),
    void *arg)
{
	ssize_t ino = memfs_inode_of(m, path);
	struct dir_entry *copy;
	size_t i, n;
	int r = 0;

	if (ino == -1)
		return -1;
	n = m->inodes[ino]->now.n;
	copy = memfs_must(reallocarray(NULL, n + 1, sizeof(*copy)));
	if (n > 0)
		memcpy(copy, m->inodes[ino]->now.v, n * sizeof(*copy));
	for (i = 0; i < n && r == 0; i++)
		r = cb(arg, copy[i].name);
	free(copy);
	return r;
}

static int
mem_list(void *ctx, int dirfd, const char *name,
    int (*cb)(void *, const char *), void *arg)
{
	(void)dirfd;
	if (simple_fault(ctx))
		return -1;
	return memfs_list(ctx, name, cb, arg);
}

static int
mem_fsinfo(void *ctx, int fd, struct store_fsinfo *info)
{
	struct memfs *m = ctx;

	(void)fd;
	if (m->dead) {
		errno = EIO;
		return -1;
	}
	info->free = UINT64_MAX / 2;
	if (m->capacity != 0)
		info->free = m->capacity > m->used ? m->capacity - m->used : 0;
	info->inodes = UINT64_MAX;
	info->cow = m->cow;
	return 0;
}

static int
mem_lock(void *ctx, int fd)
{
	(void)ctx;
	(void)fd;
	return 0;
}

static uint64_t
mem_now(void *ctx)
{
	struct memfs *m = ctx;

	return m->now;
}

static void
mem_random(void *ctx, void *buf, size_t len)
{
	uint64_t v = memfs_random(ctx);

	assert(len <= sizeof(v));
	memcpy(buf, &v, len);
}

struct memfs *
memfs_new(uint64_t seed)
{
	struct memfs *m = memfs_must(calloc(1, sizeof(*m)));

	m->rng = seed;
	m->now = 1800000000000ULL;
	m->fault_errno = EIO;
	(void)new_inode(m, true);
	m->ops = (struct store_ops){
		.ctx = m,
		.openat = mem_openat,
		.close = mem_close,
		.pread = mem_pread,
		.pwrite = mem_pwrite,
		.fdatasync = mem_sync,
		.fsync = mem_sync,
		.size = mem_size,
		.renameat = mem_renameat,
		.unlinkat = mem_unlinkat,
		.mkdirat = mem_mkdirat,
		.list = mem_list,
		.fsinfo = mem_fsinfo,
		.lock = mem_lock,
		.now = mem_now,
		.random = mem_random,
	};
	return m;
}

void
memfs_free(struct memfs *m)
{
	size_t i;

	for (i = 0; i < m->ninodes; i++)
		inode_free(m, i);
	while (m->nspares > 0)
		destroy(m->spare[--m->nspares]);
	free(m->inodes);
	free(m->fds);
	free(m);
}

int
memfs_open_fds(const struct memfs *m)
{
	int n = 0;
	size_t i;

	for (i = 0; i < m->nfds; i++)
		n += m->fds[i].open;
	return n;
}

void
memfs_kill(struct memfs *m)
{
	m->nfds = 0;
	m->dead = m->still_failing = false;
	m->fault = MEMFS_NONE;
}

int
memfs_memfd(struct memfs *m, const void *data, size_t len)
{
	size_t ino = new_inode(m, false);

	store_bytes(m, m->inodes[ino], data, len, 0);
	m->used -= len;
	return new_fd(m, ino);
}

uint8_t *
memfs_bytes(struct memfs *m, const char *path, size_t *size)
{
	ssize_t ino = memfs_inode_of(m, path);

	if (ino == -1)
		return NULL;
	*size = m->inodes[ino]->size;
	(void)memfs_disk(m->inodes[ino]);
	return m->inodes[ino]->data;
}

void
memfs_truncate(struct memfs *m, const char *path, size_t size)
{
	ssize_t ino = memfs_inode_of(m, path);

	assert(ino != -1);
	m->inodes[ino]->size = size;
	if (size > m->inodes[ino]->high)
		m->inodes[ino]->high = size;
}

void
memfs_remove(struct memfs *m, const char *path)
{
	struct memfs_inode *dir;
	const char *last;

	dir = memfs_parent_of(m, path, &last);
	assert(dir != NULL);
	names_del(&dir->now, last);
	dir->touched = true;
}

void
memfs_put(struct memfs *m, const char *path, const void *data, size_t len)
{
	struct memfs_inode *dir;
	const char *last;
	size_t ino = new_inode(m, false);

	dir = memfs_parent_of(m, path, &last);
	assert(dir != NULL);
	store_bytes(m, m->inodes[ino], data, len, 0);
	names_set(&dir->now, last, ino);
	dir->touched = true;
}
