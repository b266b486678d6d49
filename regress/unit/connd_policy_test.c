/* link: connd/policy.o common/base.a */
/* SPDX-License-Identifier: ISC */
/* Who may be dialled, from either side: the table of vectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "connd/policy.h"

static void
add_prefix(struct netset *s, const char *text)
{
	struct netprefix p;

	assert_int_equal(netprefix_parse(&p, text), 0);
	assert_int_equal(netset_add(s, &p), 0);
}

static void
add_listener(struct conf *c, enum side side, const char *addr)
{
	struct conf_listener *l = conf_add_listener(c);

	l->side = side;
	assert_int_equal(netaddr_parse(&l->addr, addr), 0);
	l->addr.port = 25;
}

static struct conf *
lab(void)
{
	struct conf *c = conf_new();
	struct conf_connector *k;
	struct conf_domain *d;
	struct conf_host *h;

	assert_non_null(c);
	add_prefix(&c->side[SIDE_INT].networks, "10.0.0.0/8");
	add_prefix(&c->side[SIDE_INT].networks, "198.51.100.0/25");
	add_prefix(&c->side[SIDE_INT].networks, "fd00:10::/64");
	add_prefix(&c->side[SIDE_EXT].reach, "127.1.0.0/16");
	add_listener(c, SIDE_EXT, "203.0.113.25");
	add_listener(c, SIDE_EXT, "2001:db8:1::25");
	add_listener(c, SIDE_INT, "10.0.0.5");
	assert_int_equal(netaddr_parse(&c->side[SIDE_EXT].source4,
			     "203.0.113.26"),
	    0);
	k = conf_add_connector(c);
	(void)snprintf(k->pattern, sizeof(k->pattern), "partner.test");
	k->route.kind = CONF_ROUTE_SMARTHOST;
	h = conf_route_add_host(&k->route);
	(void)snprintf(h->name, sizeof(h->name), "smart.test");
	h->port = 587;
	d = conf_add_domain(c);
	(void)snprintf(d->name, sizeof(d->name), "example.com");
	d->route.kind = CONF_ROUTE_HOSTS;
	h = conf_route_add_host(&d->route);
	(void)snprintf(h->name, sizeof(h->name), "mail.corp.test");
	h->port = 2525;
	conf_seal(c);
	return c;
}

static const struct vector {
	enum side side;
	const char *addr;
	uint16_t port;
	enum policy_verdict want;
} vectors[] = {
	/* the Internet, documentation included */
	{ SIDE_EXT, "8.8.8.8", 25, POLICY_OK },
	{ SIDE_EXT, "203.0.113.1", 25, POLICY_OK },
	{ SIDE_EXT, "192.0.2.1", 25, POLICY_OK },
	{ SIDE_EXT, "198.51.100.200", 25, POLICY_OK },
	{ SIDE_EXT, "172.15.255.255", 25, POLICY_OK },
	{ SIDE_EXT, "172.32.0.1", 25, POLICY_OK },
	{ SIDE_EXT, "100.128.0.1", 25, POLICY_OK },
	{ SIDE_EXT, "2a00:1450::1", 25, POLICY_OK },
	{ SIDE_EXT, "2001:db8::1", 25, POLICY_OK },
	/* mapped addresses are the IPv4 address itself */
	{ SIDE_EXT, "::ffff:8.8.8.8", 25, POLICY_OK },
	{ SIDE_EXT, "::ffff:10.0.0.1", 25, POLICY_INSIDE },
	{ SIDE_EXT, "::ffff:127.0.0.1", 25, POLICY_CLASS },
	/* ports */
	{ SIDE_EXT, "8.8.8.8", 587, POLICY_OK },
	{ SIDE_EXT, "8.8.8.8", 2525, POLICY_PORT },
	{ SIDE_EXT, "8.8.8.8", 80, POLICY_PORT },
	{ SIDE_EXT, "8.8.8.8", 22, POLICY_PORT },
	/* inside, also where the intranet uses public addresses */
	{ SIDE_EXT, "10.1.2.3", 25, POLICY_INSIDE },
	{ SIDE_EXT, "198.51.100.1", 25, POLICY_INSIDE },
	{ SIDE_EXT, "fd00:10::1", 25, POLICY_INSIDE },
	/* special use */
	{ SIDE_EXT, "0.0.0.0", 25, POLICY_CLASS },
	{ SIDE_EXT, "0.1.2.3", 25, POLICY_CLASS },
	{ SIDE_EXT, "127.0.0.1", 25, POLICY_CLASS },
	{ SIDE_EXT, "127.255.255.255", 25, POLICY_CLASS },
	{ SIDE_EXT, "172.16.0.1", 25, POLICY_CLASS },
	{ SIDE_EXT, "172.31.255.255", 25, POLICY_CLASS },
	{ SIDE_EXT, "192.168.1.1", 25, POLICY_CLASS },
	{ SIDE_EXT, "100.64.0.1", 25, POLICY_CLASS },
	{ SIDE_EXT, "169.254.169.254", 25, POLICY_CLASS },
	{ SIDE_EXT, "224.0.0.1", 25, POLICY_CLASS },
	{ SIDE_EXT, "239.255.255.250", 25, POLICY_CLASS },
	{ SIDE_EXT, "240.0.0.1", 25, POLICY_CLASS },
	{ SIDE_EXT, "255.255.255.255", 25, POLICY_CLASS },
	{ SIDE_EXT, "198.18.0.1", 25, POLICY_CLASS },
	{ SIDE_EXT, "192.0.0.8", 25, POLICY_CLASS },
	{ SIDE_EXT, "::", 25, POLICY_CLASS },
	{ SIDE_EXT, "::1", 25, POLICY_CLASS },
	{ SIDE_EXT, "fe80::1", 25, POLICY_CLASS },
	{ SIDE_EXT, "fec0::1", 25, POLICY_CLASS },
	{ SIDE_EXT, "fd00::1", 25, POLICY_CLASS },
	{ SIDE_EXT, "fc00::1", 25, POLICY_CLASS },
	{ SIDE_EXT, "ff02::1", 25, POLICY_CLASS },
	{ SIDE_EXT, "100::1", 25, POLICY_CLASS },
	/* forms of IPv6 that carry an IPv4 address */
	{ SIDE_EXT, "::127.0.0.1", 25, POLICY_CLASS },
	{ SIDE_EXT, "::10.0.0.1", 25, POLICY_INSIDE },
	{ SIDE_EXT, "64:ff9b::10.0.0.1", 25, POLICY_INSIDE },
	{ SIDE_EXT, "64:ff9b::192.168.0.1", 25, POLICY_CLASS },
	{ SIDE_EXT, "64:ff9b::8.8.8.8", 25, POLICY_OK },
	{ SIDE_EXT, "64:ff9b::203.0.113.25", 25, POLICY_OWN },
	{ SIDE_EXT, "2002:a00:1::1", 25, POLICY_INSIDE },
	{ SIDE_EXT, "2002:7f00:1::1", 25, POLICY_CLASS },
	{ SIDE_EXT, "2002:808:808::1", 25, POLICY_OK },
	/* Teredo: the client's address inverted in the last 32 bits */
	{ SIDE_EXT, "2001:0:808:808:0:0:f5ff:fffe", 25, POLICY_INSIDE },
	{ SIDE_EXT, "2001:0:808:808:0:0:80ff:fffe", 25, POLICY_CLASS },
	/* the gateway itself, on every address it is known by */
	{ SIDE_EXT, "203.0.113.25", 25, POLICY_OWN },
	{ SIDE_EXT, "203.0.113.26", 25, POLICY_OWN },
	{ SIDE_EXT, "2001:db8:1::25", 25, POLICY_OWN },
	{ SIDE_EXT, "203.0.113.25", 587, POLICY_OWN },
	/* "reach" excepts special use; it never opens the intranet */
	{ SIDE_EXT, "127.1.2.3", 25, POLICY_OK },
	{ SIDE_EXT, "127.2.0.1", 25, POLICY_CLASS },
	/* the other direction */
	{ SIDE_INT, "10.0.0.10", 25, POLICY_OK },
	{ SIDE_INT, "10.0.0.10", 2525, POLICY_OK },
	{ SIDE_INT, "10.0.0.10", 587, POLICY_PORT },
	{ SIDE_INT, "198.51.100.1", 25, POLICY_OK },
	{ SIDE_INT, "fd00:10::7", 25, POLICY_OK },
	{ SIDE_INT, "::ffff:10.0.0.10", 25, POLICY_OK },
	{ SIDE_INT, "10.0.0.5", 25, POLICY_OWN },
	{ SIDE_INT, "10.0.0.5", 2525, POLICY_OK },
	{ SIDE_INT, "8.8.8.8", 25, POLICY_OUTSIDE },
	{ SIDE_INT, "203.0.113.1", 25, POLICY_OUTSIDE },
	{ SIDE_INT, "192.168.0.1", 25, POLICY_OUTSIDE },
	{ SIDE_INT, "127.0.0.1", 25, POLICY_OUTSIDE },
	{ SIDE_INT, "127.1.2.3", 25, POLICY_OUTSIDE },
	{ SIDE_INT, "2001:db8::1", 25, POLICY_OUTSIDE },
	{ SIDE_INT, "64:ff9b::10.0.0.1", 25, POLICY_OUTSIDE },
	{ SIDE_INT, "ff02::1", 25, POLICY_CLASS },
	{ SIDE_INT, "0.0.0.0", 25, POLICY_CLASS },
};

