/* SPDX-License-Identifier: ISC */
/*
 * A program of the gateway with all its channel tables, under libFuzzer: all
 * its own code, with other functions in the place of a few (--wrap).  It is
 * started as posternd starts it, but for the cage; then each input is a series
 * of messages of its peers, which it gets over real channels:
 *
 *	u8 slot    which channel; 0x80: a descriptor goes along
 *	u8 row     of the channel's own table; 0x80: the descriptor is a socket,
 *	           else a sealed memfd; beyond the table: the type is in the
 *	           first two bytes of the payload
 *	u16 id     0xffff: that of what it said last there; 0xfffe: and the
 *first eight bytes of payload are those of that, a message's number u16 length,
 *then so many bytes of payload
 *
 * A channel that it closes is replaced, as posternd does; all are new for the
 * next input.  What the program keeps beside them stays: a crash may need more
 * than its input.  What it may dial is nothing: it is alone in a network
 * namespace.  After the kept corpus every row of every table must have been
 * taken at least once.
 *
 * PROGRAM_fuzz.start, beside the binary, is how it is started: table_start.py.
 */
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "common/base/cage.h"
#include "common/base/chan.h"
#include "common/base/child.h"
#include "common/base/ev.h"
#include "common/base/privdrop.h"
#include "common/base/sandbox.h"
#include "common/msg/child_master.h"

#define MINE	     1024 /* our ends have numbers from here on */
#define ROWS_MAX     64
#define HEAD	     6 /* bytes of an input before each payload */
#define TURNS	     3
#define LAST_MESSAGE 0xfffe /* an id; the one above it: LAST */
#define DOOR_PORT    2525   /* as in table.conf */
#define TOOL	     0	    /* the slot of a tool at ctld's socket */

static struct slot {
	struct peer peer;
	bool known; /* posternd would make this channel */
	int fd;	    /* our end; -1: closed */
	bool used, refused;
	const struct chan_msg *msgs; /* as the program has it */
	size_t nmsgs;
	bool takes_fds;
	bool taken[ROWS_MAX];
	uint32_t last_id; /* what the program said last */
	uint8_t last[8];
} slots[CHAN_BLOCK_MAX];
static struct {
	struct child *child;
	struct ev_timer turn;
	int master, door;
	unsigned nslots;
	bool ready, played;
	char top[PATH_MAX]; /* a directory of its own */
	int argc;
	char **argv;
} play = { .master = -1, .door = -1 };

/* the program's, as objcopy has named it */
int program_main(int, char **);
int LLVMFuzzerRunDriver(int *, char ***,
    int (*)(const uint8_t *data, size_t size));
/* declared for the compiler; the linker has the rest of it */
void __wrap_privdrop(const struct privdrop *);
void __wrap_sandbox_enter(const struct sandbox *, struct sandbox_report *);
int __wrap_open(const char *, int, ...);
int __real_open(const char *, int, ...);
int __wrap_child_loop(struct child *);
struct chan *__wrap_chan_new(struct ev *, int, const struct chan_spec *);
struct chan *__real_chan_new(struct ev *, int, const struct chan_spec *);

/* --- the functions in the places of others --- */

void
__wrap_privdrop(const struct privdrop *p)
{
	(void)p;
}

void
__wrap_sandbox_enter(const struct sandbox *s, struct sandbox_report *r)
{
	(void)s;
	memset(r, 0, sizeof(*r));
	r->seccomp = 1;
}

/* Its root is where it works. */
int
__wrap_open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	if ((flags & O_CREAT) != 0) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	return __real_open(strcmp(path, "/") == 0 ? play.top : path, flags,
	    mode);
}

struct chan *
__wrap_chan_new(struct ev *ev, int fd, const struct chan_spec *spec)
{
	unsigned n = (unsigned)(fd - CAGE_MASTER_FD);
	struct slot *s = &slots[n < play.nslots ? n : TOOL];

	if (n != 0 && spec->nmsgs <= ROWS_MAX) {
		s->msgs = spec->msgs;
		s->nmsgs = spec->nmsgs;
		s->takes_fds = spec->recv_fds;
	}
	return __real_chan_new(ev, fd, spec);
}

