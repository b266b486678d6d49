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
/* What the queue takes in: refusals, group commit, disks that fail, room. */
#include <errno.h>

#include "queued_stage.h"

static const struct {
	enum origin origin;
	const char *sender, *rcpt;
	enum iq_verdict verdict;
	enum reason reason;
} refusals[] = {
	{ ORIGIN_EXT, "a@example.net", "b@example.net", IQ_PERM,
	    REASON_DIRECTION },
	{ ORIGIN_EXT, "a@example.com", "b@[10.0.0.1]", IQ_PERM,
	    REASON_DIRECTION },
	{ ORIGIN_EXT, "", "\"b@example.com\"@example.net", IQ_PERM,
	    REASON_DIRECTION },
	{ ORIGIN_EXT, "a", "b@example.com", IQ_PERM, REASON_DIRECTION },
};

static void
test_refusals(void **state)
{
	const char *two[] = { "ok@example.com", "bad@example.net" };
	struct iq_done no;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		assert_int_equal(w_offer(refusals[i].origin, refusals[i].sender,
				     &refusals[i].rcpt, 1, "x\r\n", &no),
		    -1);
		assert_int_equal(no.verdict, refusals[i].verdict);
		assert_int_equal(no.reason, refusals[i].reason);
		assert_int_equal(no.msgid, 0);
	}
	/* one foreign recipient: none gets it */
	assert_int_equal(w_offer(ORIGIN_EXT, "a@example.net", two, 2, "x\r\n",
			     &no),
	    -1);
	assert_int_equal(no.reason, REASON_DIRECTION);
	w_turn();
	assert_int_equal(fake.commits, 0);
	assert_int_equal(w.q.doms.n - w.q.doms.nunused, 0);
	/* an inside host that is not listed (any more) */
	netset_free(&w.conf->side[SIDE_INT].accept_from);
	assert_int_equal(w_mail(ORIGIN_INT, "a@example.com", "b@example.net"),
	    0);
	assert_int_equal(w.answer.verdict, IQ_PERM);
	assert_int_equal(w.answer.reason, REASON_DIRECTION);
}

/* More than may be, whatever smtpd-in let through. */
static void
test_limits(void **state)
{
	const char *two[] = { "a@example.com", "b@example.com" };
	struct iq_done no;

	(void)state;
	w.conf->limits.recipients = 1;
	assert_int_equal(w_offer(ORIGIN_EXT, "a@example.net", two, 2, "x\r\n",
			     &no),
	    -1);
	assert_int_equal(no.verdict, IQ_PERM);
	assert_int_equal(no.reason, REASON_TOO_MANY_RCPTS);
	assert_int_equal(w_offer(ORIGIN_EXT, "a@example.net", two, 0, "x\r\n",
			     &no),
	    -1);
	w.conf->limits.message_size = 10;
	assert_int_equal(w_offer(ORIGIN_EXT, "a@example.net", two, 1,
			     "0123456789", &no),
	    0);
	assert_int_equal(w_offer(ORIGIN_EXT, "a@example.net", two, 1,
			     "0123456789a", &no),
	    -1);
	assert_int_equal(no.verdict, IQ_PERM);
	assert_int_equal(no.reason, REASON_TOO_BIG);
}

/* All that comes in one turn is one commit; no answer comes before it. */
static void
test_group_commit(void **state)
{
	const char *in = "b@example.com", *out = "c@example.net";
	struct iq_done no;
	unsigned i;

	(void)state;
	for (i = 0; i < 10; i++)
		assert_int_equal(w_offer(ORIGIN_EXT, "a@example.net", &in, 1,
				     "x\r\n", &no),
		    0);
	assert_int_equal(w_offer(ORIGIN_INT, "a@example.com", &out, 1, "x\r\n",
			     &no),
	    0);
	assert_int_equal(w.answers, 0);
	assert_int_equal(fake_durable(Q_IN), 0);
	w_turn();
	assert_int_equal(w.answers, 11);
	assert_int_equal(fake.commits, 2);
	assert_int_equal(fake_durable(Q_IN), 10);
	/* a store that is full of records wants a commit in between */
	fake.batch_max = 4;
	fake.commits = 0;
	for (i = 0; i < 10; i++)
		assert_int_equal(w_offer(ORIGIN_EXT, "a@example.net", &in, 1,
				     "x\r\n", &no),
		    0);
	assert_int_equal(w.answers, 19);
	w_turn();
	assert_int_equal(w.answers, 21);
	assert_int_equal(fake.commits, 3);
	w_deliver_all();
	assert_int_equal(w.q.nmessages[Q_IN], 0);
}

