/* SPDX-License-Identifier: ISC */
/* link: common/dns.a common/msg.a common/base.a */
/* The daemon's body among peers that dns_daemon.h plays. */
#include <sys/resource.h>

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/msg/in_dns.h"
#include "regress/unit/dns_daemon.h"

static int
policy(struct dns_policy *p, const struct conf *c)
{
	(void)c;
	return dns_policy_zone(p, "corp.example");
}

static const struct dnsd_side side = { SIDE_EXT, DNS_ASK_ALL_BUT, policy };

static int
setup(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < FAR_MAX; i++)
		far_ends[i].io.fd = -1;
	handed_out = udp_queries = tcp_queries = open_now = open_most = 0;
	cancels = violations = answers = 0;
	conn_silent = conn_refuses = exited = false;
	memset(by_server, 0, sizeof(by_server));
	udp_reply = "an @12 300 A 192.0.2.1";
	tcp_reply = "an @12 300 A 192.0.2.2";
	ev = ev_new();
	assert_non_null(ev);
	ev_hook(ev, hook, NULL);
	ev_timer_init(&patience, on_patience, NULL);
	memset(&conf, 0, sizeof(conf));
	conf.generation = GENERATION;
	conf.side[SIDE_EXT].ndns = 2;
	assert_int_equal(netaddr_parse(&conf.side[SIDE_EXT].dns[0],
			     "192.0.2.53"),
	    0);
	assert_int_equal(netaddr_parse(&conf.side[SIDE_EXT].dns[1],
			     "192.0.2.54"),
	    0);
	dnsd = dnsd_new(&side);
	conn = join(PROC_CONND, 0, conn_msgs, 2);
	for (i = 0; i < ASKERS; i++)
		asker[i] = join(PROC_SMTPD_OUT, i, asker_msgs, 1);
	dnsd_on_conf(NULL, &conf);
	return 0;
}

static int
teardown(void **state)
{
	size_t i;

	(void)state;
	dnsd_free(dnsd);
	settle();
	for (i = 0; i < FAR_MAX; i++)
		if (far_ends[i].io.fd != -1)
			far_close(&far_ends[i]);
	for (i = 0; i < ASKERS; i++) {
		chan_free(asker[i]);
		asker[i] = NULL;
	}
	chan_free(conn);
	conn = NULL;
	ev_free(ev);
	return 0;
}

static void
expect(size_t who, uint32_t id, enum sd_status status, const char *addr)
{
	struct asked *a = &asked[who][id];
	char buf[NETADDR_STRLEN];

	assert_true(a->answered);
	assert_int_equal(a->m.status, status);
	assert_int_equal(a->m.security, SD_INSECURE);
	if (addr != NULL)
		assert_string_equal(netaddr_ntop(&a->first.addr, buf,
					sizeof(buf)),
		    addr);
}

static void
test_ask_and_cache(void **state)
{
	(void)state;
	ask(0, 1, "Host.Example.", SD_A, 5000);
	run_answers(1);
	expect(0, 1, SD_OK, "192.0.2.1");
	assert_int_equal(asked[0][1].m.ttl, 300);
	assert_int_equal(asked[0][1].m.n, 1);
	ask(1, 2, "host.example", SD_A, 5000);
	run_answers(1);
	expect(1, 2, SD_OK, "192.0.2.1");
	assert_int_equal(handed_out, 1);
	/* the socket is closed with its answer */
	settle();
	assert_int_equal(open_now, 0);
	assert_int_equal(cancels, 0);
}

