/* SPDX-License-Identifier: ISC */
/*
 * The watchdog: a process that was stopped, or turns in a circle, sends no end
 * of file.  It is asked every few seconds, and replaced when it is silent.
 */
#include "common/base/log.h"
#include "master/super.h"

#define PERIOD	    3000   /* ms between pings */
#define SILENCE	    10000  /* ms without an answer */
#define START_LIMIT 60000  /* ms to get ready, */
#define SCAN_LIMIT  900000 /* queued, which reads its spool first */
#define LATE	    2000   /* ms: posternd itself was stopped meanwhile */

void
watch_ping(struct instance *i)
{
	if (chan_send(i->chan, CM_REQ_PING, ++i->super->serial, NULL, -1) == -1)
		instance_kill(i, "does not read what it is told");
}

static void
judge(struct instance *i, uint64_t now)
{
	uint64_t limit = SILENCE;

	if (i->life == LIFE_STARTING)
		limit = i->program->root == TOPO_ROOT_SPOOL ? SCAN_LIMIT
							    : START_LIMIT;
	if (now - i->heard <= limit)
		return;
	instance_kill(i,
	    i->life == LIFE_STARTING ? "is not ready in time"
				     : "does not answer");
}

static void
on_watch(struct ev_timer *t)
{
	struct super *s = t->arg;
	uint64_t now = ev_now(s->ev);
	bool late = now - s->watched > PERIOD + LATE;
	struct instance *i;
	uint32_t n;

	s->watched = now;
	for (n = 0; n < TOPO_INSTANCES; n++) {
		i = &s->inst[n];
		if (i->pid == 0 || i->killed)
			continue;
		if (!late)
			judge(i, now);
		if (instance_runs(i))
			watch_ping(i);
	}
	if (ev_timer_set(s->ev, t, PERIOD) == -1)
		fatal("timer");
}

void
watch_start(struct super *s)
{
	s->watched = ev_now(s->ev);
	ev_timer_init(&s->watchdog, on_watch, s);
	if (ev_timer_set(s->ev, &s->watchdog, PERIOD) == -1)
		fatal("timer");
}
