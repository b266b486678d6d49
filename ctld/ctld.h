/* SPDX-License-Identifier: ISC */
/*
 * ctld: the control socket.  It knows nothing by itself: it asks queued and
 * posternd, reads the statistics pages, and passes rows on to the tool.
 */
#ifndef CTLD_CTLD_H
#define CTLD_CTLD_H

#include <sys/types.h>

#include <stdbool.h>
#include <stdint.h>

#include "common/base/chan.h"
#include "common/base/child.h"
#include "common/base/ev.h"
#include "common/base/sandbox.h"
#include "common/msg/ctl_tool.h"

#define TOOLS_MAX 32 /* at a time; 5 bits of a question's number */

enum asks {
	ASKS_NOTHING = 0,
	ASKS_QUEUE,  /* queued, one answer */
	ASKS_PAGES,  /* queued, page after page */
	ASKS_STATUS, /* posternd */
	ASKS_AUDIT,
	ASKS_RELOAD,
	ASKS_STATS /* posternd, for the names of the pages */
};

/* One connection of the tool. */
struct tool {
	struct chan *chan; /* NULL: free */
	uint8_t slot;
	uid_t uid;
	pid_t pid;
	struct ev_timer idle;
	enum asks asks;
	uint32_t id;  /* the tool's number of its question */
	uint32_t seq; /* ours */
	uint32_t rows;
	/* SELECT: of all pages so far, and what is asked of the next */
	uint32_t count, busy;
	uint32_t limit; /* rows that the tool wants, where they are few */
	bool page_due;	/* when the tool has read this one */
	struct cq_select select;
};

struct ctld {
	struct child *child;
	struct ev *ev;
	struct chan *queue; /* NULL: being replaced */
	struct peer queue_peer;
	struct tool tools[TOOLS_MAX];
};

/* sandbox.c */
extern const struct cage ctld_cage;

/* tool.c */
void tool_init(struct ctld *);
void tool_listener(int fd);		     /* takes fd */
uint32_t tool_question(struct tool *);	     /* a new number for what it asks */
struct tool *tool_asking(uint32_t question); /* NULL: nobody (any more) */
void tool_alive(struct tool *);		     /* what it asked goes on */
/* Pass a row on; payload is encoded in b. */
void tool_row(struct tool *, uint16_t type, struct ibuf *b);
void tool_end(struct tool *, enum ct_result, uint32_t count);
/* SELECT: the same, with what its pages have summed up */
void tool_end_pages(struct tool *, enum ct_result);
/* All that wait for this process: it is away. */
void tool_give_up(bool queue);

/* queue.c */
void queue_peer(struct ctld *, const struct peer *, int fd);
/* -1: queued is away */
int queue_ask(struct ctld *, struct tool *, uint16_t type, struct ibuf *);
int queue_page(struct ctld *, struct tool *);

/* master.c */
extern const struct chan_msg ctld_master_msgs[];
extern const size_t ctld_nmaster_msgs;
int master_ask(struct ctld *, struct tool *, uint16_t type);

/* pages.c: the statistics pages */
void pages_set(uint32_t instance, int fd); /* takes fd */
/* false: no page of that number */
bool pages_read(uint32_t instance, struct ct_stats *);

#endif
