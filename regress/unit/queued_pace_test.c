/* SPDX-License-Identifier: ISC */
/* link: queued/pace.o queued/bucket.o queued/pheap.o common/base.a */
/* Paces of senders: whose bucket it is, and how many are known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "queued/pace.h"

#define T0 1000000ULL

static struct paces ps;
static struct conf *conf;

static void
limit(const char *prefix, uint32_t count, uint32_t period)
{
	struct conf_source *s = conf_add_source(conf);

	assert_non_null(s);
	assert_int_equal(netprefix_parse(&s->prefix, prefix), 0);
	s->rate = (struct conf_rate){ count, period };
	conf_seal(conf);
}

/* ms that mail of the host would wait */
static uint64_t
wait_of(const char *host, uint64_t now)
{
	struct netaddr a;

	assert_int_equal(netaddr_parse(&a, host), 0);
	return paces_release(&ps, conf, &a, now) - now;
}

static int
start(void **state)
{
	(void)state;
	paces_init(&ps);
	conf = conf_new();
	return conf == NULL ? -1 : 0;
}

static int
stop(void **state)
{
	(void)state;
	paces_free(&ps);
	conf_free(conf);
	return 0;
}

static void
test_hosts(void **state)
{
	(void)state;
	assert_int_equal(wait_of("10.0.0.1", T0), 0);
	assert_int_equal(ps.n, 0);
	limit("10.0.0.0/24", 1, 1);
	limit("10.0.0.7", 2, 10);
	limit("2001:db8::/32", 1, 1);
	limit("2001:db8:0:1::25", 1, 60);
	/* each host for itself */
	assert_int_equal(wait_of("10.0.0.1", T0), 0);
	assert_int_equal(wait_of("10.0.0.1", T0), 1000);
	assert_int_equal(wait_of("10.0.0.1", T0), 2000);
	assert_int_equal(wait_of("10.0.0.2", T0), 0);
	/* by the smallest network */
	assert_int_equal(wait_of("10.0.0.7", T0), 0);
	assert_int_equal(wait_of("10.0.0.7", T0), 5000);
	assert_int_equal(wait_of("10.0.1.1", T0), 0);
	assert_int_equal(wait_of("10.0.1.1", T0), 0);
	/* a host of IPv6 has a /64, but for one that is named */
	assert_int_equal(wait_of("2001:db8:0:1::1", T0), 0);
	assert_int_equal(wait_of("2001:db8:0:1::2", T0), 1000);
	assert_int_equal(wait_of("2001:db8:0:2::1", T0), 0);
	assert_int_equal(wait_of("2001:db8:0:1::25", T0), 0);
	assert_int_equal(wait_of("2001:db8:0:1::25", T0), 60000);
	assert_int_equal(ps.n, 6);
}

/* No more hosts than that, and those that wait keep their place. */
static void
test_bounded(void **state)
{
	char host[NETADDR_STRLEN];
	unsigned i, n;

	(void)state;
	limit("10.0.0.0/8", 1, 1);
	for (i = 0; i < 100; i++)
		(void)wait_of("10.255.0.1", T0);
	for (i = 0; i < 3 * PACE_HOSTS_MAX; i++) {
		(void)snprintf(host, sizeof(host), "10.0.%u.%u", i / 256,
		    i % 256);
		for (n = 0; n < 3; n++)
			assert_int_equal(wait_of(host, T0), 1000 * n);
		assert_true(ps.n <= PACE_HOSTS_MAX);
	}
	assert_int_equal(ps.n, PACE_HOSTS_MAX);
	assert_int_equal(wait_of("10.255.0.1", T0), 100000);
	/* time passes: they are forgotten, two for each new one */
	for (i = 0; i < PACE_HOSTS_MAX; i++) {
		(void)snprintf(host, sizeof(host), "10.1.%u.%u", i / 256,
		    i % 256);
		(void)wait_of(host, T0 + 5000 + i * 2000);
	}
	assert_true(ps.n <= 4);
}

static void
test_change(void **state)
{
	unsigned i;

	(void)state;
	limit("10.0.0.1", 1, 10);
	for (i = 0; i < 5; i++)
		(void)wait_of("10.0.0.1", T0);
	/* another rate, a reload later: what is owed is owed at that rate */
	conf_free(conf);
	conf = conf_new();
	limit("10.0.0.1", 1, 1);
	assert_int_equal(wait_of("10.0.0.1", T0), 5000);
	conf_free(conf);
	conf = conf_new();
	assert_int_equal(wait_of("10.0.0.1", T0), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_hosts, start, stop),
		cmocka_unit_test_setup_teardown(test_bounded, start, stop),
		cmocka_unit_test_setup_teardown(test_change, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
