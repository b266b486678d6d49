/* SPDX-License-Identifier: ISC */
/*
 * The packet filter that goes with a configuration, as nftables rules: a
 * second wall, kept by the kernel, around what the processes do by
 * themselves.  Into the Internet interface only the ports of the listeners,
 * out of it only connd/ext, by its account, to the ports and servers of the
 * configuration; connd/int only into the internal networks; no other process
 * of ours anywhere; nothing from one side to the other.
 *
 * A side whose interface is not named, or is that of both sides, is known by
 * its addresses instead.  The rules of a network namespace are to be loaded
 * in it.  Pure: nothing of the host is looked at.
 */
#ifndef MASTER_FIREWALL_H
#define MASTER_FIREWALL_H

#include <stdio.h>

#include "master/config.h"

/*
 * Rules for a namespace; "": posternd's own.  -1: no side is there, or a name
 * cannot be written in nftables; the reason is on stderr.
 */
int firewall_print(const struct config *, const char *netns, FILE *);

#endif
