/* SPDX-License-Identifier: ISC */
/* link: common/dns.a common/base.a */
/* One question's way, as scripts of events and what has to follow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/dns/query.h"
#include "regress/unit/dns_wire.h"

#define NELEMS(a)  (sizeof(a) / sizeof((a)[0]))
#define STEPS_MAX  40
#define START_TIME 1000000

/*
 * Events: start NAME TYPE, socket, reply LINE (by datagram or stream, as
 * asked; see dns_wire.h), bytes HEX (raw, stream), error, none and refused (no
 * socket), timer (lets the time pass), early (a timer before its time), +MS.
 */
struct step {
	const char *event;
	const char *want;
};

struct script {
	const char *what;
	size_t servers;
	struct step steps[STEPS_MAX];
};

static struct dns_query query;
static struct dns_health health;
static struct dns_policy policy;
static struct wire wire;
static struct text text;
static uint64_t now;
static uint64_t seed;

static void
random_bytes(void *buf, size_t len)
{
	uint8_t *p = buf;

	while (len-- > 0) {
		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		*p++ = (uint8_t)(seed >> 56);
	}
}

static const struct dns_query_env env = { &health, &policy, random_bytes };

static const char *
describe(enum dns_act act)
{
	switch (act) {
	case DNS_ACT_WAIT:
		return "wait";
	case DNS_ACT_SEND:
		return "send";
	case DNS_ACT_SOCKET:
		text.n = 0;
		text_add(&text, "%s %zu", query.tcp ? "tcp" : "udp",
		    query.server);
		return text.s;
	case DNS_ACT_DONE:
		break;
	}
	assert_non_null(query.answer);
	text_answer(&text, query.answer);
	return text.s;
}

static enum dns_act
start(const char *words)
{
	char *copy = strdup(words), *save, *name = strtok_r(copy, " ", &save);
	enum dns_act act;

	act = dns_query_start(&query, &env, name,
	    wire_type(strtok_r(NULL, " ", &save)), now);
	free(copy);
	return act;
}

static enum dns_act
reply(const char *line)
{
	uint8_t prefix[2];
	enum dns_act act;

	wire_reply(&wire, &query.packet, line);
	if (!query.tcp)
		return dns_query_datagram(&query, now, wire.b, wire.n);
	prefix[0] = (uint8_t)(wire.n >> 8);
	prefix[1] = (uint8_t)wire.n;
	act = dns_query_stream(&query, now, prefix, 1);
	assert_int_equal(act, DNS_ACT_WAIT);
	act = dns_query_stream(&query, now, prefix + 1, 1);
	assert_int_equal(act, DNS_ACT_WAIT);
	return dns_query_stream(&query, now, wire.b, wire.n);
}

static enum dns_act
play(const char *event)
{
	if (strncmp(event, "start ", 6) == 0)
		return start(event + 6);
	if (strcmp(event, "socket") == 0)
		return dns_query_socket(&query, now);
	if (strncmp(event, "reply", 5) == 0)
		return reply(event + 5);
	if (strncmp(event, "bytes ", 6) == 0) {
		wire.n = 0;
		wire_hex(&wire, event + 6);
		return dns_query_stream(&query, now, wire.b, wire.n);
	}
	if (strcmp(event, "error") == 0)
		return dns_query_error(&query, now);
	if (strcmp(event, "none") == 0)
		return dns_query_no_socket(&query, now, false);
	if (strcmp(event, "refused") == 0)
		return dns_query_no_socket(&query, now, true);
	if (strcmp(event, "early") == 0)
		return dns_query_timer(&query, query.timer - 1);
	if (strcmp(event, "timer") == 0) {
		assert_true(query.timer >= now);
		now = query.timer;
		return dns_query_timer(&query, now);
	}
	assert_int_equal(event[0], '+');
	now += strtoul(event + 1, NULL, 10);
	return DNS_ACT_WAIT;
}

#define GOOD	 "an h.example 300 A 192.0.2.1"
#define GOOD_ANS "ok 300 h.example A 192.0.2.1"

