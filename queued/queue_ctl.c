/* SPDX-License-Identifier: ISC */
/*
 * What the operator sees of the queue, and does to it.
 */
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include "queued/queue_int.h"
#include "queued/report.h"

/* Messages looked at for one page, and rows of destinations. */
#define SCAN_MAX  50000U
#define DESTS_MAX 1000U

static uint64_t
wall_of(const struct queue *q, uint64_t mono)
{
	return mono <= q->now ? 0 : qclock_wall(&q->clock, mono);
}

/* ms, monotonic, of its next attempt; 0: now, or it is in a session */
static uint64_t
next_of(const struct part *p)
{
	switch ((enum part_state)p->state) {
	case PART_LATER:
		return p->u.timer.at;
	case PART_READY:
		return p->dest->pausing ? p->dest->pause : 0;
	case PART_ROUTE:
	case PART_STUCK:
		return p->dom->is_timed ? p->dom->timer.at : 0;
	case PART_NEW:
	case PART_ASKED:
	case PART_ACTIVE:
	case PART_HELD:
		return 0;
	}
	return 0;
}

/* --- rows --- */

struct row_job {
	struct cq_row *row;
	const struct part *part; /* whose first recipient is shown */
};

static const struct store_rcpt *
state_of(const struct store_state *st, uint32_t index)
{
	size_t i;

	for (i = 0; i < st->nrcpts; i++) {
		if (st->rcpts[i].index == index)
			return &st->rcpts[i];
	}
	return NULL;
}

static void
copy_text(char *to, size_t cap, const char *text, size_t len)
{
	if (len >= cap)
		len = cap - 1;
	memcpy(to, text, len);
	to[len] = '\0';
}

static int
on_row(void *arg, const struct store_msg *sm)
{
	static struct envelope env;
	static struct msg_rcpt rcpt;
	struct row_job *j = arg;
	const struct store_rcpt *sr;
	struct env_iter it;
	struct env_rcpt er;

	if (env_get(sm->env, sm->env_len, &env) == -1)
		return 0;
	(void)strlcpy(j->row->sender, env.sender, sizeof(j->row->sender));
	j->row->client = env.client;
	if (j->part == NULL || j->part->n == 0)
		return 0;
	env_iter(&it, sm->env, sm->env_len);
	while (env_next(&it, &er) == 1) {
		if (er.index != j->part->rcpt[0])
			continue;
		env_copy_rcpt(&er, &rcpt);
		(void)strlcpy(j->row->rcpt, rcpt.addr, sizeof(j->row->rcpt));
		break;
	}
	sr = state_of(&sm->state, j->part->rcpt[0]);
	if (sr != NULL && sr->text_len > 0)
		copy_text(j->row->text, sizeof(j->row->text), sr->text,
		    sr->text_len);
	return 0;
}

static const struct qo_outcome *
trouble_of(const struct part *p)
{
	if (p->dest == NULL || p->dest->fails == 0)
		return NULL;
	return p->dest->trouble;
}

static void
fill_state(const struct queue *q, const struct message *m, struct cq_row *row)
{
	const struct part *p;
	uint64_t at, next = SCHED_NEVER;

	row->state = CQ_WAITING;
	for (p = m->parts; p != NULL; p = p->next) {
		at = next_of(p);
		if (at < next)
			next = at;
		if (p->attempts > row->attempts)
			row->attempts = p->attempts;
		if (p->reason != REASON_NONE)
			row->reason = (enum reason)p->reason;
		if (p->state == PART_ACTIVE)
			row->state = CQ_ACTIVE;
	}
	if ((m->flags & QM_HELD) != 0 && row->state != CQ_ACTIVE)
		row->state = CQ_HELD;
	if (row->state == CQ_WAITING && next != SCHED_NEVER)
		row->next = wall_of(q, next);
}

static void
fill_row(struct queue *q, const struct message *m, struct cq_row *row)
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
	o = m->parts == NULL ? NULL : trouble_of(m->parts);
	if (o != NULL) {
		row->reason = o->reason;
		(void)strlcpy(row->text, o->text, sizeof(row->text));
	}
}

static bool
goes_to(const struct message *m, const struct dom *d)
{
	const struct part *p;

	for (p = m->parts; p != NULL; p = p->next) {
		if (p->dom == d)
			return true;
	}
	return false;
}

static void
end_with(struct cq_end *end, enum cq_result result, uint64_t after)
{
	end->result = result;
	end->after = after;
}

