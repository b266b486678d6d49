/* SPDX-License-Identifier: ISC */
#include "logd/logd.h"

static const struct sandbox_call calls[] = {
	{ "write", SB_ANY, "the log file or stderr" },
};

const struct cage logd_cage = {
	.calls = calls,
	.ncalls = sizeof(calls) / sizeof(calls[0]),
	.fsize = UINT64_MAX,
};
