/* SPDX-License-Identifier: ISC */
/* Addresses and prefixes: text, sockaddr, sets.  Pure. */
#include <arpa/inet.h>
#include <netinet/in.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "common/base/netaddr.h"

#define V4_BITS	    32
#define V6_BITS	    128
#define MAPPED_BITS 96

/* ::ffff:0:0/96, RFC 4291 2.5.5.2 */
static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

static size_t
family_size(unsigned family)
{
	return family == NETADDR_V4 ? 4 : family == NETADDR_V6 ? 16 : 0;
}

static unsigned
family_bits(unsigned family)
{
	return 8 * (unsigned)family_size(family);
}

static bool
is_mapped(const struct netaddr *a)
{
	return a->family == NETADDR_V6 &&
	    memcmp(a->bytes, mapped, sizeof(mapped)) == 0;
}

static void
fold(struct netaddr *a)
{
	if (!is_mapped(a))
		return;
	a->family = NETADDR_V4;
	memmove(a->bytes, a->bytes + 12, 4);
	memset(a->bytes + 4, 0, 12);
}

int
netaddr_parse(struct netaddr *a, const char *s)
{
	memset(a, 0, sizeof(*a));
	if (inet_pton(AF_INET, s, a->bytes) == 1) {
		a->family = NETADDR_V4;
		return 0;
	}
	if (inet_pton(AF_INET6, s, a->bytes) == 1) {
		a->family = NETADDR_V6;
		fold(a);
		return 0;
	}
	memset(a, 0, sizeof(*a));
	errno = EINVAL;
	return -1;
}

const char *
netaddr_ntop(const struct netaddr *a, char *buf, size_t size)
{
	int af = a->family == NETADDR_V4 ? AF_INET : AF_INET6;

	if (family_size(a->family) == 0 ||
	    inet_ntop(af, a->bytes, buf, (socklen_t)size) == NULL)
		(void)strlcpy(buf, "none", size);
	return buf;
}

const char *
netaddr_ntop_port(const struct netaddr *a, char *buf, size_t size)
{
	char host[NETADDR_STRLEN];
	bool v6 = a->family == NETADDR_V6;

	(void)snprintf(buf, size, "%s%s%s:%u", v6 ? "[" : "",
	    netaddr_ntop(a, host, sizeof(host)), v6 ? "]" : "",
	    (unsigned)a->port);
	return buf;
}

int
netaddr_from_sockaddr(struct netaddr *a, const struct sockaddr *sa,
    socklen_t len)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	memset(a, 0, sizeof(*a));
	if (len >= sizeof(in) && sa->sa_family == AF_INET) {
		memcpy(&in, sa, sizeof(in));
		a->family = NETADDR_V4;
		a->port = ntohs(in.sin_port);
		memcpy(a->bytes, &in.sin_addr, 4);
		return 0;
	}
	if (len >= sizeof(in6) && sa->sa_family == AF_INET6) {
		memcpy(&in6, sa, sizeof(in6));
		a->family = NETADDR_V6;
		a->port = ntohs(in6.sin6_port);
		memcpy(a->bytes, &in6.sin6_addr, 16);
		fold(a);
		return 0;
	}
	errno = EAFNOSUPPORT;
	return -1;
}

socklen_t
netaddr_to_sockaddr(const struct netaddr *a, struct sockaddr_storage *ss)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

	memset(ss, 0, sizeof(*ss));
	if (a->family == NETADDR_V4) {
		in.sin_port = htons(a->port);
		memcpy(&in.sin_addr, a->bytes, 4);
		memcpy(ss, &in, sizeof(in));
		return sizeof(in);
	}
	if (a->family == NETADDR_V6) {
		in6.sin6_port = htons(a->port);
		memcpy(&in6.sin6_addr, a->bytes, 16);
		memcpy(ss, &in6, sizeof(in6));
		return sizeof(in6);
	}
	return 0;
}

