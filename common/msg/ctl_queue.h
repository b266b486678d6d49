/* SPDX-License-Identifier: ISC */
/*
 * Edge 12, ctld -> queued: look at the queue and operate it.  What is asked of
 * many messages is done in pages that ctld asks for, so that a million rows
 * wait nowhere in memory, and other mail goes on between two pages.  Each
 * request is answered by any number of rows and one END.
 *
 * A hostile ctld can do what an operator can.
 */
#ifndef COMMON_MSG_CTL_QUEUE_H
#define COMMON_MSG_CTL_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/ibuf.h"
#include "common/base/netaddr.h"
#include "common/base/reason.h"
#include "common/msg/addr.h"
#include "common/msg/edge.h"
#include "common/msg/queue_out.h"

#define CQ_PAGE_MAX 200
#define CQ_TEXT_MAX 200 /* an operator's reason */
#define CQ_AGES	    10	/* classes of SHAPE: under 5 min, 10 min, 20 min ... */
#define CQ_AGE_MIN  300 /* s: the first ends there, each other at twice that */

enum cq_type {
	CQ_REQ_SELECT = MSG_TYPE(EDGE_CTL_QUEUE, 1),
	CQ_REQ_SHOW = MSG_TYPE(EDGE_CTL_QUEUE, 2),  /* u64 msgid */
	CQ_REQ_WHY = MSG_TYPE(EDGE_CTL_QUEUE, 3),   /* u64 msgid */
	CQ_REQ_RULES = MSG_TYPE(EDGE_CTL_QUEUE, 4), /* empty */
	CQ_REQ_DESTS = MSG_TYPE(EDGE_CTL_QUEUE, 5), /* destinations; empty */
	CQ_REQ_RULE = MSG_TYPE(EDGE_CTL_QUEUE, 6),  /* make or end one */
	CQ_ANS_ROW = MSG_TYPE(EDGE_CTL_QUEUE, MSG_ANSWER | 1),
	CQ_ANS_RCPT = MSG_TYPE(EDGE_CTL_QUEUE, MSG_ANSWER | 2),
	CQ_ANS_WHY = MSG_TYPE(EDGE_CTL_QUEUE, MSG_ANSWER | 3),
	CQ_ANS_RULE = MSG_TYPE(EDGE_CTL_QUEUE, MSG_ANSWER | 4),
	CQ_ANS_DEST = MSG_TYPE(EDGE_CTL_QUEUE, MSG_ANSWER | 5),
	CQ_ANS_END = MSG_TYPE(EDGE_CTL_QUEUE, MSG_ANSWER | 6),
	CQ_ANS_SHAPE = MSG_TYPE(EDGE_CTL_QUEUE, MSG_ANSWER | 7)
};

/* The flows of DESIGN's fourth promise. */
enum cq_flow {
	CQ_FLOW_ANY = 0,
	CQ_FLOW_IN = 1,	  /* from the Internet to the intranet */
	CQ_FLOW_OUT = 2,  /* to the Internet */
	CQ_FLOW_LOCAL = 3 /* from inside, or made here, to the intranet */
};
const char *cq_flow_name(enum cq_flow); /* "in", "out", "local" */

enum cq_verb {
	CQ_LIST = 1,
	CQ_HOLD = 2,
	CQ_RELEASE = 3,
	CQ_REMOVE = 4,
	CQ_FLUSH = 5,
	CQ_SHAPE = 6
};

enum cq_from {
	CQ_FROM_ANY = 0,
	CQ_FROM_ADDR = 1,   /* this sender */
	CQ_FROM_DOMAIN = 2, /* any of this domain */
	CQ_FROM_NULL = 3
};

