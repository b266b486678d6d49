/* SPDX-License-Identifier: ISC */
/*
 * The probe at start: sockets made as connd/ext makes them try to reach the
 * configured inside hosts.  If one answers, the sides are not apart, whatever
 * the configuration says, and posternd does not open its doors.
 */
#ifndef MASTER_PROBE_H
#define MASTER_PROBE_H

#include <stdbool.h>

#include "common/base/ev.h"
#include "master/config.h"

struct probe;

/*
 * done(arg, what) is called once, from the loop: what is NULL if nothing could
 * be reached, else the address that answered.  NULL: there is nothing to probe
 * (single-homed, no inside host known by address), done will not be called.
 */
struct probe *probe_new(struct ev *, const struct config *, int ns,
    void (*done)(void *, const char *what), void *arg);
void probe_free(struct probe *);

#endif
