/* SPDX-License-Identifier: ISC */
/*
 * Messages come in: from smtpd-in, from ourselves (reports to senders), and
 * from the store when the program starts.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "common/smtp/received.h"

#include "queued/queue_int.h"
#include "queued/report.h"

/* A larger body is not gathered in memory but goes to a file of its own. */
#define GATHER_MAX (1024UL * 1024)

/* A message as it is put together. */
struct draft {
	struct message *msg;
	struct envelope env;
	size_t env_len;
	char received[SMTP_RECEIVED_ROOM];
	size_t received_len;
	char first[MSG_ADDR_MAX + 1];
	bool success; /* somebody wants to be told of it */
};

void
fresh_free(struct fresh *f)
{
	notice_free(f->notice);
	free(f);
}

static int
reserve_env(struct queue *q, uint32_t nrcpt)
{
	size_t cap = ENV_HEAD_MAX + (size_t)nrcpt * ENV_RCPT_MAX;
	uint8_t *p;

	if (cap <= q->env_cap)
		return 0;
	p = realloc(q->env_buf, cap);
	if (p == NULL)
		return -1;
	q->env_buf = p;
	q->env_cap = cap;
	return 0;
}

static int
put_head(struct queue *q, struct draft *d)
{
	ssize_t n;

	if (reserve_env(q, d->env.nrcpt) == -1)
		return -1;
	n = env_put(q->env_buf, q->env_cap, &d->env);
	if (n == -1)
		return -1;
	d->env_len = (size_t)n;
	return 0;
}

/* One recipient, into the envelope and its group. */
static int
put_one(struct queue *q, struct draft *d, const struct msg_rcpt *r,
    uint32_t index)
{
	struct env_rcpt er = { .index = index,
		.notify = r->notify,
		.addr = r->addr,
		.addr_len = (uint16_t)strlen(r->addr),
		.orcpt = r->orcpt,
		.orcpt_len = (uint16_t)strlen(r->orcpt) };
	const char *domain;
	size_t len;
	ssize_t n;

	n = env_put_rcpt(q->env_buf + d->env_len, q->env_cap - d->env_len, &er);
	if (n == -1)
		return -1;
	d->env_len += (size_t)n;
	d->success = d->success || (r->notify & NOTIFY_SUCCESS) != 0;
	domain = direction_domain_of(r->addr, &len);
	return group_add(q, domain, len, (uint16_t)index);
}

struct message *
message_new(const struct envelope *env, enum q_store store)
{
	struct message *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	m->id = env->id;
	m->accepted = env->accepted;
	m->size = env->size;
	m->nrcpt = m->nopen = (uint16_t)env->nrcpt;
	m->origin = (uint8_t)env->origin;
	m->store = (uint8_t)store;
	return m;
}

static struct fresh *
fresh_new(struct draft *d, size_t len)
{
	struct fresh *f = calloc(1, sizeof(*f) + len);

	if (f == NULL)
		return NULL;
	f->msg = d->msg;
	f->len = len;
	return f;
}

/* --- submissions --- */

static enum q_store
store_for(enum origin origin)
{
	return origin == ORIGIN_EXT ? Q_IN : Q_OUT;
}

/* RFC 3848; SMTP after STARTTLS has no name there */
static const char *
with(const struct iq_commit *c)
{
	if ((c->flags & MSG_F_ESMTP) == 0)
		return "SMTP";
	return c->tls[0] != '\0' ? "ESMTPS" : "ESMTP";
}

/* Ours to write, so that nobody can leave it out or forge it. */
static void
compose_received(struct queue *q, const struct q_submit *s, struct draft *d)
{
	const struct iq_commit *c = s->commit;
	char ip[NETADDR_STRLEN], id[MSGID_STRLEN];
	struct smtp_outbuf o;
	struct smtp_received r = { .helo = smtp_slice_str(c->helo),
		.host = smtp_slice_str(q->conf->hostname),
		.with = with(c),
		.tls = smtp_slice_str(c->tls),
		.when = (int64_t)(q->real / 1000) };

	r.ip = smtp_slice_str(netaddr_ntop(&c->client, ip, sizeof(ip)));
	r.id = smtp_slice_str(msgid_fmt(d->env.id, id));
	if (s->nrcpt == 1)
		r.rcpt = smtp_slice_str(d->first);
	smtp_outbuf_init(&o, d->received, sizeof(d->received));
	smtp_put_received(&o, &r);
	d->received_len = o.failed ? 0 : o.len;
}

