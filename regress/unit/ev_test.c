/* SPDX-License-Identifier: ISC */
/* link: common/base/ev.o */
/* The event loop: delivery, removal while events are in hand, timers, hook. */
#include <sys/socket.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/ev.h"

#define NELEMS(a) (sizeof(a) / sizeof((a)[0]))

static struct ev *loop;

static int
setup(void **state)
{
	(void)state;
	loop = ev_new();
	return loop == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	ev_free(loop);
	return 0;
}

static uint64_t
monotonic_us(void)
{
	struct timespec ts;

	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &ts), 0);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static bool
stop_hook(void *arg)
{
	(void)arg;
	ev_break(loop);
	return false;
}

static void
nothing(struct ev_timer *t)
{
	(void)t;
}

/* What is ready now is delivered; does not wait. */
static void
one_turn(void)
{
	struct ev_timer now;

	ev_timer_init(&now, nothing, NULL);
	assert_int_equal(ev_timer_set(loop, &now, 0), 0);
	ev_hook(loop, stop_hook, NULL);
	assert_int_equal(ev_loop(loop), 0);
	ev_hook(loop, NULL, NULL);
	assert_false(ev_timer_pending(&now));
}

/* --- descriptors --- */

struct watcher {
	struct ev_io io;
	int fd, other; /* a socketpair; fd is watched */
	unsigned calls;
	uint32_t last;
	struct watcher *victim; /* to be deleted by the callback */
	bool once;		/* deletes itself */
};

static void
on_io(struct ev_io *io, uint32_t events)
{
	struct watcher *w = io->arg;

	w->calls++;
	w->last = events;
	if (w->victim != NULL)
		ev_io_del(loop, &w->victim->io);
	if (w->once)
		ev_io_del(loop, io);
}

static struct watcher *
watcher_new(uint32_t events)
{
	struct watcher *w = calloc(1, sizeof(*w));
	int fds[2];

	assert_non_null(w);
	assert_int_equal(socketpair(AF_UNIX,
			     SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
			     fds),
	    0);
	w->fd = fds[0];
	w->other = fds[1];
	ev_io_init(&w->io, on_io, w);
	assert_int_equal(ev_io_set(loop, &w->io, w->fd, events), 0);
	return w;
}

static void
watcher_free(struct watcher *w)
{
	ev_io_del(loop, &w->io);
	(void)close(w->fd);
	(void)close(w->other);
	free(w);
}

static void
poke(struct watcher *w)
{
	assert_int_equal(write(w->other, "x", 1), 1);
}

static void
test_io(void **state)
{
	struct watcher *w = watcher_new(EPOLLIN);
	char c;

	(void)state;
	poke(w);
	one_turn();
	assert_int_equal(w->calls, 1);
	assert_int_equal(w->last, EPOLLIN);
	one_turn(); /* level-triggered */
	assert_int_equal(w->calls, 2);
	assert_int_equal(read(w->fd, &c, 1), 1);
	assert_int_equal(ev_io_set(loop, &w->io, w->fd, EPOLLIN | EPOLLOUT), 0);
	one_turn();
	assert_int_equal(w->last, EPOLLOUT);
	ev_io_del(loop, &w->io);
	assert_int_equal(w->io.fd, -1);
	ev_io_del(loop, &w->io); /* twice is no harm */
	poke(w);
	assert_int_equal(w->calls, 3);
	watcher_free(w);
}

static void
test_io_errors(void **state)
{
	struct watcher *w = watcher_new(0);
	struct ev_io io;

	(void)state;
	/* a hang-up comes unasked */
	(void)close(w->other);
	w->other = -1;
	one_turn();
	assert_int_equal(w->calls, 1);
	assert_true((w->last & EPOLLHUP) != 0);
	watcher_free(w);

	ev_io_init(&io, on_io, NULL);
	assert_int_equal(ev_io_set(loop, &io, 1000, EPOLLIN), -1);
	assert_int_equal(io.fd, -1);
	ev_io_del(loop, &io);
}

static void
test_io_moves_to_other_fd(void **state)
{
	struct watcher *w = watcher_new(EPOLLIN), *x = watcher_new(EPOLLIN);

	(void)state;
	ev_io_del(loop, &x->io);
	poke(w);
	assert_int_equal(ev_io_set(loop, &w->io, x->fd, EPOLLIN), 0);
	one_turn();
	assert_int_equal(w->calls, 0);
	poke(x);
	one_turn();
	assert_int_equal(w->calls, 1);
	ev_io_del(loop, &w->io);
	watcher_free(w);
	watcher_free(x);
}

