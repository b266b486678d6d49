/* SPDX-License-Identifier: ISC */
/*
 * Destinations: one for each side and next hop, or for a domain by itself
 * that "limit to" names.  A destination holds the parts that wait for it, in
 * the order of their turn or of their time.  Pure: times and random numbers
 * are given.
 *
 * It decides how many sessions it may have, its window:
 * - One at first, and none beside one that is not yet greeted while no other
 *   is open: a destination is tried with one connection, after a start, a
 *   pause, or when it had none for a while.
 * - One more for each success, until the first trouble; then one more for as
 *   many successes as there may be sessions.
 * - Half of it when a session is lost; as many as are open, for a second,
 *   when no more than these can be opened.
 * - A quarter less when as many results in a row as there may be sessions
 *   came slowly.  Slow is more than three times what is usual there, and half
 *   a second.  What is usual follows the results, an eighth of the way down
 *   and a 128th up: so a server that our sessions make slow gets fewer of
 *   them, and one that is slow for good is, after some hundred results, usual.
 * - When nothing can be reached it pauses as a whole, for a time that grows by
 *   the schedule, whatever waits, and then is as new.
 *
 * One over its rate ("limit to") hands out nothing until its bucket has a
 * token: one timer, however much waits.
 */
#ifndef QUEUED_DEST_H
#define QUEUED_DEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bsd/sys/queue.h>

#include "common/base/conf.h"
#include "common/base/tree.h"
#include "common/msg/addr.h"
#include "common/msg/queue_out.h"

#include "queued/bucket.h"
#include "queued/part.h"

/* forgotten when nothing was to be done for so many newer ones */
#define DEST_IDLE_MAX 1024

TAILQ_HEAD(session_list, session);

struct dest {
	RB_ENTRY(dest) entry;
	TAILQ_ENTRY(dest) hungry; /* wants a session, works or is probed */
	TAILQ_ENTRY(dest) fed;	  /* has a part and an idle session */
	TAILQ_ENTRY(dest) unused; /* no part, no session */
	struct pheap_node timer;
	struct part_list ready;
	struct pheap later;
	struct session_list idle; /* sessions that wait for a part */
	uint32_t nready, nactive; /* parts */
	uint32_t nparts;	  /* all that point here */
	uint32_t nrefs;		  /* domains whose route it is */
	uint32_t opening, open;	  /* sessions before and after READY */
	uint32_t window;	  /* sessions allowed now */
	uint32_t credit;	  /* successes since the window grew */
	uint32_t fails;	 /* connections in a row that came to nothing */
	uint32_t losses; /* jobs in a row that ended in a lost session */
	uint64_t pause;	 /* if pausing: no new session before; ms */
	uint32_t slow;	 /* results in a row that took long */
	uint64_t usual;	 /* smoothed ms of a result, in 128ths; 0: none yet */
	uint32_t max_sessions, max_messages; /* "limit to"; 0: the general */
	struct bucket bucket;		     /* its rate */
	uint64_t token;			     /* if spent: no job before; ms */
	uint32_t epoch;	  /* of the configuration that these are of */
	uint32_t refused; /* ready parts that are still to be failed */
	uint32_t flush;	  /* later parts that are still to be woken */
	struct qo_outcome *trouble; /* the last one, or NULL */
	uint64_t oldest;	    /* scratch of a listing: Unix ms */
	bool slow_start, pausing, spent;
	bool ordered; /* the operator's reroute leads here */
	bool works;   /* it has greeted, and was not given up since */
	bool is_hungry, is_fed, is_timed, is_unused;
	uint8_t side;		       /* enum side it leaves by */
	char name[MSG_DOMAIN_MAX + 1]; /* to be shown */
	size_t hop_len;
	size_t key_len; /* the domain, if it is one's own, follows */
	uint8_t hop[];	/* put_hop(); with side the key */
};
RB_HEAD(dest_tree, dest);
TAILQ_HEAD(dest_list, dest);

struct dests {
	struct dest_tree tree;
	struct dest_list hungry[NSIDES];  /* those that work */
	struct dest_list probing[NSIDES]; /* the others */
	struct dest_list fed;
	struct dest_list unused; /* least lately used first */
	struct pheap timers;
	uint32_t n, nunused;
	uint32_t limit; /* sessions that one destination may ever have */
};

