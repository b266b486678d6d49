/* SPDX-License-Identifier: ISC */
/* link: queued/sched.o queued/pheap.o */
/* Retries, the queue's own time across jumps of the clock, the heap of times.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/conf.h"

#include "queued/pheap.h"
#include "queued/sched.h"

#define HOUR 3600000ULL
#define DAY  (24 * HOUR)
#define YEAR (365 * DAY)
#define NOW  1800000000000ULL /* Unix ms */
#define LIFE (5 * DAY)

static void
test_retry(void **state)
{
	static const uint32_t list[] = { 30, 300, 1800 };
	static struct conf conf;
	unsigned n, k;
	uint64_t ms, base, least = UINT64_MAX, most = 0;

	(void)state;
	memcpy(conf.schedule.retry, list, sizeof(list));
	conf.schedule.nretry = 3;
	for (n = 1; n < 10; n++) {
		base = list[n > 3 ? 2 : n - 1] * 1000ULL;
		for (k = 0; k < 1000; k++) {
			ms = sched_retry(&conf.schedule, n, k * 4294967U);
			assert_true(ms >= base - base / 10);
			assert_true(ms <= base + base / 10);
			if (n == 3 && ms < least)
				least = ms;
			if (n == 3 && ms > most)
				most = ms;
		}
	}
	/* the whole range is used, so that retries spread out */
	assert_true(least < 1650000 && most > 1950000);
	assert_int_equal(sched_retry(&conf.schedule, 1, 0), 27000);
	assert_int_equal(sched_retry(&conf.schedule, 1, 6000), 33000);
	assert_int_equal(sched_retry(&conf.schedule, 0, 6000), 33000);
	conf.schedule.nretry = 0;
	assert_true(sched_retry(&conf.schedule, 1, 0) >= 810000);
}

static const struct {
	const char *what;
	uint64_t real, newest, wall;
	bool distrusted;
} starts[] = {
	{ "empty spool", NOW, 0, NOW, false },
	{ "restart", NOW, NOW - 1000, NOW, false },
	{ "off for four days", NOW, NOW - 4 * DAY, NOW, false },
	{ "an hour back", NOW - HOUR, NOW, NOW, false },
	{ "a day back", NOW - DAY, NOW, NOW, true },
	{ "ten years back", NOW - 10 * YEAR, NOW, NOW, true },
	{ "ten years ahead", NOW + 10 * YEAR, NOW, NOW, true },
	{ "eleven days ahead", NOW + 11 * DAY, NOW, NOW, true },
	{ "no clock at all", 0, NOW, NOW, true },
};

static void
test_start(void **state)
{
	struct qclock c;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		qclock_start(&c, 5000, starts[i].real, starts[i].newest, LIFE);
		if (qclock_wall(&c, 5000) != starts[i].wall ||
		    c.distrusted != starts[i].distrusted)
			fail_msg("%s: %llu", starts[i].what,
			    (unsigned long long)qclock_wall(&c, 5000));
	}
	/* a short lifetime does not make a weekend a jump */
	qclock_start(&c, 0, NOW, NOW - 3 * DAY, HOUR);
	assert_false(c.distrusted);
}

/*
 * A message accepted before a jump of ten years has its whole life still,
 * whether the clock jumps while we run or between two runs.
 */
static void
test_jump(void **state)
{
	uint64_t accepted = NOW, due, mono = 1000;
	struct qclock c;

	(void)state;
	qclock_start(&c, mono, NOW, 0, LIFE);
	due = qclock_mono(&c, accepted + LIFE);
	assert_int_equal(due, mono + LIFE);
	assert_false(qclock_follow(&c, mono + 10, NOW + 10 * YEAR));
	assert_false(qclock_follow(&c, mono + 20, NOW - 10 * YEAR));
	assert_int_equal(qclock_mono(&c, accepted + LIFE), due);
	/* restart in the wrong year, a day later; then in the right one */
	qclock_start(&c, 7, NOW + 10 * YEAR + DAY, NOW + DAY, LIFE);
	assert_int_equal(qclock_mono(&c, accepted + LIFE), 7 + LIFE - DAY);
	qclock_start(&c, 7, NOW + DAY + 2 * HOUR, NOW + DAY + HOUR, LIFE);
	assert_false(c.distrusted);
	assert_int_equal(qclock_mono(&c, accepted + LIFE),
	    7 + LIFE - DAY - 2 * HOUR);
}

static void
test_follow(void **state)
{
	struct qclock c;

	(void)state;
	qclock_start(&c, 1000, NOW, 0, LIFE);
	assert_true(qclock_follow(&c, 2000, NOW + 1000 + 5000));
	assert_int_equal(qclock_wall(&c, 2000), NOW + 6000);
	/* backwards only in the sense of not going on so fast */
	assert_true(qclock_follow(&c, 3000, NOW + 2000));
	assert_int_equal(qclock_wall(&c, 3000), NOW + 7000);
	assert_false(qclock_follow(&c, 3000, NOW + HOUR));
	assert_int_equal(qclock_wall(&c, 3000), NOW + 7000);
	assert_int_equal(qclock_mono(&c, NOW - YEAR), 0);
	assert_int_equal(qclock_mono(&c, qclock_wall(&c, 3000)), 3000);
}

struct item {
	struct pheap_node node;
	int in;
};

static int
cmp_u64(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Against a sorted array, with insertions and removals in any order. */
static void
test_heap(void **state)
{
	enum { N = 500 };
	static struct item items[N];
	uint64_t want[N];
	struct pheap h = { 0 };
	struct pheap_node *n;
	struct item *it;
	unsigned seed = 1, round, i, k;
	size_t nwant;

	(void)state;
	for (round = 0; round < 50; round++) {
		for (i = 0; i < N; i++) {
			seed = seed * 1103515245 + 12345;
			pheap_insert(&h, &items[i].node, seed >> 22);
			items[i].in = 1;
		}
		for (k = 0; k < N / 2; k++) {
			seed = seed * 1103515245 + 12345;
			it = &items[(seed >> 8) % N];
			if (it->in) {
				pheap_remove(&h, &it->node);
				it->in = 0;
			}
		}
		nwant = 0;
		memset(want, 0, sizeof(want));
		for (i = 0; i < N; i++) {
			if (items[i].in)
				want[nwant++] = items[i].node.at;
		}
		assert_int_equal(h.n, nwant);
		qsort(want, nwant, sizeof(want[0]), cmp_u64);
		for (i = 0; i < nwant; i++) {
			n = pheap_first(&h);
			assert_non_null(n);
			assert_int_equal(n->at, want[i]);
			if (n->at > 0)
				assert_null(pheap_pop_due(&h, n->at - 1));
			assert_ptr_equal(pheap_pop_due(&h, n->at), n);
		}
		assert_null(pheap_first(&h));
		assert_int_equal(h.n, 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_retry),
		cmocka_unit_test(test_start),
		cmocka_unit_test(test_jump),
		cmocka_unit_test(test_follow),
		cmocka_unit_test(test_heap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
