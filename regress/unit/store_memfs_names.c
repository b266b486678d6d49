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

struct dir_entry *
names_find(const struct names *names, const char *name)
{
	size_t i;

	for (i = 0; i < names->n; i++)
		if (strcmp(names->v[i].name, name) == 0)
			return &names->v[i];
	return NULL;
}

void
names_set(struct names *names, const char *name, size_t inode)
{
	struct dir_entry *e = names_find(names, name);

	if (e == NULL) {
		names->v = memfs_must(
		    realloc(names->v, (names->n + 1) * sizeof(*names->v)));
		e = &names->v[names->n++];
		memset(e, 0, sizeof(*e));
		assert(strlen(name) < MEMFS_NAME_MAX);
		strcpy(e->name, name);
	}
	e->inode = inode;
}

void
names_del(struct names *names, const char *name)
{
	struct dir_entry *e = names_find(names, name);

	if (e != NULL)
		*e = names->v[--names->n];
}

void
names_copy(struct names *to, const struct names *from)
{
	free(to->v);
	to->n = from->n;
	to->v = memfs_must(malloc((from->n + 1) * sizeof(*to->v)));
	if (from->n > 0)
		memcpy(to->v, from->v, from->n * sizeof(*to->v));
}

void
dir_change(struct memfs_inode *dir, enum change_kind kind, const char *name,
    const char *to, size_t inode)
{
	struct change *c;

	dir->changes = memfs_must(
	    realloc(dir->changes, (dir->nchanges + 1) * sizeof(*dir->changes)));
	c = &dir->changes[dir->nchanges++];
	memset(c, 0, sizeof(*c));
	c->kind = kind;
	c->inode = inode;
	strcpy(c->name, name);
	strcpy(c->to, to);
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
