/* SPDX-License-Identifier: ISC */
/* link: common/smtp.a common/base.a */
/* 8-bit messages made 7-bit: RFC 6152 section 3, RFC 2045, RFC 2046. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/smtp/downgrade.h"

#define N(table) (sizeof(table) / sizeof((table)[0]))
#define E	 "\303\251" /* e acute */
#define V	 "MIME-Version: 1.0\r\n"
#define QP	 "Content-Transfer-Encoding: quoted-printable\r\n"
#define UNKNOWN	 "Content-Type: text/plain; charset=unknown-8bit\r\n"
#define CTE(x)	 "Content-Transfer-Encoding: " x "\r\n"
#define UTF8	 "Content-Type: text/plain; charset=utf-8\r\n"
#define MIXED(b) "Content-Type: multipart/mixed; boundary=" b "\r\n"

static struct smtp_downgrade d;
static char got[65536];

struct change {
	const char *in, *out; /* out NULL: the same */
};

static const struct change changes[] = {
	/* nothing of it is 8-bit */
	{ "", NULL },
	{ "Subject: a\r\n\r\nb=c \r\n", NULL },
	{ "Subject: a\r\n", NULL },
	{ V UTF8 CTE("base64") "\r\nw6k=\r\n", NULL },
	/* a label that is none any more */
	{ V UTF8 CTE("8bit") "\r\nb\r\n", V UTF8 CTE("7bit") "\r\nb\r\n" },
	/* no MIME at all: RFC 1428 */
	{ "Subject: a\r\n\r\ncaf" E "\r\n",
	    "Subject: a\r\n" V UNKNOWN QP "\r\ncaf=C3=A9\r\n" },
	{ "\r\n" E, V UNKNOWN QP "\r\n=C3=A9" },
	/* a text, labelled or not */
	{ V UTF8 CTE("8bit") "Subject: a\r\n\r\n" E " = \r\n.\r\n\tx\t\r\n",
	    V UTF8 "Subject: a\r\n" QP "\r\n=C3=A9 =3D=20\r\n.\r\n\tx=09\r\n" },
	{ V UTF8 "\r\n" E "\r\n", V UTF8 QP "\r\n=C3=A9\r\n" },
	{ UTF8 CTE("7bit") "\r\n" E "\r\n", UTF8 V QP "\r\n=C3=A9\r\n" },
	{ V UTF8 "Content-Transfer-Encoding:\r\n (well) 8BIT (a\\)b (c))\r\n"
		 "X: y\r\n\r\n" E "\r\n",
	    V UTF8 "X: y\r\n" QP "\r\n=C3=A9\r\n" },
	{ V "Content-Type: text\r\n\r\n" E "\r\n",
	    V "Content-Type: text\r\n" QP "\r\n=C3=A9\r\n" },
	{ V "Content-Type: application/x\r\n" CTE("binary") "\r\n" E "\177\r\n",
	    V "Content-Type: application/x\r\n" QP "\r\n=C3=A9=7F\r\n" },
	/* no line begins with a hyphen that could be a boundary's */
	{ V UTF8 "\r\n--x\r\n-\r\n" E, V UTF8 QP "\r\n=2D-x\r\n=2D\r\n=C3=A9" },
	/* no line is longer than 76 */
	{ V UTF8 "\r\n" E
		 "4567890123456789012345678901234567890123456789012345678901"
		 "2345678901234567890\r\n",
	    V UTF8 QP
	    "\r\n=C3=A94567890123456789012345678901234567890123456789012345678"
	    "90123456789012=\r\n34567890\r\n" },
	/* only the parts that need it */
	{ V MIXED("b") CTE("8bit") "\r\npre" E "\r\n--b\r\n" UTF8 CTE(
	      "8bit") "\r\n" E
		      "\r\n--b\r\n\r\nseven = \r\n--b  \r\n" UTF8 CTE(
			  "8bit") "\r\nx\r\n--b--\r\nepi" E "\r\n",
	    V MIXED("b")
		CTE("7bit") "\r\npre??\r\n--b\r\n" UTF8 QP
			    "\r\n=C3=A9\r\n--b\r\n\r\nseven = "
			    "\r\n--b  \r\n" UTF8 CTE(
				"7bit") "\r\nx\r\n--b--\r\nepi??\r\n" },
	/* a part without a header of its own */
	{ V MIXED("b") "\r\n--b\r\n\r\n" E "\r\n--b--\r\n",
	    V MIXED("b") "\r\n--b\r\n" UNKNOWN QP "\r\n=C3=A9\r\n--b--\r\n" },
	/* nested; the inner end is missing; one boundary begins another */
	{ V MIXED("\"a b\"") "\r\n--a b\r\n" MIXED(
	      "c") "\r\n--c\r\n" UTF8 "\r\n" E "\r\n--a b\r\n" UTF8 "\r\n" E
		   "\r\n--a b--\r\n",
	    V MIXED("\"a b\"") "\r\n--a b\r\n" MIXED(
		"c") "\r\n--c\r\n" UTF8 QP "\r\n=C3=A9\r\n--a b\r\n" UTF8 QP
		     "\r\n=C3=A9\r\n--a b--\r\n" },
	{ V MIXED("a") "\r\n--a\r\n" MIXED("ab") "\r\n--ab\r\n" UTF8 "\r\n" E
						 "\r\n--ab--\r\n--a--\r\n",
	    V MIXED("a") "\r\n--a\r\n" MIXED(
		"ab") "\r\n--ab\r\n" UTF8 QP
		      "\r\n=C3=A9\r\n--ab--\r\n--a--\r\n" },
	/* a message inside, by its type and by that of its parent */
	{ V MIXED("b") "\r\n--b\r\nContent-Type: message/rfc822\r\n" CTE(
	      "8bit") "\r\nSubject: a\r\n" V UTF8 CTE("8bit") "\r\n" E
							      "\r\n--b--\r\n",
	    V MIXED("b") "\r\n--b\r\nContent-Type: message/rfc822\r\n" CTE(
		"7bit") "\r\nSubject: a\r\n" V UTF8 QP
			"\r\n=C3=A9\r\n--b--\r\n" },
	{ V "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\n"
	    "Subject: a\r\n\r\n" E "\r\n--b--\r\n",
	    V "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\n"
	      "Subject: a\r\n" V UNKNOWN QP "\r\n=C3=A9\r\n--b--\r\n" },
	/* RFC 6532 3.7 */
	{ V "Content-Type: message/global\r\n\r\nSubject: " E "\r\n\r\n",
	    V "Content-Type: message/global\r\n" QP
	      "\r\nSubject: =C3=A9\r\n\r\n" },
	/* what is signed stays as it is; what is beside it need not */
	{ V MIXED(
	      "a") "\r\n--a\r\n" UTF8 "\r\n" E
		   "\r\n--a\r\nContent-Type: multipart/signed; boundary=s\r\n"
		   "\r\n--s\r\n" UTF8 CTE("8bit") "\r\nx \r\n--s--\r\n"
						  "--a--\r\n",
	    V MIXED("a") "\r\n--a\r\n" UTF8 QP
			 "\r\n=C3=A9\r\n--a\r\nContent-Type: multipart/signed; "
			 "boundary=s\r\n"
			 "\r\n--s\r\n" UTF8 CTE("8bit") "\r\nx \r\n--s--\r\n"
							"--a--\r\n" },
	/* parameters of all kinds */
	{ V "Content-Type: (c) multipart (c) / mixed (;) ; x=\"a;b\\\"\" ;\r\n"
	    "\tBOUNDARY (c) = \"b\\c\" (c) ;\r\n\r\n--bc\r\n\r\n" E
	    "\r\n--bc--\r\n",
	    V "Content-Type: (c) multipart (c) / mixed (;) ; x=\"a;b\\\"\" "
	      ";\r\n\tBOUNDARY (c) = \"b\\c\" (c) ;\r\n\r\n--bc\r\n" UNKNOWN QP
	      "\r\n=C3=A9\r\n--bc--\r\n" },
};

