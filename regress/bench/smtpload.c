/* SPDX-License-Identifier: ISC */
/* link: regress/bench/ledger.o regress/bench/stop.o regress/bench/mailtext.o */
/*
 * An SMTP client that sends messages over many connections as cheaply as it
 * can, made for measuring: one thread, a prebuilt text, one message in a
 * transaction, many transactions in a session, pipelined when offered.
 *
 *	smtpload [-h address] [-p port] [-c connections] [-n messages]
 *	    [-s bytes] [-m messages in a session] [-b source[+count]]
 *	    [-f sender] [-t recipient]... [-r run] [-k idle] [-o ledger]
 *	    [-w seconds] [-P]
 *
 * Each message has a field "X-Bench: run number size", see smtpsink.c, and from
 * there to its end that size.  What is answered 4xx, or not answered before the
 * connection ends, is sent again; 5xx is counted.  The recipients take turns.
 * -b: sources take turns too; -k: first open so many sessions that say EHLO and
 * then nothing, and hold them until SIGTERM; -P: do not pipeline; -w: give up
 * after so long without any answer.
 *
 * Exit status 0: each message was answered 250.
 */
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>

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
#include <time.h>
#include <unistd.h>

#include <bsd/stdlib.h>

#include "regress/bench/ledger.h"
#include "regress/bench/stop.h"
#include "regress/bench/mailtext.h"

#define EVENTS	  256
#define RCPTS_MAX 64U
#define IN_SIZE	  4096U
#define OPENING	  64U /* idle sessions that are being opened at a time */
#define PAUSE_MS  20U /* before a connection that failed is opened again */

/* What the next reply is about. */
enum state {
	GREETING,
	EHLO,
	MAIL,
	RCPT,
	DATA,
	DOT,
	RESET,
	QUIT,
	IDLE,
};

struct conn {
	int fd; /* -1: closed */
	bool idle, pipelining, watch_out, holds, failed;
	enum state state;
	unsigned sent; /* messages in this session */
	uint32_t number;
	uint64_t dialled, begun, dotted; /* session, transaction, message */
	uint64_t due;			 /* do not open before */
	struct iovec iov[3];		 /* still to be sent */
	unsigned niov;
	char head[MAIL_HEAD];
	char in[IN_SIZE];
	size_t in_len;
};

static struct {
	const char *address, *source, *sender, *ledger;
	const char *rcpts[RCPTS_MAX];
	unsigned port, connections, messages, size, per_session, nsources,
	    nrcpts, run, idle, patience;
	bool plain;
} opt = { .address = "127.0.0.1",
	.sender = "load@sender.test",
	.port = 25,
	.connections = 20,
	.messages = 1000,
	.size = 4096,
	.per_session = 1000,
	.nsources = 1,
	.patience = 60 };

static struct ledger book;
static struct conn *conns; /* those with messages, then the idle ones */
static struct mail_envelope *envelopes;
static struct mail_body body;
static uint32_t next_number, *redo;
static unsigned nredo, redo_room;
static uint32_t *whole_us, *dot_us; /* latencies of answered messages */
static uint32_t *first_us; /* connect to 250 of a session's first one */
static size_t nfirst;
static uint64_t progress; /* time of the last answer */
static unsigned opening;  /* idle sessions */
static unsigned next_source;
static int ep;
static bool stopped;

/* --- what is to be sent --- */

static bool
take_number(uint32_t *number)
{
	if (nredo != 0)
		*number = redo[--nredo];
	else if (next_number < opt.messages && !stopped)
		*number = next_number++;
	else
		return false;
	return true;
}

static void
give_back(struct conn *c)
{
	if (!c->holds)
		return;
	c->holds = false;
	if (nredo == redo_room) {
		redo_room += 1024;
		redo = reallocarray(redo, redo_room, sizeof(*redo));
		if (redo == NULL)
			err(1, NULL);
	}
	redo[nredo++] = c->number;
}

