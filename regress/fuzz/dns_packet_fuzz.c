/* SPDX-License-Identifier: ISC */
/* link: common/dns.a common/base.a */
/*
 * A reply to one of a few questions.  Input: one byte picks the question, the
 * transport and whether the id and question are put right; the rest is the
 * message.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/dns/packet.h"

static const struct {
	const char *name;
	enum dns_type type;
} questions[] = {
	{ "h.example", DNS_T_A },
	{ "h.example", DNS_T_AAAA },
	{ "example", DNS_T_MX },
	{ "w.example", DNS_T_CNAME },
	{ "1.2.0.192.in-addr.arpa", DNS_T_PTR },
	{ "example", DNS_T_TXT },
	{ "_25._tcp.mx.example", DNS_T_TLSA },
	{ "w.example", DNS_T_A },
};

#define NQUESTIONS (sizeof(questions) / sizeof(questions[0]))
#define HEADER_LEN 12
#define OPT_LEN	   11

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* What holds for every answer, whatever made it. */
static void
check(const struct dns_answer *a, enum dns_type type)
{
	size_t i;

	assert(a->nrecords <= DNS_RECORDS_MAX);
	assert(a->status == DNS_OK || a->status == DNS_NODATA ||
	    a->status == DNS_NXDOMAIN);
	assert((a->status == DNS_OK) == (a->nrecords > 0));
	assert(strlen(a->canon) < DNS_NAME_SIZE);
	for (i = 0; i < a->nrecords; i++) {
		const struct dns_record *r = &a->records[i];

		assert(r->type == type);
		assert(r->data[r->len] == '\0');
		assert(type != DNS_T_A || r->len == 4);
		assert(type != DNS_T_AAAA || r->len == 16);
		if (type == DNS_T_MX || type == DNS_T_PTR ||
		    type == DNS_T_CNAME)
			assert(
			    strspn((const char *)r->data,
				"abcdefghijklmnopqrstuvwxyz0123456789-_/.") ==
			    r->len);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t bits[DNS_CASE_BYTES] = { 0x5a, 0xa5, 0x3c };
	struct dns_query_spec spec = { .id = 0x4d2, .case_bits = bits };
	struct dns_query_packet q;
	struct dns_chain chain;
	struct dns_answer *a;
	size_t qlen, i;
	uint8_t *msg;
	bool tcp;

	if (size < 1)
		return 0;
	i = data[0] % NQUESTIONS;
	tcp = (data[0] & 0x10) != 0;
	spec.edns = (data[0] & 0x20) == 0;
	spec.name = questions[i].name;
	spec.type = questions[i].type;
	if (dns_packet_query(&q, &spec) == -1 ||
	    dns_chain_init(&chain, spec.name) == -1)
		abort();
	size--;
	if ((msg = malloc(size > 0 ? size : 1)) == NULL)
		return 0;
	memcpy(msg, data + 1, size);
	qlen = q.len - (spec.edns ? OPT_LEN : 0);
	if ((data[0] & 0x40) == 0 && size >= qlen) {
		memcpy(msg, q.wire, 2);
		msg[2] = (msg[2] | 0x80) & 0x87;
		memcpy(msg + 4, q.wire + 4, 2);
		memcpy(msg + HEADER_LEN, q.wire + HEADER_LEN,
		    qlen - HEADER_LEN);
	}
	if (dns_packet_parse(&q, msg, size, tcp, &chain, &a) == DNS_V_ANSWER)
		check(a, spec.type);
	else
		assert(a == NULL);
	assert(chain.n >= 1 && chain.n <= DNS_CHAIN_MAX + 1);
	dns_answer_unref(a);
	free(msg);
	return 0;
}
