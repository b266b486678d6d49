/* SPDX-License-Identifier: ISC */
/* link: common/msg/child_conf.o common/msg/child_conf_policy.o */
/* link: common/msg/child_conf_listen.o */
/* link: common/msg/child_conf_tls.o */
/* link: common/base/ibuf.o common/base/netaddr.o */
/* link: common/base/conf.o common/base/conf_tls.o */
/* link: regress/unit/child_conf_stage.o */
/* Edge 2: no malformed item passes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include <cmocka.h>

#include "regress/unit/child_conf_stage.h"

#define NELEMS(a) (sizeof(a) / sizeof((a)[0]))

/* --- malformed --- */

/* Every item: all shorter ones, and up to two bytes more. */
static void
test_lengths(void **state)
{
	struct conf *c = sample(), *d;
	uint8_t data[CC_ITEM_MAX + 2];
	size_t n, len;

	(void)state;
	assert_int_equal(encode(c, ALL), 0);
	for (n = 0; n < nsent; n++) {
		memset(data, 0, sizeof(data));
		memcpy(data, sent[n].data, sent[n].len);
		for (len = 0; len <= sent[n].len + 2; len++) {
			if (len == sent[n].len)
				continue;
			d = before(n);
			if (decode_bytes(d, sent[n].type, data, len) != -1)
				fail_msg("item %zu (%#x): %zu of %zu", n,
				    sent[n].type, len, sent[n].len);
			conf_free(d);
		}
	}
	conf_free(c);
}

/* Whatever one byte becomes: refused, or a configuration that is whole. */
static void
test_every_byte(void **state)
{
	static const uint8_t values[] = { 0, 1, 2, 3, 4, 5, 0x0a, 0x0d, ' ',
		'.', '*', '/', 'A', 'z', 0x7f, 0x80, 0xff };
	struct conf *c = sample(), *d;
	uint8_t data[CC_ITEM_MAX];
	size_t n, at, v;

	(void)state;
	assert_int_equal(encode(c, ALL), 0);
	for (n = 0; n < nsent; n++) {
		for (at = 0; at < sent[n].len; at++) {
			for (v = 0; v < NELEMS(values); v++) {
				memcpy(data, sent[n].data, sent[n].len);
				data[at] = values[v];
				d = before(n);
				if (decode_bytes(d, sent[n].type, data,
					sent[n].len) == 0)
					conf_seal(d);
				conf_free(d);
			}
		}
	}
	conf_free(c);
}

/* --- values that must not pass --- */

#define SPOIL(name, code)                                                      \
	static void name(struct conf *c)                                       \
	{                                                                      \
		code;                                                          \
	}

#define TEXT(field, value) (void)strlcpy(field, value, sizeof(field))

SPOIL(hostname_empty, TEXT(c->hostname, ""))
SPOIL(hostname_space, TEXT(c->hostname, "gw example"))
SPOIL(hostname_dots, TEXT(c->hostname, "gw..example"))
SPOIL(hostname_dot_first, TEXT(c->hostname, ".example"))
SPOIL(hostname_dot_last, TEXT(c->hostname, "example."))
SPOIL(hostname_utf8, TEXT(c->hostname, "gw\xc3\xa4"))
SPOIL(hostname_quote, TEXT(c->hostname, "gw\"x"))
SPOIL(hostname_lf, TEXT(c->hostname, "gw\nx"))
SPOIL(flags_unknown, c->flags |= 1U << 6)
SPOIL(flags_high, c->flags |= 1U << 31)
SPOIL(log_none, c->log_kind = (enum conf_log_kind)0)
SPOIL(log_unknown, c->log_kind = (enum conf_log_kind)(CONF_LOG_FILE + 1))
SPOIL(size_none, c->limits.message_size = 0)
SPOIL(recipients_none, c->limits.recipients = 0)
SPOIL(hops_none, c->limits.hops = 0)
SPOIL(quota_none, c->limits.spool_out = 0)
SPOIL(retry_none, c->schedule.nretry = 0)
SPOIL(retry_zero, c->schedule.retry[1] = 0)
SPOIL(expire_zero, c->schedule.expire = 0)
SPOIL(interface_slash, TEXT(c->side[0].interface, "a/b"))
SPOIL(interface_space, TEXT(c->side[0].interface, "a b"))
SPOIL(interface_up, TEXT(c->side[0].interface, ".."))
SPOIL(netns_path, TEXT(c->side[0].netns, "../x"))
SPOIL(netns_up, TEXT(c->side[0].netns, ".."))
SPOIL(source4_is_6, c->side[0].source4 = addr("2001:db8::1", 0))
SPOIL(source6_is_4, c->side[0].source6 = addr("192.0.2.1", 0))
SPOIL(source_port, c->side[0].source4.port = 25)
SPOIL(dns_none, c->side[0].dns[1].family = NETADDR_NONE;
      memset(&c->side[0].dns[1], 0, sizeof(c->side[0].dns[1])))
