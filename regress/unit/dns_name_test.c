/* SPDX-License-Identifier: ISC */
/* link: common/dns/name.o */
/* Names: text, wire, compression, and the ways to lie with them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/dns/name.h"

#define NELEMS(a) (sizeof(a) / sizeof((a)[0]))

static void
repeat(char dst[1024], const char *part, size_t times, const char *last)
{
	size_t len = strlen(part), at = 0;

	assert_true(times * len + strlen(last) < 1024);
	for (; times > 0; times--, at += len)
		memcpy(dst + at, part, len);
	memcpy(dst + at, last, strlen(last) + 1);
}

static void
test_canon(void **state)
{
	static const struct {
		const char *in;
		const char *out; /* NULL: refused */
	} v[] = {
		{ "example.com", "example.com" },
		{ "EXAMPLE.Com", "example.com" },
		{ "example.com.", "example.com" },
		{ ".", "." },
		{ "_25._tcp.mx-1.example", "_25._tcp.mx-1.example" },
		{ "0/25.2.0.192.in-addr.arpa", "0/25.2.0.192.in-addr.arpa" },
		{ "a", "a" },
		{ "", NULL },
		{ "..", NULL },
		{ ".com", NULL },
		{ "a..b", NULL },
		{ "a.b..", NULL },
		{ "a b.example", NULL },
		{ "a\\.b.example", NULL },
		{ "b\xc3\xbc"
		  "cher.example",
		    NULL },
		{ "*.example", NULL },
		{ "a\nb.example", NULL },
	};
	char out[DNS_NAME_SIZE];
	size_t i;

	(void)state;
	for (i = 0; i < NELEMS(v); i++) {
		int r =
		    dns_name_canon(out, sizeof(out), v[i].in, strlen(v[i].in));

		assert_int_equal(r, v[i].out == NULL ? -1 : 0);
		assert_string_equal(out, v[i].out == NULL ? "" : v[i].out);
	}
	assert_int_equal(dns_name_canon(out, sizeof(out), "a\0b", 3), -1);
	assert_int_equal(dns_name_canon(out, 4, "abcd", 4), -1);
	assert_int_equal(dns_name_canon(out, 5, "abcd", 4), 0);
}

static void
test_lengths(void **state)
{
	char in[1024], out[DNS_NAME_SIZE], back[DNS_NAME_SIZE];
	uint8_t wire[DNS_WIRE_MAX];
	size_t n, off = 0;

	(void)state;
	/* 126 labels of one byte and a last one of one: 253, the most. */
	repeat(in, "a.", 126, "b");
	assert_int_equal(strlen(in), 253);
	assert_int_equal(dns_name_canon(out, sizeof(out), in, 253), 0);
	n = dns_name_wire(wire, sizeof(wire), out);
	assert_int_equal(n, 255);
	assert_int_equal(dns_name_read(wire, n, &off, back), DNS_NAME_OK);
	assert_string_equal(back, in);
	assert_int_equal(off, 255);
	/* one more label */
	repeat(in, "a.", 127, "b");
	assert_int_equal(dns_name_canon(out, sizeof(out), in, strlen(in)), -1);
	assert_int_equal(dns_name_wire(wire, sizeof(wire), in), 0);
	/* labels of 63 and 64 */
	repeat(in, "x", 63, "");
	assert_int_equal(dns_name_canon(out, sizeof(out), in, 63), 0);
	assert_int_equal(dns_name_wire(wire, sizeof(wire), out), 65);
	assert_int_equal(dns_name_wire(wire, 64, out), 0);
	repeat(in, "x", 64, "");
	assert_int_equal(dns_name_canon(out, sizeof(out), in, 64), -1);
	assert_int_equal(dns_name_wire(wire, sizeof(wire), in), 0);
}

static void
test_under(void **state)
{
	(void)state;
	assert_true(dns_name_under("example.com", "example.com"));
	assert_true(dns_name_under("a.example.com", "example.com"));
	assert_true(dns_name_under("a.b.example.com", "com"));
	assert_true(dns_name_under("anything", "."));
	assert_true(dns_name_under(".", "."));
	assert_false(dns_name_under("badexample.com", "example.com"));
	assert_false(dns_name_under("example.com", "a.example.com"));
	assert_false(dns_name_under("com", "example.com"));
	assert_false(dns_name_under("example.com.evil", "example.com"));
}

static void
test_case(void **state)
{
	uint8_t wire[DNS_WIRE_MAX], bits[DNS_CASE_BYTES];
	char back[DNS_NAME_SIZE];
	size_t n, off = 0;

	(void)state;
	n = dns_name_wire(wire, sizeof(wire), "ab-9.example");
	memset(bits, 0xff, sizeof(bits));
	dns_name_case(wire, n, bits);
	assert_memory_equal(wire, "\4AB-9\7EXAMPLE", n);
	assert_int_equal(dns_name_read(wire, n, &off, back), DNS_NAME_OK);
	assert_string_equal(back, "ab-9.example");
	n = dns_name_wire(wire, sizeof(wire), "abc");
	memset(bits, 0, sizeof(bits));
	bits[0] = 1 << 2; /* the second letter: bit 0 is the length byte */
	dns_name_case(wire, n, bits);
	assert_memory_equal(wire, "\3aBc", n);
}

/* Offset 12 on; what lies before is the header. */
struct read_case {
	const char *what;
	const char *bytes;
	size_t len;
	size_t at;
	enum dns_name_read result;
	const char *name;
	size_t end;
};

#define BYTES(s) s, sizeof(s) - 1

