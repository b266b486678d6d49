/* SPDX-License-Identifier: ISC */
/*
 * The text of a job: dot-stuffed after DATA, as it is after BDAT, converted
 * for a server that takes 7-bit only.
 */
#include <stdio.h>

#include "smtpd-out/smtpc_int.h"

/* All was looked at. */
static void
looked(struct smtpc *c, struct smtp_outbuf *out)
{
	static const char *const why[] = {
		[DOWNGRADE_OK] = "",
		[DOWNGRADE_HEADER] = "its header is 8-bit",
		[DOWNGRADE_SIGNED] = "what is 8-bit of it is signed",
		[DOWNGRADE_STRUCTURE] = "its structure is not clear",
		[DOWNGRADE_FIXED] = "a part of it may not be converted",
		[DOWNGRADE_LINES] = "its lines are not well-formed",
	};
	enum smtp_downgrade_verdict v = smtp_downgrade_looked(c->seven);
	struct qo_outcome o;
	char text[MSG_TEXT_MAX + 1];

	if (v == DOWNGRADE_OK) {
		smtpc_start(c, out);
		return;
	}
	(void)snprintf(text, sizeof(text),
	    "the message is 8-bit, the server takes 7-bit only, and %s",
	    why[v]);
	smtpc_outcome(&o, QO_FAILED, REASON_NO_8BITMIME, 0, "5.6.3", text);
	smtpc_settle(c, &o);
}

bool
smtpc_wants_text(const struct smtpc *c)
{
	return c->state == SMTPC_LOOK || c->state == SMTPC_BODY;
}

/*
 * A CR waits for its LF: else one at the end of the text would complete a
 * chunk, and the server would take what is given up here.
 */
static void
put_piece(struct smtpc *c, struct smtp_slice piece, struct smtp_outbuf *out)
{
	if (piece.len == 0)
		return;
	if (c->held_cr)
		smtp_put_char(out, '\r');
	c->held_cr = piece.p[piece.len - 1] == '\r';
	smtp_put(out, piece.p, piece.len - c->held_cr);
}

/* As much of in as there is room for. */
static size_t
encode(struct smtpc *c, struct smtp_slice in, struct smtp_outbuf *out)
{
	struct smtp_slice piece, rest = in;
	size_t used, room;

	while (rest.len > 0 && (room = smtp_outbuf_room(out)) > 8) {
		used = smtp_encode(&c->encoder,
		    smtp_slice(rest.p, rest.len < room ? rest.len : room - 1),
		    &piece);
		if (piece.len == 0 && used == 0)
			break;
		if (!c->chunked || used > 0) /* else a dot that was added */
			put_piece(c, piece, out);
		rest.p += used;
		rest.len -= used;
	}
	if (c->encoder.failed)
		smtpc_body_failed(c);
	return in.len - rest.len;
}

/* All dots may be doubled. */
#define CONVERT_ROOM (2 * SMTP_DOWNGRADE_OUT + 16)

static size_t
convert(struct smtpc *c, struct smtp_slice in, struct smtp_outbuf *out)
{
	struct smtp_slice rest = in, piece;
	size_t used;

	while (rest.len > 0 && smtp_outbuf_room(out) >= CONVERT_ROOM &&
	    c->state == SMTPC_BODY) {
		used = smtp_downgrade_push(c->seven, rest, &piece);
		rest.p += used;
		rest.len -= used;
		if (c->seven->verdict != DOWNGRADE_OK)
			smtpc_body_failed(c);
		else
			(void)encode(c, piece, out);
	}
	return in.len - rest.len;
}

size_t
smtpc_body(struct smtpc *c, struct smtp_slice in, struct smtp_outbuf *out)
{
	if (c->state == SMTPC_LOOK)
		smtp_downgrade_look(c->seven, in);
	else if (c->seven != NULL && !c->dot_only)
		return convert(c, in, out);
	else if (!c->dot_only)
		return encode(c, in, out);
	return in.len;
}

int
smtpc_body_end(struct smtpc *c, struct smtp_outbuf *out)
{
	struct smtp_slice piece;

	if (c->state == SMTPC_LOOK) {
		looked(c, out);
		return 0;
	}
	if (smtp_outbuf_room(out) < (c->seven != NULL ? CONVERT_ROOM : 8))
		return -1;
	if (c->dot_only) {
		smtp_put_str(out, ".\r\n");
		c->state = SMTPC_END;
		return 0;
	}
	if (c->seven != NULL) {
		smtp_downgrade_end(c->seven, &piece);
		(void)encode(c, piece, out);
	}
	if (c->state != SMTPC_BODY)
		return 0;
	if (smtp_encode_end(&c->encoder, &piece) == -1) {
		smtpc_body_failed(c);
		return 0;
	}
	if (!c->chunked)
		smtp_put_slice(out, piece);
	c->state = SMTPC_END;
	return 0;
}

void
smtpc_body_failed(struct smtpc *c)
{
	struct qo_outcome o;

	smtpc_outcome(&o, QO_DEFERRED, REASON_STORE_ERROR, 0, "4.3.0",
	    "the message could not be read from the queue");
	smtpc_give_up(c, &o);
}
