/* SPDX-License-Identifier: ISC */
/* link: regress/unit/store_faulty.o regress/unit/store_world.o
 * regress/unit/store_memfs.o regress/unit/store_memfs_names.o
 * regress/unit/store_memfs_power.o queued/store.a common/base.a */
/*
 * A script that takes the store through all that it can do, with every single
 * call on the file system failing in every way that it can.  Whatever fails:
 * what was acknowledged is there, unchanged, before and after a crash; no
 * descriptor is written or synced again after that failed; none is left open;
 * and when the fault is over the store takes mail again, at once or when it
 * said that it would.
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

#define SMALL 600
#define BIG   9000 /* becomes a file */
#define GAP   (10 * 60 * 1000 + 1)

struct way {
	const char *name;
	enum faulty_kind kind;
	int error;
};

static const struct way ways[] = {
	{ "EIO", FAULTY_ERROR, EIO },
	{ "ENOSPC", FAULTY_ERROR, ENOSPC },
	{ "EDQUOT", FAULTY_ERROR, EDQUOT },
	{ "EIO in a row", FAULTY_BURST, EIO },
	{ "ENOSPC in a row", FAULTY_BURST, ENOSPC },
	{ "short, EIO", FAULTY_SHORT, EIO },
	{ "short, ENOSPC", FAULTY_SHORT, ENOSPC },
	{ "short, EDQUOT", FAULTY_SHORT, EDQUOT },
	{ "short", FAULTY_HALF, 0 },
	{ "kill", FAULTY_KILL, EIO },
	{ "full from here on", FAULTY_FULL, ENOSPC },
	{ "read-only from here on", FAULTY_READONLY, EROFS },
};
#define NWAYS (sizeof(ways) / sizeof(ways[0]))

struct run {
	struct faulty f;
	struct world w;
	const struct way *way;		 /* NULL: nothing fails */
	unsigned opens_failed, restarts; /* the latter in trouble */
	unsigned checks;
	unsigned patience; /* commits after the fault until the power goes */
	bool over;
};

static void
complain(const struct run *r, const char *what)
{
	if (r->way == NULL)
		print_error("without a fault: %s\n", what);
	else
		print_error("%s at call %llu (%s): %s\n", r->way->name,
		    (unsigned long long)r->f.at,
		    r->f.struck ? faulty_op_name(r->f.struck_op) : "not met",
		    what);
	fail();
}

