/* SPDX-License-Identifier: ISC */
#include "keyd/keyd.h"

static const struct sandbox_call calls[] = {
	{ "fcntl", SB_GET_SEALS, "posternd's set of keys cannot change" },
};

const struct cage keyd_cage = {
	.calls = calls,
	.ncalls = sizeof(calls) / sizeof(calls[0]),
};
