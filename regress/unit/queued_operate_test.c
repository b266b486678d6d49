/* SPDX-License-Identifier: ISC */
/* link: queued/queue.o queued/queue_accept.o queued/queue_commit.o
 * queued/queue_ctl.o queued/queue_ctl_select.o
 * queued/queue_ctl_shape.o queued/queue_ctl_why.o queued/queue_rules.o
 * queued/rules.o queued/rules_file.o queued/queue_fail.o queued/queue_group.o
 * queued/queue_recover.o queued/queue_result.o queued/queue_route.o
 * queued/queue_send.o queued/queue_time.o queued/queue_age.o queued/notify.o
 * queued/bounce.o queued/dest.o queued/bucket.o queued/pace.o queued/dom.o
 * queued/session.o queued/ask.o queued/pheap.o queued/sched.o
 * queued/direction.o queued/store/envelope.o regress/unit/queued_world.o
 * regress/unit/queued_world_peers.o regress/unit/queued_world_ledger.o
 * regress/unit/queued_stage.o regress/unit/queued_fake_store.o common/smtp.a
 * common/msg.a common/base.a */
/*
 * What the operator does to selected messages, in every state that a part of
 * one can be in, in flight and when its worker dies.
 */
#include <stdio.h>
#include <string.h>

#include <bsd/string.h>

#include "queued_stage.h"

static struct cq_row row_seen;
static unsigned rows;

static int
keep_row(void *arg, const struct cq_row *row)
{
	(void)arg;
	row_seen = *row;
	rows++;
	return 0;
}

/* All pages of a selection, as ctld asks for them. */
static struct cq_end
ask(struct cq_select want)
{
	const struct q_emit emit = { NULL, keep_row, NULL };
	struct cq_end end, sum = { .result = CQ_DONE };
	unsigned pages = 0;

	rows = 0;
	do {
		want.limit = CQ_PAGE_MAX;
		queue_select(&w.q, &want, &emit, &end);
		sum.count += end.count;
		sum.busy += end.busy;
		want.after = end.after;
		assert_true(++pages < 1000);
	} while (end.result == CQ_MORE);
	assert_int_equal(end.result, CQ_DONE);
	return sum;
}

static struct cq_end
do_to(enum cq_verb verb, uint64_t id)
{
	return ask((struct cq_select){ .verb = verb, .msgid = id });
}

/* --- each state --- */

#define WHO  "x@one.test"
#define HOST "one.test"

static void
be_ready(void)
{
	/* it opens a session, and waits for that */
}

static void
be_pausing(void)
{
	w_gone(w_opening(), QO_DEFERRED, REASON_CONNECT, "4.4.1", "refused");
}

static void
be_later(void)
{
	w_ready(w_opening());
	w_result(w_working(), false, QO_DEFERRED, REASON_REMOTE_RCPT, 450,
	    "4.2.0", "greylisted");
}

static void
be_active(void)
{
	w_ready(w_opening());
	(void)w_working();
}

static void
be_stuck(void)
{
	struct conf *c = w_conf();

	/* its connector is gone */
	(void)strlcpy(c->connectors[0].pattern, "other.test",
	    sizeof(c->connectors[0].pattern));
	w_set_conf(c);
	be_pausing();
	w_run_until(w.now + MINUTE);
	assert_int_equal(w_count_sessions(), 0);
}

static void
be_suspended(void)
{
	struct cq_rule r = { .kind = CQ_SUSPEND, .set = true, .name = HOST };

	assert_int_equal(queue_rule(&w.q, &r), CQ_DONE);
	be_pausing();
	w_run_until(w.now + MINUTE);
	assert_int_equal(w_count_sessions(), 0);
}

static const struct {
	void (*be)(void);
	enum part_state state;
} states[] = {
	{ be_ready, PART_READY },
	{ be_pausing, PART_READY },
	{ be_later, PART_LATER },
	{ be_active, PART_ACTIVE },
	{ be_stuck, PART_STUCK },
	{ be_suspended, PART_SUSPENDED },
};
#define NSTATES (sizeof(states) / sizeof(states[0]))

static void
again(void)
{
	assert_int_equal(world_down(NULL), 0);
	assert_int_equal(world_up(NULL), 0);
}

