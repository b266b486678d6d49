/* SPDX-License-Identifier: ISC */
/* What a side may ask and hear.  Pure. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>

#include "common/dns/policy.h"

#define NELEMS(a) (sizeof(a) / sizeof((a)[0]))

/* Names for which no server of the Internet has an honest answer. */
static const char *const never_outside[] = {
	"localhost", /* RFC 6761 section 6.3 */
	"invalid",   /* RFC 6761 section 6.4 */
	"local",     /* RFC 6762 section 3 */
	"onion",     /* RFC 7686 */
	"home.arpa", /* RFC 8375 */
	"internal",  /* set aside by ICANN for private use, 2024 */
};

void
dns_policy_init(struct dns_policy *p, enum dns_policy_rule rule)
{
	memset(p, 0, sizeof(*p));
	p->rule = rule;
}

void
dns_policy_free(struct dns_policy *p)
{
	size_t i;

	for (i = 0; i < p->nzones; i++)
		free(p->zones[i]);
	free(p->zones);
	p->zones = NULL;
	p->nzones = 0;
	netset_free(&p->inside);
	netset_free(&p->reach);
}

int
dns_policy_zone(struct dns_policy *p, const char *name)
{
	char canon[DNS_NAME_SIZE], **zones;

	if (dns_name_canon(canon, sizeof(canon), name, strlen(name)) == -1 ||
	    strcmp(canon, ".") == 0)
		return 0;
	zones = reallocarray(p->zones, p->nzones + 1, sizeof(*zones));
	if (zones == NULL)
		return -1;
	p->zones = zones;
	if ((p->zones[p->nzones] = strdup(canon)) == NULL)
		return -1;
	p->nzones++;
	return 0;
}

static int
add_set(struct netset *dst, const struct netset *src)
{
	size_t i;

	for (i = 0; i < src->n; i++)
		if (netset_add(dst, &src->v[i]) == -1)
			return -1;
	return 0;
}

int
dns_policy_inside(struct dns_policy *p, const struct netset *set)
{
	return add_set(&p->inside, set);
}

int
dns_policy_reach(struct dns_policy *p, const struct netset *set)
{
	return add_set(&p->reach, set);
}

static int
zone_cmp(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void
dns_policy_seal(struct dns_policy *p)
{
	if (p->nzones > 1)
		qsort(p->zones, p->nzones, sizeof(p->zones[0]), zone_cmp);
}

/* Is the name, or a name above it, listed?  O(labels * log zones). */
static bool
listed(const struct dns_policy *p, const char *name)
{
	const char *dot;

	if (p->nzones == 0)
		return false;
	for (;;) {
		if (bsearch(&name, p->zones, p->nzones, sizeof(p->zones[0]),
			zone_cmp) != NULL)
			return true;
		if ((dot = strchr(name, '.')) == NULL)
			return false;
		name = dot + 1;
	}
}

/* One label of at most three decimal digits, without leading zeros. */
static bool
take_octet(const char **p, uint8_t *v)
{
	unsigned n = 0;
	const char *s = *p;

	if (s[0] == '0' && s[1] != '.')
		return false;
	while (*s >= '0' && *s <= '9' && s - *p < 3)
		n = n * 10 + (unsigned)(*s++ - '0');
	if (s == *p || *s != '.' || n > UINT8_MAX)
		return false;
	*v = (uint8_t)n;
	*p = s + 1;
	return true;
}

/* A label of one hexadecimal digit. */
static bool
take_nibble(const char **p, uint8_t *v)
{
	static const char digits[] = "0123456789abcdef";
	const char *s = *p, *d;

	if (s[0] == '\0' || s[1] != '.' || (d = strchr(digits, s[0])) == NULL)
		return false;
	*v = (uint8_t)(d - digits);
	*p = s + 2;
	return true;
}

static bool
reverse4(const char *p, struct netaddr *a)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	uint8_t b[4];
	size_t i;

	for (i = 4; i-- > 0;)
		if (!take_octet(&p, &b[i]))
			return false;
	if (strcmp(p, "in-addr.arpa") != 0)
		return false;
	memcpy(&sin.sin_addr, b, sizeof(b));
	return netaddr_from_sockaddr(a, (struct sockaddr *)&sin, sizeof(sin)) ==
	    0;
}

