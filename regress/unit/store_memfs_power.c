/* SPDX-License-Identifier: ISC */
/* The power goes: what of it that was not synced is there afterwards. */
#include <assert.h>
#include <string.h>

#include "regress/unit/store_memfs.h"
#include "regress/unit/store_memfs_inside.h"

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
	size_t at = s * MEMFS_SECTOR, n = MEMFS_SECTOR;

	if (ino->dirty[s] && sector_survives(m, cut)) {
		if (cut == MEMFS_WILD && memfs_random(m) % 4 == 0)
			n = memfs_random(m) % MEMFS_SECTOR;
		memcpy(ino->disk + at, ino->data + at, n);
		if (at + n > ino->disk_size)
			ino->disk_size = at + n;
	}
	ino->dirty[s] = 0;
	memcpy(ino->data + at, ino->disk + at, MEMFS_SECTOR);
}

static void
power_file(struct memfs *m, struct memfs_inode *ino, enum memfs_cut cut)
{
	size_t s;

	if (ino->from < ino->to || ino->lost)
		(void)memfs_disk(ino);
	for (s = ino->from; s < ino->to; s++)
		power_sector(m, ino, cut, s);
	ino->from = ino->to = 0;
	if (ino->lost)
		memcpy(ino->data, ino->disk,
		    ino->high < ino->cap ? ino->high : ino->cap);
	ino->lost = false;
	if (ino->disk_size < ino->size)
		ino->size = ino->disk_size;
	ino->disk_size = ino->size;
	if (ino->high > ino->cap)
		ino->high = ino->cap;
	if (ino->high > ino->size) {
		if (ino->disk != NULL)
			memset(ino->disk + ino->size, 0, ino->high - ino->size);
		memset(ino->data + ino->size, 0, ino->high - ino->size);
		ino->high = ino->size;
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
			names_apply(&dir->durable, &dir->changes[i]);
	dir->nchanges = 0;
	names_copy(&dir->now, &dir->durable);
}

static void
count_used(struct memfs *m, size_t dir)
{
	const struct names *names = &m->inodes[dir]->now;
	size_t i, k;

	assert(m->inodes[dir] != NULL);
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
		if (m->inodes[i] == NULL)
			continue;
		if (m->inodes[i]->is_dir)
			power_dir(m, m->inodes[i], cut);
		else
			power_file(m, m->inodes[i], cut);
	}
	m->used = 0;
	count_used(m, 0);
}
