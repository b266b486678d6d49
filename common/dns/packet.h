/* SPDX-License-Identifier: ISC */
/*
 * DNS messages: making a query and judging what comes back (RFC 1035, 2308,
 * 6891).  The one file that uses ldns.
 *
 * What is let through is the least that answers the question: the message has
 * to be a reply to this very query, well-formed to its last byte, and only
 * records of the asked name (through CNAMEs inside the answer) and type are
 * taken.  Nothing of the authority and additional sections is, save the
 * lifetime of a negative answer.  All lengths, counts and compression pointers
 * are checked here before ldns sees the one record that it is to decode;
 * messages with TSIG or SIG(0), which nobody asked for, never get there.
 */
#ifndef COMMON_DNS_PACKET_H
#define COMMON_DNS_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/dns/answer.h"

#define DNS_UDP_MAX   1232	  /* no fragments on any usual path */
#define DNS_TCP_MAX   (16 * 1024) /* without the length prefix */
#define DNS_QUERY_MAX (12 + DNS_WIRE_MAX + 4 + 11)

/* A query as sent; what comes back is compared with it. */
struct dns_query_packet {
	enum dns_type type;
	bool edns;
	size_t len;
	uint8_t wire[DNS_QUERY_MAX];
};

struct dns_query_spec {
	const char *name; /* text form */
	enum dns_type type;
	uint16_t id;		  /* random */
	const uint8_t *case_bits; /* DNS_CASE_BYTES random ones, or NULL */
	bool edns;
	bool dnssec_ok; /* ask for signatures (RFC 3225); needs edns */
};

enum dns_verdict {
	DNS_V_ANSWER,	 /* *out is it: ok, nodata or nxdomain */
	DNS_V_CHASE,	 /* the chain has a new last name: ask for that */
	DNS_V_TRUNCATED, /* ask over TCP */
	DNS_V_MISMATCH,	 /* not a reply to this query: forged, or a stray */
	DNS_V_BROKEN,	 /* a reply, but not well-formed */
	DNS_V_NO_EDNS,	 /* the server wants none (RFC 6891 section 7) */
	DNS_V_LAME,	 /* the server does not know and does not ask */
	DNS_V_SERVFAIL,
	DNS_V_REFUSED,
	DNS_V_LOOP, /* CNAMEs in a circle, or too many */
	DNS_V_NOMEM,
};

/* 0, or -1 if the name is not one. */
int dns_packet_query(struct dns_query_packet *, const struct dns_query_spec *);

/*
 * Judge len bytes that came for a query; over TCP without the prefix.  The
 * chain's last name is the query's; CNAMEs are added to it.  *out is set for
 * DNS_V_ANSWER only, and belongs to the caller.
 */
enum dns_verdict dns_packet_parse(const struct dns_query_packet *,
    const uint8_t *msg, size_t len, bool tcp, struct dns_chain *,
    struct dns_answer **out);

#endif
