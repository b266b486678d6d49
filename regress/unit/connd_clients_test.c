/* link: connd/clients.o common/base.a */
/* SPDX-License-Identifier: ISC */
/*
 * Counting clients: each limit by address and by network, time, and a crowd:
 * memory stays bounded, and nobody gets his own record out of it cheaply.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "connd/clients.h"

#define SECOND 1000ULL
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define START  (1000 * HOUR)

static const struct conf_limits lim = {
	.sessions_per_address = 3,
	.sessions_per_network = 5,
	.connections = 10,
	.connections_network = 25,
	.bad_sessions = 4,
	.bad_sessions_network = 10,
};

static struct clients *cs;
static uint64_t now;

static struct netaddr
at(const char *text)
{
	struct netaddr a;

	assert_int_equal(netaddr_parse(&a, text), 0);
	a.port = (uint16_t)(1024 + now % 60000); /* no two are the same */
	return a;
}

static enum clients_verdict
enter(const char *text, struct client_addr **as)
{
	struct netaddr a = at(text);

	return clients_enter(cs, &lim, &a, now, as);
}

static enum clients_verdict
visit_at(const struct netaddr *a, bool bad)
{
	struct client_addr *as;
	enum clients_verdict v = clients_enter(cs, &lim, a, now, &as);

	if (v == CLIENTS_OK)
		clients_leave(cs, &lim, as, now, bad);
	else
		assert_null(as);
	return v;
}

static enum clients_verdict
visit(const char *text, bool bad)
{
	struct netaddr a = at(text);

	return visit_at(&a, bad);
}

static int
setup(void **state)
{
	(void)state;
	now = START;
	cs = clients_new();
	return cs != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	clients_free(cs);
	return 0;
}

/* who shares what with whom */
static const struct {
	const char *one, *other;
	bool address, network;
} neighbours[] = {
	{ "192.0.2.1", "192.0.2.1", true, true },
	{ "192.0.2.1", "192.0.2.2", false, true },
	{ "192.0.2.1", "192.0.3.1", false, false },
	{ "192.0.2.1", "::ffff:192.0.2.1", true, true },
	{ "2001:db8:1:2::1", "2001:db8:1:2:3:4:5:6", true, true },
	{ "2001:db8:1:2::1", "2001:db8:1:3::1", false, true },
	{ "2001:db8:1:2::1", "2001:db8:2:2::1", false, false },
};

static void
test_neighbours(void **state)
{
	struct client_addr *as[5];
	enum clients_verdict want;
	size_t i, j;

	(void)state;
	for (i = 0; i < sizeof(neighbours) / sizeof(neighbours[0]); i++) {
		for (j = 0; j < 3; j++)
			assert_int_equal(enter(neighbours[i].one, &as[j]),
			    CLIENTS_OK);
		for (; j < 5; j++) {
			want = neighbours[i].address ? CLIENTS_ADDRESS_FULL
						     : CLIENTS_OK;
			assert_int_equal(enter(neighbours[i].other, &as[j]),
			    want);
		}
		if (!neighbours[i].address) {
			struct client_addr *more = NULL;

			want = neighbours[i].network ? CLIENTS_NETWORK_FULL
						     : CLIENTS_OK;
			assert_int_equal(enter(neighbours[i].other, &more),
			    want);
			if (more != NULL)
				clients_leave(cs, &lim, more, now, false);
		}
		for (j = 0; j < 5; j++)
			if (as[j] != NULL)
				clients_leave(cs, &lim, as[j], now, false);
		now += HOUR;
	}
}

static void
test_sessions_come_back(void **state)
{
	struct client_addr *as[3], *none;
	int i;

	(void)state;
	for (i = 0; i < 3; i++)
		assert_int_equal(enter("192.0.2.1", &as[i]), CLIENTS_OK);
	assert_int_equal(enter("192.0.2.1", &none), CLIENTS_ADDRESS_FULL);
	assert_null(none);
	clients_leave(cs, &lim, as[1], now, false);
	assert_int_equal(enter("192.0.2.1", &as[1]), CLIENTS_OK);
	now += 100 * HOUR; /* sessions do not run out */
	assert_int_equal(enter("192.0.2.1", &none), CLIENTS_ADDRESS_FULL);
	for (i = 0; i < 3; i++)
		clients_leave(cs, &lim, as[i], now, false);
	assert_int_equal(visit("198.51.100.9", false), CLIENTS_OK);
	now += MINUTE;
	assert_int_equal(visit("198.51.100.9", false), CLIENTS_OK);
	assert_int_equal(clients_records(cs), 2);
}

