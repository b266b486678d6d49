/* SPDX-License-Identifier: ISC */
/* link: regress/unit/queued_dest_stage.o
 * queued/dest.o queued/bucket.o */
/* link: queued/pheap.o common/msg/addr.o common/base/ibuf.o */
/* link: common/base/netaddr.o */
/* How much a destination is given: probes, windows, slow replies, rates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include <cmocka.h>

#include "queued/dest.h"
#include "queued/sched.h"
#include "queued/session.h"
#include "regress/unit/queued_dest_stage.h"

/*
 * A destination that has no session is tried with one, whatever its window:
 * at first, after a pause, and after a while without mail.
 */
static void
test_probe(void **state)
{
	struct part *p = parts_new(50);
	struct dest *d;
	unsigned i;

	(void)state;
	start();
	d = get("example.net");
	for (i = 0; i < 50; i++)
		dest_push(&ds, d, &p[i]);
	assert_ptr_equal(TAILQ_FIRST(&ds.probing[SIDE_EXT]), d);
	dest_opening(&ds, d);
	dest_opened(&ds, d);
	for (i = 0; i < 9; i++)
		dest_success(&ds, d, true);
	assert_int_equal(d->window, 10);
	/* it is known to work */
	assert_ptr_equal(TAILQ_FIRST(&ds.hungry[SIDE_EXT]), d);
	assert_true(TAILQ_EMPTY(&ds.probing[SIDE_EXT]));
	dest_closed(&ds, d, true);
	/* the window is ten, but nobody knows whether it still is there */
	assert_true(dest_wants(&ds, d));
	dest_opening(&ds, d);
	assert_false(dest_wants(&ds, d));
	dest_opened(&ds, d);
	for (i = 1; i < 10; i++) {
		assert_true(dest_wants(&ds, d));
		dest_opening(&ds, d);
	}
	assert_false(dest_wants(&ds, d));
	for (i = 1; i < 10; i++)
		dest_closed(&ds, d, false);
	dest_closed(&ds, d, true);
	/* it goes away: after the pause there is one again, and one it stays */
	dest_opening(&ds, d);
	assert_true(dest_open_failed(&ds, d, &trouble, 1000, 500));
	dest_closed(&ds, d, false);
	assert_int_equal(d->window, 1);
	assert_ptr_equal(dests_due(&ds, 1500), d);
	assert_ptr_equal(TAILQ_FIRST(&ds.probing[SIDE_EXT]), d);
	assert_true(TAILQ_EMPTY(&ds.hungry[SIDE_EXT]));
	dest_opening(&ds, d);
	assert_false(dest_wants(&ds, d));
	dest_opened(&ds, d);
	assert_false(dest_wants(&ds, d));
	empty(d);
	dest_closed(&ds, d, true);
	dests_free(&ds);
	free(p);
}

static void
replies(struct dest *d, unsigned n, uint32_t ms)
{
	while (n-- > 0)
		dest_replied(&ds, d, ms);
}

/* Slow beside what is usual there, all of a window's worth: fewer. */
static void
test_slow(void **state)
{
	struct dest *d;
	unsigned i;

	(void)state;
	start();
	d = get("example.net");
	replies(d, 30, 100);
	assert_int_equal(d->window, 20);
	/* 800 ms are not: three times as much, and half a second */
	replies(d, 100, 800);
	assert_int_equal(d->window, 20);
	replies(d, 200, 100);
	/* slow ones now and then are not */
	for (i = 0; i < 50; i++) {
		replies(d, 19, 5000);
		replies(d, 1, 100);
	}
	assert_int_equal(d->window, 20);
	replies(d, 100, 100);
	/* but as many in a row as there may be sessions */
	replies(d, 19, 5000);
	assert_int_equal(d->window, 20);
	replies(d, 1, 5000);
	assert_int_equal(d->window, 15);
	replies(d, 15, 5000);
	assert_int_equal(d->window, 12);
	replies(d, 12 + 9, 5000);
	assert_int_equal(d->window, 7);
	/* fewer sessions have helped: one more for as many as there are */
	replies(d, 7, 100);
	assert_int_equal(d->window, 8);
	replies(d, 7, 100);
	assert_int_equal(d->window, 8);
	replies(d, 1, 100);
	assert_int_equal(d->window, 9);
	/* one is left in any case */
	replies(d, 60, 3600000);
	assert_in_range(d->window, 1, 2);
	dests_free(&ds);
}

/* What stays slow is usual, some hundred results later; no number is odd. */
static void
test_usual(void **state)
{
	struct dest *d;
	unsigned n = 0;

	(void)state;
	start();
	d = get("example.net");
	replies(d, 30, 20);
	while (d->window < 20 || n < 40) {
		replies(d, 1, 2000);
		assert_true(n++ < 2000);
	}
	assert_true(n > 150);
	/* less is usual soon */
	replies(d, 40, 20);
	assert_true(d->usual < 128 * 100);
	/* what a worker may say is what it likes */
	replies(d, 5000, UINT32_MAX);
	replies(d, 200, 0);
	assert_int_equal(d->window, 20);
	/* a success that was not timed is as good as any */
	d->window = 5;
	d->slow_start = true;
	dest_success(&ds, d, true);
	assert_int_equal(d->window, 6);
	dests_free(&ds);
}

