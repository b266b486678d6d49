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
 * Workers that die, lie, cross the queue or cannot be reached; messages that
 * kill them or cannot be read.
 */
#include <errno.h>
#include <stdio.h>

#include "common/base/stats.h"

#include "queued_stage.h"

/* A worker dies: what it had is tried again; at the second time it is held. */
static void
test_poison(void **state)
{
	struct w_session *s;
	uint64_t good, bad;
	int kills = 0;

	(void)state;
	good = w_mail(ORIGIN_EXT, "a@example.net", "good@example.com");
	w_ready(w_opening());
	assert_non_null(w_working());
	bad = w_mail(ORIGIN_EXT, "a@example.net", "bad@example.com");
	w_kill_worker(SIDE_INT, w_working()->worker);
	assert_int_equal(w.held, 0);
	while (w.held == 0 || w_is_queued(good)) {
		w_wait_for_job();
		s = w_working();
		if (s->job.msgid == good) {
			w_deliver(s);
			continue;
		}
		assert_int_equal(s->job.msgid, bad);
		w_kill_worker(SIDE_INT, s->worker);
		kills++;
	}
	assert_int_equal(kills, 2);
	assert_int_equal(w_find(good, "good@example.com")->delivered, 1);
	assert_int_equal(w.held, 1);
	w_run_until(w.now + HOUR);
	w_deliver_all();
	assert_int_equal(w_count_sessions(), 0);
	assert_true(fake_held(Q_IN, bad));
	w_crash();
	w_peers_up();
	w_run_until(w.now + HOUR);
	assert_int_equal(w_count_sessions(), 0);
	assert_int_equal(w.q.nheld, 1);
	/* not for ever: its sender is told in the end */
	w_run_until(w.now + 6 * DAY);
	w_deliver_all();
	assert_int_equal(w_find(bad, "bad@example.com")->failed, 1);
	assert_int_equal(w.q.nheld, 0);
}

/* Queued itself dies with a suspect in hand: held at the next start. */
static void
test_poison_queued(void **state)
{
	uint64_t id;

	(void)state;
	id = w_mail(ORIGIN_EXT, "a@example.net", "b@example.com");
	w_ready(w_opening());
	w_kill_worker(SIDE_INT, w_working()->worker);
	w_wait_for_job();
	w_crash();
	assert_int_equal(w.q.nheld, 1);
	assert_true(w_is_queued(id));
}

/* Over and over queued falls over one message, and no worker does. */
static void
test_poison_queued_alone(void **state)
{
	unsigned crashes = 0;
	struct w_session *s;
	uint64_t good, bad;

	(void)state;
	bad = w_mail(ORIGIN_EXT, "a@example.net", "bad@example.com");
	good = w_mail(ORIGIN_EXT, "a@example.net", "good@example.com");
	w_ready(w_opening());
	while (w.q.nheld == 0 || w_is_queued(good)) {
		assert_true(crashes < 4);
		w_wait_for_job();
		s = w_working();
		if (s->job.msgid == good) {
			w_deliver(s);
			continue;
		}
		assert_int_equal(s->job.msgid, bad);
		w_crash();
		crashes++;
		queue_be_wary(&w.q);
		w_peers_up();
	}
	/* the first time nobody knew; then it is counted twice */
	assert_int_equal(crashes, 3);
	assert_int_equal(w_find(good, "good@example.com")->delivered, 1);
	assert_true(fake_held(Q_IN, bad));
}

/* It is known what queued had in hand: the second time is the last. */
static void
test_poison_in_hand(void **state)
{
	unsigned crashes = 0;
	uint64_t bad;

	(void)state;
	bad = w_mail(ORIGIN_EXT, "a@example.net", "bad@example.com");
	w_ready(w_opening());
	while (w.q.nheld == 0) {
		assert_true(crashes < 4);
		w_wait_for_job();
		assert_int_equal(stats_kept(), 0);
		assert_int_equal(w_working()->job.msgid, bad);
		stats_keep(bad); /* in the midst of it */
		w_crash();
		crashes++;
		queue_be_wary(&w.q);
		queue_blame(&w.q, stats_kept());
		assert_int_equal(stats_kept(), 0);
		w_peers_up();
	}
	assert_int_equal(crashes, 2);
	w_run_until(w.now + 1000);
	assert_true(fake_held(Q_IN, bad));
	queue_blame(&w.q, 0);
	queue_blame(&w.q, 12345); /* nobody any more */
}

/* While it is wary all mail flows, and nothing innocent is left marked. */
static void
test_wary(void **state)
{
	char to[32];
	unsigned i;

	(void)state;
	queue_be_wary(&w.q);
	for (i = 0; i < 20; i++) {
		(void)snprintf(to, sizeof(to), "u%u@example.com", i);
		(void)w_mail(ORIGIN_EXT, "a@example.net", to);
	}
	w_ready(w_opening());
	w_run_until(w.now + 10 * 60 * 1000);
	w_deliver_all();
	assert_int_equal(w.q.nmessages[Q_IN], 0);
	assert_int_equal(w.q.nheld, 0);
}

