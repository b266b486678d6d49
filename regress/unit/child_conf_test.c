/* SPDX-License-Identifier: ISC */
/* link: common/msg/child_conf.o common/msg/child_conf_policy.o */
/* link: common/msg/child_conf_listen.o */
/* link: common/msg/child_conf_tls.o */
/* link: common/base/ibuf.o common/base/netaddr.o */
/* link: common/base/conf.o common/base/conf_tls.o */
/* link: regress/unit/child_conf_stage.o */
/* Edge 2: a configuration goes over whole, and each program gets its part. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include <cmocka.h>

#include "regress/unit/child_conf_stage.h"

#define NELEMS(a) (sizeof(a) / sizeof((a)[0]))

/* --- it is the same --- */

static void
same_set(const struct netset *a, const struct netset *b)
{
	size_t i;

	assert_int_equal(a->n, b->n);
	for (i = 0; i < a->n; i++) {
		assert_int_equal(a->v[i].len, b->v[i].len);
		assert_true(netaddr_equal(&a->v[i].addr, &b->v[i].addr));
	}
}

static void
same_side(const struct conf_side *a, const struct conf_side *b)
{
	uint32_t i;

	assert_string_equal(a->interface, b->interface);
	assert_string_equal(a->netns, b->netns);
	assert_int_equal(netaddr_cmp(&a->source4, &b->source4), 0);
	assert_int_equal(netaddr_cmp(&a->source6, &b->source6), 0);
	assert_int_equal(a->ndns, b->ndns);
	for (i = 0; i < a->ndns; i++)
		assert_int_equal(netaddr_cmp(&a->dns[i], &b->dns[i]), 0);
	same_set(&a->networks, &b->networks);
	same_set(&a->accept_from, &b->accept_from);
	same_set(&a->repair, &b->repair);
	same_set(&a->reach, &b->reach);
	assert_int_equal(a->workers_in, b->workers_in);
	assert_int_equal(a->workers_out, b->workers_out);
}

static void
same_route(const struct conf_route *a, const struct conf_route *b)
{
	uint32_t i;

	assert_int_equal(a->kind, b->kind);
	assert_string_equal(a->mx, b->mx);
	assert_int_equal(a->nhosts, b->nhosts);
	for (i = 0; i < a->nhosts; i++) {
		assert_string_equal(a->hosts[i].name, b->hosts[i].name);
		assert_int_equal(netaddr_cmp(&a->hosts[i].addr,
				     &b->hosts[i].addr),
		    0);
		assert_int_equal(a->hosts[i].port, b->hosts[i].port);
	}
}

static void
same_lists(const struct conf *a, const struct conf *b)
{
	uint32_t i;

	assert_int_equal(a->nlisteners, b->nlisteners);
	for (i = 0; i < a->nlisteners; i++) {
		assert_int_equal(a->listeners[i].id, b->listeners[i].id);
		assert_int_equal(a->listeners[i].side, b->listeners[i].side);
		assert_int_equal(netaddr_cmp(&a->listeners[i].addr,
				     &b->listeners[i].addr),
		    0);
		same_set(&a->listeners[i].proxies, &b->listeners[i].proxies);
		assert_int_equal(a->listeners[i].pos.line,
		    b->listeners[i].pos.line);
	}
	assert_int_equal(a->ndomains, b->ndomains);
	for (i = 0; i < a->ndomains; i++) {
		assert_int_equal(b->domains[i].id, i);
		assert_string_equal(a->domains[i].name, b->domains[i].name);
		assert_int_equal(a->domains[i].rcpt_kind,
		    b->domains[i].rcpt_kind);
		assert_int_equal(a->domains[i].pos.line,
		    b->domains[i].pos.line);
		same_route(&a->domains[i].route, &b->domains[i].route);
		assert_true(a->domains[i].tls == b->domains[i].tls);
	}
	assert_int_equal(a->nconnectors, b->nconnectors);
	for (i = 0; i < a->nconnectors; i++) {
		assert_int_equal(b->connectors[i].id, i);
		assert_string_equal(a->connectors[i].pattern,
		    b->connectors[i].pattern);
		assert_int_equal(a->connectors[i].pos.line,
		    b->connectors[i].pos.line);
		same_route(&a->connectors[i].route, &b->connectors[i].route);
		assert_true(a->connectors[i].tls == b->connectors[i].tls);
	}
}

