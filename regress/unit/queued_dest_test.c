/* SPDX-License-Identifier: ISC */
/* link: regress/unit/queued_dest_stage.o
 * queued/dest.o queued/bucket.o queued/dom.o queued/session.o
 * queued/ask.o */
/* link: queued/pheap.o common/msg/addr.o common/base/ibuf.o */
/* link: common/base/netaddr.o */
/* Destinations, domains, sessions and questions: lists, windows, pauses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include <cmocka.h>

#include "queued/ask.h"
#include "queued/dest.h"
#include "queued/dom.h"
#include "queued/sched.h"
#include "queued/session.h"
#include "regress/unit/queued_dest_stage.h"

static void
test_identity(void **state)
{
	struct msg_hop hop = { .kind = CONF_ROUTE_HOSTS, .nhosts = 2 };
	struct dest *a, *b;

	(void)state;
	start();
	assert_ptr_equal(get("example.net"), get("example.net"));
	assert_ptr_not_equal(get("example.net"), get("example.org"));
	(void)strlcpy(hop.hosts[0].name, "a.test", sizeof(hop.hosts[0].name));
	(void)strlcpy(hop.hosts[1].name, "b.test", sizeof(hop.hosts[1].name));
	hop.hosts[0].port = hop.hosts[1].port = 25;
	a = dest_get(&ds, SIDE_INT, &hop);
	assert_non_null(a);
	assert_string_equal(a->name, "a.test");
	/* the same hosts by the other door are another destination */
	assert_ptr_not_equal(dest_get(&ds, SIDE_EXT, &hop), a);
	hop.hosts[1].port = 26;
	b = dest_get(&ds, SIDE_INT, &hop);
	assert_ptr_not_equal(a, b);
	hop.hosts[1].port = 25;
	assert_ptr_equal(dest_get(&ds, SIDE_INT, &hop), a);
	/* so are they where TLS is another matter: no connection is shared */
	hop.tls = 7;
	b = dest_get(&ds, SIDE_INT, &hop);
	assert_ptr_not_equal(a, b);
	assert_string_equal(b->name, "a.test");
	hop.tls = 0;
	assert_ptr_equal(dest_get(&ds, SIDE_INT, &hop), a);
	dests_free(&ds);
}

/* What is not used is forgotten, what is in use never. */
static void
test_forget(void **state)
{
	struct part *p = parts_new(1);
	struct dest *kept, *held;
	char name[32];
	unsigned i;

	(void)state;
	start();
	kept = get("kept");
	dest_push(&ds, kept, p);
	held = get("held");
	dest_ref(&ds, held);
	for (i = 0; i < 3 * DEST_IDLE_MAX; i++) {
		(void)snprintf(name, sizeof(name), "d%u.test", i);
		assert_non_null(get(name));
	}
	assert_int_equal(ds.nunused, DEST_IDLE_MAX);
	assert_int_equal(ds.n, DEST_IDLE_MAX + 2);
	assert_ptr_equal(get("kept"), kept);
	assert_ptr_equal(get("held"), held);
	dest_unref(&ds, held);
	assert_ptr_equal(dest_pop(&ds, kept), p);
	assert_int_equal(ds.nunused, DEST_IDLE_MAX + 2);
	dests_free(&ds);
	free(p);
}

static void
test_order(void **state)
{
	struct part *p = parts_new(4);
	struct dest *d;

	(void)state;
	start();
	d = get("example.net");
	dest_push(&ds, d, &p[0]);
	dest_defer(&ds, d, &p[1], 2000);
	dest_defer(&ds, d, &p[2], 1000);
	dest_push_front(&ds, d, &p[3]);
	assert_int_equal(d->nparts, 4);
	assert_int_equal(dests_next_time(&ds), 1000);
	assert_null(dests_due(&ds, 999));
	assert_ptr_equal(dests_due(&ds, 1000), d);
	dest_wake(&ds, d, 1000, 10);
	assert_int_equal(dests_next_time(&ds), 2000);
	assert_ptr_equal(dest_pop(&ds, d), &p[3]);
	assert_ptr_equal(dest_pop(&ds, d), &p[0]);
	assert_ptr_equal(dest_pop(&ds, d), &p[2]);
	assert_null(dest_pop(&ds, d));
	assert_int_equal(p[0].state, PART_NEW);
	assert_null(p[0].dest);
	/* taken from the middle, whatever it was waiting for */
	dest_push(&ds, d, &p[0]);
	dest_push(&ds, d, &p[2]);
	dest_push(&ds, d, &p[3]);
	dest_take(&ds, &p[2]);
	dest_take(&ds, &p[1]);
	assert_int_equal(dests_next_time(&ds), SCHED_NEVER);
	assert_ptr_equal(dest_pop(&ds, d), &p[0]);
	assert_ptr_equal(dest_pop(&ds, d), &p[3]);
	assert_int_equal(d->nparts, 0);
	dests_free(&ds);
	free(p);
}

