/* SPDX-License-Identifier: ISC */
/* Tables of sockets by inode: see ksock_load() in kernel.h. */
#ifndef POSTERN_KSOCK_H
#define POSTERN_KSOCK_H

#include "common/base/netaddr.h"
#include "postern/kernel.h"

/* From KFD_SOCKET to what it is, if a table has it. */
void ksock_classify(struct kfd *);

struct klistener {
	struct netaddr addr; /* with port */
	uint64_t inode;
	pid_t pid; /* in whose network namespace it was seen */
};
/* The n-th TCP listener, of all namespaces that were loaded; NULL: no more. */
const struct klistener *ksock_listener(size_t n);

#endif
