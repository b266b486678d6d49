/* SPDX-License-Identifier: ISC */
/*
 * What queued tells the operator: the log lines of a message's way, and the
 * counters that go with them.  One event one line; see postern-log in
 * queued(8).
 */
#ifndef QUEUED_REPORT_H
#define QUEUED_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/log.h"
#include "common/base/reason.h"
#include "common/msg/ctl_queue.h"
#include "common/msg/in_queue.h"
#include "common/msg/queue_out.h"

#include "queued/bounce.h"
#include "queued/direction.h"

struct dest;
struct store_event;

/*
 * event=accept, composed at submission and sent when it is durable: the line
 * lives with the message until then.
 */
struct report_accept {
	uint64_t id;
	enum origin origin;
	const struct iq_commit *commit;
	const char *rcpt; /* the first */
	uint32_t nrcpt;
	uint64_t size;
};
void report_compose_accept(struct logline *, const struct report_accept *);
void report_accepted(enum origin, const char *line, size_t len);
/* event=refuse */
void report_refused(enum origin, const struct iq_commit *, const char *rcpt,
    enum reason);

/* event=delivery, one for a recipient and an attempt */
struct report_delivery {
	uint64_t id;
	const char *to;
	enum cq_flow flow;
	const struct qo_outcome *outcome; /* status: what became of it */
	const struct qo_relay *relay;	  /* NULL: nobody was spoken to */
	uint64_t delay;			  /* ms since acceptance */
};
void report_delivery(const struct report_delivery *);
/* event=destination: cannot be reached; what waits there is put off */
void report_paused(const struct dest *, uint64_t ms);
/* event=notice: a report to the sender became message dsn */
void report_notice(uint64_t dsn, uint64_t about, const char *to,
    enum bounce_kind);
/* event=drop: recipients failed and nobody can be told */
void report_dropped(uint64_t id, const char *sender, enum reason);
/* event=hold, event=remove, event=flush, event=lost */
void report_held(uint64_t id, enum reason);
void report_removed(uint64_t id, uint32_t uid);
/* event=hold, event=release: by the operator */
void report_operator(const char *event, uint64_t id, uint32_t uid,
    const char *text);
/* event=suspend, resume, reroute, reroute-off; over: its time is */
void report_rule(const struct cq_rule *, bool over);
void report_flushed(const char *domain, uint32_t uid, uint32_t parts);
void report_lost(uint64_t id);
void report_store(const char *store, const struct store_event *);
void report_commit(size_t bytes);
/* event=recovered, at start */
void report_recovered(const char *store, uint64_t messages, uint64_t bytes);
void report_clock(int64_t off);

#endif
