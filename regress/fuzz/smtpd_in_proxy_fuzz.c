/* SPDX-License-Identifier: ISC */
/* link: smtpd-in/proxy.o common/base.a */
/*
 * The PROXY header: whatever comes, a verdict does not change when more comes
 * behind it, and what is not bad as a whole is not bad in pieces.
 */
#include <assert.h>
#include <string.h>

#include "smtpd-in/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proxy_header all, part;
	enum proxy_status st = proxy_parse(data, size, &all), before;
	size_t n;

	if (st == PROXY_DONE || st == PROXY_LOCAL) {
		assert(all.len >= PROXY_HEAD && all.len <= PROXY_MAX);
		assert(all.len <= size);
	}
	if (st == PROXY_DONE)
		assert(
		    netaddr_valid(&all.client) && netaddr_valid(&all.server));
	assert((st == PROXY_BAD) == (all.why != NULL));
	for (n = 0; n < size && n < PROXY_MAX; n++) {
		before = proxy_parse(data, n, &part);
		if (before == PROXY_MORE)
			continue;
		assert(before == st && part.len == all.len);
		assert(n >= part.len);
		break;
	}
	return 0;
}
