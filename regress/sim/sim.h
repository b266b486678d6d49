/* SPDX-License-Identifier: ISC */
/*
 * The simulator: the queue as queued has it, over its real store, in a world
 * where clock, disks, network, peers and chance are virtual.  One seed decides
 * everything, so that a run can be repeated; a ledger follows each recipient
 * of each message that was acknowledged.
 *
 * sim.c runs it, sim_event.c has time, chance and the trace, sim_in.c submits,
 * sim_net.c is the network, sim_fault.c breaks things, sim_operate.c has the
 * operator, sim_ledger.c keeps the books, sim_pace.c those of rates, and
 * sim_audit.c compares them with the spool after each start.
 */
#ifndef REGRESS_SIM_SIM_H
#define REGRESS_SIM_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "regress/unit/queued_world.h"
#include "regress/unit/store_memfs.h"

#define SECOND	   1000ULL /* ms */
#define MINUTE	   (60 * SECOND)
#define HOUR	   (60 * MINUTE)
#define DAY	   (24 * HOUR)
#define YEAR	   (365 * DAY)

#define SIM_START  (30 * DAY)	    /* ms: the first true time */
#define SIM_REAL   1800000000000ULL /* ms, Unix: at true time 0 */
#define SIM_PLACES 48		    /* domains outside */
#define SIM_HOSTS  4		    /* servers inside */
#define SIM_RELAYS 2		    /* that mail is sent to by order */

/* What this run is like: chosen by the seed. */
struct profile {
	uint64_t gap;	       /* ms between submissions, mean */
	uint64_t weather;      /* ms between changes at a place, mean */
	uint64_t fault;	       /* ms between faults, mean; 0: none */
	uint32_t retry_min;    /* s: the least of all lists of the run */
	uint32_t expire_min;   /* s: the same */
	uint32_t warn_min;     /* s: the same; 0: never */
	uint32_t expire_max;   /* s */
	uint32_t sessions_max; /* to one destination, ever */
	uint32_t depth;	       /* messages queued: no more are submitted */
	bool reloads;	       /* the configuration changes on the way */
	bool schedules;	       /* some places have their own */
};

struct sim {
	/* asked for */
	uint64_t seed, wanted;
	bool verbose, calm; /* calm: no faults */
	bool strict;	    /* rates count as a quarter: the run must fail */
	struct profile p;
	/* time: true; monotonic is t - boot, real is SIM_REAL + t + skew */
	uint64_t t, boot;
	int64_t skew;
	uint64_t drift;	  /* how far queue time has ever run ahead, ms */
	uint64_t tick;	  /* steps so far */
	uint64_t flushed; /* tick of the operator's last flush */
	uint32_t life;	  /* starts of queued so far */
	uint64_t settled[NSTORES]; /* all of that tick is durable */
	struct memfs *disk[NSTORES];
	bool running, ending;
	unsigned restarts, kills, cuts, deaths, errors, fulls, jumps, reloads;
};
extern struct sim sim;

/* --- sim.c --- */
/* Something is not as it must be: say what, and how to see it again. */
void sim_fail(const char *, ...)
    __attribute__((noreturn, format(printf, 1, 2)));

/* --- sim_event.c --- */
enum sim_kind {
	EV_SUBMIT,
	EV_OPENED,  /* a: session, b: its age */
	EV_DONE,    /* its job */
	EV_CLOSED,  /* it ends */
	EV_ROUTED,  /* a: question, b: its number */
	EV_WEATHER, /* a: place */
	EV_FAULT,
	EV_START,     /* queued is there again */
	EV_DISK,      /* a: store; it has room again */
	EV_DIRECTORY, /* dird is there again */
	EV_WORKER,    /* a: side, b: index; it is there again */
	EV_CHECK,
	/* only in the trace */
	EV_OPEN,
	EV_JOB,
	EV_ACCEPTED,
	EV_REFUSED,
	EV_LOST_ANSWER,
	EV_RESULT,
	EV_NOTICE,
	EV_DROPPED,
	EV_HELD,
	EV_PAUSED,
	EV_KILL,
	EV_CUT,
	EV_DEATH,
	EV_ERROR,
	EV_FULL,
	EV_RELOAD,
	EV_JUMP,
	EV_OPERATE,
	EV_REMOVE,
	EV_DRAIN,
	EV_RULE,
	EV_STORE,
	EV_CLOCK,
	EV_KINDS
};
struct sim_event {
	uint64_t at, seq, b;
	uint32_t kind, a;
};
void sim_seed(uint64_t seed);
uint32_t sim_random(void);
uint32_t sim_below(uint32_t n); /* 0 .. n-1 */
bool sim_chance(uint32_t per_thousand);
uint64_t sim_spread(uint64_t mean); /* about that, and never 0 */
void sim_at(uint64_t ms, enum sim_kind, uint32_t a, uint64_t b);
/* The time of the next one; that, if its time has come. */
uint64_t sim_next(void);
bool sim_pop(struct sim_event *);
void sim_clear_events(void);
void sim_trace(enum sim_kind, uint64_t a, uint64_t b);
uint64_t sim_hash(void);
void sim_show_trace(void); /* the last events */
void sim_set_time(uint64_t t);

