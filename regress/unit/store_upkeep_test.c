/* SPDX-License-Identifier: ISC */
/* link: regress/unit/store_world.o regress/unit/store_memfs.o
 * regress/unit/store_memfs_names.o regress/unit/store_memfs_power.o
 * queued/store.a common/base.a */
/*
 * When old messages become files: at once while nothing is committed, now and
 * then while mail comes in, and always when the log is far too long.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "regress/unit/store_world.h"

static struct world w;

static uint64_t
spilled(void)
{
	struct store_stats st;

	store_get_stats(w.s, &st);
	return st.spilled;
}

static uint32_t
segments(void)
{
	struct store_stats st;

	store_get_stats(w.s, &st);
	return st.segments;
}

/* Whatever is due now; what upkeep said last. */
static int
upkeep(void)
{
	int i, r = 1;

	for (i = 0; i < 100000 && r == 1; i++)
		r = store_maintain(w.s);
	assert_true(i < 100000);
	return r;
}

/* Between two messages there is time for some steps. */
static void
take_mail(unsigned messages)
{
	int i;

	while (messages-- > 0) {
		assert_non_null(world_append(&w, 4000));
		assert_int_equal(world_commit(&w), 0);
		for (i = 0; i < 3; i++)
			(void)store_maintain(w.s);
	}
}

static void
start(void)
{
	world_init(&w, 5);
	w.p.eager = false;
	w.p.quota = 0;
	assert_int_equal(world_open(&w), 0);
	(void)upkeep();
}

static void
end(void)
{
	struct verdict v;

	world_close(&w);
	v = world_verify(&w);
	assert_true(verdict_is_good(&v));
	world_free(&w);
}

/* Mail comes in without a pause: a step of eight files in a second. */
static void
test_busy(void **state)
{
	uint64_t before;
	unsigned i;

	(void)state;
	start();
	take_mail(120);
	assert_true(segments() > 5);
	before = spilled();
	for (i = 0; i < 200; i++) { /* four seconds */
		w.m->now += 20;
		take_mail(1);
	}
	assert_in_range(spilled() - before, 3 * 8, 5 * 8);
	assert_int_equal(store_maintain(w.s), 2);
	end();
}

/* Nobody waits: after half a second all that is too old goes. */
static void
test_quiet(void **state)
{
	uint64_t before;

	(void)state;
	start();
	take_mail(120);
	assert_int_equal(upkeep(), 2);
	before = spilled();
	w.m->now += 100;
	assert_int_equal(upkeep(), 2);
	assert_int_equal(spilled(), before);
	w.m->now += 500;
	assert_int_equal(upkeep(), 0);
	assert_true(spilled() > before + 40);
	assert_true(segments() <= 5);
	end();
}

/* However busy: the log does not grow without bounds. */
static void
test_far_too_long(void **state)
{
	uint32_t most = 0;
	unsigned i;

	(void)state;
	start();
	for (i = 0; i < 4000; i++) { /* 250 segments, if all stayed there */
		take_mail(1);
		if (segments() > most)
			most = segments();
	}
	/* 3 of them, 12 times; more as the records of files take their place */
	assert_in_range(most, 30, 150);
	assert_true(spilled() > 1000);
	end();
}

/* The clock is set back an hour, then ten years on: neither stops it. */
static void
test_clock(void **state)
{
	uint64_t before;

	(void)state;
	start();
	take_mail(120);
	w.m->now -= 3600 * 1000;
	before = spilled();
	(void)upkeep();
	w.m->now += 600;
	(void)upkeep();
	assert_true(spilled() > before);
	take_mail(60);
	before = spilled();
	w.m->now += 10ULL * 365 * 86400 * 1000;
	assert_int_equal(upkeep(), 0);
	assert_true(spilled() > before);
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_busy),
		cmocka_unit_test(test_quiet),
		cmocka_unit_test(test_far_too_long),
		cmocka_unit_test(test_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
