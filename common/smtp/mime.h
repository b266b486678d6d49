/* SPDX-License-Identifier: ISC */
/*
 * The structure of a message as it streams by (RFC 2045, RFC 2046): which
 * lines are header, text of a part, or neither.  Bounded memory whatever the
 * message: parts are nested MIME_DEPTH deep at most.
 *
 * What can be read in two ways is not guessed at: the entity is "unclear"
 * then, or the message as a whole "odd", and nobody should change it.
 */
#ifndef COMMON_SMTP_MIME_H
#define COMMON_SMTP_MIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/smtp/ascii.h"

#define MIME_DEPTH	  16
#define MIME_BOUNDARY_MAX 70   /* RFC 2046 5.1.1 */
#define MIME_TYPE_MAX	  2048 /* octets of a Content-Type field's value */

enum mime_place {
	MIME_HEADER,
	MIME_BLANK, /* the empty line that ends a header */
	MIME_TEXT,  /* of a part that has no parts */
	MIME_OTHER  /* boundaries, and what is before, between and after */
};

enum mime_kind {
	MIME_LEAF = 0,
	MIME_MULTIPART,
	MIME_MESSAGE, /* message/rfc822: another header follows */
	MIME_FIXED    /* must be 7-bit: message/partial and its kin */
};

enum mime_encoding {
	MIME_ENC_NONE = 0, /* no field: 7bit */
	MIME_ENC_7BIT,
	MIME_ENC_8BIT,
	MIME_ENC_BINARY,
	MIME_ENC_CODED /* base64, quoted-printable or anything else */
};

enum mime_field {
	MIME_F_OTHER = 0,
	MIME_F_VERSION,
	MIME_F_TYPE,
	MIME_F_ENCODING
};

/* A header and what it heads: the message, a part, a message inside. */
struct mime_entity {
	uint32_t index; /* in order of their headers, from 0 */
	enum mime_kind kind;
	enum mime_encoding encoding;
	bool is_root; /* of a message, this or one inside */
	bool has_version, has_type, has_encoding;
	bool unclear;
};

struct mime_level {
	char boundary[MIME_BOUNDARY_MAX];
	uint8_t len;
	bool is_digest; /* RFC 2046 5.1.5 */
	bool is_signed; /* RFC 1847: not an octet may be changed */
};

struct smtp_mime {
	/* to be read by the caller */
	struct mime_entity entity; /* of this header or text */
	enum mime_field field;	   /* MIME_HEADER: whose line this is */
	bool is_signed;		   /* inside of something signed */
	bool odd;		   /* boundaries that others may see or not */
	/* private */
	enum mime_place place;
	bool begun;	/* the first entity */
	bool next_root; /* after a MIME_BLANK: a message begins */
	uint32_t count;
	struct mime_level levels[MIME_DEPTH];
	unsigned nlevels;
	char type[MIME_TYPE_MAX];
	size_t type_len;
	char encoding[128];
	size_t encoding_len;
};

void smtp_mime_init(struct smtp_mime *);
/*
 * The next piece of a line, without its CRLF.  A line longer than the
 * caller's memory comes in several; only the first begins it, and only the
 * last ends it.
 */
enum mime_place smtp_mime_line(struct smtp_mime *, struct smtp_slice,
    bool begins, bool ends);

#endif
