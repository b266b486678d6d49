/* SPDX-License-Identifier: ISC */
/*
 * The queue: messages, where each of their recipients is going, and what is
 * to be done next.  It knows neither channels nor the event loop: time is
 * told to it, and what it wants done goes through struct q_env, so that a
 * simulator can drive it as the program does.
 *
 * One turn: queue_time(), any number of the calls for what peers said, then
 * queue_turn(), which makes durable what came in, answers for it, and hands
 * out work.  queue_next() says when the next turn is due without an event.
 */
#ifndef QUEUED_QUEUE_H
#define QUEUED_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bsd/sys/queue.h>

#include "common/base/conf.h"
#include "common/base/ibuf.h"
#include "common/base/tree.h"
#include "common/msg/ctl_queue.h"
#include "common/msg/in_queue.h"
#include "common/msg/queue_dir.h"
#include "common/msg/queue_out.h"

#include "queued/ask.h"
#include "queued/dest.h"
#include "queued/direction.h"
#include "queued/dom.h"
#include "queued/pace.h"
#include "queued/part.h"
#include "queued/rules.h"
#include "queued/sched.h"
#include "queued/session.h"
#include "queued/store/envelope.h"
#include "queued/store/store.h"

/* Results become durable this much later at most, if nothing comes in. */
#define RESULTS_DELAY_MS 50U

enum q_store {
	Q_IN = 0, /* what came from outside */
	Q_OUT = 1 /* what came from inside */
};
#define NSTORES 2

/* What the queue wants done.  -1 with errno: it could not be sent. */
struct q_env {
	void *arg;
	/* smtpd-out: the session's worker, number and destination tell all */
	int (*open)(void *, const struct session *);
	int (*job)(void *, const struct session *, struct ibuf *, int fd);
	int (*close)(void *, const struct session *);
	/* memory of CHAN_PAYLOAD_MAX to compose a job in */
	void (*scratch)(void *, struct ibuf *);
	/* a body as a descriptor that its holder can only read */
	int (*body_fd)(void *, struct store *, struct store_loc, uint64_t size);
	/* dird */
	int (*ask)(void *, uint32_t tx, const struct msg_ask *);
	/* smtpd-in: the answer to the submission of that token */
	void (*answer)(void *, uint64_t token, const struct iq_done *);
	/* space changed: tell those who accept for this store */
	void (*room)(void *, enum q_store, const struct iq_room *);
	uint32_t (*random)(void *);
};

RB_HEAD(message_tree, message);
struct fresh;
struct failing;
struct notice;
STAILQ_HEAD(fresh_list, fresh);
STAILQ_HEAD(notice_list, notice);
TAILQ_HEAD(failing_list, failing);
RB_HEAD(failing_tree, failing);

struct queue {
	const struct conf *conf;
	const struct q_env *env;
	struct store *stores[NSTORES];
	struct q_spool { /* for the store's callbacks */
		struct queue *q;
		enum q_store store;
	} spools[NSTORES];
	uint64_t newest; /* latest stamp found in them */
	struct qclock clock;
	uint64_t now;  /* ms, monotonic, of this turn */
	uint64_t real; /* ms, as the system says */
	uint64_t last_id;
	uint32_t epoch;	     /* generation of the configuration */
	uint32_t routes;     /* generation of what is known of routes */
	uint64_t dir_woken;  /* ms; when a change at dird was last seen to */
	bool dir_wake;	     /* there was another since */
	uint32_t mark;	     /* see queue_group.c */
	uint64_t wary_until; /* ms */
	bool draining;
	bool jumped; /* the system's clock is off, and that was said */
	bool more;   /* a bound was met: this turn left something to do */

	struct message_tree messages;
	uint64_t nmessages[NSTORES], nheld;
	uint64_t bytes[NSTORES];
	struct dests dests;
	struct doms doms;
	struct sessions sessions;
	unsigned list_turn[NSIDES]; /* whose turn is the next session */
	struct paces paces;
	struct asks asks;
	struct rules rules; /* of the operator */
	const struct store_ops *rules_ops;
	int rules_dir;

	/* appended, not yet durable */
	struct fresh_list fresh;
	bool results[NSTORES];	       /* states wait for a commit */
	uint64_t results_at[NSTORES];  /* until then at most */
	uint64_t maintain_at[NSTORES]; /* SCHED_NEVER: not due */
	struct iq_room room[NSTORES];  /* as last told */

	struct notice_list owed; /* words of success without room */
	uint32_t nowed;
	uint64_t owed_at;

	struct failing_tree failing;
	struct failing_list failing_by_age;

	struct q_ages {
		struct q_age {
			uint32_t seconds;
			uint64_t after; /* messages to this id are older */
			uint64_t at;	/* ms: the next is, if it is there */
		} v[CONF_AGES_MAX];
		unsigned n;
	} expiry, warning;
	uint64_t longest_retry; /* ms: sched_longest() */
	uint64_t longest_life;	/* ms: of any recipient */
	uint64_t warn_pause;	/* ms: no warning before */
	uint64_t fail_pause;	/* ms: no report of a failure before */

