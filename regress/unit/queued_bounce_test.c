/* SPDX-License-Identifier: ISC */
/* link: queued/bounce.o common/smtp.a common/base.a -lbsd */
/* Status notifications, read back by a reader that knows only the RFCs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <bsd/string.h>

#include <cmocka.h>

#include "queued/bounce.h"

#define PARTS_MAX  4
#define GROUPS_MAX 8

/* A report taken apart: all copies, NUL-terminated. */
struct report {
	char *header;
	char *parts[PARTS_MAX]; /* with their own headers */
	size_t nparts;
	char *groups[GROUPS_MAX]; /* of the delivery-status, from the first */
	size_t ngroups;
};

static char *
copy(const char *s, size_t len)
{
	char *p = malloc(len + 1);

	assert_non_null(p);
	memcpy(p, s, len);
	p[len] = '\0';
	return p;
}

/* What stands at s to the end of the field, its folded lines as one. */
static void
unfold(const char *s, char *value, size_t size)
{
	size_t len = 0;

	s += strspn(s, " ");
	while (*s != '\0') {
		assert_true(len < size - 1);
		if (strncmp(s, "\r\n", 2) != 0) {
			value[len++] = *s++;
			continue;
		}
		s += 2;
		if (*s != ' ' && *s != '\t')
			break;
		s += strspn(s, " \t");
		value[len++] = ' ';
	}
	value[len] = '\0';
}

/* A field of a header block, unfolded; "" if it is not there. */
static const char *
field(const char *block, const char *name)
{
	static char value[4096];
	size_t n = strlen(name);
	const char *s = block;

	value[0] = '\0';
	while (*s != '\0' && strncmp(s, "\r\n", 2) != 0) {
		if (strncasecmp(s, name, n) == 0 && s[n] == ':') {
			unfold(s + n + 1, value, sizeof(value));
			return value;
		}
		s = strstr(s, "\r\n");
		if (s == NULL)
			abort(); /* a line without an end */
		s += 2;
	}
	return value;
}

static void
check_octets(const struct bounce_text *t, bool eight)
{
	size_t i, start = 0;

	for (i = 0; i < t->len; i++) {
		unsigned char c = (unsigned char)t->text[i];

		if (c == '\r')
			assert_true(t->text[i + 1] == '\n');
		if (c == '\n') {
			assert_true(i > 0 && t->text[i - 1] == '\r');
			assert_true(i - start <= 999);
			start = i + 1;
		} else if (c != '\r' && c != '\t') {
			assert_true(c >= 0x20);
			assert_true(eight || c < 0x7f);
		}
	}
	assert_true(start == t->len);
}

static const char *
part(const struct report *r, size_t i)
{
	if (i >= r->nparts || r->parts[i] == NULL)
		abort();
	return r->parts[i];
}

static void
split_groups(struct report *r)
{
	const char *s = strstr(part(r, 1), "\r\n\r\n");
	const char *end;

	assert_non_null(s);
	for (s += 4; *s != '\0'; s = end + 4) {
		end = strstr(s, "\r\n\r\n");
		assert_true(r->ngroups < GROUPS_MAX);
		r->groups[r->ngroups++] =
		    copy(s, end == NULL ? strlen(s) : (size_t)(end - s) + 2);
		if (end == NULL)
			break;
	}
}

/* RFC 2046 5.1.1: the CRLF before a boundary belongs to the boundary. */
static void
parse(const struct bounce_text *t, struct report *r)
{
	char *all = copy(t->text, t->len), mark[256];
	const char *s, *p, *type;

	memset(r, 0, sizeof(*r));
	p = strstr(all, "\r\n\r\n");
	assert_non_null(p);
	r->header = copy(all, (size_t)(p - all) + 2);
	type = field(r->header, "Content-Type");
	assert_non_null(strstr(type, "multipart/report"));
	assert_non_null(strstr(type, "report-type=delivery-status"));
	s = strstr(type, "boundary=\"");
	assert_non_null(s);
	s += strlen("boundary=\"");
	assert_true(strcspn(s, "\"") <= 70);
	memcpy(mark, "\r\n--", 4);
	memcpy(mark + 4, s, strcspn(s, "\""));
	mark[4 + strcspn(s, "\"")] = '\0';
	p = strstr(p, mark);
	assert_non_null(p);
	for (;;) {
		s = p + strlen(mark);
		if (strncmp(s, "--\r\n", 4) == 0)
			break;
		assert_true(strncmp(s, "\r\n", 2) == 0);
		s += 2;
		p = strstr(s, mark);
		assert_non_null(p);
		assert_true(r->nparts < PARTS_MAX);
		r->parts[r->nparts++] = copy(s, (size_t)(p - s));
	}
	assert_true(s[4] == '\0');
	assert_int_equal(r->nparts, 3);
	assert_string_equal(field(part(r, 1), "Content-Type"),
	    "message/delivery-status");
	split_groups(r);
	free(all);
}

