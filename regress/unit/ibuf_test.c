/* SPDX-License-Identifier: ISC */
/* link: common/base/ibuf.o common/base/netaddr.o */
/* Message buffers: exact lengths, bounds, and failure that stays. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/ibuf.h"
#include "common/base/netaddr.h"

#define NELEMS(a) (sizeof(a) / sizeof((a)[0]))

static void
test_numbers(void **state)
{
	static const uint8_t want[] = { 0xab, 0x01, 0x02, 0xde, 0xad, 0xbe,
		0xef, 1, 2, 3, 4, 5, 6, 7, 8 };
	uint8_t mem[sizeof(want)], n8;
	uint16_t n16;
	uint32_t n32;
	uint64_t n64;
	struct ibuf b;

	(void)state;
	ibuf_wrap(&b, mem, sizeof(mem));
	assert_int_equal(ibuf_add_n8(&b, 0xab), 0);
	assert_int_equal(ibuf_add_n16(&b, 0x0102), 0);
	assert_int_equal(ibuf_add_n32(&b, 0xdeadbeef), 0);
	assert_int_equal(ibuf_add_n64(&b, 0x0102030405060708), 0);
	assert_int_equal(ibuf_left(&b), 0);
	assert_int_equal(ibuf_size(&b), sizeof(want));
	assert_memory_equal(ibuf_data(&b), want, sizeof(want));

	ibuf_from(&b, want, sizeof(want));
	assert_int_equal(ibuf_get_n8(&b, &n8), 0);
	assert_int_equal(ibuf_get_n16(&b, &n16), 0);
	assert_int_equal(ibuf_get_n32(&b, &n32), 0);
	assert_int_equal(ibuf_get_n64(&b, &n64), 0);
	assert_int_equal(n8, 0xab);
	assert_int_equal(n16, 0x0102);
	assert_int_equal(n32, 0xdeadbeef);
	assert_int_equal(n64, 0x0102030405060708);
	assert_int_equal(ibuf_get_end(&b), 0);
}

static void
test_number_range(void **state)
{
	static const struct {
		int (*add)(struct ibuf *, uint64_t);
		uint64_t most;
	} rows[] = {
		{ ibuf_add_n8, UINT8_MAX },
		{ ibuf_add_n16, UINT16_MAX },
		{ ibuf_add_n32, UINT32_MAX },
	};
	uint8_t mem[8];
	struct ibuf b;
	size_t i;

	(void)state;
	for (i = 0; i < NELEMS(rows); i++) {
		ibuf_wrap(&b, mem, sizeof(mem));
		assert_int_equal(rows[i].add(&b, rows[i].most), 0);
		errno = 0;
		assert_int_equal(rows[i].add(&b, rows[i].most + 1), -1);
		assert_int_equal(errno, ERANGE);
		assert_true(ibuf_failed(&b));
		/* and stays so */
		assert_int_equal(rows[i].add(&b, 0), -1);
		ibuf_wrap(&b, mem, sizeof(mem));
		assert_int_equal(rows[i].add(&b, UINT64_MAX), -1);
	}
	ibuf_wrap(&b, mem, sizeof(mem));
	assert_int_equal(ibuf_add_n64(&b, UINT64_MAX), 0);
}

