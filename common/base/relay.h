/* SPDX-License-Identifier: ISC */
/*
 * The relay decision, once for all who make it: smtpd-in at RCPT, queued for
 * each recipient again, posternd's proof when the configuration is loaded.
 * Pure: the configuration and what is asked about in, a verdict out.
 *
 * The rule (the paper's two virtual servers): what came in from outside goes
 * to our domains and nowhere else, and no statement can change that; a listed
 * inside host may send anywhere that a connector covers.
 */
#ifndef COMMON_BASE_RELAY_H
#define COMMON_BASE_RELAY_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/conf.h"
#include "common/base/netaddr.h"
#include "common/base/reason.h"

enum relay_verdict {
	RELAY_REFUSE = 0,
	RELAY_LOCAL = 1,   /* one of our domains: to the intranet */
	RELAY_OUTBOUND = 2 /* by a connector to the Internet; int side only */
};

struct relay_decision {
	enum relay_verdict verdict;
	enum reason reason; /* REASON_OK, or why it is refused */
	uint32_t line;	    /* statement that decided; 0: the rule itself */
	const struct conf_domain *domain;	/* RELAY_LOCAL, else NULL */
	const struct conf_connector *connector; /* RELAY_OUTBOUND, else NULL */
};

/*
 * May this client use the listeners of this side at all?  REASON_OK or
 * REASON_CLIENT_DENIED.  The outside is anonymous: anyone may.
 */
enum reason relay_client(const struct conf *, enum side,
    const struct netaddr *client);
/*
 * domain is the part behind the last @ of a recipient: a name of any case,
 * with or without a trailing dot, or a literal "[...]"; not NUL-terminated.
 * side is that of the channel which the mail came on, never one that the
 * sender stated.  client NULL: the channel itself is the authority (queued
 * does not believe an address that smtpd-in wrote); the client was judged
 * where it connected.  Pointers in the decision live as long as the conf.
 */
void relay_decide(const struct conf *, enum side, const struct netaddr *client,
    const char *domain, size_t len, struct relay_decision *);
/*
 * "senders company": from inside only our own domains may stand in MAIL FROM.
 * len 0 is the null reverse-path, always allowed.  REASON_OK or
 * REASON_SENDER_DENIED.
 */
enum reason relay_sender(const struct conf *, enum side, const char *domain,
    size_t len);

#endif