static void
test_bounded_wake(void **state)
{
	struct part *p = parts_new(100);
	struct dest *d;
	unsigned i;

	(void)state;
	start();
	d = get("example.net");
	for (i = 0; i < 100; i++)
		dest_defer(&ds, d, &p[i], 100 - i);
	dest_wake(&ds, d, 100, 30);
	assert_int_equal(d->nready, 30);
	assert_ptr_equal(dests_due(&ds, 100), d);
	dest_wake(&ds, d, 50, 30);
	assert_int_equal(d->nready, 50);
	assert_null(dests_due(&ds, 50));
	/* a flush wakes what is there, however long it had to wait */
	dest_flush(&ds, d);
	assert_ptr_equal(dests_due(&ds, 0), d);
	dest_wake(&ds, d, 0, 20);
	assert_int_equal(d->nready, 70);
	dest_pop(&ds, d);
	dest_defer(&ds, d, &p[99], 1);
	dest_wake(&ds, d, 0, 1000);
	assert_int_equal(d->nready, 99);
	assert_int_equal(d->later.n, 1);
	assert_null(dests_due(&ds, 0));
	empty(d);
	dests_free(&ds);
	free(p);
}

/* One probe, then more and more as it works, never more than the limit. */
static void
test_window(void **state)
{
	struct part *p = parts_new(100);
	struct dest *d;
	unsigned i;

	(void)state;
	start();
	d = get("example.net");
	assert_false(dest_wants(&ds, d));
	for (i = 0; i < 100; i++)
		dest_push(&ds, d, &p[i]);
	assert_ptr_equal(TAILQ_FIRST(&ds.probing[SIDE_EXT]), d);
	dest_opening(&ds, d);
	assert_false(dest_wants(&ds, d));
	assert_true(TAILQ_EMPTY(&ds.hungry[SIDE_EXT]));
	dest_opened(&ds, d);
	assert_false(dest_wants(&ds, d));
	for (i = 2; i <= 20; i++) {
		dest_success(&ds, d, true);
		assert_int_equal(d->window, i);
		assert_true(dest_wants(&ds, d));
		dest_opening(&ds, d);
		dest_opened(&ds, d);
		assert_false(dest_wants(&ds, d));
	}
	dest_success(&ds, d, true);
	assert_int_equal(d->window, 20);
	/* an orderly deferral is not a sign of strength or weakness */
	dest_success(&ds, d, false);
	assert_int_equal(d->window, 20);
	ds.limit = 5;
	dest_closed(&ds, d, true);
	assert_false(dest_wants(&ds, d));
	empty(d);
	for (i = 0; i < 19; i++)
		dest_closed(&ds, d, true);
	dests_free(&ds);
	free(p);
}

/* Not more sessions than there are parts for them. */
static void
test_few_parts(void **state)
{
	struct part *p = parts_new(2);
	struct dest *d;

	(void)state;
	start();
	d = get("example.net");
	d->window = 10;
	dest_opening(&ds, d);
	dest_opened(&ds, d);
	dest_push(&ds, d, &p[0]);
	dest_opening(&ds, d);
	assert_false(dest_wants(&ds, d));
	dest_push(&ds, d, &p[1]);
	assert_true(dest_wants(&ds, d));
	empty(d);
	dest_closed(&ds, d, false);
	dest_closed(&ds, d, true);
	dests_free(&ds);
	free(p);
}

