/* SPDX-License-Identifier: ISC */
/* link: smtpd-out/starttls.o smtpd-out/tlspolicy.o smtpd-out/text.o */
/* link: smtpd-out/smtpc.o smtpd-out/envelope.o common/smtp.a common/msg.a
 * common/base.a */
/*
 * The SMTP client against a strict server that gives every kind of reply at
 * every step, a model of what must come of it, and texts in pieces.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include <cmocka.h>

#include "smtpd-out/smtpc.h"

#define NELEMS(a) (sizeof(a) / sizeof((a)[0]))
#define RCPTS_MAX 5
#define TEXT	  "one\r\n.two\r\n"
#define STUFFED	  "one\r\n..two\r\n"

enum step {
	AT_GREETING,
	AT_EHLO,
	AT_HELO,
	AT_RSET,
	AT_MAIL,
	AT_RCPT, /* of the first; the others follow */
	AT_DATA = AT_RCPT + RCPTS_MAX,
	AT_END,
	AT_QUIT,
	STEPS
};

static const unsigned usual[STEPS] = { [AT_GREETING] = 220,
	[AT_EHLO] = 250,
	[AT_HELO] = 250,
	[AT_RSET] = 250,
	[AT_MAIL] = 250,
	[AT_RCPT] = 250,
	[AT_RCPT + 1] = 250,
	[AT_RCPT + 2] = 250,
	[AT_RCPT + 3] = 250,
	[AT_RCPT + 4] = 250,
	[AT_DATA] = 354,
	[AT_END] = 250,
	[AT_QUIT] = 221 };

/* --- the server --- */

enum style {
	STYLE_PLAIN,
	STYLE_ENHANCED,
	STYLE_LINES,
	STYLE_DIRTY, /* controls, 8-bit, and more than is kept */
	STYLES
};

static struct server {
	unsigned code[STEPS];
	enum style style;
	bool pipelining;
	bool liberal; /* 354 without recipients */
	char said[16384];
	size_t said_len;
	/* the transaction */
	bool helloed;
	bool in_tx;  /* MAIL was accepted and it has not ended */
	bool mailed; /* MAIL was said since */
	unsigned nrcpt, naccepted;
	bool in_text;
	char text[sizeof(STUFFED) + 16];
	size_t text_len;
	unsigned taken; /* messages */
	bool over;
} sv;

static void
say(const char *s)
{
	size_t n = strlen(s);

	assert_true(n < sizeof(sv.said) - sv.said_len);
	memcpy(sv.said + sv.said_len, s, n);
	sv.said_len += n;
}

static void
reply(unsigned code)
{
	char line[2048], junk[1200];

	switch (sv.style) {
	case STYLE_PLAIN:
		(void)snprintf(line, sizeof(line), "%u text\r\n", code);
		break;
	case STYLE_ENHANCED:
		(void)snprintf(line, sizeof(line), "%u %u.7.123 text\r\n", code,
		    code / 100);
		break;
	case STYLE_LINES:
		(void)snprintf(line, sizeof(line),
		    "%u-%u.7.123 text\r\n%u-%u.7.123 more\r\n%u\r\n", code,
		    code / 100, code, code / 100, code);
		break;
	case STYLE_DIRTY:
	case STYLES:
		memset(junk, 'x', sizeof(junk) - 1);
		junk[sizeof(junk) - 1] = '\0';
		(void)snprintf(line, sizeof(line),
		    "%u \033[2J\t\303\251\377\001%s\r\n", code, junk);
		break;
	}
	say(line);
	if (code == 421)
		sv.over = true;
}

static void
on_mail(void)
{
	assert_true(sv.helloed);
	assert_false(sv.in_tx);
	sv.mailed = true;
	sv.nrcpt = sv.naccepted = 0;
	sv.in_tx = sv.code[AT_MAIL] / 100 == 2;
	reply(sv.code[AT_MAIL]);
}

static void
on_rcpt(void)
{
	unsigned code = sv.code[AT_RCPT + sv.nrcpt];

	assert_true(sv.mailed);
	sv.nrcpt++;
	if (sv.in_tx && code / 100 == 2)
		sv.naccepted++;
	reply(sv.in_tx ? code : 503);
}

static void
on_data(void)
{
	unsigned code = sv.code[AT_DATA];

	assert_true(sv.mailed);
	if (sv.naccepted == 0)
		code = sv.liberal ? 354 : 503;
	sv.in_text = code / 100 == 3;
	sv.text_len = 0;
	reply(code);
}

