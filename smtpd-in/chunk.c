/* SPDX-License-Identifier: ISC */
/*
 * The message in chunks, BDAT (RFC 3030 section 2).  The octets of a chunk are
 * read in any case, so that they are never taken for commands, and the reply
 * comes after them; where that cannot be (how many are they?) the session
 * ends.  After the first fault of a text, or where its first chunk was not
 * wanted, all chunks up to LAST are refused, and the transaction ends with
 * RSET, or with LAST: what was left of such a text must never be taken.
 */
#include "smtpd-in/session_int.h"

bool
session_is_bdat(struct smtp_slice line)
{
	struct smtp_command cmd;

	smtp_command_parse(&cmd, line);
	return cmd.verb == SMTP_VERB_BDAT;
}

/* chunk-size 1*DIGIT, and how much of the line it was; 0: it is none */
static size_t
parse_size(struct smtp_slice in, uint64_t *size)
{
	size_t i;

	*size = 0;
	for (i = 0; i < in.len && smtp_isdigit(in.p[i]); i++)
		if (__builtin_mul_overflow(*size, 10, size) ||
		    __builtin_add_overflow(*size, (uint64_t)(in.p[i] - '0'),
			size))
			return 0;
	return i;
}

static bool
parse(struct session *s, struct smtp_slice arg)
{
	size_t n = parse_size(arg, &s->chunk_left);
	struct smtp_slice rest = smtp_slice(arg.p + n, arg.len - n);

	s->chunk_last = smtp_slice_is(rest, " LAST");
	return n > 0 && (rest.len == 0 || s->chunk_last);
}

/* The reply that this chunk gets, wherever it is out of place. */
static enum smtp_reply_id
out_of_place(const struct session *s)
{
	const struct session_tx *tx = &s->tx;

	switch (s->state) {
	case SESSION_START:
		return SMTP_R_NEED_HELO;
	case SESSION_IDLE:
		return SMTP_R_NEED_MAIL;
	case SESSION_MAIL:
		if (tx->later > 0)
			return SMTP_R_NO_RCPT_YET;
		return tx->refused > 0 ? SMTP_R_NO_VALID_RCPT
				       : SMTP_R_NEED_RCPT;
	case SESSION_RCPT:
	case SESSION_CHUNKS:
	case SESSION_CONNECT:
	case SESSION_TEXT:
	case SESSION_CHUNK:
	case SESSION_REFUSED:
	case SESSION_TLS:
		break;
	}
	return SMTP_R_NONE;
}

static void
begin(struct session *s, enum smtp_reply_id reply)
{
	s->chunk_back = s->state;
	s->chunk_reply = reply;
	s->state = SESSION_CHUNK;
}

static bool
is_too_long(const struct session *s)
{
	uint64_t max = s->conf->features.size;

	return max != 0 && s->chunk_left / 2 > max;
}

void
session_bdat(struct step *st, const struct smtp_command *cmd)
{
	struct session *s = st->s;
	enum smtp_reply_id id;

	if (!parse(s, cmd->arg)) {
		session_refuse(st, SMTP_R_BAD_CHUNK, cmd->arg);
		return;
	}
	if (is_too_long(s)) {
		session_refuse(st, SMTP_R_CHUNK_TOO_LONG, cmd->arg);
		return;
	}
	if (s->chunk_left == 0 && !s->chunk_last &&
	    ++s->junk > s->conf->junk_max) {
		session_refuse(st, SMTP_R_TOO_MANY_ERRORS, cmd->arg);
		return;
	}
	id = out_of_place(s);
	if (id == SMTP_R_NONE && s->state == SESSION_RCPT) {
		s->chunk_asked = true;
		session_ask(st, ACT_DATA);
		return;
	}
	begin(s, id);
}

/* Nothing of this text is wanted any more: the transaction is told once. */
static void
give_up(struct step *st)
{
	struct session *s = st->s;

	if (s->tx_open) {
		s->tx_open = false;
		st->act->type = ACT_ABORT;
	}
}

void
session_chunk_answer(struct step *st, enum smtp_reply_id refused)
{
	struct session *s = st->s;
	uint64_t max = s->conf->features.size;

	s->chunk_asked = false;
	begin(s, SMTP_R_NONE);
	data_init_chunks(&s->tx.data, max == 0 ? UINT64_MAX : max,
	    s->conf->line_max);
	smtp_header_init(&s->tx.header);
	if (refused != SMTP_R_NONE) {
		/* what follows would be a text without its beginning */
		s->tx.fault = refused;
		give_up(st);
	}
}

/* What the text so far is refused for; once it is, it stays so. */
static void
judge(struct step *st)
{
	struct session_tx *tx = &st->s->tx;
	enum smtp_reply_id fault = session_text_fault(st->s);

	if (fault != SMTP_R_NONE)
		tx->fault = fault;
	if (tx->fault == SMTP_R_NONE)
		return;
	give_up(st);
	if (st->act->type == ACT_INPUT && session_text_is_endless(st->s)) {
		session_refuse(st, tx->fault, smtp_slice("", 0));
		st->s->closing = true;
	}
}

/* Its octets were read. */
static void
end_chunk(struct step *st)
{
	static const char crlf[] = "\r\n";
	struct session *s = st->s;
	struct session_tx *tx = &s->tx;

	if (s->chunk_reply != SMTP_R_NONE) {
		s->state = s->chunk_back;
		session_refuse(st, s->chunk_reply, smtp_slice("", 0));
		return;
	}
	if (!s->chunk_last) {
		s->state = SESSION_CHUNKS;
		if (tx->fault == SMTP_R_NONE)
			session_reply(st, SMTP_R_CHUNK);
		else
			session_refuse(st, tx->fault, smtp_slice("", 0));
		return;
	}
	if (data_end(&tx->data) && tx->fault == SMTP_R_NONE) {
		st->act->type = ACT_TEXT;
		st->act->text = smtp_slice(crlf, 2);
		return;
	}
	judge(st);
	if (st->act->type == ACT_INPUT)
		session_text_finish(st);
}

size_t
session_chunk(struct step *st, struct smtp_slice in)
{
	struct session *s = st->s;
	struct session_tx *tx = &s->tx;
	struct smtp_slice piece;
	size_t n = in.len < s->chunk_left ? in.len : (size_t)s->chunk_left;
	enum data_event ev;

	if (s->chunk_left == 0) {
		end_chunk(st);
		return 0;
	}
	if (n == 0)
		return 0;
	if (s->chunk_reply != SMTP_R_NONE) {
		s->chunk_left -= n;
		return n;
	}
	ev = data_next(&tx->data, smtp_slice(in.p, n), &n, &piece);
	s->chunk_left -= n;
	if (ev == DATA_CHUNK)
		smtp_header_push(&tx->header, &s->conf->trace, piece.p,
		    piece.len);
	judge(st);
	if (tx->fault == SMTP_R_NONE && ev == DATA_CHUNK) {
		st->act->type = ACT_TEXT;
		st->act->text = piece;
	}
	return n;
}