static void
test_types(void **state)
{
	(void)state;
	udp_reply = "an @12 300 MX 0 .";
	ask(0, 1, "example", SD_MX, 5000);
	run_answers(1);
	expect(0, 1, SD_OK, NULL);
	assert_string_equal(asked[0][1].first.name, "");
	udp_reply = "an @12 300 MX 10 MX.example | an @12 300 MX 5 b.example";
	ask(0, 2, "two.example", SD_MX, 5000);
	run_answers(1);
	assert_int_equal(asked[0][2].m.n, 2);
	assert_int_equal(asked[0][2].first.preference, 10);
	assert_string_equal(asked[0][2].first.name, "mx.example");
	udp_reply = "an @12 300 AAAA 2001:db8::1";
	ask(0, 3, "six.example", SD_AAAA, 5000);
	run_answers(1);
	expect(0, 3, SD_OK, "2001:db8::1");
	udp_reply = "an @12 300 TLSA x:030101abcdef";
	ask(0, 4, "_25._tcp.mx.example", SD_TLSA, 5000);
	run_answers(1);
	assert_int_equal(asked[0][4].first.len, 6);
	assert_memory_equal(asked[0][4].first.data, "\3\1\1\xab\xcd\xef", 6);
	udp_reply = "flags=8183 | au example 60 SOA 60";
	ask(0, 5, "no.example", SD_A, 5000);
	run_answers(1);
	expect(0, 5, SD_NXDOMAIN, NULL);
	assert_int_equal(asked[0][5].m.ttl, 60);
	udp_reply = "au example 60 SOA 60";
	ask(0, 6, "none.example", SD_AAAA, 5000);
	run_answers(1);
	expect(0, 6, SD_NODATA, NULL);
	udp_reply = "flags=8182";
	ask(0, 7, "bad.example", SD_A, 5000);
	run_answers(1);
	expect(0, 7, SD_TEMP, NULL);
}

static void
test_one_question_for_many(void **state)
{
	(void)state;
	udp_reply = NULL;
	ask(0, 1, "host.example", SD_A, 9000);
	ask(1, 1, "HOST.example", SD_A, 9000);
	ask(1, 2, "host.example", SD_A, 9000);
	ask(2, 1, "host.example", SD_AAAA, 9000);
	settle();
	assert_int_equal(handed_out, 2); /* A and AAAA */
	udp_reply = "an @12 300 A 192.0.2.1";
	/* after its time the next server is asked; it knows the A only */
	run_answers(4);
	expect(0, 1, SD_OK, "192.0.2.1");
	expect(1, 1, SD_OK, "192.0.2.1");
	expect(1, 2, SD_OK, "192.0.2.1");
	expect(2, 1, SD_NODATA, NULL);
	assert_true(by_server[1] >= 1);
}

static void
test_mismatch_goes_tcp(void **state)
{
	(void)state;
	udp_reply = "id | an @12 300 A 192.0.2.66";
	ask(0, 1, "host.example", SD_A, 5000);
	run_answers(1);
	expect(0, 1, SD_OK, "192.0.2.2");
	assert_int_equal(udp_queries, 1);
	assert_int_equal(tcp_queries, 1);
	settle();
	assert_int_equal(open_now, 0);
}

static void
test_policy(void **state)
{
	(void)state;
	ask(0, 1, "mail.corp.example", SD_A, 5000);
	ask(0, 2, "localhost", SD_A, 5000);
	ask(0, 3, "not a name", SD_A, 5000);
	run_answers(3);
	expect(0, 1, SD_DENIED, NULL);
	expect(0, 2, SD_DENIED, NULL);
	expect(0, 3, SD_NXDOMAIN, NULL);
	assert_int_equal(handed_out, 0);
	/* loopback in an answer */
	udp_reply = "an @12 300 A 127.0.0.1";
	ask(0, 4, "evil.example", SD_A, 5000);
	run_answers(1);
	expect(0, 4, SD_NODATA, NULL);
	/* and by a CNAME to the inside */
	udp_reply = "an @12 300 CNAME mail.corp.example";
	ask(0, 5, "alias.example", SD_A, 5000);
	run_answers(1);
	expect(0, 5, SD_DENIED, NULL);
	assert_int_equal(handed_out, 2);
}

static void
test_deadline(void **state)
{
	(void)state;
	udp_reply = NULL;
	ask(0, 1, "slow.example", SD_A, 100);
	ask(1, 1, "slow.example", SD_A, 9000);
	run_answers(1);
	expect(0, 1, SD_TEMP, NULL);
	assert_false(asked[1][1].answered);
	udp_reply = "an @12 300 A 192.0.2.1";
	run_answers(1);
	expect(1, 1, SD_OK, "192.0.2.1");
}

