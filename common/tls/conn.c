/* SPDX-License-Identifier: ISC */
/*
 * A connection: libssl on a BIO that reads what was fed and appends to the
 * output.  Between two calls an idle connection holds no buffer at all.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/async.h>
#include <openssl/bio.h>
#include <openssl/err.h>

#include <bsd/string.h>

#include "common/tls/tls_int.h"

#define OUT_FIRST 8192
#define SPARE_MAX 65536

OSSL_LIB_CTX *tls_lib;
static BIO_METHOD *memory;
/* the last output buffer that was let go: most are needed again at once */
static uint8_t *spare;
static size_t spare_cap;

/* --- the BIO --- */

static int
bio_read(BIO *b, char *to, size_t len, size_t *n)
{
	struct tls_conn *c = BIO_get_data(b);

	BIO_clear_retry_flags(b);
	*n = len < c->in_len ? len : c->in_len;
	if (*n == 0) {
		BIO_set_retry_read(b);
		return 0;
	}
	memcpy(to, c->in, *n);
	c->in += *n;
	c->in_len -= *n;
	return 1;
}

static int
out_room(struct tls_conn *c, size_t len)
{
	size_t cap = c->out_cap > 0 ? c->out_cap : OUT_FIRST;
	uint8_t *p;

	if (c->out == NULL && spare != NULL) {
		c->out = spare;
		c->out_cap = cap = spare_cap;
		spare = NULL;
	}
	while (cap - c->out_len < len)
		cap *= 2;
	if (c->out != NULL && cap == c->out_cap)
		return 0;
	if ((p = realloc(c->out, cap)) == NULL)
		return -1;
	c->out = p;
	c->out_cap = cap;
	return 0;
}

static int
bio_write(BIO *b, const char *from, size_t len, size_t *n)
{
	struct tls_conn *c = BIO_get_data(b);

	BIO_clear_retry_flags(b);
	*n = 0;
	if (out_room(c, len) == -1)
		return 0;
	memcpy(c->out + c->out_len, from, len);
	c->out_len += len;
	*n = len;
	return 1;
}

static long
bio_ctrl(BIO *b, int cmd, long num, void *ptr)
{
	(void)b;
	(void)num;
	(void)ptr;
	return cmd == BIO_CTRL_FLUSH ? 1 : 0;
}

static int
bio_create(BIO *b)
{
	BIO_set_init(b, 1);
	return 1;
}

/* --- the library --- */

int
tls_init(void)
{
	time_t epoch = 0;
	struct tm tm;

	if (tls_lib != NULL)
		return 0;
	/* dates are compared by way of it, and it opens a file once */
	(void)gmtime_r(&epoch, &tm);
	if (OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG |
		    OPENSSL_INIT_LOAD_SSL_STRINGS |
		    OPENSSL_INIT_LOAD_CRYPTO_STRINGS,
		NULL) != 1)
		return -1;
	tls_lib = OSSL_LIB_CTX_new();
	if (tls_lib == NULL || provider_load() == -1)
		return -1;
	memory = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK,
	    "memory of a connection");
	if (memory == NULL || BIO_meth_set_create(memory, bio_create) != 1 ||
	    BIO_meth_set_read_ex(memory, bio_read) != 1 ||
	    BIO_meth_set_write_ex(memory, bio_write) != 1 ||
	    BIO_meth_set_ctrl(memory, bio_ctrl) != 1)
		return -1;
	return ASYNC_init_thread(0, 0) == 1 ? 0 : -1;
}

/* --- life --- */

struct tls_conn *
conn_new(SSL_CTX *ctx, void *owner)
{
	struct tls_conn *c = calloc(1, sizeof(*c));
	BIO *bio;

	if (c == NULL)
		return NULL;
	c->owner = owner;
	c->ssl = SSL_new(ctx);
	bio = BIO_new(memory);
	if (c->ssl == NULL || bio == NULL || SSL_set_app_data(c->ssl, c) != 1) {
		SSL_free(c->ssl);
		BIO_free(bio);
		free(c);
		return NULL;
	}
	BIO_set_data(bio, c);
	SSL_set_bio(c->ssl, bio, bio);
	(void)SSL_set_mode(c->ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ASYNC);
	return c;
}

static void
out_free(struct tls_conn *c)
{
	if (spare == NULL && c->out_cap <= SPARE_MAX) {
		spare = c->out;
		spare_cap = c->out_cap;
	} else {
		free(c->out);
	}
	c->out = NULL;
	c->out_off = c->out_len = c->out_cap = 0;
}

/* A handshake that waits has a stack of its own, which must be left. */
static void
unwind(struct tls_conn *c)
{
	if (c->question == NULL)
		return;
	sign_drop(c->question);
	sign_set_current(c);
	(void)SSL_do_handshake(c->ssl);
	sign_set_current(NULL);
}

void
tls_free(struct tls_conn *c)
{
	if (c == NULL)
		return;
	unwind(c);
	SSL_free(c->ssl);
	ERR_clear_error();
	tls_server_free(c->server);
	tls_client_free(c->client);
	out_free(c);
	free(c->kept);
	free(c->fingerprints);
	free(c);
}

/* --- bytes --- */

