/* SPDX-License-Identifier: ISC */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "regress/bench/mailtext.h"

#define LINE 72U

unsigned
mail_body(struct mail_body *b, unsigned size, const char *from, const char *to)
{
	char head[1024];
	size_t i, len;
	int n;

	n = snprintf(head, sizeof(head),
	    "\r\nFrom: <%s>\r\nTo: <%s>\r\nSubject: load\r\n"
	    "Date: Tue, 24 Nov 2026 08:00:00 +0000\r\n"
	    "Message-ID: <load@sender.test>\r\n\r\n",
	    from, to);
	if (n < 0 || (size_t)n >= sizeof(head))
		errx(2, "addresses too long");
	len = (size_t)n;
	if (size < MAIL_HEAD + len + 2)
		size = (unsigned)(MAIL_HEAD + len + 2);
	b->len = size - MAIL_HEAD + 3; /* .CRLF */
	if ((b->text = malloc(b->len)) == NULL)
		err(1, NULL);
	memset(b->text, 'x', b->len);
	memcpy(b->text, head, len);
	for (i = len + LINE - 2; i + 6 < b->len; i += LINE)
		memcpy(b->text + i, "\r\n", 2);
	memcpy(b->text + b->len - 5, "\r\n.\r\n", 5);
	return size;
}

void
mail_envelope(struct mail_envelope *e, unsigned size, const char *from,
    const char *to)
{
	int mail, rcpt;

	mail = snprintf(e->text, 512, "MAIL FROM:<%s> SIZE=%u\r\n", from, size);
	if (mail < 0 || mail >= 512)
		errx(2, "%s: too long", from);
	e->at[1] = (size_t)mail;
	rcpt = snprintf(e->text + e->at[1], 512, "RCPT TO:<%s>\r\n", to);
	if (rcpt < 0 || rcpt >= 512)
		errx(2, "%s: too long", to);
	e->at[0] = 0;
	e->at[2] = e->at[1] + (size_t)rcpt;
	memcpy(e->text + e->at[2], "DATA\r\n", 6);
	e->at[3] = e->at[2] + 6;
}

static void
put_hex(char *p, uint32_t v)
{
	unsigned i;

	for (i = 0; i < 8; i++)
		p[i] = "0123456789abcdef"[v >> (28 - 4 * i) & 15];
}

void
mail_head(char *p, uint32_t run, uint32_t number, uint32_t size)
{
	memcpy(p, "X-Bench: ", 9);
	put_hex(p + 9, run);
	p[17] = ' ';
	put_hex(p + 18, number);
	p[26] = ' ';
	put_hex(p + 27, size);
}
