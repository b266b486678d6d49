/* SPDX-License-Identifier: ISC */
/*
 * Handing out: sessions are opened for destinations in turn, and a part goes
 * to a session only when that has a server that greeted it.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/base/stats.h"

#include "queued/queue_int.h"
#include "queued/report.h"

/* A message that was in hand at a crash is tried again a little later. */
#define SUSPECT_MS 1000U
/* At the second time it waits for the operator. */
#define POISON_MAX 2
/* Parts that are named in the log when their destination pauses. */
#define NAMED_MAX 64U
/* Sessions of a worker that end at a time for the sake of others. */
#define YIELD_MAX 8U

/* --- sessions --- */

/* It takes no more jobs: its place at the destination is free. */
void
queue_leave(struct queue *q, struct session *s)
{
	struct dest *d = s->dest;

	session_ending(&q->sessions, s);
	s->dest = NULL;
	if (d != NULL)
		dest_closed(&q->dests, d, s->was_open);
}

static void
session_end(struct queue *q, struct session *s)
{
	queue_leave(q, s);
	session_free(&q->sessions, s);
}

void
queue_end_session(struct queue *q, struct session *s)
{
	queue_leave(q, s);
	(void)q->env->close(q->env->arg, s);
}

static bool
open_session(struct queue *q, struct dest *d)
{
	struct worker *w =
	    sessions_pick(&q->sessions, (enum side)d->side, !d->works);
	struct session *s;

	if (w == NULL)
		return false;
	s = session_new(&q->sessions, w, d);
	if (s == NULL)
		return false;
	dest_opening(&q->dests, d);
	if (q->env->open(q->env->arg, s) == -1) {
		/* its channel has failed: it will be told to be down */
		session_end(q, s);
		w->up = false;
		return false;
	}
	return true;
}

/*
 * A session is not opened for what would go elsewhere by now: that finds its
 * way first.  False: nothing is left for this destination.
 */
static bool
has_work(struct queue *q, struct dest *d)
{
	unsigned max = TURN_ROUTE;
	struct part *p;

	while ((p = TAILQ_FIRST(&d->ready)) != NULL) {
		if (queue_route_holds(q, p, d))
			return true;
		if (max-- == 0) {
			q->more = true;
			return false;
		}
		dest_take(&q->dests, p);
		queue_route(q, p, 0);
	}
	return false;
}

static bool
is_full(struct queue *q, enum side side)
{
	return sessions_pick(&q->sessions, side, false) == NULL;
}

/* Make room for those that have work by ending a session that has none. */
static void
evict_idle(struct queue *q, enum side side)
{
	struct session *s;

	TAILQ_FOREACH(s, &q->sessions.idle, by_age) {
		if (s->worker->side != side || s->dest->nready > 0)
			continue;
		queue_end_session(q, s);
		return;
	}
}

/* One more session for it; false: no more can be opened now. */
static bool
open_one(struct queue *q, struct dest *d)
{
	if (!has_work(q, d))
		return !q->more;
	if (!open_session(q, d)) {
		if (is_full(q, (enum side)d->side))
			evict_idle(q, (enum side)d->side);
		return false;
	}
	dest_last(&q->dests, d);
	return true;
}

/*
 * Those that work and those that are probed take turns: however many of the
 * one kind there are, the other gets every second session that is free.
 */
static void
open_for_hungry(struct queue *q, enum side side)
{
	struct dest_list *lists[2] = { &q->dests.hungry[side],
		&q->dests.probing[side] };
	bool open[2] = { true, true };
	struct dest *d;
	unsigned i;

	while (open[0] || open[1]) {
		i = q->list_turn[side];
		d = open[i] ? TAILQ_FIRST(lists[i]) : NULL;
		open[i] = d != NULL && open_one(q, d);
		q->list_turn[side] = !i;
	}
}

/* Is that list's next one, beside d, so much worse off than d? */
static bool
is_worse_off(const struct dest_list *list, const struct dest *d)
{
	const struct dest *other = TAILQ_FIRST(list);

	if (other == d)
		other = TAILQ_NEXT(other, hungry);
	return other != NULL &&
	    other->open + other->opening + 1 < d->open + d->opening;
}

bool
queue_yield(struct queue *q, struct session *s)
{
	struct dest *d = s->dest;
	enum side side = s->worker->side;

	/* a probe too many would not get what is given up */
	if (!is_worse_off(&q->dests.hungry[side], d) &&
	    (!is_worse_off(&q->dests.probing[side], d) ||
		!sessions_may_probe(&q->sessions, side)))
		return false;
	if (s->worker->nending >= YIELD_MAX || !is_full(q, side))
		return false;
	dest_last(&q->dests, d);
	queue_end_session(q, s);
	return true;
}