void
queue_list(struct queue *q, const struct cq_list *want,
    int (*emit)(void *, const struct cq_row *), void *arg, struct cq_end *end)
{
	static struct cq_row row;
	const struct dom *d = NULL;
	struct message *m;
	uint64_t after = want->after;
	unsigned scan = SCAN_MAX;

	memset(end, 0, sizeof(*end));
	end_with(end, CQ_DONE, after);
	if (want->domain[0] != '\0') {
		d = dom_find(&q->doms, want->domain, strlen(want->domain));
		if (d == NULL)
			return;
	}
	while ((m = queue_after(q, after)) != NULL) {
		if (end->count == want->limit || scan-- == 0) {
			end_with(end, CQ_MORE, after);
			return;
		}
		after = m->id;
		if (d != NULL && !goes_to(m, d))
			continue;
		fill_row(q, m, &row);
		if (emit(arg, &row) == -1)
			return;
		end->count++;
	}
	end_with(end, CQ_DONE, after);
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
	const struct qo_outcome *o = p == NULL ? NULL : trouble_of(p);

	memset(r, 0, sizeof(*r));
	copy_text(r->addr, sizeof(r->addr), er->addr, er->addr_len);
	if (sr != NULL) {
		r->status = sr->status;
		r->reason = (enum reason)sr->reason;
		r->code = sr->code;
		r->attempts = sr->attempts;
		copy_text(r->text, sizeof(r->text),
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
		fill_rcpt(j, &er, state_of(&sm->state, er.index), &r);
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
	fill_row(q, m, &r);
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

enum cq_result
queue_remove(struct queue *q, uint64_t id, uint32_t uid)
{
	struct message *m = queue_find(q, id);
	struct part *p, *next;

	if (m == NULL)
		return CQ_NO_SUCH;
	report_removed(id, uid);
	m->flags |= QM_REMOVE;
	m->nopen = (uint16_t)(m->nopen - fail_count(q, m));
	fail_forget(q, m);
	for (p = m->parts; p != NULL; p = next) {
		next = p->next;
		if (p->state == PART_ACTIVE)
			continue;
		m->nopen = (uint16_t)(m->nopen - p->n);
		part_free(q, p);
	}
	if (m->nopen > 0)
		return CQ_BUSY;
	queue_finish(q, m);
	(void)queue_commit(q);
	return CQ_DONE;
}

/* --- flush --- */

static uint32_t
flush_all(struct queue *q)
{
	struct dest *d;
	uint32_t n = 0;

	for (d = dests_first(&q->dests); d != NULL; d = dests_next(d)) {
		n += (uint32_t)d->later.n;
		if (d->pausing)
			n += d->nready;
		dest_flush(&q->dests, d);
	}
	doms_wake(&q->doms, q->now);
	return n;
}

/* One of the domain's parts: true if that changes when it is tried. */
static bool
flush_part(struct queue *q, struct part *p)
{
	struct dest *d = p->dest;

	if (p->state == PART_STUCK || p->state == PART_ROUTE)
		return p->dom->is_timed;
	if (p->state == PART_READY && d->pausing) {
		dest_unpause(&q->dests, d);
		return true;
	}
	if (p->state != PART_LATER)
		return false;
	dest_take(&q->dests, p);
	dest_push(&q->dests, d, p);
	dest_unpause(&q->dests, d);
	return true;
}

static uint32_t
flush_domain(struct queue *q, struct dom *d)
{
	struct message *m;
	struct part *p;
	uint64_t id = 0;
	uint32_t n = 0;

	while ((m = queue_after(q, id)) != NULL) {
		id = m->id;
		for (p = m->parts; p != NULL; p = p->next) {
			if (p->dom == d && flush_part(q, p))
				n++;
		}
	}
	d->fails = 0;
	if (d->is_timed)
		dom_set_time(&q->doms, d, q->now);
	return n;
}

enum cq_result
queue_flush(struct queue *q, const char *domain, uint32_t uid, uint32_t *count)
{
	struct dom *d;

	*count = 0;
	if (domain[0] == '\0') {
		*count = flush_all(q);
	} else {
		d = dom_find(&q->doms, domain, strlen(domain));
		if (d == NULL || d->nparts == 0)
			return CQ_NO_SUCH;
		*count = flush_domain(q, d);
	}
	report_flushed(domain, uid, *count);
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
	row->next = d->pausing ? wall_of(q, d->pause) : 0;
	(void)strlcpy(row->name, d->name, sizeof(row->name));
	if (d->trouble != NULL)
		(void)strlcpy(row->text, d->trouble->text, sizeof(row->text));
}

/* Mail whose next hop is not known waits at its domain. */
static void
fill_dom(const struct queue *q, const struct dom *d, struct cq_dest *row)
{
	memset(row, 0, sizeof(*row));
	row->side = SIDE_INT;
	row->waiting = d->waiting.n + d->asked.n + d->stuck.n;
	row->next = d->is_timed ? wall_of(q, d->timer.at) : 0;
	(void)strlcpy(row->name, d->name, sizeof(row->name));
	(void)strlcpy(row->text,
	    d->stuck.n > 0 ? "no route" : "waits for the directory",
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
		if (m->waiting.n + m->asked.n + m->stuck.n == 0)
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