static void
test_io_delete_self(void **state)
{
	struct watcher *w = watcher_new(EPOLLIN);

	(void)state;
	w->once = true;
	poke(w);
	one_turn();
	one_turn();
	assert_int_equal(w->calls, 1);
	watcher_free(w);
}

/* Of two that are ready the first deletes the second, whichever that is. */
static void
test_io_delete_other(void **state)
{
	struct watcher *a = watcher_new(EPOLLIN), *b = watcher_new(EPOLLIN);

	(void)state;
	a->victim = b;
	b->victim = a;
	poke(a);
	poke(b);
	one_turn();
	assert_int_equal(a->calls + b->calls, 1);
	watcher_free(a);
	watcher_free(b);
}

/* As before, but its memory is given back at once (a tool would see a use). */
static struct watcher *crowd[300];

static void
on_io_free_all(struct ev_io *io, uint32_t events)
{
	struct watcher *w = io->arg;
	size_t i;

	(void)events;
	for (i = 0; i < NELEMS(crowd); i++) {
		if (crowd[i] == NULL || crowd[i] == w)
			continue;
		watcher_free(crowd[i]);
		crowd[i] = NULL;
	}
	w->calls++;
}

static void
test_io_free_others(void **state)
{
	size_t i, left = 0;

	(void)state;
	for (i = 0; i < NELEMS(crowd); i++) {
		crowd[i] = watcher_new(EPOLLIN);
		crowd[i]->io.cb = on_io_free_all;
		poke(crowd[i]);
	}
	one_turn();
	for (i = 0; i < NELEMS(crowd); i++) {
		if (crowd[i] == NULL)
			continue;
		assert_int_equal(crowd[i]->calls, 1);
		watcher_free(crowd[i]);
		crowd[i] = NULL;
		left++;
	}
	assert_int_equal(left, 1);
}

/* A watcher that took the place of a deleted one gets nothing of its events. */
static struct watcher *newcomer;
static struct watcher *pair[2];

static void
on_io_replace(struct ev_io *io, uint32_t events)
{
	struct watcher *w = io->arg;
	struct watcher *o = w == pair[0] ? pair[1] : pair[0];
	int fds[2];

	(void)events;
	w->calls++;
	if (newcomer != NULL)
		return;
	ev_io_del(loop, &o->io);
	newcomer = o;
	ev_io_init(&o->io, on_io, o);
	assert_int_equal(socketpair(AF_UNIX,
			     SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
			     fds),
	    0);
	(void)close(o->fd);
	(void)close(o->other);
	o->fd = fds[0];
	o->other = fds[1];
	assert_int_equal(ev_io_set(loop, &o->io, o->fd, EPOLLIN), 0);
}

static void
test_io_replaced(void **state)
{
	int i;

	(void)state;
	newcomer = NULL;
	for (i = 0; i < 2; i++) {
		pair[i] = watcher_new(EPOLLIN);
		pair[i]->io.cb = on_io_replace;
		poke(pair[i]);
	}
	one_turn();
	assert_non_null(newcomer);
	assert_int_equal(newcomer->calls, 0);
	poke(newcomer);
	one_turn();
	assert_int_equal(newcomer->calls, 1);
	for (i = 0; i < 2; i++)
		watcher_free(pair[i]);
}

/* One that was told to stop in this turn is not given what was fetched. */
static void
on_io_mute(struct ev_io *io, uint32_t events)
{
	struct watcher *w = io->arg;
	struct watcher *o = w == pair[0] ? pair[1] : pair[0];

	(void)events;
	w->calls++;
	assert_int_equal(ev_io_set(loop, &o->io, o->fd, EPOLLPRI), 0);
}

static void
test_io_muted(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		pair[i] = watcher_new(EPOLLIN);
		pair[i]->io.cb = on_io_mute;
		poke(pair[i]);
	}
	one_turn();
	assert_int_equal(pair[0]->calls + pair[1]->calls, 1);
	for (i = 0; i < 2; i++)
		watcher_free(pair[i]);
}

