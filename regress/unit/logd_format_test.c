/* link: logd/format.o common/base.a */
/* SPDX-License-Identifier: ISC */
/* What logd adds to a line, and what a line cannot do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "logd/logd.h"

static char line[LOGD_LINE_MAX];

static void
test_stamp(void **state)
{
	static const time_t times[] = { 0, 951782399, 951782400, 951868799,
		951868800, 1709164800, 1709251200, 1798084278, 4102444799,
		4107542400, 32503679999 };
	char want[64], text[128];
	struct tm tm;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		assert_non_null(gmtime_r(&times[i], &tm));
		(void)strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%S", &tm);
		(void)snprintf(text, sizeof(text),
		    "time=%s.042Z level=info proc=queued event=x", want);
		(void)format_line(line, sizeof(line),
		    (uint64_t)times[i] * 1000 + 42, LOG_L_INFO, "queued",
		    "event=x", 7);
		assert_string_equal(line, text);
	}
}

/* one event, one line, whatever the sender writes */
static void
test_no_second_line(void **state)
{
	static const char evil[] = "event=x\ntime=0 proc=posternd\r\x1b[2J\0";
	size_t n, i;

	(void)state;
	n = format_line(line, sizeof(line), 0, LOG_L_WARN, "smtpd-in/ext.0",
	    evil, sizeof(evil));
	assert_int_equal(n, strlen(line));
	for (i = 0; i < n; i++)
		assert_true(line[i] >= ' ' && line[i] <= '~');
	assert_non_null(strstr(line, "proc=smtpd-in/ext.0 event=x\\x0atime"));
}

/* keys that a reader finds in a line, wherever they begin */
static size_t
count(const char *key)
{
	const char *p = line;
	size_t n = 0;

	for (; (p = strstr(p, key)) != NULL; p++)
		if (p == line ||
		    strspn(p - 1, "abcdefghijklmnopqrstuvwxyz_") == 0)
			n++;
	return n;
}

/* what stands before each line stands there once, whoever wrote the rest */
static void
test_no_second_stamp(void **state)
{
	static const char *const evil[] = { "proc=queued event=accept",
		"time=0 level=error proc=a proc=b", "event=x\tproc=posternd",
		"event=x y=\"z proc=posternd", "event=x y=\"z\" proc=posternd",
		"event=x y=\"\\\" proc=posternd", "a=proc=b", ",proc=b;level=c",
		"event=x 9proc=b -level=c .time=d 9.-9proc=e",
		"event=x\\ time=1", "=proc==level==time=" };
	static const char honest[] =
	    "event=x nproc=3 uptime=4 ltime=5 my-level=6 a.proc=7 process=8";
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(evil) / sizeof(evil[0]); i++) {
		(void)format_line(line, sizeof(line), 0, LOG_L_INFO,
		    "smtpd-in/ext.0", evil[i], strlen(evil[i]));
		assert_int_equal(count("proc="), 1);
		assert_int_equal(count("level="), 1);
		assert_int_equal(count("time="), 1);
	}
	(void)format_line(line, sizeof(line), 0, LOG_L_INFO, "queued", honest,
	    strlen(honest));
	assert_non_null(strstr(line, honest));
}

static void
test_bounded(void **state)
{
	static char big[LOG_LINE_MAX];
	char small[64];
	size_t cap;

	(void)state;
	memset(big, 1, sizeof(big));
	assert_true(format_line(line, sizeof(line), 0, LOG_L_INFO, "queued",
			big, sizeof(big)) < sizeof(line));
	for (cap = 1; cap < sizeof(small); cap++) {
		memset(small, 'z', sizeof(small));
		assert_true(format_line(small, cap, 0, LOG_L_INFO, "q", big,
				sizeof(big)) < cap);
		assert_int_equal(small[cap], 'z');
	}
}

static void
test_levels(void **state)
{
	(void)state;
	assert_string_equal(format_level(LOG_L_ERROR), "error");
	assert_string_equal(format_level(99), "info");
	assert_int_equal(format_level_from(LOG_L_WARN), LOG_L_WARN);
	assert_int_equal(format_level_from(0xffffffff), LOG_L_INFO);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stamp),
		cmocka_unit_test(test_no_second_line),
		cmocka_unit_test(test_no_second_stamp),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_levels),
	};

	return cmocka_run_group_tests_name("logd_format", tests, NULL, NULL);
}
