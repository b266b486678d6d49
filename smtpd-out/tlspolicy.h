/* SPDX-License-Identifier: ISC */
/*
 * The decision about TLS towards a server, all of it: what is wanted, what the
 * server offers and what came of it go in, what to do next comes out.  Pure.
 *
 * It is asked at five moments of a connection.  Where it says DEFER or FAIL,
 * that is about this host: another one may serve.  What is learned about a
 * domain elsewhere (DANE, MTA-STS) is a higher level, or another way of
 * having verified the server.
 */
#ifndef SMTPD_OUT_TLSPOLICY_H
#define SMTPD_OUT_TLSPOLICY_H

#include <stdbool.h>

#include "common/base/conf.h"
#include "common/base/reason.h"
#include "common/tls/tls.h"

enum tls_moment {
	TLS_AT_HELLO = 0, /* the server has said what it offers, in the clear */
	TLS_AT_REFUSAL,	  /* it answered STARTTLS with an error */
	TLS_AT_FAILURE,	  /* the handshake came to nothing */
	TLS_AT_DONE,	  /* the handshake is done */
	TLS_AT_MESSAGE	  /* a message is to go through what there is now */
};

struct tls_facts {
	enum conf_tls_level level;
	bool fell_back; /* a handshake with this host has failed already */
	bool offered;	/* HELLO: STARTTLS */
	bool secure;	/* MESSAGE: TLS is in use */
	enum tls_verified verified; /* DONE, MESSAGE */
	bool requiretls;	    /* MESSAGE: it asks for RFC 8689 */
	bool offers_requiretls;	    /* MESSAGE: and the server knows that */
};

enum tls_action {
	TLS_GO_PLAIN = 0, /* on in clear text */
	TLS_START,	  /* STARTTLS */
	TLS_GO_SECURE,	  /* on, encrypted */
	TLS_AGAIN_PLAIN, /* the same host over a new connection, in the clear */
	TLS_DEFER,	 /* this host not now */
	TLS_FAIL	 /* nor later */
};

struct tls_verdict {
	enum tls_action action;
	/* of DEFER and FAIL; static strings */
	enum reason reason;
	const char *enh, *text;
};

struct tls_verdict tls_decide(enum tls_moment, const struct tls_facts *);

#endif
