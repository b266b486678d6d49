/* SPDX-License-Identifier: ISC */
/* link: common/dns/packet.o common/dns/answer.o common/dns/name.o -lldns */
/* Queries as sent, and every way in which a reply can be good or bad. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "regress/unit/dns_wire.h"

#define NELEMS(a) (sizeof(a) / sizeof((a)[0]))

static const char *const verdicts[] = {
	[DNS_V_ANSWER] = "answer",
	[DNS_V_CHASE] = "chase",
	[DNS_V_TRUNCATED] = "truncated",
	[DNS_V_MISMATCH] = "mismatch",
	[DNS_V_BROKEN] = "broken",
	[DNS_V_NO_EDNS] = "no-edns",
	[DNS_V_LAME] = "lame",
	[DNS_V_SERVFAIL] = "servfail",
	[DNS_V_REFUSED] = "refused",
	[DNS_V_LOOP] = "loop",
	[DNS_V_NOMEM] = "nomem",
};

static const uint8_t all_upper[DNS_CASE_BYTES] = {
	0xff,
	0xff,
	0xff,
	0xff,
	0xff,
	0xff,
	0xff,
	0xff,
	0xff,
	0xff,
	0xff,
	0xff,
	0xff,
	0xff,
	0xff,
	0xff,
	0xff,
	0xff,
	0xff,
	0xff,
	0xff,
	0xff,
	0xff,
	0xff,
	0xff,
	0xff,
	0xff,
	0xff,
	0xff,
	0xff,
	0xff,
	0xff,
};

static struct wire wire;
static struct text text;

static void
make_query(struct dns_query_packet *q, const char *name, enum dns_type type)
{
	const struct dns_query_spec spec = { .name = name,
		.type = type,
		.id = 0x1234,
		.case_bits = all_upper,
		.edns = true };

	assert_int_equal(dns_packet_query(q, &spec), 0);
}

/* What becomes of a message, as text. */
static const char *
parse(const struct dns_query_packet *q, const uint8_t *msg, size_t len,
    bool tcp, struct dns_chain *chain)
{
	struct dns_answer *a;
	enum dns_verdict v;
	uint8_t *copy;

	/* In memory of its own size, so that a checker sees each overrun. */
	copy = malloc(len > 0 ? len : 1);
	memcpy(copy, msg, len);
	v = dns_packet_parse(q, copy, len, tcp, chain, &a);
	free(copy);
	if (v == DNS_V_ANSWER) {
		assert_non_null(a);
		text_answer(&text, a);
		dns_answer_unref(a);
		return text.s;
	}
	assert_null(a);
	text.n = 0;
	text_add(&text, "%s", verdicts[v]);
	if (v == DNS_V_CHASE)
		text_add(&text, " %s", dns_chain_last(chain));
	else
		assert_int_equal(chain->n, 1);
	return text.s;
}

static void
test_query(void **state)
{
	static const uint8_t plain[] =
	    "\x12\x34\x01\x00\0\1\0\0\0\0\0\0\2mx\7example\0\0\x0f\0\1";
	static const uint8_t edns[] =
	    "\x12\x34\x01\x00\0\1\0\0\0\0\0\1\2MX\7EXAMPLE\0\0\x1c\0\1"
	    "\0\0\x29\x04\xd0\0\0\0\0\0\0";
	static const uint8_t dnssec[] =
	    "\x12\x34\x01\x00\0\1\0\0\0\0\0\1\2mx\7example\0\0\x34\0\1"
	    "\0\0\x29\x04\xd0\0\0\x80\0\0\0";
	struct dns_query_spec s = { .name = "mx.example",
		.type = DNS_T_MX,
		.id = 0x1234 };
	struct dns_query_packet q;

	(void)state;
	assert_int_equal(dns_packet_query(&q, &s), 0);
	assert_int_equal(q.len, sizeof(plain) - 1);
	assert_memory_equal(q.wire, plain, q.len);
	s.edns = true;
	s.type = DNS_T_AAAA;
	s.case_bits = all_upper;
	assert_int_equal(dns_packet_query(&q, &s), 0);
	assert_int_equal(q.len, sizeof(edns) - 1);
	assert_memory_equal(q.wire, edns, q.len);
	s.dnssec_ok = true;
	s.type = DNS_T_TLSA;
	s.case_bits = NULL;
	assert_int_equal(dns_packet_query(&q, &s), 0);
	assert_int_equal(q.len, sizeof(dnssec) - 1);
	assert_memory_equal(q.wire, dnssec, q.len);
	s.name = "a..b";
	assert_int_equal(dns_packet_query(&q, &s), -1);
}