static void
settle(struct conn *c)
{
	uint64_t now = ledger_now(), n = book.head->count;

	whole_us[n] = (uint32_t)((now - c->begun) / 1000U);
	dot_us[n] = (uint32_t)((now - c->dotted) / 1000U);
	if (c->sent == 1 && nfirst <= opt.messages)
		first_us[nfirst++] = (uint32_t)((now - c->dialled) / 1000U);
	book.head->bytes += opt.size;
	c->holds = false;
	progress = now;
	ledger_add(&book, opt.run, c->number, now);
}

/* --- connections --- */

static void
watch(struct conn *c, int op)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = c };

	if (c->watch_out)
		e.events |= EPOLLOUT;
	if (epoll_ctl(ep, op, c->fd, &e) == -1)
		err(1, "epoll_ctl");
}

/* The session is over; a connection for messages may be opened again. */
static void
hang_up(struct conn *c, unsigned pause_ms)
{
	c->due = ledger_now() + (uint64_t)pause_ms * 1000000U;
	if (c->idle && c->state == IDLE)
		book.head->idle--;
	else if (c->idle)
		opening--;
	give_back(c);
	(void)close(c->fd);
	c->fd = -1;
	c->niov = 0;
}

/* The peer ended it, which it should not. */
static void
cut(struct conn *c)
{
	book.head->cut++;
	if (c->state == DOT)
		book.head->again++;
	hang_up(c, PAUSE_MS);
}

static void
bind_source(int fd)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	int one = 1;

	if (opt.source == NULL)
		return;
	if (inet_pton(AF_INET, opt.source, &sin.sin_addr) != 1)
		errx(2, "%s: not an IPv4 address", opt.source);
	sin.sin_addr.s_addr =
	    htonl(ntohl(sin.sin_addr.s_addr) + next_source++ % opt.nsources);
	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one,
	    sizeof(one));
	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1)
		err(1, "bind");
}

static void
dial(struct conn *c)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)opt.port) };
	int one = 1;

	if (inet_pton(AF_INET, opt.address, &sin.sin_addr) != 1)
		errx(2, "%s: not an IPv4 address", opt.address);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd == -1)
		err(1, "socket");
	bind_source(c->fd);
	(void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(c->fd, (struct sockaddr *)&sin, sizeof(sin)) == -1 &&
	    errno != EINPROGRESS)
		err(1, "%s port %u", opt.address, opt.port);
	c->state = GREETING;
	c->dialled = ledger_now();
	c->in_len = c->sent = 0;
	c->watch_out = c->failed = false;
	book.head->sessions++;
	if (c->idle)
		opening++;
	watch(c, EPOLL_CTL_ADD);
}

/* Send what is in iov, as far as it goes. */
static void
push(struct conn *c)
{
	struct msghdr msg = { .msg_iov = c->iov, .msg_iovlen = c->niov };
	ssize_t n = 0;
	size_t left;
	bool blocked;

	if (c->niov != 0)
		n = sendmsg(c->fd, &msg, MSG_NOSIGNAL);
	if (n == -1 && errno != EAGAIN)
		return; /* the read will say so */
	left = n == -1 ? 0 : (size_t)n;
	while (c->niov != 0 && left >= c->iov[0].iov_len) {
		left -= c->iov[0].iov_len;
		c->iov[0] = c->iov[1];
		c->iov[1] = c->iov[2];
		c->niov--;
	}
	if (c->niov != 0) {
		c->iov[0].iov_base = (char *)c->iov[0].iov_base + left;
		c->iov[0].iov_len -= left;
	}
	blocked = c->niov != 0;
	if (blocked != c->watch_out) {
		c->watch_out = blocked;
		watch(c, EPOLL_CTL_MOD);
	}
}

/* c->iov does not write; what it points at may be const. */
static void
queue(struct conn *c, const char *p, size_t len)
{
	struct iovec *v = &c->iov[c->niov++];

	v->iov_base = (void *)(uintptr_t)p;
	v->iov_len = len;
}

