/* SPDX-License-Identifier: ISC */
/* link: regress/unit/store_world.o regress/unit/store_memfs.o
 * regress/unit/store_memfs_names.o regress/unit/store_memfs_power.o
 * queued/store.a common/base.a */
/* What goes in comes out: bodies, envelopes, states, over restarts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>

#include <cmocka.h>

#include "queued/store/envelope.h"
#include "regress/unit/store_world.h"

static void
assert_good(struct world *w)
{
	struct verdict v = world_verify(w);

	assert_int_equal(v.lost, 0);
	assert_int_equal(v.damaged, 0);
	assert_int_equal(v.stale, 0);
	assert_int_equal(v.undead, 0);
	assert_int_equal(v.phantom, 0);
}

static void
test_simple(void **state)
{
	struct world w;
	struct item *a, *b;

	(void)state;
	world_init(&w, 1);
	assert_int_equal(world_open(&w), 0);
	a = world_append(&w, 100);
	assert_non_null(a);
	assert_int_equal(world_commit(&w), 0);
	b = world_append(&w, 20000);
	assert_non_null(b);
	assert_int_equal(world_state(&w, &w.items[0]), 0);
	assert_int_equal(world_commit(&w), 0);
	world_kill(&w);
	assert_good(&w);
	assert_true(w.items[0].seen && w.items[1].seen);
	assert_int_equal(world_done(&w, &w.items[0]), 0);
	assert_int_equal(world_commit(&w), 0);
	world_kill(&w);
	assert_good(&w);
	assert_false(w.items[0].seen);
	world_free(&w);
}

static void
test_work(void **state)
{
	struct world w;
	unsigned i;

	(void)state;
	world_init(&w, 2);
	assert_int_equal(world_open(&w), 0);
	for (i = 0; i < 20; i++) {
		world_work(&w, 60);
		world_kill(&w);
		assert_good(&w);
	}
	assert_int_equal(w.events[STORE_EV_CORRUPT], 0);
	assert_int_equal(w.events[STORE_EV_MISSING], 0);
	assert_int_equal(w.events[STORE_EV_HEADER], 0);
	assert_int_equal(w.events[STORE_EV_FOREIGN], 0);
	assert_int_equal(w.events[STORE_EV_LOST], 0);
	world_free(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_simple),
		cmocka_unit_test(test_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
