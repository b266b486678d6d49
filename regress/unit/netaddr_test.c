/* SPDX-License-Identifier: ISC */
/* link: common/base/netaddr.o */
/* Addresses, prefixes, sets, and the class of every form of an address. */
#include <arpa/inet.h>
#include <netinet/in.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/netaddr.h"

#define NELEMS(a) (sizeof(a) / sizeof((a)[0]))

static struct netaddr
addr(const char *s)
{
	struct netaddr a;

	if (netaddr_parse(&a, s) == -1)
		fail_msg("\"%s\" does not parse", s);
	return a;
}

static struct netprefix
prefix(const char *s)
{
	struct netprefix p;

	if (netprefix_parse(&p, s) == -1)
		fail_msg("\"%s\" does not parse", s);
	return p;
}

/* --- classes --- */

#define G  NETCLASS_GLOBAL
#define U  NETCLASS_UNSPEC
#define LO NETCLASS_LOOPBACK
#define P  NETCLASS_PRIVATE
#define LL NETCLASS_LINKLOCAL
#define M  NETCLASS_MULTICAST
#define R  NETCLASS_RESERVED

static const struct {
	const char *addr;
	enum netclass class;
	const char *embedded; /* NULL: none */
} classes[] = {
	/* RFC 791: "this network" */
	{ "0.0.0.0", U, NULL },
	{ "0.255.255.255", U, NULL },
	{ "1.0.0.0", G, NULL },
	/* RFC 1918 */
	{ "9.255.255.255", G, NULL },
	{ "10.0.0.0", P, NULL },
	{ "10.255.255.255", P, NULL },
	{ "11.0.0.0", G, NULL },
	{ "172.15.255.255", G, NULL },
	{ "172.16.0.0", P, NULL },
	{ "172.31.255.255", P, NULL },
	{ "172.32.0.0", G, NULL },
	{ "192.167.255.255", G, NULL },
	{ "192.168.0.0", P, NULL },
	{ "192.168.255.255", P, NULL },
	{ "192.169.0.0", G, NULL },
	/* RFC 6598 */
	{ "100.63.255.255", G, NULL },
	{ "100.64.0.0", P, NULL },
	{ "100.127.255.255", P, NULL },
	{ "100.128.0.0", G, NULL },
	/* loopback */
	{ "126.255.255.255", G, NULL },
	{ "127.0.0.0", LO, NULL },
	{ "127.0.0.1", LO, NULL },
	{ "127.255.255.255", LO, NULL },
	{ "128.0.0.0", G, NULL },
	/* link-local, with the clouds' metadata */
	{ "169.253.255.255", G, NULL },
	{ "169.254.0.0", LL, NULL },
	{ "169.254.169.254", LL, NULL },
	{ "169.255.0.0", G, NULL },
	/* IETF protocol assignments, and their anycast exceptions */
	{ "191.255.255.255", G, NULL },
	{ "192.0.0.0", R, NULL },
	{ "192.0.0.9", R, NULL },
	{ "192.0.0.170", R, NULL },
	{ "192.0.1.0", G, NULL },
	/* documentation counts as Internet */
	{ "192.0.2.1", G, NULL },
	{ "198.51.100.1", G, NULL },
	{ "203.0.113.25", G, NULL },
	{ "2001:db8::25", G, NULL },
	{ "3fff::1", G, NULL },
	/* 6to4 relays, benchmarking */
	{ "192.88.98.255", G, NULL },
	{ "192.88.99.1", R, NULL },
	{ "192.88.100.0", G, NULL },
	{ "198.17.255.255", G, NULL },
	{ "198.18.0.0", R, NULL },
	{ "198.19.255.255", R, NULL },
	{ "198.20.0.0", G, NULL },
	/* multicast, class E, broadcast */
	{ "223.255.255.255", G, NULL },
	{ "224.0.0.1", M, NULL },
	{ "239.255.255.255", M, NULL },
	{ "240.0.0.0", R, NULL },
	{ "255.255.255.254", R, NULL },
	{ "255.255.255.255", R, NULL },
	{ "8.8.8.8", G, NULL },

	/* IPv6 */
	{ "::", U, NULL },
	{ "::1", LO, NULL },
	{ "2606:4700::1111", G, NULL },
	{ "2000::", G, NULL },
	{ "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", G, NULL },
	{ "1fff:ffff::", R, NULL },
	{ "4000::", R, NULL },
	{ "fbff::1", R, NULL },
	{ "fc00::1", P, NULL },
	{ "fdff:ffff::1", P, NULL },
	{ "fe00::1", R, NULL },
	{ "fe7f:ffff::1", R, NULL },
	{ "fe80::1", LL, NULL },
	{ "febf:ffff::1", LL, NULL },
	{ "fec0::1", P, NULL },
	{ "feff:ffff::1", P, NULL },
	{ "ff00::", M, NULL },
	{ "ff02::1", M, NULL },
	{ "ffff:ffff::1", M, NULL },
	{ "100::1", R, NULL },
	{ "100:0:0:1::1", R, NULL },
	{ "5f00::1", R, NULL },
	{ "2001:2::1", R, NULL },
	{ "2001:10::1", R, NULL },
	{ "2001:20::1", R, NULL },
	{ "2001:1ff:ffff::1", R, NULL },
	{ "2001:200::1", G, NULL },
	{ "2003::1", G, NULL },

	/* mapped: is IPv4 */
	{ "::ffff:8.8.8.8", G, NULL },
	{ "::ffff:127.0.0.1", LO, NULL },
	{ "::ffff:10.1.2.3", P, NULL },
	{ "::ffff:a9fe:a9fe", LL, NULL },
	{ "0:0:0:0:0:ffff:0:0", U, NULL },
	/* compatible */
	{ "::127.0.0.1", LO, "127.0.0.1" },
	{ "::10.0.0.5", P, "10.0.0.5" },
	{ "::8.8.8.8", R, "8.8.8.8" },
	{ "::2", U, "0.0.0.2" },
	/* translated */
	{ "::ffff:0:10.0.0.5", P, "10.0.0.5" },
	{ "::ffff:0:8.8.8.8", R, "8.8.8.8" },
	/* NAT64 */
	{ "64:ff9b::8.8.8.8", G, "8.8.8.8" },
	{ "64:ff9b::10.0.0.5", P, "10.0.0.5" },
	{ "64:ff9b::7f00:1", LO, "127.0.0.1" },
	{ "64:ff9b::169.254.169.254", LL, "169.254.169.254" },
	{ "64:ff9b::224.0.0.1", M, "224.0.0.1" },
	{ "64:ff9b:0:0:0:1::", R, NULL },
	{ "64:ff9b:1::8.8.8.8", P, "8.8.8.8" },
	{ "64:ff9b:1:abcd::192.168.1.1", P, "192.168.1.1" },
	{ "64:ff9b:1::127.0.0.1", LO, "127.0.0.1" },
	{ "64:ff9b:2::8.8.8.8", R, NULL },
	/* 6to4 */
	{ "2002:808:808::1", G, "8.8.8.8" },
	{ "2002:a00:5::1", P, "10.0.0.5" },
	{ "2002:7f00:1::", LO, "127.0.0.1" },
	{ "2002:c0a8:101:1::25", P, "192.168.1.1" },
	{ "2002:a9fe:a9fe::1", LL, "169.254.169.254" },
	{ "2002::1", U, "0.0.0.0" },
	{ "2002:ffff:ffff::1", R, "255.255.255.255" },
	/* Teredo: the client's address inverted, whatever the server's is */
	{ "2001:0:4136:e378:8000:63bf:f7f7:f7f7", G, "8.8.8.8" },
	{ "2001:0:4136:e378:8000:63bf:f5ff:fffa", P, "10.0.0.5" },
	{ "2001::80ff:fffe", LO, "127.0.0.1" },
	{ "2001::3f57:fefe", P, "192.168.1.1" },
	{ "2001::ffff:ffff", U, "0.0.0.0" },
	/* ISATAP, with any prefix, and its local/universal bit */
	{ "2606:4700::5efe:10.0.0.5", P, "10.0.0.5" },
	{ "2606:4700::200:5efe:10.0.0.5", P, "10.0.0.5" },
	{ "2606:4700::200:5efe:8.8.8.8", G, "8.8.8.8" },
	{ "2606:4700::5efe:127.0.0.1", LO, "127.0.0.1" },
	{ "fe80::5efe:8.8.8.8", LL, "8.8.8.8" },
	{ "fe80::200:5efe:10.0.0.5", LL, "10.0.0.5" },
	{ "2606:4700::100:5efe:10.0.0.5", G, NULL },
	{ "2606:4700::1:5efe:10.0.0.5", G, NULL },
};

