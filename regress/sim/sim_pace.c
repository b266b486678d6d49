/* SPDX-License-Identifier: ISC */
/*
 * "limit to": no place gets more than its rate allows.  The queue counts
 * tokens (queued/bucket.h); here are the times of the jobs themselves: in no
 * stretch of the rate's period may there be more than its number and what may
 * come at once, which is a tenth of it, or one.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "regress/sim/sim.h"

#define RATE_MAX 256U /* jobs in a stretch: fault_conf() draws fewer */

static struct paced {
	struct conf_rate rate; /* count 0: none */
	uint32_t life;
	uint32_t n;		 /* jobs since the rate is this */
	uint64_t when[RATE_MAX]; /* monotonic ms, of the last ones */
} places[SIM_PLACES];

static struct conf_rate
rate_of(uint32_t place)
{
	const struct conf_pace *to;
	char name[32];

	(void)snprintf(name, sizeof(name), "d%u.test", place);
	to = conf_pace_find(w.conf, name, strlen(name));
	return to != NULL ? to->rate : (struct conf_rate){ 0 };
}

void
pace_reloaded(void)
{
	struct conf_rate now;
	uint32_t i;

	for (i = 0; i < SIM_PLACES; i++) {
		now = rate_of(i);
		/* what was left of another is what the new one begins with */
		if (now.count != places[i].rate.count ||
		    now.period != places[i].rate.period)
			places[i].n = 0;
		places[i].rate = now;
	}
}

/* What the rate allows in its period. */
static uint32_t
most(const struct conf_rate *r)
{
	uint32_t count = sim.strict ? (r->count + 3) / 4 : r->count;

	return count + (count / 10 > 0 ? count / 10 : 1);
}

void
pace_job(uint32_t place)
{
	struct paced *p = &places[place];
	uint32_t max = most(&p->rate);
	uint64_t before;

	if (p->rate.count == 0)
		return;
	if (p->life != sim.life) /* a new process knows nothing of them */
		p->n = 0;
	p->life = sim.life;
	if (max >= RATE_MAX)
		sim_fail("a rate of %u", p->rate.count);
	if (p->n >= max) {
		before = p->when[(p->n - max) % RATE_MAX];
		if (w.now - before <= p->rate.period * SECOND)
			sim_fail("place %u gets more than its limit: %u jobs "
				 "in %" PRIu64 " ms, %u in %u s may be",
			    place, max + 1, w.now - before, p->rate.count,
			    p->rate.period);
	}
	p->when[p->n++ % RATE_MAX] = w.now;
}
