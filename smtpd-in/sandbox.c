/* SPDX-License-Identifier: ISC */
#include "smtpd-in/server.h"

const struct sandbox_call smtpd_in_calls[] = {
	{ "sendmsg", SB_SENDMSG, "message bodies to queued as descriptors" },
	{ "memfd_create", SB_ANY, "bodies too large for a channel message" },
	{ "write", SB_ANY, "into that memfd" },
	{ "fcntl", SB_ADD_SEALS, "seal it before it is handed over" },
};
const size_t smtpd_in_ncalls =
    sizeof(smtpd_in_calls) / sizeof(smtpd_in_calls[0]);
