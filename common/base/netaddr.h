/* SPDX-License-Identifier: ISC */
/*
 * Network addresses and prefixes as values: fixed size, comparable, free of
 * sockaddr.  An IPv4-mapped IPv6 address is folded to IPv4 by every function
 * that makes a netaddr, so that one address has one form.
 */
#ifndef COMMON_BASE_NETADDR_H
#define COMMON_BASE_NETADDR_H

#include <sys/socket.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:65535" and its NUL */
#define NETADDR_STRLEN 64

enum netaddr_family { NETADDR_NONE = 0, NETADDR_V4 = 4, NETADDR_V6 = 6 };

/* bytes beyond those of the family are zero; port is in host order */
struct netaddr {
	uint8_t family; /* enum netaddr_family */
	uint8_t bytes[16];
	uint16_t port;
};

struct netprefix {
	struct netaddr addr; /* host bits zero, port 0 */
	uint8_t len;
};

struct netset {
	struct netprefix *v; /* owned; free with netset_free() */
	size_t n;
};

/* What kind of place an address names (RFC 6890 and its registry). */
enum netclass {
	NETCLASS_GLOBAL,    /* unicast Internet, documentation included */
	NETCLASS_UNSPEC,    /* 0.0.0.0/8, :: */
	NETCLASS_LOOPBACK,  /* 127/8, ::1 */
	NETCLASS_PRIVATE,   /* RFC 1918, 100.64/10, fc00::/7, fec0::/10 */
	NETCLASS_LINKLOCAL, /* 169.254/16, fe80::/10 */
	NETCLASS_MULTICAST, /* 224/4, ff00::/8 */
	NETCLASS_RESERVED   /* 240/4, broadcast, discard, benchmarking, ... */
};

/* Parse a literal without port; -1 if it is none.  No names, no brackets. */
int netaddr_parse(struct netaddr *, const char *);
/* Address alone, as RFC 5952 writes it.  Returns its buffer. */
const char *netaddr_ntop(const struct netaddr *, char *, size_t);
/* With port: 192.0.2.1:25, [2001:db8::1]:25. */
const char *netaddr_ntop_port(const struct netaddr *, char *, size_t);
/* -1 for a family other than AF_INET, AF_INET6 or a short length */
int netaddr_from_sockaddr(struct netaddr *, const struct sockaddr *, socklen_t);
socklen_t netaddr_to_sockaddr(const struct netaddr *,
    struct sockaddr_storage *);
/* Address only; the port is not looked at. */
bool netaddr_equal(const struct netaddr *, const struct netaddr *);
/* Total order over family, bytes, port: <0, 0, >0. */
int netaddr_cmp(const struct netaddr *, const struct netaddr *);
/* IPv4 or IPv6 (not NONE), padding zero, not an unfolded mapped address */
bool netaddr_valid(const struct netaddr *);

/*
 * The class of an address.  An IPv6 form that carries an IPv4 address
 * (v4-compatible, 6to4, NAT64 well-known and local, Teredo's client, ISATAP)
 * has the class of what it carries, when that is worse than its own;
 * *embedded, if not NULL, then receives the inner address (else family NONE).
 */
enum netclass netaddr_class(const struct netaddr *, struct netaddr *embedded);
const char *netclass_name(enum netclass);

/*
 * "10.0.0.0/8", "2001:db8::/32" or a bare address (whole length).  -1 with
 * EINVAL: not a prefix; EDOM: host bits are set, *p then holds the prefix
 * with these bits cleared (what was probably meant).
 */
int netprefix_parse(struct netprefix *, const char *);
/* The same form; a whole length is not written. */
const char *netprefix_ntop(const struct netprefix *, char *, size_t);
bool netprefix_valid(const struct netprefix *); /* from an untrusted source */
bool netprefix_match(const struct netprefix *, const struct netaddr *);
bool netprefix_overlap(const struct netprefix *, const struct netprefix *);

int netset_add(struct netset *, const struct netprefix *); /* -1: ENOMEM */
bool netset_match(const struct netset *, const struct netaddr *);
void netset_free(struct netset *);

#endif
