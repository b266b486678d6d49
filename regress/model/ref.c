/* SPDX-License-Identifier: ISC */
/* The reference model: commands in, what must happen out. */
#include "regress/model/ref.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* --- replies --- */

static void
ok(struct ref_out *o, int code)
{
	o->code = code;
}

static void
hang_up(struct ref_out *o, int code)
{
	o->code = code;
	o->close = true;
}

/* A refusal that is the client's fault: there is a limit to them. */
static void
err(struct ref *r, struct ref_out *o, int code)
{
	if (++r->errors > r->conf->error_max)
		hang_up(o, 421);
	else
		o->code = code;
}

static void
unknown_user(struct ref *r, struct ref_out *o)
{
	if (++r->unknown > r->conf->unknown_max)
		hang_up(o, 421);
	else
		o->code = 550;
}

/* --- the transaction --- */

static void
forget(struct ref *r, struct ref_out *o)
{
	if (r->open)
		o->aborts++;
	r->open = false;
	memset(&r->env, 0, offsetof(struct ref_env, text));
	if (r->state > S_IDLE)
		r->state = S_IDLE;
}

/* The text is bad: the queue hears of it at once, the client at its end. */
static void
spoil(struct ref *r, struct ref_out *o, int code, bool counts)
{
	if (r->open)
		o->aborts++;
	r->open = false;
	r->env.fault = code;
	r->env.fault_counts = counts;
}

static void
refuse_text(struct ref *r, struct ref_out *o)
{
	if (r->env.fault_counts)
		err(r, o, r->env.fault);
	else
		ok(o, r->env.fault);
}

static enum ref_answer
ask(struct ref_out *o, enum ref_question q, enum ref_answer a)
{
	o->asked[o->nasked] = q;
	o->answers[o->nasked++] = a;
	o->stuck = a == A_NEVER;
	return a;
}

/* All of the text is there. */
static void
finish(struct ref *r, struct ref_out *o, const struct ref_cmd *c)
{
	static const int codes
	    [A_MAX] = { [A_FULL] = 452, [A_DENIED] = 554, [A_TOO_BIG] = 552 };
	enum ref_answer a;

	if (r->env.fault != 0) {
		refuse_text(r, o);
		forget(r, o);
		return;
	}
	o->deliver = true;
	memcpy(&o->env, &r->env, offsetof(struct ref_env, text) + r->env.len);
	r->open = false; /* from here on the queue answers for it */
	a = ask(o, Q_SUBMIT, c->submit_answer);
	if (a == A_NEVER)
		return;
	if (a == A_YES) {
		r->messages++;
		r->junk = 0;
		ok(o, 250);
	} else
		ok(o, codes[a] != 0 ? codes[a] : 451);
	forget(r, o);
}

/* --- the text, looked at whole --- */

/* Received fields above the first line that is no field. */
static uint32_t
hops(const struct ref_env *e)
{
	uint32_t n = 0, i = 0;

	while (i < e->len) {
		const char *line = e->text + i;
		const char *lf = memchr(line, '\n', e->len - i);
		size_t len = lf == NULL ? e->len - i : (size_t)(lf - line);

		if (memchr(line, ':', len) == NULL)
			break;
		n += len > 9 && strncasecmp(line, "received:", 9) == 0;
		i += (uint32_t)len + 1;
	}
	return n;
}

int
ref_text_fault(const struct ref *r, bool at_end, bool *counts)
{
	const struct ref_conf *conf = r->conf;
	const struct ref_env *e = &r->env;
	bool line_end = false, nul = false, eight = false, long_line = false;
	uint32_t i, len = 0;

	for (i = 0; i < e->len; i++) {
		char c = e->text[i], next = '\0';
		bool end = i + 1 == e->len;

		if (!end)
			next = e->text[i + 1];
		if (c == '\r' && (end ? at_end : next != '\n'))
			line_end = true;
		if (c == '\n' && (i == 0 || e->text[i - 1] != '\r'))
			line_end = true;
		nul |= c == '\0';
		eight |= (c & 0x80) != 0;
		len = c == '\n' ? 0 : len + (c != '\r');
		long_line |= len > conf->line_max;
	}
	*counts = line_end || nul;
	if (line_end || nul)
		return 550;
	if (e->len > conf->size)
		return 552;
	if (long_line)
		return 550;
	if (hops(e) > conf->hops_max)
		return 554;
	if (eight && conf->strict8 && (e->params & (P_BODY8 | P_UTF8)) == 0)
		return 550;
	return 0;
}

