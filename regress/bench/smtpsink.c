/* SPDX-License-Identifier: ISC */
/* link: regress/bench/ledger.o regress/bench/stop.o */
/*
 * An SMTP server that takes everything and keeps nothing but a record of each
 * message, made for measuring: one thread, few system calls.
 *
 *	smtpsink [-l address] [-p port] [-o ledger] [-n messages]
 *	    [-d ms] [-4 percent] [-5] [-x n]
 *
 * Messages are known by a field "X-Bench: run number size" (hexadecimal, eight
 * digits each), from where to the end they must have that size.  -n: end after
 * so many; -d: answer the end of a message so much later; -4: answer that share
 * of them 451; -5: refuse all recipients; -x: acknowledge each n-th message and
 * lose it.  It says "ready", and at the end (SIGTERM) what it counted.
 */
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <bsd/stdlib.h>
#include <bsd/sys/queue.h>

#include "regress/bench/ledger.h"
#include "regress/bench/stop.h"

#define EVENTS	  256
#define IN_SIZE	  (256U * 1024U)
#define LINE_ROOM 1024U
#define HEAD_MAX  4096U /* of a message: where the field must be */
#define OUT_MAX	  8192U

static const char field[] = "X-Bench: ";

struct conn {
	TAILQ_ENTRY(conn) late; /* waits for its time to be answered */
	uint64_t due;		/* 0: does not wait */
	int fd;
	bool data, quit, watch_out;
	uint32_t seen; /* of "\r\n.\r\n": see end_of_data() */
	size_t size;   /* of this message, dots and all */
	size_t line_len, head_len, out_len;
	char line[LINE_ROOM];
	char head[HEAD_MAX];
	char out[OUT_MAX];
};

static struct {
	const char *address, *ledger;
	unsigned port, messages, delay, later, lose;
	bool refuse;
} opt = { .address = "127.0.0.1", .port = 2525 };

static struct ledger book;
static TAILQ_HEAD(conn_list, conn) waiting = TAILQ_HEAD_INITIALIZER(waiting);
static int ep;
static char *in;
static uint64_t ended; /* messages seen to their end */
static bool over;

static void
say(struct conn *c, const char *text)
{
	size_t len = strlen(text);

	if (len > sizeof(c->out) - c->out_len) {
		c->quit = true; /* asks and never listens */
		return;
	}
	memcpy(c->out + c->out_len, text, len);
	c->out_len += len;
}

static void
watch(struct conn *c)
{
	struct epoll_event e = { .data.ptr = c };

	/* One that waits is not read: its peer feels the delay. */
	if (c->due == 0)
		e.events |= EPOLLIN;
	if (c->watch_out)
		e.events |= EPOLLOUT;
	if (epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &e) == -1)
		err(1, "epoll_ctl");
}

static void
end(struct conn *c)
{
	if (c->due != 0)
		TAILQ_REMOVE(&waiting, c, late);
	(void)close(c->fd);
	free(c);
}

/* Returns false if the connection is gone. */
static bool
flush(struct conn *c)
{
	bool blocked = false;
	ssize_t n;

	if (c->out_len != 0) {
		n = send(c->fd, c->out, c->out_len, MSG_NOSIGNAL);
		if (n == -1 && errno != EAGAIN) {
			end(c);
			return false;
		}
		if (n > 0) {
			c->out_len -= (size_t)n;
			memmove(c->out, c->out + n, c->out_len);
		}
		blocked = c->out_len != 0;
	}
	if (c->quit && !blocked) {
		end(c);
		return false;
	}
	if (blocked != c->watch_out) {
		c->watch_out = blocked;
		watch(c);
	}
	return true;
}

static bool
hex(const char *s, uint32_t *v)
{
	char digits[9], *rest;

	memcpy(digits, s, 8);
	digits[8] = '\0';
	*v = (uint32_t)strtoul(digits, &rest, 16);
	return *rest == '\0';
}

/* A whole message is there: record it by its field. */
static void
record(const struct conn *c)
{
	uint32_t run, number, size;
	const char *p = memmem(c->head, c->head_len, field, sizeof(field) - 1);
	size_t at = p == NULL ? 0 : (size_t)(p - c->head);
	size_t need = sizeof(field) - 1 + 26;

	book.head->bytes += c->size;
	if (p == NULL || c->head_len - at < need ||
	    !hex(p + sizeof(field) - 1, &run) ||
	    !hex(p + sizeof(field) + 8, &number) ||
	    !hex(p + sizeof(field) + 17, &size) || c->size - at != size) {
		book.head->damaged++;
		return;
	}
	ledger_add(&book, run, number, ledger_now());
}

