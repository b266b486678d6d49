/* SPDX-License-Identifier: ISC */
/* See child_conf_stage.h. */
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

/* --- a configuration with something in every field --- */

struct netaddr
addr(const char *s, uint16_t port)
{
	struct netaddr a;

	assert_int_equal(netaddr_parse(&a, s), 0);
	a.port = port;
	return a;
}

static void
add_prefix(struct netset *set, const char *s)
{
	struct netprefix p;

	assert_int_equal(netprefix_parse(&p, s), 0);
	assert_int_equal(netset_add(set, &p), 0);
}

static void
add_host(struct conf_route *r, const char *name, const char *literal)
{
	struct conf_host *h = conf_route_add_host(r);

	assert_non_null(h);
	(void)strlcpy(h->name, name, sizeof(h->name));
	if (literal != NULL)
		h->addr = addr(literal, 0);
	h->port = 25;
}

static struct conf_domain *
add_domain(struct conf *c, const char *name, enum conf_route_kind kind)
{
	struct conf_domain *d = conf_add_domain(c);

	assert_non_null(d);
	(void)strlcpy(d->name, name, sizeof(d->name));
	d->rcpt_kind = CONF_RCPT_ANY;
	d->route.kind = kind;
	d->pos.line = 7 * d->id + 1;
	return d;
}

static void
add_lists(struct conf *c)
{
	struct conf_listener *l;
	struct conf_connector *k;
	struct conf_domain *d;

	l = conf_add_listener(c);
	*l = (struct conf_listener){ l->id, SIDE_EXT, addr("203.0.113.25", 25),
		{ 3 }, { NULL, 0 } };
	add_prefix(&l->proxies, "203.0.113.0/28");
	add_prefix(&l->proxies, "2001:db8::7/128");
	l = conf_add_listener(c);
	*l = (struct conf_listener){ l->id, SIDE_INT,
		addr("2001:db8::25", 2525), { 9 }, { NULL, 0 } };
	d = add_domain(c, "example.com", CONF_ROUTE_HOSTS);
	add_host(&d->route, "mail.Corp.example.com", NULL);
	add_host(&d->route, "", "10.0.0.7");
	d->rcpt_kind = CONF_RCPT_FILE;
	(void)strlcpy(d->rcpt_path, "/etc/postern/rcpt", CONF_PATH_MAX);
	d = add_domain(c, "a.example.net", CONF_ROUTE_MX);
	(void)strlcpy(d->route.mx, "inside.example.net", CONF_NAME_MAX);
	k = conf_add_connector(c);
	(void)strlcpy(k->pattern, "*", CONF_NAME_MAX);
	k->route.kind = CONF_ROUTE_DNS;
	k = conf_add_connector(c);
	(void)strlcpy(k->pattern, "*.partner.test", CONF_NAME_MAX);
	k->route.kind = CONF_ROUTE_SMARTHOST;
	k->pos.line = 12;
	add_host(&k->route, "relay.partner.test", NULL);
	add_host(&k->route, "", "2001:db8::99");
	k->tls = UINT64_MAX;
	d->tls = 0x1122334455667788;
	k->schedule =
	    (struct conf_schedule){ CONF_S_ALL, { 7, 70 }, 2, 700, 90 };
	d->schedule =
	    (struct conf_schedule){ .set = CONF_S_EXPIRE, .expire = 86400 };
}

static void
add_paces(struct conf *c)
{
	struct conf_pace *p;
	struct conf_source *s;

	p = conf_add_pace(c);
	*p = (struct conf_pace){ "*", 40, 0, { 0, 0 }, { 20 } };
	p = conf_add_pace(c);
	*p = (struct conf_pace){ "big.test", 2, 50, { 600, 60 }, { 21 } };
	s = conf_add_source(c);
	s->rate =
	    (struct conf_rate){ CONF_RATE_COUNT_MAX, CONF_RATE_PERIOD_MAX };
	s->pos.line = 22;
	assert_int_equal(netprefix_parse(&s->prefix, "10.0.0.0/24"), 0);
	s = conf_add_source(c);
	s->rate = (struct conf_rate){ 1, 1 };
	assert_int_equal(netprefix_parse(&s->prefix, "2001:db8::/32"), 0);
}

static void
add_tls_out(struct conf *c)
{
	static struct conf_tls some[] = {
		{ .id = 5,
		    .side = SIDE_INT,
		    .level = CONF_TLS_VERIFY,
		    .cert = 1,
		    .names = { "*.a.test", "b.test" },
		    .nnames = 2 },
		{ .id = 7,
		    .side = SIDE_EXT,
		    .level = CONF_TLS_FINGERPRINT,
		    .cert = CONF_NO_CERT,
		    .fingerprints = { { 1 }, { 2, 3 } },
		    .nfingerprints = 2 },
		{ .id = UINT64_MAX,
		    .side = SIDE_EXT,
		    .level = CONF_TLS_NONE,
		    .cert = CONF_NO_CERT },
	};
	size_t i;

	for (i = 0; i < sizeof(some) / sizeof(some[0]); i++)
		assert_int_equal(conf_add_tls(c, &some[i]), 0);
}

