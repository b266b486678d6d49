/* SPDX-License-Identifier: ISC */
/* From scanned records to the index, and the last batch once more. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>

#include "queued/store/internal.h"
#include "queued/store/le.h"

static int
replay_message(struct store *s, struct segment *seg, const struct scanned *sd)
{
	uint32_t slot = index_find(&s->ix, sd->id);
	struct entry *e;

	if (slot == 0)
		slot = index_add(&s->ix, sd->id);
	if (slot == 0)
		return -1;
	seg_unlink(s, slot);
	e = index_at(&s->ix, slot);
	e->flags = sd->type == REC_MSG ? 0 : ENTRY_FILE;
	e->size = sd->size;
	e->env_len = sd->a;
	e->body_crc = sd->b;
	e->base = spot_at(seg, sd->off);
	seg_link(s, seg, slot);
	return 0;
}

static int
add_fixup(struct store *s, struct spot at, struct spot prev)
{
	struct fixup *list;
	size_t cap;

	if (s->nfixups == s->cap_fixups) {
		cap = s->cap_fixups * 2 + 64;
		list = reallocarray(s->fixups, cap, sizeof(*list));
		if (list == NULL)
			return -1;
		s->fixups = list;
		s->cap_fixups = cap;
	}
	s->fixups[s->nfixups++] = (struct fixup){ at, prev };
	return 0;
}

static struct spot
behind_base(struct spot spot, const struct entry *e)
{
	return spot_is_newer(spot, e->base) ? spot : (struct spot){ 0, 0 };
}

/*
 * A record whose predecessor is damaged points to what cannot be read; the
 * scan knows the one before that.
 */
static int
replay_state(struct store *s, struct segment *seg, const struct scanned *sd)
{
	uint32_t slot = index_find(&s->ix, sd->id);
	struct spot at = spot_at(seg, sd->off), said, known;
	struct entry *e;

	if (slot == 0)
		return 0;
	e = index_at(&s->ix, slot);
	said = behind_base((struct spot){ sd->a, sd->b }, e);
	known = behind_base(e->state, e);
	e->state = at;
	if (said.seq == known.seq && said.off8 == known.off8)
		return 0;
	return add_fixup(s, at, known);
}

static void
replay_done(struct store *s, uint64_t id)
{
	uint32_t slot = index_find(&s->ix, id);

	if (slot == 0)
		return;
	seg_unlink(s, slot);
	index_remove(&s->ix, slot);
}

static void
count(struct store *s, const struct scanned *sd)
{
	struct store_report *rp = s->report;

	if (rp == NULL)
		return;
	if (sd->type == REC_STATE)
		rp->states++;
	else if (sd->type == REC_DONE)
		rp->done++;
}

static int
replay_one(struct store *s, struct segment *seg, const struct scanned *sd)
{
	if (sd->id > s->newest)
		s->newest = sd->id;
	switch (sd->type) {
	case REC_MSG:
	case REC_FILE:
	case REC_MOVED:
		return replay_message(s, seg, sd);
	case REC_STATE:
		return replay_state(s, seg, sd);
	case REC_DONE:
		replay_done(s, sd->id);
		if (s->cb.done != NULL)
			s->cb.done(s->cb.arg, sd->id);
		return 0;
	case REC_TAIL:
		if (sd->a > s->oldest)
			s->oldest = sd->a;
		return 0;
	default:
		return 0;
	}
}

/*
 * Of a batch that was not written whole only the messages count: a DONE whose
 * bounce stood in the torn part must not be believed.
 */
int
replay_segment(struct store *s, struct segment *seg, const struct scan *sc)
{
	const struct scanned *sd;
	size_t i;

	for (i = 0; i < sc->nrecs; i++) {
		sd = &sc->recs[i];
		if (!sc->whole && sd->batch == seg->batch &&
		    (sd->type == REC_STATE || sd->type == REC_DONE ||
			sd->type == REC_TAIL))
			continue;
		count(s, sd);
		if (replay_one(s, seg, sd) == -1)
			return -1;
	}
	return 0;
}