void dests_init(struct dests *);
void dests_free(struct dests *); /* no part may be in any */
/* Find or make; NULL: no memory. */
struct dest *dest_get(struct dests *, enum side, const struct msg_hop *);
/* The same of one domain by itself, whose name it bears. */
struct dest *dest_get_own(struct dests *, enum side, const struct msg_hop *,
    const char *domain);
/* Its limits; NULL: the general ones. */
void dest_set_pace(struct dests *, struct dest *, const struct conf_pace *,
    uint64_t now);
/* A pointer to it is kept somewhere, or is no more. */
void dest_ref(struct dests *, struct dest *);
void dest_unref(struct dests *, struct dest *);
struct dest *dests_first(struct dests *);
struct dest *dests_next(struct dest *);

/* --- parts: each of these keeps part->state, counts and timers right --- */

void dest_push(struct dests *, struct dest *, struct part *);
/* back to the head: it was handed out and nobody tried it */
void dest_push_front(struct dests *, struct dest *, struct part *);
void dest_defer(struct dests *, struct dest *, struct part *, uint64_t at);
struct part *dest_pop(struct dests *, struct dest *); /* NULL: none ready */
/* Take a READY or LATER part out: state NEW, dest NULL. */
void dest_take(struct dests *, struct part *);
/* dest_pop() gave it to a session; and it came back: state NEW, dest NULL */
void dest_hand_out(struct dests *, struct dest *, struct part *,
    struct session *);
void dest_returned(struct dests *, struct part *);
/* --- sessions --- */

/* ms until which nothing is handed out, for a pause or a rate; 0: it is now */
uint64_t dest_holds_until(const struct dest *);
/* Should one more session be opened now? */
bool dest_wants(const struct dests *, const struct dest *);
/*
 * Enters or leaves the lists of those that want a session and of those that
 * can hand out a part.  Whoever changes d->idle calls it.
 */
void dest_check(struct dests *, struct dest *);
void dest_opening(struct dests *, struct dest *);
void dest_opened(struct dests *, struct dest *); /* greeted: it takes jobs */
/* The others' turn first, if it wants a session. */
void dest_last(struct dests *, struct dest *);
/* A session that was opening, or open, is no more. */
void dest_closed(struct dests *, struct dest *, bool was_open);
/* A job is sent: it takes a token. */
void dest_spend(struct dests *, struct dest *, uint64_t now);
/* A job came to its end in an orderly way; good: something was delivered. */
void dest_success(struct dests *, struct dest *, bool good);
/* The same, delivered, in so many ms that can be compared with others. */
void dest_replied(struct dests *, struct dest *, uint32_t ms);
/*
 * A session (still counted) could not be opened, for a reason that may pass;
 * backoff is sched_retry() of d->fails + 1.  True: nothing works there, the
 * destination pauses for that long.
 */
bool dest_open_failed(struct dests *, struct dest *, const struct qo_outcome *,
    uint64_t now, uint64_t backoff);
/* The session of a job was lost with it; the same. */
bool dest_job_lost(struct dests *, struct dest *, const struct qo_outcome *,
    uint64_t now, uint64_t backoff);
/* It says that no mail can ever go there: fail what is ready now. */
void dest_refused(struct dests *, struct dest *, const struct qo_outcome *);
void dest_set_trouble(struct dest *, const struct qo_outcome *);
/* One of those parts, or NULL */
struct part *dest_pop_refused(struct dests *, struct dest *);
void dest_unpause(struct dests *, struct dest *);
/* The operator wants all that waits to be tried at once. */
void dest_flush(struct dests *, struct dest *);

/* --- time --- */

/* When the first of them has something to do; SCHED_NEVER: none has. */
uint64_t dests_next_time(const struct dests *);
/*
 * One that is due (its pause is over, its parts are to be woken, its refused
 * parts to be failed) or NULL.  It stays due until that is done.
 */
struct dest *dests_due(struct dests *, uint64_t now);
/* At most max of the parts whose time came, or all of a flush, get ready. */
void dest_wake(struct dests *, struct dest *, uint64_t now, unsigned max);

#endif
