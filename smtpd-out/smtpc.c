/* SPDX-License-Identifier: ISC */
/*
 * A job is a row of steps, each one command and one reply:
 *
 *	0          RSET, if the transaction before did not end by itself
 *	1          MAIL
 *	2 .. n+1   RCPT, one each recipient that is asked for
 *	n+2        DATA
 *
 * With PIPELINING (RFC 2920) all are sent at once, else each when the reply
 * to the one before was read.  `sent` and `got` count them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include "smtpd-out/envelope.h"
#include "smtpd-out/smtpc_int.h"

#define STEP_RSET 0
#define STEP_MAIL 1
#define STEP_RCPT 2

static uint32_t
step_data(const struct smtpc *c)
{
	return (uint32_t)STEP_RCPT + c->nasked;
}

void
smtpc_init(struct smtpc *c, const char *helo)
{
	memset(c, 0, sizeof(*c));
	c->state = SMTPC_GREETING;
	(void)strlcpy(c->helo, helo, sizeof(c->helo));
	c->tls.level = CONF_TLS_NONE;
	smtp_features_init(&c->features);
	smtp_reply_init(&c->reply);
}

void
smtpc_free(struct smtpc *c)
{
	free(c->seven);
	c->seven = NULL;
}

enum smtpc_state
smtpc_state(const struct smtpc *c)
{
	return c->state;
}

/* RFC 5321 4.5.3.2 */
unsigned
smtpc_wait(const struct smtpc *c)
{
	switch (c->state) {
	case SMTPC_GREETING:
	case SMTPC_EHLO:
	case SMTPC_HELO:
		return 300;
	case SMTPC_STARTTLS:
	case SMTPC_HANDSHAKE:
		return 120;
	case SMTPC_COMMANDS:
		return c->got == step_data(c) ? 120 : 300;
	case SMTPC_BODY:
		return 180;
	case SMTPC_END:
		return 600;
	case SMTPC_QUIT:
		return 5;
	case SMTPC_READY:
	case SMTPC_LOOK:
	case SMTPC_RESULT:
	case SMTPC_OVER:
		break;
	}
	return 300;
}

/* --- outcomes --- */

void
smtpc_outcome(struct qo_outcome *o, enum qo_status status, enum reason reason,
    uint16_t code, const char *enh, const char *text)
{
	size_t i;

	o->status = status;
	o->reason = reason;
	o->code = code;
	(void)strlcpy(o->enh, enh, sizeof(o->enh));
	(void)strlcpy(o->text, text, sizeof(o->text));
	for (i = 0; o->text[i] != '\0'; i++)
		if ((unsigned char)o->text[i] < ' ' ||
		    (unsigned char)o->text[i] > '~')
			o->text[i] = '?';
}

/* From the reply just read.  status says what to make of it. */
static void
outcome_reply(const struct smtpc *c, struct qo_outcome *o,
    enum qo_status status, enum reason reason)
{
	static const char *const plain[] = { "2.0.0", "5.0.0", "4.0.0" };
	static const uint8_t classes[] = { 2, 5, 4 };
	const struct smtp_reply *r = &c->reply;
	char enh[QO_ENH_MAX], text[MSG_TEXT_MAX + 1];
	size_t len = r->text_len < MSG_TEXT_MAX ? r->text_len : MSG_TEXT_MAX;

	memcpy(text, r->text, len);
	text[len] = '\0';
	if (r->enhanced.class == classes[status - QO_DELIVERED])
		(void)snprintf(enh, sizeof(enh), "%u.%u.%u", r->enhanced.class,
		    r->enhanced.subject % 1000U, r->enhanced.detail % 1000U);
	else
		(void)strlcpy(enh, plain[status - QO_DELIVERED], sizeof(enh));
	smtpc_outcome(o, status, reason, r->code, enh, text);
}

void
smtpc_settle(struct smtpc *c, const struct qo_outcome *o)
{
	uint16_t i;

	for (i = 0; i < c->job->nrcpt; i++)
		if (c->outcomes[i].status == 0)
			c->outcomes[i] = *o;
	c->state = SMTPC_RESULT;
}

/*
 * The transaction is over: what has no outcome yet gets this one if it was
 * asked for.  o may be NULL if all of them have theirs.
 */