/* Each get on every shorter buffer: EBADMSG, value 0, nothing after it. */
static void
test_short_reads(void **state)
{
	static const uint8_t data[8] = { 1, 1, 1, 1, 1, 1, 1, 1 };
	const void *view;
	uint64_t n64;
	uint32_t n32;
	uint16_t n16;
	uint8_t n8, mem[8];
	struct ibuf b;
	size_t i;

	(void)state;
	for (i = 0; i < 8; i++) {
		ibuf_from(&b, data, i);
		assert_int_equal(ibuf_get_n64(&b, &n64), -1);
		assert_int_equal(errno, EBADMSG);
		assert_int_equal(n64, 0);
		ibuf_from(&b, data, i);
		assert_int_equal(ibuf_get(&b, mem, 8), -1);
		ibuf_from(&b, data, i);
		assert_int_equal(ibuf_get_view(&b, &view, 8), -1);
		ibuf_from(&b, data, i);
		assert_int_equal(ibuf_get_n32(&b, &n32), i < 4 ? -1 : 0);
		ibuf_from(&b, data, i);
		assert_int_equal(ibuf_get_n16(&b, &n16), i < 2 ? -1 : 0);
		ibuf_from(&b, data, i);
		assert_int_equal(ibuf_get_n8(&b, &n8), i < 1 ? -1 : 0);
		assert_int_equal(ibuf_failed(&b), i < 1);
	}
	ibuf_from(&b, data, sizeof(data));
	assert_int_equal(ibuf_get(&b, mem, SIZE_MAX), -1);
	assert_int_equal(ibuf_get_n8(&b, &n8), -1);
	assert_int_equal(ibuf_get_end(&b), -1);
}

static void
test_end(void **state)
{
	static const uint8_t data[2];
	uint8_t n8;
	struct ibuf b;

	(void)state;
	ibuf_from(&b, data, 2);
	assert_int_equal(ibuf_get_n8(&b, &n8), 0);
	errno = 0;
	assert_int_equal(ibuf_get_end(&b), -1);
	assert_int_equal(errno, EBADMSG);
	assert_true(ibuf_failed(&b));
	ibuf_from(&b, NULL, 0);
	assert_int_equal(ibuf_get_end(&b), 0);
	assert_int_equal(ibuf_get(&b, NULL, 0), 0);
}

static void
test_bounded_writes(void **state)
{
	uint8_t mem[16];
	struct ibuf b;
	void *p;

	(void)state;
	memset(mem, 0xee, sizeof(mem));
	ibuf_wrap(&b, mem, 8);
	assert_int_equal(ibuf_add(&b, "12345678", 8), 0);
	assert_int_equal(ibuf_add(&b, NULL, 0), 0);
	assert_int_equal(ibuf_add(&b, "9", 1), -1);
	assert_int_equal(errno, ERANGE);
	assert_int_equal(mem[8], 0xee);

	ibuf_wrap(&b, mem, 8);
	p = ibuf_reserve(&b, 5);
	assert_ptr_equal(p, mem);
	assert_null(ibuf_reserve(&b, 4));
	assert_true(ibuf_failed(&b));
	/* failed: even what would fit is refused */
	assert_null(ibuf_reserve(&b, 1));

	ibuf_wrap(&b, mem, 8);
	assert_null(ibuf_reserve(&b, SIZE_MAX));
	/* one to read takes nothing */
	ibuf_from(&b, mem, 8);
	assert_int_equal(ibuf_add_n8(&b, 1), -1);
	assert_int_equal(mem[8], 0xee);
}

static void
test_strings(void **state)
{
	uint8_t mem[64];
	char out[8];
	size_t len;
	struct ibuf b, r;

	(void)state;
	ibuf_wrap(&b, mem, sizeof(mem));
	assert_int_equal(ibuf_add_cstr(&b, "", 7), 0);
	assert_int_equal(ibuf_add_cstr(&b, "1234567", 7), 0);
	assert_int_equal(ibuf_add_str(&b, "abcXXX", 3, 7), 0);
	ibuf_from(&r, mem, ibuf_size(&b));
	assert_int_equal(ibuf_get_cstr(&r, out, sizeof(out), &len), 0);
	assert_string_equal(out, "");
	assert_int_equal(len, 0);
	assert_int_equal(ibuf_get_cstr(&r, out, sizeof(out), &len), 0);
	assert_string_equal(out, "1234567");
	assert_int_equal(len, 7);
	assert_int_equal(ibuf_get_cstr(&r, out, sizeof(out), NULL), 0);
	assert_string_equal(out, "abc");
	assert_int_equal(ibuf_get_end(&r), 0);

	assert_int_equal(ibuf_add_cstr(&b, "12345678", 7), -1);
	assert_int_equal(errno, ERANGE);
}