static bool
share(uint64_t n, unsigned percent)
{
	return n * percent / 100 != (n - 1) * percent / 100;
}

/* The dot has come. */
static void
end_message(struct conn *c)
{
	c->data = false;
	ended++;
	if (share(ended, opt.later)) {
		book.head->later++;
		say(c, "451 4.3.0 not now\r\n");
	} else {
		if (opt.lose != 0 && ended % opt.lose == 0)
			book.head->lost++;
		else
			record(c);
		say(c, "250 2.0.0 taken\r\n");
	}
	if (opt.messages != 0 && book.head->count >= opt.messages)
		over = true;
	if (opt.delay != 0 && c->due == 0) {
		c->due = ledger_now() + (uint64_t)opt.delay * 1000000U;
		TAILQ_INSERT_TAIL(&waiting, c, late);
		watch(c);
	}
}

/*
 * How much of p belongs to the message, with its end; sets *done if the end is
 * in it.  What the generator sends has hardly a dot, so that looking for one is
 * all the work there is.  c->seen says how much of CR LF . CR LF was last.
 */
static size_t
end_of_data(struct conn *c, const char *p, size_t len, bool *done)
{
	static const char mark[] = "\r\n.\r\n";
	size_t i = 0;
	const char *dot = NULL;

	while (i < len) {
		if (c->seen == 0 && (dot = memchr(p + i, '.', len - i)) == NULL)
			i = len - i > 2 ? len - 2 : i;
		else if (c->seen == 0 && dot > p + i + 2)
			i = (size_t)(dot - p) - 2;
		while (i < len) {
			if (p[i] == mark[c->seen])
				c->seen++;
			else
				c->seen = p[i] == '\r';
			i++;
			if (c->seen == 0)
				break;
			if (c->seen == 5) {
				*done = true;
				return i;
			}
		}
	}
	return len;
}

static size_t
take_data(struct conn *c, const char *p, size_t len)
{
	bool done = false;
	size_t n = end_of_data(c, p, len, &done);
	size_t room = sizeof(c->head) - c->head_len;

	if (room > n)
		room = n;
	memcpy(c->head + c->head_len, p, room);
	c->head_len += room;
	c->size += n;
	if (done) {
		c->size -= 3; /* .CRLF */
		end_message(c);
	}
	return n;
}

static bool
is(const struct conn *c, const char *verb)
{
	return c->line_len >= 4 && strncasecmp(c->line, verb, 4) == 0;
}

static void
command(struct conn *c)
{
	if (is(c, "EHLO")) {
		say(c,
		    "250-sink.test\r\n250-PIPELINING\r\n"
		    "250-SIZE 104857600\r\n250 8BITMIME\r\n");
	} else if (is(c, "RCPT") && opt.refuse) {
		book.head->refused++;
		say(c, "550 5.1.1 nobody here\r\n");
	} else if (is(c, "DATA") && opt.refuse) {
		say(c, "503 5.5.1 no recipients\r\n");
	} else if (is(c, "DATA")) {
		c->data = true;
		c->seen = 2; /* an empty message has its dot at once */
		c->size = c->head_len = 0;
		say(c, "354 go\r\n");
	} else if (is(c, "QUIT")) {
		c->quit = true;
		say(c, "221 2.0.0 bye\r\n");
	} else {
		say(c, "250 2.0.0 ok\r\n");
	}
}

static size_t
take_line(struct conn *c, const char *p, size_t len)
{
	const char *nl = memchr(p, '\n', len);
	size_t n = nl == NULL ? len : (size_t)(nl - p) + 1;
	size_t room = sizeof(c->line) - c->line_len;

	memcpy(c->line + c->line_len, p, n < room ? n : room);
	c->line_len += n < room ? n : room;
	if (nl != NULL) {
		command(c);
		c->line_len = 0;
	}
	return n;
}

static void
readable(struct conn *c)
{
	size_t i = 0;
	ssize_t n = recv(c->fd, in, IN_SIZE, 0);

	if (n == -1 && errno == EAGAIN)
		return;
	if (n <= 0) {
		book.head->cut++;
		end(c);
		return;
	}
	while (i < (size_t)n && !c->quit)
		i += c->data ? take_data(c, in + i, (size_t)n - i)
			     : take_line(c, in + i, (size_t)n - i);
	if (c->due == 0)
		(void)flush(c);
}