SPOIL(dns_port, c->side[0].dns[0].port = 0)
SPOIL(workers_none, c->side[0].workers_in = 0)
SPOIL(workers_many, c->side[1].workers_out = CONF_WORKERS_MAX + 1)
SPOIL(listener_side, c->listeners[0].side = (enum side)2)
SPOIL(listener_port, c->listeners[0].addr.port = 0)
SPOIL(listener_addr, memset(&c->listeners[1].addr, 0, sizeof(struct netaddr)))
SPOIL(listener_id, c->listeners[0].id = 1)
SPOIL(domain_id, c->domains[0].id = 1)
SPOIL(domain_same, TEXT(c->domains[1].name, c->domains[0].name))
SPOIL(domain_order, TEXT(c->domains[1].name, "a"))
SPOIL(domain_upper, TEXT(c->domains[1].name, "Zexample.com"))
SPOIL(domain_empty, TEXT(c->domains[0].name, ""))
SPOIL(domain_star, TEXT(c->domains[0].name, "*"))
SPOIL(domain_literal, TEXT(c->domains[0].name, "[1.2.3.4]"))
SPOIL(domain_at, TEXT(c->domains[0].name, "a@b"))
SPOIL(rcpt_none, c->domains[0].rcpt_kind = (enum conf_rcpt_kind)0)
SPOIL(rcpt_unknown,
    c->domains[0].rcpt_kind = (enum conf_rcpt_kind)(CONF_RCPT_FILE + 1))
SPOIL(domain_via_dns, c->domains[1].route.kind = CONF_ROUTE_DNS)
SPOIL(domain_no_route,
    c->domains[1].route.kind = (enum conf_route_kind)0) /* but it has hosts */