/* More than are fetched at once: nobody is forgotten. */
static void
test_io_many(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < NELEMS(crowd); i++) {
		crowd[i] = watcher_new(EPOLLIN);
		poke(crowd[i]);
	}
	one_turn();
	one_turn();
	for (i = 0; i < NELEMS(crowd); i++) {
		assert_true(crowd[i]->calls >= 1);
		watcher_free(crowd[i]);
		crowd[i] = NULL;
	}
}

/* --- timers --- */

static void
on_break(struct ev_timer *t)
{
	(void)t;
	ev_break(loop);
}

static void
test_timer_not_early(void **state)
{
	static const uint64_t waits[] = { 1, 2, 3, 7, 20 };
	struct ev_timer t;
	uint64_t start, took;
	size_t i;

	(void)state;
	for (i = 0; i < NELEMS(waits); i++) {
		ev_timer_init(&t, on_break, NULL);
		start = monotonic_us();
		ev_update_time(loop);
		assert_int_equal(ev_timer_set(loop, &t, waits[i]), 0);
		assert_true(ev_timer_pending(&t));
		assert_int_equal(ev_loop(loop), 0);
		took = monotonic_us() - start;
		assert_false(ev_timer_pending(&t));
		/* both ends are cut to a millisecond */
		assert_true(took + 1000 >= waits[i] * 1000);
		assert_true(ev_now(loop) >= t.at);
	}
}

/* Waiting for a timer takes one wait, not a spin of many. */
static unsigned turns;

static bool
count_hook(void *arg)
{
	(void)arg;
	turns++;
	return false;
}

static void
test_timer_no_spin(void **state)
{
	struct ev_timer t;

	(void)state;
	turns = 0;
	ev_timer_init(&t, on_break, NULL);
	ev_hook(loop, count_hook, NULL);
	assert_int_equal(ev_timer_set(loop, &t, 30), 0);
	assert_int_equal(ev_loop(loop), 0);
	assert_true(turns <= 2);
}

#define NTIMERS 500
static struct ev_timer timers[NTIMERS];
static bool fired[NTIMERS];
static uint64_t last_at;
static size_t nfired;

static void
on_ordered(struct ev_timer *t)
{
	size_t i = (size_t)(t - timers);

	assert_true(t->at >= last_at);
	assert_true(t->at <= ev_now(loop));
	assert_false(ev_timer_pending(t));
	assert_false(fired[i]);
	fired[i] = true;
	last_at = t->at;
	nfired++;
}

/* Set, set again, and delete at random; what stays fires once, in order. */
static void
test_timer_order(void **state)
{
	struct ev_timer end;
	size_t i, left = 0;
	int round;

	(void)state;
	srand(7);
	last_at = nfired = 0;
	memset(fired, 0, sizeof(fired));
	for (i = 0; i < NTIMERS; i++)
		ev_timer_init(&timers[i], on_ordered, NULL);
	for (round = 0; round < 20000; round++) {
		i = (size_t)rand() % NTIMERS;
		if (rand() % 4 == 0)
			ev_timer_del(loop, &timers[i]);
		else
			assert_int_equal(ev_timer_set(loop, &timers[i],
					     (uint64_t)rand() % 40),
			    0);
	}
	for (i = 0; i < NTIMERS; i++)
		left += ev_timer_pending(&timers[i]);
	assert_in_range(left, 1, NTIMERS);
	ev_timer_init(&end, on_break, NULL);
	assert_int_equal(ev_timer_set(loop, &end, 60), 0);
	assert_int_equal(ev_loop(loop), 0);
	assert_int_equal(nfired, left);
}

static void
test_timer_delete(void **state)
{
	struct ev_timer a, b;

	(void)state;
	ev_timer_init(&a, (void (*)(struct ev_timer *))NULL, NULL);
	ev_timer_init(&b, on_break, NULL);
	ev_timer_del(loop, &a); /* was never set */
	assert_int_equal(ev_timer_set(loop, &a, 0), 0);
	assert_int_equal(ev_timer_set(loop, &b, 1), 0);
	ev_timer_del(loop, &a);
	assert_false(ev_timer_pending(&a));
	assert_int_equal(ev_loop(loop), 0);
}

/* One timer deletes another that is due in the same turn. */
static struct ev_timer due[2];

static void
on_delete_other(struct ev_timer *t)
{
	ev_timer_del(loop, t == &due[0] ? &due[1] : &due[0]);
	nfired++;
}

