/* SPDX-License-Identifier: ISC */
/* link: keyd/keys.o keyd/block.o regress/unit/tls_stage.o common/tls.a */
/* link: common/msg.a common/base.a -lssl -lcrypto */
/*
 * keyd's keys: what a set must be, what a pair must be, and that nobody gets a
 * signature on anything but a handshake of his own with a key of his own.
 */
#include <sys/mman.h>

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/pem.h>

#include "keyd/keys.h"
#include "regress/unit/tls_stage.h"

#define ALL_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#define NOW	  ((int64_t)time(NULL))

#ifdef __SANITIZE_ADDRESS__
/* What only the secure heap points to, the leak checker does not see. */
const char *__asan_default_options(void);
const char *__lsan_default_suppressions(void);

const char *
__asan_default_options(void)
{
	return "fast_unwind_on_malloc=0";
}

const char *
__lsan_default_suppressions(void)
{
	return "leak:EVP_RAND_instantiate";
}
#endif

static struct stage_cert ec, rsa;
static char ec_key[4096], rsa_key[4096];
static size_t ec_len, rsa_len;

static size_t
key_pem(EVP_PKEY *key, char *out, size_t cap)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int n;

	assert_int_equal(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL,
			     NULL),
	    1);
	n = BIO_read(bio, out, (int)cap - 1);
	assert_true(n > 0);
	BIO_free(bio);
	return (size_t)n;
}

static int
setup(void **state)
{
	(void)state;
	assert_int_not_equal(keys_init(), -1);
	stage_cert(&ec, "EC", "gw.test", 30);
	stage_cert(&rsa, "RSA", "gw.test", 30);
	ec_len = key_pem(ec.key, ec_key, sizeof(ec_key));
	rsa_len = key_pem(rsa.key, rsa_key, sizeof(rsa_key));
	return 0;
}

/* --- sets --- */

static int
set_begin(uint32_t magic, uint32_t n)
{
	int fd = memfd_create("keys", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	uint8_t mem[KS_HEAD_LEN];
	struct ibuf b;

	ibuf_wrap(&b, mem, sizeof(mem));
	(void)ibuf_add_n32(&b, magic);
	(void)ibuf_add_n32(&b, n);
	assert_int_equal(write(fd, mem, sizeof(mem)), sizeof(mem));
	return fd;
}

static void
set_add(int fd, uint32_t uses, const char *chain, size_t clen, const char *key,
    size_t klen)
{
	const struct ks_entry e = { uses, (uint32_t)clen, (uint32_t)klen };
	uint8_t mem[KS_ENTRY_LEN];
	struct ibuf b;

	ibuf_wrap(&b, mem, sizeof(mem));
	assert_int_equal(put_ks_entry(&b, &e), 0);
	assert_int_equal(write(fd, mem, sizeof(mem)), sizeof(mem));
	assert_int_equal(write(fd, chain, clen), clen);
	assert_int_equal(write(fd, key, klen), klen);
}

static struct keys *
set_load(int fd)
{
	assert_int_equal(fcntl(fd, F_ADD_SEALS, ALL_SEALS), 0);
	return keys_load(fd, 7, NOW);
}

static struct keys *
sample(void)
{
	int fd = set_begin(KS_MAGIC, 4);

	set_add(fd, CONF_CERT_SERVER_EXT, ec.pem, ec.len, ec_key, ec_len);
	set_add(fd, CONF_CERT_SERVER_EXT | CONF_CERT_SERVER_INT, rsa.pem,
	    rsa.len, rsa_key, rsa_len);
	set_add(fd, CONF_CERT_CLIENT_INT, ec.pem, ec.len, ec_key, ec_len);
	set_add(fd, CONF_CERT_SERVER_INT, ec.pem, ec.len, rsa_key, rsa_len);
	return set_load(fd);
}

static void
sets(void **state)
{
	struct keys *ks;
	int fd;

	(void)state;
	/* not sealed: it could change while it is read */
	fd = set_begin(KS_MAGIC, 0);
	assert_null(keys_load(fd, 1, NOW));
	assert_null(set_load(set_begin(KS_MAGIC + 1, 0)));
	assert_null(set_load(set_begin(KS_MAGIC, 1)));
	assert_null(set_load(set_begin(KS_MAGIC, CONF_CERTS_MAX + 1)));
	fd = set_begin(KS_MAGIC, 0);
	set_add(fd, CONF_CERT_SERVER_EXT, ec.pem, ec.len, ec_key, ec_len);
	assert_null(set_load(fd)); /* more than it says */
	ks = set_load(set_begin(KS_MAGIC, 0));
	assert_non_null(ks);
	assert_int_equal(keys_count(ks), 0);
	assert_int_equal(keys_generation(ks), 7);
	keys_free(ks);
}

static enum ks_verdict
verdict(const char *chain, size_t clen, const char *key, size_t klen,
    int64_t now)
{
	int fd = set_begin(KS_MAGIC, 1);
	struct ks_check c;
	struct keys *ks;

	set_add(fd, CONF_CERT_SERVER_EXT, chain, clen, key, klen);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, ALL_SEALS), 0);
	ks = keys_load(fd, 7, now);
	assert_non_null(ks);
	keys_check(ks, 0, &c);
	keys_free(ks);
	return c.verdict;
}

