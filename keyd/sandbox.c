/* SPDX-License-Identifier: ISC */
#include "keyd/keyd.h"

const struct sandbox_call keyd_calls[] = {
	{ "fcntl", SB_GET_SEALS, "posternd's set of keys cannot change" },
};
const size_t keyd_ncalls = sizeof(keyd_calls) / sizeof(keyd_calls[0]);
