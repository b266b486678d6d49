/* SPDX-License-Identifier: ISC */
/*
 * keyd: the only process with private keys.  main.c starts and is told the
 * keys, asker.c answers questions, keys.c holds and signs, block.c tells what
 * may be signed, check.c is the process that says whether files are good.
 */
#ifndef KEYD_KEYD_H
#define KEYD_KEYD_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/chan.h"
#include "common/base/child.h"
#include "common/base/ev.h"
#include "common/base/sandbox.h"
#include "keyd/keys.h"

#define ASKERS_MAX (4 * CONF_WORKERS_MAX)

struct asker {
	struct keyd *keyd;
	struct peer peer;
	struct chan *chan; /* NULL: being replaced */
	uint32_t uses;	   /* enum conf_cert_use: which keys it may name */
	uint64_t tokens;   /* questions that it may ask now, in thousandths */
	uint64_t since;	   /* ms: when they were counted */
	uint32_t logged;
};

struct keyd {
	struct child *child;
	struct ev *ev;
	/* of this configuration and the one before: handshakes overlap */
	struct keys *now, *before;
	struct ev_timer expiry;
	struct asker askers[ASKERS_MAX];
	size_t naskers;
};

/* sandbox.c */
extern const struct cage keyd_cage;

/* asker.c */
void askers_set(struct keyd *, const struct peer *, int fd);

/* check.c: "keyd -c UID GID"; argv from there on; the exit status */
int check_main(char **argv);

#endif