static void
test_class(void **state)
{
	struct netaddr a, inner, want;
	enum netclass class;
	char buf[NETADDR_STRLEN];
	size_t i;

	(void)state;
	assert_true(NELEMS(classes) >= 80);
	for (i = 0; i < NELEMS(classes); i++) {
		a = addr(classes[i].addr);
		class = netaddr_class(&a, &inner);
		if (class != classes[i].class)
			fail_msg("%s is %s, not %s", classes[i].addr,
			    netclass_name(class),
			    netclass_name(classes[i].class));
		assert_int_equal(netaddr_class(&a, NULL), class);
		if (classes[i].embedded == NULL) {
			if (inner.family != NETADDR_NONE)
				fail_msg("%s carries %s", classes[i].addr,
				    netaddr_ntop(&inner, buf, sizeof(buf)));
			continue;
		}
		want = addr(classes[i].embedded);
		if (!netaddr_equal(&inner, &want))
			fail_msg("%s carries %s", classes[i].addr,
			    netaddr_ntop(&inner, buf, sizeof(buf)));
	}
}

/* One that came around the folding is not taken for the Internet. */
static void
test_class_unfolded(void **state)
{
	struct netaddr a = { .family = NETADDR_V6 }, inner;

	(void)state;
	a.bytes[10] = a.bytes[11] = 0xff;
	a.bytes[12] = 127;
	a.bytes[15] = 1;
	assert_int_equal(netaddr_class(&a, &inner), NETCLASS_LOOPBACK);
	assert_int_equal(inner.family, NETADDR_V4);
	a.bytes[12] = 8;
	assert_int_equal(netaddr_class(&a, NULL), NETCLASS_RESERVED);
	a.family = NETADDR_NONE;
	assert_int_equal(netaddr_class(&a, &inner), NETCLASS_UNSPEC);
	assert_int_equal(inner.family, NETADDR_NONE);
	a.family = 7;
	assert_int_equal(netaddr_class(&a, NULL), NETCLASS_UNSPEC);
}

