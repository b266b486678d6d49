/* SPDX-License-Identifier: ISC */
/* Well-formed UTF-8 (RFC 3629): no overlong form, no surrogate. */
#ifndef COMMON_BASE_UTF8_H
#define COMMON_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Octets of the character at the start; 0: none that is well formed. */
size_t utf8_char(const char *, size_t len);
/* The code point of the character, of so many octets, at the start. */
uint32_t utf8_code(const char *, size_t octets);
bool utf8_valid(const char *, size_t len);

#endif
