/* SPDX-License-Identifier: ISC */
/* What is logged of a client: see server.h. */
#include <stdlib.h>

#include "common/base/log.h"
#include "common/base/stats.h"
#include "smtpd-in/server.h"

#define REJECTS_LOGGED 50 /* of one session */

static void
begin_line(struct logline *l, const struct client *c, const char *event)
{
	char tls[IQ_TLS_MAX + 1];

	ll_begin(l, LOG_L_INFO, event);
	ll_addr(l, "client", &c->peer.client);
	if (c->proxy.family != NETADDR_NONE)
		ll_addr(l, "proxy", &c->proxy);
	ll_cstr(l, "side", side_name(c->server->side));
	ll_cstr(l, "tls", secure_text(c, tls, sizeof(tls)));
	ll_cstr(l, "helo", c->session.helo);
}

static const char *
stage(const struct client *c, const struct smtp_reply_def *def)
{
	if (def->code == 421 || c->session.state == SESSION_CONNECT ||
	    c->session.state == SESSION_REFUSED)
		return "session";
	if (c->session.question == ACT_RCPT)
		return "rcpt";
	switch (c->session.state) {
	case SESSION_CONNECT:
	case SESSION_START:
	case SESSION_REFUSED:
	case SESSION_TLS:
		return "session";
	case SESSION_IDLE:
		return "mail";
	case SESSION_MAIL:
	case SESSION_RCPT:
		return "rcpt";
	case SESSION_CHUNKS:
	case SESSION_TEXT:
	case SESSION_CHUNK:
		return "data";
	}
	return "session";
}

/* What is counted against a client, and by which counter. */
static void
note_offence(struct client *c, enum reason reason)
{
	switch ((int)reason) {
	case REASON_EARLY_TALKER:
		stats_inc(STAT_SESSIONS_EARLY);
		break;
	case REASON_TOO_MANY_ERRORS:
		stats_inc(STAT_SESSIONS_ERRORS);
		break;
	case REASON_TIMEOUT:
		stats_inc(STAT_SESSIONS_TIMEOUT);
		break;
	case REASON_TOO_SLOW:
		stats_inc(STAT_SESSIONS_SLOW);
		break;
	case REASON_NOT_SMTP:
	case REASON_SEQUENCE:
		break;
	default:
		return;
	}
	c->offence = true;
}

void
client_log_refused(struct client *c, const struct session_act *a)
{
	const struct smtp_reply_def *def = smtp_reply_def(a->reply);
	char reply[SMTP_REPLY_ROOM];
	struct smtp_outbuf out;
	struct logline l;
	size_t n;

	if (def->code / 100 == 5 && a->addr == NULL)
		stats_inc(
		    client_in_text(c) ? STAT_MSGS_REFUSED : STAT_RCPTS_REFUSED);
	if (def->count == SMTP_COUNT_FATAL)
		note_offence(c, def->reason);
	if (a->reply == SMTP_R_TLS_LATER)
		stats_inc(STAT_TLS_UNAVAILABLE);
	if (++c->rejects > REJECTS_LOGGED)
		return;
	smtp_outbuf_init(&out, reply, sizeof(reply));
	smtp_put_reply(&out, a->reply,
	    smtp_slice_str(c->server->session_conf.hostname),
	    smtp_slice("", 0));
	for (n = out.len;
	     n > 0 && (reply[n - 1] == '\n' || reply[n - 1] == '\r');)
		n--;
	begin_line(&l, c, "reject");
	ll_cstr(&l, "stage", stage(c, def));
	ll_cstr(&l, "from", c->tx != NULL ? c->tx->sender : "");
	ll_str(&l, "what", a->text.p, a->text.len);
	ll_str(&l, "reply", reply, n);
	ll_reason(&l, def->reason);
	ll_send(&l);
}