static void
test_class_names(void **state)
{
	int i, j;

	(void)state;
	for (i = NETCLASS_GLOBAL; i <= NETCLASS_RESERVED; i++) {
		assert_non_null(netclass_name((enum netclass)i));
		assert_string_not_equal(netclass_name((enum netclass)i),
		    "unknown");
		for (j = NETCLASS_GLOBAL; j < i; j++)
			assert_string_not_equal(netclass_name((enum netclass)i),
			    netclass_name((enum netclass)j));
	}
	assert_string_equal(netclass_name(
				(enum netclass)(NETCLASS_RESERVED + 1)),
	    "unknown");
}

/* --- text --- */

static const struct {
	const char *in, *out; /* out NULL: not an address */
} texts[] = {
	{ "192.0.2.1", "192.0.2.1" },
	{ "0.0.0.0", "0.0.0.0" },
	{ "255.255.255.255", "255.255.255.255" },
	{ "2001:DB8::1", "2001:db8::1" },
	{ "2001:db8:0:0:0:0:0:1", "2001:db8::1" },
	{ "2001:0db8:0000:0000:0001:0000:0000:0001", "2001:db8::1:0:0:1" },
	{ "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1" },
	{ "2001:0:0:1:0:0:0:1", "2001:0:0:1::1" },
	{ "::", "::" },
	{ "::1", "::1" },
	{ "::ffff:192.0.2.1", "192.0.2.1" },
	{ "::FFFF:c000:201", "192.0.2.1" },
	{ "64:ff9b::192.0.2.33", "64:ff9b::c000:221" },
	{ "", NULL },
	{ " 192.0.2.1", NULL },
	{ "192.0.2.1 ", NULL },
	{ "192.0.2", NULL },
	{ "192.0.2.1.", NULL },
	{ "192.0.2.256", NULL },
	{ "192.0.2.01", NULL },
	{ "0x7f.0.0.1", NULL },
	{ "2130706433", NULL },
	{ "192.0.2.1:25", NULL },
	{ "192.0.2.1/32", NULL },
	{ "[2001:db8::1]", NULL },
	{ "IPv6:2001:db8::1", NULL },
	{ "fe80::1%eth0", NULL },
	{ "2001:db8::1::2", NULL },
	{ "2001:db8", NULL },
	{ "1:2:3:4:5:6:7:8:9", NULL },
	{ "2001:db8::12345", NULL },
	{ "::ffff:192.0.2.256", NULL },
	{ "localhost", NULL },
};

