/* SPDX-License-Identifier: ISC */
/*
 * Channels between processes: a SOCK_SEQPACKET socketpair, one message per
 * packet, imsg-style.  A message is an 8 byte header {type, 0, id} and its
 * payload; type is edge << 8 | n with 0x80 in n for an answer, id is the
 * transaction of the asker (its meaning belongs to the edge).
 *
 * A process's whole interface to a peer is one const table.  The checks of
 * type, length, descriptor and state are made here, once, for all; a handler
 * that finds a message not to its contract returns -1.  Either is a violation:
 * the channel is closed, on_violation is called, and posternd replaces the
 * sender.  The receiver lives.
 *
 * Sending never blocks.  What the socket does not take is queued up to a
 * bound; chan_busy() tells the owner to stop reading the source that feeds
 * this channel, on_drain that it may go on.  Past the bound chan_send() fails
 * with ENOBUFS and the peer counts as hung (on_violation, CHAN_V_FLOOD).
 */
#ifndef COMMON_BASE_CHAN_H
#define COMMON_BASE_CHAN_H

#include <sys/types.h>
#include <sys/uio.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/ibuf.h"

#define CHAN_HDR	 8
#define CHAN_MSG_MAX	 (128 * 1024) /* header and payload */
#define CHAN_PAYLOAD_MAX (CHAN_MSG_MAX - CHAN_HDR)

struct ev;
struct chan;

enum chan_fd {
	FD_NONE, /* a descriptor is a violation */
	FD_ONE,	 /* exactly one */
	FD_OPT	 /* none or one */
};

#define CHAN_ANY 0xffffffffU

struct chan_msg {
	uint16_t type;
	size_t min, max; /* payload bytes */
	enum chan_fd fd;
	uint32_t states; /* bits of chan_state() in which it is allowed */
	/*
	 * fd is -1 or belongs to the handler, which closes it on every path.
	 * 0, or -1: the message breaks the contract.
	 */
	int (*handler)(struct chan *, uint32_t id, struct ibuf *, int fd);
};

enum chan_violation {
	CHAN_V_CLOSED = 1, /* end of file, reset: not a fault by itself */
	CHAN_V_TYPE,
	CHAN_V_LENGTH,
	CHAN_V_STATE,
	CHAN_V_FD,
	CHAN_V_CONTENT, /* the handler said so */
	CHAN_V_FLOOD,	/* it does not read what we send */
	CHAN_V_ERROR	/* the socket failed */
};

struct chan_spec {
	const char *name; /* the peer's instance, for logs; copied */
	const struct chan_msg *msgs;
	size_t nmsgs;
	bool recv_fds;	  /* recvmsg is called on it, else recvfrom */
	bool send_fds;	  /* sendmsg is called on it too, not only sendto */
	size_t queue_max; /* bytes; 0: 4 MiB */
	unsigned burst;	  /* messages read from it in one turn; 0: 64 */
	void *ctx;
	void (*on_drain)(struct chan *);
	/* the channel is closed already, but not freed: free it here or later
	 */
	void (*on_violation)(struct chan *, enum chan_violation);
};

/*
 * Takes fd (SOCK_SEQPACKET; every call on it says MSG_DONTWAIT) and starts
 * reading.  NULL with errno: fd is closed.
 */
struct chan *chan_new(struct ev *, int fd, const struct chan_spec *);
void chan_free(struct chan *);	/* closes; safe inside a handler */
void chan_close(struct chan *); /* no callbacks any more; still to be freed */
bool chan_open(const struct chan *);
int chan_fileno(const struct chan *);
void *chan_ctx(const struct chan *);
void chan_set_ctx(struct chan *, void *);
const char *chan_name(const struct chan *);
uint32_t chan_state(const struct chan *); /* starts as 1 */
void chan_set_state(struct chan *, uint32_t bit);

/*
 * Compose and send one message.  payload may be NULL; what of it is not read
 * yet is sent.  fd is -1, or passed and then closed here, also on failure.
 * -1 with errno; ENOBUFS: full; EPIPE: closed, or the peer is gone; ERANGE:
 * the payload failed.  Messages keep their order.
 *
 * No callback runs inside: what must end the channel (full, the socket
 * failed) comes as on_violation from the loop, so that the caller still has
 * its channel.  After EPIPE what the peer had said before is still read, and
 * then comes CHAN_V_CLOSED.
 */
int chan_send(struct chan *, uint16_t type, uint32_t id,
    const struct ibuf *payload, int fd);
/*
 * The same with the payload in at most 8 pieces.  They are not copied if
 * send_fds, nor is a payload composed in chan_scratch() memory.
 */
int chan_sendv(struct chan *, uint16_t type, uint32_t id, const struct iovec *,
    size_t niov, int fd);
bool chan_busy(const struct chan *); /* something waits to be sent */
/* Stop reading from this peer; its end is not noticed before chan_resume(). */
void chan_pause(struct chan *);
void chan_resume(struct chan *);
const char *chan_violation_name(enum chan_violation);
uint64_t chan_received(const struct chan *); /* messages, for statistics */

/*
 * For child.c: descriptors 0 .. n-1 are kept for channels; one that closes is
 * replaced by a copy of descriptor 0 (/dev/null), never left free.
 */
#define CHAN_BLOCK_MAX 128
void chan_reserve(unsigned n);
/*
 * Move fd to a reserved number, closing the channel that is there (whose
 * owner learns nothing and still has to free it).  Returns to, or -1; fd is
 * closed in any case.
 */
int chan_place(int fd, int to);

/* Scratch memory of CHAN_PAYLOAD_MAX for composing; one per process. */
void chan_scratch(struct ibuf *);

#endif
