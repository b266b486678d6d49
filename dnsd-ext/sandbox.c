/* SPDX-License-Identifier: ISC */
/*
 * Nothing beyond what every process has: sockets to the servers come connected
 * from connd, and are used by sendto and recvfrom without an address.
 */
#include "common/dns/dnsd.h"
#include "dnsd-ext/dnsd-ext.h"

const struct cage dnsd_ext_cage = {
	.nofile = DNSD_NOFILE,
	.as = DNSD_AS,
};
