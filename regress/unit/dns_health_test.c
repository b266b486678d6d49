/* SPDX-License-Identifier: ISC */
/* link: common/dns/health.o */
/* Which server is asked, how long it is waited for, when it counts as down. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/dns/health.h"

static struct dns_health h;

/* n failures of server i of packets sent just then */
static unsigned
fail_times(size_t i, uint64_t now, unsigned n)
{
	unsigned went = 0;

	while (n-- > 0)
		went += dns_health_failed(&h, i, now, now - 1000);
	return went;
}

static void
test_order(void **state)
{
	(void)state;
	dns_health_init(&h, 3);
	assert_int_equal(dns_health_pick(&h, 0, 5000), 0);
	assert_int_equal(dns_health_pick(&h, 1, 5000), 1);
	assert_int_equal(dns_health_pick(&h, 1 | 2, 5000), 2);
	assert_int_equal(dns_health_pick(&h, 7, 5000), DNS_SERVER_NONE);
	/* A better round trip does not change the order. */
	(void)dns_health_answered(&h, 0, 5000, 900);
	(void)dns_health_answered(&h, 1, 5000, 1);
	assert_int_equal(dns_health_pick(&h, 0, 5000), 0);
}

static void
test_down_and_up(void **state)
{
	(void)state;
	dns_health_init(&h, 2);
	assert_int_equal(fail_times(0, 10000, 2), 0);
	assert_true(dns_health_is_up(&h, 0));
	assert_int_equal(dns_health_pick(&h, 0, 10000), 0);
	assert_int_equal(fail_times(0, 10000, 1), 1);
	assert_false(dns_health_is_up(&h, 0));
	assert_int_equal(dns_health_pick(&h, 0, 10001), 1);
	/* it is said once */
	assert_int_equal(fail_times(0, 10000, 5), 0);
	/* One question probes it, the others go to the second meanwhile. */
	assert_int_equal(dns_health_pick(&h, 0, 11000), 0);
	assert_int_equal(dns_health_pick(&h, 0, 11000), 1);
	assert_true(dns_health_answered(&h, 0, 11200, 200));
	assert_int_equal(dns_health_pick(&h, 0, 11200), 0);
	assert_false(dns_health_answered(&h, 0, 11300, 200));
}

static void
test_probes_get_rarer(void **state)
{
	uint64_t now = 100000, last = now;
	unsigned i, gap = 0;

	(void)state;
	dns_health_init(&h, 2);
	(void)fail_times(0, now, 3);
	for (i = 0; i < 10; i++) {
		while (dns_health_pick(&h, 0, now) != 0)
			now += 100;
		assert_true(now - last >= gap);
		gap = (unsigned)(now - last);
		assert_true(gap <= 31000);
		last = now;
		(void)dns_health_failed(&h, 0, now + 1000, now);
	}
	assert_true(gap >= 29000);
}

static void
test_all_down(void **state)
{
	(void)state;
	dns_health_init(&h, 2);
	(void)fail_times(0, 10000, 3);
	(void)fail_times(1, 10000, 3);
	/* Better a dead server than none: in order, and both. */
	assert_int_equal(dns_health_pick(&h, 0, 10001), 0);
	assert_int_equal(dns_health_pick(&h, 1, 10001), 1);
	assert_int_equal(dns_health_pick(&h, 3, 10001), DNS_SERVER_NONE);
}

/* Slow names of one domain do not take a server away from the others. */
static void
test_slow_names_do_not_count(void **state)
{
	unsigned i;

	(void)state;
	dns_health_init(&h, 2);
	for (i = 0; i < 100; i++) {
		(void)dns_health_answered(&h, 0, 10500 + i, 20);
		assert_false(dns_health_failed(&h, 0, 11000 + i, 10000 + i));
	}
	assert_true(dns_health_is_up(&h, 0));
	/* Failures in a row only: an answer between them starts anew. */
	assert_int_equal(fail_times(0, 20000, 2), 0);
	(void)dns_health_answered(&h, 0, 20100, 20);
	assert_int_equal(fail_times(0, 30000, 2), 0);
	assert_true(dns_health_is_up(&h, 0));
}

static void
test_timeout(void **state)
{
	unsigned i;

	(void)state;
	dns_health_init(&h, 1);
	assert_int_equal(dns_health_timeout(&h, 0, 0), 1000);
	assert_int_equal(dns_health_timeout(&h, 0, 1), 2000);
	assert_int_equal(dns_health_timeout(&h, 0, 2), 4000);
	assert_int_equal(dns_health_timeout(&h, 0, 3), 8000);
	assert_int_equal(dns_health_timeout(&h, 0, 1000), 8000);
	for (i = 0; i < 50; i++)
		(void)dns_health_answered(&h, 0, 1000 + i, 2000);
	assert_in_range(dns_health_timeout(&h, 0, 0), 2000, 3000);
	for (i = 0; i < 50; i++)
		(void)dns_health_answered(&h, 0, 2000 + i, 0);
	assert_int_equal(dns_health_timeout(&h, 0, 0), 1000);
	/* A clock that jumped does no harm. */
	(void)dns_health_answered(&h, 0, 3000, UINT32_MAX);
	assert_in_range(dns_health_timeout(&h, 0, 0), 1000, 3000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_down_and_up),
		cmocka_unit_test(test_probes_get_rarer),
		cmocka_unit_test(test_all_down),
		cmocka_unit_test(test_slow_names_do_not_count),
		cmocka_unit_test(test_timeout),
	};

	return cmocka_run_group_tests_name("dns_health", tests, NULL, NULL);
}
