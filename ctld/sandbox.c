/* SPDX-License-Identifier: ISC */
#include "ctld/ctld.h"

static const struct sandbox_call calls[] = {
	{ "accept4", SB_ANY, "the tool connects to the control socket" },
	{ "getsockopt", SB_PEERCRED, "who is it" },
};

const struct cage ctld_cage = {
	.calls = calls,
	.ncalls = sizeof(calls) / sizeof(calls[0]),
};
