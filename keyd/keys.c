/* SPDX-License-Identifier: ISC */
/* The keys, and what is done with them: see keys.h. */
#include <sys/mman.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "keyd/block.h"
#include "keyd/keys.h"

#define SECURE_HEAP (1024UL * 1024) /* for CONF_CERTS_MAX keys, twice */
#define SECURE_MIN  32
#define RSA_LEAST   2048
#define RSA_MOST    (8 * SK_SIG_MAX)

#define ALL_SEALS   (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

struct key {
	uint32_t uses;
	struct ks_check check;
	EVP_PKEY *pkey; /* NULL unless KS_OK, KS_EXPIRED or KS_NOT_YET */
	bool rsa;
};

struct keys {
	uint32_t generation;
	uint32_t n;
	struct key v[CONF_CERTS_MAX];
};

static OSSL_LIB_CTX *lib;

int
keys_init(void)
{
	time_t epoch = 0;
	struct tm tm;
	int locked;

	/* dates are compared by way of it, and it opens a file once */
	(void)gmtime_r(&epoch, &tm);
	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG |
		    OPENSSL_INIT_LOAD_CRYPTO_STRINGS,
		NULL) != 1)
		return -1;
	locked = CRYPTO_secure_malloc_init(SECURE_HEAP, SECURE_MIN);
	lib = OSSL_LIB_CTX_new();
	if (locked == 0 || lib == NULL ||
	    OSSL_PROVIDER_load(lib, "default") == NULL)
		return -1;
	return locked == 1 ? 0 : 1;
}

/* --- one pair --- */

/* A passphrase is asked of nobody. */
static int
/* NOLINTNEXTLINE(readability-non-const-parameter): OpenSSL's type */
no_passphrase(char *buf, int size, int writing, void *asked)
{
	(void)buf;
	(void)size;
	(void)writing;
	*(bool *)asked = true;
	return -1;
}

static EVP_PKEY *
read_key(const uint8_t *pem, size_t len, bool *encrypted)
{
	BIO *bio = BIO_new_mem_buf(pem, (int)len);
	EVP_PKEY *pkey = NULL;

	*encrypted = false;
	if (bio != NULL && len > 0)
		pkey = PEM_read_bio_PrivateKey_ex(bio, NULL, no_passphrase,
		    encrypted, lib, NULL);
	BIO_free(bio);
	return pkey;
}

static X509 *
read_cert(BIO *bio)
{
	X509 *x = X509_new_ex(lib, NULL);

	if (x != NULL && PEM_read_bio_X509(bio, &x, NULL, NULL) == NULL) {
		X509_free(x);
		x = NULL;
	}
	return x;
}

static X509 *
read_chain(const uint8_t *pem, size_t len, bool *loose)
{
	BIO *bio = BIO_new_mem_buf(pem, (int)len);
	X509 *leaf = NULL, *next = NULL;

	*loose = false;
	if (bio != NULL && len > 0)
		leaf = read_cert(bio);
	if (leaf != NULL)
		next = read_cert(bio);
	if (next != NULL)
		*loose = X509_check_issued(next, leaf) != X509_V_OK;
	X509_free(next);
	BIO_free(bio);
	return leaf;
}

static bool
is_kind(const EVP_PKEY *pkey, bool *rsa)
{
	int bits = EVP_PKEY_get_bits(pkey);

	*rsa = EVP_PKEY_is_a(pkey, "RSA");
	if (*rsa)
		return bits >= RSA_LEAST && bits <= RSA_MOST;
	return EVP_PKEY_is_a(pkey, "EC") && bits >= 256 && bits <= 521;
}

static uint64_t
not_after(const X509 *x)
{
	struct tm tm;
	time_t t;

	if (ASN1_TIME_to_tm(X509_get0_notAfter(x), &tm) != 1)
		return 0;
	t = timegm(&tm);
	return t > 0 ? (uint64_t)t : 0;
}

static enum ks_verdict
judge(X509 *leaf, const EVP_PKEY *pkey, bool encrypted, bool *rsa, int64_t now)
{
	time_t t = (time_t)now;

	if (leaf == NULL)
		return KS_NO_CERT;
	if (encrypted)
		return KS_ENCRYPTED;
	if (pkey == NULL)
		return KS_NO_KEY;
	if (!is_kind(pkey, rsa))
		return KS_KIND;
	if (X509_check_private_key(leaf, pkey) != 1)
		return KS_MISMATCH;
	if (X509_cmp_time(X509_get0_notBefore(leaf), &t) > 0)
		return KS_NOT_YET;
	if (X509_cmp_time(X509_get0_notAfter(leaf), &t) < 0)
		return KS_EXPIRED;
	return KS_OK;
}