static void
test_pause(void **state)
{
	struct part *p = parts_new(3);
	struct dest *d;
	unsigned i;

	(void)state;
	start();
	d = get("dead.test");
	for (i = 0; i < 3; i++)
		dest_push(&ds, d, &p[i]);
	for (i = 1; i < 4; i++) {
		uint64_t now = i * 10000;

		assert_true(dest_wants(&ds, d));
		dest_opening(&ds, d);
		assert_true(dest_open_failed(&ds, d, &trouble, now, 500));
		dest_closed(&ds, d, false);
		assert_int_equal(d->fails, i);
		assert_int_equal(d->trouble->reason, REASON_CONNECT);
		assert_false(dest_wants(&ds, d));
		assert_int_equal(dests_next_time(&ds), now + 500);
		assert_null(dests_due(&ds, now + 499));
		assert_ptr_equal(dests_due(&ds, now + 500), d);
		dest_wake(&ds, d, now + 500, 10);
		assert_null(dests_due(&ds, now + 500));
		/* no part was touched */
		assert_int_equal(d->nready, 3);
	}
	/* it lives: everything is as new */
	dest_opening(&ds, d);
	dest_opened(&ds, d);
	dest_success(&ds, d, true);
	assert_int_equal(d->fails, 0);
	assert_null(d->trouble);
	assert_int_equal(d->window, 2);
	/* a second one fails beside it: it has what it takes, for now */
	dest_opening(&ds, d);
	assert_false(dest_open_failed(&ds, d, &trouble, 90000, 500));
	dest_closed(&ds, d, false);
	assert_int_equal(d->window, 1);
	assert_int_equal(d->fails, 0);
	assert_int_equal(dests_next_time(&ds), 91000);
	assert_ptr_equal(dests_due(&ds, 91000), d);
	/* and grows more slowly from then on */
	dest_success(&ds, d, true);
	assert_int_equal(d->window, 2);
	dest_success(&ds, d, true);
	assert_int_equal(d->window, 2);
	dest_success(&ds, d, true);
	assert_int_equal(d->window, 3);
	empty(d);
	dest_closed(&ds, d, true);
	dests_free(&ds);
	free(p);
}

/* Several probes at once: the last to fail counts. */
static void
test_pause_together(void **state)
{
	struct part *p = parts_new(3);
	struct dest *d;
	unsigned i;

	(void)state;
	start();
	d = get("dead.test");
	d->window = 3;
	for (i = 0; i < 3; i++) {
		dest_push(&ds, d, &p[i]);
		dest_opening(&ds, d);
	}
	for (i = 0; i < 3; i++) {
		assert_int_equal(dest_open_failed(&ds, d, &trouble, 1000, 500),
		    i == 2);
		dest_closed(&ds, d, false);
	}
	assert_int_equal(d->fails, 1);
	empty(d);
	dests_free(&ds);
	free(p);
}

/* A server that greets and then drops each job is as good as dead. */
static void
test_losses(void **state)
{
	struct part *p = parts_new(9);
	struct dest *d;
	unsigned i;

	(void)state;
	start();
	d = get("rude.test");
	for (i = 0; i < 9; i++)
		dest_push(&ds, d, &p[i]);
	for (i = 1; i < 4; i++) {
		dest_opening(&ds, d);
		dest_opened(&ds, d);
		assert_int_equal(dest_job_lost(&ds, d, &trouble, 1000, 500),
		    i == 3);
		dest_closed(&ds, d, true);
	}
	assert_int_equal(d->fails, 1);
	assert_false(dest_wants(&ds, d));
	empty(d);
	dests_free(&ds);
	free(p);
}

