/* SPDX-License-Identifier: ISC */
/*
 * What became of a job, recipient by recipient.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include "queued/queue_int.h"
#include "queued/report.h"

struct job {
	struct session *session;
	struct message *msg;
	const struct qo_result *result;
	const struct q_outcome *outcomes;
	struct job_rcpt rcpts[QO_RCPTS_MAX];
	size_t n;
	const char *addr[QO_RCPTS_MAX]; /* of rcpts[i] */
	uint8_t place[QO_RCPTS_MAX];	/* of outcome i in rcpts */
	bool done[QO_RCPTS_MAX];	/* rcpts[i] is not open any more */
	bool again[QO_RCPTS_MAX];	/* rcpts[i] was one too many */
	struct store_rcpt states[QO_RCPTS_MAX];
	size_t nstates;
	bool delivered;		 /* some */
	struct notify_list told; /* of success, if they want that */
};

/* --- log --- */

struct report_job {
	struct queue *q;
	const struct part *part;
	struct report_delivery line;
};

static int
on_report(void *arg, const struct store_msg *sm)
{
	struct report_job *r = arg;
	static struct msg_rcpt rcpt;
	struct env_iter it;
	struct env_rcpt er;
	uint16_t i = 0;

	env_iter(&it, sm->env, sm->env_len);
	while (i < r->part->n && env_next(&it, &er) == 1) {
		if (er.index != r->part->rcpt[i])
			continue;
		i++;
		env_copy_rcpt(&er, &rcpt);
		r->line.to = rcpt.addr;
		report_delivery(&r->line);
	}
	return 0;
}

void
queue_report_part(struct queue *q, const struct part *p,
    const struct qo_outcome *o, const struct qo_relay *relay)
{
	struct report_job r = { q, p,
		{ .id = p->msg->id,
		    .flow = queue_flow(q, p),
		    .outcome = o,
		    .relay = relay,
		    .delay = message_age(q, p->msg) } };

	/* unreadable: found out, and dealt with, when it is handed out */
	(void)store_load(queue_store(q, p->msg), message_loc(p->msg), on_report,
	    &r);
}

/* --- a result --- */

static int
place_of(const struct job *j, uint16_t rcpt)
{
	size_t i;

	for (i = 0; i < j->n; i++) {
		if (j->rcpts[i].rcpt == rcpt)
			return (int)i;
	}
	return -1;
}

/* Each recipient of the job once, and no other. */
static int
check_outcomes(struct job *j)
{
	bool seen[QO_RCPTS_MAX] = { false };
	size_t i;
	int at;

	if (j->result->msgid != j->msg->id || j->result->n != j->n)
		return -1;
	for (i = 0; i < j->n; i++) {
		at = place_of(j, j->outcomes[i].rcpt);
		if (at == -1 || seen[at])
			return -1;
		seen[at] = true;
		j->place[i] = (uint8_t)at;
	}
	return 0;
}

static void
find_addresses(struct job *j)
{
	const char *s = j->session->rcpts;
	size_t i;

	for (i = 0; i < j->n; i++) {
		j->addr[i] = s;
		s += strlen(s) + 1;
	}
}

static void
add_state(struct job *j, const struct q_outcome *o, uint8_t status,
    const struct part *p)
{
	j->states[j->nstates++] = (struct store_rcpt){ .index = o->rcpt,
		.status = status,
		.reason = (uint8_t)o->outcome.reason,
		.code = o->outcome.code,
		.attempts = (uint16_t)(p->attempts + 1),
		.text = o->outcome.text,
		.text_len = (uint16_t)strlen(o->outcome.text) };
}

/*
 * RFC 3461 5.2: a server that took NOTIFY over tells what becomes of the
 * message; of one that does not know it, word is ours.
 */
static void
note_success(struct job *j, const struct q_outcome *o)
{
	struct notify_rcpt *n;

	if ((j->msg->flags & QM_SUCCESS) == 0 || j->result->dsn)
		return;
	n = notify_add(&j->told, o->rcpt, &o->outcome);
	if (n == NULL) {
		log_warn("word of success");
		return;
	}
	n->logged = true;
	(void)strlcpy(n->remote, j->result->relay.name, sizeof(n->remote));
}

/* In one batch with the end of what it is about, and before that. */
static void
tell_success(struct queue *q, struct job *j)
{
	if (j->told.n == 0)
		return;
	switch (notify_sender(q, j->msg, BOUNCE_RELAYED, &j->told)) {
	case 1: /* the report has taken the list */
		return;
	case -1:
		log_warn("word of success");
		break;
	default:
		break;
	}
	free(j->told.v);
}

static bool
is_one_too_many(const struct q_outcome *o)
{
	return o->outcome.status == QO_DEFERRED &&
	    o->outcome.reason == REASON_TOO_MANY_RCPTS;
}