static void
test_text(void **state)
{
	struct netaddr a, again;
	char buf[NETADDR_STRLEN];
	size_t i;
	int rc;

	(void)state;
	for (i = 0; i < NELEMS(texts); i++) {
		rc = netaddr_parse(&a, texts[i].in);
		if ((rc == 0) != (texts[i].out != NULL))
			fail_msg("\"%s\": %d", texts[i].in, rc);
		if (rc == -1) {
			assert_int_equal(a.family, NETADDR_NONE);
			assert_false(netaddr_valid(&a));
			continue;
		}
		assert_true(netaddr_valid(&a));
		assert_int_equal(a.port, 0);
		assert_string_equal(netaddr_ntop(&a, buf, sizeof(buf)),
		    texts[i].out);
		again = addr(buf);
		assert_int_equal(netaddr_cmp(&a, &again), 0);
	}
}

static void
test_text_port(void **state)
{
	struct netaddr a = addr("192.0.2.1");
	char buf[NETADDR_STRLEN];

	(void)state;
	a.port = 25;
	assert_string_equal(netaddr_ntop_port(&a, buf, sizeof(buf)),
	    "192.0.2.1:25");
	a = addr("2001:db8::1");
	a.port = 65535;
	assert_string_equal(netaddr_ntop_port(&a, buf, sizeof(buf)),
	    "[2001:db8::1]:65535");
	a = addr("1111:2222:3333:4444:5555:6666:7777:8888");
	a.port = 65535;
	assert_string_equal(netaddr_ntop_port(&a, buf, sizeof(buf)),
	    "[1111:2222:3333:4444:5555:6666:7777:8888]:65535");
	memset(&a, 0, sizeof(a));
	assert_string_equal(netaddr_ntop(&a, buf, sizeof(buf)), "none");
}

/* --- values --- */

static void
test_sockaddr(void **state)
{
	static const char *const all[] = { "192.0.2.1", "2001:db8::1", "::1",
		"255.255.255.255" };
	struct sockaddr_storage ss;
	struct netaddr a, b;
	socklen_t len, less;
	size_t i;

	(void)state;
	for (i = 0; i < NELEMS(all); i++) {
		a = addr(all[i]);
		a.port = 2525;
		len = netaddr_to_sockaddr(&a, &ss);
		assert_int_equal(netaddr_from_sockaddr(&b,
				     (struct sockaddr *)&ss, len),
		    0);
		assert_int_equal(netaddr_cmp(&a, &b), 0);
		for (less = 0; less < len; less++)
			assert_int_equal(netaddr_from_sockaddr(&b,
					     (struct sockaddr *)&ss, less),
			    -1);
	}
	ss.ss_family = AF_UNIX;
	assert_int_equal(netaddr_from_sockaddr(&b, (struct sockaddr *)&ss,
			     sizeof(ss)),
	    -1);
	memset(&a, 0, sizeof(a));
	assert_int_equal(netaddr_to_sockaddr(&a, &ss), 0);
}