/* A suspect that comes back whole is one no more. */
static void
test_acquitted(void **state)
{
	int i;

	(void)state;
	(void)w_mail(ORIGIN_EXT, "a@example.net", "b@example.com");
	w_ready(w_opening());
	w_kill_worker(SIDE_INT, w_working()->worker);
	for (i = 0; i < 4; i++) {
		w_wait_for_job();
		if (i % 2 == 0)
			w_result(w_working(), true, QO_DEFERRED,
			    REASON_REMOTE_RCPT, 450, "4.2.0", "later");
		else
			w_kill_worker(SIDE_INT, w_working()->worker);
	}
	assert_int_equal(w.held, 0);
}

/* A worker that lies about its jobs is found out. */
static void
test_contract(void **state)
{
	static struct q_outcome v[4];
	const char *two[] = { "a@example.com", "b@example.com" };
	struct qo_result r = { .n = 2 };
	struct qo_gone g = { 0 };
	struct worker *wk, *other;
	struct w_session *s;

	(void)state;
	r.msgid = w_submit(ORIGIN_EXT, "s@example.net", two, 2, "x\r\n");
	s = w_opening();
	wk = sessions_worker(&w.q.sessions, SIDE_INT, s->worker);
	other = sessions_worker(&w.q.sessions, SIDE_INT, 1 - s->worker);
	assert_int_equal(queue_result(&w.q, wk, s->id, &r, v), -1);
	assert_int_equal(queue_ready(&w.q, other, s->id), -1);
	assert_int_equal(queue_ready(&w.q, wk, 999), -1);
	w_ready(s);
	assert_int_equal(queue_ready(&w.q, wk, s->id), -1);
	v[0].outcome.status = v[1].outcome.status = QO_DELIVERED;
	v[0].rcpt = v[1].rcpt = 1; /* one twice */
	assert_int_equal(queue_result(&w.q, wk, s->id, &r, v), -1);
	v[0].rcpt = 2; /* one that it was not given */
	assert_int_equal(queue_result(&w.q, wk, s->id, &r, v), -1);
	v[0].rcpt = 0;
	r.n = 1;
	assert_int_equal(queue_result(&w.q, wk, s->id, &r, v), -1);
	r.n = 2;
	r.msgid++;
	assert_int_equal(queue_result(&w.q, wk, s->id, &r, v), -1);
	r.msgid--;
	assert_int_equal(queue_result(&w.q, other, s->id, &r, v), -1);
	assert_int_equal(queue_gone(&w.q, other, s->id, &g), -1);
	assert_int_equal(queue_gone(&w.q, wk, 999, &g), -1);
	assert_true(w_is_queued(r.msgid));
	v[0].rcpt = 1; /* in another order */
	v[1].rcpt = 0;
	assert_int_equal(queue_result(&w.q, wk, s->id, &r, v), 0);
	s->has_job = false;
	assert_false(w_is_queued(r.msgid));
}

/* The session was gone before the job reached it: nobody has tried that. */
static void
test_crossed(void **state)
{
	struct w_session *s;
	uint64_t id;
	int i;

	(void)state;
	id = w_mail(ORIGIN_INT, "a@example.com", "b@example.net");
	for (i = 0; i < 3; i++) {
		w_ready(w_opening());
		s = w_working();
		s->has_job = false;
		w_gone(s, QO_DEFERRED, REASON_CONN_LOST, "4.4.2", "closed");
	}
	assert_int_equal(w_find(id, "b@example.net")->deferred, 0);
	/* but not for ever at once */
	assert_null(w_session_opening());
	w_run_until(w.now + MINUTE);
	w_deliver_all();
	assert_int_equal(w_find(id, "b@example.net")->delivered, 1);
}

static void
test_unreadable(void **state)
{
	uint64_t id;

	(void)state;
	id = w_mail(ORIGIN_INT, "a@example.com", "b@example.net");
	fake.load_error = EBADMSG;
	w_ready(w_opening());
	assert_null(w_session_with_job());
	assert_int_equal(w.held, 1);
	fake.load_error = 0;
	assert_true(w_is_queued(id));
	/* gone from under us */
	(void)w_mail(ORIGIN_INT, "a@example.com", "c@example.net");
	assert_int_equal(w_count_jobs(), 1);
	w_deliver(w_working());
	fake.load_error = ENOENT;
	(void)w_mail(ORIGIN_INT, "a@example.com", "c@example.net");
	assert_int_equal(w.lost, 1);
	assert_int_equal(w.q.nmessages[Q_OUT], 1);
}

static void
test_send_fails(void **state)
{
	uint64_t id;

	(void)state;
	w.fail_open = true;
	id = w_mail(ORIGIN_INT, "a@example.com", "b@example.net");
	assert_int_equal(w_count_sessions(), 0);
	w.fail_open = false;
	w_kill_worker(SIDE_EXT, 0);
	w_kill_worker(SIDE_EXT, 1);
	w.fail_job = true;
	w_ready(w_opening());
	assert_int_equal(w_count_jobs(), 0);
	w.fail_job = false;
	w_kill_worker(SIDE_EXT, 0);
	w_kill_worker(SIDE_EXT, 1);
	w_run_until(w.now + 10 * 1000);
	w_deliver_all();
	assert_int_equal(w_find(id, "b@example.net")->delivered, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_world(test_poison),
		with_world(test_poison_queued),
		with_world(test_poison_queued_alone),
		with_world(test_poison_in_hand),
		with_world(test_wary),
		with_world(test_acquitted),
		with_world(test_contract),
		with_world(test_crossed),
		with_world(test_unreadable),
		with_world(test_send_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
