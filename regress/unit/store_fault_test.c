/* SPDX-License-Identifier: ISC */
/* link: regress/unit/store_world.o regress/unit/store_memfs.o
 * regress/unit/store_memfs_names.o regress/unit/store_memfs_power.o
 * queued/store.a common/base.a */
/*
 * Each call of a workload, and each call of a recovery, fails once, in every
 * way: nothing acknowledged is lost, and nothing is synced or written on a
 * descriptor whose sync failed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>

#include <cmocka.h>

#include "regress/unit/store_world.h"

#define ROUNDS 60

static const struct way {
	enum memfs_fault fault;
	int error;
} ways[] = {
	{ MEMFS_ERROR, EIO },
	{ MEMFS_ERROR, ENOSPC },
	{ MEMFS_ERROR, EDQUOT },
	{ MEMFS_SHORT, EIO },
	{ MEMFS_SHORT, ENOSPC },
	{ MEMFS_HALF, 0 },
};
#define NWAYS (sizeof(ways) / sizeof(ways[0]))

static void
arm(struct world *w, const struct way *way, uint64_t at)
{
	w->m->fault = way->fault;
	w->m->fault_errno = way->error;
	w->m->fault_at = at;
}

static void
check(const struct world *w, const struct verdict *v, size_t way, uint64_t at,
    const char *when)
{
	if (verdict_is_good(v) && w->m->resyncs == 0 && w->m->writes_after == 0)
		return;
	print_error("way %zu call %llu %s: lost %u damaged %u stale %u "
		    "undead %u phantom %u resyncs %llu writes %llu\n",
	    way, (unsigned long long)at, when, v->lost, v->damaged, v->stale,
	    v->undead, v->phantom, (unsigned long long)w->m->resyncs,
	    (unsigned long long)w->m->writes_after);
	fail();
}

/* Every acknowledged message can be read from the store that had the fault. */
static void
still_served(struct world *w, size_t way, uint64_t at)
{
	static uint8_t got[64 * 1024], want[64 * 1024];
	const struct item *it;
	ssize_t n;
	size_t i;

	for (i = 0; i < w->n; i++) {
		it = &w->items[i];
		if (!it->acked || it->done_tried)
			continue;
		n = store_read(w->s, it->loc, 0, got, sizeof(got));
		world_body(it->id, it->size, want);
		if (n != (ssize_t)it->size ||
		    memcmp(got, want, it->size) != 0) {
			print_error("way %zu call %llu: %s\n", way,
			    (unsigned long long)at, strerror(errno));
			fail();
		}
	}
}

static void
one_fault(size_t way, uint64_t at, enum memfs_cut cut)
{
	struct verdict v;
	struct world w;

	world_init(&w, 41);
	w.p.max_live_segments = 2;
	arm(&w, &ways[way], at);
	if (world_open(&w) == 0) {
		world_work(&w, ROUNDS);
		still_served(&w, way, at);
	}
	world_close(&w);
	memfs_power(w.m, cut);
	v = world_verify(&w);
	check(&w, &v, way, at, "work");
	world_free(&w);
}

static uint64_t
calls_of_work(void)
{
	struct world w;
	uint64_t n;

	world_init(&w, 41);
	w.p.max_live_segments = 2;
	assert_int_equal(world_open(&w), 0);
	world_work(&w, ROUNDS);
	n = w.m->calls;
	world_free(&w);
	return n;
}

static void
test_each_call(void **state)
{
	uint64_t at, n = calls_of_work();
	size_t way;

	(void)state;
	for (at = 1; at <= n; at++)
		for (way = 0; way < NWAYS; way++)
			one_fault(way, at,
			    at % 2 == 0 ? MEMFS_DROP : MEMFS_KEEP);
}

/* A store that was killed in the midst of things, always the same. */
static void
make_ruin(struct world *w)
{
	world_init(w, 43);
	w->p.max_live_segments = 2;
	w->m->fault = MEMFS_CUT;
	w->m->fault_at = 380;
	assert_int_equal(world_open(w), 0);
	world_work(w, ROUNDS);
	assert_true(w->m->dead);
	world_close(w);
	memfs_power(w->m, MEMFS_RANDOM);
}

