/* SPDX-License-Identifier: ISC */
/*
 * What the operator does to the messages that he selects.  A selection is
 * worked off in pages, each of them bounded, so that mail goes on meanwhile;
 * its cursor is a message's id, so that nothing has to be remembered between
 * two of them and what comes and goes meanwhile does no harm.  With a
 * recipients' domain only that domain's messages are looked at.
 *
 * What is in flight is not touched: a message that is removed or held goes, or
 * stays, when it returns.
 */
#include <string.h>

#include "queued/queue_int.h"
#include "queued/report.h"

/* Of one page: read from the store, and changed. */
#define LOADS_MAX 500
#define TOUCH_MAX 500U
/* A list that is no longer is walked from its head to find the cursor. */
#define SHORT 5000U

struct walk {
	struct queue *q;
	const struct cq_select *want;
	struct dom *dom; /* only its messages, or NULL: all */
	struct part *at; /* dom: the next one */
	uint64_t after;	 /* looked at so far */
	uint64_t at_id;	 /* at's message */
	unsigned scan;	 /* messages that may still be looked at */
	int loads;	 /* the same, read from the store */
	const struct q_emit *emit;
	struct cq_end *end;
	bool stop; /* the callback said so */
};

/* --- one after the other --- */

static struct part *
part_in(const struct message *m, const struct dom *d)
{
	struct part *p;

	for (p = m->parts; p != NULL; p = p->next) {
		if (p->dom == d && dom_linked(p))
			return p;
	}
	return NULL;
}

/* The first of the domain behind the cursor; false: not found yet. */
static bool
find_place(struct walk *w)
{
	struct message *m;

	w->at = TAILQ_FIRST(&w->dom->parts);
	if (w->after == 0 || w->dom->nparts <= SHORT) {
		while (w->at != NULL && w->at->msg->id <= w->after)
			w->at = TAILQ_NEXT(w->at, of_dom);
		return true;
	}
	while ((m = queue_after(w->q, w->after)) != NULL) {
		w->at = part_in(m, w->dom);
		if (w->at != NULL)
			return true;
		if (w->scan-- == 0)
			return false;
		w->after = m->id;
	}
	w->at = NULL;
	return true;
}

/* The next message, or NULL: none is left.  What was given may be gone now. */
static struct message *
next(struct walk *w)
{
	struct message *m;

	if (w->want->msgid != 0) {
		m = w->after == 0 ? queue_find(w->q, w->want->msgid) : NULL;
	} else if (w->dom != NULL) {
		m = w->at == NULL ? NULL : w->at->msg;
		while (w->at != NULL && w->at->msg == m)
			w->at = TAILQ_NEXT(w->at, of_dom);
	} else {
		m = queue_after(w->q, w->after);
	}
	if (m != NULL)
		w->after = m->id;
	w->at_id = w->at == NULL ? 0 : w->at->msg->id;
	return m;
}

/* What was done to one message may have ended another. */
static void
look_again(struct walk *w)
{
	const struct message *m;

	if (w->at_id == 0)
		return;
	m = queue_find(w->q, w->at_id);
	w->at = m == NULL ? NULL : part_in(m, w->dom);
	if (w->at == NULL && !find_place(w))
		w->stop = true;
}

/* --- does it fit? --- */

static bool
part_fits(const struct walk *w, const struct part *p)
{
	const struct cq_select *c = w->want;

	if (w->dom != NULL ? p->dom != w->dom
			   : c->dest[0] != '\0' &&
		    (p->dest == NULL ||
			strcasecmp(p->dest->name, c->dest) != 0))
		return false;
	return c->flow == CQ_FLOW_ANY || queue_flow(w->q, p) == c->flow;
}

static bool
parts_fit(const struct walk *w, const struct message *m)
{
	const struct part *p;

	if (w->want->dest[0] == '\0' && w->want->flow == CQ_FLOW_ANY)
		return true;
	for (p = m->parts; p != NULL; p = p->next) {
		if (part_fits(w, p))
			return true;
	}
	return false;
}

struct sender_job {
	const struct cq_select *want;
};

