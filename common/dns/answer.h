/* SPDX-License-Identifier: ISC */
/*
 * What the resolver knows about one question: a counted, immutable value that
 * the cache and any number of askers share.  Built once with struct
 * dns_build, then sealed.
 */
#ifndef COMMON_DNS_ANSWER_H
#define COMMON_DNS_ANSWER_H

#include <stddef.h>
#include <stdint.h>

#include "common/dns/name.h"

#define DNS_RECORDS_MAX 64	    /* records kept of one answer */
#define DNS_DATA_MAX	(16 * 1024) /* bytes of names and data kept */
#define DNS_CHAIN_MAX	8	    /* CNAMEs followed for one question */
#define DNS_TTL_NONE	UINT32_MAX  /* no record seen yet */

/* RFC 1035, 3596, 6698 */
enum dns_type {
	DNS_T_A = 1,
	DNS_T_CNAME = 5,
	DNS_T_PTR = 12,
	DNS_T_MX = 15,
	DNS_T_TXT = 16,
	DNS_T_AAAA = 28,
	DNS_T_TLSA = 52,
};

enum dns_status {
	DNS_OK = 1,
	DNS_NODATA,   /* the name exists, this type does not */
	DNS_NXDOMAIN, /* RFC 8020: nor anything below it */
	DNS_SERVFAIL, /* every server failed, was lame or spoke nonsense */
	DNS_REFUSED,  /* every server refused */
	DNS_TIMEOUT,  /* no server answered in time */
	DNS_LOOP,     /* CNAMEs in a circle, or too many */
	DNS_POLICY,   /* this side may not ask that; never sent */
	DNS_BUSY,     /* too much to do; ask again later */
	DNS_BOGUS,    /* DNSSEC says forged */
};

/* RFC 4033 section 5 */
enum dns_security {
	DNS_INSECURE = 0,
	DNS_SECURE = 1,
	DNS_SEC_BOGUS = 2,
	DNS_INDETERMINATE = 3,
};

/*
 * data is the address (4 or 16 bytes), the name (text form, NUL behind its
 * len bytes), the text (strings of one record joined, any bytes), or the
 * certificate association data.
 */
struct dns_record {
	enum dns_type type;
	uint16_t pref; /* MX */
	uint8_t usage; /* TLSA, with the next two */
	uint8_t selector;
	uint8_t matching;
	size_t len;
	const uint8_t *data;
};

struct dns_answer {
	unsigned refs;
	enum dns_status status;
	enum dns_security security;
	uint32_t ttl;	   /* s, smallest on the way; 0: do not keep */
	uint32_t left_out; /* records over a limit, strange or not ours */
	const char *canon; /* last name of the CNAME chain */
	size_t size;	   /* bytes of memory held */
	size_t nrecords;
	struct dns_record records[];
};

/* The names that one question led through; name[0] is the question's. */
struct dns_chain {
	size_t n;     /* names in use: 1 to DNS_CHAIN_MAX + 1 */
	uint32_t ttl; /* s, smallest of the CNAMEs followed; see DNS_TTL_NONE */
	char name[DNS_CHAIN_MAX + 1][DNS_NAME_SIZE];
};

/* An answer in the making; big, so keep it static or on a quiet stack. */
struct dns_build {
	uint32_t ttl;
	uint32_t left_out;
	size_t nrecords;
	struct dns_record records[DNS_RECORDS_MAX];
	size_t used;
	uint8_t data[DNS_DATA_MAX];
};

void dns_build_init(struct dns_build *);
/* A record's TTL (RFC 2181 section 8: the top bit set counts as 0). */
void dns_build_ttl(struct dns_build *, uint32_t ttl);
/*
 * Add a record; rec->data is copied.  A twin of one already there is dropped
 * (RFC 2181 section 5); past the limits it counts as left out, save that an
 * MX of better preference takes the place of the worst.
 */
void dns_build_add(struct dns_build *, const struct dns_record *rec);
/* NULL: ENOMEM.  The caller holds the one reference. */
struct dns_answer *dns_build_seal(const struct dns_build *, enum dns_status,
    const char *canon);

/* An answer without records; NULL: ENOMEM. */
struct dns_answer *dns_answer_bare(enum dns_status, const char *canon,
    uint32_t ttl);
struct dns_answer *dns_answer_ref(struct dns_answer *);
void dns_answer_unref(struct dns_answer *); /* NULL is fine */

/* The last name of a chain. */
const char *dns_chain_last(const struct dns_chain *);
int dns_chain_init(struct dns_chain *, const char *name); /* -1: too long */
/* Follow to a name; -1: already been there, or too far. */
int dns_chain_add(struct dns_chain *, const char *name);

bool dns_type_known(uint16_t);
const char *dns_type_name(enum dns_type);     /* "MX" */
const char *dns_status_name(enum dns_status); /* "nxdomain" */

#endif
