/* SPDX-License-Identifier: ISC */
/*
 * What the operator sees of the queue: messages, recipients, destinations.
 */
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include "queued/queue_int.h"

/* Messages looked at for the oldest ones, and rows of destinations. */
#define SCAN_MAX  50000U
#define DESTS_MAX 1000U

uint64_t
ctl_wall(const struct queue *q, uint64_t mono)
{
	return mono <= q->now ? 0 : qclock_wall(&q->clock, mono);
}

uint64_t
ctl_next(const struct part *p)
{
	switch ((enum part_state)p->state) {
	case PART_LATER:
		return p->u.timer.at;
	case PART_READY:
		return dest_holds_until(p->dest);
	case PART_ROUTE:
	case PART_STUCK:
		return p->dom->is_timed ? p->dom->timer.at : 0;
	case PART_NEW:
	case PART_ASKED:
	case PART_ACTIVE:
	case PART_HELD:
	case PART_SUSPENDED:
		return 0;
	}
	return 0;
}

/* --- rows --- */

struct row_job {
	struct cq_row *row;
	const struct part *part; /* whose first recipient is shown */
};

const struct store_rcpt *
ctl_state_of(const struct store_state *st, uint32_t index)
{
	size_t i;

	for (i = 0; i < st->nrcpts; i++) {
		if (st->rcpts[i].index == index)
			return &st->rcpts[i];
	}
	return NULL;
}

void
ctl_copy(char *to, size_t cap, const char *text, size_t len)
{
	if (len >= cap)
		len = cap - 1;
	memcpy(to, text, len);
	to[len] = '\0';
}

static void
first_rcpt(struct row_job *j, const struct store_msg *sm)
{
	static struct msg_rcpt rcpt;
	const struct store_rcpt *sr;
	struct env_iter it;
	struct env_rcpt er;

	env_iter(&it, sm->env, sm->env_len);
	while (env_next(&it, &er) == 1) {
		if (er.index != j->part->rcpt[0])
			continue;
		env_copy_rcpt(&er, &rcpt);
		(void)strlcpy(j->row->rcpt, rcpt.addr, sizeof(j->row->rcpt));
		break;
	}
	sr = ctl_state_of(&sm->state, j->part->rcpt[0]);
	if (sr != NULL && sr->text_len > 0)
		ctl_copy(j->row->text, sizeof(j->row->text), sr->text,
		    sr->text_len);
}

/* Why it is held: poison and the like by name, else as the operator said. */
static void
held_text(struct cq_row *row, const struct store_state *st)
{
	if (row->state != CQ_HELD || st->text_len == 0)
		return;
	ctl_copy(row->text, sizeof(row->text), st->text, st->text_len);
	row->reason = REASON_HELD;
	if (strcmp(row->text, reason_name(REASON_POISON)) == 0)
		row->reason = REASON_POISON;
	if (strcmp(row->text, reason_name(REASON_STORE_ERROR)) == 0)
		row->reason = REASON_STORE_ERROR;
}

static int
on_row(void *arg, const struct store_msg *sm)
{
	static struct envelope env;
	struct row_job *j = arg;

	if (env_get(sm->env, sm->env_len, &env) == -1)
		return 0;
	(void)strlcpy(j->row->sender, env.sender, sizeof(j->row->sender));
	j->row->client = env.client;
	if (j->part != NULL && j->part->n > 0)
		first_rcpt(j, sm);
	held_text(j->row, &sm->state);
	return 0;
}

const struct qo_outcome *
ctl_trouble(const struct part *p)
{
	if (p->dest == NULL || p->dest->fails == 0)
		return NULL;
	return p->dest->trouble;
}

bool
ctl_is_active(const struct message *m)
{
	const struct part *p;

	for (p = m->parts; p != NULL; p = p->next) {
		if (p->state == PART_ACTIVE)
			return true;
	}
	return false;
}

