/* SPDX-License-Identifier: ISC */
/* link: common/smtp.a common/base.a */
/* Paths, mailboxes, domains and literals: RFC 5321 4.1.2 and 4.1.3. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/smtp/address.h"

#define N(table) (sizeof(table) / sizeof((table)[0]))
#define REVERSE	 SMTP_PATH_NULL
#define FORWARD	 SMTP_PATH_BARE
#define UTF8	 SMTP_PATH_UTF8

struct path_case {
	const char *in;
	unsigned allow;
	enum smtp_addr_error error;
	const char *text; /* canonical */
	unsigned flags;
};

/* Mailbox = Local-part "@" ( Domain / address-literal ) */
static const struct path_case good_paths[] = {
	{ "<a@b>", 0, SMTP_ADDR_OK, "a@b", 0 },
	{ "<John.Doe@Example.ORG>", 0, SMTP_ADDR_OK, "John.Doe@example.org",
	    0 },
	{ "<!#$&'*+-/=?^_`{|}~@example.org>", 0, SMTP_ADDR_OK,
	    "!#$&'*+-/=?^_`{|}~@example.org", SMTP_ADDR_ROUTE },
	{ "<a@b-c.d1.2e>", 0, SMTP_ADDR_OK, "a@b-c.d1.2e", 0 },
	{ "<a@1.2.3.4>", 0, SMTP_ADDR_OK, "a@1.2.3.4", 0 },
	/* the root's dot is dropped */
	{ "<a@example.org.>", 0, SMTP_ADDR_OK, "a@example.org", 0 },
	/* Reverse-path = Path / "<>" */
	{ "<>", REVERSE, SMTP_ADDR_OK, "", SMTP_ADDR_NULL },
	/* "<Postmaster>" without a domain, in any case, 4.1.1.3 */
	{ "<Postmaster>", FORWARD, SMTP_ADDR_OK, "Postmaster",
	    SMTP_ADDR_POSTMASTER | SMTP_ADDR_BARE },
	{ "<pOSTMASTER>", FORWARD, SMTP_ADDR_OK, "pOSTMASTER",
	    SMTP_ADDR_POSTMASTER | SMTP_ADDR_BARE },
	{ "<PostMaster@x.y>", FORWARD, SMTP_ADDR_OK, "PostMaster@x.y",
	    SMTP_ADDR_POSTMASTER },
	/* A-d-l: accepted and ignored, appendix C */
	{ "<@a:b@c>", 0, SMTP_ADDR_OK, "b@c", SMTP_ADDR_SOURCE },
	{ "<@a.example,@b.example:c@d>", 0, SMTP_ADDR_OK, "c@d",
	    SMTP_ADDR_SOURCE },
	/* address-literal */
	{ "<a@[192.0.2.1]>", 0, SMTP_ADDR_OK, "a@[192.0.2.1]",
	    SMTP_ADDR_LITERAL },
	{ "<a@[IPv6:2001:DB8:0:0::1]>", 0, SMTP_ADDR_OK, "a@[IPv6:2001:db8::1]",
	    SMTP_ADDR_LITERAL },
	{ "<a@[ipv6:::1]>", 0, SMTP_ADDR_OK, "a@[IPv6:::1]",
	    SMTP_ADDR_LITERAL },
	{ "<a@[IPv6:::ffff:192.0.2.1]>", 0, SMTP_ADDR_OK,
	    "a@[IPv6:::ffff:192.0.2.1]", SMTP_ADDR_LITERAL },
	{ "<a@[x-tag:any!thing]>", 0, SMTP_ADDR_OK, "a@[x-tag:any!thing]",
	    SMTP_ADDR_LITERAL },
	/* General-address-literal with the tag "2001" */
	{ "<a@[2001:db8::1]>", 0, SMTP_ADDR_OK, "a@[2001:db8::1]",
	    SMTP_ADDR_LITERAL },
	/* '%', '!' and '@' in the local part are routes */
	{ "<a%b@c>", 0, SMTP_ADDR_OK, "a%b@c", SMTP_ADDR_ROUTE },
	{ "<a!b@c>", 0, SMTP_ADDR_OK, "a!b@c", SMTP_ADDR_ROUTE },
	{ "<\"a@b\"@c>", 0, SMTP_ADDR_OK, "\"a@b\"@c",
	    SMTP_ADDR_ROUTE | SMTP_ADDR_QUOTED },
	{ "<\"a%b\"@c>", 0, SMTP_ADDR_OK, "a%b@c", SMTP_ADDR_ROUTE },
};

