/* SPDX-License-Identifier: ISC */
/* link: smtpd-in/session.o smtpd-in/verb.o smtpd-in/text.o */
/* link: smtpd-in/answer.o smtpd-in/data.o smtpd-in/chunk.o common/smtp.a
 * common/base.a */
/* link: common/base/reason.o */
/*
 * The session machine on real sockets, for black-box suites, and for nothing
 * else: toyserver PORT [SINKPORT].  A process a session, on 127.0.0.1.  Takes
 * mail for user@, user2@ and postmaster@gw.test.  With SINKPORT each message
 * is handed to an SMTP server there, by common/smtp's encoder and reply
 * parser, before it is acknowledged; without it is dropped.
 */
#include <sys/socket.h>
#include <sys/types.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bsd/stdlib.h>

#include "common/smtp/encode.h"
#include "common/smtp/received.h"
#include "common/smtp/reply.h"
#include "smtpd-in/session.h"

#define RCPTS_MAX 1000
#define ID	  "0toy"

struct toy {
	struct session_conf conf;
	struct session s;
	int fd;
	uint16_t sink;
	char in[65536];
	size_t in_len;
	char out[SESSION_OUT_MIN];
	struct smtp_outbuf ob;
	char *text;
	size_t text_len, text_cap;
	char (*rcpts)[SMTP_ADDR_MAX + 1];
	uint32_t nrcpts;
	enum smtp_body body;
	char sender[SMTP_ADDR_MAX + 1];
	char peer[INET_ADDRSTRLEN];
};

static void
write_all(int fd, const char *p, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		if (n == -1)
			exit(0);
		p += n;
		len -= (size_t)n;
	}
}

/* --- the next hop -------------------------------------------------------- */

static uint16_t
read_reply(int fd)
{
	static struct smtp_reply r;
	enum smtp_reply_event ev = SMTP_REPLY_MORE;
	char c;
	size_t used;

	smtp_reply_init(&r);
	while (ev != SMTP_REPLY_DONE) {
		if (recv(fd, &c, 1, 0) != 1)
			errx(1, "sink: connection lost");
		ev = smtp_reply_push(&r, &c, 1, &used);
		if (ev == SMTP_REPLY_ERROR)
			errx(1, "sink: %s", smtp_reply_error_name(r.error));
	}
	return r.code;
}

static void
command(int fd, uint16_t want, const char *verb, const char *arg,
    const char *end)
{
	char line[SMTP_LINE_MAX];
	struct smtp_outbuf o;
	uint16_t code;

	smtp_outbuf_init(&o, line, sizeof(line));
	smtp_put_str(&o, verb);
	smtp_put_str(&o, arg);
	smtp_put_str(&o, end);
	smtp_put_str(&o, "\r\n");
	write_all(fd, line, o.len);
	code = read_reply(fd);
	if (code != want)
		errx(1, "sink: %u to %s", code, verb);
}

static void
send_text(int fd, const struct toy *t)
{
	struct smtp_slice rest = smtp_slice(t->text, t->text_len), piece;
	struct smtp_encoder e;

	smtp_encode_init(&e);
	while (rest.len > 0) {
		size_t used = smtp_encode(&e, rest, &piece);

		if (piece.len == 0)
			errx(1, "text is not strict");
		write_all(fd, piece.p, piece.len);
		rest = smtp_slice(rest.p + used, rest.len - used);
	}
	if (smtp_encode_end(&e, &piece) == -1)
		errx(1, "text is not strict at its end");
	write_all(fd, piece.p, piece.len);
}

static void
relay(const struct toy *t)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_port = htons(t->sink) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	uint32_t i;

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd == -1 || connect(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1)
		err(1, "sink");
	if (read_reply(fd) != 220)
		errx(1, "sink: no 220");
	command(fd, 250, "EHLO ", "gw.test", "");
	command(fd, 250, "MAIL FROM:<", t->sender,
	    t->body == SMTP_BODY_8BITMIME ? "> BODY=8BITMIME" : ">");
	for (i = 0; i < t->nrcpts; i++)
		command(fd, 250, "RCPT TO:<", t->rcpts[i], ">");
	command(fd, 354, "DATA", "", "");
	send_text(fd, t);
	if (read_reply(fd) != 250)
		errx(1, "sink: text refused");
	command(fd, 221, "QUIT", "", "");
	(void)close(fd);
}

/* --- the session --------------------------------------------------------- */

static void
add_text(struct toy *t, const char *p, size_t len)
{
	if (len > t->text_cap - t->text_len) {
		t->text_cap = 2 * (t->text_len + len);
		t->text = realloc(t->text, t->text_cap);
		if (t->text == NULL)
			err(1, "realloc");
	}
	memcpy(t->text + t->text_len, p, len);
	t->text_len += len;
}

