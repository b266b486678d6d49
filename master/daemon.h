/* SPDX-License-Identifier: ISC */
/*
 * posternd when it runs: the parts that belong together for its life, and
 * what they do in turn: start, reload, questions of ctld, stop.
 */
#ifndef MASTER_DAEMON_H
#define MASTER_DAEMON_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/ev.h"
#include "master/config.h"
#include "master/files.h"
#include "master/host.h"
#include "master/listen.h"
#include "master/options.h"
#include "master/probe.h"
#include "master/recipients.h"
#include "master/selftest.h"
#include "master/super.h"
#include "master/tickets.h"

struct daemon {
	const struct options *options;
	struct ev *ev;
	struct config *config; /* in force; owned */
	struct super *super;
	struct files *files;
	struct listeners *listeners;
	struct recipients *recipients;
	struct probe *probe;
	struct tickets *tickets;
	int netns; /* of the external side, or -1 */
	struct ev_io signals;
	struct ev_io forwarding[2]; /* of the host's namespace, and of netns */
	struct ev_timer reopen;
	struct ev_timer last_words; /* a start that failed ends then */
	uint64_t started;	    /* Unix time in ms */
	bool children_ready;
	bool probed;
	bool open;		       /* listeners were handed out */
	char alarm[FORWARDING_STRLEN]; /* what forwards; empty: nothing */
	/* what the attack on the sandboxes came to, in words */
	char selftest[SELFTEST_SUMMARY_MAX];
	uint64_t selftest_ms;
	bool untight;	    /* not all was refused, or not tried */
	bool reload_failed; /* the last one; until one succeeds */
	int status;	    /* of the exit */
	/* a reload on its way: who is to be told, if anybody */
	struct ev_timer reload_limit;
	bool reloading;
	bool asked;
	uint32_t asker_born, asker_id;
	/* those that ctld may still ask for at once, and one put off */
	uint32_t reloads;
	uint64_t reloads_since; /* ms: when that was counted */
	struct ev_timer reload_wait;
	uint32_t waiter_born, waiter_id;
	uint64_t busy_said; /* ms: when a refusal was logged last */
};

/* Runs until stopped; takes config.  Returns main's exit status. */
int daemon_run(const struct options *, struct config *);

/* The configuration may have changed its mind, or the kernel has. */
void daemon_forwarding(struct daemon *);
/* reload.c: ctld, if it asks; NULL: a signal */
void daemon_reload(struct daemon *, struct instance *ctld, uint32_t id);
void daemon_committed(struct daemon *);
void reload_init(struct daemon *);
/* What the command line changes in a configuration. */
void daemon_adjust(const struct daemon *, struct config *);

/* answer.c: what ctld asks */
void answer_request(struct daemon *, struct instance *ctld, uint16_t type,
    uint32_t id);
void answer_text(struct instance *ctld, uint32_t id, unsigned level,
    const char *text);
void answer_reloaded(struct instance *ctld, uint32_t id, bool ok,
    uint32_t generation);

#endif
