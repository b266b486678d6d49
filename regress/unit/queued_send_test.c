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
/* The way of mail through the queue: sessions, jobs, and what shares them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include "queued_stage.h"

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
	s = w_opening();
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
	s = w_opening();
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
	w_ready(w_opening());
	w_deliver(w_working());
	for (i = 0; i < 5; i++) {
		(void)w_mail(ORIGIN_EXT, "a@example.net", "c@example.com");
		assert_null(w_session_opening());
		w_deliver(w_working());
	}
	assert_int_equal(w.opens, 1);
	assert_int_equal(w.asks, 1);
	w_run_until(w.now + SESSION_IDLE_MS - 1);
	assert_int_equal(w.closes, 0);
	w_run_until(w.now + 1);
	assert_int_equal(w.closes, 1);
	/* what comes before its GONE opens another */
	(void)w_mail(ORIGIN_EXT, "a@example.net", "c@example.com");
	s = w_opening();
	w_ready(s);
	w_deliver(s);
	w.conf->limits.out_messages = 1;
	w_deliver_all();
	assert_int_equal(w_count_sessions(), 1);
	(void)w_mail(ORIGIN_EXT, "a@example.net", "c@example.com");
	w_deliver(w_working());
	assert_int_equal(w.closes, 2);
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
	w_ready(w_opening());
	s = w_working();
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
		w_ready(w_opening());
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
	w_ready(w_opening());
	s = w_working();
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
	w_ready(w_opening());
	s = w_working();
	assert_true(s->by_fd);
	assert_true(s->job.size > len);
	assert_non_null(strstr(s->body, body));
	w_deliver(s);
	free(body);
}

/* More destinations than sessions: each has its turn. */
static void
test_fairness(void **state)
{
	enum {
		N = 2 * WORKER_SESSIONS_MAX + 50,
		PROBES = 2 * WORKER_PROBES_MAX
	};
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
	/* none is known to work: they leave room for those that do */
	assert_int_equal(w_count_sessions(), PROBES);
	assert_int_equal(w.opens, PROBES);
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
test_drain(void **state)
{
	uint64_t id;

	(void)state;
	(void)w_mail(ORIGIN_INT, "a@example.com", "b@example.net");
	w_ready(w_opening());
	id = w_mail(ORIGIN_INT, "a@example.com", "c@example.net");
	queue_drain(&w.q);
	assert_int_equal(w_mail(ORIGIN_INT, "a@example.com", "b@example.net"),
	    0);
	assert_int_equal(w.answer.verdict, IQ_TEMP);
	assert_int_equal(w.answer.reason, REASON_SHUTDOWN);
	assert_false(queue_quiet(&w.q));
	w_deliver(w_working());
	assert_int_equal(w_count_jobs(), 0);
	w_deliver_all();
	assert_true(queue_quiet(&w.q));
	assert_true(w_is_queued(id));
	assert_int_equal(fake_durable(Q_OUT), 1);
}

static void
outcome(struct qo_outcome *o, enum qo_status status, enum reason reason)
{
	static const char *const enh[] = { "", "2.0.0", "5.1.1", "4.0.0" };

	memset(o, 0, sizeof(*o));
	o->status = status;
	o->reason = reason;
	(void)strlcpy(o->enh, enh[status], sizeof(o->enh));
}

/* What was one too many for a transaction is tried at once in another. */
static void
test_one_too_many(void **state)
{
	static const char *const to[] = { "a@far.test", "b@far.test",
		"c@far.test", "d@far.test" };
	struct qo_outcome v[4];
	struct w_session *s;
	uint64_t id, begun;

	(void)state;
	id = w_submit(ORIGIN_INT, "a@example.com", to, 4, "x\r\n");
	w_ready(w_session_opening());
	begun = w.now;
	s = w_session_with_job();
	assert_int_equal(s->job.nrcpt, 4);
	memset(v, 0, sizeof(v));
	outcome(&v[0], QO_DELIVERED, REASON_DELIVERED);
	outcome(&v[1], QO_DEFERRED, REASON_TOO_MANY_RCPTS);
	outcome(&v[2], QO_DEFERRED, REASON_REMOTE_RCPT);
	outcome(&v[3], QO_DEFERRED, REASON_TOO_MANY_RCPTS);
	w_results(s, true, v);
	s = w_session_with_job();
	assert_non_null(s);
	assert_int_equal(s->job.nrcpt, 2);
	assert_string_equal(s->addr[0], "b@far.test");
	assert_string_equal(s->addr[1], "d@far.test");
	/* a server that says so of all has taken none: no hurry */
	w_result(s, true, QO_DEFERRED, REASON_TOO_MANY_RCPTS, 452, "4.5.3",
	    "many");
	assert_null(w_session_with_job());
	assert_int_equal(w.now, begun);
	assert_true(w_is_open(id, "b@far.test"));
	assert_true(w_is_open(id, "c@far.test"));
	assert_true(w_is_open(id, "d@far.test"));
	w_run_until(w.now + 3600000);
	w_deliver_all();
	assert_false(w_is_queued(id));
	assert_int_equal(w_find(id, "a@far.test")->delivered, 1);
	assert_int_equal(w_find(id, "d@far.test")->delivered, 1);
}

/* The same when the session ends, and when all the others have failed. */
static void
test_one_too_many_elsewhere(void **state)
{
	static const char *const to[] = { "a@far.test", "b@far.test" };
	struct qo_outcome v[2];
	struct w_session *s;
	uint64_t id;

	(void)state;
	id = w_submit(ORIGIN_INT, "a@example.com", to, 2, "x\r\n");
	w_ready(w_session_opening());
	s = w_session_with_job();
	memset(v, 0, sizeof(v));
	outcome(&v[0], QO_FAILED, REASON_REMOTE_RCPT);
	outcome(&v[1], QO_DEFERRED, REASON_TOO_MANY_RCPTS);
	w_say_results(s, false, v);
	w_gone(s, QO_DEFERRED, REASON_NONE, "2.0.0", "");
	w_ready(w_session_opening());
	s = w_session_with_job();
	assert_non_null(s);
	assert_int_equal(s->job.nrcpt, 1);
	assert_string_equal(s->addr[0], "b@far.test");
	w_deliver(s);
	w_deliver_all();
	assert_false(w_is_queued(id));
	assert_int_equal(w_find(id, "a@far.test")->reported, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_world(test_flow),
		with_world(test_reuse),
		with_world(test_grouping),
		with_world(test_many_recipients),
		with_world(test_large_body),
		with_world(test_fairness),
		with_world(test_drain),
		with_world(test_one_too_many),
		with_world(test_one_too_many_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
