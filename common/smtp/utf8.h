/* SPDX-License-Identifier: ISC */
/* Well-formed UTF-8 (RFC 3629): no overlong form, no surrogate. */
#ifndef COMMON_SMTP_UTF8_H
#define COMMON_SMTP_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Octets of the character at the start; 0: none that is well formed. */
size_t smtp_utf8_char(const char *, size_t len);
bool smtp_utf8_valid(const char *, size_t len);

#endif
