/* SPDX-License-Identifier: ISC */
/*
 * Token buckets: see bucket.h.  With the bounds of conf.h a bucket holds less
 * than 2^49 parts.
 */
#include "queued/bucket.h"

#define DEBT_MAX   (INT64_C(1) << 60)
#define TOKENS_MAX (INT64_C(1) << 30)

static int64_t
at_once(const struct bucket *b)
{
	uint32_t burst = b->count / 10 > 0 ? b->count / 10 : 1;

	return (int64_t)burst * b->period;
}

/*
 * With what is left over of the ms in which a token became whole: else each
 * token of a bucket of one would be late by a part of a ms.
 */
static int64_t
capacity(const struct bucket *b)
{
	uint32_t rest = b->count < b->period ? b->count : b->period;

	return at_once(b) + rest - 1;
}

/* ms until it holds that much, from when it was as it is */
static uint64_t
wait_for(const struct bucket *b, int64_t level)
{
	uint64_t missing;

	if (b->count == 0 || b->level >= level)
		return 0;
	missing = (uint64_t)(level - b->level);
	return missing / b->count + (missing % b->count != 0);
}

/* What the time since has brought. */
static void
fill(struct bucket *b, uint64_t now)
{
	uint64_t ms = now > b->at ? now - b->at : 0;

	b->at = now;
	if (ms >= wait_for(b, capacity(b)))
		b->level = capacity(b);
	else /* less than what was missing */
		b->level += (int64_t)(ms * b->count);
}

/* As many tokens, in other parts; a debt beyond a thousand million is cut. */
static int64_t
convert(int64_t level, uint32_t from, uint32_t to)
{
	int64_t tokens = level / from;

	if (tokens < -TOKENS_MAX)
		return -TOKENS_MAX * to;
	return tokens * to + level % from * to / from;
}

void
bucket_set(struct bucket *b, const struct conf_rate *r, uint64_t now)
{
	uint32_t period = r->period * 1000U;
	bool fresh = b->count == 0;

	if (b->count == r->count && b->period == period)
		return;
	if (!fresh) {
		fill(b, now);
		b->level = convert(b->level, b->period, period);
	}
	b->count = r->count;
	b->period = period;
	b->at = now;
	if (fresh || b->level > at_once(b))
		b->level = at_once(b);
}

bool
bucket_take(struct bucket *b, uint64_t now)
{
	if (b->count == 0)
		return true;
	fill(b, now);
	if (b->level < b->period)
		return false;
	b->level -= b->period;
	return true;
}

uint64_t
bucket_reserve(struct bucket *b, uint64_t now)
{
	if (b->count == 0)
		return now;
	fill(b, now);
	if (b->level > -DEBT_MAX)
		b->level -= b->period;
	return now + wait_for(b, 0);
}

uint64_t
bucket_next(const struct bucket *b, uint64_t now)
{
	struct bucket then = *b;

	if (b->count == 0)
		return now;
	fill(&then, now);
	return now + wait_for(&then, then.period);
}

uint64_t
bucket_full(const struct bucket *b, uint64_t now)
{
	struct bucket then = *b;

	if (b->count == 0)
		return now;
	fill(&then, now);
	return now + wait_for(&then, at_once(&then));
}
