/* SPDX-License-Identifier: ISC */
/*
 * dnsd-int: resolves names of the intranet with the servers of the internal
 * side.  The body is common/dns; here is what this side may ask.
 */
#ifndef DNSD_INT_DNSD_INT_H
#define DNSD_INT_DNSD_INT_H

#include <stddef.h>

#include "common/base/cage.h"
#include "common/base/conf.h"
#include "common/dns/policy.h"

/* sandbox.c */
extern const struct cage dnsd_int_cage;

/*
 * policy.c.  Asked are the company's domains, the hosts and MX names that mail
 * for them is delivered to, what lies below any of these, and the reverse
 * names of inside networks; no other name, so that an inside server is never
 * asked for a name of the Internet.  -1: ENOMEM.
 */
int int_policy(struct dns_policy *, const struct conf *);

#endif
