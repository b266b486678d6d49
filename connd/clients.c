/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include <bsd/sys/queue.h>

#include "common/base/tree.h"
#include "connd/clients.h"

#define MINUTE	60000ULL /* ms */
#define HOUR	3600000ULL
#define V4_NET	24
#define V6_NET	48
#define V6_ADDR 64

/* What is known of an address or a network. */
struct record {
	RB_ENTRY(record) by_key;
	RB_ENTRY(record) by_end; /* of those that nothing holds */
	struct netprefix key;
	uint32_t open;	   /* sessions, or addresses of a network as well */
	uint32_t sessions; /* open */
	uint64_t fast;	   /* ms: connections are forgiven, */
	uint64_t bad;	   /* and bad sessions */
	uint64_t end;	   /* place in by_end */
	bool idle;	   /* is in by_end */
};
RB_HEAD(keys, record);
RB_HEAD(ends, record);

struct table {
	struct keys keys;
	struct ends ends;
	size_t n;     /* records */
	size_t nidle; /* of them in ends */
};

struct client_net {
	struct record rec; /* open: its addresses */
	uint32_t addrs;
};

struct client_addr {
	struct record rec; /* open: its sessions */
	struct client_net *net;
};

struct clients {
	struct table addrs;
	struct table nets;
};

static int
key_cmp(struct record *a, struct record *b)
{
	int c = netaddr_cmp(&a->key.addr, &b->key.addr);

	return c != 0 ? c : (int)a->key.len - (int)b->key.len;
}

static int
end_cmp(struct record *a, struct record *b)
{
	if (a->end != b->end)
		return a->end < b->end ? -1 : 1;
	return key_cmp(a, b);
}

RB_PROTOTYPE_STATIC(keys, record, by_key, key_cmp)
RB_GENERATE_STATIC(keys, record, by_key, key_cmp)
RB_PROTOTYPE_STATIC(ends, record, by_end, end_cmp)
RB_GENERATE_STATIC(ends, record, by_end, end_cmp)

/* --- buckets --- */

/* Is one more too many, where max of them are forgiven in period? */
static bool
is_full(uint64_t until, uint64_t now, uint32_t max, uint64_t period)
{
	return until > now && until - now > period - period / max;
}

static void
pour(uint64_t *until, uint64_t now, uint32_t max, uint64_t period)
{
	if (*until < now)
		*until = now;
	*until += period / max;
	if (*until > now + period)
		*until = now + period;
}

/* --- records --- */

static void
table_init(struct table *t)
{
	memset(t, 0, sizeof(*t));
	RB_INIT(&t->keys);
	RB_INIT(&t->ends);
}

static struct record *
table_find(struct table *t, const struct netprefix *key)
{
	struct record want = { .key = *key };

	return RB_FIND(keys, &t->keys, &want);
}

static void
table_add(struct table *t, struct record *r, const struct netprefix *key)
{
	r->key = *key;
	(void)RB_INSERT(keys, &t->keys, r);
	t->n++;
}

/* Something holds it: it stays, whatever comes. */
static void
hold(struct table *t, struct record *r)
{
	if (r->idle) {
		(void)RB_REMOVE(ends, &t->ends, r);
		t->nidle--;
		r->idle = false;
	}
	r->open++;
}

static void
let_go(struct table *t, struct record *r)
{
	if (--r->open > 0)
		return;
	r->end = r->fast > r->bad ? r->fast : r->bad;
	(void)RB_INSERT(ends, &t->ends, r);
	t->nidle++;
	r->idle = true;
}

static void
forget(struct table *t, struct record *r)
{
	(void)RB_REMOVE(ends, &t->ends, r);
	(void)RB_REMOVE(keys, &t->keys, r);
	t->nidle--;
	t->n--;
	free(r); /* the first member of what was allocated */
}

/* The one to be dropped: forgiven, or the next to be while there is no room. */
static struct record *
superfluous(struct table *t, uint64_t now)
{
	struct record *r = RB_MIN(ends, &t->ends);

	if (r == NULL || (r->end > now && t->nidle <= CLIENTS_KEPT))
		return NULL;
	return r;
}

static void
tidy(struct clients *cs, uint64_t now)
{
	struct record *r;

	while ((r = superfluous(&cs->addrs, now)) != NULL) {
		struct client_net *net = ((struct client_addr *)(void *)r)->net;

		forget(&cs->addrs, r);
		net->addrs--;
		let_go(&cs->nets, &net->rec);
	}
	while ((r = superfluous(&cs->nets, now)) != NULL)
		forget(&cs->nets, r);
}

/* --- keys --- */

static void
cut(struct netprefix *p, const struct netaddr *a, uint8_t len)
{
	p->addr = *a;
	p->addr.port = 0;
	p->len = len;
	memset(p->addr.bytes + len / 8, 0, sizeof(p->addr.bytes) - len / 8);
}

static void
key_of_net(struct netprefix *p, const struct netaddr *a)
{
	cut(p, a, a->family == NETADDR_V4 ? V4_NET : V6_NET);
}

static void
key_of_addr(struct netprefix *p, const struct netaddr *a)
{
	cut(p, a, a->family == NETADDR_V4 ? 32 : V6_ADDR);
}

/* NULL: ENOMEM */
static struct client_net *
net_get(struct clients *cs, const struct netaddr *a)
{
	struct client_net *net;
	struct netprefix key;
	struct record *r;

	key_of_net(&key, a);
	if ((r = table_find(&cs->nets, &key)) != NULL)
		return (struct client_net *)(void *)r;
	if ((net = calloc(1, sizeof(*net))) == NULL)
		return NULL;
	table_add(&cs->nets, &net->rec, &key);
	return net;
}

