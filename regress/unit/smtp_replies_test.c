/* SPDX-License-Identifier: ISC */
/* link: common/smtp.a common/base.a */
/* What the server says: RFC 5321 4.2, 4.5.3.1.5, RFC 2034, RFC 3463. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/smtp/ehlo.h"
#include "common/smtp/limits.h"
#include "common/smtp/replies.h"
#include "common/smtp/reply.h"

static const char host[] = "gw.example.com";

/* RFC 2034 4: greeting, HELO and EHLO have no enhanced code; 354 has none. */
static bool
must_be_plain(enum smtp_reply_id id)
{
	return id == SMTP_R_GREETING || id == SMTP_R_REFUSED ||
	    id == SMTP_R_BUSY || id == SMTP_R_EARLY || id == SMTP_R_HELO ||
	    id == SMTP_R_BAD_HELO || id == SMTP_R_DATA;
}

/* Read what was written with the client's parser, line by line. */
static void
check_written(const struct smtp_outbuf *o, enum smtp_reply_id id)
{
	const struct smtp_reply_def *d = smtp_reply_def(id);
	enum smtp_reply_event ev = SMTP_REPLY_MORE;
	struct smtp_enhanced e;
	struct smtp_reply r;
	size_t at = 0, used, i;

	assert_false(o->failed);
	smtp_reply_init(&r);
	while (at < o->len) {
		assert_true(ev != SMTP_REPLY_DONE);
		ev = smtp_reply_push(&r, o->buf + at, o->len - at, &used);
		assert_true(used <= SMTP_REPLY_LINE_MAX);
		at += used;
		assert_int_equal(r.code, d->code);
		for (i = 0; i < r.line_len; i++)
			assert_in_range(r.line[i], ' ', '~');
		if (must_be_plain(id)) {
			assert_int_equal(d->enhanced[0], '\0');
			continue;
		}
		assert_true(smtp_enhanced_parse(&e,
				smtp_slice(r.line, r.line_len)) > 0);
		assert_int_equal(e.class, d->code / 100);
	}
	assert_int_equal(ev, SMTP_REPLY_DONE);
	assert_int_equal(r.flags, 0);
}

static void
test_table(void **state)
{
	char buf[SMTP_REPLY_ROOM];
	struct smtp_outbuf o;
	int id;

	(void)state;
	for (id = SMTP_R_NONE + 1; id < SMTP_R_MAX; id++) {
		if (smtp_reply_def((enum smtp_reply_id)id)->code == 0)
			fail_msg("reply %d is not in the table", id);
		smtp_outbuf_init(&o, buf, sizeof(buf));
		smtp_put_reply(&o, (enum smtp_reply_id)id, smtp_slice_str(host),
		    smtp_slice_str("0abc"));
		check_written(&o, (enum smtp_reply_id)id);
	}
}

/* A refusal has a reason; what closes the session is a 421 or a 554. */
static void
test_reasons(void **state)
{
	int id;

	(void)state;
	for (id = SMTP_R_NONE + 1; id < SMTP_R_MAX; id++) {
		const struct smtp_reply_def *d =
		    smtp_reply_def((enum smtp_reply_id)id);

		assert_int_equal(d->code < 400, d->reason == REASON_OK);
		if (d->code == 421)
			assert_int_equal(d->count, SMTP_COUNT_FATAL);
		if (d->count == SMTP_COUNT_FATAL)
			assert_true(d->code == 421 || d->code == 554);
	}
}

static void
test_long_and_hostile(void **state)
{
	char name[SMTP_DOMAIN_MAX], arg[3000], buf[SMTP_REPLY_ROOM];
	struct smtp_outbuf o;
	int id;

	(void)state;
	memset(name, 'h', sizeof(name));
	memset(arg, '\r', sizeof(arg));
	memset(arg, '\n', 20);
	arg[0] = '\0';
	for (id = SMTP_R_NONE + 1; id < SMTP_R_MAX; id++) {
		smtp_outbuf_init(&o, buf, sizeof(buf));
		smtp_put_reply(&o, (enum smtp_reply_id)id,
		    smtp_slice(name, sizeof(name)),
		    smtp_slice(arg, sizeof(arg)));
		check_written(&o, (enum smtp_reply_id)id);
	}
}

static void
test_text(void **state)
{
	static const char want[] = "250 2.0.0 Accepted as 0abc\r\n";
	char buf[64];
	struct smtp_outbuf o;

	(void)state;
	smtp_outbuf_init(&o, buf, sizeof(buf));
	smtp_put_reply(&o, SMTP_R_ACCEPTED, smtp_slice_str(host),
	    smtp_slice_str("0abc"));
	assert_int_equal(o.len, sizeof(want) - 1);
	assert_memory_equal(buf, want, o.len);
	smtp_outbuf_init(&o, buf, 10);
	smtp_put_reply(&o, SMTP_R_ACCEPTED, smtp_slice_str(host),
	    smtp_slice_str("0abc"));
	assert_true(o.failed);
	assert_int_equal(o.len, 0);
}

static void
put_ehlo(struct smtp_outbuf *o, const struct smtp_features *f)
{
	o->len = 0;
	smtp_put_ehlo(o, smtp_slice_str(host), f);
	assert_false(o->failed);
}

