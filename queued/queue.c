/* SPDX-License-Identifier: ISC */
/*
 * The queue: the table of messages, and the turn.  See queue.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/stats.h"

#include "queued/queue_int.h"
#include "queued/report.h"

/* 2020-01-01, from which the ids of messages count their milliseconds */
#define ID_EPOCH_MS 1577836800000ULL
#define ID_SHIFT    20
#define ID_CHANCE   0x7ffffU

static int
message_cmp(const struct message *a, const struct message *b)
{
	if (a->id != b->id)
		return a->id < b->id ? -1 : 1;
	return 0;
}

RB_GENERATE_STATIC(message_tree, message, entry, message_cmp)

/* --- messages --- */

struct message *
queue_find(struct queue *q, uint64_t id)
{
	struct message key = { .id = id };

	return RB_FIND(message_tree, &q->messages, &key);
}

struct message *
queue_after(struct queue *q, uint64_t id)
{
	struct message key = { .id = id + 1 };

	if (id == UINT64_MAX)
		return NULL;
	return RB_NFIND(message_tree, &q->messages, &key);
}

uint64_t
queue_new_id(struct queue *q)
{
	uint64_t wall = qclock_wall(&q->clock, q->now), ms, id;

	/* a clock that knows not even the year still tells one from another */
	ms = wall > ID_EPOCH_MS ? wall - ID_EPOCH_MS : wall & UINT32_MAX;
	/*
	 * The same ms may come again after a start, when the clock was put
	 * back or is not believed: then chance makes the difference.
	 */
	id = ms << ID_SHIFT | (q->env->random(q->env->arg) & ID_CHANCE);
	if (id <= q->last_id)
		id = q->last_id + 1;
	q->last_id = id;
	return id;
}

struct store *
queue_store(const struct queue *q, const struct message *m)
{
	return q->stores[m->store];
}

struct store_loc
message_loc(const struct message *m)
{
	return (struct store_loc){ m->id, m->slot };
}

uint64_t
message_age(const struct queue *q, const struct message *m)
{
	uint64_t wall = qclock_wall(&q->clock, q->now);

	return wall > m->accepted ? wall - m->accepted : 0;
}

void
queue_insert(struct queue *q, struct message *m)
{
	RB_INSERT(message_tree, &q->messages, m);
	m->flags |= QM_QUEUED;
	q->nmessages[m->store]++;
	q->bytes[m->store] += m->size;
	if ((m->flags & QM_HELD) != 0)
		q->nheld++;
	if (m->id > q->last_id)
		q->last_id = m->id;
}

/* It is out of its message's list. */
static void
part_end(struct queue *q, struct part *p)
{
	if (p->state == PART_ACTIVE) {
		session_drop_part(p->u.active.session, p);
		dest_returned(&q->dests, p);
	}
	part_detach(q, p);
	dom_unlink(p);
	dom_release(&q->doms, p->dom);
	free(p);
}

static void
unlink_message(struct queue *q, struct message *m)
{
	RB_REMOVE(message_tree, &q->messages, m);
	q->nmessages[m->store]--;
	q->bytes[m->store] -= m->size;
	if ((m->flags & QM_HELD) != 0)
		q->nheld--;
}

/* It is out of the table, or was never in it. */
static void
message_end(struct queue *q, struct message *m)
{
	struct part *p;

	while ((p = m->parts) != NULL) {
		m->parts = p->next;
		part_end(q, p);
	}
	if ((m->flags & QM_FAILING) != 0)
		fail_forget(q, m);
	free(m);
}

void
queue_drop(struct queue *q, struct message *m)
{
	if ((m->flags & QM_QUEUED) != 0)
		unlink_message(q, m);
	message_end(q, m);
}

static void
await_commit(struct queue *q, unsigned store)
{
	queue_await_commit(q, store, q->draining ? 0 : RESULTS_DELAY_MS);
}

void
queue_state(struct queue *q, struct message *m, const struct store_state *st)
{
	int rc = store_state(queue_store(q, m), message_loc(m), st);

	if (rc == -1 && errno == EAGAIN) {
		(void)queue_commit(q);
		rc = store_state(queue_store(q, m), message_loc(m), st);
	}
	/* what is not recorded is done again after a crash, not lost */
	if (rc == -1 && errno != ENOENT)
		log_warn("state of a message");
	await_commit(q, m->store);
}

