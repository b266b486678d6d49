/* SPDX-License-Identifier: ISC */
/*
 * How a client comes in and goes: from connd's socket to the greeting, and from
 * the last reply to what connd is told of the session.
 */
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/relay.h"
#include "common/base/stats.h"
#include "smtpd-in/proxy.h"
#include "smtpd-in/server.h"

#define PROXY_TIME 10000 /* ms for its header, and for connd's word on it */

/* It got no message accepted, and made errors or was hung up on. */
static bool
is_bad(const struct client *c)
{
	return c->session.messages == 0 &&
	    (c->session.errors > 0 || c->offence);
}

static void
log_repaired(const struct client *c)
{
	struct logline l;

	stats_add(STAT_LINES_REPAIRED, c->repaired);
	ll_begin(&l, LOG_L_INFO, "repaired");
	ll_addr(&l, "client", &c->peer.client);
	ll_cstr(&l, "side", side_name(c->server->side));
	ll_cstr(&l, "helo", c->session.helo);
	ll_num(&l, "lines", c->repaired);
	ll_send(&l);
}

void
client_free(struct client *c)
{
	struct server *sv = c->server;

	if (c->waiting == WAIT_ROOM)
		STAILQ_REMOVE(&sv->submits, c, client, submit);
	ev_io_del(sv->ev, &c->io);
	ev_timer_del(sv->ev, &c->timer);
	(void)close(c->fd);
	intx_free(sv, c->tx);
	free(c->in);
	free(c->out);
	free(c->held);
	tls_free(c->tls);
	sv->clients[c->slot] = NULL;
	sv->nclients--;
	stats_dec(STAT_SESSIONS_OPEN);
	if (c->repaired > 0)
		log_repaired(c);
	if (is_bad(c))
		stats_inc(STAT_SESSIONS_BAD);
	peers_conn_closed(sv, c->conn_id, c->conn_life,
	    is_bad(c) ? CI_END_BAD : CI_END_FAIR);
	free(c);
	clients_leave(sv);
}

/* Not before connd's channel ends: a client may still be on its way in it. */
void
clients_leave(struct server *sv)
{
	if (child_draining(sv->child) && sv->nclients == 0 && sv->conn == NULL)
		child_exit(sv->child);
}

static int
find_slot(struct server *sv, uint16_t *slot)
{
	uint32_t i;

	for (i = 0; i < CLIENTS_MAX; i++) {
		*slot = (uint16_t)(sv->next_slot++ % CLIENTS_MAX);
		if (sv->clients[*slot] == NULL)
			return 0;
	}
	return -1;
}

/* Who is not listed may still show a certificate that is. */
static bool
let_in(struct client *c)
{
	const struct server *sv = c->server;

	if (relay_client(sv->conf, sv->side, &c->peer.client) == REASON_OK)
		return true;
	c->by_cert = sv->side == SIDE_INT && sv->conf->naccept_certs > 0 &&
	    sv->tls != NULL;
	if (c->by_cert)
		session_require_tls(&c->session);
	return c->by_cert;
}

static void
greet_with(struct client *c, enum smtp_reply_id id)
{
	c->stage = STAGE_IN;
	c->quiet_since = ev_now(c->server->ev);
	session_greet(&c->session, id);
	client_run(c, 0);
}

static void
greet(struct client *c)
{
	struct server *sv = c->server;

	if (child_hurried(sv->child))
		greet_with(c, SMTP_R_BUSY);
	else if (!let_in(c))
		greet_with(c, SMTP_R_REFUSED);
	else
		greet_with(c, SMTP_R_GREETING);
}

/* The session machine refuses what comes before the greeting. */
static void
spoke_early(struct client *c, size_t len)
{
	c->stage = STAGE_IN;
	client_run(c, len);
}

/*
 * RFC 5321 3.1: the server speaks first.  What a client has said already, or
 * says while the greeting is held back, shows that it does not listen.
 */
static void
receive(struct client *c)
{
	const struct server *sv = c->server;
	size_t cap;
	char *room = client_room(c, &cap);
	ssize_t n;

	c->repairs = sv->side == SIDE_INT &&
	    netset_match(&sv->conf->side[SIDE_INT].repair, &c->peer.client);
	if (c->repairs)
		session_init(&c->session, &sv->repair_conf);
	if (conf_requires_tls(sv->conf, sv->side, &c->peer.client))
		session_require_tls(&c->session);
	if (c->in_len > 0) { /* behind its proxy's header */
		spoke_early(c, 0);
		return;
	}
	n = recv(c->fd, room, cap, MSG_DONTWAIT);
	if (n > 0) {
		spoke_early(c, (size_t)n);
		return;
	}
	if (n == 0) {
		client_free(c);
		return;
	}
	if (sv->side != SIDE_EXT || sv->conf->limits.greeting_delay == 0 ||
	    child_hurried(sv->child)) {
		greet(c);
		return;
	}
	c->stage = STAGE_GREET;
	c->wait_since = ev_now(sv->ev);
	client_watch(c);
}

/* --- behind a proxy --- */

