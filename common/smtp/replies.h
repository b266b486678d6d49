/* SPDX-License-Identifier: ISC */
/*
 * Every reply that the server can give is one line of the table in replies.c:
 * code, enhanced code, reason for the log, what it counts as, text.  Nothing
 * else in the server writes a reply, but for the list that answers EHLO.
 */
#ifndef COMMON_SMTP_REPLIES_H
#define COMMON_SMTP_REPLIES_H

#include <stdint.h>

#include "common/base/reason.h"
#include "common/smtp/ascii.h"
#include "common/smtp/outbuf.h"

enum smtp_reply_id {
	SMTP_R_NONE = 0,
	/* the session */
	SMTP_R_GREETING,
	SMTP_R_REFUSED, /* greeting to a client that may not talk to us */
	SMTP_R_BUSY,	/* greeting when there is no room */
	SMTP_R_EARLY,
	SMTP_R_HTTP,
	SMTP_R_NO_SERVICE, /* any command after SMTP_R_REFUSED */
	SMTP_R_SHUTDOWN,
	SMTP_R_TIMEOUT,
	SMTP_R_TOO_SLOW,
	SMTP_R_TOO_LONG_SESSION,
	SMTP_R_TOO_MANY_ERRORS,
	SMTP_R_TOO_MANY_UNKNOWN,
	SMTP_R_TOO_MANY_MESSAGES,
	SMTP_R_UNSYNC,
	/* lines and verbs */
	SMTP_R_LINE_TOO_LONG,
	SMTP_R_BARE_LF,
	SMTP_R_BARE_CR,
	SMTP_R_NUL,
	SMTP_R_UNKNOWN,
	SMTP_R_NOT_IMPLEMENTED,
	SMTP_R_NEEDS_ARG,
	SMTP_R_TAKES_NO_ARG,
	SMTP_R_NEED_HELO,
	SMTP_R_NEED_MAIL,
	SMTP_R_NEED_RCPT,
	SMTP_R_NESTED_MAIL,
	/* HELO, EHLO, RSET, NOOP, VRFY, HELP, QUIT */
	SMTP_R_HELO,
	SMTP_R_BAD_HELO,
	SMTP_R_RSET,
	SMTP_R_NOOP,
	SMTP_R_VRFY,
	SMTP_R_HELP,
	SMTP_R_QUIT,
	/* STARTTLS */
	SMTP_R_TLS_READY,
	SMTP_R_TLS_LATER,
	SMTP_R_TLS_ALREADY,
	SMTP_R_TLS_NEEDED,
	/* MAIL */
	SMTP_R_SENDER_OK,
	SMTP_R_MAIL_SYNTAX,
	SMTP_R_BAD_SENDER,
	SMTP_R_SENDER_UTF8,
	SMTP_R_SENDER_DENIED,
	SMTP_R_SENDER_NULL_MX,
	SMTP_R_CLIENT_DENIED,
	SMTP_R_BAD_PARAM,
	SMTP_R_PARAM_TWICE,
	SMTP_R_UNKNOWN_PARAM,
	SMTP_R_SIZE_DECLARED,
	SMTP_R_NO_ROOM,
	SMTP_R_MAIL_LATER,
	/* RCPT */
	SMTP_R_RCPT_OK,
	SMTP_R_RCPT_SYNTAX,
	SMTP_R_BAD_RCPT,
	SMTP_R_RCPT_UTF8,
	SMTP_R_NO_USER,
	SMTP_R_NO_DOMAIN,
	SMTP_R_RELAY_DENIED,
	SMTP_R_ROUTE_DENIED,
	SMTP_R_TOO_MANY_RCPTS,
	SMTP_R_RCPT_LATER,
	/* DATA and its end */
	SMTP_R_DATA,
	SMTP_R_DATA_LATER,
	SMTP_R_NO_VALID_RCPT,
	SMTP_R_NO_RCPT_YET,
	/* BDAT */
	SMTP_R_CHUNK,
	SMTP_R_IN_CHUNKS,
	SMTP_R_BAD_CHUNK,
	SMTP_R_CHUNK_TOO_LONG,
	SMTP_R_ACCEPTED,
	SMTP_R_BODY_LINE_END,
	SMTP_R_BODY_NUL,
	SMTP_R_BODY_LONG_LINE,
	SMTP_R_BODY_8BIT,
	SMTP_R_TOO_BIG,
	SMTP_R_HEADER_TOO_BIG,
	SMTP_R_LOOP,
	SMTP_R_QUEUE_LATER,
	SMTP_R_QUEUE_FULL,
	SMTP_R_QUEUE_REFUSED,
	SMTP_R_MAX
};

/* what a reply counts as, against the limits of a session */
enum smtp_reply_count {
	SMTP_COUNT_NOTHING = 0,
	SMTP_COUNT_ERROR,   /* bad syntax, or what this client may not do */
	SMTP_COUNT_UNKNOWN, /* a recipient that does not exist */
	SMTP_COUNT_FATAL    /* the session ends with it */
};

struct smtp_reply_def {
	uint16_t code;
	char enhanced[8]; /* "5.7.1"; empty: RFC 2034 wants none */
	enum reason reason;
	enum smtp_reply_count count;
	/* "%h" is our host name, "%a" the argument, "\n" begins a line */
	const char *text;
};

const struct smtp_reply_def *smtp_reply_def(enum smtp_reply_id);

/* enough for any reply of the table */
#define SMTP_REPLY_ROOM 2048

/*
 * Append a reply, every line with its code, none longer than 512 octets.
 * Octets of arg that are not printable ASCII become '?'.
 */
void smtp_put_reply(struct smtp_outbuf *, enum smtp_reply_id,
    struct smtp_slice hostname, struct smtp_slice arg);

#endif
