/* SPDX-License-Identifier: ISC */
/* The ledger beside the spool: see sim.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queued/direction.h"

#include "regress/sim/sim.h"

#define EXTRA_WARNED STORE_EXTRA_MIN /* as in queued/queue_int.h */

static uint32_t nlive; /* messages seen in the spool, and of those */
static uint32_t nheld;

/* Notices come after all that they may be about. */
static struct notice {
	struct store_loc loc;
	uint8_t which;
} * notices;
static size_t nnotices, cap_notices;

struct look {
	struct store *store;
	uint8_t which;
	bool bounces;	/* it is the turn of notices */
	bool recovered; /* right after a start */
};

static void
postpone(const struct store_msg *sm, const struct look *l)
{
	if (nnotices == cap_notices) {
		cap_notices = 2 * cap_notices + 256;
		notices = reallocarray(notices, cap_notices, sizeof(*notices));
		if (notices == NULL)
			abort();
	}
	notices[nnotices++] = (struct notice){ sm->loc, l->which };
}

static bool
is_open(const struct store_state *st, uint32_t index)
{
	size_t i;

	for (i = 0; i < st->nrcpts; i++)
		if (st->rcpts[i].index == index)
			return st->rcpts[i].status == 0;
	return true;
}

static bool
is_warned(const struct store_state *st)
{
	size_t i;

	for (i = 0; i < st->nextras; i++)
		if (st->extras[i].tag == EXTRA_WARNED)
			return true;
	return false;
}

/*
 * False while the store has still to write again what it found (its disk was
 * full, say): that may be in the page cache only.
 */
static bool
is_written(const struct l_msg *m)
{
	return store_batch_bytes(w.q.stores[m->store]) == 0;
}

/*
 * Nobody was told, but it is there: from now on it counts.  Not so while it is
 * not written: no client was told of it.
 */
static void
found(struct l_msg *m, bool recovered)
{
	if ((m->state == L_OFFERED || m->state == L_UNKNOWN) && is_written(m)) {
		m->state = L_ACKED;
		led.found++;
	}
	if (m->removed && recovered) {
		/* it was not recorded, or in a session: it never was */
		m->removed = false;
		led.removed--;
	}
	if (is_written(m))
		m->unwritten = false;
	m->seen = true;
	m->seen_at = sim.tick;
}

static void
check_warned(struct l_msg *m, const struct store_state *st)
{
	if (m->warned == 0 || is_warned(st))
		return;
	if (m->warned_at <= sim.settled[m->store])
		sim_fail("message %" PRIu64 ": its warning is forgotten",
		    m->id);
	m->warn_again = true;
}

static void
check_body(const struct store_msg *sm, const struct look *l, uint32_t msg)
{
	static char *body;
	ssize_t n;

	if (!sim.ending && sim_below(64) != 0)
		return;
	body = realloc(body, sm->size + 1);
	if (body == NULL)
		abort();
	n = store_read(l->store, sm->loc, 0, body, sm->size);
	if (n < 0 || (uint64_t)n != sm->size)
		sim_fail("message %" PRIu64 " cannot be read", sm->loc.id);
	in_check_body(msg, body, sm->size);
}

/* The message that a notice is about, by the name of its sender. */
static uint64_t
about(const struct env_rcpt *r)
{
	unsigned long n = strtoul(r->addr + 1, NULL, 10);

	if (r->addr[0] != 's' || n >= led.nmsgs)
		sim_fail("a notice to nobody: %.*s", (int)r->addr_len, r->addr);
	return led.msgs[n].id;
}

static int
on_message(void *arg, const struct store_msg *sm)
{
	static struct envelope env;
	const struct look *l = arg;
	struct msg_rcpt name;
	struct env_iter it;
	struct env_rcpt er;
	struct l_rcpt *r;
	uint32_t msg = UINT32_MAX;

	if (env_get(sm->env, sm->env_len, &env) == -1)
		sim_fail("envelope of %" PRIu64, sm->loc.id);
	if (env.origin == ENV_BOUNCE && !l->bounces) {
		postpone(sm, l);
		return 0;
	}
	env_iter(&it, sm->env, sm->env_len);
	while (env_next(&it, &er) == 1) {
		if (l->bounces && led_find(sm->loc.id) == UINT32_MAX) {
			if (!l->recovered)
				return 0; /* in the batch */
			led_found_notice(sm->loc.id, about(&er));
			led.msgs[led_find(sm->loc.id)].unwritten = true;
		}
		env_copy_rcpt(&er, &name);
		r = led_rcpt(sm->loc.id, name.addr, &msg);
		r->open = is_open(&sm->state, er.index);
	}
	led.msgs[msg].store = l->which;
	found(&led.msgs[msg], l->recovered);
	if (l->recovered) {
		check_warned(&led.msgs[msg], &sm->state);
		check_body(sm, l, msg);
	}
	nlive++;
	nheld += sm->state.held;
	return 0;
}