static const struct read_case read_cases[] = {
	{ "plain", BYTES("\3foo\2ba\0"), 0, DNS_NAME_OK, "foo.ba", 8 },
	{ "root", BYTES("\0"), 0, DNS_NAME_OK, ".", 1 },
	{ "upper case", BYTES("\3FoO\0"), 0, DNS_NAME_OK, "foo", 5 },
	{ "pointer", BYTES("\3foo\0\1a\xc0\x0c"), 5, DNS_NAME_OK, "a.foo", 9 },
	{ "two hops", BYTES("\3foo\0\1a\xc0\x0c\1b\xc0\x11"), 9, DNS_NAME_OK,
	    "b.a.foo", 13 },
	{ "pointer to pointer", BYTES("\3foo\0\xc0\x0c\xc0\x11"), 7,
	    DNS_NAME_OK, "foo", 9 },
	{ "to itself", BYTES("\xc0\x0c"), 0, DNS_NAME_BAD, "", 0 },
	{ "forward", BYTES("\xc0\x0e\1a\0"), 0, DNS_NAME_BAD, "", 0 },
	{ "two in a circle", BYTES("\xc0\x0e\xc0\x0c"), 2, DNS_NAME_BAD, "",
	    0 },
	{ "back into its own labels", BYTES("\1a\xc0\x0c"), 0, DNS_NAME_BAD, "",
	    0 },
	{ "loop through a label", BYTES("\1a\1b\xc0\x0e"), 2, DNS_NAME_BAD, "",
	    0 },
	{ "into the header", BYTES("\1a\xc0\x00"), 0, DNS_NAME_BAD, "", 0 },
	{ "half a pointer", BYTES("\1a\xc0"), 0, DNS_NAME_BAD, "", 0 },
	{ "no end", BYTES("\3foo"), 0, DNS_NAME_BAD, "", 0 },
	{ "label too long for the message", BYTES("\3fo"), 0, DNS_NAME_BAD, "",
	    0 },
	{ "label type 01",
	    BYTES("\x41"
		  "a\0"),
	    0, DNS_NAME_BAD, "", 0 },
	{ "label type 10",
	    BYTES("\x81"
		  "a\0"),
	    0, DNS_NAME_BAD, "", 0 },
	{ "nothing", BYTES(""), 0, DNS_NAME_BAD, "", 0 },
	{ "dot in a label", BYTES("\3a.b\0"), 0, DNS_NAME_STRANGE, "", 5 },
	{ "NUL in a label", BYTES("\3a\0b\0"), 0, DNS_NAME_STRANGE, "", 5 },
	{ "space", BYTES("\3a b\3com\0"), 0, DNS_NAME_STRANGE, "", 9 },
	{ "backslash", BYTES("\2\\0\0"), 0, DNS_NAME_STRANGE, "", 4 },
	{ "star", BYTES("\1*\0"), 0, DNS_NAME_STRANGE, "", 3 },
	{ "eight bits", BYTES("\1\xe4\0"), 0, DNS_NAME_STRANGE, "", 3 },
};

static void
test_read(void **state)
{
	uint8_t msg[64];
	char name[DNS_NAME_SIZE];
	size_t i;

	(void)state;
	for (i = 0; i < NELEMS(read_cases); i++) {
		const struct read_case *c = &read_cases[i];
		size_t off = 12 + c->at;

		memset(msg, 0, sizeof(msg));
		memcpy(msg + 12, c->bytes, c->len);
		strcpy(name, "unset");
		if (dns_name_read(msg, 12 + c->len, &off, name) != c->result ||
		    strcmp(name, c->name) != 0)
			fail_msg("%s: name '%s'", c->what, name);
		if (c->result != DNS_NAME_BAD)
			assert_int_equal(off, 12 + c->end);
	}
}

/* A name of n labels "x", each a pointer to the one before. */
static enum dns_name_read
read_ladder(size_t n)
{
	uint8_t msg[2048] = { 0 };
	char name[DNS_NAME_SIZE];
	size_t i, off = 12, prev = 12;

	msg[off++] = 0;
	for (i = 0; i < n; i++) {
		size_t start = off;

		msg[off++] = 1;
		msg[off++] = 'x';
		msg[off++] = (uint8_t)(0xc0 | prev >> 8);
		msg[off++] = (uint8_t)prev;
		prev = start;
	}
	off = prev;
	return dns_name_read(msg, sizeof(msg), &off, name);
}

static void
test_hops(void **state)
{
	(void)state;
	assert_int_equal(read_ladder(34), DNS_NAME_OK); /* ip6.arpa's depth */
	assert_int_equal(read_ladder(64), DNS_NAME_OK);
	assert_int_equal(read_ladder(65), DNS_NAME_BAD);
	assert_int_equal(read_ladder(400), DNS_NAME_BAD);
}

/* Labels sum up to more than 255 through pointers. */
static void
test_too_long(void **state)
{
	uint8_t msg[512] = { 0 };
	char name[DNS_NAME_SIZE];
	size_t off = 12, i, last = 0, prev;

	(void)state;
	for (i = 0; i < 5; i++) {
		prev = last;
		last = off;
		msg[off++] = 62;
		memset(msg + off, 'y', 62);
		off += 62;
		if (prev == 0) {
			msg[off++] = 0;
			continue;
		}
		msg[off++] = (uint8_t)(0xc0 | prev >> 8);
		msg[off++] = (uint8_t)prev;
		prev = last;
		/* 4 * 63 + 1 = 253 fits, 5 * 63 + 1 does not. */
		assert_int_equal(dns_name_read(msg, off, &prev, name),
		    i < 4 ? DNS_NAME_OK : DNS_NAME_BAD);
		assert_int_equal(strlen(name), i < 4 ? 63 * (i + 1) - 1 : 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_canon),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_under),
		cmocka_unit_test(test_case),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_hops),
		cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests_name("dns_name", tests, NULL, NULL);
}