static void
pairs(void **state)
{
	const int64_t day = 86400;

	(void)state;
#define V(chain, clen, key, klen, now, want)                                   \
	assert_int_equal(verdict(chain, clen, key, klen, now), want)
	V(ec.pem, ec.len, ec_key, ec_len, NOW, KS_OK);
	V(rsa.pem, rsa.len, rsa_key, rsa_len, NOW, KS_OK);
	V(ec.pem, ec.len, rsa_key, rsa_len, NOW, KS_MISMATCH);
	V(ec.pem, ec.len, ec.pem, ec.len, NOW, KS_NO_KEY);
	V("x", 1, ec_key, ec_len, NOW, KS_NO_CERT);
	V("", 0, ec_key, ec_len, NOW, KS_NO_CERT);
	V(ec.pem, ec.len, "", 0, NOW, KS_NO_KEY);
	V(ec.pem, ec.len, ec_key, ec_len, NOW + 40 * day, KS_EXPIRED);
	V(ec.pem, ec.len, ec_key, ec_len, NOW - 40 * day, KS_NOT_YET);
}

/* --- no oracle --- */

static size_t
server_block(uint8_t *to)
{
	static const char context[] = "TLS 1.3, server CertificateVerify";

	memset(to, ' ', 64);
	memcpy(to + 64, context, sizeof(context));
	memset(to + 64 + sizeof(context), 0x5a, 32);
	return 64 + sizeof(context) + 32;
}

static enum sk_verdict
ask(struct keys *ks, uint32_t n, uint32_t uses, uint16_t scheme,
    const uint8_t *block, size_t len)
{
	struct sk_signed m;
	const char *why;

	why = keys_sign(ks, n, uses, scheme, block, len, &m);
	assert_int_equal(m.verdict == SK_SIGNED, m.len > 0);
	assert_int_equal(m.verdict == SK_SIGNED, why == NULL);
	return m.verdict;
}

static void
oracle(void **state)
{
	const uint32_t ext = CONF_CERT_SERVER_EXT, in = CONF_CERT_SERVER_INT;
	struct keys *ks = sample();
	uint8_t block[512], client[512];
	size_t len = server_block(block), i;

	(void)state;
	assert_non_null(ks);
	memcpy(client, block, len);
	memcpy(client + 64 + 9, "client", 6);
	/* his own */
	assert_int_equal(ask(ks, 0, ext, 0x0403, block, len), SK_SIGNED);
	assert_int_equal(ask(ks, 1, ext, 0x0804, block, len), SK_SIGNED);
	assert_int_equal(ask(ks, 1, in, 0x0804, block, len), SK_SIGNED);
	assert_int_equal(ask(ks, 2, CONF_CERT_CLIENT_INT, 0x0403, client, len),
	    SK_SIGNED);
	/* another side's key, a client's, none */
	assert_int_equal(ask(ks, 0, in, 0x0403, block, len), SK_REFUSED);
	assert_int_equal(ask(ks, 2, ext, 0x0403, block, len), SK_REFUSED);
	assert_int_equal(ask(ks, 2, CONF_CERT_CLIENT_EXT, 0x0403, client, len),
	    SK_REFUSED);
	assert_int_equal(ask(ks, 4, ext, 0x0403, block, len), SK_REFUSED);
	assert_int_equal(ask(ks, UINT32_MAX, ext, 0x0403, block, len),
	    SK_REFUSED);
	/* the other role */
	assert_int_equal(ask(ks, 0, ext, 0x0403, client, len), SK_REFUSED);
	assert_int_equal(ask(ks, 2, CONF_CERT_CLIENT_INT, 0x0403, block, len),
	    SK_REFUSED);
	/* schemes of another kind of key, of old hashes */
	assert_int_equal(ask(ks, 0, ext, 0x0804, block, len), SK_REFUSED);
	assert_int_equal(ask(ks, 1, ext, 0x0403, block, len), SK_REFUSED);
	assert_int_equal(ask(ks, 1, ext, 0x0401, block, len), SK_REFUSED);
	assert_int_equal(ask(ks, 0, ext, 0x0203, block, len), SK_REFUSED);
	/* bare digests, and whatever else has a length */
	memset(block, 0xa5, sizeof(block));
	for (i = 0; i <= sizeof(block); i++)
		assert_int_equal(ask(ks, 1, ext, 0x0804, block, i), SK_REFUSED);
	/* a pair that does not belong together signs nothing */
	len = server_block(block);
	assert_int_equal(ask(ks, 3, in, 0x0403, block, len), SK_LATER);
	keys_free(ks);
}

static void
signature(void **state)
{
	struct keys *ks = sample();
	uint8_t block[512];
	size_t len = server_block(block);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	struct sk_signed m;

	(void)state;
	assert_null(
	    keys_sign(ks, 0, CONF_CERT_SERVER_EXT, 0x0403, block, len, &m));
	assert_int_equal(m.verdict, SK_SIGNED);
	assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL,
			     ec.key),
	    1);
	assert_int_equal(EVP_DigestVerify(ctx, m.sig, m.len, block, len), 1);
	EVP_MD_CTX_free(ctx);
	keys_free(ks);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sets),
		cmocka_unit_test(pairs),
		cmocka_unit_test(oracle),
		cmocka_unit_test(signature),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