static void
test_string_limits(void **state)
{
	char *big = calloc(1, 70000);
	uint8_t *mem = malloc(70000);
	struct ibuf b;

	(void)state;
	assert_non_null(big);
	assert_non_null(mem);
	memset(big, 'x', 69999);
	ibuf_wrap(&b, mem, 70000);
	assert_int_equal(ibuf_add_str(&b, big, 65535, SIZE_MAX), 0);
	ibuf_wrap(&b, mem, 70000);
	assert_int_equal(ibuf_add_str(&b, big, 65536, SIZE_MAX), -1);
	/* nothing of a string that does not fit whole may pass as one */
	ibuf_wrap(&b, mem, 10);
	assert_int_equal(ibuf_add_str(&b, big, 9, 100), -1);
	assert_true(ibuf_failed(&b));
	free(big);
	free(mem);
}

static void
test_bad_strings(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} rows[] = {
		{ "", 0 }, { "\0", 1 }, { "\0\1", 2 }, { "\0\3ab", 4 },
		{ "\377\377ab", 4 }, { "\0\3a\0b", 5 }, { "\0\3ab\0", 5 },
		{ "\0\3a\nb", 5 }, { "\0\3\rab", 5 },
		{ "\0\10abcdefgh", 10 }, /* one more than there is room for */
	};
	char out[8];
	struct ibuf b;
	size_t i, len;

	(void)state;
	for (i = 0; i < NELEMS(rows); i++) {
		memset(out, 'z', sizeof(out));
		len = 99;
		ibuf_from(&b, rows[i].bytes, rows[i].len);
		errno = 0;
		if (ibuf_get_cstr(&b, out, sizeof(out), &len) != -1)
			fail_msg("row %zu", i);
		assert_int_equal(errno, EBADMSG);
		assert_string_equal(out, "");
		assert_int_equal(len, 0);
		assert_true(ibuf_failed(&b));
	}
	/* no room at all, not even for the NUL */
	ibuf_from(&b, "\0", 2);
	assert_int_equal(ibuf_get_cstr(&b, out, 0, NULL), -1);
	ibuf_from(&b, "\0", 2);
	assert_int_equal(ibuf_get_cstr(&b, out, 1, NULL), 0);
}

/* --- addresses --- */

static const char *const addrs[] = { "192.0.2.1", "0.0.0.0",
	"::", "2001:db8::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" };

static void
test_netaddr(void **state)
{
	struct netaddr in, out;
	uint8_t mem[32];
	struct ibuf b, r;
	size_t i, cut;

	(void)state;
	for (i = 0; i <= NELEMS(addrs); i++) {
		memset(&in, 0, sizeof(in));
		if (i < NELEMS(addrs)) {
			assert_int_equal(netaddr_parse(&in, addrs[i]), 0);
			in.port = 2525;
		}
		ibuf_wrap(&b, mem, sizeof(mem));
		assert_int_equal(ibuf_add_netaddr(&b, &in), 0);
		assert_int_equal(ibuf_size(&b), 19);
		ibuf_from(&r, mem, 19);
		assert_int_equal(ibuf_get_netaddr(&r, &out), 0);
		assert_int_equal(netaddr_cmp(&in, &out), 0);
		assert_int_equal(ibuf_get_end(&r), 0);
		for (cut = 0; cut < 19; cut++) {
			ibuf_from(&r, mem, cut);
			assert_int_equal(ibuf_get_netaddr(&r, &out), -1);
			assert_int_equal(out.family, NETADDR_NONE);
		}
	}
}

