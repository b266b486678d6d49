/* SPDX-License-Identifier: ISC */
/* link: common/smtp.a common/base.a */
/* Replies as a client reads them: RFC 5321 4.2, and what servers send. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/smtp/reply.h"

#define N(table) (sizeof(table) / sizeof((table)[0]))

struct reply_case {
	const char *in;
	size_t len;		     /* 0: strlen(in) */
	enum smtp_reply_event event; /* in the end */
	enum smtp_reply_error error;
	uint16_t code;
	uint8_t class;
	uint16_t subject, detail;
	unsigned flags;
	const char *text;
};

#define DONE	SMTP_REPLY_DONE, SMTP_REPLY_OK
#define MORE	SMTP_REPLY_MORE, SMTP_REPLY_OK
#define GARBAGE SMTP_REPLY_ERROR, SMTP_REPLY_EGARBAGE
#define MIXED	SMTP_REPLY_ERROR, SMTP_REPLY_EMIXED

static const struct reply_case cases[] = {
	{ "220 mx.test ESMTP\r\n", 0, DONE, 220, 0, 0, 0, 0, "mx.test ESMTP" },
	{ "250 2.1.0 ok\r\n", 0, DONE, 250, 2, 1, 0, 0, "2.1.0 ok" },
	{ "250-a\r\n250-b\r\n250 c\r\n", 0, DONE, 250, 0, 0, 0, 0, "a b c" },
	/* the enhanced code once, however many lines repeat it */
	{ "550-5.1.1 no\r\n550-5.1.1 such\r\n550 5.1.1 user\r\n", 0, DONE, 550,
	    5, 1, 1, 0, "5.1.1 no such user" },
	{ "550-no\r\n550 5.1.1 user\r\n", 0, DONE, 550, 5, 1, 1, 0,
	    "no 5.1.1 user" },
	{ "550-5.1.1 a\r\n550 5.7.1 b\r\n", 0, DONE, 550, 5, 1, 1, 0,
	    "5.1.1 a 5.7.1 b" },
	/* a bare code, with and without its space */
	{ "250\r\n", 0, DONE, 250, 0, 0, 0, 0, "" },
	{ "250 \r\n", 0, DONE, 250, 0, 0, 0, 0, "" },
	{ "250-\r\n250\r\n", 0, DONE, 250, 0, 0, 0, 0, "" },
	{ "550 5.7.2\r\n", 0, DONE, 550, 5, 7, 2, 0, "5.7.2" },
	{ "550 5.7.2 \r\n", 0, DONE, 550, 5, 7, 2, 0, "5.7.2 " },
	/* codes that are none, or not of this reply's class */
	{ "550 4.7.1 x\r\n", 0, DONE, 550, 0, 0, 0, 0, "4.7.1 x" },
	{ "550 5.7 x\r\n", 0, DONE, 550, 0, 0, 0, 0, "5.7 x" },
	{ "550 5.7.1x\r\n", 0, DONE, 550, 0, 0, 0, 0, "5.7.1x" },
	{ "550 5.07.1 x\r\n", 0, DONE, 550, 0, 0, 0, 0, "5.07.1 x" },
	{ "550 5.7.1000 x\r\n", 0, DONE, 550, 0, 0, 0, 0, "5.7.1000 x" },
	{ "550 5.999.0 x\r\n", 0, DONE, 550, 5, 999, 0, 0, "5.999.0 x" },
	{ "550 5..1 x\r\n", 0, DONE, 550, 0, 0, 0, 0, "5..1 x" },
	/* line ends and odd octets */
	{ "250 ok\n", 0, DONE, 250, 0, 0, 0, SMTP_REPLY_F_BARE_LF, "ok" },
	{ "250-a\n250 b\r\n", 0, DONE, 250, 0, 0, 0, SMTP_REPLY_F_BARE_LF,
	    "a b" },
	{ "250 a\rb\r\n", 0, DONE, 250, 0, 0, 0, SMTP_REPLY_F_CONTROL, "a?b" },
	{ "250 a\r\r\n", 0, DONE, 250, 0, 0, 0, SMTP_REPLY_F_CONTROL, "a?" },
	{ "250 a\0b\r\n", 9, DONE, 250, 0, 0, 0, SMTP_REPLY_F_CONTROL, "a?b" },
	{ "250 \x1b[2J\r\n", 0, DONE, 250, 0, 0, 0, SMTP_REPLY_F_CONTROL,
	    "?[2J" },
	{ "250 a\tb \xff\r\n", 0, DONE, 250, 0, 0, 0, 0, "a\tb \xff" },
	/* not complete */
	{ "250 ok\r", 0, MORE, 0, 0, 0, 0, 0, "" },
	{ "250-a\r\n", 0, SMTP_REPLY_LINE, SMTP_REPLY_OK, 250, 0, 0, 0, 0,
	    "a" },
	{ "2", 0, MORE, 0, 0, 0, 0, 0, "" },
	/* no reply at all */
	{ "\r\n", 0, GARBAGE, 0, 0, 0, 0, 0, "" },
	{ "\n", 0, GARBAGE, 0, 0, 0, 0, SMTP_REPLY_F_BARE_LF, "" },
	{ "25\r\n", 0, GARBAGE, 0, 0, 0, 0, 0, "" },
	{ "25 ok\r\n", 0, GARBAGE, 0, 0, 0, 0, 0, "" },
	{ "2500 ok\r\n", 0, GARBAGE, 0, 0, 0, 0, 0, "" },
	{ "250_ok\r\n", 0, GARBAGE, 0, 0, 0, 0, 0, "" },
	{ "150 ok\r\n", 0, GARBAGE, 0, 0, 0, 0, 0, "" },
	{ "650 ok\r\n", 0, GARBAGE, 0, 0, 0, 0, 0, "" },
	{ " 250 ok\r\n", 0, GARBAGE, 0, 0, 0, 0, 0, "" },
	{ "HTTP/1.1 200 OK\r\n", 0, GARBAGE, 0, 0, 0, 0, 0, "" },
	{ "25\0 ok\r\n", 9, GARBAGE, 0, 0, 0, 0, 0, "" },
	{ "250-a\r\nok\r\n", 0, GARBAGE, 250, 0, 0, 0, 0, "a" },
	/* codes within a reply */
	{ "250-a\r\n550 b\r\n", 0, MIXED, 250, 0, 0, 0, 0, "a" },
	{ "550-a\r\n551 b\r\n", 0, DONE, 551, 0, 0, 0, SMTP_REPLY_F_CODES,
	    "a b" },
};

