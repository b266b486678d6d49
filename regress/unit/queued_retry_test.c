/* SPDX-License-Identifier: ISC */
/* link: queued/queue.o queued/queue_accept.o queued/queue_commit.o
 * queued/queue_ctl.o queued/queue_ctl_select.o
 * queued/queue_ctl_shape.o queued/queue_ctl_why.o queued/queue_rules.o
 * queued/rules.o queued/rules_file.o queued/queue_fail.o queued/queue_group.o
 * queued/queue_recover.o queued/queue_result.o queued/queue_route.o
 * queued/queue_send.o queued/queue_time.o queued/queue_age.o
 * queued/notify.o queued/bounce.o
 * queued/dest.o queued/bucket.o queued/pace.o queued/dom.o
 * queued/session.o queued/ask.o queued/pheap.o
 * queued/sched.o queued/direction.o queued/store/envelope.o
 * regress/unit/queued_world.o regress/unit/queued_world_peers.o
 * regress/unit/queued_world_ledger.o regress/unit/queued_stage.o
 * regress/unit/queued_fake_store.o common/smtp.a common/msg.a
 * common/base.a */
/*
 * When the queue tries again, and until when: deferrals, dead destinations,
 * restarts and clocks that jump.
 */
#include <stdio.h>
#include <string.h>

#include "queued_stage.h"

/* Each attempt by the schedule, whatever the server said. */
static void
test_retry(void **state)
{
	static const uint32_t due[] = { 30, 60, 300, 900, 1800, 3600, 7200,
		7200 };
	struct w_session *s;
	uint64_t id, was;
	size_t i;

	(void)state;
	w.conf->schedule.warn_after = 0;
	id = w_mail(ORIGIN_INT, "a@example.com", "b@example.net");
	for (i = 0; i < sizeof(due) / sizeof(due[0]); i++) {
		if (w_session_with_job() == NULL)
			w_ready(w_opening());
		s = w_working();
		w_result(s, false, QO_DEFERRED, REASON_REMOTE_RCPT, 450,
		    "4.2.0", "greylisted");
		w_gone(s, QO_DEFERRED, REASON_NONE, "2.0.0", "");
		was = w.now;
		w_run_until(was + due[i] * 900ULL - 1);
		assert_int_equal(w_count_sessions(), 0);
		w_run_until(was + due[i] * 1100ULL + 1);
		assert_int_equal(w_count_sessions(), 1);
	}
	assert_int_equal(w_find(id, "b@example.net")->deferred, i);
	w_deliver_all();
	assert_int_equal(w_find(id, "b@example.net")->delivered, 1);
}

/* The time of the next attempt is kept across a restart. */
static void
test_retry_restart(void **state)
{
	struct w_session *s;

	(void)state;
	(void)w_mail(ORIGIN_INT, "a@example.com", "b@example.net");
	(void)w_mail(ORIGIN_EXT, "a@example.net", "b@example.com");
	while ((s = w_session_opening()) != NULL)
		w_ready(s);
	while ((s = w_session_with_job()) != NULL)
		w_result(s, true, QO_DEFERRED, REASON_REMOTE_RCPT, 450, "4.2.0",
		    "greylisted");
	w_run_until(w.now + 100);
	w_crash();
	w_peers_up();
	w_run_until(w.now + 26 * 1000);
	assert_int_equal(w_count_sessions(), 0);
	w_run_until(w.now + 8 * 1000);
	assert_int_equal(w_count_sessions(), 2);
}

/* A dead destination: one probe at a time, and the other one flows. */
static void
test_dead_destination(void **state)
{
	struct w_session *s;
	uint64_t first = 0, id = 0;
	unsigned i;

	(void)state;
	for (i = 0; i < 100; i++) {
		id = w_mail(ORIGIN_INT, "a@example.com", "x@dead.test");
		if (i == 0)
			first = id;
	}
	assert_int_equal(w.opens, 1);
	w_gone(w_opening(), QO_DEFERRED, REASON_CONNECT, "4.4.1", "refused");
	assert_int_equal(w.paused, 1);
	assert_int_equal(w_find(first, "x@dead.test")->deferred, 1);
	assert_int_equal(w_count_sessions(), 0);
	/* a newcomer is told of in the log as well */
	id = w_mail(ORIGIN_INT, "a@example.com", "y@dead.test");
	assert_int_equal(w_find(id, "y@dead.test")->deferred, 1);
	id = w_mail(ORIGIN_INT, "a@example.com", "z@live.test");
	w_ready(w_opening());
	w_deliver(w_working());
	assert_int_equal(w_find(id, "z@live.test")->delivered, 1);
	w_run_until(w.now + 26 * 1000);
	w_deliver_all();
	assert_int_equal(w_count_sessions(), 0);
	w_run_until(w.now + 8 * 1000);
	s = w_opening();
	assert_string_equal(s->hop.name, "dead.test");
	assert_int_equal(w_count_sessions(), 1);
	w_ready(s);
	w_deliver_all();
	assert_int_equal(w_find(first, "x@dead.test")->delivered, 1);
	assert_int_equal(w.q.nmessages[Q_OUT], 0);
}