/* One page of what a verb does to the messages that fit all of this. */
struct cq_select {
	enum cq_verb verb;
	bool look; /* only say how many it would be */
	enum cq_flow flow;
	enum cq_from from;
	uint32_t uid;	/* who asks; ctld knows */
	uint32_t older; /* accepted more than so many s ago */
	uint64_t msgid; /* 0: any */
	uint64_t after; /* go on behind that message; 0: from the start */
	uint16_t limit; /* rows at most; LIST: of the page, 1 or more */
	/* recipients' domain; if there is none, a next hop; empty: any */
	char dest[MSG_DOMAIN_MAX + 1];
	char sender[MSG_ADDR_MAX + 1]; /* as from says */
	char text[CQ_TEXT_MAX + 1];    /* HOLD: why */
};
#define CQ_SELECT_MIN (4 + 2 * 4 + 2 * 8 + 2 + 3 * 2)
#define CQ_SELECT_MAX                                                          \
	(CQ_SELECT_MIN + MSG_DOMAIN_MAX + MSG_ADDR_MAX + CQ_TEXT_MAX)
int put_cq_select(struct ibuf *, const struct cq_select *);
int get_cq_select(struct ibuf *, struct cq_select *);

enum cq_state {
	CQ_ACTIVE = 1, /* some recipient is being delivered */
	CQ_WAITING = 2,
	CQ_HELD = 3,
	CQ_SUSPENDED = 4 /* its destination or its flow is */
};