static void
take_outcome(struct queue *q, struct job *j, const struct q_outcome *o,
    unsigned place)
{
	struct part *p = j->rcpts[place].part;

	switch (o->outcome.status) {
	case QO_DELIVERED:
		add_state(j, o, QO_DELIVERED, p);
		j->done[place] = j->delivered = true;
		j->msg->nopen--;
		note_success(j, o);
		return;
	case QO_FAILED:
		/* recorded together with the notice to the sender */
		if (fail_add(q, j->msg, o->rcpt, &o->outcome,
			j->result->relay.name, true) == 0) {
			j->done[place] = true;
			return;
		}
		break;
	case QO_DEFERRED:
		break;
	}
	add_state(j, o, 0, p);
	p->reason = (uint8_t)o->outcome.reason;
	j->again[place] = is_one_too_many(o);
}

/*
 * Recipients that the server could not take in this transaction are tried at
 * once in another.  Each of these has fewer of them, whatever is said: it
 * counts only if something else became of another.
 */
static void
check_again(struct job *j)
{
	size_t i;

	for (i = 0; i < j->n; i++)
		if (!is_one_too_many(&j->outcomes[i]))
			return;
	memset(j->again, 0, sizeof(j->again));
}

static void
take_outcomes(struct queue *q, struct job *j)
{
	struct part *p;
	size_t i;

	for (i = 0; i < j->n; i++) {
		const struct q_outcome *o = &j->outcomes[i];

		report_delivery(&(struct report_delivery){ .id = j->msg->id,
		    .to = j->addr[j->place[i]],
		    .flow = queue_flow(q, j->rcpts[j->place[i]].part),
		    .outcome = &o->outcome,
		    .relay = &j->result->relay,
		    .delay = message_age(q, j->msg) });
		take_outcome(q, j, o, j->place[i]);
	}
	check_again(j);
	/* what is left of each part, in order */
	for (p = j->session->parts; p != NULL; p = p->u.active.next)
		p->n = 0;
	for (i = 0; i < j->n; i++) {
		p = j->rcpts[i].part;
		if (!j->done[i])
			p->rcpt[p->n++] = j->rcpts[i].rcpt;
	}
}

/* --- the session --- */

static bool
is_loss(enum reason r)
{
	return r == REASON_CONN_LOST || r == REASON_TIMEOUT ||
	    r == REASON_CONNECT || r == REASON_REMOTE_GREETING ||
	    r == REASON_REMOTE_HELO || r == REASON_REMOTE_PROTOCOL;
}

/* The session went down with the job: was it the server? */
static bool
was_lost(const struct job *j)
{
	uint16_t i;

	if (j->result->keep || j->delivered)
		return false;
	for (i = 0; i < j->result->n; i++) {
		if (j->outcomes[i].outcome.status != QO_DEFERRED ||
		    !is_loss(j->outcomes[i].outcome.reason))
			return false;
	}
	return true;
}

static void
judge_destination(struct queue *q, const struct job *j, struct dest *d)
{
	uint64_t ms;

	if (!was_lost(j)) {
		/* how long a large one takes is for its line to say */
		if (j->delivered && j->msg->size <= QO_INLINE_MAX)
			dest_replied(&q->dests, d, j->result->delay);
		else
			dest_success(&q->dests, d, j->delivered);
		return;
	}
	ms = queue_backoff_ms(q, d, j->session->parts);
	if (dest_job_lost(&q->dests, d, &j->outcomes[0].outcome, q->now, ms))
		report_paused(d, ms);
}

static void
next_job(struct queue *q, struct session *s, bool keep)
{
	uint32_t limit = s->dest->max_messages;

	if (limit == 0)
		limit = q->conf->limits.out_messages;
	if (!keep) {
		queue_leave(q, s);
		return;
	}
	session_set_idle(&q->sessions, s, q->now);
	dest_check(&q->dests, s->dest);
	if (q->draining || (limit > 0 && s->jobs >= limit))
		queue_end_session(q, s);
	else
		(void)queue_yield(q, s);
}

/* --- the parts --- */

bool
queue_part_back(struct queue *q, struct part *p)
{
	struct message *m = p->msg;

	if ((m->flags & QM_REMOVE) != 0) {
		m->nopen = (uint16_t)(m->nopen - p->n);
		part_free(q, p);
		if (m->nopen == 0)
			queue_finish(q, m);
		return true;
	}
	if (queue_part_old(q, p)) {
		fail_part(q, p, &queue_too_old);
		fail_check(q, m);
		return true;
	}
	if ((m->flags & QM_HELD) != 0) {
		p->state = PART_HELD;
		return true;
	}
	return false;
}

static void
record(struct queue *q, struct job *j, uint64_t at, uint16_t attempts)
{
	struct store_state st = { .rcpts = j->states, .nrcpts = j->nstates };
	struct message *m = j->msg;

