/* SPDX-License-Identifier: ISC */
/*
 * The body of dnsd-ext and dnsd-int: questions of smtpd-out in, sockets to the
 * configured servers from connd, answers out, a cache between.  A program adds
 * its policy and its sandbox.
 *
 * Bounds: DNSD_ACTIVE questions on the wire, DNSD_SHARE of them one asker's,
 * DNSD_LOOKUPS with those that wait for their turn, DNSD_ASKS from one asker
 * before it is read no further.  Askers take turns.  What is asked by several
 * is asked once.
 */
#ifndef COMMON_DNS_DNSD_H
#define COMMON_DNS_DNSD_H

#include "common/base/child.h"
#include "common/base/conf.h"
#include "common/dns/policy.h"

#define DNSD_ACTIVE  512
#define DNSD_SHARE   (DNSD_ACTIVE - DNSD_ACTIVE / 4)
#define DNSD_LOOKUPS 2048
#define DNSD_ASKS    1024

#define DNSD_NOFILE  (DNSD_ACTIVE + 128)
#define DNSD_AS	     (256ULL * 1024 * 1024) /* bytes of address space */

struct dnsd;

struct dnsd_side {
	enum side side;
	enum dns_policy_rule rule;
	/* Fill an empty policy from the configuration; -1: ENOMEM. */
	int (*policy)(struct dns_policy *, const struct conf *);
};

/* Fatal if there is no memory: it is set-up. */
struct dnsd *dnsd_new(const struct dnsd_side *);
void dnsd_free(struct dnsd *); /* no program needs it; its tests do */

/* struct program's; the child's ctx is the dnsd. */
void dnsd_on_conf(struct child *, const struct conf *);
void dnsd_on_peer(struct child *, const struct peer *, int fd);
void dnsd_on_drain(struct child *);

#endif
