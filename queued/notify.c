/* SPDX-License-Identifier: ISC */
/*
 * Reports to senders: see notify.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "queued/notify.h"
#include "queued/queue_int.h"
#include "queued/report.h"

/* Words of success that wait for room. */
#define OWED_MAX      1000U
#define OWED_AGAIN_MS 30000U

struct notify_rcpt *
notify_add(struct notify_list *l, uint16_t rcpt, const struct qo_outcome *o)
{
	struct notify_rcpt *v;
	size_t cap;

	if (l->n == l->cap) {
		cap = l->cap == 0 ? 1 : 2 * l->cap;
		v = reallocarray(l->v, cap, sizeof(*v));
		if (v == NULL)
			return NULL;
		l->v = v;
		l->cap = cap;
	}
	v = &l->v[l->n++];
	memset(v, 0, sizeof(*v));
	v->rcpt = rcpt;
	v->outcome = *o;
	return v;
}

static int
by_rcpt(const void *a, const void *b)
{
	const struct notify_rcpt *x = a, *y = b;

	return x->rcpt < y->rcpt ? -1 : x->rcpt > y->rcpt;
}

void
notice_free(struct notice *n)
{
	if (n == NULL)
		return;
	free(n->list.v);
	free(n->text);
	free(n);
}

uint32_t
notice_warned(const struct store_extra *e)
{
	const uint8_t *p = e->data;

	if (e->len != 4)
		return UINT32_MAX;
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	    (uint32_t)p[3] << 24;
}

void
notice_settled(struct queue *q, struct notice *n)
{
	const uint32_t age = n->list.warned;
	const uint8_t data[] = { (uint8_t)age, (uint8_t)(age >> 8),
		(uint8_t)(age >> 16), (uint8_t)(age >> 24) };
	const struct store_extra warned = { .tag = EXTRA_WARNED,
		.len = sizeof(data),
		.data = data };
	struct store_state st = { .extras = &warned, .nextras = 1 };
	struct message *m = queue_find(q, n->about);

	if (m == NULL)
		return;
	if (n->kind == BOUNCE_FAILED)
		fail_record(q, m, &n->list);
	else if (n->kind == BOUNCE_DELAYED)
		queue_state(q, m, &st);
}

bool
notice_refused(struct queue *q, struct notice *n)
{
	struct message *m = queue_find(q, n->about);

	if (n->kind == BOUNCE_RELAYED) {
		notice_owe(q, n);
		return true;
	}
	if (m == NULL)
		return false;
	if (n->kind == BOUNCE_FAILED) {
		fail_again(q, m, &n->list);
		return false;
	}
	if (m->warned > n->list.before)
		m->warned = n->list.before;
	queue_warn_again(q, m, n->list.age);
	return false;
}

/* --- what is owed --- */

void
notice_owe(struct queue *q, struct notice *n)
{
	struct notice *first;

	if (q->nowed == OWED_MAX) {
		first = STAILQ_FIRST(&q->owed);
		STAILQ_REMOVE_HEAD(&q->owed, entry);
		q->nowed--;
		report_dropped(first->about, first->to, REASON_STORE_ERROR);
		notice_free(first);
	}
	STAILQ_INSERT_TAIL(&q->owed, n, entry);
	q->nowed++;
	q->owed_at = q->now + OWED_AGAIN_MS;
}

void
notice_time(struct queue *q)
{
	struct notice *n;

	while (q->owed_at <= q->now && (n = STAILQ_FIRST(&q->owed)) != NULL) {
		STAILQ_REMOVE_HEAD(&q->owed, entry);
		q->nowed--;
		if (queue_append_notice(q, n) == -1)
			notice_owe(q, n); /* which puts off the others */
	}
}

uint64_t
notice_next(const struct queue *q)
{
	return STAILQ_EMPTY(&q->owed) ? SCHED_NEVER : q->owed_at;
}

