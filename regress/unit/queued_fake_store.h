/* SPDX-License-Identifier: ISC */
/*
 * A store in memory with the interface of queued/store/store.h, for tests of
 * the queue: it keeps what was committed apart from what was not, fails on
 * demand, and can be closed and opened again as after a crash.
 */
#ifndef REGRESS_QUEUED_FAKE_STORE_H
#define REGRESS_QUEUED_FAKE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queued/store/store.h"

struct fake_knobs {
	int append_error;  /* errno of every append; 0: none */
	int commit_error;  /* errno of every commit; 0: none */
	int load_error;	   /* errno of every load and read; 0: none */
	size_t batch_max;  /* messages of a batch, then EAGAIN; 0: no bound */
	uint64_t room_max; /* answer of store_room_max() */
	bool leave;	   /* upkeep fails and leaves something to commit */
	unsigned commits;  /* counts those that had something */
	unsigned maintains;
};
extern struct fake_knobs fake;

void fake_reset(void);		/* forget the disks and all knobs */
struct store *fake_disk(int n); /* to be opened by store_open(dirfd n) */
/* Messages that a crash now would leave. */
size_t fake_durable(int n);
/* Durable state of a recipient: -1 no such message, else its status. */
int fake_status(int n, uint64_t id, uint32_t rcpt);
bool fake_held(int n, uint64_t id);

#endif
