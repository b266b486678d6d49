/* SPDX-License-Identifier: ISC */
/*
 * Edge 4, connd/X -> smtpd-in/X: accepted sockets.  The id is connd's number
 * of the connection; the worker answers CLOSED once when it is done with it.
 * A hostile worker can at most hide closed sessions: it fills its own share;
 * and speak ill of the clients that it was given, which are then refused for an
 * hour, as it could refuse them itself.
 */
#ifndef COMMON_MSG_CONN_IN_H
#define COMMON_MSG_CONN_IN_H

#include <stdint.h>

#include "common/base/ibuf.h"
#include "common/base/netaddr.h"
#include "common/msg/edge.h"

enum ci_type {
	CI_REQ_SESSION = MSG_TYPE(EDGE_CONN_IN, 1), /* fd: the socket */
	CI_ANS_CLOSED = MSG_TYPE(EDGE_CONN_IN, MSG_ANSWER | 1)
};

struct ci_session {
	struct netaddr client;
	struct netaddr local;
	uint32_t listener; /* conf_listener.id */
};
#define CI_SESSION_LEN (19 + 19 + 4)
int put_ci_session(struct ibuf *, const struct ci_session *);
int get_ci_session(struct ibuf *, struct ci_session *);

/* How a session was: what counts against its client. */
enum ci_end {
	CI_END_FAIR = 0,
	CI_END_BAD = 1 /* no message was accepted, and there were errors */
};
#define CI_END_LEN 1
int put_ci_end(struct ibuf *, enum ci_end);
int get_ci_end(struct ibuf *, enum ci_end *);

#endif