static bool
reverse6(const char *p, struct netaddr *a)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6 };
	uint8_t low, high;
	size_t i;

	for (i = 16; i-- > 0;) {
		if (!take_nibble(&p, &low) || !take_nibble(&p, &high))
			return false;
		sin6.sin6_addr.s6_addr[i] = (uint8_t)(high << 4 | low);
	}
	return strcmp(p, "ip6.arpa") == 0 &&
	    netaddr_from_sockaddr(a, (struct sockaddr *)&sin6, sizeof(sin6)) ==
	    0;
}

bool
dns_reverse_addr(const char *name, struct netaddr *a)
{
	return reverse4(name, a) || reverse6(name, a);
}

static bool
inside(const struct dns_policy *p, const struct netaddr *a)
{
	struct netaddr inner;

	(void)netaddr_class(a, &inner);
	return netset_match(&p->inside, a) ||
	    (inner.family != NETADDR_NONE && netset_match(&p->inside, &inner));
}

bool
dns_policy_may_return(const struct dns_policy *p, const struct netaddr *a)
{
	if (p->rule == DNS_ASK_ONLY)
		return true;
	if (inside(p, a))
		return false;
	return netaddr_class(a, NULL) == NETCLASS_GLOBAL ||
	    netset_match(&p->reach, a);
}

static bool
reserved(const char *name)
{
	size_t i;

	for (i = 0; i < NELEMS(never_outside); i++)
		if (dns_name_under(name, never_outside[i]))
			return true;
	return strcmp(name, ".") == 0;
}

bool
dns_policy_may_ask(const struct dns_policy *p, const char *name)
{
	struct netaddr a;

	if (p->rule == DNS_ASK_ONLY) {
		if (dns_reverse_addr(name, &a))
			return inside(p, &a);
		return listed(p, name);
	}
	/* Who reads our questions must not learn inside addresses by them. */
	if (dns_reverse_addr(name, &a))
		return dns_policy_may_return(p, &a);
	return !reserved(name) && !listed(p, name);
}

bool
dns_policy_may_follow(const struct dns_policy *p, const struct dns_chain *c)
{
	size_t i;

	/* The intranet's own server may name what it likes in its answers. */
	if (p->rule == DNS_ASK_ONLY)
		return true;
	for (i = 0; i < c->n; i++)
		if (!dns_policy_may_ask(p, c->name[i]))
			return false;
	return true;
}

/* True for a record that is no address, or one that may be returned. */
static bool
record_ok(const struct dns_policy *p, const struct dns_record *r)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6 };
	const struct sockaddr *sa = (const struct sockaddr *)&sin;
	socklen_t len = sizeof(sin);
	struct netaddr a;

	if (r->type == DNS_T_A && r->len == sizeof(sin.sin_addr)) {
		memcpy(&sin.sin_addr, r->data, sizeof(sin.sin_addr));
	} else if (r->type == DNS_T_AAAA && r->len == sizeof(sin6.sin6_addr)) {
		memcpy(&sin6.sin6_addr, r->data, sizeof(sin6.sin6_addr));
		sa = (const struct sockaddr *)&sin6;
		len = sizeof(sin6);
	} else {
		return r->type != DNS_T_A && r->type != DNS_T_AAAA;
	}
	return netaddr_from_sockaddr(&a, sa, len) == 0 &&
	    dns_policy_may_return(p, &a);
}

struct dns_answer *
dns_policy_filter(const struct dns_policy *p, struct dns_answer *a,
    size_t *dropped)
{
	struct dns_build b;
	struct dns_answer *new;
	size_t i;

	*dropped = 0;
	for (i = 0; i < a->nrecords; i++)
		if (!record_ok(p, &a->records[i]))
			(*dropped)++;
	if (*dropped == 0)
		return a;
	dns_build_init(&b);
	b.ttl = a->ttl;
	b.left_out = a->left_out;
	for (i = 0; i < a->nrecords; i++)
		if (record_ok(p, &a->records[i]))
			dns_build_add(&b, &a->records[i]);
	new = dns_build_seal(&b, b.nrecords > 0 ? a->status : DNS_NODATA,
	    a->canon);
	dns_answer_unref(a);
	return new;
}
