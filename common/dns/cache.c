/* SPDX-License-Identifier: ISC */
/* The cache: a hash table with secret key and a list in order of use.  Pure. */
#include <stdlib.h>
#include <string.h>

#include <bsd/sys/queue.h>

#include "common/dns/cache.h"

struct entry {
	LIST_ENTRY(entry) chain;
	TAILQ_ENTRY(entry) used; /* most recent first */
	uint64_t expires;
	struct dns_answer *answer;
	enum dns_type type;
	char name[];
};

LIST_HEAD(bucket, entry);
TAILQ_HEAD(lru, entry);

struct dns_cache {
	struct dns_cache_conf conf;
	size_t nbuckets; /* a power of two */
	struct bucket *buckets;
	struct lru lru;
	size_t entries;
	size_t bytes;
};

struct dns_cache *
dns_cache_new(const struct dns_cache_conf *conf)
{
	struct dns_cache *c;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		return NULL;
	c->conf = *conf;
	for (c->nbuckets = 16; c->nbuckets < conf->entries;)
		c->nbuckets *= 2;
	c->buckets = calloc(c->nbuckets, sizeof(c->buckets[0]));
	if (c->buckets == NULL) {
		free(c);
		return NULL;
	}
	TAILQ_INIT(&c->lru);
	return c;
}

static size_t
entry_bytes(const struct entry *e)
{
	return sizeof(*e) + strlen(e->name) + 1 + e->answer->size;
}

static void
drop(struct dns_cache *c, struct entry *e)
{
	LIST_REMOVE(e, chain);
	TAILQ_REMOVE(&c->lru, e, used);
	c->entries--;
	c->bytes -= entry_bytes(e);
	dns_answer_unref(e->answer);
	free(e);
}

void
dns_cache_flush(struct dns_cache *c)
{
	struct entry *e, *next;

	TAILQ_FOREACH_SAFE(e, &c->lru, used, next)
		drop(c, e);
}

void
dns_cache_free(struct dns_cache *c)
{
	if (c == NULL)
		return;
	dns_cache_flush(c);
	free(c->buckets);
	free(c);
}

static struct bucket *
bucket_of(struct dns_cache *c, const char *name, enum dns_type type)
{
	uint64_t h = siphash(c->conf.key, name, strlen(name));

	/* The type is one of a few numbers: no secret is needed for it. */
	return &c->buckets[(h + (uint64_t)type * 0x9e3779b97f4a7c15) &
	    (c->nbuckets - 1)];
}

static struct entry *
find(struct dns_cache *c, const char *name, enum dns_type type)
{
	struct entry *e;

	LIST_FOREACH(e, bucket_of(c, name, type), chain)
		if (e->type == type && strcmp(e->name, name) == 0)
			return e;
	return NULL;
}

/* Seconds that an answer may be kept; 0: not at all. */
static uint32_t
keep_for(const struct dns_cache *c, const struct dns_answer *a)
{
	uint32_t max = 0;

	switch (a->status) {
	case DNS_OK:
		max = c->conf.ttl_max;
		break;
	case DNS_NODATA:
	case DNS_NXDOMAIN:
		max = c->conf.negative_max;
		break;
	case DNS_SERVFAIL:
	case DNS_REFUSED:
	case DNS_TIMEOUT:
	case DNS_LOOP:
	case DNS_BOGUS:
		/* Failures carry no lifetime of their own. */
		return c->conf.failure;
	case DNS_POLICY:
	case DNS_BUSY:
		return 0;
	}
	return a->ttl < max ? a->ttl : max;
}

static struct entry *
entry_new(const char *name, enum dns_type type, struct dns_answer *a,
    uint64_t expires)
{
	size_t len = strlen(name) + 1;
	struct entry *e;

	if ((e = malloc(sizeof(*e) + len)) == NULL)
		return NULL;
	memcpy(e->name, name, len);
	e->type = type;
	e->expires = expires;
	e->answer = dns_answer_ref(a);
	return e;
}

/* Back within the bounds: the least recently used go. */
static void
evict(struct dns_cache *c)
{
	struct entry *e, *prev;

	TAILQ_FOREACH_REVERSE_SAFE(e, &c->lru, lru, used, prev)
	{
		if (c->entries <= c->conf.entries && c->bytes <= c->conf.bytes)
			break;
		drop(c, e);
	}
}

void
dns_cache_put(struct dns_cache *c, const char *name, enum dns_type type,
    struct dns_answer *a, uint64_t now)
{
	struct entry *e;
	uint32_t keep;

	if ((e = find(c, name, type)) != NULL)
		drop(c, e);
	if ((keep = keep_for(c, a)) == 0)
		return;
	if ((e = entry_new(name, type, a, now + (uint64_t)keep * 1000)) == NULL)
		return;
	LIST_INSERT_HEAD(bucket_of(c, name, type), e, chain);
	TAILQ_INSERT_HEAD(&c->lru, e, used);
	c->entries++;
	c->bytes += entry_bytes(e);
	evict(c);
}

struct dns_answer *
dns_cache_get(struct dns_cache *c, const char *name, enum dns_type type,
    uint64_t now, uint32_t *ttl)
{
	struct entry *e;

	if ((e = find(c, name, type)) == NULL)
		return NULL;
	if (now >= e->expires) {
		drop(c, e);
		return NULL;
	}
	TAILQ_REMOVE(&c->lru, e, used);
	TAILQ_INSERT_HEAD(&c->lru, e, used);
	*ttl = (uint32_t)((e->expires - now) / 1000);
	return e->answer;
}

size_t
dns_cache_entries(const struct dns_cache *c)
{
	return c->entries;
}

size_t
dns_cache_bytes(const struct dns_cache *c)
{
	return c->bytes;
}