bool
netaddr_equal(const struct netaddr *a, const struct netaddr *b)
{
	return a->family == b->family &&
	    memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

int
netaddr_cmp(const struct netaddr *a, const struct netaddr *b)
{
	int order;

	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	order = memcmp(a->bytes, b->bytes, sizeof(a->bytes));
	if (order != 0)
		return order;
	return (a->port > b->port) - (a->port < b->port);
}

bool
netaddr_valid(const struct netaddr *a)
{
	size_t i = family_size(a->family);

	if (i == 0 || is_mapped(a))
		return false;
	for (; i < sizeof(a->bytes); i++) {
		if (a->bytes[i] != 0)
			return false;
	}
	return true;
}

/* --- prefixes --- */

/* Of byte i of an address: the bits that a prefix of len bits looks at. */
static uint8_t
mask_byte(unsigned len, unsigned i)
{
	if (len >= 8 * (i + 1))
		return 0xff;
	if (len <= 8 * i)
		return 0;
	return (uint8_t)(0xff00 >> (len - 8 * i));
}

static bool
same_bits(const uint8_t *a, const uint8_t *b, unsigned len)
{
	unsigned whole = len / 8;

	return memcmp(a, b, whole) == 0 &&
	    (len % 8 == 0 ||
		((a[whole] ^ b[whole]) & mask_byte(len, whole)) == 0);
}

bool
netprefix_match(const struct netprefix *p, const struct netaddr *a)
{
	return p->addr.family == a->family && family_size(a->family) != 0 &&
	    same_bits(p->addr.bytes, a->bytes, p->len);
}

bool
netprefix_overlap(const struct netprefix *a, const struct netprefix *b)
{
	return a->len <= b->len ? netprefix_match(a, &b->addr)
				: netprefix_match(b, &a->addr);
}

/* Clears the host bits; true if one was set. */
static bool
clear_host_bits(struct netprefix *p)
{
	bool set = false;
	unsigned i;
	uint8_t mask;

	for (i = 0; i < sizeof(p->addr.bytes); i++) {
		mask = mask_byte(p->len, i);
		set = set || (p->addr.bytes[i] & (uint8_t)~mask) != 0;
		p->addr.bytes[i] &= mask;
	}
	return set;
}

bool
netprefix_valid(const struct netprefix *p)
{
	struct netprefix copy = *p;

	return netaddr_valid(&p->addr) && p->addr.port == 0 &&
	    p->len <= family_bits(p->addr.family) && !clear_host_bits(&copy);
}

/* One to three digits, no sign, no leading zero; -1: not a length. */
static int
parse_length(const char *s, unsigned max)
{
	const char *error;
	size_t len = strlen(s);
	long long n;

	if (len > 3 || strspn(s, "0123456789") != len ||
	    (s[0] == '0' && len > 1))
		return -1;
	n = strtonum(s, 0, max, &error);
	return error == NULL ? (int)n : -1;
}

/* Written as IPv6, a mapped prefix counts its length from the IPv6 start. */
static int
set_length(struct netprefix *p, const char *s, bool v6)
{
	int n = parse_length(s, v6 ? V6_BITS : V4_BITS);

	if (n != -1 && v6 && p->addr.family == NETADDR_V4)
		n = n < MAPPED_BITS ? -1 : n - MAPPED_BITS;
	if (n == -1)
		return -1;
	p->len = (uint8_t)n;
	return 0;
}

int
netprefix_parse(struct netprefix *p, const char *s)
{
	char host[NETADDR_STRLEN];
	size_t len = strcspn(s, "/");

	memset(p, 0, sizeof(*p));
	if (len >= sizeof(host))
		goto bad;
	memcpy(host, s, len);
	host[len] = '\0';
	if (netaddr_parse(&p->addr, host) == -1)
		goto bad;
	p->len = (uint8_t)family_bits(p->addr.family);
	if (s[len] == '/' &&
	    set_length(p, s + len + 1, strchr(host, ':') != NULL) == -1)
		goto bad;
	if (clear_host_bits(p)) {
		errno = EDOM;
		return -1;
	}
	return 0;
bad:
	memset(p, 0, sizeof(*p));
	errno = EINVAL;
	return -1;
}

const char *
netprefix_ntop(const struct netprefix *p, char *buf, size_t size)
{
	char host[NETADDR_STRLEN];

	(void)netaddr_ntop(&p->addr, host, sizeof(host));
	if (p->len == family_bits(p->addr.family))
		(void)strlcpy(buf, host, size);
	else
		(void)snprintf(buf, size, "%s/%u", host, (unsigned)p->len);
	return buf;
}

int
netset_add(struct netset *set, const struct netprefix *p)
{
	struct netprefix *v;

	v = reallocarray(set->v, set->n + 1, sizeof(*v));
	if (v == NULL)
		return -1;
	set->v = v;
	set->v[set->n++] = *p;
	return 0;
}

bool
netset_match(const struct netset *set, const struct netaddr *a)
{
	size_t i;

	for (i = 0; i < set->n; i++) {
		if (netprefix_match(&set->v[i], a))
			return true;
	}
	return false;
}

void
netset_free(struct netset *set)
{
	free(set->v);
	set->v = NULL;
	set->n = 0;
}

/* --- classes --- */

enum embedding {
	EMBED_NONE,
	EMBED_LAST,    /* the last 32 bits */
	EMBED_6TO4,    /* bytes 2 to 5 */
	EMBED_INVERTED /* the last 32 bits, inverted: Teredo's client */
};

struct special {
	uint8_t bytes[16];
	uint8_t len;
	enum netclass class;
	enum embedding embedding;
};

/*
 * IANA's special-purpose registries (RFC 6890, RFC 8190), the first that
 * matches.  Documentation ranges are left out, and so count as Internet.
 * Ranges of infrastructure that the registry calls global but that hold no
 * mail host (anycast within 192.0.0.0/24, ORCHID) are not: refusing costs
 * nobody anything.
 */
static const struct special special4[] = {
	{ { 0 }, 8, NETCLASS_UNSPEC, 0 },	       /* RFC 791 3.2 */
	{ { 10 }, 8, NETCLASS_PRIVATE, 0 },	       /* RFC 1918 */
	{ { 100, 64 }, 10, NETCLASS_PRIVATE, 0 },      /* RFC 6598 */
	{ { 127 }, 8, NETCLASS_LOOPBACK, 0 },	       /* RFC 1122 3.2.1.3 */
	{ { 169, 254 }, 16, NETCLASS_LINKLOCAL, 0 },   /* RFC 3927 */
	{ { 172, 16 }, 12, NETCLASS_PRIVATE, 0 },      /* RFC 1918 */
	{ { 192, 0, 0 }, 24, NETCLASS_RESERVED, 0 },   /* RFC 6890 2.2.2 */
	{ { 192, 88, 99 }, 24, NETCLASS_RESERVED, 0 }, /* RFC 7526 */
	{ { 192, 168 }, 16, NETCLASS_PRIVATE, 0 },     /* RFC 1918 */
	{ { 198, 18 }, 15, NETCLASS_RESERVED, 0 },     /* RFC 2544 */
	{ { 224 }, 4, NETCLASS_MULTICAST, 0 },	       /* RFC 5771 */
	{ { 240 }, 4, NETCLASS_RESERVED, 0 },	       /* RFC 1112 4, 919 */
	{ { 0 }, 0, NETCLASS_GLOBAL, 0 },
};

static const struct special special6[] = {
	/* RFC 4291 2.5.2, 2.5.3 */
	{ { 0 }, 128, NETCLASS_UNSPEC, 0 },
	{ { [15] = 1 }, 128, NETCLASS_LOOPBACK, 0 },
	/* v4-compatible, v4-mapped, v4-translated: RFC 4291 2.5.5, RFC 2765 */
	{ { 0 }, 96, NETCLASS_RESERVED, EMBED_LAST },
	{ { [10] = 0xff, 0xff }, 96, NETCLASS_RESERVED, EMBED_LAST },
	{ { [8] = 0xff, 0xff }, 96, NETCLASS_RESERVED, EMBED_LAST },
	/* NAT64: RFC 6052 2.1, RFC 8215 */
	{ { 0, 0x64, 0xff, 0x9b }, 96, NETCLASS_GLOBAL, EMBED_LAST },
	{ { 0, 0x64, 0xff, 0x9b, 0, 1 }, 48, NETCLASS_PRIVATE, EMBED_LAST },
	/* Teredo: RFC 4380 4; the rest of RFC 2928's block */
	{ { 0x20, 0x01 }, 32, NETCLASS_GLOBAL, EMBED_INVERTED },
	{ { 0x20, 0x01 }, 23, NETCLASS_RESERVED, 0 },
	/* 6to4: RFC 3056 2 */
	{ { 0x20, 0x02 }, 16, NETCLASS_GLOBAL, EMBED_6TO4 },
	{ { 0xfc }, 7, NETCLASS_PRIVATE, 0 },	       /* RFC 4193 */
	{ { 0xfe, 0x80 }, 10, NETCLASS_LINKLOCAL, 0 }, /* RFC 4291 2.5.6 */
	{ { 0xfe, 0xc0 }, 10, NETCLASS_PRIVATE, 0 },   /* RFC 3879 */
	{ { 0xff }, 8, NETCLASS_MULTICAST, 0 },	       /* RFC 4291 2.7 */
	/* Global unicast is 2000::/3; the rest is not allocated, or is for
	 * discarding (RFC 6666) and segment routing (RFC 9602). */
	{ { 0x20 }, 3, NETCLASS_GLOBAL, 0 },
	{ { 0 }, 0, NETCLASS_RESERVED, 0 },
};

/* What counts when an address and what it carries differ: the higher one. */
static const int severity[] = {
	[NETCLASS_GLOBAL] = 0,
	[NETCLASS_RESERVED] = 1,
	[NETCLASS_PRIVATE] = 2,
	[NETCLASS_MULTICAST] = 3,
	[NETCLASS_LINKLOCAL] = 4,
	[NETCLASS_LOOPBACK] = 5,
	[NETCLASS_UNSPEC] = 6,
};

static const char *const class_names[] = {
	[NETCLASS_GLOBAL] = "global",
	[NETCLASS_UNSPEC] = "unspecified",
	[NETCLASS_LOOPBACK] = "loopback",
	[NETCLASS_PRIVATE] = "private",
	[NETCLASS_LINKLOCAL] = "link-local",
	[NETCLASS_MULTICAST] = "multicast",
	[NETCLASS_RESERVED] = "reserved",
};

/* Each table ends with a prefix of length 0. */
static const struct special *
find_special(const struct special *table, const uint8_t *bytes)
{
	while (!same_bits(table->bytes, bytes, table->len))
		table++;
	return table;
}

/* Interface identifiers 0000:5efe:a.b.c.d and 0200:5efe:...: RFC 5214 6.1 */
static bool
is_isatap(const uint8_t *b)
{
	return (b[8] & (uint8_t)~2) == 0 && b[9] == 0 && b[10] == 0x5e &&
	    b[11] == 0xfe;
}

static void
extract(const uint8_t *v6, enum embedding how, struct netaddr *inner)
{
	size_t i, from = how == EMBED_6TO4 ? 2 : 12;
	uint8_t invert = how == EMBED_INVERTED ? 0xff : 0;

	inner->family = NETADDR_V4;
	for (i = 0; i < 4; i++)
		inner->bytes[i] = v6[from + i] ^ invert;
}

enum netclass
netaddr_class(const struct netaddr *a, struct netaddr *embedded)
{
	struct netaddr inner = { .family = NETADDR_NONE };
	const struct special *s;
	enum netclass class, carried;
	enum embedding how;

	if (embedded != NULL)
		*embedded = inner;
	if (a->family == NETADDR_V4)
		return find_special(special4, a->bytes)->class;
	if (a->family != NETADDR_V6)
		return NETCLASS_UNSPEC;
	s = find_special(special6, a->bytes);
	class = s->class;
	how = s->embedding;
	if (how == EMBED_NONE && is_isatap(a->bytes))
		how = EMBED_LAST;
	if (how == EMBED_NONE)
		return class;
	extract(a->bytes, how, &inner);
	if (embedded != NULL)
		*embedded = inner;
	carried = find_special(special4, inner.bytes)->class;
	return severity[carried] > severity[class] ? carried : class;
}

const char *netclass_name(enum netclass class)
{
	size_t i = (size_t) class;

	return i < sizeof(class_names) / sizeof(class_names[0]) ? class_names[i]
								: "unknown";
}