/* --- saying and hearing --- */

static int
high(int fd)
{
	int up = fcntl(fd, F_DUPFD_CLOEXEC, MINE);

	if (up == -1)
		err(1, "descriptors");
	(void)close(fd);
	return up;
}

static void
pair(int fd[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
		0, fd) == -1)
		err(1, "socketpair");
	fd[0] = high(fd[0]);
	fd[1] = high(fd[1]);
}

/* Takes fd; false: it was not taken, and need not be. */
static bool
say(int chan, const void *data, size_t len, int fd)
{
	union {
		struct cmsghdr h;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .h = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	struct iovec iov = { (void *)(uintptr_t)data, len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (fd != -1) {
		memcpy(CMSG_DATA(&control.h), &fd, sizeof(fd));
		m.msg_control = &control;
		m.msg_controllen = sizeof(control);
	}
	n = sendmsg(chan, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (fd != -1)
		(void)close(fd);
	return n != -1;
}

static size_t
message(uint8_t *to, uint16_t type, uint32_t id, const void *payload,
    size_t len)
{
	struct ibuf b;

	ibuf_wrap(&b, to, CHAN_HDR + len);
	(void)ibuf_add_n16(&b, type);
	(void)ibuf_add_n16(&b, 0);
	(void)ibuf_add_n32(&b, id);
	(void)ibuf_add(&b, payload, len);
	return ibuf_size(&b);
}

static void
tell(uint16_t type, uint32_t id, const void *payload, size_t len, int fd)
{
	static uint8_t mem[CHAN_MSG_MAX];

	if (!say(play.master, mem, message(mem, type, id, payload, len), fd))
		err(1, "posternd's channel");
}

/* Of a peer: what the next input may go back to. */
static void
noted(struct slot *s, const uint8_t *data, size_t len)
{
	if (len < CHAN_HDR)
		return;
	s->last_id = (uint32_t)data[4] << 24 | (uint32_t)data[5] << 16 |
	    (uint32_t)data[6] << 8 | data[7];
	if (len >= CHAN_HDR + sizeof(s->last))
		memcpy(s->last, data + CHAN_HDR, sizeof(s->last));
}

static bool
same(const struct peer *a, const struct peer *b)
{
	return a->proc == b->proc && a->side == b->side && a->index == b->index;
}

/* Of posternd. */
static void
heard(const uint8_t *data, size_t len)
{
	struct cm_violation v;
	struct ibuf b;
	uint16_t type = 0, zero;
	uint32_t id;
	size_t i;

	ibuf_from(&b, data, len);
	(void)ibuf_get_n16(&b, &type);
	(void)ibuf_get_n16(&b, &zero);
	(void)ibuf_get_n32(&b, &id);
	if (type == CM_ANS_READY)
		play.ready = true;
	if (type != CM_ANS_VIOLATION || get_cm_violation(&b, &v) == -1)
		return;
	for (i = 0; i < CHAN_BLOCK_MAX; i++)
		if (slots[i].known && same(&slots[i].peer, &v.peer))
			slots[i].refused = true;
}

/* All that is there; false: the other end is gone.  NULL: posternd's. */
static bool
hear(int chan, struct slot *s)
{
	static uint8_t mem[CHAN_MSG_MAX];
	union {
		struct cmsghdr h;
		char bytes[CMSG_SPACE(8 * sizeof(int))];
	} control;
	struct iovec iov = { mem, sizeof(mem) };
	struct cmsghdr *c;
	ssize_t n;
	int fd;

	for (;;) {
		struct msghdr m = {
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = &control,
			.msg_controllen = sizeof(control),
		};

		n = recvmsg(chan, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
		if (n <= 0)
			return n == -1 && errno == EAGAIN;
		for (c = CMSG_FIRSTHDR(&m); c != NULL; c = CMSG_NXTHDR(&m, c)) {
			memcpy(&fd, CMSG_DATA(c), sizeof(fd));
			(void)close(fd);
		}
		if (s == NULL)
			heard(mem, (size_t)n);
		else
			noted(s, mem, (size_t)n);
	}
}

/* --- its life --- */

static void
on_turn(struct ev_timer *t)
{
	(void)t;
	ev_break(child_ev(play.child));
}

static void
turns(unsigned n)
{
	unsigned i;
	size_t s;

	for (i = 0; i < n; i++) {
		if (ev_timer_set(child_ev(play.child), &play.turn, 0) == -1 ||
		    ev_loop(child_ev(play.child)) == -1)
			err(1, "loop");
		if (!hear(play.master, NULL))
			errx(1, "posternd's channel is closed");
		for (s = 0; s < CHAN_BLOCK_MAX; s++)
			if (slots[s].fd != -1 &&
			    !hear(slots[s].fd, &slots[s])) {
				(void)close(slots[s].fd);
				slots[s].fd = -1;
			}
	}
}

/* A client of the door that it keeps. */
static int
knock(int family, int type)
{
	struct sockaddr_storage at;
	socklen_t len = sizeof(at);
	int fd = high(socket(family, type | SOCK_CLOEXEC, 0));

	if (getsockname(play.door, (struct sockaddr *)&at, &len) == -1 ||
	    connect(fd, (struct sockaddr *)&at, len) == -1)
		err(1, "its door");
	turns(1);
	return fd;
}

static void
connect_slot(size_t n)
{
	struct slot *s = &slots[n];
	struct cm_peer m = { s->peer, (uint16_t)n };
	uint8_t mem[CM_PEER_LEN];
	struct ibuf b;
	int fd[2];

	if (s->fd != -1)
		(void)close(s->fd);
	s->used = s->refused = false;
	if (n == TOOL) {
		s->fd = knock(AF_UNIX, SOCK_SEQPACKET);
		return;
	}
	pair(fd);
	s->fd = fd[0];
	ibuf_wrap(&b, mem, sizeof(mem));
	(void)put_cm_peer(&b, &m);
	tell(CM_REQ_PEER, 0, mem, sizeof(mem), fd[1]);
}

/* --- an input --- */

static int
descriptor(bool socket)
{
	int fd[2];

	if (socket) {
		if (socketpair(AF_UNIX,
			SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
			fd) == -1)
			return -1;
		(void)close(fd[1]);
		return fd[0];
	}
	fd[0] = memfd_create("body", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (write(fd[0], "a\r\n\n", 4) != 4 ||
	    fcntl(fd[0], F_ADD_SEALS,
		F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == -1)
		err(1, "memfd");
	return fd[0];
}

static size_t
pick(uint8_t byte)
{
	size_t n, count = 0, want;

	for (n = 0; n < CHAN_BLOCK_MAX; n++)
		count += slots[n].known && slots[n].msgs != NULL;
	want = byte % count;
	for (n = 0;; n++)
		if (slots[n].known && slots[n].msgs != NULL && want-- == 0)
			return n;
}

static void
play_one(uint8_t slot, uint8_t row, uint32_t id, const uint8_t *payload,
    size_t len)
{
	static uint8_t mem[CHAN_MSG_MAX], copy[CHAN_MSG_MAX];
	size_t at = pick(slot & 0x7f), i, n = row & 0x7f;
	struct slot *s = &slots[at];
	uint16_t type = 0;

	if (s->fd == -1 || s->refused)
		connect_slot(at);
	if (n < s->nmsgs) {
		type = s->msgs[n].type;
	} else if (len >= 2) {
		type = (uint16_t)(payload[0] << 8 | payload[1]);
		payload += 2;
		len -= 2;
	}
	for (n = s->nmsgs, i = 0; i < s->nmsgs; i++)
		if (s->msgs[i].type == type)
			n = i;
	if (id == LAST_MESSAGE && len >= sizeof(s->last)) {
		memcpy(copy, payload, len);
		memcpy(copy, s->last, sizeof(s->last));
		payload = copy;
	}
	s->used = true;
	(void)say(s->fd, mem,
	    message(mem, type, id >= LAST_MESSAGE ? s->last_id : id, payload,
		len),
	    (slot & 0x80) != 0 ? descriptor((row & 0x80) != 0) : -1);
	turns(TURNS);
	if (n < s->nmsgs && s->fd != -1 && !s->refused)
		s->taken[n] = true;
}

static int
on_input(const uint8_t *data, size_t size)
{
	int client = play.door != -1 && !slots[TOOL].known
	    ? knock(AF_INET, SOCK_STREAM)
	    : -1;
	size_t len, n;

	play.played = true;
	while (size >= HEAD) {
		len = (size_t)data[4] << 8 | data[5];
		if (len > size - HEAD)
			len = size - HEAD;
		play_one(data[0], data[1],
		    (uint32_t)data[2] << 8 | (uint32_t)data[3], data + HEAD,
		    len);
		data += HEAD + len;
		size -= HEAD + len;
	}
	turns(TURNS);
	if (client != -1)
		(void)close(client);
	for (n = 0; n < CHAN_BLOCK_MAX; n++)
		if (slots[n].used)
			connect_slot(n);
	turns(TURNS);
	return 0;
}

/* --- its start --- */

static int
door(bool tool)
{
	const struct sockaddr_in any = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(DOOR_PORT) };
	const struct sockaddr_un one = { .sun_family = AF_UNIX };
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(tool ? AF_UNIX : AF_INET,
	    (tool ? SOCK_SEQPACKET : SOCK_STREAM) | SOCK_CLOEXEC |
		SOCK_NONBLOCK,
	    0);

	if ((!tool && ioctl(fd, SIOCSIFFLAGS, &lo) == -1) ||
	    bind(fd,
		tool ? (const struct sockaddr *)&one
		     : (const struct sockaddr *)&any,
		tool ? sizeof(one.sun_family) : sizeof(any)) == -1 ||
	    listen(fd, 64) == -1)
		err(1, "a door");
	play.door = fcntl(fd, F_DUPFD_CLOEXEC, MINE);
	return fd;
}

static void
hand_over(unsigned kind, unsigned id, const char *path)
{
	struct cm_fd m = { kind, id };
	uint8_t mem[CM_FD_LEN];
	char copy[64 * 1024];
	struct ibuf b;
	int fd = __real_open(path, O_RDWR | O_APPEND | O_CLOEXEC, 0), in;
	ssize_t n;

	if (kind == CHILD_FD_CONTROL || kind == CHILD_FD_LISTENER) {
		fd = door(kind == CHILD_FD_CONTROL);
		slots[TOOL].known = kind == CHILD_FD_CONTROL;
	} else if (kind == CHILD_FD_KEYS) {
		in = fd;
		n = read(in, copy, sizeof(copy));
		fd = memfd_create("keys", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		if (n <= 0 || write(fd, copy, (size_t)n) != n ||
		    fcntl(fd, F_ADD_SEALS,
			F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW |
			    F_SEAL_WRITE) == -1)
			err(1, "keys");
		(void)close(in);
	}
	if (fd == -1)
		err(1, "%s", path);
	ibuf_wrap(&b, mem, sizeof(mem));
	(void)put_cm_fd(&b, &m);
	tell(CM_REQ_FD, id, mem, sizeof(mem), fd);
}

static size_t
unhex(const char *hex, uint8_t *to, size_t cap)
{
	unsigned byte;
	size_t n = 0;

	for (; n < cap && sscanf(hex, "%2x", &byte) == 1; hex += 2)
		to[n++] = (uint8_t)byte;
	return n;
}

/* A line of it; what posternd says first comes first. */
static void
start_line(const char *line)
{
	static uint8_t mem[CHAN_MSG_MAX];
	char name[INSTANCE_MAX], path[PATH_MAX];
	unsigned a, b, c, d;
	int at;

	(void)sscanf(line, "slots %u", &play.nslots);
	if (strncmp(line, "hello ", 6) == 0) {
		tell(CM_REQ_HELLO, 0, mem, unhex(line + 6, mem, sizeof(mem)),
		    -1);
	} else if (sscanf(line, "peer %31s %u %u %u %u", name, &a, &b, &c,
		       &d) == 5) {
		if (a == 0 || a >= CHAN_BLOCK_MAX || d > 0)
			return; /* the first worker speaks for all */
		slots[a].known = true;
		slots[a].peer =
		    (struct peer){ (enum proc)b, (uint8_t)c, (uint8_t)d };
	} else if (sscanf(line, "conf %u %n", &a, &at) == 1) {
		tell((uint16_t)a, 0, mem, unhex(line + at, mem, sizeof(mem)),
		    -1);
	} else if (sscanf(line, "fd %u %u %4095s", &a, &b, path) == 3) {
		hand_over(a, b, path);
	}
}

/* The lines that begin so; the program is not there yet for most of them. */
static void
start_lines(const char *first)
{
	static char line[2 * CHAN_MSG_MAX];
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 8);
	FILE *fp;

	if (n == -1)
		err(1, "my own name");
	(void)memcpy(path + n, ".start", sizeof(".start"));
	if ((fp = fopen(path, "re")) == NULL)
		err(1, "%s", path);
	while (fgets(line, sizeof(line), fp) != NULL)
		if (strncmp(line, first, strlen(first)) == 0)
			start_line(line);
	(void)fclose(fp);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* Every row of every table has been taken, or it ends badly. */
static void
at_exit(void)
{
	size_t n, i, rows = 0, missing = 0;

	(void)nftw(play.top, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	if (!play.played)
		return; /* a parent of those that do */
	for (n = 0; n < CHAN_BLOCK_MAX; n++)
		for (i = 0; slots[n].known && i < slots[n].nmsgs; i++) {
			rows++;
			if (slots[n].taken[i])
				continue;
			missing++;
			(void)fprintf(stderr,
			    "no input has type %#x taken on channel %zu\n",
			    slots[n].msgs[i].type, n);
		}
	(void)fprintf(stderr, "%zu of %zu rows taken\n", rows - missing, rows);
	if (missing > 0 || rows == 0)
		_exit(1);
}

int
__wrap_child_loop(struct child *c)
{
	size_t n;

	play.child = c;
	ev_timer_init(&play.turn, on_turn, NULL);
	for (n = 1; n < CHAN_BLOCK_MAX; n++)
		if (slots[n].known)
			connect_slot(n);
	start_lines("conf ");
	turns(TURNS);
	start_lines("fd ");
	turns(TURNS);
	if (!play.ready)
		errx(1, "it is not ready");
	if (slots[TOOL].known)
		connect_slot(TOOL);
	if (atexit(at_exit) != 0)
		err(1, "atexit");
	return LLVMFuzzerRunDriver(&play.argc, &play.argv, on_input);
}

static void
alone(void)
{
	struct rlimit many = { 2 * MINE, 2 * MINE };

	if (unshare(CLONE_NEWNET) == -1 &&
	    unshare(CLONE_NEWUSER | CLONE_NEWNET) == -1)
		err(1, "a network namespace of its own");
	if (setrlimit(RLIMIT_NOFILE, &many) == -1)
		err(1, "descriptors");
}

int
main(int argc, char **argv)
{
	char *name[] = { argv[0], NULL };
	size_t n;
	int fd[2];

	play.argc = argc;
	play.argv = argv;
	for (n = 0; n < CHAN_BLOCK_MAX; n++)
		slots[n].fd = -1;
	alone();
	(void)strlcpy(play.top, "/tmp/play.XXXXXX", sizeof(play.top));
	if (mkdtemp(play.top) == NULL)
		err(1, "%s", play.top);
	pair(fd);
	play.master = fd[0];
	if (dup2(fd[1], CAGE_MASTER_FD) == -1)
		err(1, "posternd's channel");
	(void)close(fd[1]);
	start_lines("slots ");
	start_lines("hello ");
	start_lines("peer ");
	return program_main(1, name);
}
