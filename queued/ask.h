/* SPDX-License-Identifier: ISC */
/*
 * Questions to dird that are not answered yet: a bounded number, each with a
 * deadline, since a stopped peer sends no end of file.
 */
#ifndef QUEUED_ASK_H
#define QUEUED_ASK_H

#include <stdbool.h>
#include <stdint.h>

struct dom;
struct part;

#define ASKS_MAX	64
#define ASK_DEADLINE_MS 10000U

struct ask {
	struct dom *dom;   /* NULL: free; held */
	struct part *part; /* NULL: it is no more; the answer is still good */
	uint64_t deadline; /* ms */
	uint32_t tx;
	uint32_t routes; /* generation when it was asked */
};

struct asks {
	struct ask slot[ASKS_MAX];
	unsigned n;
	uint32_t serial;
	bool up; /* dird is there */
};

struct ask *ask_new(struct asks *, uint64_t now); /* NULL: too many */
void ask_free(struct asks *, struct ask *);
struct ask *ask_find(struct asks *, uint32_t tx);
struct ask *ask_of_part(struct asks *, const struct part *);
/* One whose deadline has passed, or NULL */
struct ask *ask_late(struct asks *, uint64_t now);
uint64_t asks_next_time(const struct asks *);

#endif
