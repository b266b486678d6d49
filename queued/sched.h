/* SPDX-License-Identifier: ISC */
/*
 * When: retries, expiry, and the time that the queue goes by.  Pure.
 *
 * All that runs is timed by the monotonic clock (ms).  What must outlive a
 * restart is stamped with queue time (Unix ms): the real time of the start,
 * carried on by the monotonic clock, so that a step of the system's clock
 * while we run moves nothing.  At a start the real time is believed only if
 * it is plausible beside the newest stamp in the spool; a clock that jumped
 * by years must neither bounce the queue nor keep it for ever.
 */
#ifndef QUEUED_SCHED_H
#define QUEUED_SCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conf;
struct conf_schedule;

#define SCHED_NEVER UINT64_MAX

struct qclock {
	uint64_t wall0; /* queue time at mono0 */
	uint64_t mono0;
	bool distrusted; /* the real time was not believed */
};

/*
 * Start the clock.  newest: latest stamp found in the spool, 0 if it is
 * empty.  lifetime: that of a message, ms; a pause of more than twice that
 * (and of a week at least) is taken for a jump of the clock, and the queue
 * goes on from where it was.
 */
void qclock_start(struct qclock *, uint64_t mono, uint64_t real,
    uint64_t newest, uint64_t lifetime);
/*
 * Follow small corrections of the real time (up to a minute); larger ones
 * are ignored.  Returns false when the real time is off by more.
 */
bool qclock_follow(struct qclock *, uint64_t mono, uint64_t real);
uint64_t qclock_wall(const struct qclock *, uint64_t mono);
/* The monotonic time of a stamp; of one before our clock's start: 0. */
uint64_t qclock_mono(const struct qclock *, uint64_t wall);

/*
 * ms until the next attempt after n failed ones (n >= 1) of a message, or
 * the next connection after n failed ones in a row to a destination: the n-th
 * entry of "retry", the last of which repeats, give or take a tenth.
 * random: any number.
 */
uint64_t sched_retry(const struct conf_schedule *, unsigned n, uint32_t random);
/*
 * No sched_retry() of any schedule of the configuration is longer, ms.  Looks
 * at all of them.
 */
uint64_t sched_longest(const struct conf *);

#endif