static void
send_text(struct conn *c, const char *text, enum state next)
{
	c->state = next;
	queue(c, text, strlen(text));
	push(c);
}

/* --- transactions --- */

static void
queue_commands(struct conn *c, unsigned first, unsigned end)
{
	const struct mail_envelope *e = &envelopes[c->number % opt.nrcpts];

	queue(c, e->text + e->at[first], e->at[end] - e->at[first]);
}

static void
next_message(struct conn *c)
{
	if (c->sent == opt.per_session || !take_number(&c->number)) {
		send_text(c, "QUIT\r\n", QUIT);
		return;
	}
	c->holds = true;
	c->failed = false;
	c->begun = ledger_now();
	c->state = MAIL;
	queue_commands(c, 0, c->pipelining ? 3 : 1);
	push(c);
}

static void
send_message(struct conn *c)
{
	mail_head(c->head, opt.run, c->number, opt.size);
	queue(c, c->head, MAIL_HEAD);
	queue(c, body.text, body.len);
	c->state = DOT;
	c->sent++;
	c->dotted = ledger_now();
}

/* 4xx: come again in a while. */
static void
later(struct conn *c)
{
	book.head->later++;
	hang_up(c, PAUSE_MS);
}

static void
refused(struct conn *c)
{
	book.head->refused++;
	c->holds = false;
	progress = ledger_now();
}

static void
dot_answered(struct conn *c, int code)
{
	if (code >= 400 && code < 500) {
		later(c);
		return;
	}
	if (code == 250)
		settle(c);
	else
		refused(c);
	next_message(c);
}

/* A reply to MAIL, RCPT or DATA. */
static void
envelope_answered(struct conn *c, int code)
{
	if (code >= 400 && code < 500) {
		later(c);
		return;
	}
	if (code >= 500 && !c->failed) {
		refused(c);
		c->failed = true;
	}
	if (c->pipelining && c->state != DATA) {
		c->state++;
	} else if (c->failed) {
		send_text(c, code == 354 ? ".\r\n" : "RSET\r\n", RESET);
	} else if (c->state == DATA) {
		send_message(c);
		push(c);
	} else {
		queue_commands(c, c->state - MAIL + 1, c->state - MAIL + 2);
		c->state++;
		push(c);
	}
}

static void
reply(struct conn *c, int code)
{
	switch (c->state) {
	case GREETING:
	case EHLO:
		if (code >= 400) {
			cut(c);
		} else if (c->state == GREETING) {
			send_text(c, "EHLO load.sender.test\r\n", EHLO);
		} else if (c->idle) {
			c->state = IDLE;
			opening--;
			book.head->idle++;
			progress = ledger_now();
		} else {
			next_message(c);
		}
		break;
	case MAIL:
	case RCPT:
	case DATA:
		envelope_answered(c, code);
		break;
	case DOT:
		dot_answered(c, code);
		break;
	case RESET:
		next_message(c);
		break;
	case QUIT:
		hang_up(c, 0);
		break;
	case IDLE:
		break;
	}
}

/* A line without its end. */
static void
reply_line(struct conn *c, const char *p, size_t len)
{
	int code;

	if (len < 3)
		return;
	code = (p[0] - '0') * 100 + (p[1] - '0') * 10 + (p[2] - '0');
	if (c->state == EHLO && len >= 14 &&
	    memcmp(p + 4, "PIPELINING", 10) == 0)
		c->pipelining = !opt.plain;
	if (len > 3 && p[3] == '-')
		return;
	reply(c, code);
}

