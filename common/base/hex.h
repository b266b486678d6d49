/* SPDX-License-Identifier: ISC */
/* Bytes as hexadecimal digits: fingerprints of certificates. */
#ifndef COMMON_BASE_HEX_H
#define COMMON_BASE_HEX_H

#include <stddef.h>
#include <stdint.h>

#define HEX_STRLEN(n) (2 * (n) + 1)

/*
 * Exactly n bytes, two digits each, in either case; colons may stand between
 * them.  -1: it is not that.
 */
int hex_parse(const char *, uint8_t *, size_t n);
/* Lower case, without colons; returns its buffer of HEX_STRLEN(n). */
const char *hex_fmt(const uint8_t *, size_t n, char *);

#endif
