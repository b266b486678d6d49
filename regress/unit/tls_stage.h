/* SPDX-License-Identifier: ISC */
/*
 * For the tests of common/tls: keys and certificates made on the spot, a signer
 * in place of keyd, and a wire between two connections.
 */
#ifndef REGRESS_UNIT_TLS_STAGE_H
#define REGRESS_UNIT_TLS_STAGE_H

#include <openssl/evp.h>

#include "common/tls/tls.h"
#include "keyd/block.h"

#define STAGE_KEYS	8
#define STAGE_QUESTIONS 16

struct stage_cert {
	EVP_PKEY *key;
	char pem[8192];
	size_t len;
};

struct question_asked {
	uint32_t id, key;
	uint16_t scheme;
	enum block_kind kind;
	size_t len;
	uint8_t block[65536];
};

struct stage {
	EVP_PKEY *keys[STAGE_KEYS]; /* by number */
	struct question_asked asked[STAGE_QUESTIONS];
	size_t nasked;
	bool away; /* nobody can be asked */
};

extern struct stage stage;

/* type "RSA" or "EC"; days from now that it is valid; names: DNS, by comma */
void stage_cert(struct stage_cert *, const char *type, const char *names,
    long days);
void stage_reset(void);
/* Sign question n, or refuse it; what tls_signed() returned. */
void *stage_answer(size_t n);
void *stage_refuse(size_t n);

/* A client and a server joined; both handshakes as far as they go. */
struct pair {
	struct tls_conn *client, *server;
	enum tls_status cs, ss; /* of the two, at last */
};
/* Carry what either has to say, answering questions if "sign". */
void pair_run(struct pair *, bool sign);
void pair_free(struct pair *);

#endif
