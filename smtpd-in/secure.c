/* SPDX-License-Identifier: ISC */
/*
 * A client under TLS (RFC 3207): the handshake, and what stands between its
 * socket and the session from then on.  Nothing here waits: a handshake whose
 * signature is not there yet is left, and gone on with when it is.
 */
#include <sys/socket.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/hex.h"
#include "common/base/log.h"
#include "common/base/stats.h"
#include "smtpd-in/server.h"

#define WIRE_SIZE (32 * 1024)

static uint8_t wire[WIRE_SIZE];

/* --- configuration --- */

static struct tls_server *
new_server(struct server *sv, const struct conf *conf, struct tls_cert **certs)
{
	struct tls_server_conf s = { .certs = certs,
		.name = side_name(sv->side),
		.tickets = &sv->tickets };
	const struct conf_cert *cert;
	uint32_t i;

	for (i = 0; i < conf->ncerts; i++) {
		cert = &conf->certs[i];
		certs[s.ncerts] = tls_cert_new(cert->chain, cert->chain_len,
		    conf_cert_key(conf, cert));
		if (certs[s.ncerts] != NULL)
			s.ncerts++;
		else
			log_errorx("the certificate of line %u cannot be used",
			    cert->pos.line);
	}
	s.ask_client = sv->side == SIDE_INT && conf->naccept_certs > 0;
	return s.ncerts > 0 ? tls_server_new(&s) : NULL;
}

void
secure_conf(struct server *sv, const struct conf *conf)
{
	struct tls_cert *certs[CONF_CERTS_MAX] = { NULL };
	size_t i;

	tls_server_free(sv->tls);
	sv->tls = NULL;
	if (!conf_offers_tls(conf, sv->side))
		return;
	sv->tls = new_server(sv, conf, certs);
	if (sv->tls == NULL)
		log_errorx("STARTTLS is not offered");
	for (i = 0; i < CONF_CERTS_MAX; i++)
		tls_cert_free(certs[i]);
}

/* --- STARTTLS --- */

bool
secure_ask(struct client *c, enum session_answer *answer)
{
	struct server *sv = c->server;

	*answer = ANSWER_LATER;
	if (sv->tls == NULL || sv->key == NULL)
		return true;
	c->seq++;
	if (!keys_ping(sv, client_question_id(c)))
		return true;
	c->waiting = WAIT_KEYD;
	c->wait_since = ev_now(sv->ev);
	return false;
}

static void
begin_line(struct logline *l, const struct client *c, enum log_level level,
    const char *event)
{
	ll_begin(l, level, event);
	ll_addr(l, "client", &c->peer.client);
	ll_cstr(l, "side", side_name(c->server->side));
}

static void
log_pipelined(const struct client *c, size_t dropped)
{
	struct logline l;

	begin_line(&l, c, LOG_L_WARN, "tls-pipelined");
	ll_num(&l, "bytes", dropped);
	ll_cstr(&l, "text", "sent along with STARTTLS, dropped");
	ll_send(&l);
}

int
secure_begin(struct client *c, size_t dropped)
{
	if (dropped > 0) {
		stats_inc(STAT_TLS_PIPELINED);
		log_pipelined(c, dropped);
	}
	c->wait_since = c->quiet_since = ev_now(c->server->ev);
	if (c->server->tls != NULL)
		c->tls = tls_accept(c->server->tls, c);
	return c->tls != NULL ? 0 : -1;
}

/* --- output --- */

/* What TLS has to say goes to the socket. */
static int
flush(struct client *c)
{
	size_t len;
	const void *p = tls_output(c->tls, &len);
	int rc;

	if (len == 0)
		return 0;
	rc = client_write(c, p, len);
	tls_sent(c->tls, len);
	return rc;
}

int
secure_write(struct client *c, const char *p, size_t len)
{
	size_t n;

	for (; len > 0; p += n, len -= n) {
		n = len < TLS_WRITE_MAX ? len : TLS_WRITE_MAX;
		if (tls_write(c->tls, p, n) != TLS_DONE)
			return -1;
	}
	return flush(c);
}

void
secure_bye(struct client *c)
{
	if (!c->secure || c->out != NULL)
		return;
	tls_close(c->tls);
	(void)flush(c);
}

/* --- the handshake --- */