#define SOA	   " | au example 900 SOA 60"
#define RESULT_MAX 8192

struct reply_case {
	const char *what;
	const char *name;
	enum dns_type type;
	const char *reply;
	const char *udp; /* what becomes of it */
	const char *tcp; /* NULL: the same */
};

static const struct reply_case replies[] = {
	/* each type */
	{ "A", "h.example", DNS_T_A, "an h.example 300 A 192.0.2.1",
	    "ok 300 h.example A 192.0.2.1", NULL },
	{ "A by pointer", "h.example", DNS_T_A, "an @12 300 A 192.0.2.1",
	    "ok 300 h.example A 192.0.2.1", NULL },
	{ "two A, smaller TTL", "h.example", DNS_T_A,
	    "an @12 300 A 192.0.2.1 | an @12 20 A 192.0.2.2",
	    "ok 20 h.example A 192.0.2.1 A 192.0.2.2", NULL },
	{ "twins", "h.example", DNS_T_A,
	    "an @12 300 A 192.0.2.1 | an @12 300 A 192.0.2.1",
	    "ok 300 h.example A 192.0.2.1", NULL },
	{ "AAAA", "h.example", DNS_T_AAAA, "an @12 300 AAAA 2001:db8::1",
	    "ok 300 h.example AAAA 2001:db8::1", NULL },
	{ "MX", "example", DNS_T_MX,
	    "an @12 300 MX 10 MX1.Example | an @12 300 MX 65535 mx2.example",
	    "ok 300 example MX 10 mx1.example MX 65535 mx2.example", NULL },
	{ "null MX", "example", DNS_T_MX, "an @12 300 MX 0 .",
	    "ok 300 example MX 0 .", NULL },
	{ "PTR", "1.2.0.192.in-addr.arpa", DNS_T_PTR,
	    "an @12 300 PTR host.example",
	    "ok 300 1.2.0.192.in-addr.arpa PTR host.example", NULL },
	{ "TXT", "example", DNS_T_TXT, "an @12 300 TXT v=spf1,-all",
	    "ok 300 example TXT [v=spf1-all]", NULL },
	{ "TXT, empty string", "example", DNS_T_TXT, "an @12 300 TXT x:00",
	    "ok 300 example TXT []", NULL },
	{ "TLSA", "_25._tcp.mx.example", DNS_T_TLSA,
	    "an @12 300 TLSA x:030101aabbcc",
	    "ok 300 _25._tcp.mx.example TLSA 311 aabbcc", NULL },
	{ "CNAME asked for", "w.example", DNS_T_CNAME,
	    "an @12 300 CNAME h.example", "ok 300 w.example CNAME h.example",
	    NULL },
	{ "with OPT", "h.example", DNS_T_A,
	    "an @12 300 A 192.0.2.1 | ar . 0 OPT x:",
	    "ok 300 h.example A 192.0.2.1", NULL },
	{ "not recursive but its own zone", "h.example", DNS_T_A,
	    "flags=8400 | an @12 300 A 192.0.2.1",
	    "ok 300 h.example A 192.0.2.1", NULL },
	{ "TTL with the top bit (RFC 2181)", "h.example", DNS_T_A,
	    "an @12 4294967295 A 192.0.2.1", "ok 0 h.example A 192.0.2.1",
	    NULL },

	/* negative answers */
	{ "NXDOMAIN", "no.example", DNS_T_A, "flags=8183" SOA,
	    "nxdomain 60 no.example", NULL },
	{ "NXDOMAIN, SOA's own TTL smaller", "no.example", DNS_T_A,
	    "flags=8183 | au example 30 SOA 60", "nxdomain 30 no.example",
	    NULL },
	{ "NXDOMAIN without SOA", "no.example", DNS_T_A, "flags=8183",
	    "nxdomain 0 no.example", NULL },
	{ "NXDOMAIN, SOA of another zone", "no.example", DNS_T_A,
	    "flags=8183 | au example.net 30 SOA 60", "nxdomain 0 no.example",
	    NULL },
	{ "NODATA", "h.example", DNS_T_AAAA, SOA, "nodata 60 h.example", NULL },
	{ "NODATA without SOA", "h.example", DNS_T_AAAA, "",
	    "nodata 0 h.example", NULL },
	{ "empty, from one that knows nothing", "h.example", DNS_T_A,
	    "flags=8000 | au . 1000 NS a.root.example", "lame", NULL },
	{ "NXDOMAIN from one that knows nothing", "h.example", DNS_T_A,
	    "flags=8003", "lame", NULL },
	{ "NXDOMAIN with the record", "h.example", DNS_T_A,
	    "flags=8183 | an @12 300 A 192.0.2.1", "broken", NULL },

	/* other codes */
	{ "SERVFAIL", "h.example", DNS_T_A, "flags=8182", "servfail", NULL },
	{ "REFUSED", "h.example", DNS_T_A, "flags=8185", "refused", NULL },
	{ "FORMERR", "h.example", DNS_T_A, "flags=8181", "no-edns", NULL },
	{ "NOTIMP", "h.example", DNS_T_A, "flags=8184", "no-edns", NULL },
	{ "FORMERR, header only", "h.example", DNS_T_A, "flags=8181 | noq",
	    "no-edns", NULL },
	{ "REFUSED, header only", "h.example", DNS_T_A, "flags=8185 | noq",
	    "mismatch", NULL },
	{ "BADVERS", "h.example", DNS_T_A, "ar . 16777216 OPT x:", "no-edns",
	    NULL },
	{ "unknown code", "h.example", DNS_T_A, "flags=818b", "servfail",
	    NULL },
	{ "unknown code of OPT with data", "h.example", DNS_T_A,
	    "an @12 300 A 192.0.2.1 | ar . 33554432 OPT x:", "servfail", NULL },

	/* CNAMEs */
	{ "one CNAME", "w.example", DNS_T_A,
	    "an w.example 300 CNAME h.example | an h.example 60 A 192.0.2.1",
	    "ok 60 h.example A 192.0.2.1", NULL },
	{ "CNAME's TTL is the smallest", "w.example", DNS_T_A,
	    "an w.example 5 CNAME h.example | an h.example 60 A 192.0.2.1",
	    "ok 5 h.example A 192.0.2.1", NULL },
	{ "three, in no order", "w.example", DNS_T_A,
	    "an c.example 60 A 192.0.2.1 | an b.example 60 CNAME c.example"
	    " | an w.example 60 CNAME a.example"
	    " | an a.example 60 CNAME b.example",
	    "ok 60 c.example A 192.0.2.1", NULL },
	{ "same CNAME twice", "w.example", DNS_T_A,
	    "an w.example 60 CNAME h.example | an w.example 60 CNAME h.example"
	    " | an h.example 60 A 192.0.2.1",
	    "ok 60 h.example A 192.0.2.1", NULL },
	{ "two different CNAMEs", "w.example", DNS_T_A,
	    "an w.example 60 CNAME h.example | an w.example 60 CNAME i.example"
	    " | an h.example 60 A 192.0.2.1",
	    "broken", NULL },
	{ "CNAME only", "w.example", DNS_T_A,
	    "an w.example 300 CNAME h.other.example", "chase h.other.example",
	    NULL },
	{ "CNAME to nodata", "w.example", DNS_T_A,
	    "an w.example 300 CNAME h.example" SOA, "nodata 60 h.example",
	    NULL },
	{ "CNAME, SOA of the first zone only", "w.example", DNS_T_A,
	    "an w.example 300 CNAME h.other.test" SOA, "chase h.other.test",
	    NULL },
	{ "CNAME to nothing", "w.example", DNS_T_A,
	    "flags=8183 | an w.example 300 CNAME h.example" SOA,
	    "nxdomain 60 h.example", NULL },
	{ "CNAME to itself", "w.example", DNS_T_A,
	    "an w.example 300 CNAME w.example", "loop", NULL },
	{ "circle of two", "w.example", DNS_T_A,
	    "an w.example 300 CNAME a.example"
	    " | an a.example 300 CNAME w.example",
	    "loop", NULL },
	{ "eight CNAMEs", "a.example", DNS_T_A,
	    "an a.example 9 CNAME b.example | an b.example 9 CNAME c.example"
	    " | an c.example 9 CNAME d.example | an d.example 9 CNAME e.example"
	    " | an e.example 9 CNAME f.example | an f.example 9 CNAME g.example"
	    " | an g.example 9 CNAME h.example | an h.example 9 CNAME i.example"
	    " | an i.example 9 A 192.0.2.1",
	    "ok 9 i.example A 192.0.2.1", NULL },
	{ "nine CNAMEs", "a.example", DNS_T_A,
	    "an a.example 9 CNAME b.example | an b.example 9 CNAME c.example"
	    " | an c.example 9 CNAME d.example | an d.example 9 CNAME e.example"
	    " | an e.example 9 CNAME f.example | an f.example 9 CNAME g.example"
	    " | an g.example 9 CNAME h.example | an h.example 9 CNAME i.example"
	    " | an i.example 9 CNAME j.example | an j.example 9 A 192.0.2.1",
	    "loop", NULL },
	{ "CNAME to a strange name", "w.example", DNS_T_A,
	    "an w.example 9 CNAME x:03612e6200", "broken", NULL },

	/* records that nobody asked for */
	{ "other owner", "h.example", DNS_T_A,
	    "an @12 300 A 192.0.2.1 | an www.bank.example 300 A 192.0.2.66",
	    "ok 300 h.example A 192.0.2.1", NULL },
	{ "only another owner", "h.example", DNS_T_A,
	    "an www.bank.example 300 A 192.0.2.66" SOA, "nodata 60 h.example",
	    NULL },
	{ "other type", "h.example", DNS_T_A,
	    "an @12 300 AAAA 2001:db8::1 | an @12 300 RRSIG x:00" SOA,
	    "nodata 60 h.example", NULL },
	{ "MX with its addresses in additional", "example", DNS_T_MX,
	    "an @12 300 MX 10 mx.example | au example 300 NS ns.evil.example"
	    " | ar mx.example 300 A 192.0.2.66",
	    "ok 300 example MX 10 mx.example", NULL },
	{ "address in additional only", "h.example", DNS_T_A,
	    "au example 900 SOA 60 | ar h.example 300 A 192.0.2.66",
	    "nodata 60 h.example", NULL },
	{ "MX with a strange name", "example", DNS_T_MX,
	    "an @12 300 MX x:000a03612e6200 | an @12 300 MX 20 mx.example",
	    "ok 300 example MX 10 invalid MX 20 mx.example", NULL },
	{ "PTR with a strange name", "1.2.0.192.in-addr.arpa", DNS_T_PTR,
	    "an @12 300 PTR x:0a3c7363726970743e0a0000",
	    "nodata 300 1.2.0.192.in-addr.arpa left-out 1", NULL },
	{ "PTR with a line end inside", "1.2.0.192.in-addr.arpa", DNS_T_PTR,
	    "an @12 300 PTR x:03610a6200 | an @12 300 PTR host.example",
	    "ok 300 1.2.0.192.in-addr.arpa PTR host.example left-out 1", NULL },

	/* not a reply to this query */
	{ "wrong id", "h.example", DNS_T_A, "id | an @12 300 A 192.0.2.66",
	    "mismatch", NULL },
	{ "a query", "h.example", DNS_T_A, "flags=0100", "mismatch", NULL },
	{ "opcode NOTIFY", "h.example", DNS_T_A, "flags=a180", "mismatch",
	    NULL },
	{ "no question", "h.example", DNS_T_A,
	    "noq | an h.example 300 A 192.0.2.66", "mismatch", NULL },
	{ "another name", "h.example", DNS_T_A,
	    "q=X.EXAMPLE | an h.example 300 A 192.0.2.66", "mismatch", NULL },
	{ "another type", "h.example", DNS_T_A,
	    "qt=28 | an @12 300 A 192.0.2.66", "mismatch", NULL },
	{ "another class", "h.example", DNS_T_A,
	    "qc=3 | an @12 300 A 192.0.2.66", "mismatch", NULL },
	{ "letters not as sent", "h.example", DNS_T_A,
	    "fold | an @12 300 A 192.0.2.1", "mismatch",
	    "ok 300 h.example A 192.0.2.1" },
	{ "truncated", "h.example", DNS_T_A, "flags=8380", "truncated",
	    "broken" },
	{ "truncated in mid-record", "h.example", DNS_T_A,
	    "flags=8380 | an=3 | an @12 300 A x:c000", "truncated", "broken" },

	/* lies */
	{ "count too high", "h.example", DNS_T_A,
	    "an=2 | an @12 300 A 192.0.2.1", "broken", NULL },
	{ "65535 answers", "h.example", DNS_T_A,
	    "an=65535 | an @12 300 A 192.0.2.1", "broken", NULL },
	{ "65535 additional", "h.example", DNS_T_A,
	    "ar=65535 | an @12 300 A 192.0.2.1", "broken", NULL },
	{ "bytes behind the end", "h.example", DNS_T_A,
	    "an @12 300 A 192.0.2.1 | tail=00", "broken", NULL },
	{ "rdlen too long", "h.example", DNS_T_A,
	    "an @12 300 A 192.0.2.1 len=5", "broken", NULL },
	{ "rdlen too short", "h.example", DNS_T_A,
	    "an @12 300 A 192.0.2.1 len=3", "broken", NULL },
	{ "rdlen 65535", "h.example", DNS_T_A,
	    "an @12 300 A 192.0.2.1 len=65535", "broken", NULL },
	{ "A of 5 bytes", "h.example", DNS_T_A, "an @12 300 A x:c000020101",
	    "broken", NULL },
	{ "A of none", "h.example", DNS_T_A, "an @12 300 A x:", "broken",
	    NULL },
	{ "AAAA of 4 bytes", "h.example", DNS_T_AAAA,
	    "an @12 300 AAAA x:c0000201", "broken", NULL },
	{ "MX of 2 bytes", "h.example", DNS_T_MX, "an @12 300 MX x:000a",
	    "broken", NULL },
	{ "MX of 1 byte", "h.example", DNS_T_MX, "an @12 300 MX x:00", "broken",
	    NULL },
	{ "MX with a byte behind its name", "h.example", DNS_T_MX,
	    "an @12 300 MX x:000a0161000000", "broken", NULL },
	{ "MX name runs out of its rdata", "h.example", DNS_T_MX,
	    "an @12 300 MX x:000a0561 | an @12 300 MX x:000a016100", "broken",
	    NULL },
	{ "MX name points to itself", "h.example", DNS_T_MX,
	    "an @12 300 MX x:000ac029", "broken", NULL },
	{ "MX name points ahead", "h.example", DNS_T_MX,
	    "an @12 300 MX x:000ac030 | an @12 300 MX x:000a016100", "broken",
	    NULL },
	{ "CNAME into the header", "h.example", DNS_T_A,
	    "an @12 300 CNAME x:c000", "broken", NULL },
	{ "owner points to itself", "h.example", DNS_T_A,
	    "an @27 300 A 192.0.2.1", "broken", NULL },
	{ "owner points ahead", "h.example", DNS_T_A, "an @40 300 A 192.0.2.1",
	    "broken", NULL },
	{ "TXT string too long", "h.example", DNS_T_TXT,
	    "an @12 300 TXT x:0561", "broken", NULL },
	{ "TXT of no string", "h.example", DNS_T_TXT,
	    "an @12 300 TXT x:", "broken", NULL },
	{ "TLSA without data", "h.example", DNS_T_TLSA,
	    "an @12 300 TLSA x:030101", "broken", NULL },
	{ "SOA cut short", "h.example", DNS_T_A,
	    "flags=8183 | au example 60 SOA x:0000000000010000000200000003",
	    "nxdomain 0 h.example", NULL },
	{ "two TSIG", "h.example", DNS_T_A,
	    "ar . 0 TSIG x: | ar . 0 TSIG x:", "broken", NULL },
	{ "TSIG as an answer", "h.example", DNS_T_A,
	    "an @12 300 A 192.0.2.1 | an . 0 TSIG x:", "broken", NULL },
	{ "SIG(0)", "h.example", DNS_T_A,
	    "an @12 300 A 192.0.2.1 | ar . 0 24 x:", "broken", NULL },
	{ "two OPT", "h.example", DNS_T_A,
	    "an @12 9 A 192.0.2.1 | ar . 0 OPT x: | ar . 0 OPT x:", "broken",
	    NULL },
	{ "OPT as an answer", "h.example", DNS_T_A, "an . 0 OPT x:", "broken",
	    NULL },
	{ "OPT with a name", "h.example", DNS_T_A, "ar @12 0 OPT x:", "broken",
	    NULL },
};

