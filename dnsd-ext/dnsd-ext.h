/* SPDX-License-Identifier: ISC */
/*
 * dnsd-ext: resolves Internet names with the servers of the external side.
 * The body is common/dns; here is what this side may ask and may hear.
 */
#ifndef DNSD_EXT_DNSD_EXT_H
#define DNSD_EXT_DNSD_EXT_H

#include <stddef.h>

#include "common/base/cage.h"
#include "common/base/conf.h"
#include "common/dns/policy.h"

/* sandbox.c */
extern const struct cage dnsd_ext_cage;

/*
 * policy.c.  Never asked: the names of inside hosts.  Never heard: addresses of
 * inside networks, and of special places outside external { reach }.  -1:
 * ENOMEM.
 */
int ext_policy(struct dns_policy *, const struct conf *);

#endif
