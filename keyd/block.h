/* SPDX-License-Identifier: ISC */
/*
 * What keyd signs: the blocks that a TLS handshake has signed by the holder of
 * a certificate, and nothing else.  Pure.
 *
 *	server, TLS 1.3	 64 spaces, "TLS 1.3, server CertificateVerify", NUL,
 *			 the hash of the transcript (RFC 8446 4.4.3)
 *	client, TLS 1.3	 the same with "client"
 *	server, TLS 1.2	 both randoms and ephemeral ECDH parameters of a named
 *			 curve (RFC 5246 7.4.3, RFC 8422 5.4)
 *	client, TLS 1.2	 every message of the handshake before it, from
 *			 ClientHello to ClientKeyExchange (RFC 5246 7.4.8)
 *
 * No block has two of these shapes, and none is a message of another protocol.
 */
#ifndef KEYD_BLOCK_H
#define KEYD_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum block_kind {
	BLOCK_NONE = 0, /* not to be signed */
	BLOCK_SERVER_13,
	BLOCK_SERVER_12,
	BLOCK_CLIENT_13,
	BLOCK_CLIENT_12
};

enum block_kind block_parse(const uint8_t *, size_t);
bool block_is_server(enum block_kind);

/* How a SignatureScheme signs. */
struct block_scheme {
	uint16_t scheme;
	const char *digest;
	bool rsa;
	bool pss;
};
/* NULL: not one of ours, or not for a block of this kind (RFC 8446 4.4.3). */
const struct block_scheme *block_scheme(enum block_kind, uint16_t scheme);

#endif
