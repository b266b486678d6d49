/* SPDX-License-Identifier: ISC */
/* link: master/topology.o common/base.a common/msg.a */
/* The table of processes and edges, and the numbers made from it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/msg/child_conf.h"
#include "master/topology.h"

#define MASTER_FD 3
#define NONE	  PROC_SIDE_NONE

static void
test_numbers(void **state)
{
	struct peer p, q;
	uint32_t n, m;

	(void)state;
	for (n = 0; n < TOPO_INSTANCES; n++) {
		topo_peer(n, &p);
		assert_non_null(topo_program(&p));
		assert_int_equal(topo_number(&p, &m), 0);
		assert_int_equal(m, n);
		for (m = 0; m < n; m++) {
			topo_peer(m, &q);
			assert_false(topo_same(&p, &q));
		}
	}
	/* nothing beyond the table */
	p = (struct peer){ PROC_SMTPD_IN, SIDE_EXT, CONF_WORKERS_MAX };
	assert_int_equal(topo_number(&p, &n), -1);
	p = (struct peer){ PROC_SMTPD_IN, NONE, 0 };
	assert_int_equal(topo_number(&p, &n), -1);
	p = (struct peer){ PROC_MASTER, NONE, 0 };
	assert_int_equal(topo_number(&p, &n), -1);
}

/* Slots of one process: all different, without holes, within its channels. */
static void
check_slots(const struct peer *self)
{
	bool used[128] = { false };
	uint16_t nslots = topo_nslots(self);
	struct peer p;
	uint32_t n;
	int slot;

	assert_true(MASTER_FD + nslots <= 128);
	for (n = 0; n < TOPO_INSTANCES; n++) {
		topo_peer(n, &p);
		slot = topo_slot(self, &p);
		/* an edge has two ends */
		assert_int_equal(slot == -1, topo_slot(&p, self) == -1);
		if (slot == -1)
			continue;
		assert_true(slot > 0 && slot < nslots);
		assert_false(used[slot]);
		used[slot] = true;
		if (p.proc == PROC_LOGD)
			assert_int_equal(slot, 1);
	}
	for (slot = 2; slot < nslots; slot++)
		assert_true(used[slot]);
}

static void
test_slots(void **state)
{
	const struct peer master = { PROC_MASTER, NONE, 0 };
	struct peer p;
	uint32_t n;

	(void)state;
	for (n = 0; n < TOPO_INSTANCES; n++) {
		topo_peer(n, &p);
		check_slots(&p);
		assert_int_equal(topo_slot(&p, &master),
		    p.proc == PROC_LOGD ? 1 : 0);
	}
}

/* The side that a process belongs to; NONE for those in the middle. */
static uint8_t
side_of(const struct peer *p)
{
	if (p->proc == PROC_DNSD_EXT)
		return SIDE_EXT;
	if (p->proc == PROC_DNSD_INT)
		return SIDE_INT;
	return p->side;
}

/* The promise: no channel joins the sides. */
static void
test_sides_apart(void **state)
{
	struct peer p, q;
	uint32_t n, m;

	(void)state;
	for (n = 0; n < TOPO_INSTANCES; n++)
		for (m = 0; m < TOPO_INSTANCES; m++) {
			topo_peer(n, &p);
			topo_peer(m, &q);
			if (side_of(&p) == SIDE_EXT && side_of(&q) == SIDE_INT)
				assert_int_equal(topo_slot(&p, &q), -1);
		}
}

/* Between ext and int stand queued, dird, keyd and logd; two workers never
 * talk. */
static void
test_middle(void **state)
{
	struct peer p, q;
	uint32_t n, m;

	(void)state;
	for (n = 0; n < TOPO_INSTANCES; n++)
		for (m = 0; m < TOPO_INSTANCES; m++) {
			topo_peer(n, &p);
			topo_peer(m, &q);
			if (topo_slot(&p, &q) <= 0)
				continue;
			assert_false(p.proc == q.proc);
			if (side_of(&p) != NONE && side_of(&q) == NONE)
				assert_true(q.proc == PROC_QUEUED ||
				    q.proc == PROC_DIRD ||
				    q.proc == PROC_KEYD || q.proc == PROC_LOGD);
		}
}

static void
test_accounts(void **state)
{
	size_t i, j;

	(void)state;
	for (i = 0; i < TOPO_PROGRAMS; i++)
		for (j = 0; j < i; j++)
			assert_string_not_equal(topo_programs[i].account,
			    topo_programs[j].account);
}

/* What the Internet side may know: no client list, no connectors, no routes. */
static void
test_grants(void **state)
{
	const struct peer in = { PROC_SMTPD_IN, SIDE_EXT, 0 };
	const struct peer out = { PROC_SMTPD_OUT, SIDE_EXT, 0 };
	const uint32_t inside = CC_G_ACCEPT | CC_G_ROUTES | CC_G_SIDE_INT;

	(void)state;
	assert_int_equal(topo_program(&in)->grant & (inside | CC_G_CONNECTORS),
	    0);
	assert_int_equal(topo_program(&out)->grant & inside, 0);
	assert_int_equal(topo_program(&in)->fds, 0);
	assert_int_equal(topo_program(&out)->fds, 0);
}

static void
test_wanted(void **state)
{
	struct conf *conf = conf_new();
	struct peer p = { PROC_SMTPD_OUT, SIDE_INT, 2 };

	(void)state;
	assert_non_null(conf);
	conf->side[SIDE_INT].workers_out = 2;
	assert_false(topo_wanted(conf, &p));
	conf->side[SIDE_INT].workers_out = 3;
	assert_true(topo_wanted(conf, &p));
	p = (struct peer){ PROC_QUEUED, NONE, 0 };
	assert_true(topo_wanted(conf, &p));
	p = (struct peer){ PROC_QUEUED, NONE, 1 };
	assert_false(topo_wanted(conf, &p));
	conf_free(conf);
}

static void
test_channel(void **state)
{
	const struct peer a = { PROC_CTLD, NONE, 0 };
	const struct peer b = { PROC_QUEUED, NONE, 0 };
	char buf[8];
	int fd[2];

	(void)state;
	assert_int_equal(topo_channel(&a, &b, fd), 0);
	assert_int_equal(write(fd[0], "abc", 3), 3);
	assert_int_equal(read(fd[1], buf, sizeof(buf)), 3);
	(void)close(fd[0]);
	(void)close(fd[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_slots),
		cmocka_unit_test(test_sides_apart),
		cmocka_unit_test(test_middle),
		cmocka_unit_test(test_accounts),
		cmocka_unit_test(test_grants),
		cmocka_unit_test(test_wanted),
		cmocka_unit_test(test_channel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