/* What the report needs of the message, read in one go. */
struct reader {
	struct queue *q;
	struct message *msg;
	enum bounce_kind kind;
	struct notify_list *list;
	struct envelope env;
	struct bounce_rcpt *rcpts; /* those to be reported */
	size_t n;
	struct msg_rcpt *text; /* their addresses */
	uint64_t until;	       /* Unix s: the last of them is given up */
	int error;
};

static bool
wants(const struct reader *r, uint8_t notify)
{
	static const uint8_t bits[] = { [BOUNCE_FAILED] = NOTIFY_FAILURE,
		[BOUNCE_DELAYED] = NOTIFY_DELAY,
		[BOUNCE_RELAYED] = NOTIFY_SUCCESS };

	/* RFC 3461 4.1: without NOTIFY, failures, and delays as we like */
	if (r->env.sender[0] == '\0' || (notify & NOTIFY_NEVER) != 0)
		return false;
	if (notify == 0)
		return r->kind != BOUNCE_RELAYED;
	return (notify & bits[r->kind]) != 0;
}

/* The last reply, where the outcome has none of its own. */
static void
fill_from_state(struct notify_rcpt *n, const struct store_state *st)
{
	struct qo_outcome *o = &n->outcome;
	size_t i, len;

	if (o->code != 0)
		return;
	for (i = 0; i < st->nrcpts; i++) {
		if (st->rcpts[i].index == n->rcpt)
			break;
	}
	if (i == st->nrcpts || st->rcpts[i].text_len == 0)
		return;
	len = st->rcpts[i].text_len;
	if (len >= sizeof(o->text))
		len = sizeof(o->text) - 1;
	memcpy(o->text, st->rcpts[i].text, len);
	o->text[len] = '\0';
	o->code = st->rcpts[i].code;
}

/* Unix s at which a recipient is given up */
static uint64_t
until(struct reader *r, const char *addr)
{
	const struct conf *conf = r->q->conf;
	const char *domain;
	uint64_t at;
	size_t len;

	domain = direction_domain_of(addr, &len);
	at = r->msg->accepted / 1000 +
	    conf_expire(conf, conf_schedule_find(conf, domain, len));
	if (at > r->until)
		r->until = at;
	return at;
}

static void
take_rcpt(struct reader *r, struct notify_rcpt *n, const struct env_rcpt *er)
{
	struct msg_rcpt *text = &r->text[r->n];

	env_copy_rcpt(er, text);
	if (!n->logged)
		report_delivery(&(struct report_delivery){ .id = r->msg->id,
		    .to = text->addr,
		    .flow = queue_flow_to(r->q, r->msg, text->addr),
		    .outcome = &n->outcome,
		    .delay = message_age(r->q, r->msg) });
	n->logged = true;
	if (!wants(r, er->notify))
		return;
	r->rcpts[r->n++] = (struct bounce_rcpt){ .addr = text->addr,
		.orcpt = text->orcpt,
		.enh = n->outcome.enh,
		.code = n->outcome.code,
		.text = n->outcome.text,
		.remote = n->remote,
		.until = until(r, text->addr) };
}

static int
on_message(void *arg, const struct store_msg *sm)
{
	struct reader *r = arg;
	struct notify_rcpt *n;
	struct env_iter it;
	struct env_rcpt er;
	size_t i = 0;

	if (env_get(sm->env, sm->env_len, &r->env) == -1) {
		r->error = EBADMSG;
		return 0;
	}
	env_iter(&it, sm->env, sm->env_len);
	while (i < r->list->n && env_next(&it, &er) == 1) {
		n = &r->list->v[i];
		if (er.index != n->rcpt)
			continue;
		i++;
		if (n->outcome.reason == REASON_EXPIRED ||
		    r->kind == BOUNCE_DELAYED)
			fill_from_state(n, &sm->state);
		take_rcpt(r, n, &er);
	}
	return 0;
}

static bool
requires_tls(const struct reader *r)
{
	return (r->env.flags & MSG_F_REQUIRETLS) != 0;
}

