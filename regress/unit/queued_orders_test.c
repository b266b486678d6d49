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
 * regress/unit/queued_stage.o regress/unit/queued_fake_store.o
 * regress/unit/store_memfs.o regress/unit/store_memfs_names.o
 * regress/unit/store_memfs_power.o common/smtp.a common/msg.a common/base.a */
/*
 * What the operator orders until he takes it back, suspensions and reroutes;
 * and what he is told of a message, and of the whole queue.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <bsd/string.h>

#include "queued_stage.h"
#include "store_memfs.h"

/* --- a disk for the rules alone: the messages' is the fake store's --- */

static struct memfs *disk;
static struct store_ops ops;
static bool broken; /* nothing can be opened to be read */

static int
root_openat(void *ctx, int dir, const char *name, int flags, mode_t mode)
{
	(void)dir;
	if (broken && (flags & O_ACCMODE) == O_RDONLY) {
		errno = EIO;
		return -1;
	}
	return disk->ops.openat(ctx, MEMFS_ROOT, name, flags, mode);
}

static int
root_renameat(void *ctx, int dir, const char *from, const char *to)
{
	(void)dir;
	return disk->ops.renameat(ctx, MEMFS_ROOT, from, to);
}

static int
disk_up(void **state)
{
	(void)world_up(state);
	disk = memfs_new(1);
	ops = disk->ops;
	ops.openat = root_openat;
	ops.renameat = root_renameat;
	w.disks[Q_OUT].ops = &ops;
	w_crash();
	w_peers_up();
	return 0;
}

static int
disk_down(void **state)
{
	(void)world_down(state);
	memfs_free(disk);
	return 0;
}

#define with_disk(f) cmocka_unit_test_setup_teardown(f, disk_up, disk_down)

/* --- asking --- */

static struct cq_row row_seen;

static int
keep_row(void *arg, const struct cq_row *row)
{
	(void)arg;
	row_seen = *row;
	return 0;
}

static enum cq_state
state_of(uint64_t id)
{
	const struct q_emit emit = { NULL, keep_row, NULL };
	const struct cq_select want = { .verb = CQ_LIST,
		.msgid = id,
		.limit = 1 };
	struct cq_end end;

	queue_select(&w.q, &want, &emit, &end);
	assert_int_equal(end.count, 1);
	return row_seen.state;
}

static struct cq_why why_seen;

static int
keep_why(void *arg, const struct cq_why *why)
{
	(void)arg;
	why_seen = *why;
	return 0;
}

static const struct cq_why *
why(uint64_t id)
{
	uint32_t n;

	assert_int_equal(queue_why(&w.q, id, keep_why, NULL, &n), CQ_DONE);
	assert_int_equal(n, 1);
	return &why_seen;
}

static enum cq_result
order(struct cq_rule r, bool set)
{
	r.set = set;
	return queue_rule(&w.q, &r);
}

static const struct cq_rule one = { .kind = CQ_SUSPEND,
	.name = "One.test",
	.uid = 7,
	.text = "it moves" };

/* All that can be delivered now is; the others wait where they are. */
static void
settle(void)
{
	w_run_until(w.now + 1000);
	w_deliver_all();
}

/* Nothing is being tried. */
static bool
quiet(void)
{
	return w_session_opening() == NULL && w_session_with_job() == NULL;
}

static bool
came(uint64_t id, const char *to)
{
	return w_find(id, to)->delivered == 1;
}

/* --- suspensions --- */

static void
test_domain(void **state)
{
	uint64_t id, other, late;

	(void)state;
	id = w_mail(ORIGIN_INT, "a@example.com", "x@one.test");
	other = w_mail(ORIGIN_INT, "a@example.com", "x@two.test");
	assert_int_equal(order(one, true), CQ_DONE);
	late = w_mail(ORIGIN_INT, "a@example.com", "y@one.test");
	settle();
	assert_true(came(other, "x@two.test"));
	assert_int_equal(w_find(id, "x@one.test")->delivered, 0);
	assert_int_equal(w_find(late, "y@one.test")->delivered, 0);
	assert_int_equal(state_of(id), CQ_SUSPENDED);
	assert_int_equal(why(late)->wait, CQ_W_SUSPENDED);
	assert_int_equal(why_seen.by, 7);
	assert_string_equal(why_seen.note, "it moves");
	w_run_until(w.now + HOUR);
	assert_true(quiet());
	assert_int_equal(order(one, false), CQ_DONE);
	settle();
	assert_true(came(id, "x@one.test"));
	assert_true(came(late, "y@one.test"));
	assert_int_equal(order(one, false), CQ_NO_SUCH);
}

