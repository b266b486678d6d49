/* SPDX-License-Identifier: ISC */
/*
 * The list of extensions that answers EHLO (RFC 5321 section 4.1.1.1): read
 * by a client, written by a server, from one table of keywords.
 */
#ifndef COMMON_SMTP_EHLO_H
#define COMMON_SMTP_EHLO_H

#include <stdint.h>

#include "common/smtp/ascii.h"
#include "common/smtp/ext.h"
#include "common/smtp/outbuf.h"

/* What a server offered. */
struct smtp_features {
	unsigned ext;	   /* enum smtp_ext */
	uint64_t size;	   /* 0: no limit is known, RFC 1870 */
	uint32_t mail_max; /* RFC 9422; 0: no limit is known */
	uint32_t rcpt_max;
	uint32_t rcpt_domain_max;
};

void smtp_features_init(struct smtp_features *);
/*
 * One line of the reply, after code and separator; not the first, which
 * holds the server's name.  What is not known or malformed is passed over;
 * of a keyword given twice the first counts.
 */
void smtp_features_line(struct smtp_features *, struct smtp_slice);

/* A server's answer to EHLO: at most this, whatever is offered. */
#define SMTP_EHLO_ROOM 1536
/* features.size and, with SMTP_EXT_LIMITS, the other limits are told. */
void smtp_put_ehlo(struct smtp_outbuf *, struct smtp_slice hostname,
    const struct smtp_features *);

#endif