static int
build(struct reader *r, struct bounce_text *text)
{
	static char body[BOUNCE_FULL_MAX];
	struct queue *q = r->q;
	struct message *m = r->msg;
	uint64_t wall = qclock_wall(&q->clock, q->now);
	char id[MSGID_STRLEN], token[20];
	struct bounce b = { .kind = r->kind,
		.hostname = q->conf->hostname,
		.to = r->env.sender,
		.envid = r->env.envid,
		.token = token,
		.arrival = m->accepted / 1000,
		.now = wall / 1000,
		.until = r->until,
		/* RFC 8689 5: of these the text never goes back */
		.ret = requires_tls(r) ? RET_HDRS : r->env.ret,
		.rcpts = r->rcpts,
		.nrcpts = r->n,
		.body = body,
		.size = m->size };
	ssize_t n;

	b.id = msgid_fmt(m->id, id);
	(void)snprintf(token, sizeof(token), "%08x%08x",
	    (unsigned)q->env->random(q->env->arg),
	    (unsigned)q->env->random(q->env->arg));
	/* unreadable: the report goes without it */
	n = store_read(queue_store(q, m), message_loc(m), 0, body,
	    m->size < sizeof(body) ? m->size : sizeof(body));
	b.body_len = n < 0 ? 0 : (size_t)n;
	return bounce_build(&b, text);
}

static int
send_report(struct reader *r)
{
	struct bounce_text text;
	struct notice *n;

	n = calloc(1, sizeof(*n));
	if (n == NULL)
		return -1;
	if (build(r, &text) == -1) {
		free(n);
		errno = ENOMEM;
		return -1;
	}
	n->text = text.text;
	n->len = text.len;
	n->flags = text.flags;
	/* RFC 8689 5: what it quotes needs the same protection */
	if (requires_tls(r))
		n->flags |= MSG_F_REQUIRETLS;
	n->store = r->msg->store;
	n->kind = r->kind;
	n->about = r->msg->id;
	(void)strlcpy(n->to, r->env.sender, sizeof(n->to));
	n->list = *r->list;
	if (queue_append_notice(r->q, n) == -1) {
		if (n->kind == BOUNCE_RELAYED) {
			notice_owe(r->q, n);
			return 1;
		}
		n->list.v = NULL;
		notice_free(n);
		return -1;
	}
	return 1;
}

/* Is there a way to the sender?  What nobody can be told of is logged. */
static bool
reachable(const struct reader *r)
{
	struct direction way;

	if (r->env.sender[0] == '\0') {
		if (r->kind == BOUNCE_FAILED)
			report_dropped(r->msg->id, "", REASON_NONE);
		return false;
	}
	direction_decide(r->q->conf, ORIGIN_BOUNCE, r->env.sender, &way);
	if (way.way != WAY_REFUSE)
		return true;
	if (r->kind == BOUNCE_FAILED && r->n > 0)
		report_dropped(r->msg->id, r->env.sender, way.reason);
	return false;
}

static int
read_and_send(struct reader *r)
{
	struct store *st = queue_store(r->q, r->msg);

	if (store_load(st, message_loc(r->msg), on_message, r) == -1) {
		if (errno != EBADMSG)
			return -1;
		r->error = errno;
	}
	if (r->error != 0) {
		/* not even its envelope: there is nobody to be told */
		report_dropped(r->msg->id, "", REASON_STORE_ERROR);
		return 0;
	}
	if (!reachable(r) || r->n == 0)
		return 0;
	return send_report(r);
}

int
notify_sender(struct queue *q, struct message *m, enum bounce_kind kind,
    struct notify_list *l)
{
	struct reader r = { .q = q, .msg = m, .kind = kind, .list = l };
	int rc = -1;

	qsort(l->v, l->n, sizeof(l->v[0]), by_rcpt);
	r.rcpts = calloc(l->n, sizeof(*r.rcpts));
	r.text = calloc(l->n, sizeof(*r.text));
	if (r.rcpts == NULL || r.text == NULL)
		errno = ENOMEM;
	else
		rc = read_and_send(&r);
	free(r.rcpts);
	free(r.text);
	return rc;
}
