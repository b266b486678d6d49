/* SPDX-License-Identifier: ISC */
/*
 * Edge 4, connd/X -> smtpd-in/X: accepted sockets.  The id is connd's number
 * of the connection; the worker answers CLOSED once when it is done with it.
 * A hostile worker can at most hide closed sessions: it fills its own share;
 * and speak ill of the clients that it was given, which are then refused for an
 * hour, as it could refuse them itself.
 *
 * A proxied connection comes from a listed proxy, and is counted for nobody
 * until the worker, which alone reads octets, has sent CLIENT with the address
 * in the PROXY header; ADMIT is the answer.  A hostile worker can so have the
 * connections of its proxies counted for others.
 */
#ifndef COMMON_MSG_CONN_IN_H
#define COMMON_MSG_CONN_IN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/ibuf.h"
#include "common/base/netaddr.h"
#include "common/msg/edge.h"

enum ci_type {
	CI_REQ_SESSION = MSG_TYPE(EDGE_CONN_IN, 1), /* fd: the socket */
	CI_ANS_CLOSED = MSG_TYPE(EDGE_CONN_IN, MSG_ANSWER | 1),
	CI_ANS_CLIENT = MSG_TYPE(EDGE_CONN_IN, MSG_ANSWER | 2),
	CI_REQ_ADMIT = MSG_TYPE(EDGE_CONN_IN, 2)
};

struct ci_session {
	struct netaddr client;
	struct netaddr local;
	uint32_t listener; /* conf_listener.id */
	bool proxied;	   /* client is a proxy: its header comes first */
};
#define CI_SESSION_LEN (19 + 19 + 4 + 1)
int put_ci_session(struct ibuf *, const struct ci_session *);
int get_ci_session(struct ibuf *, struct ci_session *);

struct ci_client {
	uint32_t tag; /* the worker's, comes back with ADMIT */
	struct netaddr client;
};
#define CI_CLIENT_LEN (4 + 19)
int put_ci_client(struct ibuf *, const struct ci_client *);
int get_ci_client(struct ibuf *, struct ci_client *);

enum ci_verdict {
	CI_MAY = 0,
	CI_TOO_MANY = 1, /* a limit; connd has logged it */
	CI_DENIED = 2	 /* not a client of this side */
};
struct ci_admit {
	uint32_t tag;
	enum ci_verdict verdict;
};
#define CI_ADMIT_LEN (4 + 1)
int put_ci_admit(struct ibuf *, const struct ci_admit *);
int get_ci_admit(struct ibuf *, struct ci_admit *);

/* How a session was: what counts against its client. */
enum ci_end {
	CI_END_FAIR = 0,
	CI_END_BAD = 1 /* no message was accepted, and there were errors */
};
#define CI_END_LEN 1
int put_ci_end(struct ibuf *, enum ci_end);
int get_ci_end(struct ibuf *, enum ci_end *);

#endif