SPOIL(mx_empty, TEXT(c->domains[0].route.mx, ""))
SPOIL(mx_bad, TEXT(c->domains[0].route.mx, "a b"))
SPOIL(connector_id, c->connectors[0].id = 5)
SPOIL(connector_kind, c->connectors[0].route.kind = CONF_ROUTE_MX)
SPOIL(connector_kind0, c->connectors[1].route.kind = (enum conf_route_kind)0)
SPOIL(connector_kind5, c->connectors[1].route.kind = (enum conf_route_kind)5)
SPOIL(connector_same, TEXT(c->connectors[1].pattern, "*.partner.test"))
SPOIL(tls_id, c->tls[0].id = 0)
SPOIL(tls_order, c->tls[1].id = 4)
SPOIL(tls_same, c->tls[1].id = 5)
SPOIL(tls_side, c->tls[0].side = (enum side)2)
SPOIL(tls_level0, c->tls[2].level = (enum conf_tls_level)0)
SPOIL(tls_level6, c->tls[2].level = (enum conf_tls_level)6)
SPOIL(tls_no_prints, c->tls[1].level = CONF_TLS_REQUIRE)
SPOIL(tls_lost_prints, c->tls[1].nfingerprints = 0)
SPOIL(tls_no_names, c->tls[0].level = CONF_TLS_REQUIRE)
SPOIL(tls_name, TEXT(c->tls[0].names[0], "*"))
SPOIL(tls_name_upper, TEXT(c->tls[0].names[1], "B.test"))
SPOIL(tls_cert_of_servers, c->tls[0].cert = 0)
SPOIL(tls_cert_unknown, c->tls[0].cert = 3)
SPOIL(connector_order, TEXT(c->connectors[0].pattern, "*"))
SPOIL(connector_empty, TEXT(c->connectors[0].pattern, ""))
SPOIL(connector_star, TEXT(c->connectors[0].pattern, "**"))
SPOIL(connector_mid, TEXT(c->connectors[0].pattern, "a.*.b"))
SPOIL(connector_dot, TEXT(c->connectors[0].pattern, "*."))
SPOIL(connector_nodot, TEXT(c->connectors[0].pattern, "*net"))
SPOIL(connector_two, TEXT(c->connectors[0].pattern, "*.*.net"))
SPOIL(connector_upper, TEXT(c->connectors[0].pattern, "*.Net"))
SPOIL(dns_with_hosts, c->connectors[0].route.kind = CONF_ROUTE_DNS)
SPOIL(host_port, c->domains[1].route.hosts[0].port = 0)
SPOIL(host_neither, c->domains[1].route.hosts[0].name[0] = '\0')
SPOIL(host_both, c->domains[1].route.hosts[0].addr = addr("10.0.0.9", 0))
SPOIL(host_addr_port, c->domains[1].route.hosts[1].addr.port = 26)
SPOIL(schedule_set, c->domains[0].schedule.set = CONF_S_ALL + 1)
SPOIL(schedule_unset, c->domains[0].schedule.set = CONF_S_WARN)
SPOIL(schedule_expire0, c->domains[0].schedule.expire = 0)
SPOIL(schedule_retry, c->connectors[0].schedule.nretry = 0)
SPOIL(schedule_retry0, c->connectors[0].schedule.retry[1] = 0)
SPOIL(schedule_warn, c->domains[0].schedule.warn_after = 5)
SPOIL(pace_pattern, TEXT(c->paces[0].pattern, "a b"))
SPOIL(pace_upper, TEXT(c->paces[0].pattern, "Big.test"))
SPOIL(pace_same, TEXT(c->paces[1].pattern, "big.test"))
SPOIL(pace_order, TEXT(c->paces[0].pattern, "*"))
SPOIL(pace_count, c->paces[0].rate.count = CONF_RATE_COUNT_MAX + 1)
SPOIL(pace_period, c->paces[0].rate.period = CONF_RATE_PERIOD_MAX + 1)
SPOIL(pace_period0, c->paces[0].rate.period = 0)
SPOIL(pace_count0, c->paces[0].rate.count = 0)
SPOIL(source_none, c->sources[0].rate = (struct conf_rate){ 0 })
SPOIL(source_same, c->sources[1].prefix = c->sources[0].prefix)
SPOIL(source_order, c->sources[1].prefix.len = 32)
SPOIL(source_count, c->sources[0].rate.count = CONF_RATE_COUNT_MAX + 1)
SPOIL(host_name, TEXT(c->domains[1].route.hosts[0].name, "a;b"))

#define ROW(name)                                                              \
	{                                                                      \
#name, name                                                    \
	}
