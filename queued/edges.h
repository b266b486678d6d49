/* SPDX-License-Identifier: ISC */
/*
 * queued's edges around the queue: channels to smtpd-in, smtpd-out, dird and
 * ctld, the event loop, the directories of the spool.
 */
#ifndef QUEUED_EDGES_H
#define QUEUED_EDGES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/chan.h"
#include "common/base/child.h"
#include "common/base/ev.h"
#include "common/base/sandbox.h"

#include "queued/queue.h"

struct edges {
	struct child *child;
	struct ev *ev;
	struct queue queue;
	struct ev_timer timer; /* queue_next() */
	int rootfd;	       /* the spool */
	bool open;	       /* the stores are */
};

/* main.c: tell the queue what time it is, before anything else */
void edges_time(struct edges *);
/* A channel to that peer; NULL: it failed, the reason is logged. */
struct chan *edges_chan(struct edges *, const struct peer *, int fd,
    struct chan_spec *);

/* sandbox.c */
extern const struct cage queued_cage;

/* peer_in.c: smtpd-in */
void in_peer(struct edges *, const struct peer *, int fd);
void in_answer(void *edges, uint64_t token, const struct iq_done *);
void in_room(void *edges, enum q_store, const struct iq_room *);

/* peer_out.c: smtpd-out */
void out_peer(struct edges *, const struct peer *, int fd);
int out_open(void *edges, const struct session *);
int out_job(void *edges, const struct session *, struct ibuf *, int fd);
int out_close(void *edges, const struct session *);
void out_scratch(void *edges, struct ibuf *);
int out_body_fd(void *edges, struct store *, struct store_loc, uint64_t size);

/* peer_dir.c: dird */
void dir_peer(struct edges *, const struct peer *, int fd);
int dir_ask(void *edges, uint32_t tx, const struct msg_ask *);

/* peer_ctl.c: ctld */
void ctl_peer(struct edges *, const struct peer *, int fd);

#endif
