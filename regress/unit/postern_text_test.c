/* SPDX-License-Identifier: ISC */
/* link: postern/text.o postern/json.o common/base.a */
/* What postern prints: for people, and as JSON lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "postern/tool.h"

#define NELEMS(a) (sizeof(a) / sizeof((a)[0]))
#define S	  UINT64_C(1000)
#define M	  (60 * S)
#define H	  (60 * M)
#define D	  (24 * H)

/* --- text --- */

static const struct {
	uint64_t ms;
	const char *text;
} ages[] = {
	{ 0, "0s" },
	{ 999, "0s" },
	{ S, "1s" },
	{ 59 * S + 999, "59s" },
	{ M, "1m 0s" },
	{ 59 * M + 59 * S, "59m 59s" },
	{ H, "1h 0m" },
	{ 23 * H + 59 * M + 59 * S, "23h 59m" },
	{ D, "1d 0h" },
	{ 5 * D + 23 * H, "5d 23h" },
	{ UINT64_MAX, "213503982334d 14h" },
};

static const struct {
	uint64_t bytes;
	const char *text;
} sizes[] = {
	{ 0, "0 B" },
	{ 1023, "1023 B" },
	{ 1024, "1.0 KiB" },
	{ 1536, "1.5 KiB" },
	{ 1024 * 1024 - 1, "1023.9 KiB" },
	{ 1024 * 1024, "1.0 MiB" },
	{ 25 * 1024 * 1024, "25.0 MiB" },
	{ UINT64_C(4) << 30, "4.0 GiB" },
	{ UINT64_C(1) << 40, "1.0 TiB" },
	{ UINT64_C(1) << 50, "1024.0 TiB" },
	{ UINT64_MAX, "16777215.9 TiB" },
};

static const struct {
	uint64_t ms;
	const char *text, *iso;
} times[] = {
	{ 0, "-", "-" },
	{ 1, "1970-01-01 01:00:00", "1970-01-01T00:00:00Z" },
	{ UINT64_C(1795491078999), "2026-11-24 04:31:18",
	    "2026-11-24T03:31:18Z" },
	{ UINT64_MAX, NULL, NULL },
};

static void
test_ages(void **state)
{
	char buf[TEXT_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < NELEMS(ages); i++)
		assert_string_equal(text_age(ages[i].ms, buf), ages[i].text);
}

static void
test_sizes(void **state)
{
	char buf[TEXT_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < NELEMS(sizes); i++)
		assert_string_equal(text_size(sizes[i].bytes, buf),
		    sizes[i].text);
}

static void
test_times(void **state)
{
	char buf[TEXT_MAX];
	uint64_t now;
	size_t i;

	(void)state;
	assert_int_equal(setenv("TZ", "XYZ-1", 1), 0);
	tzset();
	for (i = 0; i < NELEMS(times); i++) {
		/* the end of time has some text */
		assert_ptr_equal(text_time(times[i].ms, buf), buf);
		assert_true(strlen(buf) > 0 && strlen(buf) < sizeof(buf));
		if (times[i].text != NULL)
			assert_string_equal(buf, times[i].text);
		assert_ptr_equal(text_iso(times[i].ms, buf), buf);
		assert_true(strlen(buf) > 0 && strlen(buf) < sizeof(buf));
		if (times[i].iso != NULL)
			assert_string_equal(buf, times[i].iso);
	}
	now = text_now();
	assert_true(now / 1000 >= (uint64_t)time(NULL) - 1);
	assert_true(now / 1000 <= (uint64_t)time(NULL));
}

static void
test_clean(void **state)
{
	static char big[8000];
	const char *s;
	size_t i, len;
	char one[2] = "";
	int c;

	(void)state;
	assert_string_equal(text_clean(""), "");
	assert_string_equal(text_clean("a b~"), "a b~");
	assert_string_equal(text_clean("a\033[2J\n\xc3\xa9\x7f"),
	    "a\\x1b[2J\\x0a\\xc3\\xa9\\x7f");
	for (c = 1; c < 256; c++) {
		one[0] = (char)c;
		s = text_clean(one);
		assert_int_equal(strlen(s), c >= ' ' && c < 0x7f ? 1 : 4);
	}
	for (i = 0; i < 2; i++) {
		memset(big, "x\x01"[i], sizeof(big) - 1);
		s = text_clean(big);
		len = strlen(s);
		assert_true(len > 4000 && len < 4096);
		if (i == 1) /* no escape is cut */
			assert_int_equal(len % 4, 0);
		assert_int_equal(strspn(s, "x\\01"), len);
	}
}

