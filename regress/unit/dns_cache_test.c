/* SPDX-License-Identifier: ISC */
/* link: common/dns.a */
/* The cache: lifetimes, bounds, order of use, and a model beside it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/dns/cache.h"

static const struct dns_cache_conf small = {
	.entries = 8,
	.bytes = 1 << 20,
	.ttl_max = 1000,
	.negative_max = 100,
	.failure = 5,
	.key = { 1, 2, 3 },
};

static void
put(struct dns_cache *c, const char *name, enum dns_type type,
    enum dns_status status, uint32_t ttl, uint64_t now)
{
	struct dns_answer *a = dns_answer_bare(status, name, ttl);

	assert_non_null(a);
	dns_cache_put(c, name, type, a, now);
	dns_answer_unref(a);
}

/* Seconds left, or -1 */
static int
left(struct dns_cache *c, const char *name, enum dns_type type, uint64_t now)
{
	struct dns_answer *a;
	uint32_t ttl;

	if ((a = dns_cache_get(c, name, type, now, &ttl)) == NULL)
		return -1;
	assert_string_equal(a->canon, name);
	return (int)ttl;
}

/* The first outputs of the reference implementation: key 00..0f, 00.. */
static void
test_siphash(void **state)
{
	static const uint64_t want[] = {
		0x726fdb47dd0e0e31,
		0x74f839c593dc67fd,
		0x0d6c8009d9a94f5a,
		0x85676696d7fb7e2d,
		0xcf2794e0277187b7,
		0x18765564cd99a68d,
		0xcbc9466e58fee3ce,
		0xab0200f58b01d137,
		0x93f5f5799a932462,
	};
	uint8_t key[SIPHASH_KEY], in[16];
	size_t i;

	(void)state;
	for (i = 0; i < 16; i++)
		key[i] = in[i] = (uint8_t)i;
	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		assert_true(siphash(key, in, i) == want[i]);
	/* appendix A of the paper: 15 bytes */
	assert_true(siphash(key, in, 15) == 0xa129ca6149be45e5);
}

static void
test_lifetimes(void **state)
{
	static const struct {
		enum dns_status status;
		uint32_t ttl;
		int kept; /* s; 0: not */
	} v[] = {
		{ DNS_OK, 300, 300 },
		{ DNS_OK, 1000000, 1000 },
		{ DNS_OK, 0, 0 },
		{ DNS_NODATA, 60, 60 },
		{ DNS_NODATA, 3600, 100 },
		{ DNS_NXDOMAIN, 3600, 100 },
		{ DNS_NXDOMAIN, 0, 0 },
		{ DNS_SERVFAIL, 0, 5 },
		{ DNS_REFUSED, 0, 5 },
		{ DNS_TIMEOUT, 0, 5 },
		{ DNS_LOOP, 0, 5 },
		{ DNS_POLICY, 100, 0 },
		{ DNS_BUSY, 100, 0 },
	};
	struct dns_cache *c = dns_cache_new(&small);
	uint64_t now = 1000000, ms;
	size_t i;

	(void)state;
	assert_non_null(c);
	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		put(c, "a.example", DNS_T_A, v[i].status, v[i].ttl, now);
		if (v[i].kept == 0) {
			assert_int_equal(left(c, "a.example", DNS_T_A, now),
			    -1);
			assert_int_equal(dns_cache_entries(c), 0);
			continue;
		}
		assert_int_equal(left(c, "a.example", DNS_T_A, now), v[i].kept);
		ms = (uint64_t)v[i].kept * 1000;
		assert_int_equal(left(c, "a.example", DNS_T_A, now + ms - 1),
		    0);
		assert_int_equal(left(c, "a.example", DNS_T_A, now + ms), -1);
		/* and it is gone, not only hidden */
		assert_int_equal(left(c, "a.example", DNS_T_A, now), -1);
		assert_int_equal(dns_cache_entries(c), 0);
		assert_int_equal(dns_cache_bytes(c), 0);
	}
	dns_cache_free(c);
}

static void
test_keys(void **state)
{
	struct dns_cache *c = dns_cache_new(&small);

	(void)state;
	assert_non_null(c);
	put(c, "a.example", DNS_T_A, DNS_OK, 10, 0);
	put(c, "a.example", DNS_T_MX, DNS_OK, 20, 0);
	put(c, "b.example", DNS_T_A, DNS_NXDOMAIN, 30, 0);
	assert_int_equal(left(c, "a.example", DNS_T_A, 0), 10);
	assert_int_equal(left(c, "a.example", DNS_T_MX, 0), 20);
	assert_int_equal(left(c, "b.example", DNS_T_A, 0), 30);
	assert_int_equal(left(c, "a.example", DNS_T_AAAA, 0), -1);
	/* the newer one counts, one entry */
	put(c, "a.example", DNS_T_A, DNS_OK, 40, 0);
	assert_int_equal(left(c, "a.example", DNS_T_A, 0), 40);
	assert_int_equal(dns_cache_entries(c), 3);
	dns_cache_flush(c);
	assert_int_equal(dns_cache_entries(c), 0);
	assert_int_equal(left(c, "a.example", DNS_T_A, 0), -1);
	dns_cache_free(c);
}