/* connd dies with our request, and another takes its place. */
static void
test_connd_replaced(void **state)
{
	struct chan *old;

	(void)state;
	conn_silent = true;
	ask(0, 1, "host.example", SD_A, 5000);
	settle();
	old = conn;
	conn = NULL;
	chan_free(old);
	settle();
	conn_silent = false;
	conn = join(PROC_CONND, 0, conn_msgs, 2);
	run_answers(1);
	expect(0, 1, SD_OK, "192.0.2.1");
	assert_int_equal(violations, 0);
	/* and while nothing is under way, or a socket is already here */
	udp_reply = NULL;
	ask(0, 2, "b.example", SD_A, 5000);
	settle();
	chan_free(conn);
	conn = join(PROC_CONND, 0, conn_msgs, 2);
	udp_reply = "an @12 300 A 192.0.2.1";
	run_answers(1);
	expect(0, 2, SD_OK, "192.0.2.1");
}

static void
test_no_sockets(void **state)
{
	(void)state;
	conn_refuses = true;
	ask(0, 1, "host.example", SD_A, 800);
	run_answers(1);
	expect(0, 1, SD_TEMP, NULL);
	conn_refuses = false;
	ask(0, 2, "host.example", SD_A, 5000);
	run_answers(1);
	expect(0, 2, SD_OK, "192.0.2.1");
}

static void
test_reload(void **state)
{
	(void)state;
	ask(0, 1, "kept.example", SD_A, 5000);
	run_answers(1);
	udp_reply = NULL;
	ask(0, 2, "host.example", SD_A, 5000);
	settle();
	assert_int_equal(handed_out, 2);
	/* another list of servers: asked anew, nothing lost */
	conf.generation++;
	conf.side[SIDE_EXT].ndns = 1;
	udp_reply = "an @12 300 A 192.0.2.9";
	dnsd_on_conf(NULL, &conf);
	run_answers(1);
	expect(0, 2, SD_OK, "192.0.2.9");
	assert_int_equal(handed_out, 3);
	/* and what was known under the old one is forgotten */
	ask(0, 3, "kept.example", SD_A, 5000);
	run_answers(1);
	expect(0, 3, SD_OK, "192.0.2.9");
	settle();
	assert_int_equal(open_now, 0);
}

/* A worker that dies takes its questions along, and no one else's. */
static void
test_asker_lost(void **state)
{
	(void)state;
	udp_reply = NULL;
	ask(0, 1, "host.example", SD_A, 5000);
	ask(1, 1, "host.example", SD_A, 5000);
	settle();
	chan_free(asker[0]);
	asker[0] = NULL;
	settle();
	udp_reply = "an @12 300 A 192.0.2.1";
	run_answers(1);
	expect(1, 1, SD_OK, "192.0.2.1");
	asker[0] = join(PROC_SMTPD_OUT, 0, asker_msgs, 1);
	ask(0, 2, "host.example", SD_A, 5000);
	run_answers(1);
	expect(0, 2, SD_OK, "192.0.2.1");
	assert_int_equal(violations, 0);
}

static void
test_violations(void **state)
{
	static const uint8_t bad_type[] = { 0, 99, 0, 0, 0x10, 0, 0, 1, 'a' };
	struct ibuf b;

	(void)state;
	ibuf_from(&b, bad_type, sizeof(bad_type));
	assert_int_equal(chan_send(asker[0], SD_REQ_QUERY, 1, &b, -1), 0);
	settle();
	assert_int_equal(violations, 1);
	assert_null(asker[0]);
	/* "ok" without a socket */
	conn_silent = true;
	ask(1, 1, "host.example", SD_A, 5000);
	settle();
	conn_answer(1, OC_OK, -1);
	settle();
	assert_int_equal(violations, 2);
	assert_null(conn);
	/* a socket with "refused" */
	conn = join(PROC_CONND, 0, conn_msgs, 2);
	conn_answer(1, OC_REFUSED, open("/dev/null", O_RDONLY | O_CLOEXEC));
	settle();
	assert_int_equal(violations, 3);
	/* a socket that nobody asked for is closed, and no more */
	conn = join(PROC_CONND, 0, conn_msgs, 2);
	conn_answer(12345, OC_OK, open("/dev/null", O_RDONLY | O_CLOEXEC));
	settle();
	assert_int_equal(violations, 3);
	assert_non_null(conn);
	/* Everybody else is served. */
	conn_silent = false;
	run_answers(1);
	expect(1, 1, SD_OK, "192.0.2.1");
}

