/* SPDX-License-Identifier: ISC */
/*
 * Paces of senders ("limit from"): when mail that a host has submitted may
 * first be tried.  A host is an IPv4 address or an IPv6 /64, or what of it a
 * longer prefix leaves.  Each message takes the next place in its host's
 * bucket, so it is told once when its time is, and waits like any other.
 *
 * Bounded: what is known of a host is forgotten when it makes no difference,
 * and for one too many that of the host whose mail waits the least.  Pure.
 */
#ifndef QUEUED_PACE_H
#define QUEUED_PACE_H

#include <stdint.h>

#include "common/base/conf.h"
#include "common/base/netaddr.h"
#include "common/base/tree.h"

#include "queued/pheap.h"

#define PACE_HOSTS_MAX 4096

struct pace_host;
RB_HEAD(pace_tree, pace_host);

struct paces {
	struct pace_tree hosts;
	struct pheap by_full; /* whose bucket is full again first */
	uint32_t n;
};

void paces_init(struct paces *);
void paces_free(struct paces *);
/*
 * ms, monotonic: not before.  now, if the host is not limited, or if there is
 * no memory to know that it is.
 */
uint64_t paces_release(struct paces *, const struct conf *,
    const struct netaddr *, uint64_t now);

#endif
