/* SPDX-License-Identifier: ISC */
/*
 * The event loop.  epoll_wait(2) only: its time-out comes from the nearest
 * timer, so that a filter needs neither timerfd nor epoll_pwait2.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <bsd/stdlib.h>

#include "common/base/ev.h"

#define TURN_MAX 256 /* events fetched at once */

struct ev {
	int epfd;
	bool stop;
	uint64_t now, realtime; /* ms */
	struct ev_timer **heap; /* heap[0] is due first */
	size_t ntimers, heap_cap;
	bool (*hook)(void *);
	void *hook_arg;
	void (*last)(void);
	struct epoll_event fetched[TURN_MAX];
	size_t next, nfetched; /* those from next on are not delivered yet */
};

static uint64_t
clock_ms(clockid_t id)
{
	struct timespec ts = { 0 };

	(void)clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

void
ev_update_time(struct ev *ev)
{
	ev->now = clock_ms(CLOCK_MONOTONIC);
	ev->realtime = clock_ms(CLOCK_REALTIME);
}

struct ev *
ev_new(void)
{
	struct ev *ev = calloc(1, sizeof(*ev));

	if (ev == NULL)
		return NULL;
	ev->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (ev->epfd == -1) {
		free(ev);
		return NULL;
	}
	ev_update_time(ev);
	return ev;
}

void
ev_free(struct ev *ev)
{
	if (ev == NULL)
		return;
	while (ev->ntimers > 0)
		ev_timer_del(ev, ev->heap[0]);
	(void)close(ev->epfd);
	free(ev->heap);
	free(ev);
}

void
ev_break(struct ev *ev)
{
	ev->stop = true;
}

uint64_t
ev_now(const struct ev *ev)
{
	return ev->now;
}

uint64_t
ev_realtime(const struct ev *ev)
{
	return ev->realtime;
}

void
ev_hook(struct ev *ev, bool (*hook)(void *), void *arg)
{
	ev->hook = hook;
	ev->hook_arg = arg;
}

void
ev_last(struct ev *ev, void (*last)(void))
{
	ev->last = last;
}

/* --- descriptors --- */

void
ev_io_init(struct ev_io *io, void (*cb)(struct ev_io *, uint32_t), void *arg)
{
	*io = (struct ev_io){ .cb = cb, .arg = arg, .fd = -1 };
}

int
ev_io_set(struct ev *ev, struct ev_io *io, int fd, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = io };
	int op = EPOLL_CTL_ADD;

	if (io->fd == fd && io->events == events)
		return 0;
	if (io->fd == fd)
		op = EPOLL_CTL_MOD;
	else
		ev_io_del(ev, io);
	if (epoll_ctl(ev->epfd, op, fd, &e) == -1)
		return -1;
	io->fd = fd;
	io->events = events;
	return 0;
}

/*
 * What was fetched for this watcher and not delivered yet is forgotten: its
 * memory may be freed, or be another watcher, before the turn ends.
 */
void
ev_io_del(struct ev *ev, struct ev_io *io)
{
	size_t i;

	if (io->fd == -1)
		return;
	/* fails if the descriptor was closed first, and then is not needed */
	(void)epoll_ctl(ev->epfd, EPOLL_CTL_DEL, io->fd, NULL);
	io->fd = -1;
	io->events = 0;
	for (i = ev->next; i < ev->nfetched; i++) {
		if (ev->fetched[i].data.ptr == io)
			ev->fetched[i].data.ptr = NULL;
	}
}

/* A watcher that changed its mind in this turn gets only what it wants now. */
static void
deliver(struct ev *ev)
{
	struct epoll_event *e;
	struct ev_io *io;
	uint32_t events;

	while (ev->next < ev->nfetched) {
		e = &ev->fetched[ev->next++];
		io = e->data.ptr;
		if (io == NULL)
			continue;
		events = e->events & (io->events | EPOLLERR | EPOLLHUP);
		if (events != 0)
			io->cb(io, events);
	}
	ev->next = ev->nfetched = 0;
}

/* --- timers: a binary heap; each knows its place --- */

