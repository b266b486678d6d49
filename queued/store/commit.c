/* SPDX-License-Identifier: ISC */
/*
 * One write and one sync for the whole batch.  Records get their places here,
 * so that after a failure the ones that must not be lost can be given others.
 *
 * A failed write or sync leaves unknown what is on disk, and a second sync
 * would say success (the pages are marked clean): that segment is never
 * written again.  The next segment's START says where it ends, so that what
 * may have reached the disk of the refused messages does not count.
 */
#include <errno.h>
#include <string.h>

#include "queued/store/crc32c.h"
#include "queued/store/internal.h"
#include "queued/store/le.h"

#define TRIES 3 /* segments that one commit may find bad */

static const struct rec_place nowhere;

struct part { /* what goes into one segment */
	struct segment *seg;
	bool fresh; /* its first batch */
	uint64_t off;
	size_t from, to; /* records of the batch */
};

static uint8_t *
record_at(struct store *s, size_t i, struct rec *r)
{
	uint8_t *p = s->batch.buf + s->batch.recs[i].pos;

	if (rec_get(p, r, &nowhere) == -1)
		fatalx("store: batch record overwritten");
	return p;
}

static uint64_t
record_total(struct store *s, size_t i)
{
	const struct batch *b = &s->batch;
	size_t end = i + 1 < b->nrecs ? b->recs[i + 1].pos : b->len;

	return end - b->recs[i].pos;
}

static int
part_place(struct store *s, struct part *pt, size_t from)
{
	uint64_t end;

	pt->seg = s->active;
	pt->fresh = false;
	if (pt->seg == NULL ||
	    record_total(s, from) > pt->seg->size - pt->seg->end) {
		if (s->nprepared == 0 && prepare_now(s) == -1)
			return -1;
		pt->seg = TAILQ_FIRST(&s->prepared);
		pt->fresh = true;
	}
	pt->off = pt->fresh ? SEG_DATA + START_TOTAL : pt->seg->end;
	pt->from = pt->to = from;
	for (end = pt->off; pt->to < s->batch.nrecs; pt->to++) {
		if (record_total(s, pt->to) > pt->seg->size - end)
			break;
		end += record_total(s, pt->to);
	}
	return 0;
}

/* Point to the message's state before this one, and be its newest. */
static void
chain_state(struct store *s, uint8_t *payload, struct rec *r, struct spot spot)
{
	uint32_t slot = index_find(&s->ix, r->id);
	struct spot prev = { 0, 0 };
	struct entry *e;

	if (slot != 0) {
		e = index_at(&s->ix, slot);
		prev = e->state;
		e->state = spot;
	}
	le32_put(payload, prev.seq);
	le32_put(payload + 4, prev.off8);
	r->crc = crc32c(0, payload, r->len);
}

static uint64_t
part_seal(struct store *s, struct part *pt)
{
	uint64_t off = pt->off;
	struct rec_place place;
	struct rec r;
	uint8_t *p;
	size_t i;

	for (i = pt->from; i < pt->to; i++) {
		p = record_at(s, i, &r);
		if (r.type == REC_STATE)
			chain_state(s, p + REC_HEADER, &r,
			    spot_at(pt->seg, off));
		r.batch = pt->seg->batch + 1;
		r.flags = 0;
		if (i == pt->from && !pt->fresh)
			r.flags |= REC_FIRST;
		if (i == pt->to - 1)
			r.flags |= REC_LAST;
		place = seg_place(pt->seg, off);
		rec_put(p, &r, &place);
		off += record_total(s, i);
	}
	return off;
}

/* Headers as before they had a place, the chain of states as well. */
static void
part_unseal(struct store *s, const struct part *pt, bool undo)
{
	struct rec_place place;
	struct rec r;
	uint64_t off = 0;
	uint32_t slot;
	uint8_t *p;
	size_t i;

	for (i = pt->to; i-- > pt->from;) {
		off = pt->off + s->batch.recs[i].pos -
		    s->batch.recs[pt->from].pos;
		place = seg_place(pt->seg, off);
		p = s->batch.buf + s->batch.recs[i].pos;
		if (rec_get(p, &r, &place) == -1)
			fatalx("store: batch record overwritten");
		rec_put(p, &r, &nowhere);
		if (!undo || r.type != REC_STATE)
			continue;
		slot = index_find(&s->ix, r.id);
		if (slot != 0)
			index_at(&s->ix, slot)->state =
			    (struct spot){ le32_get(p + REC_HEADER),
				    le32_get(p + REC_HEADER + 4) };
	}
}

