/* SPDX-License-Identifier: ISC */
/* link: connd/sandbox.o ctld/sandbox.o dird/sandbox.o dnsd-ext/sandbox.o */
/* link: dnsd-int/sandbox.o keyd/sandbox.o logd/sandbox.o queued/sandbox.o */
/* link: smtpd-in/sandbox.o smtpd-out/sandbox.o common/base.a common/msg.a */
/*
 * Any program of the gateway, taken over: the same cage, the same channels,
 * another main.  posternd starts it in the program's place, from a directory
 * where the real one is PROGRAM.real.  It becomes that one unless a file
 * "armed" names this very instance; then it takes the file away, and does what
 * the other lines of it say: those that say something in order, when it is
 * ready; those with "when" from the first message on, as often as they fit.
 *
 *	PEER TYPE ID COUNT FD HEX	say it COUNT times; when the channel is
 *					full, the rest as soon as it takes it
 *	when PEER ASKED BEGIN TYPE FD HEX
 *					answer each message of type ASKED whose
 *					payload begins with BEGIN (hex; - fits
 *					all), by its id; of several that fit
 *					each has its turn
 *
 * FD is what goes along: none, dir, pipe, memfd, sparse, or a socket connected
 * to A.B.C.D:PORT by TCP, to A.B.C.D/PORT by UDP (connd's sandbox lets nobody
 * else make one).  All that is said stands in the log, as event=twin.
 */
#include <sys/mman.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "common/base/child.h"
#include "common/base/ev.h"
#include "common/base/log.h"
#include "common/base/privdrop.h"
#include "common/base/sandbox.h"
#include "common/msg/child_master.h"

extern const struct cage connd_cage, ctld_cage, dird_cage, dnsd_ext_cage,
    dnsd_int_cage, keyd_cage, logd_cage, queued_cage, smtpd_in_cage,
    smtpd_out_cage;

#define LINES_MAX 64
#define PEERS_MAX 128
#define PAYLOAD	  1024
#define BEGIN	  64
#define FD_WORD	  32
#define BURST	  1000 /* times that one thing is said at once */
#define PATH_SIZE 1024

static const struct cage *const cages[PROC_MAX] = {
	[PROC_CONND] = &connd_cage,
	[PROC_CTLD] = &ctld_cage,
	[PROC_DIRD] = &dird_cage,
	[PROC_DNSD_EXT] = &dnsd_ext_cage,
	[PROC_DNSD_INT] = &dnsd_int_cage,
	[PROC_KEYD] = &keyd_cage,
	[PROC_LOGD] = &logd_cage,
	[PROC_QUEUED] = &queued_cage,
	[PROC_SMTPD_IN] = &smtpd_in_cage,
	[PROC_SMTPD_OUT] = &smtpd_out_cage,
};

struct line {
	char peer[INSTANCE_MAX];
	bool answers; /* to messages of type asked that begin so */
	unsigned asked, used;
	uint8_t begin[BEGIN];
	size_t nbegin;
	unsigned type, id, count;
	char fd[FD_WORD];
	uint8_t payload[PAYLOAD];
	size_t len;
};

static struct line lines[LINES_MAX];
static size_t nlines;
static struct {
	char name[INSTANCE_MAX];
	int fd;
	struct ev_io io; /* of one that is answered */
} peers[PEERS_MAX] = { { .name = "posternd", .fd = CAGE_MASTER_FD },
	{ .name = "logd", .fd = CAGE_MASTER_FD + 1 } };
static size_t npeers = 2;
static int dir = -1, pipes[2] = { -1, -1 }, plain = -1, sparse = -1;
static struct ev_timer go;
static struct ev *loop;

/* --- who to be --- */

static size_t
read_hex(uint8_t *p, size_t max, const char *hex)
{
	unsigned byte;
	size_t n = 0;

	while (n < max && sscanf(hex, "%2x", &byte) == 1) {
		p[n++] = (uint8_t)byte;
		hex += 2;
	}
	return n;
}

static void
read_line(const char *text)
{
	struct line *l = &lines[nlines];
	char hex[2 * PAYLOAD + 1] = "", begin[2 * BEGIN + 1] = "";

	l->answers = strncmp(text, "when ", 5) == 0;
	if (l->answers
		? sscanf(text, "when %31s %x %128s %x %31s %2048s", l->peer,
		      &l->asked, begin, &l->type, l->fd, hex) < 5
		: sscanf(text, "%31s %x %u %u %31s %2048s", l->peer, &l->type,
		      &l->id, &l->count, l->fd, hex) < 5)
		return;
	l->nbegin = read_hex(l->begin, BEGIN, begin);
	l->len = read_hex(l->payload, PAYLOAD, hex);
	nlines++;
}