/* A next hop of two domains; and one whose name is asked for by its case. */
static void
test_hop(void **state)
{
	const struct cq_rule hop = { .kind = CQ_SUSPEND,
		.name = "MAIL.corp.example.com" };
	uint64_t a, b, out;

	(void)state;
	assert_int_equal(order(hop, true), CQ_DONE);
	a = w_mail(ORIGIN_EXT, "s@sender.test", "a@example.com");
	b = w_mail(ORIGIN_INT, "s@example.com", "b@example.org");
	out = w_mail(ORIGIN_INT, "s@example.com", "x@one.test");
	settle();
	assert_true(came(out, "x@one.test"));
	assert_int_equal(w.q.nmessages[Q_IN] + w.q.nmessages[Q_OUT], 2);
	assert_int_equal(order(hop, false), CQ_DONE);
	settle();
	assert_true(came(a, "a@example.com"));
	assert_true(came(b, "b@example.org"));
}

/* Each flow by itself, also where two of them have the same next hop. */
static void
test_flows(void **state)
{
	static const enum cq_flow flows[] = { CQ_FLOW_IN, CQ_FLOW_OUT,
		CQ_FLOW_LOCAL };
	static const char *const to[] = { "a@example.com", "x@one.test",
		"b@example.com" };
	struct cq_rule r = { .kind = CQ_SUSPEND_FLOW };
	uint64_t ids[3];
	unsigned f, i;

	(void)state;
	for (f = 0; f < 3; f++) {
		r.flow = flows[f];
		assert_int_equal(order(r, true), CQ_DONE);
		ids[0] = w_mail(ORIGIN_EXT, "s@sender.test", to[0]);
		ids[1] = w_mail(ORIGIN_INT, "s@example.com", to[1]);
		ids[2] = w_mail(ORIGIN_INT, "s@example.com", to[2]);
		settle();
		for (i = 0; i < 3; i++)
			assert_int_equal(w_find(ids[i], to[i])->delivered,
			    i == f ? 0 : 1);
		assert_int_equal(state_of(ids[f]), CQ_SUSPENDED);
		assert_int_equal(why(ids[f])->flow, flows[f]);
		assert_int_equal(order(r, false), CQ_DONE);
		settle();
		assert_true(came(ids[f], to[f]));
		for (i = 0; i < 3; i++)
			assert_int_equal(w_find(ids[i], to[i])->flow, flows[i]);
	}
}

/* What is in flight ends as it will; what comes back waits. */
static void
test_in_flight(void **state)
{
	uint64_t id, back, lost;

	(void)state;
	id = w_mail(ORIGIN_INT, "a@example.com", "x@one.test");
	w_ready(w_opening());
	assert_int_equal(order(one, true), CQ_DONE);
	assert_int_equal(state_of(id), CQ_ACTIVE);
	assert_int_equal(why(id)->wait, CQ_W_ACTIVE);
	w_deliver(w_working());
	assert_true(came(id, "x@one.test"));
	assert_int_equal(order(one, false), CQ_DONE);

	back = w_mail(ORIGIN_INT, "a@example.com", "x@one.test");
	w_wait_for_job();
	assert_int_equal(order(one, true), CQ_DONE);
	w_result(w_working(), true, QO_DEFERRED, REASON_REMOTE_RCPT, 450,
	    "4.2.0", "later");
	w_run_until(w.now + HOUR);
	assert_null(w_session_with_job());
	assert_int_equal(order(one, false), CQ_DONE);
	w_wait_for_job();
	w_deliver(w_working());
	assert_true(came(back, "x@one.test"));

	lost = w_mail(ORIGIN_INT, "a@example.com", "x@one.test");
	w_wait_for_job();
	assert_int_equal(order(one, true), CQ_DONE);
	w_kill_worker(SIDE_EXT, w_working()->worker);
	w_run_until(w.now + HOUR);
	assert_null(w_session_with_job());
	assert_int_equal(order(one, false), CQ_DONE);
	w_wait_for_job();
	w_deliver(w_working());
	assert_true(came(lost, "x@one.test"));
}

