/* SPDX-License-Identifier: ISC */
/* link: regress/sim/sim_event.o regress/sim/sim_in.o regress/sim/sim_net.o
 * regress/sim/sim_fault.o regress/sim/sim_ledger.o regress/sim/sim_audit.o
 * regress/sim/sim_operate.o regress/sim/sim_pace.o regress/unit/queued_world.o
 * regress/unit/queued_world_peers.o regress/unit/queued_world_ledger.o
 * regress/unit/store_memfs.o regress/unit/store_memfs_names.o
 * regress/unit/store_memfs_power.o queued/core.a queued/store.a common/smtp.a
 * common/msg.a common/base.a */
/*
 * Runs the simulator:
 *
 *	sim [-cqv] [-n deliveries] [-s seed] [-r runs] [-t seconds]
 *
 * -n: to be made in a run, faults or not (20000); -s: the first seed, else one
 * by chance; -r: so many runs, each with the next seed (1); -t: no more runs
 * after so many seconds of processor time; -c: calm, without faults; -q: the
 * books allow a quarter of each rate, so that a run with rates fails, as a
 * control; -v: show each event.  Prints a line for each run, and how many
 * deliveries that were in a minute of processor time; exit status 1 where one
 * failed, with the command that repeats it.  See sim.h.
 */
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <err.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bsd/stdlib.h>

#include "common/base/log.h"

#include "regress/sim/sim.h"

#define CHECK_EVERY (10 * MINUTE)
#define STALL_MAX   1000U
#define TURNS_MAX   200000U

struct sim sim;
static uint64_t *made; /* deliveries of all runs: the children add to it */

void
sim_fail(const char *fmt, ...)
{
	va_list ap;

	sim_show_trace();
	(void)fprintf(stderr,
	    "sim: FAIL at %" PRIu64 ".%03u s, step %" PRIu64 ": ", sim.t / 1000,
	    (unsigned)(sim.t % 1000), sim.tick);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fprintf(stderr,
	    "\nsim: repeat with: build/regress/sim/sim%s%s -s %" PRIu64
	    " -n %" PRIu64 "\n",
	    sim.calm ? " -c" : "", sim.strict ? " -q" : "", sim.seed,
	    sim.wanted);
	exit(1);
}

/* --- the watch --- */

static void
on_held(uint64_t id, enum reason why)
{
	if (fault_is_dead())
		return;
	sim_trace(EV_HELD, why, id);
}

static void
on_clock(int64_t off)
{
	sim_trace(EV_CLOCK, 0, (uint64_t)off);
}

static void
on_store(const char *store, const struct store_event *e)
{
	sim_trace(EV_STORE, e->kind, (uint64_t)(store[0] == 'o'));
	if (sim.verbose)
		(void)fprintf(stderr,
		    "\t%s: %s segment=%" PRIu32 " offset=%" PRIu64
		    " length=%" PRIu64 " id=%" PRIu64 " error=%d\n",
		    store, store_event_name(e->kind), e->segment, e->offset,
		    e->length, e->id, e->error);
}

static const struct w_watch watch = { .opened = net_opened,
	.job = net_job,
	.closing = net_closing,
	.asked = net_asked,
	.answer = in_answered,
	.delivery = led_delivery,
	.paused = net_paused,
	.notice = led_notice,
	.dropped = led_dropped,
	.held = on_held,
	.lost = led_lost,
	.clock = on_clock,
	.store = on_store,
	.random = sim_random };

/* --- steps --- */

static void
turn(void)
{
	unsigned i, n = 0;

	sim_set_time(sim.t);
	while (!fault_is_dead() && queue_turn(&w.q))
		if (++n > TURNS_MAX)
			sim_fail("the queue never comes to rest");
	if (fault_ends()) {
		fault_restart();
		return;
	}
	for (i = 0; i < NSTORES; i++)
		if (!w.q.results[i] && store_batch_bytes(w.q.stores[i]) == 0)
			sim.settled[i] = sim.tick;
}

static void
check(void)
{
	if (sim.running)
		audit_running();
}

/* A start costs what is queued: that has a bound in the longest run. */
static bool
is_deep(void)
{
	return w.q.nmessages[Q_IN] + w.q.nmessages[Q_OUT] > sim.p.depth;
}

