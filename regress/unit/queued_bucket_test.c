/* SPDX-License-Identifier: ISC */
/* link: queued/bucket.o */
/* Token buckets: what passes in any stretch of time, and what time does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "queued/bucket.h"

#define NELEMS(a) (sizeof(a) / sizeof((a)[0]))
#define T0	  1000000ULL
#define MINUTE	  60000ULL

static void
start(struct bucket *b, uint32_t count, uint32_t period, uint64_t now)
{
	const struct conf_rate r = { count, period };

	memset(b, 0, sizeof(*b));
	bucket_set(b, &r, now);
}

static unsigned
drain(struct bucket *b, uint64_t now)
{
	unsigned n = 0;

	while (bucket_take(b, now))
		n++;
	return n;
}

static void
test_none(void **state)
{
	struct bucket b;
	unsigned i;

	(void)state;
	start(&b, 0, 0, T0);
	for (i = 0; i < 1000; i++)
		assert_true(bucket_take(&b, T0));
	assert_int_equal(bucket_next(&b, T0), T0);
	assert_int_equal(bucket_reserve(&b, T0), T0);
	assert_int_equal(bucket_full(&b, T0), T0);
}

static void
test_burst(void **state)
{
	static const struct {
		uint32_t count, burst;
	} cases[] = { { 1, 1 }, { 9, 1 }, { 10, 1 }, { 19, 1 }, { 20, 2 },
		{ 600, 60 },
		{ CONF_RATE_COUNT_MAX, CONF_RATE_COUNT_MAX / 10 } };
	struct bucket b;
	size_t i;

	(void)state;
	for (i = 0; i < NELEMS(cases); i++) {
		start(&b, cases[i].count, 60, T0);
		assert_int_equal(drain(&b, T0), cases[i].burst);
		/* a long rest brings no more than that */
		assert_int_equal(drain(&b, T0 + 1000 * MINUTE), cases[i].burst);
		assert_int_equal(drain(&b, UINT64_MAX), cases[i].burst);
	}
}

/* 7 in a minute: 8571 3/7 ms apart, and after a year not one ms off. */
static void
test_no_drift(void **state)
{
	struct bucket b;
	uint64_t now = T0, n = 0;
	const uint64_t year = 365ULL * 24 * 60;

	(void)state;
	start(&b, 7, 60, T0);
	while (now < T0 + year * MINUTE) {
		assert_true(bucket_take(&b, now));
		n++;
		/* not a ms before, and then for certain */
		now = bucket_next(&b, now);
		assert_false(bucket_take(&b, now - 1));
		assert_int_equal(now, T0 + (n * MINUTE + 6) / 7);
	}
	assert_int_equal(n, 7 * year);
}

/* Looked at every ms or once: the same. */
static void
test_steps(void **state)
{
	struct bucket fine, coarse;
	uint64_t ms;
	unsigned n = 0;

	(void)state;
	start(&fine, 997, 3600, T0);
	start(&coarse, 997, 3600, T0);
	assert_int_equal(drain(&fine, T0), drain(&coarse, T0));
	for (ms = 1; ms <= 50000; ms++)
		(void)bucket_next(&fine, T0 + ms), n += drain(&fine, T0 + ms);
	assert_int_equal(n, drain(&coarse, T0 + 50000));
	assert_int_equal(fine.level, coarse.level);
}

/* No stretch of one period sees more than 11 tenths, whenever it begins. */
static void
test_any_window(void **state)
{
	enum { N = 4000 };
	static uint64_t when[N];
	struct bucket b;
	uint64_t now = T0;
	unsigned seed = 7, i, first = 0;

	(void)state;
	start(&b, 100, 10, T0);
	for (i = 0; i < N;) {
		seed = seed * 1103515245 + 12345;
		if ((seed >> 16) % 50 == 0)
			now += (seed >> 8) % 5000;
		if (bucket_take(&b, now))
			when[i++] = now;
		else
			now += (seed >> 16) % 200;
	}
	for (i = 0; i < N; i++) {
		while (when[i] - when[first] >= 10000)
			first++;
		assert_true(i - first + 1 <= 111);
	}
}

