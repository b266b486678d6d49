/* SPDX-License-Identifier: ISC */
/*
 * Delivery status notifications: see bounce.h.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/utf8.h"
#include "common/smtp/date.h"
#include "common/smtp/limits.h"
#include "common/smtp/outbuf.h"
#include "common/smtp/xtext.h"

#include "queued/bounce.h"

#define WRAP	   76	/* columns of prose */
#define FIXED_ROOM 8192 /* all but recipients and returned text */
#define RCPT_ROOM  6144 /* one recipient, in both parts */
#define LINE_KEEP  (SMTP_TEXT_LINE_MAX - 8)

struct writer {
	struct smtp_outbuf o;
	const struct bounce *b;
	bool full;  /* the whole message is returned */
	bool eight; /* and has octets beyond ASCII */
};

static const struct words {
	const char *name;
	const char *subject;
	const char *intro;
	const char *outro;
	const char *action;
	char class; /* RFC 3463 section 2 */
} kinds[] = {
	[BOUNCE_FAILED] = { "failure",
	    "Undeliverable: your message was not delivered",
	    "Your message could not be delivered to the recipients below. "
	    "The gateway has given up on them.",
	    "What the receiving system said is quoted above. Nothing more "
	    "will be tried for these recipients.",
	    "failed", '5' },
	[BOUNCE_DELAYED] = { "delay",
	    "Delayed: your message was not delivered yet",
	    "Your message could not be delivered yet to the recipients below. "
	    "The gateway goes on trying; you need not send it again.",
	    "If it cannot be delivered by then, you will be told.", "delayed",
	    '4' },
	[BOUNCE_RELAYED] = { "success", "Relayed: your message was handed on",
	    "Your message was handed on to the mail system of the recipients "
	    "below, as you asked to be told. That system does not report "
	    "what becomes of it.",
	    "You will get no other word of success for these recipients.",
	    "relayed", '2' },
};

static const struct words *
words_of(const struct bounce *b)
{
	return &kinds[b->kind];
}

const char *
bounce_kind_name(enum bounce_kind kind)
{
	return kinds[kind].name;
}

static void
crlf(struct writer *w)
{
	smtp_put(&w->o, "\r\n", 2);
}

static void
put(struct writer *w, const char *s)
{
	smtp_put_str(&w->o, s);
}

static void
line(struct writer *w, const char *s)
{
	put(w, s);
	crlf(w);
}

/* Whatever it was: printable ASCII. */
static void
put_clean(struct writer *w, const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		smtp_put_char(&w->o, s[i] >= 0x20 && s[i] < 0x7f ? s[i] : '?');
}

static size_t
word_len(const char *s)
{
	return strcspn(s, " \t\r\n");
}

/*
 * Words, each made clean, broken into lines that begin with indent.  col is
 * where the first one starts.  Ends the line.
 */
static void
put_wrapped(struct writer *w, size_t col, const char *indent, const char *s)
{
	size_t len, n = 0;

	for (s += strspn(s, " \t\r\n"); *s != '\0'; s += strspn(s, " \t\r\n")) {
		len = word_len(s);
		if (n > 0 && col + 1 + len > WRAP) {
			crlf(w);
			put(w, indent);
			col = strlen(indent);
			n = 0;
		} else if (n > 0) {
			smtp_put_char(&w->o, ' ');
			col++;
		}
		put_clean(w, s, len);
		col += len;
		s += len;
		n++;
	}
	crlf(w);
}

static void
put_date(struct writer *w, const char *name, uint64_t when)
{
	put(w, name);
	smtp_put_date(&w->o, (int64_t)when, 0);
	crlf(w);
}

static void
put_boundary(struct writer *w)
{
	put(w, "=_");
	put(w, w->b->token);
	smtp_put_char(&w->o, '_');
	put(w, w->b->id);
}