static int
write_start(struct store *s, const struct segment *seg)
{
	uint8_t buf[START_TOTAL];
	struct rec_start st = { SEG_VERSION, seg->seq, seg->size,
		s->log_end.seq, s->log_end_flags, spot_off(s->log_end),
		s->oldest != 0 ? s->oldest : seg->seq, rec_time(s->newest) };
	struct rec r = { .type = REC_START,
		.flags = REC_FIRST,
		.len = REC_START_LEN,
		.batch = 1 };
	struct rec_place place = seg_place(seg, SEG_DATA);

	rec_start_put(buf + REC_HEADER, &st);
	r.crc = crc32c(0, buf + REC_HEADER, REC_START_LEN);
	rec_put(buf, &r, &place);
	return full_pwrite(s, seg->fd, buf, sizeof(buf), SEG_DATA);
}

static int
part_write(struct store *s, const struct part *pt, uint64_t end)
{
	const struct batch *b = &s->batch;
	int r;

	if (pt->fresh && write_start(s, pt->seg) == -1)
		return -1;
	if (full_pwrite(s, pt->seg->fd, b->buf + b->recs[pt->from].pos,
		end - pt->off, pt->off) == -1)
		return -1;
	s->syncs++;
	r = s->cow ? s->ops->fsync(s->ops->ctx, pt->seg->fd)
		   : s->ops->fdatasync(s->ops->ctx, pt->seg->fd);
	return r;
}

/* The message now stands in this record. */
static void
rebase(struct store *s, struct segment *seg, const struct rec *r,
    const uint8_t *payload, uint64_t off)
{
	uint32_t slot = index_find(&s->ix, r->id);
	struct rec_file f;
	struct entry *e;

	if (slot == 0)
		return;
	seg_unlink(s, slot);
	e = index_at(&s->ix, slot);
	e->flags &= ~(uint32_t)(ENTRY_PENDING | ENTRY_FILE);
	if (r->type == REC_MSG) {
		e->env_len = le32_get(payload);
		e->body_crc = le32_get(payload + 4);
		e->size = r->len - REC_MSG_PREFIX - e->env_len;
	} else if (rec_file_get(payload, r->len, &f) == 0) {
		e->env_len = f.env_len;
		e->body_crc = f.body_crc;
		e->size = f.size;
		e->flags |= ENTRY_FILE;
	}
	e->base = spot_at(seg, off);
	seg_link(s, seg, slot);
}

static void
remove_message(struct store *s, uint64_t id)
{
	uint32_t slot = index_find(&s->ix, id);

	if (slot == 0)
		return;
	if (index_at(&s->ix, slot)->flags & ENTRY_FILE)
		(void)batch_unlink(s, id);
	seg_unlink(s, slot);
	index_remove(&s->ix, slot);
}

static void
apply(struct store *s, struct segment *seg, size_t i, uint64_t off)
{
	struct rec r;
	uint8_t *payload = record_at(s, i, &r) + REC_HEADER;

	switch (r.type) {
	case REC_MSG:
	case REC_FILE:
	case REC_MOVED:
		rebase(s, seg, &r, payload, off);
		break;
	case REC_DONE:
		remove_message(s, r.id);
		break;
	case REC_TAIL:
		s->oldest = le32_get(payload);
		break;
	default:
		break; /* STATE: the chain is made */
	}
}

static void
part_apply(struct store *s, struct part *pt, uint64_t end)
{
	uint64_t off = pt->off;
	size_t i;

	if (pt->fresh) {
		if (s->oldest == 0)
			s->oldest = pt->seg->seq;
		s->active = pt->seg;
	}
	part_unseal(s, pt, false);
	for (i = pt->from; i < pt->to; i++) {
		apply(s, pt->seg, i, off);
		off += record_total(s, i);
	}
	pt->seg->end = end;
	pt->seg->batch++;
	s->log_end = spot_at(pt->seg, end);
	s->log_end_flags = START_PREV_SYNCED;
}

