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
 * No destination waits for another: a fast one drains as it does alone,
 * beside one that is dead, one that is slow, and one that has a rate, each
 * with as many messages; and when there are more slow ones than sessions.
 * The clock is the test's, and times are compared in its milliseconds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include "queued_stage.h"

#define MESSAGES   100000U
#define BATCH	   1000U
#define FAST_READY 20U
#define FAST_JOB   10U
#define SLOW_READY 2000U
#define SLOW_JOB   5000U
#define DEAD_AFTER 30000U
/* A drain may take so many thousandths more than alone. */
#define TOLERANCE 20U

enum kind { FAST, SLOW, DEAD, RATED, NKINDS };

static struct peer {
	struct pheap_node due; /* something happens to the session */
	bool is_due, greeted, ends;
	enum kind kind;
} peers[W_SESSIONS];
static struct pheap due;
static unsigned delivered[NKINDS], turns, dead_now, dead_most, sessions_most;

/* --- the peers --- */

static void
happens_in(struct w_session *s, uint64_t ms)
{
	struct peer *p = &peers[s - w.sessions];

	if (p->is_due)
		pheap_remove(&due, &p->due);
	p->is_due = true;
	pheap_insert(&due, &p->due, w.now + ms);
}

static enum kind
kind_of(const char *name)
{
	return strstr(name, "fast") != NULL ? FAST
	    : strstr(name, "slow") != NULL  ? SLOW
	    : strstr(name, "dead") != NULL  ? DEAD
					    : RATED;
}

static void
on_opened(struct w_session *s)
{
	static const unsigned ms[NKINDS] = { FAST_READY, SLOW_READY, DEAD_AFTER,
		FAST_READY };
	struct peer *p = &peers[s - w.sessions];

	memset(p, 0, sizeof(*p));
	p->kind = kind_of(s->hop.name);
	happens_in(s, ms[p->kind]);
	if (p->kind == DEAD && ++dead_now > dead_most)
		dead_most = dead_now;
}

static void
on_job(struct w_session *s)
{
	happens_in(s, peers[s - w.sessions].kind == SLOW ? SLOW_JOB : FAST_JOB);
}

static void
on_closing(struct w_session *s)
{
	peers[s - w.sessions].ends = true;
	happens_in(s, 5);
}

static const struct w_watch watch = { .opened = on_opened,
	.job = on_job,
	.closing = on_closing };

static void
happen(struct peer *p)
{
	static const struct qo_outcome ok = { QO_DELIVERED, REASON_DELIVERED,
		250, "2.0.0", "ok" };
	static const struct qo_outcome dead = { QO_DEFERRED, REASON_CONNECT, 0,
		"4.4.1", "timed out" };
	struct w_session *s = &w.sessions[p - peers];

	p->is_due = false;
	if (p->kind == DEAD) {
		dead_now--;
		w_say_gone(s, &dead);
	} else if (p->ends) {
		w_say_gone(s, &ok);
	} else if (!p->greeted) {
		p->greeted = true;
		w_say_ready(s);
	} else {
		delivered[p->kind]++;
		w.delay = p->kind == SLOW ? SLOW_JOB : FAST_JOB;
		w_say_results(s, true, &ok);
	}
}

/* --- time --- */

static void
turn(void)
{
	queue_time(&w.q, w.now, w.real);
	while (queue_turn(&w.q))
		turns++;
	turns++;
}

static void
step(void)
{
	uint64_t next = queue_next(&w.q);
	struct pheap_node *n = pheap_first(&due);

	if (n != NULL && n->at < next)
		next = n->at;
	assert_true(next != SCHED_NEVER);
	if (next > w.now) {
		w.real += next - w.now;
		w.now = next;
	}
	queue_time(&w.q, w.now, w.real);
	while ((n = pheap_pop_due(&due, w.now)) != NULL)
		happen(PHEAP_OWNER(n, struct peer, due));
	turn();
	if (w.q.sessions.n > sessions_most)
		sessions_most = w.q.sessions.n;
}

static void
begin(void)
{
	memset(peers, 0, sizeof(peers));
	memset(&due, 0, sizeof(due));
	memset(delivered, 0, sizeof(delivered));
	turns = dead_now = dead_most = sessions_most = 0;
	w.watch = &watch;
	queue_worker_down(&w.q, SIDE_EXT, 0);
	queue_worker_down(&w.q, SIDE_EXT, 1);
}

static void
submit(const char *rcpt, unsigned n)
{
	struct iq_done no;
	unsigned i;

	for (i = 0; i < n; i++) {
		assert_int_equal(w_offer(ORIGIN_INT, "s@example.com", &rcpt, 1,
				     "x\r\n", &no),
		    0);
		if (i % BATCH == BATCH - 1)
			turn();
	}
	turn();
}

/* The messages of all, mixed, are there; then deliver.  ms for the fast. */
static uint64_t
drain(const char *const *rcpts, unsigned n, unsigned each)
{
	unsigned i, k;
	uint64_t start;

	for (i = 0; i < each; i += BATCH)
		for (k = 0; k < n; k++)
			submit(rcpts[k], BATCH);
	assert_int_equal(w.q.nmessages[Q_OUT], n * each);
	turns = 0;
	start = w.now;
	queue_worker_up(&w.q, SIDE_EXT, 0);
	queue_worker_up(&w.q, SIDE_EXT, 1);
	turn();
	while (delivered[FAST] < each)
		step();
	return w.now - start;
}

/* --- tests --- */

static const char *const four[] = { "a@fast.test", "b@slow.test", "c@dead.test",
	"d@rated.test" };