static void
on_text(const char *line, size_t len)
{
	if (len != 1 || line[0] != '.') {
		assert_true(len + 2 <= sizeof(sv.text) - sv.text_len);
		memcpy(sv.text + sv.text_len, line, len);
		memcpy(sv.text + sv.text_len + len, "\r\n", 2);
		sv.text_len += len + 2;
		return;
	}
	sv.in_text = sv.in_tx = sv.mailed = false;
	if (sv.naccepted == 0) {
		assert_int_equal(sv.text_len, 0);
		reply(554);
		return;
	}
	assert_int_equal(sv.text_len, strlen(STUFFED));
	assert_memory_equal(sv.text, STUFFED, sv.text_len);
	if (sv.code[AT_END] / 100 == 2)
		sv.taken++;
	reply(sv.code[AT_END]);
}

static bool
is(const char *line, const char *verb)
{
	return strncmp(line, verb, strlen(verb)) == 0;
}

/* last: nothing follows it in what the client has sent */
static void
on_command(const char *line, bool last)
{
	if (!sv.pipelining)
		assert_true(last);
	if (is(line, "EHLO gw.test\r")) {
		reply(sv.code[AT_EHLO]);
		if (sv.code[AT_EHLO] == 250 && sv.pipelining) {
			sv.said_len = 0;
			say("250-a.test\r\n250 PIPELINING\r\n");
		}
		sv.helloed = sv.code[AT_EHLO] / 100 == 2;
	} else if (is(line, "HELO gw.test\r")) {
		sv.pipelining = false;
		sv.helloed = true;
		reply(sv.code[AT_HELO]);
	} else if (is(line, "RSET\r")) {
		sv.in_tx = sv.mailed = false;
		reply(sv.code[AT_RSET]);
	} else if (is(line, "MAIL FROM:<s@x>\r")) {
		on_mail();
	} else if (is(line, "RCPT TO:<u@y>\r")) {
		on_rcpt();
	} else if (is(line, "DATA\r")) {
		assert_true(last); /* RFC 2920 3.1 */
		on_data();
	} else {
		assert_true(is(line, "QUIT\r") && last);
		reply(sv.code[AT_QUIT]);
	}
}

/* What the client has sent; the answers are in sv.said. */
static void
serve(struct smtp_outbuf *out)
{
	const char *p = out->buf, *end = out->buf + out->len, *lf;

	assert_false(out->failed);
	for (; p < end && !sv.over; p = lf + 1) {
		lf = memchr(p, '\n', (size_t)(end - p));
		assert_non_null(lf);
		assert_true(lf > p && lf[-1] == '\r');
		if (sv.in_text)
			on_text(p, (size_t)(lf - p) - 1);
		else
			on_command(p, lf + 1 == end);
	}
	out->len = 0;
}

/* --- the client --- */

static struct smtpc client;
static char outmem[SMTPC_OUT_MIN];
static struct smtp_outbuf out;
static struct qo_job job;
static struct msg_rcpt rcpts[RCPTS_MAX];
static struct qo_outcome outcomes[RCPTS_MAX];

static void
send_text(void)
{
	size_t off = 0;

	while (off < strlen(TEXT))
		off += smtpc_body(&client,
		    smtp_slice(&TEXT[off], strlen(TEXT) - off), &out);
	assert_int_equal(smtpc_body_end(&client, &out), 0);
}

/* Until the client waits for us to say something new. */
static void
converse(void)
{
	char said[sizeof(sv.said)];
	size_t n;

	for (;;) {
		if (smtpc_state(&client) == SMTPC_BODY)
			send_text();
		serve(&out);
		if ((n = sv.said_len) == 0)
			return;
		memcpy(said, sv.said, n);
		sv.said_len = 0;
		smtpc_input(&client, said, n, &out);
	}
}

static void
connect_client(void)
{
	sv.said_len = 0;
	sv.helloed = sv.in_tx = sv.mailed = sv.in_text = sv.over = false;
	smtp_outbuf_init(&out, outmem, sizeof(outmem));
	smtpc_init(&client, "gw.test");
	reply(sv.code[AT_GREETING]);
	converse();
}

static void
run_job(uint16_t n)
{
	uint32_t before = client.messages;
	uint16_t i;

	memset(&job, 0, sizeof(job));
	(void)strlcpy(job.sender, "s@x", sizeof(job.sender));
	job.size = strlen(TEXT);
	job.nrcpt = n;
	for (i = 0; i < n; i++)
		(void)strlcpy(rcpts[i].addr, "u@y", sizeof(rcpts[i].addr));
	memset(outcomes, 0x5a, sizeof(outcomes));
	assert_int_equal(smtpc_state(&client), SMTPC_READY);
	smtpc_job(&client, &job, rcpts, outcomes, &out);
	converse();
	assert_int_equal(smtpc_state(&client), SMTPC_RESULT);
	assert_int_equal(client.messages, before + 1);
	smtpc_take(&client);
}

