/* SPDX-License-Identifier: ISC */
/* link: regress/hostile/chan_master_stage.o master/super_msg.o */
/* link: master/topology.o common/base.a common/msg.a */
/*
 * posternd at the end of a channel whose other end is owned: its own tables,
 * over a real channel.  Whatever comes, the sender is replaced or nothing
 * happens; nobody else is replaced on the word of one that he serves.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/ev.h"
#include "regress/hostile/chan_master_stage.h"

#define LONG 80 /* every length up to it */
#define EXT  SIDE_EXT
#define INT  SIDE_INT
#define ONE  PROC_SIDE_NONE

/* One message on a channel of its own; true: its sender is replaced. */
static bool
say(const struct peer *p, uint16_t type, uint32_t id, const void *payload,
    size_t len, int nfds)
{
	static uint8_t data[CHAN_MSG_MAX + 64];
	bool killed;

	stage_begin(p);
	data[0] = (uint8_t)(type >> 8);
	data[1] = (uint8_t)type;
	data[2] = data[3] = 0;
	data[4] = (uint8_t)(id >> 24);
	data[5] = (uint8_t)(id >> 16);
	data[6] = (uint8_t)(id >> 8);
	data[7] = (uint8_t)id;
	if (len > 0)
		memcpy(data + CHAN_HDR, payload, len);
	assert_int_equal(stage_send(data, CHAN_HDR + len, nfds), 0);
	assert_int_equal(ev_loop(super.ev), 0);
	assert_int_equal(others_killed, 0);
	killed = last_killed == child;
	assert_true(killed == (child->chan == NULL));
	stage_end();
	return killed;
}

/* --- what may be said, by whom --- */

static const struct rule {
	uint16_t type;
	size_t len;
	uint32_t id;	/* one with which nothing is wrong */
	enum proc only; /* or MASTER: everybody */
} rules[] = {
	{ CM_ANS_SANDBOXED, CM_SANDBOXED_LEN, 0, PROC_MASTER },
	{ CM_ANS_READY, CM_READY_LEN, 0, PROC_MASTER },
	{ CM_ANS_VIOLATION, CM_VIOLATION_LEN, 0, PROC_MASTER },
	{ CM_ANS_PONG, 0, 1000, PROC_MASTER },
	{ CM_ANS_DRAINED, 0, 0, PROC_MASTER },
	{ CM_ANS_REOPEN, 0, 0, PROC_LOGD },
	{ CTM_REQ_STATUS, 0, 0, PROC_CTLD },
	{ CTM_REQ_AUDIT, 0, 0, PROC_CTLD },
	{ CTM_REQ_RELOAD, 0, 0, PROC_CTLD },
};
#define NRULES (sizeof(rules) / sizeof(rules[0]))

static const struct rule *
rule_of(const struct peer *p, uint16_t type)
{
	size_t i;

	for (i = 0; i < NRULES; i++)
		if (rules[i].type == type &&
		    (rules[i].only == PROC_MASTER || rules[i].only == p->proc))
			return &rules[i];
	return NULL;
}

static void
each_program(void (*try)(const struct peer *))
{
	struct peer p;
	size_t i;

	for (i = 0; i < TOPO_PROGRAMS; i++) {
		p = (struct peer){ topo_programs[i].proc, topo_programs[i].side,
			0 };
		try(&p);
	}
}

static void
try_types(const struct peer *p)
{
	unsigned type;

	for (type = 0; type < 0x1000; type++)
		if (rule_of(p, (uint16_t)type) == NULL) {
			assert_true(say(p, (uint16_t)type, 1, NULL, 0, 0));
			assert_true(
			    say(p, (uint16_t)type, 1, "12345678", 8, 0));
		}
}

static void
test_wrong_type(void **state)
{
	(void)state;
	each_program(try_types);
}

