/* SPDX-License-Identifier: ISC */
/* Time, chance, and the trace of what happened: see sim.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "regress/sim/sim.h"

#define RING 400U

static struct sim_event *heap;
static size_t nheap, cap_heap;
static uint64_t serial, state, hash = 0xcbf29ce484222325ULL, traced;
static struct sim_event ring[RING];

static const char *const names[EV_KINDS] = {
	[EV_SUBMIT] = "submit",
	[EV_OPENED] = "opened",
	[EV_DONE] = "done",
	[EV_CLOSED] = "closed",
	[EV_ROUTED] = "routed",
	[EV_WEATHER] = "weather",
	[EV_FAULT] = "fault",
	[EV_START] = "start",
	[EV_DISK] = "disk-ok",
	[EV_DIRECTORY] = "directory-up",
	[EV_WORKER] = "worker-up",
	[EV_CHECK] = "check",
	[EV_OPEN] = "open",
	[EV_JOB] = "job",
	[EV_ACCEPTED] = "accepted",
	[EV_REFUSED] = "refused",
	[EV_LOST_ANSWER] = "no-answer",
	[EV_RESULT] = "result",
	[EV_NOTICE] = "notice",
	[EV_DROPPED] = "dropped",
	[EV_HELD] = "held",
	[EV_PAUSED] = "paused",
	[EV_KILL] = "kill",
	[EV_CUT] = "power-cut",
	[EV_DEATH] = "worker-death",
	[EV_ERROR] = "disk-error",
	[EV_FULL] = "disk-full",
	[EV_RELOAD] = "reload",
	[EV_JUMP] = "clock-jump",
	[EV_OPERATE] = "operate",
	[EV_REMOVE] = "remove",
	[EV_DRAIN] = "drain",
	[EV_RULE] = "rule",
	[EV_STORE] = "store-event",
	[EV_CLOCK] = "clock-said",
};

/* --- chance --- */

void
sim_seed(uint64_t seed)
{
	state = seed * 0x9e3779b97f4a7c15ULL + 0x1234567;
}

uint32_t
sim_random(void)
{
	uint64_t z = (state += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return (uint32_t)((z ^ (z >> 31)) >> 16);
}

uint32_t
sim_below(uint32_t n)
{
	return n == 0 ? 0 : sim_random() % n;
}

bool
sim_chance(uint32_t per_thousand)
{
	return sim_below(1000) < per_thousand;
}

/* Mostly short, sometimes long: without floating point. */
uint64_t
sim_spread(uint64_t mean)
{
	uint64_t part = sim_below(1000), n = mean / 8 + 1;

	if (part < 600)
		return 1 + (n * part) / 100;
	if (part < 970)
		return 1 + mean / 2 + (mean * sim_below(1000)) / 600;
	return 1 + 2 * mean + (mean * sim_below(1000)) / 200;
}

/* --- events --- */

static bool
before(const struct sim_event *a, const struct sim_event *b)
{
	return a->at != b->at ? a->at < b->at : a->seq < b->seq;
}

void
sim_at(uint64_t ms, enum sim_kind kind, uint32_t a, uint64_t b)
{
	struct sim_event e = { .at = sim.t + ms,
		.seq = serial++,
		.kind = kind,
		.a = a,
		.b = b };
	size_t i, up;

	if (nheap == cap_heap) {
		cap_heap = 2 * cap_heap + 64;
		heap = realloc(heap, cap_heap * sizeof(*heap));
		if (heap == NULL)
			abort();
	}
	for (i = nheap++; i > 0; i = up) {
		up = (i - 1) / 2;
		if (!before(&e, &heap[up]))
			break;
		heap[i] = heap[up];
	}
	heap[i] = e;
}

uint64_t
sim_next(void)
{
	return nheap == 0 ? SCHED_NEVER : heap[0].at;
}

static void
sink(struct sim_event e)
{
	size_t i = 0, down;

	while ((down = 2 * i + 1) < nheap) {
		if (down + 1 < nheap && before(&heap[down + 1], &heap[down]))
			down++;
		if (!before(&heap[down], &e))
			break;
		heap[i] = heap[down];
		i = down;
	}
	heap[i] = e;
}

bool
sim_pop(struct sim_event *e)
{
	if (nheap == 0 || heap[0].at > sim.t)
		return false;
	*e = heap[0];
	if (--nheap > 0)
		sink(heap[nheap]);
	return true;
}

void
sim_clear_events(void)
{
	free(heap);
	heap = NULL;
	nheap = cap_heap = 0;
}

/* --- the trace --- */

static void
show(const struct sim_event *e)
{
	(void)fprintf(stderr,
	    "%12" PRIu64 ".%03u %-13s %" PRIu32 " %" PRIu64 "\n", e->at / 1000,
	    (unsigned)(e->at % 1000), names[e->kind], e->a, e->b);
}

static void
mix(uint64_t v)
{
	hash = (hash ^ v) * 0x100000001b3ULL;
	hash ^= hash >> 29;
}

void
sim_trace(enum sim_kind kind, uint64_t a, uint64_t b)
{
	struct sim_event *e = &ring[traced++ % RING];

	*e = (struct sim_event){ .at = sim.t,
		.kind = kind,
		.a = (uint32_t)a,
		.b = b };
	mix(sim.t << 6 | kind);
	mix(a);
	mix(b);
	if (sim.verbose)
		show(e);
}

uint64_t
sim_hash(void)
{
	return hash;
}

void
sim_show_trace(void)
{
	uint64_t i = traced > RING ? traced - RING : 0;

	if (sim.verbose) /* they were shown */
		return;
	for (; i < traced; i++)
		show(&ring[i % RING]);
}

/* --- time --- */

void
sim_set_time(uint64_t t)
{
	size_t i;

	sim.t = t;
	w.now = t - sim.boot;
	w.real = (uint64_t)((int64_t)(SIM_REAL + t) + sim.skew);
	for (i = 0; i < NSTORES; i++)
		sim.disk[i]->now = w.real;
	if (!sim.running)
		return;
	queue_time(&w.q, w.now, w.real);
	fault_note_clock(); /* before anything is judged by it */
}