static void
test_replies(void **state)
{
	struct dns_query_packet q;
	struct dns_chain chain;
	const char *got, *want;
	size_t i;
	int tcp;

	(void)state;
	for (i = 0; i < NELEMS(replies); i++) {
		const struct reply_case *c = &replies[i];

		make_query(&q, c->name, c->type);
		wire_reply(&wire, &q, c->reply);
		for (tcp = 0; tcp <= 1; tcp++) {
			want = tcp && c->tcp != NULL ? c->tcp : c->udp;
			assert_int_equal(dns_chain_init(&chain, c->name), 0);
			got = parse(&q, wire.b, wire.n, tcp, &chain);
			if (strcmp(got, want) != 0)
				fail_msg("%s (%s): '%s' instead of '%s'",
				    c->what, tcp ? "tcp" : "udp", got, want);
		}
	}
}

/* No message that was cut anywhere, or grew, passes for an answer. */
static void
test_truncated_everywhere(void **state)
{
	struct dns_query_packet q;
	struct dns_chain chain;
	const char *got;
	size_t i, n, len;

	(void)state;
	for (i = 0; i < NELEMS(replies); i++) {
		const struct reply_case *c = &replies[i];

		if (strncmp(c->udp, "ok ", 3) != 0)
			continue;
		make_query(&q, c->name, c->type);
		wire_reply(&wire, &q, c->reply);
		len = wire.n;
		for (n = 0; n <= len + 1; n++) {
			if (n == len)
				continue;
			assert_int_equal(dns_chain_init(&chain, c->name), 0);
			got = parse(&q, wire.b, n, false, &chain);
			if (strcmp(got,
				n < 12 + q.len - 12 - 11 ? "mismatch"
							 : "broken") != 0)
				fail_msg("%s cut to %zu: '%s'", c->what, n,
				    got);
		}
	}
}

