/* SPDX-License-Identifier: ISC */
/*
 * Inside of the channels: chan.c has their life and what is received,
 * chan_send.c what is sent.  Nobody else includes this.
 */
#ifndef COMMON_BASE_CHAN_IMPL_H
#define COMMON_BASE_CHAN_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bsd/sys/queue.h>

#include "common/base/chan.h"
#include "common/base/ev.h"

#define CHAN_NAME_LEN 64

struct waiting {
	STAILQ_ENTRY(waiting) entry;
	size_t len;
	int fd;
	uint8_t data[];
};

struct chan {
	struct ev *ev;
	struct ev_io io;
	struct ev_timer later; /* delivers pending */
	struct chan_spec spec;
	char name[CHAN_NAME_LEN];
	int fd;
	uint32_t state;
	bool paused;
	bool gone;   /* sending failed with EPIPE: reading goes on to the end */
	bool freed;  /* by a callback; done when it has returned */
	unsigned in; /* callbacks of ours on the stack */
	enum chan_violation pending; /* found while sending; 0: none */
	STAILQ_HEAD(waiting_list, waiting) queue;
	size_t queued; /* bytes, with what each entry costs */
	uint64_t received;
};

/* chan.c */
void chan_close_fd(int fd); /* unless -1 */
/* Ask for the events that are wanted now. */
void chan_watch(struct chan *);
/* From the loop, between callbacks: close and tell the owner. */
void chan_violate(struct chan *, enum chan_violation);
/* The same from inside the owner's own call: the loop will. */
void chan_violate_later(struct chan *, enum chan_violation);
bool chan_peer_gone(int error);

/* chan_send.c */
void chan_flush(struct chan *); /* something waits, and the socket is ready */
void chan_drop_queue(struct chan *);

#endif
