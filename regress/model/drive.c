/* SPDX-License-Identifier: ISC */
/* The session machine driven by a sequence, beside the reference model. */
#include "regress/model/drive.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include "smtpd-in/session.h"

#define EXPECT_MAX 96
#define UNITS_MAX  24 /* in one packet */
#define IN_MAX	   (UNITS_MAX * OPS_WIRE_MAX)

/* One thing that must come out next. */
struct expect {
	enum ref_question asked; /* Q_NONE: a reply */
	enum ref_answer answer;
	const struct op *op;
	uint32_t env; /* Q_SUBMIT: which of envs */
	int code;
	bool offers;
	bool bare; /* RFC 2034: no enhanced code in it */
};

/* What the queue was told of the open transaction, as smtpd-in notes it. */
struct noted {
	bool open;
	struct ref_env env;
};

struct drive {
	const struct seq *seq;
	struct session_conf conf;
	struct session s;
	struct ref ref;
	struct drive_tally *tally;
	/* what is sent at once, and what must come of it */
	char in[IN_MAX];
	size_t len;
	bool whole; /* not to be cut */
	bool tls;   /* it ends in a handshake */
	bool cut;   /* it ends within a command or a text */
	bool late;  /* questions are answered later */
	uint64_t cuts;
	struct expect expect[EXPECT_MAX];
	size_t nexpect, at;
	uint32_t aborts, aborted;
	struct ref_env envs[UNITS_MAX];
	uint32_t nenvs;
	/* what came */
	char out[SESSION_OUT_MIN];
	struct smtp_outbuf ob;
	size_t parsed;
	struct noted noted;
	bool open_question;
	uint32_t question;
	enum ref_answer pending;
	bool stuck; /* its answer never comes */
	bool handshake, closed;
	char why[400];
};

static struct drive the;

__attribute__((format(printf, 2, 3))) static void
wrong(struct drive *d, const char *fmt, ...)
{
	va_list ap;

	if (d->why[0] != '\0')
		return;
	va_start(ap, fmt);
	(void)vsnprintf(d->why, sizeof(d->why), fmt, ap);
	va_end(ap);
}

/* --- replies --- */

static const char *
question_name(enum ref_question q)
{
	static const char *const names[] = { "a reply", "MAIL?", "RCPT?",
		"DATA?", "STARTTLS?", "SUBMIT?" };

	return names[q];
}

static const struct expect *
next(struct drive *d, enum ref_question q)
{
	static const struct expect nothing = { .code = -1 };

	if (d->at == d->nexpect) {
		wrong(d, "%s, and nothing was due", question_name(q));
		return &nothing;
	}
	if (d->expect[d->at].asked != q) {
		wrong(d, "%s, and %s (%d) was due", question_name(q),
		    question_name(d->expect[d->at].asked),
		    d->expect[d->at].code);
		return &nothing;
	}
	return &d->expect[d->at++];
}

static bool
has(const char *p, size_t len, const char *word)
{
	return memmem(p, len, word, strlen(word)) != NULL;
}

static void
check_offers(struct drive *d, const char *p, size_t len)
{
	const struct ref_conf *c = &d->seq->conf;
	bool tls = d->ref.secured;

	if (has(p, len, "STARTTLS") != (c->starttls && !tls) ||
	    has(p, len, "REQUIRETLS") != (c->requiretls && tls) ||
	    has(p, len, "PIPELINING") != c->pipelining ||
	    has(p, len, "CHUNKING") != c->chunking ||
	    has(p, len, "SMTPUTF8") != c->utf8 || has(p, len, "DSN") != c->dsn)
		wrong(d, "wrong extensions in answer to EHLO");
}

/* RFC 2034 4: class.subject.detail in every reply but some */
static void
check_enhanced(struct drive *d, const struct expect *e, const char *p,
    size_t len, int code)
{
	bool there = len > 9 && p[5] == '.' && p[7] == '.';

	if (e->bare && code != 421)
		return;
	if (!there || p[4] != p[0])
		wrong(d, "no enhanced code in %.*s", (int)(len - 2), p);
}

