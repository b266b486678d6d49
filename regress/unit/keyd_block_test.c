/* SPDX-License-Identifier: ISC */
/* link: keyd/block.o */
/* What keyd signs, octet for octet, and that it signs nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "keyd/block.h"

static uint8_t buf[4096];

static size_t
make_13(const char *context, size_t hash)
{
	size_t n = strlen(context) + 1;

	memset(buf, ' ', 64);
	memcpy(buf + 64, context, n);
	memset(buf + 64 + n, 0xab, hash);
	return 64 + n + hash;
}

static size_t
make_server_12(unsigned curve, size_t len)
{
	memset(buf, 0x20, 64); /* randoms may be anything, spaces too */
	buf[64] = 3;
	buf[65] = (uint8_t)(curve >> 8);
	buf[66] = (uint8_t)curve;
	buf[67] = (uint8_t)len;
	memset(buf + 68, 4, len);
	return 68 + len;
}

static size_t
message(size_t at, unsigned type, size_t len)
{
	buf[at] = (uint8_t)type;
	buf[at + 1] = 0;
	buf[at + 2] = (uint8_t)(len >> 8);
	buf[at + 3] = (uint8_t)len;
	memset(buf + at + 4, 3, len);
	return at + 4 + len;
}

/* The messages of types, each as long as lens says. */
static size_t
make_client_12(const uint8_t *types, const uint16_t *lens, size_t n)
{
	size_t i, at = 0;

	for (i = 0; i < n; i++)
		at = message(at, types[i], lens[i]);
	return at;
}

#define SERVER "TLS 1.3, server CertificateVerify"
#define CLIENT "TLS 1.3, client CertificateVerify"

static void
tls13(void **state)
{
	size_t n, i;

	(void)state;
	n = make_13(SERVER, 32);
	assert_int_equal(block_parse(buf, n), BLOCK_SERVER_13);
	n = make_13(SERVER, 48);
	assert_int_equal(block_parse(buf, n), BLOCK_SERVER_13);
	n = make_13(CLIENT, 32);
	assert_int_equal(block_parse(buf, n), BLOCK_CLIENT_13);
	n = make_13(CLIENT, 48);
	assert_int_equal(block_parse(buf, n), BLOCK_CLIENT_13);
	/* other contexts, other hashes */
	n = make_13("TLS 1.3, server CertificateVerifY", 32);
	assert_int_equal(block_parse(buf, n), BLOCK_NONE);
	n = make_13("TLS 1.3, exporter", 32);
	assert_int_equal(block_parse(buf, n), BLOCK_NONE);
	n = make_13(SERVER, 64);
	assert_int_equal(block_parse(buf, n), BLOCK_NONE);
	n = make_13(SERVER, 20);
	assert_int_equal(block_parse(buf, n), BLOCK_NONE);
	/* every octet before the hash counts, and every length */
	n = make_13(SERVER, 32);
	for (i = 0; i < n - 32; i++) {
		buf[i] ^= 1;
		assert_int_equal(block_parse(buf, n), BLOCK_NONE);
		buf[i] ^= 1;
	}
	for (i = 0; i < n; i++)
		assert_int_equal(block_parse(buf, i), BLOCK_NONE);
}

static void
server12(void **state)
{
	static const struct {
		unsigned curve;
		size_t len;
		enum block_kind kind;
	} cases[] = {
		{ 23, 65, BLOCK_SERVER_12 },
		{ 24, 97, BLOCK_SERVER_12 },
		{ 25, 133, BLOCK_SERVER_12 },
		{ 29, 32, BLOCK_SERVER_12 },
		{ 30, 56, BLOCK_SERVER_12 },
		{ 23, 64, BLOCK_NONE },
		{ 23, 97, BLOCK_NONE },
		{ 29, 65, BLOCK_NONE },
		{ 1, 65, BLOCK_NONE },
		{ 0x1700, 65, BLOCK_NONE },
		{ 23, 0, BLOCK_NONE },
	};
	size_t n, i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		n = make_server_12(cases[i].curve, cases[i].len);
		assert_int_equal(block_parse(buf, n), cases[i].kind);
	}
	n = make_server_12(23, 65);
	assert_int_equal(block_parse(buf, n - 1), BLOCK_NONE);
	assert_int_equal(block_parse(buf, n + 1), BLOCK_NONE);
	buf[64] = 1; /* explicit_prime */
	assert_int_equal(block_parse(buf, n), BLOCK_NONE);
	buf[64] = 3;
	buf[68] = 2; /* a compressed point */
	assert_int_equal(block_parse(buf, n), BLOCK_NONE);
	/* randoms alone, or with something else behind them */
	memset(buf, 0xaa, sizeof(buf));
	assert_int_equal(block_parse(buf, 64), BLOCK_NONE);
	assert_int_equal(block_parse(buf, 96), BLOCK_NONE);
}

