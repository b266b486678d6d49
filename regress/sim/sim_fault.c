/* SPDX-License-Identifier: ISC */
/*
 * What goes wrong: processes die, disks fail and fill up, the power goes, the
 * system's clock jumps, the operator reloads.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include "regress/sim/sim.h"
#include "regress/unit/queued_world_inside.h"

static bool power;   /* the next death is the power's */
static bool over;    /* no more faults */
static bool drained; /* queued was asked to end */
static struct memfs saved[NSTORES];

/* --- configuration --- */

static const uint32_t lists[][5] = {
	{ 30, 60, 300, 900, 1800 },
	{ 10, 20, 40, 80, 160 },
	{ 300, 300, 300, 300, 300 },
	{ 60, 600, 1800, 3600, 7200 },
};
static const uint32_t expiries[] = { 1200, 7200, 28800, 432000 };
static uint32_t first_list, first_expiry;

static void
choose_times(struct conf_schedule *c, uint32_t list, uint32_t expiry)
{
	size_t i;

	c->nretry = 5;
	for (i = 0; i < 5; i++) {
		c->retry[i] = lists[list][i];
		if (c->retry[i] < sim.p.retry_min || sim.p.retry_min == 0)
			sim.p.retry_min = c->retry[i];
	}
	c->expire = expiries[expiry];
	if (c->expire < sim.p.expire_min || sim.p.expire_min == 0)
		sim.p.expire_min = c->expire;
	if (c->expire > sim.p.expire_max)
		sim.p.expire_max = c->expire;
	c->warn_after = c->expire / 6;
	if (sim.p.warn_min == 0 || c->warn_after < sim.p.warn_min)
		sim.p.warn_min = c->warn_after;
}

/* "limit to" and "limit from": what waits for its turn is not lost, either. */
static void
choose_limits(struct conf *c)
{
	struct conf_source *from;
	struct conf_pace *to;
	uint32_t i, n = sim_chance(500) ? 0 : sim_below(6);

	for (i = 0; i < n; i++) {
		to = conf_add_pace(c);
		(void)snprintf(to->pattern, sizeof(to->pattern), "d%u.test",
		    10 + i);
		to->sessions = sim_below(4);
		if (to->sessions > sim.p.sessions_max)
			sim.p.sessions_max = to->sessions;
		to->messages = sim_below(30);
		to->rate = (struct conf_rate){ 10 + sim_below(200), 10 };
	}
	if (n == 0 || !sim_chance(300))
		return;
	from = conf_add_source(c);
	if (netprefix_parse(&from->prefix, "10.0.0.0/24") == -1)
		abort();
	from->rate = (struct conf_rate){ 100 + sim_below(1000), 10 };
}

/* Some places are tried, warned about and given up in their own way. */
static void
choose_schedules(struct conf *c)
{
	struct conf_connector *k;
	uint32_t i, n = sim_chance(500) ? 0 : sim_below(5);

	for (i = 0; i < n; i++) {
		k = conf_add_connector(c);
		(void)snprintf(k->pattern, sizeof(k->pattern), "d%u.test", i);
		k->route.kind = CONF_ROUTE_DNS;
		choose_times(&k->schedule, sim_below(4), sim_below(4));
		k->schedule.set = CONF_S_ALL;
		sim.p.schedules = true;
	}
}

struct conf *
fault_conf(void)
{
	struct conf *c = w_conf();
	uint32_t list = first_list, expiry = first_expiry;

	if (w.conf == NULL) {
		list = first_list = sim_below(4);
		expiry = first_expiry = sim_below(4);
	} else if (sim.p.reloads) {
		list = sim_below(4);
		expiry = (first_expiry + sim_below(2)) % 4;
	}
	choose_times(&c->schedule, list, expiry);
	c->limits.out_sessions = 1 + sim_below(20);
	if (c->limits.out_sessions > sim.p.sessions_max)
		sim.p.sessions_max = c->limits.out_sessions;
	c->limits.out_messages = 1 + sim_below(200);
	c->limits.recipients = 1000;
	choose_limits(c);
	choose_schedules(c);
	conf_seal(c);
	return c;
}

/* --- disks --- */

bool
fault_is_dead(void)
{
	return sim.disk[Q_IN]->dead || sim.disk[Q_OUT]->dead;
}

void
fault_pause(void)
{
	size_t i;

	for (i = 0; i < NSTORES; i++) {
		saved[i] = *sim.disk[i];
		sim.disk[i]->fault = MEMFS_NONE;
	}
}

void
fault_resume(void)
{
	size_t i;

	for (i = 0; i < NSTORES; i++) {
		sim.disk[i]->fault = saved[i].fault;
		sim.disk[i]->fault_at += sim.disk[i]->calls - saved[i].calls;
	}
}

