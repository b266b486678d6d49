/* SPDX-License-Identifier: ISC */
/* xtext, the armour of DSN and AUTH parameters (RFC 3461 section 4). */
#ifndef COMMON_SMTP_XTEXT_H
#define COMMON_SMTP_XTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/smtp/ascii.h"
#include "common/smtp/outbuf.h"

void smtp_xtext_encode(struct smtp_outbuf *, struct smtp_slice);
/* Decoded length, at most that of the input; -1: malformed, or no room. */
ssize_t smtp_xtext_decode(struct smtp_slice, char *out, size_t cap);
/* well-formed, and what it stands for is printable ASCII */
bool smtp_xtext_printable(struct smtp_slice);

#endif