static const struct script scripts[] = {
	{ "the usual", 2,
	    { { "start h.example A", "udp 0" }, { "socket", "send" },
		{ "reply" GOOD, GOOD_ANS } } },
	{ "lost once", 2,
	    { { "start h.example A", "udp 0" }, { "socket", "send" },
		{ "early", "wait" }, { "timer", "udp 1" }, { "socket", "send" },
		{ "reply" GOOD, GOOD_ANS } } },
	{ "one server, lost twice", 1,
	    { { "start h.example A", "udp 0" }, { "socket", "send" },
		{ "timer", "wait" }, { "timer", "udp 0" }, { "socket", "send" },
		{ "timer", "wait" }, { "timer", "udp 0" }, { "socket", "send" },
		{ "reply" GOOD, GOOD_ANS } } },
	{ "refused at once, all of them, then well again", 2,
	    { { "start h.example A", "udp 0" }, { "socket", "send" },
		{ "error", "udp 1" }, { "socket", "send" }, { "error", "wait" },
		{ "early", "wait" }, { "timer", "udp 0" }, { "socket", "send" },
		{ "reply" GOOD, GOOD_ANS } } },
	{ "no socket to be had", 2,
	    { { "start h.example A", "udp 0" }, { "none", "udp 1" },
		{ "socket", "send" }, { "reply" GOOD, GOOD_ANS } } },
	{ "connd is silent", 2,
	    { { "start h.example A", "udp 0" }, { "timer", "udp 1" },
		{ "socket", "send" }, { "reply" GOOD, GOOD_ANS } } },

	/* failover by content */
	{ "SERVFAIL", 2,
	    { { "start h.example A", "udp 0" }, { "socket", "send" },
		{ "replyflags=8182", "udp 1" }, { "socket", "send" },
		{ "reply" GOOD, GOOD_ANS } } },
	{ "REFUSED", 2,
	    { { "start h.example A", "udp 0" }, { "socket", "send" },
		{ "replyflags=8185", "udp 1" }, { "socket", "send" },
		{ "reply" GOOD, GOOD_ANS } } },
	{ "lame", 2,
	    { { "start h.example A", "udp 0" }, { "socket", "send" },
		{ "replyflags=8000 | au . 9 NS a.root", "udp 1" },
		{ "socket", "send" }, { "reply" GOOD, GOOD_ANS } } },
	{ "all SERVFAIL", 2,
	    { { "start h.example A", "udp 0" }, { "socket", "send" },
		{ "replyflags=8182", "udp 1" }, { "socket", "send" },
		{ "replyflags=8182", "servfail 0 h.example" } } },
	{ "all refuse", 2,
	    { { "start h.example A", "udp 0" }, { "socket", "send" },
		{ "replyflags=8185", "udp 1" }, { "socket", "send" },
		{ "replyflags=8185", "refused 0 h.example" } } },
	{ "one refuses, one fails", 2,
	    { { "start h.example A", "udp 0" }, { "socket", "send" },
		{ "replyflags=8182", "udp 1" }, { "socket", "send" },
		{ "replyflags=8185", "servfail 0 h.example" } } },
	{ "NXDOMAIN is an answer", 2,
	    { { "start no.example A", "udp 0" }, { "socket", "send" },
		{ "replyflags=8183 | au example 60 SOA 60",
		    "nxdomain 60 no.example" } } },
	{ "one fails, the other was slow: a second try for it", 2,
	    { { "start h.example A", "udp 0" }, { "socket", "send" },
		{ "timer", "udp 1" }, { "socket", "send" },
		{ "replyflags=8182", "wait" }, { "timer", "udp 0" },
		{ "socket", "send" }, { "reply" GOOD, GOOD_ANS } } },
	{ "and no third", 2,
	    { { "start h.example A", "udp 0" }, { "socket", "send" },
		{ "timer", "udp 1" }, { "socket", "send" },
		{ "replyflags=8182", "wait" }, { "timer", "udp 0" },
		{ "socket", "send" }, { "timer", "servfail 0 h.example" } } },

	/* TCP */
	{ "truncated", 2,
	    { { "start h.example A", "udp 0" }, { "socket", "send" },
		{ "replyflags=8380", "tcp 0" }, { "socket", "send" },
		{ "reply" GOOD, GOOD_ANS } } },
	{ "forged id", 2,
	    { { "start h.example A", "udp 0" }, { "socket", "send" },
		{ "replyid | an h.example 300 A 192.0.2.66", "tcp 0" },
		{ "socket", "send" }, { "reply" GOOD, GOOD_ANS } } },
	{ "letters folded", 2,
	    { { "start h.example A", "udp 0" }, { "socket", "send" },
		{ "replyfold | " GOOD, "tcp 0" }, { "socket", "send" },
		{ "replyfold | " GOOD, GOOD_ANS } } },
	{ "another question", 2,
	    { { "start h.example A", "udp 0" }, { "socket", "send" },
		{ "replyq=evil.example | " GOOD, "tcp 0" },
		{ "socket", "send" }, { "reply" GOOD, GOOD_ANS } } },
	{ "broken datagram", 2,
	    { { "start h.example A", "udp 0" }, { "socket", "send" },
		{ "replyan=2 | " GOOD, "tcp 0" }, { "socket", "send" },
		{ "reply" GOOD, GOOD_ANS } } },
	{ "TCP says TC", 2,
	    { { "start h.example A", "udp 0" }, { "socket", "send" },
		{ "replyflags=8380", "tcp 0" }, { "socket", "send" },
		{ "replyflags=8380", "udp 1" }, { "socket", "send" },
		{ "reply" GOOD, GOOD_ANS } } },
	{ "TCP mismatch", 1,
	    { { "start h.example A", "udp 0" }, { "socket", "send" },
		{ "replyflags=8380", "tcp 0" }, { "socket", "send" },
		{ "replyid", "servfail 0 h.example" } } },
	{ "TCP refused", 2,
	    { { "start h.example A", "udp 0" }, { "socket", "send" },
		{ "replyflags=8380", "tcp 0" }, { "refused", "udp 1" },
		{ "socket", "send" }, { "reply" GOOD, GOOD_ANS } } },
	{ "TCP closed in the middle", 2,
	    { { "start h.example A", "udp 0" }, { "socket", "send" },
		{ "replyflags=8380", "tcp 0" }, { "socket", "send" },
		{ "bytes 00401234", "wait" }, { "error", "udp 1" },
		{ "socket", "send" }, { "reply" GOOD, GOOD_ANS } } },
	{ "TCP drips", 2,
	    { { "start h.example A", "udp 0" }, { "socket", "send" },
		{ "replyflags=8380", "tcp 0" }, { "socket", "send" },
		{ "bytes 00", "wait" }, { "bytes 40", "wait" },
		{ "bytes 12", "wait" }, { "timer", "udp 1" },
		{ "socket", "send" }, { "reply" GOOD, GOOD_ANS } } },
	{ "64 KiB announced", 1,
	    { { "start h.example A", "udp 0" }, { "socket", "send" },
		{ "replyflags=8380", "tcp 0" }, { "socket", "send" },
		{ "bytes ffff00", "servfail 0 h.example" } } },
	{ "an empty message", 1,
	    { { "start h.example A", "udp 0" }, { "socket", "send" },
		{ "replyflags=8380", "tcp 0" }, { "socket", "send" },
		{ "bytes 0000", "servfail 0 h.example" } } },
	{ "a message of one byte", 1,
	    { { "start h.example A", "udp 0" }, { "socket", "send" },
		{ "replyflags=8380", "tcp 0" }, { "socket", "send" },
		{ "bytes 000100", "servfail 0 h.example" } } },

	/* EDNS */
	{ "no EDNS there", 1,
	    { { "start h.example A", "udp 0" }, { "socket", "send" },
		{ "replyflags=8181", "udp 0" }, { "socket", "send" },
		{ "reply" GOOD, GOOD_ANS } } },
	{ "no EDNS, header only", 1,
	    { { "start h.example A", "udp 0" }, { "socket", "send" },
		{ "replyflags=8184 | noq", "udp 0" }, { "socket", "send" },
		{ "reply" GOOD, GOOD_ANS } } },
	{ "FORMERR whatever one does", 1,
	    { { "start h.example A", "udp 0" }, { "socket", "send" },
		{ "replyflags=8181", "udp 0" }, { "socket", "send" },
		{ "replyflags=8181", "servfail 0 h.example" } } },
	{ "no EDNS over TCP", 1,
	    { { "start h.example A", "udp 0" }, { "socket", "send" },
		{ "replyflags=8380", "tcp 0" }, { "socket", "send" },
		{ "replyflags=8181", "tcp 0" }, { "socket", "send" },
		{ "reply" GOOD, GOOD_ANS } } },

	/* CNAMEs */
	{ "followed over two answers", 2,
	    { { "start w.example A", "udp 0" }, { "socket", "send" },
		{ "replyan @12 60 CNAME h.example", "udp 0" },
		{ "socket", "send" },
		{ "reply" GOOD, "ok 60 h.example A 192.0.2.1" } } },
	{ "in a circle over two answers", 2,
	    { { "start w.example A", "udp 0" }, { "socket", "send" },
		{ "replyan @12 60 CNAME h.example", "udp 0" },
		{ "socket", "send" },
		{ "replyan @12 60 CNAME w.example", "loop 0 h.example" } } },
	{ "a server that failed one name may know the next", 2,
	    { { "start w.example A", "udp 0" }, { "socket", "send" },
		{ "replyflags=8182", "udp 1" }, { "socket", "send" },
		{ "replyan @12 60 CNAME h.example", "udp 0" },
		{ "socket", "send" },
		{ "reply" GOOD, "ok 60 h.example A 192.0.2.1" } } },

	/* policy */
	{ "an inside name", 2,
	    { { "start mail.corp.example A", "policy 0 mail.corp.example" } } },
	{ "CNAME to an inside name, to be asked", 2,
	    { { "start w.example A", "udp 0" }, { "socket", "send" },
		{ "replyan @12 60 CNAME mail.corp.example",
		    "policy 0 mail.corp.example" } } },
	{ "CNAME to an inside name, with an address", 2,
	    { { "start w.example A", "udp 0" }, { "socket", "send" },
		{ "replyan @12 60 CNAME mail.corp.example"
		  " | an mail.corp.example 60 A 192.0.2.1",
		    "policy 0 mail.corp.example" } } },
	{ "inside address", 2,
	    { { "start h.example A", "udp 0" }, { "socket", "send" },
		{ "replyan @12 60 A 10.1.1.1 | an @12 60 A 192.0.2.1",
		    "ok 60 h.example A 192.0.2.1" } } },
	{ "loopback only", 2,
	    { { "start h.example A", "udp 0" }, { "socket", "send" },
		{ "replyan @12 60 A 127.0.0.1", "nodata 60 h.example" } } },

	/* events that do not belong */
	{ "stray events", 2,
	    { { "start h.example A", "udp 0" }, { "bytes 00", "wait" },
		{ "socket", "send" }, { "socket", "wait" },
		{ "bytes 0000", "wait" }, { "reply" GOOD, GOOD_ANS } } },
	{ "no servers", 0, { { "start h.example A", "timeout 0 h.example" } } },
};