static void
settle_asked(struct smtpc *c, const struct qo_outcome *o)
{
	struct qo_outcome rest;
	uint16_t i;

	for (i = 0; o != NULL && i < c->nasked; i++)
		if (c->outcomes[c->asked[i]].status == 0)
			c->outcomes[c->asked[i]] = *o;
	smtpc_outcome(&rest, QO_DEFERRED, REASON_TOO_MANY_RCPTS, 0, "4.5.3",
	    "more recipients than the server takes at a time");
	smtpc_settle(c, &rest);
}

void
smtpc_give_up(struct smtpc *c, const struct qo_outcome *o)
{
	c->broken = true;
	c->end = *o;
	switch (c->state) {
	case SMTPC_LOOK:
	case SMTPC_COMMANDS:
	case SMTPC_BODY:
	case SMTPC_END:
		c->unsure = c->state == SMTPC_END && !c->dot_only;
		smtpc_settle(c, o);
		break;
	case SMTPC_RESULT:
		break;
	case SMTPC_GREETING:
	case SMTPC_EHLO:
	case SMTPC_HELO:
	case SMTPC_STARTTLS:
	case SMTPC_HANDSHAKE:
	case SMTPC_READY:
	case SMTPC_QUIT:
	case SMTPC_OVER:
		c->state = SMTPC_OVER;
		break;
	}
}

static const char *
doing(const struct smtpc *c)
{
	switch (c->state) {
	case SMTPC_GREETING:
		return "waiting for the greeting";
	case SMTPC_EHLO:
	case SMTPC_HELO:
		return "saying hello";
	case SMTPC_STARTTLS:
	case SMTPC_HANDSHAKE:
		return "beginning TLS";
	case SMTPC_COMMANDS:
		if (c->got <= STEP_MAIL)
			return "giving the sender";
		return c->got == step_data(c) ? "starting the data"
					      : "giving the recipients";
	case SMTPC_BODY:
		return "sending the message";
	case SMTPC_END:
		return "waiting for the reply to the message";
	case SMTPC_READY:
	case SMTPC_LOOK:
	case SMTPC_RESULT:
	case SMTPC_QUIT:
	case SMTPC_OVER:
		break;
	}
	return "idle";
}

static void
trouble(struct smtpc *c, enum reason reason, const char *enh, const char *what)
{
	struct qo_outcome o;
	char text[MSG_TEXT_MAX + 1];

	if (c->state == SMTPC_STARTTLS || c->state == SMTPC_HANDSHAKE) {
		smtpc_no_tls(c, what);
		return;
	}
	(void)snprintf(text, sizeof(text), "%s while %s", what, doing(c));
	smtpc_outcome(&o, QO_DEFERRED, reason, 0, enh, text);
	smtpc_give_up(c, &o);
}

void
smtpc_lost(struct smtpc *c)
{
	trouble(c, REASON_CONN_LOST, "4.4.2", "connection lost");
}

void
smtpc_timeout(struct smtpc *c)
{
	trouble(c, REASON_TIMEOUT, "4.4.2", "timed out");
}

/* --- commands --- */

static bool
has(const struct smtpc *c, unsigned ext)
{
	return (c->features.ext & ext) != 0;
}

void
smtpc_put_hello(struct smtpc *c, struct smtp_outbuf *out, const char *verb)
{
	smtp_put_str(out, verb);
	smtp_put_char(out, ' ');
	smtp_put_str(out, c->helo);
	smtp_put_str(out, "\r\n");
}

static void
put_mail(const struct smtpc *c, struct smtp_outbuf *out)
{
	struct smtp_features f = c->features;

	if (c->seven != NULL) /* how long it gets is not known yet */
		f.ext &= ~(unsigned)SMTP_EXT_SIZE;
	envelope_put_mail(&f, c->job, out);
}

static void
put_step(struct smtpc *c, struct smtp_outbuf *out)
{
	uint32_t step = c->sent++;

	if (step == STEP_RSET) {
		smtp_put_str(out, "RSET\r\n");
	} else if (step == STEP_MAIL) {
		put_mail(c, out);
	} else if (step < step_data(c)) {
		envelope_put_rcpt(&c->features,
		    &c->rcpts[c->asked[step - STEP_RCPT]], out);
	} else {
		smtp_put_str(out, "DATA\r\n");
	}
}

static void
begin_body(struct smtpc *c)
{
	smtp_encode_init(&c->encoder);
	c->held_cr = false;
	c->body_new = true;
	c->state = SMTPC_BODY;
}

