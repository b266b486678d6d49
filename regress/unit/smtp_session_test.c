/* SPDX-License-Identifier: ISC */
/* link: smtpd-in/session.o smtpd-in/verb.o smtpd-in/text.o */
/* link: smtpd-in/answer.o smtpd-in/data.o smtpd-in/chunk.o common/smtp.a
 * common/base.a */
/*
 * The session machine where transcripts do not reach: its contract with the
 * caller, and random sessions against a model that knows only states, replies
 * and the life of a transaction.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "smtpd-in/session.h"

#define N(table) (sizeof(table) / sizeof((table)[0]))

static struct session_conf conf;
static struct session s;
static char outbuf[SESSION_OUT_MIN];
static struct smtp_outbuf out;
static struct session_act act;

static void
begin(void)
{
	assert_int_equal(session_conf_init(&conf, "gw.test"), 0);
	session_init(&s, &conf);
	smtp_outbuf_init(&out, outbuf, sizeof(outbuf));
}

/* One step over the whole of text; octets used. */
static size_t
step(const char *text)
{
	size_t used;

	(void)session_step(&s, smtp_slice_str(text), &used, &out, &act);
	assert_true(used <= strlen(text));
	return used;
}

/* All of text is used and the machine wants more. */
static void
say(const char *text)
{
	assert_int_equal(step(text), strlen(text));
	assert_int_equal(act.type, ACT_INPUT);
}

static void
expect_reply(const char *text)
{
	if (out.len < strlen(text) || memcmp(out.buf, text, strlen(text)) != 0)
		fail_msg("'%.*s' does not begin with '%s'", (int)out.len,
		    out.buf, text);
	out.len = 0;
}

static void
open_transaction(void)
{
	begin();
	session_greet(&s, SMTP_R_GREETING);
	say("");
	say("EHLO x\r\n");
	(void)step("MAIL FROM:<a@b>\r\n");
	assert_int_equal(act.type, ACT_MAIL);
	assert_int_equal(session_answer(&s, act.question, ANSWER_YES,
			     smtp_slice_str("")),
	    0);
	say("");
	out.len = 0;
}

static void
test_conf(void **state)
{
	(void)state;
	assert_int_equal(session_conf_init(&conf, ""), -1);
	assert_int_equal(session_conf_init(&conf, "a b"), -1);
	assert_int_equal(session_conf_init(&conf, "[192.0.2.1]"), -1);
	assert_int_equal(session_conf_init(&conf, "GW.Example.com"), 0);
	assert_string_equal(conf.hostname, "gw.example.com");
}

/* Nothing is read while a question is open, and each answer counts once. */
static void
test_questions(void **state)
{
	static const char rest[] = "RCPT TO:<user@gw.test>\r\nQUIT\r\n";
	uint32_t first, second;

	(void)state;
	open_transaction();
	assert_true(session_is_idle(&s) == false);
	assert_int_equal(step(rest), 24);
	assert_int_equal(act.type, ACT_RCPT);
	first = act.question;
	assert_true(session_is_asking(&s));
	assert_int_equal(step("QUIT\r\n"), 0);
	assert_int_equal(act.type, ACT_WAIT);
	assert_int_equal(out.len, 0);
	assert_int_equal(session_answer(&s, first + 1, ANSWER_YES,
			     smtp_slice_str("")),
	    -1);
	assert_int_equal(session_answer(&s, first, ANSWER_NO_USER,
			     smtp_slice_str("")),
	    0);
	assert_int_equal(session_answer(&s, first, ANSWER_YES,
			     smtp_slice_str("")),
	    -1);
	assert_false(session_is_asking(&s));
	assert_int_equal(step(""), 0);
	assert_int_equal(act.type, ACT_REFUSED);
	expect_reply("550 5.1.1");
	(void)step(rest);
	assert_int_equal(act.type, ACT_RCPT);
	second = act.question;
	assert_int_not_equal(first, second);
	/* late: an answer to the question before */
	assert_int_equal(session_answer(&s, first, ANSWER_YES,
			     smtp_slice_str("")),
	    -1);
	session_end(&s, SMTP_R_TIMEOUT);
	assert_int_equal(session_answer(&s, second, ANSWER_YES,
			     smtp_slice_str("")),
	    -1);
	assert_int_equal(step(""), 0);
	assert_int_equal(act.type, ACT_ABORT);
	(void)step("");
	assert_int_equal(act.type, ACT_REFUSED);
	expect_reply("421 4.4.2");
	(void)step("NOOP\r\n");
	assert_int_equal(act.type, ACT_CLOSE);
	(void)step("NOOP\r\n");
	assert_int_equal(act.type, ACT_CLOSE);
	assert_int_equal(out.len, 0);
}

