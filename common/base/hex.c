/* SPDX-License-Identifier: ISC */
#include "common/base/hex.h"

static int
digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int
hex_parse(const char *s, uint8_t *out, size_t n)
{
	int high, low;
	size_t i;

	for (i = 0; i < n; i++) {
		if (i > 0 && *s == ':')
			s++;
		if ((high = digit(s[0])) == -1 || (low = digit(s[1])) == -1)
			return -1;
		out[i] = (uint8_t)(high << 4 | low);
		s += 2;
	}
	return *s == '\0' ? 0 : -1;
}

const char *
hex_fmt(const uint8_t *p, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < n; i++) {
		out[2 * i] = digits[p[i] >> 4];
		out[2 * i + 1] = digits[p[i] & 15];
	}
	out[2 * n] = '\0';
	return out;
}
