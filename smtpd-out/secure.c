/* SPDX-License-Identifier: ISC */
/*
 * A session under TLS (RFC 3207): the handshake, and what stands between its
 * socket and the client's machine from then on.  Nothing here waits: a
 * handshake whose signature is not there yet is left, and gone on with when it
 * is.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/base/log.h"
#include "common/base/stats.h"
#include "smtpd-out/worker.h"

#define TEXT_SIZE (16 * 1024)

/* plain text read: empty between two callbacks */
static char text[TEXT_SIZE];

/* --- configuration --- */

static uint32_t
client_use(enum side side)
{
	return side == SIDE_EXT ? CONF_CERT_CLIENT_EXT : CONF_CERT_CLIENT_INT;
}

static void
load_certs(struct worker *w, const struct conf *conf)
{
	const struct conf_cert *c;
	uint32_t i;

	for (i = 0; i < CONF_CERTS_MAX; i++) {
		tls_cert_free(w->certs[i]);
		w->certs[i] = NULL;
	}
	for (i = 0; i < conf->ncerts; i++) {
		c = &conf->certs[i];
		if ((c->uses & client_use(w->side)) == 0 ||
		    c->id >= CONF_CERTS_MAX)
			continue;
		w->certs[c->id] = tls_cert_new(c->chain, c->chain_len,
		    conf_cert_key(conf, c));
		if (w->certs[c->id] == NULL)
			log_errorx("the certificate of line %u cannot be used",
			    c->pos.line);
	}
}

void
secure_conf(struct worker *w, const struct conf *conf)
{
	tls_client_free(w->tls);
	w->tls = NULL;
	load_certs(w, conf);
}

/* Reading all those anchors takes 30 ms: not before somebody needs them. */
static struct tls_client *
client_of(struct worker *w)
{
	const struct conf_side *s = &w->conf->side[w->side];

	if (w->tls != NULL)
		return w->tls;
	w->tls = tls_client_new(s->anchors, s->anchors_len);
	if (w->tls == NULL)
		log_errorx("TLS cannot be used");
	return w->tls;
}

/* --- evidence --- */

static const char *
why_plain(const struct session *s)
{
	if (s->smtpc.tls.level == CONF_TLS_NONE)
		return "not wanted";
	if (s->plain)
		return "the handshake failed before";
	return s->smtpc.tls.offered ? "refused" : "not offered";
}

/* What is told of the session in every line of a delivery. */
void
secure_tell(struct session *s)
{
	char *to = s->relay.tls;
	struct tls_evidence e;

	if (!s->secure) {
		(void)snprintf(to, sizeof(s->relay.tls), "none: %s",
		    why_plain(s));
		return;
	}
	tls_evidence(s->tls, &e);
	(void)snprintf(to, sizeof(s->relay.tls),
	    "%s %s, verified %s, %s wanted", e.version, e.cipher,
	    tls_verified_name(e.verified),
	    conf_tls_level_name(s->smtpc.tls.level));
}

static void
log_trouble(const struct session *s, enum log_level level, const char *event,
    const char *why)
{
	struct logline l;

	ll_begin(&l, level, event);
	ll_cstr(&l, "host", s->relay.name);
	ll_addr(&l, "server", &s->relay.addr);
	ll_cstr(&l, "side", side_name(s->worker->side));
	ll_cstr(&l, "text", why);
	ll_send(&l);
}

void
secure_over(const struct session *s)
{
	const struct smtpc *c = &s->smtpc;

	if (c->end.reason == REASON_TLS_INJECTION) {
		stats_inc(STAT_OUT_TLS_INJECTED);
		log_trouble(s, LOG_L_WARN, "tls-injection", c->end.text);
	} else if (c->end.reason == REASON_TLS_FAILED ||
	    c->end.reason == REASON_TLS_DOWN) {
		stats_inc(STAT_OUT_TLS_FAILED);
		if (c->again_plain)
			stats_inc(STAT_OUT_TLS_FALLBACK);
		log_trouble(s, LOG_L_INFO, "tls-failed", c->end.text);
	}
}

/* --- output --- */

/* What TLS has to say goes to the socket. */
static int
flush(struct session *s)
{
	size_t len;
	const void *p = tls_output(s->tls, &len);
	int rc;

	if (len == 0)
		return 0;
	rc = session_write(s, p, len);
	tls_sent(s->tls, len);
	return rc;
}

int
secure_write(struct session *s, const char *p, size_t len)
{
	size_t n;

	for (; len > 0; p += n, len -= n) {
		n = len < TLS_WRITE_MAX ? len : TLS_WRITE_MAX;
		if (tls_write(s->tls, p, n) != TLS_DONE)
			return -1;
	}
	return flush(s);
}

