/* SPDX-License-Identifier: ISC */
/* DNS messages, out and in.  Pure; the only includer of ldns. */
#include <sys/types.h>

#include <string.h>

#include <ldns/ldns.h>

#include "common/dns/packet.h"

#define HEADER_LEN     12
#define OPT_LEN	       11

#define FLAG_QR	       0x8000
#define FLAG_OPCODE    0x7800
#define FLAG_AA	       0x0400
#define FLAG_TC	       0x0200
#define FLAG_RD	       0x0100
#define FLAG_RA	       0x0080
#define FLAG_RCODE     0x000f
#define EDNS_DO	       0x00008000U

#define RCODE_NOERROR  0
#define RCODE_FORMERR  1
#define RCODE_SERVFAIL 2
#define RCODE_NXDOMAIN 3
#define RCODE_NOTIMP   4
#define RCODE_REFUSED  5
#define RCODE_BADVERS  16

#define CLASS_IN       1
#define TYPE_SOA       6
#define TYPE_SIG       24
#define TYPE_OPT       41
#define TYPE_TSIG      250

/* More than any honest answer holds; each costs a name to read. */
#define ANSWERS_MAX 512
#define OTHERS_MAX  128

#define SOA_FIELDS  7
#define SOA_MINIMUM 6

/* RFC 6761 section 6.4: stands for an exchange with a name we do not take */
#define NAME_INVALID "invalid"

enum section {
	SEC_ANSWER,
	SEC_AUTHORITY,
	SEC_ADDITIONAL,
	NSECTIONS,
};

/* A message being read. */
struct reader {
	const uint8_t *msg;
	size_t len;
	size_t off;
	uint16_t flags;
	uint16_t count[NSECTIONS];
	size_t start[NSECTIONS];
	unsigned rcode; /* with the bits of OPT */
	bool opt;
};

/* One record's frame; owner is "" for a name that we do not take. */
struct frame {
	size_t start;
	size_t rdata;
	uint16_t rdlen;
	uint16_t type;
	uint16_t class;
	uint32_t ttl;
	char owner[DNS_NAME_SIZE];
};

static uint16_t
get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t
get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void
put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void
put_opt(uint8_t *p, bool dnssec_ok)
{
	uint32_t flags = dnssec_ok ? EDNS_DO : 0;

	p[0] = 0;
	put16(p + 1, TYPE_OPT);
	put16(p + 3, DNS_UDP_MAX);
	put16(p + 5, flags >> 16);
	put16(p + 7, flags & 0xffff);
	put16(p + 9, 0);
}

int
dns_packet_query(struct dns_query_packet *q, const struct dns_query_spec *spec)
{
	uint8_t *name = q->wire + HEADER_LEN;
	size_t n;

	if ((n = dns_name_wire(name, DNS_WIRE_MAX, spec->name)) == 0)
		return -1;
	if (spec->case_bits != NULL)
		dns_name_case(name, n, spec->case_bits);
	memset(q->wire, 0, HEADER_LEN);
	put16(q->wire, spec->id);
	put16(q->wire + 2, FLAG_RD);
	put16(q->wire + 4, 1);
	put16(q->wire + 10, spec->edns ? 1 : 0);
	put16(name + n, spec->type);
	put16(name + n + 2, CLASS_IN);
	q->len = HEADER_LEN + n + 4;
	if (spec->edns) {
		put_opt(q->wire + q->len, spec->dnssec_ok);
		q->len += OPT_LEN;
	}
	q->type = spec->type;
	q->edns = spec->edns;
	return 0;
}

static size_t
question_len(const struct dns_query_packet *q)
{
	return q->len - HEADER_LEN - (q->edns ? OPT_LEN : 0);
}

static bool
same_but_case(const uint8_t *a, const uint8_t *b, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		uint8_t x = a[i], y = b[i];

		if (x >= 'A' && x <= 'Z')
			x = (uint8_t)(x + ('a' - 'A'));
		if (y >= 'A' && y <= 'Z')
			y = (uint8_t)(y + ('a' - 'A'));
		if (x != y)
			return false;
	}
	return true;
}

/*
 * Does the question come back as asked?  Over UDP to the case of each letter.
 * A TCP peer is known by its connection, and some servers fold the case.
 */