static void
same_schedule(const struct conf_schedule *a, const struct conf_schedule *b)
{
	assert_int_equal(a->set, b->set);
	assert_int_equal(a->nretry, b->nretry);
	assert_memory_equal(a->retry, b->retry, sizeof(a->retry));
	assert_int_equal(a->expire, b->expire);
	assert_int_equal(a->warn_after, b->warn_after);
}

static void
same_tls(const struct conf *a, const struct conf *b)
{
	uint32_t i;

	for (i = 0; i < NSIDES; i++) {
		assert_int_equal(a->side[i].tls_off, b->side[i].tls_off);
		assert_int_equal(a->side[i].tls_require,
		    b->side[i].tls_require);
		same_set(&a->side[i].tls_from, &b->side[i].tls_from);
		assert_int_equal(a->side[i].anchors_len,
		    b->side[i].anchors_len);
		if (a->side[i].anchors_len > 0)
			assert_memory_equal(a->side[i].anchors,
			    b->side[i].anchors, a->side[i].anchors_len);
	}
	assert_int_equal(a->ntls, b->ntls);
	if (a->ntls > 0)
		assert_memory_equal(a->tls, b->tls, a->ntls * sizeof(*a->tls));
	assert_int_equal(a->ncerts, b->ncerts);
	for (i = 0; i < a->ncerts; i++) {
		assert_int_equal(a->certs[i].id, b->certs[i].id);
		assert_int_equal(a->certs[i].uses, b->certs[i].uses);
		assert_int_equal(a->certs[i].pos.line, b->certs[i].pos.line);
		assert_int_equal(a->certs[i].chain_len, b->certs[i].chain_len);
		assert_memory_equal(a->certs[i].chain, b->certs[i].chain,
		    a->certs[i].chain_len);
		assert_string_equal(b->certs[i].key_path, "");
	}
	assert_int_equal(a->naccept_certs, b->naccept_certs);
	assert_memory_equal(a->accept_certs, b->accept_certs,
	    sizeof(a->accept_certs));
}

static void
same_policy(const struct conf *a, const struct conf *b)
{
	uint32_t i;

	for (i = 0; i < a->ndomains; i++)
		same_schedule(&a->domains[i].schedule, &b->domains[i].schedule);
	for (i = 0; i < a->nconnectors; i++)
		same_schedule(&a->connectors[i].schedule,
		    &b->connectors[i].schedule);
	assert_int_equal(a->npaces, b->npaces);
	for (i = 0; i < a->npaces; i++)
		assert_memory_equal(&a->paces[i], &b->paces[i],
		    sizeof(a->paces[i]));
	assert_int_equal(a->nsources, b->nsources);
	for (i = 0; i < a->nsources; i++) {
		assert_int_equal(conf_source_cmp(&a->sources[i].prefix,
				     &b->sources[i].prefix),
		    0);
		assert_memory_equal(&a->sources[i].rate, &b->sources[i].rate,
		    sizeof(a->sources[i].rate));
		assert_int_equal(a->sources[i].pos.line,
		    b->sources[i].pos.line);
	}
}

static void
test_round_trip(void **state)
{
	struct conf *a = sample(), *b;

	(void)state;
	assert_int_equal(encode(a, ALL), 0);
	b = before(nsent);
	assert_int_equal(b->generation, 42);
	assert_string_equal(a->hostname, b->hostname);
	assert_int_equal(a->flags, b->flags);
	assert_int_equal(a->log_kind, b->log_kind);
	assert_memory_equal(&a->limits, &b->limits, sizeof(a->limits));
	assert_int_equal(a->schedule.nretry, b->schedule.nretry);
	assert_memory_equal(a->schedule.retry, b->schedule.retry,
	    2 * sizeof(a->schedule.retry[0]));
	assert_int_equal(a->schedule.expire, b->schedule.expire);
	assert_int_equal(a->schedule.warn_after, b->schedule.warn_after);
	same_side(&a->side[0], &b->side[0]);
	same_side(&a->side[1], &b->side[1]);
	same_lists(a, b);
	same_policy(a, b);
	same_tls(a, b);
	assert_int_equal(b->domains[0].schedule.set, CONF_S_EXPIRE);
	assert_int_equal(b->npaces + b->nsources, 4);
	/* paths stay with posternd */
	assert_string_equal(b->domains[1].name, "example.com");
	assert_string_equal(b->domains[1].rcpt_path, "");
	assert_non_null(conf_domain_find(b, "Example.COM", 11));
	assert_string_equal(conf_connector_find(b, "x.partner.test", 14)
				->pattern,
	    "*.partner.test");
	conf_free(a);
	conf_free(b);
}

