/* SPDX-License-Identifier: ISC */
/*
 * The text after DATA, octet by octet (RFC 5321 sections 2.3.8, 4.1.1.4 and
 * 4.5.2).  Only CRLF ends a line, and only CRLF.CRLF ends the text; the CRLF
 * before the dot belongs to it.  A bare CR, a bare LF or a NUL is no line end
 * and no reason to stop: it is noted, the text is read to its true end and
 * nothing more of it comes out, so that no other reading of the same octets
 * finds a second message in them.
 *
 * In chunks (BDAT, RFC 3030) the text is counted: dots mean nothing, the
 * caller knows the end and says so with data_end().
 */
#ifndef SMTPD_IN_DATA_H
#define SMTPD_IN_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/smtp/ascii.h"

enum data_fault {
	DATA_F_BARE_CR = 1 << 0,
	DATA_F_BARE_LF = 1 << 1,
	DATA_F_NUL = 1 << 2,
	DATA_F_LONG_LINE = 1 << 3,
	DATA_F_TOO_BIG = 1 << 4
};

enum data_event {
	DATA_MORE,  /* all input is used, nothing came out */
	DATA_CHUNK, /* a piece of text came out */
	DATA_END    /* the end was found; what follows it is not used */
};

struct data_machine {
	unsigned faults; /* enum data_fault; once set, nothing comes out */
	bool eight_bit;	 /* the text has octets beyond ASCII */
	uint64_t size;	 /* octets of text, without the stuffed dots */
	uint64_t octets; /* octets read, with dots and end */
	/* private */
	uint64_t size_max;
	uint32_t line_max;
	uint32_t line_len;
	uint8_t state;
	bool chunks;
};

/* size_max: octets of text; line_max: of a line without its CRLF */
void data_init(struct data_machine *, uint64_t size_max, uint32_t line_max);
/* The same for text that comes in chunks: there is no DATA_END. */
void data_init_chunks(struct data_machine *, uint64_t size_max,
    uint32_t line_max);
/*
 * All chunks were read.  True: the last line lacks its CRLF, which is counted
 * and the caller adds, as the next server may have to be given the text with
 * dots; then it calls again.
 */
bool data_end(struct data_machine *);
/*
 * Read from the front of in; *used gets the octets read.  With DATA_CHUNK
 * *out is a slice of in, without the stuffed dots.  Not to be called again
 * after DATA_END.
 */
enum data_event data_next(struct data_machine *, struct smtp_slice in,
    size_t *used, struct smtp_slice *out);

#endif