static unsigned
open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	(void)closedir(dir);
	return n;
}

static bool
is_full(void)
{
	return udp_queries >= DNSD_ACTIVE;
}

/* Far more at once than may be on the wire; none is lost. */
static void
test_flood(void **state)
{
	unsigned before, i, n = 900;
	char name[64];

	(void)state;
	settle();
	before = open_descriptors();
	udp_reply = NULL;
	for (i = 0; i < n; i++) {
		(void)snprintf(name, sizeof(name), "n%u.example", i);
		ask(i % ASKERS, i, name, SD_A, 60000);
	}
	until = is_full;
	run();
	settle();
	assert_int_equal(open_most, DNSD_ACTIVE);
	assert_int_equal(udp_queries, DNSD_ACTIVE);
	/* what is cached or denied is answered meanwhile */
	ask(0, 1000, "corp.example", SD_A, 5000);
	run_answers(1);
	udp_reply = "an @12 300 A 192.0.2.1";
	run_answers(n);
	for (i = 0; i < n; i++)
		expect(i % ASKERS, i, SD_OK, "192.0.2.1");
	settle();
	assert_int_equal(open_now, 0);
	assert_int_equal(open_descriptors(), before);
}

static bool
has_its_share(void)
{
	return udp_queries >= DNSD_SHARE;
}

/* One asker with too much in hand is read no further until it has less. */
static void
test_one_asker_floods(void **state)
{
	unsigned i;
	char name[64];

	(void)state;
	udp_reply = NULL;
	for (i = 0; i < 3000; i++) {
		(void)snprintf(name, sizeof(name), "n%u.example", i);
		ask(0, i, name, SD_A, 60000);
	}
	until = has_its_share;
	run();
	settle();
	/* another's are not behind them, though no server answers those */
	assert_int_equal(udp_queries, DNSD_SHARE);
	udp_reply = "an @12 300 A 192.0.2.1";
	ask(1, 1, "other.example", SD_A, 60000);
	run_answers(1);
	expect(1, 1, SD_OK, "192.0.2.1");
	run_answers(3000);
	for (i = 0; i < 3000; i++)
		expect(0, i, SD_OK, "192.0.2.1");
}

static bool
has_exited(void)
{
	return exited;
}

static void
test_drain(void **state)
{
	(void)state;
	udp_reply = NULL;
	ask(0, 1, "host.example", SD_A, 5000);
	settle();
	dnsd_on_drain(NULL);
	settle();
	assert_false(exited);
	ask(1, 1, "new.example", SD_A, 300); /* not read any more */
	udp_reply = "an @12 300 A 192.0.2.1";
	until = has_exited;
	run();
	settle();
	expect(0, 1, SD_OK, "192.0.2.1");
	assert_false(asked[1][1].answered);
}

static void
test_drain_idle(void **state)
{
	(void)state;
	dnsd_on_drain(NULL);
	assert_true(exited);
}

/* --- smtpd-in: has the sender's domain a null MX? --- */

static enum in_verdict verdicts[ASKS];

static int
on_verdict(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	(void)ch;
	(void)fd;
	assert_true(id < ASKS);
	answers++;
	return get_in_verdict(b, &verdicts[id]);
}

static const struct chan_msg in_msgs[] = {
	{ IN_ANS_SENDER, IN_VERDICT_LEN, IN_VERDICT_LEN, FD_NONE, CHAN_ANY,
	    on_verdict },
};

static void
ask_sender(uint32_t id, const char *domain)
{
	struct in_sender m = { { 0 } };
	struct ibuf b;

	memcpy(m.domain, domain, strlen(domain));
	verdicts[id] = (enum in_verdict)0;
	chan_scratch(&b);
	assert_int_equal(put_in_sender(&b, &m), 0);
	assert_int_equal(chan_send(asker[0], IN_REQ_SENDER, id, &b, -1), 0);
}

