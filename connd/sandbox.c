/* SPDX-License-Identifier: ISC */
#include "connd/connd.h"

static const struct sandbox_call calls[] = {
	{ "accept4", SB_ANY, "take connections from the listeners" },
	{ "getsockname", SB_ANY, "which listener was this" },
	{ "socket", SB_SOCKET_INET, "dial" },
	{ "bind", SB_ANY, "the source address; is this address our own" },
	{ "connect", SB_ANY, "dial" },
	{ "setsockopt", SB_SETSOCKOPT_CONND, "interface, no delay" },
	{ "getsockopt", SB_GETSOCKOPT_ERROR, "did it connect" },
	{ "sendmsg", SB_SENDMSG, "hand sockets to workers" },
};

const struct cage connd_cage = {
	.calls = calls,
	.ncalls = sizeof(calls) / sizeof(calls[0]),
	.host_net = true,
	.nofile = 4096,
};
