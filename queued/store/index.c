/* SPDX-License-Identifier: ISC */
/* Messages by id and by slot. */
#include <errno.h>
#include <string.h>

#include <bsd/stdlib.h>

#include "queued/store/index.h"

#define CHUNK	  1024 /* entries that are allocated together */
#define HEADS_MIN 256

struct entry *
index_at(const struct index *ix, uint32_t slot)
{
	return &ix->chunks[slot / CHUNK][slot % CHUNK];
}

/* Ids are a time and a counter: Fibonacci hashing spreads both. */
static uint32_t
hash(uint64_t id)
{
	return (uint32_t)((id * 0x9e3779b97f4a7c15ULL) >> 32);
}

int
index_init(struct index *ix)
{
	memset(ix, 0, sizeof(*ix));
	ix->heads = calloc(HEADS_MIN, sizeof(*ix->heads));
	if (ix->heads == NULL)
		return -1;
	ix->mask = HEADS_MIN - 1;
	ix->used = 1;
	return 0;
}

void
index_free(struct index *ix)
{
	size_t i;

	for (i = 0; i < ix->nchunks; i++)
		free(ix->chunks[i]);
	free(ix->chunks);
	free(ix->heads);
	memset(ix, 0, sizeof(*ix));
}

uint32_t
index_find(const struct index *ix, uint64_t id)
{
	uint32_t slot = ix->heads[hash(id) & ix->mask];

	while (slot != 0 && index_at(ix, slot)->id != id)
		slot = index_at(ix, slot)->chain;
	return slot;
}

/* Twice the heads; without memory the chains just grow longer. */
static void
grow_heads(struct index *ix)
{
	uint32_t mask = ix->mask * 2 + 1, i, slot, next, *heads, *head;

	heads = calloc((size_t)mask + 1, sizeof(*heads));
	if (heads == NULL)
		return;
	for (i = 0; i <= ix->mask; i++) {
		for (slot = ix->heads[i]; slot != 0; slot = next) {
			next = index_at(ix, slot)->chain;
			head = &heads[hash(index_at(ix, slot)->id) & mask];
			index_at(ix, slot)->chain = *head;
			*head = slot;
		}
	}
	free(ix->heads);
	ix->heads = heads;
	ix->mask = mask;
}

static int
add_chunk(struct index *ix)
{
	struct entry **list;
	size_t cap;

	if (ix->nchunks == ix->cap_chunks) {
		cap = ix->cap_chunks * 2 + 16;
		list = reallocarray(ix->chunks, cap, sizeof(*list));
		if (list == NULL)
			return -1;
		ix->chunks = list;
		ix->cap_chunks = cap;
	}
	ix->chunks[ix->nchunks] = calloc(CHUNK, sizeof(struct entry));
	if (ix->chunks[ix->nchunks] == NULL)
		return -1;
	ix->nchunks++;
	return 0;
}

static uint32_t
take_slot(struct index *ix)
{
	uint32_t slot = ix->free;

	if (slot != 0) {
		ix->free = index_at(ix, slot)->chain;
		return slot;
	}
	if (ix->used == UINT32_MAX) {
		errno = ENOMEM;
		return 0;
	}
	if (ix->used / CHUNK >= ix->nchunks && add_chunk(ix) == -1)
		return 0;
	return ix->used++;
}

uint32_t
index_add(struct index *ix, uint64_t id)
{
	struct entry *e;
	uint32_t slot, *head;

	if (index_find(ix, id) != 0) {
		errno = EEXIST;
		return 0;
	}
	slot = take_slot(ix);
	if (slot == 0)
		return 0;
	if (ix->count > ix->mask)
		grow_heads(ix);
	head = &ix->heads[hash(id) & ix->mask];
	e = index_at(ix, slot);
	memset(e, 0, sizeof(*e));
	e->id = id;
	e->chain = *head;
	*head = slot;
	ix->count++;
	return slot;
}

void
index_remove(struct index *ix, uint32_t slot)
{
	struct entry *e = index_at(ix, slot);
	uint32_t *link = &ix->heads[hash(e->id) & ix->mask];

	while (*link != slot)
		link = &index_at(ix, *link)->chain;
	*link = e->chain;
	memset(e, 0, sizeof(*e));
	e->chain = ix->free;
	ix->free = slot;
	ix->count--;
}

uint64_t
index_memory(const struct index *ix)
{
	return ix->nchunks * CHUNK * sizeof(struct entry) +
	    ix->cap_chunks * sizeof(*ix->chunks) +
	    ((uint64_t)ix->mask + 1) * sizeof(*ix->heads);
}