/* A message in that state. */
static uint64_t
in_state(size_t i)
{
	uint64_t id = w_mail(ORIGIN_INT, "a@example.com", WHO);
	const struct part *p;

	states[i].be();
	p = dom_find(&w.q.doms, HOST, strlen(HOST))->parts.tqh_first;
	assert_non_null(p);
	assert_int_equal(p->msg->id, id);
	assert_int_equal(p->state, states[i].state);
	return id;
}

static void
free_way(void)
{
	struct cq_rule r = { .kind = CQ_SUSPEND, .name = HOST };

	(void)queue_rule(&w.q, &r);
	w_set_conf(w_conf());
}

static void
test_hold_and_release(void **state)
{
	struct cq_end end;
	uint64_t id;
	size_t i;

	(void)state;
	for (i = 0; i < NSTATES; i++, again()) {
		id = in_state(i);
		end = ask((struct cq_select){ .verb = CQ_HOLD,
		    .msgid = id,
		    .text = "they asked us to" });
		assert_int_equal(end.count, 1);
		assert_int_equal(end.busy,
		    states[i].state == PART_ACTIVE ? 1 : 0);
		assert_true(fake_held(Q_OUT, id));
		assert_int_equal(do_to(CQ_HOLD, id).count, 0);
		free_way();
		if (end.busy != 0) /* it stays when it comes back */
			w_result(w_working(), true, QO_DEFERRED,
			    REASON_REMOTE_RCPT, 450, "4.2.0", "greylisted");
		while (w_session_opening() != NULL)
			w_ready(w_opening());
		w_run_until(w.now + HOUR);
		assert_null(w_session_with_job());
		assert_int_equal(do_to(CQ_LIST, id).count, 1);
		assert_int_equal(row_seen.state, CQ_HELD);
		assert_int_equal(row_seen.reason, REASON_HELD);
		assert_string_equal(row_seen.text, "they asked us to");
		assert_int_equal(w.q.nheld, 1);
		assert_int_equal(do_to(CQ_RELEASE, id).count, 1);
		assert_false(fake_held(Q_OUT, id));
		assert_int_equal(w.q.nheld, 0);
		w_turn();
		w_deliver_all();
		assert_int_equal(w_find(id, WHO)->delivered, 1);
		assert_false(w_is_queued(id));
		assert_int_equal(do_to(CQ_RELEASE, id).count, 0);
	}
}

/* Held over a crash, with its reason, and delivered when it is released. */
static void
test_hold_lasts(void **state)
{
	uint64_t id;
	size_t i;

	(void)state;
	for (i = 0; i < NSTATES; i++, again()) {
		id = in_state(i);
		assert_int_equal(ask((struct cq_select){ .verb = CQ_HOLD,
					 .dest = HOST,
					 .text = "why" })
				     .count,
		    1);
		w_set_conf(w_conf());
		w_crash();
		w_peers_up();
		w_run_until(w.now + HOUR);
		assert_int_equal(w_count_sessions(), 0);
		assert_int_equal(do_to(CQ_LIST, id).count, 1);
		assert_int_equal(row_seen.state, CQ_HELD);
		assert_int_equal(row_seen.reason, REASON_HELD);
		assert_string_equal(row_seen.text, "why");
		assert_int_equal(do_to(CQ_RELEASE, id).count, 1);
		w_crash();
		w_peers_up();
		w_turn();
		w_deliver_all();
		assert_int_equal(w_find(id, WHO)->delivered, 1);
	}
}

/* Hold and release while it is in flight: as if nothing had been. */
static void
test_release_in_flight(void **state)
{
	uint64_t id = w_mail(ORIGIN_INT, "a@example.com", WHO);

	(void)state;
	be_active();
	assert_int_equal(do_to(CQ_HOLD, id).busy, 1);
	assert_int_equal(do_to(CQ_RELEASE, id).count, 1);
	w_result(w_working(), true, QO_DEFERRED, REASON_REMOTE_RCPT, 450,
	    "4.2.0", "greylisted");
	w_run_until(w.now + 2 * MINUTE);
	w_deliver_all();
	assert_int_equal(w_find(id, WHO)->delivered, 1);
}

