/* SPDX-License-Identifier: ISC */
/* link: smtpd-out/plan.o smtpd-out/smtpc.o common/smtp.a common/base.a */
/*
 * Which hosts are tried, in which order, and what is said when none is left.
 * A case is a zone, and what became of each connection; what comes out is a
 * trace of questions and connections, and the outcome.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include <cmocka.h>

#include "smtpd-out/plan.h"
#include "smtpd-out/smtpc.h"

#define NELEMS(a) (sizeof(a) / sizeof((a)[0]))
#define DOMAIN	  "o.test"

/* --- the zone of a case --- */

/*
 * Lines, parted by ';': a type, a name, and its data or a status.  MX data are
 * preference and host.  TRY gives an address the result of its connection,
 * which is a deferral else.
 */
static const char *zone;

static const struct {
	const char *word;
	enum sd_status status;
} words[] = {
	{ "nodata", SD_NODATA }, { "nxdomain", SD_NXDOMAIN },
	{ "temp", SD_TEMP }, { "denied", SD_DENIED },
	{ "none", SD_OK }, /* no records, though it is there */
};

/* What follows type and name in the line at *p, which moves on; or NULL. */
static const char *
match(const char **p, const char *type, const char *name)
{
	static char line[256];
	char want[300];
	size_t n = strcspn(*p, ";");

	assert_true(n < sizeof(line));
	memcpy(line, *p, n);
	line[n] = '\0';
	*p += n;
	*p += strspn(*p, "; ");
	(void)snprintf(want, sizeof(want), "%s %s ", type, name);
	n = strlen(want);
	return strncmp(line, want, n) == 0 ? line + n : NULL;
}

static void
record(enum sd_rrtype type, const char *data, struct sd_record *r)
{
	char *end;

	memset(r, 0, sizeof(*r));
	if (type != SD_MX) {
		assert_int_equal(netaddr_parse(&r->addr, data), 0);
		return;
	}
	r->preference = (uint16_t)strtoul(data, &end, 10);
	assert_int_equal(*end, ' ');
	(void)strlcpy(r->name, strcmp(end + 1, "-") == 0 ? "" : end + 1,
	    sizeof(r->name));
}

static enum sd_status
lookup(enum sd_rrtype type, const char *name, struct sd_record *r, uint32_t *n)
{
	const char *of = type == SD_MX ? "MX" : type == SD_A ? "A" : "AAAA";
	const char *p = zone, *data;
	size_t i;

	*n = 0;
	while (*p != '\0') {
		if ((data = match(&p, of, name)) == NULL)
			continue;
		for (i = 0; i < NELEMS(words); i++)
			if (strcmp(data, words[i].word) == 0)
				return words[i].status;
		assert_true(*n < SD_RECORDS_MAX);
		record(type, data, &r[(*n)++]);
	}
	return *n > 0 ? SD_OK : SD_NODATA;
}

static void
connection(const char *addr, struct qo_outcome *o)
{
	const char *p = zone, *data;

	smtpc_outcome(o, QO_DEFERRED, REASON_CONNECT, 0, "4.4.1", "refused");
	while (*p != '\0') {
		if ((data = match(&p, "TRY", addr)) == NULL)
			continue;
		if (strcmp(data, "ok") == 0)
			o->status = QO_DELIVERED;
		else
			smtpc_outcome(o, QO_FAILED, REASON_POLICY_ADDRESS, 0,
			    "5.4.4", "denied");
	}
}

/* --- who we are --- */

static struct conf *conf;

static void
add_listener(const char *addr, uint16_t port)
{
	struct conf_listener *l = conf_add_listener(conf);

	assert_non_null(l);
	assert_int_equal(netaddr_parse(&l->addr, addr), 0);
	l->addr.port = port;
}

static int
setup(void **state)
{
	(void)state;
	conf = conf_new();
	assert_non_null(conf);
	(void)strlcpy(conf->hostname, "gw.test", sizeof(conf->hostname));
	add_listener("192.0.2.99", 25);
	add_listener("2001:db8::99", 25);
	add_listener("10.0.0.5", 2525);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	conf_free(conf);
	return 0;
}

/* --- walking a plan --- */

/* keeps the order */
static uint32_t
keep(uint32_t bound)
{
	return bound - 1;
}