/* Quoted-string = DQUOTE *QcontentSMTP DQUOTE, made canonical */
static const struct path_case quoted_paths[] = {
	{ "<\"john\"@b>", 0, SMTP_ADDR_OK, "john@b", 0 },
	{ "<\"j.d\"@b>", 0, SMTP_ADDR_OK, "j.d@b", 0 },
	{ "<\"\\j\\o\"@b>", 0, SMTP_ADDR_OK, "jo@b", 0 },
	{ "<\"john doe\"@b>", 0, SMTP_ADDR_OK, "\"john doe\"@b",
	    SMTP_ADDR_QUOTED },
	{ "<\"a..b\"@b>", 0, SMTP_ADDR_OK, "\"a..b\"@b", SMTP_ADDR_QUOTED },
	{ "<\".a\"@b>", 0, SMTP_ADDR_OK, "\".a\"@b", SMTP_ADDR_QUOTED },
	{ "<\"a.\"@b>", 0, SMTP_ADDR_OK, "\"a.\"@b", SMTP_ADDR_QUOTED },
	{ "<\"\"@b>", 0, SMTP_ADDR_OK, "\"\"@b", SMTP_ADDR_QUOTED },
	{ "<\"\\\"\\\\\"@b>", 0, SMTP_ADDR_OK, "\"\\\"\\\\\"@b",
	    SMTP_ADDR_QUOTED },
	{ "<\"<x>\"@b>", 0, SMTP_ADDR_OK, "\"<x>\"@b", SMTP_ADDR_QUOTED },
	{ "<\"a\\@b\"@c>", 0, SMTP_ADDR_OK, "\"a@b\"@c",
	    SMTP_ADDR_ROUTE | SMTP_ADDR_QUOTED },
	{ "<\"PostMaster\">", FORWARD, SMTP_ADDR_OK, "PostMaster",
	    SMTP_ADDR_POSTMASTER | SMTP_ADDR_BARE },
};

static const struct path_case utf8_paths[] = {
	{ "<d\xd0\xb8@b>", UTF8, SMTP_ADDR_OK, "d\xd0\xb8@b", SMTP_ADDR_UTF8 },
	/* U-labels become A-labels, RFC 5891; they are in lower case */
	{ "<d@\xd0\xb8.org>", UTF8, SMTP_ADDR_OK, "d@xn--h1a.org",
	    SMTP_ADDR_UTF8 },
	{ "<d@\xd0\xb8.ORG.>", UTF8, SMTP_ADDR_OK, "d@xn--h1a.org",
	    SMTP_ADDR_UTF8 },
	{ "<d@\xd0\x98.org>", UTF8, SMTP_ADDR_EDOMAIN, NULL, 0 },
	{ "<d@b\xe3\x80\x82org>", UTF8, SMTP_ADDR_EDOMAIN, NULL, 0 },
	{ "<a@b\xc3\xbc"
	  "cher.example>",
	    UTF8, SMTP_ADDR_OK, "a@xn--bcher-kva.example", SMTP_ADDR_UTF8 },
	{ "<a@bu\xcc\x88"
	  "cher.example>",
	    UTF8, SMTP_ADDR_OK, "a@xn--bcher-kva.example", SMTP_ADDR_UTF8 },
	{ "<a@stra\xc3\x9f"
	  "e.example>",
	    UTF8, SMTP_ADDR_OK, "a@xn--strae-oqa.example", SMTP_ADDR_UTF8 },
	{ "<a@xn--bcher-kva.example>", UTF8, SMTP_ADDR_OK,
	    "a@xn--bcher-kva.example", 0 },
	/* signs that become '@', '/' and the like: no way in by the mapping */
	{ "<a@b\xef\xbc\xa0"
	  "c.example>",
	    UTF8, SMTP_ADDR_EDOMAIN, NULL, 0 },
	{ "<a@b\xef\xbc\x8f"
	  "c.example>",
	    UTF8, SMTP_ADDR_EDOMAIN, NULL, 0 },
	{ "<a@\xe2\x80\x8b.example>", UTF8, SMTP_ADDR_EDOMAIN, NULL, 0 },
	{ "<a@b.\xc2\xad>", UTF8, SMTP_ADDR_EDOMAIN, NULL, 0 },
	{ "<\"\xd0\xb8 x\"@b>", UTF8, SMTP_ADDR_OK, "\"\xd0\xb8 x\"@b",
	    SMTP_ADDR_UTF8 | SMTP_ADDR_QUOTED },
	{ "<d\xd0\xb8@b>", 0, SMTP_ADDR_EUTF8, NULL, 0 },
	{ "<d@\xd0\xb8.org>", 0, SMTP_ADDR_EUTF8, NULL, 0 },
	{ "<\"\xd0\xb8\"@b>", 0, SMTP_ADDR_EUTF8, NULL, 0 },
	{ "<d\xff@b>", UTF8, SMTP_ADDR_ELOCAL, NULL, 0 },
	{ "<d\xff@b>", 0, SMTP_ADDR_ELOCAL, NULL, 0 },
	{ "<d@\xc0\xaf>", UTF8, SMTP_ADDR_EDOMAIN, NULL, 0 },
	{ "<d\xd0@b>", UTF8, SMTP_ADDR_ELOCAL, NULL, 0 },
};

