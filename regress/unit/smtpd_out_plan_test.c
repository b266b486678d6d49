/* SPDX-License-Identifier: ISC */
/* link: smtpd-out/starttls.o smtpd-out/tlspolicy.o */
/* link: regress/unit/smtpd_out_zone.o smtpd-out/plan.o smtpd-out/smtpc.o
 * smtpd-out/envelope.o smtpd-out/text.o common/smtp.a common/base.a */
/*
 * Which hosts are tried, in which order, and what is said when none is left:
 * the names and address literals that mail is for.
 */
#include <stdio.h>
#include <string.h>

#include <bsd/string.h>

#include "smtpd_out_zone.h"

/* --- by name: MX and what stands in for it --- */

static const struct by_name {
	const char *id;
	const char *zone;
	const char *trace; /* after "mx:o.test " */
	const char *outcome;
	const char *name; /* NULL: o.test */
} by_name[] = {
	{ "mxorder",
	    "MX o.test 20 b;MX o.test 10 a;A a 192.0.2.1;"
	    "A b 192.0.2.2;TRY 192.0.2.1 ok",
	    "a:a 192.0.2.1=a", "found", NULL },
	{ "mxfallback",
	    "MX o.test 10 a;MX o.test 20 b;A a 192.0.2.1;"
	    "A b 192.0.2.2;TRY 192.0.2.2 ok",
	    "a:a 192.0.2.1=a a:b 192.0.2.2=b", "found", NULL },
	{ "mxequal",
	    "MX o.test 10 a;MX o.test 10 b;A a 192.0.2.1;"
	    "A b 192.0.2.2;TRY 192.0.2.2 ok",
	    "a:a 192.0.2.1=a a:b 192.0.2.2=b", "found", NULL },
	{ "nomx", "A o.test 192.0.2.1;TRY 192.0.2.1 ok",
	    "a:o.test 192.0.2.1=o.test", "found", NULL },
	{ "no MX in an answer", "MX o.test none;A o.test 192.0.2.1",
	    "a:o.test 192.0.2.1=o.test", "deferred 4.4.1 connect", NULL },
	{ "nullmx", "MX o.test 0 -;A o.test 192.0.2.1", "",
	    "failed 5.1.10 null-mx", NULL },
	{ "null MX written as a dot", "MX o.test 0 .;A o.test 192.0.2.1", "",
	    "failed 5.1.10 null-mx", NULL },
	{ "null MX twice", "MX o.test 0 -;MX o.test 5 -", "",
	    "failed 5.1.10 null-mx", NULL },
	{ "null MX beside a host is no host",
	    "MX o.test 0 .;MX o.test 5 -;MX o.test 10 a;A a 192.0.2.1",
	    "a:a 192.0.2.1=a", "deferred 4.4.1 connect", NULL },
	{ "nxdomain", "MX o.test nxdomain;A o.test 192.0.2.1", "",
	    "failed 5.1.2 dns-nxdomain", NULL },
	{ "mxservfail", "MX o.test temp;A o.test 192.0.2.1", "",
	    "deferred 4.4.3 dns-temp", NULL },
	{ "denied", "MX o.test denied", "", "failed 5.4.4 no-route", NULL },
	{ "mxmany",
	    "MX o.test 1 c;MX o.test 2 d;MX o.test 3 e;"
	    "MX o.test 50 a;A c 192.0.2.3;A d 192.0.2.4;"
	    "A e 192.0.2.5;A a 192.0.2.1;TRY 192.0.2.1 ok",
	    "a:c 192.0.2.3=c a:d 192.0.2.4=d a:e 192.0.2.5=e a:a 192.0.2.1=a",
	    "found", NULL },
	{ "preferences at their ends",
	    "MX o.test 65535 b;MX o.test 0 a;A a 192.0.2.1;A b 192.0.2.2",
	    "a:a 192.0.2.1=a a:b 192.0.2.2=b", "deferred 4.4.1 connect", NULL },

	/* addresses */
	{ "several addresses",
	    "MX o.test 1 a;A a 192.0.2.1;A a 192.0.2.2;"
	    "AAAA a 2001:db8::1;TRY 2001:db8::1 ok",
	    "a:a 192.0.2.1=a 192.0.2.2=a 2001:db8::1=a", "found", NULL },
	{ "IPv6 only", "MX o.test 1 a;AAAA a 2001:db8::1", "a:a 2001:db8::1=a",
	    "deferred 4.4.1 connect", NULL },
	{ "no address", "MX o.test 1 a", "a:a", "failed 5.4.4 dns-nodata",
	    NULL },
	{ "no address in answers", "MX o.test 1 a;A a none;AAAA a none", "a:a",
	    "failed 5.4.4 dns-nodata", NULL },
	{ "no such host", "MX o.test 1 a;A a nxdomain;AAAA a nxdomain", "a:a",
	    "failed 5.4.4 dns-nodata", NULL },
	{ "one host has none", "MX o.test 1 a;MX o.test 2 b;A b 192.0.2.2",
	    "a:a a:b 192.0.2.2=b", "deferred 4.4.1 connect", NULL },
	{ "no host has any", "MX o.test 1 a;MX o.test 2 b", "a:a a:b",
	    "failed 5.4.4 dns-nodata", NULL },
	{ "address later", "MX o.test 1 a;A a temp", "a:a",
	    "deferred 4.4.3 dns-temp", NULL },
	{ "address denied", "MX o.test 1 a;A a denied;AAAA a denied", "a:a",
	    "failed 5.4.4 no-route", NULL },
	{ "half an answer serves",
	    "MX o.test 1 a;A a temp;AAAA a 2001:db8::1;"
	    "TRY 2001:db8::1 ok",
	    "a:a 2001:db8::1=a", "found", NULL },

	/* which trouble counts */
	{ "a deferral outlives a later failure",
	    "MX o.test 1 a;MX o.test 2 b;A a 192.0.2.1;A b 192.0.2.2;"
	    "TRY 192.0.2.2 failed",
	    "a:a 192.0.2.1=a a:b 192.0.2.2=b", "deferred 4.4.1 connect", NULL },
	{ "and follows an earlier one",
	    "MX o.test 1 a;MX o.test 2 b;A a 192.0.2.1;A b 192.0.2.2;"
	    "TRY 192.0.2.1 failed",
	    "a:a 192.0.2.1=a a:b 192.0.2.2=b", "deferred 4.4.1 connect", NULL },
	{ "the last of several failures",
	    "MX o.test 1 a;MX o.test 2 b;A a 192.0.2.1;TRY 192.0.2.1 failed",
	    "a:a 192.0.2.1=a a:b", "failed 5.4.4 dns-nodata", NULL },
	{ "only failures",
	    "MX o.test 1 a;MX o.test 2 b;A b 192.0.2.1;TRY 192.0.2.1 failed",
	    "a:a a:b 192.0.2.1=b", "failed 5.4.4 policy-address", NULL },
	{ "the address that was not looked up may be a good one",
	    "MX o.test 1 a;A a 192.0.2.1;AAAA a temp;TRY 192.0.2.1 failed",
	    "a:a 192.0.2.1=a", "deferred 4.4.3 dns-temp", NULL },

	/* loops */
	{ "own name is best",
	    "MX o.test 1 gw.test;MX o.test 2 b;"
	    "A b 192.0.2.2",
	    "", "failed 5.4.6 mx-loop", NULL },
	{ "own name in capitals", "MX o.test 1 GW.Test", "",
	    "failed 5.4.6 mx-loop", NULL },
	{ "own name is second",
	    "MX o.test 1 a;MX o.test 2 gw.test;"
	    "MX o.test 3 c;A a 192.0.2.1;A c 192.0.2.3",
	    "a:a 192.0.2.1=a", "deferred 4.4.1 connect", NULL },
	{ "equal to own name",
	    "MX o.test 1 a;MX o.test 2 b;MX o.test 2 c;"
	    "MX o.test 2 gw.test;A a 192.0.2.1;"
	    "A b 192.0.2.2;A c 192.0.2.3",
	    "a:a 192.0.2.1=a", "deferred 4.4.1 connect", NULL },
	{ "all equal to own name", "MX o.test 2 b;MX o.test 2 gw.test", "",
	    "failed 5.4.6 mx-loop", NULL },
	{ "own address is best",
	    "MX o.test 1 a;MX o.test 2 b;A a 192.0.2.99;"
	    "A b 192.0.2.2",
	    "a:a", "failed 5.4.6 mx-loop", NULL },
	{ "own IPv6 address",
	    "MX o.test 1 a;A a 192.0.2.1;"
	    "AAAA a 2001:db8::99",
	    "a:a", "failed 5.4.6 mx-loop", NULL },
	{ "own address is second",
	    "MX o.test 1 a;MX o.test 2 b;MX o.test 3 c;"
	    "A a 192.0.2.1;A b 192.0.2.99;A c 192.0.2.3",
	    "a:a 192.0.2.1=a a:b", "deferred 4.4.1 connect", NULL },
	{ "equal to own address, tried before",
	    "MX o.test 1 a;MX o.test 1 b;MX o.test 1 c;A a 192.0.2.1;"
	    "A b 192.0.2.99;A c 192.0.2.3",
	    "a:a 192.0.2.1=a a:b", "deferred 4.4.1 connect", NULL },
	{ "own address, another port", "MX o.test 1 a;A a 10.0.0.5",
	    "a:a 10.0.0.5=a", "deferred 4.4.1 connect", NULL },
	{ "without MX, own address", "A o.test 192.0.2.99", "a:o.test",
	    "failed 5.4.6 mx-loop", NULL },
	/* its address may be that of a translator before us */
	{ "our own name, without MX", "A gw.test 198.51.100.1", "",
	    "failed 5.4.6 mx-loop", "gw.test" },
};

