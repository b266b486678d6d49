/* SPDX-License-Identifier: ISC */
/* link: common/smtp.a common/base.a */
/* The header as it streams by: RFC 5322 2.2, RFC 5321 6.3. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/smtp/header.h"
#include "common/smtp/outbuf.h"
#include "common/smtp/received.h"

#define N(table) (sizeof(table) / sizeof((table)[0]))
#define HOST	 "gw.example.com"

struct header_case {
	const char *in;
	uint32_t received, own, from, other;
	uint64_t size; /* of the header */
	bool done, unmarked, eight_bit;
};

static const struct header_case cases[] = {
	{ "", 0, 0, 0, 0, 0, false, false, false },
	{ "\r\nbody", 0, 0, 0, 0, 2, true, false, false },
	{ "\nbody", 0, 0, 0, 0, 1, true, false, false },
	{ "From: a\r\n\r\nFrom: b\r\n", 0, 0, 1, 0, 11, true, false, false },
	{ "From: a\r\nfROM :b\r\n", 0, 0, 2, 0, 18, false, false, false },
	{ "From: a\r\n From: b\r\n\r\n", 0, 0, 1, 0, 21, true, false, false },
	{ "Fromage: a\r\nXFrom: b\r\n\r\n", 0, 0, 0, 2, 24, true, false,
	    false },
	{ "Received: a\r\nRECEIVED:b\r\n\tReceived: c\r\n\r\n", 2, 0, 0, 0, 41,
	    true, false, false },
	{ "Received-SPF: x\r\nX-Received: y\r\n\r\n", 0, 0, 0, 2, 34, true,
	    false, false },
	{ "Subject: \xe9\r\n\r\nb", 0, 0, 0, 1, 14, true, false, true },
	{ "Subject: e\r\n\r\n\xe9", 0, 0, 0, 1, 14, true, false, false },
	{ "Averylongfieldnameindeed: x\r\nFrom: y\r\n\r\n", 0, 0, 1, 1, 40,
	    true, false, false },
	/* no empty line: a line that is no field ends the header */
	{ "From: a\r\nno field here\r\nFrom: b\r\n", 0, 0, 1, 0, 23, true, true,
	    false },
	{ ": x\r\nFrom: a\r\n", 0, 0, 0, 0, 1, true, true, false },
	{ "From: a\r\n\rx", 0, 0, 1, 0, 11, true, true, false },
	/* a mailbox file's line at the top, and only there */
	{ "From a@b Tue\r\nFrom: x\r\n\r\n", 0, 0, 1, 0, 25, true, false,
	    false },
	{ ">From a@b Tue\r\nFrom: x\r\n\r\n", 0, 0, 1, 0, 26, true, false,
	    false },
	{ "From: x\r\nFrom a@b Tue\r\nFrom: y\r\n", 0, 0, 1, 0, 22, true, true,
	    false },
	/* our own trace */
	{ "Received: from a by " HOST " with ESMTP\r\n\r\n", 1, 1, 0, 0, 49,
	    true, false, false },
	{ "Received: from a\r\n\tby GW.Example.COM\r\n\twith ESMTP\r\n", 1, 1,
	    0, 0, 0, false, false, false },
	{ "Received: by " HOST " by " HOST " x\r\n", 1, 1, 0, 0, 0, false,
	    false, false },
	{ "Received: by x" HOST " a\r\n", 1, 0, 0, 0, 0, false, false, false },
	{ "Received: by " HOST ".org a\r\n", 1, 0, 0, 0, 0, false, false,
	    false },
	{ "Received: by by gw.e by gw.example.com a\r\n", 1, 1, 0, 0, 0, false,
	    false, false },
	/* a false start that the true one overlaps */
	{ "Received: x by by " HOST " a\r\n", 1, 1, 0, 0, 0, false, false,
	    false },
	{ "Received: b\r\nReceived: y " HOST " \r\n", 2, 0, 0, 0, 0, false,
	    false, false },
	{ "X: by " HOST " a\r\n", 0, 0, 0, 1, 0, false, false, false },
	{ "Received: by a\r\n\r\n by " HOST " a", 1, 0, 0, 0, 18, true, false,
	    false },
};