static const struct path_case bad_paths[] = {
	{ "", REVERSE, SMTP_ADDR_ESYNTAX, NULL, 0 },
	{ "a@b", REVERSE, SMTP_ADDR_ESYNTAX, NULL, 0 },
	{ "<", REVERSE, SMTP_ADDR_ELOCAL, NULL, 0 },
	{ "<>", FORWARD, SMTP_ADDR_ESYNTAX, NULL, 0 },
	{ "<a>", FORWARD, SMTP_ADDR_ESYNTAX, NULL, 0 },
	{ "<Postmaster>", REVERSE, SMTP_ADDR_ESYNTAX, NULL, 0 },
	{ "<a@b", 0, SMTP_ADDR_ESYNTAX, NULL, 0 },
	{ "<a@>", 0, SMTP_ADDR_EDOMAIN, NULL, 0 },
	{ "<@[192.0.2.1]:c@d>", 0, SMTP_ADDR_OK, "c@d", SMTP_ADDR_SOURCE },
	{ "<@[192.0.2]:c@d>", 0, SMTP_ADDR_EDOMAIN, NULL, 0 },
	{ "<@b>", 0, SMTP_ADDR_ESYNTAX, NULL, 0 },
	{ "<@b:>", 0, SMTP_ADDR_ELOCAL, NULL, 0 },
	{ "<@b,:c@d>", 0, SMTP_ADDR_ESYNTAX, NULL, 0 },
	{ "<@b,c:d@e>", 0, SMTP_ADDR_ESYNTAX, NULL, 0 },
	{ "<@-b:c@d>", 0, SMTP_ADDR_EDOMAIN, NULL, 0 },
	{ "<a@b@c>", 0, SMTP_ADDR_EROUTE, NULL, 0 },
	{ "<a@b@c", 0, SMTP_ADDR_EROUTE, NULL, 0 },
	{ "<b!a>", FORWARD, SMTP_ADDR_EROUTE, NULL, 0 },
	{ "<a%b>", REVERSE, SMTP_ADDR_EROUTE, NULL, 0 },
	{ "<\"a@b\">", FORWARD, SMTP_ADDR_EROUTE, NULL, 0 },
	{ "<a b@c>", 0, SMTP_ADDR_ESYNTAX, NULL, 0 },
	{ "<a@b c>", 0, SMTP_ADDR_ESYNTAX, NULL, 0 },
	{ "< a@b>", 0, SMTP_ADDR_ELOCAL, NULL, 0 },
	{ "<a@b >", 0, SMTP_ADDR_ESYNTAX, NULL, 0 },
	{ "<.a@b>", 0, SMTP_ADDR_ELOCAL, NULL, 0 },
	{ "<a.@b>", 0, SMTP_ADDR_ELOCAL, NULL, 0 },
	{ "<a..b@c>", 0, SMTP_ADDR_ELOCAL, NULL, 0 },
	{ "<a\tb@c>", 0, SMTP_ADDR_ESYNTAX, NULL, 0 },
	{ "<\"a\tb\"@c>", 0, SMTP_ADDR_ELOCAL, NULL, 0 },
	{ "<\"a\\\tb\"@c>", 0, SMTP_ADDR_ELOCAL, NULL, 0 },
	{ "<\"a@b>", 0, SMTP_ADDR_ELOCAL, NULL, 0 },
	{ "<\"a\\", 0, SMTP_ADDR_ELOCAL, NULL, 0 },
	{ "<\"a\"b@c>", 0, SMTP_ADDR_ESYNTAX, NULL, 0 },
	{ "<a(c)@b>", 0, SMTP_ADDR_ESYNTAX, NULL, 0 },
	{ "<a@.b>", 0, SMTP_ADDR_EDOMAIN, NULL, 0 },
	{ "<a@b..c>", 0, SMTP_ADDR_EDOMAIN, NULL, 0 },
	{ "<a@b..>", 0, SMTP_ADDR_EDOMAIN, NULL, 0 },
	{ "<a@.>", 0, SMTP_ADDR_EDOMAIN, NULL, 0 },
	{ "<a@-b>", 0, SMTP_ADDR_EDOMAIN, NULL, 0 },
	{ "<a@b->", 0, SMTP_ADDR_EDOMAIN, NULL, 0 },
	{ "<a@b_c>", 0, SMTP_ADDR_EDOMAIN, NULL, 0 },
	{ "<a@[]>", 0, SMTP_ADDR_EDOMAIN, NULL, 0 },
	{ "<a@[192.0.2]>", 0, SMTP_ADDR_EDOMAIN, NULL, 0 },
	{ "<a@[192.0.2.256]>", 0, SMTP_ADDR_EDOMAIN, NULL, 0 },
	{ "<a@[0192.0.2.1]>", 0, SMTP_ADDR_EDOMAIN, NULL, 0 },
	{ "<a@[192.0.2.1>", 0, SMTP_ADDR_EDOMAIN, NULL, 0 },
	{ "<a@[192.0.2.1]x>", 0, SMTP_ADDR_ESYNTAX, NULL, 0 },
	{ "<a@[IPv6:]>", 0, SMTP_ADDR_EDOMAIN, NULL, 0 },
	{ "<a@[IPv6:1::2::3]>", 0, SMTP_ADDR_EDOMAIN, NULL, 0 },
	{ "<a@[x:]>", 0, SMTP_ADDR_EDOMAIN, NULL, 0 },
	{ "<a@[:x]>", 0, SMTP_ADDR_EDOMAIN, NULL, 0 },
	{ "<a@[x:y z]>", 0, SMTP_ADDR_EDOMAIN, NULL, 0 },
	{ "<a@[x:y[z]>", 0, SMTP_ADDR_EDOMAIN, NULL, 0 },
	{ "<a\r@b>", 0, SMTP_ADDR_ESYNTAX, NULL, 0 },
	{ "<a@b\r\n>", 0, SMTP_ADDR_EDOMAIN, NULL, 0 },
};