static void
join_smtpd_in(bool checks)
{
	chan_free(asker[0]);
	asker[0] = join(PROC_SMTPD_IN, 0, in_msgs, 1);
	conf.flags = checks ? CONF_F_CHECK_SENDER_MX : 0;
	dnsd_on_conf(NULL, &conf);
}

static const struct {
	const char *domain, *reply;
	enum in_verdict verdict;
} senders[] = {
	{ "null.example", "an @12 300 MX 0 .", IN_NULL_MX },
	{ "odd.example", "an @12 300 MX 10 .", IN_NULL_MX },
	{ "mail.example", "an @12 300 MX 10 mx.example", IN_FAIR },
	/* RFC 7505 section 3: then it is none */
	{ "both.example", "an @12 300 MX 0 . | an @12 300 MX 5 b.example",
	    IN_FAIR },
	{ "none.example", "au example 60 SOA 60", IN_FAIR },
	{ "no.example", "flags=8183 | au example 60 SOA 60", IN_FAIR },
	{ "bad.example", "flags=8182", IN_UNKNOWN },
	/* what may not be asked, and what is no name */
	{ "mail.corp.example", "an @12 300 MX 0 .", IN_UNKNOWN },
	{ "not a name", "an @12 300 MX 0 .", IN_FAIR },
};

static void
test_senders(void **state)
{
	uint32_t i;

	(void)state;
	join_smtpd_in(true);
	for (i = 0; i < sizeof(senders) / sizeof(senders[0]); i++) {
		udp_reply = tcp_reply = senders[i].reply;
		ask_sender(i, senders[i].domain);
		run_answers(1);
		assert_int_equal(verdicts[i], senders[i].verdict);
	}
	assert_int_equal(violations, 0);
}

/* Not stated: nobody is asked, whatever smtpd-in wants. */
static void
test_senders_off(void **state)
{
	(void)state;
	join_smtpd_in(false);
	udp_reply = "an @12 300 MX 0 .";
	ask_sender(1, "null.example");
	run_answers(1);
	assert_int_equal(verdicts[1], IN_UNKNOWN);
	assert_int_equal(udp_queries, 0);
}

/* It may ask for nothing else, and not as often as it likes. */
static void
test_senders_bounded(void **state)
{
	struct sd_query m = { .type = SD_A, .deadline_ms = 1000, .name = "a" };
	struct ibuf b;
	uint32_t i;

	(void)state;
	join_smtpd_in(true);
	udp_reply = "an @12 300 MX 0 .";
	for (i = 0; i < ASKS; i++)
		ask_sender(i, "null.example");
	run_answers(ASKS);
	for (i = answers = 0; i < ASKS; i++)
		answers += verdicts[i] == IN_NULL_MX;
	assert_in_range(answers, 200, ASKS / 2);
	chan_scratch(&b);
	assert_int_equal(put_sd_query(&b, &m), 0);
	assert_int_equal(chan_send(asker[0], SD_REQ_QUERY, 1, &b, -1), 0);
	settle();
	assert_int_equal(violations, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_ask_and_cache, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_types, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_question_for_many,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(test_mismatch_goes_tcp, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_policy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_deadline, setup, teardown),
		cmocka_unit_test_setup_teardown(test_connd_replaced, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_no_sockets, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_reload, setup, teardown),
		cmocka_unit_test_setup_teardown(test_asker_lost, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_violations, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_senders, setup, teardown),
		cmocka_unit_test_setup_teardown(test_senders_off, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_senders_bounded, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_flood, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_asker_floods, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_drain, setup, teardown),
		cmocka_unit_test_setup_teardown(test_drain_idle, setup,
		    teardown),
	};
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		return 1;
	rl.rlim_cur = 4096; /* the hard one is valgrind's own */
	if (setrlimit(RLIMIT_NOFILE, &rl) == -1)
		return 1;
	return cmocka_run_group_tests_name("dns_daemon", tests, NULL, NULL);
}