static void
accept_all(int listener)
{
	struct epoll_event e = { .events = EPOLLIN };
	struct conn *c;
	int fd, one = 1;

	while ((fd = accept4(listener, NULL, NULL,
		    SOCK_NONBLOCK | SOCK_CLOEXEC)) != -1) {
		if ((c = calloc(1, sizeof(*c))) == NULL)
			err(1, NULL);
		c->fd = fd;
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one,
		    sizeof(one));
		if (book.head->start == 0)
			book.head->start = ledger_now();
		book.head->sessions++;
		e.data.ptr = c;
		if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) == -1)
			err(1, "epoll_ctl");
		say(c, "220 sink.test ESMTP\r\n");
		(void)flush(c);
	}
	if (errno != EAGAIN && errno != ECONNABORTED)
		warn("accept");
}

/* Answer those whose time has come; ms until the next. */
static int
answer_late(void)
{
	struct conn *c;
	uint64_t now;

	if (TAILQ_EMPTY(&waiting))
		return -1;
	now = ledger_now();
	while ((c = TAILQ_FIRST(&waiting)) != NULL) {
		/* end() takes what it frees off the list */
		if (c->due > now) /* NOLINT(clang-analyzer-unix.Malloc) */
			return (int)((c->due - now) / 1000000U) + 1;
		TAILQ_REMOVE(&waiting, c, late);
		c->due = 0;
		watch(c);
		(void)flush(c);
	}
	return -1;
}

static int
listener(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)opt.port) };
	int fd, one = 1;

	if (inet_pton(AF_INET, opt.address, &sin.sin_addr) != 1)
		errx(1, "%s: not an IPv4 address", opt.address);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		err(1, "socket");
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == -1 ||
	    bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1 ||
	    listen(fd, 4096) == -1)
		err(1, "%s port %u", opt.address, opt.port);
	return fd;
}

static void
more_files(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		err(1, "getrlimit");
	rl.rlim_cur = rl.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &rl) == -1)
		err(1, "setrlimit");
}

static void
add(int fd, void *who)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = who };

	if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) == -1)
		err(1, "epoll_ctl");
}

static void
serve(int lfd, int sfd)
{
	struct epoll_event events[EVENTS];
	struct conn *c;
	int i, n;

	add(lfd, &lfd);
	add(sfd, &sfd);
	while (!over) {
		n = epoll_wait(ep, events, EVENTS, answer_late());
		if (n == -1 && errno != EINTR)
			err(1, "epoll_wait");
		for (i = 0; i < n; i++) {
			if (events[i].data.ptr == &sfd) {
				over = true;
			} else if (events[i].data.ptr == &lfd) {
				accept_all(lfd);
			} else {
				c = events[i].data.ptr;
				if (events[i].events & EPOLLOUT &&
				    (c->due != 0 || !flush(c)))
					continue;
				if (events[i].events & ~(uint32_t)EPOLLOUT)
					readable(c);
			}
		}
	}
}

static unsigned
number(const char *s, long long least, long long most)
{
	const char *why;
	long long n = strtonum(s, least, most, &why);

	if (why != NULL)
		errx(2, "%s: %s", s, why);
	return (unsigned)n;
}

static void
options(int argc, char **argv)
{
	int ch;

	while ((ch = getopt(argc, argv, "4:5d:l:n:o:p:x:")) != -1) {
		switch (ch) {
		case '4':
			opt.later = number(optarg, 0, 100);
			break;
		case '5':
			opt.refuse = true;
			break;
		case 'd':
			opt.delay = number(optarg, 0, 600000);
			break;
		case 'l':
			opt.address = optarg;
			break;
		case 'n':
			opt.messages = number(optarg, 0, UINT32_MAX);
			break;
		case 'o':
			opt.ledger = optarg;
			break;
		case 'p':
			opt.port = number(optarg, 1, 65535);
			break;
		case 'x':
			opt.lose = number(optarg, 1, UINT32_MAX);
			break;
		default:
			errx(2, "see the head of smtpsink.c");
		}
	}
}

int
main(int argc, char **argv)
{
	int lfd, sfd;

	options(argc, argv);
	more_files();
	ledger_open(&book, opt.ledger);
	if ((in = malloc(IN_SIZE)) == NULL)
		err(1, NULL);
	if ((ep = epoll_create1(EPOLL_CLOEXEC)) == -1)
		err(1, "epoll_create1");
	sfd = stop_signals();
	lfd = listener();
	printf("ready\n");
	(void)fflush(stdout);
	serve(lfd, sfd);
	printf("messages=%" PRIu64 " sessions=%" PRIu64 " bytes=%" PRIu64
	       " damaged=%" PRIu64 " later=%" PRIu64 " refused=%" PRIu64
	       " lost=%" PRIu64 "\n",
	    book.head->count, book.head->sessions, book.head->bytes,
	    book.head->damaged, book.head->later, book.head->refused,
	    book.head->lost);
	return 0;
}
