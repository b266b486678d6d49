/* SPDX-License-Identifier: ISC */
/* link: regress/unit/tls_stage.o common/tls.a keyd/block.o */
/*
 * Handshakes between our client and our server with keys elsewhere: versions,
 * kinds of keys, names, verification, tickets, and what happens when the signer
 * refuses, is slow or away.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <bsd/string.h>

#include <cmocka.h>

#include <openssl/err.h>

#include "common/tls/ticket.h"
#include "common/tls/tls_int.h"
#include "regress/unit/tls_stage.h"

static struct stage_cert rsa, ec, other, old;
static struct tls_cert *certs[3];
static struct tls_server *server;
static struct tls_client *client;
static struct tls_tickets tickets;

static int
setup(void **state)
{
	struct tls_server_conf conf = { .certs = certs,
		.ncerts = 3,
		.name = "ext",
		.tickets = &tickets };

	(void)state;
	assert_int_equal(tls_init(), 0);
	stage_cert(&ec, "EC", "mail.example.com,*.wild.test", 30);
	stage_cert(&rsa, "RSA", "mail.example.com", 30);
	stage_cert(&other, "EC", "other.example.net", 30);
	stage_cert(&old, "EC", "mail.example.com", -1);
	certs[0] = tls_cert_new((uint8_t *)ec.pem, ec.len, 1);
	certs[1] = tls_cert_new((uint8_t *)rsa.pem, rsa.len, 2);
	certs[2] = tls_cert_new((uint8_t *)other.pem, other.len, 3);
	assert_non_null(certs[0]);
	assert_non_null(certs[1]);
	assert_non_null(certs[2]);
	stage.keys[1] = ec.key;
	stage.keys[2] = rsa.key;
	stage.keys[3] = other.key;
	stage.keys[4] = old.key;
	server = tls_server_new(&conf);
	assert_non_null(server);
	client = tls_client_new((uint8_t *)ec.pem, ec.len);
	assert_non_null(client);
	stage_reset();
	return 0;
}

static int
fresh(void **state)
{
	(void)state;
	stage_reset();
	memset(&tickets, 0, sizeof(tickets));
	return 0;
}

static int
clean(void **state)
{
	(void)state;
	assert_int_equal(tls_waiting(), 0);
	assert_int_equal(ERR_peek_error(), 0);
	return 0;
}

static struct pair
join(const struct tls_connect_conf *how)
{
	struct pair p = { 0 };

	p.client = tls_connect(client, how, &p);
	p.server = tls_accept(server, &server);
	assert_non_null(p.client);
	assert_non_null(p.server);
	return p;
}

/* All that can be read now. */
static size_t
drain(struct tls_conn *c, uint8_t *to, size_t cap)
{
	size_t n, len = 0;
	enum tls_status st;

	while ((st = tls_read(c, to + len, cap - len, &n)) == TLS_DONE)
		len += n;
	assert_int_equal(st, TLS_INPUT);
	return len;
}

/* A text longer than a record, in two pieces that part inside one. */
static void
talk(struct tls_conn *from, struct tls_conn *to)
{
	static uint8_t text[40000], got[40001], wire[65536];
	const void *p;
	size_t i, n, len;

	for (i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * 7);
	for (i = 0; i < sizeof(text); i += 10000)
		assert_int_equal(tls_write(from, text + i, 10000), TLS_DONE);
	p = tls_output(from, &n);
	assert_true(n > sizeof(text) && n <= sizeof(wire));
	memcpy(wire, p, n);
	tls_sent(from, n);
	assert_null(tls_output(from, &len));
	assert_int_equal(len, 0);
	tls_feed(to, wire, 12345);
	len = drain(to, got, sizeof(got));
	tls_feed(to, wire + 12345, n - 12345);
	len += drain(to, got + len, sizeof(got) - len);
	assert_int_equal(len, sizeof(text));
	assert_memory_equal(got, text, sizeof(text));
}

static void
limit(struct pair *p, int version, const char *sigalgs)
{
	char list[64]; /* OpenSSL's macro takes the const away */

	assert_int_equal(SSL_set_max_proto_version(p->client->ssl, version), 1);
	if (sigalgs == NULL)
		return;
	assert_true(strlcpy(list, sigalgs, sizeof(list)) < sizeof(list));
	assert_int_equal(SSL_set1_sigalgs_list(p->client->ssl, list), 1);
}

