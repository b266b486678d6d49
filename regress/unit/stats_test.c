/* SPDX-License-Identifier: ISC */
/* link: common/base.a common/msg.a */
/* Counters: their names, and the page that a process shares with ctld. */
#include <sys/mman.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/stats.h"

static void
test_names(void **state)
{
	const char *name;
	size_t len;
	unsigned i, j;
	int total;

	(void)state;
	for (i = 0; i < STAT_MAX; i++) {
		assert_non_null(name = stats_name((enum counter)i));
		len = strlen(name);
		assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz_"),
		    len);
		/* what only grows says so, and nothing else does */
		total = len > 6 && strcmp(name + len - 6, "_total") == 0;
		assert_int_equal(total, !stats_is_gauge((enum counter)i));
		assert_true(strlen(stats_help((enum counter)i)) > 5);
		for (j = 0; j < i; j++)
			assert_string_not_equal(stats_name((enum counter)j),
			    name);
	}
	assert_string_equal(stats_name(STAT_MAX), "unknown");
	assert_string_equal(stats_help(STAT_MAX), "");
	assert_int_equal(stats_is_gauge(STAT_MAX), 0);
}

static void
count(void)
{
	unsigned i;

	for (i = 0; i < STAT_MAX; i++) {
		stats_set((enum counter)i, 0);
		stats_inc((enum counter)i);
		stats_inc((enum counter)i);
		stats_dec((enum counter)i);
		stats_add((enum counter)i, 10 * i);
	}
	for (i = 0; i < STAT_MAX; i++)
		assert_true(stats_get((enum counter)i) == 10 * i + 1);
}

/* Before there is a page, too. */
static void
test_counting(void **state)
{
	(void)state;
	count();
	stats_set(STAT_SESSIONS, UINT64_MAX);
	assert_true(stats_get(STAT_SESSIONS) == UINT64_MAX);
	stats_inc(STAT_SESSIONS);
	assert_true(stats_get(STAT_SESSIONS) == 0);
}

static void
test_no_page(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(stats_attach(fds[0]), -1);
	assert_null(stats_map(fds[1]));
	/* both are closed, and the counters count on */
	assert_int_equal(close(fds[0]), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(close(fds[1]), -1);
	count();
}

static void
test_page(void **state)
{
	const uint64_t *other;
	unsigned i;
	int fd, reader;

	(void)state;
	fd = memfd_create("stats", MFD_CLOEXEC);
	assert_int_not_equal(fd, -1);
	assert_int_equal(ftruncate(fd, STATS_PAGE_SIZE), 0);
	reader = dup(fd);
	assert_int_equal(stats_attach(fd), 0);
	assert_int_equal(close(fd), -1);
	other = stats_map(reader);
	assert_non_null(other);
	assert_int_equal(close(reader), -1);
	for (i = 0; i < STAT_MAX; i++)
		assert_true(stats_read(other, (enum counter)i) == 0);
	count();
	for (i = 0; i < STAT_MAX; i++)
		assert_true(stats_read(other, (enum counter)i) == 10 * i + 1);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_counting),
		cmocka_unit_test(test_no_page),
		cmocka_unit_test(test_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
