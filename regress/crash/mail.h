/* SPDX-License-Identifier: ISC */
/*
 * The messages of the test: envelope, body and state follow from the id, the
 * size and the number of attempts alone.
 */
#ifndef REGRESS_CRASH_MAIL_H
#define REGRESS_CRASH_MAIL_H

#include "queued/store/store.h"

#define MAIL_BODY_MAX  (32 * 1024)
#define MAIL_BODY_MIN  64
#define MAIL_ENV_MAX   4096
#define MAIL_RCPTS_MAX 3

void mail_body(uint64_t id, uint8_t *buf, size_t size);
size_t mail_env(uint64_t id, uint64_t size, uint8_t buf[MAIL_ENV_MAX]);
uint64_t mail_hash(const void *, size_t);

/* The change that attempt number "attempt" (from 1) makes. */
struct mail_change {
	struct store_state st;
	struct store_rcpt rcpts[MAIL_RCPTS_MAX];
	char texts[MAIL_RCPTS_MAX][64];
	char text[64];
	struct store_extra extra;
	uint64_t note;
};
void mail_change(uint64_t id, uint32_t attempt, struct mail_change *);
/* Is this the sum of that many attempts, and of how many? */
bool mail_state_is_whole(const struct store_msg *, uint32_t *attempts);

#endif
