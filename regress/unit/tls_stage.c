/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include <cmocka.h>

#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "regress/unit/tls_stage.h"

struct stage stage;

static void
add_names(X509 *x, const char *names)
{
	char copy[512], list[1024] = "", *name, *rest = copy;
	const char *comma = "";
	X509_EXTENSION *ext;

	(void)snprintf(copy, sizeof(copy), "%s", names);
	while ((name = strsep(&rest, ",")) != NULL) {
		(void)strlcat(list, comma, sizeof(list));
		(void)strlcat(list, "DNS:", sizeof(list));
		assert_true(strlcat(list, name, sizeof(list)) < sizeof(list));
		comma = ",";
	}
	ext = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, list);
	assert_non_null(ext);
	assert_int_equal(X509_add_ext(x, ext, -1), 1);
	X509_EXTENSION_free(ext);
}

void
stage_cert(struct stage_cert *c, const char *type, const char *names, long days)
{
	X509 *x = X509_new();
	BIO *bio = BIO_new(BIO_s_mem());
	int n;

	c->key = type[0] == 'R' ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
	assert_non_null(c->key);
	assert_int_equal(X509_set_version(x, 2), 1);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -86400L * 30);
	X509_gmtime_adj(X509_getm_notAfter(x), 86400L * days);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
	    (const unsigned char *)"test", -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	X509_set_pubkey(x, c->key);
	add_names(x, names);
	assert_true(X509_sign(x, c->key, EVP_sha256()) > 0);
	assert_int_equal(PEM_write_bio_X509(bio, x), 1);
	n = BIO_read(bio, c->pem, sizeof(c->pem) - 1);
	assert_true(n > 0);
	c->len = (size_t)n;
	BIO_free(bio);
	X509_free(x);
}

static int
on_ask(void *arg, uint32_t id, uint32_t key, uint16_t scheme,
    const uint8_t *block, size_t len)
{
	struct question_asked *q = &stage.asked[stage.nasked];

	(void)arg;
	if (stage.away || stage.nasked == STAGE_QUESTIONS ||
	    len > sizeof(q->block))
		return -1;
	stage.nasked++;
	q->id = id;
	q->key = key;
	q->scheme = scheme;
	q->len = len;
	q->kind = block_parse(block, len);
	memcpy(q->block, block, len);
	return 0;
}

void
stage_reset(void)
{
	stage.nasked = 0;
	stage.away = false;
	tls_set_signer(on_ask, NULL);
}

void *
stage_answer(size_t n)
{
	const struct question_asked *q = &stage.asked[n];
	const struct block_scheme *s = block_scheme(q->kind, q->scheme);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx = NULL;
	uint8_t sig[1024];
	size_t len = sizeof(sig);

	assert_non_null(s);
	assert_true(q->key < STAGE_KEYS && stage.keys[q->key] != NULL);
	assert_int_equal(EVP_DigestSignInit_ex(ctx, &pctx, s->digest, NULL,
			     NULL, stage.keys[q->key], NULL),
	    1);
	if (s->pss) {
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(pctx,
				     RSA_PKCS1_PSS_PADDING),
		    1);
		assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx,
				     RSA_PSS_SALTLEN_DIGEST),
		    1);
	}
	assert_int_equal(EVP_DigestSign(ctx, sig, &len, q->block, q->len), 1);
	EVP_MD_CTX_free(ctx);
	return tls_signed(q->id, sig, len);
}

void *
stage_refuse(size_t n)
{
	return tls_signed(stage.asked[n].id, NULL, 0);
}

static bool
carry(struct tls_conn *from, struct tls_conn *to, enum tls_status *st)
{
	static uint8_t wire[65536];
	size_t n;
	const void *p = tls_output(from, &n);

	if (n == 0)
		return false;
	assert_true(n <= sizeof(wire));
	memcpy(wire, p, n);
	tls_sent(from, n);
	tls_feed(to, wire, n);
	*st = tls_handshake(to);
	return true;
}

void
pair_run(struct pair *p, bool sign)
{
	size_t next = 0;
	bool more = true;

	p->cs = tls_handshake(p->client);
	p->ss = tls_handshake(p->server);
	while (more) {
		more = carry(p->client, p->server, &p->ss);
		more = carry(p->server, p->client, &p->cs) || more;
		while (sign && next < stage.nasked) {
			(void)stage_answer(next++);
			p->ss = tls_handshake(p->server);
			p->cs = tls_handshake(p->client);
			more = true;
		}
	}
}

void
pair_free(struct pair *p)
{
	tls_free(p->client);
	tls_free(p->server);
	p->client = p->server = NULL;
}
