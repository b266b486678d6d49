/* SPDX-License-Identifier: ISC */
/* link: common/smtp.a common/base.a */
/* Parameters of MAIL and RCPT: RFC 5321 4.1.1.11 and each extension's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/smtp/limits.h"
#include "common/smtp/param.h"

#define N(table) (sizeof(table) / sizeof((table)[0]))
#define ALL	 SMTP_EXT_ALL
#define NOW	 (SMTP_EXT_SIZE | SMTP_EXT_8BITMIME)

struct error_case {
	const char *in;
	unsigned ext;
	enum smtp_param_error error;
};

static const struct error_case mail_errors[] = {
	{ "", NOW, SMTP_PARAM_OK },
	{ " ", NOW, SMTP_PARAM_OK },
	{ " SIZE=1", NOW, SMTP_PARAM_OK },
	{ "  size=1   body=7bit ", NOW, SMTP_PARAM_OK },
	{ "SIZE=1", NOW, SMTP_PARAM_ESYNTAX }, /* no space after the path */
	{ " XNOSUCH", NOW, SMTP_PARAM_EUNKNOWN },
	{ " XNOSUCH=1", NOW, SMTP_PARAM_EUNKNOWN },
	{ " NOTIFY=NEVER", ALL, SMTP_PARAM_EUNKNOWN }, /* of RCPT */
	/* keyword and value as such */
	{ " =1", NOW, SMTP_PARAM_ESYNTAX },
	{ " -X=1", NOW, SMTP_PARAM_ESYNTAX },
	{ " X_Y=1", NOW, SMTP_PARAM_ESYNTAX },
	{ " SIZE=1=2", NOW, SMTP_PARAM_ESYNTAX },
	{ " SIZE=1\t", NOW, SMTP_PARAM_ESYNTAX },
	{ " X=\x7f", NOW, SMTP_PARAM_ESYNTAX },
	{ " X=\xd0\xb8", NOW, SMTP_PARAM_ESYNTAX },
	{ " X=\xd0\xb8", ALL, SMTP_PARAM_EUNKNOWN },
	/* SIZE: 1*20DIGIT, RFC 1870 */
	{ " SIZE", NOW, SMTP_PARAM_EVALUE },
	{ " SIZE=", NOW, SMTP_PARAM_EVALUE },
	{ " SIZE=-1", NOW, SMTP_PARAM_EVALUE },
	{ " SIZE=1k", NOW, SMTP_PARAM_EVALUE },
	{ " SIZE=99999999999999999999", NOW, SMTP_PARAM_OK },
	{ " SIZE=100000000000000000000", NOW, SMTP_PARAM_EVALUE },
	{ " SIZE=1 SIZE=1", NOW, SMTP_PARAM_ETWICE },
	{ " SIZE=1 size=2", NOW, SMTP_PARAM_ETWICE },
	{ " SIZE=1", SMTP_EXT_8BITMIME, SMTP_PARAM_EUNKNOWN },
	/* BODY: RFC 6152, 3030 */
	{ " BODY=8BITMIME", NOW, SMTP_PARAM_OK },
	{ " BODY=BINARYMIME", NOW, SMTP_PARAM_EVALUE },
	{ " BODY=BINARYMIME", ALL, SMTP_PARAM_OK },
	{ " BODY=9BIT", NOW, SMTP_PARAM_EVALUE },
	{ " BODY=7BIT", SMTP_EXT_SIZE, SMTP_PARAM_EUNKNOWN },
	/* SMTPUTF8: RFC 6531; REQUIRETLS: RFC 8689 */
	{ " SMTPUTF8", NOW, SMTP_PARAM_EUNKNOWN },
	{ " SMTPUTF8", ALL, SMTP_PARAM_OK },
	{ " SMTPUTF8=", ALL, SMTP_PARAM_EVALUE },
	{ " SMTPUTF8=1", ALL, SMTP_PARAM_EVALUE },
	{ " REQUIRETLS", NOW, SMTP_PARAM_EUNKNOWN },
	{ " REQUIRETLS SMTPUTF8", ALL, SMTP_PARAM_OK },
	{ " REQUIRETLS REQUIRETLS", ALL, SMTP_PARAM_ETWICE },
	/* RET and ENVID: RFC 3461 */
	{ " RET=HDRS ENVID=QQ314159", ALL, SMTP_PARAM_OK },
	{ " RET=SOME", ALL, SMTP_PARAM_EVALUE },
	{ " RET=FULL", NOW, SMTP_PARAM_EUNKNOWN },
	{ " ENVID=", ALL, SMTP_PARAM_EVALUE },
	{ " ENVID=a+20b", ALL, SMTP_PARAM_OK },
	{ " ENVID=a+2", ALL, SMTP_PARAM_EVALUE },
	{ " ENVID=a+0D+0Ab", ALL, SMTP_PARAM_EVALUE },
	{ " ENVID=a+2g", ALL, SMTP_PARAM_EVALUE },
	{ " ENVID=a+2a", ALL, SMTP_PARAM_EVALUE }, /* upper case only */
	/* AUTH: RFC 4954 */
	{ " AUTH=<>", ALL, SMTP_PARAM_OK },
	{ " AUTH=a+2Bb@c", ALL, SMTP_PARAM_OK },
	{ " AUTH=", ALL, SMTP_PARAM_EVALUE },
	{ " AUTH=<>", NOW, SMTP_PARAM_EUNKNOWN },
};