static void
check_ehlo(const struct smtp_features *f, const char *want)
{
	char buf[SMTP_EHLO_ROOM];
	struct smtp_outbuf o;

	smtp_outbuf_init(&o, buf, sizeof(buf));
	put_ehlo(&o, f);
	assert_int_equal(o.len, strlen(want));
	assert_memory_equal(buf, want, o.len);
}

static void
test_ehlo_written(void **state)
{
	struct smtp_features f;

	(void)state;
	smtp_features_init(&f);
	check_ehlo(&f, "250 gw.example.com\r\n");
	f.ext = SMTP_EXT_SIZE;
	check_ehlo(&f, "250-gw.example.com\r\n250 SIZE\r\n");
	f.ext = SMTP_EXT_SIZE | SMTP_EXT_PIPELINING | SMTP_EXT_LIMITS;
	f.size = 1000;
	f.rcpt_max = 100;
	check_ehlo(&f,
	    "250-gw.example.com\r\n250-PIPELINING\r\n"
	    "250-SIZE 1000\r\n250 LIMITS RCPTMAX=100\r\n");
}

/* What is written is read back; each extension alone, and all at once. */
static void
test_ehlo_round_trip(void **state)
{
	char buf[SMTP_EHLO_ROOM];
	struct smtp_features f, g;
	struct smtp_outbuf o;
	struct smtp_reply r;
	enum smtp_reply_event ev;
	size_t at, used;
	unsigned bit;

	(void)state;
	smtp_outbuf_init(&o, buf, sizeof(buf));
	for (bit = 1; bit <= SMTP_EXT_ALL + 1U; bit <<= 1) {
		smtp_features_init(&f);
		smtp_features_init(&g);
		f.ext = bit > SMTP_EXT_ALL ? SMTP_EXT_ALL : bit;
		if ((f.ext & SMTP_EXT_SIZE) != 0)
			f.size = UINT64_MAX;
		if ((f.ext & SMTP_EXT_LIMITS) != 0)
			f.mail_max = f.rcpt_max = f.rcpt_domain_max =
			    UINT32_MAX;
		put_ehlo(&o, &f);
		smtp_reply_init(&r);
		at = 0;
		do {
			ev = smtp_reply_push(&r, buf + at, o.len - at, &used);
			at += used;
			if (r.lines > 1)
				smtp_features_line(&g,
				    smtp_slice(r.line, r.line_len));
		} while (ev == SMTP_REPLY_LINE);
		assert_int_equal(ev, SMTP_REPLY_DONE);
		assert_int_equal(at, o.len);
		assert_int_equal(f.ext, g.ext);
		assert_true(f.size == g.size);
		assert_int_equal(f.mail_max, g.mail_max);
		assert_int_equal(f.rcpt_max, g.rcpt_max);
		assert_int_equal(f.rcpt_domain_max, g.rcpt_domain_max);
	}
}

static const struct {
	const char *line;
	unsigned ext;
	uint64_t size;
	uint32_t rcpt_max;
} ehlo_lines[] = {
	{ "", 0, 0, 0 },
	{ " ", 0, 0, 0 },
	{ "pipelining", SMTP_EXT_PIPELINING, 0, 0 },
	{ "PIPELINING extra", SMTP_EXT_PIPELINING, 0, 0 },
	{ "PIPELININGX", 0, 0, 0 },
	{ "SIZE", SMTP_EXT_SIZE, 0, 0 },
	{ "SIZE 0", SMTP_EXT_SIZE, 0, 0 },
	{ "size   1234  ", SMTP_EXT_SIZE, 1234, 0 },
	{ "SIZE=1234", 0, 0, 0 },
	{ "SIZE 12x", SMTP_EXT_SIZE, 0, 0 },
	{ "SIZE 99999999999999999999", SMTP_EXT_SIZE, UINT64_MAX, 0 },
	{ "LIMITS RCPTMAX=10 X=1 MAILMAX=", SMTP_EXT_LIMITS, 0, 10 },
	{ "LIMITS rcptmax=10", SMTP_EXT_LIMITS, 0, 10 },
	{ "LIMITS RCPTMAX=99999999999", SMTP_EXT_LIMITS, 0, UINT32_MAX },
	{ "LIMITS RCPTMAX", SMTP_EXT_LIMITS, 0, 0 },
	{ "LIMITS RCPTMAXX=1 RCPTMAX=-1", SMTP_EXT_LIMITS, 0, 0 },
	{ "AUTH=LOGIN", 0, 0, 0 },
	{ "AUTH LOGIN PLAIN", SMTP_EXT_AUTH, 0, 0 },
	{ "XNOSUCH", 0, 0, 0 },
};

static void
test_ehlo_lines(void **state)
{
	struct smtp_features f;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(ehlo_lines) / sizeof(ehlo_lines[0]); i++) {
		smtp_features_init(&f);
		smtp_features_line(&f, smtp_slice_str(ehlo_lines[i].line));
		if (f.ext != ehlo_lines[i].ext ||
		    f.size != ehlo_lines[i].size ||
		    f.rcpt_max != ehlo_lines[i].rcpt_max)
			fail_msg("'%s'", ehlo_lines[i].line);
	}
	/* given twice: the first counts */
	smtp_features_init(&f);
	smtp_features_line(&f, smtp_slice_str("SIZE 5"));
	smtp_features_line(&f, smtp_slice_str("SIZE 9"));
	assert_true(f.size == 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_long_and_hostile),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_ehlo_written),
		cmocka_unit_test(test_ehlo_round_trip),
		cmocka_unit_test(test_ehlo_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