static int
on_sender(void *arg, const struct store_msg *sm)
{
	static struct envelope env;
	const struct sender_job *j = arg;
	const struct cq_select *c = j->want;
	const char *domain;
	size_t len;

	if (env_get(sm->env, sm->env_len, &env) == -1)
		return 0;
	switch (c->from) {
	case CQ_FROM_ANY:
		return 1;
	case CQ_FROM_NULL:
		return env.sender[0] == '\0';
	case CQ_FROM_ADDR:
		return strcasecmp(env.sender, c->sender) == 0;
	case CQ_FROM_DOMAIN:
		domain = direction_domain_of(env.sender, &len);
		return len > 0 && strcasecmp(domain, c->sender) == 0;
	}
	return 0;
}

static bool
fits(struct walk *w, const struct message *m)
{
	struct sender_job j = { w->want };

	if (w->want->older != 0 &&
	    message_age(w->q, m) < w->want->older * 1000ULL)
		return false;
	if (!parts_fit(w, m))
		return false;
	if (w->want->from == CQ_FROM_ANY)
		return true;
	w->loads--;
	return store_load(queue_store(w->q, m), message_loc(m), on_sender,
		   &j) == 1;
}

/* --- the verbs: true, if it was, or would be, touched --- */

static bool
hold(struct walk *w, struct message *m)
{
	const char *text = w->want->text;
	uint64_t id = m->id;

	if ((m->flags & (QM_HELD | QM_REMOVE)) != 0)
		return false;
	if (w->want->look)
		return true;
	if (text[0] == '\0')
		text = "by the operator";
	queue_set_held(w->q, m, REASON_HELD, text);
	report_operator("hold", id, w->want->uid, text);
	return true;
}

/* Its schedule goes on from here; what was held against it is forgotten. */
static bool
release(struct walk *w, struct message *m)
{
	struct queue *q = w->q;
	struct store_state st = { .set = STORE_SET_HELD | STORE_SET_POISON |
		    STORE_SET_TEXT | STORE_SET_NEXT,
		.held = false,
		.next = qclock_wall(&q->clock, q->now) };
	struct part *p, *after;

	if ((m->flags & QM_HELD) == 0)
		return false;
	if (w->want->look)
		return true;
	m->flags = (uint8_t)(m->flags & ~QM_HELD);
	m->crashes = 0;
	q->nheld--;
	report_operator("release", m->id, w->want->uid, "");
	for (p = m->parts; p != NULL; p = after) {
		after = p->next;
		if (p->state != PART_HELD)
			continue;
		p->reason = REASON_NONE;
		p->state = PART_NEW;
		queue_route(q, p, 0);
	}
	queue_state(q, m, &st);
	return true;
}

static enum cq_result
remove_one(struct queue *q, struct message *m, uint32_t uid)
{
	struct part *p, *after;

	report_removed(m->id, uid);
	m->flags |= QM_REMOVE;
	m->nopen = (uint16_t)(m->nopen - fail_count(q, m));
	fail_forget(q, m);
	for (p = m->parts; p != NULL; p = after) {
		after = p->next;
		if (p->state == PART_ACTIVE)
			continue;
		m->nopen = (uint16_t)(m->nopen - p->n);
		part_free(q, p);
	}
	if (m->nopen > 0)
		return CQ_BUSY;
	queue_finish(q, m);
	return CQ_DONE;
}

/* A part that waits: true if that changes when it is to be tried now. */
static bool
flush_part(struct queue *q, struct part *p, bool look)
{
	struct dest *d = p->dest;

	switch ((enum part_state)p->state) {
	case PART_STUCK:
	case PART_ROUTE:
		if (!p->dom->is_timed)
			return false;
		if (!look) {
			p->dom->fails = 0;
			dom_set_time(&q->doms, p->dom, q->now);
		}
		return true;
	case PART_READY:
		if (!d->pausing)
			return false;
		if (!look)
			dest_unpause(&q->dests, d);
		return true;
	case PART_LATER:
		if (look)
			return true;
		dest_take(&q->dests, p);
		dest_push(&q->dests, d, p);
		dest_unpause(&q->dests, d);
		return true;
	case PART_NEW:
	case PART_ASKED:
	case PART_ACTIVE:
	case PART_HELD:
	case PART_SUSPENDED:
		return false;
	}
	return false;
}

static bool
flush(struct walk *w, struct message *m)
{
	struct part *p;
	bool some = false;

	for (p = m->parts; p != NULL; p = p->next) {
		if (part_fits(w, p) && flush_part(w->q, p, w->want->look))
			some = true;
	}
	return some;
}

static bool
changes(const struct cq_select *c)
{
	return !c->look && c->verb != CQ_LIST && c->verb != CQ_SHAPE;
}

