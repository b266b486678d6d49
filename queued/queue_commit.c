/* SPDX-License-Identifier: ISC */
/*
 * Durability: everything that came in during a turn goes to disk with one
 * write and one sync, and only then is it answered for and handed out.
 */
#include <errno.h>
#include <string.h>

#include "queued/queue_int.h"
#include "queued/report.h"

/* After an error of the disk, before its upkeep is tried again. */
#define UPKEEP_AGAIN_MS 5000U
/* States that could not be made durable. */
#define COMMIT_AGAIN_MS 1000U
/* Largest sizes are told in these steps. */
#define ROOM_STEP (64UL * 1024)

static void
answer(struct queue *q, const struct fresh *f, enum iq_verdict verdict,
    enum reason why)
{
	struct iq_done done = { verdict, why, 0 };

	if (!f->wants_answer)
		return;
	if (verdict == IQ_OK)
		done.msgid = f->msg->id;
	q->env->answer(q->env->arg, f->token, &done);
}

/* It is durable: what is to be logged of it precedes its answer. */
static void
announce(struct queue *q, struct fresh *f)
{
	struct message *m = f->msg;

	queue_insert(q, m);
	parts_link(m);
	if (f->notice != NULL)
		report_notice(m->id, f->notice->about, f->notice->to,
		    f->notice->kind);
	else
		report_accepted((enum origin)m->origin, f->line, f->len);
}

/* Its sender's pace outlives a restart. */
static void
record_time(struct queue *q, struct message *m, uint64_t at)
{
	struct store_state st = { .set = STORE_SET_NEXT,
		.next = qclock_wall(&q->clock, at) };

	if (at > q->now)
		queue_state(q, m, &st);
}

static void
settle(struct queue *q, struct fresh *f)
{
	struct message *m = f->msg;
	struct part *p, *next;
	uint64_t at = f->at;

	answer(q, f, IQ_OK, REASON_OK);
	if (f->notice != NULL)
		notice_settled(q, f->notice);
	fresh_free(f);
	record_time(q, m, at);
	for (p = m->parts; p != NULL; p = next) {
		next = p->next;
		queue_route(q, p, at);
	}
}

/* It is not. */
static void
refuse(struct queue *q, struct fresh *f)
{
	answer(q, f, IQ_TEMP, REASON_STORE_ERROR);
	queue_drop(q, f->msg);
	if (f->notice != NULL && notice_refused(q, f->notice))
		f->notice = NULL;
	fresh_free(f);
}

void
queue_await_commit(struct queue *q, unsigned store, uint64_t ms)
{
	if (q->results[store])
		return;
	q->results[store] = true;
	q->results_at[store] = q->now + ms;
}

static int
commit_store(struct queue *q, unsigned i)
{
	size_t bytes;
	int rc;

	q->results[i] = false;
	if (q->stores[i] == NULL)
		return 0;
	bytes = store_batch_bytes(q->stores[i]);
	if (bytes == 0)
		return 0;
	rc = store_commit(q->stores[i]);
	q->maintain_at[i] = q->now;
	if (rc == 0) {
		report_commit(bytes);
		return 0;
	}
	/* the store has said why; states ride with the next commit */
	queue_await_commit(q, i, COMMIT_AGAIN_MS);
	return -1;
}

int
queue_commit(struct queue *q)
{
	struct fresh_list batch = STAILQ_HEAD_INITIALIZER(batch);
	struct fresh *f;
	int rc[NSTORES], all = 0;
	unsigned i;

	STAILQ_CONCAT(&batch, &q->fresh);
	for (i = 0; i < NSTORES; i++) {
		rc[i] = commit_store(q, i);
		if (rc[i] == -1)
			all = -1;
	}
	STAILQ_FOREACH(f, &batch, entry)
		if (rc[f->msg->store] == 0)
			announce(q, f);
	log_flush();
	while ((f = STAILQ_FIRST(&batch)) != NULL) {
		STAILQ_REMOVE_HEAD(&batch, entry);
		if (rc[f->msg->store] == 0)
			settle(q, f);
		else
			refuse(q, f);
	}
	return all;
}

bool
queue_commit_due(const struct queue *q)
{
	unsigned i;

	if (!STAILQ_EMPTY(&q->fresh))
		return true;
	for (i = 0; i < NSTORES; i++) {
		if (q->results[i] && q->results_at[i] <= q->now)
			return true;
	}
	return false;
}

uint64_t
queue_commit_next(const struct queue *q)
{
	uint64_t at = SCHED_NEVER;
	unsigned i;

	for (i = 0; i < NSTORES; i++) {
		if (q->results[i] && q->results_at[i] < at)
			at = q->results_at[i];
		/* with something in the batch: after its commit */
		else if (!q->results[i] && q->maintain_at[i] < at)
			at = q->maintain_at[i];
	}
	return at;
}

static void
maintain(struct queue *q, unsigned i)
{
	if (q->stores[i] == NULL || q->maintain_at[i] > q->now)
		return;
	if (store_batch_bytes(q->stores[i]) > 0) {
		/* perhaps the store's own, left over from its last upkeep */
		queue_await_commit(q, i, COMMIT_AGAIN_MS);
		return;
	}
	switch (store_maintain(q->stores[i])) {
	case 0:
		q->maintain_at[i] = SCHED_NEVER;
		break;
	case 1:
		q->maintain_at[i] = q->now;
		q->more = true;
		break;
	case 2:
		q->maintain_at[i] = q->now + STORE_LATER_MS;
		break;
	default:
		q->maintain_at[i] = q->now + UPKEEP_AGAIN_MS;
		break;
	}
}

void
queue_get_room(struct queue *q, enum q_store store, struct iq_room *room)
{
	uint64_t most = q->conf->limits.message_size;
	enum reason why = REASON_STORE_ERROR;
	uint64_t max = 0;

	if (q->draining)
		why = REASON_SHUTDOWN;
	else if (q->stores[store] != NULL)
		max = store_room_max(q->stores[store], &why);
	if (max > most)
		max = most;
	else if (max > ROOM_STEP)
		max -= max % ROOM_STEP;
	*room = (struct iq_room){ .accepting = max > 0,
		.reason = max > 0 ? REASON_OK : why,
		.max_size = max };
}

static void
check_room(struct queue *q, enum q_store store)
{
	struct iq_room now, *was = &q->room[store];

	queue_get_room(q, store, &now);
	if (now.accepting == was->accepting && now.reason == was->reason &&
	    now.max_size == was->max_size)
		return;
	*was = now;
	q->env->room(q->env->arg, store, &now);
}

void
queue_upkeep(struct queue *q)
{
	unsigned i;

	for (i = 0; i < NSTORES; i++) {
		maintain(q, i);
		check_room(q, (enum q_store)i);
	}
}
