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
/* What senders are told: failures and delays, once, and when nobody is. */
#include <errno.h>
#include <string.h>

#include "queued_stage.h"

/* No such domain: all that waits fails, each sender is told once. */
static void
test_refused_destination(void **state)
{
	const char *two[] = { "x@gone.test", "y@gone.test" };
	struct w_session *s;
	uint64_t id;

	(void)state;
	id = w_submit(ORIGIN_INT, "a@example.com", two, 2,
	    "Subject: lost\r\n\r\nsecret\r\n");
	w_gone(w_opening(), QO_FAILED, REASON_DNS_NXDOMAIN, "5.1.2",
	    "the domain does not exist");
	assert_int_equal(w_find(id, "x@gone.test")->failed, 1);
	assert_int_equal(w.notices, 1);
	assert_false(w_is_queued(id));
	/* the failure is recorded when its report is durable */
	assert_int_equal(fake_durable(Q_OUT), 2);
	w_run_until(w.now + RESULTS_DELAY_MS);
	assert_int_equal(fake_durable(Q_OUT), 1);
	s = w_opening();
	assert_int_equal(s->side, SIDE_INT);
	w_ready(s);
	s = w_working();
	assert_string_equal(s->job.sender, "");
	assert_string_equal(s->addr[0], "a@example.com");
	assert_true((s->job.flags & MSG_F_BOUNCE) != 0);
	assert_non_null(strstr(s->body, "rfc822; x@gone.test\r\n"));
	assert_non_null(strstr(s->body, "rfc822; y@gone.test\r\n"));
	assert_non_null(strstr(s->body, "\r\nStatus: 5.1.2\r\n"));
	assert_non_null(strstr(s->body, "\r\nSubject: lost\r\n"));
	assert_null(strstr(s->body, "secret"));
	w_deliver(s);
	assert_int_equal(w_find(id, "x@gone.test")->reported, 1);
	assert_int_equal(w_find(id, "y@gone.test")->reported, 1);
}

/* Inbound failures are reported outwards, by the connector. */
static void
test_bounce_outwards(void **state)
{
	struct w_session *s;
	uint64_t id;

	(void)state;
	id = w_mail(ORIGIN_EXT, "a@example.net", "b@example.com");
	w_ready(w_opening());
	w_result(w_working(), true, QO_FAILED, REASON_REMOTE_RCPT, 550, "5.1.1",
	    "5.1.1 no such user");
	assert_int_equal(w.notices, 1);
	s = w_opening();
	assert_int_equal(s->side, SIDE_EXT);
	assert_string_equal(s->hop.name, "example.net");
	w_ready(s);
	/* the report fails as well: that is the end of it */
	w_result(w_working(), true, QO_FAILED, REASON_REMOTE_RCPT, 550, "5.1.1",
	    "no such user either");
	assert_int_equal(w.notices, 1);
	assert_int_equal(w.dropped, 1);
	assert_int_equal(w.q.nmessages[Q_IN] + w.q.nmessages[Q_OUT], 0);
	assert_int_equal(w_find(id, "b@example.com")->failed, 1);
	/* mail from the null sender is never answered */
	(void)w_mail(ORIGIN_EXT, "", "b@example.com");
	w_result(w_working(), true, QO_FAILED, REASON_REMOTE_RCPT, 550, "5.1.1",
	    "no such user");
	assert_int_equal(w.notices, 1);
	assert_int_equal(w.dropped, 2);
	assert_int_equal(w.q.nmessages[Q_IN], 0);
}

/* Several that fail of one message, at different places: one report. */
static void
test_one_report(void **state)
{
	const char *three[] = { "a@one.test", "b@two.test", "c@three.test" };
	struct w_session *s;
	uint64_t id;
	int i;

	(void)state;
	id = w_submit(ORIGIN_INT, "s@example.com", three, 3, "x\r\n");
	for (i = 0; i < 3; i++)
		w_ready(w_opening());
	for (i = 0; i < 2; i++) {
		w_result(w_working(), true, QO_FAILED, REASON_REMOTE_RCPT, 550,
		    "5.1.1", "no");
		assert_int_equal(w.notices, 0);
		assert_int_equal(fake_status(Q_OUT, id, 0), 0);
	}
	w_deliver(w_working());
	assert_int_equal(w.notices, 1);
	assert_false(w_is_queued(id));
	w_deliver_all();
	assert_int_equal(w_find(id, "a@one.test")->reported +
		w_find(id, "b@two.test")->reported +
		w_find(id, "c@three.test")->reported,
	    2);

	/* it does not wait for ever for a slow one */
	id = w_submit(ORIGIN_INT, "s@example.com", three, 2, "x\r\n");
	assert_int_equal(w_count_jobs(), 2);
	w_result(w_working(), true, QO_FAILED, REASON_REMOTE_RCPT, 550, "5.1.1",
	    "no");
	w_run_until(w.now + 31 * 1000);
	assert_int_equal(w.notices, 2);
	s = NULL;
	for (i = 0; i < W_SESSIONS && s == NULL; i++) {
		if (w.sessions[i].used && w.sessions[i].has_job &&
		    w.sessions[i].job.msgid == id)
			s = &w.sessions[i];
	}
	assert_non_null(s);
	assert_int_equal(fake_status(Q_OUT, id, s->rcpts[0]), 0);
	assert_int_equal(fake_status(Q_OUT, id, 1U - s->rcpts[0]), QO_FAILED);
	w_deliver(s);
	assert_false(w_is_queued(id));
}