/* A message handed over is not aborted, whatever happens meanwhile. */
static void
test_after_submit(void **state)
{
	static const enum smtp_reply_id ends[] = { SMTP_R_NONE,
		SMTP_R_TIMEOUT };
	size_t i;

	(void)state;
	for (i = 0; i < N(ends); i++) {
		open_transaction();
		(void)step("RCPT TO:<user@gw.test>\r\n");
		(void)session_answer(&s, act.question, ANSWER_YES,
		    smtp_slice_str(""));
		(void)step("DATA\r\n");
		assert_int_equal(act.type, ACT_DATA);
		(void)session_answer(&s, act.question, ANSWER_YES,
		    smtp_slice_str(""));
		(void)step("x\r\n.\r\n");
		assert_int_equal(act.type, ACT_TEXT);
		(void)step(".\r\n");
		assert_int_equal(act.type, ACT_SUBMIT);
		if (ends[i] == SMTP_R_NONE)
			session_eof(&s);
		else
			session_end(&s, ends[i]);
		(void)step("");
		if (ends[i] != SMTP_R_NONE) {
			assert_int_equal(act.type, ACT_REFUSED);
			(void)step("");
		}
		assert_int_equal(act.type, ACT_CLOSE);
	}
}

/* No room for a reply: nothing is read before the caller has flushed. */
static void
test_flush(void **state)
{
	static const char noop[] = "NOOP\r\nNOOP\r\nNOOP\r\n";
	size_t used, fill = sizeof(outbuf) - SMTP_REPLY_ROOM + 1;

	(void)state;
	begin();
	conf.policy &= ~(unsigned)SESSION_P_SYNC;
	session_greet(&s, SMTP_R_GREETING);
	say("");
	out.len = fill;
	used = step(noop);
	assert_int_equal(used, 0);
	assert_int_equal(act.type, ACT_FLUSH);
	out.len = fill - 1;
	used = step(noop);
	assert_int_equal(act.type, ACT_FLUSH);
	assert_int_equal(used, 6);
	out.len = 0;
	assert_int_equal(step(noop + used), 12);
	assert_int_equal(act.type, ACT_INPUT);
	assert_int_equal(out.len, 2 * strlen("250 2.0.0 Ok\r\n"));
	/* a client that does not read is not waited for */
	out.len = sizeof(outbuf);
	(void)step(noop);
	assert_int_equal(act.type, ACT_FLUSH);
	session_eof(&s);
	(void)step(noop);
	assert_int_equal(act.type, ACT_CLOSE);
}

/* The transaction is one struct, and clear after each of its ends. */
static void
test_cleared(void **state)
{
	static const char *const ends[] = { "RSET\r\n", "EHLO x\r\n",
		"HELO x\r\n" };
	struct session_tx zero;
	size_t i;

	(void)state;
	memset(&zero, 0, sizeof(zero));
	for (i = 0; i < N(ends); i++) {
		open_transaction();
		(void)step("RCPT TO:<user@gw.test>\r\n");
		(void)session_answer(&s, act.question, ANSWER_YES,
		    smtp_slice_str(""));
		(void)step("");
		assert_memory_not_equal(&s.tx, &zero, sizeof(zero));
		(void)step(ends[i]);
		assert_int_equal(act.type, ACT_ABORT);
		assert_memory_equal(&s.tx, &zero, sizeof(zero));
		assert_true(session_is_idle(&s));
	}
}

/* An answer that makes no sense is taken as "later". */
static void
test_odd_answers(void **state)
{
	(void)state;
	open_transaction();
	(void)step("RCPT TO:<user@gw.test>\r\n");
	(void)session_answer(&s, act.question, ANSWER_DENIED,
	    smtp_slice_str(""));
	(void)step("");
	expect_reply("451 ");
	assert_int_equal(act.reply, SMTP_R_RCPT_LATER);
	assert_int_equal(s.tx.later, 1);
	assert_int_equal(s.tx.rcpts, 0);
}

/* --- random sessions against a model ------------------------------------- */

enum verb {
	V_EHLO,
	V_HELO,
	V_MAIL,
	V_BAD_MAIL,
	V_RCPT,
	V_BAD_RCPT,
	V_DATA,
	V_RSET,
	V_NOOP,
	V_VRFY,
	V_UNKNOWN,
	V_BARE_LF,
	NVERBS
};

