/* SPDX-License-Identifier: ISC */
/*
 * Answers kept until they expire: by name and type, bounded in number and in
 * bytes, the least recently used go first.  Nothing is given out after its
 * time.  Negative answers and failures (RFC 2308, RFC 9520) are kept shorter.
 * Pure; times are monotonic milliseconds.
 */
#ifndef COMMON_DNS_CACHE_H
#define COMMON_DNS_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "common/dns/answer.h"
#include "common/dns/siphash.h"

struct dns_cache_conf {
	size_t entries;	       /* at most */
	size_t bytes;	       /* at most, by dns_answer.size and the names */
	uint32_t ttl_max;      /* s */
	uint32_t negative_max; /* s */
	uint32_t failure;      /* s that a failure is kept; 0: not at all */
	uint8_t key[SIPHASH_KEY]; /* random */
};

#define DNS_CACHE_ENTRIES      16384
#define DNS_CACHE_BYTES	       (16 * 1024 * 1024)
#define DNS_CACHE_TTL_MAX      (24 * 3600)
#define DNS_CACHE_NEGATIVE_MAX 300
#define DNS_CACHE_FAILURE      5

struct dns_cache;

struct dns_cache *dns_cache_new(const struct dns_cache_conf *); /* NULL */
void dns_cache_free(struct dns_cache *);
void dns_cache_flush(struct dns_cache *);
/*
 * Keep an answer to (name, type); the cache takes a reference of its own.
 * What may not or cannot be kept is passed over.
 */
void dns_cache_put(struct dns_cache *, const char *name, enum dns_type type,
    struct dns_answer *, uint64_t now);
/*
 * A borrowed answer, valid until the cache is next touched, and the seconds
 * that it has left; or NULL.
 */
struct dns_answer *dns_cache_get(struct dns_cache *, const char *name,
    enum dns_type type, uint64_t now, uint32_t *ttl);
size_t dns_cache_entries(const struct dns_cache *);
size_t dns_cache_bytes(const struct dns_cache *);

#endif
