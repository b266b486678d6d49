/* SPDX-License-Identifier: ISC */
/* The session machine: events, lines, and the order in which things happen. */
#include "smtpd-in/session.h"

#include <string.h>

#include "smtpd-in/session_int.h"

/* Of a line without end, so much is read past before we hang up. */
#define SKIP_MAX 65536

/* What is at the front of the input. */
struct framed {
	size_t octets;		/* to be used */
	enum smtp_reply_id bad; /* it is refused so */
	bool complete;		/* it is a line, with its CRLF */
};

int
session_conf_init(struct session_conf *c, const char *hostname)
{
	size_t len;

	memset(c, 0, sizeof(*c));
	if (smtp_domain(smtp_slice_str(hostname), 0, c->hostname, &len) !=
	    SMTP_ADDR_OK)
		return -1;
	c->features.ext = SMTP_EXT_PIPELINING | SMTP_EXT_SIZE |
	    SMTP_EXT_8BITMIME | SMTP_EXT_ENHANCED;
	c->features.size = 50 * 1024 * 1024;
	c->policy = SESSION_P_NO_ROUTES | SESSION_P_SYNC;
	c->line_max = SMTP_TEXT_LINE_MAX;
	c->header_max = 1024 * 1024;
	c->hops_max = SMTP_HOPS_DEFAULT;
	c->own_max = 8;
	c->rcpt_max = SMTP_RCPT_DEFAULT;
	c->error_max = 20;
	c->unknown_max = 100;
	c->junk_max = 100;
	smtp_token_init(&c->trace, smtp_slice(c->hostname, len));
	return 0;
}

void
session_init(struct session *s, const struct session_conf *c)
{
	memset(s, 0, sizeof(*s));
	s->conf = c;
}

void
session_greet(struct session *s, enum smtp_reply_id greeting)
{
	s->event = greeting;
}

void
session_end(struct session *s, enum smtp_reply_id farewell)
{
	s->event = farewell;
	s->question = ACT_INPUT;
}

void
session_require_tls(struct session *s)
{
	s->tls_required = true;
}

void
session_secured(struct session *s)
{
	const struct session was = *s;

	session_init(s, was.conf);
	s->state = SESSION_START;
	s->secured = true;
	s->tls_required = was.tls_required;
	s->messages = was.messages;
	s->errors = was.errors;
	s->unknown = was.unknown;
	s->question_no = was.question_no;
	s->event = was.event;
}

void
session_eof(struct session *s)
{
	s->eof = true;
	s->question = ACT_INPUT;
}

int
session_answer(struct session *s, uint32_t no, enum session_answer answer,
    struct smtp_slice text)
{
	size_t n = text.len;

	if (s->question == ACT_INPUT || s->answered || no != s->question_no)
		return -1;
	if (n > sizeof(s->answer_text) - 1)
		n = sizeof(s->answer_text) - 1;
	if (n > 0)
		memcpy(s->answer_text, text.p, n);
	s->answer_text[n] = '\0';
	s->answer = answer;
	s->answered = true;
	return 0;
}

bool
session_is_asking(const struct session *s)
{
	return s->question != ACT_INPUT && !s->answered;
}

bool
session_is_idle(const struct session *s)
{
	return !s->tx_open && s->question == ACT_INPUT;
}

bool
session_is_mid_line(const struct session *s)
{
	return s->skipping;
}

void
session_ask(struct step *st, enum session_act_type question)
{
	struct session *s = st->s;

	s->question = question;
	s->question_no++;
	s->answered = false;
	st->act->type = question;
	st->act->question = s->question_no;
}

void
session_reset_tx(struct session *s)
{
	memset(&s->tx, 0, sizeof(s->tx));
	s->chunk_asked = false;
	if (s->state > SESSION_IDLE && s->state < SESSION_REFUSED)
		s->state = SESSION_IDLE;
}

void
session_abort_tx(struct step *st)
{
	if (st->s->tx_open) {
		st->s->tx_open = false;
		st->act->type = ACT_ABORT;
	}
	session_reset_tx(st->s);
}

static enum smtp_reply_id
counted(struct session *s, enum smtp_reply_id id)
{
	switch (smtp_reply_def(id)->count) {
	case SMTP_COUNT_NOTHING:
	case SMTP_COUNT_FATAL:
		break;
	case SMTP_COUNT_ERROR:
		if (++s->errors > s->conf->error_max)
			return SMTP_R_TOO_MANY_ERRORS;
		break;
	case SMTP_COUNT_UNKNOWN:
		if (++s->unknown > s->conf->unknown_max)
			return SMTP_R_TOO_MANY_UNKNOWN;
		break;
	}
	return id;
}

void
session_reply(struct step *st, enum smtp_reply_id id)
{
	struct session *s = st->s;

	if (smtp_reply_def(id)->count == SMTP_COUNT_FATAL)
		s->closing = true;
	smtp_put_reply(st->out, id, smtp_slice_str(s->conf->hostname),
	    smtp_slice_str(s->answer_text));
}

void
session_refuse(struct step *st, enum smtp_reply_id id, struct smtp_slice what)
{
	id = counted(st->s, id);
	session_reply(st, id);
	st->act->type = ACT_REFUSED;
	st->act->reply = id;
	st->act->text = what;
}