static void
put_part(struct writer *w, const char *type)
{
	crlf(w);
	put(w, "--");
	put_boundary(w);
	crlf(w);
	put(w, "Content-Type: ");
	line(w, type);
}

static void
put_encoding(struct writer *w)
{
	if (w->eight)
		line(w, "Content-Transfer-Encoding: 8bit");
}

static void
put_header(struct writer *w)
{
	const struct bounce *b = w->b;

	put_date(w, "Date: ", b->now);
	put(w, "From: Mail Delivery System <MAILER-DAEMON@");
	put(w, b->hostname);
	line(w, ">");
	put(w, "To: <");
	put_clean(w, b->to, strlen(b->to));
	line(w, ">");
	put(w, "Subject: ");
	line(w, words_of(b)->subject);
	put(w, "Message-ID: <");
	put(w, b->token);
	smtp_put_char(&w->o, '.');
	put(w, b->id);
	smtp_put_char(&w->o, '@');
	put(w, b->hostname);
	line(w, ">");
	/* RFC 3834 section 5: nobody's responder is to answer */
	line(w, "Auto-Submitted: auto-replied");
	line(w, "MIME-Version: 1.0");
	line(w, "Content-Type: multipart/report; report-type=delivery-status;");
	put(w, "\tboundary=\"");
	put_boundary(w);
	line(w, "\"");
	put_encoding(w);
	crlf(w);
	line(w,
	    "This is a MIME message; its parts are meant for programs too.");
}

static void
put_reply(struct writer *w, const struct bounce_rcpt *r)
{
	if (r->code == 0)
		return;
	smtp_put_number(&w->o, r->code, 3);
	smtp_put_char(&w->o, ' ');
}

static void
put_human_rcpt(struct writer *w, const struct bounce_rcpt *r)
{
	size_t start;

	crlf(w);
	put(w, "  <");
	put_clean(w, r->addr, strlen(r->addr));
	line(w, ">");
	start = w->o.len;
	put(w, "    ");
	if (r->code != 0 && r->remote[0] != '\0') {
		put_clean(w, r->remote, strlen(r->remote));
		put(w, " said: ");
	}
	put_reply(w, r);
	put_wrapped(w, w->o.len - start, "    ", r->text);
}

static void
put_human(struct writer *w)
{
	const struct bounce *b = w->b;
	size_t i;

	put_part(w, "text/plain; charset=us-ascii");
	crlf(w);
	put(w, "This is the mail gateway ");
	put(w, b->hostname);
	line(w, ".");
	crlf(w);
	put_wrapped(w, 0, "", words_of(b)->intro);
	for (i = 0; i < b->nrcpts; i++)
		put_human_rcpt(w, &b->rcpts[i]);
	crlf(w);
	if (b->kind == BOUNCE_DELAYED)
		put_date(w, "It is tried until ", b->until);
	put_wrapped(w, 0, "", words_of(b)->outro);
	put(w, "The gateway's id of the message is ");
	put(w, b->id);
	line(w, ".");
}

static void
put_code_point(struct writer *w, uint32_t cp)
{
	static const char hex[] = "0123456789ABCDEF";
	int shift = 20;

	put(w, "\\x{");
	while (shift > 4 && (cp >> shift) == 0)
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		smtp_put_char(&w->o, hex[cp >> shift & 0xf]);
	smtp_put_char(&w->o, '}');
}

static bool
beyond_ascii(const char *s)
{
	while (*s != '\0' && !smtp_is8bit(*s))
		s++;
	return *s != '\0';
}

/* Two octets become seven at most: "\x{7FF}"; such a line is not too long. */
#define ARMOURED_MAX (SMTP_TEXT_LINE_MAX / 4)

static void
put_armoured(struct writer *w, const char *addr)
{
	size_t n, left = strlen(addr);

	while (left > 0) {
		n = utf8_char(addr, left);
		if (n > 1)
			put_code_point(w, utf8_code(addr, n));
		else
			put_clean(w, addr, 1);
		n = n == 0 ? 1 : n;
		addr += n;
		left -= n;
	}
}