static void
client12(void **state)
{
	static const uint8_t all[] = { 1, 2, 11, 22, 12, 13, 14, 11, 16 };
	static const uint16_t lens[] = { 200, 80, 900, 10, 300, 40, 0, 700,
		66 };
	static const uint8_t few[] = { 1, 2, 11, 13, 14, 11, 16 };
	static const uint16_t few_lens[] = { 38, 38, 3, 5, 0, 3, 1 };
	uint8_t types[9];
	size_t i, n;

	(void)state;
	n = make_client_12(all, lens, 9);
	assert_int_equal(block_parse(buf, n), BLOCK_CLIENT_12);
	for (i = 0; i < n; i++)
		assert_int_equal(block_parse(buf, i), BLOCK_NONE);
	assert_int_equal(block_parse(buf, n + 1), BLOCK_NONE);
	assert_int_equal(block_parse(buf, n + 4), BLOCK_NONE);
	n = make_client_12(few, few_lens, 7);
	assert_int_equal(block_parse(buf, n), BLOCK_CLIENT_12);
	/* each message of another type */
	for (i = 0; i < 9; i++) {
		memcpy(types, all, sizeof(types));
		types[i] = 20;
		n = make_client_12(types, lens, 9);
		assert_int_equal(block_parse(buf, n), BLOCK_NONE);
	}
	/* not the version */
	n = make_client_12(few, few_lens, 7);
	buf[5] = 4;
	assert_int_equal(block_parse(buf, n), BLOCK_NONE);
	/* a length beyond the end, and one that wraps */
	n = make_client_12(few, few_lens, 7);
	buf[1] = 0xff;
	assert_int_equal(block_parse(buf, n), BLOCK_NONE);
	assert_int_equal(block_parse(buf, 0), BLOCK_NONE);
}

/* Bare digests, other protocols: nothing that an oracle would be asked. */
static void
foreign(void **state)
{
	static const char *const texts[] = {
		"From: a@b\r\nTo: c@d\r\n",
		"SSH-2.0-OpenSSH\r\n",
		"-----BEGIN CERTIFICATE-----\n",
		"\x30\x82\x01\x0a",
	};
	size_t i, n;

	(void)state;
	memset(buf, 0x5a, sizeof(buf));
	for (n = 0; n < sizeof(buf); n++)
		assert_int_equal(block_parse(buf, n), BLOCK_NONE);
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		n = strlen(texts[i]);
		memcpy(buf, texts[i], n);
		assert_int_equal(block_parse(buf, n), BLOCK_NONE);
	}
}

static void
schemes(void **state)
{
	const struct block_scheme *s;

	(void)state;
	s = block_scheme(BLOCK_SERVER_13, 0x0403);
	assert_non_null(s);
	assert_false(s->rsa);
	s = block_scheme(BLOCK_SERVER_13, 0x0804);
	assert_non_null(s);
	assert_true(s->rsa && s->pss);
	s = block_scheme(BLOCK_SERVER_12, 0x0401);
	assert_non_null(s);
	assert_true(s->rsa && !s->pss);
	/* TLS 1.3 has no PKCS#1 v1.5 here; nobody has SHA-1 or MD5 */
	assert_null(block_scheme(BLOCK_SERVER_13, 0x0401));
	assert_null(block_scheme(BLOCK_CLIENT_13, 0x0601));
	assert_null(block_scheme(BLOCK_SERVER_12, 0x0201));
	assert_null(block_scheme(BLOCK_SERVER_12, 0x0203));
	assert_null(block_scheme(BLOCK_SERVER_12, 0x0101));
	assert_null(block_scheme(BLOCK_SERVER_12, 0));
	assert_true(block_is_server(BLOCK_SERVER_12));
	assert_true(block_is_server(BLOCK_SERVER_13));
	assert_false(block_is_server(BLOCK_CLIENT_12));
	assert_false(block_is_server(BLOCK_CLIENT_13));
	assert_false(block_is_server(BLOCK_NONE));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tls13),
		cmocka_unit_test(server12),
		cmocka_unit_test(client12),
		cmocka_unit_test(foreign),
		cmocka_unit_test(schemes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