/* All of it as one chunk: 3.  No dots are added, and none is at the end. */
static void
put_bdat(struct smtpc *c, struct smtp_outbuf *out)
{
	smtp_put_str(out, "BDAT ");
	smtp_put_number(out, c->job->size, 0);
	smtp_put_str(out, " LAST\r\n");
	c->chunked = true;
	begin_body(c);
}

/* A chunk begins with its length: not known of what is converted. */
static bool
uses_bdat(const struct smtpc *c)
{
	return has(c, SMTP_EXT_CHUNKING) && c->seven == NULL;
}

/* Send what may be sent now. */
static void
advance(struct smtpc *c, struct smtp_outbuf *out)
{
	/* BDAT waits for a recipient to be accepted: the text goes with it */
	uint32_t end = step_data(c) + !uses_bdat(c);

	if (has(c, SMTP_EXT_PIPELINING)) {
		while (c->sent < end)
			put_step(c, out);
	} else if (c->sent == c->got && c->sent < end) {
		put_step(c, out);
	}
	if (c->got == end && uses_bdat(c))
		put_bdat(c, out);
}

/* What this server cannot take at all is not offered to it. */
static bool
refuse_job(struct smtpc *c)
{
	struct tls_verdict v;
	struct qo_outcome o;

	c->tls.requiretls = (c->job->flags & MSG_F_REQUIRETLS) != 0;
	c->tls.offers_requiretls = has(c, SMTP_EXT_REQUIRETLS);
	v = tls_decide(TLS_AT_MESSAGE, &c->tls);
	if (has(c, SMTP_EXT_SIZE) && c->features.size != 0 &&
	    c->job->size > c->features.size)
		smtpc_outcome(&o, QO_FAILED, REASON_TOO_BIG, 0, "5.3.4",
		    "message is larger than the server accepts");
	else if (v.action == TLS_FAIL)
		smtpc_outcome(&o, QO_FAILED, v.reason, 0, v.enh, v.text);
	else if ((c->job->flags & MSG_F_SMTPUTF8) != 0 &&
	    !has(c, SMTP_EXT_SMTPUTF8))
		smtpc_outcome(&o, QO_FAILED, REASON_REMOTE_PROTOCOL, 0, "5.6.7",
		    "the server does not take internationalised mail");
	else
		return false;
	smtpc_settle(c, &o);
	return true;
}

void
smtpc_start(struct smtpc *c, struct smtp_outbuf *out)
{
	c->messages++;
	c->state = SMTPC_COMMANDS;
	advance(c, out);
}

static void
look(struct smtpc *c)
{
	struct qo_outcome o;

	c->seven = malloc(sizeof(*c->seven));
	if (c->seven == NULL) {
		smtpc_outcome(&o, QO_DEFERRED, REASON_STORE_ERROR, 0, "4.3.0",
		    "no memory to convert the message");
		smtpc_settle(c, &o);
		return;
	}
	smtp_downgrade_init(c->seven);
	c->body_new = true;
	c->state = SMTPC_LOOK;
}

void
smtpc_job(struct smtpc *c, const struct qo_job *job,
    const struct msg_rcpt *rcpts, struct qo_outcome *outcomes,
    struct smtp_outbuf *out)
{
	c->job = job;
	c->rcpts = rcpts;
	c->outcomes = outcomes;
	memset(outcomes, 0, job->nrcpt * sizeof(*outcomes));
	c->naccepted = 0;
	c->mail_ok = false;
	c->dot_only = false;
	c->chunked = false;
	c->sent = c->got = c->need_rset ? STEP_RSET : STEP_MAIL;
	c->nasked = envelope_choose(&c->features, rcpts, job->nrcpt, c->asked);
	if (refuse_job(c))
		return;
	if ((job->flags & MSG_F_8BIT_DATA) != 0 && !has(c, SMTP_EXT_8BITMIME))
		look(c);
	else
		smtpc_start(c, out);
}

/* --- replies --- */

static void
protocol_error(struct smtpc *c, const char *what)
{
	trouble(c, REASON_REMOTE_PROTOCOL, "4.5.0", what);
}

static void
on_greeting(struct smtpc *c, struct smtp_outbuf *out)
{
	struct qo_outcome o;

	if (c->reply.code / 100 == 2) {
		smtpc_put_hello(c, out, "EHLO");
		c->state = SMTPC_EHLO;
		return;
	}
	/* a host that takes no mail now; another one may (5321 3.1, 5.1) */
	outcome_reply(c, &o, QO_DEFERRED, REASON_REMOTE_GREETING);
	smtpc_give_up(c, &o);
}

