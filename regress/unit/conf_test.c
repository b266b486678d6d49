/* SPDX-License-Identifier: ISC */
/* link: common/base/conf.o common/base/conf_tls.o */
/* link: common/base/netaddr.o */
/* The configuration's defaults, growth, order and look-up. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <bsd/string.h>

#include <cmocka.h>

#include "common/base/conf.h"

#define NELEMS(a) (sizeof(a) / sizeof((a)[0]))

static void
test_defaults(void **state)
{
	static const uint32_t retry[] = { 30, 60, 300, 900, 1800, 3600, 7200 };
	struct conf *c = conf_new();
	int i;

	(void)state;
	assert_non_null(c);
	assert_int_equal(c->limits.message_size, 52428800);
	assert_int_equal(c->limits.recipients, 1000);
	assert_int_equal(c->limits.command_timeout, 300);
	assert_int_equal(c->limits.spool_in, 4294967296);
	assert_int_equal(c->schedule.nretry, NELEMS(retry));
	assert_memory_equal(c->schedule.retry, retry, sizeof(retry));
	assert_int_equal(c->schedule.expire, 432000);
	assert_int_equal(c->schedule.warn_after, 14400);
	assert_string_equal(c->spool, "/var/spool/postern");
	assert_string_equal(c->control, "/run/postern/control.sock");
	assert_string_equal(c->control_group, "_postern-ops");
	assert_string_equal(c->chroot_dir, "/run/postern/empty");
	for (i = 0; i < NSIDES; i++) {
		assert_in_range(c->side[i].workers_in, 1, CONF_WORKERS_MAX);
		assert_in_range(c->side[i].workers_out, 1, CONF_WORKERS_MAX);
		assert_int_equal(c->side[i].source4.family, NETADDR_NONE);
	}
	assert_int_equal(c->nlisteners + c->ndomains + c->nconnectors, 0);
	assert_int_equal(c->flags, 0);
	conf_free(c);
	conf_free(NULL);
}

static void
test_growth(void **state)
{
	static const struct conf_domain zero;
	struct conf *c = conf_new();
	struct conf_domain *d, copy;
	uint32_t i;

	(void)state;
	for (i = 0; i < 1000; i++) {
		d = conf_add_domain(c);
		assert_non_null(d);
		assert_int_equal(d->id, i);
		copy = *d;
		copy.id = 0;
		assert_memory_equal(&copy, &zero, sizeof(zero));
		memset(d, 0xa5, sizeof(*d));
		d->id = i;
		memset(&d->route, 0, sizeof(d->route));
	}
	assert_int_equal(c->ndomains, 1000);
	for (i = 0; i < 1000; i++)
		assert_int_equal(c->domains[i].id, i);
	conf_free(c);
}

static void
test_bounds(void **state)
{
	struct conf_route *r;
	struct conf *c = conf_new();
	int i;

	(void)state;
	for (i = 0; i < CONF_LISTEN_MAX; i++)
		assert_non_null(conf_add_listener(c));
	errno = 0;
	assert_null(conf_add_listener(c));
	assert_int_equal(errno, ERANGE);
	assert_int_equal(c->nlisteners, CONF_LISTEN_MAX);
	r = &conf_add_connector(c)->route;
	for (i = 0; i < CONF_HOSTS_MAX; i++)
		assert_non_null(conf_route_add_host(r));
	assert_null(conf_route_add_host(r));
	assert_int_equal(r->nhosts, CONF_HOSTS_MAX);
	conf_free(c);
}

static void
add_domains(struct conf *c, const char *const *names, size_t n)
{
	struct conf_domain *d;
	size_t i;

	for (i = 0; i < n; i++) {
		d = conf_add_domain(c);
		(void)strlcpy(d->name, names[i], sizeof(d->name));
		d->pos.line = (uint32_t)i + 1;
	}
	conf_seal(c);
}

static const char *
find_domain(const struct conf *c, const char *name)
{
	const struct conf_domain *d;

	d = conf_domain_find(c, name, strlen(name));
	return d == NULL ? "(none)" : d->name;
}

static void
test_domain_find(void **state)
{
	static const char *const names[] = { "example.net", "example.com",
		"a.example.com", "zz", "b.example" };
	static const struct {
		const char *in, *found;
	} rows[] = {
		{ "example.com", "example.com" },
		{ "EXAMPLE.com", "example.com" },
		{ "example.com.", "example.com" },
		{ "a.Example.COM.", "a.example.com" },
		{ "zz", "zz" },
		{ "b.example", "b.example" },
		{ "example.com..", "(none)" },
		{ "b.example.com", "(none)" },
		{ "xexample.com", "(none)" },
		{ "example.co", "(none)" },
		{ "example.comm", "(none)" },
		{ ".", "(none)" },
		{ "", "(none)" },
		{ "[192.0.2.1]", "(none)" },
	};
	struct conf *c = conf_new();
	char big[600];
	size_t i;

	(void)state;
	assert_null(conf_domain_find(c, "example.com", 11));
	add_domains(c, names, NELEMS(names));
	for (i = 0; i < NELEMS(rows); i++)
		assert_string_equal(find_domain(c, rows[i].in), rows[i].found);
	/* the length counts, not a NUL */
	assert_non_null(conf_domain_find(c, "example.comXYZ", 11));
	assert_null(conf_domain_find(c, "example.com\0XYZ", 15));
	assert_null(conf_domain_find(c, "zz\0", 3));
	memset(big, 'a', sizeof(big));
	assert_null(conf_domain_find(c, big, sizeof(big)));
	for (i = 0; i < c->ndomains; i++)
		assert_int_equal(c->domains[i].id, i);
	conf_free(c);
}

