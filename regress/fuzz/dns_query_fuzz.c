/* SPDX-License-Identifier: ISC */
/* link: common/dns.a common/base.a */
/*
 * A question's whole way against a server that does as the input says: a
 * sequence of events, each a byte for its kind, and for bytes that come in a
 * length byte and that many.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/dns/query.h"

#define START 1000000

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

struct input {
	const uint8_t *p;
	size_t left;
};

static void
no_random(void *buf, size_t len)
{
	memset(buf, 0x55, len);
}

/* The id and the question are put right in every second message. */
static void
mend(const struct dns_query *q, uint8_t *msg, size_t len)
{
	size_t n;

	if (q->packet.len == 0)
		return;
	n = q->packet.len - (q->packet.edns ? 11 : 0);
	if (q->tcp) {
		if (len < 2)
			return;
		msg += 2;
		len -= 2;
	}
	if (len < n)
		return;
	memcpy(msg, q->packet.wire, 2);
	msg[2] = (msg[2] | 0x80) & 0x87;
	memcpy(msg + 4, q->packet.wire + 4, 2);
	memcpy(msg + 12, q->packet.wire + 12, n - 12);
}

static enum dns_act
bytes(struct dns_query *q, uint64_t now, struct input *in, uint8_t kind)
{
	uint8_t msg[256];
	size_t n;

	if (in->left == 0)
		return DNS_ACT_WAIT;
	n = *in->p++;
	in->left--;
	if (n > in->left)
		n = in->left;
	memcpy(msg, in->p, n);
	in->p += n;
	in->left -= n;
	if (kind & 0x40)
		mend(q, msg, n);
	if (q->tcp)
		return dns_query_stream(q, now, msg, n);
	return dns_query_datagram(q, now, msg, n);
}

static enum dns_act
event(struct dns_query *q, uint64_t *now, struct input *in)
{
	uint8_t kind = *in->p++;

	in->left--;
	switch (kind % 8) {
	case 0:
	case 1:
		return dns_query_socket(q, *now);
	case 2:
		if (q->state == DNS_Q_SOCKET)
			return dns_query_no_socket(q, *now, kind & 0x80);
		return dns_query_error(q, *now);
	case 3:
		*now = q->timer > *now ? q->timer : *now;
		return dns_query_timer(q, *now);
	case 4:
		*now += kind;
		return dns_query_timer(q, *now);
	default:
		return bytes(q, *now, in, kind);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dns_policy policy;
	struct dns_health health;
	struct dns_query_env env = { &health, &policy, no_random };
	struct input in = { data, size };
	uint64_t now = START;
	struct dns_query q;
	enum dns_act act;

	if (size < 1)
		return 0;
	dns_health_init(&health, 1 + data[0] % 3);
	policy.rule = DNS_ASK_ALL_BUT;
	act = dns_query_start(&q, &env, "w.example",
	    data[0] & 0x80 ? DNS_T_MX : DNS_T_A, now);
	in.p++;
	in.left--;
	while (act != DNS_ACT_DONE && in.left > 0)
		act = event(&q, &now, &in);
	/* Left alone it comes to an end. */
	while (act != DNS_ACT_DONE) {
		now = q.timer > now ? q.timer : now;
		act = dns_query_timer(&q, now);
	}
	assert(q.packets <= DNS_QUERY_PACKETS);
	assert(q.answer == NULL || q.answer->refs == 1);
	dns_query_free(&q);
	return 0;
}