/* Take the states of the last batch off their chains, newest first. */
static void
unchain(struct store *s, const struct segment *seg, const struct scan *sc,
    size_t first)
{
	const struct scanned *sd;
	struct entry *e;
	struct spot at;
	uint32_t slot;
	size_t i, k;

	for (i = sc->nrecs; i-- > first;) {
		sd = &sc->recs[i];
		slot = index_find(&s->ix, sd->id);
		at = spot_at(seg, sd->off);
		if (sd->type != REC_STATE || slot == 0)
			continue;
		e = index_at(&s->ix, slot);
		if (e->state.seq != at.seq || e->state.off8 != at.off8)
			continue;
		e->state = (struct spot){ sd->a, sd->b };
		for (k = s->nfixups; k-- > 0;)
			if (s->fixups[k].at.seq == at.seq &&
			    s->fixups[k].at.off8 == at.off8)
				e->state = s->fixups[k].prev;
	}
}

static bool
worth_again(struct store *s, const struct scanned *sd, bool whole)
{
	switch (sd->type) {
	case REC_MSG:
	case REC_FILE:
	case REC_MOVED:
		return index_find(&s->ix, sd->id) != 0;
	case REC_STATE:
		return whole && index_find(&s->ix, sd->id) != 0;
	case REC_DONE:
	case REC_TAIL:
		return whole;
	default:
		return false;
	}
}

static int
copy_record(struct store *s, const struct segment *seg,
    const struct scanned *sd)
{
	uint8_t *p =
	    batch_add(s, (enum rec_type)sd->type, sd->id, sd->len, false);

	if (p == NULL)
		return -1;
	if (sd->len > 0 &&
	    full_pread(s, seg->fd, p, sd->len, sd->off + REC_HEADER) !=
		(ssize_t)sd->len) {
		errno = EIO;
		return -1;
	}
	batch_seal(s);
	return 0;
}

/* Scan a segment again, without telling again what is wrong with it. */
static int
scan_quietly(struct store *s, struct segment *seg, struct scan *sc)
{
	void (*event)(void *, const struct store_event *) = s->cb.event;
	uint64_t end = seg->end;
	bool damage = s->damage, damaged = seg->damaged;
	int r;

	s->cb.event = NULL;
	r = scan_segment(s, seg, end, false, sc);
	s->cb.event = event;
	s->damage = damage;
	seg->damaged = damaged;
	seg->end = end;
	return r;
}

static size_t
last_batch(const struct segment *seg, const struct scan *sc)
{
	size_t first = sc->nrecs;

	while (first > 0 && sc->recs[first - 1].batch == seg->batch)
		first--;
	return first;
}

/*
 * Calls work() for the segments whose last batch may not be on disk, oldest
 * first: the newest segment, and if that has nothing but a first batch which
 * is not whole, also the one before.
 */
static int
each_last(struct store *s,
    int (*work)(struct store *, struct segment *, const struct scan *))
{
	struct segment *seg, *from = NULL;
	struct scan sc = { 0 };
	int r = 0;

	TAILQ_FOREACH_REVERSE(seg, &s->live, seglist, link) {
		from = seg;
		r = scan_quietly(s, seg, &sc);
		if (r == -1 || sc.whole || seg->batch > 1)
			break;
		if (sc.has_start && (sc.start.flags & START_PREV_SYNCED))
			break;
	}
	for (seg = from; seg != NULL && r == 0; seg = TAILQ_NEXT(seg, link)) {
		r = scan_quietly(s, seg, &sc);
		if (r == 0)
			r = work(s, seg, &sc);
	}
	scan_free(&sc);
	return r;
}

static int
copy_batch(struct store *s, struct segment *seg, const struct scan *sc)
{
	size_t i, first = last_batch(seg, sc);

	unchain(s, seg, sc, first);
	for (i = first; i < sc->nrecs; i++)
		if (worth_again(s, &sc->recs[i], sc->whole) &&
		    copy_record(s, seg, &sc->recs[i]) == -1)
			return -1;
	return 0;
}

/*
 * What a process wrote just before it died may be in the page cache only, and
 * may never get to the disk: a sync that failed is not repeated, and one on
 * another descriptor says nothing about it.  So the last batch is written
 * again, to a new segment, before anything is built upon it.
 */
int
replay_again(struct store *s)
{
	return each_last(s, copy_batch);
}

static int
rechain(struct store *s, struct segment *seg, const struct scan *sc)
{
	uint32_t slot;
	size_t i;

	for (i = last_batch(seg, sc); i < sc->nrecs && sc->whole; i++) {
		slot = index_find(&s->ix, sc->recs[i].id);
		if (sc->recs[i].type == REC_STATE && slot != 0)
			index_at(&s->ix, slot)->state =
			    spot_at(seg, sc->recs[i].off);
	}
	return 0;
}

/* It could not be written: until it is, its states are read where they are. */
void
replay_in_place(struct store *s)
{
	(void)each_last(s, rechain);
}
