/* SPDX-License-Identifier: ISC */
/*
 * What is kept in memory of a queued message: as little as scheduling needs.
 * Addresses, replies and text are read from the store when they are wanted.
 *
 * The recipients of a message that go the same way wait together as a part:
 * message x destination.  A part is in one place at any time; its state says
 * which.
 */
#ifndef QUEUED_PART_H
#define QUEUED_PART_H

#include <stdint.h>

#include <bsd/sys/queue.h>

#include "common/base/reason.h"
#include "common/base/tree.h"

#include "queued/pheap.h"

struct dest;
struct dom;
struct part;

enum msg_state_flag {
	QM_HELD = 1 << 0,    /* waits for the operator */
	QM_REMOVE = 1 << 1,  /* in flight; it goes as soon as it returns */
	QM_SUCCESS = 1 << 2, /* some recipient's success is to be told */
	QM_MARKED = 1 << 3,  /* in hand, and so marked on disk, while wary */
	QM_FAILING = 1 << 4, /* recipients have failed, the bounce waits */
	QM_QUEUED = 1 << 5   /* in the table, and counted */
};

struct message {
	RB_ENTRY(message) entry; /* by id */
	uint64_t id;
	uint64_t accepted; /* queue time, Unix ms */
	struct part *parts;
	uint64_t size;
	uint16_t nrcpt;	 /* all */
	uint16_t nopen;	 /* neither delivered nor failed */
	uint32_t slot;	 /* with id: its place in the store */
	uint8_t origin;	 /* enum origin */
	uint8_t store;	 /* enum q_store */
	uint8_t flags;	 /* enum msg_state_flag */
	uint8_t crashes; /* times it was in hand when a process died */
	uint32_t warned; /* s: told of those told of by then; all: UINT32_MAX */
};

enum part_state {
	PART_NEW = 0,  /* nowhere yet, or in the hands of a function */
	PART_ROUTE,    /* dom->waiting: its next hop is not known */
	PART_ASKED,    /* dom->asked: dird is asked about it */
	PART_STUCK,    /* dom->stuck: there is no way to its domain */
	PART_READY,    /* dest->ready: its turn comes */
	PART_LATER,    /* dest->later: to be tried again at a time */
	PART_ACTIVE,   /* handed to smtpd-out */
	PART_HELD,     /* nowhere: its message waits for the operator */
	PART_SUSPENDED /* dom->suspended: its destination or flow is */
};

struct part {
	struct message *msg;
	struct part *next;	  /* of the same message */
	struct dom *dom;	  /* of all its recipients */
	TAILQ_ENTRY(part) of_dom; /* dom->parts, once its message is queued */
	struct dest *dest;	  /* READY, LATER, ACTIVE */
	union {
		struct {
			/* ROUTE, ASKED, STUCK, SUSPENDED, READY */
			TAILQ_ENTRY(part) link;
			/* not to be tried before; ms, all of these but READY */
			uint64_t at;
		} wait;
		struct pheap_node timer; /* LATER */
		struct {
			struct session *session;
			struct part *next; /* in the same job */
		} active;		   /* ACTIVE */
	} u;
	uint16_t attempts;
	uint16_t routes; /* low bits of the generation that dest is of */
	uint8_t state;	 /* enum part_state */
	uint8_t reason;	 /* enum reason: why it was put off last */
	uint16_t n;	 /* recipients: their places in the message's list */
	uint16_t rcpt[];
};
TAILQ_HEAD(part_list, part);

#endif