static const struct error_case rcpt_errors[] = {
	{ "", ALL, SMTP_PARAM_OK },
	{ " SIZE=1", ALL, SMTP_PARAM_EUNKNOWN }, /* of MAIL */
	{ " NOTIFY=NEVER", NOW, SMTP_PARAM_EUNKNOWN },
	{ " NOTIFY=NEVER", ALL, SMTP_PARAM_OK },
	{ " NOTIFY=never", ALL, SMTP_PARAM_OK },
	{ " NOTIFY=SUCCESS,FAILURE,DELAY", ALL, SMTP_PARAM_OK },
	{ " NOTIFY=NEVER,SUCCESS", ALL, SMTP_PARAM_EVALUE },
	{ " NOTIFY=SUCCESS,NEVER", ALL, SMTP_PARAM_EVALUE },
	{ " NOTIFY=", ALL, SMTP_PARAM_EVALUE },
	{ " NOTIFY=SUCCESS,", ALL, SMTP_PARAM_EVALUE },
	{ " NOTIFY=,SUCCESS", ALL, SMTP_PARAM_EVALUE },
	{ " NOTIFY=SOMETIMES", ALL, SMTP_PARAM_EVALUE },
	{ " ORCPT=rfc822;Bob@example.com", ALL, SMTP_PARAM_OK },
	{ " ORCPT=rfc822;Bob+2Bx@example.com", ALL, SMTP_PARAM_OK },
	{ " ORCPT=rfc822;", ALL, SMTP_PARAM_EVALUE },
	{ " ORCPT=;Bob", ALL, SMTP_PARAM_EVALUE },
	{ " ORCPT=Bob", ALL, SMTP_PARAM_EVALUE },
	{ " ORCPT=rfc_822;Bob", ALL, SMTP_PARAM_EVALUE },
	{ " ORCPT=rfc822;a+0Ab", ALL, SMTP_PARAM_EVALUE },
	{ " ORCPT=rfc822;a ORCPT=rfc822;a", ALL, SMTP_PARAM_ETWICE },
	{ " ORCPT=utf-8;\xd0\xb8@x", ALL, SMTP_PARAM_OK },
	{ " ORCPT=utf-8;\xff@x", ALL, SMTP_PARAM_EVALUE },
	{ " ORCPT=utf-8;a@x", SMTP_EXT_DSN, SMTP_PARAM_EVALUE },
};

static void
test_mail_errors(void **state)
{
	struct smtp_mail_params m;
	size_t i;

	(void)state;
	for (i = 0; i < N(mail_errors); i++) {
		const struct error_case *c = &mail_errors[i];
		enum smtp_param_error e =
		    smtp_mail_params(&m, smtp_slice_str(c->in), c->ext);

		if (e != c->error)
			fail_msg("MAIL '%s': %d, expected %d", c->in, (int)e,
			    (int)c->error);
	}
}

