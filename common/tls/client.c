/* SPDX-License-Identifier: ISC */
/*
 * Clients.  Mail is encrypted even where nothing can be verified, so what is
 * wrong with a server's certificate is noted and never breaks the handshake
 * off; the program decides what it hands over on what evidence.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <bsd/string.h>

#include "common/tls/tls_int.h"

/*
 * Best first; the last ones are for servers that know no better, as their mail
 * would else go in clear text.
 */
#define CIPHERS                                                                \
	"ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:ECDHE+AES:"       \
	"DHE+AES:RSA+AESGCM:RSA+AES:!aNULL:!PSK:!SRP:!MD5"

static enum tls_verified
verified(int error)
{
	switch (error) {
	case X509_V_OK:
		return TLS_V_OK;
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return TLS_V_EXPIRED;
	case X509_V_ERR_HOSTNAME_MISMATCH:
		return TLS_V_NAME;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_UNTRUSTED:
		return TLS_V_UNTRUSTED;
	default:
		return TLS_V_BAD;
	}
}

static enum tls_verified
by_fingerprint(const struct tls_conn *c, X509_STORE_CTX *x)
{
	X509 *leaf = X509_STORE_CTX_get0_cert(x);
	uint8_t fp[TLS_FINGERPRINT];
	size_t i;

	if (leaf == NULL || tls_fingerprint_of(leaf, fp) == -1)
		return TLS_V_BAD;
	for (i = 0; i < c->nfingerprints; i++)
		if (memcmp(c->fingerprints[i], fp, sizeof(fp)) == 0)
			return TLS_V_OK;
	return TLS_V_FINGERPRINT;
}

static int
on_verify(X509_STORE_CTX *x, void *arg)
{
	const SSL *ssl =
	    X509_STORE_CTX_get_ex_data(x, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls_conn *c = SSL_get_app_data(ssl);
	int error;

	(void)arg;
	switch (c->verify) {
	case TLS_VERIFY_NONE:
		c->verified = TLS_V_NOT_ASKED;
		break;
	case TLS_VERIFY_FINGERPRINT:
		c->verified = by_fingerprint(c, x);
		break;
	case TLS_VERIFY_NAME:
		error = X509_V_ERR_UNSPECIFIED;
		if (X509_verify_cert(x) == 1)
			error = X509_V_OK;
		else if (X509_STORE_CTX_get_error(x) != X509_V_OK)
			error = X509_STORE_CTX_get_error(x);
		c->verified = verified(error);
		break;
	}
	X509_STORE_CTX_set_error(x, X509_V_OK);
	return 1;
}

static int
load_anchors(SSL_CTX *ctx, const uint8_t *pem, size_t len)
{
	X509_STORE *store = SSL_CTX_get_cert_store(ctx);
	BIO *bio;
	X509 *x;
	int rc = 0;

	if (len == 0)
		return 0;
	if ((bio = BIO_new_mem_buf(pem, (int)len)) == NULL)
		return -1;
	for (;;) {
		x = X509_new_ex(tls_lib, NULL);
		if (x == NULL || PEM_read_bio_X509(bio, &x, NULL, NULL) == NULL)
			break;
		if (X509_STORE_add_cert(store, x) != 1)
			rc = -1;
		X509_free(x);
	}
	X509_free(x);
	BIO_free(bio);
	ERR_clear_error();
	return rc;
}

struct tls_client *
tls_client_new(const uint8_t *pem, size_t len)
{
	struct tls_client *k = calloc(1, sizeof(*k));

	if (k == NULL)
		return NULL;
	k->refs = 1;
	k->ctx = SSL_CTX_new_ex(tls_lib, NULL, TLS_client_method());
	if (k->ctx == NULL ||
	    SSL_CTX_set_min_proto_version(k->ctx, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_cipher_list(k->ctx, CIPHERS) != 1 ||
	    load_anchors(k->ctx, pem, len) == -1) {
		ERR_clear_error();
		tls_client_free(k);
		return NULL;
	}
	SSL_CTX_set_security_level(k->ctx, 1);
	(void)SSL_CTX_set_options(k->ctx,
	    SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
	(void)SSL_CTX_set_session_cache_mode(k->ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_verify(k->ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(k->ctx, on_verify, NULL);
	return k;
}

void
tls_client_free(struct tls_client *k)
{
	if (k == NULL || --k->refs > 0)
		return;
	SSL_CTX_free(k->ctx);
	free(k);
}

static int
expect(struct tls_conn *c, const struct tls_connect_conf *how)
{
	size_t i;

	c->verify = how->verify;
	c->verified =
	    how->verify == TLS_VERIFY_NONE ? TLS_V_NOT_ASKED : TLS_V_NO_CERT;
	if (how->verify == TLS_VERIFY_FINGERPRINT) {
		c->fingerprints =
		    calloc(how->nfingerprints + 1, TLS_FINGERPRINT);
		if (c->fingerprints == NULL)
			return -1;
		for (i = 0; i < how->nfingerprints; i++)
			memcpy(c->fingerprints[i], how->fingerprints[i],
			    TLS_FINGERPRINT);
		c->nfingerprints = how->nfingerprints;
	}
	if (how->verify != TLS_VERIFY_NAME)
		return 0;
	SSL_set_hostflags(c->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	for (i = 0; i < how->nnames; i++)
		if (SSL_add1_host(c->ssl, how->names[i]) != 1)
			return -1;
	return how->nnames > 0 ? 0 : -1;
}

/* It is copied, but the library's macro wants to be allowed to write. */
static int
send_name(SSL *ssl, const char *name)
{
	char copy[TLSEXT_MAXLEN_host_name + 1];

	if (strlcpy(copy, name, sizeof(copy)) >= sizeof(copy))
		return -1;
	return SSL_set_tlsext_host_name(ssl, copy) == 1 ? 0 : -1;
}

struct tls_conn *
tls_connect(struct tls_client *k, const struct tls_connect_conf *how,
    void *owner)
{
	struct tls_conn *c = conn_new(k->ctx, owner);
	const struct tls_cert *cert = how->cert;

	if (c == NULL)
		return NULL;
	c->client = k;
	k->refs++;
	if (expect(c, how) == -1 ||
	    (how->sni != NULL && send_name(c->ssl, how->sni) == -1) ||
	    (cert != NULL &&
		SSL_use_cert_and_key(c->ssl, cert->leaf, cert->key, cert->chain,
		    1) != 1)) {
		ERR_clear_error();
		tls_free(c);
		return NULL;
	}
	SSL_set_connect_state(c->ssl);
	return c;
}
