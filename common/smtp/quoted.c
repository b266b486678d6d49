/* SPDX-License-Identifier: ISC */
#include "common/smtp/quoted.h"

#define COLUMNS 75 /* and '=' for a line that goes on */

void
smtp_quoted_init(struct smtp_quoted *q)
{
	q->column = 0;
	q->space = '\0';
}

static void
put(struct smtp_quoted *q, const char *s, unsigned n, struct smtp_outbuf *out)
{
	if (q->column + n > COLUMNS) {
		smtp_put_str(out, "=\r\n");
		q->column = 0;
	}
	smtp_put(out, s, n);
	q->column += n;
}

static void
put_coded(struct smtp_quoted *q, char c, struct smtp_outbuf *out)
{
	static const char hex[] = "0123456789ABCDEF";
	const unsigned char u = (unsigned char)c;
	const char s[] = { '=', hex[u >> 4], hex[u & 15] };

	put(q, s, sizeof(s), out);
}

/* Is the next octet the first of a line, written so or broken? */
static bool
at_start(const struct smtp_quoted *q)
{
	return q->column == 0 || q->column == COLUMNS;
}

static void
put_octet(struct smtp_quoted *q, char c, struct smtp_outbuf *out)
{
	bool plain = smtp_isgraph(c) && c != '=';

	if (plain && !(c == '-' && at_start(q)))
		put(q, &c, 1, out);
	else
		put_coded(q, c, out);
}

void
smtp_quoted_put(struct smtp_quoted *q, struct smtp_slice s, bool ends,
    struct smtp_outbuf *out)
{
	size_t i;

	for (i = 0; i < s.len; i++) {
		if (q->space != '\0')
			put(q, &q->space, 1, out);
		q->space = '\0';
		if (s.p[i] == ' ' || s.p[i] == '\t')
			q->space = s.p[i];
		else
			put_octet(q, s.p[i], out);
	}
	if (!ends)
		return;
	smtp_quoted_end(q, out);
	smtp_put_str(out, "\r\n");
}

void
smtp_quoted_end(struct smtp_quoted *q, struct smtp_outbuf *out)
{
	if (q->space != '\0')
		put_coded(q, q->space, out);
	smtp_quoted_init(q);
}
