/* SPDX-License-Identifier: ISC */
/*
 * libbsd's red-black trees.  Its _STATIC macros use a BSD keyword that glibc
 * does not have; this is the one place that lends it.
 */
#ifndef COMMON_BASE_TREE_H
#define COMMON_BASE_TREE_H

#include <bsd/sys/cdefs.h>
#include <bsd/sys/tree.h>

#ifndef __unused
#define __unused __attribute__((__unused__))
#endif

#endif
