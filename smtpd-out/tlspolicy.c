/* SPDX-License-Identifier: ISC */
#include <stddef.h>

#include "smtpd-out/tlspolicy.h"

static struct tls_verdict
go(enum tls_action action)
{
	struct tls_verdict v = { action, REASON_NONE, "", "" };

	return v;
}

static struct tls_verdict
defer(enum reason reason, const char *enh, const char *text)
{
	struct tls_verdict v = { TLS_DEFER, reason, enh, text };

	return v;
}

/* Must it be TLS, or nothing? */
static bool
needs_tls(const struct tls_facts *f)
{
	return f->level >= CONF_TLS_REQUIRE;
}

static bool
needs_proof(const struct tls_facts *f)
{
	return f->level >= CONF_TLS_VERIFY;
}

static struct tls_verdict
at_hello(const struct tls_facts *f)
{
	if (f->level == CONF_TLS_NONE)
		return go(TLS_GO_PLAIN);
	if (f->offered && (needs_tls(f) || !f->fell_back))
		return go(TLS_START);
	if (needs_tls(f))
		return defer(REASON_TLS_NEEDED, "4.7.4",
		    "TLS is required, and the server does not offer it");
	return go(TLS_GO_PLAIN);
}

static struct tls_verdict
at_refusal(const struct tls_facts *f)
{
	if (needs_tls(f))
		return defer(REASON_TLS_NEEDED, "4.7.4",
		    "TLS is required, and the server refused to begin it");
	return go(TLS_GO_PLAIN);
}

/* Nothing of this connection can be used any more. */
static struct tls_verdict
at_failure(const struct tls_facts *f)
{
	if (needs_tls(f))
		return defer(REASON_TLS_FAILED, "4.7.5",
		    "the TLS handshake failed");
	return go(TLS_AGAIN_PLAIN);
}

static struct tls_verdict
unverified(enum tls_verified v)
{
	const char *text = "the server's certificate is not acceptable";

	switch (v) {
	case TLS_V_NOT_ASKED:
	case TLS_V_OK:
	case TLS_V_BAD:
		break;
	case TLS_V_NO_CERT:
		text = "the server has shown no certificate";
		break;
	case TLS_V_UNTRUSTED:
		text = "the server's certificate is of no trusted authority";
		break;
	case TLS_V_EXPIRED:
		text = "the server's certificate has expired or is not valid "
		       "yet";
		break;
	case TLS_V_NAME:
		text = "the server's certificate is for another name";
		break;
	case TLS_V_FINGERPRINT:
		text = "the server's certificate is none of those expected";
		break;
	}
	return defer(REASON_TLS_UNVERIFIED, "4.7.5", text);
}

static struct tls_verdict
at_done(const struct tls_facts *f)
{
	if (needs_proof(f) && f->verified != TLS_V_OK)
		return unverified(f->verified);
	return go(TLS_GO_SECURE);
}

/*
 * RFC 8689 4.2.1: over a verified server that takes the requirement over, or
 * not at all.
 */
static struct tls_verdict
at_message(const struct tls_facts *f)
{
	struct tls_verdict v = { TLS_FAIL, REASON_REQUIRETLS, "5.7.30", "" };

	if (!f->requiretls)
		return go(f->secure ? TLS_GO_SECURE : TLS_GO_PLAIN);
	if (!f->secure)
		v.text = "REQUIRETLS support required: no TLS with this server";
	else if (!f->offers_requiretls)
		v.text = "REQUIRETLS support required: the server has none";
	else if (f->verified != TLS_V_OK)
		v.text = "REQUIRETLS: the server could not be verified";
	else
		return go(TLS_GO_SECURE);
	return v;
}

struct tls_verdict
tls_decide(enum tls_moment m, const struct tls_facts *f)
{
	switch (m) {
	case TLS_AT_HELLO:
		return at_hello(f);
	case TLS_AT_REFUSAL:
		return at_refusal(f);
	case TLS_AT_FAILURE:
		return at_failure(f);
	case TLS_AT_DONE:
		return at_done(f);
	case TLS_AT_MESSAGE:
		break;
	}
	return at_message(f);
}
