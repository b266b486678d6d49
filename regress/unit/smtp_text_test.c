/* SPDX-License-Identifier: ISC */
/* link: common/smtp.a common/base.a */
/* Dates, trace fields, UTF-8, xtext, numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <time.h>

#include "common/base/utf8.h"
#include "common/smtp/date.h"
#include "common/smtp/enhanced.h"
#include "common/smtp/received.h"
#include "common/smtp/xtext.h"

#define N(table) (sizeof(table) / sizeof((table)[0]))

static const struct {
	int64_t when;
	int offset;
	const char *text;
} dates[] = {
	{ 0, 0, "Thu, 1 Jan 1970 00:00:00 +0000" },
	{ 951782400, 0, "Tue, 29 Feb 2000 00:00:00 +0000" },
	{ 951868799, 0, "Tue, 29 Feb 2000 23:59:59 +0000" },
	{ 951868800, 0, "Wed, 1 Mar 2000 00:00:00 +0000" },
	{ 1795514400, 0, "Tue, 24 Nov 2026 10:00:00 +0000" },
	{ 1795514400, 60, "Tue, 24 Nov 2026 11:00:00 +0100" },
	{ 1795514400, -570, "Tue, 24 Nov 2026 00:30:00 -0930" },
	{ 1795514400, 840, "Wed, 25 Nov 2026 00:00:00 +1400" },
	{ 4107542399, 0, "Sun, 28 Feb 2100 23:59:59 +0000" },
	{ 4107542400, 0, "Mon, 1 Mar 2100 00:00:00 +0000" },
	{ 253402300799, 0, "Fri, 31 Dec 9999 23:59:59 +0000" },
	{ 0, -60, "Thu, 1 Jan 1970 00:00:00 -0100" },
	{ -1, 0, "Thu, 1 Jan 1970 00:00:00 +0000" },
};

static void
date(int64_t when, int offset, char *out, size_t cap)
{
	struct smtp_outbuf o;

	smtp_outbuf_init(&o, out, cap - 1);
	smtp_put_date(&o, when, offset);
	assert_false(o.failed);
	out[o.len] = '\0';
}

static void
test_dates(void **state)
{
	char buf[SMTP_DATE_LEN + 1];
	size_t i;

	(void)state;
	for (i = 0; i < N(dates); i++) {
		date(dates[i].when, dates[i].offset, buf, sizeof(buf));
		assert_string_equal(buf, dates[i].text);
	}
}

/* Every 10 hours and some for 130 years, against libc. */
static void
test_dates_libc(void **state)
{
	char want[64], got[SMTP_DATE_LEN + 1];
	struct tm tm;
	time_t t;

	(void)state;
	for (t = 0; t < 4102444800; t += 36061) {
		assert_non_null(gmtime_r(&t, &tm));
		assert_true(strftime(want, sizeof(want),
				"%a, %d %b %Y %H:%M:%S +0000", &tm) > 0);
		if (want[5] == '0')
			memmove(want + 5, want + 6, strlen(want + 5));
		date(t, 0, got, sizeof(got));
		assert_string_equal(got, want);
	}
}

static struct smtp_received
sample(void)
{
	struct smtp_received r;

	memset(&r, 0, sizeof(r));
	r.helo = smtp_slice_str("client.example.org");
	r.ip = smtp_slice_str("192.0.2.1");
	r.host = smtp_slice_str("gw.example.com");
	r.with = "ESMTP";
	r.id = smtp_slice_str("0abc");
	r.when = 1795514400;
	return r;
}

static void
check_received(const struct smtp_received *r, const char *want)
{
	char buf[SMTP_RECEIVED_ROOM];
	struct smtp_outbuf o;

	smtp_outbuf_init(&o, buf, sizeof(buf) - 1);
	smtp_put_received(&o, r);
	assert_false(o.failed);
	buf[o.len] = '\0';
	assert_string_equal(buf, want);
}

