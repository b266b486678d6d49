/* SPDX-License-Identifier: ISC */
/*
 * Channels.  The only place where a peer's message meets the table that says
 * what it may be.  Calls are few, so that filters stay small: recvfrom and
 * sendto without address; recvmsg, sendmsg only where descriptors may pass.
 */
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "common/base/chan_impl.h"

#define QUEUE_MAX (4UL * 1024 * 1024)
#define BURST	  64 /* messages read from one channel in one turn */
#define FDS_MAX	  8  /* room for descriptors: what is over, the kernel drops */

/* One each per process: a process is one thread, and no call here nests. */
static uint8_t inbuf[CHAN_MSG_MAX];

static unsigned block;			    /* reserved descriptors, or 0 */
static struct chan *placed[CHAN_BLOCK_MAX]; /* the channel on each of them */

static const char *const violation_names[] = {
	[CHAN_V_CLOSED] = "closed",
	[CHAN_V_TYPE] = "type",
	[CHAN_V_LENGTH] = "length",
	[CHAN_V_STATE] = "state",
	[CHAN_V_FD] = "descriptor",
	[CHAN_V_CONTENT] = "content",
	[CHAN_V_FLOOD] = "flood",
	[CHAN_V_ERROR] = "error",
};

static void on_event(struct ev_io *, uint32_t);
static void on_later(struct ev_timer *);

void
chan_close_fd(int fd)
{
	if (fd != -1)
		(void)close(fd);
}

/* --- descriptors of a child --- */

void
chan_reserve(unsigned n)
{
	block = n;
}

/* A reserved number is never free: /dev/null takes the channel's place. */
static void
release_fd(int fd)
{
	if (fd >= 0 && (unsigned)fd < block) {
		placed[fd] = NULL;
		(void)dup3(STDIN_FILENO, fd, O_CLOEXEC);
	} else {
		chan_close_fd(fd);
	}
}

int
chan_place(int fd, int to)
{
	int rc;

	if (to < 0 || (unsigned)to >= block) {
		chan_close_fd(fd);
		errno = EINVAL;
		return -1;
	}
	if (placed[to] != NULL)
		chan_close(placed[to]);
	rc = dup3(fd, to, O_CLOEXEC);
	chan_close_fd(fd);
	return rc;
}

/* --- life --- */

/* What cannot be reported from here, inside the caller's own call, later. */
void
chan_violate_later(struct chan *c, enum chan_violation kind)
{
	if (c->pending == 0)
		c->pending = kind;
	/* without memory for it: the next event or send tries again */
	if (!ev_timer_pending(&c->later))
		(void)ev_timer_set(c->ev, &c->later, 0);
}

void
chan_watch(struct chan *c)
{
	uint32_t want = 0;

	if (c->fd == -1)
		return;
	if (!c->paused)
		want |= EPOLLIN;
	if (!STAILQ_EMPTY(&c->queue))
		want |= EPOLLOUT;
	/* epoll would go on reporting a hang-up to a paused channel */
	if (want == 0)
		ev_io_del(c->ev, &c->io);
	else if (ev_io_set(c->ev, &c->io, c->fd, want) == -1)
		chan_violate_later(c, CHAN_V_ERROR);
}

struct chan *
chan_new(struct ev *ev, int fd, const struct chan_spec *spec)
{
	struct chan *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		chan_close_fd(fd);
		return NULL;
	}
	c->ev = ev;
	c->fd = fd;
	c->state = 1;
	c->spec = *spec;
	if (c->spec.queue_max == 0)
		c->spec.queue_max = QUEUE_MAX;
	if (c->spec.burst == 0)
		c->spec.burst = BURST;
	(void)strlcpy(c->name, spec->name, sizeof(c->name));
	STAILQ_INIT(&c->queue);
	ev_io_init(&c->io, on_event, c);
	ev_timer_init(&c->later, on_later, c);
	if ((unsigned)fd < block)
		placed[fd] = c;
	if (ev_io_set(ev, &c->io, fd, EPOLLIN) == -1) {
		chan_free(c);
		return NULL;
	}
	return c;
}

