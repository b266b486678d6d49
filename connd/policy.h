/* SPDX-License-Identifier: ISC */
/*
 * Who may be dialled: connd's address policy.  Pure: a view of the
 * configuration and an address in, a verdict out.  It is asked at the very
 * moment of connecting, so that no name can point elsewhere afterwards.
 *
 *   ext: an Internet address and one of the configured ports; never an address
 *        inside "internal networks", never loopback, private, link-local,
 *        multicast, unspecified, reserved, nor one that embeds such an
 *        address; never the gateway itself.  "reach" excepts special-use
 *        ranges, never the internal networks.
 *   int: only inside "internal networks" (or the inside's "reach"), a
 *        configured port, never one of our own listeners.
 */
#ifndef CONND_POLICY_H
#define CONND_POLICY_H

#include <stdbool.h>

#include "common/base/conf.h"
#include "common/base/netaddr.h"

enum policy_verdict {
	POLICY_OK = 0,
	POLICY_PORT,	/* not a port that mail of this side uses */
	POLICY_CLASS,	/* a special-use address */
	POLICY_INSIDE,	/* ext may not reach the intranet */
	POLICY_OUTSIDE, /* int may not reach what is not intranet */
	POLICY_OWN	/* the gateway itself */
};

enum policy_verdict policy_dial(const struct conf *, enum side,
    const struct netaddr *to);
/* Is it excepted by "reach"?  Then being local does not matter either. */
bool policy_reach(const struct conf *, enum side, const struct netaddr *);
const char *policy_name(enum policy_verdict);

#endif