void
queue_finish(struct queue *q, struct message *m)
{
	int rc = store_done(queue_store(q, m), message_loc(m));

	if (rc == -1 && errno == EAGAIN) {
		(void)queue_commit(q);
		rc = store_done(queue_store(q, m), message_loc(m));
	}
	if (rc == -1 && errno != ENOENT)
		log_warn("end of a message");
	await_commit(q, m->store);
	queue_drop(q, m);
}

void
queue_lost(struct queue *q, struct message *m)
{
	report_lost(m->id);
	queue_drop(q, m);
}

void
queue_unreadable(struct queue *q, struct message *m, int error)
{
	if (error == ENOENT)
		queue_lost(q, m);
	else
		queue_hold(q, m, REASON_STORE_ERROR);
}

void
queue_set_held(struct queue *q, struct message *m, enum reason why,
    const char *text)
{
	struct store_state st = { .set = STORE_SET_HELD | STORE_SET_TEXT,
		.held = true,
		.text = text,
		.text_len = (uint16_t)strlen(text) };
	struct part *p;

	m->flags |= QM_HELD;
	q->nheld++;
	for (p = m->parts; p != NULL; p = p->next) {
		p->reason = (uint8_t)why;
		if (p->state == PART_ACTIVE)
			continue;
		part_detach(q, p);
		p->state = PART_HELD;
	}
	queue_state(q, m, &st);
}

void
queue_hold(struct queue *q, struct message *m, enum reason why)
{
	uint64_t id = m->id;

	if ((m->flags & QM_HELD) != 0)
		return;
	queue_set_held(q, m, why, reason_name(why));
	report_held(id, why);
}

/* --- parts --- */

void
parts_link(struct message *m)
{
	struct part *p;

	for (p = m->parts; p != NULL; p = p->next)
		dom_link(p, NULL);
}

/* One more of a message that is queued already: the rest of another. */
static void
link_rest(struct part *p)
{
	struct part *s;

	for (s = p->next; s != NULL; s = s->next) {
		if (s->dom == p->dom && dom_linked(s)) {
			dom_link(p, s);
			return;
		}
	}
}

struct part *
part_new(struct queue *q, struct message *m, struct dom *dom, size_t n)
{
	size_t size = offsetof(struct part, rcpt) + n * sizeof(uint16_t);
	struct part *p;

	if (size < sizeof(*p))
		size = sizeof(*p);
	p = calloc(1, size);
	if (p == NULL)
		return NULL;
	p->msg = m;
	p->dom = dom;
	dom_hold(&q->doms, dom);
	p->next = m->parts;
	m->parts = p;
	if ((m->flags & QM_QUEUED) != 0)
		link_rest(p);
	return p;
}

void
part_detach(struct queue *q, struct part *p)
{
	switch ((enum part_state)p->state) {
	case PART_ASKED:
		queue_part_gone(q, p);
		dom_take(p);
		break;
	case PART_ROUTE:
	case PART_STUCK:
	case PART_SUSPENDED:
		dom_take(p);
		break;
	case PART_READY:
	case PART_LATER:
		dest_take(&q->dests, p);
		break;
	case PART_NEW:
	case PART_ACTIVE:
	case PART_HELD:
		p->state = PART_NEW;
		break;
	}
}

void
part_free(struct queue *q, struct part *p)
{
	struct part **at;

	for (at = &p->msg->parts; *at != p; at = &(*at)->next)
		;
	*at = p->next;
	part_end(q, p);
}

/* --- life --- */

void
queue_init(struct queue *q, const struct q_env *env)
{
	size_t i;

	memset(q, 0, sizeof(*q));
	q->env = env;
	RB_INIT(&q->messages);
	RB_INIT(&q->failing);
	TAILQ_INIT(&q->failing_by_age);
	STAILQ_INIT(&q->fresh);
	STAILQ_INIT(&q->owed);
	dests_init(&q->dests);
	doms_init(&q->doms, &q->dests);
	sessions_init(&q->sessions);
	paces_init(&q->paces);
	for (i = 0; i < NSTORES; i++)
		q->maintain_at[i] = SCHED_NEVER;
}