/* It ends by itself, and the queue wakes up for that. */
static void
test_for_a_time(void **state)
{
	struct cq_rule r = one;
	uint64_t id, start = w.now;

	(void)state;
	r.lasts = 3600;
	assert_int_equal(order(r, true), CQ_DONE);
	id = w_mail(ORIGIN_INT, "a@example.com", "x@one.test");
	w_run_until(start + HOUR - 1);
	assert_true(quiet());
	assert_int_equal(state_of(id), CQ_SUSPENDED);
	w_run_until(start + HOUR);
	assert_int_equal(w_count_sessions(), 1);
	w_deliver_all();
	assert_true(came(id, "x@one.test"));
	assert_int_equal(w.q.rules.n, 0);
}

/* Suspended mail keeps its schedule, and expires as ever. */
static void
test_expires(void **state)
{
	struct conf *c = w_conf();
	uint64_t id;

	(void)state;
	c->schedule.warn_after = 0;
	w_set_conf(c);
	assert_int_equal(order(one, true), CQ_DONE);
	id = w_mail(ORIGIN_INT, "a@example.com", "x@one.test");
	w_run_until(w.now + 5 * DAY + MINUTE);
	assert_int_equal(w_find(id, "x@one.test")->failed, 1);
	assert_false(w_is_queued(id));
	w_deliver_all();
	assert_int_equal(w_find(id, "x@one.test")->reported, 1);
}

static void
test_lasts(void **state)
{
	struct cq_rule r = { .kind = CQ_SUSPEND_FLOW,
		.flow = CQ_FLOW_IN,
		.lasts = 3600 };
	uint64_t id, in;

	(void)state;
	assert_int_equal(order(one, true), CQ_DONE);
	assert_int_equal(order(r, true), CQ_DONE);
	id = w_mail(ORIGIN_INT, "a@example.com", "x@one.test");
	in = w_mail(ORIGIN_EXT, "s@sender.test", "a@example.com");
	memfs_power(disk, MEMFS_DROP);
	w_crash();
	w_peers_up();
	w_run_until(w.now + MINUTE);
	assert_true(quiet());
	assert_int_equal(why(id)->by, 7);
	assert_string_equal(why_seen.note, "it moves");
	/* its time is over while nobody is there */
	w.now += HOUR;
	w.real += HOUR;
	w_crash();
	w_peers_up();
	settle();
	assert_true(came(in, "a@example.com"));
	assert_int_equal(w_find(id, "x@one.test")->delivered, 0);
	assert_int_equal(order(one, false), CQ_DONE);
	w_crash();
	w_peers_up();
	settle();
	assert_true(came(id, "x@one.test"));
}

/* What cannot be kept is not in force. */
static void
test_not_kept(void **state)
{
	uint64_t id;

	(void)state;
	disk->fault = MEMFS_ERROR;
	disk->fault_errno = ENOSPC;
	disk->fault_at = disk->calls + 1;
	assert_int_equal(order(one, true), CQ_FAILED);
	id = w_mail(ORIGIN_INT, "a@example.com", "x@one.test");
	settle();
	assert_true(came(id, "x@one.test"));
	assert_int_equal(order(one, true), CQ_DONE);
	disk->fault_at = disk->calls + 1;
	assert_int_equal(order(one, false), CQ_FAILED);
	id = w_mail(ORIGIN_INT, "a@example.com", "x@one.test");
	settle();
	assert_int_equal(state_of(id), CQ_SUSPENDED);
}