struct cq_row {
	uint64_t msgid;
	uint64_t accepted; /* Unix ms */
	uint64_t next;	   /* Unix ms of the next attempt; 0: now or active */
	uint64_t expires;  /* Unix ms */
	uint64_t size;
	uint8_t origin; /* 1 ext, 2 int, 3 made here (bounce) */
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

struct cq_rcpt {	/* of SHOW: one each recipient */
	uint8_t status; /* 0 open, else enum qo_status */
	enum reason reason;
	uint16_t code;
	uint16_t attempts;
	char addr[MSG_ADDR_MAX + 1];
	char hop[MSG_DOMAIN_MAX + 1]; /* next hop's name */
	char text[MSG_TEXT_MAX + 1];
};
#define CQ_RCPT_MIN (1 + 1 + 2 + 2 + 3 * 2)
#define CQ_RCPT_MAX (CQ_RCPT_MIN + MSG_ADDR_MAX + MSG_DOMAIN_MAX + MSG_TEXT_MAX)
int put_cq_rcpt(struct ibuf *, const struct cq_rcpt *);
int get_cq_rcpt(struct ibuf *, struct cq_rcpt *);

struct cq_dest {      /* of DESTS: one each destination */
	uint8_t side; /* enum side it leaves by */
	uint32_t waiting, active, sessions, limit;
	uint64_t oldest; /* Unix ms of acceptance */
	uint64_t next;	 /* Unix ms: backed off until then; 0: not */
	char name[MSG_DOMAIN_MAX + 1];
	char text[MSG_TEXT_MAX + 1]; /* last trouble */
};
#define CQ_DEST_MIN (1 + 4 * 4 + 2 * 8 + 2 * 2)
#define CQ_DEST_MAX (CQ_DEST_MIN + MSG_DOMAIN_MAX + MSG_TEXT_MAX)
int put_cq_dest(struct ibuf *, const struct cq_dest *);
int get_cq_dest(struct ibuf *, struct cq_dest *);

/* What a group of recipients that go the same way waits for. */
enum cq_wait {
	CQ_W_ACTIVE = 1,    /* it is being delivered */
	CQ_W_TURN = 2,	    /* its turn: ahead others go first */
	CQ_W_PAUSE = 3,	    /* nothing works there: until next */
	CQ_W_TIME = 4,	    /* its next attempt */
	CQ_W_DIRECTORY = 5, /* the directory's answer */
	CQ_W_ROUTE = 6,	    /* there is no way to its domain */
	CQ_W_SUSPENDED = 7, /* the operator: by, until, note */
	CQ_W_HELD = 8,	    /* the operator, or poison: note */
	CQ_W_RATE = 9	    /* the rate of "limit to", or of its sender */
};

/* What chose its route. */
enum cq_route {
	CQ_R_NONE = 0,
	CQ_R_DOMAIN = 1,    /* domain "rule" of postern.conf, at line */
	CQ_R_CONNECTOR = 2, /* connector "rule", at line */
	CQ_R_REROUTE = 3    /* the operator's */
};

struct cq_why { /* of WHY: one each group of recipients */
	enum cq_wait wait;
	enum cq_flow flow;
	enum cq_route route;
	enum reason reason; /* of the last deferral */
	uint16_t code;	    /* of the last reply, 0: there was none */
	uint16_t attempts;
	uint16_t nrcpt;
	uint32_t line;
	uint32_t ahead;
	uint32_t sessions, limit; /* at the next hop */
	uint32_t by;		  /* uid */
	uint64_t next;		  /* Unix ms; 0: now, or not known */
	uint64_t until;		  /* Unix ms; 0: until it is resumed */
	uint64_t expires;	  /* Unix ms */
	char rule[MSG_DOMAIN_MAX + 1];
	char domain[MSG_DOMAIN_MAX + 1];
	char hop[MSG_DOMAIN_MAX + 1];
	char rcpt[MSG_ADDR_MAX + 1]; /* the first of them */
	char note[CQ_TEXT_MAX + 1];
	char text[MSG_TEXT_MAX + 1]; /* last reply */
};
#define CQ_WHY_MIN (4 + 3 * 2 + 5 * 4 + 3 * 8 + 6 * 2)
#define CQ_WHY_MAX                                                             \
	(CQ_WHY_MIN + 3 * MSG_DOMAIN_MAX + MSG_ADDR_MAX + CQ_TEXT_MAX +        \
	    MSG_TEXT_MAX)
int put_cq_why(struct ibuf *, const struct cq_why *);
int get_cq_why(struct ibuf *, struct cq_why *);

/* Of SHAPE: counts of this page, to be summed; name empty: of all. */
struct cq_shape {
	uint8_t side; /* enum side it leaves by */
	uint32_t held, suspended;
	uint32_t ages[CQ_AGES]; /* messages, those two among them */
	char name[MSG_DOMAIN_MAX + 1];
};
#define CQ_SHAPE_MIN (1 + 2 * 4 + CQ_AGES * 4 + 2)
#define CQ_SHAPE_MAX (CQ_SHAPE_MIN + MSG_DOMAIN_MAX)
int put_cq_shape(struct ibuf *, const struct cq_shape *);
int get_cq_shape(struct ibuf *, struct cq_shape *);

enum cq_rule_kind {
	CQ_SUSPEND = 1,	     /* a recipients' domain or next hop: name */
	CQ_SUSPEND_FLOW = 2, /* flow */
	CQ_REROUTE = 3	     /* a recipients' domain: name, to host and port */
};

/*
 * What the operator ordered until it is taken back.  In RULE set tells which
 * of both is wanted, and lasts for how long.
 */
struct cq_rule {
	enum cq_rule_kind kind;
	bool set;
	enum cq_flow flow;
	uint32_t uid;	/* whose it is */
	uint32_t lasts; /* RULE: s, 0: until it is taken back */
	uint16_t port;
	uint64_t since; /* Unix ms */
	uint64_t until; /* Unix ms; 0: until it is taken back */
	char name[MSG_DOMAIN_MAX + 1];
	char host[MSG_DOMAIN_MAX + 1]; /* name or address */
	char text[CQ_TEXT_MAX + 1];    /* why */
};
#define CQ_RULE_MIN (3 + 2 * 4 + 2 + 2 * 8 + 3 * 2)
#define CQ_RULE_MAX (CQ_RULE_MIN + 2 * MSG_DOMAIN_MAX + CQ_TEXT_MAX)
int put_cq_rule(struct ibuf *, const struct cq_rule *);
int get_cq_rule(struct ibuf *, struct cq_rule *);

enum cq_result {
	CQ_DONE = 1,
	CQ_MORE = 2,	/* SELECT: ask again, after what END says */
	CQ_NO_SUCH = 3, /* no such message, destination or rule */
	CQ_BUSY = 4,	/* done, but for what is in flight */
	CQ_FAILED = 5	/* RULE: it could not be kept, and is not in force */
};

struct cq_end {
	enum cq_result result;
	uint32_t count; /* rows sent, messages touched */
	uint32_t busy;	/* those of them that are in flight */
	uint64_t after; /* SELECT: cursor for the next page */
};
#define CQ_END_LEN 17
int put_cq_end(struct ibuf *, const struct cq_end *);
int get_cq_end(struct ibuf *, struct cq_end *);

#endif
