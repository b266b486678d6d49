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
 * Limits of destinations and of senders, through the queue: each by itself,
 * across reloads and restarts.
 */
#include <stdio.h>
#include <string.h>

#include <bsd/string.h>

#include "queued_stage.h"

static struct conf_pace *
limit_to(struct conf *c, const char *pattern)
{
	struct conf_pace *p = conf_add_pace(c);

	(void)strlcpy(p->pattern, pattern, sizeof(p->pattern));
	return p;
}

static void
limit_from(struct conf *c, const char *prefix, uint32_t count, uint32_t period)
{
	struct conf_source *s = conf_add_source(c);

	assert_int_equal(netprefix_parse(&s->prefix, prefix), 0);
	s->rate = (struct conf_rate){ count, period };
}

static void
use(struct conf *c)
{
	conf_seal(c);
	w_set_conf(c);
}

/* All that can be delivered until then, each at once. */
static void
deliver_until(uint64_t at)
{
	uint64_t next;

	w_deliver_all();
	while (w.now < at) {
		next = queue_next(&w.q);
		if (next > at)
			next = at;
		w_advance(next > w.now ? next - w.now : 1);
		w_deliver_all();
	}
}

static unsigned
queued(void)
{
	return (unsigned)w.q.nmessages[Q_OUT];
}

static void
mail(const char *rcpt, unsigned n)
{
	while (n-- > 0)
		assert_true(w_mail(ORIGIN_INT, "", rcpt) != 0);
}

/* --- destinations --- */

static void
test_rate(void **state)
{
	struct conf *c = w_conf();
	unsigned i;

	(void)state;
	limit_to(c, "big.test")->rate = (struct conf_rate){ 60, 60 };
	use(c);
	mail("a@big.test", 100);
	mail("a@small.test", 100);
	w_deliver_all();
	/* its burst is a tenth; the other one has no limit */
	assert_int_equal(w.jobs, 106);
	assert_int_equal(queued(), 94);
	for (i = 1; i <= 94; i++) {
		deliver_until(W_START + 1000 * i - 1);
		assert_int_equal(queued(), 94 - i + 1);
		deliver_until(W_START + 1000 * i);
		assert_int_equal(queued(), 94 - i);
	}
}

/* What waits for its token does not wake anybody. */
static void
test_no_wakeups(void **state)
{
	struct conf *c = w_conf();
	unsigned wakes = 0;

	(void)state;
	limit_to(c, "big.test")->rate = (struct conf_rate){ 1, 3600 };
	use(c);
	mail("a@big.test", 1000);
	w_deliver_all();
	assert_int_equal(queued(), 999);
	/* the idle session's end, the commit of the result */
	while (queue_next(&w.q) < W_START + HOUR) {
		w_advance(queue_next(&w.q) - w.now);
		w_deliver_all();
		assert_true(++wakes < 10);
	}
	assert_int_equal(queued(), 999);
	deliver_until(W_START + HOUR);
	assert_int_equal(queued(), 998);
}

/* A reload keeps what is owed, and lifts a limit at once. */
static void
test_rate_reload(void **state)
{
	struct conf *c;
	unsigned i;

	(void)state;
	for (i = 0; i < 5; i++) {
		c = w_conf();
		limit_to(c, "big.test")->rate = (struct conf_rate){ 1, 3600 };
		use(c);
		if (i == 0)
			mail("a@big.test", 10);
		w_deliver_all();
		assert_int_equal(queued(), 9);
		w_advance(1000);
	}
	use(w_conf());
	w_deliver_all();
	assert_int_equal(queued(), 0);
}

static unsigned
sessions_of(const char *name)
{
	unsigned i, n = 0;

	for (i = 0; i < W_SESSIONS; i++)
		n += w.sessions[i].used &&
		    strcmp(w.sessions[i].hop.name, name) == 0;
	return n;
}

