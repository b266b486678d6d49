/* SPDX-License-Identifier: ISC */
/*
 * Edge 9, smtpd-out/X -> connd/X: "connect me to".  Fixed size.  The answer
 * carries a connected socket, or why not.  The address policy is connd's, at
 * this very moment; source address and interface are the configuration's.
 * CANCEL forgets a question whose answer is not wanted any more.
 */
#ifndef COMMON_MSG_OUT_CONN_H
#define COMMON_MSG_OUT_CONN_H

#include <stdint.h>

#include "common/base/ibuf.h"
#include "common/base/netaddr.h"
#include "common/msg/edge.h"

enum oc_type {
	OC_REQ_CONNECT = MSG_TYPE(EDGE_OUT_CONN, 1),
	OC_REQ_CANCEL = MSG_TYPE(EDGE_OUT_CONN, 2),		 /* empty */
	OC_ANS_CONNECT = MSG_TYPE(EDGE_OUT_CONN, MSG_ANSWER | 1) /* fd if OK */
};

enum oc_result {
	OC_OK = 1,
	OC_DENIED = 2,	/* policy: this address or port is not for you */
	OC_REFUSED = 3, /* ECONNREFUSED, ECONNRESET */
	OC_TIMEOUT = 4,
	OC_UNREACHABLE = 5, /* no route, no such family here */
	OC_LIMIT = 6,	    /* too many at once: try again */
	OC_ERROR = 7	    /* anything else; see error */
};

struct oc_connect {
	struct netaddr to;   /* with port */
	uint32_t timeout_ms; /* 1000 .. 600000 */
};
#define OC_CONNECT_LEN (19 + 4)
int put_oc_connect(struct ibuf *, const struct oc_connect *);
int get_oc_connect(struct ibuf *, struct oc_connect *);

struct oc_answer {
	enum oc_result result;
	uint32_t error; /* errno, for the log; 0 if none */
};
#define OC_ANSWER_LEN 5
int put_oc_answer(struct ibuf *, const struct oc_answer *);
int get_oc_answer(struct ibuf *, struct oc_answer *);
const char *oc_result_name(enum oc_result);

#endif