static void
test_rcpt_errors(void **state)
{
	struct smtp_rcpt_params r;
	size_t i;

	(void)state;
	for (i = 0; i < N(rcpt_errors); i++) {
		const struct error_case *c = &rcpt_errors[i];
		enum smtp_param_error e =
		    smtp_rcpt_params(&r, smtp_slice_str(c->in), c->ext);

		if (e != c->error)
			fail_msg("RCPT '%s': %d, expected %d", c->in, (int)e,
			    (int)c->error);
	}
}

static void
test_mail_values(void **state)
{
	struct smtp_mail_params m;

	(void)state;
	assert_int_equal(smtp_mail_params(&m, smtp_slice_str(""), ALL), 0);
	assert_int_equal(m.given, 0);
	assert_int_equal(m.body, SMTP_BODY_7BIT);
	assert_int_equal(m.ret, SMTP_RET_NONE);
	assert_int_equal(smtp_mail_params(&m,
			     smtp_slice_str(
				 " SIZE=42 BODY=8bitmime RET=full ENVID=x+3Dy "
				 "AUTH=<> SMTPUTF8"),
			     ALL),
	    0);
	assert_int_equal(m.given,
	    SMTP_PARAM_SIZE | SMTP_PARAM_BODY | SMTP_PARAM_RET |
		SMTP_PARAM_ENVID | SMTP_PARAM_AUTH | SMTP_PARAM_SMTPUTF8);
	assert_int_equal(m.size, 42);
	assert_int_equal(m.body, SMTP_BODY_8BITMIME);
	assert_int_equal(m.ret, SMTP_RET_FULL);
	assert_int_equal(m.envid.len, 5);
	assert_memory_equal(m.envid.p, "x+3Dy", 5);
	assert_int_equal(m.auth.len, 2);
	assert_int_equal(smtp_mail_params(&m,
			     smtp_slice_str(" SIZE=99999999999999999999"), ALL),
	    0);
	assert_true(m.size == UINT64_MAX);
}

static void
test_rcpt_values(void **state)
{
	struct smtp_rcpt_params r;

	(void)state;
	assert_int_equal(smtp_rcpt_params(&r,
			     smtp_slice_str(
				 " NOTIFY=DELAY,FAILURE ORCPT=RFC822;a+2Bb"),
			     ALL),
	    0);
	assert_int_equal(r.notify, SMTP_NOTIFY_DELAY | SMTP_NOTIFY_FAILURE);
	assert_int_equal(r.orcpt_type.len, 6);
	assert_int_equal(r.orcpt.len, 5);
	assert_memory_equal(r.orcpt.p, "a+2Bb", 5);
}

static void
test_lengths(void **state)
{
	char in[16 + SMTP_ENVID_MAX + SMTP_ORCPT_MAX];
	struct smtp_mail_params m;
	struct smtp_rcpt_params r;

	(void)state;
	memset(in, 'e', sizeof(in));
	memcpy(in, " ENVID=", 7);
	assert_int_equal(smtp_mail_params(&m,
			     smtp_slice(in, 7 + SMTP_ENVID_MAX), ALL),
	    SMTP_PARAM_OK);
	assert_int_equal(smtp_mail_params(&m,
			     smtp_slice(in, 8 + SMTP_ENVID_MAX), ALL),
	    SMTP_PARAM_EVALUE);
	memcpy(in, " ORCPT=rfc822;", 14);
	assert_int_equal(smtp_rcpt_params(&r,
			     smtp_slice(in, 7 + SMTP_ORCPT_MAX), ALL),
	    SMTP_PARAM_OK);
	assert_int_equal(smtp_rcpt_params(&r,
			     smtp_slice(in, 8 + SMTP_ORCPT_MAX), ALL),
	    SMTP_PARAM_EVALUE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mail_errors),
		cmocka_unit_test(test_rcpt_errors),
		cmocka_unit_test(test_mail_values),
		cmocka_unit_test(test_rcpt_values),
		cmocka_unit_test(test_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