void
chan_close(struct chan *c)
{
	if (c->fd == -1)
		return;
	ev_io_del(c->ev, &c->io);
	ev_timer_del(c->ev, &c->later);
	chan_drop_queue(c);
	release_fd(c->fd);
	c->fd = -1;
}

void
chan_free(struct chan *c)
{
	if (c == NULL)
		return;
	chan_close(c);
	if (c->in > 0)
		c->freed = true;
	else
		free(c);
}

static void
enter(struct chan *c)
{
	c->in++;
}

static void
leave(struct chan *c)
{
	if (--c->in == 0 && c->freed)
		free(c);
}

/* Only from the loop, between enter and leave. */
void
chan_violate(struct chan *c, enum chan_violation kind)
{
	if (c->fd == -1)
		return;
	chan_close(c);
	if (c->spec.on_violation != NULL)
		c->spec.on_violation(c, kind);
}

/* --- receiving --- */

bool
chan_peer_gone(int error)
{
	return error == EPIPE || error == ECONNRESET || error == ENOTCONN;
}

struct packet {
	size_t len;
	int fd;
	enum chan_violation broken; /* 0: whole */
};

/* Every descriptor is closed but the first, and that too if it has company. */
static void
take_fds(struct msghdr *msg, struct packet *p)
{
	struct cmsghdr *cm;
	size_t i, n;
	int fd;

	for (cm = CMSG_FIRSTHDR(msg); cm != NULL; cm = CMSG_NXTHDR(msg, cm)) {
		if (cm->cmsg_level != SOL_SOCKET || cm->cmsg_type != SCM_RIGHTS)
			continue;
		n = (cm->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < n; i++) {
			memcpy(&fd, CMSG_DATA(cm) + i * sizeof(int),
			    sizeof(fd));
			if (p->fd == -1 && p->broken == 0) {
				p->fd = fd;
				continue;
			}
			p->broken = CHAN_V_FD;
			chan_close_fd(fd);
		}
	}
	if (msg->msg_flags & MSG_CTRUNC)
		p->broken = CHAN_V_FD;
	if (msg->msg_flags & MSG_TRUNC)
		p->broken = CHAN_V_LENGTH;
	if (p->broken != 0) {
		chan_close_fd(p->fd);
		p->fd = -1;
	}
}