static void
test_vectors(void **state)
{
	struct conf *c = lab();
	struct netaddr a;
	enum policy_verdict got;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		assert_int_equal(netaddr_parse(&a, vectors[i].addr), 0);
		a.port = vectors[i].port;
		got = policy_dial(c, vectors[i].side, &a);
		if (got != vectors[i].want)
			fail_msg("%s %s:%u: %s, not %s",
			    side_name(vectors[i].side), vectors[i].addr,
			    vectors[i].port, policy_name(got),
			    policy_name(vectors[i].want));
	}
	conf_free(c);
}

/* Every address of the intranet, in every form that ext could write. */
static void
test_no_form_reaches_inside(void **state)
{
	static const char *const forms[] = { "10.%u.%u.%u",
		"::ffff:10.%u.%u.%u", "::10.%u.%u.%u", "64:ff9b::10.%u.%u.%u" };
	struct conf *c = lab();
	struct netaddr a;
	char text[64];
	unsigned n, f;

	(void)state;
	for (n = 0; n < 5000; n++)
		for (f = 0; f < 4; f++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
			(void)snprintf(text, sizeof(text), forms[f], n & 255,
			    n * 7 & 255, n * 13 & 255);
#pragma GCC diagnostic pop
			assert_int_equal(netaddr_parse(&a, text), 0);
			a.port = 25;
			assert_int_not_equal(policy_dial(c, SIDE_EXT, &a),
			    POLICY_OK);
		}
	conf_free(c);
}