static void
add_received(struct toy *t)
{
	char buf[SMTP_RECEIVED_ROOM];
	struct smtp_received r = { .helo = smtp_slice_str(t->s.helo),
		.name = smtp_slice("", 0),
		.ip = smtp_slice_str(t->peer),
		.host = smtp_slice_str(t->conf.hostname),
		.with = t->s.esmtp ? "ESMTP" : "SMTP",
		.id = smtp_slice_str(ID),
		.rcpt = smtp_slice_str(t->nrcpts == 1 ? t->rcpts[0] : ""),
		.when = time(NULL) };
	struct smtp_outbuf o;

	smtp_outbuf_init(&o, buf, sizeof(buf));
	smtp_put_received(&o, &r);
	if (o.failed)
		errx(1, "Received does not fit");
	add_text(t, buf, o.len);
}

static enum session_answer
on_rcpt(struct toy *t, const struct smtp_addr *a)
{
	static const char *const users[] = { "user", "user2", "postmaster" };
	struct smtp_slice local = smtp_addr_local(a);
	size_t i;

	if (!smtp_slice_is(smtp_addr_domain(a), "gw.test"))
		return ANSWER_RELAY_DENIED;
	for (i = 0; i < sizeof(users) / sizeof(users[0]); i++) {
		if (!smtp_slice_is(local, users[i]))
			continue;
		memcpy(t->rcpts[t->nrcpts++], a->text, a->len + 1);
		return ANSWER_YES;
	}
	return ANSWER_NO_USER;
}

static enum session_answer
on_question(struct toy *t, const struct session_act *act)
{
	if (act->type == ACT_MAIL) {
		memcpy(t->sender, act->addr->text, act->addr->len + 1);
		t->body = act->mail->body;
		t->nrcpts = 0;
		t->text_len = 0;
	} else if (act->type == ACT_RCPT)
		return on_rcpt(t, act->addr);
	else if (act->type == ACT_DATA)
		add_received(t);
	else if (t->sink != 0)
		relay(t);
	return ANSWER_YES;
}

static void
flush_out(struct toy *t)
{
	write_all(t->fd, t->out, t->ob.len);
	t->ob.len = 0;
}

/* Wait for the client; false: it is gone. */
static void
fill(struct toy *t)
{
	ssize_t n =
	    recv(t->fd, t->in + t->in_len, sizeof(t->in) - t->in_len, 0);

	if (n <= 0)
		session_eof(&t->s);
	else
		t->in_len += (size_t)n;
}

static void
serve(struct toy *t)
{
	struct session_act act;
	size_t used;

	session_init(&t->s, &t->conf);
	session_greet(&t->s, SMTP_R_GREETING);
	for (;;) {
		enum session_act_type what = session_step(&t->s,
		    smtp_slice(t->in, t->in_len), &used, &t->ob, &act);

		if (what >= ACT_MAIL && what <= ACT_SUBMIT)
			(void)session_answer(&t->s, act.question,
			    on_question(t, &act), smtp_slice_str(ID));
		else if (what == ACT_TEXT)
			add_text(t, act.text.p, act.text.len);
		memmove(t->in, t->in + used, t->in_len - used);
		t->in_len -= used;
		if (what == ACT_INPUT || what == ACT_FLUSH || what == ACT_CLOSE)
			flush_out(t);
		if (what == ACT_INPUT)
			fill(t);
		else if (what == ACT_CLOSE)
			return;
	}
}

static int
listen_on(uint16_t port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1 ||
	    listen(fd, 128) == -1)
		err(1, "listen");
	return fd;
}

static void
one_client(struct toy *t, int fd, const struct sockaddr_in *from)
{
	t->fd = fd;
	t->rcpts = reallocarray(NULL, RCPTS_MAX, sizeof(t->rcpts[0]));
	if (t->rcpts == NULL ||
	    inet_ntop(AF_INET, &from->sin_addr, t->peer, sizeof(t->peer)) ==
		NULL)
		err(1, "client");
	smtp_outbuf_init(&t->ob, t->out, sizeof(t->out));
	serve(t);
}

int
main(int argc, char **argv)
{
	static struct toy t;
	struct sockaddr_in from;
	int fd, client;

	if (argc < 2)
		errx(2, "usage: toyserver PORT [SINKPORT]");
	fd = listen_on((uint16_t)strtonum(argv[1], 1, 65535, NULL));
	if (argc > 2)
		t.sink = (uint16_t)strtonum(argv[2], 1, 65535, NULL);
	(void)signal(SIGCHLD, SIG_IGN);
	if (session_conf_init(&t.conf, "gw.test") == -1)
		errx(1, "session_conf_init");
	t.conf.features.ext |=
	    SMTP_EXT_CHUNKING | SMTP_EXT_SMTPUTF8 | SMTP_EXT_DSN;
	memcpy(t.conf.postmaster_domain, "gw.test", 8);
	puts("ready");
	(void)fflush(stdout);
	for (;;) {
		socklen_t len = sizeof(from);

		client = accept(fd, (struct sockaddr *)&from, &len);
		if (client == -1)
			continue;
		if (fork() == 0) {
			(void)close(fd);
			one_client(&t, client, &from);
			return 0;
		}
		(void)close(client);
	}
}
