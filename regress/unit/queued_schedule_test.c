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
 * Schedules by domain and connector: each recipient of a message is tried,
 * warned about and given up as its domain says.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include "queued_stage.h"

static struct conf_domain *
domain(struct conf *c, const char *name)
{
	uint32_t i;

	for (i = 0; i < c->ndomains; i++) {
		if (strcmp(c->domains[i].name, name) == 0)
			return &c->domains[i];
	}
	fail_msg("no domain %s", name);
	abort();
}

static struct conf_connector *
connector(struct conf *c, const char *pattern)
{
	struct conf_connector *k = conf_add_connector(c);

	(void)strlcpy(k->pattern, pattern, sizeof(k->pattern));
	k->route.kind = CONF_ROUTE_DNS;
	return k;
}

/*
 * quick.test: retry 10s, expire 1h, warn after 10m; slow.test: expire 10d,
 * warn never; example.org: expire 2h.  The general: warn after 4h, expire 5d.
 */
static void
configure(void)
{
	struct conf *c = w_conf();

	connector(c, "quick.test")->schedule =
	    (struct conf_schedule){ CONF_S_ALL, { 10 }, 1, 3600, 600 };
	connector(c, "*.slow.test")->schedule =
	    (struct conf_schedule){ .set = CONF_S_EXPIRE | CONF_S_WARN,
		    .expire = 10 * 86400 };
	domain(c, "example.org")->schedule =
	    (struct conf_schedule){ .set = CONF_S_EXPIRE, .expire = 2 * 3600 };
	conf_seal(c);
	w_set_conf(c);
}

static void
defer(struct w_session *s)
{
	w_result(s, true, QO_DEFERRED, REASON_REMOTE_RCPT, 450, "4.2.0",
	    "come back later");
}

/* Every attempt is deferred, until that time. */
static void
defer_until(uint64_t at)
{
	uint64_t next;

	while (w.now < at) {
		while (w_session_opening() != NULL)
			w_ready(w_opening());
		while (w_session_with_job() != NULL) {
			if (w_working()->job.sender[0] == '\0')
				w_deliver(w_working());
			else
				defer(w_working());
		}
		next = queue_next(&w.q);
		if (next > at || next <= w.now)
			next = next > at ? at : w.now + 1;
		w_advance(next - w.now);
	}
}

static const char *const three[] = { "a@quick.test", "b@x.slow.test",
	"c@else.test" };

static uint64_t
mail_to_three(void)
{
	return w_submit(ORIGIN_INT, "s@example.com", three, 3, "x\r\n");
}

static void
test_retries(void **state)
{
	unsigned quick, slow;
	uint64_t id;

	(void)state;
	configure();
	id = mail_to_three();
	defer_until(W_START + 9 * MINUTE);
	quick = w_find(id, three[0])->deferred;
	slow = w_find(id, three[1])->deferred;
	/* every 10 s; after 30 s, 1 m and 5 m */
	assert_in_range(quick, 49, 60);
	assert_int_equal(slow, 4);
	assert_int_equal(w_find(id, three[2])->deferred, slow);
}

static void
test_expiries(void **state)
{
	uint64_t id;

	(void)state;
	configure();
	id = mail_to_three();
	defer_until(W_START + HOUR - 1);
	assert_true(w_is_open(id, three[0]));
	defer_until(W_START + HOUR + 1);
	assert_int_equal(w_find(id, three[0])->failed, 1);
	assert_int_equal(w_find(id, three[0])->reason, REASON_EXPIRED);
	assert_true(w_is_open(id, three[1]));
	assert_true(w_is_open(id, three[2]));
	defer_until(W_START + 5 * DAY - 1);
	assert_true(w_is_open(id, three[2]));
	assert_int_equal(w_find(id, three[0])->reported, 1);
	defer_until(W_START + 5 * DAY + MINUTE);
	assert_int_equal(w_find(id, three[2])->failed, 1);
	assert_true(w_is_open(id, three[1]));
	defer_until(W_START + 10 * DAY - 1);
	assert_true(w_is_queued(id));
	defer_until(W_START + 10 * DAY + 1);
	assert_int_equal(w_find(id, three[1])->failed, 1);
	assert_false(w_is_queued(id));
	defer_until(W_START + 10 * DAY + MINUTE);
	assert_int_equal(w_find(id, three[1])->reported, 1);
	assert_int_equal(w_find(id, three[2])->reported, 1);
}

/* Of the domain itself, and one by the directory's way. */
static void
test_inside(void **state)
{
	uint64_t ours, other;

	(void)state;
	configure();
	ours = w_mail(ORIGIN_EXT, "s@example.net", "a@example.org");
	other = w_mail(ORIGIN_EXT, "s@example.net", "a@example.com");
	defer_until(W_START + 2 * HOUR - 1);
	assert_true(w_is_queued(ours));
	defer_until(W_START + 2 * HOUR + 1);
	assert_false(w_is_queued(ours));
	assert_true(w_is_queued(other));
	/* 4 h do not come before 2 h: nobody is warned */
	assert_int_equal(w.notices, 1);
}

