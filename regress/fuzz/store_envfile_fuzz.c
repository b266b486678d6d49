/* SPDX-License-Identifier: ISC */
/* link: queued/store.a common/base.a */
/*
 * NAME.env of an export, as it is, and with the checksum in a last line that
 * it would need, so that what stands before is looked at as well.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queued/store/crc32c.h"
#include "queued/store/envfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
parse(const uint8_t *data, size_t len)
{
	struct envfile_parts p;
	unsigned sum = 0;
	size_t i;

	if (envfile_parse(data, len, &p) == 0) {
		assert(p.env != NULL && p.env_len <= len / 2);
		assert(p.state_len <= len / 2);
		for (i = 0; i < p.env_len; i++)
			sum += p.env[i];
		for (i = 0; i < p.state_len; i++)
			sum += p.state[i];
		assert(sum <= 255 * len);
	}
	envfile_free(&p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *sealed, line[32];
	int n;

	parse(data, len);
	/* the same with the last line that it would need */
	n = snprintf(line, sizeof(line), "End: %08x\n", crc32c(0, data, len));
	sealed = malloc(len + (size_t)n);
	assert(sealed != NULL);
	memcpy(sealed, data, len);
	memcpy(sealed + len, line, (size_t)n);
	parse((const uint8_t *)sealed, len + (size_t)n);
	free(sealed);
	return 0;
}
