/* SPDX-License-Identifier: ISC */
/*
 * Doing something in the network namespace of a side.  posternd itself lives in
 * the host's; "external { namespace }" names one below /run/netns, in which
 * the sockets of that side are made.
 */
#ifndef MASTER_NETNS_H
#define MASTER_NETNS_H

/* -1 with errno */
int netns_open(const char *name);
/*
 * Enter ns (-1: stay), and leave it with what netns_enter() returned.  Leaving
 * cannot fail without leaving posternd in a place where it must not be: fatal.
 */
int netns_enter(int ns); /* -1 with errno */
void netns_leave(int back);

#endif