static void
try_lengths(const struct peer *p)
{
	static const uint8_t zero[CHAN_MSG_MAX];
	size_t i, n;

	for (i = 0; i < NRULES; i++) {
		if (rule_of(p, rules[i].type) == NULL)
			continue;
		for (n = 0; n <= LONG; n++)
			if (n != rules[i].len)
				assert_true(say(p, rules[i].type, rules[i].id,
				    zero, n, 0));
		assert_true(say(p, rules[i].type, rules[i].id, zero,
		    CHAN_PAYLOAD_MAX, 0));
		assert_true(say(p, rules[i].type, rules[i].id, zero,
		    CHAN_PAYLOAD_MAX + 1, 0));
	}
}

static void
test_every_length(void **state)
{
	(void)state;
	each_program(try_lengths);
}

/* Every value of every byte: taken, or its sender is replaced. */
static void
try_bytes(const struct peer *p)
{
	uint8_t payload[16];
	size_t i, n;
	unsigned value;

	for (i = 0; i < NRULES; i++) {
		if (rule_of(p, rules[i].type) == NULL)
			continue;
		for (n = 0; n < rules[i].len; n++)
			for (value = 0; value < 256; value++) {
				memset(payload, 0, sizeof(payload));
				payload[n] = (uint8_t)value;
				(void)say(p, rules[i].type, rules[i].id,
				    payload, rules[i].len, 0);
			}
	}
}

static void
test_every_byte(void **state)
{
	(void)state;
	each_program(try_bytes);
}