/* Unreadable once: read again; again and again: set aside, and mail flows. */
static void
test_unreadable(void **state)
{
	uint64_t at;
	size_t len;

	(void)state;
	assert_int_equal(order(one, true), CQ_DONE);
	disk->fault = MEMFS_ERROR;
	disk->fault_errno = EIO;
	for (at = 1; at <= 3; at++) {
		disk->fault_at = disk->calls + at;
		w_crash();
		assert_int_equal(w.q.rules.n, 1);
	}
	broken = true;
	w_crash();
	broken = false;
	w_peers_up();
	assert_int_equal(w.q.rules.n, 0);
	assert_non_null(memfs_bytes(disk, "rules.bad", &len));
	assert_null(memfs_bytes(disk, "rules", &len));
	(void)w_mail(ORIGIN_INT, "a@example.com", "x@one.test");
	settle();
	assert_int_equal(w.q.nmessages[Q_OUT], 0);
}

/* More than one turn can move, and each in its turn when it is resumed. */
static void
test_many(void **state)
{
	const char *rcpt = "x@one.test";
	struct iq_done no;
	unsigned i;

	(void)state;
	for (i = 0; i < 5000; i++)
		assert_int_equal(w_offer(ORIGIN_INT, "a@example.com", &rcpt, 1,
				     "x\r\n", &no),
		    0);
	assert_int_equal(order(one, true), CQ_DONE);
	w_run_until(w.now + MINUTE);
	assert_true(quiet());
	assert_int_equal(dom_find(&w.q.doms, "one.test", 8)->suspended.n, 5000);
	/* a reload does not stir it */
	w_set_conf(w_conf());
	w_run_until(w.now + MINUTE);
	assert_true(quiet());
	assert_int_equal(order(one, false), CQ_DONE);
	w_run_until(w.now + MINUTE);
	assert_int_equal(dom_find(&w.q.doms, "one.test", 8)->suspended.n, 0);
	assert_true(w_count_sessions() > 0);
}

/* --- reroutes --- */

static const struct cq_rule way = { .kind = CQ_REROUTE,
	.name = "one.test",
	.host = "Relay.test",
	.port = 2525,
	.uid = 3 };

static void
test_reroute_out(void **state)
{
	const struct msg_hop *hop;
	uint64_t before, after;
	unsigned i;

	(void)state;
	before = w_mail(ORIGIN_INT, "a@example.com", "x@one.test");
	w_gone(w_opening(), QO_DEFERRED, REASON_CONNECT, "4.4.1", "refused");
	assert_int_equal(order(way, true), CQ_DONE);
	after = w_mail(ORIGIN_INT, "a@example.com", "y@one.test");
	/* a host that is none: nothing bounces */
	w_gone(w_opening(), QO_FAILED, REASON_DNS_NXDOMAIN, "5.1.2", "none");
	assert_true(w_is_queued(after));
	assert_int_equal(w_find(after, "y@one.test")->failed, 0);
	w_run_until(w.now + 33000);
	hop = &w_opening()->hop;
	assert_int_equal(w_opening()->side, SIDE_EXT);
	assert_int_equal(hop->kind, CONF_ROUTE_SMARTHOST);
	assert_string_equal(hop->hosts[0].name, "relay.test");
	assert_int_equal(hop->hosts[0].port, 2525);
	assert_int_equal(why(after)->route, CQ_R_REROUTE);
	assert_int_equal(why_seen.by, 3);
	/* what waited goes there at its next attempt */
	for (i = 0; i < 60; i++) {
		while (w_session_opening() != NULL) {
			assert_string_equal(w_opening()->hop.hosts[0].name,
			    "relay.test");
			w_ready(w_opening());
		}
		while (w_session_with_job() != NULL)
			w_deliver(w_working());
		w_run_until(w.now + 1000);
	}
	assert_true(came(after, "y@one.test"));
	assert_true(came(before, "x@one.test"));
	assert_int_equal(order(way, false), CQ_DONE);
	(void)w_mail(ORIGIN_INT, "a@example.com", "z@one.test");
	assert_int_equal(w_opening()->hop.kind, CONF_ROUTE_DNS);
}

