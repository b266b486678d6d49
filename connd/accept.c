/* SPDX-License-Identifier: ISC */
/*
 * Accepting: each connection is counted, by side, address and network, and
 * handed to the least loaded worker.  The excess is told 421 and closed.
 * Without a worker nothing is accepted: connections wait in the kernel's
 * backlog for the replacement, which is a matter of milliseconds.
 */
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/sys/queue.h>

#include "common/base/log.h"
#include "common/base/relay.h"
#include "common/base/stats.h"
#include "common/base/tree.h"
#include "common/msg/conn_in.h"
#include "connd/clients.h"
#include "connd/connd.h"

#define BURST	       64  /* accepted in one turn from one listener */
#define LINES_A_SECOND 50  /* of refusals */
#define FULL_PAUSE     100 /* ms without accepting when descriptors are short */

static const char too_many[] =
    "421 4.3.2 Too many connections, try again later\r\n";
static const char too_bad[] =
    "421 4.7.0 Too many of your sessions were errors only, try again later\r\n";
static const char not_for_you[] =
    "554 5.7.1 This host may not use this service\r\n";

struct listener {
	LIST_ENTRY(listener) entry;
	struct connd *connd;
	struct ev_io io;
	int fd;
	uint32_t id;
	struct netaddr addr;
};

struct worker {
	struct connd *connd;
	struct peer peer;
	struct chan *chan; /* NULL: being replaced */
	uint32_t open;
};

struct conn {
	RB_ENTRY(conn) entry;
	uint32_t id;
	struct worker *worker;
	struct client_addr *client; /* entered; NULL: none (yet) */
	bool proxied;		    /* nobody has been named yet */
};
RB_HEAD(conns, conn);

struct accepting {
	LIST_HEAD(, listener) listeners;
	struct worker workers[CONF_WORKERS_MAX];
	struct clients *clients;
	struct conns conns;
	uint32_t open;
	uint32_t next_id;
	bool draining;
	struct ev_timer resume;
	uint64_t log_second; /* lines of refusals in this one */
	uint32_t logged;
	uint64_t held_back;
};

static int
conn_cmp(struct conn *a, struct conn *b)
{
	return a->id < b->id ? -1 : a->id > b->id;
}

RB_PROTOTYPE_STATIC(conns, conn, entry, conn_cmp)
RB_GENERATE_STATIC(conns, conn, entry, conn_cmp)

static void watch_listeners(struct connd *);

static void
on_resume(struct ev_timer *t)
{
	watch_listeners(t->arg);
}

void
accept_init(struct connd *d)
{
	if ((d->accepting = calloc(1, sizeof(*d->accepting))) == NULL ||
	    (d->accepting->clients = clients_new()) == NULL)
		fatal("memory");
	LIST_INIT(&d->accepting->listeners);
	RB_INIT(&d->accepting->conns);
	ev_timer_init(&d->accepting->resume, on_resume, d);
}

/* --- counting --- */

static void
count_records(const struct accepting *a)
{
	stats_set(STAT_CONN_RECORDS, clients_records(a->clients));
}

static void
client_leave(struct connd *d, struct client_addr *client, bool bad)
{
	clients_leave(d->accepting->clients, &d->conf->limits, client,
	    ev_now(d->ev), bad);
	count_records(d->accepting);
}

static void
conn_end(struct connd *d, struct conn *c, bool bad)
{
	struct accepting *a = d->accepting;

	(void)RB_REMOVE(conns, &a->conns, c);
	c->worker->open--;
	if (c->client != NULL)
		client_leave(d, c->client, bad);
	a->open--;
	stats_dec(STAT_CONN_OPEN);
	free(c);
}

static struct conn *
conn_begin(struct accepting *a, struct worker *w, struct client_addr *client)
{
	struct conn *c;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		return NULL;
	do {
		c->id = a->next_id++;
	} while (RB_FIND(conns, &a->conns, c) != NULL);
	(void)RB_INSERT(conns, &a->conns, c);
	c->worker = w;
	c->client = client;
	w->open++;
	a->open++;
	stats_inc(STAT_CONN_OPEN);
	return c;
}

/* --- workers --- */

static struct worker *
least_loaded(struct accepting *a)
{
	struct worker *best = NULL, *w;

	for (w = a->workers; w < a->workers + CONF_WORKERS_MAX; w++)
		if (w->chan != NULL && !chan_busy(w->chan) &&
		    (best == NULL || w->open < best->open))
			best = w;
	return best;
}