static const char *const lines[NVERBS] = {
	[V_EHLO] = "EHLO c.example\r\n",
	[V_HELO] = "HELO c.example\r\n",
	[V_MAIL] = "MAIL FROM:<a@example.org>\r\n",
	[V_BAD_MAIL] = "MAIL FROM:<a@example.org> XNOSUCH\r\n",
	[V_RCPT] = "RCPT TO:<u@gw.test>\r\n",
	[V_BAD_RCPT] = "RCPT TO:<u%x@gw.test>\r\n",
	[V_DATA] = "DATA\r\n",
	[V_RSET] = "RSET\r\n",
	[V_NOOP] = "NOOP\r\n",
	[V_VRFY] = "VRFY u\r\n",
	[V_UNKNOWN] = "XYZZY\r\n",
	[V_BARE_LF] = "RSET\nQUIT\r\n",
};

static const struct {
	const char *text;
	bool good;
} texts[] = {
	{ ".\r\n", true },
	{ "x\r\n.\r\n", true },
	{ "A: b\r\n\r\n..\r\n.x\r\n.\r\n", true },
	{ "x\n.\r\ny\r\n.\r\n", false },
	{ "\0\r\n", false },
	{ "x\r.\r\n.\r\n", false },
};

/* What the model knows, and what it foretells. */
struct model {
	int state; /* enum session_state of the true machine */
	unsigned rcpts, later, refused;
	char trace[4096]; /* codes and actions, in order */
	size_t len;
	/* the script: octets, and the answers to be given in order */
	char script[8192];
	size_t script_len;
	enum session_answer answers[256];
	size_t nanswers;
};

static uint32_t seed;

static unsigned
rnd(unsigned n)
{
	seed = seed * 1664525U + 1013904223U;
	return (seed >> 10) % n;
}

static void
note(struct model *m, const char *what)
{
	size_t n = strlen(what);

	assert_true(m->len + n + 2 < sizeof(m->trace));
	memcpy(m->trace + m->len, what, n);
	m->len += n;
	m->trace[m->len++] = ' ';
	m->trace[m->len] = '\0';
}

static void
client(struct model *m, const char *p, size_t n)
{
	assert_true(m->script_len + n <= sizeof(m->script));
	memcpy(m->script + m->script_len, p, n);
	m->script_len += n;
}

static enum session_answer
choose(struct model *m, enum session_answer no)
{
	enum session_answer a = ANSWER_YES;

	if (rnd(4) == 0)
		a = rnd(2) == 0 ? no : ANSWER_LATER;
	m->answers[m->nanswers++] = a;
	return a;
}

static void
model_abort(struct model *m)
{
	if (m->state == SESSION_MAIL || m->state == SESSION_RCPT)
		note(m, "abort");
	m->rcpts = m->later = m->refused = 0;
}

static void
model_mail(struct model *m, bool good)
{
	enum session_answer a;

	if (m->state != SESSION_IDLE)
		note(m, "503");
	else if (!good)
		note(m, "555");
	else {
		note(m, "mail");
		a = choose(m, ANSWER_DENIED);
		note(m,
		    a == ANSWER_YES	    ? "250"
			: a == ANSWER_LATER ? "451"
					    : "550");
		if (a == ANSWER_YES)
			m->state = SESSION_MAIL;
	}
}

static void
model_rcpt(struct model *m, bool good)
{
	enum session_answer a;

	if (m->state != SESSION_MAIL && m->state != SESSION_RCPT) {
		note(m, "503");
		return;
	}
	if (!good) {
		m->refused++;
		note(m, "550");
		return;
	}
	note(m, "rcpt");
	a = choose(m, ANSWER_NO_USER);
	note(m, a == ANSWER_YES ? "250" : a == ANSWER_LATER ? "451" : "550");
	m->rcpts += a == ANSWER_YES;
	m->later += a == ANSWER_LATER;
	m->refused += a == ANSWER_NO_USER;
	if (a == ANSWER_YES)
		m->state = SESSION_RCPT;
}

static void
model_text(struct model *m)
{
	size_t i = rnd(N(texts));
	const char *text = texts[i].text;
	enum session_answer a;

	if (text[0] == '\0')
		client(m, "a\0\r\n.\r\n", 7);
	else
		client(m, text, strlen(text));
	m->state = SESSION_IDLE;
	m->rcpts = m->later = m->refused = 0;
	if (!texts[i].good) {
		note(m, "abort");
		note(m, "550");
		return;
	}
	note(m, "submit");
	a = choose(m, ANSWER_DENIED);
	note(m, a == ANSWER_YES ? "250" : a == ANSWER_LATER ? "451" : "554");
}

static void
model_data(struct model *m)
{
	enum session_answer a;

	if (m->state != SESSION_MAIL && m->state != SESSION_RCPT)
		note(m, "503");
	else if (m->rcpts == 0)
		note(m, m->later > 0 ? "451" : m->refused > 0 ? "554" : "503");
	else {
		note(m, "data");
		a = choose(m, ANSWER_TOO_BIG);
		note(m,
		    a == ANSWER_YES	    ? "354"
			: a == ANSWER_LATER ? "451"
					    : "552");
		if (a == ANSWER_YES)
			model_text(m);
	}
}