static void
check_by_name(const struct by_name *c)
{
	const char *name = c->name == NULL ? DOMAIN : c->name;
	struct msg_hop hop = { .kind = CONF_ROUTE_DNS };
	struct qo_outcome o, swapped;
	char want[1024];

	(void)strlcpy(hop.name, name, sizeof(hop.name));
	(void)snprintf(want, sizeof(want), "mx:%s%s%s", name,
	    c->trace[0] != '\0' ? " " : "", c->trace);
	zone = c->zone;
	walk(&hop, keep, false, &o);
	if (strcmp(trace, want) != 0 ||
	    strcmp(outcome_text(&o), c->outcome) != 0)
		fail_msg("%s: %s, %s", c->id, trace, outcome_text(&o));
	/* "deliver to mx" does the same by another resolver */
	hop.kind = CONF_ROUTE_MX;
	walk(&hop, keep, true, &swapped);
	assert_string_equal(outcome_text(&swapped), c->outcome);
}

static void
test_by_name(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < NELEMS(by_name); i++)
		check_by_name(&by_name[i]);
}

/* The operator reads which name it was. */
static void
test_names_in_text(void **state)
{
	static const struct {
		const char *zone, *text;
	} cases[] = {
		{ "MX o.test nxdomain", "domain does not exist: o.test" },
		{ "MX o.test temp", "domain could not be looked up: o.test" },
		{ "MX o.test denied",
		    "domain may not be looked up on this side: o.test" },
		{ "MX o.test 0 -", "domain takes no mail (null MX): o.test" },
		{ "MX o.test 1 a;A a nxdomain", "host has no address: a" },
		{ "MX o.test 1 a;A a temp",
		    "address could not be looked up: a" },
		{ "MX o.test 1 a;A a denied;AAAA a denied",
		    "host may not be looked up on this side: a" },
		{ "MX o.test 1 gw.test",
		    "mail for this domain loops back to this gateway: "
		    "gw.test" },
	};
	struct msg_hop hop = { .kind = CONF_ROUTE_DNS, .name = DOMAIN };
	struct qo_outcome o;
	size_t i;

	(void)state;
	for (i = 0; i < NELEMS(cases); i++) {
		zone = cases[i].zone;
		walk(&hop, keep, false, &o);
		assert_string_equal(o.text, cases[i].text);
	}
}