/* Destinations that died together do not come back together. */
static void
test_spread(void **state)
{
	enum { N = 200 };
	unsigned i, n, most = 0, opens;
	char rcpt[32];
	uint64_t died;

	(void)state;
	for (i = 0; i < N; i++) {
		(void)snprintf(rcpt, sizeof(rcpt), "x@d%u.test", i);
		(void)w_mail(ORIGIN_INT, "a@example.com", rcpt);
	}
	while (w_session_opening() != NULL)
		w_gone(w_opening(), QO_DEFERRED, REASON_CONNECT, "4.4.1",
		    "refused");
	assert_int_equal(w.opens, N);
	died = w.now;
	/* 30 s, a tenth less to a tenth more */
	w_run_until(died + 27000 - 1);
	assert_int_equal(w.opens, N);
	while (w.now < died + 33000) {
		opens = w.opens;
		w_advance(100);
		n = w.opens - opens;
		if (n > most)
			most = n;
	}
	assert_int_equal(w.opens, 2 * N);
	assert_true(most < N / 10);
}

static void
test_expiry(void **state)
{
	uint64_t id, held;

	(void)state;
	w.conf->schedule.warn_after = 0;
	id = w_mail(ORIGIN_INT, "a@example.com", "x@dead.test");
	w_gone(w_opening(), QO_DEFERRED, REASON_CONNECT, "4.4.1",
	    "connection refused");
	held = w_mail(ORIGIN_INT, "a@example.com", "y@slow.test");
	w_ready(w_opening());
	assert_int_equal(w_count_jobs(), 1);
	/* one at a dead destination, one in a session that never ends */
	while (w.now < W_START + 5 * DAY - HOUR) {
		w_advance(10 * MINUTE);
		if (w_session_opening() != NULL)
			w_gone(w_opening(), QO_DEFERRED, REASON_CONNECT,
			    "4.4.1", "connection refused");
	}
	assert_true(w_is_queued(id));
	assert_int_equal(w.notices, 0);
	w_advance(HOUR);
	assert_false(w_is_queued(id));
	assert_int_equal(w_find(id, "x@dead.test")->failed, 1);
	assert_int_equal(w_find(id, "x@dead.test")->reason, REASON_EXPIRED);
	assert_int_equal(w.notices, 1);
	assert_true(w_is_queued(held));
	w_result(w_working(), true, QO_DEFERRED, REASON_REMOTE_RCPT, 450,
	    "4.2.0", "come back later");
	assert_false(w_is_queued(held));
	assert_int_equal(w.notices, 2);
	w_ready(w_opening());
	assert_non_null(strstr(w_working()->body, "\r\nStatus: 5.4.7\r\n"));
	assert_non_null(strstr(w_working()->body, "connection refused"));
	w_deliver(w_working());
	assert_non_null(strstr(w_working()->body, "450 come back later"));
	w_deliver_all();
	assert_int_equal(w_find(held, "y@slow.test")->reported, 1);
}

