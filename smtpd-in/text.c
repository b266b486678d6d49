/* SPDX-License-Identifier: ISC */
/* The message: from 354 to the reply at its end. */
#include "smtpd-in/session_int.h"

/*
 * A refused text is read to its end, so that what follows is understood, but
 * not for ever.
 */
#define OVERRUN_OCTETS (1024 * 1024)

/* Which reply a fault of the text gives; the first that applies. */
static const struct {
	unsigned faults;
	enum smtp_reply_id reply;
} fault_replies[] = {
	{ DATA_F_BARE_CR | DATA_F_BARE_LF, SMTP_R_BODY_LINE_END },
	{ DATA_F_NUL, SMTP_R_BODY_NUL },
	{ DATA_F_TOO_BIG, SMTP_R_TOO_BIG },
	{ DATA_F_LONG_LINE, SMTP_R_BODY_LONG_LINE },
};

void
session_text_begin(struct session *s)
{
	uint64_t max = s->conf->features.size;

	data_init(&s->tx.data, max == 0 ? UINT64_MAX : max, s->conf->line_max);
	smtp_header_init(&s->tx.header);
	s->state = SESSION_TEXT;
}

static enum smtp_reply_id
data_fault(const struct data_machine *d)
{
	size_t i;

	for (i = 0; i < sizeof(fault_replies) / sizeof(fault_replies[0]); i++)
		if ((d->faults & fault_replies[i].faults) != 0)
			return fault_replies[i].reply;
	return SMTP_R_NONE;
}

/* RFC 5321 6.3 for loops */
static enum smtp_reply_id
header_fault(const struct session *s)
{
	const struct session_conf *c = s->conf;
	const struct smtp_header *h = &s->tx.header;

	if (h->count[SMTP_FIELD_RECEIVED] > c->hops_max || h->own > c->own_max)
		return SMTP_R_LOOP;
	if (h->size > c->header_max)
		return SMTP_R_HEADER_TOO_BIG;
	return SMTP_R_NONE;
}

enum smtp_reply_id
session_text_fault(const struct session *s)
{
	const struct session_tx *tx = &s->tx;
	enum smtp_reply_id id = data_fault(&tx->data);

	if (id == SMTP_R_NONE)
		id = header_fault(s);
	if (id == SMTP_R_NONE && tx->data.eight_bit &&
	    tx->body == SMTP_BODY_7BIT && !tx->utf8 &&
	    (s->conf->policy & SESSION_P_STRICT_8BIT) != 0)
		id = SMTP_R_BODY_8BIT;
	return id;
}

void
session_text_finish(struct step *st)
{
	struct session *s = st->s;
	enum smtp_reply_id fault = s->tx.fault;

	if (fault != SMTP_R_NONE) {
		session_reset_tx(s);
		session_refuse(st, fault, smtp_slice("", 0));
		return;
	}
	s->tx_open = false;
	session_ask(st, ACT_SUBMIT);
}

bool
session_text_is_endless(const struct session *s)
{
	return s->tx.data.octets / 2 > s->conf->features.size + OVERRUN_OCTETS;
}

/* Text that will be refused was read, or its end. */
static void
take_faulty(struct step *st, bool end)
{
	struct session *s = st->s;

	s->tx.ended = end;
	if (s->tx_open) {
		s->tx_open = false;
		st->act->type = ACT_ABORT;
	} else if (end) {
		session_text_finish(st);
	} else if (session_text_is_endless(s)) {
		session_refuse(st, s->tx.fault, smtp_slice("", 0));
		s->closing = true;
	}
}

size_t
session_text(struct step *st, struct smtp_slice in)
{
	struct session *s = st->s;
	struct session_tx *tx = &s->tx;
	struct smtp_slice piece = smtp_slice(in.p, 0);
	enum data_event ev;
	size_t n;

	if (tx->ended) {
		session_text_finish(st);
		return 0;
	}
	ev = data_next(&tx->data, in, &n, &piece);
	if (ev == DATA_CHUNK)
		smtp_header_push(&tx->header, &s->conf->trace, piece.p,
		    piece.len);
	if (tx->fault == SMTP_R_NONE || ev == DATA_END)
		tx->fault = session_text_fault(s);
	if (ev == DATA_END && session_is_unsync(s, false, in.len > n))
		tx->fault = SMTP_R_UNSYNC;
	if (tx->fault != SMTP_R_NONE) {
		take_faulty(st, ev == DATA_END);
	} else if (ev == DATA_END) {
		session_text_finish(st);
	} else if (ev == DATA_CHUNK) {
		st->act->type = ACT_TEXT;
		st->act->text = piece;
	}
	return n;
}