static void
add_text(struct ref *r, struct ref_out *o, const char *p, uint32_t len,
    bool at_end)
{
	struct ref_env *e = &r->env;
	bool counts;
	int code;

	memcpy(e->text + e->len, p, len);
	e->len += len;
	/* a last line without an end gets one */
	if (at_end && e->len > 0 && e->text[e->len - 1] != '\n' &&
	    e->text[e->len - 1] != '\r') {
		memcpy(e->text + e->len, "\r\n", 2);
		e->len += 2;
	}
	code = ref_text_fault(r, at_end, &counts);
	if (code != 0)
		spoil(r, o, code, counts);
}

/* --- commands --- */

/*
 * What is refused first is what the model is about: equal answers stay apart.
 * NOLINTBEGIN(bugprone-branch-clone)
 */
static void
mail(struct ref *r, const struct ref_cmd *c, struct ref_out *o)
{
	static const int codes[A_MAX] = { [A_FULL] = 452,
		[A_DENIED] = 550,
		[A_TOO_BIG] = 552,
		[A_NO_CLIENT] = 550,
		[A_NULL_MX] = 550 };
	const struct ref_conf *conf = r->conf;
	unsigned dsn = conf->dsn ? 0 : P_RET | P_ENVID;
	unsigned tls = conf->requiretls && r->secured ? 0 : P_REQUIRETLS;
	unsigned utf8 = conf->utf8 ? 0 : P_UTF8;
	enum ref_answer a;

	if (conf->message_max != 0 && r->messages >= conf->message_max)
		hang_up(o, 421);
	else if (c->bad)
		err(r, o, 501);
	else if (c->addr_utf8 && !conf->utf8)
		err(r, o, 553);
	else if ((c->params & (dsn | tls | utf8)) != 0)
		err(r, o, 555);
	else if ((c->params & P_TWICE) != 0)
		err(r, o, 501);
	else if ((c->params & P_BOGUS) != 0)
		err(r, o, 555);
	else if (c->addr_utf8 && (c->params & P_UTF8) == 0)
		err(r, o, 553);
	else if ((c->params & P_SIZE) != 0 && c->size > conf->size)
		ok(o, 552);
	if (o->code != 0)
		return;
	r->open = true;
	a = ask(o, Q_MAIL, c->answer);
	if (a == A_YES) {
		ok(o, 250);
		r->state = S_MAIL;
		(void)snprintf(r->env.sender, sizeof(r->env.sender), "%s",
		    c->addr);
		r->env.params = c->params;
		r->env.size = (c->params & P_SIZE) != 0 ? c->size : 0;
	} else if (a != A_NEVER) {
		r->open = false; /* it never began */
		if (a == A_DENIED || a == A_NO_CLIENT)
			err(r, o, 550);
		else
			ok(o, codes[a] != 0 ? codes[a] : 451);
	}
}

static void
rcpt_answered(struct ref *r, const struct ref_cmd *c, struct ref_out *o)
{
	struct ref_env *e = &r->env;
	struct ref_rcpt *to = &e->rcpts[e->nrcpt];

	switch (ask(o, Q_RCPT, c->answer)) {
	case A_YES:
		ok(o, 250);
		(void)snprintf(to->addr, sizeof(to->addr), "%s", c->addr);
		to->params = c->params;
		e->nrcpt++;
		break;
	case A_NO_USER:
	case A_NO_DOMAIN:
		e->refused++;
		unknown_user(r, o);
		break;
	case A_RELAY:
		e->refused++;
		err(r, o, 550);
		break;
	case A_FULL:
		e->later++;
		ok(o, 452);
		break;
	case A_NEVER:
		break;
	case A_LATER:
	case A_DENIED:
	case A_TOO_BIG:
	case A_NO_CLIENT:
	case A_NULL_MX:
	case A_MAX:
		e->later++;
		ok(o, 451);
		break;
	}
}

static void
rcpt(struct ref *r, const struct ref_cmd *c, struct ref_out *o)
{
	struct ref_env *e = &r->env;
	unsigned dsn = r->conf->dsn ? 0 : P_NOTIFY | P_ORCPT;

	if (c->bad)
		err(r, o, 501);
	else if (c->addr_utf8 && (e->params & P_UTF8) == 0)
		err(r, o, 553);
	else if ((c->params & dsn) != 0)
		err(r, o, 555);
	else if ((c->params & P_TWICE) != 0)
		err(r, o, r->conf->dsn ? 501 : 555);
	else if ((c->params & P_BOGUS) != 0)
		err(r, o, 555);
	else if (c->addr_route)
		err(r, o, 550);
	else if (e->nrcpt >= r->conf->rcpt_max)
		ok(o, 452);
	if (o->code != 0)
		e->refused++;
	else
		rcpt_answered(r, c, o);
}