static const struct {
	const char *in;
	enum smtp_downgrade_verdict why;
} refusals[] = {
	{ "Subject: " E "\r\n\r\nx\r\n", DOWNGRADE_HEADER },
	{ V MIXED("b") "\r\n--b\r\nContent-Type: text/" E "\r\n\r\n--b--\r\n",
	    DOWNGRADE_HEADER },
	{ V "Content-Type: message/rfc822\r\n\r\nSubject: " E "\r\n\r\n",
	    DOWNGRADE_HEADER },
	{ V "Content-Type: multipart/signed; boundary=s\r\n\r\n--s\r\n" UTF8
	    "\r\n" E "\r\n--s--\r\n",
	    DOWNGRADE_SIGNED },
	{ V "Content-Type: multipart/signed; boundary=s\r\n\r\n--s\r\n" MIXED(
	      "b") "\r\n" E "\r\n--b\r\n\r\n--b--\r\n--s--\r\n",
	    DOWNGRADE_SIGNED },
	{ V "Content-Type: multipart/signed; boundary=s\r\n\r\n--s\r\n"
	    "Content-Type: message/rfc822\r\n\r\n\r\n" E "\r\n--s--\r\n",
	    DOWNGRADE_SIGNED },
	{ V "Content-Type: message/partial\r\n\r\n" E "\r\n", DOWNGRADE_FIXED },
	{ V "Content-Type: message/delivery-status\r\n\r\n" E "\r\n",
	    DOWNGRADE_FIXED },
	{ V MIXED("b") CTE("base64") "\r\n--b\r\n\r\n" E "\r\n--b--\r\n",
	    DOWNGRADE_FIXED },
	{ V UTF8 CTE("quoted-printable") "\r\n" E "\r\n", DOWNGRADE_STRUCTURE },
	{ V UTF8 CTE("x-uuencode") "\r\n" E "\r\n", DOWNGRADE_STRUCTURE },
	{ V UTF8 CTE("8bit x") "\r\n" E "\r\n", DOWNGRADE_STRUCTURE },
	{ V UTF8 CTE("8bit (") "\r\n" E "\r\n", DOWNGRADE_STRUCTURE },
	{ V UTF8 UTF8 "\r\n" E "\r\n", DOWNGRADE_STRUCTURE },
	{ V UTF8 CTE("8bit") CTE("7bit") "\r\n" E "\r\n", DOWNGRADE_STRUCTURE },
	{ V "no field\r\n\r\n" E "\r\n", DOWNGRADE_STRUCTURE },
	{ V "Content-Type: multipart/mixed\r\n\r\n" E "\r\n",
	    DOWNGRADE_STRUCTURE },
	{ V "Content-Type: multipart/mixed; boundary=\"b\r\n\r\n" E "\r\n",
	    DOWNGRADE_STRUCTURE },
	{ V "Content-Type: multipart/mixed; boundary=\"b \"\r\n\r\n" E "\r\n",
	    DOWNGRADE_STRUCTURE },
	{ V "Content-Type: multipart/mixed; boundary=a; boundary=b\r\n\r\n" E
	    "\r\n",
	    DOWNGRADE_STRUCTURE },
	{ V "Content-Type: multipart/mixed; boundary*=a\r\n\r\n" E "\r\n",
	    DOWNGRADE_STRUCTURE },
	/* a boundary for some readers */
	{ V MIXED("b") "\r\n--b\r\n\r\n" E "\r\n--bx\r\n--b--\r\n",
	    DOWNGRADE_STRUCTURE },
	{ V MIXED("b") "\r\n--b\r\n\r\n" E "\r\n--b--x\r\n",
	    DOWNGRADE_STRUCTURE },
	{ V UTF8 "\r\n" E "\rx\r\n", DOWNGRADE_LINES },
	{ V UTF8 "\r\n" E "\nx\r\n", DOWNGRADE_LINES },
	{ V UTF8 "\r\n" E "\r\n\n", DOWNGRADE_LINES },
	{ "\n" E, DOWNGRADE_LINES },
	{ V UTF8 "\r\n" E "\r", DOWNGRADE_LINES },
};