static void
report_free(struct report *r)
{
	size_t i;

	free(r->header);
	for (i = 0; i < r->nparts; i++)
		free(r->parts[i]);
	for (i = 0; i < r->ngroups; i++)
		free(r->groups[i]);
}

static const char message[] = "Received: from x\r\n"
			      "\tby y\r\n"
			      "Subject: hello\r\n"
			      "Message-ID: <1@x>\r\n"
			      "\r\n"
			      "the body\r\n";

static const struct bounce_rcpt two[] = {
	{ "nobody@example.net", "rfc822;No+2BBody@Example.net", "5.1.1", 550,
	    "5.1.1 no such user here", "mx.example.net", 0 },
	{ "b@gone.test", "", "5.1.2", 0, "the domain does not exist", "", 0 },
};

static struct bounce
base(void)
{
	return (struct bounce){ .kind = BOUNCE_FAILED,
		.hostname = "gw.example.com",
		.to = "sender@example.com",
		.envid = "",
		.id = "0123456789abc",
		.token = "5f3a9c",
		.arrival = 1795514400,
		.now = 1795514460,
		.rcpts = two,
		.nrcpts = 2,
		.body = message,
		.body_len = sizeof(message) - 1,
		.size = sizeof(message) - 1 };
}

static void
make(const struct bounce *b, struct report *r, bool eight)
{
	struct bounce_text t = { 0 };

	assert_int_equal(bounce_build(b, &t), 0);
	check_octets(&t, eight);
	assert_int_equal(t.flags, eight ? MSG_F_8BITMIME | MSG_F_8BIT_DATA : 0);
	parse(&t, r);
	free(t.text);
}

static void
assert_field(const char *block, const char *name, const char *want)
{
	const char *got = field(block, name);

	if (strcmp(got, want) != 0)
		fail_msg("%s: \"%s\", not \"%s\"", name, got, want);
}

static void
test_failure(void **state)
{
	struct bounce b = base();
	struct report r;

	(void)state;
	b.envid = "QQ+2B1";
	make(&b, &r, false);
	assert_field(r.header, "Date", "Tue, 24 Nov 2026 10:01:00 +0000");
	assert_field(r.header, "To", "<sender@example.com>");
	assert_non_null(
	    strstr(field(r.header, "From"), "<MAILER-DAEMON@gw.example.com>"));
	assert_field(r.header, "Auto-Submitted", "auto-replied");
	assert_field(r.header, "MIME-Version", "1.0");
	assert_non_null(strstr(field(r.header, "Message-ID"), "@gw.example"));
	assert_int_equal(r.ngroups, 3);
	assert_field(r.groups[0], "Reporting-MTA", "dns; gw.example.com");
	assert_field(r.groups[0], "Original-Envelope-Id", "QQ+1");
	assert_field(r.groups[0], "Arrival-Date",
	    "Tue, 24 Nov 2026 10:00:00 +0000");
	assert_field(r.groups[1], "Original-Recipient",
	    "rfc822; No+Body@Example.net");
	assert_field(r.groups[1], "Final-Recipient",
	    "rfc822; nobody@example.net");
	assert_field(r.groups[1], "Action", "failed");
	assert_field(r.groups[1], "Status", "5.1.1");
	assert_field(r.groups[1], "Remote-MTA", "dns; mx.example.net");
	assert_field(r.groups[1], "Diagnostic-Code",
	    "smtp; 550 5.1.1 no such user here");
	assert_field(r.groups[1], "Will-Retry-Until", "");
	assert_field(r.groups[2], "Original-Recipient", "");
	assert_field(r.groups[2], "Final-Recipient", "rfc822; b@gone.test");
	assert_field(r.groups[2], "Status", "5.1.2");
	assert_field(r.groups[2], "Remote-MTA", "");
	assert_field(r.groups[2], "Diagnostic-Code",
	    "x-postern; the domain does not exist");
	assert_non_null(strstr(r.parts[0], "<nobody@example.net>"));
	assert_non_null(strstr(r.parts[0], "550 5.1.1 no such user here"));
	assert_non_null(strstr(r.parts[0], "the domain does not exist"));
	assert_field(r.parts[2], "Content-Type", "text/rfc822-headers");
	assert_non_null(strstr(r.parts[2], "\r\nSubject: hello\r\n"));
	assert_null(strstr(r.parts[2], "the body"));
	report_free(&r);
}

