/* SPDX-License-Identifier: ISC */
/*
 * Edge 5, smtpd-in/X <-> queued: messages in.
 *
 * A transaction is any number of RCPTS (only when the recipients do not fit)
 * and one COMMIT, which carries the envelope, the (remaining) recipients and
 * the body: inline up to IQ_INLINE_MAX, else in a memfd with all four seals.
 * queued answers DONE once, when the message is on disk or refused; only an
 * ok may be turned into 250.  ABORT forgets a transaction's recipients.
 * queued writes the Received field itself, from the channel and the envelope.
 * NOTE_ROOM comes unasked at start and whenever it changes.
 *
 * A hostile smtpd-in can at most submit what its side may submit: queued
 * decides the direction by the channel and checks every recipient again.
 */
#ifndef COMMON_MSG_IN_QUEUE_H
#define COMMON_MSG_IN_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/conf.h"
#include "common/base/ibuf.h"
#include "common/base/netaddr.h"
#include "common/base/reason.h"
#include "common/msg/addr.h"
#include "common/msg/edge.h"

#define IQ_INLINE_MAX	(64 * 1024) /* body bytes inside a COMMIT */
#define IQ_RCPTS_MAX	50	    /* recipients in one message */
#define IQ_TLS_MAX	63	    /* "TLSv1.3 TLS_AES_256_GCM_SHA384" */
#define IQ_TX_RCPTS_MAX 50000	    /* recipients of one transaction, ever */

enum iq_type {
	IQ_REQ_RCPTS = MSG_TYPE(EDGE_IN_QUEUE, 1),
	IQ_REQ_COMMIT =
	    MSG_TYPE(EDGE_IN_QUEUE, 2),		   /* fd: body, if not inline */
	IQ_REQ_ABORT = MSG_TYPE(EDGE_IN_QUEUE, 3), /* empty */
	IQ_ANS_DONE = MSG_TYPE(EDGE_IN_QUEUE, MSG_ANSWER | 2),
	IQ_NOTE_ROOM = MSG_TYPE(EDGE_IN_QUEUE, MSG_ANSWER | 4)
};

/* u16 count, then that many put_rcpt() */
#define IQ_RCPTS_MIN (2 + MSG_RCPT_MIN)
#define IQ_RCPTS_LEN (2 + IQ_RCPTS_MAX * MSG_RCPT_MAX)

struct iq_commit {
	struct netaddr client;
	uint32_t listener;
	uint8_t flags; /* enum msg_flag, but BOUNCE */
	uint8_t ret;   /* enum msg_ret */
	uint64_t size; /* of the body: inline, or of the memfd */
	bool in_fd;
	char sender[MSG_ADDR_MAX + 1]; /* empty: null sender */
	char helo[MSG_HELO_MAX + 1];
	char envid[MSG_ENVID_MAX + 1];
	char tls[IQ_TLS_MAX + 1]; /* version and cipher; empty: clear text */
	bool has_cert;
	uint8_t cert[CONF_FINGERPRINT]; /* that the client has shown */
	uint16_t nrcpt; /* that many put_rcpt() follow, then the inline body */
};
#define IQ_COMMIT_MIN                                                          \
	(19 + 4 + 1 + 1 + 8 + 1 + 2 + 2 + 2 + 2 + 1 + CONF_FINGERPRINT + 2)
int put_iq_commit(struct ibuf *, const struct iq_commit *);
int get_iq_commit(struct ibuf *, struct iq_commit *);

enum iq_verdict { IQ_OK = 1, IQ_TEMP = 2, IQ_PERM = 3 };

struct iq_done {
	enum iq_verdict verdict;
	enum reason reason;
	uint64_t msgid; /* 0 unless IQ_OK */
};
#define IQ_DONE_LEN 10
int put_iq_done(struct ibuf *, const struct iq_done *);
int get_iq_done(struct ibuf *, struct iq_done *);

struct iq_room {
	uint8_t accepting;  /* 0: answer 452 4.3.1 to MAIL */
	enum reason reason; /* why not */
	uint64_t max_size;  /* the largest message that fits now */
};
#define IQ_ROOM_LEN 10
int put_iq_room(struct ibuf *, const struct iq_room *);
int get_iq_room(struct ibuf *, struct iq_room *);

#endif
