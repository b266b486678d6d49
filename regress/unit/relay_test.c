/* SPDX-License-Identifier: ISC */
/* link: common/base/relay.o common/base/conf.o common/base/netaddr.o */
/* The relay decision: listener side x client x recipient domain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <bsd/string.h>

#include <cmocka.h>

#include "common/base/relay.h"

#define NELEMS(a) (sizeof(a) / sizeof((a)[0]))

static struct conf *conf;

static void
add_prefix(struct netset *set, const char *s)
{
	struct netprefix p;

	assert_int_equal(netprefix_parse(&p, s), 0);
	assert_int_equal(netset_add(set, &p), 0);
}

static void
add_domain(const char *name, uint32_t line)
{
	struct conf_domain *d = conf_add_domain(conf);

	assert_non_null(d);
	(void)strlcpy(d->name, name, sizeof(d->name));
	d->pos.line = line;
}

static void
add_connector(const char *pattern, uint32_t line)
{
	struct conf_connector *c = conf_add_connector(conf);

	assert_non_null(c);
	(void)strlcpy(c->pattern, pattern, sizeof(c->pattern));
	c->pos.line = line;
}

static int
setup(void **state)
{
	(void)state;
	conf = conf_new();
	if (conf == NULL)
		return -1;
	add_prefix(&conf->side[SIDE_INT].networks, "10.0.0.0/8");
	add_prefix(&conf->side[SIDE_INT].accept_from, "10.0.0.10");
	add_prefix(&conf->side[SIDE_INT].accept_from, "fd00::/64");
	add_domain("example.com", 7);
	add_domain("example.net", 8);
	add_connector("partner.test", 20);
	add_connector("*.partner.test", 21);
	conf_seal(conf);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	conf_free(conf);
	return 0;
}

struct row {
	enum side side;
	const char *client; /* NULL: the channel is the authority */
	const char *domain;
	enum relay_verdict verdict;
	enum reason reason;
	uint32_t line;
};

#define EXT   SIDE_EXT
#define INT   SIDE_INT
#define LOCAL RELAY_LOCAL, REASON_OK
#define OUT   RELAY_OUTBOUND, REASON_OK
#define NO(r) RELAY_REFUSE, REASON_##r, 0

static const struct row rows[] = {
	/* from outside: our domains, whoever asks, and nothing else */
	{ EXT, "198.51.100.7", "example.com", LOCAL, 7 },
	{ EXT, "198.51.100.7", "EXAMPLE.com.", LOCAL, 7 },
	{ EXT, "10.0.0.10", "example.net", LOCAL, 8 },
	{ EXT, NULL, "example.net", LOCAL, 8 },
	{ EXT, "198.51.100.7", "partner.test", NO(RELAY_DENIED) },
	{ EXT, "10.0.0.10", "partner.test", NO(RELAY_DENIED) },
	{ EXT, NULL, "partner.test", NO(RELAY_DENIED) },
	{ EXT, "198.51.100.7", "sub.example.com", NO(RELAY_DENIED) },
	{ EXT, "198.51.100.7", "example.com.evil", NO(RELAY_DENIED) },
	{ EXT, "198.51.100.7", "xexample.com", NO(RELAY_DENIED) },
	{ EXT, "198.51.100.7", "[10.0.0.20]", NO(RELAY_DENIED) },
	{ EXT, "198.51.100.7", "*", NO(RELAY_DENIED) },
	{ EXT, "198.51.100.7", "", NO(NO_SUCH_DOMAIN) },
	/* from inside: the listed hosts */
	{ INT, "10.0.0.10", "example.com", LOCAL, 7 },
	{ INT, "10.0.0.10", "partner.test", OUT, 20 },
	{ INT, "10.0.0.10", "a.partner.test", OUT, 21 },
	{ INT, "fd00::99", "partner.test", OUT, 20 },
	{ INT, "10.0.0.10", "elsewhere.test", NO(NO_ROUTE) },
	{ INT, "10.0.0.10", "[192.0.2.1]", NO(NO_ROUTE) },
	{ INT, "10.0.0.10", "", NO(NO_SUCH_DOMAIN) },
	/* ... and nobody else, whatever they write to */
	{ INT, "10.0.0.11", "example.com", NO(CLIENT_DENIED) },
	{ INT, "10.0.0.11", "partner.test", NO(CLIENT_DENIED) },
	{ INT, "198.51.100.7", "example.com", NO(CLIENT_DENIED) },
	{ INT, "198.51.100.7", "partner.test", NO(CLIENT_DENIED) },
	{ INT, "127.0.0.1", "partner.test", NO(CLIENT_DENIED) },
	{ INT, "fd00:0:0:1::1", "partner.test", NO(CLIENT_DENIED) },
	/* queued, which asks by the channel alone */
	{ INT, NULL, "example.com", LOCAL, 7 },
	{ INT, NULL, "partner.test", OUT, 20 },
	{ INT, NULL, "elsewhere.test", NO(NO_ROUTE) },
};

