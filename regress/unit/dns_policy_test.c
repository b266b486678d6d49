/* SPDX-License-Identifier: ISC */
/* link: common/dns.a common/base.a */
/* What each side asks, and which addresses come through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/dns/policy.h"
#include "regress/unit/dns_wire.h"

#define NELEMS(a) (sizeof(a) / sizeof((a)[0]))

static struct dns_policy ext, in;

static void
add_prefix(struct netset *set, const char *text)
{
	struct netprefix p;

	assert_int_equal(netprefix_parse(&p, text), 0);
	assert_int_equal(netset_add(set, &p), 0);
}

static int
setup(void **state)
{
	struct netset inside = { NULL, 0 }, reach = { NULL, 0 };

	(void)state;
	add_prefix(&inside, "10.0.0.0/8");
	add_prefix(&inside, "192.0.2.0/24");
	add_prefix(&inside, "2001:db8:1::/48");
	add_prefix(&reach, "127.1.0.0/16");
	add_prefix(&reach, "10.9.0.0/16"); /* inside, and so without effect */
	dns_policy_init(&ext, DNS_ASK_ALL_BUT);
	assert_int_equal(dns_policy_zone(&ext, "mail.Corp.Example.com"), 0);
	assert_int_equal(dns_policy_zone(&ext, "ad.example.com."), 0);
	assert_int_equal(dns_policy_zone(&ext, "[10.0.0.1]"), 0);
	assert_int_equal(dns_policy_zone(&ext, ""), 0);
	assert_int_equal(dns_policy_inside(&ext, &inside), 0);
	assert_int_equal(dns_policy_reach(&ext, &reach), 0);
	dns_policy_seal(&ext);
	dns_policy_init(&in, DNS_ASK_ONLY);
	assert_int_equal(dns_policy_zone(&in, "example.com"), 0);
	assert_int_equal(dns_policy_zone(&in, "example.org"), 0);
	assert_int_equal(dns_policy_zone(&in, "mail.corp.local"), 0);
	assert_int_equal(dns_policy_inside(&in, &inside), 0);
	dns_policy_seal(&in);
	netset_free(&inside);
	netset_free(&reach);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	dns_policy_free(&ext);
	dns_policy_free(&in);
	return 0;
}

static void
test_names(void **state)
{
	static const struct {
		const char *name;
		bool ext;
		bool in;
	} v[] = {
		{ "example.net", true, false },
		{ "www.example.com", true, true },
		{ "example.com", true, true },
		{ "example.org", true, true },
		{ "notexample.com", true, false },
		{ "com", true, false },
		{ "mail.corp.example.com", false, true },
		{ "x.mail.corp.example.com", false, true },
		{ "corp.example.com", true, true },
		{ "ad.example.com", false, true },
		{ "dc1.ad.example.com", false, true },
		{ "badad.example.com", true, true },
		{ "mail.corp.local", false, true },
		{ "other.corp.local", false, false },
		{ "localhost", false, false },
		{ "x.localhost", false, false },
		{ "printer.local", false, false },
		{ "invalid", false, false },
		{ "abc.onion", false, false },
		{ "x.home.arpa", false, false },
		{ "srv.internal", false, false },
		{ ".", false, false },
		{ "partner.test", true, false },
		/* reverse: by the address */
		{ "1.2.0.10.in-addr.arpa", false, true },
		{ "9.2.0.192.in-addr.arpa", false, true },
		{ "9.100.51.198.in-addr.arpa", true, false },
		{ "1.0.0.127.in-addr.arpa", false, false },
		{ "1.0.1.127.in-addr.arpa", true, false },
		{ "1.1.168.192.in-addr.arpa", false, false },
		{ "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.8.b.d.0."
		  "1.0.0.2.ip6.arpa",
		    false, true },
		{ "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.2.0.0.0.8.b.d.0."
		  "1.0.0.2.ip6.arpa",
		    true, false },
		/* not in full, or no address: names like others */
		{ "0/25.2.0.192.in-addr.arpa", true, false },
		{ "2.0.10.in-addr.arpa", true, false },
		{ "01.2.0.10.in-addr.arpa", true, false },
		{ "1.2.0.256.in-addr.arpa", true, false },
		{ "1.2.0.10.in-addr.arpa.example.com", true, true },
	};
	size_t i;

	(void)state;
	for (i = 0; i < NELEMS(v); i++) {
		if (dns_policy_may_ask(&ext, v[i].name) != v[i].ext)
			fail_msg("ext: %s", v[i].name);
		if (dns_policy_may_ask(&in, v[i].name) != v[i].in)
			fail_msg("int: %s", v[i].name);
	}
}

