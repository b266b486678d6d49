/* SPDX-License-Identifier: ISC */
/*
 * The event loop of every process: epoll, a heap of timers, and one hook that
 * runs after all events of a turn were handled and before the next wait (the
 * place for group commits and batched writes).  Single-threaded.  Watchers
 * and timers are embedded in their owner's structure and must be removed
 * before it is freed; removing inside any callback is safe.
 */
#ifndef COMMON_BASE_EV_H
#define COMMON_BASE_EV_H

#include <sys/epoll.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ev;

struct ev_io {
	void (*cb)(struct ev_io *, uint32_t events); /* EPOLLIN ... */
	void *arg;
	int fd;		 /* -1: not watched */
	uint32_t events; /* what is asked for */
};

struct ev_timer {
	void (*cb)(struct ev_timer *);
	void *arg;
	uint64_t at; /* ms, monotonic */
	size_t slot; /* index + 1 in the heap; 0: not set */
};

struct ev *ev_new(void); /* NULL with errno */
void ev_free(struct ev *);
/* Runs until ev_break(); -1 with errno if epoll itself fails. */
int ev_loop(struct ev *);
void ev_break(struct ev *);
/* Monotonic ms, read once a turn; and Unix time in ms, read once a turn. */
uint64_t ev_now(const struct ev *);
uint64_t ev_realtime(const struct ev *);
void ev_update_time(struct ev *);

void ev_io_init(struct ev_io *, void (*)(struct ev_io *, uint32_t), void *);
/* Watch fd for events (level-triggered); calling again changes the set. */
int ev_io_set(struct ev *, struct ev_io *, int fd, uint32_t events);
void ev_io_del(struct ev *, struct ev_io *);

void ev_timer_init(struct ev_timer *, void (*)(struct ev_timer *), void *);
/* (Re)arm to fire once, ms from now.  -1: ENOMEM. */
int ev_timer_set(struct ev *, struct ev_timer *, uint64_t ms);
void ev_timer_del(struct ev *, struct ev_timer *);
bool ev_timer_pending(const struct ev_timer *);

/*
 * The hook: called once each turn after the turn's events and timers.
 * If it returns true there is more to do at once: the next wait polls.
 */
void ev_hook(struct ev *, bool (*)(void *), void *);
/* The last that is called in a turn, after the hook: sends what was gathered.
 */
void ev_last(struct ev *, void (*)(void));

#endif
