/* SPDX-License-Identifier: ISC */
/*
 * posternd's own tables over a real channel, whose other end is the test; the
 * rest of posternd only counts what is asked of it.
 */
#ifndef REGRESS_HOSTILE_CHAN_MASTER_STAGE_H
#define REGRESS_HOSTILE_CHAN_MASTER_STAGE_H

#include <stddef.h>

#include "common/base/proc.h"
#include "master/super.h"

extern struct super super;
extern struct instance *child;	     /* the one in the attacker's hands */
extern struct instance *last_killed; /* NULL: nobody */
extern unsigned others_killed, wired, asked, reopened, committed;

/* posternd runs, all are ready, and this one is at the channel. */
void stage_begin(const struct peer *);
void stage_end(void);
/* It says this, with so many descriptors.  -1 with errno. */
int stage_send(const void *, size_t len, int nfds);

#endif