/* A rate: one timer, whatever waits, and nobody is tried before. */
static void
test_rate(void **state)
{
	static const struct conf_pace slow = { .rate = { 10, 1 } };
	struct part *p = parts_new(1000);
	struct dest *d;
	struct session s = { 0 };
	uint64_t now = 5000;
	unsigned i, n = 0, wakes = 0;

	(void)state;
	start();
	d = get("big.test");
	dest_set_pace(&ds, d, &slow, now);
	for (i = 0; i < 1000; i++)
		dest_push(&ds, d, &p[i]);
	dest_opening(&ds, d);
	dest_opened(&ds, d);
	TAILQ_INSERT_HEAD(&d->idle, &s, of_dest);
	dest_check(&ds, d);
	while (n < 100) {
		while (TAILQ_FIRST(&ds.fed) == d) {
			assert_non_null(dest_pop(&ds, d));
			dest_spend(&ds, d, now);
			n++;
		}
		assert_null(dest_pop(&ds, d));
		assert_false(dest_wants(&ds, d));
		assert_true(TAILQ_EMPTY(&ds.hungry[SIDE_EXT]));
		assert_int_equal(dests_next_time(&ds), now + 100);
		assert_null(dests_due(&ds, now + 99));
		now = dests_next_time(&ds);
		assert_ptr_equal(dests_due(&ds, now), d);
		wakes++;
	}
	assert_int_equal(wakes, 100);
	/* with nothing to send there is no timer */
	(void)dests_due(&ds, now);
	dest_spend(&ds, d, now);
	empty(d);
	d->spent = true;
	while (d->nready > 0)
		dest_take(&ds, TAILQ_FIRST(&d->ready));
	assert_int_equal(dests_next_time(&ds), SCHED_NEVER);
	/* a new one that comes while there is no token waits for it */
	dest_push(&ds, d, &p[0]);
	assert_int_equal(dests_next_time(&ds), now + 100);
	/* and goes at once when the limit is lifted */
	dest_set_pace(&ds, d, NULL, now);
	assert_ptr_equal(TAILQ_FIRST(&ds.fed), d);
	assert_ptr_equal(dest_pop(&ds, d), &p[0]);
	TAILQ_REMOVE(&d->idle, &s, of_dest);
	dest_closed(&ds, d, true);
	dests_free(&ds);
	free(p);
}

/* A pause and a rate: the later of the two. */
static void
test_rate_and_pause(void **state)
{
	static const struct conf_pace slow = { .rate = { 1, 60 } };
	struct part *p = parts_new(1);
	struct dest *d;

	(void)state;
	start();
	d = get("big.test");
	dest_set_pace(&ds, d, &slow, 1000);
	dest_push(&ds, d, p);
	dest_opening(&ds, d);
	dest_spend(&ds, d, 1000);
	assert_true(dest_open_failed(&ds, d, &trouble, 1000, 30000));
	dest_closed(&ds, d, false);
	assert_int_equal(dests_next_time(&ds), 61000);
	assert_ptr_equal(dests_due(&ds, 61000), d);
	assert_true(dest_wants(&ds, d));
	dest_opening(&ds, d);
	assert_true(dest_open_failed(&ds, d, &trouble, 61000, 90000));
	dest_closed(&ds, d, false);
	assert_int_equal(dests_next_time(&ds), 151000);
	/* a flush ends the pause, not the limit */
	dest_spend(&ds, d, 61000);
	dest_flush(&ds, d);
	assert_false(dest_wants(&ds, d));
	assert_int_equal(dests_next_time(&ds), 121000);
	empty(d);
	dest_take(&ds, p);
	dests_free(&ds);
	free(p);
}

/* Limits of its own, and of a domain that shares its host. */
static void
test_own(void **state)
{
	static const struct conf_pace two = { .sessions = 2 };
	static const struct conf_pace many = { .sessions = 50 };
	struct msg_hop hop = { .kind = CONF_ROUTE_SMARTHOST, .nhosts = 1 };
	struct part *p = parts_new(100);
	struct dest *d, *own;
	unsigned i;

	(void)state;
	start();
	(void)strlcpy(hop.hosts[0].name, "h.test", sizeof(hop.hosts[0].name));
	hop.hosts[0].port = 25;
	d = dest_get(&ds, SIDE_EXT, &hop);
	own = dest_get_own(&ds, SIDE_EXT, &hop, "big.test");
	assert_ptr_not_equal(own, d);
	assert_ptr_equal(dest_get_own(&ds, SIDE_EXT, &hop, "big.test"), own);
	assert_ptr_not_equal(dest_get_own(&ds, SIDE_EXT, &hop, "a.test"), own);
	assert_ptr_equal(dest_get_own(&ds, SIDE_EXT, &hop, ""), d);
	assert_string_equal(d->name, "h.test");
	assert_string_equal(own->name, "big.test");
	/* the same for whoever connects */
	assert_int_equal(own->hop_len, d->hop_len);
	assert_memory_equal(own->hop, d->hop, d->hop_len);
	for (i = 0; i < 100; i++)
		dest_push(&ds, own, &p[i]);
	dest_set_pace(&ds, own, &many, 1000);
	dest_opening(&ds, own);
	dest_opened(&ds, own);
	for (i = 0; i < 100; i++)
		dest_success(&ds, own, true);
	assert_int_equal(own->window, 50);
	dest_set_pace(&ds, own, &two, 1000);
	assert_int_equal(own->window, 2);
	dest_opening(&ds, own);
	assert_false(dest_wants(&ds, own));
	dest_set_pace(&ds, own, NULL, 1000);
	for (i = 0; i < 100; i++)
		dest_success(&ds, own, true);
	assert_int_equal(own->window, 20);
	empty(own);
	dest_closed(&ds, own, true);
	dest_closed(&ds, own, false);
	dests_free(&ds);
	free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_probe),
		cmocka_unit_test(test_slow),
		cmocka_unit_test(test_usual),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_rate_and_pause),
		cmocka_unit_test(test_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
