/* SPDX-License-Identifier: ISC */
/*
 * What the files of the queue say to each other: queue.c holds the table of
 * messages, queue_accept.c takes them in, queue_commit.c makes them durable,
 * queue_route.c finds their next hop, queue_send.c hands them out,
 * queue_result.c takes what became of them, queue_fail.c ends those that
 * cannot be delivered and tells their sender, queue_time.c and queue_age.c
 * know when, queue_ctl*.c serve the operator, queue_rules.c keeps what he
 * ordered.
 */
#ifndef QUEUED_QUEUE_INT_H
#define QUEUED_QUEUE_INT_H

#include "queued/notify.h"
#include "queued/queue.h"

/* Bounds of one turn, so that no peer waits long for its answer. */
#define TURN_WAKE    1000U /* parts that get ready */
#define TURN_ROUTE   2000U /* parts whose way is looked for again */
#define TURN_FAIL    100U  /* parts, or messages, that are failed */
#define TURN_EXPIRED 100U

/* tags of states: store_extra */
#define EXTRA_WARNED STORE_EXTRA_MIN

/* --- queue.c --- */
uint64_t queue_new_id(struct queue *);
struct message *queue_find(struct queue *, uint64_t id);
/* The first message after an id, or NULL. */
struct message *queue_after(struct queue *, uint64_t id);
struct store *queue_store(const struct queue *, const struct message *);
struct store_loc message_loc(const struct message *);
void queue_insert(struct queue *, struct message *);
/* In the table or not: frees its parts and itself, whatever their state. */
void queue_drop(struct queue *, struct message *);
/* No recipient is open: record that and drop it. */
void queue_finish(struct queue *, struct message *);
/* The store does not have it any more. */
void queue_lost(struct queue *, struct message *);
/* Reading it failed with that errno: lost, or held for the operator. */
void queue_unreadable(struct queue *, struct message *, int error);
struct part *part_new(struct queue *, struct message *, struct dom *, size_t n);
void part_free(struct queue *, struct part *);
/* Out of whatever list it is in: PART_NEW.  Not for ACTIVE parts. */
void part_detach(struct queue *, struct part *);
void queue_state(struct queue *, struct message *, const struct store_state *);
/* The message is in the table from now on: its parts into their domains. */
void parts_link(struct message *);
/* Held, with a text for the operator; it was not before. */
void queue_set_held(struct queue *, struct message *, enum reason,
    const char *text);
/* Wait for the operator. */
void queue_hold(struct queue *, struct message *, enum reason);
uint64_t message_age(const struct queue *, const struct message *);

/* --- queue_accept.c --- */
struct message *message_new(const struct envelope *, enum q_store);
/* A new message as it waits for its commit: one of these is in q->fresh. */
struct fresh {
	STAILQ_ENTRY(fresh) entry;
	struct message *msg;
	uint64_t at; /* not to be tried before; ms, 0: now */
	uint64_t token;
	bool wants_answer;
	struct notice *notice; /* kept until it is durable, or NULL */
	size_t len;	       /* of the line to be logged */
	char line[];
};
/*
 * Append it to the batch, as a new message; the notice is taken if that
 * works.  -1 with errno: it is still the caller's.
 */
int queue_append_notice(struct queue *, struct notice *);
void fresh_free(struct fresh *);

/* --- queue_group.c --- */
/*
 * The recipients of a message, one at a time in order, become its parts.
 * -1: no memory, or not an address (errno EINVAL).
 */
void group_begin(struct queue *);
int group_add(struct queue *, const char *domain, size_t len, uint16_t rcpt);
int group_end(struct queue *, struct message *);
void group_abort(struct queue *);

/* --- queue_commit.c --- */
int queue_commit(struct queue *);
/* Something waits in a store's batch: it is committed within ms. */
void queue_await_commit(struct queue *, unsigned store, uint64_t ms);
bool queue_commit_due(const struct queue *);
void queue_upkeep(struct queue *);
uint64_t queue_commit_next(const struct queue *);

/* --- queue_route.c --- */
/* There is another configuration: what it says of each destination. */
void queue_set_paces(struct queue *);
/* Find the way of a part of no place; it is not tried before at (0: now). */
void queue_route(struct queue *, struct part *, uint64_t at);
bool queue_route_holds(const struct queue *, const struct part *,
    const struct dest *);
void queue_ask(struct queue *); /* as many questions as may be open */
void queue_ask_time(struct queue *);
void queue_dir_time(struct queue *);
uint64_t queue_dir_next(const struct queue *);
void queue_part_gone(struct queue *, const struct part *);

/* --- queue_send.c --- */
/* Was it in hand when a process died, or may it be so now? */
bool queue_is_suspect(const struct message *);
/* What is worked on, for the next life to know; NULL: nothing. */
void queue_in_hand(const struct message *);
void queue_pump(struct queue *);
/*
 * No session is left for a destination that has fewer than that of this idle
 * one: it is told to end, so that sessions are shared out in equal parts.
 */