static void
test_delay(void **state)
{
	struct bounce_rcpt one = { "a@example.net", "", "4.4.1", 0,
		"connection timed out", "", 0 };
	struct bounce b = base();
	struct report r;

	(void)state;
	b.kind = BOUNCE_DELAYED;
	b.ret = RET_FULL;
	b.until = one.until = b.now + 86400;
	b.rcpts = &one;
	b.nrcpts = 1;
	make(&b, &r, false);
	assert_int_equal(r.ngroups, 2);
	assert_field(r.groups[1], "Action", "delayed");
	assert_field(r.groups[1], "Status", "4.4.1");
	assert_field(r.groups[1], "Will-Retry-Until",
	    "Wed, 25 Nov 2026 10:01:00 +0000");
	assert_non_null(strstr(r.parts[0], "Wed, 25 Nov 2026"));
	assert_field(r.parts[2], "Content-Type", "text/rfc822-headers");
	report_free(&r);
}

static void
test_full(void **state)
{
	static const char eight[] = "Subject: x\r\n\r\nna\xc3\xafve\r\n";
	static const char bare[] = "Subject: x\r\n\r\nbare\nline\r\n";
	char *big;
	struct bounce b = base();
	struct report r;

	(void)state;
	b.ret = RET_FULL;
	make(&b, &r, false);
	assert_field(r.parts[2], "Content-Type", "message/rfc822");
	assert_non_null(strstr(r.parts[2], "\r\n\r\nthe body\r\n"));
	report_free(&r);

	b.body = eight;
	b.body_len = b.size = sizeof(eight) - 1;
	make(&b, &r, true);
	assert_field(r.parts[2], "Content-Transfer-Encoding", "8bit");
	assert_field(r.header, "Content-Transfer-Encoding", "8bit");
	assert_non_null(strstr(r.parts[2], "na\xc3\xafve\r\n"));
	report_free(&r);

	b.body = bare;
	b.body_len = b.size = sizeof(bare) - 1;
	make(&b, &r, false);
	assert_field(r.parts[2], "Content-Type", "text/rfc822-headers");
	report_free(&r);

	/* too large, or not all of it at hand */
	big = malloc(BOUNCE_FULL_MAX + 80);
	assert_non_null(big);
	memset(big, 'x', BOUNCE_FULL_MAX + 80);
	for (size_t i = 76; i < BOUNCE_FULL_MAX + 78; i += 78)
		memcpy(big + i, "\r\n", 2);
	b.body = big;
	b.body_len = b.size = BOUNCE_FULL_MAX / 78 * 78 + 78;
	make(&b, &r, false);
	assert_field(r.parts[2], "Content-Type", "text/rfc822-headers");
	report_free(&r);
	b.body_len = b.size = BOUNCE_FULL_MAX / 78 * 78;
	make(&b, &r, false);
	assert_field(r.parts[2], "Content-Type", "message/rfc822");
	report_free(&r);
	b.size++;
	make(&b, &r, false);
	assert_field(r.parts[2], "Content-Type", "text/rfc822-headers");
	report_free(&r);
	free(big);
}