static void
readable(struct conn *c)
{
	char *p, *nl, *end;
	ssize_t n;

	n = recv(c->fd, c->in + c->in_len, sizeof(c->in) - c->in_len, 0);
	if (n == -1 && errno == EAGAIN)
		return;
	if (n <= 0) {
		if (c->state == QUIT)
			hang_up(c, 0);
		else
			cut(c);
		return;
	}
	end = c->in + c->in_len + n;
	for (p = c->in; c->fd != -1; p = nl + 1) {
		if ((nl = memchr(p, '\n', (size_t)(end - p))) == NULL)
			break;
		reply_line(c, p, (size_t)(nl - p));
	}
	c->in_len = (size_t)(end - p);
	memmove(c->in, p, c->in_len);
	if (c->in_len == sizeof(c->in))
		errx(1, "a reply without end");
}

/* --- the whole --- */

static bool
all_settled(void)
{
	return book.head->count + book.head->refused >= opt.messages;
}

/* Open what is closed while there is work; returns how many are open. */
static unsigned
open_connections(void)
{
	uint64_t now = ledger_now();
	unsigned i, n = 0;

	for (i = 0; i < opt.connections; i++) {
		if (conns[i].fd == -1 && conns[i].due <= now &&
		    (nredo != 0 || next_number < opt.messages))
			dial(&conns[i]);
		n += conns[i].fd != -1;
	}
	return n;
}

static void
turn(int timeout)
{
	struct epoll_event events[EVENTS];
	struct conn *c;
	int i, n;

	n = epoll_wait(ep, events, EVENTS, timeout);
	if (n == -1 && errno != EINTR)
		err(1, "epoll_wait");
	for (i = 0; i < n; i++) {
		if ((c = events[i].data.ptr) == NULL) {
			stopped = true;
			continue;
		}
		if (events[i].events & EPOLLOUT)
			push(c);
		if (events[i].events & ~(uint32_t)EPOLLOUT)
			readable(c);
	}
}

static void
open_idle(void)
{
	unsigned next = 0;
	struct conn *c;

	progress = ledger_now();
	while (!stopped && (next < opt.idle || opening != 0)) {
		while (next < opt.idle && opening < OPENING) {
			c = &conns[opt.connections + next++];
			c->idle = true;
			dial(c);
		}
		turn(1000);
		if (ledger_now() - progress >
		    (uint64_t)opt.patience * 1000000000U)
			errx(1, "%u idle sessions have no answer", opening);
	}
	printf("idle=%" PRIu64 " of=%u\n", book.head->idle, opt.idle);
	(void)fflush(stdout);
}

/* Returns false when nothing moved for too long. */
static bool
send_all(void)
{
	progress = book.head->start = ledger_now();
	while (!stopped) {
		if (open_connections() == 0 && all_settled())
			break;
		turn(PAUSE_MS);
		if (ledger_now() - progress >
		    (uint64_t)opt.patience * 1000000000U)
			return false;
	}
	return true;
}

static int
compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void
percentiles(const char *name, uint32_t *us, size_t n)
{
	size_t half = n / 2, tenth = n / 10, hundredth = n / 100;

	if (n == 0)
		return;
	qsort(us, n, sizeof(*us), compare);
	printf(" %s_ms=%.3f/%.3f/%.3f/%.3f", name, us[half] / 1000.0,
	    us[n - 1 - tenth] / 1000.0, us[n - 1 - hundredth] / 1000.0,
	    us[n - 1] / 1000.0);
}