static void
on_hello(struct smtpc *c, struct smtp_outbuf *out)
{
	struct qo_outcome o;

	if (c->reply.code / 100 == 2) {
		smtpc_greeted(c, out);
		return;
	}
	/* RFC 5321 3.2: an old server that does not know EHLO */
	if (c->state == SMTPC_EHLO && c->reply.code / 100 == 5) {
		smtp_features_init(&c->features);
		smtpc_put_hello(c, out, "HELO");
		c->state = SMTPC_HELO;
		return;
	}
	outcome_reply(c, &o, QO_DEFERRED, REASON_REMOTE_HELO);
	smtpc_give_up(c, &o);
}

static enum qo_status
status_of(const struct smtpc *c)
{
	if (c->reply.code / 100 == 2)
		return QO_DELIVERED;
	return c->reply.code / 100 == 5 ? QO_FAILED : QO_DEFERRED;
}

static void
settle_reply(struct smtpc *c, enum reason reason)
{
	struct qo_outcome o;
	enum qo_status s = status_of(c);

	/* 2yz or 3yz where it makes no sense */
	outcome_reply(c, &o, s == QO_DELIVERED ? QO_DEFERRED : s, reason);
	settle_asked(c, &o);
}

/*
 * Has the server accepted all that it takes at a time?  452 is said of a full
 * mailbox, too: then with 4.2.2 (RFC 3463), or the next time at the latest.
 */
static bool
is_one_too_many(const struct smtpc *c)
{
	const struct smtp_reply *r = &c->reply;

	return c->naccepted > 0 && (r->code == 452 || r->code == 552) &&
	    (r->enhanced.class == 0 || r->enhanced.subject == 5);
}

static void
on_rcpt(struct smtpc *c, uint16_t i)
{
	enum qo_status s = status_of(c);
	enum reason reason = REASON_REMOTE_RCPT;

	if (!c->mail_ok)
		return; /* answered by MAIL's reply */
	if (s == QO_DELIVERED) {
		c->naccepted++;
		return;
	}
	/* RFC 5321 4.5.3.1.10: 552 here means too many recipients */
	if (c->reply.code == 552)
		s = QO_DEFERRED;
	if (is_one_too_many(c))
		reason = REASON_TOO_MANY_RCPTS;
	outcome_reply(c, &c->outcomes[i], s, reason);
}

static void
on_data(struct smtpc *c)
{
	if (c->reply.code / 100 == 3) {
		c->dot_only = c->naccepted == 0;
		begin_body(c);
		return;
	}
	c->need_rset = true;
	if (!c->mail_ok || c->naccepted == 0) {
		settle_asked(c, NULL);
		return;
	}
	settle_reply(c, REASON_REMOTE_DATA);
}

static void
on_mail(struct smtpc *c)
{
	struct qo_outcome o;
	enum qo_status s = status_of(c);
	uint16_t i;

	c->mail_ok = s == QO_DELIVERED;
	if (c->mail_ok)
		return;
	outcome_reply(c, &o, s, REASON_REMOTE_SENDER);
	for (i = 0; i < c->job->nrcpt; i++)
		c->outcomes[i] = o;
}

static void
on_step(struct smtpc *c, struct smtp_outbuf *out)
{
	uint32_t step = c->got++;

	if (step == STEP_RSET)
		c->need_rset = false;
	else if (step == STEP_MAIL)
		on_mail(c);
	else if (step < step_data(c))
		on_rcpt(c, c->asked[step - STEP_RCPT]);
	else
		on_data(c);
	if (c->state != SMTPC_COMMANDS)
		return;
	/* not pipelined: nothing more to ask once all is refused */
	if (c->sent == c->got &&
	    ((step == STEP_MAIL && !c->mail_ok) ||
		(c->got == step_data(c) && c->naccepted == 0))) {
		c->need_rset = true;
		settle_asked(c, NULL);
		return;
	}
	advance(c, out);
}

/* It offered what it does not know: the same again, by DATA. */
static bool
bdat_unknown(struct smtpc *c, struct smtp_outbuf *out)
{
	if (!c->chunked || c->reply.code < 500 || c->reply.code > 504)
		return false;
	c->features.ext &= ~(unsigned)SMTP_EXT_CHUNKING;
	c->chunked = false;
	c->mail_ok = false;
	c->naccepted = 0;
	memset(c->outcomes, 0, c->job->nrcpt * sizeof(*c->outcomes));
	c->sent = c->got = STEP_RSET;
	c->messages++;
	c->state = SMTPC_COMMANDS;
	advance(c, out);
	return true;
}

