/* SPDX-License-Identifier: ISC */
/* What the parts of the file system in memory share. */
#ifndef REGRESS_STORE_MEMFS_INSIDE_H
#define REGRESS_STORE_MEMFS_INSIDE_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "regress/unit/store_memfs.h"

#define MEMFS_SECTOR   512
#define MEMFS_NAME_MAX 64

struct dir_entry {
	char name[MEMFS_NAME_MAX];
	size_t inode;
};

enum change_kind { CHANGE_LINK, CHANGE_UNLINK, CHANGE_RENAME };

struct change { /* of a directory, not synced yet */
	enum change_kind kind;
	char name[MEMFS_NAME_MAX], to[MEMFS_NAME_MAX];
	size_t inode;
};

struct names {
	struct dir_entry *v;
	size_t n, cap;
	uint32_t *slots; /* by hash: place in v and 1; 0: free */
	size_t nslots;	 /* a power of two, or 0 */
};

struct memfs_inode {
	bool is_dir;
	bool lost; /* clean sectors differ from those on disk */
	/* a file */
	uint8_t *data;	/* cap bytes */
	uint8_t *disk;	/* the same, or NULL: see memfs_disk() */
	bool same;	/* without disk: it has what data has, else zeros */
	uint8_t *dirty; /* a byte per sector */
	size_t size, disk_size, cap;
	size_t from, to; /* sectors outside of these are clean */
	size_t high;	 /* bytes behind are zero, here and on disk */
	/* a directory */
	struct names now, durable;
	struct change *changes;
	size_t nchanges, cap_changes;
	bool touched; /* by a test: the changes are not all of it */
};

struct memfs_fd {
	bool open, failed;
	size_t inode;
};

void *memfs_must(void *); /* not NULL, or abort */
/*
 * What the disk has of a file.  Most are written once, synced and read: they
 * get bytes of their own for that only when both begin to differ.
 */
uint8_t *memfs_disk(struct memfs_inode *);

struct dir_entry *names_find(const struct names *, const char *name);
void names_set(struct names *, const char *name, size_t inode);
void names_del(struct names *, const char *name);
void names_copy(struct names *to, const struct names *from);
void names_free(struct names *);
void names_apply(struct names *, const struct change *);
/* Remembered until the directory is synced. */
void dir_change(struct memfs_inode *dir, enum change_kind, const char *name,
    const char *to, size_t inode);

/* The directory that holds the last part of a path; NULL: ENOENT. */
struct memfs_inode *memfs_parent_of(struct memfs *, const char *path,
    const char **last);
ssize_t memfs_inode_of(struct memfs *, const char *path); /* -1: ENOENT */

#endif