static void
on_reply(struct drive *d, const char *p, size_t len)
{
	const struct expect *e = next(d, Q_NONE);
	int code = (int)strtol(p, NULL, 10);

	if (e->code != code) {
		wrong(d, "%.*s, and %d was due", (int)(len - 2), p, e->code);
		return;
	}
	d->tally->replies[code]++;
	if (e->offers)
		check_offers(d, p, len);
	check_enhanced(d, e, p, len, code);
}

/* Octets of the reply at the front, all its lines; 0: not all there. */
static size_t
reply_octets(const char *p, size_t len)
{
	size_t at = 0, n;

	for (;;) {
		const char *lf = memchr(p + at, '\n', len - at);

		if (lf == NULL)
			return 0;
		n = (size_t)(lf - p) + 1 - at;
		if (n < 6)
			return at + n;
		if (p[at + 3] != '-')
			return at + n;
		at += n;
	}
}

static void
parse_out(struct drive *d)
{
	while (d->parsed < d->ob.len) {
		const char *p = d->out + d->parsed;
		size_t n = reply_octets(p, d->ob.len - d->parsed);

		if (n < 6) {
			wrong(d, "half a reply");
			return;
		}
		on_reply(d, p, n);
		d->parsed += n;
	}
}

static void
flush_out(struct drive *d)
{
	d->ob.len = 0;
	d->parsed = 0;
}

/* --- questions --- */

static void
note_mail(struct drive *d, const struct session_act *a, const struct op *op)
{
	struct ref_env *e = &d->noted.env;
	const struct smtp_mail_params *m = a->mail;

	if (d->noted.open)
		wrong(d, "MAIL? within a transaction");
	memset(e, 0, offsetof(struct ref_env, text));
	d->noted.open = true;
	(void)strlcpy(e->sender, a->addr->text, sizeof(e->sender));
	if ((m->given & SMTP_PARAM_SIZE) != 0)
		e->params |= P_SIZE;
	e->size = (uint32_t)m->size;
	if (m->body == SMTP_BODY_8BITMIME)
		e->params |= P_BODY8;
	if ((m->given & SMTP_PARAM_SMTPUTF8) != 0)
		e->params |= P_UTF8;
	if (m->ret == SMTP_RET_HDRS)
		e->params |= P_RET;
	if (smtp_slice_is(m->envid, "e+2B1"))
		e->params |= P_ENVID;
	if ((m->given & SMTP_PARAM_REQUIRETLS) != 0)
		e->params |= P_REQUIRETLS;
	if (op != NULL && strcmp(e->sender, op->cmd.addr) != 0)
		wrong(d, "MAIL? about <%s>, not <%s>", e->sender, op->cmd.addr);
	if (op != NULL && e->params != op->cmd.params)
		wrong(d, "MAIL? with parameters %x, not %x", e->params,
		    op->cmd.params);
}

static void
note_rcpt(struct drive *d, const struct session_act *a, const struct op *op,
    enum ref_answer answer)
{
	struct ref_env *e = &d->noted.env;
	struct ref_rcpt r = { .params = 0 };

	(void)strlcpy(r.addr, a->addr->text, sizeof(r.addr));
	if (a->rcpt->notify == SMTP_NOTIFY_NEVER)
		r.params |= P_NOTIFY;
	if (smtp_slice_is(a->rcpt->orcpt, "o@example.org"))
		r.params |= P_ORCPT;
	if (op != NULL &&
	    (strcmp(r.addr, op->cmd.addr) != 0 || r.params != op->cmd.params))
		wrong(d, "RCPT? about <%s> %x, not <%s> %x", r.addr, r.params,
		    op->cmd.addr, op->cmd.params);
	if (answer == A_YES && e->nrcpt < REF_RCPTS)
		e->rcpts[e->nrcpt++] = r;
}