static void
check_path(const struct path_case *c)
{
	struct smtp_addr a;
	enum smtp_addr_error e;
	size_t used = 0;

	e = smtp_addr_path(&a, smtp_slice_str(c->in), c->allow, &used);
	if (e != c->error)
		fail_msg("%s: error %d, expected %d", c->in, (int)e,
		    (int)c->error);
	if (e != SMTP_ADDR_OK || c->text == NULL) {
		assert_null(c->text);
		return;
	}
	assert_string_equal(a.text, c->text);
	assert_int_equal(a.len, strlen(c->text));
	if (a.flags != c->flags)
		fail_msg("%s: flags %x, expected %x", c->in, a.flags, c->flags);
	assert_int_equal(used, strlen(c->in));
	if (a.domain_len > 0) {
		assert_int_equal(a.local_len + 1 + a.domain_len, a.len);
		assert_int_equal(a.text[a.local_len], '@');
	}
}

/* What was made canonical is its own canonical form. */
static void
check_again(const struct path_case *c)
{
	struct smtp_addr a, b;
	size_t used;

	if (c->error != SMTP_ADDR_OK || (c->flags & SMTP_ADDR_NULL) != 0)
		return;
	assert_int_equal(smtp_addr_path(&a, smtp_slice_str(c->in), c->allow,
			     &used),
	    SMTP_ADDR_OK);
	assert_int_equal(smtp_addr_mailbox(&b, smtp_addr_text(&a), c->allow),
	    SMTP_ADDR_OK);
	assert_string_equal(a.text, b.text);
	/* a route is gone, and U-labels are */
	assert_int_equal(a.flags &
		~(unsigned)(SMTP_ADDR_SOURCE | SMTP_ADDR_UTF8),
	    b.flags & ~(unsigned)SMTP_ADDR_UTF8);
}

