/* SPDX-License-Identifier: ISC */
/*
 * The operator: holds, releases, removes and flushes, by id or by what they
 * have in common and while some of it is in flight; suspends destinations and
 * flows, and has the mail of domains go another way.
 */
#include <stdio.h>
#include <string.h>

#include <bsd/string.h>

#include "regress/sim/sim.h"

/* Suspended until then, if that was kept: true ms, and when it was said. */
static struct {
	uint64_t until, since;
	uint32_t life;
} suspended[SIM_PLACES];

static int
ignore_row(void *arg, const struct cq_row *row)
{
	(void)arg;
	(void)row;
	return 0;
}

static int
mark_removed(void *arg, const struct cq_row *row)
{
	uint32_t msg = led_find(row->msgid);

	(void)arg;
	if (msg == UINT32_MAX)
		return 0; /* found after a start, and not looked at yet */
	if (!led.msgs[msg].removed)
		led.removed++;
	led.msgs[msg].removed = true;
	sim_trace(EV_REMOVE, msg, row->msgid);
	return 0;
}

/* All pages, as ctld would ask for them. */
static void
select_all(const struct cq_select *what, const struct q_emit *emit)
{
	struct cq_select want = *what;
	struct cq_end end;

	want.limit = CQ_PAGE_MAX;
	do {
		queue_select(&w.q, &want, emit, &end);
		want.after = end.after;
	} while (end.result == CQ_MORE && !fault_is_dead());
	sim_trace(EV_OPERATE, want.verb, end.count);
}

static void
act(const struct cq_select *want)
{
	static const struct q_emit ignore = { .row = ignore_row };
	static const struct q_emit mark = { .row = mark_removed };
	struct cq_select list = *want;

	if (want->verb == CQ_REMOVE) {
		/* those that it will meet: whatever becomes of the caller,
		 * their end may be on disk */
		list.verb = CQ_LIST;
		select_all(&list, &mark);
	}
	select_all(want, &ignore);
	if (want->verb == CQ_FLUSH || want->verb == CQ_RELEASE)
		sim.flushed = sim.tick;
}

static void
choose_dest(struct cq_select *want)
{
	(void)snprintf(want->dest, sizeof(want->dest), "d%u.test",
	    sim_below(SIM_PLACES));
}

/* By destination, sender or age; not all of it. */
static void
choose(struct cq_select *want)
{
	switch (sim_below(4)) {
	case 0:
		want->from = CQ_FROM_NULL;
		choose_dest(want);
		break;
	case 1:
		want->from = CQ_FROM_ADDR;
		(void)snprintf(want->sender, sizeof(want->sender),
		    "s%u@example.com", sim_below(led.nmsgs + 1));
		break;
	case 2:
		want->older = 1 + sim_below(3600);
		choose_dest(want);
		break;
	default:
		choose_dest(want);
		break;
	}
}

static void
select_some(enum cq_verb verb)
{
	struct cq_select want = { .verb = verb };

	if (verb == CQ_HOLD || verb == CQ_REMOVE || sim_chance(500))
		choose(&want);
	act(&want);
}

/* Young ones, of which some are in a session, by their ids. */
static void
remove_young(void)
{
	unsigned i;

	for (i = 0; i < 5 && led.nmsgs > 0 && !fault_is_dead(); i++) {
		uint32_t back = 1 + sim_below(2000);
		uint32_t k = back > led.nmsgs ? 0 : led.nmsgs - back;
		struct cq_row row = { .msgid = led.msgs[k].id };

		if (row.msgid != 0 &&
		    queue_remove(&w.q, row.msgid, 0) != CQ_NO_SUCH)
			(void)mark_removed(NULL, &row);
	}
}

static void
set_rule(struct cq_rule *r)
{
	enum cq_result rc = queue_rule(&w.q, r);

	sim_trace(EV_RULE, r->kind, (uint64_t)rc << 8 | r->set);
	/* the mail that it concerns is tried at once, its way is another */
	sim.flushed = sim.tick;
}

static void
suspend(uint32_t place, bool set)
{
	struct cq_rule r = { .kind = CQ_SUSPEND,
		.set = set,
		.lasts = 1 + sim_below(1200) };

	(void)snprintf(r.name, sizeof(r.name), "d%u.test", place);
	suspended[place].until = 0;
	if (set) {
		suspended[place].since = sim.tick;
		suspended[place].life = sim.life;
		if (queue_rule(&w.q, &r) == CQ_DONE)
			suspended[place].until = sim.t + r.lasts * SECOND;
		sim_trace(EV_RULE, r.kind, place);
	} else {
		set_rule(&r);
	}
}

void
operate_check_place(uint32_t place)
{
	if (place < SIM_PLACES && suspended[place].life == sim.life &&
	    suspended[place].since < sim.tick && suspended[place].until > sim.t)
		sim_fail("place %u is suspended, and is tried", place);
}

static void
suspend_flow(void)
{
	struct cq_rule r = { .kind = CQ_SUSPEND_FLOW,
		.set = sim_chance(500),
		.flow = (enum cq_flow)(CQ_FLOW_IN + sim_below(3)),
		.lasts = 1 + sim_below(120) };

	set_rule(&r);
}

static void
reroute(uint32_t place, bool set)
{
	struct cq_rule r = { .kind = CQ_REROUTE,
		.set = set,
		.port = 25,
		.lasts = 1 + sim_below(3600) };

	(void)snprintf(r.name, sizeof(r.name), "d%u.test", place);
	(void)snprintf(r.host, sizeof(r.host), "relay%u.test",
	    sim_below(SIM_RELAYS));
	set_rule(&r);
}

void
operate(void)
{
	switch (sim_below(9)) {
	case 0:
	case 1:
		select_some(CQ_FLUSH);
		break;
	case 2:
		select_some(CQ_HOLD);
		break;
	case 3:
	case 4:
		select_some(CQ_RELEASE);
		break;
	case 5:
		remove_young();
		break;
	case 6:
		select_some(CQ_REMOVE);
		break;
	case 7:
		if (sim_chance(700))
			suspend(sim_below(SIM_PLACES), sim_chance(600));
		else
			suspend_flow();
		break;
	default:
		reroute(sim_below(SIM_PLACES), sim_chance(600));
		break;
	}
}

void
operate_end(void)
{
	const struct cq_select all = { .verb = CQ_RELEASE };
	uint32_t i;

	act(&all);
	for (i = 0; i < SIM_PLACES; i++)
		suspended[i].until = 0;
}