static void
note_submit(struct drive *d, const struct ref_env *want)
{
	const struct ref_env *e = &d->noted.env;
	const struct session_tx *tx = &d->s.tx;
	uint32_t i;

	d->tally->delivered++;
	if (strcmp(e->sender, want->sender) != 0)
		wrong(d, "submitted from <%s>, not <%s>", e->sender,
		    want->sender);
	if (e->params != want->params || e->size != want->size ||
	    tx->size != want->size ||
	    tx->utf8 != ((want->params & P_UTF8) != 0) ||
	    (tx->body == SMTP_BODY_8BITMIME) != ((want->params & P_BODY8) != 0))
		wrong(d, "submitted with parameters %x, not %x", e->params,
		    want->params);
	if (e->nrcpt != want->nrcpt || tx->rcpts != want->nrcpt)
		wrong(d, "submitted to %u (%u), not %u", e->nrcpt, tx->rcpts,
		    want->nrcpt);
	for (i = 0; i < want->nrcpt && d->why[0] == '\0'; i++)
		if (strcmp(e->rcpts[i].addr, want->rcpts[i].addr) != 0 ||
		    e->rcpts[i].params != want->rcpts[i].params)
			wrong(d, "submitted to <%s>, not <%s>",
			    e->rcpts[i].addr, want->rcpts[i].addr);
	if (e->len != want->len || memcmp(e->text, want->text, e->len) != 0)
		wrong(d, "submitted a text of %u octets, not the one of %u",
		    e->len, want->len);
	if (tx->data.size != want->len)
		wrong(d, "size %llu of a text of %u",
		    (unsigned long long)tx->data.size, want->len);
}

static enum session_answer
answer_of(enum ref_answer a)
{
	static const enum session_answer answers[A_NEVER] = {
		[A_YES] = ANSWER_YES,
		[A_LATER] = ANSWER_LATER,
		[A_FULL] = ANSWER_FULL,
		[A_DENIED] = ANSWER_DENIED,
		[A_NO_USER] = ANSWER_NO_USER,
		[A_NO_DOMAIN] = ANSWER_NO_DOMAIN,
		[A_RELAY] = ANSWER_RELAY_DENIED,
		[A_TOO_BIG] = ANSWER_TOO_BIG,
		[A_NO_CLIENT] = ANSWER_NO_CLIENT,
		[A_NULL_MX] = ANSWER_NULL_MX,
	};

	return answers[a];
}

static void
give_answer(struct drive *d)
{
	if (d->pending == A_NEVER) {
		d->stuck = true;
		return;
	}
	d->open_question = false;
	if (session_answer(&d->s, d->question, answer_of(d->pending),
		smtp_slice_str("0abc")) == -1)
		wrong(d, "an answer was not taken");
}

static enum ref_question
question_of(enum session_act_type t)
{
	return t == ACT_MAIL  ? Q_MAIL
	    : t == ACT_RCPT   ? Q_RCPT
	    : t == ACT_DATA   ? Q_DATA
	    : t == ACT_SUBMIT ? Q_SUBMIT
			      : Q_STARTTLS;
}

static void
on_question(struct drive *d, const struct session_act *a)
{
	const struct expect *e = next(d, question_of(a->type));

	if (d->why[0] != '\0')
		return;
	if (a->type != ACT_MAIL && a->type != ACT_STARTTLS && !d->noted.open)
		wrong(d, "a question without a transaction");
	d->question = a->question;
	d->open_question = true;
	d->pending = e->answer;
	if (a->type == ACT_MAIL) {
		note_mail(d, a, e->op);
		d->noted.open = e->answer == A_YES || e->answer == A_NEVER;
	} else if (a->type == ACT_RCPT)
		note_rcpt(d, a, e->op, e->answer);
	else if (a->type == ACT_SUBMIT) {
		note_submit(d, &d->envs[e->env]);
		d->noted.open = false;
	}
	if (!d->late)
		give_answer(d);
}

/* --- actions --- */

static void
on_text(struct drive *d, struct smtp_slice piece)
{
	struct ref_env *e = &d->noted.env;

	if (!d->noted.open)
		wrong(d, "text without a transaction");
	else if (piece.len == 0 || piece.len > REF_TEXT - e->len)
		wrong(d, "a piece of %zu octets", piece.len);
	else {
		memcpy(e->text + e->len, piece.p, piece.len);
		e->len += (uint32_t)piece.len;
	}
}

