/* SPDX-License-Identifier: ISC */
/*
 * Dialling: "connect me to" of smtpd-out, "a socket to server i" of dnsd.
 * Each asker has a bound on connections under way and a rate, so that a
 * compromised one cannot scan.
 */
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/sys/queue.h>

#include "common/base/log.h"
#include "common/base/stats.h"
#include "common/msg/dns_conn.h"
#include "common/msg/out_conn.h"
#include "connd/connd.h"
#include "connd/policy.h"

#define ASKERS_MAX  (CONF_WORKERS_MAX + 2) /* smtpd-out workers, dnsd, dird */
#define PENDING_MAX 512	 /* connections under way for one asker */
#define RATE	    2000 /* sockets a second for one asker, */
#define BURST	    4000 /* and how many it may save up */
#define DNS_TIMEOUT 5000 /* ms, TCP to a DNS server */

struct asker {
	struct connd *connd;
	struct peer peer;
	struct chan *chan; /* NULL: free */
	uint32_t pending;
	uint32_t tokens;
	uint64_t refilled; /* ms */
	LIST_HEAD(, dial) dials;
};

struct dial {
	LIST_ENTRY(dial) entry;
	struct asker *asker;
	struct ev_io io;
	struct ev_timer timer;
	int fd;
	uint32_t id;
	uint16_t answer; /* type of the answer */
};

struct dialling {
	struct asker askers[ASKERS_MAX];
};

void
dial_init(struct connd *d)
{
	if ((d->dialling = calloc(1, sizeof(*d->dialling))) == NULL)
		fatal("memory");
}

/* --- answers --- */

static enum oc_result
result_of(int error)
{
	switch (error) {
	case ECONNREFUSED:
	case ECONNRESET:
		return OC_REFUSED;
	case ETIMEDOUT:
		return OC_TIMEOUT;
	case ENETUNREACH:
	case EHOSTUNREACH:
	case EADDRNOTAVAIL:
	case EAFNOSUPPORT:
	case ENETDOWN:
		return OC_UNREACHABLE;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
	case EAGAIN:
		return OC_LIMIT;
	default:
		return OC_ERROR;
	}
}

/* Takes fd, which is -1 unless result is OC_OK. */
static void
answer(struct asker *a, uint16_t type, uint32_t id, enum oc_result result,
    int error, int fd)
{
	struct oc_answer m = { .result = result, .error = (uint32_t)error };
	struct ibuf b;

	if (result == OC_OK)
		stats_inc(STAT_CONN_DIALLED);
	else if (result != OC_DENIED)
		stats_inc(STAT_CONN_DIAL_FAILED);
	chan_scratch(&b);
	if (put_oc_answer(&b, &m) == -1) {
		if (fd != -1)
			(void)close(fd);
		return;
	}
	/* a channel that takes no more is reported by on_violation */
	(void)chan_send(a->chan, type, id, &b, fd);
	/* sockets that it does not take are ours: it gets no more of them */
	if (chan_busy(a->chan))
		chan_pause(a->chan);
}

static void
answer_error(struct asker *a, uint16_t type, uint32_t id, int error)
{
	answer(a, type, id, result_of(error), error, -1);
}

/* --- connections under way --- */

static void
dial_free(struct dial *c, bool close_fd)
{
	struct ev *ev = c->asker->connd->ev;

	ev_io_del(ev, &c->io);
	ev_timer_del(ev, &c->timer);
	if (close_fd)
		(void)close(c->fd);
	LIST_REMOVE(c, entry);
	c->asker->pending--;
	free(c);
}

static void
on_connected(struct ev_io *io, uint32_t events)
{
	struct dial *c = io->arg;
	struct asker *a = c->asker;
	socklen_t len = sizeof(int);
	uint16_t type = c->answer;
	uint32_t id = c->id;
	int error = 0, fd = c->fd;

	(void)events;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		error = errno;
	dial_free(c, error != 0);
	if (error == 0)
		answer(a, type, id, OC_OK, 0, fd);
	else
		answer_error(a, type, id, error);
}

static void
on_timeout(struct ev_timer *t)
{
	struct dial *c = t->arg;
	struct asker *a = c->asker;
	uint16_t type = c->answer;
	uint32_t id = c->id;

	dial_free(c, true);
	answer_error(a, type, id, ETIMEDOUT);
}

static int
cancel(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct asker *a = chan_ctx(ch);
	struct dial *c;

	(void)b;
	(void)fd;
	LIST_FOREACH(c, &a->dials, entry)
		if (c->id == id) {
			dial_free(c, true);
			break;
		}
	return 0; /* it may have been answered meanwhile */
}

/* --- sockets --- */