/* --- jobs --- */

/* Parts of a message looked at for more recipients of the same job. */
#define LOOK_MAX 256U

struct job_head {
	struct session *session;
	const struct job_rcpt *rcpts;
	size_t n;
	struct ibuf *out;
	int error;
};

static void
put_job_rcpt(struct job_head *j, const struct env_rcpt *r)
{
	static struct msg_rcpt rcpt;

	env_copy_rcpt(r, &rcpt);
	if (put_rcpt(j->out, &rcpt) == -1 ||
	    session_add_rcpt(j->session, rcpt.addr) == -1)
		j->error = ENOMEM;
}

/* The job's recipients and the message's are both in order. */
static int
on_job(void *arg, const struct store_msg *sm)
{
	static struct envelope env;
	static struct qo_job job;
	struct job_head *j = arg;
	struct env_iter it;
	struct env_rcpt r;
	size_t i = 0;

	j->error = EBADMSG;
	if (env_get(sm->env, sm->env_len, &env) == -1)
		return 0;
	memset(&job, 0, sizeof(job));
	job.msgid = sm->loc.id;
	job.size = sm->size;
	job.flags = (uint8_t)(env.flags & MSG_F_ALL);
	job.ret = (uint8_t)env.ret;
	job.in_fd = sm->spilled || sm->size > QO_INLINE_MAX;
	memcpy(job.sender, env.sender, sizeof(job.sender));
	memcpy(job.envid, env.envid, sizeof(job.envid));
	job.nrcpt = (uint16_t)j->n;
	if (put_qo_job(j->out, &job) == -1)
		return 0;
	j->error = 0;
	env_iter(&it, sm->env, sm->env_len);
	while (i < j->n && env_next(&it, &r) == 1) {
		if (r.index == j->rcpts[i].rcpt) {
			put_job_rcpt(j, &r);
			i++;
		}
	}
	if (i < j->n)
		j->error = EBADMSG;
	return job.in_fd;
}

/* The body behind the head, or *fd.  -1 with errno. */
static int
put_body(struct queue *q, const struct message *m, bool in_fd, struct ibuf *out,
    int *fd)
{
	struct store *st = queue_store(q, m);
	void *room;
	ssize_t n;

	*fd = -1;
	if (in_fd) {
		*fd = q->env->body_fd(q->env->arg, st, message_loc(m), m->size);
		return *fd == -1 ? -1 : 0;
	}
	room = ibuf_reserve(out, m->size);
	if (room == NULL)
		return -1;
	n = store_read(st, message_loc(m), 0, room, m->size);
	if (n == -1)
		return -1;
	if ((uint64_t)n != m->size) {
		errno = EBADMSG;
		return -1;
	}
	return 0;
}

static int
compose(struct queue *q, struct session *s, struct ibuf *out, int *fd)
{
	struct job_rcpt rcpts[QO_RCPTS_MAX];
	struct message *m = s->parts->msg;
	struct job_head j = { s, rcpts, 0, out, 0 };
	int rc;

	j.n = job_rcpts(s->parts, rcpts);
	session_clear_rcpts(s);
	q->env->scratch(q->env->arg, out);
	rc = store_load(queue_store(q, m), message_loc(m), on_job, &j);
	if (rc == -1)
		return -1;
	if (j.error != 0) {
		errno = j.error;
		return -1;
	}
	return put_body(q, m, rc == 1, out, fd);
}

void
queue_in_hand(const struct message *m)
{
	stats_keep(m != NULL ? m->id : 0);
}

void
queue_blame(struct queue *q, uint64_t id)
{
	struct message *m = queue_find(q, id);

	queue_in_hand(NULL);
	if (m == NULL || m->crashes > 0)
		return;
	m->crashes = 1;
	/* if this comes to nothing, it is as if nobody knew */
	queue_state(q, m,
	    &(struct store_state){ .set = STORE_SET_POISON, .poison = 1 });
	queue_await_commit(q, m->store, 0);
}

#define WARY_MS 60000U

void
queue_be_wary(struct queue *q)
{
	q->wary_until = q->now + WARY_MS;
}

bool
queue_is_suspect(const struct message *m)
{
	return m->crashes > 0 || (m->flags & QM_MARKED) != 0;
}

/*
 * It was in hand when a process died.  That it is so again is on disk before
 * it is: should it take us with it this time, the next start holds it.
 */
