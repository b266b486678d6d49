/* SPDX-License-Identifier: ISC */
/* link: queued/direction.o common/base/relay.o common/base/conf.o */
/* link: common/base/netaddr.o common/base/reason.o */
/* Which way mail goes: every origin against every class of domain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <bsd/string.h>

#include <cmocka.h>

#include "common/base/conf.h"

#include "queued/direction.h"

#define NELEMS(a) (sizeof(a) / sizeof((a)[0]))

static void
add_domain(struct conf *c, const char *name)
{
	struct conf_domain *d = conf_add_domain(c);

	assert_non_null(d);
	(void)strlcpy(d->name, name, sizeof(d->name));
	d->rcpt_kind = CONF_RCPT_ANY;
}

static void
add_connector(struct conf *c, const char *pattern)
{
	struct conf_connector *k = conf_add_connector(c);

	assert_non_null(k);
	(void)strlcpy(k->pattern, pattern, sizeof(k->pattern));
	k->route.kind = CONF_ROUTE_DNS;
}

static struct conf *
make_conf(const char *connector)
{
	struct conf *c = conf_new();
	struct netprefix p;

	assert_non_null(c);
	add_domain(c, "example.com");
	add_domain(c, "sub.example.com");
	if (connector != NULL)
		add_connector(c, connector);
	assert_int_equal(netprefix_parse(&p, "10.0.0.10"), 0);
	assert_int_equal(netset_add(&c->side[SIDE_INT].accept_from, &p), 0);
	conf_seal(c);
	return c;
}

static const struct {
	enum origin origin;
	const char *rcpt;
	enum way way;
	enum reason reason;
} ways[] = {
	{ ORIGIN_EXT, "a@example.com", WAY_INT_OUT, REASON_OK },
	{ ORIGIN_EXT, "a@EXAMPLE.Com", WAY_INT_OUT, REASON_OK },
	{ ORIGIN_EXT, "a@sub.example.com", WAY_INT_OUT, REASON_OK },
	{ ORIGIN_EXT, "a@other.example.com", WAY_REFUSE, REASON_RELAY_DENIED },
	{ ORIGIN_EXT, "a@example.net", WAY_REFUSE, REASON_RELAY_DENIED },
	{ ORIGIN_EXT, "a@example.com.evil.test", WAY_REFUSE,
	    REASON_RELAY_DENIED },
	{ ORIGIN_EXT, "a@xexample.com", WAY_REFUSE, REASON_RELAY_DENIED },
	{ ORIGIN_EXT, "a@[10.0.0.10]", WAY_REFUSE, REASON_RELAY_DENIED },
	{ ORIGIN_EXT, "a@[IPv6:2001:db8::1]", WAY_REFUSE, REASON_RELAY_DENIED },
	/* the last @ counts, so a quoted one cannot hide another domain */
	{ ORIGIN_EXT, "\"a@example.com\"@example.net", WAY_REFUSE,
	    REASON_RELAY_DENIED },
	{ ORIGIN_EXT, "a@example.com@example.net", WAY_REFUSE,
	    REASON_RELAY_DENIED },
	{ ORIGIN_EXT, "postmaster", WAY_REFUSE, REASON_NO_SUCH_DOMAIN },
	{ ORIGIN_EXT, "a@", WAY_REFUSE, REASON_NO_SUCH_DOMAIN },
	{ ORIGIN_EXT, "", WAY_REFUSE, REASON_NO_SUCH_DOMAIN },
	{ ORIGIN_INT, "a@example.com", WAY_INT_OUT, REASON_OK },
	{ ORIGIN_INT, "a@sub.example.com", WAY_INT_OUT, REASON_OK },
	{ ORIGIN_INT, "a@example.net", WAY_EXT_OUT, REASON_OK },
	{ ORIGIN_INT, "a@[192.0.2.1]", WAY_EXT_OUT, REASON_OK },
	{ ORIGIN_INT, "a@", WAY_REFUSE, REASON_NO_SUCH_DOMAIN },
	{ ORIGIN_BOUNCE, "a@example.com", WAY_INT_OUT, REASON_OK },
	{ ORIGIN_BOUNCE, "a@example.net", WAY_EXT_OUT, REASON_OK },
	{ ORIGIN_BOUNCE, "", WAY_REFUSE, REASON_NO_SUCH_DOMAIN },
};

static void
test_ways(void **state)
{
	struct conf *c = make_conf("*");
	struct direction d;
	size_t i;

	(void)state;
	for (i = 0; i < NELEMS(ways); i++) {
		direction_decide(c, ways[i].origin, ways[i].rcpt, &d);
		if (d.way != ways[i].way || d.reason != ways[i].reason)
			fail_msg("%s %s: way %d reason %s",
			    origin_name(ways[i].origin), ways[i].rcpt,
			    (int)d.way, reason_name(d.reason));
		assert_int_equal(d.domain != NULL, d.way == WAY_INT_OUT);
		assert_int_equal(d.connector != NULL, d.way == WAY_EXT_OUT);
	}
	conf_free(c);
}

