/* SPDX-License-Identifier: ISC */
/*
 * Edge 15, smtpd-in/X and smtpd-out/X -> keyd: sign this block of a handshake
 * with key i.  The whole block is handed over, never a digest, so that keyd
 * sees what it signs and refuses what is no handshake of the asker's side and
 * role (keyd/block.h).  The id of a question comes back with its answer;
 * answers may come in any order.
 *
 * A hostile asker can at most be a TLS server (smtpd-out: a TLS client) under
 * the names of its own side's certificates for as long as it lives; it learns
 * nothing of a key, and gets no signature on anything else.
 */
#ifndef COMMON_MSG_SMTP_KEY_H
#define COMMON_MSG_SMTP_KEY_H

#include <stdint.h>

#include "common/base/ibuf.h"
#include "common/msg/edge.h"

enum sk_type {
	SK_REQ_SIGN = MSG_TYPE(EDGE_SMTP_KEY, 1),
	SK_REQ_PING = MSG_TYPE(EDGE_SMTP_KEY, 2), /* empty: are you there */
	SK_ANS_SIGNED = MSG_TYPE(EDGE_SMTP_KEY, MSG_ANSWER | 1),
	SK_ANS_PONG = MSG_TYPE(EDGE_SMTP_KEY, MSG_ANSWER | 2) /* empty */
};

/*
 * A TLS 1.2 client signs all messages of the handshake, certificates of the
 * server among them; every other block is below 512 bytes.
 */
#define SK_BLOCK_MAX (64 * 1024)
#define SK_SIG_MAX   1024 /* RSA of 8192 bits */

struct sk_sign {
	uint32_t key;	 /* conf_cert_key(): generation and number */
	uint16_t scheme; /* SignatureScheme, RFC 8446 4.2.3 */
			 /* behind it, to the end of the message: the block */
};
#define SK_SIGN_LEN 6
#define SK_SIGN_MAX (SK_SIGN_LEN + SK_BLOCK_MAX)
int put_sk_sign(struct ibuf *, const struct sk_sign *);
int get_sk_sign(struct ibuf *, struct sk_sign *);

enum sk_verdict {
	SK_SIGNED = 1,
	SK_REFUSED = 2, /* not a handshake of yours, or not your key */
	SK_LATER = 3	/* no such key (yet), or too many questions */
};

struct sk_signed {
	enum sk_verdict verdict;
	uint16_t len; /* 0 unless SK_SIGNED */
	uint8_t sig[SK_SIG_MAX];
};
#define SK_SIGNED_MIN 3
#define SK_SIGNED_MAX (SK_SIGNED_MIN + SK_SIG_MAX)
int put_sk_signed(struct ibuf *, const struct sk_signed *);
int get_sk_signed(struct ibuf *, struct sk_signed *);

#endif