/* Elsewhere the same is asked of TLS: of the connector, or of the domain. */
static void
test_reroute_keeps_tls(void **state)
{
	struct cq_rule r = way;
	uint32_t i;

	(void)state;
	w.conf->connectors[0].tls = 77;
	for (i = 0; i < w.conf->ndomains; i++)
		w.conf->domains[i].tls = 80 + i;
	(void)w_mail(ORIGIN_INT, "a@example.com", "x@two.test");
	assert_true(w_opening()->hop.tls == 77);
	w_deliver_all();
	assert_int_equal(order(way, true), CQ_DONE);
	(void)w_mail(ORIGIN_INT, "a@example.com", "x@one.test");
	assert_int_equal(w_opening()->hop.kind, CONF_ROUTE_SMARTHOST);
	assert_true(w_opening()->hop.tls == 77);
	w_deliver_all();
	(void)strlcpy(r.name, "example.org", sizeof(r.name));
	assert_int_equal(order(r, true), CQ_DONE);
	(void)w_mail(ORIGIN_EXT, "s@sender.test", "a@example.org");
	assert_int_equal(w_opening()->side, SIDE_INT);
	assert_true(w_opening()->hop.tls == 81);
	w_deliver_all();
}

/* A domain of ours: by the inside only, and the directory is not asked. */
static void
test_reroute_local(void **state)
{
	struct cq_rule r = way;
	uint64_t in, local;
	unsigned asks;

	(void)state;
	(void)strlcpy(r.name, "example.com", sizeof(r.name));
	(void)strlcpy(r.host, "10.0.0.99", sizeof(r.host));
	in = w_mail(ORIGIN_EXT, "s@sender.test", "a@example.com");
	w_gone(w_opening(), QO_DEFERRED, REASON_CONNECT, "4.4.1", "refused");
	assert_int_equal(order(r, true), CQ_DONE);
	asks = w.asks;
	queue_dir_down(&w.q);
	local = w_mail(ORIGIN_INT, "s@example.com", "b@example.com");
	assert_int_equal(w_opening()->side, SIDE_INT);
	assert_int_equal(w_opening()->hop.kind, CONF_ROUTE_HOSTS);
	assert_int_equal(w_opening()->hop.hosts[0].addr.family, NETADDR_V4);
	assert_int_equal(w_opening()->hop.hosts[0].port, 2525);
	w_deliver_all();
	w_run_until(w.now + MINUTE);
	w_deliver_all();
	assert_true(came(in, "a@example.com"));
	assert_true(came(local, "b@example.com"));
	assert_int_equal(w.asks, asks);
}

/* A rule opens no way that the direction does not have. */
static void
test_reroute_is_no_relay(void **state)
{
	struct conf *c = w_conf();
	struct cq_rule r = way;
	uint64_t id;

	(void)state;
	id = w_mail(ORIGIN_EXT, "s@sender.test", "a@example.com");
	w_gone(w_opening(), QO_DEFERRED, REASON_CONNECT, "4.4.1", "refused");
	(void)strlcpy(r.name, "example.com", sizeof(r.name));
	assert_int_equal(order(r, true), CQ_DONE);
	/* it is not ours any more: a way out it has not */
	(void)strlcpy(c->domains[0].name, "other.com", 256);
	conf_seal(c);
	w_set_conf(c);
	w_run_until(w.now + HOUR);
	assert_true(quiet());
	assert_true(w_is_queued(id));
	assert_int_equal(why(id)->wait, CQ_W_ROUTE);
	assert_int_equal(why_seen.route, CQ_R_NONE);
	assert_int_equal(w_mail(ORIGIN_EXT, "s@sender.test", "x@one.test"), 0);
}

/* In flight there, it goes elsewhere the next time, and once. */
static void
test_reroute_in_flight(void **state)
{
	uint64_t id;

	(void)state;
	id = w_mail(ORIGIN_INT, "a@example.com", "x@one.test");
	w_ready(w_opening());
	assert_int_equal(order(way, true), CQ_DONE);
	assert_string_equal(w_working()->hop.name, "one.test");
	w_result(w_working(), true, QO_DEFERRED, REASON_REMOTE_RCPT, 450,
	    "4.2.0", "later");
	w_run_until(w.now + MINUTE);
	assert_string_equal(w_opening()->hop.hosts[0].name, "relay.test");
	w_deliver_all();
	assert_true(came(id, "x@one.test"));
}