static void
reset_server(bool pipelining)
{
	memset(&sv, 0, sizeof(sv));
	memcpy(sv.code, usual, sizeof(usual));
	sv.pipelining = pipelining;
}

/* --- the model --- */

struct expected {
	enum qo_status status;
	enum reason reason;
	unsigned code;
};

/* What a reply that settles the matter means. */
static void
settle(struct expected *e, unsigned code, enum reason reason)
{
	e->code = code;
	e->reason = code == 421 ? REASON_CONN_LOST : reason;
	e->status = code / 100 == 5 ? QO_FAILED : QO_DEFERRED;
}

/* Recipients that are still open when the matter ends with this code. */
static void
settle_open(struct expected e[RCPTS_MAX], unsigned n, unsigned code, bool sent)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		if (e[i].status != 0)
			continue;
		settle(&e[i], code, REASON_REMOTE_DATA);
		if (sent && code / 100 == 2) {
			e[i].status = QO_DELIVERED;
			e[i].reason = REASON_DELIVERED;
		}
	}
}

/* Its enhanced codes speak of something else than of too many recipients. */
static bool
gives_enhanced(void)
{
	return sv.style == STYLE_ENHANCED || sv.style == STYLE_LINES;
}

/* A recipient that is refused, after that many were accepted. */
static void
settle_rcpt(struct expected *e, unsigned code, unsigned accepted)
{
	bool many = (code == 452 || code == 552) && accepted > 0;

	settle(e, code,
	    many && !gives_enhanced() ? REASON_TOO_MANY_RCPTS
				      : REASON_REMOTE_RCPT);
	if (code == 552)
		e->status = QO_DEFERRED;
}

/* The job of n recipients with the codes of sv; true: 421 ended it. */
static bool
expect(struct expected e[RCPTS_MAX], unsigned n)
{
	bool cut = false, sent = sv.code[AT_DATA] / 100 == 3;
	unsigned i, accepted = 0, code = sv.code[AT_MAIL];

	memset(e, 0, RCPTS_MAX * sizeof(e[0]));
	for (i = 0; i < n && code / 100 != 2; i++)
		settle(&e[i], code, REASON_REMOTE_SENDER);
	if (code / 100 != 2)
		return code == 421;
	for (i = 0; i < n && !cut; i++) {
		code = sv.code[AT_RCPT + i];
		if (code == 421) {
			cut = true;
		} else if (code / 100 == 2) {
			accepted++;
		} else {
			settle_rcpt(&e[i], code, accepted);
		}
	}
	if (!cut && accepted == 0)
		return false;
	if (!cut)
		code = sv.code[sent ? AT_END : AT_DATA];
	settle_open(e, n, code, sent && !cut);
	return code == 421;
}

static void
check_enhanced(const struct qo_outcome *o)
{
	static const struct {
		unsigned class;
		const char *given, *plain;
	} want[] = { { 0, "", "" }, { 2, "2.7.123", "2.0.0" },
		{ 5, "5.7.123", "5.0.0" }, { 4, "4.7.123", "4.0.0" } };
	bool given = gives_enhanced() && o->code / 100 == want[o->status].class;
	assert_string_equal(o->enh,
	    given ? want[o->status].given : want[o->status].plain);
}

static void
check_outcome(const struct qo_outcome *o, const struct expected *e)
{
	uint8_t mem[QO_OUTCOME_MAX];
	struct qo_outcome back;
	struct ibuf b;

	assert_int_equal(o->status, e->status);
	assert_int_equal(o->reason, e->reason);
	assert_int_equal(o->code, e->code);
	check_enhanced(o);
	ibuf_wrap(&b, mem, sizeof(mem));
	assert_int_equal(put_qo_outcome(&b, o), 0);
	assert_int_equal(get_qo_outcome(&b, &back), 0);
}

static void
check_job(uint16_t n)
{
	struct expected e[RCPTS_MAX];
	bool ended = expect(e, n);
	uint16_t i;

	for (i = 0; i < n; i++)
		check_outcome(&outcomes[i], &e[i]);
	assert_int_equal(smtpc_state(&client),
	    ended ? SMTPC_OVER : SMTPC_READY);
}

/* --- every reply at every step --- */

static const unsigned codes[] = { 200, 220, 250, 251, 252, 299, 300, 354, 399,
	400, 421, 450, 451, 452, 499, 500, 502, 503, 550, 552, 553, 554, 599 };

