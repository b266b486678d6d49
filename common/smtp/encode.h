/* SPDX-License-Identifier: ISC */
/*
 * A message as it goes out after DATA (RFC 5321 section 4.5.2): a dot before
 * each line that begins with one, and CRLF.CRLF at the end.  The result is a
 * series of slices of the input and of constants, ready for writev(); nothing
 * is copied.  Text in the store is strict already, so a bare CR or LF or a NUL
 * here is an error of ours and never sent, let alone mended in silence.
 */
#ifndef COMMON_SMTP_ENCODE_H
#define COMMON_SMTP_ENCODE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/smtp/ascii.h"

struct smtp_encoder {
	bool in_line;  /* not at the beginning of a line */
	bool after_cr; /* the last octet was CR */
	bool failed;
};

void smtp_encode_init(struct smtp_encoder *);
/*
 * Encode from the front of in; returns the octets used of it.  *out is what to
 * send for them: a slice of in, or a constant with 0 octets used.  Call until
 * in is used up; *out is empty only when nothing could be done (in is empty,
 * or the encoder failed).
 */
size_t smtp_encode(struct smtp_encoder *, struct smtp_slice in,
    struct smtp_slice *out);
/* What ends the data; -1: the text had one of these, do not send this. */
int smtp_encode_end(struct smtp_encoder *, struct smtp_slice *out);

#endif
