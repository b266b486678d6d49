/* SPDX-License-Identifier: ISC */
/* link: common/smtp.a common/base.a */
/*
 * Replies of a server: the first octet says in what pieces the rest is read.
 * Two parsers, one fed whole and one in pieces, must agree line by line.
 */
#include <assert.h>

#include "common/smtp/ehlo.h"
#include "common/smtp/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static struct smtp_reply whole, cut;

/* The next event that is none of SMTP_REPLY_MORE, from pieces of step. */
static enum smtp_reply_event
next(struct smtp_reply *r, struct smtp_slice *in, size_t step)
{
	enum smtp_reply_event ev = SMTP_REPLY_MORE;
	size_t n, used;

	while (ev == SMTP_REPLY_MORE && in->len > 0) {
		n = in->len < step ? in->len : step;
		ev = smtp_reply_push(r, in->p, n, &used);
		assert(used <= n);
		assert(used > 0 || ev == SMTP_REPLY_ERROR);
		*in = smtp_slice(in->p + used, in->len - used);
	}
	return ev;
}

static void
check(const struct smtp_reply *r, enum smtp_reply_event ev)
{
	size_t i;

	assert(r->octets <= SMTP_CLIENT_REPLY_MAX);
	assert(r->text_len <= sizeof(r->text));
	assert(r->line_len <= sizeof(r->line));
	if (ev != SMTP_REPLY_LINE && ev != SMTP_REPLY_DONE)
		return;
	assert(r->code >= 200 && r->code <= 599);
	assert(r->lines >= 1 && r->lines <= SMTP_CLIENT_LINES_MAX);
	assert(r->enhanced.class == 0 || r->enhanced.class == r->code / 100);
	for (i = 0; i < r->line_len; i++)
		assert((unsigned char)r->line[i] >= ' ' || r->line[i] == '\t');
	for (i = 0; i < r->text_len; i++)
		assert((unsigned char)r->text[i] >= ' ' || r->text[i] == '\t');
}

static void
agree(const struct smtp_reply *a, const struct smtp_reply *b)
{
	assert(a->error == b->error && a->code == b->code);
	assert(a->flags == b->flags && a->lines == b->lines);
	assert(a->line_len == b->line_len && a->text_len == b->text_len);
	assert(memcmp(a->line, b->line, a->line_len) == 0);
	assert(memcmp(a->text, b->text, a->text_len) == 0);
	assert(a->enhanced.class == b->enhanced.class);
	assert(a->enhanced.subject == b->enhanced.subject);
	assert(a->enhanced.detail == b->enhanced.detail);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct smtp_features f;
	struct smtp_slice a, b;
	enum smtp_reply_event ev;

	if (size == 0)
		return 0;
	a = smtp_slice((const char *)data + 1, size - 1);
	b = a;
	smtp_reply_init(&whole);
	smtp_reply_init(&cut);
	smtp_features_init(&f);
	do {
		ev = next(&whole, &a, SIZE_MAX);
		check(&whole, ev);
		if (next(&cut, &b, data[0] + 1U) != ev)
			assert(ev == SMTP_REPLY_ERROR);
		/* too much at once is seen earlier than in pieces */
		if (ev == SMTP_REPLY_ERROR && whole.error == SMTP_REPLY_ESIZE)
			return 0;
		agree(&whole, &cut);
		if (ev == SMTP_REPLY_LINE)
			smtp_features_line(&f,
			    smtp_slice(whole.line, whole.line_len));
	} while (ev == SMTP_REPLY_LINE || ev == SMTP_REPLY_DONE);
	return 0;
}
