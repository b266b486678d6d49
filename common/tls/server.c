/* SPDX-License-Identifier: ISC */
/*
 * Servers: a context for each certificate, with the first certificate of the
 * other kind (RSA, ECDSA) that shares a name with it, so that a client gets
 * the kind that it can check.  The client's server name picks the context.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "common/tls/tls_int.h"

#define SESSION_TIME (12 * 3600) /* s: as long as the keys of tickets live */

/* TLS 1.2: forward secrecy and authenticated encryption only. */
#define CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20:!PSK"
#define GROUPS	"X25519:P-256:P-384"
#define SIGALGS                                                                \
	"ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:RSA-PSS+SHA256:"               \
	"RSA-PSS+SHA384:RSA-PSS+SHA512:RSA+SHA256:RSA+SHA384:RSA+SHA512"

/* Any certificate will do, or none: the program looks at its fingerprint. */
static int
accept_any(X509_STORE_CTX *x, void *arg)
{
	(void)arg;
	X509_STORE_CTX_set_error(x, X509_V_OK);
	return 1;
}

static int
/* NOLINTNEXTLINE(readability-non-const-parameter): OpenSSL's type */
on_server_name(SSL *ssl, int *alert, void *arg)
{
	const struct tls_conn *c = SSL_get_app_data(ssl);
	const char *asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	char name[256];
	size_t i;

	(void)alert;
	(void)arg;
	if (asked == NULL || strlen(asked) >= sizeof(name))
		return SSL_TLSEXT_ERR_NOACK;
	for (i = 0; asked[i] != '\0'; i++)
		name[i] = (char)tolower((unsigned char)asked[i]);
	name[i] = '\0';
	for (i = 0; i < c->server->n; i++) {
		if (!tls_cert_serves(c->server->certs[i], name))
			continue;
		if (SSL_set_SSL_CTX(ssl, c->server->ctx[i]) == NULL)
			return SSL_TLSEXT_ERR_ALERT_FATAL;
		return SSL_TLSEXT_ERR_OK;
	}
	return SSL_TLSEXT_ERR_NOACK;
}

static int
use_cert(SSL_CTX *ctx, const struct tls_cert *c)
{
	return SSL_CTX_use_cert_and_key(ctx, c->leaf, c->key, c->chain, 1) == 1
	    ? 0
	    : -1;
}

static int
configure(SSL_CTX *ctx, const struct tls_server_conf *conf)
{
	/* not written to, but the library's macros do not say so */
	char groups[] = GROUPS, sigalgs[] = SIGALGS;

	(void)SSL_CTX_set_options(ctx,
	    SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
		SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
	(void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_timeout(ctx, SESSION_TIME);
	(void)SSL_CTX_set_tlsext_servername_callback(ctx, on_server_name);
	ticket_setup(ctx);
	if (conf->ask_client) {
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
		SSL_CTX_set_cert_verify_callback(ctx, accept_any, NULL);
	}
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_cipher_list(ctx, CIPHERS) != 1 ||
	    SSL_CTX_set1_groups_list(ctx, groups) != 1 ||
	    SSL_CTX_set1_sigalgs_list(ctx, sigalgs) != 1 ||
	    SSL_CTX_set_num_tickets(ctx, 1) != 1 ||
	    SSL_CTX_set_session_id_context(ctx,
		(const unsigned char *)conf->name,
		(unsigned)strlen(conf->name)) != 1)
		return -1;
	return 0;
}

static bool
share_a_name(const struct tls_cert *a, const struct tls_cert *b)
{
	size_t i;

	for (i = 0; i < a->nnames; i++)
		if (tls_cert_serves(b, a->names[i]))
			return true;
	return false;
}

static SSL_CTX *
context(const struct tls_server_conf *conf, size_t n)
{
	const struct tls_cert *c = conf->certs[n];
	SSL_CTX *ctx = SSL_CTX_new_ex(tls_lib, NULL, TLS_server_method());
	size_t i;

	if (ctx == NULL || configure(ctx, conf) == -1 || use_cert(ctx, c) == -1)
		goto fail;
	for (i = 0; i < conf->ncerts; i++)
		if (conf->certs[i]->rsa != c->rsa &&
		    share_a_name(c, conf->certs[i]))
			break;
	if (i < conf->ncerts && use_cert(ctx, conf->certs[i]) == -1)
		goto fail;
	return ctx;

fail:
	SSL_CTX_free(ctx);
	return NULL;
}

/* What the choice by name needs of a certificate. */
static struct tls_cert *
copy_names(const struct tls_cert *c)
{
	struct tls_cert *copy = calloc(1, sizeof(*copy));
	size_t i;

	if (copy == NULL)
		return NULL;
	copy->names = calloc(c->nnames + 1, sizeof(*copy->names));
	for (i = 0; copy->names != NULL && i < c->nnames; i++) {
		copy->names[i] = strdup(c->names[i]);
		if (copy->names[i] == NULL)
			break;
		copy->nnames++;
	}
	if (copy->names == NULL || copy->nnames < c->nnames) {
		tls_cert_free(copy);
		return NULL;
	}
	return copy;
}

struct tls_server *
tls_server_new(const struct tls_server_conf *conf)
{
	struct tls_server *s = calloc(1, sizeof(*s));
	size_t i;

	if (s == NULL)
		return NULL;
	s->refs = 1;
	s->tickets = conf->tickets;
	s->ctx = calloc(conf->ncerts + 1, sizeof(*s->ctx));
	s->certs = calloc(conf->ncerts + 1, sizeof(*s->certs));
	if (conf->ncerts == 0 || s->ctx == NULL || s->certs == NULL)
		goto fail;
	for (i = 0; i < conf->ncerts; i++) {
		s->ctx[i] = context(conf, i);
		s->certs[i] = copy_names(conf->certs[i]);
		s->n++;
		if (s->ctx[i] == NULL || s->certs[i] == NULL)
			goto fail;
	}
	return s;

fail:
	ERR_clear_error();
	tls_server_free(s);
	return NULL;
}

void
tls_server_free(struct tls_server *s)
{
	size_t i;

	if (s == NULL || --s->refs > 0)
		return;
	for (i = 0; i < s->n; i++) {
		SSL_CTX_free(s->ctx[i]);
		tls_cert_free(s->certs[i]);
	}
	free(s->ctx);
	free(s->certs);
	free(s);
}

struct tls_conn *
tls_accept(struct tls_server *s, void *owner)
{
	struct tls_conn *c = conn_new(s->ctx[0], owner);

	if (c == NULL)
		return NULL;
	c->server = s;
	s->refs++;
	if (s->tickets == NULL || s->tickets->n == 0) {
		(void)SSL_set_options(c->ssl, SSL_OP_NO_TICKET);
		(void)SSL_set_num_tickets(c->ssl, 0);
	}
	SSL_set_accept_state(c->ssl);
	return c;
}