static const struct {
	const char *name;
	void (*spoil)(struct conf *);
} spoilt[] = {
	ROW(hostname_empty),
	ROW(hostname_space),
	ROW(hostname_dots),
	ROW(hostname_dot_first),
	ROW(hostname_dot_last),
	ROW(hostname_utf8),
	ROW(hostname_quote),
	ROW(hostname_lf),
	ROW(flags_unknown),
	ROW(flags_high),
	ROW(log_none),
	ROW(log_unknown),
	ROW(size_none),
	ROW(recipients_none),
	ROW(hops_none),
	ROW(quota_none),
	ROW(retry_none),
	ROW(retry_zero),
	ROW(expire_zero),
	ROW(interface_slash),
	ROW(interface_space),
	ROW(interface_up),
	ROW(netns_path),
	ROW(netns_up),
	ROW(source4_is_6),
	ROW(source6_is_4),
	ROW(source_port),
	ROW(dns_none),
	ROW(dns_port),
	ROW(workers_none),
	ROW(workers_many),
	ROW(listener_side),
	ROW(listener_port),
	ROW(listener_addr),
	ROW(listener_id),
	ROW(domain_id),
	ROW(domain_same),
	ROW(domain_order),
	ROW(domain_upper),
	ROW(domain_empty),
	ROW(domain_star),
	ROW(domain_literal),
	ROW(domain_at),
	ROW(rcpt_none),
	ROW(rcpt_unknown),
	ROW(domain_via_dns),
	ROW(domain_no_route),
	ROW(mx_empty),
	ROW(mx_bad),
	ROW(connector_id),
	ROW(connector_kind),
	ROW(connector_kind0),
	ROW(connector_kind5),
	ROW(connector_same),
	ROW(connector_order),
	ROW(tls_id),
	ROW(tls_order),
	ROW(tls_same),
	ROW(tls_side),
	ROW(tls_level0),
	ROW(tls_level6),
	ROW(tls_no_prints),
	ROW(tls_lost_prints),
	ROW(tls_no_names),
	ROW(tls_name),
	ROW(tls_name_upper),
	ROW(tls_cert_of_servers),
	ROW(tls_cert_unknown),
	ROW(connector_empty),
	ROW(connector_star),
	ROW(connector_mid),
	ROW(connector_dot),
	ROW(connector_nodot),
	ROW(connector_two),
	ROW(connector_upper),
	ROW(dns_with_hosts),
	ROW(host_port),
	ROW(host_neither),
	ROW(host_both),
	ROW(host_addr_port),
	ROW(schedule_set),
	ROW(schedule_unset),
	ROW(schedule_expire0),
	ROW(schedule_retry),
	ROW(schedule_retry0),
	ROW(schedule_warn),
	ROW(pace_pattern),
	ROW(pace_upper),
	ROW(pace_same),
	ROW(pace_order),
	ROW(pace_count),
	ROW(pace_period),
	ROW(pace_period0),
	ROW(pace_count0),
	ROW(source_none),
	ROW(source_same),
	ROW(source_order),
	ROW(source_count),
	ROW(host_name),
};

static void
test_spoilt(void **state)
{
	struct conf *c, *d;
	size_t i;

	(void)state;
	for (i = 0; i < NELEMS(spoilt); i++) {
		c = sample();
		/* the encoder sends what it has: the decoder is the judge */
		spoilt[i].spoil(c);
		if (encode(c, ALL) == -1)
			fail_msg("%s was not sent", spoilt[i].name);
		d = conf_new();
		if (decode(d, 0, nsent) != -1)
			fail_msg("%s passed", spoilt[i].name);
		conf_free(c);
		conf_free(d);
	}
}

/* Lists longer than there is room for, each member good. */
static void
test_counts(void **state)
{
	struct netaddr dns = addr("192.0.2.1", 53);
	struct netaddr none = { 0 };
	uint8_t mem[CC_ITEM_MAX];
	struct conf *c = conf_new();
	struct ibuf b;
	unsigned n, i;

	(void)state;
	for (n = 0; n < 256; n++) {
		ibuf_wrap(&b, mem, sizeof(mem));
		(void)ibuf_add_n64(&b, 0x0000000900000009);
		(void)ibuf_add_n8(&b, n);
		for (i = 0; i < n; i++)
			(void)ibuf_add_n32(&b, 60);
		assert_int_equal(cc_decode(c, CC_SCHEDULE, &b),
		    n >= 1 && n <= CONF_RETRY_MAX ? 0 : -1);
	}
	for (n = 0; n < 128; n++) {
		ibuf_wrap(&b, mem, sizeof(mem));
		(void)ibuf_add_n8(&b, SIDE_INT);
		(void)ibuf_add_n32(&b, 0); /* interface, namespace */
		(void)ibuf_add_netaddr(&b, &none);
		(void)ibuf_add_netaddr(&b, &none);
		(void)ibuf_add_n16(&b, 0x0101);
		(void)ibuf_add_n8(&b, n);
		for (i = 0; i < n; i++)
			(void)ibuf_add_netaddr(&b, &dns);
		assert_int_equal(cc_decode(c, CC_SIDE, &b),
		    n <= CONF_DNS_MAX ? 0 : -1);
	}
	conf_free(c);
}

