/* SPDX-License-Identifier: ISC */
/* Strings of JSON (RFC 8259 section 7). */
#ifndef COMMON_BASE_JSON_H
#define COMMON_BASE_JSON_H

#include <stdio.h>

/*
 * The text in quotes, as printable ASCII: it may come from another host and
 * end on a terminal.  A character of UTF-8 becomes \u and four digits,
 * above U+FFFF twice that; an octet that is no UTF-8 becomes U+FFFD.
 */
void json_quote(FILE *, const char *);

#endif
