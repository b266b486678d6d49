/* SPDX-License-Identifier: ISC */
/*
 * The edge to keyd (common/msg/smtp_key.h) for those whose handshakes ask it
 * for signatures: one for the process.
 */
#ifndef COMMON_TLS_KEYS_H
#define COMMON_TLS_KEYS_H

#include "common/base/chan.h"
#include "common/msg/smtp_key.h"

struct tls_keys {
	struct chan **chan; /* the program's; *chan NULL: keyd is away */
	/* its signature is there, or refused: tls_handshake() goes on */
	void (*go_on)(void *owner);
};

/* What it points to must live on. */
void tls_keys_init(struct tls_keys *);
/* SK_ANS_SIGNED, for the handler of it.  -1: malformed. */
int tls_keys_signed(struct tls_keys *, uint32_t id, struct ibuf *);

#endif
