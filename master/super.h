/* SPDX-License-Identifier: ISC */
/*
 * The supervisor: one struct instance for every process that the topology
 * knows, its life (start, death, restart with back-off, drain), its channels,
 * and what it says.  What else a process is handed (listeners, files) is the
 * business of the hooks.
 *
 *	super_new, super_start          hooks.ready when all are ready
 *	super_commit                    a new configuration, after a reload
 *	super_stop                      hooks.stopped when all are gone
 */
#ifndef MASTER_SUPER_H
#define MASTER_SUPER_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/chan.h"
#include "common/base/child.h"
#include "common/base/ev.h"
#include "common/msg/child_master.h"
#include "common/msg/ctl_master.h"
#include "master/topology.h"

struct config;
struct super;

#define DEATHS_MAX  5	  /* so many deaths in */
#define DEATHS_TIME 60000 /* so many ms are called degraded */

enum life {
	LIFE_NONE = 0, /* not wanted, or not started yet */
	LIFE_STARTING = CTM_STARTING,
	LIFE_READY = CTM_READY,
	LIFE_WAITING = CTM_WAITING, /* for its restart */
	LIFE_DRAINING = CTM_DRAINING,
	LIFE_DEGRADED = CTM_DEGRADED /* waiting, and dying too often */
};

struct instance {
	struct super *super;
	uint32_t number;
	struct peer peer;
	const struct topo_program *program;
	char name[INSTANCE_MAX];
	uid_t uid;
	gid_t gid;
	enum life life;
	pid_t pid; /* 0: does not run */
	struct chan *chan;
	int stats;   /* memfd of its counters, kept over restarts */
	bool killed; /* SIGKILL is on its way: what it says does not count */
	bool fault;  /* the last one ended by a fault of its own */
	struct cm_sandboxed sandbox; /* as it says, once */
	bool sandboxed;
	uint32_t generation; /* of the configuration that it runs */
	/* restarts */
	struct ev_timer restart;
	uint32_t restarts;
	uint32_t failures;	     /* in a row */
	uint64_t deaths[DEATHS_MAX]; /* ms, the last ones */
	uint64_t started;	     /* ms, monotonic */
	pid_t last_pid; /* logd: a death that is not logged yet, or 0 */
	int last_status;
	uint64_t since; /* ms, Unix time */
	/* serial numbers of super.serial: starts and pings in one order */
	uint32_t born;
	uint32_t pong; /* the last ping that was answered */
	uint64_t heard;
	/* its reports about others that ended none of them */
	uint32_t blamed;
	uint64_t blamed_since;	  /* ms */
	uint64_t accused[NSIDES]; /* ms: the last report of either side */
	/* ctld: its questions of this second, and the wait for the next */
	uint32_t asks;
	uint64_t asks_since; /* ms */
	struct ev_timer asks_wait;
	/* what it writes to its stderr */
	struct ev_io output;
	char line[256];
	size_t line_len;
	unsigned lines; /* logged since it started */
};

struct super_hooks {
	/*
	 * It has its configuration: hand over the descriptors that go with
	 * it.  again: it runs on with a new one, and has what never changes.
	 */
	void (*equip)(void *, struct instance *, bool again);
	void (*ready)(void *);	/* all are, for the first time */
	void (*failed)(void *); /* one died before that */
	/* every process runs the generation of super_commit() */
	void (*committed)(void *);
	void (*reopen)(void *, struct instance *);
	void (*request)(void *, struct instance *, uint16_t type, uint32_t id);
	void (*stopped)(void *);
};

enum phase { PHASE_STARTING, PHASE_RUNNING, PHASE_STOPPING, PHASE_STOPPED };

struct super {
	struct ev *ev;
	const struct super_hooks *hooks;
	void *arg;
	const struct config *config; /* in force; not owned */
	const char *libexec;	     /* or NULL: spawn_find() */
	uint32_t hello_flags;	     /* enum cm_hello_flag */
	int netns;		     /* of the external side, or -1 */
	enum phase phase;
	bool committing;
	uint32_t serial;
	struct chan *log; /* posternd's own to logd */
	struct ev_timer watchdog;
	uint64_t watched; /* ms, when it ran last */
	struct ev_timer stage_limit;
	enum topo_stage stage; /* PHASE_STOPPING */
	struct instance inst[TOPO_INSTANCES];
};

/* Looks the accounts up; NULL after having logged what is missing. */
struct super *super_new(struct ev *, const struct super_hooks *, void *);
void super_free(struct super *);
int super_start(struct super *, const struct config *);
/*
 * A new configuration, checked and with everything open that it needs: every
 * process gets it, new workers start, those not wanted any more drain.
 */
void super_commit(struct super *, const struct config *);
void super_stop(struct super *);
/* At once, without asking; for a start that failed. */
void super_kill_all(struct super *);
/* Every child that has ended, after SIGCHLD. */
void super_reap(struct super *);

/* Give it a descriptor (a copy of fd); -1 after having logged why not. */
int super_give(struct instance *, enum child_fd, uint32_t id, int fd);
bool instance_runs(const struct instance *); /* and can be talked to */
/* The running process of this name, or NULL. */
struct instance *super_find(struct super *, const struct peer *);
void instance_kill(struct instance *, const char *why);

/* --- between the files of the supervisor --- */

void instance_start(struct instance *);
void instance_dead(struct instance *, int status);
/* instance.c */
int stats_page(void); /* -1 with errno */
void stats_page_reset(int fd);
void output_watch(struct instance *, int fd);
void output_close(struct instance *);
/*
 * wire.c.  What every process is told first, but for its user and what became
 * of the one before it.
 */
void hello_fill(struct cm_hello *, const struct conf *,
    const struct topo_program *, const struct peer *);
/* -1 after having logged */
int wire_hello(struct instance *);
int wire_conf(struct instance *);
void wire_peers(struct instance *); /* to all that run */
void wire_pair(struct instance *, struct instance *);
void wire_part(struct instance *worker); /* its listener's process lets go */
int wire_log(struct super *);		 /* posternd's own lines */
/* super_msg.c */
void msgs_spec(const struct instance *, struct chan_spec *);
/* super_watch.c */
void watch_start(struct super *);
void watch_ping(struct instance *);
/* super_commit.c, super_stop.c */
void commit_check(struct super *);
void instance_drain(struct instance *, enum cm_drain);
void stop_dead(struct instance *);

#endif