static struct memfs *
arm(enum memfs_fault kind, int error, uint32_t within)
{
	struct memfs *m = sim.disk[sim_below(NSTORES)];

	m->fault = kind;
	m->fault_errno = error;
	m->fault_at = m->calls + 1 + sim_below(within);
	return m;
}

static void
disk_error(void)
{
	static const enum memfs_fault kinds[] = { MEMFS_ERROR, MEMFS_ERROR,
		MEMFS_SHORT, MEMFS_HALF };
	enum memfs_fault kind = kinds[sim_below(4)];

	(void)arm(kind, sim_chance(300) ? ENOSPC : EIO, 60);
	sim.errors++;
	sim_trace(EV_ERROR, kind, 0);
}

static void
disk_full(void)
{
	uint32_t i = sim_below(NSTORES);
	struct memfs *m = sim.disk[i];

	m->capacity = m->used + sim_below(100000);
	sim.fulls++;
	sim_trace(EV_FULL, i, m->capacity);
	sim_at(SECOND + sim_spread(20 * SECOND), EV_DISK, i, 0);
}

/* --- queued comes and goes --- */

/* The time that it is away. */
static uint64_t
downtime(void)
{
	if (sim_chance(50))
		return sim_below(3) * HOUR + sim_spread(HOUR);
	return 100 + sim_spread(2 * SECOND);
}

static void
jump(void)
{
	static const int64_t by[] = { HOUR, 10 * YEAR, 30 * SECOND };
	int64_t d = by[sim_below(3)];

	if (sim_chance(400))
		sim.skew = 0;
	else
		sim.skew += sim_chance(500) ? d : -d;
	if (sim.skew > (int64_t)(20 * YEAR) || sim.skew < -(int64_t)(20 * YEAR))
		sim.skew = 0;
	sim.jumps++;
	sim_trace(EV_JUMP, 0, (uint64_t)sim.skew);
	sim_set_time(sim.t);
}

void
fault_restart(void)
{
	size_t i;

	memfs_cut_off(sim.disk[Q_IN]);
	sim.running = false;
	net_all_lost();
	in_lost();
	queue_free(&w.q);
	for (i = 0; i < NSTORES; i++) {
		if (power)
			memfs_power(sim.disk[i],
			    (enum memfs_cut)sim_below(MEMFS_CUTS));
		else
			memfs_kill(sim.disk[i]);
	}
	sim_trace(power ? EV_CUT : EV_KILL, 0, sim.tick);
	sim.restarts++;
	if (power)
		sim.cuts++;
	else
		sim.kills++;
	sim_at(downtime(), EV_START, 0, 0);
	if (power)
		sim.boot = sim.t - sim_below(100000);
	power = drained = false;
}

static int
open_store(enum q_store i)
{
	const struct w_disk *d = &w.disks[i];

	return queue_open(&w.q, i, d->ops, d->dirfd, &d->params);
}

static void
peers_up(void)
{
	unsigned side, i;

	for (side = 0; side < NSIDES; side++)
		for (i = 0; i < 2; i++)
			queue_worker_up(&w.q, (enum side)side, i);
	queue_dir_up(&w.q);
}

/*
 * How far queue time has run ahead of the true time.  A start may have it go
 * on at the system's time, if that is no more than a little ahead.
 */
static int64_t ahead;	   /* ms, since the last look */
static int64_t most_ahead; /* since the spool was empty at a start */

static int64_t
look_ahead(void)
{
	return (int64_t)qclock_wall(&w.q.clock, w.now) -
	    (int64_t)(SIM_REAL + sim.t);
}

void
fault_note_clock(void)
{
	int64_t now = look_ahead();

	if (now > ahead)
		sim.drift += (uint64_t)(now - ahead);
	ahead = now;
	if (now > most_ahead)
		most_ahead = now;
}

static void
started(bool had_mail)
{
	/*
	 * A next attempt tells the time, but for the longest interval there is:
	 * of a list that a reload has taken away since, at most two hours and
	 * a tenth.
	 */
	const int64_t most = (int64_t)(2 * HOUR + 12 * MINUTE + 2 * MINUTE);
	int64_t now = look_ahead();

	/* what it fell behind, while it did not believe the clock, it may
	 * make up for */
	if (!had_mail)
		ahead = most_ahead = now;
	if (now - most_ahead > most && now > most)
		sim_fail("queue time jumped ahead by %" PRId64 " s",
		    (now - ahead) / 1000);
	fault_note_clock();
}

