/* SPDX-License-Identifier: ISC */
/* The books: what was promised for each recipient, and what became of it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "regress/sim/sim.h"

#define TEXT_MAX (2 * 1024 * 1024)

struct ledger led;

/* ids to messages: open addressing, never more than half full */
static struct named {
	uint64_t id;
	uint32_t msg;
} * map;
static uint32_t map_size, map_used;

static void *
grown(void *p, uint32_t *cap, size_t size)
{
	*cap = 2 * *cap + 1024;
	p = realloc(p, *cap * size);
	if (p == NULL)
		abort();
	return p;
}

uint32_t
led_new(enum l_state state, unsigned nrcpt)
{
	struct l_msg *m;

	if (led.nmsgs == led.cap_msgs)
		led.msgs = grown(led.msgs, &led.cap_msgs, sizeof(*led.msgs));
	while (led.nrcpts + nrcpt > led.cap_rcpts)
		led.rcpts =
		    grown(led.rcpts, &led.cap_rcpts, sizeof(*led.rcpts));
	m = &led.msgs[led.nmsgs];
	memset(m, 0, sizeof(*m));
	m->state = (uint8_t)state;
	m->rcpt = led.nrcpts;
	m->nrcpt = (uint16_t)nrcpt;
	m->accepted = sim.t;
	m->drift = sim.drift;
	memset(&led.rcpts[led.nrcpts], 0, nrcpt * sizeof(*led.rcpts));
	led.nrcpts += nrcpt;
	return led.nmsgs++;
}

static uint32_t
slot_of(uint64_t id)
{
	uint32_t i = (uint32_t)((id * 0x9e3779b97f4a7c15ULL) >> 32);

	for (i &= map_size - 1; map[i].id != 0 && map[i].id != id;
	     i = (i + 1) & (map_size - 1))
		;
	return i;
}

static void
grow_map(void)
{
	uint32_t i, old = map_size;
	struct named *was = map;

	map_size = old == 0 ? 4096 : 2 * old;
	map = calloc(map_size, sizeof(*map));
	if (map == NULL)
		abort();
	for (i = 0; i < old; i++)
		if (was[i].id != 0)
			map[slot_of(was[i].id)] = was[i];
	free(was);
}

void
led_name(uint32_t msg, uint64_t id)
{
	uint32_t i;

	if (2 * (map_used + 1) > map_size)
		grow_map();
	i = slot_of(id);
	if (map[i].id != 0)
		sim_fail("id %" PRIu64 " is used twice: messages %u and %u", id,
		    map[i].msg, msg);
	map[i].id = id;
	map[i].msg = msg;
	map_used++;
	led.msgs[msg].id = id;
}

uint32_t
led_find(uint64_t id)
{
	uint32_t i;

	if (map_size == 0)
		return UINT32_MAX;
	i = slot_of(id);
	return map[i].id == id ? map[i].msg : UINT32_MAX;
}

static uint32_t
number(const char **s)
{
	uint32_t n = 0;

	while (**s >= '0' && **s <= '9')
		n = 10 * n + (uint32_t)(*(*s)++ - '0');
	return n;
}

struct l_rcpt *
led_rcpt(uint64_t id, const char *addr, uint32_t *msg)
{
	const char *s = addr + 1;
	uint32_t m, i = 0;

	m = number(&s);
	if (addr[0] == 's') {
		m = led_find(id);
	} else if (addr[0] == 'm' && *s == '.') {
		s++;
		i = number(&s);
	} else {
		m = UINT32_MAX;
	}
	if (m >= led.nmsgs || i >= led.msgs[m].nrcpt || *s != '@')
		sim_fail("nobody was ever called %s (id %" PRIu64 ")", addr,
		    id);
	*msg = m;
	if (led.msgs[m].id == 0 && led.msgs[m].state != L_NOTICE)
		led_name(m, id); /* it was kept, and nobody was told */
	if (led.msgs[m].id != id)
		sim_fail("%s has id %" PRIu64 ", not %" PRIu64, addr,
		    led.msgs[m].id, id);
	return &led.rcpts[led.msgs[m].rcpt + i];
}

uint64_t
led_hash(const void *p, size_t len)
{
	const uint8_t *s = p;
	uint64_t h = len, v;

	for (; len >= 8; len -= 8, s += 8) {
		memcpy(&v, s, 8);
		h = (h ^ v) * 0x9e3779b97f4a7c15ULL;
		h ^= h >> 32;
	}
	for (; len > 0; len--)
		h = (h ^ *s++) * 0x100000001b3ULL;
	return h;
}

bool
led_wants(const struct l_msg *m, const struct l_rcpt *r, enum msg_notify bit)
{
	if (m->no_sender || (r->notify & NOTIFY_NEVER) != 0)
		return false;
	if (r->notify == 0)
		return bit != NOTIFY_SUCCESS;
	return (r->notify & bit) != 0;
}