static void
test_sockaddr_mapped(void **state)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
		.sin6_port = htons(25),
		.sin6_scope_id = 3 };
	struct netaddr a, want = addr("192.0.2.7");

	(void)state;
	want.port = 25;
	assert_int_equal(inet_pton(AF_INET6, "::ffff:192.0.2.7",
			     &in6.sin6_addr),
	    1);
	assert_int_equal(netaddr_from_sockaddr(&a, (struct sockaddr *)&in6,
			     sizeof(in6)),
	    0);
	assert_int_equal(netaddr_cmp(&a, &want), 0);
}

static void
test_order(void **state)
{
	/* ascending */
	static const struct {
		const char *addr;
		uint16_t port;
	} all[] = {
		{ "1.2.3.4", 0 },
		{ "1.2.3.4", 25 },
		{ "1.2.3.5", 0 },
		{ "200.0.0.1", 0 },
		{ "::1", 9 },
		{ "2001:db8::1", 0 },
		{ "2001:db8::1", 65535 },
	};
	struct netaddr a, b;
	size_t i, j;

	(void)state;
	for (i = 0; i < NELEMS(all); i++) {
		for (j = 0; j < NELEMS(all); j++) {
			a = addr(all[i].addr);
			a.port = all[i].port;
			b = addr(all[j].addr);
			b.port = all[j].port;
			assert_int_equal(netaddr_cmp(&a, &b) < 0, i < j);
			assert_int_equal(netaddr_cmp(&a, &b) == 0, i == j);
			assert_int_equal(netaddr_equal(&a, &b),
			    strcmp(all[i].addr, all[j].addr) == 0);
		}
	}
}

static void
test_valid(void **state)
{
	struct netaddr a = addr("192.0.2.1");
	size_t i;

	(void)state;
	a.port = 25;
	assert_true(netaddr_valid(&a));
	for (i = 4; i < 16; i++) {
		a.bytes[i] = 1;
		assert_false(netaddr_valid(&a));
		a.bytes[i] = 0;
	}
	for (i = 0; i < 256; i++) {
		a.family = (uint8_t)i;
		assert_int_equal(netaddr_valid(&a), i == 4 || i == 6);
	}
	memset(a.bytes, 0, 16);
	a.bytes[10] = a.bytes[11] = 0xff;
	a.family = NETADDR_V6;
	assert_false(netaddr_valid(&a));
}

/* --- prefixes --- */

