/* SPDX-License-Identifier: ISC */
#include "ctld/ctld.h"

const struct sandbox_call ctld_calls[] = {
	{ "accept4", SB_ANY, "the tool connects to the control socket" },
	{ "getsockopt", SB_PEERCRED, "who is it" },
};
const size_t ctld_ncalls = sizeof(ctld_calls) / sizeof(ctld_calls[0]);
