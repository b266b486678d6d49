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
 * regress/unit/queued_world_ledger.o regress/unit/queued_fake_store.o
 * common/smtp.a common/msg.a common/base.a */
/*
 * The ledger: whatever peers, disks and processes do, each recipient of each
 * acknowledged message is delivered, still queued, or reported as failed.
 * Random runs from a seed; QUEUED_SEED repeats one.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "queued_world.h"

#define RUNS  40
#define STEPS 400

struct faults {
	bool crashes; /* of queued: only then may anything come twice */
	bool workers; /* of smtpd-out */
	bool disk;
	bool removals;
};

static const char *const domains[] = { "one.test", "two.test", "three.test",
	"example.com", "example.org", "example.com" };
static unsigned crashed, deaths;

static const char *
random_rcpt(char *buf, size_t cap, bool local)
{
	static unsigned serial;
	unsigned d = w_random() % (local ? 3 : 6);

	(void)snprintf(buf, cap, "u%u@%s", ++serial,
	    domains[local ? d + 3 : d]);
	return buf;
}

static void
submit(void)
{
	enum origin origin = w_random() % 2 == 0 ? ORIGIN_EXT : ORIGIN_INT;
	static char text[60][64];
	const char *rcpts[60];
	const char *sender;
	size_t n = 1, i;

	if (w_random() % 4 == 0)
		n = 1 + w_random() % 60;
	for (i = 0; i < n; i++)
		rcpts[i] =
		    random_rcpt(text[i], sizeof(text[i]), origin == ORIGIN_EXT);
	sender = origin == ORIGIN_EXT ? "s@one.test" : "s@example.com";
	if (w_random() % 8 == 0)
		sender = "";
	(void)w_submit(origin, sender, rcpts, n, "Subject: x\r\n\r\ny\r\n");
}

static struct w_session *
any_session(void)
{
	unsigned i, start = w_random() % W_SESSIONS;

	for (i = 0; i < W_SESSIONS; i++) {
		if (w.sessions[(start + i) % W_SESSIONS].used)
			return &w.sessions[(start + i) % W_SESSIONS];
	}
	return NULL;
}

/* Each recipient of the job fares as it may. */
static void
mixed_result(struct w_session *s)
{
	static const struct qo_outcome kinds[] = {
		{ QO_DELIVERED, REASON_DELIVERED, 250, "2.0.0", "ok" },
		{ QO_DELIVERED, REASON_DELIVERED, 250, "2.0.0", "ok" },
		{ QO_FAILED, REASON_REMOTE_RCPT, 550, "5.1.1", "no" },
		{ QO_DEFERRED, REASON_REMOTE_RCPT, 450, "4.2.0", "later" },
	};
	struct qo_outcome v[QO_RCPTS_MAX];
	uint16_t i;

	for (i = 0; i < s->job.nrcpt; i++)
		v[i] = kinds[w_random() % 4];
	w_results(s, w_random() % 2, v);
}

static void
move_session(struct w_session *s)
{
	if (s->closing) {
		w_gone(s, QO_DEFERRED, REASON_NONE, "2.0.0", "");
	} else if (s->has_job) {
		switch (w_random() % 6) {
		case 0:
			w_result(s, false, QO_DEFERRED, REASON_CONN_LOST, 0,
			    "4.4.2", "connection lost");
			break;
		case 1:
			mixed_result(s);
			break;
		default:
			w_deliver(s);
			break;
		}
	} else if (w_is_opening(s)) {
		switch (w_random() % 8) {
		case 0:
			w_gone(s, QO_DEFERRED, REASON_CONNECT, "4.4.1", "no");
			break;
		case 1:
			w_gone(s, QO_FAILED, REASON_NULL_MX, "5.1.10", "no");
			break;
		default:
			w_ready(s);
			break;
		}
	} else if (w_random() % 4 == 0) {
		w_gone(s, QO_DEFERRED, REASON_CONN_LOST, "4.4.2", "closed");
	}
}

static void
directory(void)
{
	switch (w_random() % 6) {
	case 0:
		queue_dir_down(&w.q);
		memset(w.asked, 0, sizeof(w.asked));
		break;
	case 1:
		queue_dir_up(&w.q);
		break;
	case 2:
		queue_dir_changed(&w.q);
		break;
	case 3:
		w.route.individual = (uint8_t)(w_random() % 2);
		w.route.scope =
		    w.route.individual ? QD_SCOPE_ADDRESS : QD_SCOPE_DOMAIN;
		queue_dir_changed(&w.q);
		break;
	default:
		w.route.verdict = w_random() % 3 == 0 ? QD_LATER : QD_OK;
		break;
	}
	w_turn();
}

static void
disk(void)
{
	fake.append_error = w_random() % 3 == 0 ? ENOSPC : 0;
	fake.commit_error = w_random() % 3 == 0 ? EIO : 0;
	fake.batch_max = w_random() % 4;
}