/* False: this instance is not the one. */
static bool
read_orders(const char *path, const char *self)
{
	char text[4 * PAYLOAD], name[INSTANCE_MAX];
	FILE *fp;

	if ((fp = fopen(path, "re")) == NULL)
		return false;
	if (fgets(text, sizeof(text), fp) == NULL ||
	    sscanf(text, "%31s", name) != 1 || strcmp(name, self) != 0) {
		(void)fclose(fp);
		return false;
	}
	while (nlines < LINES_MAX && fgets(text, sizeof(text), fp) != NULL)
		read_line(text);
	(void)fclose(fp);
	return unlink(path) == 0;
}

static enum proc
which(const char *instance)
{
	enum proc p;
	size_t len;

	for (p = PROC_MASTER; p < PROC_MAX; p++) {
		len = strlen(proc_name(p));
		if (strncmp(instance, proc_name(p), len) == 0 &&
		    (instance[len] == '\0' || instance[len] == '/'))
			return p;
	}
	return PROC_MASTER;
}

static void
be_real(char path[PATH_SIZE], char **argv)
{
	(void)strlcat(path, ".real", PATH_SIZE);
	(void)execv(path, argv);
	fatal("%s", path);
}

static enum proc
take_over(int argc, char **argv)
{
	char path[PATH_SIZE], armed[PATH_SIZE];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 16);

	if (n == -1)
		fatal("my own name");
	path[n] = '\0';
	(void)memcpy(armed, path, (size_t)n + 1);
	(void)memcpy(strrchr(armed, '/'), "/armed", sizeof("/armed"));
	if (argc != 1 || !read_orders(armed, argv[0]))
		be_real(path, argv);
	return which(argv[0]);
}

/* --- what it does --- */

