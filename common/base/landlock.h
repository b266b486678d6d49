/* SPDX-License-Identifier: ISC */
/*
 * Landlock by system call, with our own constants: Debian 12's headers stop
 * at ABI 2.  Only for sandbox.c.
 */
#ifndef COMMON_BASE_LANDLOCK_H
#define COMMON_BASE_LANDLOCK_H

#include <stdbool.h>
#include <stddef.h>

struct sandbox_dir;

/*
 * Deny every right that the running kernel can deny: files (but those below
 * the root, if uses_root, and below the directories), TCP bind and connect
 * (unless uses_net), abstract unix sockets and signals outside.  no_new_privs
 * must be set.  Returns the ABI in force, 0 if the kernel has no Landlock, -1
 * with errno on failure.
 */
int landlock_enter(bool uses_root, bool uses_net, const struct sandbox_dir *,
    size_t ndirs);

#endif