static void
test_round_trip_empty(void **state)
{
	struct conf *a = conf_new(), *b;

	(void)state;
	(void)strlcpy(a->hostname, "gw", CONF_NAME_MAX);
	assert_int_equal(encode(a, ALL), 0);
	b = before(nsent);
	same_side(&a->side[0], &b->side[0]);
	same_lists(a, b);
	same_policy(a, b);
	same_tls(a, b);
	conf_free(a);
	conf_free(b);
}

/* --- each program gets what it was granted --- */

static const struct {
	uint32_t grant;
	uint16_t types[8]; /* between BEGIN and END, with repetitions */
} grants[] = {
	{ 0, { 0 } },
	{ CC_G_GLOBAL, { CC_GLOBAL } },
	{ CC_G_LIMITS, { CC_LIMITS } },
	{ CC_G_SCHEDULE, { CC_SCHEDULE } },
	{ CC_G_SIDE_EXT, { CC_SIDE } },
	{ CC_G_SIDE_INT, { CC_SIDE } },
	{ CC_G_NETWORKS, { CC_PREFIX, CC_PREFIX } },
	{ CC_G_ACCEPT, { CC_PREFIX, CC_PREFIX, CC_ACCEPT_CERT } },
	{ CC_G_REACH, { CC_PREFIX, CC_PREFIX } },
	{ CC_G_LISTENERS, { CC_LISTENER, CC_LISTENER } },
	{ CC_G_DOMAINS, { CC_DOMAIN, CC_DOMAIN } },
	{ CC_G_ROUTES, { CC_DOMAIN, CC_DOMAIN, CC_HOST, CC_HOST } },
	{ CC_G_CONNECTORS, { CC_CONNECTOR, CC_HOST, CC_HOST, CC_CONNECTOR } },
	{ CC_G_PACE, { CC_PACE, CC_PACE, CC_SOURCE, CC_SOURCE } },
	{ CC_G_TLS_SERVER_EXT, { CC_PREFIX, CC_TLS, CC_CERT, CC_CERT } },
	{ CC_G_TLS_SERVER_INT, { CC_PREFIX, CC_TLS, CC_CERT } },
	{ CC_G_TLS_CLIENT_EXT,
	    { CC_CERT, CC_TLS_OUT, CC_TLS_OUT, CC_ANCHORS } },
	{ CC_G_TLS_CLIENT_INT, { CC_CERT, CC_CERT, CC_TLS_OUT, CC_ANCHORS } },
	{ CC_G_SCHEDULE | CC_G_DOMAINS,
	    { CC_SCHEDULE, CC_DOMAIN, CC_SCHEDULE_OF, CC_DOMAIN } },
	{ CC_G_SCHEDULE | CC_G_CONNECTORS,
	    { CC_SCHEDULE, CC_CONNECTOR, CC_HOST, CC_HOST, CC_SCHEDULE_OF,
		CC_CONNECTOR } },
	{ CC_G_GLOBAL | CC_G_SIDE_INT | CC_G_CONNECTORS,
	    { CC_GLOBAL, CC_SIDE, CC_CONNECTOR, CC_HOST, CC_HOST,
		CC_CONNECTOR } },
};

static void
test_grants(void **state)
{
	struct conf *c = sample(), *d;
	size_t i, n;

	(void)state;
	for (i = 0; i < NELEMS(grants); i++) {
		assert_int_equal(encode(c, grants[i].grant), 0);
		assert_int_equal(sent[0].type, CC_BEGIN);
		for (n = 0; grants[i].types[n] != 0; n++) {
			if (sent[n + 1].type != grants[i].types[n])
				fail_msg("grant %#x, item %zu: %#x",
				    grants[i].grant, n, sent[n + 1].type);
		}
		assert_int_equal(sent[n + 1].type, CC_END);
		assert_int_equal(nsent, n + 2);
		d = before(nsent);
		conf_free(d);
	}
	conf_free(c);
}

static bool
was_sent(const char *s)
{
	size_t i;

	for (i = 0; i < nsent; i++) {
		if (memmem(sent[i].data, sent[i].len, s, strlen(s)) != NULL)
			return true;
	}
	return false;
}