static void
test_no_connector(void **state)
{
	static const enum origin from_inside[] = { ORIGIN_INT, ORIGIN_BOUNCE };
	struct conf *c = make_conf(NULL);
	struct conf *one = make_conf("example.net");
	struct direction d;
	size_t i;

	(void)state;
	for (i = 0; i < NELEMS(from_inside); i++) {
		direction_decide(c, from_inside[i], "a@example.net", &d);
		assert_int_equal(d.way, WAY_REFUSE);
		assert_int_equal(d.reason, REASON_NO_ROUTE);
		direction_decide(c, from_inside[i], "a@example.com", &d);
		assert_int_equal(d.way, WAY_INT_OUT);
		direction_decide(one, from_inside[i], "a@example.net", &d);
		assert_int_equal(d.way, WAY_EXT_OUT);
		direction_decide(one, from_inside[i], "a@example.org", &d);
		assert_int_equal(d.reason, REASON_NO_ROUTE);
	}
	conf_free(c);
	conf_free(one);
}

/* The domain was taken out of the configuration while mail was queued. */
static void
test_no_longer_ours(void **state)
{
	struct conf *c = conf_new();
	struct direction d;

	(void)state;
	add_connector(c, "*");
	conf_seal(c);
	direction_decide(c, ORIGIN_EXT, "a@example.com", &d);
	assert_int_equal(d.way, WAY_REFUSE);
	assert_null(d.connector);
	direction_decide(c, ORIGIN_INT, "a@example.com", &d);
	assert_int_equal(d.way, WAY_EXT_OUT);
	conf_free(c);
}

static const struct {
	enum origin origin;
	const char *client;
	const char *sender;
	uint32_t flags;
	enum reason reason;
} submits[] = {
	{ ORIGIN_EXT, "198.51.100.7", "a@example.net", 0, REASON_OK },
	{ ORIGIN_EXT, "198.51.100.7", "", 0, REASON_OK },
	/* "senders company" is about the inside only */
	{ ORIGIN_EXT, "198.51.100.7", "a@example.net", CONF_F_COMPANY_SENDERS,
	    REASON_OK },
	{ ORIGIN_EXT, "198.51.100.7", "a", 0, REASON_SYNTAX },
	{ ORIGIN_INT, "10.0.0.10", "a@example.com", 0, REASON_OK },
	{ ORIGIN_INT, "10.0.0.10", "", CONF_F_COMPANY_SENDERS, REASON_OK },
	{ ORIGIN_INT, "10.0.0.10", "a@example.net", 0, REASON_OK },
	{ ORIGIN_INT, "10.0.0.10", "a@example.net", CONF_F_COMPANY_SENDERS,
	    REASON_SENDER_DENIED },
	{ ORIGIN_INT, "10.0.0.10", "a@Example.com", CONF_F_COMPANY_SENDERS,
	    REASON_OK },
	{ ORIGIN_INT, "10.0.0.11", "a@example.com", 0, REASON_CLIENT_DENIED },
	{ ORIGIN_INT, "198.51.100.7", "", 0, REASON_CLIENT_DENIED },
	{ ORIGIN_INT, NULL, "", 0, REASON_CLIENT_DENIED },
	{ ORIGIN_BOUNCE, NULL, "", 0, REASON_OK },
	{ ORIGIN_BOUNCE, NULL, "a@example.com", 0, REASON_SENDER_DENIED },
};

static void
test_submit(void **state)
{
	struct conf *c = make_conf("*");
	struct netaddr a;
	size_t i;
	enum reason r;

	(void)state;
	for (i = 0; i < NELEMS(submits); i++) {
		memset(&a, 0, sizeof(a));
		if (submits[i].client != NULL)
			assert_int_equal(netaddr_parse(&a, submits[i].client),
			    0);
		c->flags = submits[i].flags;
		r = direction_submit(c, submits[i].origin, &a, NULL,
		    submits[i].sender);
		if (r != submits[i].reason)
			fail_msg("case %zu: %s", i, reason_name(r));
	}
	conf_free(c);
}

/* A listed certificate stands for a listed address, inside only. */
static void
test_certificate(void **state)
{
	struct conf *c = make_conf("*");
	const uint8_t good[CONF_FINGERPRINT] = { 1 },
		      bad[CONF_FINGERPRINT] = { 2 };
	struct netaddr a;

	(void)state;
	assert_int_equal(netaddr_parse(&a, "10.0.0.11"), 0);
	assert_int_equal(conf_add_accept_cert(c, good), 0);
	assert_int_equal(direction_submit(c, ORIGIN_INT, &a, good, ""),
	    REASON_OK);
	assert_int_equal(direction_submit(c, ORIGIN_INT, &a, bad, ""),
	    REASON_CLIENT_DENIED);
	assert_int_equal(direction_submit(c, ORIGIN_INT, &a, NULL, ""),
	    REASON_CLIENT_DENIED);
	c->flags = CONF_F_COMPANY_SENDERS;
	assert_int_equal(direction_submit(c, ORIGIN_INT, &a, good,
			     "a@example.net"),
	    REASON_SENDER_DENIED);
	conf_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_certificate),
		cmocka_unit_test(test_ways),
		cmocka_unit_test(test_no_connector),
		cmocka_unit_test(test_no_longer_ours),
		cmocka_unit_test(test_submit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
