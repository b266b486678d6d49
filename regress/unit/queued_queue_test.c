/* SPDX-License-Identifier: ISC */
/* link: queued/queue.o queued/queue_accept.o queued/queue_commit.o */
/* link: queued/queue_ctl.o queued/queue_fail.o queued/queue_group.o */
/* link: queued/queue_recover.o queued/queue_result.o queued/queue_route.o */
/* link: queued/queue_send.o queued/queue_time.o queued/notify.o */
/* link: queued/bounce.o queued/dest.o queued/dom.o queued/session.o */
/* link: queued/ask.o queued/pheap.o queued/sched.o queued/direction.o */
/* link: queued/store/envelope.o regress/unit/queued_world.o */
/* link: regress/unit/queued_fake_store.o common/smtp.a common/msg.a */
/* link: common/base.a */
/* The queue with workers, directory and store played by the test. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include <cmocka.h>

#include "queued_world.h"

#define MINUTE 60000ULL
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

static int
setup(void **state)
{
	(void)state;
	w_start();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	w_stop();
	return 0;
}

static struct w_session *
opening(void)
{
	struct w_session *s = w_session_opening();

	assert_non_null(s);
	return s;
}

static struct w_session *
working(void)
{
	struct w_session *s = w_session_with_job();

	assert_non_null(s);
	return s;
}

/* In by one door, out by the other, and nothing is left. */
static void
test_flow(void **state)
{
	struct w_session *s;
	uint64_t id;

	(void)state;
	id = w_mail(ORIGIN_EXT, "a@example.net", "b@example.com");
	assert_true(id != 0);
	assert_int_equal(fake_durable(Q_IN), 1);
	assert_int_equal(fake_durable(Q_OUT), 0);
	assert_int_equal(w.asks, 1);
	s = opening();
	assert_int_equal(s->side, SIDE_INT);
	assert_string_equal(s->hop.hosts[0].name, "mail.corp.example.com");
	assert_null(w_session_with_job());
	w_ready(s);
	assert_true(s->has_job);
	assert_int_equal(s->job.msgid, id);
	assert_string_equal(s->job.sender, "a@example.net");
	assert_int_equal(s->job.nrcpt, 1);
	assert_string_equal(s->addr[0], "b@example.com");
	assert_memory_equal(s->body, "Received: from client.test", 26);
	assert_non_null(strstr(s->body, "[198.51.100.7]"));
	assert_non_null(strstr(s->body, "by gw.example.com"));
	assert_non_null(strstr(s->body, "for <b@example.com>"));
	assert_non_null(strstr(s->body, "\r\nSubject: test\r\n\r\nthe text"));
	w_deliver(s);
	assert_int_equal(w_find(id, "b@example.com")->delivered, 1);
	assert_false(w_is_queued(id));
	/* the result is durable soon, though nothing else comes in */
	assert_int_equal(fake_durable(Q_IN), 1);
	w_run_until(w.now + RESULTS_DELAY_MS);
	assert_int_equal(fake_durable(Q_IN), 0);

	id = w_mail(ORIGIN_INT, "a@example.com", "b@example.net");
	assert_int_equal(fake_durable(Q_OUT), 1);
	s = opening();
	assert_int_equal(s->side, SIDE_EXT);
	assert_string_equal(s->hop.name, "example.net");
	w_ready(s);
	w_deliver(s);
	assert_int_equal(w_find(id, "b@example.net")->delivered, 1);
	assert_int_equal(w.q.nmessages[Q_IN] + w.q.nmessages[Q_OUT], 0);
}

/* An open session takes the next message at once, and is closed when idle. */
static void
test_reuse(void **state)
{
	struct w_session *s;
	int i;

	(void)state;
	(void)w_mail(ORIGIN_EXT, "a@example.net", "b@example.com");
	w_ready(opening());
	w_deliver(working());
	for (i = 0; i < 5; i++) {
		(void)w_mail(ORIGIN_EXT, "a@example.net", "c@example.com");
		assert_null(w_session_opening());
		w_deliver(working());
	}
	assert_int_equal(w.opens, 1);
	assert_int_equal(w.asks, 1);
	w_run_until(w.now + SESSION_IDLE_MS - 1);
	assert_int_equal(w.closes, 0);
	w_run_until(w.now + 1);
	assert_int_equal(w.closes, 1);
	/* what comes before its GONE opens another */
	(void)w_mail(ORIGIN_EXT, "a@example.net", "c@example.com");
	s = opening();
	w_ready(s);
	w_deliver(s);
	w.conf->limits.out_messages = 1;
	w_deliver_all();
	assert_int_equal(w_count_sessions(), 1);
	(void)w_mail(ORIGIN_EXT, "a@example.net", "c@example.com");
	w_deliver(working());
	assert_int_equal(w.closes, 2);
}

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
	w_ready(opening());
	fake.commit_error = EIO;
	w_deliver(working());
	w_run_until(w.now + 1000);
	assert_int_equal(fake_durable(Q_IN), 1);
	fake.commit_error = 0;
	w_run_until(w.now + 1000);
	assert_int_equal(fake_durable(Q_IN), 0);
}

