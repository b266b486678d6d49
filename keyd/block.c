/* SPDX-License-Identifier: ISC */
/* Blocks of handshakes: see block.h. */
#include <string.h>

#include "keyd/block.h"

#define SPACES	   64
#define RANDOMS	   64 /* client_random and server_random */
#define HELLO_MIN  38 /* version, random, and what follows at the least */
#define CURVE_TYPE 3  /* named_curve */

enum hello_type {
	CLIENT_HELLO = 1,
	SERVER_HELLO = 2,
	CERTIFICATE = 11,
	SERVER_KEY_EXCHANGE = 12,
	CERTIFICATE_REQUEST = 13,
	SERVER_HELLO_DONE = 14,
	CLIENT_KEY_EXCHANGE = 16,
	CERTIFICATE_STATUS = 22
};

/* --- TLS 1.3 --- */

static bool
is_13(const uint8_t *p, size_t n, const char *context)
{
	size_t len = strlen(context) + 1, i; /* its NUL belongs to it */

	/* SHA-256 or SHA-384: the hashes of the cipher suites there are */
	if (n != SPACES + len + 32 && n != SPACES + len + 48)
		return false;
	for (i = 0; i < SPACES; i++)
		if (p[i] != ' ')
			return false;
	return memcmp(p + SPACES, context, len) == 0;
}

/* --- TLS 1.2, server --- */

/* Octets of a public value on a curve; 0: none of those that we offer. */
static size_t
point_len(unsigned curve)
{
	static const struct {
		unsigned curve;
		size_t len;
	} curves[] = {
		{ 23, 65 },  /* secp256r1 */
		{ 24, 97 },  /* secp384r1 */
		{ 25, 133 }, /* secp521r1 */
		{ 29, 32 },  /* x25519 */
		{ 30, 56 },  /* x448 */
	};
	size_t i;

	for (i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
		if (curves[i].curve == curve)
			return curves[i].len;
	return 0;
}

static bool
is_server_12(const uint8_t *p, size_t n)
{
	const uint8_t *ecdh = p + RANDOMS;
	size_t len;

	if (n < RANDOMS + 4 || ecdh[0] != CURVE_TYPE)
		return false;
	len = point_len((unsigned)ecdh[1] << 8 | ecdh[2]);
	if (len == 0 || ecdh[3] != len || n != RANDOMS + 4 + len)
		return false;
	/* points of the NIST curves are uncompressed */
	return len == 32 || len == 56 || ecdh[4] == 4;
}

/* --- TLS 1.2, client --- */

/*
 * The messages in their order; an optional one may be missing.  Its length is
 * checked where the message has a least or an only one.
 */
static const struct {
	enum hello_type type;
	bool optional;
	size_t min, max;
} messages[] = {
	{ CLIENT_HELLO, false, HELLO_MIN, 0xffffff },
	{ SERVER_HELLO, false, HELLO_MIN, 0xffffff },
	{ CERTIFICATE, false, 3, 0xffffff },
	{ CERTIFICATE_STATUS, true, 4, 0xffffff },
	{ SERVER_KEY_EXCHANGE, true, 4, 0xffffff },
	{ CERTIFICATE_REQUEST, false, 5, 0xffffff },
	{ SERVER_HELLO_DONE, false, 0, 0 },
	{ CERTIFICATE, false, 3, 0xffffff },
	{ CLIENT_KEY_EXCHANGE, false, 1, 0xffffff },
};

#define NMESSAGES (sizeof(messages) / sizeof(messages[0]))

static bool
is_client_12(const uint8_t *p, size_t n)
{
	size_t i, len;

	for (i = 0; i < NMESSAGES; i++) {
		if (n < 4)
			return false;
		if (p[0] != messages[i].type) {
			if (messages[i].optional)
				continue;
			return false;
		}
		len = (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
		if (len > n - 4 || len < messages[i].min ||
		    len > messages[i].max)
			return false;
		/* both hellos begin with the version, 3.3 */
		if (i < 2 && (p[4] != 3 || p[5] != 3))
			return false;
		p += 4 + len;
		n -= 4 + len;
	}
	return n == 0;
}

/* --- all --- */

enum block_kind
block_parse(const uint8_t *p, size_t n)
{
	if (is_13(p, n, "TLS 1.3, server CertificateVerify"))
		return BLOCK_SERVER_13;
	if (is_13(p, n, "TLS 1.3, client CertificateVerify"))
		return BLOCK_CLIENT_13;
	if (is_server_12(p, n))
		return BLOCK_SERVER_12;
	if (is_client_12(p, n))
		return BLOCK_CLIENT_12;
	return BLOCK_NONE;
}

bool
block_is_server(enum block_kind kind)
{
	return kind == BLOCK_SERVER_13 || kind == BLOCK_SERVER_12;
}

const struct block_scheme *
block_scheme(enum block_kind kind, uint16_t scheme)
{
	static const struct block_scheme schemes[] = {
		{ 0x0403, "SHA256", false, false },
		{ 0x0503, "SHA384", false, false },
		{ 0x0603, "SHA512", false, false },
		{ 0x0804, "SHA256", true, true },
		{ 0x0805, "SHA384", true, true },
		{ 0x0806, "SHA512", true, true },
		{ 0x0401, "SHA256", true, false },
		{ 0x0501, "SHA384", true, false },
		{ 0x0601, "SHA512", true, false },
	};
	bool new = kind == BLOCK_SERVER_13 || kind == BLOCK_CLIENT_13;
	const struct block_scheme *s = schemes;

	for (; s < schemes + sizeof(schemes) / sizeof(schemes[0]); s++)
		if (s->scheme == scheme)
			return new && s->rsa && !s->pss ? NULL : s;
	return NULL;
}
