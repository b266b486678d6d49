/* SPDX-License-Identifier: ISC */
/* The table of segments, and the messages that stand in each. */
#include <stdio.h>
#include <stdlib.h>

#include "queued/store/internal.h"

void
seg_name(char name[NAME_LEN], const char *prefix, uint32_t seq)
{
	(void)snprintf(name, NAME_LEN, "%s.%08u", prefix, seq);
}

struct segment *
seg_by_seq(const struct store *s, uint32_t seq)
{
	struct segment *seg;

	if (s->byseq == NULL)
		return NULL;
	seg = s->byseq[seq & s->byseq_mask];
	return seg != NULL && seg->seq == seq ? seg : NULL;
}

/* Live numbers are close together: a table as long as their range. */
static int
table_fit(struct store *s, uint32_t range)
{
	struct segment **table, *seg;
	uint32_t n = 16;

	if (s->byseq != NULL && range <= s->byseq_mask)
		return 0;
	while (n <= range)
		n *= 2;
	table = calloc(n, sizeof(struct segment *));
	if (table == NULL)
		return -1;
	TAILQ_FOREACH(seg, &s->live, link)
		table[seg->seq & (n - 1)] = seg;
	free(s->byseq);
	s->byseq = table;
	s->byseq_mask = n - 1;
	return 0;
}

int
seg_add_live(struct store *s, struct segment *seg)
{
	struct segment *first = TAILQ_FIRST(&s->live);

	if (table_fit(s, first == NULL ? 0 : seg->seq - first->seq) == -1)
		return -1;
	if (seg == TAILQ_FIRST(&s->prepared))
		TAILQ_REMOVE(&s->prepared, seg, link);
	TAILQ_INSERT_TAIL(&s->live, seg, link);
	s->nlive++;
	s->byseq[seg->seq & s->byseq_mask] = seg;
	return 0;
}

void
seg_del_live(struct store *s, struct segment *seg)
{
	TAILQ_REMOVE(&s->live, seg, link);
	s->nlive--;
	s->byseq[seg->seq & s->byseq_mask] = NULL;
	if (s->active == seg)
		s->active = NULL;
}

static uint64_t
entry_bytes(const struct entry *e)
{
	return REC_HEADER + REC_FILE_PREFIX + (uint64_t)e->env_len +
	    ((e->flags & ENTRY_FILE) ? 0 : e->size);
}

void
seg_link(struct store *s, struct segment *seg, uint32_t slot)
{
	struct entry *e = index_at(&s->ix, slot);

	e->prev = seg->tail;
	e->next = 0;
	if (seg->tail != 0)
		index_at(&s->ix, seg->tail)->next = slot;
	else
		seg->head = slot;
	seg->tail = slot;
	seg->live++;
	seg->live_bytes += entry_bytes(e);
	account(s, e, 1);
}

void
seg_unlink(struct store *s, uint32_t slot)
{
	struct entry *e = index_at(&s->ix, slot);
	struct segment *seg = seg_by_seq(s, e->base.seq);

	if (seg == NULL)
		return; /* not yet written anywhere */
	if (e->prev != 0)
		index_at(&s->ix, e->prev)->next = e->next;
	else
		seg->head = e->next;
	if (e->next != 0)
		index_at(&s->ix, e->next)->prev = e->prev;
	else
		seg->tail = e->prev;
	seg->live--;
	seg->live_bytes -= entry_bytes(e);
	account(s, e, -1);
	e->base.seq = 0;
}

struct rec_place
seg_place(const struct segment *seg, uint64_t off)
{
	return (struct rec_place){ seg->seq, seg->epoch, off };
}

uint64_t
spot_off(struct spot spot)
{
	return (uint64_t)spot.off8 * 8;
}

struct spot
spot_at(const struct segment *seg, uint64_t off)
{
	return (struct spot){ seg->seq, (uint32_t)(off / 8) };
}