/* In pieces of that size; out may be NULL. */
static enum smtp_downgrade_verdict
run(const char *in, size_t len, size_t piece, size_t *out)
{
	enum smtp_downgrade_verdict v;
	struct smtp_slice s;
	size_t at, n;

	smtp_downgrade_init(&d);
	for (at = 0; at < len; at += n) {
		n = len - at < piece ? len - at : piece;
		smtp_downgrade_look(&d, smtp_slice(in + at, n));
	}
	v = smtp_downgrade_looked(&d);
	*out = 0;
	if (v != DOWNGRADE_OK)
		return v;
	for (at = 0; at < len; at += n) {
		n = len - at < piece ? len - at : piece;
		n = smtp_downgrade_push(&d, smtp_slice(in + at, n), &s);
		assert_true(n > 0 && s.len <= SMTP_DOWNGRADE_OUT);
		assert_false(d.out.failed);
		assert_true(*out + s.len <= sizeof(got));
		memcpy(got + *out, s.p, s.len);
		*out += s.len;
	}
	smtp_downgrade_end(&d, &s);
	memcpy(got + *out, s.p, s.len);
	*out += s.len;
	return d.verdict;
}

static void
test_changes(void **state)
{
	size_t i, piece, len, n;
	const char *want;

	(void)state;
	for (i = 0; i < N(changes); i++) {
		len = strlen(changes[i].in);
		want = changes[i].out != NULL ? changes[i].out : changes[i].in;
		for (piece = 1; piece <= len + 1; piece++) {
			assert_int_equal(run(changes[i].in, len, piece, &n),
			    DOWNGRADE_OK);
			got[n] = '\0';
			assert_string_equal(got, want);
		}
	}
}