static void
part_failed(struct store *s, const struct part *pt, int error)
{
	struct store_event ev = { .error = error,
		.segment = pt->seg->seq,
		.offset = pt->off };

	part_unseal(s, pt, true);
	if (error == ENOSPC || error == EDQUOT)
		ev_send(s, STORE_EV_FULL, ev);
	else
		note_failure(s, error, pt->seg);
	/*
	 * Nothing that counts is in a fresh one; but its START may be on disk,
	 * and come back with its file when power goes: then the one before
	 * ends where it says.  The next START makes it void.
	 */
	s->active = NULL;
	if (pt->fresh) {
		seg_del_live(s, pt->seg);
		seg_discard(s, pt->seg);
		return;
	}
	pt->seg->poisoned = true;
	s->log_end_flags |= START_PREV_POISONED;
}

static int
part_commit(struct store *s, struct part *pt)
{
	uint64_t end;
	int error;

	if (pt->fresh) {
		if (seg_add_live(s, pt->seg) == -1)
			return -1;
		s->nprepared--;
	}
	end = part_seal(s, pt);
	if (part_write(s, pt, end) == -1) {
		error = errno;
		part_failed(s, pt, error);
		errno = error;
		return -1;
	}
	part_apply(s, pt, end);
	if (pt->fresh)
		last_write(s, pt->seg->seq);
	return 0;
}

/* A message that was applied but must be refused: DONE, in its own place. */
static void
cancel(struct store *s, size_t i)
{
	struct rec r;
	uint8_t *p = record_at(s, i, &r);
	uint32_t slot = index_find(&s->ix, r.id);

	if (slot != 0)
		index_at(&s->ix, slot)->flags |= ENTRY_GONE;
	r.type = REC_DONE;
	r.len = 0;
	r.crc = 0;
	rec_put(p, &r, &nowhere);
	s->batch.recs[i].own = false;
}

static bool
keep_record(struct store *s, size_t i)
{
	struct rec r;
	uint32_t slot;

	(void)record_at(s, i, &r);
	slot = index_find(&s->ix, r.id);
	if (!s->batch.recs[i].own) /* no state of a message that is no more */
		return slot != 0 || r.type != REC_STATE;
	if (r.type == REC_FILE)
		(void)batch_unlink(s, r.id);
	if (slot != 0)
		index_remove(&s->ix, slot);
	return false;
}

/* Records from "done" on are not on disk: refuse the messages, keep states. */
static bool
refuse(struct store *s, size_t done)
{
	struct batch *b = &s->batch;
	size_t i, n = 0, len = 0;
	uint64_t total;
	bool own, any = false, keep;
	struct rec r;

	for (i = 0; i < b->nrecs; i++) {
		(void)record_at(s, i, &r);
		own = b->recs[i].own;
		if (i < done && r.type == REC_MOVED)
			own = false; /* adopted: may well stay */
		any |= own;
		if (i < done && own)
			cancel(s, i);
		keep = i < done ? own : keep_record(s, i);
		if (!keep)
			continue;
		(void)record_at(s, i, &r);
		total = rec_total(r.len);
		memmove(b->buf + len, b->buf + b->recs[i].pos, total);
		b->recs[n].pos = len;
		b->recs[n++].own = false;
		len += total;
	}
	b->nrecs = n;
	b->len = len;
	batch_replan(s);
	return any;
}

static void
unlink_files(struct store *s)
{
	struct batch *b = &s->batch;

	while (b->nunlinks > 0)
		spill_remove(s, b->unlinks[--b->nunlinks]);
}

int
store_commit(struct store *s)
{
	struct batch *b = &s->batch;
	struct part pt;
	bool refused = false;
	size_t done = 0;
	int tries = TRIES, error = 0;

	if (batch_empty(s))
		return 0;
	s->commits++;
	if (spill_sync_dirs(s) == -1) {
		error = errno;
		refused = refuse(s, 0);
	}
	while (done < b->nrecs && tries > 0) {
		if (part_place(s, &pt, done) == -1)
			tries =
			    tries == TRIES ? 2 : 1; /* no space: once more */
		else if (part_commit(s, &pt) == 0) {
			done = pt.to;
			continue;
		}
		error = errno;
		refused |= refuse(s, done);
		done = 0;
		tries--;
	}
	if (done == b->nrecs) {
		batch_reset(s);
		unlink_files(s);
	} else {
		b->stuck = true;
	}
	if (!refused && !b->stuck)
		return 0;
	errno = error;
	return -1;
}
