/* SPDX-License-Identifier: ISC */
/* link: smtpd-out/starttls.o smtpd-out/tlspolicy.o smtpd-out/text.o */
/* link: smtpd-out/smtpc.o smtpd-out/envelope.o common/smtp.a common/msg.a
 * common/base.a */
/*
 * Hostile texts in the store, and what gets out of them: no server, however
 * lenient, sees two messages in one.  Whatever it takes for the end of a line,
 * CR, LF or both, there is one dot alone on a line, and that is the last.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "smtpd-out/smtpc.h"

#define NELEMS(a) (sizeof(a) / sizeof((a)[0]))
#define TEXT_MAX  4096

enum way { DATA, DATA_7BIT, BDAT, WAYS };

static struct smtpc client;
static struct qo_job job;
static struct msg_rcpt rcpt = { .addr = "u@a.test" };
static struct qo_outcome outcome;
static char mem[2 * SMTPC_OUT_MIN], wire[16 * TEXT_MAX];
static size_t nwire;

static void
say(struct smtp_outbuf *out, const char *reply)
{
	smtpc_input(&client, reply, strlen(reply), out);
}

/* The text in pieces, to its end; what is sent of it is in wire. */
static void
give_text(const char *s, size_t len, size_t piece, struct smtp_outbuf *out)
{
	enum smtpc_state state = smtpc_state(&client);
	size_t off = 0, n;

	out->len = 0;
	client.body_new = false;
	while (smtpc_state(&client) == state) {
		n = len - off < piece ? len - off : piece;
		if (n > 0)
			off += smtpc_body(&client, smtp_slice(s + off, n), out);
		else
			assert_int_equal(smtpc_body_end(&client, out), 0);
		assert_false(out->failed);
		if (state == SMTPC_LOOK)
			continue;
		assert_true(nwire + out->len <= sizeof(wire));
		memcpy(wire + nwire, out->buf, out->len);
		nwire += out->len;
		out->len = 0;
	}
}

/* True: all of it was sent.  False: it was given up. */
static bool
send_text(const char *s, size_t len, enum way way, size_t piece)
{
	static const char *const ehlo[] = {
		[DATA] = "250-a\r\n250 8BITMIME\r\n",
		[DATA_7BIT] = "250 a\r\n",
		[BDAT] = "250-a\r\n250-8BITMIME\r\n250 CHUNKING\r\n",
	};
	struct smtp_outbuf out;
	bool sent;

	memset(&outcome, 0, sizeof(outcome));
	memset(&job, 0, sizeof(job));
	job.nrcpt = 1;
	job.size = len;
	job.flags = MSG_F_8BIT_DATA;
	nwire = 0;
	smtp_outbuf_init(&out, mem, sizeof(mem));
	smtpc_init(&client, "gw.test");
	say(&out, "220 a\r\n");
	say(&out, ehlo[way]);
	smtpc_job(&client, &job, &rcpt, &outcome, &out);
	if (smtpc_state(&client) == SMTPC_LOOK)
		give_text(s, len, piece, &out);
	if (smtpc_state(&client) == SMTPC_COMMANDS) {
		say(&out, "250 ok\r\n");
		say(&out, "250 ok\r\n");
		if (way != BDAT)
			say(&out, "354 go\r\n");
		assert_int_equal(smtpc_state(&client), SMTPC_BODY);
		give_text(s, len, piece, &out);
	}
	sent = smtpc_state(&client) == SMTPC_END;
	if (!sent)
		assert_int_equal(smtpc_state(&client), SMTPC_RESULT);
	smtpc_free(&client);
	return sent;
}

static bool
is_end(char c)
{
	return c == '\r' || c == '\n';
}

static bool
is_strict(const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (s[i] == '\0' ||
		    (s[i] == '\r' && (i + 1 == len || s[i + 1] != '\n')) ||
		    (s[i] == '\n' && (i == 0 || s[i - 1] != '\r')))
			return false;
	}
	return true;
}

/* Dots alone on a line, by the most lenient of readers. */
static size_t
count_ends(void)
{
	size_t i, n = 0;

	for (i = 0; i < nwire; i++)
		n += wire[i] == '.' && (i == 0 || is_end(wire[i - 1])) &&
		    (i + 1 == nwire || is_end(wire[i + 1]));
	return n;
}

static void
check_data(const char *s, size_t len, enum way way, size_t piece)
{
	bool sent = send_text(s, len, way, piece);

	assert_true(!sent || is_strict(s, len));
	assert_true(is_strict(wire, nwire));
	if (sent) {
		assert_int_equal(count_ends(), 1);
		assert_true(nwire >= 3);
		assert_memory_equal(wire + nwire - 3, ".\r\n", 3);
	} else {
		/* what came before the fault; never an end */
		assert_int_equal(count_ends(),
		    nwire > 0 && wire[nwire - 1] == '.' &&
			(nwire == 1 || is_end(wire[nwire - 2])));
	}
	if (way == DATA)
		assert_int_equal(sent, is_strict(s, len));
}

/* The octets that the chunk was said to have, or fewer and no more. */
static void
check_bdat(const char *s, size_t len, size_t piece)
{
	bool sent = send_text(s, len, BDAT, piece);

	assert_int_equal(sent, is_strict(s, len));
	assert_true(sent ? nwire == len : nwire < len);
	assert_memory_equal(wire, s, nwire);
}

static void
check(const char *s, size_t len)
{
	static const size_t pieces[] = { 1, 3, TEXT_MAX };
	size_t i;

	for (i = 0; i < NELEMS(pieces); i++) {
		check_data(s, len, DATA, pieces[i]);
		check_data(s, len, DATA_7BIT, pieces[i]);
		check_bdat(s, len, pieces[i]);
	}
}

/* Every text of up to six octets, after nothing, a header, and 8-bit text. */
static void
test_short_texts(void **state)
{
	static const char *const before[] = { "", "A: b\r\n\r\n",
		"\r\n\351\r\n" };
	static const char alphabet[] = { 'a', '.', '\r', '\n', '\0' };
	size_t b, len, i, k, total, n;
	char s[32];

	(void)state;
	for (b = 0; b < NELEMS(before); b++) {
		n = strlen(before[b]);
		memcpy(s, before[b], n);
		for (len = 0, total = 1; len <= 6; len++, total *= 5) {
			for (i = 0; i < total; i++) {
				size_t rest = i;

				for (k = 0; k < len; k++, rest /= 5)
					s[n + k] = alphabet[rest % 5];
				check(s, n + len);
			}
		}
	}
}

/* Long ones, strict and with one fault in them. */
static void
test_long_texts(void **state)
{
	static const char *const words[] = { ".", "..", "\r\n", "\r\n.\r\n",
		"--b", "--b--", "=", " ", "\t", "\303\251", "a", "From ",
		"\r\n\r\n" };
	static const char faults[] = { '\r', '\n', '\0' };
	static char s[TEXT_MAX];
	const char *w;
	size_t n;
	int round;

	(void)state;
	srand(1);
	for (round = 0; round < 2000; round++) {
		n = 0;
		if (round % 2 != 0) {
			w = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
			n = strlen(w);
			memcpy(s, w, n);
		}
		while (n < TEXT_MAX - 16 && rand() % 400 != 0) {
			w = words[(unsigned)rand() % NELEMS(words)];
			memcpy(s + n, w, strlen(w));
			n += strlen(w);
		}
		check(s, n);
		if (n == 0)
			continue;
		s[(unsigned)rand() % n] = faults[(unsigned)rand() % 3];
		check(s, n);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_short_texts),
		cmocka_unit_test(test_long_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
