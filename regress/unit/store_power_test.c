/* SPDX-License-Identifier: ISC */
/* link: regress/unit/store_world.o regress/unit/store_memfs.o
 * regress/unit/store_memfs_names.o regress/unit/store_memfs_power.o
 * queued/store.a common/base.a */
/*
 * Power cuts at every call of a workload that rotates, spills and recycles,
 * and during the recovery from them; and the two controls that must lose
 * mail, without which none of this would prove anything.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "regress/unit/store_world.h"

#define ROUNDS 60

struct plan {
	uint64_t seed;
	uint64_t at; /* call at which the power goes; 0: never */
	enum memfs_cut cut;
	bool lie_data, lie_dirs, ack_early;
};

/* Work until the power goes.  True: it did. */
static bool
work(struct world *w, const struct plan *p)
{
	world_init(w, p->seed);
	w->p.max_live_segments = 2;
	w->m->lie_data = p->lie_data;
	w->m->lie_dirs = p->lie_dirs;
	w->ack_early = p->ack_early;
	w->m->fault = p->at != 0 ? MEMFS_CUT : MEMFS_NONE;
	w->m->fault_at = p->at;
	if (world_open(w) == 0)
		world_work(w, ROUNDS);
	return w->m->dead;
}

static void
complain(const struct plan *p, const struct verdict *v, const char *when)
{
	print_error("seed %llu call %llu cut %d %s: lost %u damaged %u "
		    "stale %u undead %u phantom %u\n",
	    (unsigned long long)p->seed, (unsigned long long)p->at, (int)p->cut,
	    when, v->lost, v->damaged, v->stale, v->undead, v->phantom);
}

/* Events of a process that lost its disk under its feet say nothing. */
static void
power(struct world *w, enum memfs_cut cut)
{
	world_close(w);
	memfs_power(w->m, cut);
	memset(w->events, 0, sizeof(w->events));
}

static void
must_be_good(struct world *w, const struct plan *p, const char *when)
{
	struct verdict v = world_verify(w);

	if (verdict_is_good(&v) && w->events[STORE_EV_CORRUPT] == 0 &&
	    w->events[STORE_EV_MISSING] == 0 && w->events[STORE_EV_LOST] == 0 &&
	    (w->events[STORE_EV_HEADER] == 0 || p->cut == MEMFS_WILD) &&
	    w->events[STORE_EV_FOREIGN] == 0)
		return;
	complain(p, &v, when);
	print_error("events: torn %u corrupt %u missing %u header %u "
		    "foreign %u lost %u\n",
	    w->events[STORE_EV_TORN], w->events[STORE_EV_CORRUPT],
	    w->events[STORE_EV_MISSING], w->events[STORE_EV_HEADER],
	    w->events[STORE_EV_FOREIGN], w->events[STORE_EV_LOST]);
	fail();
}

/* Power goes again while the store recovers. */
static void
second_cut(struct world *w, const struct plan *p)
{
	w->m->fault = MEMFS_CUT;
	w->m->fault_at = w->m->calls + 1 + world_random(w) % 60;
	if (world_open(w) == 0 && !w->m->dead) {
		world_take_over(w);
		world_work(w, 1);
	}
	power(w, p->cut);
}

static void
one_cut(const struct plan *p)
{
	struct world w;

	(void)work(&w, p);
	power(&w, p->cut);
	if (p->at % 3 == 0)
		second_cut(&w, p);
	must_be_good(&w, p, "after the cut");
	/* and the store works on */
	world_work(&w, 3);
	power(&w, MEMFS_DROP);
	must_be_good(&w, p, "after more work");
	world_free(&w);
}

static uint64_t
calls_of(uint64_t seed)
{
	struct plan p = { .seed = seed };
	struct world w;
	uint64_t n;

	assert_false(work(&w, &p));
	n = w.m->calls;
	world_free(&w);
	return n;
}

/* More than these, as the first argument: a longer search. */
static uint64_t seeds = 3;

static void
test_every_call(void **state)
{
	struct plan p = { .seed = 11 };
	uint64_t n;

	(void)state;
	for (; p.seed < 11 + seeds; p.seed++) {
		n = calls_of(p.seed);
		assert_true(n > 300);
		for (p.at = 1; p.at <= n; p.at++) {
			p.cut = (enum memfs_cut)((p.at + p.seed) % MEMFS_CUTS);
			one_cut(&p);
		}
	}
}

/* The workload must have been through all of this, or the test is blind. */
static void
test_workload_reaches(void **state)
{
	struct plan p = { .seed = 11 };
	struct store_stats st;
	struct world w;

	(void)state;
	assert_false(work(&w, &p));
	store_get_stats(w.s, &st);
	assert_true(st.spilled > 0);
	assert_true(st.segments >= 2);
	assert_null(memfs_bytes(w.m, "seg.00000001", &(size_t){ 0 }));
	world_free(&w);
}

static unsigned
losses(const struct plan *like)
{
	struct plan p = *like;
	struct verdict v;
	struct world w;
	unsigned lost = 0;
	uint64_t n = calls_of(p.seed);

	for (p.at = n / 2; p.at <= n; p.at += 7) {
		(void)work(&w, &p);
		power(&w, p.cut);
		v = world_verify(&w);
		lost += v.lost + v.undead + v.stale + v.damaged;
		world_free(&w);
	}
	return lost;
}

static void
test_controls_lose(void **state)
{
	struct plan early = { .seed = 21, .ack_early = true };
	struct plan data = { .seed = 21, .lie_data = true };
	struct plan dirs = { .seed = 21, .lie_dirs = true };

	(void)state;
	assert_true(losses(&early) > 0);
	assert_true(losses(&data) > 0);
	assert_true(losses(&dirs) > 0);
	early.ack_early = false;
	assert_int_equal(losses(&early), 0);
}

/* kill -9: what was written stays in the page cache, nothing is torn. */
static void
test_killed(void **state)
{
	struct plan p = { .seed = 31 };
	uint64_t n = calls_of(p.seed);
	struct world w;

	(void)state;
	for (p.at = 1; p.at <= n; p.at += 2) {
		(void)work(&w, &p);
		world_kill(&w);
		memset(w.events, 0, sizeof(w.events));
		must_be_good(&w, &p, "after a kill");
		world_work(&w, 2);
		/* what the first one left in the cache is lost only now */
		power(&w, MEMFS_DROP);
		must_be_good(&w, &p, "after a kill and a cut");
		world_free(&w);
	}
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_workload_reaches),
		cmocka_unit_test(test_controls_lose),
		cmocka_unit_test(test_every_call),
		cmocka_unit_test(test_killed),
	};

	if (argc > 1)
		seeds = strtoull(argv[1], NULL, 10);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
