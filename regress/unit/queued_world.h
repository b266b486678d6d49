/* SPDX-License-Identifier: ISC */
/*
 * The world around the queue, for its tests: workers that get sessions and
 * jobs, a directory, senders, and a ledger of what became of each recipient.
 * The fake store of queued_fake_store.h is below.  No process, no clock.
 */
#ifndef REGRESS_QUEUED_WORLD_H
#define REGRESS_QUEUED_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queued/queue.h"

#include "queued_fake_store.h"

#define W_SESSIONS 512
#define W_RCPTS	   200
#define W_START	   1000000ULL	    /* ms, monotonic */
#define W_REAL	   1800000000000ULL /* ms, Unix */

/* A session as its worker sees it. */
struct w_session {
	bool used;
	enum side side;
	unsigned worker;
	uint32_t id;
	struct msg_hop hop;
	bool has_job, closing;
	struct qo_job job;
	uint16_t rcpts[QO_RCPTS_MAX];
	char addr[QO_RCPTS_MAX][MSG_ADDR_MAX + 1];
	char *body; /* of the job, NUL added */
	bool by_fd;
};

/* A recipient that was accepted. */
struct w_rcpt {
	uint64_t id;
	char addr[MSG_ADDR_MAX + 1];
	unsigned delivered; /* times */
	unsigned failed;    /* times that the log says "bounced" */
	unsigned reported;  /* times that a notice names it */
	unsigned deferred;  /* log lines */
	bool removed;	    /* by the operator */
	bool has_sender;    /* who is to be told */
	enum reason reason; /* of the last of all of these */
};

struct world {
	struct queue q;
	struct conf *conf;
	struct w_session sessions[W_SESSIONS];
	struct w_rcpt *rcpts;
	size_t nrcpts, cap_rcpts;
	/* the last answer and the counts of what was seen */
	struct iq_done answer;
	uint64_t answer_token;
	unsigned answers, jobs, opens, closes, asks, notices, dropped, held,
	    paused, lost, rooms;
	struct iq_room room[NSTORES];
	/* questions that are open */
	struct {
		bool used;
		uint32_t tx;
		struct msg_ask ask;
	} asked[ASKS_MAX];
	bool dir_answers; /* at once, with the route below */
	struct qd_route route;
	uint64_t now, real;
	unsigned seed;
	bool fail_open, fail_job;
	char dsn[65536]; /* the text of the last notice that was delivered */
};
extern struct world w;

/* --- life --- */
void w_start(void); /* fresh disks, default configuration, all peers up */
void w_stop(void);
/* kill -9 and a new process: what was not committed is forgotten */
void w_crash(void);
void w_open(void);
void w_peers_up(void);
struct conf *w_conf(void);
void w_set_conf(struct conf *);
unsigned w_random(void);

/* --- driving --- */
void w_turn(void);	       /* until nothing is to be done at once */
void w_advance(uint64_t ms);   /* and a turn */
void w_run_until(uint64_t ms); /* turn by turn at the times it asks for */

/* --- submitting: the id, or 0: refused or not yet answered --- */
uint64_t w_submit(enum origin, const char *sender, const char *const *rcpts,
    size_t n, const char *body);
uint64_t w_mail(enum origin, const char *sender, const char *rcpt);
/* What queue_submit() said at once. */
int w_offer(enum origin, const char *sender, const char *const *rcpts, size_t n,
    const char *body, struct iq_done *no);

/* --- sessions --- */
struct w_session *w_session_with_job(void); /* NULL: none */
struct w_session *w_session_opening(void);
bool w_is_opening(const struct w_session *);
unsigned w_count_sessions(void);
unsigned w_count_jobs(void);
void w_ready(struct w_session *);
void w_gone(struct w_session *, enum qo_status, enum reason, const char *enh,
    const char *text);
/* One outcome for all its recipients. */
void w_result(struct w_session *, bool keep, enum qo_status, enum reason,
    uint16_t code, const char *enh, const char *text);
/* One for each, in the job's order. */
void w_results(struct w_session *, bool keep, const struct qo_outcome *);
void w_deliver(struct w_session *); /* and keep */
/* Ready, deliver, and so on until nothing moves. */
void w_deliver_all(void);
void w_kill_worker(enum side, unsigned index);

/* --- the ledger --- */
struct w_rcpt *w_find(uint64_t id, const char *addr);
bool w_is_queued(uint64_t id);
/* Open recipients of a queued message that its rows name. */
bool w_is_open(uint64_t id, const char *addr);

#endif