/* Of all ids, and of all ways to write the name, one each passes. */
static void
test_forged(void **state)
{
	struct dns_query_packet q;
	struct dns_chain chain;
	unsigned i, bit, passed = 0;

	(void)state;
	make_query(&q, "h.example", DNS_T_A);
	assert_int_equal(dns_chain_init(&chain, "h.example"), 0);
	wire_reply(&wire, &q, "an @12 300 A 192.0.2.66");
	for (i = 0; i <= UINT16_MAX; i++) {
		wire_set16(&wire, 0, i);
		if (strncmp(parse(&q, wire.b, wire.n, false, &chain), "ok ",
			3) == 0)
			passed++;
	}
	assert_int_equal(passed, 1);
	memcpy(wire.b, q.wire, 2);
	for (i = 0, passed = 0; i < 1 << 8; i++) {
		/* "h" is at 13, "example" from 15 on */
		for (bit = 0; bit < 8; bit++) {
			uint8_t *c = &wire.b[bit == 0 ? 13 : 14 + bit];

			*c = (uint8_t)((*c & ~0x20U) | (i >> bit & 1) << 5);
		}
		if (strncmp(parse(&q, wire.b, wire.n, false, &chain), "ok ",
			3) == 0)
			passed++;
	}
	assert_int_equal(passed, 1);
}

