/* SPDX-License-Identifier: ISC */
/* link: common/base/chan.o common/base/chan_send.o common/base/ev.o */
/* link: common/base/ibuf.o common/base/netaddr.o common/base/proc.o
 * common/base/conf.o */
/* link: common/msg/child_master.o */
/*
 * A hostile peer over a real socketpair: the input is a series of its acts,
 * packets with any header and any number of descriptors among them, mixed
 * with what the owner of the channel does.  Whatever comes, a handler sees
 * only what the table promises, and no descriptor is left.
 */
#include <sys/socket.h>

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/chan.h"
#include "common/base/ev.h"
#include "common/msg/child_master.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define FDS_MAX	  16
#define QUEUE_MAX 20000
#define T_FREE	  0x0170
#define T_PAUSE	  0x0171
#define T_STATE	  0x0172
#define T_ECHO	  0x0173

struct input {
	const uint8_t *p;
	size_t left;
};

static struct ev *loop;
static struct chan *c;
static int peer, null;
static bool over; /* no callback may come any more */

/* --- the owner --- */

static const struct chan_msg *entry(uint16_t type);

static void
promised(uint16_t type, const struct ibuf *b, int fd)
{
	const struct chan_msg *m = entry(type);

	assert(!over);
	assert(ibuf_size(b) >= m->min && ibuf_size(b) <= m->max);
	assert((m->states & chan_state(c)) != 0);
	assert(fd == -1 ? m->fd != FD_ONE : m->fd != FD_NONE);
	if (fd != -1) {
		assert(fcntl(fd, F_GETFD) == FD_CLOEXEC);
		(void)close(fd);
	}
}

#define DECODES(name, type)                                                    \
	static int on_##name(struct chan *ch, uint32_t id, struct ibuf *b,     \
	    int fd)                                                            \
	{                                                                      \
		struct cm_##name m;                                            \
		(void)ch;                                                      \
		(void)id;                                                      \
		promised(type, b, fd);                                         \
		return get_cm_##name(b, &m);                                   \
	}
DECODES(hello, CM_REQ_HELLO)
DECODES(peer, CM_REQ_PEER)
DECODES(fd, CM_REQ_FD)
DECODES(sandboxed, CM_ANS_SANDBOXED)
DECODES(ready, CM_ANS_READY)
DECODES(violation, CM_ANS_VIOLATION)

static int
on_free(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	promised(T_FREE, b, fd);
	chan_free(ch);
	c = NULL;
	over = true;
	return id % 2 == 0 ? 0 : -1;
}

static int
on_pause(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	(void)id;
	promised(T_PAUSE, b, fd);
	chan_pause(ch);
	return 0;
}

static int
on_state(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	promised(T_STATE, b, fd);
	chan_set_state(ch, 1U << id % 3);
	return 0;
}

static int
on_echo(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	promised(T_ECHO, b, fd);
	(void)chan_send(ch, T_ECHO, id, b, id % 2 == 0 ? -1 : dup(null));
	return 0;
}

static const struct chan_msg msgs[] = {
	{ CM_REQ_HELLO, CM_HELLO_MIN, CM_HELLO_MAX, FD_NONE, 1, on_hello },
	{ CM_REQ_PEER, CM_PEER_LEN, CM_PEER_LEN, FD_ONE, 3, on_peer },
	{ CM_REQ_FD, CM_FD_LEN, CM_FD_LEN, FD_OPT, 6, on_fd },
	{ CM_ANS_SANDBOXED, CM_SANDBOXED_LEN, CM_SANDBOXED_LEN, FD_NONE,
	    CHAN_ANY, on_sandboxed },
	{ CM_ANS_READY, CM_READY_LEN, CM_READY_LEN, FD_NONE, CHAN_ANY,
	    on_ready },
	{ CM_ANS_VIOLATION, CM_VIOLATION_LEN, CM_VIOLATION_LEN, FD_NONE,
	    CHAN_ANY, on_violation },
	{ T_FREE, 0, 0, FD_OPT, CHAN_ANY, on_free },
	{ T_PAUSE, 0, 3, FD_NONE, CHAN_ANY, on_pause },
	{ T_STATE, 0, 0, FD_OPT, CHAN_ANY, on_state },
	{ T_ECHO, 0, CHAN_PAYLOAD_MAX, FD_NONE, CHAN_ANY, on_echo },
};

static const struct chan_msg *
entry(uint16_t type)
{
	const struct chan_msg *m = msgs;

	while (m->type != type)
		m++;
	return m;
}

static void
drained(struct chan *ch)
{
	assert(!over && !chan_busy(ch));
}

