/* SPDX-License-Identifier: ISC */
/* link: smtpd-in/data.o common/smtp.a common/base.a */
/*
 * The text after DATA, against a reading of RFC 5321 4.1.1.4 and 4.5.2 octet
 * by octet: every short string over the octets that matter, cut everywhere;
 * and what the encoder sends, read back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/smtp/encode.h"
#include "smtpd-in/data.h"

#define LINE_MAX_ 998
#define TEXT_MAX_ 100000

struct result {
	bool ended;
	size_t used;
	unsigned faults;
	bool eight_bit;
	size_t len;
	char text[256];
};

/* --- the reference ------------------------------------------------------- */

static void
ref_end_line(struct result *r, size_t line_len, uint32_t line_max)
{
	if (line_len > line_max)
		r->faults |= DATA_F_LONG_LINE;
}

static void
ref_put(struct result *r, char c)
{
	assert_true(r->len < sizeof(r->text));
	r->text[r->len++] = c;
	if ((c & 0x80) != 0)
		r->eight_bit = true;
	if (c == '\0')
		r->faults |= DATA_F_NUL;
}

/*
 * At each octet look at what surrounds it: a line begins at the start and
 * after CRLF; a dot there is stuffing, or the end if CRLF follows.
 */
static void
reference(struct result *r, const char *in, size_t len, uint32_t line_max)
{
	size_t i, line = 0;

	memset(r, 0, sizeof(*r));
	for (i = 0; i < len; i++) {
		bool first = i == 0 ||
		    (i >= 2 && in[i - 2] == '\r' && in[i - 1] == '\n');
		bool crlf_next =
		    i + 2 < len && in[i + 1] == '\r' && in[i + 2] == '\n';

		if (first && in[i] == '.' && crlf_next) {
			r->ended = true;
			r->used = i + 3;
			return;
		}
		if (in[i] == '\n' && (i == 0 || in[i - 1] != '\r'))
			r->faults |= DATA_F_BARE_LF;
		if (in[i] == '\r' && i + 1 < len && in[i + 1] != '\n')
			r->faults |= DATA_F_BARE_CR;
		if (first)
			line = 0;
		if (first && in[i] == '.')
			continue;
		ref_put(r, in[i]);
		line++;
		if (in[i] == '\n' && i > 0 && in[i - 1] == '\r')
			ref_end_line(r, line - 2, line_max);
	}
	r->used = len;
}

/* --- the machine --------------------------------------------------------- */

static void
take(struct result *r, struct smtp_slice piece)
{
	assert_true(piece.len <= sizeof(r->text) - r->len);
	memcpy(r->text + r->len, piece.p, piece.len);
	r->len += piece.len;
}

static bool
push(struct data_machine *d, struct result *r, const char *in, size_t len)
{
	size_t at = 0, used;
	struct smtp_slice piece;
	enum data_event ev;

	while (at < len) {
		ev = data_next(d, smtp_slice(in + at, len - at), &used, &piece);
		assert_true(used > 0 && used <= len - at);
		if (ev == DATA_CHUNK) {
			assert_true(piece.len > 0);
			assert_true(piece.p >= in + at &&
			    piece.p + piece.len <= in + at + used);
			take(r, piece);
		}
		at += used;
		r->used += used;
		if (ev == DATA_END)
			return true;
	}
	return false;
}

/* Run the machine over in, cut once at cut. */
static void
machine(struct result *r, const char *in, size_t len, size_t cut,
    uint32_t line_max)
{
	struct data_machine d;

	memset(r, 0, sizeof(*r));
	data_init(&d, TEXT_MAX_, line_max);
	r->ended = push(&d, r, in, cut);
	if (!r->ended)
		r->ended = push(&d, r, in + cut, len - cut);
	r->faults = d.faults;
	r->eight_bit = d.eight_bit;
	assert_true(d.octets == r->used);
	if (d.faults == 0)
		assert_true(d.size == r->len);
}

/*
 * With a fault the text does not count, but where it ends does.  A CR or a
 * dot at the very end of all input is not decided yet.
 */
static void
compare(const char *in, size_t len, uint32_t line_max)
{
	struct result want, got;
	size_t cut;

	reference(&want, in, len, line_max);
	for (cut = 0; cut <= len; cut++) {
		machine(&got, in, len, cut, line_max);
		assert_int_equal(got.ended, want.ended);
		assert_int_equal(got.used, want.used);
		if (!want.ended)
			continue;
		assert_int_equal(got.faults, want.faults);
		assert_int_equal(got.eight_bit, want.eight_bit);
		if (want.faults != 0)
			continue;
		assert_int_equal(got.len, want.len);
		assert_memory_equal(got.text, want.text, got.len);
	}
}

