/* SPDX-License-Identifier: ISC */
/* xtext: printable ASCII stays, the rest is "+" and two upper-case digits. */
#include "common/smtp/xtext.h"

static const char hex[] = "0123456789ABCDEF";

static bool
plain(char c)
{
	return smtp_isgraph(c) && c != '+' && c != '=';
}

static int
hexvalue(char c)
{
	if (smtp_isdigit(c))
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* One decoded octet from the front of s; its encoded length, 0: malformed. */
static size_t
decode_one(struct smtp_slice s, char *c)
{
	int hi, lo;

	if (plain(s.p[0])) {
		*c = s.p[0];
		return 1;
	}
	if (s.p[0] != '+' || s.len < 3)
		return 0;
	hi = hexvalue(s.p[1]);
	lo = hexvalue(s.p[2]);
	if (hi < 0 || lo < 0)
		return 0;
	*c = (char)(unsigned char)(hi << 4 | lo);
	return 3;
}

void
smtp_xtext_encode(struct smtp_outbuf *o, struct smtp_slice s)
{
	size_t i;

	for (i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (plain(s.p[i])) {
			smtp_put_char(o, s.p[i]);
			continue;
		}
		smtp_put_char(o, '+');
		smtp_put_char(o, hex[c >> 4]);
		smtp_put_char(o, hex[c & 15]);
	}
}

ssize_t
smtp_xtext_decode(struct smtp_slice s, char *out, size_t cap)
{
	size_t n = 0;

	while (s.len > 0) {
		char c = 0;
		size_t used = decode_one(s, &c);

		if (used == 0 || n == cap)
			return -1;
		out[n++] = c;
		s = smtp_slice(s.p + used, s.len - used);
	}
	return (ssize_t)n;
}

bool
smtp_xtext_printable(struct smtp_slice s)
{
	while (s.len > 0) {
		char c = 0;
		size_t used = decode_one(s, &c);

		if (used == 0 || !(smtp_isgraph(c) || c == ' '))
			return false;
		s = smtp_slice(s.p + used, s.len - used);
	}
	return true;
}