static void
run_script(const struct script *s)
{
	const char *got;
	size_t i;

	now = START_TIME;
	dns_health_init(&health, s->servers);
	for (i = 0; i < STEPS_MAX && s->steps[i].event != NULL; i++) {
		got = describe(play(s->steps[i].event));
		if (strcmp(got, s->steps[i].want) != 0)
			fail_msg("%s, step %zu (%s): '%s' instead of '%s'",
			    s->what, i + 1, s->steps[i].event, got,
			    s->steps[i].want);
	}
	/* Each script ends with an answer, and takes no further event. */
	if (query.state != DNS_Q_DONE)
		fail_msg("%s does not end", s->what);
	assert_int_equal(dns_query_timer(&query, now + 100000), DNS_ACT_WAIT);
	assert_int_equal(dns_query_error(&query, now), DNS_ACT_WAIT);
	assert_int_equal(dns_query_socket(&query, now), DNS_ACT_WAIT);
	assert_true(now <= START_TIME + DNS_QUERY_TIME);
	dns_query_free(&query);
}

static void
test_scripts(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < NELEMS(scripts); i++)
		run_script(&scripts[i]);
}

/* No id or letter case is used twice. */
static void
test_fresh_secrets(void **state)
{
	struct dns_query_packet first;

	(void)state;
	now = START_TIME;
	dns_health_init(&health, 2);
	(void)start("a-long-enough-name.example A");
	(void)dns_query_socket(&query, now);
	first = query.packet;
	assert_int_equal(query.out_len, first.len);
	assert_memory_equal(query.out, first.wire, first.len);
	(void)reply("id");
	assert_true(query.tcp);
	(void)dns_query_socket(&query, now);
	assert_int_equal(query.out_len, first.len + 2);
	assert_int_equal(query.out[0] << 8 | query.out[1], first.len);
	assert_memory_equal(query.out + 2, query.packet.wire, first.len);
	assert_memory_not_equal(first.wire, query.packet.wire, 2);
	assert_memory_not_equal(first.wire + 12, query.packet.wire + 12, 20);
	assert_int_equal(query.tally.mismatches, 1);
	assert_int_equal(query.tally.sent, 2);
	assert_int_equal(query.tally.tcp, 1);
	dns_query_free(&query);
}

