/* SPDX-License-Identifier: ISC */
/*
 * What the store holds in memory of each message: 56 bytes and its share of a
 * hash table.  Slots are stable; slot 0 is never used.
 */
#ifndef QUEUED_STORE_INDEX_H
#define QUEUED_STORE_INDEX_H

#include <stddef.h>
#include <stdint.h>

enum entry_flag {
	ENTRY_FILE = 1 << 0,	/* the body is a file */
	ENTRY_PENDING = 1 << 1, /* new in this batch */
	ENTRY_GONE = 1 << 2	/* done with in this batch */
};

/* A record's place: segment number and offset in units of eight. */
struct spot {
	uint32_t seq; /* 0: none */
	uint32_t off8;
};

struct entry {
	uint64_t id;
	uint64_t size;	   /* of the body */
	struct spot base;  /* MSG, FILE or MOVED record */
	struct spot state; /* newest STATE record */
	uint32_t env_len;
	uint32_t body_crc;
	uint32_t chain;	     /* hash chain or free list */
	uint32_t next, prev; /* others with their base in the same segment */
	uint32_t flags;
};

struct index {
	struct entry **chunks;
	size_t nchunks, cap_chunks;
	uint32_t free;	 /* list of unused slots */
	uint32_t used;	 /* slots ever handed out, and the 0 */
	uint32_t count;	 /* messages */
	uint32_t *heads; /* hash */
	uint32_t mask;
};

int index_init(struct index *);
void index_free(struct index *);
uint32_t index_find(const struct index *, uint64_t id); /* 0: none */
/* A zeroed entry but for its id; 0 and EEXIST or ENOMEM. */
uint32_t index_add(struct index *, uint64_t id);
void index_remove(struct index *, uint32_t slot);
struct entry *index_at(const struct index *, uint32_t slot);
uint64_t index_memory(const struct index *);

static inline int
spot_is_newer(struct spot a, struct spot b)
{
	return a.seq != b.seq ? a.seq > b.seq : a.off8 > b.off8;
}

#endif
