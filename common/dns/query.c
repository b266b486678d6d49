/* SPDX-License-Identifier: ISC */
/* One question's way.  Pure. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/dns/query.h"

#define SOCKET_TIME 5000 /* ms for a socket; a TCP one comes connected */
#define TCP_TIME    3000 /* ms for an answer over TCP, first round */
#define PAUSE_FIRST 200U /* ms before a new round when errors come at once */
#define PAUSE_STEPS 3	 /* it doubles so often */

static void
set_timer(struct dns_query *q, uint64_t now, uint64_t ms)
{
	q->timer = now + ms < q->deadline ? now + ms : q->deadline;
}

static enum dns_act
finish(struct dns_query *q, struct dns_answer *a)
{
	dns_answer_unref(q->answer);
	q->answer = a;
	q->state = DNS_Q_DONE;
	return DNS_ACT_DONE;
}

static enum dns_act
finish_bare(struct dns_query *q, enum dns_status status)
{
	return finish(q, dns_answer_bare(status, dns_chain_last(&q->chain), 0));
}

static void
drop_input(struct dns_query *q)
{
	free(q->in);
	q->in = NULL;
	q->in_len = 0;
	q->in_want = 0;
}

static enum dns_act
want_socket(struct dns_query *q, uint64_t now, bool tcp)
{
	if (q->packets >= DNS_QUERY_PACKETS)
		return finish_bare(q, q->failure);
	drop_input(q);
	q->tcp = tcp;
	q->state = DNS_Q_SOCKET;
	set_timer(q, now, SOCKET_TIME);
	return DNS_ACT_SOCKET;
}

static bool
all_useless(const struct dns_query *q)
{
	return q->useless == (1U << q->env->health->n) - 1;
}

/* The next server of this round, or a pause before the next round. */
static enum dns_act
next_server(struct dns_query *q, uint64_t now)
{
	struct dns_health *h = q->env->health;
	unsigned steps;
	size_t i;

	if (now >= q->deadline || h->n == 0 || all_useless(q))
		return finish_bare(q, q->failure);
	i = dns_health_pick(h, q->tried | q->useless, now);
	/* One failed us and only dead ones are left: waiting helps nobody. */
	if (q->useless != 0 &&
	    (i == DNS_SERVER_NONE ? q->round > 0 : !dns_health_is_up(h, i)))
		return finish_bare(q, q->failure);
	if (i != DNS_SERVER_NONE) {
		q->server = i;
		q->tried |= 1U << i;
		return want_socket(q, now, false);
	}
	steps = q->round < PAUSE_STEPS ? q->round : PAUSE_STEPS;
	q->round++;
	q->tried = 0;
	q->state = DNS_Q_PAUSE;
	set_timer(q, now, PAUSE_FIRST << steps);
	return DNS_ACT_WAIT;
}

/* Ask for the chain's last name, from the first server on. */
static enum dns_act
ask_name(struct dns_query *q, uint64_t now)
{
	if (!dns_policy_may_ask(q->env->policy, dns_chain_last(&q->chain)))
		return finish_bare(q, DNS_POLICY);
	q->round = 0;
	q->tried = 0;
	q->useless = 0;
	q->failure = DNS_TIMEOUT;
	return next_server(q, now);
}

enum dns_act
dns_query_start(struct dns_query *q, const struct dns_query_env *env,
    const char *name, enum dns_type type, uint64_t now)
{
	memset(q, 0, sizeof(*q));
	q->env = env;
	q->packet.type = type;
	q->edns = true;
	q->deadline = now + DNS_QUERY_TIME;
	q->failure = DNS_SERVFAIL;
	if (dns_chain_init(&q->chain, name) == -1)
		return finish_bare(q, DNS_SERVFAIL);
	return ask_name(q, now);
}

void
dns_query_free(struct dns_query *q)
{
	drop_input(q);
	dns_answer_unref(q->answer);
	q->answer = NULL;
	q->state = DNS_Q_DONE;
}

struct dns_answer *
dns_query_take(struct dns_query *q)
{
	struct dns_answer *a = q->answer;

	q->answer = NULL;
	return a;
}

/* A fresh id and fresh letter cases for each packet. */
static int
make_packet(struct dns_query *q)
{
	uint8_t bits[DNS_CASE_BYTES];
	struct dns_query_spec spec = {
		.name = dns_chain_last(&q->chain),
		.type = q->packet.type,
		.case_bits = bits,
		.edns = q->edns,
		.dnssec_ok = false,
	};
	size_t prefix = q->tcp ? 2 : 0;

	q->env->random(&spec.id, sizeof(spec.id));
	q->env->random(bits, sizeof(bits));
	if (dns_packet_query(&q->packet, &spec) == -1)
		return -1;
	q->out[0] = (uint8_t)(q->packet.len >> 8);
	q->out[1] = (uint8_t)q->packet.len;
	memcpy(q->out + prefix, q->packet.wire, q->packet.len);
	q->out_len = prefix + q->packet.len;
	return 0;
}

enum dns_act
dns_query_socket(struct dns_query *q, uint64_t now)
{
	uint32_t wait;

	if (q->state != DNS_Q_SOCKET)
		return DNS_ACT_WAIT;
	if (make_packet(q) == -1)
		return finish_bare(q, DNS_SERVFAIL);
	wait = dns_health_timeout(q->env->health, q->server, q->round);
	if (q->tcp && wait < TCP_TIME)
		wait = TCP_TIME;
	q->packets++;
	q->tally.sent++;
	if (q->tcp)
		q->tally.tcp++;
	q->sent_at = now;
	q->state = DNS_Q_ASKED;
	set_timer(q, now, wait);
	return DNS_ACT_SEND;
}

