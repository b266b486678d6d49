/* SPDX-License-Identifier: ISC */
/* link: common/smtp.a common/base.a */
/*
 * An 8-bit message made 7-bit: the result is 7-bit, the same however the text
 * is cut, and needs nothing to be done a second time; what is encoded after
 * DATA ends where it should.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/smtp/downgrade.h"
#include "common/smtp/encode.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static struct smtp_downgrade d;

static enum smtp_downgrade_verdict
look(const char *in, size_t len, size_t piece)
{
	size_t at, n;

	smtp_downgrade_init(&d);
	for (at = 0; at < len; at += n) {
		n = len - at < piece ? len - at : piece;
		smtp_downgrade_look(&d, smtp_slice(in + at, n));
	}
	return smtp_downgrade_looked(&d);
}

/* The result, of *n octets: free(). */
static char *
convert(const char *in, size_t len, size_t piece, size_t *n)
{
	size_t at, used, cap = SMTP_QUOTED_ROOM(len) + 256 * (len + 1);
	char *to = malloc(cap);
	struct smtp_slice s;

	assert(to != NULL);
	*n = 0;
	for (at = 0; at <= len; at += used) {
		used = len - at < piece ? len - at : piece;
		if (used == 0)
			smtp_downgrade_end(&d, &s);
		else
			used = smtp_downgrade_push(&d,
			    smtp_slice(in + at, used), &s);
		assert(d.verdict == DOWNGRADE_OK && !d.out.failed);
		assert(s.len <= cap - *n);
		memcpy(to + *n, s.p, s.len);
		*n += s.len;
		if (at == len)
			break;
	}
	return to;
}

static void
check_encoded(const char *s, size_t len)
{
	struct smtp_encoder e;
	struct smtp_slice in = smtp_slice(s, len), out;
	size_t used;

	smtp_encode_init(&e);
	while (in.len > 0) {
		used = smtp_encode(&e, in, &out);
		assert(!e.failed);
		in = smtp_slice(in.p + used, in.len - used);
	}
	assert(smtp_encode_end(&e, &out) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *in = (const char *)data;
	char *one, *other, *again;
	size_t i, n, m;

	if (look(in, size, 7) != DOWNGRADE_OK) {
		assert(look(in, size, size) != DOWNGRADE_OK);
		return 0;
	}
	one = convert(in, size, 7, &n);
	for (i = 0; i < n; i++)
		assert(!smtp_is8bit(one[i]));
	check_encoded(one, n);
	assert(look(in, size, size) == DOWNGRADE_OK);
	other = convert(in, size, size > 0 ? size : 1, &m);
	assert(n == m && memcmp(one, other, n) == 0);
	assert(look(one, n, 1000) == DOWNGRADE_OK);
	again = convert(one, n, 1000, &m);
	assert(n == m && memcmp(one, again, n) == 0);
	free(one);
	free(other);
	free(again);
	return 0;
}
