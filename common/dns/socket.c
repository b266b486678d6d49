/* SPDX-License-Identifier: ISC */
/*
 * Sockets from connd, and the bytes on them.  Each question over UDP gets a
 * socket of its own, connected and with a port that the kernel picked at
 * random; it is closed with the first datagram.
 */
#include <sys/socket.h>

#include <errno.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/dns/dnsd_impl.h"
#include "common/msg/dns_conn.h"

#define SLOT_BITS 10 /* of a request's number; the rest is a serial */
#define SLOT_MASK ((1U << SLOT_BITS) - 1)

_Static_assert(DNSD_ACTIVE < 1 << SLOT_BITS, "a slot fits its bits");

static uint8_t inbuf[DNS_TCP_MAX + 2];

static void
on_readable(struct ev_io *io, uint32_t events)
{
	struct lookup *l = io->arg;
	struct dns_query *q = &l->query;
	uint64_t now = ev_now(l->dnsd->ev);
	ssize_t n;

	(void)events;
	n = recv(io->fd, inbuf, sizeof(inbuf), MSG_DONTWAIT);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n == -1 || (n == 0 && q->tcp))
		lookup_event(l, dns_query_error(q, now));
	else if (q->tcp)
		lookup_event(l, dns_query_stream(q, now, inbuf, (size_t)n));
	else
		lookup_event(l, dns_query_datagram(q, now, inbuf, (size_t)n));
}

int
socket_request(struct lookup *l)
{
	struct dnsd *d = l->dnsd;
	struct dc_socket m = {
		.generation = d->generation,
		.server = (uint8_t)l->query.server,
		.proto = l->query.tcp ? DC_TCP : DC_UDP,
	};
	struct ibuf b;

	if (d->connd == NULL)
		return -1;
	/* The slot and one: never 0, which says "none". */
	l->request = ++d->serial << SLOT_BITS | (l->slot + 1);
	chan_scratch(&b);
	if (put_dc_socket(&b, &m) == -1 ||
	    chan_send(d->connd, DC_REQ_SOCKET, l->request, &b, -1) == -1) {
		l->request = 0;
		return -1;
	}
	return 0;
}

/* NULL: its asker wants it no more. */
struct lookup *
lookup_by_request(struct dnsd *d, uint32_t request)
{
	uint32_t slot = request & SLOT_MASK;
	struct lookup *l;

	if (slot == 0 || slot > DNSD_ACTIVE)
		return NULL;
	l = d->active[slot - 1];
	return l != NULL && l->request == request ? l : NULL;
}

void
socket_close(struct lookup *l)
{
	struct dnsd *d = l->dnsd;
	int fd = l->io.fd;

	if (l->request != 0 && d->connd != NULL)
		(void)chan_send(d->connd, DC_REQ_CANCEL, l->request, NULL, -1);
	l->request = 0;
	if (fd == -1)
		return;
	ev_io_del(d->ev, &l->io);
	(void)close(fd);
	l->io.fd = -1;
}

int
socket_send(struct lookup *l)
{
	const struct dns_query *q = &l->query;
	ssize_t n;

	n = send(l->io.fd, q->out, q->out_len, MSG_DONTWAIT | MSG_NOSIGNAL);
	/* A new connection takes a few hundred bytes at once, or is no good. */
	return n >= 0 && (size_t)n == q->out_len ? 0 : -1;
}

/* Did the server keep us out, and not connd or a configuration in change? */
static bool
servers_fault(const struct oc_answer *m)
{
	return m->result == OC_REFUSED || m->result == OC_TIMEOUT ||
	    m->result == OC_UNREACHABLE;
}

/* DC_ANS_SOCKET: a socket exactly when the result is "ok". */
static int
on_socket(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct dnsd *d = chan_ctx(ch);
	struct oc_answer m;
	struct lookup *l;
	uint64_t now = ev_now(d->ev);

	if (get_oc_answer(b, &m) == -1 || (m.result == OC_OK) != (fd != -1)) {
		if (fd != -1)
			(void)close(fd);
		return -1;
	}
	if ((l = lookup_by_request(d, id)) == NULL) {
		if (fd != -1)
			(void)close(fd);
		return 0;
	}
	l->request = 0;
	if (fd == -1) {
		lookup_event(l,
		    dns_query_no_socket(&l->query, now, servers_fault(&m)));
		return 0;
	}
	ev_io_init(&l->io, on_readable, l);
	if (ev_io_set(d->ev, &l->io, fd, EPOLLIN) == -1) {
		(void)close(fd);
		l->io.fd = -1;
		lookup_event(l, dns_query_no_socket(&l->query, now, false));
		return 0;
	}
	lookup_event(l, dns_query_socket(&l->query, now));
	return 0;
}

static const struct chan_msg conn_msgs[] = {
	{ DC_ANS_SOCKET, OC_ANSWER_LEN, OC_ANSWER_LEN, FD_OPT, CHAN_ANY,
	    on_socket },
};

/* Nobody will answer what was asked of it. */
static void
forget_requests(struct dnsd *d)
{
	uint64_t now = ev_now(d->ev);
	struct lookup *l;
	size_t i;

	for (i = 0; i < DNSD_ACTIVE; i++) {
		if ((l = d->active[i]) == NULL || l->request == 0)
			continue;
		l->request = 0;
		lookup_event(l, dns_query_no_socket(&l->query, now, false));
	}
}

static void
on_conn_gone(struct chan *ch, enum chan_violation v)
{
	struct dnsd *d = chan_ctx(ch);
	const struct peer peer = { PROC_CONND, (uint8_t)d->side->side, 0 };

	if (v != CHAN_V_CLOSED)
		child_violation(d->child, &peer, v);
	chan_free(ch);
	d->connd = NULL;
	forget_requests(d);
}

void
sockets_peer(struct dnsd *d, int fd)
{
	struct chan_spec spec = {
		.name = "connd",
		.msgs = conn_msgs,
		.nmsgs = sizeof(conn_msgs) / sizeof(conn_msgs[0]),
		.recv_fds = true,
		.ctx = d,
		.on_violation = on_conn_gone,
	};

	chan_free(d->connd);
	d->connd = NULL;
	forget_requests(d);
	if ((d->connd = chan_new(d->ev, fd, &spec)) == NULL)
		fatal("channel to connd");
}
