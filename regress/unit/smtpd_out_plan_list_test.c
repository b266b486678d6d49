/* SPDX-License-Identifier: ISC */
/* link: smtpd-out/starttls.o smtpd-out/tlspolicy.o */
/* link: regress/unit/smtpd_out_zone.o smtpd-out/plan.o smtpd-out/smtpc.o
 * smtpd-out/envelope.o smtpd-out/text.o common/smtp.a common/base.a */
/* Plans: lists of hosts, limits of the attempts, and what chance may do. */
#include <stdio.h>
#include <string.h>

#include <bsd/string.h>

#include "smtpd_out_zone.h"

/* --- lists of hosts, smarthosts --- */

static void
add_host(struct msg_hop *hop, const char *host, uint16_t port)
{
	struct conf_host *h = &hop->hosts[hop->nhosts++];

	memset(h, 0, sizeof(*h));
	if (netaddr_parse(&h->addr, host) == -1)
		(void)strlcpy(h->name, host, sizeof(h->name));
	h->port = port;
}

/* Their order is the configuration's, whatever chance says. */
static void
check_list(enum conf_route_kind kind, uint32_t (*rnd)(uint32_t))
{
	struct msg_hop hop = { .kind = kind };
	struct qo_outcome o;

	zone = "A b 192.0.2.2;AAAA c 2001:db8::3;A d nxdomain;AAAA d nxdomain;"
	       "TRY 192.0.2.5 failed";
	add_host(&hop, "192.0.2.1", 2525);
	add_host(&hop, "b", 25);
	add_host(&hop, "c", 587);
	add_host(&hop, "d", 25);
	add_host(&hop, "192.0.2.5", 25);
	walk(&hop, rnd, false, &o);
	assert_string_equal(trace,
	    "192.0.2.1:2525 a:b 192.0.2.2=b a:c [2001:db8::3]:587=c a:d "
	    "192.0.2.5");
	assert_string_equal(outcome_text(&o), "deferred 4.4.1 connect");
}

static uint32_t
first(uint32_t bound)
{
	assert_true(bound > 0);
	return 0;
}

static void
test_lists(void **state)
{
	(void)state;
	check_list(CONF_ROUTE_HOSTS, keep);
	check_list(CONF_ROUTE_HOSTS, first);
	check_list(CONF_ROUTE_SMARTHOST, keep);
	check_list(CONF_ROUTE_SMARTHOST, first);
}

/* A list knows no preference: one that is ourselves is left out, no more. */
static void
test_list_with_self(void **state)
{
	struct msg_hop hop = { .kind = CONF_ROUTE_HOSTS };
	struct qo_outcome o;

	(void)state;
	zone = "A a 192.0.2.99;A b 192.0.2.2";
	add_host(&hop, "a", 25);
	add_host(&hop, "b", 25);
	walk(&hop, keep, false, &o);
	assert_string_equal(trace, "a:a a:b 192.0.2.2=b");
	assert_string_equal(outcome_text(&o), "deferred 4.4.1 connect");
	hop.nhosts = 1;
	walk(&hop, keep, false, &o);
	assert_string_equal(outcome_text(&o), "failed 5.4.6 mx-loop");
	/* another port of the same address is another server */
	hop.nhosts = 0;
	add_host(&hop, "a", 2525);
	walk(&hop, keep, false, &o);
	assert_string_equal(trace, "a:a 192.0.2.99:2525=a");
	/* its own listener inside is one only at its port */
	hop.nhosts = 0;
	add_host(&hop, "10.0.0.5", 25);
	add_host(&hop, "10.0.0.5", 2525);
	walk(&hop, keep, false, &o);
	assert_string_equal(trace, "10.0.0.5");
}

/* Not that anybody asks for it. */
static void
test_empty_list(void **state)
{
	struct msg_hop hop = { .kind = CONF_ROUTE_HOSTS };
	struct qo_outcome o;

	(void)state;
	zone = "";
	walk(&hop, keep, false, &o);
	assert_string_equal(trace, "");
	assert_string_equal(outcome_text(&o), "failed 5.4.4 no-route");
}

static void
test_longest_list(void **state)
{
	struct msg_hop hop = { .kind = CONF_ROUTE_HOSTS };
	char addr[32], want[1024] = "";
	struct qo_outcome o;
	unsigned i;

	(void)state;
	zone = "";
	for (i = 0; i < CONF_HOSTS_MAX; i++) {
		(void)snprintf(addr, sizeof(addr), "192.0.2.%u", i + 1);
		add_host(&hop, addr, 25);
		if (i >= PLAN_ATTEMPTS_MAX)
			continue;
		(void)strlcat(want, i > 0 ? " " : "", sizeof(want));
		(void)strlcat(want, addr, sizeof(want));
	}
	walk(&hop, keep, false, &o);
	assert_string_equal(trace, want);
	assert_string_equal(outcome_text(&o), "deferred 4.4.1 connect");
}