static const struct {
	const char *in, *out; /* out NULL: refused with error */
	int error;
} prefixes[] = {
	{ "10.0.0.0/8", "10.0.0.0/8", 0 },
	{ "0.0.0.0/0", "0.0.0.0/0", 0 },
	{ "::/0", "::/0", 0 },
	{ "10.0.0.10", "10.0.0.10", 0 },
	{ "10.0.0.10/32", "10.0.0.10", 0 },
	{ "10.0.0.10/31", "10.0.0.10/31", 0 },
	{ "2001:db8::/32", "2001:db8::/32", 0 },
	{ "2001:db8::1", "2001:db8::1", 0 },
	{ "2001:db8::1/128", "2001:db8::1", 0 },
	{ "fe80::/10", "fe80::/10", 0 },
	{ "::ffff:10.0.0.0/104", "10.0.0.0/8", 0 },
	{ "::ffff:0.0.0.0/96", "0.0.0.0/0", 0 },
	{ "::ffff:10.0.0.1", "10.0.0.1", 0 },
	{ "10.0.0.1/8", "10.0.0.0/8", EDOM },
	{ "10.128.0.0/8", "10.0.0.0/8", EDOM },
	{ "10.0.0.11/31", "10.0.0.10/31", EDOM },
	{ "1.0.0.0/0", "0.0.0.0/0", EDOM },
	{ "2001:db8::1/32", "2001:db8::/32", EDOM },
	{ "fec0::/9", "fe80::/9", EDOM },
	{ "::ffff:10.0.0.0/95", NULL, EINVAL },
	{ "::ffff:10.0.0.0/8", NULL, EINVAL },
	{ "10.0.0.0/33", NULL, EINVAL },
	{ "2001:db8::/129", NULL, EINVAL },
	{ "10.0.0.0/", NULL, EINVAL },
	{ "10.0.0.0/08", NULL, EINVAL },
	{ "10.0.0.0/00", NULL, EINVAL },
	{ "10.0.0.0/+8", NULL, EINVAL },
	{ "10.0.0.0/-1", NULL, EINVAL },
	{ "10.0.0.0/ 8", NULL, EINVAL },
	{ "10.0.0.0/8 ", NULL, EINVAL },
	{ "10.0.0.0/8/8", NULL, EINVAL },
	{ "10.0.0.0/0x8", NULL, EINVAL },
	{ "10.0.0.0/4294967304", NULL, EINVAL },
	{ "10.0.0.0/255.0.0.0", NULL, EINVAL },
	{ "10/8", NULL, EINVAL },
	{ "/8", NULL, EINVAL },
	{ "", NULL, EINVAL },
	{ "example.net/8", NULL, EINVAL },
	{ "0000000000000000000000000000000000000000000000000000000000000000",
	    NULL, EINVAL },
};

static void
test_prefix_text(void **state)
{
	struct netprefix p;
	char buf[NETADDR_STRLEN];
	size_t i;
	int rc;

	(void)state;
	for (i = 0; i < NELEMS(prefixes); i++) {
		errno = 0;
		rc = netprefix_parse(&p, prefixes[i].in);
		if ((rc == -1) != (prefixes[i].error != 0))
			fail_msg("\"%s\": %d", prefixes[i].in, rc);
		if (rc == -1)
			assert_int_equal(errno, prefixes[i].error);
		if (prefixes[i].out == NULL) {
			assert_false(netprefix_valid(&p));
			continue;
		}
		assert_true(netprefix_valid(&p));
		assert_string_equal(netprefix_ntop(&p, buf, sizeof(buf)),
		    prefixes[i].out);
	}
}

static const struct {
	const char *prefix, *addr;
	bool match;
} matches[] = {
	{ "10.0.0.0/8", "10.0.0.0", true },
	{ "10.0.0.0/8", "10.255.255.255", true },
	{ "10.0.0.0/8", "11.0.0.0", false },
	{ "10.0.0.0/8", "9.255.255.255", false },
	{ "10.0.0.0/8", "::10.0.0.1", false },
	{ "10.0.0.0/8", "::ffff:10.0.0.1", true },
	{ "10.0.0.0/31", "10.0.0.1", true },
	{ "10.0.0.0/31", "10.0.0.2", false },
	{ "10.0.0.1", "10.0.0.1", true },
	{ "10.0.0.1", "10.0.0.0", false },
	{ "128.0.0.0/1", "128.0.0.1", true },
	{ "128.0.0.0/1", "127.255.255.255", false },
	{ "0.0.0.0/0", "203.0.113.1", true },
	{ "0.0.0.0/0", "2001:db8::1", false },
	{ "::/0", "2001:db8::1", true },
	{ "::/0", "203.0.113.1", false },
	{ "2001:db8::/33", "2001:db8:7fff::1", true },
	{ "2001:db8::/33", "2001:db8:8000::1", false },
	{ "2001:db8::/127", "2001:db8::1", true },
	{ "2001:db8::/127", "2001:db8::2", false },
};