/* An address; beyond ASCII as RFC 6533 section 3 armours it (-unitext). */
static void
put_address(struct writer *w, const char *name, const char *addr)
{
	put(w, name);
	if (beyond_ascii(addr) && strlen(addr) <= ARMOURED_MAX) {
		put(w, "utf-8; ");
		put_armoured(w, addr);
	} else {
		put(w, "rfc822; ");
		put_clean(w, addr, strlen(addr));
	}
	crlf(w);
}

/* A value in xtext, decoded where that leaves it printable. */
static void
put_xtext(struct writer *w, const char *s, size_t len)
{
	char plain[MSG_ORCPT_MAX + 1];
	ssize_t n;

	n = smtp_xtext_decode(smtp_slice(s, len), plain, sizeof(plain));
	if (n < 0)
		put_clean(w, s, len);
	else
		put_clean(w, plain, (size_t)n);
}

/* RFC 3461 6.3 (a): the type, a semicolon, and the address decoded. */
static void
put_orcpt(struct writer *w, const char *orcpt)
{
	const char *semi = strchr(orcpt, ';');

	if (semi == NULL)
		return;
	put(w, "Original-Recipient: ");
	put_clean(w, orcpt, (size_t)(semi - orcpt));
	put(w, "; ");
	put_xtext(w, semi + 1, strlen(semi + 1));
	crlf(w);
}

static size_t
digits(const char *s)
{
	return strspn(s, "0123456789");
}

/* RFC 3463 section 2, of the class that the action asks for. */
static void
put_status(struct writer *w, const struct bounce_rcpt *r)
{
	char class = words_of(w->b)->class;
	const char *subject, *detail, *rest = "0.0";
	size_t n;

	if (digits(r->enh) == 1 && r->enh[1] == '.') {
		subject = r->enh + 2;
		n = digits(subject);
		detail = subject + n + 1;
		if (n >= 1 && n <= 3 && subject[n] == '.' &&
		    digits(detail) >= 1 && digits(detail) <= 3 &&
		    detail[digits(detail)] == '\0')
			rest = subject;
	}
	put(w, "Status: ");
	smtp_put_char(&w->o, class);
	smtp_put_char(&w->o, '.');
	line(w, rest);
}

static void
put_diagnostic(struct writer *w, const struct bounce_rcpt *r)
{
	size_t start = w->o.len;

	put(w,
	    r->code != 0 ? "Diagnostic-Code: smtp; "
			 : "Diagnostic-Code: x-postern; ");
	put_reply(w, r);
	put_wrapped(w, w->o.len - start, "    ", r->text);
}

static void
put_status_rcpt(struct writer *w, const struct bounce_rcpt *r)
{
	crlf(w);
	put_orcpt(w, r->orcpt);
	put_address(w, "Final-Recipient: ", r->addr);
	put(w, "Action: ");
	line(w, words_of(w->b)->action);
	put_status(w, r);
	if (r->remote[0] != '\0') {
		put(w, "Remote-MTA: dns; ");
		put_clean(w, r->remote, strlen(r->remote));
		crlf(w);
	}
	put_diagnostic(w, r);
	put_date(w, "Last-Attempt-Date: ", w->b->now);
	if (w->b->kind == BOUNCE_DELAYED)
		put_date(w, "Will-Retry-Until: ", r->until);
}

static void
put_delivery_status(struct writer *w)
{
	const struct bounce *b = w->b;
	size_t i;

	put_part(w, "message/delivery-status");
	crlf(w);
	put(w, "Reporting-MTA: dns; ");
	line(w, b->hostname);
	if (b->envid[0] != '\0') {
		put(w, "Original-Envelope-Id: ");
		put_xtext(w, b->envid, strlen(b->envid));
		crlf(w);
	}
	put_date(w, "Arrival-Date: ", b->arrival);
	for (i = 0; i < b->nrcpts; i++)
		put_status_rcpt(w, &b->rcpts[i]);
}

