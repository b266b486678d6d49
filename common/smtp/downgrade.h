/* SPDX-License-Identifier: ISC */
/*
 * A message with 8-bit text for a server without 8BITMIME (RFC 6152 section
 * 3): its 8-bit parts become quoted-printable, and nothing else is changed but
 * the Content-Transfer-Encoding of what they are in.
 *
 * The text passes twice: first it is looked at, to its end, to know which
 * parts need it and whether it can be done at all; then it is converted.  What
 * is signed is never touched, nor what is not well-formed.
 */
#ifndef COMMON_SMTP_DOWNGRADE_H
#define COMMON_SMTP_DOWNGRADE_H

#include "common/smtp/mime.h"
#include "common/smtp/outbuf.h"
#include "common/smtp/quoted.h"

#define SMTP_DOWNGRADE_LINE	1024
#define SMTP_DOWNGRADE_ENTITIES 4096 /* of one message */
/* octets at most that one push gives */
#define SMTP_DOWNGRADE_OUT (SMTP_QUOTED_ROOM(SMTP_DOWNGRADE_LINE) + 256)

enum smtp_downgrade_verdict {
	DOWNGRADE_OK = 0,
	DOWNGRADE_HEADER,    /* the header itself is 8-bit */
	DOWNGRADE_SIGNED,    /* what is 8-bit is signed */
	DOWNGRADE_STRUCTURE, /* it can be read in more than one way */
	DOWNGRADE_FIXED,     /* a kind of part that may not be encoded */
	DOWNGRADE_LINES	     /* a bare CR or LF, or NUL: not of our store */
};

struct smtp_downgrade {
	struct smtp_mime mime;
	struct smtp_quoted quoted;
	bool converting;
	enum smtp_downgrade_verdict verdict;
	char line[SMTP_DOWNGRADE_LINE]; /* not yet dealt with */
	size_t len;
	bool within; /* line does not begin a line */
	char mem[SMTP_DOWNGRADE_OUT];
	struct smtp_outbuf out;
	uint8_t plan[SMTP_DOWNGRADE_ENTITIES];
};

void smtp_downgrade_init(struct smtp_downgrade *);
/* The first time: all of the text, then the verdict. */
void smtp_downgrade_look(struct smtp_downgrade *, struct smtp_slice);
enum smtp_downgrade_verdict smtp_downgrade_looked(struct smtp_downgrade *);
/*
 * The second time: octets used of in, at least one of any.  *out is what they
 * give, until the next call; often nothing.  End: what is left over.
 */
size_t smtp_downgrade_push(struct smtp_downgrade *, struct smtp_slice in,
    struct smtp_slice *out);
void smtp_downgrade_end(struct smtp_downgrade *, struct smtp_slice *out);

#endif
