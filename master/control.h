/* SPDX-License-Identifier: ISC */
/*
 * The control socket: a path that the operator's group may connect to.  ctld
 * listens on it; posternd makes and removes it.
 */
#ifndef MASTER_CONTROL_H
#define MASTER_CONTROL_H

#include <sys/types.h>
#include <sys/un.h>

#include "master/config.h"

struct control_socket {
	int fd; /* -1: none */
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	dev_t dev;
	ino_t ino;
};

/* -1 after an error in c->report */
int control_open(struct control_socket *, struct config *c);
/* Removes the socket from the file system, if it is still ours. */
void control_close(struct control_socket *);

#endif
