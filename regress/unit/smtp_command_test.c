/* SPDX-License-Identifier: ISC */
/* link: common/smtp.a common/base.a */
/* Command lines cut into verb and argument: RFC 5321 4.1.1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/smtp/command.h"

static const struct {
	const char *line;
	enum smtp_verb verb;
	const char *name;
	const char *arg;
} cases[] = {
	{ "", SMTP_VERB_UNKNOWN, "", "" },
	{ " ", SMTP_VERB_UNKNOWN, "", "" },
	{ "EHLO a", SMTP_VERB_EHLO, "EHLO", "a" },
	{ "eHLo   a  ", SMTP_VERB_EHLO, "eHLo", "a" },
	{ "HELO", SMTP_VERB_HELO, "HELO", "" },
	{ "HELO ", SMTP_VERB_HELO, "HELO", "" },
	{ "MAIL FROM:<> SIZE=1", SMTP_VERB_MAIL, "MAIL", "FROM:<> SIZE=1" },
	{ "RCPT TO:<a@b> \t", SMTP_VERB_RCPT, "RCPT", "TO:<a@b>" },
	{ "DATA", SMTP_VERB_DATA, "DATA", "" },
	{ "data x", SMTP_VERB_DATA, "data", "x" },
	{ "RSET\t", SMTP_VERB_RSET, "RSET", "" },
	{ "NOOP a b", SMTP_VERB_NOOP, "NOOP", "a b" },
	{ "QUIT", SMTP_VERB_QUIT, "QUIT", "" },
	{ "VRFY a", SMTP_VERB_VRFY, "VRFY", "a" },
	{ "HELP", SMTP_VERB_HELP, "HELP", "" },
	{ "BDAT 1 LAST", SMTP_VERB_BDAT, "BDAT", "1 LAST" },
	{ "STARTTLS", SMTP_VERB_STARTTLS, "STARTTLS", "" },
	{ "AUTH PLAIN", SMTP_VERB_AUTH, "AUTH", "PLAIN" },
	{ "EXPN a", SMTP_VERB_OTHER, "EXPN", "a" },
	{ "TURN", SMTP_VERB_OTHER, "TURN", "" },
	{ "SEND FROM:<a@b>", SMTP_VERB_OTHER, "SEND", "FROM:<a@b>" },
	{ "GET / HTTP/1.1", SMTP_VERB_HTTP, "GET", "/ HTTP/1.1" },
	{ "post /", SMTP_VERB_HTTP, "post", "/" },
	{ "Host: x", SMTP_VERB_HTTP, "Host:", "x" },
	{ "XYZZY", SMTP_VERB_UNKNOWN, "XYZZY", "" },
	{ "MAILFROM:<>", SMTP_VERB_UNKNOWN, "MAILFROM:<>", "" },
	{ "MAIL\tFROM:<>", SMTP_VERB_UNKNOWN, "MAIL\tFROM:<>", "" },
	{ "MAI FROM:<>", SMTP_VERB_UNKNOWN, "MAI", "FROM:<>" },
	{ "QUITE", SMTP_VERB_UNKNOWN, "QUITE", "" },
	{ " QUIT", SMTP_VERB_UNKNOWN, "", "QUIT" },
	{ "\xff\xfe", SMTP_VERB_UNKNOWN, "\xff\xfe", "" },
};

static void
check_slice(struct smtp_slice s, const char *want)
{
	assert_int_equal(s.len, strlen(want));
	assert_memory_equal(s.p, want, s.len);
}

static void
test_parse(void **state)
{
	struct smtp_command c;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		smtp_command_parse(&c, smtp_slice_str(cases[i].line));
		assert_int_equal(c.verb, cases[i].verb);
		check_slice(c.name, cases[i].name);
		check_slice(c.arg, cases[i].arg);
	}
}

static void
test_nul(void **state)
{
	struct smtp_command c;

	(void)state;
	smtp_command_parse(&c, smtp_slice("QUIT\0", 5));
	assert_int_equal(c.verb, SMTP_VERB_UNKNOWN);
}

static void
test_path(void **state)
{
	struct smtp_command c;
	struct smtp_slice rest;

	(void)state;
	smtp_command_parse(&c, smtp_slice_str("MAIL fRoM:<a@b> X"));
	assert_true(smtp_command_path(&c, "FROM:", &rest));
	check_slice(rest, "<a@b> X");
	smtp_command_parse(&c, smtp_slice_str("MAIL FROM: <a@b>"));
	assert_true(smtp_command_path(&c, "FROM:", &rest));
	check_slice(rest, "<a@b>");
	smtp_command_parse(&c, smtp_slice_str("MAIL FROM:  <a@b>"));
	assert_true(smtp_command_path(&c, "FROM:", &rest));
	check_slice(rest, " <a@b>"); /* one space, not two */
	smtp_command_parse(&c, smtp_slice_str("MAIL FROM:"));
	assert_true(smtp_command_path(&c, "FROM:", &rest));
	check_slice(rest, "");
	smtp_command_parse(&c, smtp_slice_str("MAIL FROM :<a@b>"));
	assert_false(smtp_command_path(&c, "FROM:", &rest));
	smtp_command_parse(&c, smtp_slice_str("MAIL <a@b>"));
	assert_false(smtp_command_path(&c, "FROM:", &rest));
	smtp_command_parse(&c, smtp_slice_str("MAIL"));
	assert_false(smtp_command_path(&c, "FROM:", &rest));
	smtp_command_parse(&c, smtp_slice_str("RCPT FROM:<a@b>"));
	assert_false(smtp_command_path(&c, "TO:", &rest));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