static void
handshakes(void **state)
{
	static const struct {
		int version;
		const char *sigalgs;
		const char *name;
		uint32_t key;
		uint16_t scheme;
		enum block_kind kind;
	} cases[] = {
		{ TLS1_3_VERSION, "ECDSA+SHA256", "TLSv1.3", 1, 0x0403,
		    BLOCK_SERVER_13 },
		{ TLS1_3_VERSION, "RSA-PSS+SHA256", "TLSv1.3", 2, 0x0804,
		    BLOCK_SERVER_13 },
		{ TLS1_3_VERSION, "RSA-PSS+SHA512", "TLSv1.3", 2, 0x0806,
		    BLOCK_SERVER_13 },
		{ TLS1_2_VERSION, "ECDSA+SHA256", "TLSv1.2", 1, 0x0403,
		    BLOCK_SERVER_12 },
		{ TLS1_2_VERSION, "ECDSA+SHA384", "TLSv1.2", 1, 0x0503,
		    BLOCK_SERVER_12 },
		{ TLS1_2_VERSION, "RSA-PSS+SHA384", "TLSv1.2", 2, 0x0805,
		    BLOCK_SERVER_12 },
		{ TLS1_2_VERSION, "RSA+SHA256", "TLSv1.2", 2, 0x0401,
		    BLOCK_SERVER_12 },
		{ TLS1_2_VERSION, "RSA+SHA512", "TLSv1.2", 2, 0x0601,
		    BLOCK_SERVER_12 },
	};
	struct tls_connect_conf how = { .sni = "mail.example.com" };
	struct tls_evidence e;
	struct pair p;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		stage_reset();
		p = join(&how);
		limit(&p, cases[i].version, cases[i].sigalgs);
		pair_run(&p, true);
		assert_int_equal(p.cs, TLS_DONE);
		assert_int_equal(p.ss, TLS_DONE);
		assert_int_equal(stage.nasked, 1);
		assert_int_equal(stage.asked[0].key, cases[i].key);
		assert_int_equal(stage.asked[0].scheme, cases[i].scheme);
		assert_int_equal(stage.asked[0].kind, cases[i].kind);
		tls_evidence(p.server, &e);
		assert_string_equal(e.version, cases[i].name);
		assert_string_equal(e.sni, "mail.example.com");
		assert_false(e.resumed || e.peer_cert);
		tls_evidence(p.client, &e);
		assert_true(e.peer_cert);
		assert_int_equal(e.verified, TLS_V_NOT_ASKED);
		talk(p.client, p.server);
		talk(p.server, p.client);
		pair_free(&p);
	}
}

static void
names(void **state)
{
	static const struct {
		const char *sni;
		uint32_t key;
	} cases[] = {
		{ "other.example.net", 3 },
		{ "OTHER.example.NET", 3 },
		{ "a.wild.test", 1 },
		{ "a.b.wild.test", 1 }, /* by default */
		{ "unknown.test", 1 },
		{ NULL, 1 },
	};
	struct tls_connect_conf how = { 0 };
	struct pair p;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		stage_reset();
		how.sni = cases[i].sni;
		p = join(&how);
		pair_run(&p, true);
		assert_int_equal(p.ss, TLS_DONE);
		assert_int_equal(stage.asked[0].key, cases[i].key);
		pair_free(&p);
	}
}

static void
patterns(void **state)
{
	(void)state;
	assert_true(tls_name_match("a.test", "a.test"));
	assert_false(tls_name_match("a.test", "b.test"));
	assert_true(tls_name_match("*.test", "a.test"));
	assert_false(tls_name_match("*.test", "a.b.test"));
	assert_false(tls_name_match("*.test", ".test"));
	assert_false(tls_name_match("*.test", "test"));
	assert_false(tls_name_match("*", "test"));
	assert_false(tls_name_match("*a.test", "ba.test"));
}

static enum tls_verified
verify(const struct tls_connect_conf *how)
{
	struct tls_evidence e;
	struct pair p = join(how);

	limit(&p, TLS1_3_VERSION, "ECDSA+SHA256");
	pair_run(&p, true);
	/* whatever is found, the handshake goes on to its end */
	assert_int_equal(p.cs, TLS_DONE);
	assert_int_equal(p.ss, TLS_DONE);
	tls_evidence(p.client, &e);
	pair_free(&p);
	stage_reset();
	return e.verified;
}