/* --- literals --- */

static const struct {
	const char *name, *trace, *outcome;
} literals[] = {
	{ "[192.0.2.1]", "192.0.2.1", "deferred 4.4.1 connect" },
	{ "[IPv6:2001:db8::1]", "2001:db8::1", "deferred 4.4.1 connect" },
	{ "[ipv6:2001:DB8:0::1]", "2001:db8::1", "deferred 4.4.1 connect" },
	{ "[IPv6:::ffff:192.0.2.1]", "192.0.2.1", "deferred 4.4.1 connect" },
	{ "[192.0.2.99]", "", "failed 5.4.6 mx-loop" },
	{ "[IPv6:2001:db8::99]", "", "failed 5.4.6 mx-loop" },
	{ "[]", "", "failed 5.1.2 no-route" },
	{ "[", "", "failed 5.1.2 no-route" },
	{ "[192.0.2.1", "", "failed 5.1.2 no-route" },
	{ "[192.0.2.1]x", "", "failed 5.1.2 no-route" },
	{ "[192.0.2.256]", "", "failed 5.1.2 no-route" },
	{ "[IPv6:]", "", "failed 5.1.2 no-route" },
	{ "[X400:c=us]", "", "failed 5.1.2 no-route" },
	{ "[a.test]", "", "failed 5.1.2 no-route" },
	{ "[192.0.2.1:25]", "", "failed 5.1.2 no-route" },
	/* as long as the text of an address may be, and one more */
	{ "[2001:db8:2001:db8:2001:db8:2001:db8:2001:db8:2001:db8:2001:db8:"
	  "]",
	    "", "failed 5.1.2 no-route" },
	{ "[2001:db8:2001:db8:2001:db8:2001:db8:2001:db8:2001:db8:2001:db8::"
	  "]",
	    "", "failed 5.1.2 no-route" },
	{ "[IPv6:2001:db8:2001:db8:2001:db8:2001:db8:2001:db8:2001:db8:2001:"
	  "db8:2001:db8]",
	    "", "failed 5.1.2 no-route" },
};