static void
test_bad_netaddr(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
	} v4[] = { { 0, 0 }, { 0, 5 }, { 0, 255 }, { 5, 1 }, { 16, 1 } };
	struct netaddr a;
	uint8_t mem[19], copy[19];
	struct ibuf b;
	size_t i;

	(void)state;
	assert_int_equal(netaddr_parse(&a, "192.0.2.1"), 0);
	ibuf_wrap(&b, mem, sizeof(mem));
	assert_int_equal(ibuf_add_netaddr(&b, &a), 0);
	for (i = 0; i < NELEMS(v4); i++) {
		memcpy(copy, mem, sizeof(mem));
		copy[v4[i].at] = v4[i].value;
		ibuf_from(&b, copy, sizeof(copy));
		errno = 0;
		if (ibuf_get_netaddr(&b, &a) != -1)
			fail_msg("row %zu", i);
		assert_int_equal(errno, EBADMSG);
		assert_true(ibuf_failed(&b));
	}
	/* no address, but a port */
	memset(copy, 0, sizeof(copy));
	copy[18] = 25;
	ibuf_from(&b, copy, sizeof(copy));
	assert_int_equal(ibuf_get_netaddr(&b, &a), -1);
	/* mapped, and not folded */
	memset(copy, 0, sizeof(copy));
	copy[0] = NETADDR_V6;
	copy[11] = copy[12] = 0xff;
	ibuf_from(&b, copy, sizeof(copy));
	assert_int_equal(ibuf_get_netaddr(&b, &a), -1);
	/* nor is such a thing ever sent */
	a.family = 9;
	ibuf_wrap(&b, mem, sizeof(mem));
	assert_int_equal(ibuf_add_netaddr(&b, &a), -1);
	assert_int_equal(errno, ERANGE);
}

static void
test_netprefix(void **state)
{
	static const char *const rows[] = { "10.0.0.0/8", "0.0.0.0/0",
		"10.0.0.1", "2001:db8::/32", "::/0", "2001:db8::1" };
	struct netprefix in, out;
	uint8_t mem[20];
	struct ibuf b;
	size_t i, cut;

	(void)state;
	for (i = 0; i < NELEMS(rows); i++) {
		assert_int_equal(netprefix_parse(&in, rows[i]), 0);
		ibuf_wrap(&b, mem, sizeof(mem));
		assert_int_equal(ibuf_add_netprefix(&b, &in), 0);
		assert_int_equal(ibuf_left(&b), 0);
		ibuf_from(&b, mem, sizeof(mem));
		assert_int_equal(ibuf_get_netprefix(&b, &out), 0);
		assert_int_equal(netaddr_cmp(&in.addr, &out.addr), 0);
		assert_int_equal(in.len, out.len);
		for (cut = 0; cut < sizeof(mem); cut++) {
			ibuf_from(&b, mem, cut);
			assert_int_equal(ibuf_get_netprefix(&b, &out), -1);
		}
	}
}

static void
test_bad_netprefix(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
	} rows[] = { { 0, 0 }, { 4, 1 }, { 18, 25 }, { 19, 33 }, { 19, 4 } };
	struct netprefix p;
	uint8_t mem[20], copy[20];
	struct ibuf b;
	size_t i;

	(void)state;
	assert_int_equal(netprefix_parse(&p, "10.0.0.0/8"), 0);
	ibuf_wrap(&b, mem, sizeof(mem));
	assert_int_equal(ibuf_add_netprefix(&b, &p), 0);
	for (i = 0; i < NELEMS(rows); i++) {
		memcpy(copy, mem, sizeof(mem));
		copy[rows[i].at] = rows[i].value;
		ibuf_from(&b, copy, sizeof(copy));
		if (ibuf_get_netprefix(&b, &p) != -1)
			fail_msg("row %zu", i);
		assert_int_equal(p.addr.family, NETADDR_NONE);
	}
	ibuf_wrap(&b, mem, sizeof(mem));
	assert_int_equal(ibuf_add_netprefix(&b, &p), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_number_range),
		cmocka_unit_test(test_short_reads),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_bounded_writes),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_string_limits),
		cmocka_unit_test(test_bad_strings),
		cmocka_unit_test(test_netaddr),
		cmocka_unit_test(test_bad_netaddr),
		cmocka_unit_test(test_netprefix),
		cmocka_unit_test(test_bad_netprefix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