	if (at != 0) {
		st.set = STORE_SET_NEXT | STORE_SET_ATTEMPTS;
		st.next = qclock_wall(&q->clock, at);
		st.attempts = attempts;
	}
	if (queue_is_suspect(m)) {
		/* it came back whole: it was not the message */
		m->crashes = 0;
		m->flags &= (uint8_t)~QM_MARKED;
		st.set |= STORE_SET_POISON;
	}
	if (st.set != 0 || st.nrcpts > 0)
		queue_state(q, m, &st);
}

/* The places of a part's recipients that are tried at once; how many. */
static uint16_t
list_again(const struct job *j, const struct part *p, uint16_t *rcpt)
{
	uint16_t n = 0;
	size_t i;

	if ((p->msg->flags & (QM_REMOVE | QM_HELD)) != 0)
		return 0;
	for (i = 0; i < j->n; i++)
		if (j->rcpts[i].part == p && j->again[i])
			rcpt[n++] = j->rcpts[i].rcpt;
	return n;
}

/* They leave the part for one of their own, which is ready. */
static void
split_again(struct queue *q, const struct job *j, struct part *p,
    struct dest *d)
{
	uint16_t rcpt[QO_RCPTS_MAX], n = list_again(j, p, rcpt);
	uint16_t from, to = 0, k = 0;
	struct part *rest;

	if (n == 0 || (rest = part_new(q, p->msg, p->dom, n)) == NULL)
		return;
	memcpy(rest->rcpt, rcpt, n * sizeof(rcpt[0]));
	rest->n = n;
	rest->attempts = p->attempts;
	rest->reason = p->reason;
	rest->routes = p->routes;
	for (from = 0; from < p->n; from++) {
		if (k < n && p->rcpt[from] == rcpt[k])
			k++;
		else
			p->rcpt[to++] = p->rcpt[from];
	}
	p->n = to;
	dest_push_front(&q->dests, d, rest);
}

/*
 * Those of its recipients that are left are tried again at *at.  Its attempts
 * so far; 0: none is left.
 */
static uint16_t
settle_part(struct queue *q, const struct job *j, struct part *p,
    struct dest *d, uint64_t *at)
{
	dest_returned(&q->dests, p);
	split_again(q, j, p, d);
	if (p->n == 0) {
		part_free(q, p);
		return 0;
	}
	if (p->attempts < UINT16_MAX)
		p->attempts++;
	*at = q->now + queue_retry_ms(q, p->dom, p->attempts);
	dest_defer(&q->dests, d, p, *at);
	return p->attempts;
}

/*
 * The message was removed or held meanwhile: so is what came back of it.  The
 * last of its parts may end it.
 */
static void
overtaken(struct queue *q, struct message *m)
{
	struct part *p, *next;

	for (p = m->parts; p != NULL; p = next) {
		next = p->next;
		if (p->state != PART_LATER)
			continue;
		part_detach(q, p);
		(void)queue_part_back(q, p);
	}
}

static void
settle(struct queue *q, struct job *j, struct dest *d)
{
	struct session *s = j->session;
	struct message *m = j->msg;
	uint16_t n, attempts = 0;
	struct part *p;
	uint64_t at = 0;
	bool old = false;

	tell_success(q, j);
	while ((p = s->parts) != NULL) {
		s->parts = p->u.active.next;
		old = old || queue_part_old(q, p);
		n = settle_part(q, j, p, d, &at);
		if (n > attempts)
			attempts = n;
	}
	if (m->nopen == 0) {
		queue_finish(q, m);
		return;
	}
	record(q, j, at, attempts);
	if ((m->flags & (QM_REMOVE | QM_HELD)) != 0 && at != 0)
		overtaken(q, m);
	else if (old)
		fail_old(q, m);
	else
		fail_check(q, m);
}

int
queue_result(struct queue *q, struct worker *w, uint32_t id,
    const struct qo_result *r, const struct q_outcome *outcomes)
{
	static struct job j;
	struct session *s = session_find(&q->sessions, w, id);

	if (s == NULL || s->state != SESSION_BUSY)
		return -1;
	if (s->parts == NULL) { /* the message was lost meanwhile */
		next_job(q, s, r->keep);
		return 0;
	}
	memset(&j, 0, sizeof(j));
	j.session = s;
	j.msg = s->parts->msg;
	j.result = r;
	j.outcomes = outcomes;
	j.n = job_rcpts(s->parts, j.rcpts);
	if (check_outcomes(&j) == -1)
		return -1;
	if (queue_is_suspect(j.msg) && w->nsuspects > 0)
		w->nsuspects--;
	queue_in_hand(j.msg);
	find_addresses(&j);
	take_outcomes(q, &j);
	judge_destination(q, &j, s->dest);
	settle(q, &j, s->dest);
	queue_in_hand(NULL);
	next_job(q, s, r->keep);
	return 0;
}
