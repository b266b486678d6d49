/* SPDX-License-Identifier: ISC */
/*
 * Is this host one on which the configuration can run?  Accounts, programs,
 * addresses and interfaces, IP forwarding.
 */
#ifndef MASTER_HOST_H
#define MASTER_HOST_H

#include <stdbool.h>

#include "common/base/netaddr.h"
#include "master/config.h"

/*
 * Report everything that stands in the way to c->report: as errors, or as
 * warnings for -n, which may be run elsewhere and by anybody.  ns: the network
 * namespace of the external side, or -1.
 */
void host_check(struct config *c, const char *libexec, int ns, bool strict);
/*
 * The interface that carries an address of a side, into name; -1: none does.
 */
int host_interface(int ns, const struct netaddr *, char name[CONF_IFNAME_MAX]);
/*
 * Fill in the interface of a side that names none, when all its listeners are
 * on one and the sides are held apart (not single-homed): the sockets of the
 * side are then bound to it, incoming and outgoing.
 */
void host_resolve(struct config *c, int ns);

/*
 * What forwards packets between interfaces in ns (-1: here), by the name of its
 * sysctl: "net.ipv4.conf.all.forwarding", or of an interface, into what; false:
 * nothing does. It is asked over netlink, so that /proc/sys need not be there;
 * a kernel that gives no answer counts as one that forwards.
 */
#define FORWARDING_STRLEN 128
bool forwarding_on(int ns, char what[FORWARDING_STRLEN]);
/* A socket that is readable when that may have changed; -1 with errno */
int forwarding_watch(int ns);
void forwarding_drain(int fd);

#endif