static void
test_rate(void **state)
{
	int i, n;

	(void)state;
	for (i = 0; i < 10; i++)
		assert_int_equal(visit("192.0.2.1", false), CLIENTS_OK);
	/* those that are refused do not count against it */
	for (i = 0; i < 1000; i++)
		assert_int_equal(visit("192.0.2.1", false),
		    CLIENTS_ADDRESS_FAST);
	now += 6 * SECOND;
	assert_int_equal(visit("192.0.2.1", false), CLIENTS_OK);
	assert_int_equal(visit("192.0.2.1", false), CLIENTS_ADDRESS_FAST);
	/* over a long time no more than the rate, and no less */
	for (i = n = 0; i < 3600; i++, now += SECOND)
		n += visit("192.0.2.1", false) == CLIENTS_OK;
	assert_in_range(n, 599, 601);
}

static void
test_rate_of_a_network(void **state)
{
	char text[32];
	int i, n = 0;

	(void)state;
	for (i = 0; i < 50; i++) {
		(void)snprintf(text, sizeof(text), "192.0.2.%d", i);
		if (visit(text, false) == CLIENTS_OK)
			n++;
		else
			assert_int_equal(visit(text, false),
			    CLIENTS_NETWORK_FAST);
	}
	assert_int_equal(n, 25);
	assert_int_equal(visit("192.0.3.1", false), CLIENTS_OK);
}

static void
test_bad(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 4; i++, now += 6 * SECOND)
		assert_int_equal(visit("192.0.2.1", true), CLIENTS_OK);
	for (i = 0; i < 100; i++)
		assert_int_equal(visit("192.0.2.1", false),
		    CLIENTS_ADDRESS_BAD);
	/* a neighbour may still come in */
	assert_int_equal(visit("192.0.2.2", false), CLIENTS_OK);
	now += HOUR / 4;
	assert_int_equal(visit("192.0.2.1", true), CLIENTS_OK);
	assert_int_equal(visit("192.0.2.1", true), CLIENTS_ADDRESS_BAD);
	now += HOUR;
	assert_int_equal(visit("192.0.2.1", false), CLIENTS_OK);
}

/* A good session does not wash a bad one away. */
static void
test_good_does_not_help(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 4; i++, now += 30 * SECOND) {
		assert_int_equal(visit("192.0.2.1", true), CLIENTS_OK);
		if (i < 3)
			assert_int_equal(visit("192.0.2.1", false), CLIENTS_OK);
	}
	assert_int_equal(visit("192.0.2.1", false), CLIENTS_ADDRESS_BAD);
}

static void
test_bad_network(void **state)
{
	char text[32];
	int i;

	(void)state;
	for (i = 0; i < 10; i++, now += 6 * SECOND) {
		(void)snprintf(text, sizeof(text), "192.0.2.%d", i);
		assert_int_equal(visit(text, true), CLIENTS_OK);
	}
	assert_int_equal(visit("192.0.2.200", false), CLIENTS_NETWORK_BAD);
	assert_int_equal(visit("192.0.3.200", false), CLIENTS_OK);
}

/* The limit of a network is never less than that of an address. */
static void
test_network_at_least(void **state)
{
	struct conf_limits odd = lim;
	struct netaddr a = at("192.0.2.1");
	struct client_addr *as[3];
	int i;

	(void)state;
	odd.sessions_per_network = 1;
	odd.connections_network = 1;
	odd.bad_sessions_network = 1;
	for (i = 0; i < 3; i++)
		assert_int_equal(clients_enter(cs, &odd, &a, now, &as[i]),
		    CLIENTS_OK);
	for (i = 0; i < 3; i++)
		clients_leave(cs, &odd, as[i], now, true);
	assert_int_equal(clients_enter(cs, &odd, &a, now, &as[0]), CLIENTS_OK);
	clients_leave(cs, &odd, as[0], now, true);
}

/* --- crowds --- */

static struct netaddr
v6(uint32_t site, uint32_t subnet)
{
	struct netaddr a = { .family = NETADDR_V6,
		.bytes = { 0x20, 0x01 },
		.port = 1 };

	a.bytes[2] = (uint8_t)(site >> 24);
	a.bytes[3] = (uint8_t)(site >> 16);
	a.bytes[4] = (uint8_t)(site >> 8);
	a.bytes[5] = (uint8_t)site;
	a.bytes[6] = (uint8_t)(subnet >> 8);
	a.bytes[7] = (uint8_t)subnet;
	a.bytes[15] = (uint8_t)subnet;
	return a;
}

