/* SPDX-License-Identifier: ISC */
/*
 * Upkeep in bounded steps: segments that nothing needs are freed from the old
 * end of the log only (a DONE must not go before its message), used again or
 * removed; new ones made ahead; the oldest emptied when there are too many.
 */
#include <errno.h>

#include "queued/store/internal.h"
#include "queued/store/le.h"

#define BUSY_FACTOR 12	 /* times the segments, while there is no time */
#define QUIET_MS    500	 /* without a commit: there is time */
#define SPILL_MS    1000 /* from one step to the next, while there is none */

/*
 * How many segments may hold records.  The records of spilled messages are
 * copied from the old end to the new one; beyond half of the log that would
 * be too much copying.
 */
static uint64_t
wanted(const struct store *s)
{
	uint64_t size = s->p.segment_size, n = s->p.max_live_segments;

	if (s->p.quota != 0 && n > s->p.quota / size / 2)
		n = s->p.quota / size / 2;
	if (n < 2)
		n = 2;
	return n;
}

static uint64_t
live_limit(const struct store *s)
{
	return wanted(s) + 2 * s->catalogue / s->p.segment_size;
}

static struct segment *
oldest_closed(struct store *s)
{
	struct segment *seg = TAILQ_FIRST(&s->live);

	return seg == s->active ? NULL : seg;
}

/* First segment that is still needed, if one before it is not. */
static uint32_t
new_tail(struct store *s)
{
	struct segment *seg;

	TAILQ_FOREACH(seg, &s->live, link) {
		if (seg->live > 0 || seg == s->active)
			break;
	}
	if (seg == NULL) /* all free: what comes next has a higher number */
		return s->next_seq;
	return seg->seq;
}

/* Rides with a batch that waits anyway, else is committed by itself. */
static int
write_tail(struct store *s, uint32_t tail)
{
	bool alone = batch_empty(s);
	uint8_t *p;

	if (s->tail_added >= tail)
		return 0;
	p = batch_add(s, REC_TAIL, 0, REC_TAIL_LEN, false);
	if (p == NULL)
		return -1;
	le32_put(p, tail);
	le32_put(p + 4, 0);
	batch_seal(s);
	s->tail_added = tail;
	return alone ? store_commit(s) : 0;
}

/* The TAIL is on disk: the file is free. */
static int
recycle(struct store *s, struct segment *seg)
{
	seg_del_live(s, seg);
	if (seg->damaged) {
		seg_set_aside(s, seg);
		return 0;
	}
	if (s->nprepared >= PREPARED_KEEP) {
		seg_discard(s, seg);
		return 0;
	}
	return prepare_again(s, seg, false);
}

static int
free_step(struct store *s)
{
	struct segment *seg = oldest_closed(s);
	uint32_t tail;

	if (seg == NULL || seg->live > 0)
		return 0;
	tail = new_tail(s);
	if (s->active == NULL && seg_by_seq(s, tail) == NULL)
		return 0; /* nothing would follow; the next commit opens one */
	if (s->oldest < tail && write_tail(s, tail) == -1)
		return -1;
	if (s->oldest <= seg->seq)
		return 0; /* not durable yet */
	return recycle(s, seg) == -1 ? -1 : 1;
}

/* There is no space for another segment. */
static bool
is_tight(struct store *s)
{
	return s->nprepared < PREPARED_WANT && !prepare_may(s, 0);
}

/* The same, and much of this one is free. */
static bool
is_short(struct store *s, const struct segment *seg)
{
	return is_tight(s) && seg->live_bytes < seg->size / 2;
}

/*
 * Making files is slow: eight of them take as long as the commits of a
 * hundred messages.  While mail comes in faster than it leaves, the log may
 * grow to many times of what it should be, and a step is made now and then;
 * the others when nobody waits for a commit.
 */
static uint64_t
hard_limit(const struct store *s)
{
	uint64_t soft = live_limit(s), most;
	uint64_t n = soft + wanted(s) * (BUSY_FACTOR - 1);

	if (s->p.quota != 0) {
		most = s->p.quota / s->p.segment_size * 3 / 4;
		if (n > most)
			n = most > soft ? most : soft;
	}
	return n;
}

/* Is it later than that?  A clock that was set back must not stop us. */
static bool
is_past(uint64_t now, uint64_t at, uint64_t span)
{
	return now >= at || at - now > span;
}

static bool
has_time(struct store *s)
{
	uint64_t now = s->ops->now(s->ops->ctx);

	if (s->commits != s->commits_seen)
		s->quiet_at = now + QUIET_MS;
	if (!is_past(now, s->quiet_at, QUIET_MS) &&
	    !is_past(now, s->spill_at, SPILL_MS))
		return false;
	s->spill_at = now + SPILL_MS;
	return true;
}

static int
empty_step(struct store *s)
{
	struct segment *seg = oldest_closed(s);

	if (seg == NULL || seg->live == 0 || !batch_empty(s))
		return 0;
	if (s->nlive <= live_limit(s) && !is_short(s, seg))
		return 0;
	if (!s->p.eager && s->nlive <= hard_limit(s) && !is_tight(s) &&
	    !has_time(s))
		return 2;
	return spill_oldest(s, seg) == -1 ? -1 : 1;
}

static int
make_step(struct store *s)
{
	if (s->fill_fd == -1 &&
	    (s->nprepared >= PREPARED_WANT || !prepare_may(s, 0)))
		return 0;
	return prepare_step(s) == -1 ? -1 : 1;
}

int
store_maintain(struct store *s)
{
	static int (*const steps[])(
	    struct store *) = { free_step, make_step, empty_step, sweep_step };
	bool later = false;
	size_t i;
	int r;

	if (s->p.readonly)
		return 0;
	if (s->batch.stuck)
		return store_commit(s) == -1 ? -1 : 1;
	for (i = 0, r = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		r = steps[i](s);
		later |= r == 2;
		if (r == 1 || r == -1)
			break;
	}
	s->commits_seen = s->commits;
	if (r == 1 || r == -1)
		return r;
	return later ? 2 : 0;
}