/* The server spoke: it is alive, whatever it said. */
static void
note_alive(struct dns_query *q, uint64_t now)
{
	if (dns_health_answered(q->env->health, q->server, now,
		(uint32_t)(now - q->sent_at)))
		q->tally.came_up |= 1U << q->server;
}

static void
note_silent(struct dns_query *q, uint64_t now)
{
	if (dns_health_failed(q->env->health, q->server, now, q->sent_at))
		q->tally.went_down |= 1U << q->server;
}

/* This server's answer is no good and will not get better. */
static enum dns_act
give_up_server(struct dns_query *q, uint64_t now, enum dns_status why)
{
	q->useless |= 1U << q->server;
	/* "Refused" is said only when nobody had a better excuse. */
	if (why != DNS_REFUSED || q->failure == DNS_TIMEOUT)
		q->failure = why;
	return next_server(q, now);
}

/* Something wrong came back: by datagram it may be forged, so ask by stream. */
static enum dns_act
distrust(struct dns_query *q, uint64_t now)
{
	q->tally.mismatches++;
	if (q->tcp)
		return give_up_server(q, now, DNS_SERVFAIL);
	return want_socket(q, now, true);
}

static enum dns_act
accept_answer(struct dns_query *q, struct dns_answer *a)
{
	const struct dns_policy *policy = q->env->policy;
	size_t dropped;

	if (!dns_policy_may_follow(policy, &q->chain)) {
		dns_answer_unref(a);
		return finish_bare(q, DNS_POLICY);
	}
	a = dns_policy_filter(policy, a, &dropped);
	q->tally.dropped += (uint32_t)dropped;
	return finish(q, a);
}

static enum dns_act
judge(struct dns_query *q, uint64_t now, const uint8_t *msg, size_t len)
{
	struct dns_answer *a;
	enum dns_verdict v;

	v = dns_packet_parse(&q->packet, msg, len, q->tcp, &q->chain, &a);
	if (v != DNS_V_MISMATCH)
		note_alive(q, now);
	switch (v) {
	case DNS_V_ANSWER:
		return accept_answer(q, a);
	case DNS_V_CHASE:
		return ask_name(q, now);
	case DNS_V_TRUNCATED:
		return want_socket(q, now, true);
	case DNS_V_MISMATCH:
	case DNS_V_BROKEN:
		return distrust(q, now);
	case DNS_V_NO_EDNS:
		q->edns = false;
		return want_socket(q, now, q->tcp);
	case DNS_V_LAME:
	case DNS_V_SERVFAIL:
		return give_up_server(q, now, DNS_SERVFAIL);
	case DNS_V_REFUSED:
		return give_up_server(q, now, DNS_REFUSED);
	case DNS_V_LOOP:
		return finish_bare(q, DNS_LOOP);
	case DNS_V_NOMEM:
		break;
	}
	return finish(q, NULL);
}

enum dns_act
dns_query_datagram(struct dns_query *q, uint64_t now, const uint8_t *msg,
    size_t len)
{
	if (q->state != DNS_Q_ASKED || q->tcp)
		return DNS_ACT_WAIT;
	return judge(q, now, msg, len);
}

/* Move up to want bytes of *data to dst at q->in_len, counted from skip. */
static void
gather(struct dns_query *q, uint8_t *dst, size_t want, const uint8_t **data,
    size_t *len)
{
	size_t n = want - q->in_len;

	if (n > *len)
		n = *len;
	memcpy(dst + q->in_len, *data, n);
	q->in_len += n;
	*data += n;
	*len -= n;
}

enum dns_act
dns_query_stream(struct dns_query *q, uint64_t now, const uint8_t *data,
    size_t len)
{
	if (q->state != DNS_Q_ASKED || !q->tcp)
		return DNS_ACT_WAIT;
	if (q->in == NULL) {
		gather(q, q->in_prefix, sizeof(q->in_prefix), &data, &len);
		if (q->in_len < sizeof(q->in_prefix))
			return DNS_ACT_WAIT;
		q->in_want = (size_t)q->in_prefix[0] << 8 | q->in_prefix[1];
		if (q->in_want == 0 || q->in_want > DNS_TCP_MAX)
			return distrust(q, now);
		if ((q->in = malloc(q->in_want)) == NULL)
			return finish(q, NULL);
		q->in_len = 0;
	}
	gather(q, q->in, q->in_want, &data, &len);
	if (q->in_len < q->in_want)
		return DNS_ACT_WAIT;
	return judge(q, now, q->in, q->in_want);
}

enum dns_act
dns_query_no_socket(struct dns_query *q, uint64_t now, bool blame)
{
	if (q->state != DNS_Q_SOCKET)
		return DNS_ACT_WAIT;
	q->sent_at = now;
	if (blame)
		note_silent(q, now);
	return next_server(q, now);
}

enum dns_act
dns_query_error(struct dns_query *q, uint64_t now)
{
	if (q->state != DNS_Q_ASKED)
		return DNS_ACT_WAIT;
	note_silent(q, now);
	return next_server(q, now);
}

enum dns_act
dns_query_timer(struct dns_query *q, uint64_t now)
{
	if (q->state == DNS_Q_DONE || now < q->timer)
		return DNS_ACT_WAIT;
	switch (q->state) {
	case DNS_Q_ASKED:
		q->tally.timeouts++;
		note_silent(q, now);
		break;
	case DNS_Q_SOCKET:
	case DNS_Q_PAUSE:
	case DNS_Q_DONE:
		break;
	}
	return next_server(q, now);
}