/* All strings of n octets of the alphabet, each followed by the true end. */
static void
enumerate(const char *alphabet, size_t letters, size_t n)
{
	static const char end[] = "\r\n.\r\nQUIT\r\n";
	char in[32];
	size_t total = 1, i, k, x;

	for (i = 0; i < n; i++)
		total *= letters;
	for (i = 0; i < total; i++) {
		for (k = 0, x = i; k < n; k++, x /= letters)
			in[k] = alphabet[x % letters];
		memcpy(in + n, end, sizeof(end) - 1);
		compare(in, n + sizeof(end) - 1, LINE_MAX_);
	}
}

static void
test_exhaustive(void **state)
{
	size_t n;

	(void)state;
	for (n = 0; n <= 7; n++)
		enumerate("\r\n.a", 4, n);
}

static void
test_exhaustive_octets(void **state)
{
	size_t n;

	(void)state;
	for (n = 0; n <= 5; n++)
		enumerate("\r\n.\0\xe9", 5, n);
}

/* CVE-2023-51764 and its kin: only CRLF.CRLF ends the text. */
static void
test_smuggling(void **state)
{
	static const char *const ends[] = { "\n.\n", "\n.\r\n", "\r\n.\n",
		"\r.\r\n", "\r\n.\r", "\r.\r", "\r.\n", "\n.\r", "\r\n.\r\r\n",
		"\r\r\n.\r\n", "\r\n.\n\r\n", "\n\r.\r\n", "\r\n\n.\r\n",
		"\r\n.\r\n\n" };
	static const char evil[] = "MAIL FROM:<x@y>\r\n";
	char in[64];
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct result r;

		n = strlen(ends[i]);
		memcpy(in, "first", 5);
		memcpy(in + 5, ends[i], n);
		memcpy(in + 5 + n, evil, sizeof(evil) - 1);
		memcpy(in + 5 + n + sizeof(evil) - 1, ".\r\n", 3);
		n += 5 + sizeof(evil) - 1 + 3;
		compare(in, n, LINE_MAX_);
		machine(&r, in, n, n, LINE_MAX_);
		assert_true(r.ended);
		/* the two that are CRLF.CRLF after all end there */
		if (r.used == n)
			assert_true(r.faults != 0);
	}
}

/* Lines around the limit, of all lengths around a block of 16. */
static void
test_long_lines(void **state)
{
	char in[128];
	uint32_t max;
	size_t n;

	(void)state;
	for (max = 14; max <= 34; max++) {
		for (n = max - 2; n <= max + 2; n++) {
			memset(in, 'a', n);
			memcpy(in + n, "\r\n.\r\n", 5);
			compare(in, n + 5, max);
			/* a stuffed dot is not counted, 4.5.3.1.6 */
			in[0] = '.';
			compare(in, n + 5, max);
		}
	}
}

/* A line that never ends is seen before its end. */
static void
test_endless_line(void **state)
{
	char in[LINE_MAX_ + 2];
	struct data_machine d;
	struct smtp_slice piece;
	size_t used;

	(void)state;
	memset(in, 'a', sizeof(in));
	data_init(&d, TEXT_MAX_, LINE_MAX_);
	assert_int_equal(data_next(&d, smtp_slice(in, LINE_MAX_), &used,
			     &piece),
	    DATA_CHUNK);
	assert_int_equal(data_next(&d, smtp_slice("\r", 1), &used, &piece),
	    DATA_CHUNK);
	assert_int_equal(data_next(&d, smtp_slice("a", 1), &used, &piece),
	    DATA_MORE);
	assert_int_equal(d.faults, DATA_F_LONG_LINE | DATA_F_BARE_CR);
}

static void
test_size(void **state)
{
	static const char in[] = "12345678\r\n.\r\n";
	struct smtp_slice piece;
	struct data_machine d;
	size_t used, max;

	(void)state;
	for (max = 9; max <= 11; max++) {
		data_init(&d, max, LINE_MAX_);
		if (max >= 10) {
			assert_int_equal(data_next(&d,
					     smtp_slice(in, sizeof(in) - 1),
					     &used, &piece),
			    DATA_CHUNK);
			assert_int_equal(used, 10);
			assert_int_equal(data_next(&d,
					     smtp_slice(in + 10,
						 sizeof(in) - 11),
					     &used, &piece),
			    DATA_END);
			assert_int_equal(d.faults, 0);
		} else {
			assert_int_equal(data_next(&d,
					     smtp_slice(in, sizeof(in) - 1),
					     &used, &piece),
			    DATA_END);
			assert_int_equal(used, sizeof(in) - 1);
			assert_int_equal(d.faults, DATA_F_TOO_BIG);
		}
	}
}