void
queue_free(struct queue *q)
{
	struct message *m;
	struct fresh *f;
	struct notice *n;
	size_t i;

	while ((f = STAILQ_FIRST(&q->fresh)) != NULL) {
		STAILQ_REMOVE_HEAD(&q->fresh, entry);
		queue_drop(q, f->msg);
		fresh_free(f);
	}
	while ((n = STAILQ_FIRST(&q->owed)) != NULL) {
		STAILQ_REMOVE_HEAD(&q->owed, entry);
		notice_free(n);
	}
	while ((m = RB_MIN(message_tree, &q->messages)) != NULL) {
		unlink_message(q, m);
		message_end(q, m);
	}
	sessions_free(&q->sessions);
	paces_free(&q->paces);
	doms_free(&q->doms);
	dests_free(&q->dests);
	for (i = 0; i < NSTORES; i++) {
		if (q->stores[i] != NULL) /* it could be opened */
			store_close(q->stores[i]);
	}
	rules_free(&q->rules);
	free(q->env_buf);
	free(q->group);
}

/*
 * Routes are looked for again at each part's next attempt, and at once for
 * what could not go anywhere.
 */
static void
routes_changed(struct queue *q)
{
	q->routes++;
	doms_wake(&q->doms, q->now);
}

void
queue_set_conf(struct queue *q, const struct conf *conf)
{
	q->conf = conf;
	q->dests.limit = conf->limits.out_sessions;
	if (q->dests.limit == 0)
		q->dests.limit = 1;
	q->epoch++;
	queue_set_ages(q);
	queue_set_paces(q);
	routes_changed(q);
}

void
queue_time(struct queue *q, uint64_t mono, uint64_t real)
{
	uint64_t wall, was = q->clock.wall0;

	q->now = mono;
	q->real = real;
	if (was == 0 || qclock_follow(&q->clock, mono, real)) {
		q->jumped = false;
		if (q->clock.wall0 != was)
			queue_recheck_ages(q);
		return;
	}
	if (q->jumped || q->clock.distrusted)
		return;
	q->jumped = true;
	wall = qclock_wall(&q->clock, mono);
	report_clock((int64_t)(real - wall));
}

static void
set_gauges(const struct queue *q)
{
	stats_set(STAT_Q_MESSAGES_IN, q->nmessages[Q_IN]);
	stats_set(STAT_Q_MESSAGES_OUT, q->nmessages[Q_OUT]);
	stats_set(STAT_Q_BYTES_IN, q->bytes[Q_IN]);
	stats_set(STAT_Q_BYTES_OUT, q->bytes[Q_OUT]);
	stats_set(STAT_Q_HELD, q->nheld);
}

bool
queue_turn(struct queue *q)
{
	q->more = false;
	if (queue_commit_due(q))
		(void)queue_commit(q);
	queue_tick(q);
	queue_ask(q);
	queue_pump(q);
	queue_upkeep(q);
	set_gauges(q);
	return q->more || queue_commit_due(q);
}

static uint64_t
least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t
queue_next(const struct queue *q)
{
	const struct session *s = TAILQ_FIRST(&q->sessions.idle);
	uint64_t at = queue_commit_next(q);

	at = least(at, dests_next_time(&q->dests));
	at = least(at, doms_next_time(&q->doms));
	at = least(at, asks_next_time(&q->asks));
	at = least(at, queue_dir_next(q));
	at = least(at, fail_next(q));
	at = least(at, notice_next(q));
	at = least(at, queue_ages_next(q));
	at = least(at, queue_rules_next(q));
	if (s != NULL)
		at = least(at, s->since + SESSION_IDLE_MS);
	return at;
}

void
queue_drain(struct queue *q)
{
	size_t i;

	q->draining = true;
	for (i = 0; i < NSTORES; i++)
		q->results_at[i] = q->now;
	while (!TAILQ_EMPTY(&q->sessions.idle))
		queue_end_session(q, TAILQ_FIRST(&q->sessions.idle));
}

bool
queue_quiet(const struct queue *q)
{
	size_t i;

	for (i = 0; i < NSTORES; i++) {
		if (q->stores[i] != NULL && store_batch_bytes(q->stores[i]) > 0)
			return false;
	}
	return q->sessions.n == 0 && STAILQ_EMPTY(&q->fresh);
}