static void
test_each_call_of_recovery(void **state)
{
	struct verdict v;
	struct world w;
	uint64_t at, n;
	size_t way;

	(void)state;
	make_ruin(&w);
	n = w.m->calls;
	assert_int_equal(world_open(&w), 0);
	n = w.m->calls - n;
	assert_true(n > 20);
	world_free(&w);
	for (at = 1; at <= n; at++)
		for (way = 0; way < NWAYS; way++) {
			make_ruin(&w);
			arm(&w, &ways[way], w.m->calls + at);
			/* it may fail; if not, nothing may be missing */
			v = world_verify(&w);
			if (w.s != NULL)
				check(&w, &v, way, at, "recovery");
			world_close(&w);
			memfs_power(w.m, MEMFS_DROP);
			v = world_verify(&w);
			check(&w, &v, way, at, "after recovery");
			world_free(&w);
		}
}

/* Twice in ten minutes: no new mail, but results go on; then again. */
static void
test_refusing(void **state)
{
	struct world w;
	const char *why;
	enum reason reason;
	struct verdict v;
	int i;

	(void)state;
	world_init(&w, 51);
	assert_int_equal(world_open(&w), 0);
	world_settle(&w);
	assert_non_null(world_append(&w, 500));
	assert_int_equal(world_commit(&w), 0);
	for (i = 0; i < 2; i++) {
		assert_true(store_accepting(w.s, &why));
		assert_non_null(world_append(&w, 500));
		assert_int_equal(world_state(&w, &w.items[0]), 0);
		arm(&w, &ways[0], w.m->calls + 2); /* the sync */
		assert_int_equal(world_commit(&w), -1);
		assert_int_equal(w.events[STORE_EV_POISONED], i + 1);
		w.m->now += 60 * 1000;
		world_settle(&w);
	}
	assert_false(store_accepting(w.s, &why));
	assert_non_null(why);
	assert_int_equal(w.events[STORE_EV_REFUSING], 1);
	assert_false(store_room(w.s, 10, &reason));
	assert_int_equal(reason, REASON_STORE_ERROR);
	assert_null(world_append(&w, 500));
	assert_int_equal(world_state(&w, &w.items[0]), 0);
	assert_int_equal(world_commit(&w), 0);
	w.m->now += 9 * 60 * 1000 + 1;
	assert_true(store_accepting(w.s, &why));
	assert_int_equal(w.events[STORE_EV_ACCEPTING], 1);
	assert_non_null(world_append(&w, 500));
	assert_int_equal(world_commit(&w), 0);
	assert_int_equal(w.m->resyncs, 0);
	world_close(&w);
	memfs_power(w.m, MEMFS_KEEP);
	v = world_verify(&w);
	assert_true(verdict_is_good(&v));
	/* the refused ones are not there, although their bytes are */
	assert_int_equal(v.live, 2);
	world_free(&w);
}

/* The clock was set back by years: the store does not stay shut for years. */
static void
test_refusing_clock(void **state)
{
	struct world w;
	const char *why;
	int i;

	(void)state;
	world_init(&w, 52);
	assert_int_equal(world_open(&w), 0);
	world_settle(&w);
	for (i = 0; i < 2; i++) {
		assert_non_null(world_append(&w, 500));
		arm(&w, &ways[0], w.m->calls + 2);
		assert_int_equal(world_commit(&w), -1);
	}
	assert_false(store_accepting(w.s, &why));
	w.m->now -= 10ULL * 365 * 86400 * 1000;
	assert_false(store_accepting(w.s, &why));
	w.m->now += 10 * 60 * 1000;
	assert_true(store_accepting(w.s, &why));
	world_free(&w);
}