void
secure_free(struct session *s)
{
	if (s->tls == NULL)
		return;
	if (s->secure && s->out == NULL) {
		tls_close(s->tls);
		(void)flush(s);
	}
	tls_free(s->tls);
	s->tls = NULL;
	s->secure = s->signing = s->unanswered = false;
}

/* --- the handshake --- */

/* Is name below domain? */
static bool
below(const char *name, const char *domain)
{
	size_t n = strlen(name), d = strlen(domain);

	return n > d && name[n - d - 1] == '.' &&
	    strcasecmp(name + n - d, domain) == 0;
}

/*
 * The names that the server's certificate may have: those stated ("*.name" is
 * ".name" to the library), or else what the configuration calls the host.
 * What DNS calls it counts only where it lies in the domain that was asked for.
 */
static size_t
names_of(const struct session *s, const struct conf_tls *t,
    const char *names[CONF_TLS_ITEMS_MAX])
{
	const char *asked = s->plan.name, *host = s->relay.name;
	size_t n = 0;

	for (; n < t->nnames; n++)
		names[n] =
		    t->names[n][0] == '*' ? t->names[n] + 1 : t->names[n];
	if (n > 0)
		return n;
	if (asked[0] != '\0' && asked[0] != '[')
		names[n++] = asked;
	if (host[0] != '\0' && (asked[0] == '\0' || below(host, asked)))
		names[n++] = host;
	return n;
}

static struct tls_conn *
connect_tls(struct session *s, const struct conf_tls *t)
{
	const char *names[CONF_TLS_ITEMS_MAX];
	struct worker *w = s->worker;
	struct tls_connect_conf how = {
		.sni = s->relay.name[0] != '\0' ? s->relay.name : NULL,
		.verify = TLS_VERIFY_NONE,
		.names = names,
		.fingerprints = t->fingerprints,
		.nfingerprints = t->nfingerprints,
		.cert = t->cert < CONF_CERTS_MAX ? w->certs[t->cert] : NULL,
	};

	how.nnames = names_of(s, t, names);
	if (t->level == CONF_TLS_FINGERPRINT)
		how.verify = TLS_VERIFY_FINGERPRINT;
	else if (how.nnames > 0)
		how.verify = TLS_VERIFY_NAME;
	return tls_connect(w->tls, &how, s);
}

static void
done(struct session *s, struct smtp_outbuf *out)
{
	struct tls_evidence e;

	s->secure = true;
	tls_evidence(s->tls, &e);
	stats_inc(STAT_OUT_TLS);
	if (e.verified == TLS_V_OK)
		stats_inc(STAT_OUT_TLS_VERIFIED);
	secure_tell(s);
	smtpc_secured(&s->smtpc, e.verified, out);
}

/* Read what there is and let the machine have it. */
static void
take_text(struct session *s, struct smtp_outbuf *out)
{
	enum tls_status st;
	size_t n;

	while ((st = tls_read(s->tls, text, sizeof(text), &n)) == TLS_DONE)
		smtpc_input(&s->smtpc, text, n, out);
	/* what it answers by itself: a key update, an alert */
	if (flush(s) == -1 || st != TLS_INPUT)
		smtpc_lost(&s->smtpc);
}

static void
handshake(struct session *s, struct smtp_outbuf *out)
{
	enum tls_status st = tls_handshake(s->tls);

	s->signing = st == TLS_SIGN;
	if (flush(s) == -1) {
		smtpc_lost(&s->smtpc);
		return;
	}
	switch (st) {
	case TLS_DONE:
		done(s, out);
		take_text(s, out);
		break;
	case TLS_SIGN:
	case TLS_INPUT:
		break;
	case TLS_CLOSED:
	case TLS_FAILED:
		smtpc_insecure(&s->smtpc, tls_why(s->tls),
		    s->unanswered || s->worker->key == NULL);
		break;
	}
}

void
secure_begin(struct session *s, struct smtp_outbuf *out)
{
	const struct conf_tls *t = conf_tls_find(s->worker->conf, s->plan.tls);

	if (t != NULL && client_of(s->worker) != NULL)
		s->tls = connect_tls(s, t);
	if (s->tls == NULL) {
		smtpc_insecure(&s->smtpc, "it cannot be begun here", true);
		return;
	}
	handshake(s, out);
}

void
secure_input(struct session *s, const void *p, size_t len,
    struct smtp_outbuf *out)
{
	tls_feed(s->tls, p, len);
	if (s->secure)
		take_text(s, out);
	else
		handshake(s, out);
}

void
secure_go_on(struct session *s, struct smtp_outbuf *out)
{
	if (s->signing)
		handshake(s, out);
}

void
secure_late(struct session *s, struct smtp_outbuf *out)
{
	s->unanswered = true;
	tls_give_up(s->tls);
	handshake(s, out);
}