static void
refuse_proxy(struct client *c, const char *why)
{
	struct logline l;

	stats_inc(STAT_PROXY_REFUSED);
	ll_begin(&l, LOG_L_WARN, "proxy-refused");
	ll_addr(&l, "proxy", &c->peer.client);
	ll_cstr(&l, "side", side_name(c->server->side));
	ll_cstr(&l, "text", why);
	ll_send(&l);
	client_free(c);
}

/* The proxy has spoken: connd counts the client, and says whether it may. */
static void
name_client(struct client *c, const struct netaddr *client)
{
	struct ci_client m = { .client = *client };

	c->proxy = c->peer.client;
	c->peer.client = *client;
	c->stage = STAGE_ADMIT;
	c->waiting = WAIT_ADMIT;
	c->wait_since = ev_now(c->server->ev);
	c->seq++;
	m.tag = client_question_id(c);
	if (peers_tell_client(c, &m) == -1)
		client_free(c);
	else
		client_watch(c);
}

/* The proxy's header, and what of the client came along with it. */
static void
take_header(struct client *c, const char *p, size_t len)
{
	struct proxy_header h;

	switch (proxy_parse((const uint8_t *)p, len, &h)) {
	case PROXY_BAD:
		refuse_proxy(c, h.why);
		return;
	case PROXY_MORE:
		if (client_keep(c, p, len) == -1)
			client_free(c);
		else
			client_watch(c);
		return;
	case PROXY_LOCAL:
		h.client = c->peer.client;
		break;
	case PROXY_DONE:
		break;
	}
	if (client_keep(c, p + h.len, len - h.len) == -1)
		client_free(c);
	else
		name_client(c, &h.client);
}

void
entry_proxy(struct client *c)
{
	size_t cap, kept = c->in_len;
	char *room = client_room(c, &cap);
	ssize_t n = recv(c->fd, room, cap, MSG_DONTWAIT);

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		take_header(c, room - kept, kept + (size_t)n);
	else
		client_free(c);
}

void
entry_admit(struct client *c, enum ci_verdict v)
{
	c->waiting = WAIT_NOTHING;
	switch (v) {
	case CI_MAY:
		receive(c);
		break;
	case CI_TOO_MANY:
		greet_with(c, SMTP_R_BUSY);
		break;
	case CI_DENIED:
		greet_with(c, SMTP_R_REFUSED);
		break;
	}
}

uint64_t
entry_deadline(const struct client *c)
{
	if (c->stage != STAGE_GREET)
		return c->wait_since + PROXY_TIME;
	return c->wait_since + c->server->conf->limits.greeting_delay * 1000ULL;
}

void
entry_late(struct client *c)
{
	if (c->stage == STAGE_PROXY)
		refuse_proxy(c, "no header in time");
	else if (c->stage == STAGE_ADMIT)
		client_free(c);
	else
		greet(c);
}

void
client_start(struct server *sv, uint32_t conn_id, const struct ci_session *m,
    int fd)
{
	struct client *c;
	uint16_t slot = 0;

	if (sv->conf == NULL || find_slot(sv, &slot) == -1 ||
	    (c = calloc(1, sizeof(*c))) == NULL) {
		(void)close(fd);
		peers_conn_closed(sv, conn_id, sv->conn_life, CI_END_FAIR);
		return;
	}
	c->server = sv;
	c->slot = slot;
	c->conn_id = conn_id;
	c->conn_life = sv->conn_life;
	c->peer = *m;
	c->fd = fd;
	c->started = c->quiet_since = ev_now(sv->ev);
	ev_io_init(&c->io, client_on_io, c);
	ev_timer_init(&c->timer, client_on_timer, c);
	sv->clients[slot] = c;
	sv->nclients++;
	stats_inc(STAT_SESSIONS);
	stats_inc(STAT_SESSIONS_OPEN);
	session_init(&c->session, &sv->session_conf);
	if (m->proxied) {
		c->stage = STAGE_PROXY;
		c->wait_since = c->started;
		client_watch(c);
	} else {
		receive(c);
	}
}

void
clients_give_up(struct server *sv, enum waiting_for what)
{
	uint32_t i;

	for (i = 0; what != WAIT_NOTHING && i < CLIENTS_MAX; i++)
		if (sv->clients[i] != NULL && sv->clients[i]->waiting == what)
			client_no_answer(sv->clients[i]);
}

/*
 * When posternd stops, clients between two transactions are told at once; the
 * others when they have finished theirs, by the limit of its patience.  A
 * worker that is not wanted any more stays until its last client has left.
 */
void
clients_drain(struct server *sv)
{
	uint32_t i;

	for (i = 0; i < CLIENTS_MAX && child_hurried(sv->child); i++)
		if (sv->clients[i] != NULL &&
		    (client_in_handshake(sv->clients[i]) ||
			sv->clients[i]->stage != STAGE_IN))
			client_free(sv->clients[i]);
		else if (sv->clients[i] != NULL &&
		    session_is_idle(&sv->clients[i]->session)) {
			session_end(&sv->clients[i]->session, SMTP_R_SHUTDOWN);
			client_run(sv->clients[i], 0);
		}
	clients_leave(sv);
}