/* What does not fit into its field is not sent at all. */
static void
test_encoder_bounds(void **state)
{
	struct conf *c = sample();

	(void)state;
	c->side[0].workers_in = 256;
	assert_int_equal(encode(c, ALL), -1);
	assert_int_equal(errno, ERANGE);
	conf_free(c);
	c = sample();
	c->side[0].dns[0].family = 9;
	assert_int_equal(encode(c, ALL), -1);
	assert_int_equal(errno, ERANGE);
	conf_free(c);
}

/* --- raw items --- */

static struct ibuf *
raw(struct ibuf *b)
{
	static uint8_t mem[CC_ITEM_MAX];

	ibuf_wrap(b, mem, sizeof(mem));
	return b;
}

static void
test_types(void **state)
{
	struct conf *c = conf_new();
	struct ibuf b;
	unsigned type;

	(void)state;
	for (type = 0; type < 0x10000; type++) {
		if (type == CC_END)
			continue;
		/* nothing else may be empty */
		assert_int_equal(cc_decode(c, (uint16_t)type, raw(&b)), -1);
	}
	conf_free(c);
}

static int
host_for(struct conf *c, uint8_t of, uint32_t id)
{
	const struct netaddr none = { 0 };
	struct ibuf b;

	(void)ibuf_add_n8(raw(&b), of);
	(void)ibuf_add_n32(&b, id);
	(void)ibuf_add_cstr(&b, "h.example", 255);
	(void)ibuf_add_netaddr(&b, &none);
	assert_int_equal(ibuf_add_n16(&b, 25), 0);
	return cc_decode(c, CC_HOST, &b);
}

/* A host needs an owner that is there and has hosts, and place beside it. */
static void
test_host_owner(void **state)
{
	struct conf *c = sample();
	int i;

	(void)state;
	assert_int_equal(host_for(c, 1, 1), 0);	 /* example.com: hosts */
	assert_int_equal(host_for(c, 1, 0), -1); /* a.example.net: mx */
	assert_int_equal(host_for(c, 1, 2), -1);
	assert_int_equal(host_for(c, 1, UINT32_MAX), -1);
	assert_int_equal(host_for(c, 2, 0), 0);	 /* smarthost */
	assert_int_equal(host_for(c, 2, 1), -1); /* dns */
	assert_int_equal(host_for(c, 2, 2), -1);
	assert_int_equal(host_for(c, 0, 0), -1);
	assert_int_equal(host_for(c, 3, 0), -1);
	for (i = 3; i < CONF_HOSTS_MAX; i++)
		assert_int_equal(host_for(c, 1, 1), 0);
	assert_int_equal(host_for(c, 1, 1), -1);
	conf_free(c);
}

static int
listener_with(struct conf *c, uint32_t id, uint8_t claimed, uint8_t given,
    uint8_t len)
{
	struct netaddr a = addr("192.0.2.1", 25);
	struct ibuf b;

	(void)ibuf_add_n32(raw(&b), id);
	(void)ibuf_add_n8(&b, 0);
	(void)ibuf_add_netaddr(&b, &a);
	(void)ibuf_add_n32(&b, 1);
	assert_int_equal(ibuf_add_n8(&b, claimed), 0);
	for (; given > 0; given--) {
		a.port = 0;
		(void)ibuf_add_netaddr(&b, &a);
		assert_int_equal(ibuf_add_n8(&b, len), 0);
	}
	return cc_decode(c, CC_LISTENER, &b);
}

static int
listener(struct conf *c, uint32_t id)
{
	return listener_with(c, id, 0, 0, 0);
}

/* as many proxies as it says, and good ones */
static void
test_proxies(void **state)
{
	static const struct {
		uint8_t claimed, given, len;
		int ret;
	} rows[] = {
		{ 1, 1, 32, 0 }, { CONF_PROXIES_MAX, CONF_PROXIES_MAX, 32, 0 },
		{ CONF_PROXIES_MAX + 1, CONF_PROXIES_MAX + 1, 32, -1 },
		{ 0, 1, 32, -1 }, { 2, 1, 32, -1 }, { 1, 2, 32, -1 },
		{ 1, 1, 33, -1 }, { 1, 1, 24, -1 }, /* host bits */
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf *c = conf_new();

		assert_int_equal(listener_with(c, 0, rows[i].claimed,
				     rows[i].given, rows[i].len),
		    rows[i].ret);
		conf_free(c);
	}
}