/* There is a sender, but nobody to take the text. */
static void
nobody(struct ref *r, struct ref_out *o)
{
	if (r->env.later > 0)
		ok(o, 451);
	else if (r->env.refused > 0)
		ok(o, 554);
	else
		err(r, o, 503);
}

static int
data_code(enum ref_answer a)
{
	return a == A_FULL ? 452 : a == A_TOO_BIG ? 552 : 451;
}

static void
data(struct ref *r, const struct ref_cmd *c, struct ref_out *o)
{
	enum ref_answer a;

	if (r->env.nrcpt == 0) {
		nobody(r, o);
		return;
	}
	a = ask(o, Q_DATA, c->answer);
	if (a == A_YES) {
		ok(o, 354);
		r->state = S_TEXT;
	} else if (a != A_NEVER)
		ok(o, data_code(a)); /* the envelope stays */
}

static void
text(struct ref *r, const struct ref_cmd *c, struct ref_out *o)
{
	if (c->cut)
		return;
	add_text(r, o, c->text, c->len, true);
	if (c->more && r->conf->sync && !ref_may_pipeline(r)) {
		forget(r, o);
		hang_up(o, 554);
		return;
	}
	finish(r, o, c);
}

/* RFC 3030 section 2: whatever becomes of it, its octets are read. */
static void
bdat(struct ref *r, const struct ref_cmd *c, struct ref_out *o)
{
	enum ref_answer a;

	if (c->bad || c->huge) {
		hang_up(o, 554);
		return;
	}
	if (c->len == 0 && !c->last && ++r->junk > r->conf->junk_max) {
		hang_up(o, 421);
		return;
	}
	if (r->state == S_MAIL && r->env.nrcpt > 0) {
		a = ask(o, Q_DATA, c->answer);
		if (a == A_NEVER)
			return;
		r->state = S_CHUNKS;
		/* a text that lacks its first chunk must never be taken */
		if (a != A_YES)
			spoil(r, o, data_code(a), false);
	}
	if (c->cut)
		return;
	if (r->state == S_START || r->state == S_IDLE)
		err(r, o, 503);
	else if (r->state == S_MAIL)
		nobody(r, o);
	else {
		add_text(r, o, c->text, c->len, c->last);
		if (c->last)
			finish(r, o, c);
		else if (r->env.fault != 0)
			refuse_text(r, o);
		else
			ok(o, 250);
	}
}

static void
hello(struct ref *r, const struct ref_cmd *c, struct ref_out *o)
{
	if (c->bad) {
		err(r, o, 501);
		return;
	}
	forget(r, o);
	r->state = S_IDLE;
	r->esmtp = c->verb == V_EHLO;
	o->offers = r->esmtp;
	ok(o, 250);
}

static void
starttls(struct ref *r, const struct ref_cmd *c, struct ref_out *o)
{
	enum ref_answer a;

	if (r->secured) {
		err(r, o, 503);
		return;
	}
	a = ask(o, Q_STARTTLS, c->answer);
	if (a == A_YES) {
		ok(o, 220);
		o->tls = true;
	} else if (a != A_NEVER)
		ok(o, 454);
}

static void
run(struct ref *r, const struct ref_cmd *c, struct ref_out *o)
{
	switch (c->verb) {
	case V_EHLO:
	case V_HELO:
		hello(r, c, o);
		break;
	case V_MAIL:
		mail(r, c, o);
		break;
	case V_RCPT:
		rcpt(r, c, o);
		break;
	case V_DATA:
		data(r, c, o);
		break;
	case V_TEXT:
		text(r, c, o);
		break;
	case V_BDAT:
		bdat(r, c, o);
		break;
	case V_RSET:
		forget(r, o);
		ok(o, 250);
		break;
	case V_NOOP:
		ok(o, 250);
		break;
	case V_VRFY:
		ok(o, 252);
		break;
	case V_HELP:
		ok(o, 214);
		break;
	case V_QUIT:
		hang_up(o, 221);
		break;
	case V_STARTTLS:
		starttls(r, c, o);
		break;
	case V_AUTH:
	case V_EXPN:
		err(r, o, 502);
		break;
	case V_UNKNOWN:
	case V_BADLINE:
	case V_LONGLINE:
		err(r, o, 500);
		break;
	case V_BADBDAT:
		err(r, o, 500);
		o->close = true;
		break;
	case V_MAX:
		break;
	}
}