/* The net is held by the caller, and by the address from then on. */
static struct client_addr *
addr_get(struct clients *cs, struct client_net *net, const struct netaddr *a)
{
	struct client_addr *addr;
	struct netprefix key;
	struct record *r;

	key_of_addr(&key, a);
	r = table_find(&cs->addrs, &key);
	if (r == NULL && net->addrs >= CLIENTS_A_NETWORK) {
		key_of_net(&key, a); /* all the others of the network */
		r = table_find(&cs->addrs, &key);
	}
	if (r != NULL)
		return (struct client_addr *)(void *)r;
	if ((addr = calloc(1, sizeof(*addr))) == NULL)
		return NULL;
	addr->net = net;
	net->addrs++;
	hold(&cs->nets, &net->rec);
	table_add(&cs->addrs, &addr->rec, &key);
	return addr;
}

/* --- judgement --- */

/* A network has no less than any of its addresses. */
static uint32_t
at_least(uint32_t network, uint32_t address)
{
	return network > address ? network : address;
}

static uint32_t
net_connections(const struct conf_limits *lim)
{
	return at_least(lim->connections_network, lim->connections);
}

static uint32_t
net_bad(const struct conf_limits *lim)
{
	return at_least(lim->bad_sessions_network, lim->bad_sessions);
}

static enum clients_verdict
judge(const struct client_addr *addr, const struct conf_limits *lim,
    uint64_t now)
{
	const struct record *a = &addr->rec, *n = &addr->net->rec;

	if (is_full(a->bad, now, lim->bad_sessions, HOUR))
		return CLIENTS_ADDRESS_BAD;
	if (is_full(n->bad, now, net_bad(lim), HOUR))
		return CLIENTS_NETWORK_BAD;
	if (a->sessions >= lim->sessions_per_address)
		return CLIENTS_ADDRESS_FULL;
	if (n->sessions >=
	    at_least(lim->sessions_per_network, lim->sessions_per_address))
		return CLIENTS_NETWORK_FULL;
	if (is_full(a->fast, now, lim->connections, MINUTE))
		return CLIENTS_ADDRESS_FAST;
	if (is_full(n->fast, now, net_connections(lim), MINUTE))
		return CLIENTS_NETWORK_FAST;
	return CLIENTS_OK;
}

static void
count(struct client_addr *addr, const struct conf_limits *lim, uint64_t now)
{
	addr->rec.sessions++;
	addr->net->rec.sessions++;
	pour(&addr->rec.fast, now, lim->connections, MINUTE);
	pour(&addr->net->rec.fast, now, net_connections(lim), MINUTE);
}

enum clients_verdict
clients_enter(struct clients *cs, const struct conf_limits *lim,
    const struct netaddr *from, uint64_t now, struct client_addr **as)
{
	enum clients_verdict v = CLIENTS_NO_MEMORY;
	struct client_addr *addr;
	struct client_net *net;

	*as = NULL;
	if ((net = net_get(cs, from)) == NULL)
		return v;
	hold(&cs->nets, &net->rec);
	if ((addr = addr_get(cs, net, from)) != NULL) {
		hold(&cs->addrs, &addr->rec);
		v = judge(addr, lim, now);
		if (v == CLIENTS_OK) {
			count(addr, lim, now);
			*as = addr;
		} else {
			let_go(&cs->addrs, &addr->rec);
		}
	}
	let_go(&cs->nets, &net->rec);
	tidy(cs, now);
	return v;
}

void
clients_leave(struct clients *cs, const struct conf_limits *lim,
    struct client_addr *addr, uint64_t now, bool bad)
{
	struct record *n = &addr->net->rec;

	addr->rec.sessions--;
	n->sessions--;
	if (bad) {
		pour(&addr->rec.bad, now, lim->bad_sessions, HOUR);
		pour(&n->bad, now, net_bad(lim), HOUR);
	}
	let_go(&cs->addrs, &addr->rec);
	tidy(cs, now);
}

/* --- life --- */

struct clients *
clients_new(void)
{
	struct clients *cs = calloc(1, sizeof(*cs));

	if (cs != NULL) {
		table_init(&cs->addrs);
		table_init(&cs->nets);
	}
	return cs;
}

static void
table_free(struct table *t)
{
	struct record *r, *next;

	for (r = RB_MIN(keys, &t->keys); r != NULL; r = next) {
		next = RB_NEXT(keys, &t->keys, r);
		(void)RB_REMOVE(keys, &t->keys, r);
		free(r);
	}
}

void
clients_free(struct clients *cs)
{
	if (cs == NULL)
		return;
	table_free(&cs->addrs);
	table_free(&cs->nets);
	free(cs);
}

size_t
clients_records(const struct clients *cs)
{
	return cs->addrs.n + cs->nets.n;
}

const char *
clients_verdict_name(enum clients_verdict v)
{
	switch (v) {
	case CLIENTS_OK:
		return "ok";
	case CLIENTS_ADDRESS_FULL:
		return "sessions-per-address";
	case CLIENTS_NETWORK_FULL:
		return "sessions-per-network";
	case CLIENTS_ADDRESS_FAST:
		return "connections-per-minute";
	case CLIENTS_NETWORK_FAST:
		return "network-connections-per-minute";
	case CLIENTS_ADDRESS_BAD:
		return "bad-sessions-per-hour";
	case CLIENTS_NETWORK_BAD:
		return "network-bad-sessions-per-hour";
	case CLIENTS_NO_MEMORY:
		return "memory";
	}
	return "unknown";
}
