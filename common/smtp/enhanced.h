/* SPDX-License-Identifier: ISC */
/* Enhanced mail system status codes (RFC 3463, RFC 2034) as values. */
#ifndef COMMON_SMTP_ENHANCED_H
#define COMMON_SMTP_ENHANCED_H

#include <stdint.h>

#include "common/smtp/ascii.h"
#include "common/smtp/outbuf.h"

struct smtp_enhanced {
	uint8_t class; /* 2, 4, 5; 0: there is none */
	uint16_t subject;
	uint16_t detail; /* both 0 to 999 */
};

/*
 * Parse a code at the start of in, which a space or the end must follow.
 * Returns the octets of the code; 0: none.  Leading zeros are no code.
 */
size_t smtp_enhanced_parse(struct smtp_enhanced *, struct smtp_slice in);
void smtp_put_enhanced(struct smtp_outbuf *, const struct smtp_enhanced *);

#endif
