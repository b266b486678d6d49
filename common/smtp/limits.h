/* SPDX-License-Identifier: ISC */
/*
 * Fixed limits of the SMTP cores.  RFC 5321 section 4.5.3.1 names what must be
 * supported at least; a larger number here says why.  All are in octets and,
 * where text is meant, without a terminating NUL.
 */
#ifndef COMMON_SMTP_LIMITS_H
#define COMMON_SMTP_LIMITS_H

/* 4.5.3.1.1 asks for 64; VERP and SRS senders of real mail need more. */
#define SMTP_LOCAL_MAX 255
/* 4.5.3.1.2, and RFC 1035: a label */
#define SMTP_DOMAIN_MAX 255
#define SMTP_LABEL_MAX	63
/* local@domain; 4.5.3.1.3 asks for 254 */
#define SMTP_ADDR_MAX (SMTP_LOCAL_MAX + 1 + SMTP_DOMAIN_MAX)

/* 4.5.3.1.4: a command line with its CRLF */
#define SMTP_COMMAND_MAX 512
/*
 * The same with the room that extensions ask for MAIL and RCPT: SIZE 26,
 * 8BITMIME 17, SMTPUTF8 10, DSN 600, AUTH 500 (RFC 1870, 6152, 6531, 3461,
 * 4954), rounded up.  No line is kept beyond it.
 */
#define SMTP_LINE_MAX 2048

/* 4.5.3.1.5: a reply line that we send, with its CRLF */
#define SMTP_REPLY_LINE_MAX 512

/* 4.5.3.1.6: a line of text without its CRLF */
#define SMTP_TEXT_LINE_MAX 998

/* 4.5.3.1.8 asks for 100 */
#define SMTP_RCPT_DEFAULT 1000

/* 6.3: a loop is not assumed below this count of Received fields */
#define SMTP_HOPS_DEFAULT 100

/* Replies that we read: what one may cost us. */
#define SMTP_CLIENT_LINE_MAX  2048  /* kept of a line */
#define SMTP_CLIENT_LINES_MAX 100   /* lines of a reply */
#define SMTP_CLIENT_REPLY_MAX 65536 /* octets of a reply, all lines */
#define SMTP_CLIENT_TEXT_MAX  1024  /* text kept for logs and bounces */

/* RFC 3461 4.4, 4.2 */
#define SMTP_ENVID_MAX 100
#define SMTP_ORCPT_MAX 500

#endif
