/* SPDX-License-Identifier: ISC */
/* link: selftest/main.o selftest/world.o selftest/cages.o connd/sandbox.o
 * smtpd-in/sandbox.o smtpd-out/sandbox.o queued/sandbox.o dnsd-ext/sandbox.o
 * dnsd-int/sandbox.o dird/sandbox.o logd/sandbox.o ctld/sandbox.o
 * common/attack.a common/msg.a common/base.a */
/* The selftest, with keyd's cage leaking: a start must find it. */
#include "common/base/cage.h"

extern const struct cage keyd_cage;

static const struct sandbox_call calls[] = {
	{ "fcntl", SB_ANY, "too wide: more descriptors" },
	{ "keyctl", SB_ANY, "keys in the kernel" },
	{ "socket", SB_ANY, "sockets of every kind" },
};

const struct cage keyd_cage = {
	.calls = calls,
	.ncalls = sizeof(calls) / sizeof(calls[0]),
	.nofile = 1 << 20,
};
