/* SPDX-License-Identifier: ISC */
/*
 * Ages: when each recipient is given up, and when its sender is told that it
 * takes longer.  A recipient goes by the schedule of its domain, so there are
 * as many lifetimes as "expire" statements differ, and for each of them one
 * place in the table of messages: ids grow with the time of acceptance, and
 * all that stands before that place has come to that age.  So nothing is
 * remembered of a message, and each is looked at once for each lifetime.
 */
#include "queued/queue_int.h"

/* The store has no room for the warning: later. */
#define WARN_AGAIN_MS 60000U
/* Looked at in a turn; one that something is done about counts for many. */
#define TURN_LOOK 2000U
#define ACT_COST  (TURN_LOOK / TURN_EXPIRED)

/* RFC 3463 X.4.7; the last reply takes the place of the text */
const struct qo_outcome queue_too_old = { .status = QO_FAILED,
	.reason = REASON_EXPIRED,
	.enh = "5.4.7",
	.text = "could not be delivered in time" };

/* --- schedules --- */

const struct conf_schedule *
queue_schedule(struct queue *q, struct dom *d)
{
	if (d->epoch != q->epoch) {
		d->schedule = conf_schedule_find(q->conf, d->name, d->len);
		d->epoch = q->epoch;
	}
	return d->schedule;
}

static uint32_t
expire_of(struct queue *q, struct dom *d)
{
	return conf_expire(q->conf, queue_schedule(q, d));
}

uint64_t
queue_retry_ms(struct queue *q, struct dom *d, unsigned n)
{
	return sched_retry(conf_retry(q->conf, queue_schedule(q, d)), n,
	    q->env->random(q->env->arg));
}

uint64_t
queue_backoff_ms(struct queue *q, struct dest *d, const struct part *p)
{
	unsigned n = d->fails + 1;

	if (p == NULL)
		p = TAILQ_FIRST(&d->ready);
	if (p != NULL)
		return queue_retry_ms(q, p->dom, n);
	return sched_retry(&q->conf->schedule, n, q->env->random(q->env->arg));
}

bool
queue_part_old(struct queue *q, const struct part *p)
{
	return message_age(q, p->msg) >= expire_of(q, p->dom) * 1000ULL;
}

uint64_t
queue_expires(struct queue *q, const struct message *m)
{
	uint32_t age, least = UINT32_MAX;
	const struct part *p;

	for (p = m->parts; p != NULL; p = p->next) {
		age = expire_of(q, p->dom);
		if (age < least)
			least = age;
	}
	if (m->parts == NULL)
		least = q->conf->schedule.expire;
	return m->accepted + least * 1000ULL;
}

/* --- coming of age --- */

static void
set_ages(const struct conf *conf, enum conf_schedule_set which,
    struct q_ages *ages)
{
	uint32_t v[CONF_AGES_MAX];
	int i, n = conf_ages(conf, which, v);

	ages->n = 0;
	for (i = 0; i < n; i++)
		ages->v[ages->n++] =
		    (struct q_age){ .seconds = v[i], .at = SCHED_NEVER };
}

void
queue_set_ages(struct queue *q)
{
	/* all count anew: lifetimes may be others */
	set_ages(q->conf, CONF_S_EXPIRE, &q->expiry);
	set_ages(q->conf, CONF_S_WARN, &q->warning);
	q->longest_retry = sched_longest(q->conf);
	q->longest_life = q->conf->schedule.expire * 1000ULL;
	if (q->expiry.n > 0)
		q->longest_life =
		    q->expiry.v[q->expiry.n - 1].seconds * 1000ULL;
}

void
queue_recheck_ages(struct queue *q)
{
	unsigned i;

	for (i = 0; i < q->expiry.n; i++)
		q->expiry.v[i].at = SCHED_NEVER;
	for (i = 0; i < q->warning.n; i++)
		q->warning.v[i].at = SCHED_NEVER;
}

static uint64_t
next_of(const struct q_ages *ages)
{
	uint64_t at = SCHED_NEVER;
	unsigned i;

	for (i = 0; i < ages->n; i++) {
		if (ages->v[i].at < at)
			at = ages->v[i].at;
	}
	return at;
}

