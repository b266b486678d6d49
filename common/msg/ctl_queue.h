/* SPDX-License-Identifier: ISC */
/*
 * Edge 12, ctld -> queued: look at the queue and operate it.  Lists come in
 * pages that ctld asks for, so that a million rows wait nowhere in memory.
 * Each request is answered by any number of ROW (or RCPT) and one END.
 */
#ifndef COMMON_MSG_CTL_QUEUE_H
#define COMMON_MSG_CTL_QUEUE_H

#include <stdint.h>

#include "common/base/ibuf.h"
#include "common/base/netaddr.h"
#include "common/base/reason.h"
#include "common/msg/addr.h"
#include "common/msg/edge.h"
#include "common/msg/queue_out.h"

#define CQ_PAGE_MAX 200

enum cq_type {
	CQ_REQ_LIST = MSG_TYPE(EDGE_CTL_QUEUE, 1),
	CQ_REQ_SHOW = MSG_TYPE(EDGE_CTL_QUEUE, 2),   /* u64 msgid */
	CQ_REQ_REMOVE = MSG_TYPE(EDGE_CTL_QUEUE, 3), /* u64 msgid, u32 uid */
	CQ_REQ_FLUSH = MSG_TYPE(EDGE_CTL_QUEUE, 4),  /* cstr domain, u32 uid */
	CQ_REQ_DESTS = MSG_TYPE(EDGE_CTL_QUEUE, 5),  /* destinations; empty */
	CQ_ANS_ROW = MSG_TYPE(EDGE_CTL_QUEUE, MSG_ANSWER | 1),
	CQ_ANS_RCPT = MSG_TYPE(EDGE_CTL_QUEUE, MSG_ANSWER | 2),
	CQ_ANS_DEST = MSG_TYPE(EDGE_CTL_QUEUE, MSG_ANSWER | 5),
	CQ_ANS_END = MSG_TYPE(EDGE_CTL_QUEUE, MSG_ANSWER | 6)
};

struct cq_list {
	uint64_t after; /* msgid of the last row seen; 0: from the start */
	uint16_t limit; /* 1 .. CQ_PAGE_MAX */
	char domain[MSG_DOMAIN_MAX + 1]; /* recipients' domain; empty: all */
};
#define CQ_LIST_MIN 12
#define CQ_LIST_MAX (CQ_LIST_MIN + MSG_DOMAIN_MAX)
int put_cq_list(struct ibuf *, const struct cq_list *);
int get_cq_list(struct ibuf *, struct cq_list *);

enum cq_state {
	CQ_ACTIVE = 1, /* some recipient is being delivered */
	CQ_WAITING = 2,
	CQ_HELD = 3
};

struct cq_row {
	uint64_t msgid;
	uint64_t accepted; /* Unix ms */
	uint64_t next;     /* Unix ms of the next attempt; 0: now or active */
	uint64_t expires;  /* Unix ms */
	uint64_t size;
	uint8_t origin;    /* 1 ext, 2 int, 3 made here (bounce) */
	enum cq_state state;
	uint16_t attempts;
	uint16_t nrcpt, nopen; /* recipients, and those not done */
	enum reason reason;    /* of the last deferral */
	struct netaddr client;
	char sender[MSG_ADDR_MAX + 1];
	char rcpt[MSG_ADDR_MAX + 1]; /* the first open one */
	char text[MSG_TEXT_MAX + 1]; /* last reply */
};
#define CQ_ROW_MIN (5 * 8 + 1 + 1 + 3 * 2 + 1 + 19 + 3 * 2)
#define CQ_ROW_MAX (CQ_ROW_MIN + 2 * MSG_ADDR_MAX + MSG_TEXT_MAX)
int put_cq_row(struct ibuf *, const struct cq_row *);
int get_cq_row(struct ibuf *, struct cq_row *);

struct cq_rcpt { /* of SHOW: one each recipient */
	uint8_t status; /* 0 open, else enum qo_status */
	enum reason reason;
	uint16_t code;
	uint16_t attempts;
	char addr[MSG_ADDR_MAX + 1];
	char hop[MSG_DOMAIN_MAX + 1];  /* next hop's name */
	char text[MSG_TEXT_MAX + 1];
};
#define CQ_RCPT_MIN (1 + 1 + 2 + 2 + 3 * 2)
#define CQ_RCPT_MAX (CQ_RCPT_MIN + MSG_ADDR_MAX + MSG_DOMAIN_MAX + MSG_TEXT_MAX)
int put_cq_rcpt(struct ibuf *, const struct cq_rcpt *);
int get_cq_rcpt(struct ibuf *, struct cq_rcpt *);

struct cq_dest { /* of DESTS: one each destination */
	uint8_t side; /* enum side it leaves by */
	uint32_t waiting, active, sessions, limit;
	uint64_t oldest;   /* Unix ms of acceptance */
	uint64_t next;     /* Unix ms: backed off until then; 0: not */
	char name[MSG_DOMAIN_MAX + 1];
	char text[MSG_TEXT_MAX + 1]; /* last trouble */
};
#define CQ_DEST_MIN (1 + 4 * 4 + 2 * 8 + 2 * 2)
#define CQ_DEST_MAX (CQ_DEST_MIN + MSG_DOMAIN_MAX + MSG_TEXT_MAX)
int put_cq_dest(struct ibuf *, const struct cq_dest *);
int get_cq_dest(struct ibuf *, struct cq_dest *);

enum cq_result {
	CQ_DONE = 1,
	CQ_MORE = 2,      /* LIST: ask again after the last row */
	CQ_NO_SUCH = 3,   /* no such message or destination */
	CQ_BUSY = 4       /* REMOVE: in flight; it goes as soon as it returns */
};

struct cq_end {
	enum cq_result result;
	uint32_t count; /* rows sent, messages touched */
	uint64_t after; /* LIST: cursor for the next page */
};
#define CQ_END_LEN 13
int put_cq_end(struct ibuf *, const struct cq_end *);
int get_cq_end(struct ibuf *, struct cq_end *);

#endif