static void
test_commit_fails(void **state)
{
	(void)state;
	fake.commit_error = EIO;
	assert_int_equal(w_mail(ORIGIN_EXT, "a@example.net", "b@example.com"),
	    0);
	assert_int_equal(w.answer.verdict, IQ_TEMP);
	assert_int_equal(w.answer.reason, REASON_STORE_ERROR);
	assert_null(w_session_opening());
	fake.commit_error = 0;
	fake.append_error = ENOSPC;
	assert_int_equal(w_mail(ORIGIN_EXT, "a@example.net", "b@example.com"),
	    0);
	assert_int_equal(w.answer.verdict, IQ_TEMP);
	assert_int_equal(w.answer.reason, REASON_QUEUE_FULL);
	fake.append_error = 0;
	assert_true(w_mail(ORIGIN_EXT, "a@example.net", "b@example.com") != 0);
	w_deliver_all();
	assert_int_equal(w.jobs, 1);
	assert_int_equal(w.q.doms.n - w.q.doms.nunused, 0);
}

/* A delivery whose record could not be written yet is recorded later. */
static void
test_result_after_error(void **state)
{
	(void)state;
	(void)w_mail(ORIGIN_EXT, "a@example.net", "b@example.com");
	w_ready(w_opening());
	fake.commit_error = EIO;
	w_deliver(w_working());
	w_run_until(w.now + 1000);
	assert_int_equal(fake_durable(Q_IN), 1);
	fake.commit_error = 0;
	w_run_until(w.now + 1000);
	assert_int_equal(fake_durable(Q_IN), 0);
}

static void
test_room(void **state)
{
	struct iq_room room;

	(void)state;
	w_turn();
	assert_int_equal(w.room[Q_IN].accepting, 1);
	assert_int_equal(w.room[Q_IN].max_size, w.conf->limits.message_size);
	fake.room_max = 0;
	w_turn();
	assert_int_equal(w.room[Q_OUT].accepting, 0);
	assert_int_equal(w.room[Q_OUT].reason, REASON_QUEUE_FULL);
	fake.room_max = 1000000;
	w_turn();
	assert_int_equal(w.room[Q_OUT].accepting, 1);
	assert_true(w.room[Q_OUT].max_size <= 1000000);
	assert_true(w.room[Q_OUT].max_size > 900000);
	queue_drain(&w.q);
	queue_get_room(&w.q, Q_IN, &room);
	assert_int_equal(room.accepting, 0);
	assert_int_equal(room.reason, REASON_SHUTDOWN);
}

/* Upkeep has left records that there is no room for: no turn after turn. */
static void
test_upkeep_leaves_a_batch(void **state)
{
	(void)state;
	fake.leave = true;
	(void)w_mail(ORIGIN_INT, "s@example.com", "a@one.test");
	w_run_until(w.now + 20000);
	fake.commit_error = ENOSPC;
	w_run_until(w.now + 20000);
	fake.leave = false;
	fake.commit_error = 0;
	w_run_until(w.now + 20000);
	assert_int_equal(store_batch_bytes(w.q.stores[Q_OUT]), 0);
}

static void
test_drain_with_a_full_disk(void **state)
{
	struct w_session *s;

	(void)state;
	(void)w_mail(ORIGIN_INT, "s@example.com", "a@one.test");
	w_ready(w_opening());
	s = w_working();
	queue_drain(&w.q);
	fake.commit_error = ENOSPC;
	w_result(s, false, QO_DEFERRED, REASON_REMOTE_RCPT, 450, "4.2.0", "no");
	w_gone(s, QO_DEFERRED, REASON_NONE, "2.0.0", "");
	w_run_until(w.now + 5000);
	assert_false(queue_quiet(&w.q));
	fake.commit_error = 0;
	w_run_until(w.now + 2000);
	assert_true(queue_quiet(&w.q));
}

/* The clock is put back while nothing is queued: ids are not used again. */
static void
test_ids_after_a_start(void **state)
{
	static const uint64_t clocks[] = { W_REAL, 1000000000 };
	uint64_t ids[8];
	size_t i, k, c;

	(void)state;
	for (c = 0; c < 2; c++) {
		for (i = 0; i < 8; i++) {
			w.real = clocks[c];
			w_crash();
			w_peers_up();
			ids[i] =
			    w_mail(ORIGIN_INT, "s@example.com", "a@one.test");
			assert_true(ids[i] != 0);
			for (k = 0; k < i; k++)
				assert_true(ids[k] != ids[i]);
			w_deliver_all();
			w_advance(RESULTS_DELAY_MS);
			assert_int_equal(w.q.nmessages[Q_OUT], 0);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_world(test_refusals),
		with_world(test_limits),
		with_world(test_group_commit),
		with_world(test_commit_fails),
		with_world(test_result_after_error),
		with_world(test_room),
		with_world(test_upkeep_leaves_a_batch),
		with_world(test_drain_with_a_full_disk),
		with_world(test_ids_after_a_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