static void
test_received(void **state)
{
	struct smtp_received r = sample();

	(void)state;
	check_received(&r,
	    "Received: from client.example.org ([192.0.2.1])\r\n"
	    "\tby gw.example.com with ESMTP id 0abc;\r\n"
	    "\tTue, 24 Nov 2026 10:00:00 +0000\r\n");
	r.name = smtp_slice_str("c.isp.example");
	r.rcpt = smtp_slice_str("user@gw.test");
	r.ip = smtp_slice_str("2001:db8::1");
	r.with = "SMTP";
	check_received(&r,
	    "Received: from client.example.org (c.isp.example "
	    "[IPv6:2001:db8::1])\r\n"
	    "\tby gw.example.com with SMTP id 0abc\r\n"
	    "\tfor <user@gw.test>;\r\n"
	    "\tTue, 24 Nov 2026 10:00:00 +0000\r\n");
	r = sample();
	r.with = "ESMTPS";
	r.tls = smtp_slice_str("TLSv1.3 TLS_AES_256_GCM_SHA384\r\n)x");
	check_received(&r,
	    "Received: from client.example.org ([192.0.2.1])\r\n"
	    "\tby gw.example.com with ESMTPS "
	    "(TLSv1.3 TLS_AES_256_GCM_SHA384???x) id 0abc;\r\n"
	    "\tTue, 24 Nov 2026 10:00:00 +0000\r\n");
	r = sample();
	r.helo = smtp_slice("", 0);
	check_received(&r,
	    "Received: from [192.0.2.1] ([192.0.2.1])\r\n"
	    "\tby gw.example.com with ESMTP id 0abc;\r\n"
	    "\tTue, 24 Nov 2026 10:00:00 +0000\r\n");
}

/* Whatever the client calls itself: four lines, none long, one closing. */
static void
test_received_hostile(void **state)
{
	char helo[5000], rcpt[511], buf[SMTP_RECEIVED_ROOM];
	struct smtp_received r = sample();
	struct smtp_outbuf o;
	size_t i, line = 0, lines = 0, closed = 0;
	int c;

	(void)state;
	memset(rcpt, 'r', sizeof(rcpt));
	r.rcpt = smtp_slice(rcpt, sizeof(rcpt));
	for (c = 0; c < 256; c++) {
		memset(helo, c, sizeof(helo));
		r.helo = smtp_slice(helo, sizeof(helo));
		r.name = r.helo;
		smtp_outbuf_init(&o, buf, sizeof(buf));
		smtp_put_received(&o, &r);
		assert_false(o.failed);
		lines = closed = 0;
		for (i = 0; i < o.len; i++) {
			assert_true(buf[i] == '\t' || buf[i] == '\r' ||
			    buf[i] == '\n' || (buf[i] >= ' ' && buf[i] < 127));
			closed += buf[i] == ')';
			line++;
			if (buf[i] == '\n') {
				assert_int_equal(buf[i - 1], '\r');
				assert_true(line <= 1000);
				line = 0;
				lines++;
			}
		}
		assert_int_equal(lines, 4);
		assert_int_equal(closed, 1);
	}
}

static const struct {
	const char *in;
	size_t len;
	bool valid;
} utf8[] = {
	{ "", 0, true },
	{ "abc", 3, true },
	{ "\0", 1, true },
	{ "\xc3\xa9", 2, true },
	{ "\xe2\x82\xac", 3, true },
	{ "\xf0\x9f\x98\x80", 4, true },
	{ "\xf4\x8f\xbf\xbf", 4, true },
	{ "\xf4\x90\x80\x80", 4, false }, /* beyond U+10FFFF */
	{ "\xf5\x80\x80\x80", 4, false },
	{ "\xc0\x80", 2, false }, /* overlong */
	{ "\xc1\xbf", 2, false },
	{ "\xe0\x9f\xbf", 3, false },
	{ "\xf0\x8f\xbf\xbf", 4, false },
	{ "\xed\x9f\xbf", 3, true },
	{ "\xed\xa0\x80", 3, false }, /* surrogate */
	{ "\xed\xbf\xbf", 3, false },
	{ "\xee\x80\x80", 3, true },
	{ "\x80", 1, false },
	{ "\xff", 1, false },
	{ "\xc3", 1, false },
	{ "\xe2\x82", 2, false },
	{ "\xe2\x82\x28", 3, false },
	{ "\xf0\x9f\x98", 3, false },
	{ "a\xc3\xa9z", 4, true },
	{ "a\xc3z", 3, false },
};

static void
test_utf8(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < N(utf8); i++)
		if (utf8_valid(utf8[i].in, utf8[i].len) != utf8[i].valid)
			fail_msg("UTF-8 case %zu", i);
}