static void
model_reset(struct model *m, int to)
{
	/* the reply is in the buffer when the end is told */
	note(m, "250");
	model_abort(m);
	m->state = to;
}

static void
model_command(struct model *m, enum verb v)
{
	client(m, lines[v], strlen(lines[v]));
	switch (v) {
	case V_EHLO:
	case V_HELO:
		model_reset(m, SESSION_IDLE);
		break;
	case V_MAIL:
	case V_BAD_MAIL:
		if (m->state == SESSION_START)
			note(m, "503");
		else
			model_mail(m, v == V_MAIL);
		break;
	case V_RCPT:
	case V_BAD_RCPT:
		model_rcpt(m, v == V_RCPT);
		break;
	case V_DATA:
		model_data(m);
		break;
	case V_RSET:
		model_reset(m,
		    m->state == SESSION_START ? SESSION_START : SESSION_IDLE);
		break;
	case V_NOOP:
		note(m, "250");
		break;
	case V_VRFY:
		note(m, "252");
		break;
	case V_UNKNOWN:
	case V_BARE_LF:
		note(m, "500");
		break;
	case NVERBS:
		break;
	}
}

static void
make_session(struct model *m)
{
	unsigned n = 5 + rnd(40);

	memset(m, 0, sizeof(*m));
	m->state = SESSION_START;
	if (rnd(8) != 0)
		model_command(m, V_EHLO);
	while (n-- > 0)
		model_command(m, (enum verb)rnd(NVERBS));
	client(m, "QUIT\r\n", 6);
	note(m, "221");
	model_abort(m);
	note(m, "close");
}

/* The last line of each reply in out, as its code. */
static void
note_replies(struct model *got)
{
	char code[4] = "";
	size_t at = 0, n;

	while (at < out.len) {
		const char *lf = memchr(out.buf + at, '\n', out.len - at);

		assert_non_null(lf);
		n = (size_t)(lf - out.buf) + 1 - at;
		memcpy(code, out.buf + at, 3);
		if (out.buf[at + 3] == ' ')
			note(got, code);
		at += n;
	}
	out.len = 0;
}

static void
note_action(struct model *got, const struct model *want, size_t *answered)
{
	static const char *const names[] = { [ACT_MAIL] = "mail",
		[ACT_RCPT] = "rcpt",
		[ACT_DATA] = "data",
		[ACT_SUBMIT] = "submit",
		[ACT_ABORT] = "abort",
		[ACT_CLOSE] = "close" };

	if (act.type == ACT_TEXT || act.type == ACT_REFUSED ||
	    act.type == ACT_INPUT)
		return;
	assert_true(act.type < N(names) && names[act.type] != NULL);
	note(got, names[act.type]);
	if (act.type > ACT_SUBMIT)
		return;
	assert_true(*answered < want->nanswers);
	assert_int_equal(session_answer(&s, act.question,
			     want->answers[(*answered)++],
			     smtp_slice_str("id")),
	    0);
}

/* Run the script through the machine in random pieces. */
static void
run_session(const struct model *want)
{
	static struct model got;
	size_t at = 0, have = 0, used, answered = 0;

	memset(&got, 0, sizeof(got));
	session_greet(&s, SMTP_R_GREETING);
	say("");
	out.len = 0;
	do {
		(void)session_step(&s, smtp_slice(want->script + at, have - at),
		    &used, &out, &act);
		at += used;
		note_replies(&got);
		note_action(&got, want, &answered);
		if (act.type == ACT_INPUT) {
			assert_true(have < want->script_len);
			have += 1 + rnd(30);
			if (have > want->script_len)
				have = want->script_len;
		}
	} while (act.type != ACT_CLOSE);
	assert_int_equal(at, want->script_len);
	assert_int_equal(answered, want->nanswers);
	if (strcmp(got.trace, want->trace) != 0)
		fail_msg("%.*s\nmachine: %s\nmodel:   %s",
		    (int)want->script_len, want->script, got.trace,
		    want->trace);
}

static void
test_model(void **state)
{
	static struct model m;
	uint32_t i;

	(void)state;
	for (i = 0; i < 20000; i++) {
		seed = i;
		make_session(&m);
		begin();
		conf.policy &= ~(unsigned)SESSION_P_SYNC;
		conf.error_max = conf.unknown_max = conf.junk_max = 1000;
		run_session(&m);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conf),
		cmocka_unit_test(test_questions),
		cmocka_unit_test(test_after_submit),
		cmocka_unit_test(test_flush),
		cmocka_unit_test(test_cleared),
		cmocka_unit_test(test_odd_answers),
		cmocka_unit_test(test_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