static void
place(struct ev *ev, size_t i, struct ev_timer *t)
{
	ev->heap[i] = t;
	t->slot = i + 1;
}

static void
sift_up(struct ev *ev, size_t i, struct ev_timer *t)
{
	size_t up;

	for (; i > 0; i = up) {
		up = (i - 1) / 2;
		if (ev->heap[up]->at <= t->at)
			break;
		place(ev, i, ev->heap[up]);
	}
	place(ev, i, t);
}

static void
sift_down(struct ev *ev, size_t i, struct ev_timer *t)
{
	size_t kid;

	while ((kid = 2 * i + 1) < ev->ntimers) {
		if (kid + 1 < ev->ntimers &&
		    ev->heap[kid + 1]->at < ev->heap[kid]->at)
			kid++;
		if (t->at <= ev->heap[kid]->at)
			break;
		place(ev, i, ev->heap[kid]);
		i = kid;
	}
	place(ev, i, t);
}

/* Put t, which belongs at or around i, where the order wants it. */
static void
settle(struct ev *ev, size_t i, struct ev_timer *t)
{
	if (i > 0 && t->at < ev->heap[(i - 1) / 2]->at)
		sift_up(ev, i, t);
	else
		sift_down(ev, i, t);
}

void
ev_timer_init(struct ev_timer *t, void (*cb)(struct ev_timer *), void *arg)
{
	*t = (struct ev_timer){ .cb = cb, .arg = arg };
}

int
ev_timer_set(struct ev *ev, struct ev_timer *t, uint64_t ms)
{
	struct ev_timer **heap;
	size_t cap;

	if (t->slot == 0 && ev->ntimers == ev->heap_cap) {
		cap = ev->heap_cap == 0 ? 64 : ev->heap_cap * 2;
		heap = reallocarray(ev->heap, cap, sizeof(*heap));
		if (heap == NULL)
			return -1;
		ev->heap = heap;
		ev->heap_cap = cap;
	}
	t->at = ms > UINT64_MAX - ev->now ? UINT64_MAX : ev->now + ms;
	if (t->slot == 0)
		sift_up(ev, ev->ntimers++, t);
	else
		settle(ev, t->slot - 1, t);
	return 0;
}

void
ev_timer_del(struct ev *ev, struct ev_timer *t)
{
	struct ev_timer *last;
	size_t i;

	if (t->slot == 0)
		return;
	i = t->slot - 1;
	t->slot = 0;
	last = ev->heap[--ev->ntimers];
	if (last != t)
		settle(ev, i, last);
}

bool
ev_timer_pending(const struct ev_timer *t)
{
	return t->slot != 0;
}

/* At most as many as there are, so that one set to 0 again cannot hold us. */
static void
run_timers(struct ev *ev)
{
	struct ev_timer *t;
	size_t n;

	for (n = ev->ntimers; n > 0 && ev->ntimers > 0; n--) {
		t = ev->heap[0];
		if (t->at > ev->now)
			break;
		ev_timer_del(ev, t);
		t->cb(t);
	}
}

/*
 * Both clocks are cut to ms, so the difference is never less than what is
 * left: a timer is not woken for early.
 */
static int
time_to_wait(const struct ev *ev)
{
	uint64_t now;

	if (ev->ntimers == 0)
		return -1;
	now = clock_ms(CLOCK_MONOTONIC);
	if (ev->heap[0]->at <= now)
		return 0;
	if (ev->heap[0]->at - now > INT_MAX)
		return INT_MAX;
	return (int)(ev->heap[0]->at - now);
}

int
ev_loop(struct ev *ev)
{
	bool more = false;
	int n;

	ev->stop = false;
	while (!ev->stop) {
		n = epoll_wait(ev->epfd, ev->fetched, TURN_MAX,
		    more ? 0 : time_to_wait(ev));
		if (n == -1 && errno != EINTR)
			return -1;
		ev->nfetched = n > 0 ? (size_t)n : 0;
		ev_update_time(ev);
		deliver(ev);
		run_timers(ev);
		more = ev->hook != NULL && ev->hook(ev->hook_arg);
		if (ev->last != NULL)
			ev->last();
	}
	return 0;
}