static int
on_closed(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct worker *w = chan_ctx(ch);
	struct accepting *a = w->connd->accepting;
	struct conn key = { .id = id }, *c;
	enum ci_end how;

	(void)fd;
	c = RB_FIND(conns, &a->conns, &key);
	if (get_ci_end(b, &how) == -1 || c == NULL || c->worker != w)
		return -1;
	conn_end(w->connd, c, how == CI_END_BAD);
	return 0;
}

static int on_client(struct chan *, uint32_t, struct ibuf *, int);

static const struct chan_msg worker_msgs[] = {
	{ CI_ANS_CLIENT, CI_CLIENT_LEN, CI_CLIENT_LEN, FD_NONE, CHAN_ANY,
	    on_client },
	{ CI_ANS_CLOSED, CI_END_LEN, CI_END_LEN, FD_NONE, CHAN_ANY, on_closed },
};

static void
worker_lost(struct worker *w)
{
	struct accepting *a = w->connd->accepting;
	struct conn *c, *next;

	chan_free(w->chan);
	w->chan = NULL;
	for (c = RB_MIN(conns, &a->conns); c != NULL; c = next) {
		next = RB_NEXT(conns, &a->conns, c);
		if (c->worker == w)
			conn_end(w->connd, c, false);
	}
	watch_listeners(w->connd);
}

static void
on_worker_violation(struct chan *ch, enum chan_violation v)
{
	struct worker *w = chan_ctx(ch);

	child_violation(w->connd->child, &w->peer, v);
	worker_lost(w);
}

static void
on_worker_drain(struct chan *ch)
{
	struct worker *w = chan_ctx(ch);

	watch_listeners(w->connd);
}

void
accept_peer(struct connd *d, const struct peer *peer, int fd)
{
	struct worker *w;
	struct chan_spec spec = {
		.msgs = worker_msgs,
		.nmsgs = sizeof(worker_msgs) / sizeof(worker_msgs[0]),
		.send_fds = true,
		.on_drain = on_worker_drain,
		.on_violation = on_worker_violation,
	};
	char name[INSTANCE_MAX];

	if (peer->index >= CONF_WORKERS_MAX) {
		(void)close(fd);
		return;
	}
	w = &d->accepting->workers[peer->index];
	if (w->chan != NULL)
		worker_lost(w);
	w->connd = d;
	w->peer = *peer;
	spec.name = peer_name(peer, name);
	spec.ctx = w;
	if ((w->chan = chan_new(d->ev, fd, &spec)) == NULL)
		log_warn("channel to %s", name);
	watch_listeners(d);
}

/* --- connections --- */

static enum counter
counter_of(enum reason reason)
{
	if (reason == REASON_CLIENT_DENIED)
		return STAT_CONN_REFUSED_SOURCE;
	if (reason == REASON_TOO_FAST)
		return STAT_CONN_REFUSED_RATE;
	if (reason == REASON_BAD_CLIENT)
		return STAT_CONN_REFUSED_BAD;
	return STAT_CONN_REFUSED_LIMIT;
}

/* A flood of connections is none of lines. */
static bool
may_log(struct connd *d)
{
	struct accepting *a = d->accepting;
	uint64_t second = ev_now(d->ev) / 1000;

	if (second != a->log_second) {
		a->log_second = second;
		a->logged = 0;
	}
	if (a->logged >= LINES_A_SECOND) {
		a->held_back++;
		return false;
	}
	a->logged++;
	return true;
}

/* limit: its name, NULL if it was none */
static void
log_refused(struct connd *d, const struct netaddr *client, const char *reply,
    enum reason reason, const char *limit)
{
	struct accepting *a = d->accepting;
	struct logline l;

	if (!may_log(d))
		return;
	ll_begin(&l, LOG_L_INFO, "refuse");
	ll_addr(&l, "client", client);
	ll_cstr(&l, "side", side_name(d->side));
	if (limit != NULL)
		ll_cstr(&l, "limit", limit);
	ll_str(&l, "reply", reply, strlen(reply) - 2);
	if (a->held_back > 0)
		ll_num(&l, "held-back", a->held_back);
	a->held_back = 0;
	ll_reason(&l, reason);
	ll_send(&l);
}

static void
note_refused(struct connd *d, const struct netaddr *client, const char *reply,
    enum reason reason, const char *limit)
{
	stats_inc(counter_of(reason));
	log_refused(d, client, reply, reason, limit);
}

