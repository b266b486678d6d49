/* SPDX-License-Identifier: ISC */
/* link: regress/unit/store_faulty.o regress/unit/store_world.o
 * regress/unit/store_memfs.o regress/unit/store_memfs_names.o
 * regress/unit/store_memfs_power.o queued/store.a common/base.a */
/*
 * Whole lives of a spool, by seed: it works, something fails, the process is
 * stopped, killed, or the power goes, and it starts again, several times over.
 * After each start the ledger is looked at.  FAULT_LIVES=N lives that many,
 * FAULT_SEED=S begins with that seed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>

#include <cmocka.h>

#include "regress/unit/store_faulty.h"
#include "regress/unit/store_world.h"

#define STARTS 6
#define LIVES  400

static const struct trouble {
	enum faulty_kind kind;
	int error;
} troubles[] = {
	{ FAULTY_NONE, 0 },
	{ FAULTY_ERROR, EIO },
	{ FAULTY_ERROR, ENOSPC },
	{ FAULTY_BURST, EIO },
	{ FAULTY_BURST, ENOSPC },
	{ FAULTY_SHORT, EIO },
	{ FAULTY_HALF, 0 },
	{ FAULTY_KILL, EIO },
	{ FAULTY_FULL, ENOSPC },
	{ FAULTY_READONLY, EROFS },
};

struct life {
	uint64_t seed;
	struct faulty f;
	struct world w;
	unsigned start;
};

static uint64_t
below(struct life *l, uint64_t n)
{
	return world_random(&l->w) % n;
}

static void
arm(struct life *l)
{
	const struct trouble *t =
	    &troubles[below(l, sizeof(troubles) / sizeof(troubles[0]))];

	l->f.kind = t->kind;
	l->f.error = t->error;
	l->f.struck = false;
	l->f.left = 0;
	l->f.at = l->f.calls + 1 + below(l, 300);
}

static void
work(struct life *l)
{
	unsigned rounds = 1 + (unsigned)below(l, 40);

	if (l->w.s == NULL)
		return;
	world_work(&l->w, rounds);
	if (below(l, 3) == 0) { /* another one, much later */
		l->w.m->now += below(l, 20) * 60 * 1000;
		faulty_heal(&l->f);
		arm(l);
		world_work(&l->w, rounds);
	}
}

static void
end(struct life *l)
{
	faulty_heal(&l->f);
	world_close(&l->w);
	switch (below(l, 3)) {
	case 0: /* in order */
		memfs_kill(l->w.m);
		break;
	default:
		memfs_power(l->w.m, (enum memfs_cut)below(l, MEMFS_CUTS));
		break;
	}
	memset(l->w.events, 0, sizeof(l->w.events));
	l->w.m->now += 1000;
}

static void
judge(struct life *l, const struct verdict *v)
{
	const unsigned *ev = l->w.events;

	if (verdict_is_good(v) &&
	    ev[STORE_EV_LOST] + ev[STORE_EV_CORRUPT] + ev[STORE_EV_MISSING] ==
		0 &&
	    l->f.again == 0)
		return;
	print_error("FAULT_SEED=%llu start %u: lost %u damaged %u stale %u "
		    "undead %u phantom %u; told lost %u corrupt %u missing %u; "
		    "again %llu\n",
	    (unsigned long long)l->seed, l->start, v->lost, v->damaged,
	    v->stale, v->undead, v->phantom, ev[STORE_EV_LOST],
	    ev[STORE_EV_CORRUPT], ev[STORE_EV_MISSING],
	    (unsigned long long)l->f.again);
	fail();
}

static void
live(uint64_t seed)
{
	struct verdict v;
	struct life l = { .seed = seed };

	world_init(&l.w, seed);
	l.w.p.max_live_segments = 2 + (uint32_t)below(&l, 3);
	l.w.m->cow = below(&l, 8) == 0;
	faulty_init(&l.f, l.w.m);
	l.w.ops = &l.f.ops;
	assert_int_equal(world_open(&l.w), 0);
	for (l.start = 1; l.start <= STARTS; l.start++) {
		arm(&l);
		work(&l);
		end(&l);
		v = world_verify(&l.w);
		judge(&l, &v);
	}
	world_close(&l.w);
	assert_int_equal(memfs_open_fds(l.w.m), 0);
	world_free(&l.w);
}

static uint64_t
setting(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

static void
test_lives(void **state)
{
	uint64_t seed = setting("FAULT_SEED", 1);
	uint64_t n = setting("FAULT_LIVES", LIVES);

	(void)state;
	for (; n > 0; n--)
		live(seed++);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