static void
fill_state(const struct queue *q, const struct message *m, struct cq_row *row)
{
	bool suspended = false;
	const struct part *p;
	uint64_t at, next = SCHED_NEVER;

	for (p = m->parts; p != NULL; p = p->next) {
		if (p->attempts > row->attempts)
			row->attempts = p->attempts;
		if (p->reason != REASON_NONE)
			row->reason = (enum reason)p->reason;
		if (queue_suspends(q, p, p->dest) != NULL) {
			suspended = true;
			continue;
		}
		at = ctl_next(p);
		if (at < next)
			next = at;
	}
	row->state = suspended ? CQ_SUSPENDED : CQ_WAITING;
	if (ctl_is_active(m))
		row->state = CQ_ACTIVE;
	else if ((m->flags & QM_HELD) != 0)
		row->state = CQ_HELD;
	if (row->state == CQ_WAITING && next != SCHED_NEVER)
		row->next = ctl_wall(q, next);
}

void
ctl_fill_row(struct queue *q, const struct message *m, struct cq_row *row)
{
	struct row_job j = { row, m->parts };
	const struct qo_outcome *o;

	memset(row, 0, sizeof(*row));
	row->msgid = m->id;
	row->accepted = m->accepted;
	row->expires = queue_expires(q, m);
	row->size = m->size;
	row->origin = m->origin;
	row->nrcpt = m->nrcpt;
	row->nopen = m->nopen;
	fill_state(q, m, row);
	if (store_load(queue_store(q, m), message_loc(m), on_row, &j) == -1)
		row->reason = REASON_STORE_ERROR;
	o = m->parts == NULL || row->state == CQ_HELD ? NULL
						      : ctl_trouble(m->parts);
	if (o != NULL) {
		row->reason = o->reason;
		(void)strlcpy(row->text, o->text, sizeof(row->text));
	}
}

/* --- one message --- */

struct show_job {
	struct queue *q;
	const struct part **parts; /* by recipient */
	uint32_t nparts;
	int (*emit)(void *, const struct cq_rcpt *);
	void *arg;
	uint32_t count;
};

static void
fill_rcpt(const struct show_job *j, const struct env_rcpt *er,
    const struct store_rcpt *sr, struct cq_rcpt *r)
{
	const struct part *p =
	    er->index < j->nparts ? j->parts[er->index] : NULL;
	const struct qo_outcome *o = p == NULL ? NULL : ctl_trouble(p);

	memset(r, 0, sizeof(*r));
	ctl_copy(r->addr, sizeof(r->addr), er->addr, er->addr_len);
	if (sr != NULL) {
		r->status = sr->status;
		r->reason = (enum reason)sr->reason;
		r->code = sr->code;
		r->attempts = sr->attempts;
		ctl_copy(r->text, sizeof(r->text),
		    sr->text == NULL ? "" : sr->text, sr->text_len);
	}
	if (p == NULL)
		return;
	r->attempts = p->attempts;
	(void)strlcpy(r->hop, p->dest != NULL ? p->dest->name : p->dom->name,
	    sizeof(r->hop));
	if (r->reason == REASON_NONE)
		r->reason = (enum reason)p->reason;
	if (o == NULL)
		return;
	r->reason = o->reason;
	r->code = o->code;
	(void)strlcpy(r->text, o->text, sizeof(r->text));
}

static int
on_show(void *arg, const struct store_msg *sm)
{
	static struct cq_rcpt r;
	struct show_job *j = arg;
	struct env_iter it;
	struct env_rcpt er;

	env_iter(&it, sm->env, sm->env_len);
	while (env_next(&it, &er) == 1) {
		fill_rcpt(j, &er, ctl_state_of(&sm->state, er.index), &r);
		if (j->emit(j->arg, &r) == -1)
			return 0;
		j->count++;
	}
	return 0;
}