static struct w_session *
job_with(const char *addr)
{
	size_t i;

	for (i = 0; i < W_SESSIONS; i++) {
		if (w.sessions[i].used && w.sessions[i].has_job &&
		    strcmp(w.sessions[i].addr[0], addr) == 0)
			return &w.sessions[i];
	}
	fail_msg("no job with %s", addr);
	return NULL;
}

static void
answer_by_domain(void)
{
	unsigned i;

	for (i = 0; i < ASKS_MAX; i++) {
		if (!w.asked[i].used)
			continue;
		w.asked[i].used = false;
		(void)snprintf(w.route.hop.hosts[0].name,
		    sizeof(w.route.hop.hosts[0].name), "mail.%s",
		    w.asked[i].ask.domain);
		queue_dir_answer(&w.q, w.asked[i].tx, &w.route);
	}
	w_turn();
}

/* Recipients of one message that go the same way are one job. */
static void
test_grouping(void **state)
{
	const char *rcpts[] = { "a@example.com", "x@example.org",
		"b@Example.COM", "c@example.com" };
	struct w_session *s;
	uint64_t id;

	(void)state;
	/* two domains with the same next hop */
	id = w_submit(ORIGIN_EXT, "s@example.net", rcpts, 4, "x\r\n");
	w_ready(opening());
	s = working();
	assert_int_equal(s->job.nrcpt, 4);
	assert_string_equal(s->addr[0], "a@example.com");
	assert_string_equal(s->addr[1], "x@example.org");
	assert_string_equal(s->addr[2], "b@Example.COM");
	assert_string_equal(s->addr[3], "c@example.com");
	assert_null(strstr(s->body, "for <"));
	w_deliver(s);
	assert_false(w_is_queued(id));
	/* and with two */
	w.dir_answers = false;
	queue_dir_changed(&w.q);
	id = w_submit(ORIGIN_EXT, "s@example.net", rcpts, 4, "x\r\n");
	answer_by_domain();
	while (w_session_opening() != NULL)
		w_ready(opening());
	assert_int_equal(w_count_jobs(), 2);
	s = job_with("a@example.com");
	assert_int_equal(s->job.nrcpt, 3);
	w_deliver(s);
	/* three of four are done, and known to be so after a crash */
	w_run_until(w.now + RESULTS_DELAY_MS);
	assert_int_equal(fake_status(Q_IN, id, 0), QO_DELIVERED);
	assert_int_equal(fake_status(Q_IN, id, 1), 0);
	assert_int_equal(fake_status(Q_IN, id, 2), QO_DELIVERED);
	w_crash();
	w_peers_up();
	w.dir_answers = true;
	w_turn();
	w_ready(opening());
	s = working();
	assert_int_equal(s->job.nrcpt, 1);
	assert_string_equal(s->addr[0], "x@example.org");
	w_deliver(s);
	assert_false(w_is_queued(id));
}

static void
test_many_recipients(void **state)
{
	enum { N = 120 };
	static char text[N][32];
	const char *rcpts[N];
	uint64_t id;
	unsigned i;

	(void)state;
	for (i = 0; i < N; i++) {
		(void)snprintf(text[i], sizeof(text[i]), "u%u@example.com", i);
		rcpts[i] = text[i];
	}
	id = w_submit(ORIGIN_EXT, "s@example.net", rcpts, N, "x\r\n");
	w_deliver_all();
	assert_int_equal(w.jobs, 3);
	for (i = 0; i < N; i++)
		assert_int_equal(w_find(id, text[i])->delivered, 1);
	assert_false(w_is_queued(id));
}

