/* SPDX-License-Identifier: ISC */
/* Channels: sending, and the queue of what the socket did not take. */
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/chan_impl.h"

#define PIECES_MAX 8 /* sent without a copy */
#define SEND_FLAGS (MSG_NOSIGNAL | MSG_DONTWAIT)

/* One each per process: a process is one thread, and no call here nests. */
static uint8_t outbuf[CHAN_MSG_MAX];  /* pieces gathered */
static uint8_t scratch[CHAN_MSG_MAX]; /* the caller's, room for a header */

static void
queue_drop_head(struct chan *c)
{
	struct waiting *w = STAILQ_FIRST(&c->queue);

	STAILQ_REMOVE_HEAD(&c->queue, entry);
	c->queued -= sizeof(*w) + w->len;
	chan_close_fd(w->fd);
	free(w);
}

void
chan_drop_queue(struct chan *c)
{
	while (!STAILQ_EMPTY(&c->queue))
		queue_drop_head(c);
}

static int
send_plain(struct chan *c, const void *data, size_t len)
{
	ssize_t n;

	do {
		n = send(c->fd, data, len, SEND_FLAGS);
	} while (n == -1 && errno == EINTR);
	return n == -1 ? -1 : 0;
}

static int
send_msg(struct chan *c, struct iovec *iov, size_t niov, int fd)
{
	union {
		struct cmsghdr align;
		uint8_t buf[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = niov };
	struct cmsghdr *cm;
	ssize_t n;

	if (fd != -1) {
		msg.msg_control = control.buf;
		msg.msg_controllen = sizeof(control.buf);
		cm = CMSG_FIRSTHDR(&msg);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cm), &fd, sizeof(fd));
	}
	do {
		n = sendmsg(c->fd, &msg, SEND_FLAGS);
	} while (n == -1 && errno == EINTR);
	return n == -1 ? -1 : 0;
}

static void
copy_pieces(uint8_t *to, const struct iovec *iov, size_t niov)
{
	size_t i;

	for (i = 0; i < niov; i++) {
		if (iov[i].iov_len == 0)
			continue;
		memcpy(to, iov[i].iov_base, iov[i].iov_len);
		to += iov[i].iov_len;
	}
}

/* iov[0] is the header. */
static int
send_now(struct chan *c, struct iovec *iov, size_t niov, size_t len, int fd)
{
	if (fd == -1 && niov == 1)
		return send_plain(c, iov[0].iov_base, len);
	/* composed in the scratch memory: the header's place is before it */
	if (fd == -1 && niov == 2 && iov[1].iov_base == scratch + CHAN_HDR) {
		copy_pieces(scratch, iov, 1);
		return send_plain(c, scratch, len);
	}
	if (c->spec.send_fds)
		return send_msg(c, iov, niov, fd);
	copy_pieces(outbuf, iov, niov);
	return send_plain(c, outbuf, len);
}

/* Takes fd only if it succeeds. */
static int
enqueue(struct chan *c, const struct iovec *iov, size_t niov, size_t len,
    int fd)
{
	size_t cost = sizeof(struct waiting) + len;
	struct waiting *w;

	if (cost > c->spec.queue_max - c->queued) {
		chan_violate_later(c, CHAN_V_FLOOD);
		errno = ENOBUFS;
		return -1;
	}
	w = malloc(cost);
	if (w == NULL) {
		chan_violate_later(c, CHAN_V_ERROR);
		errno = ENOMEM;
		return -1;
	}
	w->len = len;
	w->fd = fd;
	copy_pieces(w->data, iov, niov);
	STAILQ_INSERT_TAIL(&c->queue, w, entry);
	c->queued += cost;
	chan_watch(c);
	return 0;
}

static bool
try_later(int error)
{
	return error == EAGAIN || error == ENOBUFS || error == ENOMEM;
}

