/* SPDX-License-Identifier: ISC */
/* Answers: building, sharing.  Pure. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include "common/dns/answer.h"

#define NELEMS(a) (sizeof(a) / sizeof((a)[0]))
#define TTL_TOP	  0x80000000U

static const struct {
	enum dns_type type;
	const char *name;
} types[] = {
	{ DNS_T_A, "A" },
	{ DNS_T_CNAME, "CNAME" },
	{ DNS_T_PTR, "PTR" },
	{ DNS_T_MX, "MX" },
	{ DNS_T_TXT, "TXT" },
	{ DNS_T_AAAA, "AAAA" },
	{ DNS_T_TLSA, "TLSA" },
};

static const char *const statuses[] = {
	[DNS_OK] = "ok",
	[DNS_NODATA] = "nodata",
	[DNS_NXDOMAIN] = "nxdomain",
	[DNS_SERVFAIL] = "servfail",
	[DNS_REFUSED] = "refused",
	[DNS_TIMEOUT] = "timeout",
	[DNS_LOOP] = "loop",
	[DNS_POLICY] = "policy",
	[DNS_BUSY] = "busy",
	[DNS_BOGUS] = "bogus",
};

void
dns_build_init(struct dns_build *b)
{
	b->ttl = DNS_TTL_NONE;
	b->left_out = 0;
	b->nrecords = 0;
	b->used = 0;
}

void
dns_build_ttl(struct dns_build *b, uint32_t ttl)
{
	if (ttl & TTL_TOP)
		ttl = 0;
	if (ttl < b->ttl)
		b->ttl = ttl;
}

static bool
same_record(const struct dns_record *a, const struct dns_record *b)
{
	return a->type == b->type && a->pref == b->pref &&
	    a->usage == b->usage && a->selector == b->selector &&
	    a->matching == b->matching && a->len == b->len &&
	    (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

static bool
has_twin(const struct dns_build *b, const struct dns_record *rec)
{
	size_t i;

	for (i = 0; i < b->nrecords; i++)
		if (same_record(&b->records[i], rec))
			return true;
	return false;
}

/* The MX with the highest number, if rec is better than it. */
static struct dns_record *
worse_than(struct dns_build *b, const struct dns_record *rec)
{
	struct dns_record *worst = NULL;
	size_t i;

	for (i = 0; i < b->nrecords; i++)
		if (worst == NULL || b->records[i].pref > worst->pref)
			worst = &b->records[i];
	if (rec->type != DNS_T_MX || worst == NULL || worst->pref <= rec->pref)
		return NULL;
	return worst;
}

void
dns_build_add(struct dns_build *b, const struct dns_record *rec)
{
	struct dns_record *place;
	uint8_t *copy;

	if (has_twin(b, rec))
		return;
	/* One more byte for the NUL behind a name. */
	if (rec->len >= sizeof(b->data) - b->used) {
		b->left_out++;
		return;
	}
	if (b->nrecords < DNS_RECORDS_MAX) {
		place = &b->records[b->nrecords++];
	} else {
		b->left_out++;
		if ((place = worse_than(b, rec)) == NULL)
			return;
	}
	copy = b->data + b->used;
	if (rec->len > 0)
		memcpy(copy, rec->data, rec->len);
	copy[rec->len] = '\0';
	b->used += rec->len + 1;
	*place = *rec;
	place->data = copy;
}

static struct dns_answer *
answer_new(enum dns_status status, size_t nrecords, size_t data)
{
	struct dns_answer *a;
	size_t size;

	/* Both are bounded by this file's limits: no overflow. */
	size = sizeof(*a) + nrecords * sizeof(a->records[0]) + data;
	if ((a = calloc(1, size)) == NULL)
		return NULL;
	a->refs = 1;
	a->status = status;
	a->security = DNS_INSECURE;
	a->size = size;
	a->nrecords = nrecords;
	return a;
}

struct dns_answer *
dns_build_seal(const struct dns_build *b, enum dns_status status,
    const char *canon)
{
	struct dns_answer *a;
	size_t i, namelen = strlen(canon) + 1;
	uint8_t *p;

	if ((a = answer_new(status, b->nrecords, b->used + namelen)) == NULL)
		return NULL;
	p = (uint8_t *)&a->records[b->nrecords];
	memcpy(p, canon, namelen);
	a->canon = (const char *)p;
	p += namelen;
	for (i = 0; i < b->nrecords; i++) {
		a->records[i] = b->records[i];
		memcpy(p, b->records[i].data, b->records[i].len + 1);
		a->records[i].data = p;
		p += b->records[i].len + 1;
	}
	a->ttl = b->ttl == DNS_TTL_NONE ? 0 : b->ttl;
	a->left_out = b->left_out;
	return a;
}

struct dns_answer *
dns_answer_bare(enum dns_status status, const char *canon, uint32_t ttl)
{
	struct dns_answer *a;
	size_t namelen = strlen(canon) + 1;

	if ((a = answer_new(status, 0, namelen)) == NULL)
		return NULL;
	memcpy(a->records, canon, namelen);
	a->canon = (const char *)a->records;
	a->ttl = ttl;
	return a;
}

struct dns_answer *
dns_answer_ref(struct dns_answer *a)
{
	assert(a->refs > 0);
	a->refs++;
	return a;
}

void
dns_answer_unref(struct dns_answer *a)
{
	if (a == NULL)
		return;
	assert(a->refs > 0);
	if (--a->refs == 0)
		free(a);
}

const char *
dns_chain_last(const struct dns_chain *c)
{
	assert(c->n > 0 && c->n <= NELEMS(c->name));
	return c->name[c->n - 1];
}

int
dns_chain_init(struct dns_chain *c, const char *name)
{
	c->n = 1;
	c->ttl = DNS_TTL_NONE;
	if (strlcpy(c->name[0], name, sizeof(c->name[0])) >= DNS_NAME_SIZE) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return 0;
}

int
dns_chain_add(struct dns_chain *c, const char *name)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		if (strcmp(c->name[i], name) == 0)
			return -1;
	if (c->n >= NELEMS(c->name) ||
	    strlcpy(c->name[c->n], name, sizeof(c->name[0])) >= DNS_NAME_SIZE)
		return -1;
	c->n++;
	return 0;
}

bool
dns_type_known(uint16_t type)
{
	size_t i;

	for (i = 0; i < NELEMS(types); i++)
		if (types[i].type == type)
			return true;
	return false;
}

const char *
dns_type_name(enum dns_type type)
{
	size_t i;

	for (i = 0; i < NELEMS(types); i++)
		if (types[i].type == type)
			return types[i].name;
	return "?";
}

const char *
dns_status_name(enum dns_status status)
{
	if (status >= NELEMS(statuses) || statuses[status] == NULL)
		return "?";
	return statuses[status];
}
