/* SPDX-License-Identifier: ISC */
/*
 * Why a message is still here: for each group of its recipients what it waits
 * for, what chose its route, and what was said last.
 */
#include <assert.h>
#include <string.h>

#include <bsd/string.h>

#include "queued/queue_int.h"

/* Others counted ahead of it; more are as good as this. */
#define AHEAD_MAX 100000U

struct why_job {
	struct cq_why *why;
	const struct part *part;
};

static int
on_why(void *arg, const struct store_msg *sm)
{
	struct why_job *j = arg;
	const struct store_rcpt *sr;
	struct env_iter it;
	struct env_rcpt er;

	env_iter(&it, sm->env, sm->env_len);
	while (env_next(&it, &er) == 1) {
		if (er.index != j->part->rcpt[0])
			continue;
		ctl_copy(j->why->rcpt, sizeof(j->why->rcpt), er.addr,
		    er.addr_len);
		break;
	}
	sr = ctl_state_of(&sm->state, j->part->rcpt[0]);
	if (sr != NULL && sr->text_len > 0) {
		j->why->code = sr->code;
		ctl_copy(j->why->text, sizeof(j->why->text), sr->text,
		    sr->text_len);
	}
	if (j->why->wait == CQ_W_HELD)
		ctl_copy(j->why->note, sizeof(j->why->note),
		    sm->state.text == NULL ? "" : sm->state.text,
		    sm->state.text_len);
	return 0;
}

/* Counted from its place to the head, the shorter the nearer its turn. */
static uint32_t
count_ahead(const struct part *p)
{
	uint32_t n = 0;

	while (n < AHEAD_MAX &&
	    (p = TAILQ_PREV(p, part_list, u.wait.link)) != NULL)
		n++;
	return n;
}

static void
suspended(const struct cq_rule *r, struct cq_why *w)
{
	w->wait = CQ_W_SUSPENDED;
	w->by = r->uid;
	w->until = r->until;
	(void)strlcpy(w->note, r->text, sizeof(w->note));
}

static void
fill_wait(const struct queue *q, const struct part *p, struct cq_why *w)
{
	const struct cq_rule *r;

	w->next = ctl_wall(q, ctl_next(p));
	switch ((enum part_state)p->state) {
	case PART_NEW:
	case PART_ROUTE:
	case PART_ASKED:
		w->wait = CQ_W_DIRECTORY;
		break;
	case PART_STUCK:
		w->wait = CQ_W_ROUTE;
		break;
	case PART_READY:
		assert(p->dest != NULL);
		w->wait = p->dest->pausing ? CQ_W_PAUSE
		    : p->dest->spent	   ? CQ_W_RATE
					   : CQ_W_TURN;
		w->ahead = count_ahead(p);
		break;
	case PART_LATER:
		/* put off before it was ever tried: its sender's pace */
		w->wait = p->attempts == 0 && p->reason == REASON_NONE
		    ? CQ_W_RATE
		    : CQ_W_TIME;
		break;
	case PART_ACTIVE:
		w->wait = CQ_W_ACTIVE;
		return;
	case PART_HELD:
		w->wait = CQ_W_HELD;
		return;
	case PART_SUSPENDED: /* until its turn to look again comes */
		w->wait = CQ_W_TURN;
		break;
	}
	r = queue_suspends(q, p, p->dest);
	if (r != NULL)
		suspended(r, w);
}

static void
fill_route(const struct queue *q, const struct part *p, struct cq_why *w)
{
	const struct cq_rule *r =
	    rules_find(&q->rules, CQ_REROUTE, p->dom->name);
	struct direction way;

	direction_domain(q->conf, (enum origin)p->msg->origin, p->dom->name,
	    p->dom->len, &way);
	if (way.way == WAY_REFUSE)
		return;
	if (r != NULL) {
		w->route = CQ_R_REROUTE;
		w->by = w->wait == CQ_W_SUSPENDED ? w->by : r->uid;
		(void)strlcpy(w->rule, r->name, sizeof(w->rule));
	} else if (way.way == WAY_EXT_OUT) {
		w->route = CQ_R_CONNECTOR;
		w->line = way.connector->pos.line;
		(void)strlcpy(w->rule, way.connector->pattern, sizeof(w->rule));
	} else {
		w->route = CQ_R_DOMAIN;
		w->line = way.domain->pos.line;
		(void)strlcpy(w->rule, way.domain->name, sizeof(w->rule));
	}
}

static void
fill(struct queue *q, const struct part *p, struct cq_why *w)
{
	struct why_job j = { w, p };
	const struct message *m = p->msg;
	const struct qo_outcome *o;

	memset(w, 0, sizeof(*w));
	w->flow = queue_flow(q, p);
	w->reason = (enum reason)p->reason;
	w->attempts = p->attempts;
	w->nrcpt = p->n;
	w->expires = m->accepted +
	    conf_expire(q->conf, queue_schedule(q, p->dom)) * 1000ULL;
	(void)strlcpy(w->domain, p->dom->name, sizeof(w->domain));
	if (p->dest != NULL) {
		(void)strlcpy(w->hop, p->dest->name, sizeof(w->hop));
		w->sessions = p->dest->opening + p->dest->open;
		w->limit = p->dest->window;
	}
	fill_wait(q, p, w);
	fill_route(q, p, w);
	if (p->n > 0 &&
	    store_load(queue_store(q, m), message_loc(m), on_why, &j) == -1)
		w->reason = REASON_STORE_ERROR;
	/* held a moment ago, and not on disk yet */
	if (w->wait == CQ_W_HELD && w->note[0] == '\0')
		(void)strlcpy(w->note, reason_name(w->reason), sizeof(w->note));
	o = ctl_trouble(p);
	if (o != NULL) {
		w->reason = o->reason;
		w->code = o->code;
		(void)strlcpy(w->text, o->text, sizeof(w->text));
	}
}

enum cq_result
queue_why(struct queue *q, uint64_t id,
    int (*emit)(void *, const struct cq_why *), void *arg, uint32_t *count)
{
	static struct cq_why w;
	const struct message *m = queue_find(q, id);
	const struct part *p;

	*count = 0;
	if (m == NULL)
		return CQ_NO_SUCH;
	for (p = m->parts; p != NULL; p = p->next) {
		fill(q, p, &w);
		if (emit(arg, &w) == -1)
			break;
		++*count;
	}
	return CQ_DONE;
}
