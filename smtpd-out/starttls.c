/* SPDX-License-Identifier: ISC */
/*
 * STARTTLS (RFC 3207) in the SMTP client: see smtpc.h.  What is to be done is
 * decided in tlspolicy.c.
 */
#include <stdio.h>

#include "smtpd-out/smtpc.h"
#include "smtpd-out/smtpc_int.h"

void
smtpc_tls(struct smtpc *c, enum conf_tls_level level, bool plain)
{
	c->tls.level = level;
	c->tls.fell_back = plain;
}

/* TLS did not come about.  That may be no reason to give up. */
void
smtpc_no_tls(struct smtpc *c, const char *what)
{
	struct tls_verdict v = tls_decide(TLS_AT_FAILURE, &c->tls);
	char text[MSG_TEXT_MAX + 1];
	struct qo_outcome o;

	(void)snprintf(text, sizeof(text), "TLS failed: %s", what);
	smtpc_outcome(&o, QO_DEFERRED, REASON_TLS_FAILED, 0, "4.7.5", text);
	c->again_plain = v.action == TLS_AGAIN_PLAIN;
	smtpc_give_up(c, &o);
}

/* What was decided of TLS; true: the session goes on as it is. */
static bool
goes_on(struct smtpc *c, const struct tls_verdict *v)
{
	struct qo_outcome o;

	if (v->action < TLS_DEFER)
		return true;
	smtpc_outcome(&o, v->action == TLS_FAIL ? QO_FAILED : QO_DEFERRED,
	    v->reason, 0, v->enh, v->text);
	smtpc_give_up(c, &o);
	return false;
}

void
smtpc_greeted(struct smtpc *c, struct smtp_outbuf *out)
{
	struct tls_verdict v;

	c->state = SMTPC_READY;
	if (c->tls.secure)
		return;
	c->tls.offered = (c->features.ext & SMTP_EXT_STARTTLS) != 0;
	v = tls_decide(TLS_AT_HELLO, &c->tls);
	if (!goes_on(c, &v) || v.action != TLS_START)
		return;
	smtp_put_str(out, "STARTTLS\r\n");
	c->state = SMTPC_STARTTLS;
}

void
smtpc_on_starttls(struct smtpc *c)
{
	struct tls_verdict v;

	if (c->reply.code / 100 == 2) {
		c->state = SMTPC_HANDSHAKE;
		return;
	}
	c->state = SMTPC_READY;
	v = tls_decide(TLS_AT_REFUSAL, &c->tls);
	(void)goes_on(c, &v);
}

/*
 * Somebody has put octets behind the reply to STARTTLS that would be taken for
 * what the server says under TLS.
 */
void
smtpc_injected(struct smtpc *c)
{
	struct qo_outcome o;

	smtpc_outcome(&o, QO_DEFERRED, REASON_TLS_INJECTION, 0, "4.7.0",
	    "octets in clear text behind the reply to STARTTLS");
	smtpc_give_up(c, &o);
}

/* RFC 3207 4.2: what was known of the server is forgotten. */
void
smtpc_secured(struct smtpc *c, enum tls_verified verified,
    struct smtp_outbuf *out)
{
	struct tls_verdict v;

	c->tls.secure = true;
	c->tls.verified = verified;
	v = tls_decide(TLS_AT_DONE, &c->tls);
	if (!goes_on(c, &v))
		return;
	smtp_features_init(&c->features);
	smtp_reply_init(&c->reply);
	smtpc_put_hello(c, out, "EHLO");
	c->state = SMTPC_EHLO;
}

void
smtpc_insecure(struct smtpc *c, const char *why, bool ours)
{
	smtpc_no_tls(c, why);
	if (ours)
		c->end.reason = REASON_TLS_DOWN;
}