static void
test_delivered_is_delivered(void **state)
{
	uint64_t id = w_mail(ORIGIN_INT, "a@example.com", WHO);

	(void)state;
	be_active();
	assert_int_equal(do_to(CQ_HOLD, id).busy, 1);
	w_deliver(w_working());
	assert_int_equal(w_find(id, WHO)->delivered, 1);
	assert_false(w_is_queued(id));
	assert_int_equal(w.q.nheld, 0);
	w_run_until(w.now + 1000);
	assert_int_equal(fake_durable(Q_OUT), 0);
}

static void
test_remove(void **state)
{
	struct cq_end end;
	uint64_t id;
	size_t i, how;

	(void)state;
	for (i = 0; i < 3 * NSTATES; i++, again()) {
		how = i / NSTATES;
		if (how > 0 && states[i % NSTATES].state != PART_ACTIVE)
			continue;
		id = in_state(i % NSTATES);
		end = do_to(CQ_REMOVE, id);
		assert_int_equal(end.count, 1);
		if (states[i % NSTATES].state == PART_ACTIVE) {
			assert_int_equal(end.busy, 1);
			assert_true(w_is_queued(id));
			if (how == 0)
				w_result(w_working(), true, QO_DEFERRED,
				    REASON_REMOTE_RCPT, 450, "4.2.0", "no");
			else if (how == 1)
				w_kill_worker(SIDE_EXT, w_working()->worker);
			else
				w_deliver(w_working());
			assert_int_equal(w_find(id, WHO)->delivered,
			    how == 2 ? 1 : 0);
		}
		assert_false(w_is_queued(id));
		w_run_until(w.now + 1000);
		assert_int_equal(fake_durable(Q_OUT), 0);
		assert_int_equal(w.notices, 0);
		assert_int_equal(do_to(CQ_REMOVE, id).count, 0);
	}
}

/* What a worker had is held, or removed, when that worker dies. */
static void
test_worker_killed(void **state)
{
	uint64_t id = w_mail(ORIGIN_INT, "a@example.com", WHO);

	(void)state;
	be_active();
	assert_int_equal(do_to(CQ_HOLD, id).busy, 1);
	w_kill_worker(SIDE_EXT, w_working()->worker);
	w_run_until(w.now + HOUR);
	assert_int_equal(w_count_sessions(), 0);
	assert_int_equal(do_to(CQ_LIST, id).count, 1);
	assert_int_equal(row_seen.state, CQ_HELD);
	assert_int_equal(do_to(CQ_RELEASE, id).count, 1);
	w_wait_for_job();
	w_deliver(w_working());
	assert_int_equal(w_find(id, WHO)->delivered, 1);
}

/* In hand at two deaths: held as poison, until an operator trusts it again. */
static void
test_poison(void **state)
{
	uint64_t id = w_mail(ORIGIN_INT, "a@example.com", WHO);
	int i, round;

	(void)state;
	for (round = 0; round < 2; round++) {
		for (i = 0; i < 2; i++) {
			w_wait_for_job();
			w_kill_worker(SIDE_EXT, w_working()->worker);
		}
		assert_int_equal(w.held, round + 1);
		w_run_until(w.now + HOUR);
		assert_int_equal(w_count_sessions(), 0);
		assert_int_equal(do_to(CQ_LIST, id).count, 1);
		assert_int_equal(row_seen.state, CQ_HELD);
		assert_int_equal(row_seen.reason, REASON_POISON);
		w_crash();
		w_peers_up();
		assert_int_equal(do_to(CQ_LIST, id).count, 1);
		assert_int_equal(row_seen.reason, REASON_POISON);
		assert_int_equal(do_to(CQ_RELEASE, id).count, 1);
		/* the count is reset, on disk, too */
		w_crash();
		w_peers_up();
		w_turn();
	}
	w_deliver_all();
	assert_int_equal(w_find(id, WHO)->delivered, 1);
}

static void
test_flush(void **state)
{
	uint64_t id;
	size_t i;
	bool works;

	(void)state;
	for (i = 0; i < NSTATES; i++, again()) {
		id = in_state(i);
		works = states[i].be == be_pausing ||
		    states[i].be == be_later || states[i].be == be_stuck;
		assert_int_equal(ask((struct cq_select){ .verb = CQ_FLUSH,
					 .look = true,
					 .dest = HOST })
				     .count,
		    works ? 1 : 0);
		assert_int_equal(do_to(CQ_FLUSH, id).count, works ? 1 : 0);
		if (states[i].be == be_stuck)
			w_set_conf(w_conf());
		if (!works)
			continue;
		w_turn();
		w_deliver_all();
		assert_int_equal(w_find(id, WHO)->delivered, 1);
	}
}

