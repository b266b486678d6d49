/* SPDX-License-Identifier: ISC */
/* Text written into memory of the caller, all or nothing. */
#include "common/smtp/outbuf.h"

#include <string.h>

void
smtp_outbuf_init(struct smtp_outbuf *o, char *buf, size_t cap)
{
	o->buf = buf;
	o->cap = cap;
	o->len = 0;
	o->failed = false;
}

size_t
smtp_outbuf_room(const struct smtp_outbuf *o)
{
	return o->cap - o->len;
}

void
smtp_put(struct smtp_outbuf *o, const char *p, size_t len)
{
	if (o->failed || len > o->cap - o->len) {
		o->failed = true;
		return;
	}
	if (len != 0)
		memcpy(o->buf + o->len, p, len);
	o->len += len;
}

void
smtp_put_str(struct smtp_outbuf *o, const char *s)
{
	smtp_put(o, s, strlen(s));
}

void
smtp_put_slice(struct smtp_outbuf *o, struct smtp_slice s)
{
	smtp_put(o, s.p, s.len);
}

void
smtp_put_char(struct smtp_outbuf *o, char c)
{
	smtp_put(o, &c, 1);
}

void
smtp_put_number(struct smtp_outbuf *o, uint64_t n, unsigned width)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n != 0);
	while (at > 0 && sizeof(digits) - at < width)
		digits[--at] = '0';
	smtp_put(o, digits + at, sizeof(digits) - at);
}
