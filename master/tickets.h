/* SPDX-License-Identifier: ISC */
/*
 * Keys of TLS session tickets: random, one series a side, the same for all
 * workers of a side and unknown to the other's.  A new one every twelve hours;
 * the one before is still good for opening tickets until the next.
 */
#ifndef MASTER_TICKETS_H
#define MASTER_TICKETS_H

#include "master/super.h"

struct tickets;

struct tickets *tickets_new(struct ev *, struct super *); /* NULL: ENOMEM */
void tickets_free(struct tickets *);			  /* and wiped */
/* What a worker of smtpd-in gets, when it starts. */
void tickets_give(const struct tickets *, struct instance *);

#endif