static void
check(const struct header_case *c, size_t step)
{
	size_t len = strlen(c->in), at, n;
	struct smtp_header h;
	struct smtp_token t;

	smtp_token_init(&t, smtp_slice_str(HOST));
	smtp_header_init(&h);
	for (at = 0; at < len; at += n) {
		n = len - at < step ? len - at : step;
		smtp_header_push(&h, &t, c->in + at, n);
	}
	if (h.count[SMTP_FIELD_RECEIVED] != c->received || h.own != c->own ||
	    h.count[SMTP_FIELD_FROM] != c->from ||
	    h.count[SMTP_FIELD_OTHER] != c->other)
		fail_msg("'%s' by %zu: received %u own %u from %u other %u",
		    c->in, step, h.count[SMTP_FIELD_RECEIVED], h.own,
		    h.count[SMTP_FIELD_FROM], h.count[SMTP_FIELD_OTHER]);
	if (h.done != c->done || h.unmarked != c->unmarked ||
	    h.eight_bit != c->eight_bit)
		fail_msg("'%s' by %zu: done %d unmarked %d", c->in, step,
		    h.done, h.unmarked);
	if (c->done || c->size != 0)
		assert_int_equal(h.size, c->size);
	else
		assert_int_equal(h.size, len);
}

static void
test_cases(void **state)
{
	size_t i, step;

	(void)state;
	for (i = 0; i < N(cases); i++)
		for (step = 1; step <= strlen(cases[i].in) + 1; step++)
			check(&cases[i], step);
}

static void
test_fields(void **state)
{
	static const char in[] = "Sender: a\r\nDate: b\r\nMessage-ID: c\r\n"
				 "MIME-Version: 1.0\r\nmessage-id: d\r\n\r\n";
	struct smtp_header h;
	struct smtp_token t;

	(void)state;
	smtp_token_init(&t, smtp_slice_str(""));
	smtp_header_init(&h);
	smtp_header_push(&h, &t, in, sizeof(in) - 1);
	assert_int_equal(h.count[SMTP_FIELD_SENDER], 1);
	assert_int_equal(h.count[SMTP_FIELD_DATE], 1);
	assert_int_equal(h.count[SMTP_FIELD_MESSAGE_ID], 2);
	assert_int_equal(h.count[SMTP_FIELD_MIME_VERSION], 1);
	assert_int_equal(h.count[SMTP_FIELD_OTHER], 0);
}

/* What smtp_put_received() writes is found again, whatever the client said. */
static void
test_own_trace(void **state)
{
	static const char *const helos[] = { "client.example.org", "", "by.x",
		"by", "[192.0.2.1]", "by gw.example.co" };
	char buf[SMTP_RECEIVED_ROOM];
	struct smtp_received r;
	struct smtp_header h;
	struct smtp_outbuf o;
	struct smtp_token t;
	size_t i;

	(void)state;
	smtp_token_init(&t, smtp_slice_str("GW.example.com"));
	smtp_header_init(&h);
	memset(&r, 0, sizeof(r));
	r.ip = smtp_slice_str("192.0.2.1");
	r.host = smtp_slice_str(HOST);
	r.with = "ESMTP";
	r.id = smtp_slice_str("0abc");
	for (i = 0; i < N(helos); i++) {
		r.helo = smtp_slice_str(helos[i]);
		smtp_outbuf_init(&o, buf, sizeof(buf));
		smtp_put_received(&o, &r);
		assert_false(o.failed);
		smtp_header_push(&h, &t, buf, o.len);
		assert_int_equal(h.own, i + 1);
		assert_int_equal(h.count[SMTP_FIELD_RECEIVED], i + 1);
	}
	assert_false(h.done);
}

/* A client cannot forge our trace by its HELO to make us see loops. */
static void
test_forged_trace(void **state)
{
	static const char in[] =
	    "Received: from x (by " HOST ") by y with SMTP\r\n";
	struct smtp_header h;
	struct smtp_token t;

	(void)state;
	smtp_token_init(&t, smtp_slice_str(HOST));
	smtp_header_init(&h);
	smtp_header_push(&h, &t, in, sizeof(in) - 1);
	assert_int_equal(h.own, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_own_trace),
		cmocka_unit_test(test_forged_trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