static void
test_least_used_goes(void **state)
{
	struct dns_cache *c = dns_cache_new(&small);
	char name[32];
	int i;

	(void)state;
	assert_non_null(c);
	for (i = 0; i < 8; i++) {
		(void)snprintf(name, sizeof(name), "n%d", i);
		put(c, name, DNS_T_A, DNS_OK, 100, 0);
	}
	assert_int_equal(left(c, "n0", DNS_T_A, 0), 100); /* used again */
	put(c, "n8", DNS_T_A, DNS_OK, 100, 0);
	assert_int_equal(dns_cache_entries(c), 8);
	assert_int_equal(left(c, "n0", DNS_T_A, 0), 100);
	assert_int_equal(left(c, "n1", DNS_T_A, 0), -1);
	assert_int_equal(left(c, "n2", DNS_T_A, 0), 100);
	dns_cache_free(c);
}

static void
test_bytes(void **state)
{
	static struct dns_build b;
	struct dns_cache_conf conf = small;
	struct dns_record r = { .type = DNS_T_TXT };
	static uint8_t data[1000];
	struct dns_answer *a;
	struct dns_cache *c;
	char name[32];
	unsigned i;

	(void)state;
	conf.entries = 1000;
	conf.bytes = 10000;
	c = dns_cache_new(&conf);
	assert_non_null(c);
	for (i = 0; i < 100; i++) {
		dns_build_init(&b);
		dns_build_ttl(&b, 100);
		r.data = data;
		r.len = sizeof(data);
		dns_build_add(&b, &r);
		(void)snprintf(name, sizeof(name), "n%u", i);
		a = dns_build_seal(&b, DNS_OK, name);
		assert_non_null(a);
		dns_cache_put(c, name, DNS_T_TXT, a, 0);
		dns_answer_unref(a);
		assert_true(dns_cache_bytes(c) <= 10000);
	}
	assert_in_range(dns_cache_entries(c), 7, 9);
	/* The last one in is there; what is larger than all is not kept. */
	assert_int_equal(left(c, "n99", DNS_T_TXT, 0), 100);
	dns_cache_free(c);
	conf.bytes = 500;
	c = dns_cache_new(&conf);
	assert_non_null(c);
	a = dns_build_seal(&b, DNS_OK, "big");
	assert_non_null(a);
	dns_cache_put(c, "big", DNS_T_TXT, a, 0);
	dns_answer_unref(a);
	assert_int_equal(dns_cache_entries(c), 0);
	assert_int_equal(dns_cache_bytes(c), 0);
	dns_cache_free(c);
}

/* --- random use beside a model that is too simple to be wrong ------------ */

#define NAMES 24
#define STEPS 200000

struct model {
	bool in;
	uint64_t expires;
	uint64_t used; /* step of its last use */
};

static void
model_evict(struct model *m, size_t max)
{
	size_t i, n = 0, oldest = NAMES;

	for (i = 0; i < NAMES; i++) {
		if (!m[i].in)
			continue;
		n++;
		if (oldest == NAMES || m[i].used < m[oldest].used)
			oldest = i;
	}
	if (n > max)
		m[oldest].in = false;
}

static void
test_model(void **state)
{
	struct dns_cache *c = dns_cache_new(&small);
	struct model m[NAMES] = { { 0 } };
	uint64_t now = 0, rnd = 88172645463325252ULL, step;
	char name[32];
	size_t i;
	uint32_t ttl;
	int got;

	(void)state;
	assert_non_null(c);
	for (step = 1; step <= STEPS; step++) {
		rnd ^= rnd << 13;
		rnd ^= rnd >> 7;
		rnd ^= rnd << 17;
		i = (rnd >> 8) % NAMES;
		now += (rnd >> 20) % 700;
		(void)snprintf(name, sizeof(name), "host%zu.example", i);
		if (rnd % 3 == 0) {
			ttl = (uint32_t)((rnd >> 32) % 8);
			put(c, name, DNS_T_A, DNS_OK, ttl, now);
			m[i].in = ttl > 0;
			m[i].expires = now + ttl * 1000;
			m[i].used = step;
			model_evict(m, small.entries);
			continue;
		}
		got = left(c, name, DNS_T_A, now);
		if (m[i].in && now >= m[i].expires)
			m[i].in = false;
		if (m[i].in != (got >= 0))
			fail_msg("step %llu", (unsigned long long)step);
		if (!m[i].in)
			continue;
		assert_int_equal(got, (m[i].expires - now) / 1000);
		m[i].used = step;
	}
	dns_cache_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_siphash),
		cmocka_unit_test(test_lifetimes),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_least_used_goes),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_model),
	};

	return cmocka_run_group_tests_name("dns_cache", tests, NULL, NULL);
}
