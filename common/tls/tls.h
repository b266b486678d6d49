/* SPDX-License-Identifier: ISC */
/*
 * TLS 1.2 and 1.3 as a pure machine over memory: bytes of the wire in and out,
 * plain text in and out.  No socket, no clock, no file after tls_init().  The
 * only place beside keyd that knows OpenSSL.
 *
 * Private keys are not here.  A certificate is its chain and the number of its
 * key in keyd; what a handshake has to sign goes to the signer that the
 * program has set, as the whole block, and the handshake waits (TLS_SIGN)
 * until tls_signed() brings the answer.  Meanwhile other sessions go on.
 *
 * Neither renegotiation nor compression, no session cache: sessions are
 * resumed by tickets alone, whose keys the program is given (ticket.h).
 *
 * One connection:
 *
 *	c = tls_accept(server, owner)  or  tls_connect(client, &how, owner)
 *	on input: tls_feed(c, bytes), then tls_handshake(c) until TLS_DONE, then
 *	tls_read(c) until it wants more (TLS_INPUT)
 *	after every call: tls_output(c), to be written to the wire, tls_sent(c)
 *	tls_write(c, text); at the end tls_close(c), tls_free(c)
 *
 * What was fed is used up when TLS_INPUT comes; the bytes must stay where they
 * are until then, or until TLS_SIGN (what is left is then kept here).
 */
#ifndef COMMON_TLS_TLS_H
#define COMMON_TLS_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TLS_FINGERPRINT 32	    /* SHA-256 of a certificate */
#define TLS_CERTS_MAX	64	    /* of one server */
#define TLS_CHAIN_MAX	(32 * 1024) /* bytes of PEM */
#define TLS_WRITE_MAX	16384	    /* a record's worth */

struct tls_cert;
struct tls_server;
struct tls_client;
struct tls_conn;
struct tls_tickets;

enum tls_status {
	TLS_DONE = 0,
	TLS_INPUT,  /* wants bytes from the wire */
	TLS_SIGN,   /* waits for the signer */
	TLS_CLOSED, /* the peer has closed it, properly */
	TLS_FAILED /* over; tls_why() says why; an alert may be in the output */
};

/*
 * Once, before the sandbox: loads what the library needs.  The secure heap is
 * keyd's affair.  -1: it cannot be used.
 */
int tls_init(void);

/* --- keys elsewhere --- */

/*
 * Ask for a signature on block; scheme is a SignatureScheme of RFC 8446.
 * -1: nobody can be asked; the handshake then fails.
 */
typedef int tls_ask(void *arg, uint32_t id, uint32_t key, uint16_t scheme,
    const uint8_t *block, size_t len);
void tls_set_signer(tls_ask *, void *arg); /* one for the process */
/*
 * The answer to question id; len 0: no signature.  Returns the owner of the
 * connection, whose tls_handshake() is to be called now, or NULL: nobody waits
 * for it (any more).
 */
void *tls_signed(uint32_t id, const uint8_t *sig, size_t len);
/* How many handshakes wait for the signer. */
size_t tls_waiting(void);

/* --- certificates --- */

/*
 * A chain in PEM, the host's own certificate first, and the number of its key;
 * NULL: malformed, or neither RSA nor ECDSA.
 */
struct tls_cert *tls_cert_new(const uint8_t *pem, size_t len, uint32_t key);
void tls_cert_free(struct tls_cert *); /* contexts keep what they need */
const uint8_t *tls_cert_fingerprint(const struct tls_cert *);

/* --- servers --- */

struct tls_server_conf {
	/* the first is the default; one without fitting name is served it */
	struct tls_cert *const *certs;
	size_t ncerts;
	/* asked for a certificate, which may be any or none: see evidence */
	bool ask_client;
	/* its tickets are good for servers of the same name only; copied */
	const char *name;
	struct tls_tickets *tickets; /* NULL: none; must outlive the server */
};
/* NULL: no memory, or a certificate that cannot be used. */
struct tls_server *tls_server_new(const struct tls_server_conf *);
void tls_server_free(struct tls_server *); /* connections go on */
struct tls_conn *tls_accept(struct tls_server *, void *owner);

/* --- clients --- */

/* Trust anchors in PEM; len 0: none, nobody can be verified by name. */
struct tls_client *tls_client_new(const uint8_t *pem, size_t len);
void tls_client_free(struct tls_client *); /* connections go on */

enum tls_verify_mode {
	TLS_VERIFY_NONE,       /* encrypt; say what was found */
	TLS_VERIFY_NAME,       /* a trusted chain to one of the names */
	TLS_VERIFY_FINGERPRINT /* one of these certificates */
};

struct tls_connect_conf {
	const char *sni; /* host name to send, or NULL */
	enum tls_verify_mode verify;
	const char *const *names; /* NAME: any of them will do */
	size_t nnames;
	const uint8_t (*fingerprints)[TLS_FINGERPRINT];
	size_t nfingerprints;
	const struct tls_cert *cert; /* ours, if asked for; or NULL */
};
/*
 * Verification never breaks the handshake off: the caller looks at the
 * evidence when it is done, and decides.
 */
struct tls_conn *tls_connect(struct tls_client *,
    const struct tls_connect_conf *, void *owner);

/* --- connections --- */

void tls_free(struct tls_conn *); /* NULL is allowed; an open question lapses */
void tls_feed(struct tls_conn *, const void *, size_t);
enum tls_status tls_handshake(struct tls_conn *);
/* Plain text; *n may be less than cap with more to come: TLS_DONE. */
enum tls_status tls_read(struct tls_conn *, void *, size_t cap, size_t *n);
/* At most TLS_WRITE_MAX a call is good manners; all of it is taken. */
enum tls_status tls_write(struct tls_conn *, const void *, size_t);
void tls_close(struct tls_conn *); /* close_notify into the output */
/* What is to be written to the wire, and that n bytes of it were. */
const void *tls_output(const struct tls_conn *, size_t *len);
void tls_sent(struct tls_conn *, size_t n);
/* The question to the signer has taken too long: the handshake is to fail. */
void tls_give_up(struct tls_conn *);
/* In a few words, for the log: "unexpected message", "no shared cipher". */
const char *tls_why(const struct tls_conn *);

enum tls_verified {
	TLS_V_NOT_ASKED = 0, /* TLS_VERIFY_NONE, or a server that did not ask */
	TLS_V_OK,
	TLS_V_NO_CERT,	   /* the peer has shown none */
	TLS_V_UNTRUSTED,   /* no chain to a trust anchor */
	TLS_V_EXPIRED,	   /* or not yet valid */
	TLS_V_NAME,	   /* trusted, but for other names */
	TLS_V_FINGERPRINT, /* not one of those expected */
	TLS_V_BAD	   /* malformed, a weak signature, revoked ... */
};
const char *tls_verified_name(enum tls_verified); /* "untrusted" */

struct tls_evidence {
	const char *version; /* "TLSv1.3" */
	const char *cipher;  /* "TLS_AES_256_GCM_SHA384" */
	bool resumed;
	enum tls_verified verified;
	bool peer_cert;			      /* it has shown one */
	uint8_t fingerprint[TLS_FINGERPRINT]; /* of it */
	const char *sni; /* server: what the client asked for, or "" */
};
/* After the handshake; the strings live as long as the connection. */
void tls_evidence(const struct tls_conn *, struct tls_evidence *);

#endif
