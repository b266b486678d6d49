/* SPDX-License-Identifier: ISC */
/* ASCII comparison and numbers, free of locale. */
#include "common/smtp/ascii.h"

bool
smtp_caseequal(const char *a, const char *b, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (smtp_tolower(a[i]) != smtp_tolower(b[i]))
			return false;
	return true;
}

bool
smtp_slice_is(struct smtp_slice s, const char *word)
{
	return s.len == strlen(word) && smtp_caseequal(s.p, word, s.len);
}

int
smtp_parse_number(struct smtp_slice s, uint64_t *value)
{
	uint64_t n = 0;
	size_t i;

	if (s.len == 0 || s.len > 20)
		return -1;
	for (i = 0; i < s.len; i++) {
		uint64_t digit;

		if (!smtp_isdigit(s.p[i]))
			return -1;
		digit = (uint64_t)(s.p[i] - '0');
		if (n > (UINT64_MAX - digit) / 10)
			n = UINT64_MAX;
		else
			n = n * 10 + digit;
	}
	*value = n;
	return 0;
}