static void
test_domain_find_many(void **state)
{
	struct conf *c = conf_new();
	const struct conf_domain *found;
	struct conf_domain *d;
	char name[32];
	int i, len;

	(void)state;
	for (i = 0; i < 2000; i++) {
		d = conf_add_domain(c);
		(void)snprintf(d->name, sizeof(d->name), "d%d.example",
		    i * 7919 % 2000);
	}
	conf_seal(c);
	for (i = 0; i < 2000; i++) {
		len = snprintf(name, sizeof(name), "D%d.Example", i);
		found = conf_domain_find(c, name, (size_t)len);
		assert_non_null(found);
		assert_int_equal(strcasecmp(found->name, name), 0);
		assert_ptr_equal(found, &c->domains[found->id]);
	}
	assert_null(conf_domain_find(c, "d2000.example", 13));
	conf_free(c);
}

static void
add_connectors(struct conf *c, const char *const *patterns, size_t n)
{
	struct conf_connector *k;
	size_t i;

	for (i = 0; i < n; i++) {
		k = conf_add_connector(c);
		(void)strlcpy(k->pattern, patterns[i], sizeof(k->pattern));
	}
	conf_seal(c);
}

static const char *
find_connector(const struct conf *c, const char *name)
{
	const struct conf_connector *k;

	k = conf_connector_find(c, name, strlen(name));
	return k == NULL ? "(none)" : k->pattern;
}

static void
test_connector_order(void **state)
{
	static const char *const in[] = { "*", "*.net", "example.net",
		"*.a.example.net", "*.example.net", "a.example.net", "*.org" };
	struct conf *c = conf_new();
	size_t i, longer = 0;
	bool suffix, before = false;

	(void)state;
	add_connectors(c, in, NELEMS(in));
	for (i = 0; i < NELEMS(in); i++) {
		assert_int_equal(c->connectors[i].id, i);
		suffix = c->connectors[i].pattern[0] == '*';
		assert_true(suffix || !before);
		if (suffix && before)
			assert_true(strlen(c->connectors[i].pattern) <= longer);
		before = suffix;
		longer = strlen(c->connectors[i].pattern);
	}
	assert_string_equal(c->connectors[NELEMS(in) - 1].pattern, "*");
	conf_free(c);
}

static void
test_connector_find(void **state)
{
	static const char *const in[] = { "*", "*.net", "example.net",
		"*.a.example.net", "*.example.net", "a.example.net" };
	static const struct {
		const char *name, *found;
	} rows[] = {
		{ "example.net", "example.net" },
		{ "EXAMPLE.NET.", "example.net" },
		{ "a.example.net", "a.example.net" },
		{ "b.a.example.net", "*.a.example.net" },
		{ "c.b.a.example.net", "*.a.example.net" },
		{ "b.example.net", "*.example.net" },
		{ "bexample.net", "*.net" },
		{ "net", "*" },
		{ "example.org", "*" },
		{ "a..example.net", "*.example.net" },
		{ ".net", "*" },
		{ "[192.0.2.1]", "*" },
		{ "[IPv6:2001:db8::1]", "*" },
		{ "[1.net]", "*" },
		{ "*.net", "*" },
		{ "*", "*" },
		{ "", "(none)" },
	};
	struct conf *c = conf_new();
	size_t i;

	(void)state;
	assert_string_equal(find_connector(c, "example.net"), "(none)");
	add_connectors(c, in, NELEMS(in));
	for (i = 0; i < NELEMS(rows); i++) {
		if (strcmp(find_connector(c, rows[i].name), rows[i].found) != 0)
			fail_msg("\"%s\" gives \"%s\"", rows[i].name,
			    find_connector(c, rows[i].name));
	}
	conf_free(c);
}