/* --- selections --- */

static uint64_t ids[6];

/* Six messages that differ in all that can be selected. */
static void
some_mail(void)
{
	static const struct {
		enum origin origin;
		const char *from, *to;
	} mail[] = {
		{ ORIGIN_INT, "ann@example.com", "x@one.test" },
		{ ORIGIN_INT, "ben@example.org", "y@one.test" },
		{ ORIGIN_INT, "ann@example.com", "z@two.test" },
		{ ORIGIN_EXT, "out@sender.test", "u@example.com" },
		{ ORIGIN_INT, "ann@example.com", "v@example.com" },
		{ ORIGIN_EXT, "", "w@example.org" },
	};
	size_t i;

	for (i = 0; i < 6; i++) {
		ids[i] = w_mail(mail[i].origin, mail[i].from, mail[i].to);
		assert_int_not_equal(ids[i], 0);
		w_advance(10 * MINUTE);
	}
}

/* Which of the six: a bit for each. */
static unsigned
which(struct cq_select want)
{
	unsigned bits = 0, n = 0, i;
	struct cq_select one;

	want.verb = CQ_LIST;
	for (i = 0; i < 6; i++) {
		one = want;
		one.msgid = ids[i];
		if (ask(one).count == 1) {
			bits |= 1U << i;
			n++;
		}
	}
	/* the same by walking, and by a look before a change */
	assert_int_equal(ask(want).count, n);
	assert_int_equal(rows, n);
	want.look = true;
	want.verb = CQ_REMOVE;
	assert_int_equal(ask(want).count, n);
	assert_int_equal(w.q.nmessages[Q_IN] + w.q.nmessages[Q_OUT], 6);
	return bits;
}

static void
test_selections(void **state)
{
	(void)state;
	some_mail();
	assert_int_equal(which((struct cq_select){ .msgid = 0 }), 077);
	assert_int_equal(which((struct cq_select){ .dest = "One.test" }), 003);
	/* a next hop of two domains */
	assert_int_equal(which((struct cq_select){
			     .dest = "mail.corp.example.com" }),
	    070);
	assert_int_equal(which((struct cq_select){ .dest = "no.such" }), 0);
	assert_int_equal(which((struct cq_select){ .from = CQ_FROM_ADDR,
			     .sender = "Ann@example.com" }),
	    025);
	assert_int_equal(which((struct cq_select){ .from = CQ_FROM_DOMAIN,
			     .sender = "example.ORG" }),
	    002);
	assert_int_equal(which((struct cq_select){ .from = CQ_FROM_NULL }),
	    040);
	assert_int_equal(which((struct cq_select){ .flow = CQ_FLOW_IN }), 050);
	assert_int_equal(which((struct cq_select){ .flow = CQ_FLOW_OUT }), 007);
	assert_int_equal(which((struct cq_select){ .flow = CQ_FLOW_LOCAL }),
	    020);
	assert_int_equal(which((struct cq_select){ .older = 45 * 60 }), 003);
	assert_int_equal(which((struct cq_select){ .older = 45 * 60,
			     .from = CQ_FROM_DOMAIN,
			     .sender = "example.com",
			     .dest = "one.test",
			     .flow = CQ_FLOW_OUT }),
	    001);
	assert_int_equal(which((struct cq_select){ .dest = "one.test",
			     .flow = CQ_FLOW_IN }),
	    0);
}

/* What was selected goes, and nothing else. */
static void
test_remove_some(void **state)
{
	(void)state;
	some_mail();
	assert_int_equal(ask((struct cq_select){ .verb = CQ_REMOVE,
				 .dest = "one.test" })
			     .count,
	    2);
	assert_false(w_is_queued(ids[0]));
	assert_false(w_is_queued(ids[1]));
	assert_int_equal(ask((struct cq_select){ .verb = CQ_REMOVE,
				 .from = CQ_FROM_NULL })
			     .count,
	    1);
	assert_false(w_is_queued(ids[5]));
	w_deliver_all();
	assert_int_equal(w_find(ids[2], "z@two.test")->delivered, 1);
	assert_int_equal(w_find(ids[3], "u@example.com")->delivered, 1);
	assert_int_equal(w_find(ids[4], "v@example.com")->delivered, 1);
}