/* Whatever came, nothing of it stays (ldns issue 317: TSIG that leaks). */
static void
test_no_growth(void **state)
{
	struct dns_query_packet q;
	struct dns_chain chain;
	size_t i, before = 0;
	unsigned round;

	(void)state;
	for (round = 0; round < 200; round++) {
		for (i = 0; i < NELEMS(replies); i++) {
			const struct reply_case *c = &replies[i];

			make_query(&q, c->name, c->type);
			wire_reply(&wire, &q, c->reply);
			assert_int_equal(dns_chain_init(&chain, c->name), 0);
			(void)parse(&q, wire.b, wire.n, round % 2, &chain);
		}
		if (round == 99) /* the allocator's own stores are full */
			before = mallinfo2().uordblks;
	}
	assert_int_equal(mallinfo2().uordblks, before);
}

/* Without EDNS in the query, FORMERR is no hint to drop it. */
static void
test_no_edns(void **state)
{
	const struct dns_query_spec spec = { .name = "h.example",
		.type = DNS_T_A,
		.id = 1 };
	struct dns_query_packet q;
	struct dns_chain chain;

	(void)state;
	assert_int_equal(dns_packet_query(&q, &spec), 0);
	assert_int_equal(dns_chain_init(&chain, spec.name), 0);
	wire_reply(&wire, &q, "flags=8181");
	assert_string_equal(parse(&q, wire.b, wire.n, false, &chain),
	    "servfail");
	wire_reply(&wire, &q, "flags=8181 | noq");
	assert_string_equal(parse(&q, wire.b, wire.n, false, &chain),
	    "mismatch");
}