static void
test_connector_none(void **state)
{
	static const char *const in[] = { "*.example.net", "partner.test" };
	struct conf *c = conf_new();

	(void)state;
	add_connectors(c, in, NELEMS(in));
	assert_string_equal(find_connector(c, "partner.test"), "partner.test");
	assert_string_equal(find_connector(c, "a.partner.test"), "(none)");
	assert_string_equal(find_connector(c, "example.net"), "(none)");
	assert_string_equal(find_connector(c, "[192.0.2.1]"), "(none)");
	/* a name that only looks like the pattern */
	assert_string_equal(find_connector(c, "*.example.net"), "(none)");
	conf_free(c);
}

static void
test_side_name(void **state)
{
	(void)state;
	assert_string_equal(side_name(SIDE_EXT), "ext");
	assert_string_equal(side_name(SIDE_INT), "int");
}

/* --- schedules and limits --- */

static const struct conf_schedule *
schedule(const struct conf *c, const char *name)
{
	return conf_schedule_find(c, name, strlen(name));
}

static void
test_schedules(void **state)
{
	struct conf *c = conf_new();
	const struct conf_schedule *s;
	struct conf_connector *k;
	struct conf_domain *d;
	uint32_t ages[CONF_AGES_MAX];

	(void)state;
	d = conf_add_domain(c);
	(void)strlcpy(d->name, "ours.test", sizeof(d->name));
	d->schedule =
	    (struct conf_schedule){ .set = CONF_S_EXPIRE, .expire = 3600 };
	k = conf_add_connector(c);
	(void)strlcpy(k->pattern, "*.partner.test", sizeof(k->pattern));
	k->schedule = (struct conf_schedule){ .set = CONF_S_RETRY | CONF_S_WARN,
		.retry = { 5 },
		.nretry = 1,
		.warn_after = 60 };
	conf_seal(c);
	/* of ours, by a connector, and by nothing */
	s = schedule(c, "OURS.test.");
	assert_ptr_equal(s, &c->domains[0].schedule);
	assert_int_equal(conf_expire(c, s), 3600);
	assert_int_equal(conf_warn_after(c, s), 0); /* the 4 h never come */
	assert_ptr_equal(conf_retry(c, s), &c->schedule);
	s = schedule(c, "a.partner.test");
	assert_ptr_equal(s, &c->connectors[0].schedule);
	assert_int_equal(conf_expire(c, s), 432000);
	assert_int_equal(conf_warn_after(c, s), 60);
	assert_ptr_equal(conf_retry(c, s), s);
	s = schedule(c, "elsewhere.test");
	assert_ptr_equal(s, &c->schedule);
	assert_int_equal(conf_warn_after(c, s), 14400);
	assert_ptr_equal(schedule(c, ""), &c->schedule);
	assert_int_equal(conf_ages(c, CONF_S_EXPIRE, ages), 2);
	assert_int_equal(ages[0], 3600);
	assert_int_equal(ages[1], 432000);
	assert_int_equal(conf_ages(c, CONF_S_WARN, ages), 2);
	assert_int_equal(ages[0], 60);
	assert_int_equal(ages[1], 14400);
	c->schedule.warn_after = 0;
	assert_int_equal(conf_ages(c, CONF_S_WARN, ages), 1);
	conf_free(c);
}

static const char *
pace(const struct conf *c, const char *name)
{
	const struct conf_pace *p = conf_pace_find(c, name, strlen(name));

	return p == NULL ? "(none)" : p->pattern;
}

static uint32_t
source(const struct conf *c, const char *s)
{
	const struct conf_source *found;
	struct netaddr a;

	assert_int_equal(netaddr_parse(&a, s), 0);
	found = conf_source_find(c, &a);
	return found == NULL ? 0 : found->rate.count;
}

static void
test_paces(void **state)
{
	static const char *const patterns[] = { "*.big.test", "big.test",
		"*.mail.big.test" };
	static const char *const nets[] = { "0.0.0.0/0", "10.0.0.0/8",
		"10.0.0.7", "2001:db8::/32" };
	struct conf *c = conf_new();
	uint32_t i;

	(void)state;
	assert_string_equal(pace(c, "big.test"), "(none)");
	assert_int_equal(source(c, "10.0.0.7"), 0);
	for (i = 0; i < NELEMS(patterns); i++)
		(void)strlcpy(conf_add_pace(c)->pattern, patterns[i],
		    CONF_NAME_MAX);
	for (i = 0; i < NELEMS(nets); i++) {
		struct conf_source *s = conf_add_source(c);

		assert_int_equal(netprefix_parse(&s->prefix, nets[i]), 0);
		s->rate.count = i + 1;
	}
	conf_seal(c);
	assert_string_equal(pace(c, "Big.Test"), "big.test");
	assert_string_equal(pace(c, "a.big.test"), "*.big.test");
	assert_string_equal(pace(c, "mail.big.test"), "*.big.test");
	assert_string_equal(pace(c, "x.mail.big.test"), "*.mail.big.test");
	assert_string_equal(pace(c, "small.test"), "(none)");
	assert_string_equal(pace(c, "verybig.test"), "(none)");
	assert_int_equal(source(c, "10.0.0.7"), 3);
	assert_int_equal(source(c, "10.0.0.8"), 2);
	assert_int_equal(source(c, "192.0.2.1"), 1);
	assert_int_equal(source(c, "2001:db8:1::5"), 4);
	assert_int_equal(source(c, "2001:db9::5"), 0);
	for (i = c->nsources; i < CONF_SOURCES_MAX; i++)
		assert_non_null(conf_add_source(c));
	assert_null(conf_add_source(c));
	conf_free(c);
}

