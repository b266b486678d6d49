/* SPDX-License-Identifier: ISC */
/*
 * Edge 8, queued <-> smtpd-out/X: messages out, by pull.
 *
 * queued opens a session (id: queued's number of it) towards a next hop.  The
 * worker resolves, connects and greets, and says READY; only then is a job
 * handed out.  RESULT answers a job and says whether the session wants the
 * next (keep).  CLOSE tells an idle session to QUIT.  GONE ends a session,
 * always as its last message: before READY it says why the next hop could
 * not be used, so that queued can defer or fail what waits for it.
 *
 * A hostile smtpd-out can at most lie about the jobs it was given.
 */
#ifndef COMMON_MSG_QUEUE_OUT_H
#define COMMON_MSG_QUEUE_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/ibuf.h"
#include "common/base/netaddr.h"
#include "common/base/reason.h"
#include "common/msg/addr.h"
#include "common/msg/edge.h"

#define QO_INLINE_MAX (64 * 1024) /* body bytes inside a JOB */
#define QO_RCPTS_MAX  50	  /* recipients of one job */
#define QO_ENH_MAX    12	  /* "5.123.123" */

enum qo_type {
	QO_REQ_OPEN = MSG_TYPE(EDGE_QUEUE_OUT, 1), /* put_hop() */
	QO_REQ_JOB = MSG_TYPE(EDGE_QUEUE_OUT, 2),  /* fd: body, if not inline */
	QO_REQ_CLOSE = MSG_TYPE(EDGE_QUEUE_OUT, 3),		 /* empty */
	QO_ANS_READY = MSG_TYPE(EDGE_QUEUE_OUT, MSG_ANSWER | 1), /* relay */
	QO_ANS_RESULT = MSG_TYPE(EDGE_QUEUE_OUT, MSG_ANSWER | 2),
	QO_ANS_GONE = MSG_TYPE(EDGE_QUEUE_OUT, MSG_ANSWER | 3)
};

struct qo_job {
	uint64_t msgid;
	uint64_t size; /* of the body: inline, or of the file */
	uint8_t flags; /* enum msg_flag */
	uint8_t ret;
	bool in_fd; /* sealed memfd or read-only file, from its start */
	char sender[MSG_ADDR_MAX + 1];
	char envid[MSG_ENVID_MAX + 1];
	uint16_t nrcpt; /* that many put_rcpt() follow, then the inline body */
};
#define QO_JOB_MIN (8 + 8 + 1 + 1 + 1 + 2 + 2 + 2 + MSG_RCPT_MIN)
int put_qo_job(struct ibuf *, const struct qo_job *);
int get_qo_job(struct ibuf *, struct qo_job *);

/* The server that was spoken to: "mx.example.net", 192.0.2.1:25. */
#define QO_TLS_MAX 128
struct qo_relay {
	char name[CONF_NAME_MAX];
	struct netaddr addr; /* family NONE: none was reached */
	/*
	 * What was found out about TLS, printable: "TLSv1.3 TLS_AES_...,
	 * verified ok, verify wanted"; or "none: not offered"; empty: nothing.
	 */
	char tls[QO_TLS_MAX];
};
#define QO_RELAY_MIN (2 + 19 + 2)
#define QO_RELAY_MAX (QO_RELAY_MIN + CONF_NAME_MAX + QO_TLS_MAX)
int put_qo_relay(struct ibuf *, const struct qo_relay *);
int get_qo_relay(struct ibuf *, struct qo_relay *);

enum qo_status {
	QO_DELIVERED = 1, /* a 2yz reply to our final dot */
	QO_FAILED = 2,	  /* permanent */
	QO_DEFERRED = 3
};

/* Why, for one recipient or for a whole session. */
struct qo_outcome {
	enum qo_status status;
	enum reason reason;
	uint16_t code;	      /* the reply's, 0 if there was none */
	char enh[QO_ENH_MAX]; /* "5.1.1": the remote's or ours; never empty */
	char text[MSG_TEXT_MAX + 1]; /* printable */
};
#define QO_OUTCOME_MIN (1 + 1 + 2 + 2 + 2)
#define QO_OUTCOME_MAX (QO_OUTCOME_MIN + QO_ENH_MAX + MSG_TEXT_MAX)
int put_qo_outcome(struct ibuf *, const struct qo_outcome *);
int get_qo_outcome(struct ibuf *, struct qo_outcome *);

struct qo_result {
	uint64_t msgid;
	bool keep;	/* the session can take another job now */
	bool dsn;	/* the server took over what was asked of DSNs */
	uint32_t delay; /* ms from the job's arrival to its end */
	uint16_t n;	/* results: {u16 rcpt index, put_qo_outcome()} each */
	struct qo_relay relay;
};
#define QO_RESULT_MIN (8 + 1 + 1 + 4 + 2 + QO_RELAY_MIN)
#define QO_RESULT_MAX                                                          \
	(QO_RESULT_MIN + CONF_NAME_MAX + QO_TLS_MAX +                          \
	    QO_RCPTS_MAX * (2 + QO_OUTCOME_MAX))
int put_qo_result(struct ibuf *, const struct qo_result *);
int get_qo_result(struct ibuf *, struct qo_result *);

struct qo_gone {
	bool was_ready; /* ended after READY: an idle or used session closed */
	struct qo_relay relay;
	struct qo_outcome outcome;
};
#define QO_GONE_MIN (1 + QO_RELAY_MIN + QO_OUTCOME_MIN)
#define QO_GONE_MAX (1 + QO_RELAY_MAX + QO_OUTCOME_MAX)
int put_qo_gone(struct ibuf *, const struct qo_gone *);
int get_qo_gone(struct ibuf *, struct qo_gone *);

#endif
