/* SPDX-License-Identifier: ISC */
/*
 * The network: places that mail goes to, each with its weather, and what
 * smtpd-out's sessions meet there; the directory and its answers.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include "regress/sim/sim.h"

#define PLACES	  (SIM_PLACES + SIM_HOSTS + SIM_RELAYS)
#define GREY_MS	  (5 * MINUTE)
#define IDLE_LOST 30U /* in a thousand */

enum weather {
	FINE,
	SLOW,
	DEAD,	  /* nobody answers */
	REFUSING, /* nobody listens */
	FLAPPING, /* one connection in two */
	GREY,	  /* later, please */
	PERM,	  /* no such user, ever */
	PARTIAL,  /* some users */
	LOSSY,	  /* connections break in the middle */
	FULL,	  /* few connections at once */
	NOMAIL,	  /* null MX */
	NWEATHERS
};

static struct place {
	enum weather weather;
	uint32_t nsessions; /* greeted */
	uint32_t limit;	    /* FULL */
	uint64_t quiet;	    /* no connection before: monotonic ms */
	uint64_t quiet_at;  /* tick when that was said */
	uint32_t life;
} places[PLACES];

/* What the world's struct does not hold of a session. */
static struct there {
	uint32_t age; /* of this slot: an event for an older one is void */
	uint32_t place;
	uint32_t jobs;
	bool greeted;
} there[W_SESSIONS];

static uint32_t mapping; /* of the directory: changes who lives where */

/* --- places --- */

static uint32_t
place_of(const struct msg_hop *hop)
{
	unsigned n;

	if (hop->nhosts > 0 &&
	    sscanf(hop->hosts[0].name, "host%u.inside", &n) == 1 &&
	    n < SIM_HOSTS)
		return SIM_PLACES + n;
	if (hop->nhosts > 0 &&
	    sscanf(hop->hosts[0].name, "relay%u.test", &n) == 1 &&
	    n < SIM_RELAYS)
		return SIM_PLACES + SIM_HOSTS + n;
	if (hop->nhosts == 0 && sscanf(hop->name, "d%u.test", &n) == 1 &&
	    n < SIM_PLACES)
		return n;
	sim_fail("a session to nowhere: %s", hop->name);
}

static enum weather
random_weather(void)
{
	uint32_t dice = sim_below(100);

	if (dice < (sim.ending ? 75U : 45U))
		return FINE;
	return (enum weather)(SLOW + sim_below(NWEATHERS - 1));
}

static void
change(uint32_t i)
{
	places[i].weather = random_weather();
	places[i].limit = 1 + sim_below(4);
	/* cppcheck-suppress arrayIndexOutOfBoundsCond; i is below PLACES */
	if (i >= SIM_PLACES && places[i].weather == NOMAIL)
		/* cppcheck-suppress arrayIndexOutOfBoundsCond */
		places[i].weather = SLOW;
}

void
net_weather(uint32_t i)
{
	change(i);
	sim_trace(EV_WEATHER, i, places[i].weather);
	sim_at(sim_spread(sim.p.weather), EV_WEATHER, i, 0);
}

void
net_start(void)
{
	uint32_t i;

	for (i = 0; i < PLACES; i++)
		net_weather(i);
}

void
net_end(void)
{
	uint32_t i;

	for (i = 0; i < PLACES; i++)
		change(i);
}

void
net_paused(const struct dest *d, uint64_t ms)
{
	struct msg_hop hop;
	struct ibuf b;
	struct place *p;

	ibuf_from(&b, d->hop, d->hop_len);
	if (get_hop(&b, &hop) == -1)
		sim_fail("a hop");
	p = &places[place_of(&hop)];
	p->quiet = w.now + ms;
	p->quiet_at = sim.tick;
	p->life = sim.life;
	sim_trace(EV_PAUSED, place_of(&hop), ms);
}

/*
 * More than one destination may lead to a relay: a domain that a "limit to"
 * names is one by itself, with its own pauses and sessions (queued/dest.h).
 */