/* The disk is full: the failure and its report wait for room together. */
static void
test_report_needs_room(void **state)
{
	uint64_t id;

	(void)state;
	id = w_mail(ORIGIN_INT, "a@example.com", "x@gone.test");
	fake.append_error = ENOSPC;
	w_gone(w_opening(), QO_FAILED, REASON_DNS_NXDOMAIN, "5.1.2", "no");
	w_run_until(w.now + 60 * 1000);
	assert_int_equal(w.notices, 0);
	assert_int_equal(fake_durable(Q_OUT), 1);
	assert_true(w_is_queued(id));
	fake.append_error = 0;
	w_run_until(w.now + 31 * 1000);
	assert_int_equal(w.notices, 1);
	assert_false(w_is_queued(id));
	w_deliver_all();
	assert_int_equal(w_find(id, "x@gone.test")->reported, 1);

	/* it was appended, and then the commit failed */
	id = w_mail(ORIGIN_INT, "a@example.com", "x@gone.test");
	fake.commit_error = EIO;
	w_gone(w_opening(), QO_FAILED, REASON_DNS_NXDOMAIN, "5.1.2", "no");
	assert_int_equal(w.notices, 1);
	w_run_until(w.now + 5 * 1000);
	fake.commit_error = 0;
	w_run_until(w.now + 31 * 1000);
	assert_int_equal(w.notices, 2);
	w_deliver_all();
	assert_int_equal(w_find(id, "x@gone.test")->reported, 1);
}

static void
test_warning(void **state)
{
	uint64_t id;

	(void)state;
	id = w_mail(ORIGIN_INT, "a@example.com", "x@dead.test");
	(void)w_mail(ORIGIN_INT, "", "y@dead.test");
	w_gone(w_opening(), QO_DEFERRED, REASON_CONNECT, "4.4.1",
	    "connection refused");
	while (w.now < W_START + 4 * HOUR - MINUTE) {
		w_advance(MINUTE);
		if (w_session_opening() != NULL)
			w_gone(w_opening(), QO_DEFERRED, REASON_CONNECT,
			    "4.4.1", "connection refused");
	}
	assert_int_equal(w.notices, 0);
	w_advance(MINUTE);
	assert_int_equal(w.notices, 1);
	w_deliver_all();
	assert_non_null(strstr(w.dsn, "\r\nAction: delayed\r\n"));
	assert_non_null(strstr(w.dsn, "connection refused"));
	assert_true(w_is_queued(id));
	/* once, also across a restart */
	w_run_until(w.now + 1000);
	w_crash();
	w_peers_up();
	w_run_until(w.now + 2000);
	assert_int_equal(w.notices, 1);
	assert_true(w_is_queued(id));
}

/* NOTIFY=NEVER and a sender that cannot be reached: nobody is told. */
static void
test_nobody_to_tell(void **state)
{
	struct conf *c = w_conf();
	uint64_t id;

	(void)state;
	c->nconnectors = 0;
	w_set_conf(c);
	id = w_mail(ORIGIN_EXT, "a@example.net", "b@example.com");
	w_ready(w_opening());
	w_result(w_working(), true, QO_FAILED, REASON_REMOTE_RCPT, 550, "5.1.1",
	    "no");
	assert_int_equal(w.notices, 0);
	assert_int_equal(w.dropped, 1);
	assert_false(w_is_queued(id));
}

/* Word of success, for those who ask for it. */
static void
test_success(void **state)
{
	uint64_t id;

	(void)state;
	(void)w_mail(ORIGIN_INT, "a@example.com", "x@far.test");
	w_deliver_all();
	assert_int_equal(w.notices, 0); /* unless it is asked for, none */
	w.notify = NOTIFY_FAILURE | NOTIFY_DELAY;
	(void)w_mail(ORIGIN_INT, "a@example.com", "x@far.test");
	w_deliver_all();
	w.notify = NOTIFY_SUCCESS;
	(void)w_mail(ORIGIN_INT, "", "x@far.test");
	w_deliver_all();
	assert_int_equal(w.notices, 0);
	id = w_mail(ORIGIN_INT, "a@example.com", "x@far.test");
	w_deliver_all();
	assert_int_equal(w.notices, 1);
	assert_false(w_is_queued(id));
	assert_non_null(strstr(w.dsn, "\r\nAction: relayed\r\n"));
	assert_non_null(strstr(w.dsn, "\r\nStatus: 2."));
	assert_non_null(strstr(w.dsn, "rfc822; x@far.test\r\n"));
	w_run_until(w.now + MINUTE);
	assert_int_equal(w.notices, 1); /* and none of that one */
	assert_int_equal(w.q.nmessages[Q_OUT], 0);
}

