/* SPDX-License-Identifier: ISC */
#include "logd/logd.h"

const struct sandbox_call logd_calls[] = {
	{ "write", SB_ANY, "the log file or stderr" },
};
const size_t logd_ncalls = sizeof(logd_calls) / sizeof(logd_calls[0]);
