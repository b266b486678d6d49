/* SPDX-License-Identifier: ISC */
/*
 * Replies of a server, read by a client (RFC 5321 section 4.2).  Octets are
 * pushed in; each line and the end of each reply come out.  Whatever a server
 * sends costs no more than the parser's own size, and no octet of it is taken
 * for the end of a string.
 *
 * What is let pass: a line that ends with LF alone, a bare code without text,
 * a line longer than is kept (its rest is dropped), another code of the same
 * class within one reply (the last one counts).  What is an error, after which
 * the connection must be given up: a line that is no reply, codes of different
 * classes in one reply, too many lines or octets.
 */
#ifndef COMMON_SMTP_REPLY_H
#define COMMON_SMTP_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/smtp/ascii.h"
#include "common/smtp/enhanced.h"
#include "common/smtp/limits.h"

enum smtp_reply_event {
	SMTP_REPLY_MORE, /* all input is used, the reply is not complete */
	SMTP_REPLY_LINE, /* a line with more to come: see code, line */
	SMTP_REPLY_DONE, /* its last line: see all fields */
	SMTP_REPLY_ERROR /* see error; the parser is of no more use */
};

enum smtp_reply_error {
	SMTP_REPLY_OK = 0,
	SMTP_REPLY_EGARBAGE, /* not digits 2 to 5, two more, ' ' or '-' */
	SMTP_REPLY_EMIXED,   /* lines of different classes */
	SMTP_REPLY_ELINES,   /* more lines than SMTP_CLIENT_LINES_MAX */
	SMTP_REPLY_ESIZE     /* more octets than SMTP_CLIENT_REPLY_MAX */
};

enum smtp_reply_flag {
	SMTP_REPLY_F_BARE_LF = 1 << 0,	 /* a line ended with LF alone */
	SMTP_REPLY_F_CONTROL = 1 << 1,	 /* NUL, CR or another control */
	SMTP_REPLY_F_TRUNCATED = 1 << 2, /* a line was cut */
	SMTP_REPLY_F_CODES = 1 << 3	 /* codes differ within the class */
};

struct smtp_reply {
	enum smtp_reply_error error;
	unsigned flags;		       /* enum smtp_reply_flag */
	uint16_t code;		       /* 200 to 599 */
	struct smtp_enhanced enhanced; /* class 0: none of the reply's class */
	uint32_t lines;
	size_t octets;
	/*
	 * Text of the line just read, with its enhanced code.  Control
	 * characters are replaced by '?'; it may hold 8-bit octets.
	 */
	char line[SMTP_CLIENT_LINE_MAX];
	size_t line_len;
	/*
	 * Text of all lines for logs and bounces, joined by a space, the
	 * enhanced code only once, cleaned like line, cut at the limit.
	 */
	char text[SMTP_CLIENT_TEXT_MAX];
	size_t text_len;
	/* private */
	bool line_done; /* the next octet begins another line */
	bool finished;	/* and another reply */
	bool raw_cr;	/* the last octet of the line so far was CR */
};

void smtp_reply_init(struct smtp_reply *);
/*
 * Read from in until a line, a reply or an error is complete; *used gets the
 * octets read.  After DONE the next call begins the next reply.
 */
enum smtp_reply_event smtp_reply_push(struct smtp_reply *, const char *in,
    size_t len, size_t *used);
const char *smtp_reply_error_name(enum smtp_reply_error);

#endif