static void
fill_envelope(struct queue *q, const struct q_submit *s, struct draft *d)
{
	const struct iq_commit *c = s->commit;
	struct envelope *env = &d->env;

	memset(env, 0, sizeof(*env));
	env->id = queue_new_id(q);
	env->accepted = qclock_wall(&q->clock, q->now);
	env->origin = (enum env_origin)s->origin;
	env->listener = c->listener;
	env->nrcpt = s->nrcpt;
	env->flags = c->flags & (unsigned)~MSG_F_BOUNCE;
	env->ret = (enum msg_ret)c->ret;
	env->client = c->client;
	memcpy(env->sender, c->sender, sizeof(env->sender));
	memcpy(env->helo, c->helo, sizeof(env->helo));
	memcpy(env->envid, c->envid, sizeof(env->envid));
}

/* The recipients, each checked again whatever smtpd-in has said. */
static enum reason
take_recipients(struct queue *q, const struct q_submit *s, struct draft *d)
{
	const struct msg_rcpt *r;
	struct direction way;
	uint32_t i;

	for (i = 0; i < s->nrcpt; i++) {
		r = s->rcpt(s->arg, i);
		if (r == NULL)
			return REASON_SYNTAX;
		direction_decide(q->conf, s->origin, r->addr, &way);
		if (way.way == WAY_REFUSE) {
			report_refused(s->origin, s->commit, r->addr,
			    way.reason);
			return REASON_DIRECTION;
		}
		if (put_one(q, d, r, i) == -1)
			return errno == EINVAL ? REASON_SYNTAX
					       : REASON_STORE_ERROR;
	}
	return REASON_OK;
}

static int
append_body(struct queue *q, const struct q_submit *s, struct draft *d,
    struct store_loc *loc)
{
	static char gather[GATHER_MAX];
	struct store *st = q->stores[store_for(s->origin)];
	struct iovec body[2] = { { d->received, d->received_len } };
	struct store_source src = { body[0], s->fd, s->commit->size };
	uint64_t size = s->commit->size;
	ssize_t n;
	int rc;

	if (s->body != NULL) {
		/* store_append() does not write through it */
		body[1].iov_base = (void *)(uintptr_t)s->body;
		body[1].iov_len = size;
		return store_append(st, d->env.id, q->env_buf, d->env_len, body,
		    2, loc);
	}
	if (size > GATHER_MAX - sizeof(d->received))
		goto file;
	n = pread(s->fd, gather, size, 0);
	if (n < 0)
		return -1;
	if ((uint64_t)n != size) {
		errno = EINVAL;
		return -1;
	}
	body[1].iov_base = gather;
	body[1].iov_len = size;
	rc = store_append(st, d->env.id, q->env_buf, d->env_len, body, 2, loc);
	if (rc == 0 || errno != EMSGSIZE)
		return rc;
file: /* large, at least for the segments of a small spool */
	return store_append_fd(st, d->env.id, q->env_buf, d->env_len, &src,
	    loc);
}

static enum reason
reason_of(int error)
{
	switch (error) {
	case ENOSPC:
	case EDQUOT:
		return REASON_QUEUE_FULL;
	case EMSGSIZE:
		return REASON_TOO_BIG;
	default:
		return REASON_STORE_ERROR;
	}
}

static enum reason
append(struct queue *q, const struct q_submit *s, struct draft *d)
{
	struct store_loc loc;
	int rc = append_body(q, s, d, &loc);

	if (rc == -1 && errno == EAGAIN) {
		(void)queue_commit(q);
		rc = append_body(q, s, d, &loc);
	}
	if (rc == -1)
		return reason_of(errno);
	d->msg->slot = loc.slot;
	return REASON_OK;
}

/* smtpd-in has told its client the same limits. */
static enum reason
check_limits(const struct queue *q, const struct q_submit *s)
{
	const struct conf_limits *l = &q->conf->limits;

	if (s->nrcpt > l->recipients || s->nrcpt > UINT16_MAX)
		return REASON_TOO_MANY_RCPTS;
	if (s->commit->size > l->message_size)
		return REASON_TOO_BIG;
	return s->nrcpt == 0 ? REASON_SYNTAX : REASON_OK;
}

/* All that can fail before the store has it. */
static enum reason
make_draft(struct queue *q, const struct q_submit *s, struct draft *d)
{
	const struct msg_rcpt *r;
	enum reason why = check_limits(q, s);

	if (why != REASON_OK)
		return why;
	r = s->rcpt(s->arg, 0);
	if (r == NULL)
		return REASON_SYNTAX;
	(void)strlcpy(d->first, r->addr, sizeof(d->first));
	d->success = false;
	why = direction_submit(q->conf, s->origin, &s->commit->client,
	    s->commit->has_cert ? s->commit->cert : NULL, s->commit->sender);
	if (why != REASON_OK) {
		report_refused(s->origin, s->commit, d->first, why);
		return REASON_DIRECTION;
	}
	fill_envelope(q, s, d);
	compose_received(q, s, d);
	d->env.size = d->received_len + s->commit->size;
	if (d->received_len == 0 || put_head(q, d) == -1)
		return REASON_STORE_ERROR;
	why = take_recipients(q, s, d);
	if (why != REASON_OK)
		return why;
	d->msg = message_new(&d->env, store_for(s->origin));
	if (d->msg == NULL)
		return REASON_STORE_ERROR;
	if (d->success)
		d->msg->flags |= QM_SUCCESS;
	return group_end(q, d->msg) == 0 ? REASON_OK : REASON_STORE_ERROR;
}