bool queue_yield(struct queue *, struct session *);
void queue_leave(struct queue *, struct session *);
/* the same, and tell it to end */
void queue_end_session(struct queue *, struct session *);

/* --- queue_result.c --- */
/* A log line for each recipient of a part. */
void queue_report_part(struct queue *, const struct part *,
    const struct qo_outcome *, const struct qo_relay *);
/*
 * A part came back from a session undone.  True: its message was removed,
 * held or is too old, and that is done to it.
 */
bool queue_part_back(struct queue *, struct part *);

/* --- queue_fail.c --- */
/* One more recipient of m has failed; it is ended and reported later. */
int fail_add(struct queue *, struct message *, uint16_t rcpt,
    const struct qo_outcome *, const char *remote, bool logged);
/* All recipients of a part of no place; the part is freed. */
void fail_part(struct queue *, struct part *, const struct qo_outcome *);
/* All that are too old and not in a session; m may be gone. */
void fail_old(struct queue *, struct message *);
/* Report what has failed of m, unless more is about to come; m may be gone. */
void fail_check(struct queue *, struct message *);
void fail_time(struct queue *);
void fail_forget(struct queue *, struct message *);
/* They are reported; or could not be, and fail again. */
void fail_record(struct queue *, struct message *, const struct notify_list *);
void fail_again(struct queue *, struct message *, const struct notify_list *);
uint16_t fail_count(struct queue *, struct message *);
uint64_t fail_next(const struct queue *);
/*
 * Tell the sender of those that are told of at that age (s) that it takes
 * longer.  1: that was done, 0: there was nothing to be told, -1: later
 */
int queue_warn(struct queue *, struct message *, uint32_t age);

/* --- queue_rules.c --- */
void queue_rules_open(struct queue *, const struct store_ops *, int dirfd);
void queue_rules_time(struct queue *);
uint64_t queue_rules_next(const struct queue *);
enum cq_flow queue_flow(const struct queue *, const struct part *);
enum cq_flow queue_flow_to(const struct queue *, const struct message *,
    const char *addr);
/* The rule that keeps it from going, to that next hop if it is known. */
const struct cq_rule *queue_suspends(const struct queue *, const struct part *,
    const struct dest *);
/* False: the domain is not rerouted. */
bool queue_reroutes(const struct queue *, const struct dom *, enum side,
    struct msg_hop *);

/* --- queue_ctl.c --- */
#define CTL_SCAN_MAX 20000U /* messages looked at in one page */
/* Unix ms of a time to come; 0: that is over */
uint64_t ctl_wall(const struct queue *, uint64_t mono);
/* ms, monotonic, of its next attempt; 0: now, or it is in a session */
uint64_t ctl_next(const struct part *);
void ctl_fill_row(struct queue *, const struct message *, struct cq_row *);
void ctl_copy(char *to, size_t cap, const char *text, size_t len);
/* What is recorded of a recipient, or NULL. */
const struct store_rcpt *ctl_state_of(const struct store_state *,
    uint32_t index);
/* Its destination's trouble, if that is what it waits for; or NULL. */
const struct qo_outcome *ctl_trouble(const struct part *);
bool ctl_is_active(const struct message *);

/* --- queue_ctl_shape.c --- */
/* Counts of one page, which begins anew and is emitted at its end. */
void shape_begin(void);
/* False: there is room for no more; the message was not counted. */
bool shape_add(const struct queue *, const struct message *);
void shape_emit(const struct queue *, const struct q_emit *);

/* --- queue_time.c --- */
void queue_tick(struct queue *);

/* --- queue_age.c --- */
extern const struct qo_outcome queue_too_old;
/* The schedule of mail to a domain, as the configuration in force says. */
const struct conf_schedule *queue_schedule(struct queue *, struct dom *);
/* sched_retry() of that schedule */
uint64_t queue_retry_ms(struct queue *, struct dom *, unsigned n);
/*
 * How long a destination is left alone after one more failure: by the
 * schedule of the part that failed, or else of the one whose turn it is.
 */
uint64_t queue_backoff_ms(struct queue *, struct dest *, const struct part *);
/* It has been tried for as long as it may be: to defer it is to fail it. */
bool queue_part_old(struct queue *, const struct part *);
/* Unix ms at which the first of its open recipients is given up */
uint64_t queue_expires(struct queue *, const struct message *);
/* There is another configuration; the clock was moved. */
void queue_set_ages(struct queue *);
void queue_recheck_ages(struct queue *);
uint64_t queue_ages_next(const struct queue *);
void queue_age_time(struct queue *);
/* Is that the age at which the sender is told of this part? */
bool queue_part_warned(struct queue *, const struct part *, uint32_t age);
/*
 * What m->warned is when all have been told who are told at that age or an
 * earlier one: that age, or for ever, if these are all.
 */
uint32_t queue_warned_at(struct queue *, const struct message *, uint32_t age);
/* The warning about m at that age could not be made durable. */
void queue_warn_again(struct queue *, const struct message *, uint32_t age);

#endif
