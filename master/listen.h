/* SPDX-License-Identifier: ISC */
/*
 * The TCP listeners.  posternd makes them and keeps its copy, so that none
 * closes while connd is replaced; connd gets duplicates.  A listener is bound
 * to the interface that carries its address, so that no packet that came in
 * elsewhere reaches it (Linux answers for any address on any interface), and
 * is made in its side's network namespace, which it keeps.
 */
#ifndef MASTER_LISTEN_H
#define MASTER_LISTEN_H

#include "master/config.h"

struct instance;
struct listeners;

/*
 * All listeners of a configuration; those that old has too are taken over, so
 * that no connection waiting in them is lost.  NULL after errors in
 * c->report: then nothing was changed.  old may be NULL and stays the caller's.
 */
struct listeners *listeners_open(struct config *c, int ns,
    const struct listeners *old);
void listeners_free(struct listeners *);
/* Give a connd those of its side. */
void listeners_give(const struct listeners *, struct instance *);

#endif
