/* SPDX-License-Identifier: ISC */
/*
 * What the tests of the queue share: each has a fresh world, and a session
 * that is not there when a test wants it fails the test.
 */
#ifndef REGRESS_QUEUED_STAGE_H
#define REGRESS_QUEUED_STAGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "queued_world.h"

#define MINUTE	      60000ULL /* ms */
#define HOUR	      (60 * MINUTE)
#define DAY	      (24 * HOUR)

#define with_world(f) cmocka_unit_test_setup_teardown(f, world_up, world_down)
int world_up(void **);
int world_down(void **);

struct w_session *w_opening(void);
struct w_session *w_working(void); /* one with a job */
void w_wait_for_job(void);	   /* answers READY to what opens meanwhile */

#endif