static void
test_refusals(void **state)
{
	size_t i, piece, len, n;

	(void)state;
	for (i = 0; i < N(refusals); i++) {
		len = strlen(refusals[i].in);
		for (piece = 1; piece <= len; piece++)
			if (run(refusals[i].in, len, piece, &n) !=
			    refusals[i].why)
				fail_msg("case %zu: %d", i, (int)d.verdict);
	}
	assert_int_equal(run("\r\n\303\0\r\n", 6, 9, &n), DOWNGRADE_LINES);
}

/* RFC 2045 6.7, by someone else: the octets of a quoted-printable text. */
static size_t
unquote(char *s, size_t len)
{
	size_t at = 0, to = 0;
	char hex[3] = "";

	while (at < len) {
		if (s[at] != '=') {
			s[to++] = s[at++];
			continue;
		}
		memcpy(hex, s + at + 1, 2);
		at += 3;
		if (memcmp(hex, "\r\n", 2) != 0)
			s[to++] = (char)strtoul(hex, NULL, 16);
	}
	return to;
}

/* Seven bits, folded as RFC 2045 6.7 says, and no line that is a boundary. */
static void
check_folded(const char *p, size_t n, size_t body)
{
	size_t i, col;

	for (i = col = 0; i < n; i++, col++) {
		assert_true((p[i] & 0x80) == 0);
		if (p[i] == '\n') {
			assert_true(col <= 77);
			assert_true(p[i - 2] != ' ' && p[i - 2] != '\t');
			col = SIZE_MAX;
		}
		assert_false(col == 0 && p[i] == '-' && i >= body);
	}
}

/* Long lines of all lengths and octets around the edges of memory. */
static void
test_long_lines(void **state)
{
	static const char head[] = V UTF8 "\r\n", want[] = V UTF8 QP "\r\n";
	static const char odd[] = " \t=-.F\303a";
	static const size_t pieces[] = { 1, 7, 1000, 65536 };
	static char in[8192];
	size_t len, i, k, n, body;

	(void)state;
	srand(7);
	for (len = 0; len < 4000; len += len < 160 ? 1 : 37) {
		memcpy(in, head, sizeof(head) - 1);
		body = sizeof(head) - 1;
		for (i = 0; i < len; i++)
			in[body + i] = odd[(unsigned)rand() % 8];
		memcpy(in + body + len, "\303\r\n.\r\n", 6);
		for (k = 0; k < N(pieces); k++) {
			assert_int_equal(run(in, body + len + 6, pieces[k], &n),
			    DOWNGRADE_OK);
			assert_memory_equal(got, want, sizeof(want) - 1);
			check_folded(got, n, sizeof(want) - 1);
			n = unquote(got + sizeof(want) - 1,
			    n - sizeof(want) + 1);
			assert_int_equal(n, len + 6);
			assert_memory_equal(got + sizeof(want) - 1, in + body,
			    n);
		}
	}
}

/* Deeper, or in more parts, than anybody writes. */
static void
test_bounds(void **state)
{
	static char in[1024 * 1024];
	size_t n = 0, out;
	int i;

	(void)state;
	for (i = 0; i <= MIME_DEPTH; i++)
		n += (size_t)snprintf(in + n, sizeof(in) - n,
		    MIXED("b%d.") "\r\n--b%d.\r\n", i, i);
	(void)snprintf(in + n, sizeof(in) - n, "\r\n" E "\r\n");
	assert_int_equal(run(in, strlen(in), 512, &out), DOWNGRADE_STRUCTURE);
	n = (size_t)snprintf(in, sizeof(in), MIXED("b") "\r\n");
	for (i = 0; i < SMTP_DOWNGRADE_ENTITIES; i++)
		n += (size_t)snprintf(in + n, sizeof(in) - n,
		    "--b\r\n\r\nx\r\n");
	assert_int_equal(run(in, n, 512, &out), DOWNGRADE_STRUCTURE);
	n = (size_t)snprintf(in, sizeof(in), "Content-Type: text/x");
	memset(in + n, 'y', MIME_TYPE_MAX);
	memcpy(in + n + MIME_TYPE_MAX, "\r\n\r\n\303\r\n", 7);
	assert_int_equal(run(in, n + MIME_TYPE_MAX + 7, 512, &out),
	    DOWNGRADE_STRUCTURE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
