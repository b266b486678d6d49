/* SPDX-License-Identifier: ISC */
/* The header of a message, looked at as it streams by. */
#include "common/smtp/header.h"

#include <string.h>

enum state {
	ST_LINE = 0, /* at the first octet of a line */
	ST_CR,	     /* after a CR that began a line */
	ST_NAME,     /* in a field name */
	ST_SKIP,     /* in text that nobody asks for */
	ST_RECEIVED  /* in the text of a Received field */
};

static const struct {
	const char *name;
	enum smtp_field field;
} names[] = {
	{ "received", SMTP_FIELD_RECEIVED },
	{ "from", SMTP_FIELD_FROM },
	{ "sender", SMTP_FIELD_SENDER },
	{ "date", SMTP_FIELD_DATE },
	{ "message-id", SMTP_FIELD_MESSAGE_ID },
	{ "mime-version", SMTP_FIELD_MIME_VERSION },
};

void
smtp_token_init(struct smtp_token *t, struct smtp_slice hostname)
{
	static const char before[] = " by ";
	size_t i, k = 0, n = sizeof(before) - 1;

	memset(t, 0, sizeof(*t));
	if (hostname.len == 0 || hostname.len > SMTP_DOMAIN_MAX)
		return;
	memcpy(t->text, before, n);
	for (i = 0; i < hostname.len; i++)
		t->text[n++] = smtp_tolower(hostname.p[i]);
	t->text[n++] = ' ';
	t->len = n;
	/* border[i]: longest proper prefix that ends text[0 .. i] */
	for (i = 1; i < n; i++) {
		while (k > 0 && t->text[i] != t->text[k])
			k = t->border[k - 1];
		if (t->text[i] == t->text[k])
			k++;
		t->border[i] = (uint16_t)k;
	}
}

void
smtp_header_init(struct smtp_header *h)
{
	memset(h, 0, sizeof(*h));
}

static enum smtp_field
find_field(struct smtp_slice name)
{
	size_t i;

	/* obsolete syntax has white space before the colon, RFC 5322 4.5 */
	while (name.len > 0 &&
	    (name.p[name.len - 1] == ' ' || name.p[name.len - 1] == '\t'))
		name.len--;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (smtp_slice_is(name, names[i].name))
			return names[i].field;
	return SMTP_FIELD_OTHER;
}

static enum state
begin_text(struct smtp_header *h)
{
	size_t n = h->name_len < SMTP_FIELD_NAME_MAX ? h->name_len : 0;

	h->field = (uint8_t)find_field(smtp_slice(h->name, n));
	h->count[h->field]++;
	h->matched = 0;
	h->own_here = false;
	return h->field == SMTP_FIELD_RECEIVED ? ST_RECEIVED : ST_SKIP;
}

static enum state
end_unmarked(struct smtp_header *h)
{
	h->done = true;
	h->unmarked = true;
	return ST_LINE;
}

/*
 * A mailbox file's "From " line at the top is passed over: old senders leave
 * it there, and the header goes on below.
 */
static bool
is_mbox_line(const struct smtp_header *h)
{
	struct smtp_slice name = smtp_slice(h->name, h->name_len);

	return h->lines == 1 &&
	    (smtp_slice_is(name, "from") || smtp_slice_is(name, ">from"));
}

static enum state
on_name(struct smtp_header *h, char c)
{
	if (c == ':')
		return h->name_len == 0 ? end_unmarked(h) : begin_text(h);
	if (c == ' ' && is_mbox_line(h))
		return ST_SKIP;
	if (c == '\r' || c == '\n' ||
	    (!smtp_isgraph(c) && c != ' ' && c != '\t' && !smtp_is8bit(c)))
		return end_unmarked(h);
	if (h->name_len < SMTP_FIELD_NAME_MAX)
		h->name[h->name_len++] = c;
	return ST_NAME;
}

static enum state
on_line(struct smtp_header *h, char c)
{
	h->lines++;
	if (c == '\r')
		return ST_CR;
	if (c == '\n') {
		h->done = true;
		return ST_LINE;
	}
	/* a folded line belongs to the field above */
	if (c == ' ' || c == '\t')
		return h->field == SMTP_FIELD_RECEIVED ? ST_RECEIVED : ST_SKIP;
	h->name_len = 0;
	return on_name(h, c);
}

static enum state
on_cr(struct smtp_header *h, char c)
{
	if (c != '\n')
		return end_unmarked(h);
	h->done = true;
	return ST_LINE;
}

static enum state
on_received(struct smtp_header *h, const struct smtp_token *t, char c)
{
	char folded =
	    c == '\r' || c == '\n' || c == '\t' ? ' ' : smtp_tolower(c);

	if (t->len != 0 && !h->own_here) {
		while (h->matched > 0 && t->text[h->matched] != folded)
			h->matched = t->border[h->matched - 1];
		if (t->text[h->matched] == folded)
			h->matched++;
		if (h->matched == t->len) {
			h->own_here = true;
			h->own++;
		}
	}
	return c == '\n' ? ST_LINE : ST_RECEIVED;
}

/* Octets passed over in ST_SKIP, up to and with the line's end. */
static size_t
skip(struct smtp_header *h, const char *p, size_t len)
{
	const char *lf = memchr(p, '\n', len);

	if (lf == NULL)
		return len;
	h->state = ST_LINE;
	return (size_t)(lf - p) + 1;
}

static void
step(struct smtp_header *h, const struct smtp_token *t, char c)
{
	switch ((enum state)h->state) {
	case ST_LINE:
		h->state = (uint8_t)on_line(h, c);
		break;
	case ST_CR:
		h->state = (uint8_t)on_cr(h, c);
		break;
	case ST_NAME:
		h->state = (uint8_t)on_name(h, c);
		break;
	case ST_RECEIVED:
		h->state = (uint8_t)on_received(h, t, c);
		break;
	case ST_SKIP:
		break;
	}
}

void
smtp_header_push(struct smtp_header *h, const struct smtp_token *t,
    const char *p, size_t len)
{
	size_t at = 0, i;
	unsigned char all = 0;

	while (at < len && !h->done) {
		if (h->state == ST_SKIP) {
			at += skip(h, p + at, len - at);
			continue;
		}
		step(h, t, p[at]);
		at++;
	}
	for (i = 0; i < at; i++)
		all |= (unsigned char)p[i];
	if ((all & 0x80) != 0)
		h->eight_bit = true;
	h->size += at;
}