/* Nobody answers: how long, how often, and who is down afterwards. */
static void
test_silence(void **state)
{
	enum dns_act act;
	unsigned sent = 0;

	(void)state;
	now = START_TIME;
	dns_health_init(&health, 2);
	act = start("h.example A");
	while (act != DNS_ACT_DONE) {
		if (act == DNS_ACT_SOCKET) {
			act = dns_query_socket(&query, now);
			assert_int_equal(act, DNS_ACT_SEND);
			sent++;
		}
		act = play("timer");
	}
	assert_string_equal(describe(act), "timeout 0 h.example");
	assert_int_equal(now, START_TIME + DNS_QUERY_TIME);
	assert_in_range(sent, 4, 8);
	assert_int_equal(query.tally.timeouts, sent);
	dns_query_free(&query);
}

/* A server is told down once, and skipped by the next question. */
static void
test_down(void **state)
{
	uint32_t went = 0;
	unsigned i;

	(void)state;
	now = START_TIME;
	dns_health_init(&health, 2);
	for (i = 0; i < 3; i++) {
		assert_string_equal(describe(start("h.example A")), "udp 0");
		(void)play("socket");
		assert_string_equal(describe(play("timer")), "udp 1");
		(void)play("socket");
		assert_string_equal(describe(play("reply" GOOD)), GOOD_ANS);
		went |= query.tally.went_down;
		assert_int_equal(went, i == 2 ? 1 : 0);
		dns_query_free(&query);
	}
	assert_string_equal(describe(start("h.example A")), "udp 1");
	dns_query_free(&query);
	/* after a while one question finds out that it is back */
	now += 60000;
	assert_string_equal(describe(start("h.example A")), "udp 0");
	(void)play("socket");
	assert_string_equal(describe(play("reply" GOOD)), GOOD_ANS);
	assert_int_equal(query.tally.came_up, 1);
	dns_query_free(&query);
}