void
tls_feed(struct tls_conn *c, const void *p, size_t len)
{
	c->in = p;
	c->in_len = len;
}

/* The caller's buffer is needed for others while we wait. */
static int
keep_input(struct tls_conn *c)
{
	uint8_t *copy = NULL;

	if (c->in_len > 0) {
		if ((copy = malloc(c->in_len)) == NULL)
			return -1;
		memcpy(copy, c->in, c->in_len);
	}
	free(c->kept);
	c->kept = copy;
	c->in = copy;
	return 0;
}

const void *
tls_output(const struct tls_conn *c, size_t *len)
{
	*len = c->out_len - c->out_off;
	return c->out + c->out_off;
}

void
tls_sent(struct tls_conn *c, size_t n)
{
	c->out_off += n;
	if (c->out_off == c->out_len && c->out != NULL)
		out_free(c);
}

/* --- steps --- */

static enum tls_status
failed(struct tls_conn *c, const char *why)
{
	unsigned long e = ERR_peek_error();
	const char *reason = NULL;

	if (why == NULL && e != 0)
		reason = ERR_reason_error_string(e);
	if (why == NULL)
		why = reason != NULL ? reason : "connection failed";
	if (!c->failed)
		(void)strlcpy(c->why, why, sizeof(c->why));
	c->failed = true;
	c->in_len = 0;
	ERR_clear_error();
	return TLS_FAILED;
}

static enum tls_status
outcome(struct tls_conn *c, int rc)
{
	switch (SSL_get_error(c->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		free(c->kept);
		c->kept = NULL;
		return TLS_INPUT;
	case SSL_ERROR_WANT_ASYNC:
		return keep_input(c) == 0 ? TLS_SIGN : failed(c, "no memory");
	case SSL_ERROR_WANT_ASYNC_JOB:
		return failed(c, "no memory for a handshake");
	case SSL_ERROR_ZERO_RETURN:
		return TLS_CLOSED;
	default:
		return failed(c, NULL);
	}
}

enum tls_status
tls_handshake(struct tls_conn *c)
{
	int rc;

	if (c->failed)
		return TLS_FAILED;
	if (c->done)
		return TLS_DONE;
	if (c->question != NULL && c->question->state == Q_OPEN)
		return TLS_SIGN;
	ERR_clear_error();
	sign_set_current(c);
	rc = SSL_do_handshake(c->ssl);
	sign_set_current(NULL);
	if (rc != 1)
		return outcome(c, rc);
	/* nothing is signed from here on, so nothing needs a stack */
	(void)SSL_clear_mode(c->ssl, SSL_MODE_ASYNC);
	c->done = true;
	return TLS_DONE;
}

enum tls_status
tls_read(struct tls_conn *c, void *to, size_t cap, size_t *n)
{
	*n = 0;
	if (c->failed || !c->done)
		return TLS_FAILED;
	ERR_clear_error();
	if (SSL_read_ex(c->ssl, to, cap, n) == 1)
		return TLS_DONE;
	return outcome(c, 0);
}

enum tls_status
tls_write(struct tls_conn *c, const void *p, size_t len)
{
	size_t n;

	if (len == 0)
		return TLS_DONE;
	if (c->failed || !c->done)
		return TLS_FAILED;
	ERR_clear_error();
	if (SSL_write_ex(c->ssl, p, len, &n) == 1)
		return TLS_DONE;
	return failed(c, NULL);
}

void
tls_close(struct tls_conn *c)
{
	/* a second call would want the peer's */
	if (c->failed || !c->done ||
	    (SSL_get_shutdown(c->ssl) & SSL_SENT_SHUTDOWN) != 0)
		return;
	ERR_clear_error();
	(void)SSL_shutdown(c->ssl);
	ERR_clear_error();
}

void
tls_give_up(struct tls_conn *c)
{
	if (c->question != NULL)
		sign_drop(c->question);
}

/* --- what there is to know --- */

const char *
tls_why(const struct tls_conn *c)
{
	return c->why;
}

const char *
tls_verified_name(enum tls_verified v)
{
	switch (v) {
	case TLS_V_NOT_ASKED:
		return "none";
	case TLS_V_OK:
		return "ok";
	case TLS_V_NO_CERT:
		return "no-certificate";
	case TLS_V_UNTRUSTED:
		return "untrusted";
	case TLS_V_EXPIRED:
		return "expired";
	case TLS_V_NAME:
		return "wrong-name";
	case TLS_V_FINGERPRINT:
		return "wrong-fingerprint";
	case TLS_V_BAD:
		return "bad";
	}
	return "bad";
}

void
tls_evidence(const struct tls_conn *c, struct tls_evidence *e)
{
	X509 *peer = SSL_get0_peer_certificate(c->ssl);

	memset(e, 0, sizeof(*e));
	e->version = SSL_get_version(c->ssl);
	e->cipher = SSL_get_cipher_name(c->ssl);
	e->resumed = SSL_session_reused(c->ssl) == 1;
	e->verified = c->verified;
	e->sni = SSL_get_servername(c->ssl, TLSEXT_NAMETYPE_host_name);
	if (e->sni == NULL)
		e->sni = "";
	if (peer != NULL && tls_fingerprint_of(peer, e->fingerprint) == 0)
		e->peer_cert = true;
}
