/* SPDX-License-Identifier: ISC */
/*
 * A token bucket: so many in so much time, evenly, and a tenth of that number
 * (one at least) at once after a pause.  So no stretch of the period's length
 * sees more than eleven tenths of it, or one more.
 *
 * The level is counted in parts of a token of which each millisecond brings a
 * whole number: nothing is rounded, and so nothing drifts.  Pure: time is
 * given, in ms; one that goes back brings nothing and takes nothing.
 */
#ifndef QUEUED_BUCKET_H
#define QUEUED_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/conf.h"

struct bucket {
	uint32_t count;	 /* 0: there is no limit */
	uint32_t period; /* ms; a token has as many parts */
	int64_t level;	 /* parts; below 0: promised in advance */
	uint64_t at;	 /* when that was so */
};

/*
 * Full, if it is new or had no limit; another rate keeps what is in it, or
 * what it owes, up to what the new one may have at once.
 */
void bucket_set(struct bucket *, const struct conf_rate *, uint64_t now);
/* One token now; false: there is none. */
bool bucket_take(struct bucket *, uint64_t now);
/*
 * One token, if need be of the future: when it is there.  Ever more of them
 * lie ever further ahead, up to hundreds of years.
 */
uint64_t bucket_reserve(struct bucket *, uint64_t now);
/* When the next one is there: now, or later. */
uint64_t bucket_next(const struct bucket *, uint64_t now);
/* From when on it is as good as new. */
uint64_t bucket_full(const struct bucket *, uint64_t now);

#endif