static void
test_large_body(void **state)
{
	const char *rcpt = "b@example.com";
	size_t len = 200000;
	char *body = malloc(len + 1);
	struct w_session *s;

	(void)state;
	assert_non_null(body);
	memset(body, 'x', len);
	body[len] = '\0';
	(void)w_submit(ORIGIN_EXT, "s@example.net", &rcpt, 1, body);
	w_ready(opening());
	s = working();
	assert_true(s->by_fd);
	assert_true(s->job.size > len);
	assert_non_null(strstr(s->body, body));
	w_deliver(s);
	free(body);
}

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
	w.conf->warn_after = 0;
	id = w_mail(ORIGIN_INT, "a@example.com", "b@example.net");
	for (i = 0; i < sizeof(due) / sizeof(due[0]); i++) {
		if (w_session_with_job() == NULL)
			w_ready(opening());
		s = working();
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
	w_gone(opening(), QO_DEFERRED, REASON_CONNECT, "4.4.1", "refused");
	assert_int_equal(w.paused, 1);
	assert_int_equal(w_find(first, "x@dead.test")->deferred, 1);
	assert_int_equal(w_count_sessions(), 0);
	/* a newcomer is told of in the log as well */
	id = w_mail(ORIGIN_INT, "a@example.com", "y@dead.test");
	assert_int_equal(w_find(id, "y@dead.test")->deferred, 1);
	id = w_mail(ORIGIN_INT, "a@example.com", "z@live.test");
	w_ready(opening());
	w_deliver(working());
	assert_int_equal(w_find(id, "z@live.test")->delivered, 1);
	w_run_until(w.now + 26 * 1000);
	w_deliver_all();
	assert_int_equal(w_count_sessions(), 0);
	w_run_until(w.now + 8 * 1000);
	s = opening();
	assert_string_equal(s->hop.name, "dead.test");
	assert_int_equal(w_count_sessions(), 1);
	w_ready(s);
	w_deliver_all();
	assert_int_equal(w_find(first, "x@dead.test")->delivered, 1);
	assert_int_equal(w.q.nmessages[Q_OUT], 0);
}

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
	w_gone(opening(), QO_FAILED, REASON_DNS_NXDOMAIN, "5.1.2",
	    "the domain does not exist");
	assert_int_equal(w_find(id, "x@gone.test")->failed, 1);
	assert_int_equal(w.notices, 1);
	assert_false(w_is_queued(id));
	/* the failure is recorded when its report is durable */
	assert_int_equal(fake_durable(Q_OUT), 2);
	w_run_until(w.now + RESULTS_DELAY_MS);
	assert_int_equal(fake_durable(Q_OUT), 1);
	s = opening();
	assert_int_equal(s->side, SIDE_INT);
	w_ready(s);
	s = working();
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
	w_ready(opening());
	w_result(working(), true, QO_FAILED, REASON_REMOTE_RCPT, 550, "5.1.1",
	    "5.1.1 no such user");
	assert_int_equal(w.notices, 1);
	s = opening();
	assert_int_equal(s->side, SIDE_EXT);
	assert_string_equal(s->hop.name, "example.net");
	w_ready(s);
	/* the report fails as well: that is the end of it */
	w_result(working(), true, QO_FAILED, REASON_REMOTE_RCPT, 550, "5.1.1",
	    "no such user either");
	assert_int_equal(w.notices, 1);
	assert_int_equal(w.dropped, 1);
	assert_int_equal(w.q.nmessages[Q_IN] + w.q.nmessages[Q_OUT], 0);
	assert_int_equal(w_find(id, "b@example.com")->failed, 1);
	/* mail from the null sender is never answered */
	(void)w_mail(ORIGIN_EXT, "", "b@example.com");
	w_result(working(), true, QO_FAILED, REASON_REMOTE_RCPT, 550, "5.1.1",
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
		w_ready(opening());
	for (i = 0; i < 2; i++) {
		w_result(working(), true, QO_FAILED, REASON_REMOTE_RCPT, 550,
		    "5.1.1", "no");
		assert_int_equal(w.notices, 0);
		assert_int_equal(fake_status(Q_OUT, id, 0), 0);
	}
	w_deliver(working());
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
	w_result(working(), true, QO_FAILED, REASON_REMOTE_RCPT, 550, "5.1.1",
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
	w_gone(opening(), QO_FAILED, REASON_DNS_NXDOMAIN, "5.1.2", "no");
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
	w_gone(opening(), QO_FAILED, REASON_DNS_NXDOMAIN, "5.1.2", "no");
	assert_int_equal(w.notices, 1);
	w_run_until(w.now + 5 * 1000);
	fake.commit_error = 0;
	w_run_until(w.now + 31 * 1000);
	assert_int_equal(w.notices, 2);
	w_deliver_all();
	assert_int_equal(w_find(id, "x@gone.test")->reported, 1);
}

static void
test_expiry(void **state)
{
	uint64_t id, held;

	(void)state;
	w.conf->warn_after = 0;
	id = w_mail(ORIGIN_INT, "a@example.com", "x@dead.test");
	w_gone(opening(), QO_DEFERRED, REASON_CONNECT, "4.4.1",
	    "connection refused");
	held = w_mail(ORIGIN_INT, "a@example.com", "y@slow.test");
	w_ready(opening());
	assert_int_equal(w_count_jobs(), 1);
	/* one at a dead destination, one in a session that never ends */
	while (w.now < W_START + 5 * DAY - HOUR) {
		w_advance(10 * MINUTE);
		if (w_session_opening() != NULL)
			w_gone(opening(), QO_DEFERRED, REASON_CONNECT, "4.4.1",
			    "connection refused");
	}
	assert_true(w_is_queued(id));
	assert_int_equal(w.notices, 0);
	w_advance(HOUR);
	assert_false(w_is_queued(id));
	assert_int_equal(w_find(id, "x@dead.test")->failed, 1);
	assert_int_equal(w_find(id, "x@dead.test")->reason, REASON_EXPIRED);
	assert_int_equal(w.notices, 1);
	assert_true(w_is_queued(held));
	w_result(working(), true, QO_DEFERRED, REASON_REMOTE_RCPT, 450, "4.2.0",
	    "come back later");
	assert_false(w_is_queued(held));
	assert_int_equal(w.notices, 2);
	w_ready(opening());
	assert_non_null(strstr(working()->body, "\r\nStatus: 5.4.7\r\n"));
	assert_non_null(strstr(working()->body, "connection refused"));
	w_deliver(working());
	assert_non_null(strstr(working()->body, "450 come back later"));
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
	w_ready(opening());
	s = working();
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

static void
test_warning(void **state)
{
	uint64_t id;

	(void)state;
	id = w_mail(ORIGIN_INT, "a@example.com", "x@dead.test");
	(void)w_mail(ORIGIN_INT, "", "y@dead.test");
	w_gone(opening(), QO_DEFERRED, REASON_CONNECT, "4.4.1",
	    "connection refused");
	while (w.now < W_START + 4 * HOUR - MINUTE) {
		w_advance(MINUTE);
		if (w_session_opening() != NULL)
			w_gone(opening(), QO_DEFERRED, REASON_CONNECT, "4.4.1",
			    "connection refused");
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
	w_ready(opening());
	w_result(working(), true, QO_FAILED, REASON_REMOTE_RCPT, 550, "5.1.1",
	    "no");
	assert_int_equal(w.notices, 0);
	assert_int_equal(w.dropped, 1);
	assert_false(w_is_queued(id));
}

/* The directory is away: mail waits, and goes when it is back. */
static void
test_directory_away(void **state)
{
	uint64_t id;

	(void)state;
	queue_dir_down(&w.q);
	id = w_mail(ORIGIN_EXT, "a@example.net", "b@example.com");
	w_run_until(w.now + HOUR);
	assert_int_equal(w.asks, 0);
	assert_true(w_is_queued(id));
	queue_dir_up(&w.q);
	w.dir_answers = false;
	w_turn();
	assert_int_equal(w.asks, 1);
	/* it dies with the question, or is stopped */
	queue_dir_down(&w.q);
	memset(w.asked, 0, sizeof(w.asked));
	queue_dir_up(&w.q);
	w_turn();
	assert_int_equal(w.asks, 2);
	memset(w.asked, 0, sizeof(w.asked));
	w_run_until(w.now + 16 * 1000);
	assert_int_equal(w.asks, 3);
	w.route.verdict = QD_LATER;
	w.dir_answers = true;
	w_run_until(w.now + 16 * 1000);
	assert_int_equal(w_count_sessions(), 0);
	w.route.verdict = QD_OK;
	w_run_until(w.now + 2 * MINUTE);
	w_deliver_all();
	assert_int_equal(w_find(id, "b@example.com")->delivered, 1);
	assert_int_equal(w.notices, 0);
}

/* More of a domain than one turn looks at: all of it moves, or all waits. */
static void
test_many_waiting(void **state)
{
	const char *rcpt = "b@example.com";
	struct conf *c = w_conf();
	struct iq_done no;
	unsigned i;

	(void)state;
	queue_dir_down(&w.q);
	for (i = 0; i < 5000; i++)
		assert_int_equal(w_offer(ORIGIN_EXT, "a@example.net", &rcpt, 1,
				     "x\r\n", &no),
		    0);
	w_turn();
	(void)strlcpy(c->domains[0].name, "other.com", 256);
	conf_seal(c);
	w_set_conf(c);
	queue_dir_up(&w.q);
	w.route.verdict = QD_FOREIGN;
	w_run_until(w.now + 2 * HOUR);
	assert_int_equal(w_count_sessions(), 0);
	assert_int_equal(w.q.nmessages[Q_IN], 5000);
	w.route.verdict = QD_OK;
	w_set_conf(w_conf());
	w_turn();
	assert_int_equal(w_count_sessions(), 1);
	assert_string_equal(opening()->hop.hosts[0].name,
	    "mail.corp.example.com");
	assert_int_equal(dests_first(&w.q.dests)->nready, 5000);
}

/* Each address has a host of its own; those of one host go together. */
static void
test_individual(void **state)
{
	const char *rcpts[] = { "a1@example.com", "b1@example.com",
		"a2@example.com", "b2@example.com", "a3@example.com" };
	struct w_session *s;
	unsigned i;
	uint64_t id;

	(void)state;
	w.dir_answers = false;
	id = w_submit(ORIGIN_EXT, "s@example.net", rcpts, 5, "x\r\n");
	w.route.scope = QD_SCOPE_ADDRESS;
	w.route.individual = 1;
	do {
		w_turn();
		for (i = 0; i < ASKS_MAX && !w.asked[i].used; i++)
			;
		if (i == ASKS_MAX)
			break;
		w.asked[i].used = false;
		(void)snprintf(w.route.hop.hosts[0].name,
		    sizeof(w.route.hop.hosts[0].name), "host-%c.test",
		    w.asked[i].ask.local[0]);
		queue_dir_answer(&w.q, w.asked[i].tx, &w.route);
	} while (1);
	assert_true(w.asks >= 5);
	while (w_session_opening() != NULL)
		w_ready(opening());
	assert_int_equal(w_count_jobs(), 2);
	while ((s = w_session_with_job()) != NULL) {
		assert_int_equal(s->hop.hosts[0].name[5], s->addr[0][0]);
		assert_int_equal(s->job.nrcpt, s->addr[0][0] == 'a' ? 3 : 2);
		w_deliver(s);
	}
	for (i = 0; i < 5; i++)
		assert_int_equal(w_find(id, rcpts[i])->delivered, 1);
}

/* The directory changed its mind: the next attempt goes by the new answer. */
static void
test_directory_changes(void **state)
{
	struct w_session *s;
	uint64_t id;

	(void)state;
	id = w_mail(ORIGIN_EXT, "a@example.net", "b@example.com");
	w_ready(opening());
	s = working();
	w_result(s, true, QO_DEFERRED, REASON_REMOTE_RCPT, 450, "4.2.0", "no");
	queue_dir_changed(&w.q);
	(void)strlcpy(w.route.hop.hosts[0].name, "new.corp.example.com",
	    sizeof(w.route.hop.hosts[0].name));
	w_run_until(w.now + MINUTE);
	s = opening();
	assert_string_equal(s->hop.hosts[0].name, "new.corp.example.com");
	w_ready(s);
	w_deliver_all();
	assert_int_equal(w_find(id, "b@example.com")->delivered, 1);
	/* an answer from before the change is not used */
	w.dir_answers = false;
	queue_dir_changed(&w.q);
	(void)w_mail(ORIGIN_EXT, "a@example.net", "b@example.com");
	assert_true(w.asked[0].used);
	queue_dir_changed(&w.q);
	w.asked[0].used = false;
	queue_dir_answer(&w.q, w.asked[0].tx, &w.route);
	w_turn();
	assert_true(w.asked[0].used);
}

/* The domain is ours no more: its mail is kept, and never relayed. */
static void
test_domain_removed(void **state)
{
	struct conf *c = w_conf();
	uint64_t ext, inside;

	(void)state;
	queue_dir_down(&w.q);
	ext = w_mail(ORIGIN_EXT, "a@example.net", "b@example.com");
	inside = w_mail(ORIGIN_INT, "a@example.org", "c@example.com");
	(void)strlcpy(c->domains[0].name, "other.com", 256);
	conf_seal(c);
	w_set_conf(c);
	queue_dir_up(&w.q);
	w_turn();
	/* inside mail may go out now, by the connector; Internet mail not */
	assert_int_equal(w_count_sessions(), 1);
	assert_int_equal(opening()->side, SIDE_EXT);
	w_deliver_all();
	assert_int_equal(w_find(inside, "c@example.com")->delivered, 1);
	assert_int_equal(w_find(ext, "b@example.com")->deferred, 1);
	assert_int_equal(w_find(ext, "b@example.com")->reason, REASON_NO_ROUTE);
	w_run_until(w.now + 2 * HOUR);
	w_deliver_all();
	assert_true(w_is_queued(ext));
	assert_int_equal(w_find(ext, "b@example.com")->delivered, 0);
	w_set_conf(w_conf());
	w_turn();
	w_deliver_all();
	assert_int_equal(w_find(ext, "b@example.com")->delivered, 1);

	/* dird says so while the configuration does not */
	queue_dir_changed(&w.q);
	w.route.verdict = QD_FOREIGN;
	ext = w_mail(ORIGIN_EXT, "a@example.net", "b@example.com");
	assert_int_equal(w_find(ext, "b@example.com")->deferred, 1);
	w_run_until(w.now + HOUR);
	assert_true(w_is_queued(ext));
	w.route.verdict = QD_OK;
	w_run_until(w.now + 3 * HOUR);
	w_deliver_all();
	assert_int_equal(w_find(ext, "b@example.com")->delivered, 1);
}

/* Another route for what waits: taken at the next attempt. */
static void
test_reroute(void **state)
{
	struct conf *c = w_conf();
	struct conf_host *h;
	struct w_session *s;
	uint64_t id;

	(void)state;
	id = w_mail(ORIGIN_INT, "a@example.com", "b@example.net");
	w_gone(opening(), QO_DEFERRED, REASON_CONNECT, "4.4.1", "refused");
	c->connectors[0].route.kind = CONF_ROUTE_SMARTHOST;
	h = conf_route_add_host(&c->connectors[0].route);
	(void)strlcpy(h->name, "smart.test", sizeof(h->name));
	h->port = 587;
	w_set_conf(c);
	w_run_until(w.now + 40 * 1000);
	assert_int_equal(w_count_sessions(), 1);
	s = opening();
	assert_int_equal(s->hop.kind, CONF_ROUTE_SMARTHOST);
	assert_string_equal(s->hop.hosts[0].name, "smart.test");
	assert_int_equal(s->hop.hosts[0].port, 587);
	w_deliver_all();
	assert_int_equal(w_find(id, "b@example.net")->delivered, 1);
}

static void
wait_for_job(void)
{
	while (w_session_with_job() == NULL) {
		if (w_session_opening() != NULL)
			w_ready(opening());
		else
			w_advance(500);
	}
}

/* A worker dies: what it had is tried again; at the second time it is held. */
static void
test_poison(void **state)
{
	struct w_session *s;
	uint64_t good, bad;
	int kills = 0;

	(void)state;
	good = w_mail(ORIGIN_EXT, "a@example.net", "good@example.com");
	w_ready(opening());
	assert_non_null(working());
	bad = w_mail(ORIGIN_EXT, "a@example.net", "bad@example.com");
	w_kill_worker(SIDE_INT, working()->worker);
	assert_int_equal(w.held, 0);
	while (w.held == 0 || w_is_queued(good)) {
		wait_for_job();
		s = working();
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
	w_ready(opening());
	w_kill_worker(SIDE_INT, working()->worker);
	wait_for_job();
	w_crash();
	assert_int_equal(w.q.nheld, 1);
	assert_true(w_is_queued(id));
}

/* A suspect that comes back whole is one no more. */
static void
test_acquitted(void **state)
{
	int i;

	(void)state;
	(void)w_mail(ORIGIN_EXT, "a@example.net", "b@example.com");
	w_ready(opening());
	w_kill_worker(SIDE_INT, working()->worker);
	for (i = 0; i < 4; i++) {
		wait_for_job();
		if (i % 2 == 0)
			w_result(working(), true, QO_DEFERRED,
			    REASON_REMOTE_RCPT, 450, "4.2.0", "later");
		else
			w_kill_worker(SIDE_INT, working()->worker);
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
	s = opening();
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
		w_ready(opening());
		s = working();
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
test_remove(void **state)
{
	const char *two[] = { "a@one.test", "b@two.test" };
	struct iq_done no;
	uint64_t id;

	(void)state;
	assert_int_equal(queue_remove(&w.q, 12345, 0), CQ_NO_SUCH);
	id = w_mail(ORIGIN_INT, "a@example.com", "x@dead.test");
	w_gone(opening(), QO_DEFERRED, REASON_CONNECT, "4.4.1", "refused");
	assert_int_equal(queue_remove(&w.q, id, 0), CQ_DONE);
	assert_int_equal(fake_durable(Q_OUT), 0);
	assert_int_equal(queue_remove(&w.q, id, 0), CQ_NO_SUCH);
	/* in flight: when it comes back, whatever became of it */
	id = w_submit(ORIGIN_INT, "a@example.com", two, 2, "x\r\n");
	w_ready(opening());
	assert_int_equal(queue_remove(&w.q, id, 0), CQ_BUSY);
	w_result(working(), true, QO_DEFERRED, REASON_REMOTE_RCPT, 450, "4.2.0",
	    "no");
	assert_false(w_is_queued(id));
	w_run_until(w.now + 1000);
	assert_int_equal(fake_durable(Q_OUT), 0);
	id = w_submit(ORIGIN_INT, "a@example.com", two, 1, "x\r\n");
	assert_int_equal(queue_remove(&w.q, id, 0), CQ_BUSY);
	w_deliver(working());
	assert_int_equal(w_find(id, "a@one.test")->delivered, 1);
	id = w_submit(ORIGIN_INT, "a@example.com", two, 1, "x\r\n");
	assert_int_equal(queue_remove(&w.q, id, 0), CQ_BUSY);
	w_kill_worker(SIDE_EXT, working()->worker);
	assert_false(w_is_queued(id));
	w_run_until(w.now + 1000);
	assert_int_equal(fake_durable(Q_OUT), 0);
	assert_int_equal(w.notices, 0);
	assert_int_equal(w_offer(ORIGIN_INT, "a@example.com", two, 1, "x\r\n",
			     &no),
	    0);
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

static unsigned seen;

static int
count_row(void *arg, const struct cq_row *row)
{
	uint64_t *last = arg;

	assert_true(row->msgid > *last);
	*last = row->msgid;
	seen++;
	return 0;
}

static void
test_list_and_flush(void **state)
{
	struct cq_list want = { .limit = 7 };
	struct cq_end end;
	uint64_t last = 0;
	uint32_t n;
	unsigned i;

	(void)state;
	for (i = 0; i < 40; i++) {
		(void)w_mail(ORIGIN_INT, "a@example.com",
		    i % 4 == 0 ? "x@one.test" : "y@two.test");
	}
	while (w_session_opening() != NULL)
		w_gone(opening(), QO_DEFERRED, REASON_CONNECT, "4.4.1",
		    "refused");
	assert_int_equal(w_count_sessions(), 0);
	seen = 0;
	do {
		queue_list(&w.q, &want, count_row, &last, &end);
		assert_true(end.count <= 7);
		want.after = end.after;
	} while (end.result == CQ_MORE);
	assert_int_equal(end.result, CQ_DONE);
	assert_int_equal(seen, 40);
	seen = 0;
	last = want.after = 0;
	(void)strlcpy(want.domain, "ONE.test", sizeof(want.domain));
	do {
		queue_list(&w.q, &want, count_row, &last, &end);
		want.after = end.after;
	} while (end.result == CQ_MORE);
	assert_int_equal(seen, 10);
	assert_int_equal(queue_flush(&w.q, "no.such", 0, &n), CQ_NO_SUCH);
	assert_int_equal(queue_flush(&w.q, "one.test", 0, &n), CQ_DONE);
	assert_true(n > 0);
	w_turn();
	assert_int_equal(w_count_sessions(), 1);
	assert_string_equal(opening()->hop.name, "one.test");
	w_deliver_all();
	assert_int_equal(w.q.nmessages[Q_OUT], 30);
	assert_int_equal(queue_flush(&w.q, "", 0, &n), CQ_DONE);
	w_turn();
	w_deliver_all();
	assert_int_equal(w.q.nmessages[Q_OUT], 0);
}

static struct cq_row row_seen;
static struct cq_dest dest_seen[8];
static unsigned ndests;

static int
keep_row(void *arg, const struct cq_row *row)
{
	(void)arg;
	row_seen = *row;
	return 0;
}

static int
keep_dest(void *arg, const struct cq_dest *d)
{
	(void)arg;
	assert_true(ndests < 8);
	dest_seen[ndests++] = *d;
	return 0;
}

static int
keep_rcpt(void *arg, const struct cq_rcpt *r)
{
	struct cq_rcpt *v = arg;

	v[seen++] = *r;
	return 0;
}

static void
test_show(void **state)
{
	static struct cq_rcpt v[4];
	const char *three[] = { "a@one.test", "b@two.test", "c@three.test" };
	struct w_session *s;
	uint64_t id;
	uint32_t n;
	int i;

	(void)state;
	id = w_submit(ORIGIN_INT, "s@example.com", three, 3, "x\r\n");
	for (i = 0; i < 3; i++) {
		s = opening();
		if (strcmp(s->hop.name, "two.test") == 0)
			w_gone(s, QO_DEFERRED, REASON_CONNECT, "4.4.1",
			    "connection refused");
		else
			w_ready(s);
	}
	while ((s = w_session_with_job()) != NULL) {
		if (strcmp(s->hop.name, "one.test") == 0)
			w_deliver(s);
		else
			w_result(s, true, QO_DEFERRED, REASON_REMOTE_RCPT, 450,
			    "4.2.0", "greylisted");
	}
	seen = 0;
	assert_int_equal(queue_show(&w.q, id, keep_row, keep_rcpt, v), CQ_DONE);
	assert_int_equal(row_seen.msgid, id);
	assert_int_equal(row_seen.state, CQ_WAITING);
	assert_int_equal(row_seen.nrcpt, 3);
	assert_int_equal(row_seen.nopen, 2);
	assert_int_equal(row_seen.origin, ORIGIN_INT);
	assert_int_equal(row_seen.attempts, 1);
	assert_string_equal(row_seen.sender, "s@example.com");
	assert_true(row_seen.next > row_seen.accepted + 26000);
	assert_true(row_seen.next < row_seen.accepted + 34000);
	assert_int_equal(row_seen.expires, row_seen.accepted + 5 * DAY);
	assert_int_equal(seen, 3);
	assert_int_equal(v[0].status, QO_DELIVERED);
	assert_string_equal(v[1].text, "connection refused");
	assert_int_equal(v[1].reason, REASON_CONNECT);
	assert_string_equal(v[1].hop, "two.test");
	assert_string_equal(v[2].text, "greylisted");
	assert_int_equal(v[2].code, 450);
	ndests = 0;
	assert_int_equal(queue_dests(&w.q, keep_dest, NULL, &n), CQ_DONE);
	assert_int_equal(n, ndests);
	for (i = 0; i < (int)ndests; i++) {
		if (strcmp(dest_seen[i].name, "two.test") != 0)
			continue;
		assert_int_equal(dest_seen[i].waiting, 1);
		assert_int_equal(dest_seen[i].oldest, row_seen.accepted);
		assert_string_equal(dest_seen[i].text, "connection refused");
		assert_true(dest_seen[i].next > row_seen.accepted);
		break;
	}
	assert_true(i < (int)ndests);
}

static void
test_unreadable(void **state)
{
	uint64_t id;

	(void)state;
	id = w_mail(ORIGIN_INT, "a@example.com", "b@example.net");
	fake.load_error = EBADMSG;
	w_ready(opening());
	assert_null(w_session_with_job());
	assert_int_equal(w.held, 1);
	fake.load_error = 0;
	assert_true(w_is_queued(id));
	/* gone from under us */
	(void)w_mail(ORIGIN_INT, "a@example.com", "c@example.net");
	assert_int_equal(w_count_jobs(), 1);
	w_deliver(working());
	fake.load_error = ENOENT;
	(void)w_mail(ORIGIN_INT, "a@example.com", "c@example.net");
	assert_int_equal(w.lost, 1);
	assert_int_equal(w.q.nmessages[Q_OUT], 1);
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

static void
test_drain(void **state)
{
	uint64_t id;

	(void)state;
	(void)w_mail(ORIGIN_INT, "a@example.com", "b@example.net");
	w_ready(opening());
	id = w_mail(ORIGIN_INT, "a@example.com", "c@example.net");
	queue_drain(&w.q);
	assert_int_equal(w_mail(ORIGIN_INT, "a@example.com", "b@example.net"),
	    0);
	assert_int_equal(w.answer.verdict, IQ_TEMP);
	assert_int_equal(w.answer.reason, REASON_SHUTDOWN);
	assert_false(queue_quiet(&w.q));
	w_deliver(working());
	assert_int_equal(w_count_jobs(), 0);
	w_deliver_all();
	assert_true(queue_quiet(&w.q));
	assert_true(w_is_queued(id));
	assert_int_equal(fake_durable(Q_OUT), 1);
}

/* More destinations than sessions: each has its turn. */
static void
test_fairness(void **state)
{
	enum { N = 2 * WORKER_SESSIONS_MAX + 50 };
	char addr[64];
	struct w_session *s;
	unsigned i, n = 0;

	(void)state;
	w.conf->limits.out_sessions = 20;
	for (i = 0; i < N; i++) {
		(void)snprintf(addr, sizeof(addr), "a@d%u.test", i);
		(void)w_mail(ORIGIN_INT, "s@example.com", addr);
		(void)w_mail(ORIGIN_INT, "s@example.com", addr);
	}
	assert_int_equal(w_count_sessions(), 2 * WORKER_SESSIONS_MAX);
	assert_int_equal(w.opens, 2 * WORKER_SESSIONS_MAX);
	/* as they end, those that have had none come first */
	while ((s = w_session_opening()) != NULL && n++ < 60) {
		w_ready(s);
		w_deliver(s);
		w_deliver(s);
	}
	w_run_until(w.now + SESSION_IDLE_MS + 1);
	w_deliver_all();
	assert_int_equal(w.q.nmessages[Q_OUT], 0);
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
	w_ready(opening());
	assert_int_equal(w_count_jobs(), 0);
	w.fail_job = false;
	w_kill_worker(SIDE_EXT, 0);
	w_kill_worker(SIDE_EXT, 1);
	w_run_until(w.now + 10 * 1000);
	w_deliver_all();
	assert_int_equal(w_find(id, "b@example.net")->delivered, 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_flow),
		T(test_reuse),
		T(test_refusals),
		T(test_group_commit),
		T(test_commit_fails),
		T(test_result_after_error),
		T(test_grouping),
		T(test_many_recipients),
		T(test_large_body),
		T(test_retry),
		T(test_retry_restart),
		T(test_dead_destination),
		T(test_refused_destination),
		T(test_bounce_outwards),
		T(test_one_report),
		T(test_report_needs_room),
		T(test_expiry),
		T(test_clock_jumps),
		T(test_warning),
		T(test_nobody_to_tell),
		T(test_directory_away),
		T(test_many_waiting),
		T(test_individual),
		T(test_directory_changes),
		T(test_domain_removed),
		T(test_reroute),
		T(test_poison),
		T(test_poison_queued),
		T(test_acquitted),
		T(test_contract),
		T(test_crossed),
		T(test_remove),
		T(test_limits),
		T(test_list_and_flush),
		T(test_show),
		T(test_unreadable),
		T(test_room),
		T(test_drain),
		T(test_fairness),
		T(test_send_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
