/* SPDX-License-Identifier: ISC */
/* What the parts of the world share; tests include queued_world.h. */
#ifndef REGRESS_QUEUED_WORLD_INSIDE_H
#define REGRESS_QUEUED_WORLD_INSIDE_H

#include "regress/unit/queued_world.h"

extern const struct q_env w_env; /* the peers, as the queue calls them */

/* The queue did what it must not, or the test what it cannot: abort. */
void w_broken(const char *what) __attribute__((noreturn));
/* A new recipient; the pointer is good until the next one. */
struct w_rcpt *w_enter(uint64_t id, const char *addr);

#endif