static void
dispatch(const struct sim_event *e)
{
	switch (e->kind) {
	case EV_SUBMIT:
		if (sim.running && !w.q.draining && !is_deep())
			in_submit();
		if (!sim.ending)
			sim_at(sim_spread(sim.p.gap), EV_SUBMIT, 0, 0);
		break;
	case EV_WEATHER:
		net_weather(e->a);
		break;
	case EV_CHECK:
		check();
		sim_at(CHECK_EVERY, EV_CHECK, 0, 0);
		break;
	case EV_OPENED:
	case EV_DONE:
	case EV_CLOSED:
	case EV_ROUTED:
		if (sim.running)
			net_event(e);
		break;
	default:
		fault_event(e);
		break;
	}
}

/* When something is to be done: by an event, or by the queue. */
static uint64_t
next_time(void)
{
	uint64_t at = sim_next(), q = SCHED_NEVER;

	if (sim.running)
		q = queue_next(&w.q);
	if (q != SCHED_NEVER && q + sim.boot < at)
		at = q + sim.boot;
	return at < sim.t ? sim.t : at;
}

static void
step(void)
{
	static unsigned stalled;
	struct sim_event e;
	uint64_t at = next_time();
	bool some = at > sim.t;

	sim.tick++;
	sim_set_time(at);
	while (sim_pop(&e)) {
		some = true;
		dispatch(&e);
		if (sim.running && fault_is_dead())
			break;
	}
	stalled = some ? 0 : stalled + 1;
	if (stalled > STALL_MAX)
		sim_fail("the queue asks for turns and does nothing");
	if (sim.running)
		turn();
}

/* --- a run --- */

static bool
is_empty(void)
{
	return sim.running &&
	    w.q.nmessages[Q_IN] + w.q.nmessages[Q_OUT] == w.q.nheld &&
	    STAILQ_EMPTY(&w.q.fresh) && sim.settled[Q_IN] == sim.tick &&
	    sim.settled[Q_OUT] == sim.tick;
}

/* No more comes in; all goes out, or comes to its end. */
static void
end(void)
{
	uint64_t until = sim.t + 4 * sim.p.expire_max * SECOND + DAY;

	sim.ending = true;
	fault_end();
	net_end();
	while (!is_empty()) {
		step();
		if (sim.t > until)
			sim_fail("%" PRIu64 " messages are queued still",
			    w.q.nmessages[Q_IN] + w.q.nmessages[Q_OUT] -
				w.q.nheld);
	}
	audit_end();
	fault_restart(); /* and the spool says the same */
	while (!sim.running)
		step();
	audit_end();
}

static void
begin(void)
{
	static const uint64_t gaps[] = { 5, 40, 300, 3000 };
	static const uint32_t depths[] = { 1000, 5000, 20000 };

	sim_seed(sim.seed);
	sim.t = SIM_START;
	sim.boot = SIM_START - HOUR;
	sim.p.gap = gaps[sim_below(4)];
	sim.p.fault = sim.p.gap * (3 + sim_below(150));
	sim.p.weather = 5 * MINUTE + sim_below(4) * HOUR;
	sim.p.reloads = sim_chance(400);
	sim.p.depth = depths[sim_below(3)];
	w.watch = &watch;
	w.conf = fault_conf();
	pace_reloaded();
	in_start();
	fault_start();
	net_start();
	sim_at(1, EV_SUBMIT, 0, 0);
	sim_at(CHECK_EVERY, EV_CHECK, 0, 0);
}

