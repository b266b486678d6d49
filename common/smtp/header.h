/* SPDX-License-Identifier: ISC */
/*
 * The header of a message (RFC 5322 section 2.2), looked at as it streams by:
 * fields that matter are counted, our own trace is found again, and the end
 * is seen.  The text is not kept and not judged; limits are the caller's.
 */
#ifndef COMMON_SMTP_HEADER_H
#define COMMON_SMTP_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/smtp/ascii.h"
#include "common/smtp/limits.h"

/* Text to be found in Received fields, in any case: " by HOST ". */
struct smtp_token {
	char text[SMTP_DOMAIN_MAX + 8];
	uint16_t border[SMTP_DOMAIN_MAX + 8]; /* Knuth, Morris, Pratt */
	size_t len;			      /* 0: nothing is looked for */
};

/* The trace that smtp_put_received() leaves for this host name. */
void smtp_token_init(struct smtp_token *, struct smtp_slice hostname);

enum smtp_field {
	SMTP_FIELD_OTHER = 0,
	SMTP_FIELD_RECEIVED,
	SMTP_FIELD_FROM,
	SMTP_FIELD_SENDER,
	SMTP_FIELD_DATE,
	SMTP_FIELD_MESSAGE_ID,
	SMTP_FIELD_MIME_VERSION,
	SMTP_FIELD_MAX
};

#define SMTP_FIELD_NAME_MAX 16

struct smtp_header {
	uint32_t count[SMTP_FIELD_MAX];
	uint32_t own;	/* Received fields that hold the token */
	uint64_t size;	/* octets, with the empty line when that was seen */
	bool eight_bit; /* the header has octets beyond ASCII */
	bool done;	/* its end was seen: what follows is body */
	bool unmarked;	/* no empty line: a line that is no field ended it */
	/* private */
	uint32_t lines;
	uint8_t state;
	uint8_t field;
	uint8_t name_len;
	char name[SMTP_FIELD_NAME_MAX];
	uint16_t matched; /* octets of the token */
	bool own_here;
};

void smtp_header_init(struct smtp_header *);
/* Text without dot-stuffing, in pieces of any size; after done: nothing. */
void smtp_header_push(struct smtp_header *, const struct smtp_token *,
    const char *, size_t);

#endif