static void
test_connections(void **state)
{
	static const struct {
		const char *domain;
		unsigned limit;
	} cases[] = { { "a.big.test", 3 }, { "b.big.test", 3 },
		{ "small.test", 5 }, { "wide.test", 30 } };
	struct conf *c = w_conf();
	unsigned most[4] = { 0 }, n;
	struct w_session *s;
	char rcpt[32];
	size_t i;

	(void)state;
	limit_to(c, "*.big.test")->sessions = 3;
	limit_to(c, "*")->sessions = 5;
	limit_to(c, "wide.test")->sessions = 30;
	use(c);
	for (i = 0; i < 4; i++) {
		(void)snprintf(rcpt, sizeof(rcpt), "a@%s", cases[i].domain);
		mail(rcpt, 100);
	}
	while (queued() > 0) {
		while ((s = w_session_opening()) != NULL)
			w_ready(s);
		for (i = 0; i < 4; i++) {
			n = sessions_of(cases[i].domain);
			if (n > most[i])
				most[i] = n;
		}
		w_deliver(w_working());
	}
	/* each by itself, and as many as that */
	for (i = 0; i < 4; i++)
		assert_int_equal(most[i], cases[i].limit);
}

static void
test_messages(void **state)
{
	struct conf *c = w_conf();

	(void)state;
	c->limits.out_sessions = 1;
	c->limits.out_messages = 10;
	limit_to(c, "big.test")->messages = 4;
	use(c);
	mail("a@big.test", 20);
	w_deliver_all();
	assert_int_equal(w.opens, 5);
	mail("a@small.test", 20);
	w_deliver_all();
	assert_int_equal(w.opens, 5 + 2);
}

/* Domains by one smarthost: what one is limited to, the others are not. */
static void
test_shared_host(void **state)
{
	struct conf *c = w_conf();
	struct conf_pace *relay;
	struct conf_host *h;
	uint64_t id;

	(void)state;
	c->connectors[0].route.kind = CONF_ROUTE_SMARTHOST;
	h = conf_route_add_host(&c->connectors[0].route);
	(void)strlcpy(h->name, "relay.test", sizeof(h->name));
	h->port = 25;
	limit_to(c, "big.test")->rate = (struct conf_rate){ 1, 60 };
	relay = limit_to(c, "relay.test");
	relay->messages = 10;
	relay->sessions = 1;
	use(c);
	mail("a@big.test", 5);
	mail("a@b.test", 10);
	mail("a@c.test", 10);
	w_deliver_all();
	assert_int_equal(queued(), 4);
	/* one for big.test; one for the others after the other */
	assert_int_equal(w.opens, 3);
	/* a message to both goes in two transactions, each in its time */
	id = w_submit(ORIGIN_INT, "s@example.com",
	    (const char *const[]){ "x@big.test", "y@b.test" }, 2, "x\r\n");
	w_deliver_all();
	assert_int_equal(w_find(id, "y@b.test")->delivered, 1);
	assert_int_equal(w_find(id, "x@big.test")->delivered, 0);
	deliver_until(W_START + 5 * MINUTE);
	assert_int_equal(w_find(id, "x@big.test")->delivered, 1);
	assert_int_equal(queued(), 0);
}

/* Mail for inside is limited by the name of its host. */
static void
test_inside(void **state)
{
	struct conf *c = w_conf();
	unsigned i;

	(void)state;
	limit_to(c, "mail.corp.example.com")->rate =
	    (struct conf_rate){ 1, 60 };
	use(c);
	for (i = 0; i < 5; i++) {
		(void)w_mail(ORIGIN_EXT, "", "a@example.com");
		(void)w_mail(ORIGIN_EXT, "", "a@example.org");
	}
	w_deliver_all();
	assert_int_equal(w.q.nmessages[Q_IN], 9);
	deliver_until(W_START + 3 * MINUTE);
	assert_int_equal(w.q.nmessages[Q_IN], 6);
}

/* --- senders: the world's inside client is 10.0.0.10 --- */