enum cq_result
queue_show(struct queue *q, uint64_t id,
    int (*row)(void *, const struct cq_row *),
    int (*rcpt)(void *, const struct cq_rcpt *), void *arg)
{
	static struct cq_row r;
	struct message *m = queue_find(q, id);
	struct show_job j = { .q = q, .emit = rcpt, .arg = arg };
	const struct part *p;
	uint16_t i;

	if (m == NULL)
		return CQ_NO_SUCH;
	ctl_fill_row(q, m, &r);
	if (row(arg, &r) == -1)
		return CQ_DONE;
	j.parts = calloc(m->nrcpt, sizeof(struct part *));
	if (j.parts != NULL)
		j.nparts = m->nrcpt;
	for (p = m->parts; p != NULL; p = p->next) {
		for (i = 0; i < p->n; i++) {
			if (p->rcpt[i] < j.nparts)
				j.parts[p->rcpt[i]] = p;
		}
	}
	(void)store_load(queue_store(q, m), message_loc(m), on_show, &j);
	free(j.parts);
	return CQ_DONE;
}

/* --- destinations --- */

/* The oldest message of each: the first that the table has for it. */
static void
find_oldest(struct queue *q)
{
	struct dest *d;
	struct message *m;
	struct part *p;
	uint64_t id = 0;
	uint32_t missing = 0;
	unsigned scan = 2 * SCAN_MAX;

	for (d = dests_first(&q->dests); d != NULL; d = dests_next(d)) {
		d->oldest = 0;
		if (d->nparts > 0)
			missing++;
	}
	while (missing > 0 && scan-- > 0 && (m = queue_after(q, id)) != NULL) {
		id = m->id;
		for (p = m->parts; p != NULL; p = p->next) {
			if (p->dest == NULL || p->dest->oldest != 0)
				continue;
			p->dest->oldest = m->accepted;
			missing--;
		}
	}
}

static void
fill_dest(const struct queue *q, const struct dest *d, struct cq_dest *row)
{
	memset(row, 0, sizeof(*row));
	row->side = d->side;
	row->waiting = d->nready + (uint32_t)d->later.n;
	row->active = d->nactive;
	row->sessions = d->opening + d->open;
	row->limit = d->window;
	row->oldest = d->oldest;
	row->next = ctl_wall(q, dest_holds_until(d));
	(void)strlcpy(row->name, d->name, sizeof(row->name));
	if (d->trouble != NULL)
		(void)strlcpy(row->text, d->trouble->text, sizeof(row->text));
}

static uint32_t
waits_at(const struct dom *d)
{
	return d->waiting.n + d->asked.n + d->stuck.n + d->suspended.n;
}

/* Mail whose next hop is not known, or suspended, waits at its domain. */
static void
fill_dom(const struct queue *q, const struct dom *d, struct cq_dest *row)
{
	memset(row, 0, sizeof(*row));
	row->side = (uint8_t)(conf_domain_find(q->conf, d->name, d->len) != NULL
		? SIDE_INT
		: SIDE_EXT);
	row->waiting = waits_at(d);
	row->next = d->is_timed ? ctl_wall(q, d->timer.at) : 0;
	(void)strlcpy(row->name, d->name, sizeof(row->name));
	(void)strlcpy(row->text,
	    d->suspended.n > 0	 ? "suspended"
		: d->stuck.n > 0 ? "no route"
				 : "waits for the directory",
	    sizeof(row->text));
}

enum cq_result
queue_dests(struct queue *q, int (*emit)(void *, const struct cq_dest *),
    void *arg, uint32_t *count)
{
	static struct cq_dest row;
	struct dest *d;
	struct dom *m;

	*count = 0;
	find_oldest(q);
	for (d = dests_first(&q->dests); d != NULL; d = dests_next(d)) {
		if (d->nparts == 0 && d->open + d->opening == 0)
			continue;
		if (*count == DESTS_MAX)
			return CQ_MORE;
		fill_dest(q, d, &row);
		if (emit(arg, &row) == -1)
			return CQ_DONE;
		++*count;
	}
	for (m = doms_first(&q->doms); m != NULL; m = doms_next(m)) {
		if (waits_at(m) == 0)
			continue;
		if (*count == DESTS_MAX)
			return CQ_MORE;
		fill_dom(q, m, &row);
		if (emit(arg, &row) == -1)
			return CQ_DONE;
		++*count;
	}
	return CQ_DONE;
}
