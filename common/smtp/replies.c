/* SPDX-License-Identifier: ISC */
/* The table of the server's replies, and how one is written. */
#include "common/smtp/replies.h"

#include "common/smtp/limits.h"

#define NOTHING SMTP_COUNT_NOTHING
#define ERROR	SMTP_COUNT_ERROR
#define UNKNOWN SMTP_COUNT_UNKNOWN
#define FATAL	SMTP_COUNT_FATAL

/*
 * RFC 5321 section 4.2 for the codes, RFC 3463 and its registry for the
 * enhanced ones.  RFC 2034 section 4: none in the greeting and in answers to
 * HELO and EHLO.
 */
static const struct smtp_reply_def table[SMTP_R_MAX] = {
	[SMTP_R_GREETING] = { 220, "", REASON_OK, NOTHING, "%h ESMTP Postern" },
	[SMTP_R_REFUSED] = { 554, "", REASON_CLIENT_DENIED, NOTHING,
	    "%h takes no mail from this client" },
	[SMTP_R_BUSY] = { 421, "", REASON_TOO_MANY_SESSIONS, FATAL,
	    "%h has too many sessions, try again later" },
	[SMTP_R_EARLY] = { 554, "", REASON_EARLY_TALKER, FATAL,
	    "%h You spoke before the greeting" },
	[SMTP_R_HTTP] = { 554, "5.5.1", REASON_NOT_SMTP, FATAL,
	    "This is SMTP, not HTTP; closing" },
	[SMTP_R_NO_SERVICE] = { 503, "5.5.1", REASON_CLIENT_DENIED, ERROR,
	    "No service for this client" },
	[SMTP_R_SHUTDOWN] = { 421, "4.3.2", REASON_SHUTDOWN, FATAL,
	    "%h is shutting down, closing" },
	[SMTP_R_TIMEOUT] = { 421, "4.4.2", REASON_TIMEOUT, FATAL,
	    "%h Waited too long, closing" },
	[SMTP_R_TOO_SLOW] = { 421, "4.4.2", REASON_TOO_SLOW, FATAL,
	    "%h Data comes too slowly, closing" },
	[SMTP_R_TOO_LONG_SESSION] = { 421, "4.4.2", REASON_TIMEOUT, FATAL,
	    "%h Session lasted too long, closing" },
	[SMTP_R_TOO_MANY_ERRORS] = { 421, "4.7.0", REASON_TOO_MANY_ERRORS,
	    FATAL, "%h Too many errors, closing" },
	[SMTP_R_TOO_MANY_UNKNOWN] = { 421, "4.7.0", REASON_TOO_MANY_ERRORS,
	    FATAL, "%h Too many unknown recipients, closing" },
	[SMTP_R_TOO_MANY_MESSAGES] = { 421, "4.7.0", REASON_TOO_MANY_SESSIONS,
	    FATAL, "%h Too many messages in one session, closing" },
	[SMTP_R_UNSYNC] = { 554, "5.5.0", REASON_SEQUENCE, FATAL,
	    "You did not wait for the reply; closing" },

	[SMTP_R_LINE_TOO_LONG] = { 500, "5.5.2", REASON_LINE_LENGTH, ERROR,
	    "Line too long" },
	[SMTP_R_BARE_LF] = { 500, "5.5.2", REASON_LINE_ENDING, ERROR,
	    "Bare LF in a command; lines end with CRLF" },
	[SMTP_R_BARE_CR] = { 500, "5.5.2", REASON_LINE_ENDING, ERROR,
	    "Bare CR in a command; lines end with CRLF" },
	[SMTP_R_NUL] = { 500, "5.5.2", REASON_LINE_ENDING, ERROR,
	    "NUL in a command" },
	[SMTP_R_UNKNOWN] = { 500, "5.5.1", REASON_SYNTAX, ERROR,
	    "Unknown command" },
	[SMTP_R_NOT_IMPLEMENTED] = { 502, "5.5.1", REASON_SYNTAX, ERROR,
	    "Command not implemented" },
	[SMTP_R_NEEDS_ARG] = { 501, "5.5.4", REASON_SYNTAX, ERROR,
	    "An argument is missing" },
	[SMTP_R_TAKES_NO_ARG] = { 501, "5.5.4", REASON_SYNTAX, ERROR,
	    "This command takes no argument" },
	[SMTP_R_NEED_HELO] = { 503, "5.5.1", REASON_SEQUENCE, ERROR,
	    "Send EHLO or HELO first" },
	[SMTP_R_NEED_MAIL] = { 503, "5.5.1", REASON_SEQUENCE, ERROR,
	    "Send MAIL first" },
	[SMTP_R_NEED_RCPT] = { 503, "5.5.1", REASON_SEQUENCE, ERROR,
	    "Send RCPT first" },
	[SMTP_R_NESTED_MAIL] = { 503, "5.5.1", REASON_SEQUENCE, ERROR,
	    "The sender is already given" },

	[SMTP_R_HELO] = { 250, "", REASON_OK, NOTHING, "%h" },
	[SMTP_R_BAD_HELO] = { 501, "", REASON_SYNTAX, ERROR,
	    "Give your host name or an address literal" },
	[SMTP_R_RSET] = { 250, "2.0.0", REASON_OK, NOTHING, "Reset" },
	[SMTP_R_NOOP] = { 250, "2.0.0", REASON_OK, NOTHING, "Ok" },
	[SMTP_R_VRFY] = { 252, "2.0.0", REASON_OK, NOTHING,
	    "Not verified here; RCPT will tell" },
	[SMTP_R_HELP] = { 214, "2.0.0", REASON_OK, NOTHING,
	    "Commands: EHLO HELO MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT\n"
	    "Problems: postmaster at %h" },
	[SMTP_R_QUIT] = { 221, "2.0.0", REASON_OK, NOTHING, "%h closing" },

	/* RFC 3207 section 4 */
	[SMTP_R_TLS_READY] = { 220, "2.0.0", REASON_OK, NOTHING,
	    "Ready to start TLS" },
	[SMTP_R_TLS_LATER] = { 454, "4.7.0", REASON_TLS_DOWN, NOTHING,
	    "TLS is not available now, try again later" },
	[SMTP_R_TLS_ALREADY] = { 503, "5.5.1", REASON_SEQUENCE, ERROR,
	    "TLS is on already" },
	[SMTP_R_TLS_NEEDED] = { 530, "5.7.0", REASON_TLS_NEEDED, ERROR,
	    "Must issue a STARTTLS command first" },

	[SMTP_R_SENDER_OK] = { 250, "2.1.0", REASON_OK, NOTHING, "Sender ok" },
	[SMTP_R_MAIL_SYNTAX] = { 501, "5.5.4", REASON_SYNTAX, ERROR,
	    "Syntax: MAIL FROM:<address> [parameters]" },
	[SMTP_R_BAD_SENDER] = { 501, "5.1.7", REASON_SYNTAX, ERROR,
	    "Not a sender address" },
	[SMTP_R_SENDER_UTF8] = { 553, "5.6.7", REASON_SYNTAX, ERROR,
	    "A non-ASCII sender needs SMTPUTF8" },
	[SMTP_R_SENDER_NULL_MX] = { 550, "5.7.27", REASON_NULL_MX, NOTHING,
	    "The sender's domain takes no mail itself (null MX)" },
	[SMTP_R_SENDER_DENIED] = { 550, "5.7.1", REASON_SENDER_DENIED, ERROR,
	    "Sender not allowed here" },
	[SMTP_R_CLIENT_DENIED] = { 550, "5.7.1", REASON_CLIENT_DENIED, ERROR,
	    "This client may not send here, by its address or certificate" },
	[SMTP_R_BAD_PARAM] = { 501, "5.5.4", REASON_SYNTAX, ERROR,
	    "Malformed parameter" },
	[SMTP_R_PARAM_TWICE] = { 501, "5.5.4", REASON_SYNTAX, ERROR,
	    "Parameter given twice" },
	[SMTP_R_UNKNOWN_PARAM] = { 555, "5.5.4", REASON_SYNTAX, ERROR,
	    "Parameter not known" },
	[SMTP_R_SIZE_DECLARED] = { 552, "5.3.4", REASON_TOO_BIG, NOTHING,
	    "Message larger than the limit" },
	[SMTP_R_NO_ROOM] = { 452, "4.3.1", REASON_QUEUE_FULL, NOTHING,
	    "No room for this message, try again later" },
	[SMTP_R_MAIL_LATER] = { 451, "4.3.0", REASON_QUEUE_DOWN, NOTHING,
	    "Cannot take mail now, try again later" },

	[SMTP_R_RCPT_OK] = { 250, "2.1.5", REASON_OK, NOTHING, "Recipient ok" },
	[SMTP_R_RCPT_SYNTAX] = { 501, "5.5.4", REASON_SYNTAX, ERROR,
	    "Syntax: RCPT TO:<address> [parameters]" },
	[SMTP_R_BAD_RCPT] = { 501, "5.1.3", REASON_SYNTAX, ERROR,
	    "Not a recipient address" },
	[SMTP_R_RCPT_UTF8] = { 553, "5.6.7", REASON_SYNTAX, ERROR,
	    "A non-ASCII recipient needs SMTPUTF8" },
	[SMTP_R_NO_USER] = { 550, "5.1.1", REASON_NO_SUCH_USER, UNKNOWN,
	    "No such recipient here" },
	[SMTP_R_NO_DOMAIN] = { 550, "5.1.2", REASON_NO_SUCH_DOMAIN, UNKNOWN,
	    "Domain takes no mail" },
	[SMTP_R_RELAY_DENIED] = { 550, "5.7.1", REASON_RELAY_DENIED, ERROR,
	    "Relaying denied" },
	[SMTP_R_ROUTE_DENIED] = { 550, "5.7.1", REASON_RELAY_DENIED, ERROR,
	    "Relaying denied: no routes in addresses" },
	[SMTP_R_TOO_MANY_RCPTS] = { 452, "4.5.3", REASON_TOO_MANY_RCPTS,
	    NOTHING, "Too many recipients, send the rest in another message" },
	[SMTP_R_RCPT_LATER] = { 451, "4.4.3", REASON_DIRECTORY_DOWN, NOTHING,
	    "Cannot check this recipient now, try again later" },

	[SMTP_R_DATA] = { 354, "", REASON_OK, NOTHING,
	    "Send the message, end it with a dot on a line by itself" },
	[SMTP_R_DATA_LATER] = { 451, "4.3.0", REASON_QUEUE_DOWN, NOTHING,
	    "Cannot take the message now, try again later" },
	[SMTP_R_NO_VALID_RCPT] = { 554, "5.5.1", REASON_SEQUENCE, NOTHING,
	    "No recipient was accepted" },
	[SMTP_R_NO_RCPT_YET] = { 451, "4.5.1", REASON_DIRECTORY_DOWN, NOTHING,
	    "No recipient could be checked, try again later" },
	[SMTP_R_CHUNK] = { 250, "2.0.0", REASON_OK, NOTHING, "Chunk ok" },
	[SMTP_R_IN_CHUNKS] = { 503, "5.5.1", REASON_SEQUENCE, ERROR,
	    "The text comes in chunks: go on with BDAT, or RSET" },
	[SMTP_R_BAD_CHUNK] = { 554, "5.5.4", REASON_SYNTAX, FATAL,
	    "Syntax: BDAT size [LAST]; closing" },
	[SMTP_R_CHUNK_TOO_LONG] = { 554, "5.3.4", REASON_TOO_BIG, FATAL,
	    "Chunk larger than any message; closing" },
	[SMTP_R_ACCEPTED] = { 250, "2.0.0", REASON_OK, NOTHING,
	    "Accepted as %a" },
	[SMTP_R_BODY_LINE_END] = { 550, "5.6.0", REASON_LINE_ENDING, ERROR,
	    "Message refused: bare CR or LF; lines end with CRLF" },
	[SMTP_R_BODY_NUL] = { 550, "5.6.0", REASON_LINE_ENDING, ERROR,
	    "Message refused: it holds a NUL" },
	[SMTP_R_BODY_LONG_LINE] = { 550, "5.6.0", REASON_LINE_LENGTH, NOTHING,
	    "Message refused: a line is longer than RFC 5322 allows" },
	[SMTP_R_BODY_8BIT] = { 550, "5.6.3", REASON_SYNTAX, NOTHING,
	    "Message refused: 8-bit text needs BODY=8BITMIME" },
	[SMTP_R_TOO_BIG] = { 552, "5.3.4", REASON_TOO_BIG, NOTHING,
	    "Message larger than the limit" },
	[SMTP_R_HEADER_TOO_BIG] = { 552, "5.3.4", REASON_TOO_BIG, NOTHING,
	    "Message header larger than the limit" },
	[SMTP_R_LOOP] = { 554, "5.4.6", REASON_LOOP, NOTHING,
	    "Message refused: it goes round in a loop" },
	[SMTP_R_QUEUE_LATER] = { 451, "4.3.0", REASON_STORE_ERROR, NOTHING,
	    "Message not stored, try again later" },
	[SMTP_R_QUEUE_FULL] = { 452, "4.3.1", REASON_QUEUE_FULL, NOTHING,
	    "No room for this message, try again later" },
	[SMTP_R_QUEUE_REFUSED] = { 554, "5.7.1", REASON_DIRECTION, NOTHING,
	    "Message refused by policy" },
};