static void
check(const struct row *r)
{
	struct relay_decision d;
	struct netaddr a;

	if (r->client != NULL)
		assert_int_equal(netaddr_parse(&a, r->client), 0);
	memset(&d, 0xa5, sizeof(d));
	relay_decide(conf, r->side, r->client != NULL ? &a : NULL, r->domain,
	    strlen(r->domain), &d);
	if (d.verdict != r->verdict || d.reason != r->reason ||
	    d.line != r->line)
		fail_msg("side %d client %s domain %s: %d %d line %u",
		    (int)r->side, r->client != NULL ? r->client : "-",
		    r->domain, (int)d.verdict, (int)d.reason, d.line);
	assert_int_equal(d.domain != NULL, r->verdict == RELAY_LOCAL);
	assert_int_equal(d.connector != NULL, r->verdict == RELAY_OUTBOUND);
}

static void
test_table(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < NELEMS(rows); i++)
		check(&rows[i]);
}

/* Not NUL-terminated: the length counts, and a NUL inside matches nothing. */
static void
test_length(void **state)
{
	struct relay_decision d;

	(void)state;
	relay_decide(conf, SIDE_EXT, NULL, "example.comX", 11, &d);
	assert_int_equal(d.verdict, RELAY_LOCAL);
	relay_decide(conf, SIDE_EXT, NULL, "example.com\0X", 13, &d);
	assert_int_equal(d.verdict, RELAY_REFUSE);
}

/* With "*" everything foreign has a way, still from inside only. */
static void
test_star(void **state)
{
	struct relay_decision d;

	(void)state;
	add_connector("*", 22);
	conf_seal(conf);
	relay_decide(conf, SIDE_INT, NULL, "elsewhere.test", 14, &d);
	assert_int_equal(d.verdict, RELAY_OUTBOUND);
	assert_int_equal(d.line, 22);
	relay_decide(conf, SIDE_INT, NULL, "[192.0.2.1]", 11, &d);
	assert_int_equal(d.verdict, RELAY_OUTBOUND);
	relay_decide(conf, SIDE_EXT, NULL, "elsewhere.test", 14, &d);
	assert_int_equal(d.verdict, RELAY_REFUSE);
	assert_int_equal(d.reason, REASON_RELAY_DENIED);
}

static void
test_sender(void **state)
{
	(void)state;
	assert_int_equal(relay_sender(conf, SIDE_INT, "other.test", 10),
	    REASON_OK);
	conf->flags |= CONF_F_COMPANY_SENDERS;
	assert_int_equal(relay_sender(conf, SIDE_INT, "other.test", 10),
	    REASON_SENDER_DENIED);
	assert_int_equal(relay_sender(conf, SIDE_INT, "Example.Com", 11),
	    REASON_OK);
	assert_int_equal(relay_sender(conf, SIDE_INT, "", 0), REASON_OK);
	assert_int_equal(relay_sender(conf, SIDE_EXT, "other.test", 10),
	    REASON_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_table, setup, teardown),
		cmocka_unit_test_setup_teardown(test_length, setup, teardown),
		cmocka_unit_test_setup_teardown(test_star, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sender, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
