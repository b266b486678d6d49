/* SPDX-License-Identifier: ISC */
/*
 * Sessions: what queued knows of the connections that smtpd-out holds for it,
 * and of the workers that hold them.  A session's number is valid from OPEN
 * until its GONE, whatever was sent in between.
 */
#ifndef QUEUED_SESSION_H
#define QUEUED_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bsd/sys/queue.h>

#include "common/base/conf.h"
#include "common/msg/queue_out.h"

#include "queued/dest.h"
#include "queued/part.h"

/* open sessions at one worker: each is a socket there */
#define WORKER_SESSIONS_MAX 200
/* Of these, such as wait for the greeting of a destination not known to work.
 */
#define WORKER_PROBES_MAX 150
/* An unused session is kept so long for the next message. */
#define SESSION_IDLE_MS 3000U

enum session_state {
	SESSION_OPENING = 1, /* OPEN was sent */
	SESSION_IDLE,	     /* READY, or RESULT with keep */
	SESSION_BUSY,	     /* has a job */
	SESSION_ENDING	     /* only GONE is awaited */
};

struct worker {
	enum side side;
	uint8_t index;
	bool up;
	uint32_t nsessions;
	uint32_t nprobes;   /* of them */
	uint32_t nending;   /* the same */
	uint32_t nsuspects; /* jobs whose message was in hand at a crash */
	struct session_list sessions;
};

struct session {
	TAILQ_ENTRY(session) of_worker;
	TAILQ_ENTRY(session) of_dest; /* IDLE */
	TAILQ_ENTRY(session) by_age;  /* IDLE */
	uint32_t id;
	enum session_state state;
	bool was_open; /* counted in dest->open, not in dest->opening */
	bool probe;    /* counted in worker->nprobes */
	struct worker *worker;
	struct dest *dest; /* NULL when ENDING: it has no part in it any more */
	struct part *parts; /* BUSY: of one message, this job's */
	uint32_t jobs;	    /* so far */
	uint64_t since;	    /* ms: IDLE since, BUSY since */
	/* the recipients of the job, for the log: addresses and NULs */
	char *rcpts;
	size_t rcpts_len, rcpts_cap;
};

struct sessions {
	struct worker workers[NSIDES][CONF_WORKERS_MAX];
	struct session **table; /* by id */
	uint32_t cap;
	uint32_t *free_ids;
	uint32_t nfree;
	uint32_t n;
	struct session_list idle; /* longest idle first */
};

void sessions_init(struct sessions *);
void sessions_free(struct sessions *);
/*
 * The side's worker with the fewest sessions and room, for a probe or for a
 * destination that works; NULL: none.
 */
struct worker *sessions_pick(struct sessions *, enum side, bool probe);
/* May one of its workers have one more probe, if it had room? */
bool sessions_may_probe(const struct sessions *, enum side);
struct worker *sessions_worker(struct sessions *, enum side, unsigned index);
/* In state OPENING, a probe if its destination does not work; NULL: no memory.
 */
struct session *session_new(struct sessions *, struct worker *, struct dest *);
void session_free(struct sessions *, struct session *);
/* Only its GONE is awaited. */
void session_ending(struct sessions *, struct session *);
/* It has been greeted. */
void session_opened(struct session *);
/* NULL: no such session at this worker: it broke the contract */
struct session *session_find(const struct sessions *, const struct worker *,
    uint32_t id);
void session_set_idle(struct sessions *, struct session *, uint64_t now);
void session_unset_idle(struct sessions *, struct session *,
    enum session_state);
/* The job's recipients, in the order of the message's list. */
struct job_rcpt {
	uint16_t rcpt;
	struct part *part;
};
size_t job_rcpts(struct part *parts, struct job_rcpt[QO_RCPTS_MAX]);
/* One of its parts is no more; the job goes on. */
void session_drop_part(struct session *, struct part *);
/* Remember the address of one more recipient of the job; -1: no memory. */
int session_add_rcpt(struct session *, const char *addr);
void session_clear_rcpts(struct session *);

#endif
