/* SPDX-License-Identifier: ISC */
/* Stores to be damaged, an image of a segment, and what a look sees of it. */
#ifndef REGRESS_STORE_DAMAGE_H
#define REGRESS_STORE_DAMAGE_H

#include "queued/store/record.h"
#include "regress/unit/store_world.h"

#define RECORDS 100
#define SEG1	"seg.00000001"

struct image { /* a segment and where its records stand */
	uint8_t bytes[64 * 1024];
	size_t size, end;
	uint32_t seq;
	uint64_t epoch;
	size_t at[512];
	uint64_t ids[512];
	uint16_t types[512], flags[512];
	uint32_t lens[512];
	size_t n;
};

void take_image(struct world *, const char *name, struct image *);

/* One segment of RECORDS messages in batches of one to five. */
void fill(struct world *);
/*
 * Log of some batches; the last has five messages, a state of the first
 * message, the end of the second.
 */
void last_batch(struct world *);
/* Several segments, with a message of each still there. */
void several(struct world *);

unsigned all_events(const struct world *);
void reset(struct world *); /* the events */
/* Live messages of a store that is only looked at. */
unsigned look(struct world *, bool closely);

/* What a look at the whole spool sees, without the ledger. */
struct sight {
	unsigned events[32], live;
	uint64_t ids;  /* sum of the ids of what is live */
	uint64_t said; /* the last id that an event named */
	int result;
	struct store_report report;
};

void check(struct world *, struct sight *);
unsigned sight_events(const struct sight *);

#endif
