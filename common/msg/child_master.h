/* SPDX-License-Identifier: ISC */
/*
 * Edge 1, posternd <-> every child, on descriptor 3 of the child.
 *
 * posternd -> child: HELLO once, first; then STATS; then any number of PEER,
 * FD, configuration (child_conf.h) and PING; DRAIN at the end.
 * child -> posternd: SANDBOXED once, READY after each complete configuration,
 * VIOLATION, PONG, DRAINED.  A hostile child can at most say these wrongly:
 * be replaced, or have a peer replaced that is needed by no more than itself
 * (master/super_msg.c judge()); rate-limited by back-off.
 */
#ifndef COMMON_MSG_CHILD_MASTER_H
#define COMMON_MSG_CHILD_MASTER_H

#include <stdint.h>

#include "common/base/conf.h"
#include "common/base/ibuf.h"
#include "common/base/proc.h"
#include "common/msg/edge.h"

#define CM_VERSION 1

enum cm_type {
	CM_REQ_HELLO = MSG_TYPE(EDGE_CHILD_MASTER, 1),
	CM_REQ_STATS = MSG_TYPE(EDGE_CHILD_MASTER, 2), /* fd: the page */
	CM_REQ_PEER = MSG_TYPE(EDGE_CHILD_MASTER, 3),  /* fd: the channel */
	CM_REQ_FD = MSG_TYPE(EDGE_CHILD_MASTER, 4),    /* fd */
	CM_REQ_PING = MSG_TYPE(EDGE_CHILD_MASTER, 5),  /* empty; id echoed */
	/* empty; id: enum cm_drain.  May come again with a greater hurry. */
	CM_REQ_DRAIN = MSG_TYPE(EDGE_CHILD_MASTER, 6),
	CM_REQ_TICKETS = MSG_TYPE(EDGE_CHILD_MASTER, 7), /* smtpd-in */
	CM_ANS_SANDBOXED = MSG_TYPE(EDGE_CHILD_MASTER, MSG_ANSWER | 1),
	CM_ANS_READY = MSG_TYPE(EDGE_CHILD_MASTER, MSG_ANSWER | 2),
	CM_ANS_VIOLATION = MSG_TYPE(EDGE_CHILD_MASTER, MSG_ANSWER | 3),
	CM_ANS_PONG = MSG_TYPE(EDGE_CHILD_MASTER, MSG_ANSWER | 5),
	CM_ANS_DRAINED = MSG_TYPE(EDGE_CHILD_MASTER, MSG_ANSWER | 6),
	/* logd: its syslog socket failed; make another */
	CM_ANS_REOPEN = MSG_TYPE(EDGE_CHILD_MASTER, MSG_ANSWER | 7),
	/* the selftest in a program's place: one by one, id counts from 0 */
	CM_ANS_ATTACK = MSG_TYPE(EDGE_CHILD_MASTER, MSG_ANSWER | 8),
	/* all of them; empty, id: how many */
	CM_ANS_ATTACKED = MSG_TYPE(EDGE_CHILD_MASTER, MSG_ANSWER | 9)
};

enum cm_drain {
	CM_DRAIN_STOP = 0, /* posternd stops: what can be cut is cut */
	CM_DRAIN_LEISURE =
	    1 /* this worker goes: its sessions end by themselves */
};

enum cm_hello_flag {
	CM_HELLO_TRAP = 1 << 0, /* sandbox in TRAP mode */
	CM_HELLO_BEST_EFFORT = 1 << 1,
	CM_HELLO_DEBUG = 1 << 2, /* log debug lines */
	/* the one before it ended by a fault of its own: not by SIGKILL */
	CM_HELLO_FAULT = 1 << 3
};

struct cm_hello {
	uint32_t version; /* CM_VERSION */
	struct peer self;
	uint32_t uid, gid;
	uint32_t flags; /* enum cm_hello_flag */
	uint16_t
	    nslots; /* channels this child will have, posternd's included */
	char chroot_dir[CONF_PATH_MAX];
};

struct cm_peer {
	struct peer peer;
	uint16_t slot; /* 1 .. nslots - 1: descriptor 3 + slot */
};

struct cm_fd {
	uint32_t kind; /* enum child_fd */
	uint32_t id;
};

struct cm_sandboxed {
	uint8_t seccomp;
	uint8_t landlock_abi;
	uint16_t ncalls;
	uint32_t missing; /* enum sandbox_missing */
};

struct cm_ready {
	uint32_t generation; /* of the configuration now in force */
};

struct cm_violation {
	struct peer peer; /* who broke the contract */
	uint32_t kind;	  /* enum chan_violation */
};

/* Keys of session tickets of a side, the newest first: tls/ticket.h. */
#define CM_TICKET_KEY  80
#define CM_TICKET_KEYS 2
struct cm_tickets {
	uint32_t n; /* keys that count */
	uint8_t key[CM_TICKET_KEYS][CM_TICKET_KEY];
};

enum cm_attack_outcome {
	CM_ATTACK_KILLED = 1, /* detail: the signal */
	CM_ATTACK_REFUSED,    /* detail: errno */
	CM_ATTACK_NONE,	      /* the program has not what it takes */
	CM_ATTACK_JOB,	      /* not tried: the program is there to do it */
	CM_ATTACK_GAINED
};

#define CM_ATTACK_NAME 32
struct cm_attack {
	char name[CM_ATTACK_NAME];
	uint8_t outcome; /* enum cm_attack_outcome */
	uint16_t detail;
};

#define CM_ATTACK_MIN	 5
#define CM_ATTACK_MAX	 (CM_ATTACK_MIN + CM_ATTACK_NAME)
#define CM_TICKETS_LEN	 (4 + CM_TICKET_KEYS * CM_TICKET_KEY)
#define CM_HELLO_MIN	 23
#define CM_HELLO_MAX	 (CM_HELLO_MIN + CONF_PATH_MAX)
#define CM_PEER_LEN	 5
#define CM_FD_LEN	 8
#define CM_SANDBOXED_LEN 8
#define CM_READY_LEN	 4
#define CM_VIOLATION_LEN 7

int put_cm_hello(struct ibuf *, const struct cm_hello *);
int get_cm_hello(struct ibuf *, struct cm_hello *);
int put_cm_peer(struct ibuf *, const struct cm_peer *);
int get_cm_peer(struct ibuf *, struct cm_peer *);
int put_cm_fd(struct ibuf *, const struct cm_fd *);
int get_cm_fd(struct ibuf *, struct cm_fd *);
int put_cm_sandboxed(struct ibuf *, const struct cm_sandboxed *);
int get_cm_sandboxed(struct ibuf *, struct cm_sandboxed *);
int put_cm_ready(struct ibuf *, const struct cm_ready *);
int get_cm_ready(struct ibuf *, struct cm_ready *);
int put_cm_violation(struct ibuf *, const struct cm_violation *);
int get_cm_violation(struct ibuf *, struct cm_violation *);
int put_cm_attack(struct ibuf *, const struct cm_attack *);
int get_cm_attack(struct ibuf *, struct cm_attack *);
int put_cm_tickets(struct ibuf *, const struct cm_tickets *);
int get_cm_tickets(struct ibuf *, struct cm_tickets *);
/* three bytes, checked */
int put_peer(struct ibuf *, const struct peer *);
int get_peer(struct ibuf *, struct peer *);

#endif
