/* SPDX-License-Identifier: ISC */
/*
 * One question on its way to an answer, as a state machine without sockets or
 * clocks: events in, one action out.
 *
 * Servers are asked in order.  Silence, an error or a useless answer leads to
 * the next one; after the last a new round begins, with more patience, until
 * the deadline.  A reply that does not match in id or question (somebody is
 * guessing), is not well-formed, or is cut off makes the same question go over
 * TCP.  CNAMEs are followed, also over several answers.  Every question has a
 * budget of packets, names and time, whatever comes back.
 */
#ifndef COMMON_DNS_QUERY_H
#define COMMON_DNS_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/dns/answer.h"
#include "common/dns/health.h"
#include "common/dns/packet.h"
#include "common/dns/policy.h"

#define DNS_QUERY_TIME	  (10 * 1000) /* ms for one question */
#define DNS_QUERY_PACKETS 24	      /* sent for one question */

/* After DONE and SOCKET the socket in use, if any, is to be closed. */
enum dns_act {
	DNS_ACT_WAIT,	/* for the next event, or for dns_query.timer */
	DNS_ACT_SOCKET, /* get one: dns_query.server, dns_query.tcp */
	DNS_ACT_SEND,	/* dns_query.out on it, then wait */
	DNS_ACT_DONE,	/* dns_query.answer, or NULL: out of memory */
};

enum dns_query_state {
	DNS_Q_PAUSE,  /* a new round begins at the timer */
	DNS_Q_SOCKET, /* a socket was asked for */
	DNS_Q_ASKED,
	DNS_Q_DONE,
};

/* What happened since the last look at it; for counters. */
struct dns_query_tally {
	uint32_t sent;
	uint32_t tcp; /* of those */
	uint32_t timeouts;
	uint32_t mismatches;
	uint32_t dropped;   /* addresses, by policy */
	uint32_t went_down; /* set of servers that are down now */
	uint32_t came_up;   /* set of servers that are up again */
};

/* What all questions of a process share; borrowed, and outlives them. */
struct dns_query_env {
	struct dns_health *health;
	const struct dns_policy *policy;
	void (*random)(void *, size_t); /* arc4random_buf */
};

struct dns_query {
	const struct dns_query_env *env;
	enum dns_query_state state;
	size_t server;
	bool tcp;
	bool edns;
	uint64_t timer; /* ms, monotonic: when dns_query_timer() is due */
	uint64_t deadline;
	uint64_t sent_at;
	unsigned round;
	unsigned packets;
	uint32_t tried;	  /* servers of this round, a bit each */
	uint32_t useless; /* servers whose answer was final, but no good */
	enum dns_status failure; /* what to say if nothing better comes */
	struct dns_query_packet packet;
	struct dns_chain chain;
	size_t out_len;
	uint8_t out[2 + DNS_QUERY_MAX]; /* with the prefix over TCP */
	size_t in_len;			/* bytes in */
	size_t in_want;			/* of the message; 0: not known yet */
	uint8_t in_prefix[2];
	uint8_t *in;		   /* owned */
	struct dns_answer *answer; /* owned until taken */
	struct dns_query_tally tally;
};

/* The name is in text form. */
enum dns_act dns_query_start(struct dns_query *, const struct dns_query_env *,
    const char *name, enum dns_type type, uint64_t now);
/* At any time, and always in the end. */
void dns_query_free(struct dns_query *);
/* The answer, given away; NULL: out of memory. */
struct dns_answer *dns_query_take(struct dns_query *);

/* Events.  Those that do not fit the state change nothing. */
enum dns_act dns_query_socket(struct dns_query *, uint64_t now);
enum dns_act dns_query_datagram(struct dns_query *, uint64_t now,
    const uint8_t *msg, size_t len);
enum dns_act dns_query_stream(struct dns_query *, uint64_t now,
    const uint8_t *data, size_t len);
/* There is no socket to be had; is the server to blame for it? */
enum dns_act dns_query_no_socket(struct dns_query *, uint64_t now, bool blame);
/* The one in use failed: refused, reset, end of file. */
enum dns_act dns_query_error(struct dns_query *, uint64_t now);
enum dns_act dns_query_timer(struct dns_query *, uint64_t now);

#endif
