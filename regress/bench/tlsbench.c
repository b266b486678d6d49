/* SPDX-License-Identifier: ISC */
/* link: regress/unit/tls_stage.o common/tls.a keyd/keys.o keyd/block.o */
/* link: common/msg.a common/base.a -lcmocka -lssl -lcrypto */
/*
 * TLS handshakes of our own client and server, eight at a time: with the keys
 * in another process, as keyd has them, and with the same keys in this one, in
 * turn; then what an idle server connection takes of memory.
 *
 *	tlsbench [-n handshakes] [-r rounds] [-i idle connections]
 *
 * Everything but the signatures is the same work in the same process, so that
 * the two differ by where the keys are and by nothing else.
 */
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <err.h>
#include <fcntl.h>
#include <malloc.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/pem.h>

#include "common/tls/tls_int.h"
#include "keyd/keys.h"
#include "regress/unit/tls_stage.h"

#define ABREAST 8
#define SEALS	(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

struct question_head {
	uint32_t id, key;
	uint16_t scheme;
};

static struct stage_cert cert;
static struct tls_server *remote, *local;
static struct tls_client *client;
static int to_keyd = -1;

/* --- keyd's part, in a process of its own --- */

static int
key_set(void)
{
	int fd = memfd_create("keys", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	uint8_t mem[KS_HEAD_LEN + KS_ENTRY_LEN];
	struct ks_entry e = { .uses = CONF_CERT_SERVER_EXT };
	BIO *bio = BIO_new(BIO_s_mem());
	char key[8192];
	struct ibuf b;
	int n;

	if (PEM_write_bio_PrivateKey(bio, cert.key, NULL, NULL, 0, NULL,
		NULL) != 1 ||
	    (n = BIO_read(bio, key, sizeof(key))) <= 0)
		errx(1, "key");
	BIO_free(bio);
	e.chain_len = (uint32_t)cert.len;
	e.key_len = (uint32_t)n;
	ibuf_wrap(&b, mem, sizeof(mem));
	(void)ibuf_add_n32(&b, KS_MAGIC);
	(void)ibuf_add_n32(&b, 1);
	(void)put_ks_entry(&b, &e);
	if (write(fd, mem, sizeof(mem)) != (ssize_t)sizeof(mem) ||
	    write(fd, cert.pem, cert.len) != (ssize_t)cert.len ||
	    write(fd, key, (size_t)n) != n ||
	    fcntl(fd, F_ADD_SEALS, SEALS) == -1)
		err(1, "set of keys");
	return fd;
}

static __attribute__((noreturn)) void
keyd(int fd, int set)
{
	static uint8_t in[sizeof(struct question_head) + SK_BLOCK_MAX];
	struct question_head q;
	struct sk_signed m;
	struct keys *ks;
	ssize_t n;

	if (keys_init() == -1 ||
	    (ks = keys_load(set, 0, (int64_t)time(NULL))) == NULL)
		errx(1, "keyd");
	while ((n = recv(fd, in, sizeof(in), 0)) > 0) {
		memcpy(&q, in, sizeof(q));
		/* a ping, as before each STARTTLS */
		if ((size_t)n == sizeof(q)) {
			(void)send(fd, &q, sizeof(q), MSG_NOSIGNAL);
			continue;
		}
		(void)keys_sign(ks, q.key, CONF_CERT_SERVER_EXT, q.scheme,
		    in + sizeof(q), (size_t)n - sizeof(q), &m);
		memcpy(in, &q, sizeof(q));
		memcpy(in + sizeof(q), m.sig, m.len);
		(void)send(fd, in, sizeof(q) + m.len, MSG_NOSIGNAL);
	}
	_exit(0);
}

static int
ask(void *arg, uint32_t id, uint32_t key, uint16_t scheme, const uint8_t *block,
    size_t len)
{
	static uint8_t out[sizeof(struct question_head) + 1024];
	const struct question_head q = { id, key, scheme };

	(void)arg;
	if (len > sizeof(out) - sizeof(q))
		return -1;
	memcpy(out, &q, sizeof(q));
	memcpy(out + sizeof(q), block, len);
	return send(to_keyd, out, sizeof(q) + len, MSG_NOSIGNAL) > 0 ? 0 : -1;
}

/* --- handshakes --- */

static void
begin(struct pair *p, struct tls_server *server)
{
	struct tls_connect_conf how = { .sni = "gw.test" };
	struct question_head ping = { 0 };

	/* nobody waits for this answer but the one client */
	if (server == remote &&
	    send(to_keyd, &ping, sizeof(ping), MSG_NOSIGNAL) == -1)
		err(1, "ping");
	p->client = tls_connect(client, &how, p);
	p->server = tls_accept(server, p);
	if (p->client == NULL || p->server == NULL)
		errx(1, "connection");
	/* a key that is here is used at once, on no stack of its own */
	if (server == local)
		(void)SSL_clear_mode(p->server->ssl, SSL_MODE_ASYNC);
}

static void
one_answer(void)
{
	uint8_t in[sizeof(struct question_head) + SK_SIG_MAX];
	struct question_head q;
	struct pair *p;
	ssize_t n;

	do
		n = recv(to_keyd, in, sizeof(in), 0);
	while (n == (ssize_t)sizeof(q)); /* of a ping */
	if (n < (ssize_t)sizeof(q))
		err(1, "keyd");
	memcpy(&q, in, sizeof(q));
	p = tls_signed(q.id, in + sizeof(q), (size_t)n - sizeof(q));
	if (p == NULL)
		errx(1, "an answer for nobody");
	p->ss = tls_handshake(p->server);
	pair_run(p, false);
	if (p->ss != TLS_DONE || p->cs != TLS_DONE)
		errx(1, "handshake: %s", tls_why(p->server));
	pair_free(p);
}

static double
now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double
round_of(struct tls_server *server, unsigned n)
{
	struct pair p[ABREAST] = { 0 };
	double start = now();
	unsigned i, k;

	for (i = 0; i < n; i += ABREAST) {
		for (k = 0; k < ABREAST; k++) {
			begin(&p[k], server);
			if (server == local) {
				pair_run(&p[k], false);
				if (p[k].ss != TLS_DONE)
					errx(1, "handshake");
				pair_free(&p[k]);
			}
		}
		for (k = 0; server == remote && k < ABREAST; k++)
			pair_run(&p[k], false);
		for (k = 0; server == remote && k < ABREAST; k++)
			one_answer();
	}
	return n / (now() - start);
}

static int
by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void
compare(const char *kind, unsigned n, unsigned rounds)
{
	double here[64] = { 0 }, there[64] = { 0 }, ratio[64] = { 0 };
	unsigned i;

	(void)round_of(local, ABREAST * 8);
	(void)round_of(remote, ABREAST * 8);
	for (i = 0; i < rounds; i++) {
		here[i] = round_of(local, n);
		there[i] = round_of(remote, n);
		ratio[i] = there[i] / here[i];
	}
	qsort(here, rounds, sizeof(*here), by_value);
	qsort(there, rounds, sizeof(*there), by_value);
	qsort(ratio, rounds, sizeof(*ratio), by_value);
	(void)printf("%s handshakes/s in-process=%.0f keyd=%.0f ratio=%.2f\n",
	    kind, here[rounds / 2], there[rounds / 2], ratio[rounds / 2]);
}

static void
idle(unsigned n)
{
	struct pair p = { 0 };
	size_t before = 0, i;

	for (i = 0; i < n + 64; i++) {
		if (i == 64)
			before = mallinfo2().uordblks;
		begin(&p, local);
		pair_run(&p, false);
		if (p.ss != TLS_DONE)
			errx(1, "handshake");
		tls_free(p.client);
	}
	(void)printf("idle connection bytes=%zu\n",
	    (mallinfo2().uordblks - before) / n);
}

static void
prepare(const char *kind)
{
	struct tls_cert *c;
	struct tls_server_conf conf = { .certs = &c,
		.ncerts = 1,
		.name = "bench" };
	int fd[2], set;

	stage_cert(&cert, kind, "gw.test", 30);
	c = tls_cert_new((const uint8_t *)cert.pem, cert.len, 0);
	if (c == NULL || (remote = tls_server_new(&conf)) == NULL ||
	    (local = tls_server_new(&conf)) == NULL ||
	    SSL_CTX_use_PrivateKey(local->ctx[0], cert.key) != 1)
		errx(1, "server");
	set = key_set();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd) == -1)
		err(1, "socketpair");
	switch (fork()) {
	case -1:
		err(1, "fork");
	case 0:
		(void)close(fd[0]);
		keyd(fd[1], set);
	default:
		break;
	}
	(void)close(fd[1]);
	(void)close(set);
	to_keyd = fd[0];
}

int
main(int argc, char **argv)
{
	static const char *const kinds[] = { "EC", "RSA" };
	unsigned n = 400, rounds = 7, connections = 2000;
	size_t i;
	int c;

	while ((c = getopt(argc, argv, "n:r:i:")) != -1) {
		if (c == 'n')
			n = (unsigned)strtoul(optarg, NULL, 10);
		else if (c == 'r')
			rounds = (unsigned)strtoul(optarg, NULL, 10);
		else if (c == 'i')
			connections = (unsigned)strtoul(optarg, NULL, 10);
		else
			return 2;
	}
	if (n < ABREAST || rounds == 0 || rounds > 64 || connections == 0)
		return 2;
	if (tls_init() == -1 || (client = tls_client_new(NULL, 0)) == NULL)
		errx(1, "OpenSSL");
	tls_set_signer(ask, NULL);
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		prepare(kinds[i]);
		compare(kinds[i], n, rounds);
		(void)close(to_keyd);
		(void)wait(NULL);
	}
	idle(connections);
	return 0;
}
