/* SPDX-License-Identifier: ISC */
#include "smtpd-out/worker.h"

static const struct sandbox_call calls[] = {
	{ "pread64", SB_ANY, "a message handed over as a descriptor" },
};

const struct cage smtpd_out_cage = {
	.calls = calls,
	.ncalls = sizeof(calls) / sizeof(calls[0]),
	.nofile = 2 * SESSIONS_MAX + 256,
	.as = 2ULL * 1024 * 1024 * 1024,
};