static bool
same_question(const struct dns_query_packet *q, const struct reader *r,
    bool tcp)
{
	const uint8_t *mine = q->wire + HEADER_LEN,
		      *theirs = r->msg + HEADER_LEN;
	size_t n = question_len(q);

	if (r->len - HEADER_LEN < n)
		return false;
	if (!tcp)
		return memcmp(mine, theirs, n) == 0;
	/* The last four bytes are numbers: type and class. */
	return same_but_case(mine, theirs, n - 4) &&
	    memcmp(mine + n - 4, theirs + n - 4, 4) == 0;
}

static bool
read_frame(struct reader *r, struct frame *f)
{
	const uint8_t *p;

	f->start = r->off;
	if (dns_name_read(r->msg, r->len, &r->off, f->owner) == DNS_NAME_BAD)
		return false;
	if (r->len - r->off < 10)
		return false;
	p = r->msg + r->off;
	f->type = get16(p);
	f->class = get16(p + 2);
	f->ttl = get32(p + 4);
	f->rdlen = get16(p + 8);
	r->off += 10;
	f->rdata = r->off;
	if (f->rdlen > r->len - r->off)
		return false;
	r->off += f->rdlen;
	return true;
}

/* What may not be anywhere, or only once in its place. */
static bool
frame_allowed(struct reader *r, const struct frame *f, enum section s)
{
	if (f->type == TYPE_TSIG || f->type == TYPE_SIG)
		return false;
	if (f->type != TYPE_OPT)
		return true;
	if (s != SEC_ADDITIONAL || r->opt || strcmp(f->owner, ".") != 0)
		return false;
	r->opt = true;
	r->rcode |= (unsigned)(f->ttl >> 24) << 4;
	return true;
}

/* Walk every record of every section: the frames fit, and end at the end. */
static bool
walk_sections(struct reader *r)
{
	struct frame f;
	unsigned s, i;

	if (r->count[SEC_ANSWER] > ANSWERS_MAX ||
	    r->count[SEC_AUTHORITY] > OTHERS_MAX ||
	    r->count[SEC_ADDITIONAL] > OTHERS_MAX)
		return false;
	for (s = 0; s < NSECTIONS; s++) {
		r->start[s] = r->off;
		for (i = 0; i < r->count[s]; i++)
			if (!read_frame(r, &f) || !frame_allowed(r, &f, s))
				return false;
	}
	return r->off == r->len;
}

/* A name that fills the rest of the rdata exactly? */
static bool
name_fills(const struct reader *r, const struct frame *f, size_t skip)
{
	char name[DNS_NAME_SIZE];
	size_t off = f->rdata + skip;

	if (f->rdlen <= skip)
		return false;
	return dns_name_read(r->msg, r->len, &off, name) != DNS_NAME_BAD &&
	    off == f->rdata + f->rdlen;
}

/* RFC 1035 section 3.3.14: one or more strings, to the end. */
static bool
strings_fill(const struct reader *r, const struct frame *f)
{
	size_t left = f->rdlen;
	const uint8_t *p = r->msg + f->rdata;

	if (left == 0)
		return false;
	while (left > 0) {
		if (*p > left - 1)
			return false;
		left -= (size_t)*p + 1;
		p += (size_t)*p + 1;
	}
	return true;
}

static bool
soa_fits(const struct reader *r, const struct frame *f)
{
	char name[DNS_NAME_SIZE];
	size_t off = f->rdata, end = f->rdata + f->rdlen;

	return dns_name_read(r->msg, r->len, &off, name) != DNS_NAME_BAD &&
	    off < end &&
	    dns_name_read(r->msg, r->len, &off, name) != DNS_NAME_BAD &&
	    off <= end && end - off == 20;
}

/* The rdata of a record that is about to be decoded has its type's form. */
static bool
rdata_fits(const struct reader *r, const struct frame *f)
{
	switch (f->type) {
	case DNS_T_A:
		return f->rdlen == 4;
	case DNS_T_AAAA:
		return f->rdlen == 16;
	case DNS_T_CNAME:
	case DNS_T_PTR:
		return name_fills(r, f, 0);
	case DNS_T_MX:
		return name_fills(r, f, 2);
	case DNS_T_TXT:
		return strings_fill(r, f);
	case DNS_T_TLSA:
		return f->rdlen > 3;
	case TYPE_SOA:
		return soa_fits(r, f);
	}
	return false;
}