/* --- TLS towards servers --- */

static struct conf_tls
tls_of(enum conf_tls_level level, const char *name)
{
	struct conf_tls t = { .level = level, .cert = CONF_NO_CERT };

	if (name != NULL) {
		(void)strlcpy(t.names[0], name, CONF_NAME_MAX);
		t.nnames = 1;
	}
	return t;
}

/* The same statements have the same id, others another. */
static void
test_tls(void **state)
{
	struct conf_tls all[] = { tls_of(CONF_TLS_NONE, NULL),
		tls_of(CONF_TLS_REQUIRE, NULL), tls_of(CONF_TLS_VERIFY, NULL),
		tls_of(CONF_TLS_VERIFY, "a"), tls_of(CONF_TLS_VERIFY, "ab"),
		tls_of(CONF_TLS_NONE, NULL),
		tls_of(CONF_TLS_OPPORTUNISTIC, NULL) };
	struct conf *c = conf_new(), *d = conf_new();
	struct conf_tls again, usual = conf_tls_default;
	size_t i, j;

	(void)state;
	all[5].side = SIDE_INT;
	assert_non_null(conf_add_cert(c));
	assert_non_null(conf_add_cert(c));
	(void)strlcpy(c->certs[1].chain_path, "/c", CONF_PATH_MAX);
	all[6].cert = 1;
	assert_int_equal(conf_add_tls(c, &usual), 0);
	assert_true(usual.id == 0);
	for (i = 0; i < NELEMS(all); i++)
		assert_int_equal(conf_add_tls(c, &all[i]), 0);
	assert_int_equal(c->ntls, NELEMS(all));
	for (i = 0; i < NELEMS(all); i++) {
		for (j = 0; j < i; j++)
			assert_true(all[i].id != all[j].id);
		assert_int_equal(conf_tls_find(c, all[i].id)->level,
		    all[i].level);
	}
	for (i = 1; i < c->ntls; i++)
		assert_true(c->tls[i - 1].id < c->tls[i].id);
	/* under another number the certificate is the same */
	assert_non_null(conf_add_cert(d));
	(void)strlcpy(d->certs[0].chain_path, "/c", CONF_PATH_MAX);
	again = all[6];
	again.id = again.cert = 0;
	assert_int_equal(conf_add_tls(d, &again), 0);
	assert_true(again.id == all[6].id);
	assert_null(conf_tls_find(d, all[0].id));
	assert_ptr_equal(conf_tls_find(d, 0), &conf_tls_default);
	conf_free(c);
	conf_free(d);
}

static void
test_tls_bounds(void **state)
{
	struct conf *c = conf_new();
	struct conf_tls t;
	uint64_t i;

	(void)state;
	for (i = 0; i < CONF_TLS_MAX; i++) {
		t = tls_of(CONF_TLS_REQUIRE, NULL);
		t.id = (i ^ 0x2a5) + 1;
		assert_int_equal(conf_add_tls(c, &t), 0);
	}
	assert_int_equal(conf_add_tls(c, &t), 0); /* it is there */
	t.id = UINT64_MAX;
	assert_int_equal(conf_add_tls(c, &t), -1);
	assert_int_equal(errno, ERANGE);
	for (i = 0; i < CONF_TLS_MAX; i++)
		assert_true(conf_tls_find(c, i + 1)->id == i + 1);
	conf_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_domain_find),
		cmocka_unit_test(test_domain_find_many),
		cmocka_unit_test(test_connector_order),
		cmocka_unit_test(test_connector_find),
		cmocka_unit_test(test_connector_none),
		cmocka_unit_test(test_side_name),
		cmocka_unit_test(test_schedules),
		cmocka_unit_test(test_paces),
		cmocka_unit_test(test_tls),
		cmocka_unit_test(test_tls_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
