/* SPDX-License-Identifier: ISC */
/* The trace field that a server puts on top (RFC 5321 section 4.4). */
#ifndef COMMON_SMTP_RECEIVED_H
#define COMMON_SMTP_RECEIVED_H

#include <stdint.h>

#include "common/smtp/ascii.h"
#include "common/smtp/outbuf.h"

struct smtp_received {
	struct smtp_slice helo; /* as the client said it */
	struct smtp_slice name; /* of the client by DNS; may be empty */
	struct smtp_slice ip;	/* its address as text, v4 or v6 */
	struct smtp_slice host; /* ours; valid */
	struct smtp_slice tls;	/* version and cipher; empty: no TLS */
	const char *with;	/* RFC 3848: "SMTP", "ESMTP", "ESMTPS" */
	struct smtp_slice id;
	struct smtp_slice rcpt; /* the one recipient; empty if several */
	int64_t when;		/* Unix time */
};

/* more than any field of this kind */
#define SMTP_RECEIVED_ROOM 2048

/*
 * Append the whole field with its CRLF, folded.  What the client said cannot
 * break out of its place: other characters than those of names and literals
 * become '?', and it is cut at 255.
 */
void smtp_put_received(struct smtp_outbuf *, const struct smtp_received *);

#endif