/*
 * A line ends with CRLF and has neither CR, LF nor NUL inside.  The first bad
 * octet decides, and is answered at once, so that the reply is the same
 * however the octets arrive, and a client that ends lines with LF alone
 * learns of it.
 */
static struct framed
frame_line(struct session *s, struct smtp_slice in)
{
	struct framed f = { 0, SMTP_R_NONE, false };
	size_t i;

	for (i = s->scanned; i < in.len && i < SMTP_LINE_MAX; i++) {
		bool after_cr = i > 0 && in.p[i - 1] == '\r';

		if (in.p[i] == '\n' && after_cr) {
			f.complete = true;
			break;
		}
		if (in.p[i] == '\n')
			f.bad = SMTP_R_BARE_LF;
		else if (after_cr)
			f.bad = SMTP_R_BARE_CR;
		else if (in.p[i] == '\0')
			f.bad = SMTP_R_NUL;
		else
			continue;
		break;
	}
	s->scanned = (uint32_t)i;
	if (f.complete || f.bad != SMTP_R_NONE)
		f.octets = i + 1;
	else if (i == SMTP_LINE_MAX) {
		f.bad = SMTP_R_LINE_TOO_LONG;
		f.octets = i;
	}
	if (f.octets != 0)
		s->scanned = 0;
	return f;
}

/* The rest of a bad line, up to its CRLF. */
static size_t
skip_line(struct step *st, struct smtp_slice in)
{
	struct session *s = st->s;
	size_t i;

	for (i = 0; i < in.len; i++) {
		if (in.p[i] == '\n' && s->skip_cr) {
			s->skipping = false;
			return i + 1;
		}
		s->skip_cr = in.p[i] == '\r';
		if (++s->skipped > SKIP_MAX) {
			session_refuse(st, SMTP_R_TOO_MANY_ERRORS,
			    smtp_slice(in.p, 0));
			return i + 1;
		}
	}
	return i;
}

static size_t
take_line(struct step *st, struct smtp_slice in)
{
	struct session *s = st->s;
	struct framed f;

	if (s->skipping)
		return skip_line(st, in);
	f = frame_line(s, in);
	if (f.complete) {
		st->more_input = in.len > f.octets;
		session_command(st, smtp_slice(in.p, f.octets - 2));
	} else if (f.bad != SMTP_R_NONE) {
		s->skipping = true;
		s->skip_cr = in.p[f.octets - 1] == '\r';
		s->skipped = 0;
		session_refuse(st, f.bad, smtp_slice(in.p, f.octets));
		if (session_is_bdat(smtp_slice(in.p, f.octets - 1)))
			s->closing = true;
	}
	return f.octets;
}

static size_t
take_input(struct step *st, struct smtp_slice in)
{
	struct session *s = st->s;

	if (s->state == SESSION_TEXT)
		return session_text(st, in);
	if (s->state == SESSION_CHUNK)
		return session_chunk(st, in);
	if (in.len == 0)
		return 0;
	if (s->state == SESSION_CONNECT) {
		session_refuse(st, SMTP_R_EARLY, smtp_slice(in.p, 0));
		return 0;
	}
	return take_line(st, in);
}

static void
take_event(struct step *st)
{
	struct session *s = st->s;
	enum smtp_reply_id id = s->event;

	/* first the transaction, then the farewell */
	if (s->tx_open) {
		session_abort_tx(st);
		return;
	}
	s->event = SMTP_R_NONE;
	if (id == SMTP_R_GREETING) {
		s->state = SESSION_START;
		session_reply(st, id);
		return;
	}
	s->state = SESSION_REFUSED;
	session_refuse(st, id, smtp_slice("", 0));
}

/*
 * Commands that came with STARTTLS may be anybody's: they are not in what TLS
 * protects.
 */
static size_t
begin_tls(struct step *st, struct smtp_slice in)
{
	st->act->type = ACT_TLS;
	st->act->text = in;
	return in.len;
}

static void
take_close(struct step *st)
{
	session_abort_tx(st);
	if (st->act->type == ACT_INPUT)
		st->act->type = ACT_CLOSE;
}

enum session_act_type
session_step(struct session *s, struct smtp_slice in, size_t *used,
    struct smtp_outbuf *out, struct session_act *act)
{
	struct step st = { s, out, act, false };

	*used = 0;
	memset(act, 0, sizeof(*act));
	while (act->type == ACT_INPUT) {
		size_t n;

		if (s->closing || s->eof)
			take_close(&st);
		else if (smtp_outbuf_room(out) < SMTP_REPLY_ROOM)
			act->type = ACT_FLUSH;
		else if (s->event != SMTP_R_NONE)
			take_event(&st);
		else if (s->state == SESSION_TLS)
			*used += begin_tls(&st,
			    smtp_slice(in.p + *used, in.len - *used));
		else if (session_is_asking(s))
			act->type = ACT_WAIT;
		else if (s->question != ACT_INPUT)
			session_take_answer(&st);
		else {
			enum session_state before = s->state;

			n = take_input(&st,
			    smtp_slice(in.p + *used, in.len - *used));
			*used += n;
			if (n == 0 && !s->closing && s->state == before)
				break;
		}
	}
	return act->type;
}