static int
mark_suspect(struct queue *q, struct message *m)
{
	struct store_state st = { .set = STORE_SET_POISON,
		.poison = m->crashes + 1U };

	queue_state(q, m, &st);
	return queue_commit(q);
}

/* At most QO_RCPTS_MAX recipients; the others are the next job. */
static int
limit_part(struct queue *q, struct dest *d, struct part *p)
{
	struct part *rest;
	uint16_t n;

	if (p->n <= QO_RCPTS_MAX)
		return 0;
	n = (uint16_t)(p->n - QO_RCPTS_MAX);
	rest = part_new(q, p->msg, p->dom, n);
	if (rest == NULL)
		return -1;
	memcpy(rest->rcpt, p->rcpt + QO_RCPTS_MAX, n * sizeof(rest->rcpt[0]));
	rest->n = n;
	rest->attempts = p->attempts;
	rest->reason = p->reason;
	rest->routes = p->routes;
	p->n = QO_RCPTS_MAX;
	dest_push_front(&q->dests, d, rest);
	return 0;
}

/* What else of the message is ready for the same destination. */
static void
gather(struct queue *q, struct session *s, size_t n)
{
	struct part *p = s->parts->msg->parts, **end;
	unsigned looked = 0;

	end = &s->parts->u.active.next;
	for (; p != NULL && looked < LOOK_MAX; p = p->next, looked++) {
		if (p->state != PART_READY || p->dest != s->dest ||
		    p->n > QO_RCPTS_MAX - n || p->routes != (uint16_t)q->routes)
			continue;
		n += p->n;
		dest_take(&q->dests, p);
		dest_hand_out(&q->dests, s->dest, p, s);
		*end = p;
		end = &p->u.active.next;
	}
}

/* The parts are the destination's again. */
static void
take_back(struct queue *q, struct session *s, uint64_t at)
{
	struct part *p;

	while ((p = s->parts) != NULL) {
		s->parts = p->u.active.next;
		dest_returned(&q->dests, p);
		if (queue_part_back(q, p))
			continue;
		if (at == 0)
			dest_push_front(&q->dests, s->dest, p);
		else
			dest_defer(&q->dests, s->dest, p, at);
	}
}

/* It could not be composed: whose fault was it? */
static void
compose_failed(struct queue *q, struct session *s, int error)
{
	struct message *m = s->parts->msg;

	switch (error) {
	case ENOENT:
		queue_lost(q, m);
		break;
	case EBADMSG:
	case EIO:
	case ERANGE:
		queue_hold(q, m, REASON_STORE_ERROR);
		take_back(q, s, 0);
		break;
	default: /* memory, descriptors: that passes */
		log_warnx("a job: %s", strerror(error));
		take_back(q, s, q->now + SUSPECT_MS);
		break;
	}
}

static uint64_t
suspect_time(const struct queue *q)
{
	return q->now + SUSPECT_MS +
	    q->env->random(q->env->arg) % (3 * SUSPECT_MS);
}

/* Give an idle session its job, if the part turns out to be one. */
static void
send_job(struct queue *q, struct session *s, struct part *p)
{
	struct dest *d = s->dest;
	struct message *m = p->msg;
	struct ibuf out;
	int fd = -1;

	queue_in_hand(m);
	if (q->now < q->wary_until)
		m->flags |= QM_MARKED;
	if ((queue_is_suspect(m) &&
		(s->worker->nsuspects > 0 || mark_suspect(q, m) == -1)) ||
	    limit_part(q, d, p) == -1) {
		dest_defer(&q->dests, d, p, suspect_time(q));
		return;
	}
	dest_hand_out(&q->dests, d, p, s);
	s->parts = p;
	if (p->next != NULL || m->parts != p)
		gather(q, s, p->n);
	if (compose(q, s, &out, &fd) == -1) {
		compose_failed(q, s, errno);
		return;
	}
	session_unset_idle(&q->sessions, s, SESSION_BUSY);
	s->since = q->now;
	s->jobs++;
	dest_spend(&q->dests, d, q->now);
	if (queue_is_suspect(m))
		s->worker->nsuspects++;
	/* if its channel has failed, the worker will be told to be down */
	if (q->env->job(q->env->arg, s, &out, fd) == -1)
		s->worker->up = false;
	dest_check(&q->dests, d);
}