/* Decode one record whose frame and rdata were checked.  NULL: broken. */
static ldns_rr *
decode(const struct reader *r, const struct frame *f)
{
	ldns_rr *rr = NULL;
	size_t pos = f->start;

	if (!rdata_fits(r, f))
		return NULL;
	if (ldns_wire2rr(&rr, r->msg, f->rdata + f->rdlen, &pos,
		LDNS_SECTION_ANSWER) != LDNS_STATUS_OK)
		return NULL;
	if (pos != f->rdata + f->rdlen) {
		ldns_rr_free(rr);
		return NULL;
	}
	return rr;
}

/* The i-th field as plain bytes; false if there is no such. */
static bool
field(const ldns_rr *rr, size_t i, const uint8_t **p, size_t *len)
{
	const ldns_rdf *rdf;

	if (i >= ldns_rr_rd_count(rr) || (rdf = ldns_rr_rdf(rr, i)) == NULL)
		return false;
	*p = ldns_rdf_data(rdf);
	*len = ldns_rdf_size(rdf);
	return true;
}

static bool
field_name(const ldns_rr *rr, size_t i, char *name)
{
	const uint8_t *p;
	size_t len, off = 0;

	return field(rr, i, &p, &len) &&
	    dns_name_read(p, len, &off, name) == DNS_NAME_OK;
}

/* A numeric field of one, two or four bytes. */
static bool
field_number(const ldns_rr *rr, size_t i, size_t want, uint32_t *v)
{
	const uint8_t *p;
	size_t len;

	if (!field(rr, i, &p, &len) || len != want)
		return false;
	*v = want == 4 ? get32(p) : want == 2 ? get16(p) : p[0];
	return true;
}

static void
take_address(struct dns_build *b, const ldns_rr *rr, enum dns_type type)
{
	struct dns_record rec = { .type = type };

	if (field(rr, 0, &rec.data, &rec.len))
		dns_build_add(b, &rec);
}

static void
take_name(struct dns_build *b, const ldns_rr *rr, enum dns_type type)
{
	struct dns_record rec = { .type = type };
	char name[DNS_NAME_SIZE];

	if (!field_name(rr, 0, name)) {
		b->left_out++;
		return;
	}
	rec.data = (const uint8_t *)name;
	rec.len = strlen(name);
	dns_build_add(b, &rec);
}

/*
 * An exchange with a name that we do not take stays, by a name that nothing
 * resolves: with all of them left out, the domain would look as if it had no
 * MX and its address would get the mail (RFC 5321 section 5.1).
 */
static void
take_mx(struct dns_build *b, const ldns_rr *rr, enum dns_type type)
{
	struct dns_record rec = { .type = type };
	char name[DNS_NAME_SIZE] = NAME_INVALID;
	uint32_t pref;

	if (!field_number(rr, 0, 2, &pref))
		return;
	if (!field_name(rr, 1, name))
		memcpy(name, NAME_INVALID, sizeof(NAME_INVALID));
	rec.pref = (uint16_t)pref;
	rec.data = (const uint8_t *)name;
	rec.len = strlen(name);
	dns_build_add(b, &rec);
}

static void
take_text(struct dns_build *b, const ldns_rr *rr, enum dns_type type)
{
	struct dns_record rec = { .type = type };
	uint8_t text[DNS_TCP_MAX];
	size_t i, n, used = 0;
	const uint8_t *p;

	for (i = 0; field(rr, i, &p, &n); i++) {
		/* Each field begins with its length byte. */
		if (n == 0 || n - 1 > sizeof(text) - used)
			break;
		memcpy(text + used, p + 1, n - 1);
		used += n - 1;
	}
	rec.data = text;
	rec.len = used;
	dns_build_add(b, &rec);
}

static void
take_tlsa(struct dns_build *b, const ldns_rr *rr, enum dns_type type)
{
	struct dns_record rec = { .type = type };
	uint32_t usage, selector, matching;

	if (!field_number(rr, 0, 1, &usage) ||
	    !field_number(rr, 1, 1, &selector) ||
	    !field_number(rr, 2, 1, &matching) ||
	    !field(rr, 3, &rec.data, &rec.len))
		return;
	rec.usage = (uint8_t)usage;
	rec.selector = (uint8_t)selector;
	rec.matching = (uint8_t)matching;
	dns_build_add(b, &rec);
}

