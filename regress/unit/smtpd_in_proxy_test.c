/* link: smtpd-in/proxy.o common/base.a */
/* SPDX-License-Identifier: ISC */
/* Headers of the PROXY protocol, good ones and others: a table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "smtpd-in/proxy.h"

#define SIG "\r\n\r\n\0\r\nQUIT\n"
#define V4  "\xc0\0\2\1\xcb\0\x71\x19\x30\x39\0\x19"
#define V6                                                                     \
	"\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"                               \
	"\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2\x30\x39\0\x19"
#define MAPPED                                                                 \
	"\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\1"                               \
	"\0\0\0\0\0\0\0\0\0\0\xff\xff\xcb\0\x71\x19\x30\x39\0\x19"
/* of SIG "\x21\x11\0\x13" V4 "\3\0\4", see test_checksum */
#define CRC "\x67\xb5\x44\x16"

struct row {
	const char *name;
	const char *octets;
	size_t len;
	enum proxy_status status;
	const char *client, *server; /* DONE */
	const char *why;	     /* BAD */
};

#define O(s) (s), sizeof(s) - 1
#define GOOD(name, s, c, d)                                                    \
	{                                                                      \
		name, O(s), PROXY_DONE, c, d, NULL                             \
	}
#define LOCAL(name, s)                                                         \
	{                                                                      \
		name, O(s), PROXY_LOCAL, NULL, NULL, NULL                      \
	}
#define MORE(name, s)                                                          \
	{                                                                      \
		name, O(s), PROXY_MORE, NULL, NULL, NULL                       \
	}
#define BAD(name, s, why)                                                      \
	{                                                                      \
		name, O(s), PROXY_BAD, NULL, NULL, why                         \
	}
#define CLIENT "192.0.2.1:12345"
#define SERVER "203.0.113.25:25"

static const struct row rows[] = {
	GOOD("IPv4", SIG "\x21\x11\0\x0c" V4, CLIENT, SERVER),
	GOOD("IPv6", SIG "\x21\x21\0\x24" V6, "[2001:db8::1]:12345",
	    "[2001:db8::2]:25"),
	GOOD("mapped", SIG "\x21\x21\0\x24" MAPPED, CLIENT, SERVER),
	GOOD("unknown field", SIG "\x21\x11\0\x11" V4 "\xe0\0\2xy", CLIENT,
	    SERVER),
	GOOD("empty fields", SIG "\x21\x11\0\x12" V4 "\4\0\0\5\0\0", CLIENT,
	    SERVER),
	LOCAL("local", SIG "\x20\0\0\0"),
	LOCAL("local of a family", SIG "\x20\x11\0\x0c" V4),
	LOCAL("local with anything", SIG "\x20\xff\0\3\3\xff\xff"),
	MORE("nothing", ""),
	MORE("half a signature", "\r\n\r\n\0"),
	MORE("signature", SIG),
	MORE("no length", SIG "\x21\x11\0"),
	MORE("no addresses", SIG "\x21\x11\0\x0c"),
	MORE("half of them", SIG "\x21\x11\0\x0c\xc0\0\2\1\xcb"),
	MORE("as long as it gets", SIG "\x21\x11\x08\0"),
	BAD("version 1", "PROXY TCP4 192.0.2.1 203.0.113.25 12345 25\r\n",
	    "version 1"),
	BAD("a command", "EHLO client.test\r\n", "no header"),
	BAD("first octet", "\n", "no header"),
	BAD("signature with LF", "\r\n\r\n\0\n", "no header"),
	BAD("last octet of it", "\r\n\r\n\0\r\nQUIT\r", "no header"),
	BAD("version 0", SIG "\1", "not version 2"),
	BAD("version 3", SIG "\x31", "not version 2"),
	BAD("command 2", SIG "\x22\x11\0\x0c" V4, "unknown command"),
	BAD("command 15", SIG "\x2f\x11\0\x0c" V4, "unknown command"),
	BAD("unspecified", SIG "\x21\0\0\0",
	    "neither TCP over IPv4 nor over IPv6"),
	BAD("UDP", SIG "\x21\x12\0\x0c" V4,
	    "neither TCP over IPv4 nor over IPv6"),
	BAD("UDP over IPv6", SIG "\x21\x22\0\x24" V6,
	    "neither TCP over IPv4 nor over IPv6"),
	BAD("unix", SIG "\x21\x31\0\x0c" V4,
	    "neither TCP over IPv4 nor over IPv6"),
	BAD("family 4", SIG "\x21\x41\0\x0c" V4,
	    "neither TCP over IPv4 nor over IPv6"),
	BAD("an octet less", SIG "\x21\x11\0\x0b" V4,
	    "too short for its addresses"),
	BAD("no octet", SIG "\x21\x11\0\0", "too short for its addresses"),
	BAD("IPv6 of IPv4's length", SIG "\x21\x21\0\x0c" V4,
	    "too short for its addresses"),
	BAD("longer than we take", SIG "\x21\x11\x08\1", "too long"),
	BAD("longest", SIG "\x21\x11\xff\xff", "too long"),
	BAD("local and too long", SIG "\x20\0\xff\xff", "too long"),
	BAD("unspecified client",
	    SIG "\x21\x11\0\x0c\0\0\0\0\xcb\0\x71\x19\x30\x39\0\x19",
	    "no address of a client"),
	BAD("multicast client",
	    SIG "\x21\x11\0\x0c\xe0\0\0\1\xcb\0\x71\x19\x30\x39\0\x19",
	    "no address of a client"),
	BAD("field cut off", SIG "\x21\x11\0\x0e" V4 "\4\0",
	    "a field is cut off"),
	BAD("field too long", SIG "\x21\x11\0\x10" V4 "\4\0\2x",
	    "a field is longer than the header"),
	BAD("field of the longest", SIG "\x21\x11\0\x0f" V4 "\4\xff\xff",
	    "a field is longer than the header"),
	GOOD("checksum", SIG "\x21\x11\0\x13" V4 "\3\0\4" CRC, CLIENT, SERVER),
	BAD("wrong checksum", SIG "\x21\x11\0\x13" V4 "\3\0\4\0\0\0\0",
	    "the checksum is wrong"),
	BAD("short checksum", SIG "\x21\x11\0\x12" V4 "\3\0\3\0\0\0",
	    "a checksum of a wrong form"),
	BAD("two checksums",
	    SIG "\x21\x11\0\x16" V4 "\3\0\4\xba\x50\x6f\xd7\3\0\0",
	    "a checksum of a wrong form"),
};