static bool
is_shared(uint32_t place)
{
	return place >= SIM_PLACES + SIM_HOSTS;
}

/* --- sessions --- */

static uint32_t
slot_of(const struct w_session *s)
{
	return (uint32_t)(s - w.sessions);
}

static void
later(const struct w_session *s, uint64_t ms, enum sim_kind kind)
{
	sim_at(ms, kind, slot_of(s), there[slot_of(s)].age);
}

static uint64_t
connect_time(const struct place *p)
{
	if (p->weather == DEAD)
		return 30 * SECOND;
	return p->weather == SLOW ? 200 + sim_below(5000) : 1 + sim_below(20);
}

void
net_opened(struct w_session *s)
{
	struct there *h = &there[slot_of(s)];
	struct place *p;

	if (fault_is_dead())
		return;
	h->place = place_of(&s->hop);
	h->greeted = false;
	h->jobs = 0;
	p = &places[h->place];
	if (p->life == sim.life && w.now < p->quiet &&
	    p->quiet_at > sim.flushed && p->nsessions == 0 &&
	    !is_shared(h->place))
		sim_fail("place %u is tried before its pause is over",
		    h->place);
	operate_check_place(h->place);
	sim_trace(EV_OPEN, h->place, slot_of(s));
	later(s, connect_time(p), EV_OPENED);
}

/* It takes no more jobs. */
static void
leaves(const struct w_session *s)
{
	struct there *h = &there[slot_of(s)];

	if (h->greeted)
		places[h->place].nsessions--;
	h->greeted = false;
}

/* It is no more, whoever ended it. */
static void
ended(const struct w_session *s)
{
	leaves(s);
	there[slot_of(s)].age++;
}

static void
gone(struct w_session *s, enum qo_status status, enum reason why,
    const char *enh, const char *text)
{
	struct qo_outcome o = { .status = status, .reason = why };

	(void)strlcpy(o.enh, enh, sizeof(o.enh));
	(void)strlcpy(o.text, text, sizeof(o.text));
	ended(s);
	w_say_gone(s, &o);
}

static void
greeted(struct w_session *s)
{
	struct there *h = &there[slot_of(s)];

	h->greeted = true;
	if (++places[h->place].nsessions > sim.p.sessions_max &&
	    !is_shared(h->place))
		sim_fail("%u sessions to place %u", places[h->place].nsessions,
		    h->place);
	w_say_ready(s);
}

static void
answer_open(struct w_session *s)
{
	const struct place *p = &places[there[slot_of(s)].place];
	enum weather wx = p->weather;

	if (wx == FLAPPING && sim_chance(500))
		wx = REFUSING;
	if (s->closing)
		gone(s, QO_DEFERRED, REASON_NONE, "2.0.0", "");
	else if (wx == DEAD)
		gone(s, QO_DEFERRED, REASON_TIMEOUT, "4.4.1", "no answer");
	else if (wx == REFUSING)
		gone(s, QO_DEFERRED, REASON_CONNECT, "4.4.1", "refused");
	else if (wx == NOMAIL)
		gone(s, QO_FAILED, REASON_NULL_MX, "5.1.10", "no mail here");
	else if (wx == FULL && p->nsessions >= p->limit)
		gone(s, QO_DEFERRED, REASON_REMOTE_GREETING, "4.7.0",
		    "too many connections");
	else
		greeted(s);
}

/* --- jobs --- */

static uint64_t
job_time(const struct place *p)
{
	if (p->weather == SLOW)
		return 500 + sim_below(20000);
	return 1 + sim_below(p->weather == LOSSY ? 2000 : 60);
}

