/* SPDX-License-Identifier: ISC */
/*
 * Which way mail goes: the one place where it may cross between the sides.
 *
 * The origin is the channel that a message came on, never a field that its
 * sender filled in.  From outside only to our own domains and so only to the
 * intranet; from inside to our domains by the intranet, to all others by a
 * connector; a bounce by the address that it goes to, and to the null address
 * never.  Pure.
 */
#ifndef QUEUED_DIRECTION_H
#define QUEUED_DIRECTION_H

#include <stddef.h>

#include "common/base/conf.h"
#include "common/base/netaddr.h"
#include "common/base/reason.h"

/* as stored in envelopes and shown by ctl_queue.h: never renumber */
enum origin {
	ORIGIN_EXT = 1,	  /* smtpd-in/ext */
	ORIGIN_INT = 2,	  /* smtpd-in/int */
	ORIGIN_BOUNCE = 3 /* made by queued itself */
};

enum way {
	WAY_REFUSE = 0,
	WAY_INT_OUT = 1, /* by smtpd-out/int; dird names the next hop */
	WAY_EXT_OUT = 2	 /* by smtpd-out/ext, through a connector */
};

struct direction {
	enum way way;
	enum reason reason;		  /* REASON_OK, or why it is refused */
	const struct conf_domain *domain; /* WAY_INT_OUT, else NULL */
	const struct conf_connector *connector; /* WAY_EXT_OUT, else NULL */
};

/*
 * May this origin submit at all, for this client and this sender?  REASON_OK
 * or why not.  cert is the fingerprint of the certificate that the client has
 * shown, or NULL; sender is local@domain, or empty: the null sender.
 */
enum reason direction_submit(const struct conf *, enum origin,
    const struct netaddr *client, const uint8_t *cert, const char *sender);
/*
 * The way to one recipient, local@domain.  Asked at acceptance and again
 * before every attempt that follows a change of the configuration: a message
 * from outside whose domain is no longer ours is refused here, and so never
 * relayed.  Pointers live as long as the conf.
 */
void direction_decide(const struct conf *, enum origin, const char *rcpt,
    struct direction *);
/* The same with the domain at hand. */
void direction_domain(const struct conf *, enum origin, const char *domain,
    size_t len, struct direction *);
/* What stands behind the last @; *len 0: there is none. */
const char *direction_domain_of(const char *addr, size_t *len);
const char *origin_name(enum origin); /* "ext", "int", "bounce" */

#endif