/* n records "an @12 60 ..."; '#' in the pattern is 0 to n - 1, '~' in hex */
static void
many(const struct dns_query_packet *q, const char *pattern, unsigned n)
{
	static char line[65536];
	size_t used = 0;
	const char *p;
	unsigned i;

	for (i = 0; i < n; i++) {
		used += (size_t)snprintf(line + used, sizeof(line) - used,
		    "| an @12 60 ");
		for (p = pattern; *p != '\0'; p++) {
			size_t left = sizeof(line) - used;
			int w;

			if (*p == '#')
				w = snprintf(line + used, left, "%u", i);
			else if (*p == '~')
				w = snprintf(line + used, left, "%04x", i);
			else
				w = snprintf(line + used, left, "%c", *p);
			assert_true(w > 0 && (size_t)w < left);
			used += (size_t)w;
		}
	}
	wire_reply(&wire, q, line);
}

static void
test_many_records(void **state)
{
	struct dns_query_packet q;
	struct dns_chain chain;
	struct dns_answer *a;
	size_t i;

	(void)state;
	make_query(&q, "h.example", DNS_T_A);
	assert_int_equal(dns_chain_init(&chain, "h.example"), 0);
	many(&q, "A 192.0.2.#", 200);
	assert_int_equal(dns_packet_parse(&q, wire.b, wire.n, true, &chain, &a),
	    DNS_V_ANSWER);
	assert_int_equal(a->nrecords, DNS_RECORDS_MAX);
	assert_int_equal(a->left_out, 200 - DNS_RECORDS_MAX);
	dns_answer_unref(a);
	/* the same as a datagram is larger than we said we take */
	assert_string_equal(parse(&q, wire.b, wire.n, false, &chain), "broken");
	many(&q, "A x:0a~00", 513);
	assert_string_equal(parse(&q, wire.b, wire.n, true, &chain), "broken");

	/* Of too many MX, the best are kept, wherever they stand. */
	make_query(&q, "h.example", DNS_T_MX);
	many(&q, "MX # mx#.example", 100);
	assert_int_equal(dns_packet_parse(&q, wire.b, wire.n, true, &chain, &a),
	    DNS_V_ANSWER);
	assert_int_equal(a->nrecords, DNS_RECORDS_MAX);
	for (i = 0; i < a->nrecords; i++)
		assert_true(a->records[i].pref < DNS_RECORDS_MAX);
	dns_answer_unref(a);
}