static int
bind_source(const struct conf_side *s, int fd, const struct netaddr *to)
{
	const struct netaddr *src =
	    to->family == NETADDR_V4 ? &s->source4 : &s->source6;
	struct sockaddr_storage ss;
	struct netaddr any;
	socklen_t len;
	int on = 1;

	if (s->interface[0] != '\0' &&
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, s->interface,
		(socklen_t)strlen(s->interface) + 1) == -1)
		return -1;
	if (src->family == NETADDR_NONE)
		return 0;
	any = *src;
	any.port = 0;
	len = netaddr_to_sockaddr(&any, &ss);
	/* the port is chosen at connect(), per destination */
	if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on,
		sizeof(on)) == -1)
		return -1;
	return bind(fd, (struct sockaddr *)&ss, len);
}

/* A bound socket of the side; -1 with errno. */
static int
make_socket(const struct connd *d, const struct netaddr *to, int type)
{
	int fd, saved, on = 1;

	fd = socket(to->family == NETADDR_V4 ? AF_INET : AF_INET6,
	    type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -1;
	if (bind_source(&d->conf->side[d->side], fd, to) == -1 ||
	    (type == SOCK_STREAM &&
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) ==
		    -1)) {
		saved = errno;
		(void)close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

/* An address that can be bound is one of this host's. */
static bool
is_local(const struct netaddr *a)
{
	struct netaddr any = *a;
	struct sockaddr_storage ss;
	socklen_t len;
	bool local;
	int fd;

	any.port = 0;
	len = netaddr_to_sockaddr(&any, &ss);
	fd = socket(a->family == NETADDR_V4 ? AF_INET : AF_INET6,
	    SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return false;
	local = bind(fd, (struct sockaddr *)&ss, len) == 0;
	(void)close(fd);
	return local;
}

static void
start(struct asker *a, uint16_t type, uint32_t id, const struct netaddr *to,
    uint32_t timeout)
{
	struct connd *d = a->connd;
	struct sockaddr_storage ss;
	socklen_t len = netaddr_to_sockaddr(to, &ss);
	struct dial *c;
	int fd, error;

	if ((fd = make_socket(d, to, SOCK_STREAM)) == -1) {
		answer_error(a, type, id, errno);
		return;
	}
	if (connect(fd, (struct sockaddr *)&ss, len) == 0) {
		answer(a, type, id, OC_OK, 0, fd);
		return;
	}
	error = errno;
	if (error != EINPROGRESS || (c = calloc(1, sizeof(*c))) == NULL) {
		(void)close(fd);
		answer_error(a, type, id,
		    error == EINPROGRESS ? ENOMEM : error);
		return;
	}
	c->asker = a;
	c->fd = fd;
	c->id = id;
	c->answer = type;
	a->pending++;
	LIST_INSERT_HEAD(&a->dials, c, entry);
	ev_io_init(&c->io, on_connected, c);
	ev_timer_init(&c->timer, on_timeout, c);
	if (ev_io_set(d->ev, &c->io, fd, EPOLLOUT) == -1 ||
	    ev_timer_set(d->ev, &c->timer, timeout) == -1) {
		dial_free(c, true);
		answer_error(a, type, id, ENOMEM);
	}
}

/* --- requests --- */

static bool
within_limits(struct asker *a)
{
	uint64_t now = ev_now(a->connd->ev), add;

	add = (now - a->refilled) * RATE / 1000;
	if (add > 0) {
		a->refilled = now;
		a->tokens =
		    add > BURST - a->tokens ? BURST : a->tokens + (uint32_t)add;
	}
	if (a->tokens == 0 || a->pending >= PENDING_MAX)
		return false;
	a->tokens--;
	return true;
}

static void
deny(struct asker *a, uint32_t id, const struct netaddr *to, const char *why)
{
	struct logline l;
	char name[INSTANCE_MAX];

	stats_inc(STAT_CONN_DIAL_DENIED);
	ll_begin(&l, LOG_L_WARN, "dial-denied");
	ll_cstr(&l, "peer", peer_name(&a->peer, name));
	ll_addr(&l, "to", to);
	ll_cstr(&l, "why", why);
	ll_reason(&l, REASON_POLICY_ADDRESS);
	ll_send(&l);
	answer(a, OC_ANS_CONNECT, id, OC_DENIED, EACCES, -1);
}

static int
on_connect(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct asker *a = chan_ctx(ch);
	struct connd *d = a->connd;
	enum policy_verdict v;
	struct oc_connect m;

	(void)fd;
	if (get_oc_connect(b, &m) == -1)
		return -1;
	if (d->conf == NULL || !within_limits(a)) {
		answer_error(a, OC_ANS_CONNECT, id, EAGAIN);
		return 0;
	}
	v = policy_dial(d->conf, d->side, &m.to);
	if (v == POLICY_OK && d->side == SIDE_EXT &&
	    !policy_reach(d->conf, d->side, &m.to) && is_local(&m.to))
		v = POLICY_OWN;
	if (v != POLICY_OK) {
		deny(a, id, &m.to, policy_name(v));
		return 0;
	}
	start(a, OC_ANS_CONNECT, id, &m.to, m.timeout_ms);
	return 0;
}

static void
dns_udp(struct asker *a, uint32_t id, const struct netaddr *to)
{
	struct sockaddr_storage ss;
	socklen_t len = netaddr_to_sockaddr(to, &ss);
	int fd, saved;

	if ((fd = make_socket(a->connd, to, SOCK_DGRAM)) == -1) {
		answer_error(a, DC_ANS_SOCKET, id, errno);
		return;
	}
	if (connect(fd, (struct sockaddr *)&ss, len) == -1) {
		saved = errno;
		(void)close(fd);
		answer_error(a, DC_ANS_SOCKET, id, saved);
		return;
	}
	answer(a, DC_ANS_SOCKET, id, OC_OK, 0, fd);
}

static int
on_dns_socket(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct asker *a = chan_ctx(ch);
	struct connd *d = a->connd;
	const struct conf_side *s;
	struct dc_socket m;

	(void)fd;
	if (get_dc_socket(b, &m) == -1)
		return -1;
	if (d->conf == NULL || m.generation != d->conf->generation ||
	    !within_limits(a)) {
		/* the numbers of servers have just changed: ask again */
		answer_error(a, DC_ANS_SOCKET, id, EAGAIN);
		return 0;
	}
	s = &d->conf->side[d->side];
	if (m.server >= s->ndns)
		return -1;
	if (m.proto == DC_UDP)
		dns_udp(a, id, &s->dns[m.server]);
	else
		start(a, DC_ANS_SOCKET, id, &s->dns[m.server], DNS_TIMEOUT);
	return 0;
}

static const struct chan_msg out_msgs[] = {
	{ OC_REQ_CONNECT, OC_CONNECT_LEN, OC_CONNECT_LEN, FD_NONE, CHAN_ANY,
	    on_connect },
	{ OC_REQ_CANCEL, 0, 0, FD_NONE, CHAN_ANY, cancel },
};

static const struct chan_msg dns_msgs[] = {
	{ DC_REQ_SOCKET, DC_SOCKET_LEN, DC_SOCKET_LEN, FD_NONE, CHAN_ANY,
	    on_dns_socket },
	{ DC_REQ_CANCEL, 0, 0, FD_NONE, CHAN_ANY, cancel },
};

/* --- askers --- */

static void
asker_lost(struct asker *a)
{
	struct dial *c, *next;

	for (c = LIST_FIRST(&a->dials); c != NULL; c = next) {
		next = LIST_NEXT(c, entry);
		dial_free(c, true);
	}
	chan_free(a->chan);
	a->chan = NULL;
}

static void
on_asker_violation(struct chan *ch, enum chan_violation v)
{
	struct asker *a = chan_ctx(ch);

	child_violation(a->connd->child, &a->peer, v);
	asker_lost(a);
}

static void
on_asker_drain(struct chan *ch)
{
	chan_resume(ch);
}

static struct asker *
asker_find(struct dialling *d, const struct peer *p)
{
	struct asker *a, *spare = NULL;

	for (a = d->askers; a < d->askers + ASKERS_MAX; a++) {
		if (a->chan == NULL) {
			if (spare == NULL)
				spare = a;
		} else if (a->peer.proc == p->proc &&
		    a->peer.index == p->index) {
			asker_lost(a);
			return a;
		}
	}
	return spare;
}

void
dial_peer(struct connd *d, const struct peer *peer, int fd)
{
	bool out = peer->proc == PROC_SMTPD_OUT;
	struct chan_spec spec = {
		.msgs = out ? out_msgs : dns_msgs,
		.nmsgs = 2,
		.send_fds = true,
		.on_drain = on_asker_drain,
		.on_violation = on_asker_violation,
	};
	struct asker *a = asker_find(d->dialling, peer);
	char name[INSTANCE_MAX];

	if (a == NULL) {
		(void)close(fd);
		return;
	}
	a->connd = d;
	a->peer = *peer;
	a->pending = 0;
	a->tokens = BURST;
	a->refilled = ev_now(d->ev);
	LIST_INIT(&a->dials);
	spec.name = peer_name(peer, name);
	spec.ctx = a;
	if ((a->chan = chan_new(d->ev, fd, &spec)) == NULL)
		log_warn("channel to %s", name);
}