/* What strangers wrote cannot leave its place. */
static void
test_hostile(void **state)
{
	char addr[MSG_ADDR_MAX + 1], text[MSG_TEXT_MAX + 1], body[40000];
	struct bounce_rcpt rc = { addr, "x\r\nBcc: a@b;y+zz\x01", "5.1", 550,
		text, "mx\r\nAction: delivered\r\n", 0 };
	struct bounce b = base();
	struct report r;
	size_t i;

	(void)state;
	memset(addr, 'a', sizeof(addr) - 1);
	memcpy(addr + 100, "\r\n\r\n--=_5f3a9c_0123456789abc--", 28);
	addr[sizeof(addr) - 1] = '\0';
	for (i = 0; i < sizeof(text) - 1; i++)
		text[i] = (char)(i * 37 + 1);
	for (i = 0; i < sizeof(text) - 1; i++) {
		if (text[i] == '\0')
			text[i] = '\x1b';
	}
	text[sizeof(text) - 1] = '\0';
	memset(body, 'h', sizeof(body));
	memcpy(body, "Subject: \x80\x01\0\x7f", 13);
	b.body = body;
	b.body_len = b.size = sizeof(body);
	b.ret = RET_FULL;
	b.rcpts = &rc;
	b.nrcpts = 1;
	make(&b, &r, false);
	assert_int_equal(r.ngroups, 2);
	assert_field(r.groups[1], "Action", "failed");
	assert_field(r.groups[1], "Status", "5.0.0");
	assert_null(strstr(r.header, "Bcc"));
	assert_null(strstr(r.groups[1], "\r\nBcc"));
	report_free(&r);
}

static const struct {
	const char *enh;
	const char *status;
} statuses[] = {
	{ "5.1.1", "5.1.1" },
	{ "5.123.999", "5.123.999" },
	{ "4.4.7", "5.4.7" },
	{ "2.0.0", "5.0.0" },
	{ "", "5.0.0" },
	{ "5", "5.0.0" },
	{ "5.1", "5.0.0" },
	{ "5.1.1x", "5.0.0" },
	{ "5.1.1.1", "5.0.0" },
	{ "5.1234.1", "5.0.0" },
	{ "5..1", "5.0.0" },
	{ "55.1.1", "5.0.0" },
};

static void
test_status(void **state)
{
	struct bounce_rcpt rc = two[0];
	struct bounce b = base();
	struct report r;
	size_t i;

	(void)state;
	b.rcpts = &rc;
	b.nrcpts = 1;
	for (i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		rc.enh = statuses[i].enh;
		make(&b, &r, false);
		assert_field(r.groups[1], "Status", statuses[i].status);
		report_free(&r);
	}
}

static void
test_utf8_address(void **state)
{
	struct bounce_rcpt rc = two[0];
	struct bounce b = base();
	struct report r;

	(void)state;
	rc.addr = "j\xc3\xb6rg\xf0\x9f\x93\xa7@example.net";
	b.rcpts = &rc;
	b.nrcpts = 1;
	make(&b, &r, false);
	assert_field(r.groups[1], "Final-Recipient",
	    "utf-8; j\\x{F6}rg\\x{1F4E7}@example.net");
	report_free(&r);
}

static void
test_many(void **state)
{
	enum { N = 1000 };
	static struct bounce_rcpt rc[N];
	char text[MSG_TEXT_MAX + 1], addr[MSG_ADDR_MAX + 1];
	struct bounce b = base();
	static const char action[] = "\r\nAction: failed\r\n";
	struct bounce_text t = { 0 };
	const char *s;
	size_t i, n = 0;

	(void)state;
	memset(text, ' ', sizeof(text));
	for (i = 0; i < sizeof(text) - 1; i += 2)
		text[i] = 'x';
	text[sizeof(text) - 1] = '\0';
	memset(addr, 0xc3, sizeof(addr));
	addr[sizeof(addr) - 1] = '\0';
	for (i = 1; i < sizeof(addr) - 1; i += 2)
		addr[i] = (char)0xb6;
	for (i = 0; i < N; i++) {
		rc[i] = two[0];
		rc[i].text = text;
		rc[i].addr = addr;
	}
	b.rcpts = rc;
	b.nrcpts = N;
	assert_int_equal(bounce_build(&b, &t), 0);
	check_octets(&t, false);
	for (s = t.text; (s = memmem(s, t.len - (size_t)(s - t.text), action,
			      strlen(action))) != NULL;
	     s++)
		n++;
	assert_int_equal(n, N);
	free(t.text);
}

static void
test_bodies(void **state)
{
	static const char *const bodies[] = { "", "\r\n", "\r\nonly a body\r\n",
		"no end", "a: b\nc: d\n\nbody", "\n", "a: b\r\n\r\n" };
	struct bounce b = base();
	struct report r;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		b.body = bodies[i];
		b.body_len = b.size = strlen(bodies[i]);
		b.ret = i % 2 ? RET_FULL : RET_HDRS;
		make(&b, &r, false);
		if (i % 2 == 0)
			assert_null(strstr(part(&r, 2), "body"));
		report_free(&r);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_failure),
		cmocka_unit_test(test_delay),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_utf8_address),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_bodies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
