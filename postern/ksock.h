/* SPDX-License-Identifier: ISC */
/* Tables of sockets by inode: see ksock_load() in kernel.h. */
#ifndef POSTERN_KSOCK_H
#define POSTERN_KSOCK_H

#include "postern/kernel.h"

/* From KFD_SOCKET to what it is, if a table has it. */
void ksock_classify(struct kfd *);

#endif