static void
start(void)
{
	if (!over && sim_chance(100))
		jump();
	if (!over && sim_chance(100)) {
		power = sim_chance(500);
		(void)arm(MEMFS_CUT, EIO, 300);
	}
	queue_init(&w.q, &w_env);
	sim.life++;
	queue_time(&w.q, w.now, w.real);
	queue_set_conf(&w.q, w.conf);
	if (open_store(Q_IN) == -1 || open_store(Q_OUT) == -1) {
		if (!fault_is_dead())
			sim_fail("the spool cannot be opened");
		fault_restart();
		return;
	}
	queue_start(&w.q);
	if (fault_is_dead()) {
		fault_restart();
		return;
	}
	started(w.q.nmessages[Q_IN] + w.q.nmessages[Q_OUT] > 0);
	audit_recovered();
	sim.running = true;
	peers_up();
}

static void
drain(void)
{
	drained = true;
	queue_drain(&w.q);
	sim_trace(EV_DRAIN, 0, 0);
}

/* --- one after the other --- */

static void
reload(void)
{
	sim.reloads++;
	sim_trace(EV_RELOAD, 0, 0);
	w_set_conf(fault_conf());
	pace_reloaded();
}

static void
worker_death(void)
{
	enum side side = sim_chance(500) ? SIDE_INT : SIDE_EXT;
	uint32_t i = sim_below(2);

	sim.deaths++;
	sim_trace(EV_DEATH, side, i);
	net_worker_lost(side, i);
	sim_at(20 + sim_below(2000), EV_WORKER, side, i);
}

/* Unless all of them came back with queued meanwhile. */
static void
worker_back(enum side side, unsigned index)
{
	if (sim.running && !sessions_worker(&w.q.sessions, side, index)->up)
		queue_worker_up(&w.q, side, index);
}

static void
directory_death(void)
{
	queue_dir_down(&w.q);
	memset(w.asked, 0, sizeof(w.asked));
	sim_at(20 + sim_spread(5 * SECOND), EV_DIRECTORY, 0, 0);
}

static void
one_fault(void)
{
	uint32_t dice = sim_below(100);

	if (dice < 22) {
		worker_death();
	} else if (dice < 34) {
		power = sim_chance(500);
		fault_restart();
	} else if (dice < 48) {
		power = sim_chance(500);
		(void)arm(MEMFS_CUT, EIO, 40);
	} else if (dice < 60) {
		disk_error();
	} else if (dice < 66) {
		disk_full();
	} else if (dice < 74) {
		reload();
	} else if (dice < 82) {
		jump();
	} else if (dice < 88) {
		directory_death();
	} else if (dice < 97) {
		operate();
	} else {
		drain();
	}
}

void
fault_event(const struct sim_event *e)
{
	switch (e->kind) {
	case EV_START:
		start();
		break;
	case EV_DISK:
		sim.disk[e->a]->capacity = 0;
		break;
	case EV_DIRECTORY:
		if (sim.running)
			queue_dir_up(&w.q);
		break;
	case EV_WORKER:
		worker_back((enum side)e->a, (unsigned)e->b);
		break;
	default:
		if (sim.running && !over && !drained)
			one_fault();
		if (!over)
			sim_at(sim_spread(sim.p.fault), EV_FAULT, 0, 0);
		break;
	}
}

/* A drained queue that is quiet ends, and is started again. */
bool
fault_ends(void)
{
	return fault_is_dead() || (drained && queue_quiet(&w.q));
}

void
fault_end(void)
{
	size_t i;

	over = true;
	if (sim.running)
		operate_end();
	for (i = 0; i < NSTORES; i++) {
		sim.disk[i]->capacity = 0;
		if (sim.disk[i]->fault != MEMFS_CUT)
			sim.disk[i]->fault = MEMFS_NONE;
	}
}

void
fault_start(void)
{
	size_t i;

	for (i = 0; i < NSTORES; i++) {
		sim.disk[i] =
		    memfs_new((uint64_t)sim_random() << 32 | sim_random());
		w.disks[i].ops = &sim.disk[i]->ops;
		w.disks[i].dirfd = MEMFS_ROOT;
		w.disks[i].params.segment_size = (4U + sim_below(4)) << 19;
		w.disks[i].params.max_live_segments = 2 + sim_below(5);
		if (sim_chance(300))
			w.disks[i].params.quota = 40UL << 20;
	}
	sim.disk[Q_IN]->twin = sim.disk[Q_OUT];
	sim.disk[Q_OUT]->twin = sim.disk[Q_IN];
	if (!sim.calm)
		sim_at(sim_spread(sim.p.fault), EV_FAULT, 0, 0);
	else
		over = true;
	start();
}