/*
 * Only what was answered was promised: a message in the batch of a crash is
 * nobody's, and in the ledger only if its answer was out.
 */
static void
remove_some(void)
{
	struct w_rcpt *r;
	size_t i;

	if (w.nrcpts == 0)
		return;
	r = &w.rcpts[w_random() % w.nrcpts];
	if (queue_remove(&w.q, r->id, 0) == CQ_NO_SUCH)
		return;
	for (i = 0; i < w.nrcpts; i++) {
		if (w.rcpts[i].id == r->id)
			w.rcpts[i].removed = true;
	}
	w_turn();
}

static void
step(const struct faults *f)
{
	struct w_session *s;
	unsigned dice = w_random() % 100;

	if (dice < 12)
		submit();
	else if (dice < 70 && (s = any_session()) != NULL)
		move_session(s);
	else if (dice < 85)
		w_run_until(w.now + w_random() % 60000);
	else if (dice < 88)
		directory();
	else if (dice < 91 && f->disk)
		disk();
	else if (dice < 93 && f->workers) {
		w_kill_worker(w_random() % 2 ? SIDE_INT : SIDE_EXT,
		    w_random() % 2);
		deaths++;
	} else if (dice < 94 && f->crashes) {
		w_crash();
		w_peers_up();
		w_turn();
		crashed++;
	} else if (dice < 95 && f->removals) {
		remove_some();
	}
}

/* Every recipient is somewhere, at any time. */
static void
check_ledger(const struct faults *f, const char *when)
{
	const struct w_rcpt *r;
	size_t i;

	for (i = 0; i < w.nrcpts; i++) {
		r = &w.rcpts[i];
		if (r->delivered == 0 && r->failed == 0 && !r->removed &&
		    !w_is_open(r->id, r->addr))
			fail_msg("%s: %s is nowhere", when, r->addr);
		if (r->delivered > 1 && !f->crashes && !f->workers)
			fail_msg("%s: %s came %u times", when, r->addr,
			    r->delivered);
	}
}

/* All is well again: everything is delivered, or its sender knows. */
static void
check_end(const struct faults *f)
{
	const struct w_rcpt *r;
	size_t i;

	fake.append_error = fake.commit_error = 0;
	fake.batch_max = 0;
	w.route.verdict = QD_OK;
	queue_dir_up(&w.q);
	for (i = 0; i < 40; i++) {
		w_run_until(w.now + 1800000);
		w_deliver_all();
	}
	check_ledger(f, "at the end");
	for (i = 0; i < w.nrcpts; i++) {
		r = &w.rcpts[i];
		if (w_is_open(r->id, r->addr)) {
			/* a poisoned message waits for the operator */
			if (w.q.nheld == 0)
				fail_msg("%s is queued still", r->addr);
			continue;
		}
		if (r->failed > 0 && r->delivered == 0 && !r->removed &&
		    r->has_sender && r->reported == 0)
			fail_msg("%s: nobody was told", r->addr);
	}
	assert_int_equal(w.q.nmessages[Q_IN] + w.q.nmessages[Q_OUT], w.q.nheld);
	w_run_until(w.now + 2000);
	assert_int_equal(fake_durable(Q_IN) + fake_durable(Q_OUT), w.q.nheld);
	if (!f->workers)
		assert_int_equal(w.q.nheld, 0);
}

static void
run(const struct faults *f, unsigned seed)
{
	unsigned i;

	fake_reset();
	w_start();
	w.seed = seed;
	w.conf->schedule.warn_after = 0;
	for (i = 0; i < STEPS; i++) {
		step(f);
		if (i % 20 == 0)
			check_ledger(f, "on the way");
	}
	check_end(f);
	w_stop();
	fake_reset();
}

static void
runs(const struct faults *f)
{
	const char *one = getenv("QUEUED_SEED");
	unsigned i;

	if (one != NULL) {
		run(f, (unsigned)strtoul(one, NULL, 10));
		return;
	}
	for (i = 1; i <= RUNS; i++) {
		print_message("seed %u\n", i * 7919);
		run(f, i * 7919);
	}
}

static void
test_peers(void **state)
{
	static const struct faults f = { .removals = true };

	(void)state;
	runs(&f);
}

static void
test_disk(void **state)
{
	static const struct faults f = { .disk = true };

	(void)state;
	runs(&f);
}

static void
test_workers(void **state)
{
	static const struct faults f = { .workers = true };

	(void)state;
	deaths = 0;
	runs(&f);
	assert_true(deaths > 0);
}

static void
test_crashes(void **state)
{
	static const struct faults f = { .crashes = true };

	(void)state;
	crashed = 0;
	runs(&f);
	assert_true(crashed > 0);
}

static void
test_everything(void **state)
{
	static const struct faults f = { true, true, true, false };

	(void)state;
	runs(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_peers),
		cmocka_unit_test(test_disk),
		cmocka_unit_test(test_workers),
		cmocka_unit_test(test_crashes),
		cmocka_unit_test(test_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