static void
test_xtext_round_trip(void **state)
{
	char in[256], enc[768], dec[256];
	struct smtp_outbuf o;
	struct smtp_slice e;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(in); i++)
		in[i] = (char)(unsigned char)i;
	smtp_outbuf_init(&o, enc, sizeof(enc));
	smtp_xtext_encode(&o, smtp_slice(in, sizeof(in)));
	assert_false(o.failed);
	e = smtp_slice(enc, o.len);
	for (i = 0; i < e.len; i++)
		assert_true(smtp_isgraph(enc[i]) && enc[i] != '=');
	assert_int_equal(smtp_xtext_decode(e, dec, sizeof(dec)), sizeof(in));
	assert_memory_equal(in, dec, sizeof(in));
	assert_int_equal(smtp_xtext_decode(e, dec, sizeof(dec) - 1), -1);
	assert_false(smtp_xtext_printable(e));
}

static void
test_xtext_bad(void **state)
{
	static const char *const bad[] = { "+", "+2", "+2G", "+g2", "+2a", "a+",
		"=", "a b", "\x80", "a\n" };
	char out[8];
	size_t i;

	(void)state;
	for (i = 0; i < N(bad); i++) {
		struct smtp_slice s = smtp_slice_str(bad[i]);

		assert_int_equal(smtp_xtext_decode(s, out, sizeof(out)), -1);
		assert_false(smtp_xtext_printable(s));
	}
	assert_true(smtp_xtext_printable(smtp_slice_str("a+20b+3D")));
	assert_false(smtp_xtext_printable(smtp_slice_str("a+00")));
	assert_false(smtp_xtext_printable(smtp_slice_str("a+E9")));
}

static void
test_numbers(void **state)
{
	char buf[32];
	struct smtp_outbuf o;
	uint64_t v;

	(void)state;
	assert_int_equal(smtp_parse_number(smtp_slice_str(""), &v), -1);
	assert_int_equal(smtp_parse_number(smtp_slice_str("+1"), &v), -1);
	assert_int_equal(smtp_parse_number(smtp_slice_str("007"), &v), 0);
	assert_true(v == 7);
	assert_int_equal(smtp_parse_number(smtp_slice_str(
					       "18446744073709551615"),
			     &v),
	    0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(smtp_parse_number(smtp_slice_str(
					       "18446744073709551616"),
			     &v),
	    0);
	assert_true(v == UINT64_MAX);
	smtp_outbuf_init(&o, buf, sizeof(buf));
	smtp_put_number(&o, 0, 0);
	smtp_put_char(&o, ' ');
	smtp_put_number(&o, 7, 3);
	smtp_put_char(&o, ' ');
	smtp_put_number(&o, UINT64_MAX, 2);
	assert_int_equal(o.len, 26);
	assert_memory_equal(buf, "0 007 18446744073709551615", 26);
	smtp_put_str(&o, "1234567");
	assert_true(o.failed);
	assert_int_equal(o.len, 26);
}

static void
test_enhanced(void **state)
{
	char buf[16];
	struct smtp_enhanced e;
	struct smtp_outbuf o;

	(void)state;
	assert_int_equal(smtp_enhanced_parse(&e, smtp_slice_str("5.12.345 x")),
	    8);
	smtp_outbuf_init(&o, buf, sizeof(buf));
	smtp_put_enhanced(&o, &e);
	assert_int_equal(o.len, 8);
	assert_memory_equal(buf, "5.12.345", 8);
	assert_int_equal(smtp_enhanced_parse(&e, smtp_slice_str("3.1.1")), 0);
	assert_int_equal(e.class, 0);
	assert_int_equal(smtp_enhanced_parse(&e, smtp_slice_str("5.1.")), 0);
	assert_int_equal(smtp_enhanced_parse(&e, smtp_slice_str("5.1.1.")), 0);
	assert_int_equal(smtp_enhanced_parse(&e, smtp_slice_str("5.1234.1")),
	    0);
	assert_int_equal(smtp_enhanced_parse(&e, smtp_slice_str("5.0.0")), 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_dates_libc),
		cmocka_unit_test(test_received),
		cmocka_unit_test(test_received_hostile),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_xtext_round_trip),
		cmocka_unit_test(test_xtext_bad),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_enhanced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