/* One warning for each age, about those whom it is due. */
static void
test_warnings(void **state)
{
	uint64_t id;

	(void)state;
	configure();
	id = mail_to_three();
	defer_until(W_START + 10 * MINUTE - 1);
	assert_int_equal(w.notices, 0);
	defer_until(W_START + 10 * MINUTE + 1000);
	assert_int_equal(w.notices, 1);
	assert_non_null(strstr(w.dsn, "\r\nAction: delayed\r\n"));
	assert_non_null(strstr(w.dsn, "rfc822; a@quick.test"));
	assert_null(strstr(w.dsn, "slow.test"));
	assert_null(strstr(w.dsn, "else.test"));
	/* W_REAL is 2027-01-15 08:00:00 */
	assert_non_null(strstr(w.dsn,
	    "\r\nWill-Retry-Until: Fri, 15 Jan 2027 09:00:00 +0000\r\n"));
	/* and that is not forgotten */
	w_crash();
	w_peers_up();
	defer_until(W_START + HOUR - 1);
	assert_int_equal(w.notices, 1);
	defer_until(W_START + 4 * HOUR - 1);
	assert_int_equal(w.notices, 2); /* quick.test is given up */
	defer_until(W_START + 4 * HOUR + 1000);
	assert_int_equal(w.notices, 3);
	assert_non_null(strstr(w.dsn, "rfc822; c@else.test"));
	assert_null(strstr(w.dsn, "slow.test"));
	w_crash();
	w_peers_up();
	defer_until(W_START + 5 * DAY - 1);
	assert_int_equal(w.notices, 3);
	assert_true(w_is_queued(id));
}

/* Whoever is told of when: nobody is named in two warnings. */
static void
test_warned_once(void **state)
{
	static const char *const rcpts[] = { "a@quick.test", "b@x.slow.test",
		"c@else.test", "d@quick.test", "e@else.test" };
	enum { N = sizeof(rcpts) / sizeof(rcpts[0]) };
	unsigned named[N] = { 0 }, seen = 0, i, turns;
	struct conf *c;

	(void)state;
	configure();
	/* quick.test lives on, so that it is there at each later age */
	c = w_conf();
	connector(c, "quick.test")->schedule =
	    (struct conf_schedule){ CONF_S_ALL, { 600 }, 1, 6 * 86400, 600 };
	connector(c, "*.slow.test")->schedule =
	    (struct conf_schedule){ CONF_S_WARN | CONF_S_EXPIRE, { 0 }, 0,
		    10 * 86400, 86400 };
	conf_seal(c);
	w_set_conf(c);
	(void)w_submit(ORIGIN_INT, "s@example.com", rcpts, N, "x\r\n");
	/* five minutes off, so that what is due has gone out by then */
	defer_until(W_START + 5 * MINUTE);
	for (turns = 0; w.now < W_START + 4 * DAY; turns++) {
		defer_until(w.now + 10 * MINUTE);
		assert_true(w.notices <= seen + 1);
		if (w.notices > seen)
			for (i = 0; i < N; i++)
				named[i] += strstr(w.dsn, rcpts[i]) != NULL;
		seen = w.notices;
		if (turns % 25 == 0) {
			w_crash();
			w_peers_up();
		}
	}
	assert_int_equal(w.notices, 3); /* 10 m, 4 h, 1 d */
	for (i = 0; i < N; i++)
		assert_int_equal(named[i], 1);
}

/* A warning that could not be kept is made again, and no other with it. */
static void
test_warning_refused(void **state)
{
	(void)state;
	configure();
	(void)mail_to_three();
	defer_until(W_START + 4 * HOUR - MINUTE);
	assert_int_equal(w.notices, 2);
	fake.commit_error = EIO;
	defer_until(W_START + 4 * HOUR + 30000);
	assert_int_equal(w.notices, 2);
	fake.commit_error = 0;
	defer_until(W_START + 4 * HOUR + 3 * MINUTE);
	assert_int_equal(w.notices, 3);
	assert_non_null(strstr(w.dsn, "rfc822; c@else.test"));
	assert_null(strstr(w.dsn, "quick.test"));
}

/* A dead destination is left alone by its own schedule. */
static void
test_pauses(void **state)
{
	unsigned quick = 0, slow = 0, i;
	struct w_session *s;

	(void)state;
	configure();
	for (i = 0; i < 20; i++)
		(void)mail_to_three();
	while (w.now < W_START + 9 * MINUTE) {
		while ((s = w_session_opening()) != NULL) {
			if (strcmp(s->hop.name, "quick.test") == 0)
				quick++;
			if (strcmp(s->hop.name, "x.slow.test") == 0)
				slow++;
			w_gone(s, QO_DEFERRED, REASON_CONNECT, "4.4.1",
			    "refused");
		}
		w_advance(500);
	}
	assert_in_range(quick, 45, 60);
	assert_int_equal(slow, 4);
}