static ssize_t
receive_msg(struct chan *c, struct packet *p)
{
	union {
		struct cmsghdr align;
		uint8_t buf[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} control;
	struct iovec iov = { inbuf, sizeof(inbuf) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf),
	};
	ssize_t n;

	n = recvmsg(c->fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (n != -1)
		take_fds(&msg, p);
	return n;
}

static ssize_t
receive_plain(struct chan *c, struct packet *p)
{
	ssize_t n;

	n = recv(c->fd, inbuf, sizeof(inbuf), MSG_DONTWAIT | MSG_TRUNC);
	if (n > (ssize_t)sizeof(inbuf))
		p->broken = CHAN_V_LENGTH;
	return n;
}

/* 1: a message; 0: nothing now; -1: the channel is closed. */
static int
receive(struct chan *c, struct packet *p)
{
	ssize_t n;

	*p = (struct packet){ .fd = -1 };
	do {
		n = c->spec.recv_fds ? receive_msg(c, p) : receive_plain(c, p);
	} while (n == -1 && errno == EINTR);
	if (n > 0) {
		p->len = (size_t)n;
		return 1;
	}
	if (n == -1 && errno == EAGAIN)
		return 0;
	chan_close_fd(p->fd);
	chan_violate(c,
	    n == 0 || chan_peer_gone(errno) ? CHAN_V_CLOSED : CHAN_V_ERROR);
	return -1;
}

static const struct chan_msg *
lookup(const struct chan *c, uint16_t type)
{
	size_t i;

	for (i = 0; i < c->spec.nmsgs; i++) {
		if (c->spec.msgs[i].type == type)
			return &c->spec.msgs[i];
	}
	return NULL;
}

static bool
fd_as_agreed(enum chan_fd rule, int fd)
{
	switch (rule) {
	case FD_NONE:
		return fd == -1;
	case FD_ONE:
		return fd != -1;
	case FD_OPT:
		return true;
	}
	return false;
}

/* Whole, and as the table wants it?  If not, p->broken says why. */
static bool
acceptable(const struct chan *c, const struct chan_msg *m, struct packet *p)
{
	size_t len = p->len - CHAN_HDR;

	if (m == NULL)
		p->broken = CHAN_V_TYPE;
	else if (len < m->min || len > m->max)
		p->broken = CHAN_V_LENGTH;
	else if ((m->states & c->state) == 0)
		p->broken = CHAN_V_STATE;
	else if (!fd_as_agreed(m->fd, p->fd))
		p->broken = CHAN_V_FD;
	return p->broken == 0;
}

/* The entry of the table for a packet that may be handled, or NULL. */
static const struct chan_msg *
check(const struct chan *c, struct packet *p, struct ibuf *b, uint32_t *id)
{
	const struct chan_msg *m;
	uint16_t type, zero;

	if (p->broken == 0 && p->len < CHAN_HDR)
		p->broken = CHAN_V_LENGTH;
	if (p->broken != 0)
		return NULL;
	ibuf_from(b, inbuf, p->len);
	(void)ibuf_get_n16(b, &type);
	(void)ibuf_get_n16(b, &zero);
	(void)ibuf_get_n32(b, id);
	m = zero == 0 ? lookup(c, type) : NULL;
	return acceptable(c, m, p) ? m : NULL;
}

static void
dispatch(struct chan *c, struct packet *p)
{
	const struct chan_msg *m;
	struct ibuf b;
	uint32_t id;

	m = check(c, p, &b, &id);
	if (m == NULL) {
		chan_close_fd(p->fd);
		chan_violate(c, p->broken);
		return;
	}
	c->received++;
	if (m->handler(c, id, &b, p->fd) == -1)
		chan_violate(c, CHAN_V_CONTENT);
}

static void
read_burst(struct chan *c)
{
	struct packet p;
	unsigned n;

	for (n = 0; n < c->spec.burst && c->fd != -1 && !c->paused; n++) {
		if (receive(c, &p) != 1)
			return;
		dispatch(c, &p);
	}
}

static void
on_event(struct ev_io *io, uint32_t events)
{
	struct chan *c = io->arg;

	enter(c);
	if (c->pending != 0)
		chan_violate(c, c->pending);
	if (!STAILQ_EMPTY(&c->queue) &&
	    (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0)
		chan_flush(c);
	if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0)
		read_burst(c);
	leave(c);
}

static void
on_later(struct ev_timer *t)
{
	struct chan *c = t->arg;

	enter(c);
	chan_violate(c, c->pending);
	leave(c);
}

void
chan_pause(struct chan *c)
{
	c->paused = true;
	chan_watch(c);
}

void
chan_resume(struct chan *c)
{
	c->paused = false;
	chan_watch(c);
}

/* --- what is known of it --- */

bool
chan_open(const struct chan *c)
{
	return c->fd != -1;
}

int
chan_fileno(const struct chan *c)
{
	return c->fd;
}

void *
chan_ctx(const struct chan *c)
{
	return c->spec.ctx;
}

void
chan_set_ctx(struct chan *c, void *ctx)
{
	c->spec.ctx = ctx;
}

const char *
chan_name(const struct chan *c)
{
	return c->name;
}

uint32_t
chan_state(const struct chan *c)
{
	return c->state;
}

void
chan_set_state(struct chan *c, uint32_t bit)
{
	c->state = bit;
}

uint64_t
chan_received(const struct chan *c)
{
	return c->received;
}

const char *
chan_violation_name(enum chan_violation kind)
{
	size_t i = (size_t)kind;

	if (i >= sizeof(violation_names) / sizeof(violation_names[0]) ||
	    violation_names[i] == NULL)
		return "unknown";
	return violation_names[i];
}