static void
turn_away(struct connd *d, int fd, const struct netaddr *client,
    const char *reply, enum reason reason, const char *limit)
{
	ssize_t n;

	n = send(fd, reply, strlen(reply), MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)n;
	(void)close(fd);
	note_refused(d, client, reply, reason, limit);
}

/* What is said to a client, and why; NULL: it may come in. */
struct refusal {
	const char *reply;
	enum reason reason;
	const char *limit;
};

static struct refusal
refusal_of(enum clients_verdict v)
{
	const char *limit = clients_verdict_name(v);

	switch (v) {
	case CLIENTS_OK:
		return (struct refusal){ NULL, REASON_OK, NULL };
	case CLIENTS_ADDRESS_BAD:
	case CLIENTS_NETWORK_BAD:
		return (struct refusal){ too_bad, REASON_BAD_CLIENT, limit };
	case CLIENTS_ADDRESS_FAST:
	case CLIENTS_NETWORK_FAST:
		return (struct refusal){ too_many, REASON_TOO_FAST, limit };
	case CLIENTS_ADDRESS_FULL:
	case CLIENTS_NETWORK_FULL:
	case CLIENTS_NO_MEMORY:
		break;
	}
	return (struct refusal){ too_many, REASON_TOO_MANY_SESSIONS, limit };
}

/* Whether a client may come in now; *as is entered if so. */
static struct refusal
judge(struct connd *d, const struct netaddr *client, struct client_addr **as)
{
	struct accepting *a = d->accepting;
	struct refusal r = { not_for_you, REASON_CLIENT_DENIED, NULL };

	*as = NULL;
	/* by a certificate others may come in: smtpd-in looks at it */
	if (relay_client(d->conf, d->side, client) != REASON_OK &&
	    (d->side == SIDE_EXT || d->conf->naccept_certs == 0))
		return r;
	r = refusal_of(clients_enter(a->clients, &d->conf->limits, client,
	    ev_now(d->ev), as));
	count_records(a);
	return r;
}

/* as: NULL for a proxy's connection, which says later whose it is */
static void
hand_over(struct connd *d, const struct listener *l, struct client_addr *as,
    const struct netaddr *client, int fd)
{
	struct ci_session m = { .client = *client,
		.local = l->addr,
		.listener = l->id,
		.proxied = as == NULL };
	struct accepting *a = d->accepting;
	struct worker *w = least_loaded(a);
	struct conn *c;
	struct ibuf b;

	if (w == NULL || (c = conn_begin(a, w, as)) == NULL) {
		if (as != NULL)
			client_leave(d, as, false);
		turn_away(d, fd, client, too_many, REASON_TOO_MANY_SESSIONS,
		    "workers");
		return;
	}
	c->proxied = m.proxied;
	chan_scratch(&b);
	if (put_ci_session(&b, &m) == -1 ||
	    chan_send(w->chan, CI_REQ_SESSION, c->id, &b, fd) == -1) {
		conn_end(d, c, false);
		return;
	}
	stats_inc(STAT_CONN_ACCEPTED);
}

static const struct conf_listener *in_conf(const struct connd *,
    const struct netaddr *);

static void
take(struct connd *d, const struct listener *l, const struct netaddr *client,
    int fd)
{
	const struct conf_listener *cl = in_conf(d, &l->addr);
	struct client_addr *as = NULL;
	struct refusal r;

	if (d->accepting->open >= d->conf->limits.sessions)
		r = (struct refusal){ too_many, REASON_TOO_MANY_SESSIONS,
			"sessions" };
	else if (cl == NULL || cl->proxies.n == 0)
		r = judge(d, client, &as);
	else if (netset_match(&cl->proxies, client))
		r = (struct refusal){ NULL, REASON_OK, NULL };
	else
		r = (struct refusal){ not_for_you, REASON_CLIENT_DENIED,
			"proxy" };
	if (r.reply == NULL)
		hand_over(d, l, as, client, fd);
	else
		turn_away(d, fd, client, r.reply, r.reason, r.limit);
}