/* Push in pieces cut at each multiple of step; the last event. */
static enum smtp_reply_event
push_all(struct smtp_reply *r, const char *in, size_t len, size_t step)
{
	enum smtp_reply_event ev = SMTP_REPLY_MORE;
	size_t at = 0, n, used;

	while (at < len && ev != SMTP_REPLY_ERROR && ev != SMTP_REPLY_DONE) {
		n = step - at % step;
		if (n > len - at)
			n = len - at;
		ev = smtp_reply_push(r, in + at, n, &used);
		assert_true(used > 0 && used <= n);
		at += used;
	}
	return ev;
}

static void
check(const struct reply_case *c, size_t step)
{
	size_t len = c->len != 0 ? c->len : strlen(c->in);
	enum smtp_reply_event ev;
	struct smtp_reply r;

	smtp_reply_init(&r);
	ev = push_all(&r, c->in, len, step);
	if (ev != c->event || r.error != c->error)
		fail_msg("'%s' by %zu: event %d error %d", c->in, step, (int)ev,
		    (int)r.error);
	assert_int_equal(r.code, c->code);
	assert_int_equal(r.enhanced.class, c->class);
	assert_int_equal(r.enhanced.subject, c->subject);
	assert_int_equal(r.enhanced.detail, c->detail);
	if (r.flags != c->flags)
		fail_msg("'%s': flags %x", c->in, r.flags);
	assert_int_equal(r.text_len, strlen(c->text));
	assert_memory_equal(r.text, c->text, r.text_len);
}

static void
test_cases(void **state)
{
	size_t i, step;

	(void)state;
	for (i = 0; i < N(cases); i++)
		for (step = 1; step <= 40; step++)
			check(&cases[i], step);
}