/* One line of a stranger's header, cut into pieces that are not too long. */
static void
put_header_line(struct writer *w, const char *s, size_t len)
{
	size_t n;

	for (;;) {
		n = len > LINE_KEEP ? LINE_KEEP : len;
		for (size_t i = 0; i < n; i++) {
			smtp_put_char(&w->o,
			    s[i] == '\t' || (s[i] >= 0x20 && s[i] < 0x7f)
				? s[i]
				: '?');
		}
		crlf(w);
		s += n;
		len -= n;
		if (len == 0)
			return;
		smtp_put_char(&w->o, ' ');
	}
}

/* The header only, up to the empty line or the limit. */
static void
put_returned_header(struct writer *w)
{
	const char *s = w->b->body, *end;
	size_t len, left = w->b->body_len;

	if (left > BOUNCE_HEADER_MAX)
		left = BOUNCE_HEADER_MAX;
	while (left > 0) {
		end = memchr(s, '\n', left);
		len = end != NULL ? (size_t)(end - s) + 1 : left;
		left -= len;
		end = s + len;
		while (len > 0 && (s[len - 1] == '\n' || s[len - 1] == '\r'))
			len--;
		if (len == 0)
			return;
		put_header_line(w, s, len);
		s = end;
	}
}

static void
put_returned(struct writer *w)
{
	const char *s = w->b->body;
	size_t len = w->b->body_len;

	if (w->full) {
		put_part(w, "message/rfc822");
		put_encoding(w);
		crlf(w);
		smtp_put(&w->o, s, len);
		if (len > 0 && s[len - 1] != '\n')
			crlf(w);
	} else {
		put_part(w, "text/rfc822-headers");
		crlf(w);
		put_returned_header(w);
	}
	crlf(w);
	put(w, "--");
	put_boundary(w);
	line(w, "--");
}

/* Lines that end in CRLF, have no NUL, and are short enough to be sent on. */
static bool
well_formed(const char *s, size_t len, bool *eight)
{
	size_t i, start = 0;

	for (i = 0; i < len; i++) {
		if (s[i] == '\0' ||
		    (s[i] == '\n' && (i == 0 || s[i - 1] != '\r')))
			return false;
		if (s[i] == '\r' && (i + 1 == len || s[i + 1] != '\n'))
			return false;
		if (s[i] == '\n')
			start = i + 1;
		else if (i - start > SMTP_TEXT_LINE_MAX)
			return false;
		*eight = *eight || smtp_is8bit(s[i]);
	}
	return true;
}

/*
 * RET=FULL is honoured for small messages only, so that a report is never a
 * way to have something large sent to somebody else.
 */
static void
choose_return(struct writer *w)
{
	const struct bounce *b = w->b;

	w->full = b->kind == BOUNCE_FAILED && b->ret == RET_FULL &&
	    b->size <= BOUNCE_FULL_MAX && b->body_len == b->size &&
	    well_formed(b->body, b->body_len, &w->eight);
	if (!w->full)
		w->eight = false;
}

int
bounce_build(const struct bounce *b, struct bounce_text *out)
{
	struct writer w = { .b = b };
	size_t cap;
	char *buf;

	choose_return(&w);
	cap = FIXED_ROOM + b->nrcpts * RCPT_ROOM + BOUNCE_FULL_MAX;
	buf = malloc(cap);
	if (buf == NULL)
		return -1;
	smtp_outbuf_init(&w.o, buf, cap);
	put_header(&w);
	put_human(&w);
	put_delivery_status(&w);
	put_returned(&w);
	if (w.o.failed) {
		free(buf);
		return -1;
	}
	out->text = buf;
	out->len = w.o.len;
	out->flags = w.eight ? MSG_F_8BITMIME | MSG_F_8BIT_DATA : 0;
	return 0;
}