/*
 * The worst server: whatever it says, in any order, a question ends within
 * its time and its budget.
 */
static void
test_any_peer(void **state)
{
	static const char *const events[] = { "socket", "error", "none",
		"refused", "timer", ("reply" GOOD), "replyflags=8182",
		"replyflags=8185", "replyflags=8181", "replyflags=8380",
		"replyid", "+1", "replyan @12 60 CNAME a.example",
		"replyan @12 60 CNAME b.example",
		"replyan @12 60 CNAME c.example",
		"replyan @12 60 CNAME d.example", "replyfold",
		"replyflags=8000", "bytes 0001", "bytes 00", "early" };
	unsigned run, step;
	uint8_t pick;
	enum dns_act act;

	(void)state;
	for (run = 0; run < 3000; run++) {
		uint64_t begin = now;

		seed = run * 7919 + 1;
		if (run % 10 == 0)
			dns_health_init(&health, 1 + run / 10 % 3);
		act = start("w.example A");
		for (step = 0; act != DNS_ACT_DONE; step++) {
			const char *e;

			assert_true(step < 2000);
			random_bytes(&pick, 1);
			e = events[pick % NELEMS(events)];
			/* Replies only where there can be one. */
			if (query.state != DNS_Q_ASKED &&
			    strncmp(e, "reply", 5) == 0)
				continue;
			if ((query.in_len > 0 || query.in != NULL) &&
			    strncmp(e, "reply", 5) == 0)
				continue;
			act = play(e);
			if (query.timer < now && act != DNS_ACT_DONE)
				act = dns_query_timer(&query, now);
		}
		assert_true(query.packets <= DNS_QUERY_PACKETS);
		assert_true(query.chain.n <= DNS_CHAIN_MAX + 1);
		assert_true(now <= begin + DNS_QUERY_TIME + 1);
		dns_query_free(&query);
		now++;
	}
}

