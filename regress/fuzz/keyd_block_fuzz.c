/* SPDX-License-Identifier: ISC */
/* link: keyd/block.o */
/*
 * Blocks to be signed.  The first octet, if it is below 8, puts one of the
 * shapes in front of what is left, so that their insides are reached.  What is
 * taken has no other shape when a part of it is cut off.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "keyd/block.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static size_t
prefix(unsigned which, uint8_t *to)
{
	static const char server[] = "TLS 1.3, server CertificateVerify";

	if (which < 2) {
		memset(to, ' ', 64);
		memcpy(to + 64, server, sizeof(server));
		return 64 + (which == 0 ? sizeof(server) : 0);
	}
	if (which < 4) {
		memset(to, (int)which, 64);
		to[64] = 3;
		return 65;
	}
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum block_kind kind;
	uint8_t *block;
	size_t n = 0;

	if (size == 0)
		return 0;
	block = malloc(128 + size);
	assert(block != NULL);
	if (data[0] < 8)
		n = prefix(data[0], block);
	memcpy(block + n, data + 1, size - 1);
	n += size - 1;
	kind = block_parse(block, n);
	assert((unsigned)kind <= BLOCK_CLIENT_12);
	if (kind != BLOCK_NONE) {
		assert(block_parse(block, n - 1) == BLOCK_NONE);
		assert(block_scheme(kind, 0x0403) != NULL);
		assert(n > 64);
	}
	free(block);
	return 0;
}
