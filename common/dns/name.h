/* SPDX-License-Identifier: ISC */
/*
 * Domain names: one text form inside Postern, and the way to and from the
 * wire (RFC 1035 sections 2.3, 3.1 and 4.1.4).
 *
 * The text form is lower case, without the trailing dot; the root is ".".
 * Only letters, digits, '-', '_' and '/' occur in labels: an answer can put
 * any byte in a label, a dot or a NUL among them, and a name that another
 * program then reads differently is an old way in (RFC 9267).  A name with
 * other bytes is reported as strange and goes no further.
 */
#ifndef COMMON_DNS_NAME_H
#define COMMON_DNS_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_NAME_SIZE  256 /* text form, with the NUL */
#define DNS_WIRE_MAX   255 /* wire form, with the root's zero byte */
#define DNS_LABEL_MAX  63
#define DNS_CASE_BYTES 32 /* random bits for dns_name_case() */

enum dns_name_read {
	DNS_NAME_BAD = -1, /* not a name at all: the packet is broken */
	DNS_NAME_OK = 0,
	DNS_NAME_STRANGE = 1, /* a name, but with bytes that we do not take */
};

/*
 * The text form of the len bytes at src, which may have capital letters and
 * one trailing dot.  0, or -1 with EINVAL or ENAMETOOLONG; dst is then "".
 */
int dns_name_canon(char *dst, size_t size, const char *src, size_t len);

/* Is the name the zone, or below it?  Both in text form. */
bool dns_name_under(const char *name, const char *zone);

/* Wire form of a text form; its length, or 0 if it does not fit. */
size_t dns_name_wire(uint8_t *dst, size_t size, const char *name);

/*
 * Turn letters of a wire name to upper case where the bit of their place is
 * set: the server copies them back, a forger has to guess them.
 */
void dns_name_case(uint8_t *wire, size_t len, const uint8_t *bits);

/*
 * Read the (perhaps compressed) name at *off of a message.  *off moves behind
 * it.  Pointers go back only, so that no loop exists.  dst holds at
 * least DNS_NAME_SIZE bytes, and is "" unless the result is DNS_NAME_OK.
 */
enum dns_name_read dns_name_read(const uint8_t *msg, size_t len, size_t *off,
    char *dst);

#endif