/* A line is begun with room for what always follows: CRLF. */
struct line {
	char buf[SMTP_REPLY_LINE_MAX];
	size_t len;
};

static void
line_add(struct line *l, const char *p, size_t n)
{
	size_t i;

	for (i = 0; i < n && l->len < sizeof(l->buf) - 2; i++)
		l->buf[l->len++] =
		    smtp_isgraph(p[i]) || p[i] == ' ' ? p[i] : '?';
}

static void
line_begin(struct line *l, const struct smtp_reply_def *d, bool last)
{
	l->buf[0] = (char)('0' + d->code / 100);
	l->buf[1] = (char)('0' + d->code / 10 % 10);
	l->buf[2] = (char)('0' + d->code % 10);
	l->buf[3] = last ? ' ' : '-';
	l->len = 4;
	if (d->enhanced[0] == '\0')
		return;
	line_add(l, d->enhanced, strlen(d->enhanced));
	line_add(l, " ", 1);
}

static void
line_text(struct line *l, struct smtp_slice text, struct smtp_slice hostname,
    struct smtp_slice arg)
{
	size_t i;

	for (i = 0; i < text.len; i++) {
		bool escape = text.p[i] == '%' && i + 1 < text.len;

		if (escape && text.p[i + 1] == 'h') {
			line_add(l, hostname.p, hostname.len);
			i++;
		} else if (escape && text.p[i + 1] == 'a') {
			line_add(l, arg.p, arg.len);
			i++;
		} else
			line_add(l, text.p + i, 1);
	}
}

void
smtp_put_reply(struct smtp_outbuf *o, enum smtp_reply_id id,
    struct smtp_slice hostname, struct smtp_slice arg)
{
	const struct smtp_reply_def *d = smtp_reply_def(id);
	const char *text = d->text;

	for (;;) {
		size_t n = strcspn(text, "\n");
		bool last = text[n] == '\0';
		struct line l;

		line_begin(&l, d, last);
		line_text(&l, smtp_slice(text, n), hostname, arg);
		l.buf[l.len++] = '\r';
		l.buf[l.len++] = '\n';
		smtp_put(o, l.buf, l.len);
		if (last)
			return;
		text += n + 1;
	}
}

const struct smtp_reply_def *
smtp_reply_def(enum smtp_reply_id id)
{
	return &table[id];
}