static void
test_reroute_lasts(void **state)
{
	struct cq_rule r = way;
	uint64_t id;

	(void)state;
	r.lasts = 600;
	assert_int_equal(order(r, true), CQ_DONE);
	w_crash();
	w_peers_up();
	id = w_mail(ORIGIN_INT, "a@example.com", "x@one.test");
	assert_string_equal(w_opening()->hop.hosts[0].name, "relay.test");
	w_gone(w_opening(), QO_DEFERRED, REASON_CONNECT, "4.4.1", "refused");
	w_run_until(w.now + 15 * MINUTE);
	while (w_session_opening() != NULL &&
	    w_opening()->hop.kind == CONF_ROUTE_SMARTHOST) {
		w_gone(w_opening(), QO_DEFERRED, REASON_CONNECT, "4.4.1",
		    "refused");
		w_run_until(w.now + HOUR);
	}
	assert_int_equal(w_opening()->hop.kind, CONF_ROUTE_DNS);
	w_deliver_all();
	assert_true(came(id, "x@one.test"));
}

/* --- why --- */

static void
test_why(void **state)
{
	struct conf *c = w_conf();
	uint64_t first, second, in;
	uint32_t n;

	(void)state;
	c->connectors[0].pos.line = 17;
	c->domains[0].pos.line = 9;
	w_set_conf(c);
	w.q.dests.limit = 1;
	first = w_mail(ORIGIN_INT, "a@example.com", "x@one.test");
	second = w_mail(ORIGIN_INT, "a@example.com", "y@one.test");
	assert_int_equal(why(second)->wait, CQ_W_TURN);
	assert_int_equal(why_seen.ahead, 1);
	assert_int_equal(why_seen.sessions, 1);
	assert_int_equal(why_seen.flow, CQ_FLOW_OUT);
	assert_int_equal(why_seen.route, CQ_R_CONNECTOR);
	assert_string_equal(why_seen.rule, "*");
	assert_int_equal(why_seen.line, 17);
	assert_string_equal(why_seen.rcpt, "y@one.test");
	assert_string_equal(why_seen.hop, "one.test");
	assert_int_equal(why_seen.expires,
	    state_of(second) == CQ_WAITING ? row_seen.accepted + 5 * DAY : 0);
	w_ready(w_opening());
	assert_int_equal(why(first)->wait, CQ_W_ACTIVE);
	w_result(w_working(), false, QO_DEFERRED, REASON_REMOTE_RCPT, 451,
	    "4.7.1", "greylisted");
	assert_int_equal(why(first)->wait, CQ_W_TIME);
	assert_int_equal(why_seen.attempts, 1);
	assert_int_equal(why_seen.code, 451);
	assert_string_equal(why_seen.text, "greylisted");
	assert_true(why_seen.next > w.real + 26000);
	assert_true(why_seen.next < w.real + 34000);
	w_gone(w_opening(), QO_DEFERRED, REASON_CONNECT, "4.4.1", "refused");
	assert_int_equal(why(second)->wait, CQ_W_PAUSE);
	assert_int_equal(why_seen.reason, REASON_CONNECT);
	assert_string_equal(why_seen.text, "refused");
	w.dir_answers = false;
	in = w_mail(ORIGIN_EXT, "s@sender.test", "a@example.com");
	assert_int_equal(why(in)->wait, CQ_W_DIRECTORY);
	assert_int_equal(why_seen.route, CQ_R_DOMAIN);
	assert_string_equal(why_seen.rule, "example.com");
	assert_int_equal(why_seen.line, 9);
	assert_int_equal(queue_why(&w.q, 1, keep_why, NULL, &n), CQ_NO_SUCH);
}

/* --- shape --- */

static struct cq_shape total, at_one;
static unsigned names;

static int
sum_shape(void *arg, const struct cq_shape *s)
{
	struct cq_shape *to = s->name[0] == '\0' ? &total
	    : strcmp(s->name, "one.test") == 0	 ? &at_one
						 : NULL;
	unsigned i;

	(void)arg;
	names++;
	for (i = 0; to != NULL && i < CQ_AGES; i++)
		to->ages[i] += s->ages[i];
	if (to == NULL)
		return 0;
	to->held += s->held;
	to->suspended += s->suspended;
	return 0;
}