static void
on_close(struct drive *d)
{
	if (d->noted.open)
		wrong(d, "closed within a transaction");
	d->closed = true;
	flush_out(d);
}

/* true: step on */
static bool
act_on(struct drive *d, const struct session_act *a)
{
	switch (a->type) {
	case ACT_INPUT:
		flush_out(d);
		return false;
	case ACT_FLUSH:
		flush_out(d);
		return true;
	case ACT_WAIT:
		flush_out(d);
		if (!d->open_question)
			wrong(d, "it waits for an answer that it has");
		else
			give_answer(d);
		return !d->stuck;
	case ACT_MAIL:
	case ACT_RCPT:
	case ACT_DATA:
	case ACT_STARTTLS:
	case ACT_SUBMIT:
		on_question(d, a);
		return !d->stuck;
	case ACT_TEXT:
		on_text(d, a->text);
		return true;
	case ACT_ABORT:
		if (!d->noted.open)
			wrong(d, "ABORT without a transaction");
		d->noted.open = false;
		d->aborted++;
		return true;
	case ACT_REFUSED:
		return true;
	case ACT_TLS:
		d->handshake = true;
		flush_out(d);
		return false;
	case ACT_CLOSE:
		on_close(d);
		return false;
	}
	return false;
}

/* Step until it wants more of what there is than in[at .. have]. */
static size_t
step_through(struct drive *d, size_t at, size_t have)
{
	struct session_act act;
	size_t used;
	bool again = true;

	while (again && d->why[0] == '\0') {
		(void)session_step(&d->s, smtp_slice(d->in + at, have - at),
		    &used, &d->ob, &act);
		if (used > have - at || d->ob.failed) {
			wrong(d, "a buffer was overrun");
			break;
		}
		/* question and reply may come in one step: the reply first */
		parse_out(d);
		again = act_on(d, &act);
		at += used;
	}
	return at;
}

/* --- a packet --- */

static void
compare_state(struct drive *d)
{
	if (d->why[0] != '\0')
		return;
	if (d->at != d->nexpect)
		wrong(d, "nothing more came, and %s (%d) was due",
		    question_name(d->expect[d->at].asked),
		    d->expect[d->at].code);
	else if (d->cut) /* a bad text is dropped sooner or later */
		;
	else if (d->aborts != d->aborted)
		wrong(d, "%u transactions were dropped, not %u", d->aborted,
		    d->aborts);
	else if (!d->stuck && d->noted.open != d->ref.open)
		wrong(d, "the transaction is %s",
		    d->noted.open ? "still open" : "gone");
	else if (d->handshake != d->tls)
		wrong(d, "%s handshake", d->tls ? "no" : "a");
}

static void
send_packet(struct drive *d)
{
	size_t at = 0, have = d->whole ? d->len : 0;

	do {
		if (!d->whole)
			have += 1 + (size_t)(seq_random(&d->cuts) % 24);
		if (have > d->len)
			have = d->len;
		at = step_through(d, at, have);
	} while (have < d->len && d->why[0] == '\0' && !d->closed &&
	    !d->stuck && !d->handshake);
	compare_state(d);
	if (d->handshake) {
		if (at != have)
			wrong(d, "%zu octets were kept beyond STARTTLS",
			    have - at);
		d->tally->secured++;
		session_secured(&d->s);
		ref_secured(&d->ref);
	} else if (!d->closed && !d->stuck && at != d->len && !d->cut)
		wrong(d, "%zu octets were not read", d->len - at);
}

static void
begin_packet(struct drive *d)
{
	d->len = d->at = d->nexpect = 0;
	d->nenvs = 0;
	d->whole = d->tls = d->cut = d->handshake = false;
}

static void
expect(struct drive *d, const struct ref_out *o, const struct op *op)
{
	struct expect *e;
	uint32_t i;

	for (i = 0; i < o->nasked; i++) {
		e = &d->expect[d->nexpect++];
		memset(e, 0, sizeof(*e));
		e->asked = o->asked[i];
		e->answer = o->answers[i];
		e->op = op;
		if (e->asked == Q_SUBMIT) {
			e->env = d->nenvs++;
			memcpy(&d->envs[e->env], &o->env,
			    offsetof(struct ref_env, text) + o->env.len);
		}
	}
	d->aborts += o->aborts;
	d->tls |= o->tls;
	if (o->code == 0)
		return;
	e = &d->expect[d->nexpect++];
	memset(e, 0, sizeof(*e));
	e->code = o->code;
	e->offers = o->offers;
	e->bare = o->code == 354 ||
	    (op != NULL && op->cmd.verb <= V_HELO && o->code < 502);
}

