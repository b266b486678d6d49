/* SPDX-License-Identifier: ISC */
/*
 * ASCII classes and comparison without locale, and the (pointer, length)
 * string of the SMTP cores.  A slice owns nothing and may hold any octet.
 */
#ifndef COMMON_SMTP_ASCII_H
#define COMMON_SMTP_ASCII_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct smtp_slice {
	const char *p;
	size_t len;
};

static inline bool
smtp_isdigit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool
smtp_isalpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool
smtp_isalnum(char c)
{
	return smtp_isdigit(c) || smtp_isalpha(c);
}

/* printable and no space */
static inline bool
smtp_isgraph(char c)
{
	return c > 0x20 && c < 0x7f;
}

static inline bool
smtp_is8bit(char c)
{
	return ((unsigned char)c & 0x80) != 0;
}

static inline char
smtp_tolower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static inline struct smtp_slice
smtp_slice(const char *p, size_t len)
{
	return (struct smtp_slice){ p, len };
}

static inline struct smtp_slice
smtp_slice_str(const char *s)
{
	return (struct smtp_slice){ s, strlen(s) };
}

/* len octets of a and b are the same but for the case of letters */
bool smtp_caseequal(const char *a, const char *b, size_t len);
/* the whole slice is the C string word, in any case */
bool smtp_slice_is(struct smtp_slice, const char *word);
/*
 * A decimal number of 1 to 20 digits and nothing else.  -1: it is none.
 * A number beyond 64 bits is cut to UINT64_MAX.
 */
int smtp_parse_number(struct smtp_slice, uint64_t *);

#endif
