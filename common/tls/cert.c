/* SPDX-License-Identifier: ISC */
/* Certificates: chains from PEM, the names in them, fingerprints. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "common/tls/tls_int.h"

#define NAMES_MAX 256

/* --- names --- */

/* "*.example.net" is for one label before it, RFC 6125 6.4.3. */
bool
tls_name_match(const char *pattern, const char *name)
{
	const char *dot;

	if (pattern[0] != '*')
		return strcmp(pattern, name) == 0;
	dot = strchr(name, '.');
	return dot != NULL && dot != name && pattern[1] == '.' &&
	    strcmp(pattern + 1, dot) == 0;
}

bool
tls_cert_serves(const struct tls_cert *c, const char *name)
{
	size_t i;

	for (i = 0; i < c->nnames; i++)
		if (tls_name_match(c->names[i], name))
			return true;
	return false;
}

static int
add_name(struct tls_cert *c, const ASN1_STRING *s)
{
	const unsigned char *p = ASN1_STRING_get0_data(s);
	size_t i, n = (size_t)ASN1_STRING_length(s);
	char **v, *name;

	/* a NUL inside would be two names to two readers */
	if (n == 0 || n > 255 || memchr(p, '\0', n) != NULL ||
	    c->nnames == NAMES_MAX)
		return 0;
	v = reallocarray(c->names, c->nnames + 1, sizeof(*v));
	if (v == NULL)
		return -1;
	c->names = v;
	if ((name = malloc(n + 1)) == NULL)
		return -1;
	for (i = 0; i < n; i++)
		name[i] = (char)tolower(p[i]);
	name[n] = '\0';
	v[c->nnames++] = name;
	return 0;
}

static int
add_common_name(struct tls_cert *c)
{
	const X509_NAME *subject = X509_get_subject_name(c->leaf);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);

	if (at < 0)
		return 0;
	return add_name(c,
	    X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
}

/* The common name counts where there is no list of names. */
static int
read_names(struct tls_cert *c)
{
	GENERAL_NAMES *list =
	    X509_get_ext_d2i(c->leaf, NID_subject_alt_name, NULL, NULL);
	const GENERAL_NAME *g;
	int i, rc = 0;

	if (list == NULL)
		return add_common_name(c);
	for (i = 0; rc == 0 && i < sk_GENERAL_NAME_num(list); i++) {
		g = sk_GENERAL_NAME_value(list, i);
		if (g->type == GEN_DNS)
			rc = add_name(c, g->d.dNSName);
	}
	GENERAL_NAMES_free(list);
	return rc;
}

/* --- chains --- */

static X509 *
read_one(BIO *bio)
{
	X509 *x = X509_new_ex(tls_lib, NULL);

	if (x != NULL && PEM_read_bio_X509(bio, &x, NULL, NULL) == NULL) {
		X509_free(x);
		x = NULL;
	}
	return x;
}

static int
read_chain(struct tls_cert *c, BIO *bio)
{
	X509 *x;

	c->leaf = read_one(bio);
	c->chain = sk_X509_new_null();
	if (c->leaf == NULL || c->chain == NULL)
		return -1;
	while ((x = read_one(bio)) != NULL)
		if (sk_X509_push(c->chain, x) == 0) {
			X509_free(x);
			return -1;
		}
	return 0;
}

struct tls_cert *
tls_cert_new(const uint8_t *pem, size_t len, uint32_t key)
{
	struct tls_cert *c = calloc(1, sizeof(*c));
	BIO *bio = NULL;
	EVP_PKEY *pub;

	if (c == NULL || len > TLS_CHAIN_MAX)
		goto fail;
	bio = BIO_new_mem_buf(pem, (int)len);
	if (bio == NULL || read_chain(c, bio) == -1 || read_names(c) == -1 ||
	    tls_fingerprint_of(c->leaf, c->fingerprint) == -1)
		goto fail;
	pub = X509_get0_pubkey(c->leaf);
	if (pub == NULL)
		goto fail;
	c->rsa = EVP_PKEY_is_a(pub, "RSA");
	if (!c->rsa && !EVP_PKEY_is_a(pub, "EC"))
		goto fail;
	c->key = provider_key(pub, key);
	if (c->key == NULL)
		goto fail;
	BIO_free(bio);
	ERR_clear_error(); /* the end of the text is found as an error */
	return c;

fail:
	BIO_free(bio);
	tls_cert_free(c);
	ERR_clear_error();
	return NULL;
}

void
tls_cert_free(struct tls_cert *c)
{
	size_t i;

	if (c == NULL)
		return;
	X509_free(c->leaf);
	sk_X509_pop_free(c->chain, X509_free);
	EVP_PKEY_free(c->key);
	for (i = 0; i < c->nnames; i++)
		free(c->names[i]);
	free(c->names);
	free(c);
}

/* --- fingerprints --- */

int
tls_fingerprint_of(X509 *x, uint8_t out[TLS_FINGERPRINT])
{
	EVP_MD *md = EVP_MD_fetch(tls_lib, "SHA256", NULL);
	unsigned n = 0;
	int ok;

	ok = md != NULL && X509_digest(x, md, out, &n) == 1 &&
	    n == TLS_FINGERPRINT;
	EVP_MD_free(md);
	return ok ? 0 : -1;
}

const uint8_t *
tls_cert_fingerprint(const struct tls_cert *c)
{
	return c->fingerprint;
}
