/* SPDX-License-Identifier: ISC */
/*
 * A store on a file system in memory with a ledger of all that was promised:
 * what was acknowledged must be there after any accident, whole, with the
 * states that were acknowledged, and what was done with must not come back.
 */
#ifndef REGRESS_STORE_WORLD_H
#define REGRESS_STORE_WORLD_H

#include "queued/store/store.h"
#include "regress/unit/store_memfs.h"

struct item {
	uint64_t id;
	size_t size;
	struct store_loc loc;
	bool acked, refused;
	bool done_tried, done_acked;
	bool told_lost;	       /* by an event */
	uint32_t tried, noted; /* attempts recorded; acknowledged */
	bool seen;
	uint32_t found; /* attempts, by recovery */
};

struct verdict {
	unsigned live, lost, damaged, stale, undead, phantom;
};

struct world {
	struct memfs *m;
	const struct store_ops *ops; /* that the store gets; m's own */
	struct store *s;
	struct store_params p;
	struct item *items;
	size_t n;
	uint64_t next_id;
	uint64_t rng;
	unsigned events[32]; /* by kind */
	bool ack_early;	     /* control: acknowledge before the commit */
	struct verdict *judge;
};

void world_init(struct world *, uint64_t seed);
void world_free(struct world *);
int world_open(struct world *);
void world_close(struct world *);
void world_kill(struct world *); /* forget the store as a dead process does */

struct item *world_append(struct world *, size_t size); /* NULL: errno */
int world_state(struct world *, struct item *);
int world_done(struct world *, struct item *);
int world_commit(struct world *);
void world_settle(struct world *); /* upkeep until nothing is due */
/* A mix of all, until it is through or the power goes. */
void world_work(struct world *, unsigned rounds);
/* Open what is there and compare with the ledger. */
struct verdict world_verify(struct world *);
void world_take_over(struct world *); /* what was found counts from now on */
bool verdict_is_good(const struct verdict *);

size_t world_body(uint64_t id, size_t size, uint8_t *buf); /* expected text */
size_t world_env(uint64_t id, size_t size, uint8_t *buf, size_t cap);
uint64_t world_random(struct world *);

#endif