static void
verification(void **state)
{
	const char *good[] = { "nobody.test", "mail.example.com" };
	const char *bad[] = { "nobody.test", "b.a.wild.test" };
	uint8_t fp[2][TLS_FINGERPRINT] = { { 1 }, { 2 } };
	struct tls_connect_conf how = { .verify = TLS_VERIFY_NAME,
		.names = good,
		.nnames = 2 };

	(void)state;
	assert_int_equal(verify(&how), TLS_V_OK);
	how.names = bad;
	assert_int_equal(verify(&how), TLS_V_NAME);
	how.names = good;
	how.sni = "other.example.net";
	assert_int_equal(verify(&how), TLS_V_UNTRUSTED);
	how = (struct tls_connect_conf){ .verify = TLS_VERIFY_FINGERPRINT,
		.fingerprints = (const uint8_t(*)[TLS_FINGERPRINT])fp,
		.nfingerprints = 2 };
	assert_int_equal(verify(&how), TLS_V_FINGERPRINT);
	memcpy(fp[1], tls_cert_fingerprint(certs[0]), TLS_FINGERPRINT);
	assert_int_equal(verify(&how), TLS_V_OK);
	how = (struct tls_connect_conf){ .verify = TLS_VERIFY_NAME };
	assert_null(tls_connect(client, &how, NULL));
}

static void
expired(void **state)
{
	const char *good[] = { "mail.example.com" };
	struct tls_connect_conf how = { .verify = TLS_VERIFY_NAME,
		.names = good,
		.nnames = 1 };
	struct tls_cert *c = tls_cert_new((uint8_t *)old.pem, old.len, 4);
	struct tls_server_conf conf = { .certs = &c, .ncerts = 1, .name = "x" };
	struct tls_server *was = server;
	struct tls_client *trusts = client;

	(void)state;
	server = tls_server_new(&conf);
	client = tls_client_new((uint8_t *)old.pem, old.len);
	assert_non_null(server);
	assert_non_null(client);
	assert_int_equal(verify(&how), TLS_V_EXPIRED);
	tls_server_free(server);
	tls_client_free(client);
	tls_cert_free(c);
	server = was;
	client = trusts;
}

/* A client's certificate, by both versions. */
static void
client_cert(void **state)
{
	struct tls_server_conf conf = { .certs = certs,
		.ncerts = 2,
		.name = "int",
		.ask_client = true };
	struct tls_connect_conf how = { .cert = certs[2] };
	struct tls_server *was = server;
	struct tls_evidence e;
	struct pair p;
	int v;

	(void)state;
	server = tls_server_new(&conf);
	for (v = 0; v < 4; v++) {
		how.cert = v % 2 == 0 ? certs[2] : certs[1];
		p = join(&how);
		limit(&p, v < 2 ? TLS1_3_VERSION : TLS1_2_VERSION, NULL);
		pair_run(&p, true);
		assert_int_equal(p.cs, TLS_DONE);
		assert_int_equal(p.ss, TLS_DONE);
		assert_int_equal(stage.nasked, 2);
		assert_int_equal(stage.asked[1].key, v % 2 == 0 ? 3 : 2);
		assert_int_equal(stage.asked[1].kind,
		    v < 2 ? BLOCK_CLIENT_13 : BLOCK_CLIENT_12);
		tls_evidence(p.server, &e);
		assert_true(e.peer_cert);
		assert_memory_equal(e.fingerprint,
		    tls_cert_fingerprint(how.cert), TLS_FINGERPRINT);
		pair_free(&p);
		stage_reset();
	}
	how.cert = NULL;
	p = join(&how);
	pair_run(&p, true);
	assert_int_equal(p.ss, TLS_DONE);
	tls_evidence(p.server, &e);
	assert_false(e.peer_cert);
	pair_free(&p);
	tls_server_free(server);
	server = was;
}

