/* SPDX-License-Identifier: ISC */
/*
 * The stage of the channel tests: "c" is the channel under test over a real
 * socketpair, the peer is a bare socket, so that it can say what no honest
 * peer would.  Messages end in handlers that remember what they saw.
 */
#ifndef REGRESS_UNIT_CHAN_STAGE_H
#define REGRESS_UNIT_CHAN_STAGE_H

#include <sys/types.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/chan.h"
#include "common/base/ev.h"

#define T_TEXT	 0x0101 /* 0 to 100 bytes */
#define T_FIXED	 0x0102 /* exactly 4 */
#define T_FD	 0x0103
#define T_OPTFD	 0x0104
#define T_LATER	 0x0105 /* only in state 2 */
#define T_BIG	 0x0106
#define T_REFUSE 0x0107 /* the handler says no */
#define T_FREE	 0x0108 /* the handler frees the channel */
#define T_CLOSE	 0x0109 /* the handler closes it, and says no */
#define T_PAUSE	 0x010a
#define T_ECHO	 0x010b
#define T_HUGE	 0x010c /* a table that promises too much */

extern struct ev *loop;
extern struct chan *c;
extern int peer; /* the other end */
extern size_t fds_before;

/* what the handlers saw */
extern unsigned handled, violations, drains;
extern enum chan_violation violated;
extern uint32_t last_id;
extern uint8_t got[CHAN_PAYLOAD_MAX];
extern size_t got_len;
extern int got_fd;
/* what the callbacks shall do */
extern bool free_on_violation, free_on_drain;
/* what the peer heard */
extern uint8_t heard[CHAN_MSG_MAX];
extern int heard_fd;

#define with_stage(f) cmocka_unit_test_setup_teardown(f, stage_up, stage_down)
int stage_up(void **);
int stage_down(void **); /* fails if a descriptor is left */

struct chan_spec spec(bool fds);
void start(const struct chan_spec *);
void start_plain(void);
void start_fds(void);
void stop(void);
void turns(unsigned n); /* of the loop, without waiting */
size_t open_fds(void);

/* The peer says something raw, with n descriptors of /dev/null. */
void say_raw(const void *, size_t len, size_t n);
void say(uint16_t type, uint32_t id, const void *, size_t len, size_t nfds);
/* What the peer reads: its length, the message in heard; -1: nothing. */
ssize_t hear(void);
uint32_t heard_id(void);

#endif