/* One command, or the text after 354. */
struct unit {
	const struct op *op;
	bool text;
	bool last; /* the client has to wait behind it */
};

/* Where an op is cut off: somewhere within what was added last. */
static void
cut_off(struct drive *d, const struct unit *u, size_t n)
{
	size_t keep = n - 1, least = 0;

	if (u->op->cmd.verb == V_BDAT && u->op->cmd.len > 0 &&
	    !u->op->cmd.bad && !u->op->cmd.huge)
		least = n - u->op->cmd.len; /* within its octets */
	if (keep > least)
		keep = least + u->op->cuts % (keep - least);
	d->len -= n - keep;
}

static bool
may_be_cut(const struct op *op)
{
	enum ref_verb v = op->cmd.verb;

	return op->cutoff && v != V_BADLINE && v != V_BADBDAT &&
	    v != V_LONGLINE;
}

static void
add_unit(struct drive *d, const struct unit *u, struct ref_out *o)
{
	struct ref_cmd c = u->op->cmd;
	size_t n = u->text ? op_data(u->op, d->in + d->len)
			   : op_command(u->op, d->in + d->len);
	bool cut = may_be_cut(u->op) && !(c.verb == V_DATA && !u->text);

	d->len += n;
	d->cuts = d->cuts * 31 + u->op->cuts;
	d->late = u->op->late;
	if (u->text)
		c.verb = V_TEXT;
	c.more = u->op->eager && !u->op->cutoff;
	c.cut = cut;
	d->tally->commands++;
	if (!cut || c.verb == V_TEXT ||
	    (c.verb == V_BDAT && c.len > 0 && !c.bad && !c.huge))
		ref_step(&d->ref, &c, o);
	else
		memset(o, 0, offsetof(struct ref_out, env));
	d->cut = cut;
	if (cut)
		cut_off(d, u, n);
	expect(d, o, u->op);
}

static void
add_eager(struct drive *d, const struct ref_out *before)
{
	static const struct op noop = { .cmd = { .verb = V_NOOP } };
	struct ref_out o;

	memcpy(d->in + d->len, SEQ_EAGER, sizeof(SEQ_EAGER) - 1);
	d->len += sizeof(SEQ_EAGER) - 1;
	d->whole = true;
	if (before->close || before->tls || before->stuck)
		return;
	ref_step(&d->ref, &noop.cmd, &o);
	expect(d, &o, &noop);
}

static bool
is_last_of_packet(const enum ref_verb v)
{
	return v == V_EHLO || v == V_HELO || v == V_DATA || v == V_STARTTLS ||
	    v == V_QUIT;
}

/* The unit after this one; false: there is none. */
static bool
next_unit(const struct drive *d, struct unit *u, const struct ref_out *o)
{
	if (!u->text && u->op->cmd.verb == V_DATA && o->code == 354) {
		u->text = true;
		return true;
	}
	u->text = false;
	u->op++;
	return u->op < d->seq->ops + d->seq->n;
}

/* Fill one packet and send it.  false: that was the last. */
static bool
packet(struct drive *d, struct unit *u)
{
	static struct ref_out o;
	uint32_t units = 0;
	bool more, eager, join;

	begin_packet(d);
	do {
		const struct op *op = u->op;
		bool waits = !u->text && is_last_of_packet(op->cmd.verb);

		add_unit(d, u, &o);
		/* behind a DATA that was not refused for it comes text */
		eager = op->eager && !op->cutoff &&
		    (d->seq->conf.sync || u->text || op->cmd.verb != V_DATA);
		join = op->join && !waits &&
		    (ref_may_pipeline(&d->ref) || !d->seq->conf.sync);
		if (eager)
			add_eager(d, &o);
		more = !o.close && !o.stuck && next_unit(d, u, &o);
		units++;
	} while (more && join && !eager && units < UNITS_MAX - 2);
	send_packet(d);
	return more && d->why[0] == '\0' && !d->closed;
}