static void
test_refused(void **state)
{
	struct part *p = parts_new(5);
	struct dest *d;
	unsigned i;

	(void)state;
	start();
	d = get("nxdomain.test");
	for (i = 0; i < 3; i++)
		dest_push(&ds, d, &p[i]);
	dest_defer(&ds, d, &p[3], 5000);
	dest_refused(&ds, d, &trouble);
	dest_push(&ds, d, &p[4]); /* came later: it asks again */
	assert_false(dest_wants(&ds, d));
	assert_null(dest_pop(&ds, d));
	assert_ptr_equal(dests_due(&ds, 0), d);
	assert_ptr_equal(dest_pop_refused(&ds, d), &p[0]);
	dest_take(&ds, &p[1]); /* removed by the operator */
	assert_ptr_equal(dest_pop_refused(&ds, d), &p[2]);
	while (dest_pop_refused(&ds, d) != NULL)
		;
	assert_int_equal(d->refused, 0);
	assert_null(dests_due(&ds, 0));
	empty(d);
	dests_free(&ds);
	free(p);
}

/* Those that want a session get one each before any gets a second. */
static void
test_fed_and_hungry(void **state)
{
	struct sessions ss;
	struct part *p = parts_new(4);
	struct dest *d;
	struct worker *w;
	struct session *s;

	(void)state;
	start();
	sessions_init(&ss);
	assert_null(sessions_pick(&ss, SIDE_EXT, false));
	w = sessions_worker(&ss, SIDE_EXT, 1);
	w->up = true;
	assert_ptr_equal(sessions_pick(&ss, SIDE_EXT, false), w);
	assert_null(sessions_pick(&ss, SIDE_INT, false));
	assert_null(sessions_worker(&ss, SIDE_EXT, CONF_WORKERS_MAX));
	d = get("example.net");
	s = session_new(&ss, w, d);
	dest_opening(&ds, d);
	dest_opened(&ds, d);
	session_set_idle(&ss, s, 5);
	dest_check(&ds, d);
	assert_true(TAILQ_EMPTY(&ds.fed));
	dest_push(&ds, d, &p[0]);
	assert_ptr_equal(TAILQ_FIRST(&ds.fed), d);
	assert_true(TAILQ_EMPTY(&ds.hungry[SIDE_EXT]));
	session_unset_idle(&ss, s, SESSION_BUSY);
	dest_check(&ds, d);
	assert_true(TAILQ_EMPTY(&ds.fed));
	assert_ptr_equal(session_find(&ss, w, s->id), s);
	assert_null(session_find(&ss, w, s->id + 1));
	assert_null(session_find(&ss, w, UINT32_MAX));
	assert_null(
	    session_find(&ss, sessions_worker(&ss, SIDE_EXT, 0), s->id));
	empty(d);
	session_free(&ss, s);
	dest_closed(&ds, d, true);
	sessions_free(&ss);
	dests_free(&ds);
	free(p);
}

static void
test_session_ids(void **state)
{
	enum { N = 300 };
	struct session *s[N];
	struct sessions ss;
	struct worker *w, *v;
	struct dest *d;
	unsigned i;

	(void)state;
	start();
	sessions_init(&ss);
	d = get("example.net");
	w = sessions_worker(&ss, SIDE_EXT, 0);
	v = sessions_worker(&ss, SIDE_EXT, 1);
	w->up = v->up = true;
	for (i = 0; i < N; i++) {
		s[i] = session_new(&ss, sessions_pick(&ss, SIDE_EXT, false), d);
		assert_non_null(s[i]);
	}
	assert_int_equal(w->nsessions, N / 2);
	assert_int_equal(v->nsessions, N / 2);
	for (i = 0; i < N; i++)
		assert_ptr_equal(session_find(&ss, s[i]->worker, s[i]->id),
		    s[i]);
	for (i = 0; i < N; i += 2)
		session_free(&ss, s[i]);
	for (i = 0; i < N; i += 2) {
		s[i] = session_new(&ss, w, d);
		assert_true(s[i]->id < 512);
	}
	assert_int_equal(ss.n, N);
	assert_int_equal(session_add_rcpt(s[0], "a@example.net"), 0);
	assert_int_equal(session_add_rcpt(s[0], "b@example.net"), 0);
	assert_string_equal(s[0]->rcpts + 14, "b@example.net");
	sessions_free(&ss);
	dests_free(&ds);
}

