/* SPDX-License-Identifier: ISC */
/*
 * Questions to dird: see ask.h.
 */
#include <stddef.h>

#include "queued/ask.h"
#include "queued/sched.h"

struct ask *
ask_new(struct asks *as, uint64_t now)
{
	struct ask *a;
	unsigned i;

	for (i = 0; i < ASKS_MAX; i++) {
		a = &as->slot[i];
		if (a->dom != NULL)
			continue;
		a->tx = as->serial++ * ASKS_MAX + i;
		a->deadline = now + ASK_DEADLINE_MS;
		as->n++;
		return a;
	}
	return NULL;
}

void
ask_free(struct asks *as, struct ask *a)
{
	a->dom = NULL;
	a->part = NULL;
	as->n--;
}

struct ask *
ask_find(struct asks *as, uint32_t tx)
{
	struct ask *a = &as->slot[tx % ASKS_MAX];

	return a->dom != NULL && a->tx == tx ? a : NULL;
}

struct ask *
ask_of_part(struct asks *as, const struct part *p)
{
	unsigned i;

	for (i = 0; i < ASKS_MAX; i++) {
		if (as->slot[i].dom != NULL && as->slot[i].part == p)
			return &as->slot[i];
	}
	return NULL;
}

uint64_t
asks_next_time(const struct asks *as)
{
	uint64_t at = SCHED_NEVER;
	unsigned i;

	for (i = 0; i < ASKS_MAX && as->n > 0; i++) {
		if (as->slot[i].dom != NULL && as->slot[i].deadline < at)
			at = as->slot[i].deadline;
	}
	return at;
}

struct ask *
ask_late(struct asks *as, uint64_t now)
{
	unsigned i;

	for (i = 0; i < ASKS_MAX && as->n > 0; i++) {
		if (as->slot[i].dom != NULL && as->slot[i].deadline <= now)
			return &as->slot[i];
	}
	return NULL;
}
