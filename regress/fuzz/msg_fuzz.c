/* SPDX-License-Identifier: ISC */
/* link: regress/msg/msg_codecs.o common/msg.a common/base.a */
/*
 * A message of any edge.  Input: one byte picks the codec, the rest is what it
 * decodes.  What it takes it must give back: the same message, or, for one
 * that can be said in several ways, one that means the same.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "regress/msg/msg_codecs.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static size_t
encode(const struct codec *c, const void *m, uint8_t *mem, size_t cap)
{
	struct ibuf b;

	ibuf_wrap(&b, mem, cap);
	if (c->put(&b, m) == -1)
		abort();
	return ibuf_size(&b);
}

static void
check(const struct codec *c, const uint8_t *data, size_t len, const void *m)
{
	static uint8_t first[CODEC_SIZE], second[CODEC_SIZE];
	static union {
		uint8_t bytes[CODEC_SIZE];
		uint64_t align;
	} back;
	size_t n = encode(c, m, first, sizeof(first));
	struct ibuf b;

	assert(n >= c->min && n <= c->max);
	assert(c->loose || (n == len && memcmp(first, data, n) == 0));
	memset(&back, 0x5a, sizeof(back));
	ibuf_from(&b, first, n);
	if (c->get(&b, &back) == -1 || ibuf_size(&b) != 0)
		abort();
	assert(encode(c, &back, second, sizeof(second)) == n);
	assert(memcmp(first, second, n) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static union {
		uint8_t bytes[CODEC_SIZE];
		uint64_t align;
	} m;
	const struct codec *c;
	uint8_t *exact;
	struct ibuf b;

	if (size < 1)
		return 0;
	c = &codecs[data[0] % ncodecs];
	size--;
	/* of its own size, so that a read past its end is seen */
	if ((exact = malloc(size > 0 ? size : 1)) == NULL)
		return 0;
	memcpy(exact, data + 1, size);
	memset(&m, 0xa5, sizeof(m));
	ibuf_from(&b, exact, size);
	if (c->get(&b, &m) == 0) {
		assert(c->part || ibuf_size(&b) == 0);
		check(c, exact, size - ibuf_size(&b), &m);
	}
	free(exact);
	return 0;
}
