/* SPDX-License-Identifier: ISC */
/* link: common/smtp.a common/base.a */
/*
 * The small ones: xtext there and back, UTF-8, enhanced codes, and the trace
 * field whose names a client chose.
 */
#include <assert.h>
#include <stdlib.h>

#include "common/base/utf8.h"
#include "common/smtp/enhanced.h"
#include "common/smtp/header.h"
#include "common/smtp/received.h"
#include "common/smtp/xtext.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
try_xtext(struct smtp_slice in)
{
	char *plain = malloc(in.len + 1), *armour = malloc(3 * in.len + 1);
	struct smtp_outbuf o;
	ssize_t n;

	assert(plain != NULL && armour != NULL);
	n = smtp_xtext_decode(in, plain, in.len);
	assert(n >= 0 || !smtp_xtext_printable(in));
	smtp_outbuf_init(&o, armour, 3 * in.len);
	smtp_xtext_encode(&o, in);
	assert(!o.failed);
	n = smtp_xtext_decode(smtp_slice(armour, o.len), plain, in.len);
	assert(n == (ssize_t)in.len);
	assert(in.len == 0 || memcmp(plain, in.p, in.len) == 0);
	free(plain);
	free(armour);
}

static void
try_enhanced(struct smtp_slice in)
{
	struct smtp_enhanced e;
	struct smtp_outbuf o;
	char buf[16];
	size_t n = smtp_enhanced_parse(&e, in);

	if (n == 0)
		return;
	smtp_outbuf_init(&o, buf, sizeof(buf));
	smtp_put_enhanced(&o, &e);
	assert(!o.failed && o.len == n && memcmp(buf, in.p, n) == 0);
}

/* One field, whatever is in it; and our own trace is found in it once. */
static void
try_received(struct smtp_slice in, int64_t when)
{
	char buf[SMTP_RECEIVED_ROOM];
	struct smtp_received r = { .helo = in,
		.name = in,
		.ip = smtp_slice_str("2001:db8::1"),
		.host = smtp_slice_str("gw.test"),
		.with = "ESMTP",
		.id = smtp_slice_str("0abc"),
		.rcpt = smtp_slice_str("user@gw.test"),
		.when = when };
	struct smtp_header h;
	struct smtp_token t;
	struct smtp_outbuf o;

	smtp_outbuf_init(&o, buf, sizeof(buf));
	smtp_put_received(&o, &r);
	assert(!o.failed);
	smtp_token_init(&t, r.host);
	smtp_header_init(&h);
	smtp_header_push(&h, &t, buf, o.len);
	assert(!h.done && h.own == 1 && !h.eight_bit);
	assert(h.count[SMTP_FIELD_RECEIVED] == 1 && h.lines == 4);
	assert(h.count[SMTP_FIELD_OTHER] == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct smtp_slice in = smtp_slice((const char *)data, size);
	int64_t when = 0;

	try_xtext(in);
	try_enhanced(in);
	(void)utf8_valid(in.p, in.len);
	if (size >= sizeof(when)) {
		memcpy(&when, data, sizeof(when));
		when &= INT64_MAX >> 16;
	}
	try_received(in, when);
	return 0;
}
