/* SPDX-License-Identifier: ISC */
/* Names of reasons.  Pure. */
#include <stddef.h>

#include "common/base/reason.h"

static const char *const names[REASON_MAX] = {
	[REASON_NONE] = "none",
	[REASON_OK] = "ok",
	[REASON_RELAY_DENIED] = "relay-denied",
	[REASON_CLIENT_DENIED] = "client-denied",
	[REASON_NO_SUCH_USER] = "no-such-user",
	[REASON_NO_SUCH_DOMAIN] = "no-such-domain",
	[REASON_SENDER_DENIED] = "sender-denied",
	[REASON_DIRECTORY_DOWN] = "directory-down",
	[REASON_SYNTAX] = "syntax",
	[REASON_SEQUENCE] = "sequence",
	[REASON_LINE_ENDING] = "line-ending",
	[REASON_LINE_LENGTH] = "line-length",
	[REASON_TOO_BIG] = "too-big",
	[REASON_TOO_MANY_RCPTS] = "too-many-rcpts",
	[REASON_TOO_MANY_ERRORS] = "too-many-errors",
	[REASON_TOO_MANY_SESSIONS] = "too-many-sessions",
	[REASON_EARLY_TALKER] = "early-talker",
	[REASON_NOT_SMTP] = "not-smtp",
	[REASON_LOOP] = "loop",
	[REASON_TIMEOUT] = "timeout",
	[REASON_TOO_SLOW] = "too-slow",
	[REASON_CLIENT_GONE] = "client-gone",
	[REASON_SHUTDOWN] = "shutdown",
	[REASON_QUEUE_FULL] = "queue-full",
	[REASON_QUEUE_DOWN] = "queue-down",
	[REASON_STORE_ERROR] = "store-error",
	[REASON_DELIVERED] = "delivered",
	[REASON_DNS_TEMP] = "dns-temp",
	[REASON_DNS_NXDOMAIN] = "dns-nxdomain",
	[REASON_DNS_NODATA] = "dns-nodata",
	[REASON_NULL_MX] = "null-mx",
	[REASON_MX_LOOP] = "mx-loop",
	[REASON_NO_ROUTE] = "no-route",
	[REASON_POLICY_ADDRESS] = "policy-address",
	[REASON_CONNECT] = "connect",
	[REASON_CONN_LOST] = "conn-lost",
	[REASON_REMOTE_GREETING] = "remote-greeting",
	[REASON_REMOTE_HELO] = "remote-helo",
	[REASON_REMOTE_SENDER] = "remote-sender",
	[REASON_REMOTE_RCPT] = "remote-rcpt",
	[REASON_REMOTE_DATA] = "remote-data",
	[REASON_REMOTE_PROTOCOL] = "remote-protocol",
	[REASON_NO_8BITMIME] = "no-8bitmime",
	[REASON_EXPIRED] = "expired",
	[REASON_POISON] = "poison",
	[REASON_WORKER_LOST] = "worker-lost",
	[REASON_REMOVED] = "removed",
	[REASON_HELD] = "held",
	[REASON_DIRECTION] = "direction",
	[REASON_TLS_DOWN] = "tls-down",
	[REASON_TLS_NEEDED] = "tls-needed",
	[REASON_TLS_FAILED] = "tls-failed",
	[REASON_TLS_UNVERIFIED] = "tls-unverified",
	[REASON_TLS_INJECTION] = "tls-injection",
	[REASON_REQUIRETLS] = "requiretls",
	[REASON_TOO_FAST] = "too-fast",
	[REASON_BAD_CLIENT] = "bad-client",
};

_Static_assert(REASON_MAX <= 256, "a reason travels as one byte");

const char *
reason_name(enum reason reason)
{
	return (size_t)reason < REASON_MAX ? names[reason] : "unknown";
}

int
reason_from(unsigned n, enum reason *reason)
{
	if (n >= REASON_MAX)
		return -1;
	*reason = (enum reason)n;
	return 0;
}
