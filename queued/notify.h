/* SPDX-License-Identifier: ISC */
/*
 * Telling the sender of a message what became of some of its recipients: who
 * wants to be told (RFC 3461), and the report as a message of its own.
 */
#ifndef QUEUED_NOTIFY_H
#define QUEUED_NOTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bsd/sys/queue.h>

#include "common/base/conf.h"
#include "common/msg/queue_out.h"

#include "queued/bounce.h"

struct message;
struct queue;
struct store_extra;

struct notify_rcpt {
	uint16_t rcpt;
	bool logged; /* its event=delivery was written */
	char remote[CONF_NAME_MAX];
	struct qo_outcome outcome;
};

struct notify_list {
	struct notify_rcpt *v; /* free() */
	size_t n, cap;
	/* BOUNCE_DELAYED: at this age (s); warned is then, and was before */
	uint32_t age, warned, before;
};

/* A report to a sender: owned by its struct fresh until it is durable. */
struct notice {
	STAILQ_ENTRY(notice) entry; /* in q->owed */
	char *text;
	size_t len;
	uint8_t flags; /* enum msg_flag */
	uint8_t store; /* enum q_store */
	enum bounce_kind kind;
	uint64_t about;		 /* the message */
	struct notify_list list; /* those of its recipients */
	char to[MSG_ADDR_MAX + 1];
};
void notice_free(struct notice *);

/* Append; NULL: no memory. */
struct notify_rcpt *notify_add(struct notify_list *, uint16_t rcpt,
    const struct qo_outcome *);
/*
 * Report to the sender, if there is one and it wants that, as a new message
 * in the batch of the same store.  Sorts the list, and logs what was not
 * logged.  1: it will be reported, the list is taken and its recipients are
 * recorded when that is durable; 0: there is nothing to be told; -1 with
 * errno: try again later; ENOENT: the message is gone.
 */
int notify_sender(struct queue *, struct message *, enum bounce_kind,
    struct notify_list *);
/* The age that an EXTRA_WARNED speaks of. */
uint32_t notice_warned(const struct store_extra *);
/* What the notice was about, now that it is durable, or that it is not. */
void notice_settled(struct queue *, struct notice *);
/* True: the notice is kept, and will be appended again. */
bool notice_refused(struct queue *, struct notice *);
/*
 * Word of success that there was no room for, while the message itself is done
 * with: as much of it as is reasonable is kept in memory and tried again.
 */
void notice_owe(struct queue *, struct notice *);
void notice_time(struct queue *);
uint64_t notice_next(const struct queue *);

#endif