static void
one_reply(enum step at, unsigned code, bool pipelining, uint16_t n)
{
	unsigned style, liberal;

	for (style = 0; style < STYLES; style++) {
		for (liberal = 0; liberal < 2; liberal++) {
			reset_server(pipelining);
			sv.style = (enum style)style;
			sv.liberal = liberal == 1;
			sv.code[at] = code;
			connect_client();
			run_job(n);
			check_job(n);
			if (smtpc_state(&client) == SMTPC_OVER)
				continue;
			/* and the next is none the worse for it */
			sv.code[at] = usual[at];
			run_job(n);
			check_job(n);
			smtpc_quit(&client, &out);
			converse();
			assert_int_equal(smtpc_state(&client), SMTPC_OVER);
			assert_int_equal(client.end.status, 0);
		}
	}
}

static void
test_job_replies(void **state)
{
	unsigned at;
	size_t i;

	(void)state;
	for (at = AT_MAIL; at <= AT_END; at++) {
		if (at > AT_RCPT + 2 && at < AT_DATA)
			continue;
		for (i = 0; i < NELEMS(codes); i++) {
			one_reply((enum step)at, codes[i], true, 3);
			one_reply((enum step)at, codes[i], false, 3);
			if (at > AT_RCPT && at < AT_DATA)
				continue;
			one_reply((enum step)at, codes[i], true, 1);
			one_reply((enum step)at, codes[i], false, 1);
		}
	}
}

static void
check_hello(enum step at, unsigned code, enum reason refused)
{
	bool good = code / 100 == 2;
	struct expected e = { QO_DEFERRED, refused, code };

	if (at == AT_EHLO && code / 100 == 5) {
		assert_true(!sv.pipelining);
		good = true; /* by HELO */
	}
	if (code == 421 && at != AT_GREETING)
		e.reason = REASON_CONN_LOST;
	assert_int_equal(smtpc_state(&client), good ? SMTPC_READY : SMTPC_OVER);
	if (good) {
		sv.code[at] = usual[at];
		run_job(2);
		check_job(2);
	} else {
		check_outcome(&client.end, &e);
	}
}

static void
test_hello_replies(void **state)
{
	unsigned style;
	size_t i;

	(void)state;
	for (i = 0; i < NELEMS(codes); i++) {
		for (style = 0; style < STYLES; style++) {
			reset_server(true);
			sv.style = (enum style)style;
			sv.code[AT_GREETING] = codes[i];
			connect_client();
			check_hello(AT_GREETING, codes[i],
			    REASON_REMOTE_GREETING);
			reset_server(codes[i] == 250);
			sv.style = (enum style)style;
			sv.code[AT_EHLO] = codes[i];
			connect_client();
			check_hello(AT_EHLO, codes[i], REASON_REMOTE_HELO);
			reset_server(true);
			sv.style = (enum style)style;
			sv.code[AT_EHLO] = 502;
			sv.code[AT_HELO] = codes[i];
			connect_client();
			check_hello(AT_HELO, codes[i], REASON_REMOTE_HELO);
		}
	}
}

/* RSET may be answered by anything but 421; QUIT by anything. */
static void
test_other_replies(void **state)
{
	unsigned pipelining;
	size_t i;

	(void)state;
	for (i = 0; i < NELEMS(codes); i++) {
		for (pipelining = 0; pipelining < 2; pipelining++) {
			reset_server(pipelining == 1);
			connect_client();
			sv.code[AT_DATA] = 451;
			run_job(1);
			check_job(1);
			sv.code[AT_DATA] = 354;
			sv.code[AT_RSET] = codes[i];
			run_job(1);
			if (codes[i] == 421) {
				assert_int_equal(outcomes[0].status,
				    QO_DEFERRED);
				assert_int_equal(outcomes[0].reason,
				    REASON_CONN_LOST);
				continue;
			}
			check_job(1);
			sv.code[AT_QUIT] = codes[i];
			smtpc_quit(&client, &out);
			converse();
			assert_int_equal(smtpc_state(&client), SMTPC_OVER);
			assert_int_equal(client.end.status, 0);
		}
	}
}

/* --- many jobs --- */

static uint32_t seed;

static uint32_t
any(uint32_t bound)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % bound;
}

static unsigned
any_code(enum step at)
{
	static const unsigned bad[] = { 450, 452, 550, 552, 554, 354, 250 };

	if (any(400) == 0)
		return 421;
	return any(5) > 0 ? usual[at] : bad[any(NELEMS(bad))];
}