/* A worker has read whom a proxy speaks for. */
static int
on_client(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct worker *w = chan_ctx(ch);
	struct connd *d = w->connd;
	struct conn key = { .id = id }, *c;
	struct ci_admit answer = { .verdict = CI_MAY };
	struct ci_client m;
	struct refusal r;
	struct ibuf out;

	(void)fd;
	c = RB_FIND(conns, &d->accepting->conns, &key);
	if (get_ci_client(b, &m) == -1 || c == NULL || c->worker != w ||
	    !c->proxied)
		return -1;
	c->proxied = false;
	r = judge(d, &m.client, &c->client);
	if (r.reply != NULL) {
		note_refused(d, &m.client, r.reply, r.reason, r.limit);
		answer.verdict =
		    r.reason == REASON_CLIENT_DENIED ? CI_DENIED : CI_TOO_MANY;
	}
	answer.tag = m.tag;
	chan_scratch(&out);
	if (put_ci_admit(&out, &answer) == 0)
		(void)chan_send(w->chan, CI_REQ_ADMIT, id, &out, -1);
	return 0;
}

static void
on_accept(struct ev_io *io, uint32_t events)
{
	struct listener *l = io->arg;
	struct connd *d = l->connd;
	struct sockaddr_storage ss;
	struct netaddr client;
	socklen_t len;
	int fd, i;

	(void)events;
	for (i = 0; i < BURST && io->fd != -1; i++) {
		len = sizeof(ss);
		fd = accept4(l->fd, (struct sockaddr *)&ss, &len,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd == -1)
			break;
		if (netaddr_from_sockaddr(&client, (struct sockaddr *)&ss,
			len) == -1)
			(void)close(fd);
		else
			take(d, l, &client, fd);
		if (least_loaded(d->accepting) == NULL)
			watch_listeners(d);
	}
	if (i < BURST && io->fd != -1 &&
	    (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
		errno == ENOMEM)) {
		log_warn("accept");
		ev_io_del(d->ev, io);
		(void)ev_timer_set(d->ev, &d->accepting->resume, FULL_PAUSE);
	}
}

/* --- listeners --- */

static void
watch_listeners(struct connd *d)
{
	struct accepting *a = d->accepting;
	bool ready = !a->draining && d->conf != NULL && least_loaded(a) != NULL;
	struct listener *l;

	LIST_FOREACH(l, &a->listeners, entry) {
		if (!ready)
			ev_io_del(d->ev, &l->io);
		else if (ev_io_set(d->ev, &l->io, l->fd, EPOLLIN) == -1)
			log_warn("watching a listener");
	}
}

static void
listener_free(struct connd *d, struct listener *l)
{
	ev_io_del(d->ev, &l->io);
	(void)close(l->fd);
	LIST_REMOVE(l, entry);
	free(l);
}

static const struct conf_listener *
in_conf(const struct connd *d, const struct netaddr *addr)
{
	uint32_t i;

	for (i = 0; i < d->conf->nlisteners; i++)
		if (d->conf->listeners[i].side == d->side &&
		    netaddr_cmp(&d->conf->listeners[i].addr, addr) == 0)
			return &d->conf->listeners[i];
	return NULL;
}

/* Listeners that the new configuration does not have are closed. */
void
accept_conf(struct connd *d)
{
	const struct conf_listener *cl;
	struct listener *l, *next;

	for (l = LIST_FIRST(&d->accepting->listeners); l != NULL; l = next) {
		next = LIST_NEXT(l, entry);
		if ((cl = in_conf(d, &l->addr)) == NULL)
			listener_free(d, l);
		else
			l->id = cl->id;
	}
	watch_listeners(d);
}

int
accept_listener(struct connd *d, uint32_t id, int fd)
{
	struct accepting *a = d->accepting;
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct netaddr addr;
	struct listener *l, *next;

	if (getsockname(fd, (struct sockaddr *)&ss, &len) == -1 ||
	    netaddr_from_sockaddr(&addr, (struct sockaddr *)&ss, len) == -1 ||
	    a->draining || (l = calloc(1, sizeof(*l))) == NULL) {
		(void)close(fd);
		return 0;
	}
	for (struct listener *o = LIST_FIRST(&a->listeners); o != NULL;
	     o = next) {
		next = LIST_NEXT(o, entry);
		if (netaddr_cmp(&o->addr, &addr) == 0)
			listener_free(d, o);
	}
	l->connd = d;
	l->fd = fd;
	l->id = id;
	l->addr = addr;
	ev_io_init(&l->io, on_accept, l);
	LIST_INSERT_HEAD(&a->listeners, l, entry);
	watch_listeners(d);
	return 0;
}

void
accept_drain(struct connd *d)
{
	struct listener *l, *next;

	d->accepting->draining = true;
	for (l = LIST_FIRST(&d->accepting->listeners); l != NULL; l = next) {
		next = LIST_NEXT(l, entry);
		listener_free(d, l);
	}
}
