/* SPDX-License-Identifier: ISC */
#include "smtpd-in/server.h"

static const struct sandbox_call calls[] = {
	{ "sendmsg", SB_SENDMSG, "message bodies to queued as descriptors" },
	{ "memfd_create", SB_ANY, "bodies too large for a channel message" },
	{ "write", SB_ANY, "into that memfd" },
	{ "fcntl", SB_ADD_SEALS, "seal it before it is handed over" },
};

const struct cage smtpd_in_cage = {
	.calls = calls,
	.ncalls = sizeof(calls) / sizeof(calls[0]),
	.nofile = CLIENTS_MAX + 1024,
	.fsize = 1024ULL * 1024 * 1024,
	.as = 4ULL * 1024 * 1024 * 1024,
};
