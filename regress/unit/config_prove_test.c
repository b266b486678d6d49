/* SPDX-License-Identifier: ISC */
/* link: master/relay.o master/report.o master/marks.o common/base/conf.o */
/* link: common/base/netaddr.o */
/*
 * The proof against relaying, tried on decisions that are wrong in one way
 * each: it must find every one of them, and the path.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <bsd/string.h>

#include <cmocka.h>

#include "common/base/log.h"
#include "common/base/relay.h"
#include "master/config.h"

enum fault {
	NO_FAULT,
	OUTSIDE_RELAYS,	  /* ext may use the connectors */
	OUTSIDE_LITERAL,  /* ... for address literals only */
	EVERYBODY_INSIDE, /* int does not ask for the client */
	ONE_TOO_MANY,	  /* the address behind the last listed one passes */
	PREFIX_OF_NAME	  /* below.example.com counts as example.com */
};

static enum fault fault;
static struct config c;

/* The report of a real posternd is logged; here nobody listens. */
void
ll_begin(struct logline *l, enum log_level level, const char *event)
{
	(void)l;
	(void)level;
	(void)event;
}

void
ll_cstr(struct logline *l, const char *key, const char *value)
{
	(void)l;
	(void)key;
	(void)value;
}

void
ll_send(const struct logline *l)
{
	(void)l;
}

static bool
listed(const struct netaddr *client)
{
	const struct netset *set = &c.conf->side[SIDE_INT].accept_from;
	struct netaddr before = *client;

	if (fault == EVERYBODY_INSIDE)
		return true;
	before.bytes[3]--;
	return netset_match(set, client) ||
	    (fault == ONE_TOO_MANY && netset_match(set, &before));
}

static bool
ours(const char *domain, size_t len)
{
	const char *dot = memchr(domain, '.', len);

	if (conf_domain_find(c.conf, domain, len) != NULL)
		return true;
	return fault == PREFIX_OF_NAME && dot != NULL &&
	    conf_domain_find(c.conf, dot + 1,
		len - (size_t)(dot + 1 - domain)) != NULL;
}

/* In the place of common/base/relay.c. */
void
relay_decide(const struct conf *conf, enum side side,
    const struct netaddr *client, const char *domain, size_t len,
    struct relay_decision *d)
{
	bool out = side == SIDE_INT;

	memset(d, 0, sizeof(*d));
	if (side == SIDE_INT && !listed(client))
		return;
	if (fault == OUTSIDE_RELAYS ||
	    (fault == OUTSIDE_LITERAL && domain[0] == '['))
		out = true;
	if (ours(domain, len)) {
		d->verdict = RELAY_LOCAL;
		d->domain = &conf->domains[0];
	} else if (out) {
		d->verdict = RELAY_OUTBOUND;
		d->connector = &conf->connectors[0];
	}
}

static void
add_prefix(struct netset *set, const char *s)
{
	struct netprefix p;

	assert_int_equal(netprefix_parse(&p, s), 0);
	assert_int_equal(netset_add(set, &p), 0);
}

static void
add_listener(enum side side, const char *addr)
{
	struct conf_listener *l = conf_add_listener(c.conf);

	assert_non_null(l);
	l->side = side;
	assert_int_equal(netaddr_parse(&l->addr, addr), 0);
	l->addr.port = 25;
}

static int
setup(void **state)
{
	struct conf_domain *d;
	struct conf_connector *k;

	(void)state;
	memset(&c, 0, sizeof(c));
	report_init(&c.report, "test");
	if ((c.conf = conf_new()) == NULL)
		return -1;
	add_listener(SIDE_EXT, "203.0.113.25");
	add_listener(SIDE_INT, "10.0.0.5");
	add_prefix(&c.conf->side[SIDE_INT].networks, "10.0.0.0/8");
	add_prefix(&c.conf->side[SIDE_INT].accept_from, "10.0.0.8/31");
	d = conf_add_domain(c.conf);
	k = conf_add_connector(c.conf);
	if (d == NULL || k == NULL)
		return -1;
	(void)strlcpy(d->name, "example.com", sizeof(d->name));
	(void)strlcpy(k->pattern, "*", sizeof(k->pattern));
	conf_seal(c.conf);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	conf_free(c.conf);
	report_free(&c.report);
	return 0;
}

static void
test_right(void **state)
{
	(void)state;
	fault = NO_FAULT;
	config_prove(&c);
	assert_false(report_failed(&c.report));
}

static void
finds(enum fault f, const char *path)
{
	size_t i;

	fault = f;
	report_free(&c.report);
	config_prove(&c);
	assert_true(report_failed(&c.report));
	for (i = 0; i < c.report.n; i++)
		if (strstr(c.report.v[i].text, path) != NULL)
			return;
	fail_msg("no path with \"%s\"; first \"%s\"", path, c.report.v[0].text);
}

static void
test_wrong(void **state)
{
	(void)state;
	finds(OUTSIDE_RELAYS, "listener 203.0.113.25:25");
	finds(OUTSIDE_LITERAL, "\"[192.0.2.9]\"");
	finds(EVERYBODY_INSIDE, "Internet host");
	finds(ONE_TOO_MANY, "inside host 10.0.0.10");
	finds(PREFIX_OF_NAME, "\"below.example.com\"");
}

/* accept from a host outside of networks is a way in, by its statement. */
static void
test_accept_outside(void **state)
{
	(void)state;
	fault = NO_FAULT;
	add_prefix(&c.conf->side[SIDE_INT].accept_from, "2001:db8::/32");
	config_prove(&c);
	assert_true(report_failed(&c.report));
	assert_non_null(strstr(c.report.v[0].text, "Internet host 2001:db8::"));
	assert_non_null(strstr(c.report.v[0].text, "listener 10.0.0.5:25"));
	assert_non_null(strstr(c.report.v[0].text, "connector \"*\""));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_right, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wrong, setup, teardown),
		cmocka_unit_test_setup_teardown(test_accept_outside, setup,
		    teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
