/* SPDX-License-Identifier: ISC */
/* All of it, where write(2) may do a part. */
#ifndef COMMON_BASE_FDIO_H
#define COMMON_BASE_FDIO_H

#include <stddef.h>

/* To a file or memfd, not a socket.  -1 with errno. */
int fd_write_all(int fd, const void *, size_t);

#endif
