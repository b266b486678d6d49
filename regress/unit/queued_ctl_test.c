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
/* What the operator asks of the queue: remove, list, flush, show. */
#include <string.h>

#include <bsd/string.h>

#include "queued_stage.h"

static void
test_remove(void **state)
{
	const char *two[] = { "a@one.test", "b@two.test" };
	struct iq_done no;
	uint64_t id;

	(void)state;
	assert_int_equal(queue_remove(&w.q, 12345, 0), CQ_NO_SUCH);
	id = w_mail(ORIGIN_INT, "a@example.com", "x@dead.test");
	w_gone(w_opening(), QO_DEFERRED, REASON_CONNECT, "4.4.1", "refused");
	assert_int_equal(queue_remove(&w.q, id, 0), CQ_DONE);
	assert_int_equal(fake_durable(Q_OUT), 0);
	assert_int_equal(queue_remove(&w.q, id, 0), CQ_NO_SUCH);
	/* in flight: when it comes back, whatever became of it */
	id = w_submit(ORIGIN_INT, "a@example.com", two, 2, "x\r\n");
	w_ready(w_opening());
	assert_int_equal(queue_remove(&w.q, id, 0), CQ_BUSY);
	w_result(w_working(), true, QO_DEFERRED, REASON_REMOTE_RCPT, 450,
	    "4.2.0", "no");
	assert_false(w_is_queued(id));
	w_run_until(w.now + 1000);
	assert_int_equal(fake_durable(Q_OUT), 0);
	id = w_submit(ORIGIN_INT, "a@example.com", two, 1, "x\r\n");
	assert_int_equal(queue_remove(&w.q, id, 0), CQ_BUSY);
	w_deliver(w_working());
	assert_int_equal(w_find(id, "a@one.test")->delivered, 1);
	id = w_submit(ORIGIN_INT, "a@example.com", two, 1, "x\r\n");
	assert_int_equal(queue_remove(&w.q, id, 0), CQ_BUSY);
	w_kill_worker(SIDE_EXT, w_working()->worker);
	assert_false(w_is_queued(id));
	w_run_until(w.now + 1000);
	assert_int_equal(fake_durable(Q_OUT), 0);
	assert_int_equal(w.notices, 0);
	assert_int_equal(w_offer(ORIGIN_INT, "a@example.com", two, 1, "x\r\n",
			     &no),
	    0);
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
	struct cq_select want = { .verb = CQ_LIST, .limit = 7 };
	struct cq_end end;
	uint64_t last = 0;
	const struct q_emit emit = { &last, count_row, NULL };
	unsigned i;

	(void)state;
	for (i = 0; i < 40; i++) {
		(void)w_mail(ORIGIN_INT, "a@example.com",
		    i % 4 == 0 ? "x@one.test" : "y@two.test");
	}
	while (w_session_opening() != NULL)
		w_gone(w_opening(), QO_DEFERRED, REASON_CONNECT, "4.4.1",
		    "refused");
	assert_int_equal(w_count_sessions(), 0);
	seen = 0;
	do {
		queue_select(&w.q, &want, &emit, &end);
		assert_true(end.count <= 7);
		want.after = end.after;
	} while (end.result == CQ_MORE);
	assert_int_equal(end.result, CQ_DONE);
	assert_int_equal(seen, 40);
	seen = 0;
	last = want.after = 0;
	(void)strlcpy(want.dest, "ONE.test", sizeof(want.dest));
	do {
		queue_select(&w.q, &want, &emit, &end);
		want.after = end.after;
	} while (end.result == CQ_MORE);
	assert_int_equal(seen, 10);
	want = (struct cq_select){ .verb = CQ_FLUSH, .dest = "no.such" };
	queue_select(&w.q, &want, &emit, &end);
	assert_int_equal(end.result, CQ_DONE);
	assert_int_equal(end.count, 0);
	(void)strlcpy(want.dest, "one.test", sizeof(want.dest));
	queue_select(&w.q, &want, &emit, &end);
	assert_int_equal(end.result, CQ_DONE);
	assert_true(end.count > 0);
	w_turn();
	assert_int_equal(w_count_sessions(), 1);
	assert_string_equal(w_opening()->hop.name, "one.test");
	w_deliver_all();
	assert_int_equal(w.q.nmessages[Q_OUT], 30);
	want.dest[0] = '\0';
	queue_select(&w.q, &want, &emit, &end);
	assert_int_equal(end.result, CQ_DONE);
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
		s = w_opening();
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_world(test_remove),
		with_world(test_list_and_flush),
		with_world(test_show),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