static void
on_end(struct smtpc *c, struct smtp_outbuf *out)
{
	struct qo_outcome o;

	if (bdat_unknown(c, out))
		return;
	c->need_rset = false;
	if (c->dot_only) {
		settle_asked(c, NULL);
		return;
	}
	if (status_of(c) != QO_DELIVERED) {
		settle_reply(c, REASON_REMOTE_DATA);
		return;
	}
	outcome_reply(c, &o, QO_DELIVERED, REASON_DELIVERED);
	settle_asked(c, &o);
}

/* 421 may come in the place of any reply, or unasked (RFC 5321 3.8). */
static bool
closing(struct smtpc *c)
{
	struct qo_outcome o;

	if (c->reply.code != 421 || c->state == SMTPC_QUIT)
		return false;
	outcome_reply(c, &o, QO_DEFERRED, REASON_CONN_LOST);
	if (c->state == SMTPC_GREETING)
		o.reason = REASON_REMOTE_GREETING;
	smtpc_give_up(c, &o);
	return true;
}

/*
 * A refusal while the text is still on its way is none of the message, which
 * the server has not seen; but it says why the connection is about to end.
 */
static void
on_early(struct smtpc *c)
{
	struct qo_outcome o;

	if (c->reply.code / 100 < 4) {
		protocol_error(c, "a reply to nothing");
		return;
	}
	outcome_reply(c, &o, QO_DEFERRED, REASON_REMOTE_DATA);
	smtpc_give_up(c, &o);
}

static void
on_reply(struct smtpc *c, struct smtp_outbuf *out)
{
	if (closing(c))
		return;
	switch (c->state) {
	case SMTPC_GREETING:
		on_greeting(c, out);
		break;
	case SMTPC_EHLO:
	case SMTPC_HELO:
		on_hello(c, out);
		break;
	case SMTPC_STARTTLS:
		smtpc_on_starttls(c);
		break;
	case SMTPC_HANDSHAKE:
		break; /* no reply is read then */
	case SMTPC_COMMANDS:
		if (c->got == c->sent)
			protocol_error(c, "a reply to nothing");
		else
			on_step(c, out);
		break;
	case SMTPC_END:
		on_end(c, out);
		break;
	case SMTPC_QUIT:
		c->state = SMTPC_OVER;
		break;
	case SMTPC_BODY:
		on_early(c);
		break;
	case SMTPC_READY:
	case SMTPC_LOOK:
	case SMTPC_RESULT:
		protocol_error(c, "a reply to nothing");
		break;
	case SMTPC_OVER:
		break;
	}
}

void
smtpc_input(struct smtpc *c, const char *in, size_t len,
    struct smtp_outbuf *out)
{
	size_t used;

	while (len > 0 && c->state != SMTPC_OVER && !c->broken) {
		if (c->state == SMTPC_HANDSHAKE) {
			smtpc_injected(c);
			return;
		}
		switch (smtp_reply_push(&c->reply, in, len, &used)) {
		case SMTP_REPLY_MORE:
			break;
		case SMTP_REPLY_LINE:
			if (c->state == SMTPC_EHLO && c->reply.lines > 1)
				smtp_features_line(&c->features,
				    smtp_slice(c->reply.line,
					c->reply.line_len));
			break;
		case SMTP_REPLY_DONE:
			c->replies++;
			if (c->state == SMTPC_EHLO && c->reply.lines > 1)
				smtp_features_line(&c->features,
				    smtp_slice(c->reply.line,
					c->reply.line_len));
			on_reply(c, out);
			break;
		case SMTP_REPLY_ERROR:
			protocol_error(c,
			    smtp_reply_error_name(c->reply.error));
			return;
		}
		in += used;
		len -= used;
	}
}

bool
smtpc_may_go_on(const struct smtpc *c)
{
	return !c->broken &&
	    (c->features.mail_max == 0 || c->messages < c->features.mail_max);
}

void
smtpc_take(struct smtpc *c)
{
	c->job = NULL;
	c->rcpts = NULL;
	c->outcomes = NULL;
	smtpc_free(c);
	c->state = c->broken ? SMTPC_OVER : SMTPC_READY;
}

void
smtpc_quit(struct smtpc *c, struct smtp_outbuf *out)
{
	smtp_put_str(out, "QUIT\r\n");
	c->state = SMTPC_QUIT;
}