	/* memory that is used again and again */
	uint8_t *env_buf;
	size_t env_cap;
	struct grouped {
		struct dom *dom;
		uint16_t rcpt;
	} * group;
	size_t ngroup, group_cap;
};

/*
 * --- life ---
 */
void queue_init(struct queue *, const struct q_env *);
void queue_free(struct queue *);
/* Before any other call, and at each reload: a whole new configuration. */
void queue_set_conf(struct queue *, const struct conf *);
void queue_time(struct queue *, uint64_t mono, uint64_t real);
/*
 * Open a store and take in what it holds; both, then queue_start().  -1 with
 * errno.
 */
int queue_open(struct queue *, enum q_store, const struct store_ops *,
    int dirfd, const struct store_params *);
void queue_start(struct queue *);
/*
 * The process before this one fell over something, perhaps over a message
 * that it had in hand: for a while what is handed out is marked first, a few
 * at a time, so that a message that does it again is found out.
 */
void queue_be_wary(struct queue *);
/*
 * The last life ended by a fault of its own with this message in hand (0:
 * none), stats_kept() says: that counts, as a worker's death does.
 */
void queue_blame(struct queue *, uint64_t id);
void queue_drain(struct queue *); /* no new work; queue_quiet() tells the end */
bool queue_quiet(const struct queue *);

/* Commit, answer, hand out.  True: there is more to do at once. */
bool queue_turn(struct queue *);
/* ms, monotonic; SCHED_NEVER: only an event can bring work */
uint64_t queue_next(const struct queue *);

/*
 * --- smtpd-in ---
 */
struct q_submit {
	enum origin origin;
	uint64_t token; /* for the answer */
	const struct iq_commit *commit;
	const struct msg_rcpt *(*rcpt)(void *, uint32_t); /* each in turn */
	void *arg;
	uint32_t nrcpt;
	const void *body; /* inline, or NULL and */
	int fd;		  /* stays the caller's */
};
/*
 * Take a message: it is answered in queue_turn(), when it is durable.  -1:
 * refused at once, *no is the answer to be given.
 */
int queue_submit(struct queue *, const struct q_submit *, struct iq_done *no);
/* Nobody waits for the answers to tokens from..to any more. */
void queue_forget_tokens(struct queue *, uint64_t from, uint64_t to);
/* What smtpd-in may be told at any time. */
void queue_get_room(struct queue *, enum q_store, struct iq_room *);

/*
 * --- smtpd-out: -1 where the worker broke the contract ---
 */
void queue_worker_up(struct queue *, enum side, unsigned index);
void queue_worker_down(struct queue *, enum side, unsigned index);
int queue_ready(struct queue *, struct worker *, uint32_t id);
struct q_outcome {
	uint16_t rcpt;
	struct qo_outcome outcome;
};
int queue_result(struct queue *, struct worker *, uint32_t id,
    const struct qo_result *, const struct q_outcome *);
int queue_gone(struct queue *, struct worker *, uint32_t id,
    const struct qo_gone *);

/*
 * --- dird ---
 */
void queue_dir_up(struct queue *);
void queue_dir_down(struct queue *);
/* As often as it likes: what waits looks for its way once a second. */
void queue_dir_changed(struct queue *);
void queue_dir_answer(struct queue *, uint32_t tx, const struct qd_route *);

/*
 * --- ctld ---
 */
/* What SELECT is answered with; a callback's -1 ends it. */
struct q_emit {
	void *arg;
	int (*row)(void *, const struct cq_row *);
	int (*shape)(void *, const struct cq_shape *);
};
/*
 * One page: a bounded number of messages is looked at, and what the verb
 * orders is done to those that fit.  What was touched is durable when this
 * returns.
 */
void queue_select(struct queue *, const struct cq_select *,
    const struct q_emit *, struct cq_end *);
enum cq_result queue_show(struct queue *, uint64_t id,
    int (*row)(void *, const struct cq_row *),
    int (*rcpt)(void *, const struct cq_rcpt *), void *);
/* One row for each group of recipients; the groups' number in count. */
enum cq_result queue_why(struct queue *, uint64_t id,
    int (*)(void *, const struct cq_why *), void *, uint32_t *count);
/* CQ_BUSY: it goes as soon as what is in flight returns */
enum cq_result queue_remove(struct queue *, uint64_t id, uint32_t uid);
/* Make or end one; it is durable when this returns CQ_DONE. */
enum cq_result queue_rule(struct queue *, const struct cq_rule *);
uint32_t queue_rules(struct queue *, int (*)(void *, const struct cq_rule *),
    void *);
enum cq_result queue_dests(struct queue *,
    int (*)(void *, const struct cq_dest *), void *, uint32_t *count);

#endif