/* --- sim_in.c --- */
void in_start(void);
void in_submit(void); /* some, at once */
/* Everything that was not answered never will be. */
void in_lost(void);
void in_answered(uint64_t token, const struct iq_done *);
/* The text of a message, behind the header that the gateway adds. */
void in_check_body(uint32_t msg, const char *body, size_t size);

/* --- sim_net.c --- */
void net_start(void);
void net_weather(uint32_t i); /* of place i */
void net_end(void);	      /* most places get well */
void net_event(const struct sim_event *);
void net_opened(struct w_session *);
void net_job(struct w_session *);
void net_closing(struct w_session *);
void net_asked(unsigned slot);
void net_paused(const struct dest *, uint64_t ms);
/* Those of a worker, or all (queued is no more), are gone, jobs and all. */
void net_worker_lost(enum side, unsigned index);
void net_all_lost(void);

/* --- sim_fault.c --- */
void fault_start(void);
void fault_event(const struct sim_event *);
bool fault_is_dead(void); /* the process is, since this moment */
bool fault_ends(void);	  /* or has nothing to do any more */
void fault_restart(void); /* it was, with whatever the disks hold */
void fault_note_clock(void);
struct conf *fault_conf(void);
void fault_end(void); /* no more of them */
/* Reads of the simulator's own: no fault meets them. */
void fault_pause(void);
void fault_resume(void);

/* --- sim_operate.c --- */
void operate(void);	/* something or other */
void operate_end(void); /* nothing is held any more */
/* Mail is about to go there: may it? */
void operate_check_place(uint32_t place);

/* --- sim_pace.c --- */
void pace_reloaded(void); /* w.conf is another */
/* A place of the outside is sent a job now: may it be? */
void pace_job(uint32_t place);

/* --- sim_ledger.c --- */
enum l_state {
	L_OFFERED = 1, /* not answered yet */
	L_ACKED,
	L_REFUSED, /* for good */
	L_UNKNOWN, /* nobody was told: it may be there or not */
	L_NOTICE   /* made by queued */
};
struct l_msg {
	uint64_t id;
	uint64_t accepted; /* true time */
	uint64_t hash;	   /* NOTICE: of its text */
	uint64_t drift;	   /* sim.drift when it was accepted */
	uint32_t rcpt;	   /* the first of them */
	uint32_t size;
	uint16_t nrcpt;
	uint8_t state; /* enum l_state */
	uint8_t store;
	bool no_sender, dropped, removed;
	bool done;	 /* accounted for, and that is on disk */
	bool seen;	 /* in the spool */
	bool warn_again; /* a crash forgot that it was */
	uint8_t warned;
	uint64_t warned_at; /* tick */
	uint64_t seen_at;   /* tick of the last audit that saw it */
	uint32_t about;	    /* NOTICE: which message */
	bool unwritten;	    /* NOTICE: found, in the page cache only so far */
};
struct l_rcpt {
	uint64_t tried;	   /* true time of the last attempt that failed */
	uint64_t first;	   /* of the first one, for greylists */
	uint64_t tried_at; /* tick */
	uint64_t ended_at; /* tick: the queue knows that it is done */
	uint32_t life;	   /* when it was tried first */
	uint16_t tries;
	uint8_t delivered, doubles; /* times, and how many more are right */
	uint8_t failed, reported;   /* log lines, and notices */
	uint8_t success;	    /* notices */
	uint8_t warned;		    /* the same */
	uint8_t notify;		    /* enum msg_notify */
	uint8_t open;		    /* seen so in the spool */
};
struct ledger {
	struct l_msg *msgs;
	struct l_rcpt *rcpts;
	uint32_t nmsgs, nrcpts, cap_msgs, cap_rcpts;
	uint32_t first; /* all messages before are done */
	uint64_t delivered, deferred, failed, reported, warned, relayed,
	    dropped, doubles, acked, found, refused, unknown, removed;
};
extern struct ledger led;

uint32_t led_new(enum l_state, unsigned nrcpt);
void led_name(uint32_t msg, uint64_t id); /* it got an id */
/* The message of an id, or UINT32_MAX. */
uint32_t led_find(uint64_t id);
/* "m12.3@x" is the 4th recipient of message 12; "s12@x" its sender */
struct l_rcpt *led_rcpt(uint64_t id, const char *addr, uint32_t *msg);
/* A server took it, which the queue will or will not hear of. */
void led_accepted(uint64_t id, const char *addr, bool told);
void led_tried(uint64_t id, const char *addr);
void led_check_job(uint64_t id, const char *addr);
bool led_wants(const struct l_msg *, const struct l_rcpt *, enum msg_notify);
void led_delivery(const struct report_delivery *);
void led_notice(uint64_t dsn, uint64_t about, const char *to, enum bounce_kind);
void led_dropped(uint64_t id, const char *sender, enum reason);
void led_lost(uint64_t id);
uint64_t led_hash(const void *, size_t);
/* Read a notice that nobody was told of: its process died just then. */
void led_found_notice(uint64_t dsn, uint64_t about);

/* --- sim_audit.c --- */
/* The spool after a start: what was promised is there. */
void audit_recovered(void);
void audit_running(void); /* the same at any time */
void audit_end(void);

#endif