/* What it might have: made before the sandbox is entered. */
static void
collect(void)
{
	dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	plain = memfd_create("plain", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	sparse = memfd_create("sparse", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (dir == -1 || plain == -1 || sparse == -1 || pipe(pipes) == -1 ||
	    ftruncate(plain, 4) == -1 || ftruncate(sparse, 1L << 50) == -1 ||
	    fcntl(sparse, F_ADD_SEALS,
		F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == -1)
		fatal("what to send");
}

/* "198.51.100.1:25", "198.51.100.1/53" */
static int
dial(const char *word)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	char address[FD_WORD], *port;
	int fd, type;

	(void)strlcpy(address, word, sizeof(address));
	if ((port = strpbrk(address, ":/")) == NULL)
		return -1;
	type = *port == ':' ? SOCK_STREAM : SOCK_DGRAM;
	*port++ = '\0';
	to.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
	if (inet_pton(AF_INET, address, &to.sin_addr) != 1)
		return -1;
	fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	if (fd != -1 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == -1) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

static bool
is_address(const char *word)
{
	return strchr(word, '.') != NULL;
}

static int
fd_of(const char *word)
{
	if (is_address(word))
		return dial(word);
	if (strcmp(word, "dir") == 0)
		return dir;
	if (strcmp(word, "pipe") == 0)
		return pipes[0];
	if (strcmp(word, "memfd") == 0)
		return plain;
	return strcmp(word, "sparse") == 0 ? sparse : -1;
}

static int
say(int chan, const struct line *l, uint32_t id)
{
	union {
		struct cmsghdr align;
		uint8_t buf[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	uint8_t h[8] = { (uint8_t)(l->type >> 8), (uint8_t)l->type, 0, 0,
		(uint8_t)(id >> 24), (uint8_t)(id >> 16), (uint8_t)(id >> 8),
		(uint8_t)id };
	uint8_t data[sizeof(h) + PAYLOAD];
	struct iovec iov = { data, sizeof(h) + l->len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cm;
	int fd = fd_of(l->fd), rc;

	memcpy(data, h, sizeof(h));
	memcpy(data + sizeof(h), l->payload, l->len);
	if (fd == -1 && strcmp(l->fd, "none") != 0)
		return -1; /* not connected, say */
	if (fd == -1)
		return send(chan, data, iov.iov_len,
			   MSG_NOSIGNAL | MSG_DONTWAIT) == -1
		    ? -1
		    : 0;
	msg.msg_control = control.buf;
	msg.msg_controllen = sizeof(control.buf);
	cm = CMSG_FIRSTHDR(&msg);
	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cm), &fd, sizeof(fd));
	rc = sendmsg(chan, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) == -1 ? -1 : 0;
	if (is_address(l->fd))
		(void)close(fd);
	return rc;
}

static void
report(const struct line *l, unsigned n)
{
	struct logline ll;

	ll_begin(&ll, LOG_L_INFO, "twin");
	ll_cstr(&ll, "to", l->peer);
	ll_num(&ll, "type", l->type);
	ll_num(&ll, "said", n);
	ll_send(&ll);
}

/* True: there is more to say, when the channel takes it and others had a go. */
static bool
act(struct line *l)
{
	unsigned n = 0, before = l->used;
	size_t i;

	errno = 0;
	for (i = 0; i < npeers && strcmp(peers[i].name, l->peer) != 0; i++)
		;
	while (i < npeers && n < BURST && l->used < l->count &&
	    say(peers[i].fd, l, l->id + l->used) == 0) {
		l->used++;
		n++;
	}
	if (l->used < l->count && (n == BURST || errno == EAGAIN)) {
		if (before == 0 && n > 0)
			report(l, n);
		return true;
	}
	report(l, l->used);
	l->count = 0;
	return false;
}

/* That was used least of those that fit; NULL: none does. */
static struct line *
answer_to(const char *peer, unsigned type, const uint8_t *p, size_t len)
{
	struct line *l, *best = NULL;

	for (l = lines; l < lines + nlines; l++)
		if (l->answers && l->asked == type && l->nbegin <= len &&
		    strcmp(l->peer, peer) == 0 &&
		    memcmp(l->begin, p, l->nbegin) == 0 &&
		    (best == NULL || l->used < best->used))
			best = l;
	return best;
}

/* A descriptor that comes along is lost, as nobody asks for it. */
static void
on_asked(struct ev_io *io, uint32_t events)
{
	static uint8_t m[CHAN_MSG_MAX];
	const char *peer = io->arg;
	struct line *l;
	ssize_t n;

	(void)events;
	n = recv(io->fd, m, sizeof(m), MSG_DONTWAIT);
	if (n < CHAN_HDR) {
		if (n != -1)
			ev_io_del(loop, io);
		return;
	}
	l = answer_to(peer, (unsigned)m[0] << 8 | m[1], m + CHAN_HDR,
	    (size_t)n - CHAN_HDR);
	if (l == NULL)
		return;
	l->used++;
	report(l,
	    say(io->fd, l,
		(uint32_t)m[4] << 24 | (uint32_t)m[5] << 16 |
		    (uint32_t)m[6] << 8 | m[7]) == 0);
}

static void
listen_to(size_t i)
{
	size_t k;

	for (k = 0; k < nlines; k++)
		if (lines[k].answers &&
		    strcmp(lines[k].peer, peers[i].name) == 0)
			break;
	if (k == nlines)
		return;
	ev_io_init(&peers[i].io, on_asked, peers[i].name);
	if (ev_io_set(loop, &peers[i].io, peers[i].fd, EPOLLIN) == -1)
		fatal("watch");
}

static void
on_go(struct ev_timer *t)
{
	bool more = false;
	size_t i;

	for (i = 0; i < nlines; i++)
		if (!lines[i].answers && lines[i].count > 0)
			more |= act(&lines[i]);
	if (more && ev_timer_set(loop, t, 1) == -1)
		fatal("timer");
}

static void
on_conf(struct child *c, const struct conf *conf)
{
	(void)conf;
	/* when posternd has been told that it is ready */
	ev_timer_init(&go, on_go, c);
	if (ev_timer_set(child_ev(c), &go, 0) == -1)
		fatal("timer");
}

static void
on_peer(struct child *c, const struct peer *peer, int fd)
{
	size_t i;

	loop = child_ev(c);
	for (i = 0; i < npeers; i++)
		if (peers[i].fd == fd)
			break;
	if (i == PEERS_MAX)
		return;
	peers[i].fd = fd;
	(void)peer_name(peer, peers[i].name);
	if (i == npeers)
		npeers++;
	listen_to(i);
}

static int
on_fd(struct child *c, enum child_fd kind, uint32_t id, int fd)
{
	(void)c;
	(void)kind;
	(void)id;
	(void)fd; /* kept, as the real one does */
	return 0;
}

/* Tickets, and what is asked of posternd: not answered, not missed. */
static int
on_other(struct chan *c, uint32_t id, struct ibuf *b, int fd)
{
	(void)c;
	(void)id;
	(void)b;
	if (fd != -1)
		(void)close(fd);
	return 0;
}

#define ANY(type)                                                              \
	{                                                                      \
		type, 0, CHAN_PAYLOAD_MAX, FD_OPT, CHAN_ANY, on_other          \
	}
static const struct chan_msg other_msgs[] = {
	ANY(CM_REQ_TICKETS),
};

int
main(int argc, char **argv)
{
	struct program program = {
		.proc = take_over(argc, argv),
		.on_conf = on_conf,
		.on_peer = on_peer,
		.on_fd = on_fd,
		.master_msgs = other_msgs,
		.nmaster_msgs = sizeof(other_msgs) / sizeof(other_msgs[0]),
	};
	struct child *c;

	program.cage = cages[program.proc];
	c = child_attach(argc, argv, &program, NULL);
	collect();
	privdrop(child_privdrop(c));
	sandbox_enter(child_sandbox(c), child_report(c));
	return child_loop(c);
}
