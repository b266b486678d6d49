/* SPDX-License-Identifier: ISC */
/*
 * SipHash-2-4 (Aumasson and Bernstein, 2012): a hash with a secret key, so
 * that whoever picks the names cannot pick the bucket.
 */
#ifndef COMMON_DNS_SIPHASH_H
#define COMMON_DNS_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

#define SIPHASH_KEY 16

uint64_t siphash(const uint8_t key[SIPHASH_KEY], const void *data, size_t len);

#endif