static void
test_empty_inside_asks_nothing(void **state)
{
	struct dns_policy p;

	(void)state;
	dns_policy_init(&p, DNS_ASK_ONLY);
	dns_policy_seal(&p);
	assert_false(dns_policy_may_ask(&p, "example.com"));
	dns_policy_free(&p);
}

static void
test_addresses(void **state)
{
	static const struct {
		const char *addr;
		bool ok;
	} v[] = {
		{ "198.51.100.1", true },
		{ "203.0.113.9", true },
		{ "8.8.8.8", true },
		{ "2001:db8:2::1", true },
		{ "2a00:1450::1", true },
		/* inside */
		{ "10.1.2.3", false },
		{ "192.0.2.7", false },
		{ "2001:db8:1::1", false },
		/* inside, in other clothes */
		{ "::ffff:10.1.2.3", false },
		{ "::ffff:192.0.2.7", false },
		{ "64:ff9b::192.0.2.7", false },
		{ "2002:c000:0207::1", false },
		{ "64:ff9b::198.51.100.1", true },
		/* special */
		{ "127.0.0.1", false },
		{ "0.0.0.0", false },
		{ "169.254.169.254", false },
		{ "172.16.0.1", false },
		{ "192.168.1.1", false },
		{ "100.64.0.1", false },
		{ "224.0.0.1", false },
		{ "255.255.255.255", false },
		{ "::", false },
		{ "::1", false },
		{ "::ffff:127.0.0.1", false },
		{ "fe80::1", false },
		{ "fd00::1", false },
		{ "ff02::1", false },
		{ "64:ff9b::127.0.0.1", false },
		/* reach, but never inside */
		{ "127.1.2.3", true },
		{ "10.9.0.1", false },
	};
	struct netaddr a;
	size_t i;

	(void)state;
	for (i = 0; i < NELEMS(v); i++) {
		assert_int_equal(netaddr_parse(&a, v[i].addr), 0);
		if (dns_policy_may_return(&ext, &a) != v[i].ok)
			fail_msg("%s", v[i].addr);
		/* The inside server may say what it likes. */
		assert_true(dns_policy_may_return(&in, &a));
	}
}

static void
build_add(struct dns_build *b, enum dns_type type, const char *addr)
{
	struct dns_record r = { .type = type };
	uint8_t bytes[16];

	assert_int_equal(inet_pton(type == DNS_T_A ? AF_INET : AF_INET6, addr,
			     bytes),
	    1);
	r.data = bytes;
	r.len = type == DNS_T_A ? 4 : 16;
	dns_build_add(b, &r);
}

static void
test_filter(void **state)
{
	static struct dns_build b;
	static struct text t;
	struct dns_answer *a, *f;
	size_t dropped;

	(void)state;
	dns_build_init(&b);
	dns_build_ttl(&b, 77);
	build_add(&b, DNS_T_A, "198.51.100.1");
	build_add(&b, DNS_T_A, "10.0.0.1");
	build_add(&b, DNS_T_A, "198.51.100.2");
	build_add(&b, DNS_T_A, "127.0.0.1");
	a = dns_build_seal(&b, DNS_OK, "h.example");
	assert_non_null(a);
	f = dns_policy_filter(&in, a, &dropped);
	assert_ptr_equal(f, a);
	assert_int_equal(dropped, 0);
	f = dns_policy_filter(&ext, a, &dropped);
	assert_int_equal(dropped, 2);
	text_answer(&t, f);
	assert_string_equal(t.s,
	    "ok 77 h.example A 198.51.100.1 A 198.51.100.2");
	dns_answer_unref(f);

	dns_build_init(&b);
	dns_build_ttl(&b, 78);
	build_add(&b, DNS_T_AAAA, "::ffff:10.0.0.1");
	build_add(&b, DNS_T_AAAA, "::1");
	a = dns_build_seal(&b, DNS_OK, "h.example");
	assert_non_null(a);
	f = dns_policy_filter(&ext, a, &dropped);
	assert_int_equal(dropped, 2);
	text_answer(&t, f);
	assert_string_equal(t.s, "nodata 78 h.example");
	dns_answer_unref(f);
}

static void
test_chain(void **state)
{
	struct dns_chain c;

	(void)state;
	assert_int_equal(dns_chain_init(&c, "w.example.net"), 0);
	assert_true(dns_policy_may_follow(&ext, &c));
	assert_int_equal(dns_chain_add(&c, "mail.corp.example.com"), 0);
	assert_int_equal(dns_chain_add(&c, "h.example.net"), 0);
	assert_false(dns_policy_may_follow(&ext, &c));
	assert_true(dns_policy_may_follow(&in, &c));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_empty_inside_asks_nothing),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_filter),
		cmocka_unit_test(test_chain),
	};

	return cmocka_run_group_tests_name("dns_policy", tests, setup,
	    teardown);
}