static void
test_many_jobs(void **state)
{
	unsigned i, at, delivered = 0, connections = 1;
	uint16_t n, k;

	(void)state;
	seed = 7;
	reset_server(true);
	connect_client();
	for (i = 0; i < 20000; i++) {
		if (smtpc_state(&client) == SMTPC_OVER) {
			sv.pipelining = any(2) == 0;
			connect_client();
			connections++;
		}
		for (at = AT_MAIL; at <= AT_END; at++)
			sv.code[at] = any_code((enum step)at);
		sv.style = (enum style)any(STYLES);
		sv.liberal = any(2) == 0;
		n = (uint16_t)(1 + any(RCPTS_MAX));
		run_job(n);
		check_job(n);
		for (k = 0; k < n && outcomes[k].status != QO_DELIVERED; k++)
			;
		delivered += k < n;
		assert_int_equal(sv.taken, delivered);
	}
	assert_true(connections > 100 && delivered > 5000);
}

/* --- texts --- */

#define ALL_MAX 6

static bool
is_strict(const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (s[i] == '\r' && (i + 1 == len || s[i + 1] != '\n'))
			return false;
		if (s[i] == '\n' && (i == 0 || s[i - 1] != '\r'))
			return false;
	}
	return true;
}

static size_t
stuff(const char *s, size_t len, char *to)
{
	size_t i, n = 0;

	for (i = 0; i < len; i++) {
		if (s[i] == '.' && (i == 0 || s[i - 1] == '\n'))
			to[n++] = '.';
		to[n++] = s[i];
	}
	if (len > 0 && s[len - 1] != '\n') {
		memcpy(to + n, "\r\n", 2);
		n += 2;
	}
	memcpy(to + n, ".\r\n", 3);
	return n + 3;
}

/* Give the text in pieces, through an output buffer of cap octets. */
static size_t
send_pieces(const char *s, size_t len, size_t piece, size_t cap, char *to)
{
	char mem[64];
	size_t off = 0, n = 0;
	bool ended = false;

	smtp_outbuf_init(&out, mem, cap);
	while (smtpc_state(&client) == SMTPC_BODY) {
		if (off < len)
			off += smtpc_body(&client,
			    smtp_slice(s + off,
				len - off < piece ? len - off : piece),
			    &out);
		else
			ended = smtpc_body_end(&client, &out) == 0;
		assert_false(out.failed);
		if (ended || out.len + 8 >= cap) {
			memcpy(to + n, out.buf, out.len);
			n += out.len;
			out.len = 0;
		}
	}
	memcpy(to + n, out.buf, out.len);
	return n + out.len;
}

static void
check_text(const char *s, size_t len, size_t piece, size_t cap)
{
	char got[2 + 4 * ALL_MAX + 8] = "\r\n", want[4 * ALL_MAX + 8];
	size_t n;

	reset_server(false);
	client.state = SMTPC_BODY;
	client.broken = client.dot_only = client.held_cr = false;
	memset(outcomes, 0, sizeof(outcomes));
	smtp_encode_init(&client.encoder);
	n = send_pieces(s, len, piece, cap, got + 2);
	if (is_strict(s, len)) {
		assert_int_equal(smtpc_state(&client), SMTPC_END);
		assert_int_equal(n, stuff(s, len, want));
		assert_memory_equal(got + 2, want, n);
		return;
	}
	assert_int_equal(smtpc_state(&client), SMTPC_RESULT);
	assert_true(client.broken);
	assert_int_equal(outcomes[0].status, QO_DEFERRED);
	assert_int_equal(outcomes[0].reason, REASON_STORE_ERROR);
	assert_null(memmem(got, n + 2, "\r\n.\r\n", 5));
}

/* All texts of up to six octets in which anything may go wrong. */
static void
test_texts(void **state)
{
	static const size_t pieces[] = { 1, 2, 3, ALL_MAX };
	static const size_t caps[] = { 9, 10, 13, 64 };
	char s[ALL_MAX];
	size_t len, i, k, p, c, total;

	(void)state;
	reset_server(false);
	connect_client();
	run_job(1);
	client.job = &job;
	client.outcomes = outcomes;
	for (len = 0; len <= ALL_MAX; len++) {
		total = (size_t)1 << (2 * len);
		for (i = 0; i < total; i++) {
			for (k = 0; k < len; k++)
				s[k] = "a.\r\n"[i >> (2 * k) & 3];
			for (p = 0; p < NELEMS(pieces); p++)
				for (c = 0; c < NELEMS(caps); c++)
					check_text(s, len, pieces[p], caps[c]);
		}
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_job_replies),
		cmocka_unit_test(test_hello_replies),
		cmocka_unit_test(test_other_replies),
		cmocka_unit_test(test_many_jobs),
		cmocka_unit_test(test_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