/* --- a session --- */

static unsigned
extensions(const struct ref_conf *c)
{
	return (c->pipelining ? SMTP_EXT_PIPELINING : 0U) |
	    (c->chunking ? SMTP_EXT_CHUNKING : 0U) |
	    (c->starttls ? SMTP_EXT_STARTTLS : 0U) |
	    (c->requiretls ? SMTP_EXT_REQUIRETLS : 0U) |
	    (c->dsn ? SMTP_EXT_DSN : 0U) | (c->utf8 ? SMTP_EXT_SMTPUTF8 : 0U) |
	    SMTP_EXT_SIZE | SMTP_EXT_8BITMIME | SMTP_EXT_ENHANCED;
}

static void
configure(struct session_conf *to, const struct ref_conf *c)
{
	if (session_conf_init(to, "gw.test") == -1)
		abort();
	memcpy(to->postmaster_domain, "gw.test", 8);
	to->features.ext = extensions(c);
	to->features.size = c->size;
	to->policy = SESSION_P_NO_ROUTES;
	if (c->sync)
		to->policy |= SESSION_P_SYNC;
	if (c->strict8)
		to->policy |= SESSION_P_STRICT_8BIT;
	to->line_max = c->line_max;
	to->hops_max = c->hops_max;
	to->own_max = 1000;
	to->rcpt_max = c->rcpt_max;
	to->message_max = c->message_max;
	to->error_max = c->error_max;
	to->unknown_max = c->unknown_max;
	to->junk_max = c->junk_max;
}

static void
greet(struct drive *d)
{
	struct ref_out o = { .code = d->seq->conf.turned_away ? 554 : 220 };

	begin_packet(d);
	expect(d, &o, NULL);
	d->expect[0].bare = true;
	session_greet(&d->s,
	    d->seq->conf.turned_away ? SMTP_R_REFUSED : SMTP_R_GREETING);
	(void)step_through(d, 0, 0);
	compare_state(d);
}

/* The end that every session has. */
static void
finish(struct drive *d)
{
	static struct ref_out o;

	begin_packet(d);
	if (!d->closed) {
		ref_end(&d->ref, d->seq->gone, &o);
		expect(d, &o, NULL);
		if (d->seq->gone)
			session_eof(&d->s);
		else
			session_end(&d->s, SMTP_R_TIMEOUT);
		if (d->open_question &&
		    session_answer(&d->s, d->question, ANSWER_YES,
			smtp_slice_str("")) != -1)
			wrong(d, "an answer to a question dropped was taken");
		d->stuck = false;
	}
	(void)step_through(d, 0, 0);
	compare_state(d);
	if (!d->closed)
		wrong(d, "it does not close");
	if (d->s.messages != d->ref.messages)
		wrong(d, "%u messages, not %u", d->s.messages, d->ref.messages);
}

const char *
drive(const struct seq *seq, struct drive_tally *tally)
{
	struct drive *d = &the;
	struct unit u = { seq->ops, false, false };

	/* buffers hold only what their lengths say */
	memset(&d->noted, 0, offsetof(struct noted, env));
	memset(&d->noted.env, 0, offsetof(struct ref_env, text));
	d->seq = seq;
	d->tally = tally;
	d->cuts = seq->ops[0].cuts;
	d->aborts = d->aborted = 0;
	d->open_question = d->stuck = d->handshake = d->closed = false;
	d->why[0] = '\0';
	d->parsed = 0;
	configure(&d->conf, &seq->conf);
	ref_init(&d->ref, &seq->conf);
	session_init(&d->s, &d->conf);
	if (seq->conf.tls_required)
		session_require_tls(&d->s);
	smtp_outbuf_init(&d->ob, d->out, sizeof(d->out));
	greet(d);
	while (d->why[0] == '\0' && packet(d, &u))
		;
	finish(d);
	return d->why[0] == '\0' ? NULL : d->why;
}
