/* SPDX-License-Identifier: ISC */
/*
 * What the spool holds when the program starts becomes the queue again: the
 * same messages, each with its open recipients, its schedule and its age.
 */
#include <string.h>

#include "common/base/log.h"

#include "queued/queue_int.h"
#include "queued/report.h"

/* steps of upkeep before the first peer: enough to make the first segments */
#define UPKEEP_AT_START 100

/* domain of a recipient that has none: there is no way to it */
#define NO_DOMAIN "invalid"

/* Its state; entries are few beside the recipients, and mostly in order. */
static bool
is_open(const struct store_state *st, uint32_t index, size_t *cursor)
{
	size_t i, n;

	for (n = 0; n < st->nrcpts; n++) {
		i = (*cursor + n) % st->nrcpts;
		if (st->rcpts[i].index == index) {
			*cursor = i + 1;
			return st->rcpts[i].status == 0;
		}
		/* in order: it cannot come any more */
		if (n == 0 && st->rcpts[i].index > index)
			return true;
	}
	return true;
}

static int
recover_rcpts(struct queue *q, struct message *m, const struct store_msg *sm)
{
	struct env_iter it;
	struct env_rcpt r;
	size_t cursor = 0;
	const char *at;

	m->nopen = 0;
	env_iter(&it, sm->env, sm->env_len);
	while (env_next(&it, &r) == 1) {
		if (!is_open(&sm->state, r.index, &cursor))
			continue;
		if ((r.notify & NOTIFY_SUCCESS) != 0)
			m->flags |= QM_SUCCESS;
		at = memrchr(r.addr, '@', r.addr_len);
		if (at == NULL || at + 1 == r.addr + r.addr_len) {
			if (group_add(q, NO_DOMAIN, strlen(NO_DOMAIN),
				(uint16_t)r.index) == -1)
				return -1;
		} else if (group_add(q, at + 1,
			       (size_t)(r.addr + r.addr_len - at - 1),
			       (uint16_t)r.index) == -1) {
			return -1;
		}
		m->nopen++;
	}
	return group_end(q, m);
}

static void
recover_state(struct message *m, const struct store_state *st)
{
	struct part *p;
	size_t i;

	if (st->held)
		m->flags |= QM_HELD;
	m->crashes = st->poison < UINT8_MAX ? (uint8_t)st->poison : UINT8_MAX;
	for (i = 0; i < st->nextras; i++) {
		if (st->extras[i].tag == EXTRA_WARNED)
			m->warned = notice_warned(&st->extras[i]);
	}
	for (p = m->parts; p != NULL; p = p->next) {
		p->attempts = st->attempts < UINT16_MAX ? (uint16_t)st->attempts
							: UINT16_MAX;
		p->u.wait.at = st->next; /* queue time until the start */
	}
}

/*
 * What is not known to have been tried since is as old as its acceptance
 * (its time may be far ahead, if its sender is paced); a next attempt was set
 * at most the longest interval before it is due.
 */
static uint64_t
stamp_of(const struct queue *q, const struct message *m,
    const struct store_state *st)
{
	uint64_t longest = q->longest_retry;

	if (st->attempts > 0 && st->next > longest &&
	    st->next - longest > m->accepted)
		return st->next - longest;
	return m->accepted;
}

static void
on_message(void *arg, const struct store_msg *sm)
{
	static struct envelope env;
	struct q_spool *spool = arg;
	struct queue *q = spool->q;
	struct message *m;
	uint64_t stamp;

	if (env_get(sm->env, sm->env_len, &env) == -1 ||
	    env.nrcpt > UINT16_MAX) {
		report_lost(sm->loc.id);
		return;
	}
	env.id = sm->loc.id;
	env.size = sm->size;
	m = message_new(&env, spool->store);
	if (m == NULL)
		fatal("memory for the queue");
	m->slot = sm->loc.slot;
	group_begin(q);
	if (recover_rcpts(q, m, sm) == -1)
		fatal("memory for the queue");
	recover_state(m, &sm->state);
	stamp = stamp_of(q, m, &sm->state);
	if (stamp > q->newest)
		q->newest = stamp;
	queue_insert(q, m);
}

static const char *const store_names[NSTORES] = { "in", "out" };

/* A lost message is found to be so when it is read the next time. */
static void
on_event(void *arg, const struct store_event *e)
{
	const struct q_spool *spool = arg;

	report_store(store_names[spool->store], e);
}

int
queue_open(struct queue *q, enum q_store store, const struct store_ops *ops,
    int dirfd, const struct store_params *params)
{
	struct q_spool *spool = &q->spools[store];
	struct store_callbacks cb = { .arg = spool,
		.message = on_message,
		.event = on_event };

	spool->q = q;
	spool->store = store;
	if (store_open(&q->stores[store], ops, dirfd, params, &cb) == -1)
		return -1;
	report_recovered(store_names[store], q->nmessages[store],
	    q->bytes[store]);
	if (store == Q_OUT)
		queue_rules_open(q, ops, dirfd);
	return 0;
}

/* Each part as it was left: held, to be tried at its time, or now. */
static void
resume(struct queue *q, struct message *m)
{
	uint64_t latest = q->now + q->longest_retry, at;
	struct part *p, *next;

	if (m->nopen == 0) {
		queue_finish(q, m);
		return;
	}
	parts_link(m);
	if (m->crashes >= 2 && (m->flags & QM_HELD) == 0)
		queue_hold(q, m, REASON_POISON);
	for (p = m->parts; p != NULL; p = next) {
		next = p->next;
		at = p->u.wait.at;
		if (at != 0)
			at = qclock_mono(&q->clock, at);
		if (p->attempts > 0 && at > latest)
			at = latest;
		else if (at > q->now + q->longest_life)
			at = q->now + q->longest_life;
		if ((m->flags & QM_HELD) != 0)
			p->state = PART_HELD;
		else
			queue_route(q, p, at);
	}
}

/* A new spool has no room yet: nobody shall meet it before it has. */
static void
make_room(struct queue *q, unsigned i)
{
	enum reason why;
	unsigned n;

	q->maintain_at[i] = q->now;
	if (q->stores[i] == NULL)
		return;
	for (n = 0; n < UPKEEP_AT_START; n++)
		if (store_room_max(q->stores[i], &why) > 0 ||
		    store_maintain(q->stores[i]) != 1)
			break;
}

void
queue_start(struct queue *q)
{
	struct message *m;
	unsigned i;
	uint64_t id = 0;

	qclock_start(&q->clock, q->now, q->real, q->newest, q->longest_life);
	if (q->clock.distrusted)
		report_clock((int64_t)(q->real - q->clock.wall0));
	/* ids of this start and of those before it may differ by chance only */
	q->last_id += q->env->random(q->env->arg);
	while ((m = queue_after(q, id)) != NULL) {
		id = m->id;
		resume(q, m);
	}
	for (i = 0; i < NSTORES; i++)
		make_room(q, i);
	queue_upkeep(q); /* which tells the room */
}
