/* SPDX-License-Identifier: ISC */
/*
 * connd: the only process that accepts from, and connects to, a network.
 * It parses fixed-size requests only and never reads a byte of a connection.
 */
#ifndef CONND_CONND_H
#define CONND_CONND_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/chan.h"
#include "common/base/child.h"
#include "common/base/conf.h"
#include "common/base/ev.h"
#include "common/base/sandbox.h"

struct accepting; /* accept.c: listeners, workers, limits */
struct dialling;  /* dial.c: connections under way */

struct connd {
	struct child *child;
	struct ev *ev;
	const struct conf *conf; /* NULL until the first */
	enum side side;
	struct accepting *accepting;
	struct dialling *dialling;
};

/* sandbox.c */
extern const struct cage connd_cage;

/* accept.c */
void accept_init(struct connd *);
void accept_conf(struct connd *);			  /* conf has changed */
int accept_listener(struct connd *, uint32_t id, int fd); /* takes fd */
void accept_peer(struct connd *, const struct peer *, int fd); /* smtpd-in */
void accept_drain(struct connd *); /* close the listeners */

/* dial.c */
void dial_init(struct connd *);
void dial_peer(struct connd *, const struct peer *, int fd);

#endif