static void
check(const struct row *r)
{
	char client[NETADDR_STRLEN], server[NETADDR_STRLEN];
	struct proxy_header h;
	enum proxy_status st;

	st = proxy_parse((const uint8_t *)r->octets, r->len, &h);
	if (st != r->status)
		fail_msg("%s: %d, not %d (%s)", r->name, st, r->status,
		    h.why != NULL ? h.why : "");
	if (st == PROXY_DONE || st == PROXY_LOCAL)
		assert_int_equal(h.len, r->len);
	if (st == PROXY_DONE) {
		assert_string_equal(netaddr_ntop_port(&h.client, client,
					sizeof(client)),
		    r->client);
		assert_string_equal(netaddr_ntop_port(&h.server, server,
					sizeof(server)),
		    r->server);
	}
	if (st == PROXY_BAD)
		assert_string_equal(h.why, r->why);
}

static void
test_rows(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(&rows[i]);
}

/* However much has come: more is wanted until all is there, or it is bad. */
static void
test_pieces(void **state)
{
	struct proxy_header h;
	enum proxy_status st;
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (n = 0; n < rows[i].len; n++) {
			st =
			    proxy_parse((const uint8_t *)rows[i].octets, n, &h);
			if (st == PROXY_BAD)
				assert_int_equal(rows[i].status, PROXY_BAD);
			else
				assert_int_equal(st, PROXY_MORE);
		}
	}
}

/* What follows is the client's, and changes nothing. */
static void
test_what_follows(void **state)
{
	uint8_t buf[256];
	struct proxy_header h;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].status == PROXY_MORE)
			continue;
		memset(buf, 0xff, sizeof(buf));
		memcpy(buf, rows[i].octets, rows[i].len);
		assert_int_equal(proxy_parse(buf, sizeof(buf), &h),
		    rows[i].status);
		if (rows[i].status != PROXY_BAD)
			assert_int_equal(h.len, rows[i].len);
	}
}

/* Each bit of a header with a checksum that is turned shows. */
static void
test_checksum(void **state)
{
	static const char good[] = SIG "\x21\x11\0\x13" V4 "\3\0\4" CRC;
	uint8_t buf[sizeof(good) - 1];
	struct proxy_header h;
	size_t bit;

	(void)state;
	for (bit = 0; bit < sizeof(buf) * 8; bit++) {
		enum proxy_status st;

		memcpy(buf, good, sizeof(buf));
		buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
		st = proxy_parse(buf, sizeof(buf), &h);
		/* LOCAL has no checksum; a longer one is not there yet; and
		 * the type of the field is what makes it one */
		if (bit == 12 * 8)
			assert_int_equal(st, PROXY_LOCAL);
		else if (bit / 8 == 28)
			assert_int_equal(st, PROXY_DONE);
		else if (bit / 8 == 14 || bit / 8 == 15)
			assert_int_not_equal(st, PROXY_DONE);
		else
			assert_int_equal(st, PROXY_BAD);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_what_follows),
		cmocka_unit_test(test_checksum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