/* --- many, page by page, while others come and go --- */

#define MANY 12000U

static unsigned seen;
static uint64_t last;

static int
in_order(void *arg, const struct cq_row *row)
{
	(void)arg;
	assert_true(row->msgid > last);
	last = row->msgid;
	seen++;
	return 0;
}

static void
many_mail(void)
{
	const char *rcpt;
	struct iq_done no;
	char to[32];
	unsigned i;

	w.conf->limits.out_sessions = 1;
	w.q.dests.limit = 1;
	for (i = 0; i < MANY; i++) {
		(void)snprintf(to, sizeof(to), "u%u@%s.test", i,
		    i % 2 == 0		? "even"
			: i % 1000 == 1 ? "rare"
					: "odd");
		rcpt = to;
		assert_int_equal(w_offer(ORIGIN_INT, "a@example.com", &rcpt, 1,
				     "x\r\n", &no),
		    0);
		if (i % 1000 == 999)
			w_turn();
	}
	w_turn();
}

static void
test_pages(void **state)
{
	static const struct {
		const char *dest;
		unsigned n;
	} lists[] = { { "", MANY }, { "even.test", MANY / 2 },
		{ "rare.test", MANY / 1000 } };
	const struct q_emit emit = { NULL, in_order, NULL };
	struct cq_select want = { .verb = CQ_LIST, .limit = CQ_PAGE_MAX };
	struct cq_end end;
	size_t i;

	(void)state;
	many_mail();
	for (i = 0; i < 3; i++) {
		(void)strlcpy(want.dest, lists[i].dest, sizeof(want.dest));
		want.after = last = seen = 0;
		do {
			queue_select(&w.q, &want, &emit, &end);
			assert_true(end.count <= CQ_PAGE_MAX);
			want.after = end.after;
		} while (end.result == CQ_MORE);
		assert_int_equal(seen, lists[i].n);
	}
}

/* The message that a cursor points to goes meanwhile: none other is missed. */
static void
test_pages_change(void **state)
{
	const struct q_emit emit = { NULL, in_order, NULL };
	struct cq_select want = { .verb = CQ_LIST,
		.limit = 50,
		.dest = "even.test" };
	struct cq_end end;
	unsigned gone = 0;

	(void)state;
	many_mail();
	last = seen = 0;
	do {
		queue_select(&w.q, &want, &emit, &end);
		want.after = end.after;
		if (end.result == CQ_MORE &&
		    queue_remove(&w.q, end.after + 1, 0) == CQ_DONE)
			gone++;
	} while (end.result == CQ_MORE);
	assert_true(gone > 100);
	assert_int_equal(seen + gone, MANY / 2);
}

/* Bounded steps, and a sum that is right. */
static void
test_remove_many(void **state)
{
	const struct q_emit emit = { NULL, keep_row, NULL };
	struct cq_select want = { .verb = CQ_REMOVE, .dest = "even.test" };
	struct cq_end end;
	unsigned n = 0, busy = 0, commits, pages = 0;

	(void)state;
	many_mail();
	w_ready(w_opening());
	commits = fake.commits;
	do {
		queue_select(&w.q, &want, &emit, &end);
		assert_true(end.count <= 500);
		n += end.count;
		busy += end.busy;
		want.after = end.after;
		pages++;
	} while (end.result == CQ_MORE);
	assert_int_equal(n, MANY / 2);
	assert_true(busy <= 1);
	assert_true(fake.commits - commits <= pages);
	assert_int_equal(w.q.nmessages[Q_OUT], MANY - n + busy);
	assert_int_equal(ask((struct cq_select){ .verb = CQ_REMOVE }).count,
	    MANY - n + busy);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_world(test_hold_and_release),
		with_world(test_hold_lasts),
		with_world(test_release_in_flight),
		with_world(test_delivered_is_delivered),
		with_world(test_remove),
		with_world(test_worker_killed),
		with_world(test_poison),
		with_world(test_flush),
		with_world(test_selections),
		with_world(test_remove_some),
		with_world(test_pages),
		with_world(test_pages_change),
		with_world(test_remove_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