static double
cpu(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
summary(void)
{
	(void)printf("seed %" PRIu64 " hash %016" PRIx64 ": %" PRIu64
		     " delivered (%" PRIu64 " doubles) of %" PRIu64
		     " acknowledged + %" PRIu64 " found; %" PRIu64
		     " deferrals, %" PRIu64 " bounced, %" PRIu64
		     " dropped, %" PRIu64 " warned, %" PRIu64
		     " successes told, %" PRIu64 " removed, %" PRIu64
		     " held, %" PRIu64 " refused",
	    sim.seed, sim_hash(), led.delivered, led.doubles, led.acked,
	    led.found, led.deferred, led.reported, led.dropped, led.warned,
	    led.relayed, led.removed, w.q.nheld, led.refused);
	(void)printf("; %u kills, %u power cuts, %u worker deaths, %u disk "
		     "errors, %u full, %u jumps, %u reloads; %.1f days\n",
	    sim.kills, sim.cuts, sim.deaths, sim.errors, sim.fulls, sim.jumps,
	    sim.reloads, (double)(sim.t - SIM_START) / (double)DAY);
	(void)fflush(stdout);
}

static void
run(void)
{
	begin();
	while (led.delivered < sim.wanted)
		step();
	end();
	summary();
	*made += led.delivered;
	(void)fprintf(stderr, "seed %" PRIu64 ": %.2f s of processor time\n",
	    sim.seed, cpu());
}

/* Each run has a process of its own: static memory is part of the state. */
static int
run_child(void)
{
	int status;
	pid_t pid;

	(void)fflush(stdout);
	pid = fork();
	if (pid == -1)
		err(1, "fork");
	if (pid == 0) {
		run();
		exit(0);
	}
	if (waitpid(pid, &status, 0) != pid)
		err(1, "waitpid");
	if (WIFSIGNALED(status))
		(void)fprintf(stderr,
		    "sim: signal %d; repeat with: build/regress/sim/sim%s%s -s "
		    "%" PRIu64 " -n %" PRIu64 "\n",
		    WTERMSIG(status), sim.calm ? " -c" : "",
		    sim.strict ? " -q" : "", sim.seed, sim.wanted);
	return status == 0 ? 0 : 1;
}

static double
children_cpu(void)
{
	struct rusage ru;

	if (getrusage(RUSAGE_CHILDREN, &ru) == -1)
		err(1, "getrusage");
	return (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) +
	    (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6;
}

static void
count_deliveries(void)
{
	made = mmap(NULL, sizeof(*made), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (made == MAP_FAILED)
		err(1, "mmap");
}

static void
tell_speed(void)
{
	double s = children_cpu();

	(void)fprintf(stderr,
	    "sim: %" PRIu64 " deliveries in %.1f s of processor time: "
	    "%.0f a minute\n",
	    *made, s, s > 0 ? (double)*made * 60 / s : 0);
}

/*
 * Memory stays with the process, but for the large files of the disks, which
 * are mostly zeros that nobody wrote.
 */
static void
keep_memory(void)
{
	(void)mallopt(M_MMAP_THRESHOLD, 2 * 1024 * 1024);
	(void)mallopt(M_TRIM_THRESHOLD, 1 << 30);
	(void)mallopt(M_TOP_PAD, 1 << 20);
}

static uint64_t
numeric(const char *s)
{
	const char *bad;
	long long n = strtonum(s, 0, INT64_MAX, &bad);

	if (bad != NULL)
		errx(2, "%s: %s", s, bad);
	return (uint64_t)n;
}

int
main(int argc, char **argv)
{
	uint64_t runs = 1, limit = 0, failed = 0, n;
	int ch;

	keep_memory();
	count_deliveries();
	sim.wanted = 20000;
	sim.seed = arc4random();
	while ((ch = getopt(argc, argv, "cn:qr:s:t:v")) != -1) {
		switch (ch) {
		case 'c':
			sim.calm = true;
			break;
		case 'n':
			sim.wanted = numeric(optarg);
			break;
		case 'q':
			sim.strict = true;
			break;
		case 'r':
			runs = numeric(optarg);
			break;
		case 's':
			sim.seed = numeric(optarg);
			break;
		case 't':
			limit = numeric(optarg);
			break;
		case 'v':
			sim.verbose = true;
			break;
		default:
			return 2;
		}
	}
	for (n = 0; n < runs && (limit == 0 || children_cpu() < (double)limit);
	     n++, sim.seed++)
		failed += (uint64_t)run_child();
	tell_speed();
	if (failed > 0)
		(void)fprintf(stderr,
		    "sim: %" PRIu64 " of %" PRIu64 " runs failed\n", failed, n);
	return failed > 0 ? 1 : 0;
}
