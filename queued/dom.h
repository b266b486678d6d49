/* SPDX-License-Identifier: ISC */
/*
 * Domains of recipients: each one that mail is queued for, with what is known
 * of the way there and the parts that wait for it to be known.
 */
#ifndef QUEUED_DOM_H
#define QUEUED_DOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bsd/sys/queue.h>

#include "common/base/reason.h"
#include "common/base/tree.h"
#include "common/msg/addr.h"

#include "queued/dest.h"
#include "queued/part.h"

/* remembered without any mail */
#define DOM_IDLE_MAX 4096

enum dom_route {
	DOM_UNKNOWN = 0,
	DOM_ROUTED,    /* all of it goes to dom->dest */
	DOM_INDIVIDUAL /* dird names a host for each address */
};

struct dom_queue {
	struct part_list parts;
	uint32_t n;
};

struct dom {
	RB_ENTRY(dom) entry;
	TAILQ_ENTRY(dom) unused; /* no part */
	TAILQ_ENTRY(dom) asker;	 /* has parts to ask dird about */
	struct pheap_node timer; /* waiting and stuck are looked at again */
	struct dom_queue waiting, asked, stuck, suspended;
	struct part_list parts; /* all of queued messages, in their order */
	struct dest *dest;	/* DOM_ROUTED, referred to */
	const struct conf_schedule *schedule; /* of this epoch: queue_age.c */
	uint32_t epoch;
	uint32_t generation; /* of routes: route holds for this one only */
	uint32_t nparts;
	uint32_t round;	 /* stuck ones still to be looked at in this round */
	uint32_t resume; /* the same of the suspended ones */
	uint32_t fails;	 /* answers in a row that were none */
	/* while a message is grouped: queue_group.c */
	uint32_t mark, count;
	struct part *part;
	uint8_t route;	/* enum dom_route */
	uint8_t reason; /* enum reason: why parts are stuck */
	bool is_unused, is_asker, is_timed;
	uint16_t len;
	char name[]; /* lower case, NUL-terminated */
};
RB_HEAD(dom_tree, dom);
TAILQ_HEAD(dom_list, dom);

struct doms {
	struct dom_tree tree;
	struct dom_list unused;
	struct dom_list askers;
	struct pheap timers;
	struct dests *dests;
	uint32_t n, nunused;
};

void doms_init(struct doms *, struct dests *);
void doms_free(struct doms *);
/* Find or make, in any case of letters; NULL: no memory, or not a name. */
struct dom *dom_get(struct doms *, const char *name, size_t len);
struct dom *dom_find(struct doms *, const char *name, size_t len);
struct dom *doms_first(struct doms *);
struct dom *doms_next(struct dom *);
/* A part of this domain is there, or is no more. */
void dom_hold(struct doms *, struct dom *);
void dom_release(struct doms *, struct dom *);

/* What is known, in this generation of routes. */
enum dom_route dom_route(const struct dom *, uint32_t generation);
void dom_set_route(struct doms *, struct dom *, enum dom_route, struct dest *,
    uint32_t generation);

/* Put a part of no place (PART_NEW) into one of the lists, by its state. */
void dom_put(struct dom *, struct part *, enum part_state);
/* Take a ROUTE, ASKED, STUCK or SUSPENDED part out: state NEW. */
void dom_take(struct part *);
/*
 * Into dom->parts, in the order of messages: behind its elder sibling of the
 * same domain, or NULL.  Out of it, if it is in there.
 */
void dom_link(struct part *, struct part *sibling);
void dom_unlink(struct part *);
bool dom_linked(const struct part *);

void dom_set_asker(struct doms *, struct dom *, bool);
/* All that have parts without a way are due now. */
void doms_wake(struct doms *, uint64_t now);
/* Look at it again at a time; SCHED_NEVER: no more. */
void dom_set_time(struct doms *, struct dom *, uint64_t at);
uint64_t doms_next_time(const struct doms *);
/* One that is due, its time taken off; or NULL */
struct dom *doms_due(struct doms *, uint64_t now);

#endif
