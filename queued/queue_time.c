/* SPDX-License-Identifier: ISC */
/*
 * What time brings: pauses that end, parts that are due, sessions that were
 * idle too long, messages that are too old.  All of it bounded in a turn.
 */
#include "queued/queue_int.h"
#include "queued/report.h"

/* The store has no room for the warning: later. */
#define WARN_AGAIN_MS 60000U

/* RFC 3463 X.4.7; the last reply takes the place of the text */
const struct qo_outcome queue_too_old = { .status = QO_FAILED,
	.reason = REASON_EXPIRED,
	.enh = "5.4.7",
	.text = "could not be delivered in time" };

static void
fail_refused(struct queue *q, struct dest *d, unsigned *max)
{
	struct qo_outcome o = *d->trouble;
	struct message *m;
	struct part *p;

	o.status = QO_FAILED;
	while (*max > 0 && (p = dest_pop_refused(&q->dests, d)) != NULL) {
		--*max;
		m = p->msg;
		fail_part(q, p, &o);
		fail_check(q, m);
	}
}

static void
wake_destinations(struct queue *q)
{
	unsigned wake = 64, fail = TURN_FAIL;
	struct dest *d;

	while ((d = dests_due(&q->dests, q->now)) != NULL) {
		if (wake-- == 0 || fail == 0) {
			q->more = true;
			return;
		}
		if (d->refused > 0 && d->trouble == NULL)
			d->refused = 0; /* no memory for the reason: again */
		if (d->refused > 0)
			fail_refused(q, d, &fail);
		dest_wake(&q->dests, d, q->now, TURN_WAKE);
	}
}

static void
end_idle_sessions(struct queue *q)
{
	struct session *s;

	while ((s = TAILQ_FIRST(&q->sessions.idle)) != NULL &&
	    s->since + SESSION_IDLE_MS <= q->now)
		queue_end_session(q, s);
}

/* ms, monotonic, at which a message is so many s old */
static uint64_t
deadline(const struct queue *q, const struct message *m, uint32_t age)
{
	return qclock_mono(&q->clock, m->accepted + age * 1000ULL);
}

/*
 * Messages are accepted in the order of their ids, so those that come of age
 * are the first in the table after the last that did.
 */
static void
expire(struct queue *q)
{
	unsigned max = TURN_EXPIRED;
	struct message *m;

	q->expire_at = SCHED_NEVER;
	while ((m = queue_after(q, q->expire_after)) != NULL) {
		q->expire_at = deadline(q, m, q->conf->expire);
		if (q->expire_at > q->now)
			return;
		if (max-- == 0) {
			q->more = true;
			return;
		}
		q->expire_after = m->id;
		m->flags |= QM_EXPIRED;
		fail_message(q, m, &queue_too_old);
		q->expire_at = SCHED_NEVER;
	}
}

static bool
to_be_warned(const struct message *m)
{
	return (m->flags & (QM_WARNED | QM_EXPIRED)) == 0 &&
	    m->origin != ORIGIN_BOUNCE && m->parts != NULL;
}

static void
warn(struct queue *q)
{
	unsigned max = TURN_EXPIRED;
	struct message *m;

	if (q->conf->warn_after == 0 || q->warn_pause > q->now)
		return;
	q->warn_at = SCHED_NEVER;
	while ((m = queue_after(q, q->warn_after)) != NULL) {
		q->warn_at = deadline(q, m, q->conf->warn_after);
		if (q->warn_at > q->now)
			return;
		if (max-- == 0) {
			q->more = true;
			return;
		}
		if (to_be_warned(m) && queue_warn(q, m) == -1) {
			q->warn_at = q->warn_pause = q->now + WARN_AGAIN_MS;
			return;
		}
		q->warn_after = m->id;
		q->warn_at = SCHED_NEVER;
	}
}

void
queue_warn_again(struct queue *q, const struct message *m)
{
	if (q->warn_after >= m->id)
		q->warn_after = m->id - 1;
	q->warn_at = q->warn_pause = q->now + WARN_AGAIN_MS;
}

void
queue_tick(struct queue *q)
{
	wake_destinations(q);
	queue_ask_time(q);
	end_idle_sessions(q);
	warn(q);
	expire(q);
	fail_time(q);
}