/* --- limits --- */

static unsigned
count(const char *what)
{
	const char *p = trace;
	unsigned n = 0;

	while ((p = strstr(p, what)) != NULL) {
		n++;
		p += strlen(what);
	}
	return n;
}

static char big[16384];

static void __attribute__((format(printf, 1, 2))) add_line(const char *fmt, ...)
{
	char line[64];
	va_list ap;

	va_start(ap, fmt);
	assert_true(vsnprintf(line, sizeof(line), fmt, ap) > 0);
	va_end(ap);
	assert_true(strlcat(big, line, sizeof(big)) < sizeof(big));
}

static void
test_attempts(void **state)
{
	struct msg_hop hop = { .kind = CONF_ROUTE_DNS, .name = DOMAIN };
	struct qo_outcome o;
	unsigned i;

	(void)state;
	/* one host with more addresses than are kept */
	big[0] = '\0';
	add_line("MX o.test 1 a;MX o.test 2 b;A b 192.0.2.200");
	for (i = 0; i < SD_RECORDS_MAX; i++)
		add_line(";A a 192.0.2.%u", i + 1);
	zone = big;
	walk(&hop, keep, false, &o);
	assert_int_equal(count("=a"), PLAN_ATTEMPTS_MAX);
	assert_int_equal(count("=b"), 0);
	assert_string_equal(outcome_text(&o), "deferred 4.4.1 connect");
	/* as many hosts as an answer holds, none with an address */
	big[0] = '\0';
	for (i = 0; i < SD_RECORDS_MAX; i++)
		add_line("MX o.test %u h%u.;", i, i);
	walk(&hop, keep, false, &o);
	assert_int_equal(count("a:h"), PLAN_HOSTS_MAX);
	assert_string_equal(outcome_text(&o), "failed 5.4.4 dns-nodata");
}

/* --- chance --- */

static uint32_t choices[2];
static size_t nchoice;

static uint32_t
choose(uint32_t bound)
{
	assert_true(nchoice < NELEMS(choices) && choices[nchoice] < bound);
	return choices[nchoice++];
}

/* Each order of three comes up for one of the six ways that chance may go. */
static void
check_orders(const char *z, const struct msg_hop *hop,
    const char *(*order)(void))
{
	char seen[6][64];
	struct qo_outcome o;
	size_t i, j;

	zone = z;
	for (i = 0; i < 6; i++) {
		choices[0] = (uint32_t)(i % 3);
		choices[1] = (uint32_t)(i / 3);
		nchoice = 0;
		walk(hop, choose, false, &o);
		assert_int_equal(nchoice, 2);
		(void)strlcpy(seen[i], order(), sizeof(seen[i]));
		for (j = 0; j < i; j++)
			assert_string_not_equal(seen[i], seen[j]);
	}
}

static const char *
whole_trace(void)
{
	assert_int_equal(count("a:"), 1 + count("mx:") * 3 - 1);
	return trace;
}

static const char *
addresses(void)
{
	assert_int_equal(count("192.0.2."), 3);
	return strstr(trace, "192");
}

static void
test_chance(void **state)
{
	struct msg_hop hop = { .kind = CONF_ROUTE_DNS, .name = DOMAIN };

	(void)state;
	/* equal preferences, among others */
	check_orders("MX o.test 5 a;MX o.test 5 b;MX o.test 5 c", &hop,
	    whole_trace);
	/* addresses of one host */
	check_orders("MX o.test 1 a;A a 192.0.2.1;A a 192.0.2.2;"
		     "A a 192.0.2.3",
	    &hop, addresses);
}

/* Chance moves none across a preference. */
static void
test_chance_within(void **state)
{
	struct msg_hop hop = { .kind = CONF_ROUTE_DNS, .name = DOMAIN };
	struct qo_outcome o;

	(void)state;
	zone = "MX o.test 2 c;MX o.test 1 a;MX o.test 3 d;MX o.test 1 b;"
	       "MX o.test 3 e";
	walk(&hop, first, false, &o);
	assert_true(strcspn(trace, "c") > strcspn(trace, "b"));
	assert_true(strstr(trace, "a:c") > strstr(trace, "a:a"));
	assert_true(strstr(trace, "a:c") > strstr(trace, "a:b"));
	assert_true(strstr(trace, "a:c") < strstr(trace, "a:d"));
	assert_true(strstr(trace, "a:c") < strstr(trace, "a:e"));
	assert_true(strstr(trace, "a:b") < strstr(trace, "a:a"));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_list_with_self),
		cmocka_unit_test(test_empty_list),
		cmocka_unit_test(test_longest_list),
		cmocka_unit_test(test_attempts),
		cmocka_unit_test(test_chance),
		cmocka_unit_test(test_chance_within),
	};

	return cmocka_run_group_tests(tests, plan_setup, plan_teardown);
}
