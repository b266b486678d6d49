/* SPDX-License-Identifier: ISC */
/* link: smtpd-in/data.o common/smtp.a common/base.a */
/*
 * The text after DATA: the first octet says in what pieces the rest is read.
 * Whole and in pieces it ends at the same place with the same faults; what
 * comes out clean is strict, and is the same after the encoder and back.
 */
#include <assert.h>
#include <stdlib.h>

#include "common/smtp/encode.h"
#include "common/smtp/header.h"
#include "smtpd-in/data.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define TEXT_MAX  50000
#define LINE_MAX_ 998

struct text {
	char *p;
	size_t len;
	size_t cap;
};

struct outcome {
	struct text text;
	struct data_machine d;
	size_t used;
	bool ended;
};

static void
add(struct text *t, struct smtp_slice s)
{
	if (s.len > t->cap - t->len) {
		t->cap = 2 * (t->len + s.len);
		t->p = realloc(t->p, t->cap);
		assert(t->p != NULL);
	}
	if (s.len > 0)
		memcpy(t->p + t->len, s.p, s.len);
	t->len += s.len;
}

static void
decode(struct outcome *o, struct smtp_slice in, size_t step)
{
	struct smtp_slice piece;
	enum data_event ev;
	size_t n, used;

	memset(o, 0, sizeof(*o));
	data_init(&o->d, TEXT_MAX, LINE_MAX_);
	while (o->used < in.len && !o->ended) {
		n = in.len - o->used < step ? in.len - o->used : step;
		ev = data_next(&o->d, smtp_slice(in.p + o->used, n), &used,
		    &piece);
		assert(used > 0 && used <= n);
		assert((piece.len > 0) == (ev == DATA_CHUNK));
		assert(ev != DATA_CHUNK || o->d.faults == 0);
		add(&o->text, piece);
		o->used += used;
		o->ended = ev == DATA_END;
	}
	assert(o->d.octets == o->used);
	assert(o->d.faults != 0 || o->d.size == o->text.len);
}

static void
check_strict(const struct text *t)
{
	size_t i;

	for (i = 0; i < t->len; i++) {
		assert(t->p[i] != '\0');
		if (t->p[i] == '\r')
			assert(i + 1 < t->len && t->p[i + 1] == '\n');
		if (t->p[i] == '\n')
			assert(i > 0 && t->p[i - 1] == '\r');
	}
}

static void
encode(struct text *wire, const struct text *t, size_t step)
{
	struct smtp_slice rest = smtp_slice(t->p, t->len), piece;
	struct smtp_encoder e;

	smtp_encode_init(&e);
	while (rest.len > 0) {
		size_t n = rest.len < step ? rest.len : step;
		size_t used = smtp_encode(&e, smtp_slice(rest.p, n), &piece);

		assert(used <= n && piece.len > 0);
		add(wire, piece);
		rest = smtp_slice(rest.p + used, rest.len - used);
	}
	assert(smtp_encode_end(&e, &piece) == 0);
	add(wire, piece);
}

/* The header scanner does not care where the text is cut, either. */
static void
scan(const struct text *t, size_t step)
{
	struct smtp_header a, b;
	struct smtp_token token;
	size_t at, n;

	smtp_token_init(&token, smtp_slice_str("gw.test"));
	smtp_header_init(&a);
	smtp_header_init(&b);
	smtp_header_push(&a, &token, t->p, t->len);
	for (at = 0; at < t->len; at += n) {
		n = t->len - at < step ? t->len - at : step;
		smtp_header_push(&b, &token, t->p + at, n);
	}
	assert(memcmp(a.count, b.count, sizeof(a.count)) == 0);
	assert(a.own == b.own && a.size == b.size && a.done == b.done);
	assert(a.eight_bit == b.eight_bit && a.unmarked == b.unmarked);
	assert(a.size <= t->len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome whole, cut, back;
	struct text wire = { NULL, 0, 0 };
	struct smtp_slice in;
	size_t step;

	if (size == 0)
		return 0;
	step = data[0] + 1U;
	in = smtp_slice((const char *)data + 1, size - 1);
	decode(&whole, in, SIZE_MAX);
	decode(&cut, in, step);
	assert(whole.ended == cut.ended && whole.used == cut.used);
	assert(!whole.ended || whole.d.faults == cut.d.faults);
	if (whole.ended && whole.d.faults == 0) {
		assert(whole.text.len == cut.text.len);
		assert(whole.text.len == 0 ||
		    memcmp(whole.text.p, cut.text.p, cut.text.len) == 0);
		check_strict(&whole.text);
		scan(&whole.text, step);
		encode(&wire, &whole.text, step);
		decode(&back, smtp_slice(wire.p, wire.len), SIZE_MAX);
		assert(back.ended && back.used == wire.len);
		assert(back.text.len == whole.text.len);
		assert(back.text.len == 0 ||
		    memcmp(back.text.p, whole.text.p, back.text.len) == 0);
		free(back.text.p);
	}
	free(wire.p);
	free(whole.text.p);
	free(cut.text.p);
	return 0;
}