static void
look(bool recovered)
{
	struct look l = { .recovered = recovered };
	size_t i;

	nnotices = 0;
	for (l.which = 0; l.which < NSTORES; l.which++) {
		l.store = w.q.stores[l.which];
		(void)store_each(l.store, on_message, &l);
	}
	l.bounces = true;
	for (i = 0; i < nnotices; i++) {
		l.which = notices[i].which;
		l.store = w.q.stores[l.which];
		if (store_load(l.store, notices[i].loc, on_message, &l) == -1)
			sim_fail("notice %" PRIu64 " cannot be read",
			    notices[i].loc.id);
	}
}

/* --- one recipient --- */

static bool
is_accounted(const struct l_msg *m, const struct l_rcpt *r)
{
	if (r->delivered > 0 || r->reported > 0 || m->removed)
		return true;
	return r->failed > 0 && !led_wants(m, r, NOTIFY_FAILURE);
}

/* It is done with, and the spool says that it is not. */
static void
back_again(const struct l_msg *m, struct l_rcpt *r, uint32_t i)
{
	if (r->ended_at != 0 && r->ended_at <= sim.settled[m->store])
		sim_fail("recipient %u of %" PRIu64
			 " comes again, though its end at step %" PRIu64
			 " was recorded at %" PRIu64,
		    i, m->id, r->ended_at, sim.settled[m->store]);
	r->doubles = (uint8_t)(r->delivered + r->reported);
	r->ended_at = 0;
}

static void
check_rcpt(struct l_msg *m, struct l_rcpt *r, uint32_t i, bool recovered)
{
	if (!r->open && !is_accounted(m, r))
		sim_fail("recipient %u of message %" PRIu64 " (%u) is lost", i,
		    m->id, (uint32_t)(m - led.msgs));
	if (r->open && recovered && r->delivered + r->reported > 0)
		back_again(m, r, i);
	r->open = false;
}

/* Its sender heard no answer, and it is there nevertheless, or again. */
static void
unpromised(struct l_rcpt *r)
{
	if (r->open && r->delivered + r->reported > 0) {
		r->doubles = (uint8_t)(r->delivered + r->reported);
		r->ended_at = 0;
	}
	r->open = false;
}

static bool
is_promise(const struct l_msg *m)
{
	return m->state == L_ACKED || m->state == L_NOTICE;
}

/* A notice that was never written is gone: what it was about is not. */
static void
vanished(struct l_msg *m)
{
	if (led.msgs[m->about].seen_at != sim.tick)
		sim_fail("notice %" PRIu64 " is lost, and its message is gone",
		    m->id);
	m->state = L_REFUSED;
	m->done = true;
}

static void
check_message(struct l_msg *m, bool recovered)
{
	bool seen = m->seen;
	uint32_t i;

	m->seen = false;
	if (m->done && seen)
		sim_fail("message %" PRIu64 " was done with", m->id);
	if (!is_promise(m)) {
		for (i = 0; recovered && i < m->nrcpt; i++)
			unpromised(&led.rcpts[m->rcpt + i]);
		m->done = m->state == L_REFUSED;
		return;
	}
	if (m->unwritten && recovered && !seen) {
		vanished(m);
		return;
	}
	for (i = 0; i < m->nrcpt; i++)
		check_rcpt(m, &led.rcpts[m->rcpt + i], i, recovered);
	/* after a start, what is not there is so for good; not while the store
	 * has still to write again what it found */
	m->done = recovered && !seen && is_written(m);
}

static void
audit(bool recovered)
{
	uint32_t i;

	fault_pause();
	nlive = nheld = 0;
	look(recovered);
	for (i = led.first; i < led.nmsgs; i++)
		check_message(&led.msgs[i], recovered);
	while (led.first < led.nmsgs && led.msgs[led.first].done)
		led.first++;
	fault_resume();
}

void
audit_recovered(void)
{
	audit(true);
	if (w.q.nmessages[Q_IN] + w.q.nmessages[Q_OUT] > nlive)
		sim_fail("the queue has more than the spool");
}

void
audit_running(void)
{
	audit(false);
}

void
audit_end(void)
{
	uint64_t n = w.q.nmessages[Q_IN] + w.q.nmessages[Q_OUT];

	audit(false);
	if (n != nlive || n != nheld)
		sim_fail("%" PRIu64 " messages in the queue, %u in the spool, "
			 "%u held",
		    n, nlive, nheld);
}
