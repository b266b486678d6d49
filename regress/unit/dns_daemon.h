/* SPDX-License-Identifier: ISC */
/*
 * The peers of a resolver's body, played in one process: smtpd-out workers,
 * connd and, on the far end of the sockets that connd hands out, DNS servers.
 * No network is used: a socketpair serves as well.
 */
#ifndef REGRESS_UNIT_DNS_DAEMON_H
#define REGRESS_UNIT_DNS_DAEMON_H

#include <sys/socket.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/child.h"
#include "common/base/ev.h"
#include "common/base/stats.h"
#include "common/dns/dnsd.h"
#include "common/msg/dns_conn.h"
#include "common/msg/smtp_dns.h"
#include "regress/unit/dns_wire.h"

#define ASKERS	   3
#define ASKS	   4096
#define FAR_MAX	   1024
#define PATIENCE   20000 /* ms for one test */
#define GENERATION 7

/* --- the child that the body believes to be in --- */

static struct ev *ev;
static struct dnsd *dnsd;
static struct conf conf;
static bool exited;
static unsigned violations;

void *
child_ctx(const struct child *c)
{
	(void)c;
	return dnsd;
}

struct ev *
child_ev(const struct child *c)
{
	(void)c;
	return ev;
}

void
child_exit(struct child *c)
{
	(void)c;
	exited = true;
}

void
child_violation(struct child *c, const struct peer *p, enum chan_violation v)
{
	(void)c;
	(void)p;
	(void)v;
	violations++;
}

/* --- servers --- */

struct far_end {
	struct ev_io io;
	bool tcp;
	uint8_t server;
};

static struct far_end far_ends[FAR_MAX];
static const char *udp_reply; /* NULL: silent; dns_wire.h, for any name */
static const char *tcp_reply;
static unsigned handed_out, udp_queries, tcp_queries, open_now, open_most;
static unsigned cancels;
static unsigned by_server[CONF_DNS_MAX];
static bool conn_silent, conn_refuses;

static struct wire wire;

static void
far_close(struct far_end *f)
{
	int fd = f->io.fd;

	ev_io_del(ev, &f->io);
	f->io.fd = -1;
	(void)close(fd);
	open_now--;
}

static void
far_answer(struct far_end *f, const uint8_t *query, size_t len)
{
	const char *line = f->tcp ? tcp_reply : udp_reply;
	struct dns_query_packet q = { .len = len, .edns = true };
	uint8_t prefix[2];

	assert_in_range(len, 12 + 5 + 11, DNS_QUERY_MAX);
	if (line == NULL)
		return;
	memcpy(q.wire, query, len);
	q.type = (enum dns_type)(query[len - 15] << 8 | query[len - 14]);
	wire_reply(&wire, &q, line);
	prefix[0] = (uint8_t)(wire.n >> 8);
	prefix[1] = (uint8_t)wire.n;
	if (f->tcp)
		assert_int_equal(send(f->io.fd, prefix, 2, 0), 2);
	assert_int_equal(send(f->io.fd, wire.b, wire.n, 0), (ssize_t)wire.n);
}

static void
far_readable(struct ev_io *io, uint32_t events)
{
	struct far_end *f = io->arg;
	uint8_t buf[1024];
	ssize_t n = recv(io->fd, buf, sizeof(buf), MSG_DONTWAIT);

	(void)events;
	if (n <= 0) {
		far_close(f);
		return;
	}
	by_server[f->server]++;
	if (f->tcp) {
		tcp_queries++;
		assert_int_equal(buf[0] << 8 | buf[1], n - 2);
		far_answer(f, buf + 2, (size_t)n - 2);
	} else {
		udp_queries++;
		far_answer(f, buf, (size_t)n);
	}
}

static void
far_watch(int fd, const struct dc_socket *m)
{
	struct far_end *f;

	for (f = far_ends; f < far_ends + FAR_MAX; f++)
		if (f->io.fd == -1)
			break;
	assert_true(f < far_ends + FAR_MAX);
	f->tcp = m->proto == DC_TCP;
	f->server = m->server;
	ev_io_init(&f->io, far_readable, f);
	assert_int_equal(ev_io_set(ev, &f->io, fd, EPOLLIN), 0);
	handed_out++;
	if (++open_now > open_most)
		open_most = open_now;
}

/* --- connd --- */

static struct chan *conn;

static void
conn_answer(uint32_t id, enum oc_result result, int fd)
{
	struct oc_answer m = { .result = result };
	struct ibuf b;

	chan_scratch(&b);
	assert_int_equal(put_oc_answer(&b, &m), 0);
	assert_int_equal(chan_send(conn, DC_ANS_SOCKET, id, &b, fd), 0);
}

