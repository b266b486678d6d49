/* SPDX-License-Identifier: ISC */
/*
 * Edge 14, postern -> ctld, over the control socket (unix, SOCK_SEQPACKET).
 *
 * The tool asks one question at a time; the id is its own and comes back.
 * In what it asks of queued ctld fills in who asks, and in SELECT where each
 * page begins and how long it is: limit is the number of rows in all, and not
 * looked at for LIST and SHAPE.
 * Rows are those of ctl_queue.h and ctl_master.h, each in a ROW with the type
 * of the edge that it comes from; ctld has decoded and encoded every one of
 * them again.  One END closes each answer.
 *
 * Whoever can open the socket may ask: its owner (root) and its group.
 */
#ifndef COMMON_MSG_CTL_TOOL_H
#define COMMON_MSG_CTL_TOOL_H

#include <stdint.h>

#include "common/base/ibuf.h"
#include "common/base/proc.h"
#include "common/base/stats.h"
#include "common/msg/ctl_master.h"
#include "common/msg/ctl_queue.h"
#include "common/msg/edge.h"

enum ct_type {
	CT_REQ_STATUS = MSG_TYPE(EDGE_CTL_TOOL, 1), /* empty */
	CT_REQ_AUDIT = MSG_TYPE(EDGE_CTL_TOOL, 2),  /* empty */
	CT_REQ_RELOAD = MSG_TYPE(EDGE_CTL_TOOL, 3), /* empty */
	CT_REQ_STATS = MSG_TYPE(EDGE_CTL_TOOL, 4),  /* empty */
	CT_REQ_SELECT = MSG_TYPE(EDGE_CTL_TOOL, 5), /* put_cq_select() */
	CT_REQ_SHOW = MSG_TYPE(EDGE_CTL_TOOL, 6),   /* u64 msgid */
	CT_REQ_WHY = MSG_TYPE(EDGE_CTL_TOOL, 7),    /* u64 msgid */
	CT_REQ_RULES = MSG_TYPE(EDGE_CTL_TOOL, 8),  /* empty */
	CT_REQ_DESTS = MSG_TYPE(EDGE_CTL_TOOL, 9),  /* empty */
	CT_REQ_RULE = MSG_TYPE(EDGE_CTL_TOOL, 10),  /* put_cq_rule() */
	CT_ANS_ROW = MSG_TYPE(EDGE_CTL_TOOL, MSG_ANSWER | 1),
	CT_ANS_END = MSG_TYPE(EDGE_CTL_TOOL, MSG_ANSWER | 2)
};

/* The row of CT_REQ_STATS: one for each process, its counters. */
#define CT_ROW_STATS MSG_TYPE(EDGE_CTL_TOOL, MSG_ANSWER | 3)

enum ct_result {
	CT_DONE = 1,
	CT_NO_SUCH = 2, /* no such message, destination or rule */
	CT_FAILED = 3,	/* RELOAD: the old configuration stays; see the rows */
	CT_AWAY = 4,	/* the process that knows is being replaced */
	CT_DENIED = 5
};

struct ct_end {
	enum ct_result result;
	uint32_t count; /* rows, or messages touched; RELOAD: generation */
	uint32_t busy;	/* those of them that are in flight */
};
#define CT_END_LEN 9
int put_ct_end(struct ibuf *, const struct ct_end *);
int get_ct_end(struct ibuf *, struct ct_end *);

struct ct_stats {
	struct peer peer;
	uint64_t value[STAT_MAX];
};
/* only counters that are not zero are sent */
#define CT_STATS_MIN (3 + 2)
#define CT_STATS_MAX (CT_STATS_MIN + STAT_MAX * 10)
int put_ct_stats(struct ibuf *, const struct ct_stats *);
int get_ct_stats(struct ibuf *, struct ct_stats *);

/* Largest payload of any ROW: the type and the row. */
#define CT_ROW_MIN 2
#define CT_ROW_MAX (2 + 4096)

#endif