static void
report(void)
{
	struct ledger_head *h = book.head;
	double seconds = (double)(h->last - h->start) / 1e9;

	printf("acked=%" PRIu64 " of=%u seconds=%.3f rate=%.0f", h->count,
	    opt.messages, seconds,
	    seconds > 0 ? (double)h->count / seconds : 0.0);
	printf(" refused=%" PRIu64 " later=%" PRIu64 " again=%" PRIu64
	       " cut=%" PRIu64 " sessions=%" PRIu64,
	    h->refused, h->later, h->again, h->cut, h->sessions);
	/* median, 90, 99 and 100 % */
	percentiles("transaction", whole_us, (size_t)h->count);
	percentiles("dot", dot_us, (size_t)h->count);
	percentiles("first", first_us, nfirst);
	printf("\n");
	(void)fflush(stdout);
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
option_source(char *arg)
{
	char *plus = strchr(arg, '+');

	if (plus != NULL) {
		*plus = '\0';
		opt.nsources = number(plus + 1, 1, 65536);
	}
	opt.source = arg;
}

static void
option(int ch, char *arg)
{
	switch (ch) {
	case 'P':
		opt.plain = true;
		break;
	case 'b':
		option_source(arg);
		break;
	case 'c':
		opt.connections = number(arg, 1, 10000);
		break;
	case 'f':
		opt.sender = arg;
		break;
	case 'h':
		opt.address = arg;
		break;
	case 'k':
		opt.idle = number(arg, 0, 1000000);
		break;
	case 'm':
		opt.per_session = number(arg, 1, UINT32_MAX);
		break;
	case 'n':
		opt.messages = number(arg, 0, 100000000);
		break;
	case 'o':
		opt.ledger = arg;
		break;
	case 'p':
		opt.port = number(arg, 1, 65535);
		break;
	case 'r':
		opt.run = number(arg, 0, UINT32_MAX);
		break;
	case 's':
		opt.size = number(arg, 1, 1 << 30);
		break;
	case 't':
		if (opt.nrcpts == RCPTS_MAX)
			errx(2, "too many recipients");
		opt.rcpts[opt.nrcpts++] = arg;
		break;
	case 'w':
		opt.patience = number(arg, 1, 86400);
		break;
	default:
		errx(2, "see the head of smtpload.c");
	}
}

static void
prepare(void)
{
	struct rlimit rl;
	unsigned i;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		err(1, "getrlimit");
	rl.rlim_cur = rl.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &rl) == -1)
		err(1, "setrlimit");
	if (opt.nrcpts == 0)
		opt.rcpts[opt.nrcpts++] = "user@example.com";
	opt.size = mail_body(&body, opt.size, opt.sender, opt.rcpts[0]);
	envelopes = calloc(opt.nrcpts + 1U, sizeof(*envelopes));
	if (envelopes == NULL)
		err(1, NULL);
	for (i = 0; i < opt.nrcpts; i++)
		mail_envelope(&envelopes[i], opt.size, opt.sender,
		    opt.rcpts[i]);
	ledger_open(&book, opt.ledger);
	conns = calloc(opt.connections + opt.idle + 1U, sizeof(*conns));
	whole_us = calloc(opt.messages + 1U, sizeof(*whole_us));
	dot_us = calloc(opt.messages + 1U, sizeof(*dot_us));
	first_us = calloc(opt.messages + 1U, sizeof(*first_us));
	if (conns == NULL || whole_us == NULL || dot_us == NULL ||
	    first_us == NULL)
		err(1, NULL);
	for (i = 0; i < opt.connections + opt.idle; i++)
		conns[i].fd = -1;
	if ((ep = epoll_create1(EPOLL_CLOEXEC)) == -1)
		err(1, "epoll_create1");
}

int
main(int argc, char **argv)
{
	struct epoll_event e = { .events = EPOLLIN };
	bool moved = true;
	int ch;

	while ((ch = getopt(argc, argv, "Pb:c:f:h:k:m:n:o:p:r:s:t:w:")) != -1)
		option(ch, optarg);
	prepare();
	if (epoll_ctl(ep, EPOLL_CTL_ADD, stop_signals(), &e) == -1)
		err(1, "epoll_ctl");
	if (opt.idle != 0)
		open_idle();
	if (opt.messages != 0) {
		moved = send_all();
		report();
	}
	while (opt.idle != 0 && !stopped)
		turn(-1);
	if (opt.idle != 0)
		printf("idle=%" PRIu64 " of=%u\n", book.head->idle, opt.idle);
	return moved && book.head->count == opt.messages ? 0 : 1;
}
