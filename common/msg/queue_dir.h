/* SPDX-License-Identifier: ISC */
/*
 * Edge 7, queued -> dird: where does mail for this local address go?  CHANGED
 * comes unasked when answers given before may be stale.
 *
 * A hostile dird sends the mail of our domains to whichever host the side's
 * connd dials; hop.tls is not looked at, queued has that from the
 * configuration.
 */
#ifndef COMMON_MSG_QUEUE_DIR_H
#define COMMON_MSG_QUEUE_DIR_H

#include "common/base/ibuf.h"
#include "common/msg/addr.h"
#include "common/msg/edge.h"

enum qd_type {
	QD_REQ_ROUTE = MSG_TYPE(EDGE_QUEUE_DIR, 1), /* put_ask() */
	QD_ANS_ROUTE = MSG_TYPE(EDGE_QUEUE_DIR, MSG_ANSWER | 1),
	QD_NOTE_CHANGED = MSG_TYPE(EDGE_QUEUE_DIR, MSG_ANSWER | 2) /* empty */
};

enum qd_verdict {
	QD_OK = 1,
	QD_LATER = 2,  /* ask again: the list is not there */
	QD_FOREIGN = 3 /* not a domain of ours (any more) */
};

enum qd_scope {
	QD_SCOPE_ADDRESS = 1, /* the directory names a host for this one */
	QD_SCOPE_DOMAIN = 2   /* the domain's route; good for all others too */
};

struct qd_route {
	enum qd_verdict verdict;
	enum qd_scope scope;
	/*
	 * The domain has individual routes: a DOMAIN answer holds for this
	 * address only and may not be reused for others.
	 */
	uint8_t individual;
	uint32_t
	    line; /* of postern.conf, or of the recipient file if ADDRESS */
	struct msg_hop hop; /* if QD_OK; kind HOSTS or MX */
};
#define QD_ROUTE_MIN 7
#define QD_ROUTE_MAX (7 + MSG_HOP_MAX)
int put_qd_route(struct ibuf *, const struct qd_route *);
int get_qd_route(struct ibuf *, struct qd_route *);

#endif