/* --- attempts --- */

void
led_accepted(uint64_t id, const char *addr, bool told)
{
	uint32_t msg;
	struct l_rcpt *r = led_rcpt(id, addr, &msg);

	if (led.msgs[msg].state == L_REFUSED)
		sim_fail("%s was refused and is delivered", addr);
	if (r->delivered + r->reported > r->doubles)
		sim_fail("%s is delivered again: %u times, %u doubles may be",
		    addr, r->delivered + 1U, r->doubles);
	r->delivered++;
	led.delivered++;
	if (r->delivered > 1)
		led.doubles++;
	if (told)
		r->ended_at = sim.tick;
	else
		r->doubles++;
	sim_trace(EV_ACCEPTED, told, id);
}

void
led_tried(uint64_t id, const char *addr)
{
	uint32_t msg;
	struct l_rcpt *r = led_rcpt(id, addr, &msg);

	if (r->tries == 0 || r->life != sim.life) {
		r->life = sim.life;
		r->tries = 0;
	}
	r->tries++;
	r->tried = sim.t;
	r->tried_at = sim.tick;
	led.deferred++;
}

/* The schedule's shortest pause after so many attempts, ms. */
static uint64_t
shortest(const struct l_rcpt *r)
{
	const struct conf_schedule *c = &w.conf->schedule;
	uint32_t i = r->tries > c->nretry ? c->nretry : r->tries;
	uint64_t ms = c->retry[i - 1] * SECOND;

	if (sim.p.reloads || sim.p.schedules)
		ms = sim.p.retry_min * SECOND;
	return ms - ms / 10;
}

void
led_check_job(uint64_t id, const char *addr)
{
	uint32_t msg;
	struct l_rcpt *r = led_rcpt(id, addr, &msg);

	if (r->first == 0)
		r->first = sim.t;
	if (r->tries == 0 || r->life != sim.life || sim.flushed >= r->tried_at)
		return;
	if (sim.t - r->tried < shortest(r))
		sim_fail("%s is tried again after %" PRIu64
			 " ms, at its attempt %u",
		    addr, sim.t - r->tried, r->tries + 1U);
}

/* --- what the queue reports --- */

/* True age, as much as queue time may have run ahead of it. */
static uint64_t
oldest(const struct l_msg *m)
{
	return sim.t - m->accepted + (sim.drift - m->drift) + SECOND;
}

static void
failed(struct l_msg *m, struct l_rcpt *r, const struct report_delivery *d)
{
	r->failed++;
	led.failed++;
	if (d->outcome->reason == REASON_EXPIRED &&
	    oldest(m) < sim.p.expire_min * SECOND)
		sim_fail("%s expires after %llu s", d->to, oldest(m) / SECOND);
}

void
led_delivery(const struct report_delivery *d)
{
	struct l_rcpt *r;
	uint32_t msg;

	if (fault_is_dead())
		return;
	r = led_rcpt(d->id, d->to, &msg);
	sim_trace(EV_RESULT, d->outcome->status, d->id);
	if (d->outcome->status == QO_FAILED)
		failed(&led.msgs[msg], r, d);
	if (d->outcome->status == QO_DELIVERED && r->delivered == 0)
		sim_fail("%s: no server took it", d->to);
}

enum action { FAILED, DELAYED, RELAYED, NACTIONS };

static enum action
action_of(const char *p)
{
	static const char *const words[NACTIONS] = { "failed\r", "delayed\r",
		"relayed\r" };
	static const char key[] = "\r\nAction: ";
	unsigned i;

	p = strstr(p, key);
	for (i = 0; p != NULL && i < NACTIONS; i++)
		if (strncmp(p + strlen(key), words[i], strlen(words[i])) == 0)
			return (enum action)i;
	sim_fail("a notice without an action");
}

static void
told_failed(struct l_msg *m, struct l_rcpt *r, const char *addr)
{
	if (!led_wants(m, r, NOTIFY_FAILURE))
		sim_fail("a bounce of %s that nobody wants", addr);
	if (r->delivered + r->reported > r->doubles)
		sim_fail("a bounce of %s, which is done with", addr);
	if (r->failed == 0 && m->state == L_ACKED && sim.running)
		sim_fail("a bounce of %s, which has not failed", addr);
	r->reported++;
	r->ended_at = sim.tick;
	led.reported++;
}