static void
violated(struct chan *ch, enum chan_violation kind)
{
	assert(!over && !chan_open(ch));
	assert(kind >= CHAN_V_CLOSED && kind <= CHAN_V_ERROR);
	over = true;
	/* freed now, or at the end */
	if (kind % 2 == 0) {
		chan_free(ch);
		c = NULL;
	}
}

/* --- the peer --- */

static uint8_t
byte(struct input *in)
{
	if (in->left == 0)
		return 0;
	in->left--;
	return *in->p++;
}

/* Whole packets as they stand, or only their header from the input. */
static void
say(struct input *in, size_t nfds, bool big)
{
	static uint8_t packet[CHAN_MSG_MAX + 2];
	union {
		struct cmsghdr align;
		uint8_t buf[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} control = { 0 };
	size_t i, len = byte(in);
	struct iovec iov = { packet, 0 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cm;
	int fds[FDS_MAX];

	if (len > in->left)
		len = in->left;
	memset(packet, 0, CHAN_HDR);
	memcpy(packet, in->p, len);
	in->p += len;
	in->left -= len;
	iov.iov_len = big ? CHAN_MSG_MAX - 300 + 2 * len : len;
	if (iov.iov_len > sizeof(packet))
		iov.iov_len = sizeof(packet);
	for (i = 0; i < nfds; i++)
		fds[i] = null;
	if (nfds > 0) {
		m.msg_control = control.buf;
		m.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		cm = CMSG_FIRSTHDR(&m);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(nfds * sizeof(int));
		memcpy(CMSG_DATA(cm), fds, nfds * sizeof(int));
	}
	(void)sendmsg(peer, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void
hear(void)
{
	static uint8_t packet[CHAN_MSG_MAX];

	(void)recv(peer, packet, sizeof(packet), MSG_DONTWAIT);
}

/* --- the stage --- */

static bool
stop_hook(void *arg)
{
	(void)arg;
	ev_break(loop);
	return true;
}

static void
nothing(struct ev_timer *t)
{
	(void)t;
}

static void
turn(void)
{
	struct ev_timer now;

	ev_timer_init(&now, nothing, NULL);
	assert(ev_timer_set(loop, &now, 0) == 0);
	assert(ev_loop(loop) == 0);
	ev_timer_del(loop, &now);
}

static void
owner_acts(uint8_t what)
{
	if (c == NULL)
		return;
	switch (what % 6) {
	case 0:
		chan_pause(c);
		break;
	case 1:
		chan_resume(c);
		break;
	case 2:
		(void)chan_send(c, T_ECHO, what, NULL, -1);
		break;
	case 3:
		(void)chan_send(c, T_ECHO, what, NULL, dup(null));
		break;
	case 4:
		chan_close(c);
		over = true;
		break;
	default:
		turn();
		break;
	}
}

static void
act(struct input *in)
{
	uint8_t what = byte(in);

	switch (what >> 5) {
	case 0:
		owner_acts(what);
		break;
	case 1:
		say(in, what % FDS_MAX, false);
		break;
	case 2:
		say(in, 0, true);
		break;
	case 3:
		hear();
		break;
	case 4:
		(void)shutdown(peer, what % 3);
		break;
	default:
		say(in, 0, false);
		break;
	}
}

static void
begin(uint8_t how)
{
	struct chan_spec spec = { .name = "hostile",
		.msgs = msgs,
		.nmsgs = sizeof(msgs) / sizeof(msgs[0]),
		.recv_fds = (how & 1) != 0,
		.send_fds = (how & 2) != 0,
		.queue_max = QUEUE_MAX,
		.on_drain = drained,
		.on_violation = violated };
	int fds[2], size = 4096;

	assert(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == 0);
	if ((how & 4) != 0)
		(void)setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &size,
		    sizeof(size));
	peer = fds[1];
	over = false;
	c = chan_new(loop, fds[0], &spec);
	assert(c != NULL);
}

/* The next free number is what it was: nothing was left open. */
static int
next_fd(void)
{
	int fd = dup(null);

	(void)close(fd);
	return fd;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	int next, n;

	if (loop == NULL) {
		loop = ev_new();
		null = open("/dev/null", O_RDONLY | O_CLOEXEC);
		assert(loop != NULL && null != -1);
		ev_hook(loop, stop_hook, NULL);
	}
	next = next_fd();
	begin(byte(&in));
	while (in.left > 0)
		act(&in);
	(void)close(peer);
	/* each turn may end with a message that pauses the channel again */
	for (n = 0; n < 10000 && !over; n++) {
		chan_resume(c);
		turn();
	}
	assert(over);
	chan_free(c);
	c = NULL;
	assert(next_fd() == next);
	return 0;
}
