/* SPDX-License-Identifier: ISC */
/* See chan_stage.h. */
#include <sys/socket.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "regress/unit/chan_stage.h"

#define NELEMS(a) (sizeof(a) / sizeof((a)[0]))

struct ev *loop;
struct chan *c;
int peer; /* the other end */
size_t fds_before;

/* what the handlers saw */
unsigned handled, violations, drains;
enum chan_violation violated;
uint32_t last_id;
uint8_t got[CHAN_PAYLOAD_MAX];
size_t got_len;
int got_fd;
bool free_on_violation, free_on_drain;

size_t
open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	(void)closedir(d);
	return n;
}

/* --- handlers --- */

static int
h_text(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	assert_ptr_equal(ch, c);
	handled++;
	last_id = id;
	got_len = ibuf_size(b);
	memcpy(got, ibuf_data(b), got_len);
	if (got_fd != -1)
		(void)close(got_fd);
	got_fd = fd;
	return 0;
}

static int
h_refuse(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	(void)h_text(ch, id, b, fd);
	return -1;
}

static int
h_free(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	(void)h_text(ch, id, b, fd);
	chan_free(ch);
	c = NULL;
	return 0;
}

static int
h_close(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	(void)h_text(ch, id, b, fd);
	chan_close(ch);
	return -1;
}

static int
h_pause(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	(void)h_text(ch, id, b, fd);
	chan_pause(ch);
	return 0;
}

static int
h_echo(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	(void)h_text(ch, id, b, -1);
	return chan_send(ch, T_ECHO | 0x80, id, b, fd);
}

static const struct chan_msg msgs[] = {
	{ T_TEXT, 0, 100, FD_NONE, CHAN_ANY, h_text },
	{ T_FIXED, 4, 4, FD_NONE, CHAN_ANY, h_text },
	{ T_FD, 0, 0, FD_ONE, CHAN_ANY, h_text },
	{ T_OPTFD, 0, 0, FD_OPT, CHAN_ANY, h_text },
	{ T_LATER, 0, 0, FD_OPT, 2, h_text },
	{ T_BIG, 0, CHAN_PAYLOAD_MAX, FD_NONE, CHAN_ANY, h_text },
	{ T_REFUSE, 0, 0, FD_OPT, CHAN_ANY, h_refuse },
	{ T_FREE, 0, 0, FD_NONE, CHAN_ANY, h_free },
	{ T_CLOSE, 0, 0, FD_NONE, CHAN_ANY, h_close },
	{ T_PAUSE, 0, 0, FD_NONE, CHAN_ANY, h_pause },
	{ T_ECHO, 0, CHAN_PAYLOAD_MAX, FD_NONE, CHAN_ANY, h_echo },
	{ T_HUGE, 0, SIZE_MAX, FD_NONE, CHAN_ANY, h_text },
};

static void
on_drain(struct chan *ch)
{
	assert_false(chan_busy(ch));
	drains++;
	if (free_on_drain) {
		chan_free(ch);
		c = NULL;
	}
}

static void
on_violation(struct chan *ch, enum chan_violation kind)
{
	assert_ptr_equal(ch, c);
	assert_false(chan_open(ch));
	assert_int_equal(chan_fileno(ch), -1);
	violations++;
	violated = kind;
	if (free_on_violation) {
		chan_free(ch);
		c = NULL;
	}
}

/* --- the stage --- */

static bool
stop_hook(void *arg)
{
	(void)arg;
	ev_break(loop);
	return false;
}

static void
nothing(struct ev_timer *t)
{
	(void)t;
}

void
turns(unsigned n)
{
	struct ev_timer now;

	ev_hook(loop, stop_hook, NULL);
	ev_timer_init(&now, nothing, NULL);
	while (n-- > 0) {
		assert_int_equal(ev_timer_set(loop, &now, 0), 0);
		assert_int_equal(ev_loop(loop), 0);
	}
	ev_timer_del(loop, &now);
}

struct chan_spec
spec(bool fds)
{
	return (struct chan_spec){ .name = "peer/ext.0",
		.msgs = msgs,
		.nmsgs = NELEMS(msgs),
		.recv_fds = fds,
		.send_fds = fds,
		.on_drain = on_drain,
		.on_violation = on_violation };
}

void
start(const struct chan_spec *s)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
			     fds),
	    0);
	peer = fds[1];
	c = chan_new(loop, fds[0], s);
	assert_non_null(c);
}

void
start_plain(void)
{
	struct chan_spec s = spec(false);

	start(&s);
}

void
start_fds(void)
{
	struct chan_spec s = spec(true);

	start(&s);
}

void
stop(void)
{
	chan_free(c);
	c = NULL;
	if (peer != -1)
		(void)close(peer);
	peer = -1;
}

int
stage_up(void **state)
{
	(void)state;
	handled = violations = drains = 0;
	violated = (enum chan_violation)0;
	got_fd = peer = -1;
	free_on_violation = free_on_drain = false;
	loop = ev_new();
	fds_before = open_fds();
	return loop == NULL ? -1 : 0;
}

/* No test may leave a descriptor behind. */
int
stage_down(void **state)
{
	(void)state;
	stop();
	if (got_fd != -1)
		(void)close(got_fd);
	got_fd = -1;
	if (open_fds() != fds_before)
		return -1;
	ev_free(loop);
	return 0;
}

/* Say something raw, with n descriptors of /dev/null. */
void
say_raw(const void *data, size_t len, size_t n)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(64 * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { (void *)(uintptr_t)data, len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cm;
	int fds[64];
	size_t i;

	for (i = 0; i < n; i++) {
		fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		assert_int_not_equal(fds[i], -1);
	}
	if (n > 0) {
		m.msg_control = control.buf;
		m.msg_controllen = CMSG_SPACE(n * sizeof(int));
		cm = CMSG_FIRSTHDR(&m);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(cm), fds, n * sizeof(int));
	}
	assert_int_equal(sendmsg(peer, &m, MSG_NOSIGNAL), (ssize_t)len);
	for (i = 0; i < n; i++)
		(void)close(fds[i]);
}

void
say(uint16_t type, uint32_t id, const void *payload, size_t len, size_t nfds)
{
	static uint8_t mem[CHAN_MSG_MAX + 64];
	struct ibuf b;

	ibuf_wrap(&b, mem, sizeof(mem));
	(void)ibuf_add_n16(&b, type);
	(void)ibuf_add_n16(&b, 0);
	(void)ibuf_add_n32(&b, id);
	assert_int_equal(ibuf_add(&b, payload, len), 0);
	say_raw(mem, ibuf_size(&b), nfds);
}

/* What the peer reads: its length, the message in heard; -1: nothing. */
uint8_t heard[CHAN_MSG_MAX];
int heard_fd;

ssize_t
hear(void)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { heard, sizeof(heard) };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf) };
	struct cmsghdr *cm;
	ssize_t n;

	heard_fd = -1;
	n = recvmsg(peer, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n == -1)
		return -1;
	cm = CMSG_FIRSTHDR(&m);
	if (cm != NULL)
		memcpy(&heard_fd, CMSG_DATA(cm), sizeof(int));
	return n;
}

uint32_t
heard_id(void)
{
	return (uint32_t)heard[4] << 24 | (uint32_t)heard[5] << 16 |
	    (uint32_t)heard[6] << 8 | heard[7];
}