static void
test_match(void **state)
{
	struct netprefix p;
	struct netaddr a;
	size_t i;

	(void)state;
	for (i = 0; i < NELEMS(matches); i++) {
		p = prefix(matches[i].prefix);
		a = addr(matches[i].addr);
		if (netprefix_match(&p, &a) != matches[i].match)
			fail_msg("%s, %s", matches[i].prefix, matches[i].addr);
		a.port = 25; /* is not looked at */
		assert_int_equal(netprefix_match(&p, &a), matches[i].match);
	}
	memset(&a, 0, sizeof(a));
	memset(&p, 0, sizeof(p));
	assert_false(netprefix_match(&p, &a));
}

static void
test_overlap(void **state)
{
	static const struct {
		const char *a, *b;
		bool overlap;
	} rows[] = {
		{ "10.0.0.0/8", "10.1.0.0/16", true },
		{ "10.0.0.0/8", "10.0.0.0/8", true },
		{ "10.0.0.0/9", "10.128.0.0/9", false },
		{ "10.0.0.0/8", "192.168.0.0/16", false },
		{ "0.0.0.0/0", "192.168.0.0/16", true },
		{ "0.0.0.0/0", "::/0", false },
		{ "2001:db8::/32", "2001:db8:1::/48", true },
		{ "2001:db8::/33", "2001:db8:8000::/33", false },
		{ "10.0.0.1", "10.0.0.1", true },
		{ "10.0.0.1", "10.0.0.2", false },
	};
	struct netprefix a, b;
	size_t i;

	(void)state;
	for (i = 0; i < NELEMS(rows); i++) {
		a = prefix(rows[i].a);
		b = prefix(rows[i].b);
		if (netprefix_overlap(&a, &b) != rows[i].overlap ||
		    netprefix_overlap(&b, &a) != rows[i].overlap)
			fail_msg("%s, %s", rows[i].a, rows[i].b);
	}
}

static void
test_prefix_valid(void **state)
{
	struct netprefix p = prefix("10.0.0.0/8");

	(void)state;
	p.len = 33;
	assert_false(netprefix_valid(&p));
	p.len = 7; /* 10 has bit 6 */
	assert_true(netprefix_valid(&p));
	p.len = 6;
	assert_false(netprefix_valid(&p));
	p.len = 8;
	p.addr.port = 1;
	assert_false(netprefix_valid(&p));
	p.addr.port = 0;
	p.addr.bytes[15] = 1;
	assert_false(netprefix_valid(&p));
	p = prefix("2001:db8::/32");
	p.len = 129;
	assert_false(netprefix_valid(&p));
	p.len = 255;
	assert_false(netprefix_valid(&p));
}

static void
test_set(void **state)
{
	struct netset set = { 0 };
	struct netprefix p;
	struct netaddr a = addr("10.0.0.11");
	char text[NETADDR_STRLEN];
	int i;

	(void)state;
	assert_false(netset_match(&set, &a));
	for (i = 0; i < 100; i++) {
		(void)snprintf(text, sizeof(text), "10.0.%d.0/24", 2 * i);
		p = prefix(text);
		assert_int_equal(netset_add(&set, &p), 0);
	}
	assert_int_equal(set.n, 100);
	assert_true(netset_match(&set, &a));
	a = addr("10.0.198.255");
	assert_true(netset_match(&set, &a));
	a = addr("10.0.199.0");
	assert_false(netset_match(&set, &a));
	netset_free(&set);
	assert_null(set.v);
	assert_false(netset_match(&set, &a));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_class),
		cmocka_unit_test(test_class_unfolded),
		cmocka_unit_test(test_class_names),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_text_port),
		cmocka_unit_test(test_sockaddr),
		cmocka_unit_test(test_sockaddr_mapped),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_valid),
		cmocka_unit_test(test_prefix_text),
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_overlap),
		cmocka_unit_test(test_prefix_valid),
		cmocka_unit_test(test_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