/* Names of inside hosts are in no message to who may not know the routes. */
static void
test_routes_withheld(void **state)
{
	struct conf *c = sample(), *d;

	(void)state;
	assert_int_equal(encode(c, ALL ^ CC_G_ROUTES), 0);
	assert_false(was_sent("orp.example.com"));
	assert_false(was_sent("inside.example.net"));
	d = before(nsent);
	assert_int_equal(d->domains[0].route.kind, 0);
	assert_int_equal(d->domains[1].route.kind, 0);
	assert_int_equal(d->domains[1].route.nhosts, 0);
	assert_int_equal(d->domains[1].rcpt_kind, CONF_RCPT_FILE);
	conf_free(d);
	assert_int_equal(encode(c, ALL ^ CC_G_CONNECTORS), 0);
	assert_false(was_sent("partner.test"));
	assert_int_equal(encode(c, ALL), 0);
	assert_true(was_sent("orp.example.com"));
	assert_true(was_sent("inside.example.net"));
	assert_true(was_sent("partner.test"));
	conf_free(c);
}

/* More than one message takes: in pieces, whole again. */
static void
test_many_anchors(void **state)
{
	struct conf *a = conf_new(), *b;
	uint8_t *pem = malloc(CONF_ANCHORS_MAX);
	uint32_t i;

	(void)state;
	assert_non_null(pem);
	for (i = 0; i < CONF_ANCHORS_MAX; i++)
		pem[i] = (uint8_t)(i ^ i >> 9);
	(void)strlcpy(a->hostname, "gw", CONF_NAME_MAX);
	assert_int_equal(conf_add_anchors(a, SIDE_EXT, pem, CONF_ANCHORS_MAX),
	    0);
	assert_int_equal(conf_add_anchors(a, SIDE_EXT, pem, 1), -1);
	assert_int_equal(errno, ERANGE);
	assert_int_equal(encode(a, CC_G_TLS_CLIENT_INT), 0);
	assert_int_equal(nsent, 2);
	assert_int_equal(encode(a, CC_G_TLS_CLIENT_EXT), 0);
	assert_int_equal(nsent, 2 + CONF_ANCHORS_MAX / CONF_CHAIN_MAX);
	b = before(nsent);
	assert_int_equal(b->side[SIDE_EXT].anchors_len, CONF_ANCHORS_MAX);
	assert_memory_equal(b->side[SIDE_EXT].anchors, pem, CONF_ANCHORS_MAX);
	free(pem);
	conf_free(a);
	conf_free(b);
}

static void
test_send_fails(void **state)
{
	struct conf *c = sample();
	size_t total, i;

	(void)state;
	assert_int_equal(encode(c, ALL), 0);
	total = nsent;
	for (i = 0; i < total; i++) {
		nsent = 0;
		fail_at = i;
		assert_int_equal(cc_encode(c, ALL, keep, sent), -1);
		assert_int_equal(errno, ENOBUFS);
		assert_int_equal(nsent, i); /* nothing after it */
	}
	conf_free(c);
}

/* The longest of everything fits into an item. */
static void
test_longest(void **state)
{
	struct conf *c = sample(), *d;
	struct conf_side *s = &c->side[SIDE_EXT];
	size_t i;

	(void)state;
	memset(c->hostname, 'h', CONF_NAME_MAX - 1);
	memset(s->interface, 'i', CONF_IFNAME_MAX - 1);
	memset(s->netns, 'n', CONF_NAME_MAX - 1);
	for (i = 0; i < CONF_DNS_MAX; i++)
		s->dns[i] = addr("2001:db8::1", 53);
	s->ndns = CONF_DNS_MAX;
	memset(c->domains[0].name, 'a', CONF_NAME_MAX - 1);
	memset(c->domains[0].route.mx, 'm', CONF_NAME_MAX - 1);
	for (i = 0; i < CONF_RETRY_MAX; i++)
		c->schedule.retry[i] = UINT32_MAX;
	c->schedule.nretry = CONF_RETRY_MAX;
	c->domains[0].schedule = c->schedule;
	c->domains[0].schedule.set = CONF_S_ALL;
	memset(c->paces[0].pattern, 'p', CONF_NAME_MAX - 1);
	assert_int_equal(encode(c, ALL), 0);
	d = before(nsent);
	assert_string_equal(c->hostname, d->hostname);
	assert_string_equal(c->domains[0].name, d->domains[0].name);
	same_side(s, &d->side[SIDE_EXT]);
	assert_int_equal(d->schedule.nretry, CONF_RETRY_MAX);
	same_policy(c, d);
	same_tls(c, d);
	conf_free(c);
	conf_free(d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_round_trip_empty),
		cmocka_unit_test(test_grants),
		cmocka_unit_test(test_routes_withheld),
		cmocka_unit_test(test_many_anchors),
		cmocka_unit_test(test_send_fails),
		cmocka_unit_test(test_longest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