/* One /48 with all its 65,536 /64s is one network and some addresses. */
static void
test_a_site_of_many(void **state)
{
	struct netaddr a;
	uint32_t i;
	int n = 0;

	(void)state;
	for (i = 0; i < 65536; i++) {
		a = v6(7, i);
		n += visit_at(&a, true) == CLIENTS_OK;
		assert_in_range(clients_records(cs), 1, CLIENTS_A_NETWORK + 2);
		now += 5; /* 327 s in all */
	}
	assert_in_range(n, 10, 11);
}

/* the same while the network's own limits are as wide as they go */
static void
test_a_site_without_limits(void **state)
{
	struct conf_limits wide = lim;
	struct client_addr *as;
	struct netaddr a;
	uint32_t i;

	(void)state;
	wide.connections_network = 60000;
	wide.bad_sessions_network = 1000000;
	for (i = 0; i < 65536; i++, now += 5) {
		a = v6(7, i);
		if (clients_enter(cs, &wide, &a, now, &as) == CLIENTS_OK)
			clients_leave(cs, &wide, as, now, true);
		assert_in_range(clients_records(cs), 1, CLIENTS_A_NETWORK + 2);
	}
	/* all but the first share one record, and that is full */
	a = v6(7, 60001);
	assert_int_equal(clients_enter(cs, &wide, &a, now, &as),
	    CLIENTS_ADDRESS_BAD);
}

/*
 * A blocked client tries to be forgotten by filling memory with other sites,
 * each as bad as one visit makes it: memory stays as it is, he stays blocked.
 */
static void
test_flushing(void **state)
{
	struct netaddr me = v6(1, 1), a;
	uint32_t i;
	size_t most = 0;

	(void)state;
	for (i = 0; i < 4; i++)
		assert_int_equal(visit_at(&me, true), CLIENTS_OK);
	for (i = 2; i < 400000; i++) {
		a = v6(i, 1);
		assert_int_equal(visit_at(&a, true), CLIENTS_OK);
		if (clients_records(cs) > most)
			most = clients_records(cs);
		if (i % 5000 == 0)
			assert_int_equal(visit_at(&me, false),
			    CLIENTS_ADDRESS_BAD);
		now += i % 100 == 0;
	}
	assert_int_equal(visit_at(&me, false), CLIENTS_ADDRESS_BAD);
	assert_in_range(most, CLIENTS_KEPT, 3 * CLIENTS_KEPT + 2);
}

/* What is forgiven goes at once, without a crowd. */
static void
test_forgotten(void **state)
{
	struct netaddr a;
	uint32_t i;

	(void)state;
	for (i = 0; i < 5000; i++) {
		a = v6(i, 1);
		assert_int_equal(visit_at(&a, i % 2 == 0), CLIENTS_OK);
	}
	assert_int_equal(clients_records(cs), 10000);
	now += 2 * MINUTE;
	assert_int_equal(visit("192.0.2.1", false), CLIENTS_OK);
	assert_in_range(clients_records(cs), 5002, 5002);
	now += HOUR;
	assert_int_equal(visit("192.0.2.1", false), CLIENTS_OK);
	assert_int_equal(clients_records(cs), 2);
}

/* Records of open sessions are never dropped, however many others come. */
static void
test_open_stays(void **state)
{
	struct client_addr *as[100];
	struct netaddr a;
	uint32_t i;

	(void)state;
	for (i = 0; i < 100; i++) {
		a = v6(i, 1);
		assert_int_equal(clients_enter(cs, &lim, &a, now, &as[i]),
		    CLIENTS_OK);
	}
	for (i = 100; i < 40000; i++) {
		a = v6(i, 1);
		assert_int_equal(visit_at(&a, true), CLIENTS_OK);
	}
	for (i = 0; i < 100; i++)
		clients_leave(cs, &lim, as[i], now, true);
	assert_in_range(clients_records(cs), 1, 3 * CLIENTS_KEPT + 2);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_neighbours),
		TEST(test_sessions_come_back),
		TEST(test_rate),
		TEST(test_rate_of_a_network),
		TEST(test_bad),
		TEST(test_good_does_not_help),
		TEST(test_bad_network),
		TEST(test_network_at_least),
		TEST(test_a_site_of_many),
		TEST(test_a_site_without_limits),
		TEST(test_flushing),
		TEST(test_forgotten),
		TEST(test_open_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
