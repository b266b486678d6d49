/* SPDX-License-Identifier: ISC */
/*
 * Paces of senders: see pace.h.
 */
#include <stdlib.h>
#include <string.h>

#include "queued/bucket.h"
#include "queued/pace.h"

#define V6_HOST 64U /* bits */

struct pace_host {
	RB_ENTRY(pace_host) entry;
	struct pheap_node full;
	struct netprefix host; /* key */
	struct bucket bucket;
};

static int
host_cmp(const struct pace_host *a, const struct pace_host *b)
{
	if (a->host.len != b->host.len)
		return a->host.len < b->host.len ? -1 : 1;
	return netaddr_cmp(&a->host.addr, &b->host.addr);
}

RB_GENERATE_STATIC(pace_tree, pace_host, entry, host_cmp)

void
paces_init(struct paces *ps)
{
	memset(ps, 0, sizeof(*ps));
	RB_INIT(&ps->hosts);
}

static void
forget(struct paces *ps, struct pace_host *h)
{
	pheap_remove(&ps->by_full, &h->full);
	RB_REMOVE(pace_tree, &ps->hosts, h);
	ps->n--;
	free(h);
}

void
paces_free(struct paces *ps)
{
	struct pace_host *h;

	while ((h = RB_MIN(pace_tree, &ps->hosts)) != NULL)
		forget(ps, h);
}

/* The host that an address is counted as, below a statement's prefix. */
static void
host_of(const struct netaddr *a, unsigned len, struct netprefix *host)
{
	unsigned bits = a->family == NETADDR_V4 ? 32 : V6_HOST, i;

	if (len > bits)
		bits = len;
	memset(host, 0, sizeof(*host));
	host->len = (uint8_t)bits;
	host->addr.family = a->family;
	for (i = 0; i < bits / 8; i++)
		host->addr.bytes[i] = a->bytes[i];
	if (bits % 8 != 0)
		host->addr.bytes[i] =
		    (uint8_t)(a->bytes[i] & (0xff << (8 - bits % 8)));
}

/* Those that are as good as new, or one that is nearest to it. */
static void
make_room(struct paces *ps, uint64_t now)
{
	struct pheap_node *n = pheap_first(&ps->by_full);

	if (n == NULL || (n->at > now && ps->n < PACE_HOSTS_MAX))
		return;
	forget(ps, PHEAP_OWNER(n, struct pace_host, full));
	/* two for each new one: so they become fewer */
	n = pheap_first(&ps->by_full);
	if (n != NULL && n->at <= now)
		forget(ps, PHEAP_OWNER(n, struct pace_host, full));
}

static struct pace_host *
get(struct paces *ps, const struct netprefix *host, uint64_t now)
{
	struct pace_host key = { .host = *host }, *h;

	h = RB_FIND(pace_tree, &ps->hosts, &key);
	if (h != NULL)
		return h;
	make_room(ps, now);
	h = calloc(1, sizeof(*h));
	if (h == NULL)
		return NULL;
	h->host = *host;
	RB_INSERT(pace_tree, &ps->hosts, h);
	pheap_insert(&ps->by_full, &h->full, now);
	ps->n++;
	return h;
}

uint64_t
paces_release(struct paces *ps, const struct conf *conf,
    const struct netaddr *client, uint64_t now)
{
	const struct conf_source *s = conf_source_find(conf, client);
	struct netprefix host;
	struct pace_host *h;
	uint64_t at;

	if (s == NULL)
		return now;
	host_of(client, s->prefix.len, &host);
	h = get(ps, &host, now);
	if (h == NULL)
		return now;
	bucket_set(&h->bucket, &s->rate, now);
	at = bucket_reserve(&h->bucket, now);
	pheap_remove(&ps->by_full, &h->full);
	pheap_insert(&ps->by_full, &h->full, bucket_full(&h->bucket, now));
	return at;
}
