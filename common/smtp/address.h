/* SPDX-License-Identifier: ISC */
/*
 * Mail addresses: the paths of RFC 5321 section 4.1.2, parsed once into a
 * canonical value.  In it the local part has quotes only if it needs them,
 * the domain is in lower case and without a trailing dot, an address literal
 * is in its shortest form, and a source route is gone (section 3.3 and
 * appendix C: accepted and ignored).  No CR, LF, NUL or other control
 * character can be in it.  U-labels (RFC 6531), where the flag lets them
 * through, become A-labels: what is compared and looked up is ASCII.
 */
#ifndef COMMON_SMTP_ADDRESS_H
#define COMMON_SMTP_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/smtp/ascii.h"
#include "common/smtp/limits.h"

enum smtp_addr_flag {
	SMTP_ADDR_NULL = 1 << 0,       /* the null path <> */
	SMTP_ADDR_POSTMASTER = 1 << 1, /* local part is that, in any case */
	SMTP_ADDR_BARE = 1 << 2,       /* <Postmaster> without a domain */
	SMTP_ADDR_QUOTED = 1 << 3,     /* local part is a quoted string */
	SMTP_ADDR_LITERAL = 1 << 4,    /* domain is an address literal */
	SMTP_ADDR_SOURCE = 1 << 5,     /* had a source route, dropped */
	SMTP_ADDR_ROUTE = 1 << 6,      /* '%', '!' or '@' in the local part */
	SMTP_ADDR_UTF8 = 1 << 7	       /* was written with more than ASCII */
};

struct smtp_addr {
	uint16_t flags; /* enum smtp_addr_flag */
	uint16_t local_len;
	uint16_t domain_len;	      /* 0: SMTP_ADDR_NULL or _BARE */
	uint16_t len;		      /* of text */
	char text[SMTP_ADDR_MAX + 1]; /* local@domain and a NUL */
};

/* What a path may be, beyond <mailbox>. */
enum smtp_path_allow {
	SMTP_PATH_NULL = 1 << 0, /* <> : reverse-path */
	SMTP_PATH_BARE = 1 << 1, /* <Postmaster> : forward-path, 4.5.1 */
	SMTP_PATH_UTF8 = 1 << 2	 /* RFC 6531 */
};

enum smtp_addr_error {
	SMTP_ADDR_OK = 0,
	SMTP_ADDR_ESYNTAX, /* brackets, missing parts, stray characters */
	SMTP_ADDR_ELOCAL,  /* local part malformed or too long */
	SMTP_ADDR_EDOMAIN, /* domain or literal malformed or too long */
	SMTP_ADDR_EUTF8,   /* beyond ASCII, and that was not allowed */
	SMTP_ADDR_EROUTE   /* a@b@c, b!a, a%b: a route and no address */
};

/*
 * Parse a path in angle brackets at the start of in; *used gets the octets up
 * to and with '>'.  On error *a is not to be used.
 */
enum smtp_addr_error smtp_addr_path(struct smtp_addr *a, struct smtp_slice in,
    unsigned allow, size_t *used);
/* The whole of in is local@domain, without brackets or source route. */
enum smtp_addr_error smtp_addr_mailbox(struct smtp_addr *a,
    struct smtp_slice in, unsigned allow);

void smtp_addr_null(struct smtp_addr *); /* the null path */
struct smtp_slice smtp_addr_local(const struct smtp_addr *);
struct smtp_slice smtp_addr_domain(const struct smtp_addr *);
/* local@domain as it goes between angle brackets; empty for the null path */
struct smtp_slice smtp_addr_text(const struct smtp_addr *);
/*
 * Does the local part ask another host to send the mail on ("a%b", "b!a",
 * "\"a@b\"")?  A gateway must not let such a recipient through as one of its
 * own domain: the next host might follow it.
 */
bool smtp_addr_has_route(const struct smtp_addr *);
/* Give a bare Postmaster a domain, which must be canonical; -1: no room. */
int smtp_addr_set_domain(struct smtp_addr *, struct smtp_slice domain);

/* A domain by itself, made canonical into out (SMTP_DOMAIN_MAX octets). */
enum smtp_addr_error smtp_domain(struct smtp_slice in, unsigned allow,
    char *out, size_t *outlen);
/* An address literal with its brackets, made canonical the same way. */
enum smtp_addr_error smtp_literal(struct smtp_slice in, char *out,
    size_t *outlen);

#endif