static bool
touch(struct walk *w, struct message *m)
{
	switch (w->want->verb) {
	case CQ_LIST:
	case CQ_SHAPE:
		return true;
	case CQ_HOLD:
		return hold(w, m);
	case CQ_RELEASE:
		return release(w, m);
	case CQ_REMOVE:
		if (!w->want->look)
			(void)remove_one(w->q, m, w->want->uid);
		return true;
	case CQ_FLUSH:
		return flush(w, m);
	}
	return false;
}

/* --- one page --- */

static void
row(struct walk *w, const struct message *m)
{
	static struct cq_row r;

	if (w->end->count >= w->want->limit)
		return;
	w->loads--;
	ctl_fill_row(w->q, m, &r);
	if (w->emit->row(w->emit->arg, &r) == -1)
		w->stop = true;
}

/* True: this page ends here. */
static bool
is_full(const struct walk *w)
{
	const struct cq_select *c = w->want;

	if (w->stop || w->scan == 0 || w->loads <= 0)
		return true;
	if (c->verb == CQ_LIST)
		return w->end->count >= c->limit;
	return changes(c) && w->end->count >= TOUCH_MAX;
}

/* False: no more in this page, nor was this one looked at. */
static bool
work_on(struct walk *w, struct message *m)
{
	bool active = ctl_is_active(m), shown;

	if (!fits(w, m))
		return true;
	if (w->want->verb == CQ_SHAPE && !shape_add(w->q, m))
		return false;
	shown = w->want->verb == CQ_LIST ||
	    (w->want->look && w->want->verb != CQ_SHAPE);
	if (!touch(w, m))
		return true;
	if (shown)
		row(w, m);
	w->end->count++;
	if (active && (w->want->verb == CQ_HOLD || w->want->verb == CQ_REMOVE))
		w->end->busy++;
	return true;
}

static void
work(struct walk *w)
{
	uint64_t before = w->after;
	struct message *m;

	w->end->result = CQ_MORE;
	if (w->dom != NULL && !find_place(w)) {
		w->end->after = w->after;
		return;
	}
	while (!is_full(w)) {
		m = next(w);
		if (m == NULL) {
			w->end->result = CQ_DONE;
			break;
		}
		w->scan--;
		if (!work_on(w, m)) {
			w->end->after = before;
			return;
		}
		before = w->after;
		if (w->dom != NULL && changes(w->want))
			look_again(w);
	}
	w->end->after = w->after;
	/* where the next one begins is found at once if it is still there */
	if (w->end->result == CQ_MORE && w->dom != NULL && w->at != NULL)
		w->end->after = w->at->msg->id - 1;
}

/* Everything: each destination has its own way to do that. */
static bool
is_all(const struct cq_select *c)
{
	return c->msgid == 0 && c->older == 0 && c->flow == CQ_FLOW_ANY &&
	    c->from == CQ_FROM_ANY && c->dest[0] == '\0';
}

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

void
queue_select(struct queue *q, const struct cq_select *want,
    const struct q_emit *emit, struct cq_end *end)
{
	struct walk w = { .q = q,
		.want = want,
		.after = want->after,
		.scan = CTL_SCAN_MAX,
		.loads = LOADS_MAX,
		.emit = emit,
		.end = end };

	*end = (struct cq_end){ .result = CQ_DONE };
	if (want->verb == CQ_FLUSH && !want->look && is_all(want)) {
		end->count = flush_all(q);
		report_flushed("", want->uid, end->count);
		return;
	}
	if (want->dest[0] != '\0')
		w.dom = dom_find(&q->doms, want->dest, strlen(want->dest));
	if (w.dom != NULL && w.dom->nparts == 0)
		w.dom = NULL;
	if (want->verb == CQ_SHAPE)
		shape_begin();
	work(&w);
	if (want->verb == CQ_SHAPE)
		shape_emit(q, emit);
	if (end->count == 0 || !changes(want))
		return;
	if (want->verb == CQ_FLUSH)
		report_flushed(want->dest, want->uid, end->count);
	else
		(void)queue_commit(q);
}

enum cq_result
queue_remove(struct queue *q, uint64_t id, uint32_t uid)
{
	struct message *m = queue_find(q, id);
	enum cq_result rc;

	if (m == NULL)
		return CQ_NO_SUCH;
	rc = remove_one(q, m, uid);
	if (rc == CQ_DONE)
		(void)queue_commit(q);
	return rc;
}
