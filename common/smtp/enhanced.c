/* SPDX-License-Identifier: ISC */
/* Enhanced mail system status codes as values. */
#include "common/smtp/enhanced.h"

#include <string.h>

/* 1 to 3 digits without leading zero at in[at]; their count, 0: none */
static size_t
parse_part(struct smtp_slice in, size_t at, uint16_t *value)
{
	size_t n = 0;
	uint16_t v = 0;

	while (at + n < in.len && n < 3 && smtp_isdigit(in.p[at + n])) {
		v = (uint16_t)(v * 10 + (in.p[at + n] - '0'));
		n++;
	}
	if (n > 1 && in.p[at] == '0')
		return 0;
	*value = v;
	return n;
}

size_t
smtp_enhanced_parse(struct smtp_enhanced *e, struct smtp_slice in)
{
	size_t at = 2, n;

	memset(e, 0, sizeof(*e));
	if (in.len < 5 || memchr("245", in.p[0], 3) == NULL || in.p[1] != '.')
		return 0;
	n = parse_part(in, at, &e->subject);
	at += n;
	if (n == 0 || at >= in.len || in.p[at++] != '.')
		return 0;
	n = parse_part(in, at, &e->detail);
	at += n;
	if (n == 0 || (at < in.len && in.p[at] != ' '))
		return 0;
	e->class = (uint8_t)(in.p[0] - '0');
	return at;
}

void
smtp_put_enhanced(struct smtp_outbuf *o, const struct smtp_enhanced *e)
{
	smtp_put_number(o, e->class, 0);
	smtp_put_char(o, '.');
	smtp_put_number(o, e->subject, 0);
	smtp_put_char(o, '.');
	smtp_put_number(o, e->detail, 0);
}