const char *
secure_text(const struct client *c, char *text, size_t size)
{
	struct tls_evidence e;

	text[0] = '\0';
	if (!c->secure)
		return text;
	tls_evidence(c->tls, &e);
	(void)snprintf(text, size, "%s %s", e.version, e.cipher);
	return text;
}

static void
done(struct client *c)
{
	char hex[HEX_STRLEN(TLS_FINGERPRINT)];
	struct tls_evidence e;
	struct logline l;

	c->secure = true;
	c->quiet_since = ev_now(c->server->ev);
	tls_evidence(c->tls, &e);
	stats_inc(STAT_TLS_SESSIONS);
	if (e.resumed)
		stats_inc(STAT_TLS_RESUMED);
	c->has_cert = e.peer_cert;
	memcpy(c->cert, e.fingerprint, sizeof(c->cert));
	begin_line(&l, c, LOG_L_INFO, "tls");
	ll_cstr(&l, "version", e.version);
	ll_cstr(&l, "cipher", e.cipher);
	ll_cstr(&l, "resumed", e.resumed ? "yes" : "no");
	if (e.sni[0] != '\0')
		ll_cstr(&l, "name", e.sni);
	if (e.peer_cert)
		ll_cstr(&l, "certificate",
		    hex_fmt(e.fingerprint, sizeof(e.fingerprint), hex));
	ll_send(&l);
	session_secured(&c->session);
}

/* An alert may tell the client why; then there is nothing left to say. */
static void
broken(struct client *c, const char *why)
{
	struct logline l;

	stats_inc(STAT_TLS_FAILED);
	begin_line(&l, c, LOG_L_INFO, "tls-failed");
	ll_cstr(&l, "text", why);
	ll_send(&l);
	if (c->out == NULL)
		(void)flush(c);
	client_free(c);
}

/* Read what there is and let the session have it. */
static void
take_text(struct client *c)
{
	size_t cap, n, len = 0;
	char *room = client_room(c, &cap);
	enum tls_status st;

	while ((st = tls_read(c->tls, room + len, cap - len, &n)) == TLS_DONE) {
		len += n;
		if (len == cap)
			break; /* it cannot be: a read at most */
	}
	if (st == TLS_FAILED || len == cap) {
		broken(c, tls_why(c->tls));
		return;
	}
	/* what it answers by itself: a key update, an alert */
	if (c->out == NULL && flush(c) == -1) {
		client_free(c);
		return;
	}
	c->rate_bytes += len;
	len = client_repair(c, room, len);
	if (st == TLS_CLOSED) {
		c->eof = true;
		session_eof(&c->session);
	}
	if (len > 0 || c->eof)
		client_run(c, len > 0 ? c->in_len + len : 0);
	else
		client_watch(c);
}

static void
handshake(struct client *c)
{
	enum tls_status st = tls_handshake(c->tls);

	c->waiting = WAIT_NOTHING;
	switch (st) {
	case TLS_DONE:
		done(c);
		break;
	case TLS_SIGN:
		c->waiting = WAIT_SIGN;
		c->wait_since = ev_now(c->server->ev);
		break;
	case TLS_INPUT:
		break;
	case TLS_CLOSED:
	case TLS_FAILED:
		broken(c, tls_why(c->tls));
		return;
	}
	if (flush(c) == -1) {
		client_free(c);
		return;
	}
	/* the client's first command may have come along */
	if (st == TLS_DONE)
		take_text(c);
	else
		client_watch(c);
}

void
secure_input(struct client *c)
{
	ssize_t n = recv(c->fd, wire, sizeof(wire), MSG_DONTWAIT);

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		tls_feed(c->tls, wire, (size_t)n);
		if (c->secure)
			take_text(c);
		else
			handshake(c);
	} else if (c->secure) {
		c->eof = true;
		session_eof(&c->session);
		client_run(c, 0);
	} else {
		broken(c, "the client has gone");
	}
}

void
secure_go_on(struct client *c)
{
	if (c->waiting == WAIT_SIGN)
		handshake(c);
}

void
secure_late(struct client *c)
{
	if (c->waiting == WAIT_SIGN) {
		tls_give_up(c->tls);
		handshake(c);
	} else {
		broken(c, "the client takes too long");
	}
}

void
secure_give_up(struct server *sv)
{
	struct client *c;
	uint32_t i;

	for (i = 0; i < CLIENTS_MAX; i++) {
		c = sv->clients[i];
		if (c != NULL && c->waiting == WAIT_SIGN)
			secure_late(c);
	}
}