/* 0: sent or waiting, fd is closed or kept; -1: fd is still the caller's. */
static int
send_or_queue(struct chan *c, struct iovec *iov, size_t niov, size_t len,
    int fd)
{
	if (!STAILQ_EMPTY(&c->queue))
		return enqueue(c, iov, niov, len, fd);
	if (send_now(c, iov, niov, len, fd) == 0) {
		chan_close_fd(fd);
		return 0;
	}
	if (try_later(errno))
		return enqueue(c, iov, niov, len, fd);
	if (chan_peer_gone(errno)) {
		c->gone = true;
		errno = EPIPE;
	} else {
		chan_violate_later(c, CHAN_V_ERROR);
	}
	return -1;
}

static void
put_header(uint8_t *h, uint16_t type, uint32_t id)
{
	struct ibuf b;

	ibuf_wrap(&b, h, CHAN_HDR);
	(void)ibuf_add_n16(&b, type);
	(void)ibuf_add_n16(&b, 0);
	(void)ibuf_add_n32(&b, id);
}

/* Header and payload; SIZE_MAX: more than a message can be. */
static size_t
total(const struct iovec *iov, size_t niov)
{
	size_t i, len = CHAN_HDR;

	for (i = 0; i < niov; i++) {
		if (iov[i].iov_len > CHAN_MSG_MAX - len)
			return SIZE_MAX;
		len += iov[i].iov_len;
	}
	return len;
}

/* May this be sent at all?  0 or an errno. */
static int
may_send(struct chan *c, size_t niov, size_t len, int fd)
{
	if (c->fd == -1 || c->gone)
		return EPIPE;
	if (niov > PIECES_MAX || len == SIZE_MAX)
		return EMSGSIZE;
	if (fd != -1 && !c->spec.send_fds)
		return EINVAL;
	if (c->pending != 0) {
		chan_violate_later(c, c->pending);
		return ENOBUFS;
	}
	return 0;
}

int
chan_sendv(struct chan *c, uint16_t type, uint32_t id, const struct iovec *iov,
    size_t niov, int fd)
{
	uint8_t header[CHAN_HDR];
	struct iovec all[PIECES_MAX + 1];
	size_t i, len = total(iov, niov);
	int error = may_send(c, niov, len, fd);

	if (error == 0) {
		put_header(header, type, id);
		all[0] = (struct iovec){ header, CHAN_HDR };
		for (i = 0; i < niov; i++)
			all[i + 1] = iov[i];
		if (send_or_queue(c, all, niov + 1, len, fd) == 0)
			return 0;
		error = errno;
	}
	chan_close_fd(fd);
	errno = error;
	return -1;
}

int
chan_send(struct chan *c, uint16_t type, uint32_t id,
    const struct ibuf *payload, int fd)
{
	struct iovec iov;

	if (payload == NULL)
		return chan_sendv(c, type, id, NULL, 0, fd);
	if (ibuf_failed(payload)) {
		chan_close_fd(fd);
		errno = ERANGE;
		return -1;
	}
	iov.iov_base = payload->mem + payload->rpos;
	iov.iov_len = ibuf_size(payload);
	return chan_sendv(c, type, id, &iov, 1, fd);
}

static int
send_waiting(struct chan *c, struct waiting *w)
{
	struct iovec iov = { w->data, w->len };

	if (w->fd == -1)
		return send_plain(c, w->data, w->len);
	return send_msg(c, &iov, 1, w->fd);
}

/*
 * When the peer is gone what waits is dropped: the owner may go on, and
 * learns of it when all that the peer said before was read.
 */
void
chan_flush(struct chan *c)
{
	while (!STAILQ_EMPTY(&c->queue)) {
		if (send_waiting(c, STAILQ_FIRST(&c->queue)) == 0) {
			queue_drop_head(c);
			continue;
		}
		if (try_later(errno))
			return;
		if (!chan_peer_gone(errno)) {
			chan_violate(c, CHAN_V_ERROR);
			return;
		}
		c->gone = true;
		chan_drop_queue(c);
	}
	chan_watch(c);
	if (c->spec.on_drain != NULL)
		c->spec.on_drain(c);
}

bool
chan_busy(const struct chan *c)
{
	return !STAILQ_EMPTY(&c->queue);
}

void
chan_scratch(struct ibuf *b)
{
	ibuf_wrap(b, scratch + CHAN_HDR, CHAN_PAYLOAD_MAX);
}