/* Nothing can be written any more: states wait, and are there in the end. */
static void
test_states_wait(void **state)
{
	struct world w;
	struct verdict v;
	int i;

	(void)state;
	world_init(&w, 53);
	assert_int_equal(world_open(&w), 0);
	assert_non_null(world_append(&w, 500));
	assert_int_equal(world_commit(&w), 0);
	w.m->capacity = w.m->used; /* and the prepared ones fail: */
	assert_int_equal(world_state(&w, &w.items[0]), 0);
	for (i = 0; i < 3; i++) {
		w.m->dead = true;
		assert_int_equal(world_commit(&w), -1);
		w.m->dead = false;
	}
	assert_true(store_batch_bytes(w.s) > 0);
	assert_int_equal(w.items[0].noted, 0);
	w.m->capacity = 0;
	w.m->now += 2000;
	assert_int_equal(world_commit(&w), 0);
	assert_int_equal(w.items[0].noted, 1);
	assert_int_equal(store_batch_bytes(w.s), 0);
	world_close(&w);
	memfs_power(w.m, MEMFS_DROP);
	v = world_verify(&w);
	assert_true(verdict_is_good(&v));
	world_free(&w);
}

/*
 * Full disk, and started again and again: each start takes a segment, and the
 * second one finds none.  What was recorded is known all the same.
 */
static void
test_starts_on_a_full_disk(void **state)
{
	struct world w;
	struct verdict v;
	int i;

	(void)state;
	world_init(&w, 54);
	assert_int_equal(world_open(&w), 0);
	world_settle(&w);
	assert_non_null(world_append(&w, 500));
	assert_int_equal(world_commit(&w), 0);
	w.m->capacity = w.m->used;
	for (i = 0; i < 4; i++) {
		if (world_state(&w, &w.items[0]) == 0)
			(void)world_commit(&w);
		world_close(&w);
		v = world_verify(&w);
		assert_true(verdict_is_good(&v));
	}
	assert_int_equal(w.items[0].noted, 2);
	w.m->capacity = 0;
	w.m->now += 2000;
	assert_int_equal(world_state(&w, &w.items[0]), 0);
	assert_int_equal(world_commit(&w), 0);
	world_close(&w);
	memfs_power(w.m, MEMFS_DROP);
	v = world_verify(&w);
	assert_true(verdict_is_good(&v));
	assert_int_equal(w.items[0].found, 3);
	world_free(&w);
}

/*
 * The first sync of a new segment fails, smaller mail still fits into the one
 * before, and the power goes: the new segment's file is there again, and what
 * its START says about the end of the other does not hold.
 */
static void
fresh_segment_fails(uint64_t seed)
{
	struct store_stats st;
	struct world w;
	struct verdict v;

	world_init(&w, seed);
	assert_int_equal(world_open(&w), 0);
	world_settle(&w);
	do { /* until one more would not fit */
		assert_non_null(world_append(&w, 4000));
		assert_int_equal(world_commit(&w), 0);
	} while (w.n < 14);
	store_get_stats(w.s, &st);
	assert_int_equal(st.segments, 1);
	assert_non_null(world_append(&w, 4000));
	arm(&w, &ways[0], w.m->calls + 3); /* START, the message, the sync */
	assert_int_equal(world_commit(&w), -1);
	assert_int_equal(w.events[STORE_EV_POISONED], 1);
	assert_non_null(world_append(&w, 100));
	assert_int_equal(world_done(&w, &w.items[0]), 0);
	assert_int_equal(world_commit(&w), 0);
	world_close(&w);
	memfs_power(w.m, MEMFS_DROP);
	v = world_verify(&w);
	assert_true(verdict_is_good(&v));
	assert_int_equal(v.live, 14);
	world_free(&w);
}

static void
test_fresh_segment_fails(void **state)
{
	uint64_t seed;

	(void)state;
	for (seed = 60; seed < 70; seed++)
		fresh_segment_fails(seed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusing),
		cmocka_unit_test(test_refusing_clock),
		cmocka_unit_test(test_states_wait),
		cmocka_unit_test(test_starts_on_a_full_disk),
		cmocka_unit_test(test_fresh_segment_fails),
		cmocka_unit_test(test_each_call_of_recovery),
		cmocka_unit_test(test_each_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