static struct fresh *
make_fresh(struct queue *q, const struct q_submit *s, struct draft *d)
{
	static struct logline line;
	struct fresh *f;

	report_compose_accept(&line,
	    &(struct report_accept){ .id = d->env.id,
		.origin = s->origin,
		.commit = s->commit,
		.rcpt = d->first,
		.nrcpt = s->nrcpt,
		.size = d->env.size });
	f = fresh_new(d, line.len);
	if (f == NULL)
		return NULL;
	memcpy(f->line, line.text, line.len);
	f->at = paces_release(&q->paces, q->conf, &s->commit->client, q->now);
	f->wants_answer = true;
	f->token = s->token;
	return f;
}

static enum iq_verdict
verdict_of(enum reason why)
{
	return why == REASON_DIRECTION || why == REASON_SYNTAX ||
		why == REASON_TOO_BIG || why == REASON_TOO_MANY_RCPTS
	    ? IQ_PERM
	    : IQ_TEMP;
}

int
queue_submit(struct queue *q, const struct q_submit *s, struct iq_done *no)
{
	static struct draft d;
	struct fresh *f = NULL;
	enum reason why = REASON_SHUTDOWN;

	d.msg = NULL;
	group_begin(q);
	if (!q->draining)
		why = make_draft(q, s, &d);
	group_abort(q);
	if (why == REASON_OK) {
		f = make_fresh(q, s, &d);
		why = f == NULL ? REASON_STORE_ERROR : append(q, s, &d);
	}
	if (why == REASON_OK) {
		STAILQ_INSERT_TAIL(&q->fresh, f, entry);
		return 0;
	}
	free(f);
	if (d.msg != NULL)
		queue_drop(q, d.msg);
	*no = (struct iq_done){ verdict_of(why), why, 0 };
	return -1;
}

void
queue_forget_tokens(struct queue *q, uint64_t from, uint64_t to)
{
	struct fresh *f;

	STAILQ_FOREACH(f, &q->fresh, entry) {
		if (f->token >= from && f->token <= to)
			f->wants_answer = false;
	}
}

/* --- reports to senders --- */

static int
draft_notice(struct queue *q, const struct notice *n, struct draft *d)
{
	struct msg_rcpt r = { 0 };

	memset(&d->env, 0, sizeof(d->env));
	d->msg = NULL;
	d->env.id = queue_new_id(q);
	d->env.accepted = qclock_wall(&q->clock, q->now);
	d->env.size = n->len;
	d->env.origin = ENV_BOUNCE;
	d->env.nrcpt = 1;
	d->env.flags = n->flags | MSG_F_BOUNCE;
	(void)strlcpy(r.addr, n->to, sizeof(r.addr));
	if (put_head(q, d) == -1 || put_one(q, d, &r, 0) == -1)
		return -1;
	d->msg = message_new(&d->env, (enum q_store)n->store);
	return d->msg == NULL ? -1 : group_end(q, d->msg);
}

static int
append_notice(struct queue *q, struct notice *n, struct draft *d)
{
	struct iovec body = { n->text, n->len };
	struct store *st = q->stores[n->store];
	struct store_loc loc;
	int rc;

	rc = store_append_report(st, d->env.id, q->env_buf, d->env_len, &body,
	    1, &loc);
	if (rc == -1 && errno == EAGAIN) {
		(void)queue_commit(q);
		rc = store_append_report(st, d->env.id, q->env_buf, d->env_len,
		    &body, 1, &loc);
	}
	if (rc == 0)
		d->msg->slot = loc.slot;
	return rc;
}

int
queue_append_notice(struct queue *q, struct notice *n)
{
	static struct draft d;
	struct fresh *f = NULL;
	int rc, error;

	group_begin(q);
	rc = draft_notice(q, n, &d);
	group_abort(q);
	if (rc == 0)
		f = fresh_new(&d, 0);
	if (f != NULL && append_notice(q, n, &d) == 0) {
		f->notice = n;
		STAILQ_INSERT_TAIL(&q->fresh, f, entry);
		return 0;
	}
	error = errno;
	free(f);
	if (d.msg != NULL)
		queue_drop(q, d.msg);
	errno = error;
	return -1;
}
