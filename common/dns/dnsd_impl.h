/* SPDX-License-Identifier: ISC */
/* What the files of the daemon's body share; nobody else includes it. */
#ifndef COMMON_DNS_DNSD_IMPL_H
#define COMMON_DNS_DNSD_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bsd/sys/queue.h>

#include "common/base/chan.h"
#include "common/base/child.h"
#include "common/base/ev.h"
#include "common/base/tree.h"
#include "common/dns/cache.h"
#include "common/dns/dnsd.h"
#include "common/dns/query.h"

struct asker;
struct lookup;

LIST_HEAD(waiter_list, waiter);

/* One question of one asker that has no answer yet. */
struct waiter {
	LIST_ENTRY(waiter) of_lookup;
	LIST_ENTRY(waiter) of_asker;
	struct lookup *lookup;
	struct asker *asker;
	uint32_t id; /* the asker's */
	enum dns_type type;
	unsigned share; /* the asker's, below DNSD_SHARES */
	struct ev_timer deadline;
};

/* A name and type being looked up, for all who asked. */
struct lookup {
	RB_ENTRY(lookup) by_name;
	TAILQ_ENTRY(lookup) order;
	struct dnsd *dnsd;
	unsigned share; /* of whoever asked first */
	char name[DNS_NAME_SIZE];
	enum dns_type type;
	bool active;	  /* on the wire; else waiting for its turn */
	uint32_t slot;	  /* active: index in dnsd.active */
	uint32_t request; /* to connd and not answered; 0: none */
	struct dns_query query;
	struct ev_io io;
	struct ev_timer timer;
	struct waiter_list waiters;
};

RB_HEAD(lookup_tree, lookup);
TAILQ_HEAD(lookup_list, lookup);
LIST_HEAD(asker_list, asker);

/* What a worker has under way; it outlives the worker. */
#define DNSD_SHARES (2 * CONF_WORKERS_MAX) /* smtpd-out's, smtpd-in's */
struct dnsd_share {
	struct lookup_list waiting; /* for their turn */
	unsigned active;
};

/* Lines that the network can provoke: a few a second, and how many more. */
struct log_gate {
	uint64_t second;
	unsigned said;
	unsigned held_back;
};

struct dnsd {
	const struct dnsd_side *side;
	struct child *child; /* NULL before the first configuration or peer */
	struct ev *ev;
	uint32_t generation; /* of the configuration; numbers the servers */
	struct netaddr servers[DNS_SERVERS_MAX];
	struct dns_health health;
	struct dns_policy policy;
	struct dns_query_env env;
	struct dns_cache *cache;
	struct chan *connd; /* NULL: being replaced */
	struct asker_list askers;
	size_t nwaiters;
	struct lookup_tree lookups; /* all */
	size_t nlookups;
	struct dnsd_share share[DNSD_SHARES];
	unsigned turn; /* the share that started something last */
	bool starting; /* start_waiting() is on the stack */
	size_t nactive;
	struct lookup *active[DNSD_ACTIVE];
	uint32_t serial; /* of requests to connd */
	struct log_gate gate;
	bool check_senders; /* "check sender mx": smtpd-in may ask */
	bool draining;
};

/* --- dnsd.c --- */

/* May a line be said now?  Adds how many were not to the next one. */
struct logline;
bool dnsd_may_log(struct dnsd *);
void dnsd_log_end(struct dnsd *, struct logline *);
/* A waiter has gone: leave, if that is what is waited for. */
void dnsd_idle(struct dnsd *);

/* --- asker.c --- */

void asker_new(struct dnsd *, const struct peer *, int fd);
void askers_free(struct dnsd *);
void askers_pace(struct dnsd *); /* read on, or not any more */
/* Answer and forget; a is borrowed. */
void waiter_answer(struct waiter *, const struct dns_answer *, uint32_t ttl);

/* --- lookup.c --- */

/*
 * Look a name up for a waiter, or let it join whoever does already.  The
 * answer may come before the return.  False: too much to do, or no memory;
 * the waiter is still the caller's.
 */
bool lookup_ask(struct dnsd *, const char *name, struct waiter *);
/* A waiter goes without its answer. */
void lookup_leave(struct waiter *);
/* Everything under way begins anew: other servers, other policy. */
void lookups_restart(struct dnsd *);
void lookups_free(struct dnsd *); /* nobody waits any more */

/* --- socket.c --- */

void sockets_peer(struct dnsd *, int fd); /* connd */
/* Ask connd for the socket that the lookup's query wants.  -1: cannot. */
int socket_request(struct lookup *);
void socket_close(struct lookup *); /* or take the request back */
int socket_send(struct lookup *);
/* An event came of it. */
void lookup_event(struct lookup *, enum dns_act);
struct lookup *lookup_by_request(struct dnsd *, uint32_t request);

#endif
