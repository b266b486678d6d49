/* SPDX-License-Identifier: ISC */
/*
 * The shape of the queue: how many messages of which age wait for which
 * destination.  Counted page by page while all messages are walked; whoever
 * asks sums the pages up, so that nothing of it stays here.
 */
#include <string.h>

#include <bsd/string.h>

#include "queued/queue_int.h"

/* destinations of one page; a power of 2 */
#define SLOTS	  4096U
#define SLOTS_USE (SLOTS / 2)

static struct count {
	const void *key; /* dest or dom, or NULL: free */
	const struct part *part;
	uint64_t last; /* message counted last: each but once */
	uint32_t held, suspended;
	uint32_t ages[CQ_AGES];
} counts[SLOTS], total;
static unsigned used;

void
shape_begin(void)
{
	memset(counts, 0, sizeof(counts));
	memset(&total, 0, sizeof(total));
	used = 0;
}

static const void *
key_of(const struct part *p)
{
	return p->dest != NULL ? (const void *)p->dest : (const void *)p->dom;
}

static struct count *
slot_of(const struct part *p)
{
	const void *key = key_of(p);
	uint64_t h = (uint64_t)(uintptr_t)key * 0x9e3779b97f4a7c15ULL;
	size_t i = (size_t)(h >> 52) & (SLOTS - 1);

	while (counts[i].key != NULL && counts[i].key != key)
		i = (i + 1) & (SLOTS - 1);
	if (counts[i].key == NULL) {
		counts[i].key = key;
		counts[i].part = p;
		used++;
	}
	return &counts[i];
}

static unsigned
class_of(uint64_t age_ms)
{
	uint64_t end = CQ_AGE_MIN * 1000ULL;
	unsigned i;

	for (i = 0; i + 1 < CQ_AGES && age_ms >= end; i++)
		end *= 2;
	return i;
}

static void
add(struct count *c, const struct message *m, unsigned class, bool suspended)
{
	if (c->last == m->id)
		return;
	c->last = m->id;
	c->ages[class]++;
	if ((m->flags & QM_HELD) != 0)
		c->held++;
	else if (suspended)
		c->suspended++;
}

bool
shape_add(const struct queue *q, const struct message *m)
{
	unsigned class = class_of(message_age(q, m)), n = 0;
	bool some = false, suspended;
	const struct part *p;

	for (p = m->parts; p != NULL; p = p->next)
		n++;
	/* a message of more destinations than that: the first ones */
	if (used > 0 && n > SLOTS_USE - (used < SLOTS_USE ? used : SLOTS_USE))
		return false;
	n = SLOTS_USE;
	for (p = m->parts; p != NULL && n > 0; p = p->next, n--) {
		suspended = queue_suspends(q, p, p->dest) != NULL;
		add(slot_of(p), m, class, suspended);
		some = some || suspended;
	}
	add(&total, m, class, some);
	return true;
}

static int
emit_one(const struct queue *q, const struct q_emit *e, const struct count *c)
{
	static struct cq_shape row;
	const struct part *p = c->part;

	memset(&row, 0, sizeof(row));
	row.held = c->held;
	row.suspended = c->suspended;
	memcpy(row.ages, c->ages, sizeof(row.ages));
	if (p != NULL && p->dest != NULL) {
		row.side = p->dest->side;
		(void)strlcpy(row.name, p->dest->name, sizeof(row.name));
	} else if (p != NULL) {
		row.side =
		    queue_flow(q, p) == CQ_FLOW_OUT ? SIDE_EXT : SIDE_INT;
		(void)strlcpy(row.name, p->dom->name, sizeof(row.name));
	}
	return e->shape(e->arg, &row);
}

void
shape_emit(const struct queue *q, const struct q_emit *e)
{
	size_t i;

	for (i = 0; i < SLOTS; i++) {
		if (counts[i].key != NULL && emit_one(q, e, &counts[i]) == -1)
			return;
	}
	if (total.last != 0)
		(void)emit_one(q, e, &total);
}