static void
test_domains(void **state)
{
	struct part *p = parts_new(3);
	struct doms doms;
	struct dom *a, *b;
	struct dest *d;
	char name[32];
	unsigned i;

	(void)state;
	start();
	doms_init(&doms, &ds);
	a = dom_get(&doms, "Example.NET", 11);
	assert_ptr_equal(dom_get(&doms, "example.net", 11), a);
	assert_string_equal(a->name, "example.net");
	assert_null(dom_get(&doms, "", 0));
	assert_null(dom_find(&doms, "example.org", 11));
	assert_int_equal(dom_route(a, 0), DOM_UNKNOWN);
	d = get("example.net");
	dom_set_route(&doms, a, DOM_ROUTED, d, 7);
	assert_int_equal(d->nrefs, 1);
	assert_int_equal(dom_route(a, 7), DOM_ROUTED);
	assert_int_equal(dom_route(a, 8), DOM_UNKNOWN);
	dom_hold(&doms, a);
	for (i = 0; i < 3; i++) {
		p[i].dom = a;
		dom_put(a, &p[i], i == 2 ? PART_STUCK : PART_ROUTE);
	}
	assert_int_equal(a->waiting.n, 2);
	assert_int_equal(a->stuck.n, 1);
	dom_take(&p[0]);
	dom_put(a, &p[0], PART_ASKED);
	assert_int_equal(a->asked.n, 1);
	for (i = 0; i < 2 * DOM_IDLE_MAX; i++) {
		(void)snprintf(name, sizeof(name), "d%u.test", i);
		assert_non_null(dom_get(&doms, name, strlen(name)));
	}
	assert_int_equal(doms.nunused, DOM_IDLE_MAX);
	assert_ptr_equal(dom_find(&doms, "example.net", 11), a);
	dom_set_asker(&doms, a, true);
	dom_set_asker(&doms, a, true);
	assert_ptr_equal(TAILQ_FIRST(&doms.askers), a);
	dom_set_time(&doms, a, 50);
	b = dom_get(&doms, "b.test", 6);
	dom_set_time(&doms, b, 40);
	assert_int_equal(doms_next_time(&doms), 40);
	dom_set_time(&doms, b, SCHED_NEVER);
	assert_null(doms_due(&doms, 49));
	doms_wake(&doms, 45);
	assert_ptr_equal(doms_due(&doms, 49), a);
	assert_null(doms_due(&doms, 1000));
	for (i = 0; i < 3; i++)
		dom_take(&p[i]);
	dom_release(&doms, a);
	doms_free(&doms);
	assert_int_equal(d->nrefs, 0);
	dests_free(&ds);
	free(p);
}

static void
test_asks(void **state)
{
	struct asks as;
	struct dom dom;
	struct part part;
	struct ask *a, *b;
	uint32_t tx;
	unsigned i;

	(void)state;
	memset(&as, 0, sizeof(as));
	a = ask_new(&as, 100);
	a->dom = &dom;
	a->part = &part;
	tx = a->tx;
	assert_ptr_equal(ask_find(&as, tx), a);
	assert_null(ask_find(&as, tx + ASKS_MAX));
	assert_ptr_equal(ask_of_part(&as, &part), a);
	assert_int_equal(asks_next_time(&as), 100 + ASK_DEADLINE_MS);
	assert_null(ask_late(&as, 99 + ASK_DEADLINE_MS));
	assert_ptr_equal(ask_late(&as, 100 + ASK_DEADLINE_MS), a);
	for (i = 1; i < ASKS_MAX; i++) {
		b = ask_new(&as, 200);
		assert_non_null(b);
		b->dom = &dom;
		b->part = NULL;
	}
	assert_null(ask_new(&as, 300));
	ask_free(&as, a);
	assert_null(ask_find(&as, tx));
	a = ask_new(&as, 300);
	a->dom = &dom;
	/* an answer to the former question is not one to this */
	assert_true(a->tx != tx);
	assert_null(ask_find(&as, tx));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_forget),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_bounded_wake),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_few_parts),
		cmocka_unit_test(test_pause),
		cmocka_unit_test(test_pause_together),
		cmocka_unit_test(test_losses),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_fed_and_hungry),
		cmocka_unit_test(test_session_ids),
		cmocka_unit_test(test_domains),
		cmocka_unit_test(test_asks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