/* RFC 3461 5.2.1: the next hop took that over. */
static void
test_success_by_next_hop(void **state)
{
	uint64_t id;

	(void)state;
	w.notify = NOTIFY_SUCCESS | NOTIFY_FAILURE;
	w.took_dsn = true;
	id = w_mail(ORIGIN_INT, "a@example.com", "x@far.test");
	w_deliver_all();
	assert_int_equal(w.notices, 0);
	assert_false(w_is_queued(id));
	/* what it refused is for us to tell of */
	(void)w_mail(ORIGIN_INT, "a@example.com", "x@far.test");
	w_result(w_working(), true, QO_FAILED, REASON_REMOTE_RCPT, 550, "5.1.1",
	    "no");
	assert_int_equal(w.notices, 1);
}

/* RFC 8689 5: a report keeps the requirement, and no text goes back. */
static void
test_requiretls_report(void **state)
{
	static const char *const to[] = { "x@far.test" };
	static const char body[] = "Subject: a\r\n\r\nsecret words\r\n";
	struct w_session *s;
	unsigned i;

	(void)state;
	w.ret = RET_FULL;
	for (i = 0; i < 2; i++) {
		w.flags = i == 0 ? 0 : MSG_F_REQUIRETLS;
		(void)w_submit(ORIGIN_INT, "a@example.com", to, 1, body);
		if (i == 0)
			w_ready(w_opening());
		s = w_working();
		assert_int_equal(s->job.flags & MSG_F_REQUIRETLS, w.flags);
		w_result(s, true, QO_FAILED, REASON_REMOTE_RCPT, 550, "5.1.1",
		    "no");
		if (i == 0)
			w_ready(w_opening());
		s = w_working();
		assert_string_equal(s->job.sender, "");
		assert_int_equal(s->job.flags & MSG_F_REQUIRETLS, w.flags);
		w_deliver(s);
		assert_non_null(strstr(w.dsn, "Subject: a\r\n"));
		if (i == 0)
			assert_non_null(strstr(w.dsn, "secret words"));
		else
			assert_null(strstr(w.dsn, "secret words"));
	}
	assert_int_equal(w.notices, 2);
}

/* A failure is not told to those who ask for successes only. */
static void
test_success_only(void **state)
{
	uint64_t id;

	(void)state;
	w.notify = NOTIFY_SUCCESS;
	id = w_mail(ORIGIN_INT, "a@example.com", "x@far.test");
	w_ready(w_opening());
	w_result(w_working(), true, QO_FAILED, REASON_REMOTE_RCPT, 550, "5.1.1",
	    "no");
	assert_int_equal(w.notices, 0);
	assert_false(w_is_queued(id));
	w.notify = NOTIFY_NEVER;
	id = w_mail(ORIGIN_INT, "a@example.com", "x@dead.test");
	w_run_until(w.now + DAY);
	assert_int_equal(w.notices, 0);
	w_run_until(w.now + 5 * DAY);
	assert_int_equal(w.notices, 0);
	assert_false(w_is_queued(id));
}

/* It waits for the message's restart, and for room. */
static void
test_success_later(void **state)
{
	uint64_t id;

	(void)state;
	w.notify = NOTIFY_SUCCESS;
	id = w_mail(ORIGIN_INT, "a@example.com", "x@far.test");
	w_crash(); /* that it is wanted is known again */
	w_peers_up();
	w_turn();
	w_ready(w_opening());
	fake.append_error = ENOSPC;
	w_deliver(w_working());
	w_run_until(w.now + 10000);
	assert_false(w_is_queued(id));
	assert_int_equal(w.notices, 0);
	fake.append_error = 0;
	fake.commit_error = EIO; /* appended, and then refused */
	w_run_until(w.now + 45000);
	assert_int_equal(w.notices, 0);
	fake.commit_error = 0;
	w_run_until(w.now + 45000);
	assert_int_equal(w.notices, 1);
	w_deliver_all();
	assert_non_null(strstr(w.dsn, "\r\nAction: relayed\r\n"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_world(test_refused_destination),
		with_world(test_bounce_outwards),
		with_world(test_one_report),
		with_world(test_report_needs_room),
		with_world(test_warning),
		with_world(test_nobody_to_tell),
		with_world(test_success),
		with_world(test_success_by_next_hop),
		with_world(test_requiretls_report),
		with_world(test_success_only),
		with_world(test_success_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