static void
test_clock(void **state)
{
	struct bucket b;

	(void)state;
	start(&b, 100, 10, T0);
	assert_int_equal(drain(&b, T0), 10);
	/* back: nothing comes, nothing is owed for the time in between */
	assert_false(bucket_take(&b, T0 - 500000));
	assert_int_equal(bucket_next(&b, T0 - 500000), T0 - 500000 + 100);
	assert_true(bucket_take(&b, T0 - 500000 + 100));
	/* far ahead: full and not more */
	assert_int_equal(drain(&b, UINT64_MAX - 5), 10);
	assert_false(bucket_take(&b, 0));
	assert_int_equal(bucket_next(&b, 0), 100);
	start(&b, 1, CONF_RATE_PERIOD_MAX, 0);
	assert_int_equal(drain(&b, UINT64_MAX), 1);
	start(&b, CONF_RATE_COUNT_MAX, CONF_RATE_PERIOD_MAX, 0);
	assert_int_equal(drain(&b, UINT64_MAX), CONF_RATE_COUNT_MAX / 10);
	assert_int_equal(bucket_next(&b, 5), 5 + 2592);
}

static void
test_reserve(void **state)
{
	struct bucket b, then;
	uint64_t i, last = 0, at;

	(void)state;
	start(&b, 60, 60, T0);
	for (i = 0; i < 6; i++) /* the burst */
		assert_int_equal(bucket_reserve(&b, T0), T0);
	for (i = 1; i <= 100000; i++)
		assert_int_equal(bucket_reserve(&b, T0), T0 + 1000 * i);
	assert_int_equal(bucket_full(&b, T0), T0 + 1000 * (100000 + 6));
	then = b;
	assert_false(bucket_take(&then, T0 + 1000 * 100000));
	/* what was promised counts when time has passed */
	assert_int_equal(bucket_reserve(&b, T0 + 5000), T0 + 1000 * i);
	/* a debt has its bound, and no sum wraps round */
	start(&b, 1, CONF_RATE_PERIOD_MAX, T0);
	b.level = INT64_MIN / 2;
	for (i = 0; i < 1000; i++) {
		at = bucket_reserve(&b, T0);
		assert_true(at >= last && at > T0);
		last = at;
	}
}

static void
test_change(void **state)
{
	struct conf_rate r = { 60, 60 };
	struct bucket b;
	unsigned i;

	(void)state;
	start(&b, 60, 60, T0);
	assert_int_equal(drain(&b, T0), 6);
	/* the same again: a reload gives nothing away */
	bucket_set(&b, &r, T0);
	assert_false(bucket_take(&b, T0));
	/* half a token stays half a token, in other parts */
	r = (struct conf_rate){ 1, 7 };
	bucket_set(&b, &r, T0 + 500);
	assert_int_equal(bucket_next(&b, T0 + 500), T0 + 500 + 3500);
	/* less at once than there was */
	start(&b, 600, 60, T0);
	r = (struct conf_rate){ 20, 60 };
	bucket_set(&b, &r, T0);
	assert_int_equal(drain(&b, T0), 2);
	/* a debt of ten is one of ten */
	start(&b, 60, 60, T0);
	for (i = 0; i < 16; i++)
		(void)bucket_reserve(&b, T0);
	r = (struct conf_rate){ 1, 60 };
	bucket_set(&b, &r, T0);
	assert_int_equal(bucket_reserve(&b, T0), T0 + 11 * MINUTE);
	/* a mad one is cut, not turned round */
	b.level = INT64_MIN / 2;
	r = (struct conf_rate){ 3, CONF_RATE_PERIOD_MAX };
	bucket_set(&b, &r, T0);
	assert_true(b.level < 0);
	/* no limit any more, and one again */
	r = (struct conf_rate){ 0, 0 };
	bucket_set(&b, &r, T0);
	assert_true(bucket_take(&b, T0));
	r = (struct conf_rate){ 10, 1 };
	bucket_set(&b, &r, T0);
	assert_int_equal(drain(&b, T0), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_burst),
		cmocka_unit_test(test_no_drift),
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_any_window),
		cmocka_unit_test(test_clock),
		cmocka_unit_test(test_reserve),
		cmocka_unit_test(test_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