static unsigned
shape(struct cq_select want)
{
	const struct q_emit emit = { NULL, NULL, sum_shape };
	unsigned pages = 0;
	struct cq_end end;

	want.verb = CQ_SHAPE;
	memset(&total, 0, sizeof(total));
	memset(&at_one, 0, sizeof(at_one));
	names = 0;
	do {
		queue_select(&w.q, &want, &emit, &end);
		want.after = end.after;
		assert_true(++pages < 100);
	} while (end.result == CQ_MORE);
	return pages;
}

static void
test_shape(void **state)
{
	const char *both[] = { "x@one.test", "y@two.test" };
	struct cq_select hold = { .verb = CQ_HOLD };
	struct cq_end end;
	uint64_t id = 0;
	unsigned i;

	(void)state;
	shape((struct cq_select){ .msgid = 0 });
	assert_int_equal(names, 0);
	for (i = 0; i < 4; i++) {
		id = w_submit(ORIGIN_INT, "a@example.com", both, 2, "x\r\n");
		w.now += 7 * MINUTE; /* and no turn: it only gets older */
		w.real += 7 * MINUTE;
		queue_time(&w.q, w.now, w.real);
	}
	(void)w_mail(ORIGIN_EXT, "s@sender.test", "a@example.com");
	hold.msgid = id;
	queue_select(&w.q, &hold, &(struct q_emit){ 0 }, &end);
	assert_int_equal(end.count, 1);
	shape((struct cq_select){ .msgid = 0 });
	/* 0, 7, 14, 21 and 28 minutes old */
	assert_int_equal(total.ages[0], 1);
	assert_int_equal(total.ages[1], 1);
	assert_int_equal(total.ages[2], 1);
	assert_int_equal(total.ages[3], 2);
	assert_int_equal(total.held, 1);
	assert_int_equal(at_one.ages[0], 0);
	assert_int_equal(at_one.ages[1], 1);
	assert_int_equal(at_one.ages[3], 2);
	assert_int_equal(at_one.held, 1);
	assert_int_equal(total.suspended, 0);
	assert_int_equal(order(one, true), CQ_DONE);
	shape((struct cq_select){ .msgid = 0 });
	assert_int_equal(total.held, 1);
	assert_int_equal(total.suspended, 3);
	assert_int_equal(at_one.suspended, 3);
	assert_int_equal(order(one, false), CQ_DONE);
	shape((struct cq_select){ .flow = CQ_FLOW_IN });
	assert_int_equal(total.ages[0], 1);
	assert_int_equal(at_one.ages[1], 0);
}

/* More destinations than one page has room for. */
static void
test_shape_many(void **state)
{
	struct iq_done no;
	char to[40];
	const char *rcpt = to;
	unsigned i, sum = 0;

	(void)state;
	for (i = 0; i < 6000; i++) {
		(void)snprintf(to, sizeof(to), "x@d%u.test", i);
		assert_int_equal(w_offer(ORIGIN_INT, "a@example.com", &rcpt, 1,
				     "x\r\n", &no),
		    0);
		if (i % 1000 == 999)
			w_turn();
	}
	assert_true(shape((struct cq_select){ .msgid = 0 }) > 1);
	for (i = 0; i < CQ_AGES; i++)
		sum += total.ages[i];
	assert_int_equal(sum, 6000);
	assert_true(names >= 6000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_world(test_domain),
		with_world(test_hop),
		with_world(test_flows),
		with_world(test_in_flight),
		with_world(test_for_a_time),
		with_world(test_expires),
		with_disk(test_lasts),
		with_disk(test_not_kept),
		with_disk(test_unreadable),
		with_world(test_many),
		with_world(test_reroute_out),
		with_world(test_reroute_local),
		with_world(test_reroute_keeps_tls),
		with_world(test_reroute_is_no_relay),
		with_world(test_reroute_in_flight),
		with_disk(test_reroute_lasts),
		with_world(test_why),
		with_world(test_shape),
		with_world(test_shape_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
