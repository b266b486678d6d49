/* SPDX-License-Identifier: ISC */
/*
 * A new configuration for processes that run, and the end of them: drained in
 * the order of the topology's stages, so that each finds those it still needs.
 */
#include <signal.h>

#include "common/base/log.h"
#include "master/config.h"
#include "master/super.h"

/* ms that a stage may take before it is killed; ten seconds in all */
static const uint32_t stage_limits[TOPO_STAGES] = {
	[TOPO_STAGE_ACCEPT] = 1000,
	[TOPO_STAGE_IN] = 3000,
	[TOPO_STAGE_OUT] = 3000,
	[TOPO_STAGE_QUEUE] = 1000,
	[TOPO_STAGE_HELP] = 1000,
	[TOPO_STAGE_LOG] = 1000,
};

void
instance_drain(struct instance *i, enum cm_drain how)
{
	ev_timer_del(i->super->ev, &i->restart);
	if (i->pid == 0) {
		i->life = LIFE_NONE;
		return;
	}
	i->life = LIFE_DRAINING;
	if (!instance_runs(i) ||
	    chan_send(i->chan, CM_REQ_DRAIN, how, NULL, -1) == -1)
		instance_kill(i, "cannot be told to drain");
}

/* --- a new configuration --- */

/* Everybody who runs has it now; whoever is down gets it when it starts. */
void
commit_check(struct super *s)
{
	const struct instance *i;
	uint32_t n;

	if (!s->committing)
		return;
	for (n = 0; n < TOPO_INSTANCES; n++) {
		i = &s->inst[n];
		if ((i->life == LIFE_READY || i->life == LIFE_STARTING) &&
		    i->generation != s->config->conf->generation)
			return;
	}
	s->committing = false;
	s->hooks->committed(s->arg);
}

static void
commit_one(struct instance *i)
{
	struct super *s = i->super;

	if (i->life == LIFE_NONE) {
		instance_start(i);
	} else if (instance_runs(i) && i->life != LIFE_DRAINING) {
		if (wire_conf(i) == 0)
			s->hooks->equip(s->arg, i, true);
	}
}

void
super_commit(struct super *s, const struct config *config)
{
	struct instance *i;
	uint32_t n;

	s->config = config;
	s->committing = true;
	for (n = 0; n < TOPO_INSTANCES; n++) {
		i = &s->inst[n];
		if (topo_wanted(config->conf, &i->peer))
			commit_one(i);
	}
	/* when all know that they go */
	for (n = 0; n < TOPO_INSTANCES; n++) {
		i = &s->inst[n];
		if (topo_wanted(config->conf, &i->peer) ||
		    i->life == LIFE_NONE || i->life == LIFE_DRAINING)
			continue;
		wire_part(i);
		instance_drain(i, CM_DRAIN_LEISURE);
	}
	commit_check(s);
}

/* --- the end --- */

static bool
stage_over(const struct super *s)
{
	uint32_t n;

	for (n = 0; n < TOPO_INSTANCES; n++)
		if (s->inst[n].program->stage == s->stage &&
		    s->inst[n].pid != 0)
			return false;
	return true;
}

static void
stage_begin(struct super *s)
{
	struct logline l;
	uint32_t n;

	if (s->stage == TOPO_STAGE_LOG) {
		ll_begin(&l, LOG_L_INFO, "stopped");
		ll_send(&l);
	}
	for (n = 0; n < TOPO_INSTANCES; n++)
		if (s->inst[n].program->stage == s->stage)
			instance_drain(&s->inst[n], CM_DRAIN_STOP);
	if (ev_timer_set(s->ev, &s->stage_limit, stage_limits[s->stage]) == -1)
		fatal("timer");
}

/* On to the next stage that has anybody in it. */
static void
stage_next(struct super *s)
{
	while (stage_over(s)) {
		if (s->stage + 1 == TOPO_STAGES) {
			ev_timer_del(s->ev, &s->stage_limit);
			s->phase = PHASE_STOPPED;
			s->hooks->stopped(s->arg);
			return;
		}
		s->stage++;
		stage_begin(s);
	}
}

static void
on_stage_limit(struct ev_timer *t)
{
	struct super *s = t->arg;
	uint32_t n;

	for (n = 0; n < TOPO_INSTANCES; n++)
		if (s->inst[n].program->stage == s->stage)
			instance_kill(&s->inst[n], "takes too long to stop");
}

void
super_stop(struct super *s)
{
	if (s->phase == PHASE_STOPPING || s->phase == PHASE_STOPPED)
		return;
	s->phase = PHASE_STOPPING;
	s->committing = false;
	s->stage = TOPO_STAGE_ACCEPT;
	ev_timer_init(&s->stage_limit, on_stage_limit, s);
	stage_begin(s);
	stage_next(s);
}

/* A process that was told to go is gone; a worker may be wanted again. */
void
stop_dead(struct instance *i)
{
	struct super *s = i->super;

	if (s->phase == PHASE_STOPPING)
		stage_next(s);
	else if (s->phase == PHASE_RUNNING &&
	    topo_wanted(s->config->conf, &i->peer))
		instance_start(i);
}
