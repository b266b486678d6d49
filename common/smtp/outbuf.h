/* SPDX-License-Identifier: ISC */
/*
 * Text written into memory of the caller.  A write that does not fit writes
 * nothing and marks the buffer failed until the caller clears it, so that a
 * formatter may check once at its end.  What is written is never terminated.
 */
#ifndef COMMON_SMTP_OUTBUF_H
#define COMMON_SMTP_OUTBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/smtp/ascii.h"

struct smtp_outbuf {
	char *buf; /* the caller's */
	size_t cap;
	size_t len;
	bool failed;
};

void smtp_outbuf_init(struct smtp_outbuf *, char *, size_t cap);
size_t smtp_outbuf_room(const struct smtp_outbuf *);
void smtp_put(struct smtp_outbuf *, const char *, size_t);
void smtp_put_str(struct smtp_outbuf *, const char *);
void smtp_put_slice(struct smtp_outbuf *, struct smtp_slice);
void smtp_put_char(struct smtp_outbuf *, char);
/* decimal, with leading zeros up to width digits (0: none) */
void smtp_put_number(struct smtp_outbuf *, uint64_t, unsigned width);

#endif