/* --- what keeps a command from being run --- */

#define BIT(verb)	  (1U << (verb))
#define ONE_OF(verb, set) ((BIT(verb) & (set)) != 0)

/* no command at all, whatever the state */
static const unsigned no_line =
    BIT(V_BADLINE) | BIT(V_BADBDAT) | BIT(V_LONGLINE) | BIT(V_TEXT);
/* the client must wait for the reply, RFC 2920 3.1 */
static const unsigned waits = BIT(V_EHLO) | BIT(V_HELO) | BIT(V_DATA);
/* allowed before TLS where TLS is a must, RFC 3207 4 */
static const unsigned in_clear = BIT(V_EHLO) | BIT(V_NOOP) | BIT(V_QUIT) |
    BIT(V_STARTTLS) | BIT(V_AUTH) | BIT(V_EXPN) | BIT(V_UNKNOWN);
static const unsigned takes_no_arg =
    BIT(V_DATA) | BIT(V_RSET) | BIT(V_QUIT) | BIT(V_STARTTLS);
static const unsigned idle_talk = BIT(V_EHLO) | BIT(V_HELO) | BIT(V_RSET) |
    BIT(V_NOOP) | BIT(V_VRFY) | BIT(V_HELP);

/* RFC 5321 4.1.4: is this command out of place here? */
static bool
out_of_place(const struct ref *r, enum ref_verb v)
{
	if (v == V_MAIL || v == V_STARTTLS)
		return r->state != S_IDLE;
	if (v == V_RCPT || v == V_DATA)
		return r->state != S_MAIL;
	return false;
}

static bool
refused(struct ref *r, const struct ref_cmd *c, struct ref_out *o)
{
	const struct ref_conf *conf = r->conf;
	bool unsync = c->more && conf->sync &&
	    (ONE_OF(c->verb, waits) || !ref_may_pipeline(r)) &&
	    c->verb != V_QUIT && c->verb != V_STARTTLS && c->verb != V_BDAT;

	if (conf->turned_away && c->verb != V_QUIT)
		err(r, o, 503);
	else if ((c->verb == V_BDAT && !conf->chunking) ||
	    (c->verb == V_STARTTLS && !conf->starttls))
		err(r, o, 502);
	else if (unsync)
		hang_up(o, 554);
	else if (conf->tls_required && !r->secured &&
	    !ONE_OF(c->verb, in_clear))
		err(r, o, 530);
	else if (out_of_place(r, c->verb))
		err(r, o, 503);
	else if (c->bad && !conf->turned_away &&
	    ONE_OF(c->verb, takes_no_arg | BIT(V_VRFY)))
		err(r, o, 501);
	else if (ONE_OF(c->verb, idle_talk) && ++r->junk > conf->junk_max)
		hang_up(o, 421);
	/* where its octets end nobody knows any more */
	if (o->code != 0 && c->verb == V_BDAT)
		o->close = true;
	return o->code != 0;
}

/* --- public --- */

void
ref_init(struct ref *r, const struct ref_conf *conf)
{
	memset(r, 0, sizeof(*r));
	r->conf = conf;
}

bool
ref_may_pipeline(const struct ref *r)
{
	return r->esmtp && r->conf->pipelining;
}

void
ref_step(struct ref *r, const struct ref_cmd *c, struct ref_out *o)
{
	memset(o, 0, offsetof(struct ref_out, env));
	if (ONE_OF(c->verb, no_line) || !refused(r, c, o))
		run(r, c, o);
	if (o->close)
		forget(r, o);
}

void
ref_end(struct ref *r, bool gone, struct ref_out *o)
{
	memset(o, 0, offsetof(struct ref_out, env));
	hang_up(o, gone ? 0 : 421);
	forget(r, o);
}

/* RFC 3207 4.2: but what counts against a limit is kept. */
void
ref_secured(struct ref *r)
{
	r->state = S_START;
	r->esmtp = false;
	r->secured = true;
	r->junk = 0;
}

/* NOLINTEND(bugprone-branch-clone) */