/* The best exchange comes last. */
static void
test_best_mx_last(void **state)
{
	struct dns_query_packet q;
	struct dns_chain chain;
	struct dns_answer *a;
	size_t i, best = 0;

	(void)state;
	make_query(&q, "h.example", DNS_T_MX);
	assert_int_equal(dns_chain_init(&chain, "h.example"), 0);
	many(&q, "MX 5# mx#.example", 80);
	wire_set16(&wire, 6, 81);
	wire_name(&wire, "h.example");
	wire_16(&wire, DNS_T_MX);
	wire_16(&wire, 1);
	wire_32(&wire, 60);
	wire_16(&wire, 2 + 6);
	wire_16(&wire, 1);
	wire_name(&wire, "best");
	assert_int_equal(dns_packet_parse(&q, wire.b, wire.n, true, &chain, &a),
	    DNS_V_ANSWER);
	assert_int_equal(a->nrecords, DNS_RECORDS_MAX);
	assert_int_equal(a->left_out, 81 - DNS_RECORDS_MAX);
	for (i = 0; i < a->nrecords; i++)
		if (strcmp((const char *)a->records[i].data, "best") == 0)
			best++;
	assert_int_equal(best, 1);
	dns_answer_unref(a);
}

/* 16 KiB of text, and no more, over TCP. */
static void
test_sizes(void **state)
{
	static const char chunk[] = "ff" /* a string of 255 bytes follows */;
	struct dns_query_packet q;
	struct dns_chain chain;
	struct dns_answer *a;
	size_t i, lenoff;

	(void)state;
	make_query(&q, "h.example", DNS_T_TXT);
	assert_int_equal(dns_chain_init(&chain, "h.example"), 0);
	wire_reply(&wire, &q, "an=1");
	wire_name(&wire, "@12");
	wire_16(&wire, DNS_T_TXT);
	wire_16(&wire, 1);
	wire_32(&wire, 60);
	lenoff = wire.n;
	wire_16(&wire, 0);
	for (i = 0; i < 63; i++) {
		uint8_t body[255];

		wire_hex(&wire, chunk);
		memset(body, 't', sizeof(body));
		wire_add(&wire, body, sizeof(body));
	}
	wire_set16(&wire, lenoff, wire.n - lenoff - 2);
	assert_int_equal(dns_packet_parse(&q, wire.b, wire.n, true, &chain, &a),
	    DNS_V_ANSWER);
	assert_int_equal(a->nrecords, 1);
	assert_int_equal(a->records[0].len, 63 * 255);
	dns_answer_unref(a);
	/* One more record of the same kind makes the message too large. */
	wire_set16(&wire, 6, 2);
	wire_name(&wire, "@12");
	wire_16(&wire, DNS_T_TXT);
	wire_16(&wire, 1);
	wire_32(&wire, 60);
	wire_16(&wire, 256);
	wire_hex(&wire, chunk);
	wire_add(&wire, wire.b + lenoff + 3, 255);
	assert_true(wire.n > DNS_TCP_MAX);
	assert_string_equal(parse(&q, wire.b, wire.n, true, &chain), "broken");
}