#define MUST(r, e)                                                             \
	do {                                                                   \
		if (!(e))                                                      \
			complain((r), (#e));                                   \
	} while (0)

static void
good(const struct run *r, const struct verdict *v, const char *when)
{
	char text[160];

	if (verdict_is_good(v) && r->w.events[STORE_EV_LOST] == 0 &&
	    r->w.events[STORE_EV_CORRUPT] == 0)
		return;
	(void)snprintf(text, sizeof(text),
	    "%s: lost %u damaged %u stale %u undead %u phantom %u "
	    "told lost %u corrupt %u",
	    when, v->lost, v->damaged, v->stale, v->undead, v->phantom,
	    r->w.events[STORE_EV_LOST], r->w.events[STORE_EV_CORRUPT]);
	complain(r, text);
}

/* --- the script --- */

static void
commit(struct run *r)
{
	if (r->over)
		return;
	(void)world_commit(&r->w);
	if (r->f.struck && r->patience > 0)
		r->over = --r->patience == 0;
}

static void
add(struct run *r, size_t size, unsigned n)
{
	while (n-- > 0 && !r->over)
		(void)world_append(&r->w, size);
	commit(r);
}

/* NULL: never acknowledged, or on its way out */
static struct item *
item(struct run *r, size_t i)
{
	struct item *it = i < r->w.n ? &r->w.items[i] : NULL;

	return it != NULL && it->acked && !it->done_tried ? it : NULL;
}

static void
note(struct run *r, size_t i)
{
	if (item(r, i) != NULL && !r->over)
		(void)world_state(&r->w, item(r, i));
}

static void
done(struct run *r, size_t from, size_t to)
{
	for (; from < to && !r->over; from++)
		if (item(r, from) != NULL)
			(void)world_done(&r->w, item(r, from));
}

static void
upkeep(struct run *r)
{
	int i;

	for (i = 0; i < 40 && !r->over && store_maintain(r->w.s) == 1; i++)
		;
}

/* Opened: with all that was acknowledged?  False: it could not be. */
static bool
open_judged(struct run *r)
{
	struct verdict v = { 0 };
	const struct item *it;
	size_t i;
	int rc;

	r->w.judge = &v;
	rc = world_open(&r->w);
	r->w.judge = NULL;
	if (rc == -1 || r->w.m->dead)
		return false;
	for (i = 0; i < r->w.n; i++) {
		it = &r->w.items[i];
		v.lost += it->acked && !it->done_tried && !it->seen;
		v.undead += it->done_acked && it->seen;
	}
	good(r, &v, "opened again");
	world_take_over(&r->w);
	return true;
}

/* How often a store may fail to open for one fault; 0: for good. */
static unsigned
failures_of(const struct way *way)
{
	if (way->kind == FAULTY_READONLY)
		return 0;
	return way->kind == FAULTY_BURST ? FAULTY_CALLS : 1;
}

/* As after an orderly end. */
static bool
reopen(struct run *r)
{
	unsigned failed;

	if (r->over)
		return false;
	world_close(&r->w);
	r->restarts += r->f.struck;
	for (failed = 0; !r->w.m->dead && !open_judged(r); failed++) {
		if (r->w.m->dead)
			return false;
		r->opens_failed++;
		MUST(r, r->f.struck);
		if (failures_of(r->way) == 0)
			return false;
		MUST(r, failed < failures_of(r->way));
	}
	return !r->w.m->dead;
}

static int
count_one(void *arg, const struct store_msg *m)
{
	(void)m;
	++*(unsigned *)arg;
	return 0;
}

/* Every way of reading; what it says of single messages is judged later. */
static void
look(struct run *r)
{
	static uint8_t buf[16384];
	struct store_stats st;
	struct store_loc loc;
	enum reason why;
	unsigned n = 0;
	struct item *it;
	size_t i;
	int fd;

	(void)store_room(r->w.s, SMALL, &why);
	(void)store_room(r->w.s, BIG, &why);
	store_get_stats(r->w.s, &st);
	(void)store_each(r->w.s, count_one, &n);
	for (i = 0; i < r->w.n; i += 3) {
		it = item(r, i);
		if (it == NULL || store_find(r->w.s, it->id, &loc) == -1)
			continue;
		(void)store_load(r->w.s, loc, count_one, &n);
		(void)store_read(r->w.s, loc, 0, buf, sizeof(buf));
		(void)store_read(r->w.s, loc, 100, buf, 50);
		fd = store_open_body(r->w.s, loc);
		if (fd == -1)
			continue;
		(void)r->f.ops.pread(&r->f, fd, buf, sizeof(buf), 0);
		(void)r->f.ops.close(&r->f, fd);
	}
}

static void
check(struct run *r)
{
	struct store_callbacks none = { 0 };
	struct store_report report;
	int rc;

	world_close(&r->w);
	rc = store_check(&r->f.ops, MEMFS_ROOT, &none, &report);
	r->checks++;
	/* a page that cannot be read is damage to one who only looks */
	MUST(r, rc == 0 || r->f.struck);
}

/* Three segments of mail, most of it delivered: the log goes round. */
static void
go_round(struct run *r)
{
	unsigned k;

	for (k = 0; k < 14 && !r->over; k++) {
		add(r, 3500, 4);
		note(r, r->w.n - 2);
		if (k > 0)
			done(r, r->w.n - 8, r->w.n - 5);
		commit(r);
		if (!r->over)
			(void)store_maintain(r->w.s);
	}
	upkeep(r);
}

static void
script(struct run *r)
{
	size_t i;

	if (world_open(&r->w) == -1 && !reopen(r))
		return;
	upkeep(r);
	add(r, SMALL, 2);
	add(r, BIG, 1);
	add(r, SMALL, 1);
	note(r, 0);
	note(r, 2);
	done(r, 1, 2);
	add(r, BIG, 1);
	if (item(r, 0) != NULL && !r->over)
		(void)store_spill(r->w.s, item(r, 0)->loc);
	note(r, 0);
	commit(r);
	go_round(r);
	if (r->over)
		return;
	look(r);
	(void)world_append(&r->w, BIG); /* not committed: newer than the log */
	r->w.items[r->w.n - 1].refused = true;
	if (!reopen(r))
		return;
	upkeep(r);
	for (i = 0; i < 3; i++)
		note(r, i);
	done(r, 4, 12);
	add(r, SMALL, 2);
	done(r, 2, 3); /* a file goes */
	commit(r);
	upkeep(r);
	if (r->over)
		return;
	check(r);
	(void)reopen(r);
}

/* --- and what must be true of it --- */

/* Every acknowledged message can be read from the store that had the fault. */
static void
still_served(struct run *r)
{
	static uint8_t got[64 * 1024], want[64 * 1024];
	const struct item *it;
	ssize_t n;
	size_t i;

	for (i = 0; i < r->w.n; i++) {
		it = item(r, i);
		if (it == NULL)
			continue;
		n = store_read(r->w.s, it->loc, 0, got, sizeof(got));
		world_body(it->id, it->size, want);
		MUST(r, n == (ssize_t)it->size);
		MUST(r, memcmp(got, want, it->size) == 0);
	}
}

static bool
takes_one(struct run *r, size_t size)
{
	return world_append(&r->w, size) != NULL && world_commit(&r->w) == 0;
}

/*
 * Results are recorded while the disk is full: a segment is kept free for
 * that.  A restart goes on in a new one, so that is for one restart.
 */
static void
results_fit(struct run *r)
{
	size_t i;

	for (i = 0; i < r->w.n; i++)
		note(r, i);
	MUST(r, world_commit(&r->w) == 0);
}

/* Mail is refused with a reason, until the disk is asked again. */
static void
refuses_for_now(struct run *r)
{
	const char *why = NULL;

	if (store_accepting(r->w.s, &why))
		return;
	MUST(r, why != NULL);
	MUST(r, r->w.events[STORE_EV_REFUSING] > 0);
	MUST(r, !takes_one(r, SMALL));
	r->w.m->now += GAP;
	MUST(r, store_accepting(r->w.s, &why));
	world_settle(&r->w);
}

/* The fault is over: results at once, mail now or when it says so. */
static void
works_again(struct run *r)
{
	size_t i;

	for (i = 0; i < r->w.n && item(r, i) == NULL; i++)
		;
	r->w.m->now += 2000; /* the answer about the disk is old */
	world_settle(&r->w);
	note(r, i);
	MUST(r, world_commit(&r->w) == 0);
	refuses_for_now(r);
	MUST(r, takes_one(r, SMALL));
	MUST(r, takes_one(r, BIG));
	world_settle(&r->w);
	still_served(r);
}

/* One who only looks finds nothing wrong. */
static void
is_sound(struct run *r)
{
	struct store_callbacks none = { 0 };
	struct store_report report;
	char text[160];
	int rc;

	rc = store_check(&r->f.ops, MEMFS_ROOT, &none, &report);
	if (rc == 0)
		return;
	(void)snprintf(text, sizeof(text),
	    "check says %d: corrupt %llu missing %llu lost %llu orphans %llu",
	    rc, (unsigned long long)report.corrupt,
	    (unsigned long long)report.missing, (unsigned long long)report.lost,
	    (unsigned long long)report.orphans);
	complain(r, text);
}

/* What a crash leaves; cut: of what was not synced. */
static void
after_crash(struct run *r, bool power, enum memfs_cut cut)
{
	struct verdict v;

	world_close(&r->w);
	MUST(r, memfs_open_fds(r->w.m) == 0);
	if (power)
		memfs_power(r->w.m, cut);
	else
		memfs_kill(r->w.m);
	memset(r->w.events, 0, sizeof(r->w.events));
	v = world_verify(&r->w);
	good(r, &v, power ? "after a power cut" : "after a kill");
	world_close(&r->w);
	is_sound(r);
	MUST(r, memfs_open_fds(r->w.m) == 0);
}

static void
run_init(struct run *r, const struct way *way, uint64_t at)
{
	memset(r, 0, sizeof(*r));
	world_init(&r->w, 97);
	r->w.p.max_live_segments = 2;
	faulty_init(&r->f, r->w.m);
	r->w.ops = &r->f.ops;
	r->way = way;
	r->f.at = at;
	if (way == NULL)
		return;
	r->f.kind = way->kind;
	r->f.error = way->error;
}

static void
run_free(struct run *r)
{
	MUST(r, r->f.again == 0);
	world_free(&r->w);
}

static void
one_fault(const struct way *way, uint64_t at)
{
	static const enum memfs_cut cuts[] = { MEMFS_DROP, MEMFS_RANDOM,
		MEMFS_KEEP };
	struct run r;

	run_init(&r, way, at);
	script(&r);
	MUST(&r, r.f.struck);
	if (r.w.s != NULL && !r.w.m->dead) {
		if (way->kind == FAULTY_FULL && r.restarts < 2)
			results_fit(&r);
		faulty_heal(&r.f);
		still_served(&r);
		works_again(&r);
	}
	faulty_heal(&r.f);
	after_crash(&r, false, MEMFS_KEEP);
	after_crash(&r, true, cuts[at % 3]);
	/* as good as new */
	MUST(&r, world_open(&r.w) == 0);
	works_again(&r);
	run_free(&r);
}

/* A failure, and then the power: after so many commits.  False: never. */
static bool
one_cut(const struct way *way, uint64_t at, unsigned patience)
{
	struct run r;
	bool over;

	run_init(&r, way, at);
	r.patience = patience;
	script(&r);
	over = r.over;
	if (over)
		after_crash(&r, true, MEMFS_DROP);
	run_free(&r);
	return over;
}

/* The script does all of it, or the loop over its calls is blind. */
static void
test_script_reaches(void **state)
{
	struct store_stats st;
	struct run r;
	unsigned op;

	(void)state;
	run_init(&r, NULL, 0);
	script(&r);
	store_get_stats(r.w.s, &st);
	assert_true(r.f.calls > 400 && r.f.calls < FAULTY_TRACED);
	for (op = 0; op < FAULTY_OPS; op++)
		MUST(&r, r.f.count[op] > 0);
	assert_int_equal(r.checks, 1);
	assert_int_equal(r.opens_failed, 0);
	assert_true(r.w.events[STORE_EV_ADOPTED] > 0);
	assert_true(st.spilled > 2);
	/* more segments than there are now: some came round */
	assert_true(r.f.count[OP_RENAMEAT] > st.segments + st.prepared);
	still_served(&r);
	works_again(&r);
	world_close(&r.w);
	assert_int_equal(memfs_open_fds(r.w.m), 0);
	run_free(&r);
}

/* Every so-manyth call only: FAULT_STRIDE, for slow ways to run it. */
static uint64_t stride = 1;

static void
test_each_call(void **state)
{
	uint64_t at, calls, runs = 0;
	struct run r;
	size_t i;

	(void)state;
	run_init(&r, NULL, 0);
	script(&r);
	calls = r.f.calls;
	for (at = 1; at <= calls; at += stride)
		for (i = 0; i < NWAYS; i++) {
			if (!faulty_applies(ways[i].kind,
				(enum faulty_op)r.f.trace[at - 1]))
				continue;
			one_fault(&ways[i], at);
			runs++;
		}
	print_message("%llu calls, %llu runs\n", (unsigned long long)calls,
	    (unsigned long long)runs);
	run_free(&r);
}

/*
 * A sync that failed and was taken for one that did not shows only when the
 * power goes before another one: so at each commit that follows.
 */
static void
test_each_write_and_power(void **state)
{
	static const struct way cuts[] = {
		{ "EIO and a power cut", FAULTY_ERROR, EIO },
		{ "EIO in a row and a power cut", FAULTY_BURST, EIO },
	};
	uint64_t at, runs = 0;
	unsigned patience;
	struct run r;
	size_t i;

	(void)state;
	run_init(&r, NULL, 0);
	script(&r);
	for (at = 1; at <= r.f.calls; at += stride) {
		if (r.f.trace[at - 1] != OP_FSYNC &&
		    r.f.trace[at - 1] != OP_FDATASYNC &&
		    r.f.trace[at - 1] != OP_PWRITE)
			continue;
		for (i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++)
			for (patience = 1; one_cut(&cuts[i], at, patience);
			     patience++)
				runs++;
	}
	print_message("%llu runs\n", (unsigned long long)runs);
	assert_true(runs > 100 / stride);
	run_free(&r);
}

int
main(void)
{
	const char *env = getenv("FAULT_STRIDE");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_script_reaches),
		cmocka_unit_test(test_each_write_and_power),
		cmocka_unit_test(test_each_call),
	};

	if (env != NULL)
		stride = strtoull(env, NULL, 10);
	if (stride == 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