/* A stream may come in any pieces. */
static void
test_stream_pieces(void **state)
{
	size_t piece, off, n;
	enum dns_act act;

	(void)state;
	now = START_TIME;
	dns_health_init(&health, 1);
	for (piece = 1; piece < 80; piece++) {
		uint8_t stream[512];

		(void)start("h.example A");
		(void)play("socket");
		(void)play("replyflags=8380");
		(void)play("socket");
		wire_reply(&wire, &query.packet, GOOD);
		stream[0] = 0;
		stream[1] = (uint8_t)wire.n;
		memcpy(stream + 2, wire.b, wire.n);
		memset(stream + 2 + wire.n, 0xee, 3); /* and some more */
		for (off = 0;; off += n) {
			n = wire.n + 5 - off;
			if (n > piece)
				n = piece;
			act = dns_query_stream(&query, now, stream + off, n);
			if (off + n >= wire.n + 2)
				break;
			assert_int_equal(act, DNS_ACT_WAIT);
		}
		assert_string_equal(describe(act), GOOD_ANS);
		dns_query_free(&query);
	}
}

/* Answers taken away are the taker's; a question can be dropped anywhere. */
static void
test_ownership(void **state)
{
	struct dns_answer *a;

	(void)state;
	now = START_TIME;
	dns_health_init(&health, 1);
	(void)start("h.example A");
	(void)play("socket");
	(void)play("reply" GOOD);
	a = dns_query_take(&query);
	assert_non_null(a);
	dns_query_free(&query);
	assert_int_equal(a->refs, 1);
	dns_answer_unref(a);
	(void)start("h.example A");
	(void)play("socket");
	(void)play("replyflags=8380");
	(void)play("socket");
	(void)play("bytes 0040123456");
	dns_query_free(&query);
}

static int
setup(void **state)
{
	struct netset inside = { NULL, 0 };
	struct netprefix p;

	(void)state;
	dns_policy_init(&policy, DNS_ASK_ALL_BUT);
	if (netprefix_parse(&p, "10.0.0.0/8") == -1 ||
	    netset_add(&inside, &p) == -1 ||
	    dns_policy_inside(&policy, &inside) == -1 ||
	    dns_policy_zone(&policy, "mail.corp.example") == -1)
		return -1;
	netset_free(&inside);
	dns_policy_seal(&policy);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	dns_policy_free(&policy);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scripts),
		cmocka_unit_test(test_fresh_secrets),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_down),
		cmocka_unit_test(test_any_peer),
		cmocka_unit_test(test_stream_pieces),
		cmocka_unit_test(test_ownership),
	};

	return cmocka_run_group_tests_name("dns_query", tests, setup, teardown);
}