static void
told_delayed(struct l_msg *m, struct l_rcpt *r, const char *addr)
{
	if (!led_wants(m, r, NOTIFY_DELAY))
		sim_fail("a warning of %s that nobody wants", addr);
	if (sim.p.warn_min == 0 || oldest(m) < sim.p.warn_min * SECOND)
		sim_fail("a warning of %s after %llu s", addr,
		    oldest(m) / SECOND);
	/* a reload may move those already told into a group that is not */
	if (r->warned++ > 0 && !m->warn_again && !sim.p.reloads &&
	    !(sim.p.schedules && sim.reloads > 0))
		sim_fail("%s is warned about again", addr);
	m->warned_at = sim.tick;
}

static void
told_success(struct l_msg *m, struct l_rcpt *r, const char *addr)
{
	if (!led_wants(m, r, NOTIFY_SUCCESS))
		sim_fail("word of the success of %s that nobody wants", addr);
	if (r->delivered <= r->success)
		sim_fail("word of a success of %s that was none", addr);
	r->success++;
	led.relayed++;
}

static void
read_rcpt(uint64_t about, const char *addr, const char *rest)
{
	uint32_t msg;
	struct l_rcpt *r = led_rcpt(about, addr, &msg);
	struct l_msg *m = &led.msgs[msg];

	if (m->state == L_NOTICE)
		sim_fail("a notice about a notice");
	switch (action_of(rest)) {
	case FAILED:
		told_failed(m, r, addr);
		break;
	case DELAYED:
		told_delayed(m, r, addr);
		break;
	case RELAYED:
	case NACTIONS:
		told_success(m, r, addr);
		break;
	}
}

static bool
is_warning(const char *text)
{
	return strstr(text, "\r\nAction: delayed\r\n") != NULL;
}

static void
count_warning(uint64_t about)
{
	struct l_msg *m = &led.msgs[led_find(about)];

	m->warned++;
	led.warned++;
	/* with one schedule for all there is one for all of its recipients */
	if (m->warned > 1 && !m->warn_again && !sim.p.schedules)
		sim_fail("message %" PRIu64 ": %u warnings", about, m->warned);
	/* found at a start: that its sender was warned may not be recorded */
	m->warn_again = !sim.running;
}

/* Each recipient that the text names. */
static void
read_text(uint64_t about, const char *text)
{
	static const char mark[] = "\r\nFinal-Recipient: rfc822; ";
	char addr[MSG_ADDR_MAX + 1];
	const char *p = text;
	size_t len;
	unsigned n = 0;

	while ((p = strstr(p, mark)) != NULL) {
		p += strlen(mark);
		len = strcspn(p, "\r");
		if (len >= sizeof(addr))
			sim_fail("address in a notice");
		memcpy(addr, p, len);
		addr[len] = '\0';
		read_rcpt(about, addr, p);
		n++;
	}
	if (n == 0)
		sim_fail("a notice that names nobody");
	if (is_warning(text))
		count_warning(about);
}

static void
take_notice(uint64_t dsn, uint64_t about)
{
	static char text[TEXT_MAX];
	uint32_t msg = led_new(L_NOTICE, 1);
	struct l_msg *m = &led.msgs[msg];
	ssize_t n;

	m->no_sender = true;
	led_name(msg, dsn);
	fault_pause();
	n = w_read_body(dsn, text, sizeof(text) - 1);
	fault_resume();
	if (n < 0)
		sim_fail("notice %" PRIu64 " cannot be read", dsn);
	text[n] = '\0';
	m->size = (uint32_t)n;
	m->hash = led_hash(text, (size_t)n);
	m->about = led_find(about);
	m->store = led.msgs[m->about].store;
	read_text(about, text);
}

void
led_notice(uint64_t dsn, uint64_t about, const char *to, enum bounce_kind kind)
{
	uint32_t msg;

	if (fault_is_dead())
		return;
	msg = led_find(about);
	if (msg == UINT32_MAX || led.msgs[msg].no_sender)
		sim_fail("a notice to %s, who sent nothing", to);
	sim_trace(EV_NOTICE, kind, dsn);
	take_notice(dsn, about);
}

void
led_found_notice(uint64_t dsn, uint64_t about)
{
	sim_trace(EV_NOTICE, 0, dsn);
	take_notice(dsn, about);
}

void
led_dropped(uint64_t id, const char *sender, enum reason why)
{
	uint32_t msg = led_find(id);

	if (fault_is_dead())
		return;
	sim_trace(EV_DROPPED, why, id);
	if (msg == UINT32_MAX)
		sim_fail("a failure of nothing known: %" PRIu64, id);
	if (!led.msgs[msg].no_sender)
		sim_fail("message %" PRIu64 " of <%s> is dropped (%u)", id,
		    sender, (unsigned)why);
	led.msgs[msg].dropped = true;
	led.dropped++;
}

void
led_lost(uint64_t id)
{
	if (!fault_is_dead())
		sim_fail("message %" PRIu64 " is lost", id);
}
