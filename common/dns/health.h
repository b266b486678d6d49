/* SPDX-License-Identifier: ISC */
/*
 * How the configured servers do.  Healthy ones are asked strictly in their
 * order; one that stays silent several times in a row is left aside and probed
 * again after a while, with a question that is to be asked anyway.
 *
 * Only silence and socket errors count, never the content of an answer, and
 * silence does not count when the server answered another question meanwhile:
 * else the owner of a slow or broken zone could turn our own servers off.
 * Pure; times are monotonic milliseconds.
 */
#ifndef COMMON_DNS_HEALTH_H
#define COMMON_DNS_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_SERVERS_MAX 8
#define DNS_SERVER_NONE DNS_SERVERS_MAX

struct dns_server {
	unsigned failures;    /* in a row */
	uint32_t srtt;	      /* ms, smoothed (RFC 6298); 0: not known */
	uint32_t rttvar;      /* ms */
	bool probing;	      /* a question was sent to find out */
	uint32_t probe_wait;  /* ms, doubles while it stays down */
	uint64_t probe_at;    /* when a question may try it again */
	uint64_t last_answer; /* 0: never */
};

struct dns_health {
	size_t n;
	struct dns_server server[DNS_SERVERS_MAX];
};

void dns_health_init(struct dns_health *, size_t n);
bool dns_health_is_up(const struct dns_health *, size_t i);
/*
 * The server to ask next: the first in order that is up or due for a probe and
 * not in the skip set (a bit each); with none such, the first of the others;
 * DNS_SERVER_NONE when all are in the set.
 */
size_t dns_health_pick(struct dns_health *, uint32_t skip, uint64_t now);
/* How long to wait for server i in the n-th round, ms. */
uint32_t dns_health_timeout(const struct dns_health *, size_t i,
    unsigned round);
/* It answered after rtt ms.  True: it was down, and now is up. */
bool dns_health_answered(struct dns_health *, size_t i, uint64_t now,
    uint32_t rtt);
/* It did not answer what was sent then.  True: it was up, and now is down. */
bool dns_health_failed(struct dns_health *, size_t i, uint64_t now,
    uint64_t sent);

#endif