static void
take_record(struct dns_build *b, const ldns_rr *rr, enum dns_type type)
{
	switch (type) {
	case DNS_T_A:
	case DNS_T_AAAA:
		take_address(b, rr, type);
		break;
	case DNS_T_CNAME:
	case DNS_T_PTR:
		take_name(b, rr, type);
		break;
	case DNS_T_MX:
		take_mx(b, rr, type);
		break;
	case DNS_T_TXT:
		take_text(b, rr, type);
		break;
	case DNS_T_TLSA:
		take_tlsa(b, rr, type);
		break;
	}
}

/*
 * Take all records of a name and type.  Their number, those left out by a
 * limit included, or -1 when one is broken.
 */
static int
take_records(const struct reader *msg, const char *name, enum dns_type type,
    struct dns_build *b)
{
	struct reader r = *msg;
	struct frame f;
	ldns_rr *rr;
	unsigned i;
	int found = 0;

	r.off = r.start[SEC_ANSWER];
	for (i = 0; i < r.count[SEC_ANSWER] && read_frame(&r, &f); i++) {
		if (f.type != type || f.class != CLASS_IN ||
		    strcmp(f.owner, name) != 0)
			continue;
		if ((rr = decode(&r, &f)) == NULL)
			return -1;
		dns_build_ttl(b, f.ttl);
		take_record(b, rr, type);
		ldns_rr_free(rr);
		found++;
	}
	return found;
}

/*
 * The one CNAME of a name (RFC 2181 section 10.1): 1 and its target, 0 for
 * none, -1 for several, a broken one, or a target that we do not take.
 */
static int
find_cname(const struct reader *msg, const char *name, char *target,
    struct dns_build *b)
{
	struct reader r = *msg;
	struct frame f;
	ldns_rr *rr;
	char other[DNS_NAME_SIZE] = "";
	unsigned i;
	int found = 0;
	bool ok;

	r.off = r.start[SEC_ANSWER];
	for (i = 0; i < r.count[SEC_ANSWER] && read_frame(&r, &f); i++) {
		if (f.type != DNS_T_CNAME || f.class != CLASS_IN ||
		    strcmp(f.owner, name) != 0)
			continue;
		if ((rr = decode(&r, &f)) == NULL)
			return -1;
		ok = field_name(rr, 0, found ? other : target);
		ldns_rr_free(rr);
		if (!ok || (found && strcmp(other, target) != 0))
			return -1;
		dns_build_ttl(b, f.ttl);
		found = 1;
	}
	return found;
}

/*
 * RFC 2308 section 5: the lifetime of "no" is the smaller of the SOA's own TTL
 * and its last field.  The SOA has to be of a zone that holds the name.
 */
static bool
negative_ttl(const struct reader *msg, const char *name, uint32_t *ttl)
{
	struct reader r = *msg;
	struct frame f;
	ldns_rr *rr;
	unsigned i;
	bool ok;

	r.off = r.start[SEC_AUTHORITY];
	for (i = 0; i < r.count[SEC_AUTHORITY] && read_frame(&r, &f); i++) {
		if (f.type != TYPE_SOA || f.class != CLASS_IN ||
		    f.owner[0] == '\0' || !dns_name_under(name, f.owner))
			continue;
		if ((rr = decode(&r, &f)) == NULL)
			return false;
		ok = ldns_rr_rd_count(rr) == SOA_FIELDS &&
		    field_number(rr, SOA_MINIMUM, 4, ttl);
		ldns_rr_free(rr);
		if (ok && f.ttl < *ttl)
			*ttl = f.ttl;
		return ok;
	}
	return false;
}

/*
 * A server that is neither the zone's own nor asks others for us: a "no" of it
 * without the zone's SOA (an upward referral, say) means nothing.
 */
static bool
knows_nothing(const struct reader *r)
{
	return (r->flags & (FLAG_AA | FLAG_RA)) == 0;
}

static enum dns_verdict
seal(struct dns_build *b, enum dns_status status, const struct dns_chain *chain,
    struct dns_answer **out)
{
	*out = dns_build_seal(b, status, dns_chain_last(chain));
	return *out == NULL ? DNS_V_NOMEM : DNS_V_ANSWER;
}

/* The chain ended at a name without the asked type. */
static enum dns_verdict
judge_negative(const struct reader *r, bool moved, struct dns_chain *chain,
    struct dns_build *b, struct dns_answer **out)
{
	enum dns_status status = DNS_NODATA;
	uint32_t ttl = 0;
	bool have_soa;

