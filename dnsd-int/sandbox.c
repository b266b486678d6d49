/* SPDX-License-Identifier: ISC */
/*
 * Nothing beyond what every process has: sockets to the servers come connected
 * from connd, and are used by sendto and recvfrom without an address.
 */
#include "dnsd-int/dnsd-int.h"

const struct sandbox_call *const int_calls = NULL;
const size_t int_ncalls = 0;