/* One that waits for its signature keeps no other waiting. */
static void
slow_signer(void **state)
{
	struct tls_connect_conf how = { 0 };
	struct pair a = join(&how), b = join(&how);

	(void)state;
	pair_run(&a, false);
	assert_int_equal(a.ss, TLS_SIGN);
	assert_int_equal(tls_waiting(), 1);
	pair_run(&b, false);
	assert_int_equal(tls_waiting(), 2);
	/* answered in the other order */
	assert_ptr_equal(stage_answer(1), &server);
	b.ss = tls_handshake(b.server);
	assert_int_equal(tls_handshake(a.server), TLS_SIGN);
	pair_run(&b, false);
	assert_int_equal(b.ss, TLS_DONE);
	assert_int_equal(b.cs, TLS_DONE);
	talk(b.client, b.server);
	assert_non_null(stage_answer(0));
	pair_run(&a, false);
	assert_int_equal(a.ss, TLS_DONE);
	/* a second answer finds nobody */
	assert_null(stage_answer(0));
	pair_free(&a);
	pair_free(&b);
}

#ifdef __SANITIZE_ADDRESS__
int __asan_address_is_poisoned(const volatile void *);

/* What waits while a handshake has the other stack is guarded on. */
static void
red_zones(void **state)
{
	struct tls_connect_conf how = { 0 };
	struct pair a = join(&how);
	volatile char mine[16];

	(void)state;
	mine[0] = 0;
	assert_true(__asan_address_is_poisoned(mine + sizeof(mine)));
	pair_run(&a, false);
	assert_int_equal(a.ss, TLS_SIGN);
	assert_non_null(stage_answer(0));
	pair_run(&a, true);
	assert_int_equal(a.ss, TLS_DONE);
	assert_true(__asan_address_is_poisoned(mine + sizeof(mine)));
	assert_false(__asan_address_is_poisoned(mine));
	pair_free(&a);
}
#endif

static void
no_signature(void **state)
{
	struct tls_connect_conf how = { 0 };
	struct pair p = join(&how);
	size_t n;

	(void)state;
	pair_run(&p, false);
	assert_ptr_equal(stage_refuse(0), &server);
	assert_int_equal(tls_handshake(p.server), TLS_FAILED);
	assert_true(tls_why(p.server)[0] != '\0');
	/* the client is told */
	assert_non_null(tls_output(p.server, &n));
	pair_run(&p, false);
	assert_int_equal(p.cs, TLS_FAILED);
	pair_free(&p);

	/* too late */
	p = join(&how);
	pair_run(&p, false);
	tls_give_up(p.server);
	assert_int_equal(tls_handshake(p.server), TLS_FAILED);
	assert_null(stage_answer(1));
	pair_free(&p);

	/* nobody there */
	stage.away = true;
	p = join(&how);
	pair_run(&p, false);
	assert_int_equal(p.ss, TLS_FAILED);
	pair_free(&p);

	/* gone while it waits */
	stage_reset();
	p = join(&how);
	pair_run(&p, false);
	assert_int_equal(p.ss, TLS_SIGN);
	pair_free(&p);
	assert_null(stage_answer(0));
}

/* A wrong signature, and one that is too long. */
static void
bad_signature(void **state)
{
	uint8_t sig[1024] = { 1 };
	struct tls_connect_conf how = { 0 };
	struct pair p = join(&how);

	(void)state;
	pair_run(&p, false);
	assert_non_null(tls_signed(stage.asked[0].id, sig, 64));
	p.ss = tls_handshake(p.server);
	pair_run(&p, false);
	assert_int_equal(p.cs, TLS_FAILED);
	pair_free(&p);
	p = join(&how);
	pair_run(&p, false);
	assert_non_null(tls_signed(stage.asked[1].id, sig, sizeof(sig)));
	assert_int_equal(tls_handshake(p.server), TLS_FAILED);
	pair_free(&p);
}

/* --- tickets --- */

static SSL_SESSION *session;

/* Our clients resume nothing, so that the test has to make this one. */
static bool
resumes(struct tls_server *s, int version, bool with)
{
	struct tls_connect_conf how = { .sni = "mail.example.com" };
	struct tls_server *was = server;
	struct tls_evidence e;
	struct pair p;
	uint8_t c;
	size_t n;

	server = s;
	SSL_CTX_clear_options(client->ctx, SSL_OP_NO_TICKET);
	p = join(&how);
	limit(&p, version, NULL);
	if (with)
		assert_int_equal(SSL_set_session(p.client->ssl, session), 1);
	pair_run(&p, true);
	assert_int_equal(p.cs, TLS_DONE);
	assert_int_equal(p.ss, TLS_DONE);
	(void)tls_read(p.client, &c, 1, &n);
	SSL_SESSION_free(session);
	session = SSL_get1_session(p.client->ssl);
	tls_evidence(p.server, &e);
	assert_int_equal(stage.nasked, e.resumed ? 0 : 1);
	stage_reset();
	tls_close(p.client); /* else its session is not to be resumed */
	pair_free(&p);
	server = was;
	return e.resumed;
}

