/* SPDX-License-Identifier: ISC */
/* A file system in memory that can lose power. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "regress/unit/store_memfs.h"

#define SECTOR	  512
#define NAME_MAX_ 64

struct dirent_ {
	char name[NAME_MAX_];
	size_t inode;
};

enum change_kind { LINK, UNLINK, RENAME };

struct change { /* of a directory, not synced yet */
	enum change_kind kind;
	char name[NAME_MAX_], to[NAME_MAX_];
	size_t inode;
};

struct names {
	struct dirent_ *v;
	size_t n;
};

struct memfs_inode {
	bool is_dir;
	bool lost; /* clean sectors differ from those on disk */
	/* a file */
	uint8_t *data, *disk; /* cap bytes each */
	uint8_t *dirty;	      /* a byte per sector */
	size_t size, disk_size, cap;
	size_t from, to; /* sectors outside of these are clean */
	/* a directory */
	struct names now, durable;
	struct change *changes;
	size_t nchanges;
};

struct memfs_fd {
	bool open, failed;
	size_t inode;
};

uint64_t
memfs_random(struct memfs *m)
{
	uint64_t z = (m->rng += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static void *
must(void *p)
{
	assert(p != NULL);
	return p;
}

static size_t
new_inode(struct memfs *m, bool is_dir)
{
	struct memfs_inode *ino = must(calloc(1, sizeof(*ino)));

	ino->is_dir = is_dir;
	m->inodes = must(realloc(m->inodes,
	    (m->ninodes + 1) * sizeof(struct memfs_inode *)));
	m->inodes[m->ninodes] = ino;
	return m->ninodes++;
}

static struct dirent_ *
lookup(const struct names *names, const char *name)
{
	size_t i;

	for (i = 0; i < names->n; i++)
		if (strcmp(names->v[i].name, name) == 0)
			return &names->v[i];
	return NULL;
}

static void
name_set(struct names *names, const char *name, size_t inode)
{
	struct dirent_ *e = lookup(names, name);

	if (e == NULL) {
		names->v =
		    must(realloc(names->v, (names->n + 1) * sizeof(*names->v)));
		e = &names->v[names->n++];
		memset(e, 0, sizeof(*e));
		assert(strlen(name) < NAME_MAX_);
		strcpy(e->name, name);
	}
	e->inode = inode;
}

static void
name_del(struct names *names, const char *name)
{
	struct dirent_ *e = lookup(names, name);

	if (e != NULL)
		*e = names->v[--names->n];
}

static void
names_copy(struct names *to, const struct names *from)
{
	free(to->v);
	to->n = from->n;
	to->v = must(malloc((from->n + 1) * sizeof(*to->v)));
	if (from->n > 0)
		memcpy(to->v, from->v, from->n * sizeof(*to->v));
}

static void
change(struct memfs_inode *dir, enum change_kind kind, const char *name,
    const char *to, size_t inode)
{
	struct change *c;

	dir->changes = must(
	    realloc(dir->changes, (dir->nchanges + 1) * sizeof(*dir->changes)));
	c = &dir->changes[dir->nchanges++];
	memset(c, 0, sizeof(*c));
	c->kind = kind;
	c->inode = inode;
	strcpy(c->name, name);
	strcpy(c->to, to);
}

/* The directory that holds the last part of a path; NULL: ENOENT. */
static struct memfs_inode *
parent_of(struct memfs *m, const char *path, const char **last)
{
	struct memfs_inode *dir = m->inodes[0];
	char part[NAME_MAX_];
	struct dirent_ *e;
	const char *slash;

	while ((slash = strchr(path, '/')) != NULL) {
		memcpy(part, path, (size_t)(slash - path));
		part[slash - path] = '\0';
		e = lookup(&dir->now, part);
		if (e == NULL) {
			errno = ENOENT;
			return NULL;
		}
		dir = m->inodes[e->inode];
		path = slash + 1;
	}
	*last = path;
	return dir;
}

static ssize_t
inode_of(struct memfs *m, const char *path)
{
	struct memfs_inode *dir;
	struct dirent_ *e;
	const char *last;

	if (strcmp(path, ".") == 0)
		return 0;
	dir = parent_of(m, path, &last);
	if (dir == NULL)
		return -1;
	e = lookup(&dir->now, last);
	if (e == NULL) {
		errno = ENOENT;
		return -1;
	}
	return (ssize_t)e->inode;
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
		m->dead = true;
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
		m->fds = must(realloc(m->fds, (m->nfds + 1) * sizeof(*m->fds)));
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
	ino = inode_of(m, name);
	if (ino == -1 && !(flags & O_CREAT))
		return -1;
	if (ino != -1 && (flags & O_EXCL)) {
		errno = EEXIST;
		return -1;
	}
	if (ino == -1) {
		dir = parent_of(m, name, &last);
		if (dir == NULL)
			return -1;
		ino = (ssize_t)new_inode(m, false);
		name_set(&dir->now, last, (size_t)ino);
		change(dir, LINK, last, "", (size_t)ino);
	}
	return new_fd(m, (size_t)ino);
}

static int
mem_close(void *ctx, int fd)
{
	struct memfs *m = ctx;

	fd_of(m, fd)->open = false;
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

static void
ensure(struct memfs_inode *ino, size_t size)
{
	size_t cap = ino->cap, old = ino->cap;

	if (size <= cap)
		return;
	while (cap < size)
		cap = cap * 2 + 4096;
	ino->data = must(realloc(ino->data, cap));
	ino->disk = must(realloc(ino->disk, cap));
	ino->dirty = must(realloc(ino->dirty, cap / SECTOR + 1));
	memset(ino->data + old, 0, cap - old);
	memset(ino->disk + old, 0, cap - old);
	memset(ino->dirty + old / SECTOR, 0, cap / SECTOR + 1 - old / SECTOR);
	ino->cap = cap;
}

static void
store_bytes(struct memfs *m, struct memfs_inode *ino, const void *buf,
    size_t len, size_t off)
{
	size_t s;

	if (len == 0)
		return;
	ensure(ino, off + len);
	memcpy(ino->data + off, buf, len);
	for (s = off / SECTOR; s <= (off + len - 1) / SECTOR; s++)
		ino->dirty[s] = 1;
	if (ino->to == 0 || off / SECTOR < ino->from)
		ino->from = off / SECTOR;
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
	size_t s;

	for (s = ino->from; s < ino->to; s++) {
		memcpy(ino->disk + s * SECTOR, ino->data + s * SECTOR, SECTOR);
		ino->dirty[s] = 0;
	}
	ino->from = ino->to = 0;
	ino->disk_size = ino->size;
}

/* Some sectors got there, some did not, and all are clean. */
static void
flush_badly(struct memfs *m, struct memfs_inode *ino)
{
	size_t s;

	for (s = ino->from; s < ino->to; s++) {
		if (ino->dirty[s] && memfs_random(m) % 2 == 0)
			memcpy(ino->disk + s * SECTOR, ino->data + s * SECTOR,
			    SECTOR);
		else if (ino->dirty[s])
			ino->lost = true;
		ino->dirty[s] = 0;
	}
	ino->from = ino->to = 0;
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
	if (ino->is_dir) {
		names_copy(&ino->durable, &ino->now);
		ino->nchanges = 0;
	} else {
		flush(ino);
	}
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
	struct dirent_ *e;
	size_t ino;

	(void)dirfd;
	if (simple_fault(m))
		return -1;
	e = lookup(&dir->now, from);
	if (e == NULL) {
		errno = ENOENT;
		return -1;
	}
	ino = e->inode;
	name_del(&dir->now, from);
	name_set(&dir->now, to, ino);
	change(dir, RENAME, from, to, ino);
	return 0;
}

static int
mem_unlinkat(void *ctx, int dirfd, const char *name)
{
	struct memfs *m = ctx;
	struct memfs_inode *dir;
	struct dirent_ *e;
	const char *last;

	(void)dirfd;
	if (simple_fault(m))
		return -1;
	dir = parent_of(m, name, &last);
	e = dir == NULL ? NULL : lookup(&dir->now, last);
	if (e == NULL) {
		errno = ENOENT;
		return -1;
	}
	m->used -= m->inodes[e->inode]->size;
	name_del(&dir->now, last);
	change(dir, UNLINK, last, "", 0);
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
	dir = parent_of(m, name, &last);
	if (dir == NULL)
		return -1;
	if (lookup(&dir->now, last) != NULL) {
		errno = EEXIST;
		return -1;
	}
	ino = new_inode(m, true);
	name_set(&dir->now, last, ino);
	change(dir, LINK, last, "", ino);
	return 0;
}

int
memfs_list(struct memfs *m, const char *path, int (*cb)(void *, const char *),
    void *arg)
{
	ssize_t ino = inode_of(m, path);
	struct names copy = { 0 };
	int r = 0;
	size_t i;

	if (ino == -1)
		return -1;
	names_copy(&copy, &m->inodes[ino]->now);
	for (i = 0; i < copy.n && r == 0; i++)
		r = cb(arg, copy.v[i].name);
	free(copy.v);
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
	struct memfs *m = must(calloc(1, sizeof(*m)));

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

	for (i = 0; i < m->ninodes; i++) {
		free(m->inodes[i]->data);
		free(m->inodes[i]->disk);
		free(m->inodes[i]->dirty);
		free(m->inodes[i]->now.v);
		free(m->inodes[i]->durable.v);
		free(m->inodes[i]->changes);
		free(m->inodes[i]);
	}
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

static bool
sector_survives(struct memfs *m, enum memfs_cut cut)
{
	switch (cut) {
	case MEMFS_KEEP:
		return true;
	case MEMFS_RANDOM:
	case MEMFS_WILD:
		return memfs_random(m) % 2 == 0;
	case MEMFS_DROP:
	case MEMFS_CUTS:
		break;
	}
	return false;
}

static void
power_sector(struct memfs *m, struct memfs_inode *ino, enum memfs_cut cut,
    size_t s)
{
	size_t at = s * SECTOR, n = SECTOR;

	if (ino->dirty[s] && sector_survives(m, cut)) {
		if (cut == MEMFS_WILD && memfs_random(m) % 4 == 0)
			n = memfs_random(m) % SECTOR;
		memcpy(ino->disk + at, ino->data + at, n);
		if (at + n > ino->disk_size)
			ino->disk_size = at + n;
	}
	ino->dirty[s] = 0;
	memcpy(ino->data + at, ino->disk + at, SECTOR);
}

static void
power_file(struct memfs *m, struct memfs_inode *ino, enum memfs_cut cut)
{
	size_t s;

	for (s = ino->from; s < ino->to; s++)
		power_sector(m, ino, cut, s);
	ino->from = ino->to = 0;
	if (ino->lost)
		memcpy(ino->data, ino->disk, ino->cap);
	ino->lost = false;
	if (ino->disk_size < ino->size)
		ino->size = ino->disk_size;
	ino->disk_size = ino->size;
	if (ino->cap > ino->size) {
		memset(ino->disk + ino->size, 0, ino->cap - ino->size);
		memset(ino->data + ino->size, 0, ino->cap - ino->size);
	}
}

static void
apply_change(struct names *names, const struct change *c)
{
	switch (c->kind) {
	case LINK:
		name_set(names, c->name, c->inode);
		break;
	case UNLINK:
		name_del(names, c->name);
		break;
	case RENAME:
		if (lookup(names, c->name) == NULL)
			break;
		name_del(names, c->name);
		name_set(names, c->to, c->inode);
		break;
	}
}

static void
power_dir(struct memfs *m, struct memfs_inode *dir, enum memfs_cut cut)
{
	size_t i, upto = dir->nchanges;

	if (cut == MEMFS_DROP)
		upto = 0;
	else if (cut == MEMFS_RANDOM)
		upto = memfs_random(m) % (dir->nchanges + 1);
	for (i = 0; i < upto; i++)
		if (cut != MEMFS_WILD || memfs_random(m) % 2 == 0)
			apply_change(&dir->durable, &dir->changes[i]);
	dir->nchanges = 0;
	names_copy(&dir->now, &dir->durable);
}

static void
count_used(struct memfs *m, size_t dir)
{
	const struct names *names = &m->inodes[dir]->now;
	size_t i, k;

	for (i = 0; i < names->n; i++) {
		k = names->v[i].inode;
		if (m->inodes[k]->is_dir)
			count_used(m, k);
		else
			m->used += m->inodes[k]->size;
	}
}

void
memfs_power(struct memfs *m, enum memfs_cut cut)
{
	size_t i;

	memfs_kill(m);
	for (i = 0; i < m->ninodes; i++) {
		if (m->inodes[i]->is_dir)
			power_dir(m, m->inodes[i], cut);
		else
			power_file(m, m->inodes[i], cut);
	}
	m->used = 0;
	count_used(m, 0);
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
	ssize_t ino = inode_of(m, path);

	if (ino == -1)
		return NULL;
	*size = m->inodes[ino]->size;
	return m->inodes[ino]->data;
}

void
memfs_truncate(struct memfs *m, const char *path, size_t size)
{
	ssize_t ino = inode_of(m, path);

	assert(ino != -1);
	m->inodes[ino]->size = size;
}

void
memfs_remove(struct memfs *m, const char *path)
{
	struct memfs_inode *dir;
	const char *last;

	dir = parent_of(m, path, &last);
	assert(dir != NULL);
	name_del(&dir->now, last);
}

void
memfs_put(struct memfs *m, const char *path, const void *data, size_t len)
{
	struct memfs_inode *dir;
	const char *last;
	size_t ino = new_inode(m, false);

	dir = parent_of(m, path, &last);
	assert(dir != NULL);
	store_bytes(m, m->inodes[ino], data, len, 0);
	name_set(&dir->now, last, ino);
}