static void
test_listeners_bound(void **state)
{
	struct conf *c = conf_new();
	uint32_t i;

	(void)state;
	for (i = 0; i < CONF_LISTEN_MAX; i++) {
		assert_int_equal(listener(c, i + 1), -1);
		assert_int_equal(listener(c, i), 0);
	}
	assert_int_equal(listener(c, i), -1);
	conf_free(c);
}

static int
prefix(struct conf *c, uint8_t set)
{
	struct netprefix p;
	struct ibuf b;

	assert_int_equal(netprefix_parse(&p, "10.0.0.0/8"), 0);
	(void)ibuf_add_n8(raw(&b), set);
	assert_int_equal(ibuf_add_netprefix(&b, &p), 0);
	return cc_decode(c, CC_PREFIX, &b);
}

static int
schedule_for(struct conf *c, uint8_t of, uint32_t id, uint32_t expire)
{
	struct ibuf b;

	(void)ibuf_add_n8(raw(&b), of);
	(void)ibuf_add_n32(&b, id);
	(void)ibuf_add_n8(&b, CONF_S_EXPIRE);
	(void)ibuf_add_n32(&b, expire);
	(void)ibuf_add_n32(&b, 0);
	assert_int_equal(ibuf_add_n8(&b, 0), 0);
	return cc_decode(c, CC_SCHEDULE_OF, &b);
}

/* A schedule needs an owner that is there and has none yet. */
static void
test_schedule_owner(void **state)
{
	struct conf *c = sample();

	(void)state;
	assert_int_equal(schedule_for(c, 1, 0, 9), -1); /* has one */
	assert_int_equal(schedule_for(c, 1, 1, 9), 0);
	assert_int_equal(schedule_for(c, 1, 1, 9), -1);
	assert_int_equal(schedule_for(c, 1, 2, 9), -1);
	assert_int_equal(schedule_for(c, 1, UINT32_MAX, 9), -1);
	assert_int_equal(schedule_for(c, 2, 0, 9), -1);
	assert_int_equal(schedule_for(c, 2, 1, 9), 0);
	assert_int_equal(schedule_for(c, 2, 2, 9), -1);
	assert_int_equal(schedule_for(c, 0, 0, 9), -1);
	assert_int_equal(schedule_for(c, 3, 0, 9), -1);
	conf_free(c);
}

/* Each lifetime costs queued a walk: so many and no more. */
static void
test_ages_bound(void **state)
{
	struct conf *c = conf_new();
	struct conf_domain *d;
	struct ibuf b;
	uint32_t i;

	(void)state;
	for (i = 0; i < CONF_AGES_MAX; i++) {
		d = conf_add_domain(c);
		(void)snprintf(d->name, sizeof(d->name), "d%02u.test", i);
		if (i > 0) /* with the general one it is that many */
			assert_int_equal(schedule_for(c, 1, i, i), 0);
	}
	assert_int_equal(cc_decode(c, CC_END, raw(&b)), 0);
	assert_int_equal(schedule_for(c, 1, 0, CONF_AGES_MAX), 0);
	assert_int_equal(cc_decode(c, CC_END, raw(&b)), -1);
	conf_free(c);
}

static void
test_sets(void **state)
{
	struct conf *c = conf_new();
	unsigned set;

	(void)state;
	for (set = 0; set < 256; set++)
		assert_int_equal(prefix(c, (uint8_t)set),
		    set >= CC_SET_NETWORKS && set <= CC_SET_REPAIR ? 0 : -1);
	assert_int_equal(c->side[SIDE_INT].networks.n, 1);
	assert_int_equal(c->side[SIDE_INT].accept_from.n, 1);
	assert_int_equal(c->side[SIDE_EXT].reach.n, 1);
	assert_int_equal(c->side[SIDE_INT].reach.n, 1);
	assert_int_equal(c->side[SIDE_EXT].networks.n, 0);
	conf_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_spoilt),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_encoder_bounds),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_host_owner),
		cmocka_unit_test(test_listeners_bound),
		cmocka_unit_test(test_proxies),
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_schedule_owner),
		cmocka_unit_test(test_ages_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
