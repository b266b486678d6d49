/* SPDX-License-Identifier: ISC */
/* The directories of the file system in memory, and paths through them. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "regress/unit/store_memfs.h"
#include "regress/unit/store_memfs_inside.h"

void *
memfs_must(void *p)
{
	assert(p != NULL);
	return p;
}

static size_t
hash(const char *s)
{
	uint64_t h = 0xcbf29ce484222325ULL;

	for (; *s != '\0'; s++)
		h = (h ^ (uint8_t)*s) * 0x100000001b3ULL;
	return (size_t)(h ^ h >> 32);
}

/* Where a name is, or would be. */
static size_t
slot_of(const struct names *names, const char *name)
{
	size_t i = hash(name), mask = names->nslots - 1;

	for (i &= mask; names->slots[i] != 0; i = (i + 1) & mask)
		if (strcmp(names->v[names->slots[i] - 1].name, name) == 0)
			break;
	return i;
}

static void
make_slots(struct names *names, size_t nslots)
{
	size_t i;

	free(names->slots);
	names->slots = memfs_must(calloc(nslots, sizeof(*names->slots)));
	names->nslots = nslots;
	for (i = 0; i < names->n; i++)
		names->slots[slot_of(names, names->v[i].name)] =
		    (uint32_t)(i + 1);
}

struct dir_entry *
names_find(const struct names *names, const char *name)
{
	uint32_t at;

	if (names->nslots == 0)
		return NULL;
	at = names->slots[slot_of(names, name)];
	return at == 0 ? NULL : &names->v[at - 1];
}

void
names_set(struct names *names, const char *name, size_t inode)
{
	struct dir_entry *e = names_find(names, name);

	if (e == NULL) {
		if (names->n == names->cap) {
			names->cap = 2 * names->cap + 4;
			names->v = memfs_must(
			    realloc(names->v, names->cap * sizeof(*names->v)));
		}
		if (2 * (names->n + 1) > names->nslots)
			make_slots(names,
			    names->nslots == 0 ? 8 : 2 * names->nslots);
		assert(names->v != NULL && strlen(name) < MEMFS_NAME_MAX);
		e = &names->v[names->n++];
		memset(e, 0, sizeof(*e));
		memcpy(e->name, name, strlen(name));
		names->slots[slot_of(names, name)] = (uint32_t)names->n;
	}
	e->inode = inode;
}

void
names_del(struct names *names, const char *name)
{
	size_t slot, i, at, mask = names->nslots - 1;
	struct dir_entry *e = names_find(names, name);

	if (e == NULL)
		return;
	/* no gap between another and its place: those behind move up */
	slot = slot_of(names, name);
	names->slots[slot] = 0;
	for (i = (slot + 1) & mask; names->slots[i] != 0; i = (i + 1) & mask) {
		at = hash(names->v[names->slots[i] - 1].name) & mask;
		if (((i - at) & mask) < ((i - slot) & mask))
			continue;
		names->slots[slot] = names->slots[i];
		names->slots[i] = 0;
		slot = i;
	}
	names->n--;
	if (e == &names->v[names->n])
		return;
	slot = slot_of(names, names->v[names->n].name);
	*e = names->v[names->n];
	names->slots[slot] = (uint32_t)(e - names->v + 1);
}

void
names_copy(struct names *to, const struct names *from)
{
	names_free(to);
	if (from->n == 0)
		return;
	to->n = to->cap = from->n;
	to->v = memfs_must(malloc(from->n * sizeof(*to->v)));
	memcpy(to->v, from->v, from->n * sizeof(*to->v));
	make_slots(to, from->nslots);
}

void
names_free(struct names *names)
{
	free(names->v);
	free(names->slots);
	*names = (struct names){ 0 };
}

void
dir_change(struct memfs_inode *dir, enum change_kind kind, const char *name,
    const char *to, size_t inode)
{
	struct change *c;

	if (dir->nchanges == dir->cap_changes) {
		dir->cap_changes = 2 * dir->cap_changes + 8;
		dir->changes = memfs_must(realloc(dir->changes,
		    dir->cap_changes * sizeof(*dir->changes)));
	}
	c = &dir->changes[dir->nchanges++];
	memset(c, 0, sizeof(*c));
	c->kind = kind;
	c->inode = inode;
	assert(strlen(name) < sizeof(c->name) && strlen(to) < sizeof(c->to));
	memcpy(c->name, name, strlen(name));
	memcpy(c->to, to, strlen(to));
}

void
names_apply(struct names *names, const struct change *c)
{
	switch (c->kind) {
	case CHANGE_LINK:
		names_set(names, c->name, c->inode);
		break;
	case CHANGE_UNLINK:
		names_del(names, c->name);
		break;
	case CHANGE_RENAME:
		if (names_find(names, c->name) == NULL)
			break;
		names_del(names, c->name);
		names_set(names, c->to, c->inode);
		break;
	}
}

/* The directory that holds the last part of a path; NULL: ENOENT. */
struct memfs_inode *
memfs_parent_of(struct memfs *m, const char *path, const char **last)
{
	struct memfs_inode *dir = m->inodes[0];
	char part[MEMFS_NAME_MAX];
	struct dir_entry *e;
	const char *slash;

	while ((slash = strchr(path, '/')) != NULL) {
		memcpy(part, path, (size_t)(slash - path));
		part[slash - path] = '\0';
		e = names_find(&dir->now, part);
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

ssize_t
memfs_inode_of(struct memfs *m, const char *path)
{
	struct memfs_inode *dir;
	struct dir_entry *e;
	const char *last;

	if (strcmp(path, ".") == 0)
		return 0;
	dir = memfs_parent_of(m, path, &last);
	if (dir == NULL)
		return -1;
	e = names_find(&dir->now, last);
	if (e == NULL) {
		errno = ENOENT;
		return -1;
	}
	return (ssize_t)e->inode;
}
