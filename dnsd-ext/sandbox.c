/* SPDX-License-Identifier: ISC */
/*
 * Nothing beyond what every process has: sockets to the servers come connected
 * from connd, and are used by sendto and recvfrom without an address.
 */
#include "dnsd-ext/dnsd-ext.h"

const struct sandbox_call *const ext_calls = NULL;
const size_t ext_ncalls = 0;
