/* SPDX-License-Identifier: ISC */
/*
 * Retries, expiry and the queue's time: see sched.h.
 */
#include "common/base/conf.h"

#include "queued/sched.h"

#define MINUTE	   60000ULL
#define HOUR	   (60 * MINUTE)
#define WEEK	   (7 * 24 * HOUR)
#define FOLLOW_MAX MINUTE

/* Where the configuration has no list at all. */
#define RETRY_DEFAULT 900U

void
qclock_start(struct qclock *c, uint64_t mono, uint64_t real, uint64_t newest,
    uint64_t lifetime)
{
	uint64_t window = 2 * lifetime > WEEK ? 2 * lifetime : WEEK;

	c->mono0 = mono;
	c->wall0 = real;
	c->distrusted = false;
	if (newest == 0)
		return;
	if (real < newest) {
		/* an hour back is a correction, more is worth a word */
		c->distrusted = newest - real > HOUR;
		c->wall0 = newest;
	} else if (real - newest > window) {
		c->distrusted = true;
		c->wall0 = newest;
	}
}

uint64_t
qclock_wall(const struct qclock *c, uint64_t mono)
{
	return c->wall0 + (mono - c->mono0);
}

uint64_t
qclock_mono(const struct qclock *c, uint64_t wall)
{
	if (wall >= c->wall0)
		return c->mono0 + (wall - c->wall0);
	if (c->wall0 - wall > c->mono0)
		return 0;
	return c->mono0 - (c->wall0 - wall);
}

bool
qclock_follow(struct qclock *c, uint64_t mono, uint64_t real)
{
	uint64_t wall = qclock_wall(c, mono);
	uint64_t off = real > wall ? real - wall : wall - real;

	if (off > FOLLOW_MAX)
		return false;
	/* never backwards: stamps stay in order, time just goes slower */
	if (real > wall)
		c->wall0 += off;
	return true;
}

/* A tenth less to a tenth more. */
static uint64_t
jitter(uint64_t ms, uint32_t random)
{
	uint64_t span = ms / 5;

	if (span == 0)
		return ms;
	return ms - span / 2 + random % (span + 1);
}

static uint64_t
entry(const struct conf_schedule *s, unsigned n)
{
	unsigned i;

	if (s->nretry == 0)
		return RETRY_DEFAULT * 1000ULL;
	i = n == 0 ? 0 : n - 1;
	if (i >= s->nretry)
		i = s->nretry - 1;
	return s->retry[i] * 1000ULL;
}

uint64_t
sched_retry(const struct conf_schedule *s, unsigned n, uint32_t random)
{
	return jitter(entry(s, n), random);
}

static uint64_t
longer(const struct conf_schedule *s, uint64_t ms)
{
	unsigned i;

	for (i = 0; i < s->nretry; i++) {
		if (entry(s, i + 1) > ms)
			ms = entry(s, i + 1);
	}
	return ms;
}

uint64_t
sched_longest(const struct conf *conf)
{
	uint64_t ms = longer(&conf->schedule, entry(&conf->schedule, 0));
	uint32_t i;

	for (i = 0; i < conf->ndomains; i++)
		ms = longer(&conf->domains[i].schedule, ms);
	for (i = 0; i < conf->nconnectors; i++)
		ms = longer(&conf->connectors[i].schedule, ms);
	return ms + ms / 10 + 1;
}
