/* SPDX-License-Identifier: ISC */
/*
 * A message's state as a list of {u16 tag, u16 length, value}, and the sum of
 * several such lists.  No I/O.
 */
#ifndef QUEUED_STORE_STATE_H
#define QUEUED_STORE_STATE_H

#include <stddef.h>
#include <stdint.h>

#include "queued/store/store.h"

enum state_tag {	    /* from STORE_EXTRA_MIN on the owner's own */
	STATE_RCPT = 1,	    /* u32 index, u8 status, u8 reason, u16 code, */
			    /* u16 attempts, text */
	STATE_NEXT = 2,	    /* u64 Unix ms */
	STATE_ATTEMPTS = 3, /* u32 */
	STATE_HELD = 4,	    /* u8 */
	STATE_POISON = 5,   /* u32 */
	STATE_TEXT = 6
};

#define STATE_RCPT_LEN 10 /* without its text */

/* Bytes that a state takes; 0: EINVAL, it breaks a bound. */
size_t state_size(const struct store_state *);
void state_put(uint8_t *, const struct store_state *);

/*
 * The sum.  Lists are fed from the newest to the oldest, what was seen first
 * stays.  Pointers in st are into the lists: they must outlive it.
 */
struct state_sum {
	struct store_state st;
	struct store_rcpt *rcpts;
	size_t cap_rcpts;
	struct store_extra *extras;
	size_t cap_extras;
	uint8_t *seen; /* a bit per recipient */
	size_t cap_seen;
};

void state_sum_reset(struct state_sum *); /* also makes a zeroed one ready */
int state_sum_add(struct state_sum *, const uint8_t *, size_t); /* EBADMSG */
void state_sum_sort(struct state_sum *); /* recipients by index */
void state_sum_free(struct state_sum *);
/*
 * Cut texts until the sum takes at most max bytes: a snapshot must fit into
 * one record.
 */
size_t state_sum_fit(struct state_sum *, size_t max);

#endif
