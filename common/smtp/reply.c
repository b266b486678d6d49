/* SPDX-License-Identifier: ISC */
/* Replies of a server, read by a client. */
#include "common/smtp/reply.h"

#include <string.h>

/* "250" and the octet that says whether more lines follow */
#define CODE_LEN 3

static const char *const error_names[] = {
	[SMTP_REPLY_OK] = "ok",
	[SMTP_REPLY_EGARBAGE] = "not an SMTP reply",
	[SMTP_REPLY_EMIXED] = "reply of different classes",
	[SMTP_REPLY_ELINES] = "too many lines in a reply",
	[SMTP_REPLY_ESIZE] = "reply too long",
};

static void
begin_reply(struct smtp_reply *r)
{
	r->error = SMTP_REPLY_OK;
	r->flags = 0;
	r->code = 0;
	r->enhanced = (struct smtp_enhanced){ 0, 0, 0 };
	r->lines = 0;
	r->octets = 0;
	r->text_len = 0;
	r->finished = false;
}

void
smtp_reply_init(struct smtp_reply *r)
{
	memset(r, 0, sizeof(*r));
}

static enum smtp_reply_event
fail(struct smtp_reply *r, enum smtp_reply_error e)
{
	r->error = e;
	return SMTP_REPLY_ERROR;
}

static bool
is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

/* Keep what fits of the octets of a line that has not ended yet. */
static void
keep(struct smtp_reply *r, const char *p, size_t n)
{
	size_t room = sizeof(r->line) - r->line_len;

	if (n > room) {
		r->flags |= SMTP_REPLY_F_TRUNCATED;
		n = room;
	}
	if (n != 0)
		memcpy(r->line + r->line_len, p, n);
	r->line_len += n;
}

static void
clean(struct smtp_reply *r)
{
	size_t i;

	for (i = 0; i < r->line_len; i++) {
		if (!is_control(r->line[i]) || r->line[i] == '\t')
			continue;
		r->line[i] = '?';
		r->flags |= SMTP_REPLY_F_CONTROL;
	}
}

static bool
parse_code(const struct smtp_reply *r, uint16_t *code)
{
	const char *p = r->line;

	if (r->line_len < CODE_LEN || p[0] < '2' || p[0] > '5' ||
	    !smtp_isdigit(p[1]) || !smtp_isdigit(p[2]))
		return false;
	*code =
	    (uint16_t)((p[0] - '0') * 100 + (p[1] - '0') * 10 + (p[2] - '0'));
	return r->line_len == CODE_LEN || p[CODE_LEN] == ' ' ||
	    p[CODE_LEN] == '-';
}

/*
 * An enhanced code counts if it is of the reply's class (RFC 2034 section 4);
 * the first one is the reply's.  Returns its length and that of the space.
 */
static size_t
take_enhanced(struct smtp_reply *r, bool *again)
{
	struct smtp_slice line = smtp_slice(r->line, r->line_len);
	struct smtp_enhanced e;
	size_t n = smtp_enhanced_parse(&e, line);

	*again = false;
	if (n == 0 || e.class != r->code / 100)
		return 0;
	if (r->enhanced.class == 0)
		r->enhanced = e;
	else
		*again = e.subject == r->enhanced.subject &&
		    e.detail == r->enhanced.detail;
	return n < line.len ? n + 1 : n;
}

static void
add_text(struct smtp_reply *r)
{
	const char *p = r->line;
	size_t len = r->line_len, room, n;
	bool again;

	n = take_enhanced(r, &again);
	if (again) {
		p += n;
		len -= n;
	}
	if (len == 0)
		return;
	room = sizeof(r->text) - r->text_len;
	if (r->text_len != 0 && room > 0) {
		r->text[r->text_len++] = ' ';
		room--;
	}
	if (len > room)
		len = room;
	memcpy(r->text + r->text_len, p, len);
	r->text_len += len;
}

/* A whole line, without its end, is in r->line. */
static enum smtp_reply_event
end_line(struct smtp_reply *r)
{
	uint16_t code = 0;
	bool last;

	if (!parse_code(r, &code))
		return fail(r, SMTP_REPLY_EGARBAGE);
	if (r->lines > 0 && code != r->code) {
		if (code / 100 != r->code / 100)
			return fail(r, SMTP_REPLY_EMIXED);
		r->flags |= SMTP_REPLY_F_CODES;
	}
	r->code = code;
	if (++r->lines > SMTP_CLIENT_LINES_MAX)
		return fail(r, SMTP_REPLY_ELINES);
	last = r->line_len == CODE_LEN || r->line[CODE_LEN] == ' ';
	if (r->line_len > CODE_LEN) {
		r->line_len -= CODE_LEN + 1;
		memmove(r->line, r->line + CODE_LEN + 1, r->line_len);
	} else
		r->line_len = 0;
	clean(r);
	add_text(r);
	r->line_done = true;
	r->finished = last;
	return last ? SMTP_REPLY_DONE : SMTP_REPLY_LINE;
}

/* The line's end is LF; a CR just before it belongs to the end. */
static void
strip_cr(struct smtp_reply *r)
{
	if (!r->raw_cr)
		r->flags |= SMTP_REPLY_F_BARE_LF;
	else if (r->line_len > 0 && r->line[r->line_len - 1] == '\r')
		r->line_len--;
}

enum smtp_reply_event
smtp_reply_push(struct smtp_reply *r, const char *in, size_t len, size_t *used)
{
	const char *lf;
	size_t n;

	*used = 0;
	if (r->error != SMTP_REPLY_OK)
		return SMTP_REPLY_ERROR;
	if (len == 0)
		return SMTP_REPLY_MORE;
	if (r->finished)
		begin_reply(r);
	if (r->line_done) {
		r->line_done = false;
		r->line_len = 0;
		r->raw_cr = false;
	}
	lf = memchr(in, '\n', len);
	n = lf == NULL ? len : (size_t)(lf - in);
	*used = lf == NULL ? len : n + 1;
	if (*used > SMTP_CLIENT_REPLY_MAX - r->octets)
		return fail(r, SMTP_REPLY_ESIZE);
	r->octets += *used;
	keep(r, in, n);
	if (n > 0)
		r->raw_cr = in[n - 1] == '\r';
	if (lf == NULL)
		return SMTP_REPLY_MORE;
	strip_cr(r);
	return end_line(r);
}

const char *
smtp_reply_error_name(enum smtp_reply_error e)
{
	return error_names[e];
}