static int
open_fds(void)
{
	int fd, n = 0;

	for (fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return n;
}

/* The kernel drops what a plain recv() does not take. */
static void
try_fds(const struct peer *p)
{
	int before = open_fds();

	assert_false(say(p, CM_ANS_PONG, 1000, NULL, 0, 1));
	assert_false(say(p, CM_ANS_PONG, 1000, NULL, 0, 8));
	assert_true(say(p, CM_REQ_FD, 1, "12345678", 8, 8));
	assert_int_equal(open_fds(), before);
}

static void
test_descriptors(void **state)
{
	(void)state;
	each_program(try_fds);
}

/* Pings that were not sent, or answered before; drained, unasked. */
static void
try_ids(const struct peer *p)
{
	const uint8_t newer[4] = { 0, 0, 0, 4 }, now[4] = { 0, 0, 0, 3 };

	assert_true(say(p, CM_ANS_PONG, 1001, NULL, 0, 0));
	assert_true(say(p, CM_ANS_PONG, 9, NULL, 0, 0));
	assert_true(say(p, CM_ANS_PONG, 0xffffffff, NULL, 0, 0));
	assert_true(say(p, CM_ANS_DRAINED, 0, NULL, 0, 0));
	assert_true(say(p, CM_ANS_READY, 0, newer, 4, 0));
	assert_false(say(p, CM_ANS_READY, 0, now, 4, 0));
}

static void
test_answers_unasked(void **state)
{
	(void)state;
	each_program(try_ids);
}

/* It is sandboxed once; each time may be a line in the log. */
static void
try_twice(const struct peer *p)
{
	const uint8_t data[CHAN_HDR + CM_SANDBOXED_LEN] = {
		CM_ANS_SANDBOXED >> 8, CM_ANS_SANDBOXED & 0xff
	};

	stage_begin(p);
	assert_int_equal(stage_send(data, sizeof(data), 0), 0);
	assert_int_equal(ev_loop(super.ev), 0);
	assert_null(last_killed);
	assert_int_equal(stage_send(data, sizeof(data), 0), 0);
	assert_int_equal(ev_loop(super.ev), 0);
	assert_ptr_equal(last_killed, child);
	stage_end();
}

static void
test_sandboxed_twice(void **state)
{
	(void)state;
	each_program(try_twice);
}

/* --- questions without end --- */

#define QUESTIONS 250
#define A_SECOND  100 /* of them, as master/super_msg.c has it */

static struct ev_timer too_late;

static void
on_too_late(struct ev_timer *t)
{
	(void)t;
	fail_msg("%u of %u questions in 20 s", asked, QUESTIONS);
}

/* No more than it may at once; the rest when its time has come. */
static void
test_questions_are_limited(void **state)
{
	const struct peer ctld = { PROC_CTLD, ONE, 0 };
	const uint8_t data[CHAN_HDR] = { CTM_REQ_AUDIT >> 8,
		CTM_REQ_AUDIT & 0xff };
	uint64_t begun, took = 0;
	unsigned sent = 0;

	(void)state;
	stage_begin(&ctld);
	ev_timer_init(&too_late, on_too_late, NULL);
	assert_int_equal(ev_timer_set(super.ev, &too_late, 20000), 0);
	ev_update_time(super.ev);
	begun = ev_now(super.ev);
	while (asked < QUESTIONS) {
		while (
		    sent < QUESTIONS && stage_send(data, sizeof(data), 0) != -1)
			sent++;
		assert_int_equal(ev_loop(super.ev), 0);
		took = ev_now(super.ev) - begun;
		assert_true(asked <= A_SECOND * (1 + took / 1000));
	}
	assert_true(took >= 2000);
	assert_null(last_killed);
	stage_end();
}

/* --- reports about others --- */

struct blame {
	struct peer from, about;
	bool believed;
};
static const struct blame blames[] = {
	{ { PROC_SMTPD_IN, EXT, 0 }, { PROC_QUEUED, ONE, 0 }, false },
	{ { PROC_SMTPD_IN, EXT, 0 }, { PROC_DIRD, ONE, 0 }, false },
	{ { PROC_SMTPD_IN, EXT, 0 }, { PROC_KEYD, ONE, 0 }, false },
	{ { PROC_SMTPD_IN, EXT, 0 }, { PROC_CONND, EXT, 0 }, false },
	{ { PROC_SMTPD_OUT, EXT, 0 }, { PROC_QUEUED, ONE, 0 }, false },
	{ { PROC_SMTPD_OUT, EXT, 0 }, { PROC_CONND, EXT, 0 }, false },
	{ { PROC_DNSD_EXT, ONE, 0 }, { PROC_CONND, EXT, 0 }, false },
	{ { PROC_CTLD, ONE, 0 }, { PROC_QUEUED, ONE, 0 }, false },
	{ { PROC_DIRD, ONE, 0 }, { PROC_QUEUED, ONE, 0 }, false },
	{ { PROC_SMTPD_IN, EXT, 0 }, { PROC_LOGD, ONE, 0 }, false },
	{ { PROC_SMTPD_OUT, INT, 0 }, { PROC_LOGD, ONE, 0 }, false },
	{ { PROC_DNSD_EXT, ONE, 0 }, { PROC_LOGD, ONE, 0 }, false },
	{ { PROC_CTLD, ONE, 0 }, { PROC_LOGD, ONE, 0 }, false },
	{ { PROC_KEYD, ONE, 0 }, { PROC_LOGD, ONE, 0 }, true },
	{ { PROC_QUEUED, ONE, 0 }, { PROC_LOGD, ONE, 0 }, true },
	{ { PROC_LOGD, ONE, 0 }, { PROC_QUEUED, ONE, 0 }, false },
	{ { PROC_LOGD, ONE, 0 }, { PROC_KEYD, ONE, 0 }, false },
	{ { PROC_LOGD, ONE, 0 }, { PROC_SMTPD_IN, EXT, 0 }, true },
	{ { PROC_SMTPD_OUT, EXT, 0 }, { PROC_DNSD_EXT, ONE, 0 }, true },
	{ { PROC_QUEUED, ONE, 0 }, { PROC_SMTPD_IN, EXT, 0 }, true },
	{ { PROC_QUEUED, ONE, 0 }, { PROC_SMTPD_OUT, INT, 0 }, true },
	{ { PROC_QUEUED, ONE, 0 }, { PROC_DIRD, ONE, 0 }, true },
	{ { PROC_QUEUED, ONE, 0 }, { PROC_CTLD, ONE, 0 }, true },
	{ { PROC_DIRD, ONE, 0 }, { PROC_SMTPD_IN, EXT, 0 }, true },
	{ { PROC_KEYD, ONE, 0 }, { PROC_SMTPD_OUT, EXT, 0 }, true },
	{ { PROC_CONND, EXT, 0 }, { PROC_DNSD_EXT, ONE, 0 }, true },
	{ { PROC_CONND, INT, 0 }, { PROC_SMTPD_IN, INT, 0 }, true },
	{ { PROC_DNSD_EXT, ONE, 0 }, { PROC_SMTPD_OUT, EXT, 0 }, true },
};

static void
report(const struct peer *about)
{
	const uint8_t data[CHAN_HDR + CM_VIOLATION_LEN] = { CM_ANS_VIOLATION >>
		    8,
		CM_ANS_VIOLATION & 0xff, 0, 0, 0, 0, 0, 0, (uint8_t)about->proc,
		about->side, about->index, 0, 0, 0, CHAN_V_TYPE };

	assert_int_equal(stage_send(data, sizeof(data), 0), 0);
	assert_int_equal(ev_loop(super.ev), 0);
}

static void
test_who_is_believed(void **state)
{
	const struct blame *b;
	unsigned n;

	(void)state;
	for (b = blames; b < blames + sizeof(blames) / sizeof(blames[0]); b++) {
		stage_begin(&b->from);
		child->pong = 20; /* it knows the peer's present life */
		for (n = 0; n < 3; n++) {
			report(&b->about);
			if (b->believed)
				break;
			assert_int_equal(wired, n + 1);
			assert_null(last_killed);
		}
		if (b->believed) {
			assert_int_equal(others_killed, 1);
			assert_true(topo_same(&last_killed->peer, &b->about));
		} else {
			report(&b->about);
			assert_ptr_equal(last_killed, child);
			assert_int_equal(wired, 3);
			assert_int_equal(others_killed, 0);
		}
		stage_end();
	}
}

/* keyd as seen from both sides; not from two places of one. */
static void
test_both_sides_say(void **state)
{
	const struct peer out = { PROC_SMTPD_OUT, EXT, 0 };
	const struct peer keyd = { PROC_KEYD, ONE, 0 };
	struct instance *bad;

	(void)state;
	stage_begin(&out);
	child->pong = 20;
	bad = super_find(&super, &keyd);
	bad->accused[EXT] = ev_now(super.ev);
	report(&keyd);
	assert_null(last_killed);
	bad->accused[INT] = ev_now(super.ev);
	report(&keyd);
	assert_ptr_equal(last_killed, bad);
	stage_end();
}

/* About a life that may be over: another channel, and not without end. */
static void
test_stale_reports(void **state)
{
	const struct peer queued = { PROC_QUEUED, ONE, 0 };
	const struct peer in = { PROC_SMTPD_IN, EXT, 0 };
	unsigned n;

	(void)state;
	stage_begin(&queued);
	for (n = 0; n < 64; n++)
		report(&in);
	assert_null(last_killed);
	assert_int_equal(wired, 64);
	report(&in);
	assert_ptr_equal(last_killed, child);
	assert_int_equal(wired, 64);
	stage_end();
}

/* Whom it has no channel to, and itself. */
static void
try_strangers(const struct peer *p)
{
	struct peer other;
	uint32_t n;

	for (n = 0; n < TOPO_INSTANCES; n++) {
		topo_peer(n, &other);
		if (topo_slot(p, &other) > 0)
			continue;
		stage_begin(p);
		child->pong = 20;
		report(&other);
		assert_ptr_equal(last_killed, child);
		assert_int_equal(others_killed + wired, 0);
		stage_end();
	}
}

static void
test_reports_about_strangers(void **state)
{
	(void)state;
	each_program(try_strangers);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wrong_type),
		cmocka_unit_test(test_every_length),
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_answers_unasked),
		cmocka_unit_test(test_sandboxed_twice),
		cmocka_unit_test(test_questions_are_limited),
		cmocka_unit_test(test_who_is_believed),
		cmocka_unit_test(test_both_sides_say),
		cmocka_unit_test(test_stale_reports),
		cmocka_unit_test(test_reports_about_strangers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
