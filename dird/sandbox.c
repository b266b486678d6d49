/* SPDX-License-Identifier: ISC */
#include "dird/dird.h"

const struct sandbox_call dird_calls[] = {
	{ "pread64", SB_ANY, "recipient files, handed over open" },
};
const size_t dird_ncalls = sizeof(dird_calls) / sizeof(dird_calls[0]);