static void
check_table(const struct path_case *table, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		check_path(&table[i]);
		check_again(&table[i]);
	}
}

static void
test_good(void **state)
{
	(void)state;
	check_table(good_paths, N(good_paths));
}

static void
test_quoted(void **state)
{
	(void)state;
	check_table(quoted_paths, N(quoted_paths));
}

static void
test_utf8(void **state)
{
	(void)state;
	check_table(utf8_paths, N(utf8_paths));
}

static void
test_bad(void **state)
{
	(void)state;
	check_table(bad_paths, N(bad_paths));
}

/* Every octet in every place of a path: never more than the grammar allows. */
static void
test_octets(void **state)
{
	char in[] = "<ab@cd>";
	struct smtp_addr a;
	size_t at, used, i;
	int c;

	(void)state;
	for (at = 0; at < sizeof(in) - 1; at++) {
		for (c = 0; c < 256; c++) {
			char kept = in[at];

			in[at] = (char)c;
			if (smtp_addr_path(&a, smtp_slice(in, sizeof(in) - 1),
				0, &used) == SMTP_ADDR_OK) {
				assert_in_range(c, 0x21, 0x7e);
				for (i = 0; i < a.len; i++)
					assert_true(smtp_isgraph(a.text[i]));
			}
			in[at] = kept;
		}
	}
}

static enum smtp_addr_error
parse_sized(size_t local, size_t domain, bool quoted, struct smtp_addr *a)
{
	char in[1024];
	size_t n = 0, i, used;

	if (quoted)
		in[n++] = '"';
	for (i = 0; i < local; i++)
		in[n++] = quoted && i == 0 ? ' ' : 'l';
	if (quoted)
		in[n++] = '"';
	in[n++] = '@';
	for (i = 0; i < domain; i++)
		in[n++] = i % 64 == 63 ? '.' : 'd';
	memmove(in + 1, in, n);
	in[0] = '<';
	in[n + 1] = '>';
	return smtp_addr_path(a, smtp_slice(in, n + 2), 0, &used);
}

static void
test_lengths(void **state)
{
	struct smtp_addr a;

	(void)state;
	/* 4.5.3.1.1: 64 octets must do */
	assert_int_equal(parse_sized(64, 10, false, &a), SMTP_ADDR_OK);
	assert_int_equal(parse_sized(SMTP_LOCAL_MAX, 10, false, &a),
	    SMTP_ADDR_OK);
	assert_int_equal(parse_sized(SMTP_LOCAL_MAX + 1, 10, false, &a),
	    SMTP_ADDR_ELOCAL);
	assert_int_equal(parse_sized(SMTP_LOCAL_MAX - 2, 10, true, &a),
	    SMTP_ADDR_OK);
	assert_int_equal(parse_sized(SMTP_LOCAL_MAX - 1, 10, true, &a),
	    SMTP_ADDR_ELOCAL);
	assert_int_equal(parse_sized(SMTP_LOCAL_MAX, 10, true, &a),
	    SMTP_ADDR_ELOCAL);
	/* 4.5.3.1.2: 255 */
	assert_int_equal(parse_sized(1, 255, false, &a), SMTP_ADDR_OK);
	assert_int_equal(parse_sized(1, 257, false, &a), SMTP_ADDR_EDOMAIN);
	assert_int_equal(parse_sized(SMTP_LOCAL_MAX, 255, false, &a),
	    SMTP_ADDR_OK);
	assert_int_equal(a.len, SMTP_ADDR_MAX);
	assert_int_equal(a.text[a.len], '\0');
	/* RFC 1035 2.3.4: a label has 63 */
	assert_int_equal(parse_sized(1, 63, false, &a), SMTP_ADDR_OK);
	assert_int_equal(smtp_addr_mailbox(&a,
			     smtp_slice_str("x@"
					    "dddddddddddddddddddddddddddddddddd"
					    "dddddddddddddddddddddddddddddd"),
			     0),
	    SMTP_ADDR_EDOMAIN);
}