/* A shorter life by a reload ends what is older; a longer one goes on. */
static void
test_reload(void **state)
{
	uint64_t id, kept;
	struct conf *c;

	(void)state;
	configure();
	id = w_mail(ORIGIN_INT, "s@example.com", "c@else.test");
	kept = w_mail(ORIGIN_INT, "s@example.com", "a@quick.test");
	defer_until(W_START + 50 * MINUTE);
	c = w_conf();
	connector(c, "else.test")->schedule =
	    (struct conf_schedule){ .set = CONF_S_EXPIRE, .expire = 1800 };
	conf_seal(c);
	w_set_conf(c);
	defer_until(W_START + 51 * MINUTE);
	assert_false(w_is_queued(id));
	assert_true(w_is_queued(kept));
	/* warned at 10 m under the old one, not again at once */
	defer_until(W_START + 3 * HOUR);
	assert_true(w_is_queued(kept));
	assert_int_equal(w.notices, 2);
}

/* Told once: another time by a reload, and a restart, tell nobody again. */
static void
test_warning_reload(void **state)
{
	struct conf *c;
	unsigned i;

	(void)state;
	configure();
	(void)w_mail(ORIGIN_INT, "s@example.com", "c@else.test");
	(void)w_submit(ORIGIN_INT, "s@example.com", three, 3, "x\r\n");
	defer_until(W_START + 4 * HOUR + MINUTE);
	/* of the one; of the other: late, dead, late again */
	assert_int_equal(w.notices, 4);
	for (i = 5; i < 20; i++) {
		c = w_conf();
		c->schedule.warn_after = i * 3600;
		conf_seal(c);
		w_set_conf(c);
		defer_until(W_START + i * HOUR - 10 * MINUTE);
		w_crash();
		w_peers_up();
		defer_until(W_START + i * HOUR + MINUTE);
	}
	/* slow.test had been told never: now it is, and that is all */
	assert_int_equal(w.notices, 5);
	assert_non_null(strstr(w.dsn, "rfc822; b@x.slow.test"));
}

/* What the operator is shown: the first time that something is given up. */
static int
see_row(void *arg, const struct cq_row *row)
{
	*(uint64_t *)arg = row->expires - row->accepted;
	return 0;
}

static void
test_shown(void **state)
{
	struct cq_select all = { .verb = CQ_LIST, .limit = 10 };
	uint64_t age = 0, id;
	struct cq_end end;

	(void)state;
	configure();
	id = mail_to_three();
	queue_select(&w.q, &all, &(struct q_emit){ &age, see_row, NULL }, &end);
	assert_int_equal(end.count, 1);
	assert_int_equal(age, HOUR);
	defer_until(W_START + HOUR + MINUTE);
	queue_select(&w.q, &all, &(struct q_emit){ &age, see_row, NULL }, &end);
	assert_int_equal(end.count, 1);
	assert_int_equal(age, 5 * DAY);
	assert_true(w_is_queued(id));
}

/* In a session when its time comes: what comes back deferred is given up. */
static void
test_in_session(void **state)
{
	struct w_session *s;
	uint64_t id;

	(void)state;
	configure();
	id = mail_to_three();
	while (w_session_opening() != NULL)
		w_ready(w_opening());
	assert_int_equal(w_count_jobs(), 3);
	w_advance(2 * HOUR);
	assert_int_equal(w_find(id, three[0])->failed, 0);
	while ((s = w_session_with_job()) != NULL)
		defer(s);
	assert_int_equal(w_find(id, three[0])->failed, 1);
	assert_int_equal(w_find(id, three[1])->failed, 0);
	assert_int_equal(w_find(id, three[2])->failed, 0);
	assert_true(w_is_open(id, three[2]));
}

/* A backlog of years comes of age, however many lifetimes there are. */
static void
test_backlog(void **state)
{
	enum { N = 5000 };
	struct conf *c = w_conf();
	struct conf_connector *k;
	char name[32];
	unsigned i;

	(void)state;
	for (i = 1; i < CONF_AGES_MAX; i++) {
		(void)snprintf(name, sizeof(name), "d%u.test", i);
		k = connector(c, name);
		k->schedule = (struct conf_schedule){ .set = CONF_S_EXPIRE,
			.expire = 86400 + i };
	}
	conf_seal(c);
	w_set_conf(c);
	queue_worker_down(&w.q, SIDE_EXT, 0);
	queue_worker_down(&w.q, SIDE_EXT, 1);
	for (i = 0; i < N; i++) {
		(void)snprintf(name, sizeof(name), "a@d%u.test",
		    i % CONF_AGES_MAX);
		assert_true(w_mail(ORIGIN_INT, "", name) != 0);
	}
	w_crash();
	w_advance(DAY + HOUR);
	/* d0.test has five days */
	assert_int_equal(w.q.nmessages[Q_OUT],
	    (N + CONF_AGES_MAX - 1) / CONF_AGES_MAX);
	w_advance(4 * DAY);
	assert_int_equal(w.q.nmessages[Q_OUT], 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_world(test_retries),
		with_world(test_expiries),
		with_world(test_inside),
		with_world(test_warnings),
		with_world(test_warned_once),
		with_world(test_warning_refused),
		with_world(test_pauses),
		with_world(test_reload),
		with_world(test_warning_reload),
		with_world(test_shown),
		with_world(test_in_session),
		with_world(test_backlog),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
