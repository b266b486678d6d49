/* SPDX-License-Identifier: ISC */
/*
 * Keys of session tickets (RFC 5077, RFC 8446 4.6.1).  The keys are posternd's,
 * one set a side, so that every worker of a side takes the tickets of every
 * other, and a worker that is replaced those of the one before; between the
 * sides nothing is shared.  New tickets are sealed under the first key, old
 * ones opened with the second as well.
 */
#ifndef COMMON_TLS_TICKET_H
#define COMMON_TLS_TICKET_H

#include <stdbool.h>
#include <stdint.h>

#define TLS_TICKET_KEY	80 /* name 16, AES-256 32, HMAC-SHA-256 32 */
#define TLS_TICKET_KEYS 2

struct tls_tickets {
	uint32_t n; /* 0: no tickets are given or taken */
	uint8_t key[TLS_TICKET_KEYS][TLS_TICKET_KEY];
};

#endif
