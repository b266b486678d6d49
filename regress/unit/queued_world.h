/* SPDX-License-Identifier: ISC */
/*
 * The world around the queue, for its tests: workers that get sessions and
 * jobs, a directory, senders, and a ledger of what became of each recipient.
 * No process, no clock.  Unit tests have the fake store of queued_fake_store.h
 * below it; the simulator (regress/sim) has the real one on disks of its own,
 * and watches what happens instead of the small ledger here.
 */
#ifndef REGRESS_QUEUED_WORLD_H
#define REGRESS_QUEUED_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queued/queue.h"
#include "queued/report.h"

#include "regress/unit/queued_fake_store.h"

#define W_SESSIONS 1024 /* ids are below this */
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
	char (*addr)[MSG_ADDR_MAX + 1]; /* of the job's recipients */
	char *body;			/* of the job, NUL added */
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
	enum cq_flow flow;  /* the same */
};

/* A store's disk, as queue_open() wants it. */
struct w_disk {
	const struct store_ops *ops;
	int dirfd;
	struct store_params params;
};

/*
 * Told of all that the queue asks for and reports, when it does; each may be
 * NULL.  With a watch the world keeps no ledger of its own.
 */
struct w_watch {
	void (*opened)(struct w_session *);
	void (*job)(struct w_session *);
	void (*closing)(struct w_session *);
	void (*asked)(unsigned slot);
	void (*answer)(uint64_t token, const struct iq_done *);
	void (*delivery)(const struct report_delivery *);
	void (*paused)(const struct dest *, uint64_t ms);
	void (*notice)(uint64_t dsn, uint64_t about, const char *to,
	    enum bounce_kind);
	void (*dropped)(uint64_t id, const char *sender, enum reason);
	void (*held)(uint64_t id, enum reason);
	void (*lost)(uint64_t id);
	void (*clock)(int64_t off);
	void (*store)(const char *store, const struct store_event *);
	uint32_t (*random)(void);
};

struct world {
	struct queue q;
	struct conf *conf;
	struct w_disk disks[NSTORES];
	const struct w_watch *watch; /* or NULL */
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
	uint8_t notify;	  /* enum msg_notify of all recipients submitted */
	uint32_t delay;	  /* ms, in each result */
	bool took_dsn;	  /* the same: the server knows DSN */
	uint8_t flags;	  /* enum msg_flag of all messages submitted */
	enum msg_ret ret; /* the same */
	char dsn[65536];  /* the text of the last notice that was delivered */
};
extern struct world w;

/* --- life --- */
void w_start(void); /* default configuration, all peers up */
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
void w_run_until(uint64_t at); /* ms; turn by turn as the queue asks */

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
/* What a worker says; each with the turn that follows. */
void w_ready(struct w_session *);
void w_gone(struct w_session *, enum qo_status, enum reason, const char *enh,
    const char *text);
/* One outcome for all its recipients. */
void w_result(struct w_session *, bool keep, enum qo_status, enum reason,
    uint16_t code, const char *enh, const char *text);
/* One for each, in the job's order. */
void w_results(struct w_session *, bool keep, const struct qo_outcome *);
/* The same without the turn. */
void w_say_ready(struct w_session *);
void w_say_gone(struct w_session *, const struct qo_outcome *);
void w_say_results(struct w_session *, bool keep, const struct qo_outcome *);
void w_say_worker_lost(enum side, unsigned index);
void w_deliver(struct w_session *); /* and keep */
/* Ready, deliver, and so on until nothing moves. */
void w_deliver_all(void);
void w_kill_worker(enum side, unsigned index);
void w_forget_sessions(void); /* and questions: queued is no more */

/* --- the ledger --- */
struct w_rcpt *w_find(uint64_t id, const char *addr);
bool w_is_queued(uint64_t id);
/* Of a message in either store: its length, or -1 */
ssize_t w_read_body(uint64_t id, void *, size_t);
/* Open recipients of a queued message that its rows name. */
bool w_is_open(uint64_t id, const char *addr);

#endif
