/* SPDX-License-Identifier: ISC */
#include "smtpd-out/worker.h"

const struct sandbox_call smtpd_out_calls[] = {
	{ "pread64", SB_ANY, "a message handed over as a descriptor" },
};
const size_t smtpd_out_ncalls =
    sizeof(smtpd_out_calls) / sizeof(smtpd_out_calls[0]);