/* A fault far into a long run, at each place of a block. */
static void
test_places(void **state)
{
	static char in[9000];
	static const char odd[] = { '\0', '\r', '\n', '\xe9' };
	static const unsigned faults[] = { DATA_F_NUL, DATA_F_BARE_CR,
		DATA_F_BARE_LF, 0 };
	struct data_machine d;
	struct smtp_slice piece;
	size_t at, k, used, sum;
	enum data_event ev;

	(void)state;
	for (at = 8000; at < 8070; at++) {
		for (k = 0; k < sizeof(odd); k++) {
			memset(in, 'a', sizeof(in));
			for (sum = 98; sum < sizeof(in); sum += 100)
				memcpy(in + sum, "\r\n", 2);
			memcpy(in + sizeof(in) - 5, "\r\n.\r\n", 5);
			if (in[at] != 'a' || in[at - 1] != 'a')
				continue;
			in[at] = odd[k];
			data_init(&d, TEXT_MAX_, LINE_MAX_);
			sum = 0;
			do {
				ev = data_next(&d,
				    smtp_slice(in + sum, sizeof(in) - sum),
				    &used, &piece);
				sum += used;
			} while (ev == DATA_CHUNK);
			assert_int_equal(ev, DATA_END);
			assert_int_equal(sum, sizeof(in));
			assert_int_equal(d.faults, faults[k]);
			assert_int_equal(d.eight_bit, k == 3);
		}
	}
}

/* --- what the encoder sends, read back ----------------------------------- */

static bool
is_strict(const char *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (p[i] == '\r' && (i + 1 == n || p[i + 1] != '\n'))
			return false;
		if (p[i] == '\n' && (i == 0 || p[i - 1] != '\r'))
			return false;
	}
	return true;
}

static size_t
emit(char *out, size_t at, struct smtp_slice piece)
{
	assert_true(at + piece.len <= 64);
	memcpy(out + at, piece.p, piece.len);
	return at + piece.len;
}

/* Encode in cut once; -1: it was refused. */
static int
encode(const char *in, size_t len, size_t cut, char *out, size_t *outlen)
{
	struct smtp_slice part[2], piece;
	struct smtp_encoder e;
	size_t used, n = 0;
	int i;

	part[0] = smtp_slice(in, cut);
	part[1] = smtp_slice(in + cut, len - cut);
	smtp_encode_init(&e);
	for (i = 0; i < 2; i++) {
		while (part[i].len > 0) {
			used = smtp_encode(&e, part[i], &piece);
			if (piece.len == 0)
				return -1;
			n = emit(out, n, piece);
			part[i] =
			    smtp_slice(part[i].p + used, part[i].len - used);
		}
	}
	if (smtp_encode_end(&e, &piece) == -1)
		return -1;
	*outlen = emit(out, n, piece);
	return 0;
}

static void
round_trip(const char *in, size_t len)
{
	char out[64];
	struct result r;
	size_t cut, outlen = 0;

	for (cut = 0; cut <= len; cut++) {
		if (!is_strict(in, len)) {
			assert_int_equal(encode(in, len, cut, out, &outlen),
			    -1);
			continue;
		}
		assert_int_equal(encode(in, len, cut, out, &outlen), 0);
		assert_true(is_strict(out, outlen));
		machine(&r, out, outlen, outlen, LINE_MAX_);
		assert_true(r.ended);
		assert_int_equal(r.used, outlen);
		assert_int_equal(r.faults, 0);
		/* a last line without its CRLF is given one */
		assert_int_equal(r.len,
		    len == 0 || in[len - 1] == '\n' ? len : len + 2);
		assert_memory_equal(r.text, in, len);
	}
}

static void
test_encoder(void **state)
{
	static const char alphabet[] = "\r\n.a";
	char in[16];
	size_t n, total = 1, i, k, x;

	(void)state;
	for (n = 0; n <= 7; n++, total *= 4) {
		for (i = 0; i < total; i++) {
			for (k = 0, x = i; k < n; k++, x /= 4)
				in[k] = alphabet[x % 4];
			round_trip(in, n);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exhaustive),
		cmocka_unit_test(test_exhaustive_octets),
		cmocka_unit_test(test_smuggling),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_endless_line),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_encoder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
