/* SPDX-License-Identifier: ISC */
/*
 * The private keys: read once from posternd's set, kept in locked memory that
 * is in no core, used to sign, and never handed out.
 */
#ifndef KEYD_KEYS_H
#define KEYD_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include "common/msg/key_set.h"
#include "common/msg/smtp_key.h"

struct keys;

/*
 * Before privileges are dropped: what the library loads, and the locked heap.
 * -1: the library cannot be used; 1: all well, but memory cannot be locked.
 */
int keys_init(void);
/*
 * Takes fd, a set as key_set.h says.  Entries that are no good have no key,
 * and a verdict that says why.  NULL: no such set, or no memory.
 */
struct keys *keys_load(int fd, uint32_t generation, int64_t now);
void keys_free(struct keys *);

uint32_t keys_generation(const struct keys *);
uint32_t keys_count(const struct keys *);
void keys_check(const struct keys *, uint32_t n, struct ks_check *);
/*
 * Sign block with key n for an asker who may have uses (of conf_cert_use).
 * The answer is complete, whatever it is.  Returned for the log: why not, NULL
 * with SK_SIGNED.
 */
const char *keys_sign(struct keys *, uint32_t n, uint32_t uses, uint16_t scheme,
    const uint8_t *block, size_t len, struct sk_signed *);

#endif