/* The chain goes on over several answers, and its limit with it. */
static void
test_chain_over_answers(void **state)
{
	struct dns_query_packet q;
	struct dns_chain chain;
	char line[128];
	unsigned i;

	(void)state;
	assert_int_equal(dns_chain_init(&chain, "n0.example"), 0);
	for (i = 0; i < DNS_CHAIN_MAX; i++) {
		make_query(&q, dns_chain_last(&chain), DNS_T_A);
		(void)snprintf(line, sizeof(line),
		    "an @12 %u CNAME n%u.example", 100 + i, i + 1);
		wire_reply(&wire, &q, line);
		(void)snprintf(line, sizeof(line), "chase n%u.example", i + 1);
		assert_string_equal(parse(&q, wire.b, wire.n, false, &chain),
		    line);
	}
	assert_int_equal(chain.n, DNS_CHAIN_MAX + 1);
	make_query(&q, dns_chain_last(&chain), DNS_T_A);
	wire_reply(&wire, &q, "an @12 300 A 192.0.2.1");
	/* The TTL is that of the shortest link. */
	assert_string_equal(parse(&q, wire.b, wire.n, false, &chain),
	    "ok 100 n8.example A 192.0.2.1");
	wire_reply(&wire, &q, "an @12 300 CNAME n9.example");
	{
		struct dns_answer *a;

		assert_int_equal(dns_packet_parse(&q, wire.b, wire.n, false,
				     &chain, &a),
		    DNS_V_LOOP);
		/* and back to a name of an earlier answer */
		chain.n = 3;
		make_query(&q, "n2.example", DNS_T_A);
		wire_reply(&wire, &q, "an @12 300 CNAME n0.example");
		assert_int_equal(dns_packet_parse(&q, wire.b, wire.n, false,
				     &chain, &a),
		    DNS_V_LOOP);
		assert_int_equal(chain.n, 3);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_query),
		cmocka_unit_test(test_replies),
		cmocka_unit_test(test_truncated_everywhere),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_no_growth),
		cmocka_unit_test(test_no_edns),
		cmocka_unit_test(test_many_records),
		cmocka_unit_test(test_best_mx_last),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_chain_over_answers),
	};

	return cmocka_run_group_tests_name("dns_packet", tests, NULL, NULL);
}