static void
test_literals(void **state)
{
	struct msg_hop hop = { .kind = CONF_ROUTE_DNS };
	struct qo_outcome o;
	size_t i;

	(void)state;
	zone = "";
	for (i = 0; i < NELEMS(literals); i++) {
		(void)strlcpy(hop.name, literals[i].name, sizeof(hop.name));
		walk(&hop, keep, false, &o);
		if (strcmp(trace, literals[i].trace) != 0 ||
		    strcmp(outcome_text(&o), literals[i].outcome) != 0)
			fail_msg("%s: %s, %s", literals[i].name, trace,
			    outcome_text(&o));
	}
}

/* --- answers out of place --- */

static void
test_stray_answers(void **state)
{
	struct msg_hop hop = { .kind = CONF_ROUTE_DNS, .name = DOMAIN };
	struct sd_record r = { .preference = 1, .name = "a" };
	struct plan p;

	(void)state;
	assert_int_equal(plan_init(&p, conf, &hop, keep), 0);
	plan_addr_answer(&p, SD_OK, &r, 1); /* nobody asked */
	assert_int_equal(plan_step(&p), PLAN_MX);
	plan_mx_answer(&p, SD_OK, &r, 1);
	assert_int_equal(plan_step(&p), PLAN_ADDRS);
	plan_mx_answer(&p, SD_OK, &r, 1); /* once more */
	assert_int_equal(p.nhosts, 1);
	plan_addr_answer(&p, SD_NODATA, NULL, 0);
	plan_addr_answer(&p, SD_NODATA, NULL, 0);
	assert_int_equal(plan_step(&p), PLAN_OVER);
	plan_mx_answer(&p, SD_OK, &r, 1);
	plan_addr_answer(&p, SD_OK, &r, 1);
	assert_int_equal(plan_step(&p), PLAN_OVER);
	plan_free(&p);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_name),
		cmocka_unit_test(test_names_in_text),
		cmocka_unit_test(test_literals),
		cmocka_unit_test(test_stray_answers),
	};

	return cmocka_run_group_tests(tests, plan_setup, plan_teardown);
}
