/* SPDX-License-Identifier: ISC */
/*
 * What one side may ask, and what may come back (DESIGN section 7), as data.
 *
 * Outside: everything but the names of inside hosts and the names that no
 * Internet server answers (RFC 6761, 6762, 7686, 8375); addresses of inside
 * networks and of special places are taken out of answers.  Inside: nothing
 * but the names listed, and what lies below them.  Reverse names follow the
 * address that they spell.  Pure.
 */
#ifndef COMMON_DNS_POLICY_H
#define COMMON_DNS_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/netaddr.h"
#include "common/dns/answer.h"

enum dns_policy_rule {
	DNS_ASK_ALL_BUT, /* the Internet side */
	DNS_ASK_ONLY,	 /* the intranet side */
};

struct dns_policy {
	enum dns_policy_rule rule;
	char **zones; /* sorted once sealed; owned */
	size_t nzones;
	struct netset inside; /* owned */
	struct netset reach;  /* special places that are allowed; owned */
};

void dns_policy_init(struct dns_policy *, enum dns_policy_rule);
void dns_policy_free(struct dns_policy *);
/* A name and all below it; one that is no name is passed over.  -1: ENOMEM. */
int dns_policy_zone(struct dns_policy *, const char *name);
int dns_policy_inside(struct dns_policy *, const struct netset *);
int dns_policy_reach(struct dns_policy *, const struct netset *);
void dns_policy_seal(struct dns_policy *); /* after the last zone */

/* May this name (text form) be asked? */
bool dns_policy_may_ask(const struct dns_policy *, const char *name);
/* May an answer lead through these names? */
bool dns_policy_may_follow(const struct dns_policy *, const struct dns_chain *);
/* May this address stand in an answer? */
bool dns_policy_may_return(const struct dns_policy *, const struct netaddr *);
/*
 * Take the addresses out that may not be there.  Gives up the caller's
 * reference to the answer and returns one, perhaps to the same; an answer
 * that loses all its records becomes nodata.  *dropped counts.  NULL: ENOMEM.
 */
struct dns_answer *dns_policy_filter(const struct dns_policy *,
    struct dns_answer *, size_t *dropped);

/* The address that a name below in-addr.arpa or ip6.arpa spells in full. */
bool dns_reverse_addr(const char *name, struct netaddr *);

#endif
