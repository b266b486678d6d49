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
/* Where mail goes: answers of the directory, and when they change. */
#include <stdio.h>
#include <string.h>

#include <bsd/string.h>

#include "queued_stage.h"

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
	assert_string_equal(w_opening()->hop.hosts[0].name,
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
		w_ready(w_opening());
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
	w_ready(w_opening());
	s = w_working();
	w_result(s, true, QO_DEFERRED, REASON_REMOTE_RCPT, 450, "4.2.0", "no");
	queue_dir_changed(&w.q);
	(void)strlcpy(w.route.hop.hosts[0].name, "new.corp.example.com",
	    sizeof(w.route.hop.hosts[0].name));
	w_run_until(w.now + MINUTE);
	s = w_opening();
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

/* It says so without end: what waits looks for its way once a second. */
static void
test_directory_changes_always(void **state)
{
	unsigned i, asks;
	uint64_t id;

	(void)state;
	w.route.verdict = QD_FOREIGN;
	id = w_mail(ORIGIN_EXT, "a@example.net", "b@example.com");
	w_run_until(w.now + MINUTE);
	asks = w.asks;
	for (i = 0; i < 1000; i++) {
		queue_dir_changed(&w.q);
		w_turn();
	}
	assert_int_equal(w.asks, asks + 1);
	w_run_until(w.now + 999);
	assert_int_equal(w.asks, asks + 1);
	/* but what it said last is not forgotten */
	w.route.verdict = QD_OK;
	w_run_until(w.now + 1);
	assert_int_equal(w.asks, asks + 2);
	w_deliver_all();
	assert_int_equal(w_find(id, "b@example.com")->delivered, 1);
	w_run_until(w.now + MINUTE);
	assert_int_equal(w.asks, asks + 2);
}

/* dird says where, but what is asked of TLS there says the configuration. */
static void
test_directory_keeps_tls(void **state)
{
	(void)state;
	w.conf->domains[0].tls = 80;
	w.route.hop.tls = 7;
	(void)w_mail(ORIGIN_EXT, "a@example.net", "b@example.com");
	assert_true(w_opening()->hop.tls == 80);
	w_deliver_all();
	queue_dir_changed(&w.q);
	w.route.hop.tls = 0;
	w.route.individual = 1;
	w.route.scope = QD_SCOPE_ADDRESS;
	(void)strlcpy(w.route.hop.hosts[0].name, "new.corp.example.com",
	    sizeof(w.route.hop.hosts[0].name));
	(void)w_mail(ORIGIN_EXT, "a@example.net", "c@example.com");
	assert_string_equal(w_opening()->hop.hosts[0].name,
	    "new.corp.example.com");
	assert_true(w_opening()->hop.tls == 80);
	w_deliver_all();
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
	assert_int_equal(w_opening()->side, SIDE_EXT);
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
	w_gone(w_opening(), QO_DEFERRED, REASON_CONNECT, "4.4.1", "refused");
	c->connectors[0].route.kind = CONF_ROUTE_SMARTHOST;
	h = conf_route_add_host(&c->connectors[0].route);
	(void)strlcpy(h->name, "smart.test", sizeof(h->name));
	h->port = 587;
	w_set_conf(c);
	w_run_until(w.now + 40 * 1000);
	assert_int_equal(w_count_sessions(), 1);
	s = w_opening();
	assert_int_equal(s->hop.kind, CONF_ROUTE_SMARTHOST);
	assert_string_equal(s->hop.hosts[0].name, "smart.test");
	assert_int_equal(s->hop.hosts[0].port, 587);
	w_deliver_all();
	assert_int_equal(w_find(id, "b@example.net")->delivered, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_world(test_directory_away),
		with_world(test_many_waiting),
		with_world(test_individual),
		with_world(test_directory_changes),
		with_world(test_directory_changes_always),
		with_world(test_directory_keeps_tls),
		with_world(test_domain_removed),
		with_world(test_reroute),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