void
net_job(struct w_session *s)
{
	uint32_t msg = 0;
	uint16_t i;

	if (fault_is_dead())
		return;
	if (s->job.nrcpt == 0)
		sim_fail("a job for nobody");
	for (i = 0; i < s->job.nrcpt; i++) {
		(void)led_rcpt(s->job.msgid, s->addr[i], &msg);
		led_check_job(s->job.msgid, s->addr[i]);
	}
	operate_check_place(there[slot_of(s)].place);
	if (there[slot_of(s)].place < SIM_PLACES)
		pace_job(there[slot_of(s)].place);
	in_check_body(msg, s->body, s->job.size);
	if ((s->job.sender[0] == '\0') != led.msgs[msg].no_sender)
		sim_fail("sender of message %" PRIu64, s->job.msgid);
	sim_trace(EV_JOB, slot_of(s), s->job.msgid);
	later(s, job_time(&places[there[slot_of(s)].place]), EV_DONE);
}

static void
set(struct qo_outcome *o, enum qo_status status, uint16_t code, const char *enh,
    const char *text)
{
	memset(o, 0, sizeof(*o));
	o->status = status;
	o->reason =
	    status == QO_DELIVERED ? REASON_DELIVERED : REASON_REMOTE_RCPT;
	o->code = code;
	(void)strlcpy(o->enh, enh, sizeof(o->enh));
	(void)strlcpy(o->text, text, sizeof(o->text));
}

/* The same one fares the same each time. */
static uint32_t
fate(const char *addr)
{
	return (uint32_t)(led_hash(addr, strlen(addr)) >> 20) % 10;
}

static enum qo_status
answer_rcpt(const struct place *p, const struct l_rcpt *r, const char *addr,
    struct qo_outcome *o)
{
	enum weather wx = p->weather;

	if (wx == PERM || (wx == PARTIAL && fate(addr) < 2) || sim_chance(4)) {
		set(o, QO_FAILED, 550, "5.1.1", "no such user");
	} else if ((wx == PARTIAL && fate(addr) < 4) ||
	    (wx == GREY && sim.t - r->first < GREY_MS) || sim_chance(4)) {
		set(o, QO_DEFERRED, 450, "4.2.0", "later, please");
	} else if (sim_chance(30)) {
		/* it comes again at once: no attempt of its schedule */
		set(o, QO_DEFERRED, 452, "4.5.3", "too many recipients");
		o->reason = REASON_TOO_MANY_RCPTS;
	} else {
		set(o, QO_DELIVERED, 250, "2.0.0", "ok");
	}
	return o->status;
}

/* Lost in the middle, or after the dot and before its answer. */
static void
lose_job(struct w_session *s)
{
	struct qo_outcome v[QO_RCPTS_MAX];
	bool taken = sim_chance(100);
	uint16_t i;

	for (i = 0; i < s->job.nrcpt; i++) {
		set(&v[i], QO_DEFERRED, 0, "4.4.2", "connection lost");
		v[i].reason = REASON_CONN_LOST;
		if (taken)
			led_accepted(s->job.msgid, s->addr[i], false);
		led_tried(s->job.msgid, s->addr[i]);
	}
	leaves(s);
	w_say_results(s, false, v);
	later(s, 1, EV_CLOSED);
}

static void
do_job(struct w_session *s, bool told)
{
	struct qo_outcome v[QO_RCPTS_MAX];
	struct there *h = &there[slot_of(s)];
	struct l_rcpt *r;
	uint32_t msg;
	bool keep = ++h->jobs < 50 && !sim_chance(20);
	uint16_t i;

	for (i = 0; i < s->job.nrcpt; i++) {
		r = led_rcpt(s->job.msgid, s->addr[i], &msg);
		switch (answer_rcpt(&places[h->place], r, s->addr[i], &v[i])) {
		case QO_DELIVERED:
			led_accepted(s->job.msgid, s->addr[i], told);
			break;
		case QO_DEFERRED:
			if (told && v[i].reason != REASON_TOO_MANY_RCPTS)
				led_tried(s->job.msgid, s->addr[i]);
			break;
		case QO_FAILED:
			break;
		}
	}
	if (!told)
		return;
	if (!keep)
		leaves(s);
	w_say_results(s, keep, v);
	if (!keep)
		later(s, 1, EV_CLOSED);
	else if (sim_below(1000) < IDLE_LOST)
		later(s, 1 + sim_below(4000), EV_CLOSED);
}