static void
limit_rated(void)
{
	struct conf *c = w_conf();
	struct conf_pace *p = conf_add_pace(c);

	(void)strlcpy(p->pattern, "rated.test", sizeof(p->pattern));
	p->rate = (struct conf_rate){ 600, 60 };
	conf_seal(c);
	w_set_conf(c);
}

static void
test_drain(void **state)
{
	uint64_t alone, beside;
	unsigned turns_alone;

	(void)state;
	begin();
	alone = drain(four, 1, MESSAGES);
	turns_alone = turns;
	assert_int_equal(delivered[FAST], MESSAGES);
	(void)world_down(state);
	(void)world_up(state);
	begin();
	limit_rated();
	beside = drain(four, NKINDS, MESSAGES);
	print_message("%u messages to the fast: %ju ms alone, %ju ms beside; "
		      "slow %u, rated %u; turns %u, %u\n",
	    MESSAGES, (uintmax_t)alone, (uintmax_t)beside, delivered[SLOW],
	    delivered[RATED], turns_alone, turns);
	assert_true(beside <= alone + alone * TOLERANCE / 1000);
	assert_true(alone <= beside + beside * TOLERANCE / 1000);
	/* 20 sessions, but for their greeting and growth */
	assert_true(alone < MESSAGES / 20 * FAST_JOB * 12 / 10);
	/* the others have what is theirs */
	assert_in_range(delivered[RATED], beside / 100, beside / 100 + 70);
	assert_in_range(delivered[SLOW], beside / SLOW_JOB * 5,
	    beside / SLOW_JOB * 20);
	assert_int_equal(dead_most, 1);
	/* what waits costs no turns: they are for what happens */
	assert_true(
	    turns < turns_alone + delivered[SLOW] + delivered[RATED] + 1000);
}

/*
 * Slow ones take all sessions of the worker there is; those that come later
 * have theirs nevertheless, and none of the slow is left without.
 */
static void
test_crowd(void **state)
{
	enum { N = 30, EACH = 2000 };
	char rcpt[N][32];
	unsigned i, n;
	uint64_t start;

	(void)state;
	begin();
	for (i = 0; i < N; i++) {
		(void)snprintf(rcpt[i], sizeof(rcpt[i]), "a@slow%u.test", i);
		submit(rcpt[i], EACH);
	}
	queue_worker_up(&w.q, SIDE_EXT, 0);
	turn();
	start = w.now;
	while (w.now < start + 10 * MINUTE)
		step();
	assert_int_equal(sessions_most, WORKER_SESSIONS_MAX);
	for (i = 0, n = 0; i < N; i++) {
		struct msg_hop hop = { .kind = CONF_ROUTE_DNS };
		struct dest *d;

		(void)strlcpy(hop.name, rcpt[i] + 2, sizeof(hop.name));
		d = dest_get(&w.q.dests, SIDE_EXT, &hop);
		assert_in_range(d->open + d->opening, 3, 20);
		n += d->open + d->opening;
	}
	assert_in_range(n, WORKER_SESSIONS_MAX - 20, WORKER_SESSIONS_MAX);
	/* the first job that ends makes room for it */
	submit("a@fast.test", 1);
	start = w.now;
	while (delivered[FAST] == 0)
		step();
	assert_true(w.now - start < 3 * SLOW_JOB);
	/* and it has as many sessions as they */
	submit("a@fast.test", EACH);
	start = w.now;
	while (delivered[FAST] < EACH + 1)
		step();
	assert_true(w.now - start < 10 * SLOW_JOB);
}

/* Dead ones by the hundreds do not take the sessions of those that work. */
static void
test_graveyard(void **state)
{
	enum { N = 2000, EACH = 20000 };
	char rcpt[32];
	uint64_t start, alone;
	unsigned i;

	(void)state;
	begin();
	queue_worker_up(&w.q, SIDE_EXT, 0);
	submit("a@fast.test", EACH);
	start = w.now;
	while (delivered[FAST] < EACH)
		step();
	alone = w.now - start;
	for (i = 0; i < N; i++) {
		(void)snprintf(rcpt, sizeof(rcpt), "a@dead%u.test", i);
		submit(rcpt, 1);
	}
	delivered[FAST] = 0;
	submit("a@fast.test", EACH);
	start = w.now;
	while (delivered[FAST] < EACH)
		step();
	assert_true(w.now - start <= alone + alone * TOLERANCE / 1000);
	assert_int_equal(dead_most, WORKER_PROBES_MAX);
}

/*
 * Those that work share what the dead leave, and keep it: a session is given
 * up only for who can have it.
 */
static void
test_full_graveyard(void **state)
{
	enum { N = 500, FASTS = 5, EACH = 20000 };
	char rcpt[FASTS][32], dead[32];
	unsigned i;

	(void)state;
	begin();
	queue_worker_up(&w.q, SIDE_EXT, 0);
	for (i = 0; i < N; i++) {
		(void)snprintf(dead, sizeof(dead), "a@dead%u.test", i);
		submit(dead, 1);
	}
	for (i = 0; i < FASTS; i++) {
		(void)snprintf(rcpt[i], sizeof(rcpt[i]), "a@fast%u.test", i);
		submit(rcpt[i], EACH);
	}
	while (delivered[FAST] < FASTS * EACH)
		step();
	assert_int_equal(sessions_most, WORKER_SESSIONS_MAX);
	/* each session has its thousand messages, but for a few */
	assert_true(w.closes < FASTS * EACH / 1000 * 2 + 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_world(test_drain),
		with_world(test_crowd),
		with_world(test_graveyard),
		with_world(test_full_graveyard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
