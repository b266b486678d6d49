/* SPDX-License-Identifier: ISC */
/*
 * Edge 2, posternd -> every child: the configuration, typed, one item a
 * message, BEGIN ... END; the child commits on END.  posternd sends each
 * program only the kinds of item that topology.c grants it.
 */
#ifndef COMMON_MSG_CHILD_CONF_H
#define COMMON_MSG_CHILD_CONF_H

#include <stdint.h>

#include "common/base/conf.h"
#include "common/base/ibuf.h"
#include "common/msg/edge.h"

enum cc_type {
	CC_BEGIN = MSG_TYPE(EDGE_CHILD_CONF, 1),  /* u32 generation */
	CC_GLOBAL = MSG_TYPE(EDGE_CHILD_CONF, 2), /* hostname, flags, log */
	CC_LIMITS = MSG_TYPE(EDGE_CHILD_CONF, 3),
	CC_SCHEDULE = MSG_TYPE(EDGE_CHILD_CONF, 4), /* retry, expire, warn */
	CC_SIDE = MSG_TYPE(EDGE_CHILD_CONF, 5),	    /* fixed part of a side */
	CC_PREFIX = MSG_TYPE(EDGE_CHILD_CONF, 6),   /* one member of a set */
	CC_LISTENER = MSG_TYPE(EDGE_CHILD_CONF, 7),
	CC_DOMAIN = MSG_TYPE(EDGE_CHILD_CONF, 8),    /* name and recipients */
	CC_CONNECTOR = MSG_TYPE(EDGE_CHILD_CONF, 9), /* pattern and kind */
	CC_HOST = MSG_TYPE(EDGE_CHILD_CONF, 10),     /* one host of a route */
	CC_END = MSG_TYPE(EDGE_CHILD_CONF, 11),
	CC_SCHEDULE_OF = MSG_TYPE(EDGE_CHILD_CONF, 12), /* of one domain or
							   connector */
	CC_PACE = MSG_TYPE(EDGE_CHILD_CONF, 13),	/* one "limit to" */
	CC_SOURCE = MSG_TYPE(EDGE_CHILD_CONF, 14),	/* one "limit from" */
	CC_TLS = MSG_TYPE(EDGE_CHILD_CONF, 15),		/* of one side */
	CC_CERT = MSG_TYPE(EDGE_CHILD_CONF, 16),	/* a chain; no key */
	CC_ACCEPT_CERT = MSG_TYPE(EDGE_CHILD_CONF, 17), /* a fingerprint */
	CC_TLS_OUT = MSG_TYPE(EDGE_CHILD_CONF, 18), /* one struct conf_tls */
	CC_ANCHORS = MSG_TYPE(EDGE_CHILD_CONF, 19)  /* some, in PEM */
};

/* which items a program is given: bits for master/topology.c */
enum cc_grant {
	CC_G_GLOBAL = 1 << 0,
	CC_G_LIMITS = 1 << 1,
	CC_G_SCHEDULE = 1 << 2, /* also of the domains that it gets */
	CC_G_SIDE_EXT = 1 << 3, /* source, interface, DNS servers, workers */
	CC_G_SIDE_INT = 1 << 4,
	CC_G_NETWORKS = 1 << 5, /* internal networks */
	CC_G_ACCEPT = 1 << 6,	/* accept from */
	CC_G_REACH = 1 << 7,
	CC_G_LISTENERS = 1 << 8,
	CC_G_DOMAINS = 1 << 9, /* names and recipient kinds */
	CC_G_ROUTES = 1 << 10, /* where domains go */
	CC_G_CONNECTORS = 1 << 11,
	CC_G_PACE = 1 << 12, /* limits of destinations and of senders */
	/*
	 * Certificates, by enum conf_cert_use; a server's: its side's rules; a
	 * client's: what it asks of servers, and trust anchors.
	 */
	CC_G_TLS_SERVER_EXT = 1 << 13,
	CC_G_TLS_SERVER_INT = 1 << 14,
	CC_G_TLS_CLIENT_EXT = 1 << 15,
	CC_G_TLS_CLIENT_INT = 1 << 16
};

enum cc_set {
	CC_SET_NETWORKS = 1,
	CC_SET_ACCEPT = 2,
	CC_SET_REACH_EXT = 3,
	CC_SET_REACH_INT = 4,
	CC_SET_TLS_EXT = 5, /* tls require from */
	CC_SET_TLS_INT = 6,
	CC_SET_REPAIR = 7 /* goes with CC_G_ACCEPT */
};

#define CC_ITEM_MAX 4096 /* payload of any item but CC_CERT, CC_ANCHORS */
#define CC_CERT_MAX (CONF_CHAIN_MAX + 64)

/*
 * posternd: encode what grant allows as a series of messages, each handed to
 * send(arg, type, payload); stops at the first -1 and returns it.
 */
int cc_encode(const struct conf *, uint32_t grant,
    int (*send)(void *, uint16_t type, struct ibuf *), void *arg);
/*
 * child: one message into the conf being built.  -1: malformed, and the conf
 * is good for conf_free() only.  At BEGIN the caller makes a conf_new() first;
 * END seals it, then the caller takes it into use.  The ids of listeners,
 * domains, connectors and certificates are posternd's.  A domain without
 * CC_G_ROUTES has route.kind 0.  Paths do not travel: what a child may use
 * comes as a descriptor.
 */
int cc_decode(struct conf *, uint16_t type, struct ibuf *);

#endif