static int
conn_on_socket(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct dc_socket m;
	int sv[2];

	(void)ch;
	(void)fd;
	assert_int_equal(get_dc_socket(b, &m), 0);
	assert_int_equal(m.generation, conf.generation);
	assert_true(m.server < conf.side[SIDE_EXT].ndns);
	if (conn_silent)
		return 0;
	if (conn_refuses) {
		conn_answer(id, OC_UNREACHABLE, -1);
		return 0;
	}
	assert_int_equal(socketpair(AF_UNIX,
			     m.proto == DC_TCP ? SOCK_STREAM : SOCK_SEQPACKET,
			     0, sv),
	    0);
	far_watch(sv[1], &m);
	conn_answer(id, OC_OK, sv[0]);
	return 0;
}

static int
conn_on_cancel(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	(void)ch;
	(void)id;
	(void)b;
	(void)fd;
	cancels++;
	return 0;
}

static const struct chan_msg conn_msgs[] = {
	{ DC_REQ_SOCKET, DC_SOCKET_LEN, DC_SOCKET_LEN, FD_NONE, CHAN_ANY,
	    conn_on_socket },
	{ DC_REQ_CANCEL, 0, 0, FD_NONE, CHAN_ANY, conn_on_cancel },
};

/* --- askers --- */

struct asked {
	bool answered;
	struct sd_answer m;
	struct sd_record first;
};

static struct chan *asker[ASKERS];
static struct asked asked[ASKERS][ASKS];
static unsigned answers;

static int
asker_on_answer(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct asked *a = &asked[(size_t)chan_ctx(ch)][id];
	struct sd_record r;
	unsigned i;

	(void)fd;
	assert_true(id < ASKS);
	assert_false(a->answered);
	a->answered = true;
	answers++;
	assert_int_equal(get_sd_answer(b, &a->m), 0);
	for (i = 0; i < a->m.n; i++) {
		assert_int_equal(get_sd_record(b, a->m.type, &r), 0);
		if (i == 0)
			a->first = r;
	}
	assert_int_equal(ibuf_get_end(b), 0);
	return 0;
}

static const struct chan_msg asker_msgs[] = {
	{ SD_ANS_QUERY, SD_ANSWER_MIN, SD_ANSWER_MAX, FD_NONE, CHAN_ANY,
	    asker_on_answer },
};

static void
on_gone(struct chan *ch, enum chan_violation v)
{
	size_t i;

	(void)v;
	for (i = 0; i < ASKERS; i++)
		if (asker[i] == ch)
			asker[i] = NULL;
	if (conn == ch)
		conn = NULL;
	chan_free(ch);
}

/* A channel whose other end the body gets. */
static struct chan *
join(enum proc proc, size_t index, const struct chan_msg *msgs, size_t n)
{
	struct peer p = { proc, SIDE_EXT, (uint8_t)index };
	struct chan_spec spec = {
		.name = "dnsd",
		.msgs = msgs,
		.nmsgs = n,
		.send_fds = proc == PROC_CONND,
		.ctx = (void *)index,
		.on_violation = on_gone,
	};
	struct chan *ch;
	int sv[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sv), 0);
	ch = chan_new(ev, sv[0], &spec);
	assert_non_null(ch);
	dnsd_on_peer(NULL, &p, sv[1]);
	return ch;
}

static void
ask(size_t who, uint32_t id, const char *name, enum sd_rrtype type, uint32_t ms)
{
	struct sd_query m = { .type = type, .deadline_ms = ms };
	struct ibuf b;

	assert_true(strlen(name) < sizeof(m.name));
	strcpy(m.name, name);
	memset(&asked[who][id], 0, sizeof(asked[who][id]));
	chan_scratch(&b);
	assert_int_equal(put_sd_query(&b, &m), 0);
	assert_int_equal(chan_send(asker[who], SD_REQ_QUERY, id, &b, -1), 0);
}

/* --- running --- */

static unsigned want_answers;
static bool (*until)(void);
static struct ev_timer patience;
static bool late;

static bool
hook(void *arg)
{
	(void)arg;
	if (until != NULL ? until() : answers >= want_answers)
		ev_break(ev);
	return false;
}

static void
on_patience(struct ev_timer *t)
{
	(void)t;
	late = true;
	ev_break(ev);
}

static void
run(void)
{
	late = false;
	assert_int_equal(ev_timer_set(ev, &patience, PATIENCE), 0);
	assert_int_equal(ev_loop(ev), 0);
	ev_timer_del(ev, &patience);
	assert_false(late);
	until = NULL;
}

static void
run_answers(unsigned n)
{
	want_answers = answers + n;
	run();
	assert_int_equal(answers, want_answers);
}

/* Nothing more to come: a few turns. */
static unsigned idle_turns;

static bool
idle(void)
{
	return ++idle_turns > 3;
}

static void
on_tick(struct ev_timer *t)
{
	(void)ev_timer_set(ev, t, 5);
}

static void
settle(void)
{
	struct ev_timer tick;

	ev_timer_init(&tick, on_tick, NULL);
	assert_int_equal(ev_timer_set(ev, &tick, 5), 0);
	idle_turns = 0;
	until = idle;
	run();
	ev_timer_del(ev, &tick);
}

#endif