/* Escapes count: the canonical text is what is limited. */
static void
test_escaped_length(void **state)
{
	char in[4 + 2 * SMTP_LOCAL_MAX];
	struct smtp_addr a;
	size_t i, n, used;
	const size_t pairs = (SMTP_LOCAL_MAX - 2) / 2;

	(void)state;
	for (i = pairs; i <= pairs + 1; i++) {
		n = 0;
		in[n++] = '<';
		in[n++] = '"';
		memset(in + n, '\\', 2 * i);
		n += 2 * i;
		memcpy(in + n, "\"@b>", 4);
		n += 4;
		assert_true(n <= sizeof(in));
		assert_int_equal(smtp_addr_path(&a, smtp_slice(in, n), 0,
				     &used),
		    i == pairs ? SMTP_ADDR_OK : SMTP_ADDR_ELOCAL);
	}
}

static void
test_used(void **state)
{
	struct smtp_addr a;
	size_t used;

	(void)state;
	assert_int_equal(smtp_addr_path(&a, smtp_slice_str("<a@b> SIZE=1"), 0,
			     &used),
	    SMTP_ADDR_OK);
	assert_int_equal(used, 5);
	assert_int_equal(smtp_addr_path(&a, smtp_slice_str("<>X"),
			     SMTP_PATH_NULL, &used),
	    SMTP_ADDR_OK);
	assert_int_equal(used, 2);
	assert_int_equal(smtp_addr_domain(&a).len, 0);
	assert_int_equal(smtp_addr_local(&a).len, 0);
}

static void
test_mailbox(void **state)
{
	struct smtp_addr a;

	(void)state;
	assert_int_equal(smtp_addr_mailbox(&a, smtp_slice_str("A@B.c"), 0),
	    SMTP_ADDR_OK);
	assert_memory_equal(smtp_addr_domain(&a).p, "b.c", 3);
	assert_int_equal(smtp_addr_local(&a).len, 1);
	assert_int_equal(smtp_addr_mailbox(&a, smtp_slice_str("<a@b>"), 0),
	    SMTP_ADDR_ELOCAL);
	assert_int_equal(smtp_addr_mailbox(&a, smtp_slice_str("@c:a@b"), 0),
	    SMTP_ADDR_ELOCAL);
	assert_int_equal(smtp_addr_mailbox(&a, smtp_slice_str("a@b>"), 0),
	    SMTP_ADDR_ESYNTAX);
	assert_int_equal(smtp_addr_mailbox(&a, smtp_slice_str("a"), 0),
	    SMTP_ADDR_ESYNTAX);
	assert_int_equal(smtp_addr_mailbox(&a, smtp_slice_str(""), 0),
	    SMTP_ADDR_ELOCAL);
}

static void
test_set_domain(void **state)
{
	struct smtp_addr a;
	size_t used;

	(void)state;
	assert_int_equal(smtp_addr_path(&a, smtp_slice_str("<Postmaster>"),
			     SMTP_PATH_BARE, &used),
	    SMTP_ADDR_OK);
	assert_int_equal(smtp_addr_set_domain(&a, smtp_slice_str("")), -1);
	assert_true(a.flags & SMTP_ADDR_BARE);
	assert_int_equal(smtp_addr_set_domain(&a, smtp_slice_str("x.y")), 0);
	assert_string_equal(a.text, "Postmaster@x.y");
	assert_int_equal(a.flags, SMTP_ADDR_POSTMASTER);
	assert_int_equal(smtp_addr_domain(&a).len, 3);
}

static void
test_domain(void **state)
{
	char out[SMTP_DOMAIN_MAX];
	size_t len;

	(void)state;
	assert_int_equal(smtp_domain(smtp_slice_str("GW.Example.com."), 0, out,
			     &len),
	    SMTP_ADDR_OK);
	assert_int_equal(len, 14);
	assert_memory_equal(out, "gw.example.com", len);
	assert_int_equal(smtp_domain(smtp_slice_str(""), 0, out, &len),
	    SMTP_ADDR_EDOMAIN);
	assert_int_equal(smtp_domain(smtp_slice("a\0b", 3), 0, out, &len),
	    SMTP_ADDR_EDOMAIN);
	assert_int_equal(smtp_literal(smtp_slice("[1.2.3.4\0]", 10), out, &len),
	    SMTP_ADDR_EDOMAIN);
	assert_int_equal(smtp_literal(smtp_slice_str("1.2.3.4"), out, &len),
	    SMTP_ADDR_EDOMAIN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_quoted),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_octets),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_escaped_length),
		cmocka_unit_test(test_used),
		cmocka_unit_test(test_mailbox),
		cmocka_unit_test(test_set_domain),
		cmocka_unit_test(test_domain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