/* Several replies in one read come out one by one. */
static void
test_pipelined(void **state)
{
	static const char in[] = "250 a\r\n250-b\r\n250 5.1.1 c\r\n554 d\r\n";
	struct smtp_reply r;
	size_t at = 0, used;

	(void)state;
	smtp_reply_init(&r);
	assert_int_equal(smtp_reply_push(&r, in, sizeof(in) - 1, &used),
	    SMTP_REPLY_DONE);
	assert_int_equal(used, 7);
	at += used;
	assert_int_equal(smtp_reply_push(&r, in + at, sizeof(in) - 1 - at,
			     &used),
	    SMTP_REPLY_LINE);
	assert_int_equal(r.line_len, 1);
	assert_memory_equal(r.line, "b", 1);
	at += used;
	assert_int_equal(smtp_reply_push(&r, in + at, sizeof(in) - 1 - at,
			     &used),
	    SMTP_REPLY_DONE);
	assert_int_equal(r.line_len, 7);
	assert_int_equal(r.lines, 2);
	at += used;
	assert_int_equal(smtp_reply_push(&r, in + at, sizeof(in) - 1 - at,
			     &used),
	    SMTP_REPLY_DONE);
	assert_int_equal(r.code, 554);
	assert_int_equal(r.lines, 1);
	assert_int_equal(r.text_len, 1);
	assert_int_equal(at + used, sizeof(in) - 1);
	assert_int_equal(smtp_reply_push(&r, in, 0, &used), SMTP_REPLY_MORE);
	/* the reply stays readable until the next octet */
	assert_int_equal(r.code, 554);
}

static void
test_long_line(void **state)
{
	static char in[8192];
	struct smtp_reply r;
	size_t step;

	(void)state;
	memset(in, 'x', sizeof(in));
	memcpy(in, "550 5.1.1 ", 10);
	memcpy(in + 6000, "\r\n", 2);
	for (step = 1; step < 7000; step = step * 3 + 1) {
		smtp_reply_init(&r);
		assert_int_equal(push_all(&r, in, 6002, step), SMTP_REPLY_DONE);
		assert_int_equal(r.code, 550);
		assert_int_equal(r.enhanced.detail, 1);
		assert_int_equal(r.flags, SMTP_REPLY_F_TRUNCATED);
		assert_int_equal(r.line_len, SMTP_CLIENT_LINE_MAX - 4);
		assert_int_equal(r.text_len, SMTP_CLIENT_TEXT_MAX);
	}
}

static void
test_endless_line(void **state)
{
	static char in[4096];
	struct smtp_reply r;
	size_t used, sum = 0;
	enum smtp_reply_event ev;

	(void)state;
	memset(in, '2', sizeof(in));
	smtp_reply_init(&r);
	do {
		ev = smtp_reply_push(&r, in, sizeof(in), &used);
		sum += used;
	} while (ev == SMTP_REPLY_MORE);
	assert_int_equal(ev, SMTP_REPLY_ERROR);
	assert_int_equal(r.error, SMTP_REPLY_ESIZE);
	assert_true(sum <= SMTP_CLIENT_REPLY_MAX + sizeof(in));
	/* and so it stays */
	assert_int_equal(smtp_reply_push(&r, "250 ok\r\n", 8, &used),
	    SMTP_REPLY_ERROR);
}

static void
test_endless_lines(void **state)
{
	enum smtp_reply_event ev;
	struct smtp_reply r;
	size_t used;
	int n = 0;

	(void)state;
	smtp_reply_init(&r);
	do {
		ev = smtp_reply_push(&r, "220-still\r\n", 11, &used);
		n++;
	} while (ev == SMTP_REPLY_LINE);
	assert_int_equal(ev, SMTP_REPLY_ERROR);
	assert_int_equal(r.error, SMTP_REPLY_ELINES);
	assert_int_equal(n, SMTP_CLIENT_LINES_MAX + 1);
}

static void
test_error_names(void **state)
{
	int e;

	(void)state;
	for (e = SMTP_REPLY_OK; e <= SMTP_REPLY_ESIZE; e++)
		assert_non_null(
		    smtp_reply_error_name((enum smtp_reply_error)e));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_pipelined),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_endless_line),
		cmocka_unit_test(test_endless_lines),
		cmocka_unit_test(test_error_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