static char trace[8192];

static void
note(const char *what, const char *name)
{
	if (trace[0] != '\0')
		(void)strlcat(trace, " ", sizeof(trace));
	(void)strlcat(trace, what, sizeof(trace));
	assert_true(strlcat(trace, name, sizeof(trace)) < sizeof(trace));
}

static void
ask_addrs(struct plan *p, bool aaaa_first)
{
	static struct sd_record r[SD_RECORDS_MAX];
	enum sd_rrtype types[] = { SD_A, SD_AAAA };
	char name[CONF_NAME_MAX];
	enum sd_status s;
	uint32_t n;
	int i;

	(void)strlcpy(name, plan_name(p), sizeof(name));
	note("a:", name);
	for (i = 0; i < 2; i++) {
		assert_int_equal(plan_step(p), PLAN_ADDRS);
		s = lookup(types[aaaa_first ? 1 - i : i], name, r, &n);
		plan_addr_answer(p, s, r, n);
	}
}

/* true: it led to a server */
static bool
try(struct plan *p)
{
	struct netaddr addr;
	struct qo_outcome o;
	const char *name;
	char buf[NETADDR_STRLEN + CONF_NAME_MAX];

	plan_target(p, &addr, &name);
	assert_true(addr.port != 0);
	(void)netaddr_ntop(&addr, buf, NETADDR_STRLEN);
	connection(buf, &o);
	if (addr.port != 25)
		(void)netaddr_ntop_port(&addr, buf, NETADDR_STRLEN);
	if (name[0] != '\0') {
		(void)strlcat(buf, "=", sizeof(buf));
		(void)strlcat(buf, name, sizeof(buf));
	}
	note("", buf);
	if (o.status == QO_DELIVERED)
		return true;
	plan_failed(p, &o);
	return false;
}

/* What would be said if it ended here: nothing for good before the end. */
static void
check_outcome(const struct plan *p)
{
	const struct qo_outcome *o = plan_outcome(p);
	const char *s;

	if (plan_step(p) != PLAN_OVER)
		assert_int_equal(o->status, QO_DEFERRED);
	assert_true(o->status == QO_DEFERRED || o->status == QO_FAILED);
	assert_int_equal(o->enh[0], o->status == QO_FAILED ? '5' : '4');
	assert_true(o->text[0] != '\0');
	for (s = o->text; *s != '\0'; s++)
		assert_true(*s >= ' ' && *s <= '~');
}

/* Into trace and *o. */
static void
walk(const struct msg_hop *hop, uint32_t (*rnd)(uint32_t), bool aaaa_first,
    struct qo_outcome *o)
{
	static struct sd_record r[SD_RECORDS_MAX];
	struct plan p;
	enum sd_status s;
	bool done = false;
	uint32_t n;

	trace[0] = '\0';
	assert_int_equal(plan_init(&p, conf, hop, rnd), 0);
	while (!done) {
		check_outcome(&p);
		switch (plan_step(&p)) {
		case PLAN_MX:
			note("mx:", plan_name(&p));
			s = lookup(SD_MX, plan_name(&p), r, &n);
			plan_mx_answer(&p, s, r, n);
			break;
		case PLAN_ADDRS:
			ask_addrs(&p, aaaa_first);
			break;
		case PLAN_CONNECT:
			done = try(&p);
			break;
		case PLAN_OVER:
			done = true;
			break;
		}
	}
	*o = *plan_outcome(&p);
	if (plan_step(&p) != PLAN_OVER)
		o->status = QO_DELIVERED;
	plan_free(&p);
}

static const char *
outcome_text(const struct qo_outcome *o)
{
	static char buf[64];

	if (o->status == QO_DELIVERED)
		return "found";
	(void)snprintf(buf, sizeof(buf), "%s %s %s",
	    o->status == QO_FAILED ? "failed" : "deferred", o->enh,
	    reason_name(o->reason));
	return buf;
}

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
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_list_with_self),
		cmocka_unit_test(test_empty_list),
		cmocka_unit_test(test_longest_list),
		cmocka_unit_test(test_attempts),
		cmocka_unit_test(test_chance),
		cmocka_unit_test(test_chance_within),
		cmocka_unit_test(test_stray_answers),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