static void
end_job(struct w_session *s)
{
	if (places[there[slot_of(s)].place].weather == LOSSY &&
	    sim_chance(300)) {
		if (sim_chance(200)) /* before it was begun */
			gone(s, QO_DEFERRED, REASON_CONN_LOST, "4.4.2",
			    "connection lost");
		else
			lose_job(s);
		return;
	}
	do_job(s, true);
}

void
net_closing(struct w_session *s)
{
	if (fault_is_dead())
		return;
	leaves(s);
	later(s, 1 + sim_below(100), EV_CLOSED);
}

/* --- the directory --- */

void
net_asked(unsigned slot)
{
	uint64_t ms = 1 + sim_below(30);

	if (fault_is_dead())
		return;
	if (sim_chance(3)) /* longer than anybody waits */
		ms = 15 * SECOND;
	sim_at(ms, EV_ROUTED, slot, w.asked[slot].tx);
}

static void
answer_route(uint32_t slot, uint64_t tx)
{
	const struct msg_ask *ask = &w.asked[slot].ask;
	struct qd_route r = { .verdict = QD_OK, .line = 1 };
	uint32_t n = mapping / 2;

	if (!w.asked[slot].used || w.asked[slot].tx != (uint32_t)tx)
		return;
	w.asked[slot].used = false;
	/* example.org names a host for each address, at times */
	r.scope = QD_SCOPE_DOMAIN;
	if (mapping % 2 == 1 && ask->domain[8] == 'o') {
		r.individual = 1;
		r.scope = QD_SCOPE_ADDRESS;
		n += (uint32_t)led_hash(ask->local, strlen(ask->local));
	}
	if (sim_chance(30))
		r.verdict = QD_LATER;
	else if (sim_chance(2))
		r.verdict = QD_FOREIGN;
	r.hop = (struct msg_hop){ .kind = CONF_ROUTE_HOSTS, .nhosts = 1 };
	(void)snprintf(r.hop.hosts[0].name, sizeof(r.hop.hosts[0].name),
	    "host%u.inside", n % SIM_HOSTS);
	r.hop.hosts[0].port = 25;
	queue_dir_answer(&w.q, (uint32_t)tx, &r);
}

/* --- events --- */

static void
session_event(const struct sim_event *e)
{
	struct w_session *s = &w.sessions[e->a];

	if (!s->used || there[e->a].age != (uint32_t)e->b)
		return;
	if (e->kind == EV_OPENED)
		answer_open(s);
	else if (e->kind == EV_DONE && s->has_job)
		end_job(s);
	else if (e->kind == EV_CLOSED && !s->has_job)
		gone(s, QO_DEFERRED, REASON_NONE, "2.0.0", "");
}

void
net_event(const struct sim_event *e)
{
	if (e->kind == EV_ROUTED) {
		if (sim_chance(2)) {
			mapping++;
			queue_dir_changed(&w.q);
		}
		answer_route(e->a, e->b);
		return;
	}
	session_event(e);
}

/* --- deaths --- */

static void
lost(struct w_session *s)
{
	/* the server may have it, and nobody hears of it */
	if (s->has_job && sim_chance(500))
		do_job(s, false);
	ended(s);
}

void
net_worker_lost(enum side side, unsigned index)
{
	size_t i;

	for (i = 0; i < W_SESSIONS; i++)
		if (w.sessions[i].used && w.sessions[i].side == side &&
		    w.sessions[i].worker == index)
			lost(&w.sessions[i]);
	w_say_worker_lost(side, index);
}

void
net_all_lost(void)
{
	size_t i;

	for (i = 0; i < W_SESSIONS; i++)
		if (w.sessions[i].used)
			lost(&w.sessions[i]);
	w_forget_sessions();
}