/* --- JSON --- */

static char printed[16384];

/* stdout, while what() runs */
static void
print(void (*what)(void))
{
	FILE *fp = tmpfile();
	int saved;
	size_t n;

	assert_non_null(fp);
	(void)fflush(stdout);
	saved = dup(STDOUT_FILENO);
	assert_int_not_equal(saved, -1);
	assert_int_not_equal(dup2(fileno(fp), STDOUT_FILENO), -1);
	what();
	(void)fflush(stdout);
	assert_int_not_equal(dup2(saved, STDOUT_FILENO), -1);
	(void)close(saved);
	rewind(fp);
	n = fread(printed, 1, sizeof(printed) - 1, fp);
	printed[n] = '\0';
	(void)fclose(fp);
}

static void
empty(void)
{
	json_begin();
	json_end();
}

static void
all_kinds(void)
{
	json_begin();
	json_str("s", "text");
	json_num("n", UINT64_MAX);
	json_num("zero", 0);
	json_bool("yes", true);
	json_bool("no", false);
	json_list("none");
	json_list_end();
	json_list("one");
	json_elem("a");
	json_list_end();
	json_list("two");
	json_elem("a");
	json_elem("b");
	json_list_end();
	json_str("", "");
	json_end();
}

static void
two_lines(void)
{
	json_begin();
	json_num("a", 1);
	json_end();
	json_begin();
	json_list("b");
	json_elem("\"");
	json_list_end();
	json_end();
}

static void
escapes(void)
{
	json_begin();
	json_str("k\"\n",
	    "a\"b\\c/d\b\t\n\r\x01\x1f \x7f~\xc3\xa9\xff"
	    "\xe2\x80\xae\xf0\x9f\x93\xa7\xf0\x9f\x93\xc2\x9b\xed\xa0\x80");
	json_end();
}

static void
every_byte(void)
{
	char s[256];
	int c;

	for (c = 1; c < 256; c++)
		s[c - 1] = (char)c;
	s[255] = '\0';
	json_begin();
	json_str("k", s);
	json_end();
}

static void
test_json(void **state)
{
	(void)state;
	print(empty);
	assert_string_equal(printed, "{}\n");
	print(all_kinds);
	assert_string_equal(printed,
	    "{\"s\":\"text\",\"n\":18446744073709551615,\"zero\":0,"
	    "\"yes\":true,\"no\":false,\"none\":[],\"one\":[\"a\"],"
	    "\"two\":[\"a\",\"b\"],\"\":\"\"}\n");
	print(two_lines);
	assert_string_equal(printed, "{\"a\":1}\n{\"b\":[\"\\\"\"]}\n");
}

static void
test_json_escapes(void **state)
{
	size_t i, n = 0;

	(void)state;
	print(escapes);
	assert_string_equal(printed,
	    "{\"k\\\"\\u000a\":\"a\\\"b\\\\c/d\\u0008\\u0009\\u000a\\u000d"
	    "\\u0001\\u001f \\u007f~\\u00e9\\ufffd\\u202e\\ud83d\\udce7\\ufffd"
	    "\\ufffd\\ufffd\\u009b\\ufffd\\ufffd\\ufffd\"}\n");
	print(every_byte);
	for (i = 0; printed[i] != '\n'; i++) {
		assert_true(printed[i] >= ' ' && printed[i] <= '~');
		n += printed[i] == '"' && printed[i - 1] != '\\';
	}
	assert_int_equal(n, 4);
	assert_string_equal(printed + i, "\n");
}

static void
test_seconds(void **state)
{
	static const struct {
		const char *text;
		uint32_t s;
	} good[] = { { "1", 1 }, { "90", 90 }, { "30s", 30 }, { "5m", 300 },
		{ "2h", 7200 }, { "49710d", 4294944000U },
		{ "4294967295", UINT32_MAX } };
	static const char *const bad[] = { "", "0", "0d", "m", "-1", "+1", " 1",
		"1 ", "1x", "1mm", "1m30s", "49711d", "4294967296",
		"18446744073709551617", "99999999999999999999999" };
	uint32_t s;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(text_seconds(good[i].text, &s), 0);
		assert_int_equal(s, good[i].s);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(text_seconds(bad[i], &s), -1);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ages),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_seconds),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_json_escapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