static void
feed(struct queue *q, struct dest *d)
{
	unsigned max = TURN_ROUTE;
	struct session *s;
	struct part *p;

	while ((s = TAILQ_FIRST(&d->idle)) != NULL &&
	    (p = dest_pop(&q->dests, d)) != NULL) {
		if (max-- == 0) {
			dest_push_front(&q->dests, d, p);
			q->more = true;
			return;
		}
		if (queue_route_holds(q, p, d)) {
			send_job(q, s, p);
			queue_in_hand(NULL);
		} else
			queue_route(q, p, 0);
	}
}

void
queue_pump(struct queue *q)
{
	struct dest *d;
	unsigned i, max = TURN_ROUTE;

	if (q->draining)
		return;
	while (max-- > 0 && (d = TAILQ_FIRST(&q->dests.fed)) != NULL) {
		feed(q, d);
		if (q->more)
			break;
	}
	for (i = 0; i < NSIDES; i++)
		open_for_hungry(q, (enum side)i);
}

/* --- what workers say --- */

void
queue_worker_up(struct queue *q, enum side side, unsigned index)
{
	struct worker *w = sessions_worker(&q->sessions, side, index);

	if (w == NULL)
		return;
	queue_worker_down(q, side, index);
	w->up = true;
}

/* Its process died with the job in hand. */
static void
job_lost(struct queue *q, struct session *s)
{
	struct message *m = s->parts->msg;
	struct part *p;

	for (p = s->parts; p != NULL; p = p->u.active.next)
		p->reason = REASON_WORKER_LOST;
	if (m->crashes < UINT8_MAX)
		m->crashes++;
	if (m->crashes >= POISON_MAX)
		queue_hold(q, m, REASON_POISON);
	take_back(q, s, suspect_time(q));
}

void
queue_worker_down(struct queue *q, enum side side, unsigned index)
{
	struct worker *w = sessions_worker(&q->sessions, side, index);
	struct session *s;

	if (w == NULL)
		return;
	w->up = false;
	w->nsuspects = 0;
	while ((s = TAILQ_FIRST(&w->sessions)) != NULL) {
		if (s->parts != NULL)
			job_lost(q, s);
		session_end(q, s);
	}
}

int
queue_ready(struct queue *q, struct worker *w, uint32_t id)
{
	struct session *s = session_find(&q->sessions, w, id);

	if (s == NULL || s->state != SESSION_OPENING)
		return -1;
	dest_opened(&q->dests, s->dest);
	session_opened(s);
	session_set_idle(&q->sessions, s, q->now);
	dest_check(&q->dests, s->dest);
	if (q->draining)
		queue_end_session(q, s);
	return 0;
}

/* The destination pauses: those at its head are told of in the log. */
static void
name_waiting(struct queue *q, struct dest *d, const struct qo_gone *g)
{
	unsigned n = 0;
	struct part *p;

	TAILQ_FOREACH(p, &d->ready, u.wait.link) {
		if (n++ == NAMED_MAX)
			break;
		p->reason = (uint8_t)g->outcome.reason;
		queue_report_part(q, p, &g->outcome, &g->relay);
	}
}

static void
not_opened(struct queue *q, struct dest *d, const struct qo_gone *g)
{
	uint64_t ms = queue_backoff_ms(q, d, NULL);
	struct qo_gone later;

	if (g->outcome.status == QO_FAILED && !d->ordered) {
		dest_refused(&q->dests, d, &g->outcome);
		return;
	}
	/* no mail bounces because an operator mistook a name */
	later = *g;
	later.outcome.status = QO_DEFERRED;
	if (!dest_open_failed(&q->dests, d, &later.outcome, q->now, ms))
		return;
	name_waiting(q, d, &later);
	report_paused(d, ms);
}

/* It ended before our job reached it: nobody has tried that. */
static void
not_tried(struct queue *q, struct session *s, const struct qo_gone *g)
{
	struct dest *d = s->dest;
	uint64_t ms = queue_backoff_ms(q, d, s->parts);

	take_back(q, s, 0);
	if (dest_job_lost(&q->dests, d, &g->outcome, q->now, ms))
		report_paused(d, ms);
}

int
queue_gone(struct queue *q, struct worker *w, uint32_t id,
    const struct qo_gone *g)
{
	struct session *s = session_find(&q->sessions, w, id);

	if (s == NULL)
		return -1;
	if (s->parts != NULL) {
		if (queue_is_suspect(s->parts->msg) && w->nsuspects > 0)
			w->nsuspects--;
		not_tried(q, s, g);
	} else if (s->state == SESSION_OPENING) {
		not_opened(q, s->dest, g);
	}
	session_end(q, s);
	return 0;
}