uint64_t
queue_ages_next(const struct queue *q)
{
	uint64_t expire = next_of(&q->expiry), warn = next_of(&q->warning);

	if (warn < q->warn_pause)
		warn = q->warn_pause;
	return expire < warn ? expire : warn;
}

/* ms, monotonic, at which a message is so many s old */
static uint64_t
deadline(const struct queue *q, const struct message *m, uint32_t age)
{
	return qclock_mono(&q->clock, m->accepted + age * 1000ULL);
}

/* What to do about a message of that age: 1 done, 0 nothing was, -1 later. */
typedef int act_fn(struct queue *, struct message *, uint32_t age);

/* The next that have come to this age; false: not all of them for now. */
static bool
come_of_age(struct queue *q, struct q_age *a, act_fn *act, unsigned *budget)
{
	struct message *m;
	uint64_t id;
	int rc;

	/* found to be the time of the first one, which may be gone by now */
	if (a->at > q->now && a->at != SCHED_NEVER)
		return true;
	a->at = SCHED_NEVER;
	while ((m = queue_after(q, a->after)) != NULL) {
		a->at = deadline(q, m, a->seconds);
		if (a->at > q->now)
			return true;
		if (*budget < ACT_COST) {
			q->more = true;
			return false;
		}
		id = m->id;
		rc = act(q, m, a->seconds);
		if (rc == -1)
			return false;
		*budget -= rc == 1 ? ACT_COST : 1;
		a->after = id;
		a->at = SCHED_NEVER;
	}
	return true;
}

/* --- too old --- */

static int
expire_message(struct queue *q, struct message *m, uint32_t age)
{
	struct part *p;

	for (p = m->parts; p != NULL; p = p->next) {
		if (p->state == PART_ACTIVE || expire_of(q, p->dom) != age)
			continue;
		queue_in_hand(m);
		fail_old(q, m);
		queue_in_hand(NULL);
		return 1;
	}
	return 0;
}

static void
expire(struct queue *q)
{
	unsigned i, budget = TURN_LOOK;

	for (i = 0; i < q->expiry.n; i++)
		(void)come_of_age(q, &q->expiry.v[i], expire_message, &budget);
}

/* --- told of a delay --- */

static int
warn_message(struct queue *q, struct message *m, uint32_t age)
{
	int rc;

	if (m->origin == ORIGIN_BOUNCE || m->warned >= age)
		return 0;
	queue_in_hand(m);
	rc = queue_warn(q, m, age);
	queue_in_hand(NULL);
	return rc;
}

static void
warn(struct queue *q)
{
	unsigned i, budget = TURN_LOOK;

	if (q->warn_pause > q->now)
		return;
	for (i = 0; i < q->warning.n; i++) {
		if (!come_of_age(q, &q->warning.v[i], warn_message, &budget) &&
		    budget >= ACT_COST) {
			q->warn_pause = q->now + WARN_AGAIN_MS;
			return;
		}
	}
}

bool
queue_part_warned(struct queue *q, const struct part *p, uint32_t age)
{
	return conf_warn_after(q->conf, queue_schedule(q, p->dom)) == age;
}

uint32_t
queue_warned_at(struct queue *q, const struct message *m, uint32_t age)
{
	const struct part *p;
	uint32_t at;

	for (p = m->parts; p != NULL; p = p->next) {
		at = conf_warn_after(q->conf, queue_schedule(q, p->dom));
		if (at == 0 || at > age)
			return age;
	}
	return UINT32_MAX;
}

void
queue_warn_again(struct queue *q, const struct message *m, uint32_t age)
{
	struct q_age *a;
	unsigned i;

	for (i = 0; i < q->warning.n; i++) {
		a = &q->warning.v[i];
		if (a->seconds != age)
			continue;
		if (a->after >= m->id)
			a->after = m->id - 1;
		a->at = q->now;
	}
	q->warn_pause = q->now + WARN_AGAIN_MS;
}

void
queue_age_time(struct queue *q)
{
	warn(q);
	expire(q);
}