static void
load_one(struct key *k, const struct ks_entry *e, const uint8_t *p, int64_t now)
{
	bool encrypted;
	X509 *leaf;

	k->uses = e->uses;
	leaf = read_chain(p, e->chain_len, &k->check.loose);
	k->pkey = read_key(p + e->chain_len, e->key_len, &encrypted);
	k->check.verdict = judge(leaf, k->pkey, encrypted, &k->rsa, now);
	if (leaf != NULL)
		k->check.not_after = not_after(leaf);
	/* time may pass while it runs, and a replaced keyd goes on as before */
	if (k->check.verdict != KS_OK && k->check.verdict != KS_EXPIRED &&
	    k->check.verdict != KS_NOT_YET) {
		EVP_PKEY_free(k->pkey);
		k->pkey = NULL;
	}
	X509_free(leaf);
	ERR_clear_error();
}

/* --- a set --- */

static int
load_all(struct keys *ks, const uint8_t *p, size_t len, int64_t now)
{
	struct ks_entry e;
	uint32_t magic, i;
	const void *body;
	struct ibuf b;

	ibuf_from(&b, p, len);
	if (ibuf_get_n32(&b, &magic) == -1 || magic != KS_MAGIC ||
	    ibuf_get_n32(&b, &ks->n) == -1 || ks->n > CONF_CERTS_MAX)
		return -1;
	for (i = 0; i < ks->n; i++) {
		if (get_ks_entry(&b, &e) == -1 ||
		    ibuf_get_view(&b, &body, (size_t)e.chain_len + e.key_len) ==
			-1)
			return -1;
		load_one(&ks->v[i], &e, body, now);
	}
	return ibuf_get_end(&b);
}

static void *
map_set(int fd, size_t *len)
{
	struct stat st;
	void *p;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals == -1 || (seals & ALL_SEALS) != ALL_SEALS ||
	    fstat(fd, &st) == -1 || st.st_size < KS_HEAD_LEN ||
	    (uint64_t)st.st_size > KS_SIZE_MAX)
		return NULL;
	*len = (size_t)st.st_size;
	p = mmap(NULL, *len, PROT_READ, MAP_SHARED, fd, 0);
	return p == MAP_FAILED ? NULL : p;
}

struct keys *
keys_load(int fd, uint32_t generation, int64_t now)
{
	struct keys *ks = calloc(1, sizeof(*ks));
	size_t len;
	void *p;
	int rc = -1;

	p = map_set(fd, &len);
	(void)close(fd);
	if (ks != NULL && p != NULL) {
		ks->generation = generation;
		rc = load_all(ks, p, len, now);
	}
	if (p != NULL)
		(void)munmap(p, len);
	if (rc == -1) {
		keys_free(ks);
		return NULL;
	}
	return ks;
}

void
keys_free(struct keys *ks)
{
	size_t i;

	if (ks == NULL)
		return;
	for (i = 0; i < CONF_CERTS_MAX; i++)
		EVP_PKEY_free(ks->v[i].pkey);
	free(ks);
}

uint32_t
keys_generation(const struct keys *ks)
{
	return ks->generation;
}

uint32_t
keys_count(const struct keys *ks)
{
	return ks->n;
}

void
keys_check(const struct keys *ks, uint32_t n, struct ks_check *check)
{
	*check = ks->v[n].check;
}

/* --- signing --- */

static int
sign(const struct key *k, const struct block_scheme *s, const uint8_t *block,
    size_t len, struct sk_signed *out)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx;
	size_t n = sizeof(out->sig);
	int ok;

	ok = ctx != NULL &&
	    EVP_DigestSignInit_ex(ctx, &pctx, s->digest, lib, NULL, k->pkey,
		NULL) == 1 &&
	    (!s->pss ||
		(EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) ==
			1 &&
		    EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx,
			RSA_PSS_SALTLEN_DIGEST) == 1)) &&
	    EVP_DigestSign(ctx, out->sig, &n, block, len) == 1;
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	if (!ok)
		return -1;
	out->len = (uint16_t)n;
	return 0;
}

const char *
keys_sign(struct keys *ks, uint32_t n, uint32_t uses, uint16_t scheme,
    const uint8_t *block, size_t len, struct sk_signed *out)
{
	const uint32_t server = CONF_CERT_SERVER_EXT | CONF_CERT_SERVER_INT;
	enum block_kind kind = block_parse(block, len);
	const struct block_scheme *s = block_scheme(kind, scheme);
	const struct key *k = n < ks->n ? &ks->v[n] : NULL;

	out->verdict = SK_REFUSED;
	out->len = 0;
	if (kind == BLOCK_NONE)
		return "no handshake";
	if (block_is_server(kind) != ((uses & server) != 0))
		return "a handshake of the other role";
	if (k == NULL || (k->uses & uses) == 0)
		return "not a key of this asker";
	if (k->pkey != NULL && (s == NULL || s->rsa != k->rsa))
		return "not a scheme for this key";
	out->verdict = SK_LATER;
	if (k->pkey == NULL || sign(k, s, block, len, out) == -1)
		return "signing failed";
	out->verdict = SK_SIGNED;
	return NULL;
}
