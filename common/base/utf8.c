/* SPDX-License-Identifier: ISC */
/* Well-formed UTF-8, by the table of RFC 3629 section 4. */
#include "common/base/utf8.h"

static const struct {
	unsigned char lead_lo, lead_hi;
	unsigned char second_lo, second_hi;
	unsigned char len;
} forms[] = {
	{ 0x00, 0x7f, 0x00, 0x00, 1 },
	{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
	{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
	{ 0xe1, 0xec, 0x80, 0xbf, 3 },
	{ 0xed, 0xed, 0x80, 0x9f, 3 },
	{ 0xee, 0xef, 0x80, 0xbf, 3 },
	{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
	{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
	{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
};

#define NFORMS (sizeof(forms) / sizeof(forms[0]))

size_t
utf8_char(const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t i, n;

	if (len == 0)
		return 0;
	for (i = 0; i < NFORMS; i++)
		if (p[0] >= forms[i].lead_lo && p[0] <= forms[i].lead_hi)
			break;
	if (i == NFORMS || forms[i].len > len)
		return 0;
	n = forms[i].len;
	if (n > 1 && (p[1] < forms[i].second_lo || p[1] > forms[i].second_hi))
		return 0;
	for (i = 2; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

uint32_t
utf8_code(const char *s, size_t octets)
{
	static const unsigned char lead[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	uint32_t code = (unsigned char)s[0] & lead[octets];
	size_t i;

	for (i = 1; i < octets; i++)
		code = code << 6 | ((unsigned char)s[i] & 0x3f);
	return code;
}

bool
utf8_valid(const char *text, size_t len)
{
	while (len > 0) {
		size_t n = utf8_char(text, len);

		if (n == 0)
			return false;
		text += n;
		len -= n;
	}
	return true;
}
