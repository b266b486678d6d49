/* SPDX-License-Identifier: ISC */
/* What the files of common/tls share. */
#ifndef COMMON_TLS_TLS_INT_H
#define COMMON_TLS_TLS_INT_H

#include <openssl/ssl.h>

#include "common/tls/ticket.h"
#include "common/tls/tls.h"

/* A library context of our own: no configuration file, our provider in it. */
extern OSSL_LIB_CTX *tls_lib;

struct tls_cert {
	X509 *leaf;
	STACK_OF(X509) * chain; /* without the leaf */
	EVP_PKEY *key;		/* public, and a number */
	bool rsa;
	char **names; /* DNS names, lower case, "*.name" among them */
	size_t nnames;
	uint8_t fingerprint[TLS_FINGERPRINT];
};

/* cert.c */
bool tls_name_match(const char *pattern, const char *name); /* lower case */
bool tls_cert_serves(const struct tls_cert *, const char *name);
int tls_fingerprint_of(X509 *, uint8_t[TLS_FINGERPRINT]);

struct tls_server {
	unsigned refs; /* its owner, and its connections */
	size_t n;
	SSL_CTX **ctx;		 /* by certificate */
	struct tls_cert **certs; /* names only are used: owned copies */
	struct tls_tickets *tickets;
};

struct tls_client {
	unsigned refs;
	SSL_CTX *ctx;
};

/* provider.c */
int provider_load(void);
/* A key of which only the public half and the number are here. */
EVP_PKEY *provider_key(EVP_PKEY *pub, uint32_t number);

/* sign.c: a question, as long as it is open on the stack of its fibre */
struct question {
	uint32_t id;
	struct tls_conn *conn;
	enum { Q_OPEN, Q_ANSWERED, Q_REFUSED } state;
	uint8_t *sig;
	size_t cap, len;
};
/* Called by the provider inside a handshake; 0 and *len, or -1. */
int sign_ask(uint32_t key, uint16_t scheme, const uint8_t *block, size_t n,
    uint8_t *sig, size_t *len, size_t cap);
/* The handshake that runs now; NULL: none. */
void sign_set_current(struct tls_conn *);
void sign_drop(struct question *);

struct tls_conn {
	SSL *ssl;
	void *owner;
	struct tls_server *server;
	struct tls_client *client;
	const uint8_t *in; /* what was fed and is not used */
	size_t in_len;
	uint8_t *kept; /* a copy of it, while the signer is asked; owned */
	uint8_t *out;  /* owned; NULL when empty */
	size_t out_off, out_len, out_cap;
	struct question *question;
	enum tls_verify_mode verify;
	enum tls_verified verified;
	uint8_t (*fingerprints)[TLS_FINGERPRINT]; /* owned */
	size_t nfingerprints;
	bool done;
	bool failed;
	char why[64];
};

/* conn.c */
struct tls_conn *conn_new(SSL_CTX *, void *owner);
/* ticket.c */
void ticket_setup(SSL_CTX *);

#endif
