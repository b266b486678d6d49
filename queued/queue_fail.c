/* SPDX-License-Identifier: ISC */
/*
 * Recipients that have failed.  They are gathered until nothing more is about
 * to fail of the same message, so that its sender gets one report.  The report
 * becomes a message, and when that is durable the failures are recorded.  A
 * crash before that tries those recipients again; no failure, of the disk or
 * of a process, can leave one that nobody is told of.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "queued/notify.h"
#include "queued/queue_int.h"
#include "queued/report.h"

/* A report waits no longer than this for others of its message. */
#define GATHER_MS 30000U
/* The store has no room for a report: none is tried before. */
#define AGAIN_MS 30000U
/* A report is smaller than a message that would need a file of its own. */
#define REPORT_MAX (900UL * 1024)
/* Parts looked at to see whether more is to come. */
#define LOOK_MAX 64U

struct failing {
	RB_ENTRY(failing) entry;
	TAILQ_ENTRY(failing) by_age;
	struct message *msg;
	uint64_t id; /* of msg: the key */
	uint64_t since;
	size_t room; /* estimate of the report's size */
	struct notify_list list;
};

static int
failing_cmp(const struct failing *a, const struct failing *b)
{
	if (a->id != b->id)
		return a->id < b->id ? -1 : 1;
	return 0;
}

RB_GENERATE_STATIC(failing_tree, failing, entry, failing_cmp)

static struct failing *
find(struct queue *q, const struct message *m)
{
	struct failing key = { .id = m->id };

	if ((m->flags & QM_FAILING) == 0)
		return NULL;
	return RB_FIND(failing_tree, &q->failing, &key);
}

static struct failing *
get(struct queue *q, struct message *m)
{
	struct failing *f = find(q, m);

	if (f != NULL)
		return f;
	f = calloc(1, sizeof(*f));
	if (f == NULL)
		return NULL;
	f->msg = m;
	f->id = m->id;
	f->since = q->now;
	m->flags |= QM_FAILING;
	RB_INSERT(failing_tree, &q->failing, f);
	TAILQ_INSERT_TAIL(&q->failing_by_age, f, by_age);
	return f;
}

void
fail_forget(struct queue *q, struct message *m)
{
	struct failing *f = find(q, m);

	if (f == NULL)
		return;
	m->flags = (uint8_t)(m->flags & ~QM_FAILING);
	RB_REMOVE(failing_tree, &q->failing, f);
	TAILQ_REMOVE(&q->failing_by_age, f, by_age);
	free(f->list.v);
	free(f);
}

uint16_t
fail_count(struct queue *q, struct message *m)
{
	const struct failing *f = find(q, m);

	return f == NULL ? 0 : (uint16_t)f->list.n;
}

int
fail_add(struct queue *q, struct message *m, uint16_t rcpt,
    const struct qo_outcome *o, const char *remote, bool logged)
{
	struct failing *f = get(q, m);
	struct notify_rcpt *r;

	if (f == NULL)
		return -1;
	r = notify_add(&f->list, rcpt, o);
	if (r == NULL)
		return -1;
	r->logged = logged;
	(void)strlcpy(r->remote, remote, sizeof(r->remote));
	f->room += 2048 + 2 * strlen(o->text);
	return 0;
}

/* Their report is durable, or nobody wants one; m may be done with that. */
void
fail_record(struct queue *q, struct message *m, const struct notify_list *l)
{
	struct store_state st = { 0 };
	struct store_rcpt *v;
	size_t i;

	m->nopen = (uint16_t)(m->nopen - l->n);
	if (m->nopen == 0) {
		queue_finish(q, m);
		return;
	}
	v = reallocarray(NULL, l->n, sizeof(*v));
	if (v == NULL) {
		/* tried again after a restart, at worst */
		log_warn("recording a failure");
		return;
	}
	for (i = 0; i < l->n; i++) {
		const struct qo_outcome *o = &l->v[i].outcome;

		v[i] = (struct store_rcpt){ .index = l->v[i].rcpt,
			.status = QO_FAILED,
			.reason = (uint8_t)o->reason,
			.code = o->code,
			.text = o->text,
			.text_len = (uint16_t)strlen(o->text) };
	}
	st.rcpts = v;
	st.nrcpts = l->n;
	queue_state(q, m, &st);
	free(v);
}

void
fail_again(struct queue *q, struct message *m, const struct notify_list *l)
{
	size_t i;

	q->fail_pause = q->now + AGAIN_MS;
	for (i = 0; i < l->n; i++) {
		if (fail_add(q, m, l->v[i].rcpt, &l->v[i].outcome,
			l->v[i].remote, l->v[i].logged) == -1)
			log_warn("failed recipients wait for a restart");
	}
}

