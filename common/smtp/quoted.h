/* SPDX-License-Identifier: ISC */
/*
 * Quoted-printable (RFC 2045 section 6.7), as lines stream by.  No line of the
 * result is longer than 76 octets, ends in white space, or begins with a
 * hyphen, so that none is a boundary that the text was not.
 */
#ifndef COMMON_SMTP_QUOTED_H
#define COMMON_SMTP_QUOTED_H

#include <stdbool.h>

#include "common/smtp/ascii.h"
#include "common/smtp/outbuf.h"

struct smtp_quoted {
	unsigned column;
	char space; /* one that is held, for it may end the line; or NUL */
};

/* Room for the result of n octets. */
#define SMTP_QUOTED_ROOM(n) (4 * (n) + 16)

void smtp_quoted_init(struct smtp_quoted *);
/* A piece of a line without CRLF; ends: the line ends here. */
void smtp_quoted_put(struct smtp_quoted *, struct smtp_slice, bool ends,
    struct smtp_outbuf *);
/* The text is over, and its last line has no CRLF. */
void smtp_quoted_end(struct smtp_quoted *, struct smtp_outbuf *);

#endif
