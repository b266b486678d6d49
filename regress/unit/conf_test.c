/* SPDX-License-Identifier: ISC */
/* link: common/base/conf.o common/base/netaddr.o */
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
	assert_int_equal(c->nretry, NELEMS(retry));
	assert_memory_equal(c->retry, retry, sizeof(retry));
	assert_int_equal(c->expire, 432000);
	assert_int_equal(c->warn_after, 14400);
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
