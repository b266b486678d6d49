/* SPDX-License-Identifier: ISC */
/*
 * The header of the PROXY protocol, version 2, that a listed proxy sends ahead
 * of its client's octets.  Pure and strict: what is not exactly a header for
 * TCP over IPv4 or IPv6 is refused, as is version 1, which is text.
 */
#ifndef SMTPD_IN_PROXY_H
#define SMTPD_IN_PROXY_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/netaddr.h"

#define PROXY_HEAD    16   /* octets before the addresses */
#define PROXY_LEN_MAX 2048 /* octets behind them that we take */
#define PROXY_MAX     (PROXY_HEAD + PROXY_LEN_MAX)

enum proxy_status {
	PROXY_MORE, /* no fault so far, and no end */
	PROXY_DONE,
	PROXY_LOCAL, /* the proxy speaks for itself, it has no client */
	PROXY_BAD
};

struct proxy_header {
	size_t len;	       /* octets, DONE and LOCAL */
	struct netaddr client; /* DONE: with its port */
	struct netaddr server; /* DONE: where the client connected to */
	const char *why;       /* BAD: what is wrong */
};

/* p: all that has come, from the first octet of the connection */
enum proxy_status proxy_parse(const uint8_t *p, size_t len,
    struct proxy_header *);

#endif