static void
test_timer_delete_due(void **state)
{
	int i;

	(void)state;
	nfired = 0;
	for (i = 0; i < 2; i++) {
		ev_timer_init(&due[i], on_delete_other, NULL);
		assert_int_equal(ev_timer_set(loop, &due[i], 0), 0);
	}
	one_turn();
	one_turn();
	assert_int_equal(nfired, 1);
}

static void
on_again(struct ev_timer *t)
{
	nfired++;
	assert_int_equal(ev_timer_set(loop, t, 0), 0);
}

/* A timer that is always due leaves room for descriptors and other timers. */
static void
test_timer_always_due(void **state)
{
	struct watcher *w = watcher_new(EPOLLIN);
	struct ev_timer again, end;

	(void)state;
	nfired = 0;
	ev_timer_init(&again, on_again, NULL);
	ev_timer_init(&end, on_break, NULL);
	assert_int_equal(ev_timer_set(loop, &again, 0), 0);
	assert_int_equal(ev_timer_set(loop, &end, 5), 0);
	poke(w);
	assert_int_equal(ev_loop(loop), 0);
	assert_true(nfired > 1);
	assert_true(w->calls > 1);
	ev_timer_del(loop, &again);
	watcher_free(w);
}

static void
test_timer_far(void **state)
{
	struct ev_timer far;

	(void)state;
	ev_timer_init(&far, nothing, NULL);
	assert_int_equal(ev_timer_set(loop, &far, UINT64_MAX), 0);
	assert_int_equal(far.at, UINT64_MAX);
	one_turn();
	assert_true(ev_timer_pending(&far));
	assert_int_equal(ev_timer_set(loop, &far, (uint64_t)1 << 40), 0);
	one_turn();
	ev_timer_del(loop, &far);
}

/* --- hook, break, clocks --- */

static struct watcher *seen;

static bool
after_hook(void *arg)
{
	unsigned *polls = arg;

	/* events and timers of the turn came first */
	assert_true(seen->calls >= 1);
	assert_true(nfired >= 1);
	if (++*polls == 3) {
		ev_break(loop);
		return false;
	}
	return true; /* nothing else could end the next wait */
}

static void
test_hook(void **state)
{
	struct ev_timer t;
	unsigned polls = 0;

	(void)state;
	nfired = 0;
	seen = watcher_new(EPOLLIN);
	seen->once = true;
	poke(seen);
	ev_timer_init(&t, on_delete_other, NULL);
	memset(due, 0, sizeof(due));
	assert_int_equal(ev_timer_set(loop, &t, 0), 0);
	ev_hook(loop, after_hook, &polls);
	assert_int_equal(ev_loop(loop), 0);
	assert_int_equal(polls, 3);
	watcher_free(seen);
}

/* The turn in which somebody breaks is finished, its hook included. */
static void
test_break_finishes_turn(void **state)
{
	struct ev_timer t;

	(void)state;
	turns = 0;
	ev_timer_init(&t, on_break, NULL);
	assert_int_equal(ev_timer_set(loop, &t, 0), 0);
	ev_hook(loop, count_hook, NULL);
	assert_int_equal(ev_loop(loop), 0);
	assert_int_equal(turns, 1);
}

static void
test_clocks(void **state)
{
	uint64_t before = ev_now(loop), real;
	struct timespec ts;

	(void)state;
	do
		assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &ts), 0);
	while ((uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000 <=
	    before);
	assert_int_equal(ev_now(loop), before); /* only once a turn */
	ev_update_time(loop);
	assert_true(ev_now(loop) > before);
	real = (uint64_t)time(NULL) * 1000;
	assert_in_range(ev_realtime(loop), real - 1000, real + 2000);
}

#define with_loop(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_loop(test_io),
		with_loop(test_io_errors),
		with_loop(test_io_moves_to_other_fd),
		with_loop(test_io_delete_self),
		with_loop(test_io_delete_other),
		with_loop(test_io_free_others),
		with_loop(test_io_replaced),
		with_loop(test_io_muted),
		with_loop(test_io_many),
		with_loop(test_timer_not_early),
		with_loop(test_timer_no_spin),
		with_loop(test_timer_order),
		with_loop(test_timer_delete),
		with_loop(test_timer_delete_due),
		with_loop(test_timer_always_due),
		with_loop(test_timer_far),
		with_loop(test_hook),
		with_loop(test_break_finishes_turn),
		with_loop(test_clocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
