/* SPDX-License-Identifier: ISC */
/*
 * The closed vocabulary of reason= in log lines, answers and counters.  A new
 * reason is added here and in reason.c, and nowhere else.
 */
#ifndef COMMON_BASE_REASON_H
#define COMMON_BASE_REASON_H

enum reason {
	REASON_NONE = 0,
	/* acceptance */
	REASON_OK,
	REASON_RELAY_DENIED,  /* recipient is not ours to take from there */
	REASON_CLIENT_DENIED, /* the client may not use this listener */
	REASON_NO_SUCH_USER,
	REASON_NO_SUCH_DOMAIN,
	REASON_SENDER_DENIED,
	REASON_DIRECTORY_DOWN,
	REASON_SYNTAX,
	REASON_SEQUENCE,
	REASON_LINE_ENDING, /* bare CR, bare LF, NUL */
	REASON_LINE_LENGTH,
	REASON_TOO_BIG,
	REASON_TOO_MANY_RCPTS,
	REASON_TOO_MANY_ERRORS,
	REASON_TOO_MANY_SESSIONS,
	REASON_EARLY_TALKER,
	REASON_NOT_SMTP,
	REASON_LOOP,
	REASON_TIMEOUT,
	REASON_TOO_SLOW,
	REASON_CLIENT_GONE,
	REASON_SHUTDOWN,
	REASON_QUEUE_FULL, /* quota or disk */
	REASON_QUEUE_DOWN,
	REASON_STORE_ERROR,
	/* delivery */
	REASON_DELIVERED,
	REASON_DNS_TEMP,
	REASON_DNS_NXDOMAIN,
	REASON_DNS_NODATA,
	REASON_NULL_MX,
	REASON_MX_LOOP,
	REASON_NO_ROUTE,
	REASON_POLICY_ADDRESS, /* connd refuses the address */
	REASON_CONNECT,
	REASON_CONN_LOST,
	REASON_REMOTE_GREETING,
	REASON_REMOTE_HELO,
	REASON_REMOTE_SENDER,
	REASON_REMOTE_RCPT,
	REASON_REMOTE_DATA,
	REASON_REMOTE_PROTOCOL,
	REASON_NO_8BITMIME,
	REASON_EXPIRED,
	REASON_POISON,
	REASON_WORKER_LOST,
	REASON_REMOVED,
	REASON_HELD,
	REASON_DIRECTION,      /* queued refuses what the channel may not do */
	REASON_TLS_DOWN,       /* nobody signs for us now */
	REASON_TLS_NEEDED,     /* "tls require", and it was not used */
	REASON_TLS_FAILED,     /* the handshake */
	REASON_TLS_UNVERIFIED, /* the server is not who it should be */
	REASON_TLS_INJECTION,  /* octets in the clear behind STARTTLS */
	REASON_REQUIRETLS,     /* RFC 8689 cannot be kept with this host */
	REASON_TOO_FAST,       /* connections a minute */
	REASON_BAD_CLIENT,     /* its sessions made only errors */
	REASON_MAX
};

/* "relay-denied"; "unknown" for a value out of range */
const char *reason_name(enum reason);
/* checked decode of an untrusted number; -1: none */
int reason_from(unsigned, enum reason *);

#endif
