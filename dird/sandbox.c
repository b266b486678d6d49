/* SPDX-License-Identifier: ISC */
#include "dird/dird.h"

static const struct sandbox_call calls[] = {
	{ "pread64", SB_ANY, "recipient files, handed over open" },
};

const struct cage dird_cage = {
	.calls = calls,
	.ncalls = sizeof(calls) / sizeof(calls[0]),
	.as = 4ULL * 1024 * 1024 * 1024,
};