	have_soa = negative_ttl(r, dns_chain_last(chain), &ttl);
	if (!have_soa && r->rcode == RCODE_NOERROR && moved) {
		chain->ttl = b->ttl;
		return DNS_V_CHASE;
	}
	if (!have_soa && knows_nothing(r))
		return DNS_V_LAME;
	if (r->rcode == RCODE_NXDOMAIN)
		status = DNS_NXDOMAIN;
	/* Without a SOA a "no" is not to be kept (RFC 2308 section 5). */
	dns_build_ttl(b, have_soa ? ttl : 0);
	return seal(b, status, chain, out);
}

/* Follow the chain through the answer section to the asked records. */
static enum dns_verdict
judge_answer(const struct reader *r, enum dns_type type,
    struct dns_chain *chain, struct dns_answer **out)
{
	struct dns_build b;
	char target[DNS_NAME_SIZE];
	bool moved = false;
	int n;

	dns_build_init(&b);
	b.ttl = chain->ttl;
	for (;;) {
		n = take_records(r, dns_chain_last(chain), type, &b);
		if (n < 0 || (n > 0 && r->rcode == RCODE_NXDOMAIN))
			return DNS_V_BROKEN;
		if (n > 0)
			return seal(&b, b.nrecords > 0 ? DNS_OK : DNS_NODATA,
			    chain, out);
		n = find_cname(r, dns_chain_last(chain), target, &b);
		if (n < 0)
			return DNS_V_BROKEN;
		if (n == 0)
			break;
		if (dns_chain_add(chain, target) == -1)
			return DNS_V_LOOP;
		moved = true;
	}
	return judge_negative(r, moved, chain, &b, out);
}

/* Is this a reply to the query?  *r is set up behind the question. */
static enum dns_verdict
match(const struct dns_query_packet *q, struct reader *r, bool tcp)
{
	unsigned rcode;

	if (r->len < HEADER_LEN || memcmp(r->msg, q->wire, 2) != 0)
		return DNS_V_MISMATCH;
	r->flags = get16(r->msg + 2);
	if (!(r->flags & FLAG_QR) || (r->flags & FLAG_OPCODE) != 0)
		return DNS_V_MISMATCH;
	rcode = r->rcode = r->flags & FLAG_RCODE;
	/* Old servers send no more than the header back with these. */
	if (q->edns && r->len == HEADER_LEN && get16(r->msg + 4) == 0 &&
	    (rcode == RCODE_FORMERR || rcode == RCODE_NOTIMP))
		return DNS_V_NO_EDNS;
	if (get16(r->msg + 4) != 1 || !same_question(q, r, tcp))
		return DNS_V_MISMATCH;
	r->count[SEC_ANSWER] = get16(r->msg + 6);
	r->count[SEC_AUTHORITY] = get16(r->msg + 8);
	r->count[SEC_ADDITIONAL] = get16(r->msg + 10);
	r->off = HEADER_LEN + question_len(q);
	return DNS_V_ANSWER;
}

enum dns_verdict
dns_packet_parse(const struct dns_query_packet *q, const uint8_t *msg,
    size_t len, bool tcp, struct dns_chain *chain, struct dns_answer **out)
{
	struct reader r = { .msg = msg, .len = len };
	enum dns_verdict v;
	size_t names = chain->n;

	*out = NULL;
	if ((v = match(q, &r, tcp)) != DNS_V_ANSWER)
		return v;
	if (r.flags & FLAG_TC)
		return tcp ? DNS_V_BROKEN : DNS_V_TRUNCATED;
	if (len > (tcp ? DNS_TCP_MAX : DNS_UDP_MAX) || !walk_sections(&r))
		return DNS_V_BROKEN;
	switch (r.rcode) {
	case RCODE_NOERROR:
	case RCODE_NXDOMAIN:
		v = judge_answer(&r, q->type, chain, out);
		if (v != DNS_V_ANSWER && v != DNS_V_CHASE)
			chain->n = names;
		return v;
	case RCODE_FORMERR:
	case RCODE_NOTIMP:
	case RCODE_BADVERS:
		return q->edns ? DNS_V_NO_EDNS : DNS_V_SERVFAIL;
	case RCODE_REFUSED:
		return DNS_V_REFUSED;
	}
	return DNS_V_SERVFAIL;
}