static void
test_malformed(void **state)
{
	struct conf *c = lab();
	struct netaddr a;

	(void)state;
	memset(&a, 0, sizeof(a));
	a.port = 25;
	assert_int_not_equal(policy_dial(c, SIDE_EXT, &a), POLICY_OK);
	a.family = 5;
	assert_int_not_equal(policy_dial(c, SIDE_EXT, &a), POLICY_OK);
	/* bytes behind an IPv4 address: not a form that exists */
	assert_int_equal(netaddr_parse(&a, "8.8.8.8"), 0);
	a.port = 25;
	a.bytes[9] = 1;
	assert_int_not_equal(policy_dial(c, SIDE_EXT, &a), POLICY_OK);
	conf_free(c);
}

/* Each verdict goes into the log by a name of its own. */
static void
test_names(void **state)
{
	static const enum policy_verdict all[] = { POLICY_OK, POLICY_PORT,
		POLICY_CLASS, POLICY_INSIDE, POLICY_OUTSIDE, POLICY_OWN };
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		for (k = 0; k < i; k++)
			assert_string_not_equal(policy_name(all[i]),
			    policy_name(all[k]));
	assert_string_equal(policy_name(POLICY_INSIDE), "inside");
	assert_string_equal(policy_name((enum policy_verdict)99), "unknown");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_no_form_reaches_inside),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests_name("connd_policy", tests, NULL, NULL);
}