static void
test_sender(void **state)
{
	struct conf *c = w_conf();
	unsigned i;

	(void)state;
	limit_from(c, "10.0.0.0/24", 60, 60);
	use(c);
	mail("a@one.test", 30);
	mail("a@two.test", 30);
	w_deliver_all();
	assert_int_equal(queued(), 54);
	/* mail from elsewhere, and mail of our own, is not held up */
	assert_true(w_mail(ORIGIN_EXT, "", "a@example.com") != 0);
	w_deliver_all();
	assert_int_equal(w.q.nmessages[Q_IN], 0);
	for (i = 1; i <= 54; i++) {
		deliver_until(W_START + 1000 * i);
		assert_int_equal(queued(), 54 - i);
	}
}

/* What was accepted keeps its time when the program starts again. */
static void
test_sender_restart(void **state)
{
	struct conf *c = w_conf();

	(void)state;
	limit_from(c, "10.0.0.10", 1, 3600);
	use(c);
	mail("a@one.test", 101);
	w_deliver_all();
	assert_int_equal(queued(), 100);
	w_advance(1000); /* the commit of what was recorded */
	w_crash();
	w_peers_up();
	/* nor is the time of the last of them taken for today's */
	assert_false(w.q.clock.distrusted);
	w_deliver_all();
	assert_int_equal(queued(), 100);
	deliver_until(W_START + 10 * HOUR);
	assert_int_equal(queued(), 90);
	deliver_until(W_START + 100 * HOUR);
	assert_int_equal(queued(), 0);
}

/* Without the limit what was accepted under it keeps its time, too. */
static void
test_sender_reload(void **state)
{
	struct conf *c = w_conf();

	(void)state;
	limit_from(c, "10.0.0.10", 1, 60);
	use(c);
	mail("a@one.test", 11);
	w_deliver_all();
	assert_int_equal(queued(), 10);
	use(w_conf());
	mail("a@one.test", 5);
	w_deliver_all();
	assert_int_equal(queued(), 10);
	deliver_until(W_START + 10 * MINUTE);
	assert_int_equal(queued(), 0);
}

/* A retry goes by the schedule, not by the sender's pace. */
static void
test_sender_retry(void **state)
{
	struct conf *c = w_conf();
	struct w_session *s;

	(void)state;
	limit_from(c, "10.0.0.10", 1, 3600);
	use(c);
	mail("a@one.test", 1);
	w_ready(w_opening());
	s = w_working();
	w_result(s, true, QO_DEFERRED, REASON_REMOTE_RCPT, 450, "4.2.0", "x");
	deliver_until(W_START + 34000);
	assert_int_equal(queued(), 0);
}

/* --- what the operator is told --- */

static int
see_why(void *arg, const struct cq_why *why)
{
	*(struct cq_why *)arg = *why;
	return 0;
}

static void
test_why(void **state)
{
	static struct cq_why why;
	uint32_t n;
	struct conf *c = w_conf();
	uint64_t id;

	(void)state;
	limit_to(c, "big.test")->rate = (struct conf_rate){ 1, 60 };
	limit_from(c, "10.0.0.10", 1, 60);
	use(c);
	mail("a@big.test", 1);
	w_deliver_all();
	id = w_mail(ORIGIN_INT, "", "b@one.test");
	w_deliver_all();
	assert_int_equal(queue_why(&w.q, id, see_why, &why, &n), CQ_DONE);
	assert_int_equal(why.wait, CQ_W_RATE);
	assert_int_equal(why.next, W_REAL + MINUTE);
	use(w_conf());
	c = w_conf();
	limit_to(c, "big.test")->rate = (struct conf_rate){ 1, 60 };
	use(c);
	mail("a@big.test", 1);
	w_deliver_all();
	id = w_mail(ORIGIN_INT, "", "b@big.test");
	assert_int_equal(queue_why(&w.q, id, see_why, &why, &n), CQ_DONE);
	assert_int_equal(why.wait, CQ_W_RATE);
	assert_int_equal(why.next, W_REAL + MINUTE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_world(test_rate),
		with_world(test_no_wakeups),
		with_world(test_rate_reload),
		with_world(test_connections),
		with_world(test_messages),
		with_world(test_shared_host),
		with_world(test_inside),
		with_world(test_sender),
		with_world(test_sender_restart),
		with_world(test_sender_reload),
		with_world(test_sender_retry),
		with_world(test_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