static void
flush(struct queue *q, struct failing *f)
{
	struct message *m = f->msg;
	struct notify_list list = f->list;

	f->list = (struct notify_list){ 0 };
	fail_forget(q, m);
	switch (notify_sender(q, m, BOUNCE_FAILED, &list)) {
	case 1: /* the report has taken the list */
		return;
	case 0:
		fail_record(q, m, &list);
		break;
	default: /* no room, no memory: later */
		if (errno == ENOENT)
			queue_lost(q, m);
		else
			fail_again(q, m, &list);
		break;
	}
	free(list.v);
}

/* Is anything of it about to have a result? */
static bool
more_to_come(const struct queue *q, const struct message *m)
{
	const struct part *p;
	unsigned n = 0;

	for (p = m->parts; p != NULL; p = p->next) {
		if (n++ == LOOK_MAX || p->state == PART_ACTIVE ||
		    p->state == PART_ASKED)
			return true;
		if (p->state == PART_READY && !p->dest->pausing)
			return true;
		if (p->state == PART_ROUTE && q->asks.up && !p->dom->is_timed)
			return true;
	}
	return false;
}

void
fail_check(struct queue *q, struct message *m)
{
	struct failing *f = find(q, m);

	if (q->fail_pause > q->now)
		return;
	if (f != NULL && (f->room > REPORT_MAX || !more_to_come(q, m)))
		flush(q, f);
}

void
fail_time(struct queue *q)
{
	unsigned max = TURN_FAIL;
	struct failing *f;

	while (q->fail_pause <= q->now &&
	    (f = TAILQ_FIRST(&q->failing_by_age)) != NULL &&
	    f->since + GATHER_MS <= q->now) {
		if (max-- == 0) {
			q->more = true;
			return;
		}
		flush(q, f);
	}
}

uint64_t
fail_next(const struct queue *q)
{
	const struct failing *f = TAILQ_FIRST(&q->failing_by_age);

	if (f == NULL)
		return SCHED_NEVER;
	if (q->fail_pause > f->since + GATHER_MS)
		return q->fail_pause;
	return f->since + GATHER_MS;
}

void
fail_part(struct queue *q, struct part *p, const struct qo_outcome *o)
{
	while (p->n > 0) {
		if (fail_add(q, p->msg, p->rcpt[p->n - 1], o, "", false) ==
		    -1) {
			queue_route(q, p, q->now + GATHER_MS);
			return;
		}
		p->n--;
	}
	part_free(q, p);
}

void
fail_old(struct queue *q, struct message *m)
{
	struct qo_outcome out;
	struct part *p, *next;

	for (p = m->parts; p != NULL; p = next) {
		next = p->next;
		if (p->state == PART_ACTIVE || !queue_part_old(q, p))
			continue;
		out = queue_too_old;
		/* what kept it, if its destination as a whole was to blame */
		if (p->dest != NULL && p->dest->trouble != NULL) {
			out.code = p->dest->trouble->code;
			(void)strlcpy(out.text, p->dest->trouble->text,
			    sizeof(out.text));
		}
		part_detach(q, p);
		fail_part(q, p, &out);
	}
	fail_check(q, m);
}

static int
list_open(struct queue *q, struct message *m, uint32_t age,
    struct notify_list *l)
{
	static const struct qo_outcome waiting = { .status = QO_DEFERRED,
		.enh = "4.4.7",
		.text = "not delivered yet" };
	const struct qo_outcome *o;
	const struct part *p;
	uint16_t i;

	for (p = m->parts; p != NULL; p = p->next) {
		if (!queue_part_warned(q, p, age) || queue_part_old(q, p))
			continue;
		o = &waiting;
		if (p->dest != NULL && p->dest->trouble != NULL)
			o = p->dest->trouble;
		for (i = 0; i < p->n; i++) {
			if (notify_add(l, p->rcpt[i], o) == NULL)
				return -1;
			l->v[l->n - 1].logged = true;
		}
	}
	return 0;
}

int
queue_warn(struct queue *q, struct message *m, uint32_t age)
{
	struct notify_list l = { .age = age,
		.warned = queue_warned_at(q, m, age),
		.before = m->warned };
	uint32_t warned = l.warned;
	int rc = list_open(q, m, age, &l);

	if (rc == 0 && l.n > 0)
		rc = notify_sender(q, m, BOUNCE_DELAYED, &l);
	if (rc == 1) /* recorded when it is durable */
		m->warned = warned;
	else
		free(l.v);
	return rc;
}
