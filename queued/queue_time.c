/* SPDX-License-Identifier: ISC */
/*
 * What time brings: pauses that end, parts that are due, sessions that were
 * idle too long, messages that are too old.  All of it bounded in a turn.
 */
#include "queued/queue_int.h"
#include "queued/report.h"

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

void
queue_tick(struct queue *q)
{
	if (q->rules.n > 0)
		queue_rules_time(q);
	wake_destinations(q);
	queue_dir_time(q);
	queue_ask_time(q);
	end_idle_sessions(q);
	queue_age_time(q);
	fail_time(q);
	notice_time(q);
}