static void
add_tls(struct conf *c)
{
	static const char pem[] = "-----BEGIN CERTIFICATE-----\n";
	static const uint32_t uses[] = { CONF_CERT_SERVER_EXT,
		CONF_CERT_CLIENT_INT, CONF_CERT_USES };
	uint8_t fp[CONF_FINGERPRINT] = { 1, 2, 3 };
	struct conf_cert *cert;
	size_t i;

	for (i = 0; i < sizeof(uses) / sizeof(uses[0]); i++) {
		cert = conf_add_cert(c);
		assert_non_null(cert);
		cert->uses = uses[i];
		cert->pos.line = 30;
		cert->chain_len = (uint32_t)(sizeof(pem) - i);
		cert->chain = malloc(cert->chain_len + i);
		assert_non_null(cert->chain);
		memcpy(cert->chain, pem, sizeof(pem));
	}
	c->side[SIDE_EXT].tls_off = true;
	c->side[SIDE_INT].tls_require = true;
	add_prefix(&c->side[SIDE_EXT].tls_from, "198.51.100.0/24");
	add_prefix(&c->side[SIDE_INT].tls_from, "10.1.0.0/16");
	add_prefix(&c->side[SIDE_INT].repair, "10.2.0.0/24");
	assert_int_equal(conf_add_accept_cert(c, fp), 0);
	add_tls_out(c);
	assert_int_equal(conf_add_anchors(c, SIDE_EXT, pem, sizeof(pem)), 0);
	assert_int_equal(conf_add_anchors(c, SIDE_INT, pem, 7), 0);
}

struct conf *
sample(void)
{
	struct conf *c = conf_new();
	struct conf_side *e = &c->side[SIDE_EXT], *i = &c->side[SIDE_INT];

	c->generation = 42;
	(void)strlcpy(c->hostname, "gw.Example.com", CONF_NAME_MAX);
	c->flags = CONF_F_SINGLE_HOMED | CONF_F_COMPANY_SENDERS;
	c->log_kind = CONF_LOG_FILE;
	c->limits.data_rate = 0;
	c->limits.message_size = 1ULL << 40;
	c->limits.out_messages = UINT32_MAX;
	c->schedule.nretry = 2;
	c->schedule.retry[0] = 5;
	c->schedule.retry[1] = 500;
	c->schedule.warn_after = 0;
	(void)strlcpy(e->interface, "eth0.100", CONF_IFNAME_MAX);
	(void)strlcpy(e->netns, "ext", CONF_NAME_MAX);
	e->source4 = addr("203.0.113.26", 0);
	e->source6 = addr("2001:db8::26", 0);
	e->dns[0] = addr("9.9.9.9", 53);
	e->dns[1] = addr("2620:fe::fe", 5353);
	e->ndns = 2;
	e->workers_in = 3;
	e->workers_out = CONF_WORKERS_MAX;
	add_prefix(&e->reach, "127.1.0.0/16");
	add_prefix(&i->networks, "10.0.0.0/8");
	add_prefix(&i->networks, "fd00::/8");
	add_prefix(&i->accept_from, "10.0.0.10");
	add_prefix(&i->reach, "169.254.7.0/24");
	add_lists(c);
	add_paces(c);
	add_tls(c);
	conf_seal(c);
	return c;
}

/* --- what was sent --- */

struct sent sent[SENT_MAX];
size_t nsent, fail_at;

int
keep(void *arg, uint16_t type, struct ibuf *b)
{
	assert_ptr_equal(arg, sent);
	if (nsent == fail_at) {
		errno = ENOBUFS;
		return -1;
	}
	assert_true(nsent < SENT_MAX);
	sent[nsent].type = type;
	sent[nsent].len = ibuf_size(b);
	assert_int_equal(ibuf_get(b, sent[nsent].data, ibuf_size(b)), 0);
	nsent++;
	return 0;
}

int
encode(const struct conf *c, uint32_t grant)
{
	nsent = 0;
	fail_at = SIZE_MAX;
	return cc_encode(c, grant, keep, sent);
}

int
decode_bytes(struct conf *c, uint16_t type, const uint8_t *data, size_t len)
{
	struct ibuf b;

	ibuf_from(&b, data, len);
	return cc_decode(c, type, &b);
}

int
decode(struct conf *c, size_t from, size_t to)
{
	for (; from < to; from++) {
		if (decode_bytes(c, sent[from].type, sent[from].data,
			sent[from].len) == -1)
			return -1;
	}
	return 0;
}

/* A configuration as it is just before item n. */
struct conf *
before(size_t n)
{
	struct conf *c = conf_new();

	assert_int_equal(decode(c, 0, n), 0);
	return c;
}