/* The clock of the system jumps: no bounce, no storm of attempts. */
static void
test_clock_jumps(void **state)
{
	struct w_session *s;
	unsigned opens;
	uint64_t id;

	(void)state;
	id = w_mail(ORIGIN_INT, "a@example.com", "b@example.net");
	w_ready(w_opening());
	s = w_working();
	w_result(s, false, QO_DEFERRED, REASON_REMOTE_RCPT, 450, "4.2.0", "x");
	w_gone(s, QO_DEFERRED, REASON_NONE, "2.0.0", "");
	opens = w.opens;
	w.real += 3650 * DAY;
	w_advance(100);
	w.real -= 2 * 3650 * DAY;
	w_advance(100);
	assert_int_equal(w.opens, opens);
	assert_true(w_is_queued(id));
	assert_int_equal(w.notices, 0);
	/* and a restart while it is wrong */
	w.real = W_REAL + 3650 * DAY;
	w_crash();
	w_peers_up();
	w_run_until(w.now + 20 * 1000);
	assert_int_equal(w.opens, opens);
	assert_true(w_is_queued(id));
	assert_int_equal(w.notices, 0);
	/* and one when it is right again, or by now too early */
	w.real = W_REAL + MINUTE;
	w_crash();
	w_peers_up();
	w_turn();
	assert_true(w_is_queued(id));
	assert_int_equal(w.opens, opens + 1);
	w.real = W_REAL - 3650 * DAY;
	w_crash();
	w_peers_up();
	w_run_until(w.now + 20 * 1000);
	assert_int_equal(w.opens, opens + 1);
	w_run_until(w.now + 20 * 1000);
	assert_int_equal(w.opens, opens + 2);
	w_deliver_all();
	assert_int_equal(w_find(id, "b@example.net")->delivered, 1);
	assert_int_equal(w.notices, 0);
}

/* --- jumps of the system's clock, one by one --- */

#define YEARS	 (3650 * DAY)
#define NDEAD	 5U
#define PER_DEST 20U

enum restart { NEVER, WHILE_WRONG, AND_AFTERWARDS };

static void
refuse_until(uint64_t at)
{
	uint64_t next;

	while (w.now < at) {
		while (w_session_opening() != NULL)
			w_gone(w_opening(), QO_DEFERRED, REASON_CONNECT,
			    "4.4.1", "refused");
		next = queue_next(&w.q);
		if (next > at)
			next = at;
		w_advance(next > w.now ? next - w.now : 1);
	}
}

static void
check_nothing_ended(void)
{
	size_t i;

	assert_int_equal(w.notices, 0);
	assert_int_equal(w.dropped, 0);
	assert_int_equal(w.q.nmessages[Q_OUT], NDEAD * PER_DEST);
	for (i = 0; i < w.nrcpts; i++)
		assert_int_equal(w.rcpts[i].failed, 0);
}

/* Attempts in ten minutes behind a jump (ms); 0: there is none. */
static unsigned
attempts_after(int64_t jump, enum restart restart)
{
	char to[32];
	unsigned i, opens;

	w.conf->schedule.warn_after = 2 * 3600;
	for (i = 0; i < NDEAD * PER_DEST; i++) {
		(void)snprintf(to, sizeof(to), "u%u@d%u.test", i, i % NDEAD);
		(void)w_mail(ORIGIN_INT, "a@example.com", to);
	}
	refuse_until(W_START + 20 * MINUTE);
	w.real = (uint64_t)((int64_t)w.real + jump);
	opens = w.opens;
	if (restart != NEVER) {
		w_crash();
		w_peers_up();
	}
	refuse_until(w.now + 5 * MINUTE);
	check_nothing_ended();
	w.real = (uint64_t)((int64_t)w.real - jump);
	if (restart == AND_AFTERWARDS) {
		w_crash();
		w_peers_up();
	}
	refuse_until(w.now + 5 * MINUTE);
	check_nothing_ended();
	opens = w.opens - opens;
	/* and all of it is delivered when its time comes, once */
	for (i = 0; w.q.nmessages[Q_OUT] > 0; i++) {
		assert_true(i < 300);
		w_advance(MINUTE);
		w_deliver_all();
	}
	for (i = 0; i < w.nrcpts; i++)
		assert_int_equal(w.rcpts[i].delivered, 1);
	assert_int_equal(w.notices, 0);
	return opens;
}

static void
test_jumps_apart(void **state)
{
	static const int64_t jumps[] = { (int64_t)HOUR, -(int64_t)HOUR,
		(int64_t)YEARS, -(int64_t)YEARS };
	unsigned usual, n;
	size_t i;
	int r;

	for (r = NEVER; r <= AND_AFTERWARDS; r++) {
		usual = attempts_after(0, (enum restart)r);
		for (i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
			world_down(state);
			world_up(state);
			n = attempts_after(jumps[i], (enum restart)r);
			/* each destination is probed early at most once for
			 * each start; while we run, not at all */
			assert_true(n <= usual + NDEAD * (unsigned)r);
			if (r == NEVER)
				assert_true(n + NDEAD >= usual);
		}
		world_down(state);
		world_up(state);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_world(test_retry),
		with_world(test_retry_restart),
		with_world(test_dead_destination),
		with_world(test_spread),
		with_world(test_expiry),
		with_world(test_clock_jumps),
		with_world(test_jumps_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