static void
ticket_keys(struct tls_tickets *t, uint8_t first, uint8_t second)
{
	t->n = second != 0 ? 2 : 1;
	memset(t->key[0], first, TLS_TICKET_KEY);
	memset(t->key[1], second, TLS_TICKET_KEY);
}

static void
resumption(void **state)
{
	struct tls_server_conf conf = { .certs = certs, .ncerts = 3 };
	struct tls_tickets theirs;
	struct tls_server *twin, *inside;
	int v;

	(void)state;
	conf.name = "ext";
	conf.tickets = &theirs;
	twin = tls_server_new(&conf);
	conf.name = "int";
	inside = tls_server_new(&conf);
	for (v = TLS1_2_VERSION; v <= TLS1_3_VERSION; v++) {
		/* without keys there are none */
		tickets.n = 0;
		assert_false(resumes(server, v, false));
		ticket_keys(&tickets, 1, 0);
		assert_false(resumes(server, v, false));
		assert_non_null(session);
		assert_int_equal(SSL_SESSION_has_ticket(session), 1);
		assert_true(resumes(server, v, true));
		/* another worker of this side, and after one rotation */
		ticket_keys(&theirs, 2, 1);
		assert_true(resumes(twin, v, true));
		/* after that it is sealed anew; the second rotation is enough
		 */
		ticket_keys(&theirs, 3, 2);
		assert_true(resumes(twin, v, true));
		ticket_keys(&theirs, 5, 4);
		assert_false(resumes(twin, v, true));
		/* the other side: not even with the same key */
		ticket_keys(&theirs, 5, 4);
		assert_false(resumes(twin, v, false));
		assert_true(resumes(twin, v, true));
		assert_false(resumes(inside, v, true));
		SSL_SESSION_free(session);
		session = NULL;
	}
	tls_server_free(twin);
	tls_server_free(inside);
}

/* --- bytes --- */

static void
garbage(void **state)
{
	struct tls_conn *c = tls_accept(server, NULL);
	const void *out;
	size_t n;

	(void)state;
	tls_feed(c, "EHLO client.test\r\n", 18);
	assert_int_equal(tls_handshake(c), TLS_FAILED);
	assert_int_equal(tls_handshake(c), TLS_FAILED);
	assert_int_equal(tls_write(c, "x", 1), TLS_FAILED);
	out = tls_output(c, &n);
	assert_true(n == 0 || out != NULL);
	tls_free(c);
	tls_free(NULL);
}

static void
closing(void **state)
{
	struct tls_connect_conf how = { 0 };
	struct pair p = join(&how);
	uint8_t wire[256], text[16];
	const void *out;
	size_t n, len;

	(void)state;
	pair_run(&p, true);
	assert_int_equal(tls_write(p.client, "bye", 3), TLS_DONE);
	tls_close(p.client);
	out = tls_output(p.client, &len);
	assert_true(len > 0 && len <= sizeof(wire));
	memcpy(wire, out, len);
	tls_feed(p.server, wire, len);
	assert_int_equal(tls_read(p.server, text, sizeof(text), &n), TLS_DONE);
	assert_int_equal(n, 3);
	assert_int_equal(tls_read(p.server, text, sizeof(text), &n),
	    TLS_CLOSED);
	pair_free(&p);
}

static void
bad_certs(void **state)
{
	struct tls_server_conf conf = { .name = "none" };

	(void)state;
	assert_null(tls_server_new(&conf));
	assert_null(tls_cert_new((const uint8_t *)"", 0, 1));
	assert_null(tls_cert_new((const uint8_t *)"nonsense", 8, 1));
	assert_null(tls_cert_new((const uint8_t *)ec.pem, ec.len / 2, 1));
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, fresh, clean)
	const struct CMUnitTest tests[] = {
		T(handshakes),
		T(names),
		T(patterns),
		T(verification),
		T(expired),
		T(client_cert),
		T(slow_signer),
#ifdef __SANITIZE_ADDRESS__
		T(red_zones),
#endif
		T(no_signature),
		T(bad_signature),
		T(resumption),
		T(garbage),
		T(closing),
		T(bad_certs),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
