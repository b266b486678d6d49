/* SPDX-License-Identifier: ISC */
/* Those who submit: smtpd-in of both sides, and the text that they send. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include "regress/sim/sim.h"

#define NOISE	    (2U * 1024 * 1024)
#define BATCH_MAX   40U
#define INLINE_MAX  (900U * 1024)
#define PENDING_MAX 256U

static char *noise;
static struct pending {
	uint64_t token;
	uint32_t msg;
} pending[PENDING_MAX];
static size_t npending;
static uint64_t tokens;

/* --- text --- */

/* What message n says: its number, and a piece of the noise. */
static size_t
head_of(uint32_t msg, char *buf, size_t cap)
{
	return (size_t)snprintf(buf, cap, "X-Sim: %" PRIu32 "\r\n\r\n", msg);
}

static const char *
tail_of(uint32_t msg)
{
	return noise + (msg * 2654435761U >> 16) % 65536;
}

static uint32_t
size_of_body(void)
{
	uint32_t dice = sim_below(1000);

	if (dice < 800)
		return 60 + sim_below(1500);
	if (dice < 980)
		return 1000 + sim_below(12000);
	if (dice < 998)
		return 20000 + sim_below(60000);
	return 70000 + sim_below(dice == 998 ? 100000 : 1300000);
}

void
in_check_body(uint32_t msg, const char *body, size_t size)
{
	const struct l_msg *m = &led.msgs[msg];
	char head[64];
	size_t n = head_of(msg, head, sizeof(head));
	const char *s;

	if (m->state == L_NOTICE) {
		if (size != m->size || led_hash(body, size) != m->hash)
			sim_fail("notice %" PRIu64 " is damaged", m->id);
		return;
	}
	s = memmem(body, size < 2048 ? size : 2048, head, n);
	if (s == NULL || (size_t)(s - body) + m->size != size ||
	    memcmp(s + n, tail_of(msg), m->size - n) != 0)
		sim_fail("message %" PRIu64 " (%u) is damaged", m->id, msg);
}

/* --- one message --- */

struct offer {
	uint32_t msg;
	uint32_t domain[IQ_RCPTS_MAX * 2];
	struct msg_rcpt rcpt;
};

static const struct msg_rcpt *
nth_rcpt(void *arg, uint32_t i)
{
	struct offer *o = arg;
	uint32_t d = o->domain[i];

	memset(&o->rcpt, 0, sizeof(o->rcpt));
	o->rcpt.index = (uint16_t)i;
	o->rcpt.notify = led.rcpts[led.msgs[o->msg].rcpt + i].notify;
	if (d < 2)
		(void)snprintf(o->rcpt.addr, sizeof(o->rcpt.addr), "m%u.%u@%s",
		    o->msg, i, d == 0 ? "example.com" : "example.org");
	else
		(void)snprintf(o->rcpt.addr, sizeof(o->rcpt.addr),
		    "m%u.%u@d%u.test", o->msg, i, d - 2);
	return &o->rcpt;
}

static uint8_t
random_notify(void)
{
	static const uint8_t words[] = { NOTIFY_NEVER, NOTIFY_SUCCESS,
		NOTIFY_FAILURE, NOTIFY_DELAY, NOTIFY_SUCCESS | NOTIFY_FAILURE,
		NOTIFY_SUCCESS | NOTIFY_DELAY, NOTIFY_FAILURE | NOTIFY_DELAY,
		NOTIFY_SUCCESS | NOTIFY_FAILURE | NOTIFY_DELAY };

	return sim_chance(850) ? 0 : words[sim_below(sizeof(words))];
}

static void
choose_recipients(struct offer *o, enum origin origin, unsigned n)
{
	struct l_rcpt *r = &led.rcpts[led.msgs[o->msg].rcpt];
	bool mixed = sim_chance(300);
	unsigned i;

	for (i = 0; i < n; i++) {
		if (i > 0 && !mixed)
			o->domain[i] = o->domain[0];
		else if (origin == ORIGIN_EXT || sim_chance(200))
			o->domain[i] = sim_below(2);
		else
			o->domain[i] = 2 + sim_below(SIM_PLACES);
		r[i].notify = random_notify();
	}
}

static unsigned
how_many(void)
{
	uint32_t dice = sim_below(1000);

	if (dice < 900)
		return 1;
	return dice < 985 ? 2 + sim_below(6) : 2 + sim_below(70);
}

static void
fill_commit(struct iq_commit *c, const struct offer *o, enum origin origin)
{
	const struct l_msg *m = &led.msgs[o->msg];

	memset(c, 0, sizeof(*c));
	(void)netaddr_parse(&c->client,
	    origin == ORIGIN_INT ? "10.0.0.10" : "198.51.100.7");
	if (!m->no_sender && origin == ORIGIN_INT)
		(void)snprintf(c->sender, sizeof(c->sender), "s%u@example.com",
		    o->msg);
	else if (!m->no_sender)
		(void)snprintf(c->sender, sizeof(c->sender), "s%u@d%u.test",
		    o->msg, o->msg % SIM_PLACES);
	(void)strlcpy(c->helo, "client.test", sizeof(c->helo));
	c->ret = (uint8_t)sim_below(3);
	c->size = m->size;
	c->nrcpt = m->nrcpt;
	c->flags = MSG_F_ESMTP;
}

static void
wait_for(uint64_t token, uint32_t msg)
{
	if (npending == PENDING_MAX)
		sim_fail("submissions are not answered");
	pending[npending].token = token;
	pending[npending++].msg = msg;
}

static void
refused_at_once(uint32_t msg, const struct iq_done *no)
{
	struct l_msg *m = &led.msgs[msg];

	m->state = L_REFUSED;
	led.refused++;
	sim_trace(EV_REFUSED, no->reason, msg);
	if (no->verdict == IQ_PERM)
		sim_fail("message %u is refused for good: %u", msg,
		    (unsigned)no->reason);
}

static void
submit_one(void)
{
	static char body[NOISE];
	static struct iq_commit c;
	static struct offer o;
	enum origin origin = sim_chance(400) ? ORIGIN_EXT : ORIGIN_INT;
	unsigned n = how_many();
	struct iq_done no;
	struct q_submit s = { .origin = origin,
		.token = ++tokens,
		.commit = &c,
		.rcpt = nth_rcpt,
		.arg = &o,
		.nrcpt = n,
		.fd = -1 };
	struct l_msg *m;
	enum q_store store = origin == ORIGIN_EXT ? Q_IN : Q_OUT;
	size_t len;

	o.msg = led_new(L_OFFERED, n);
	m = &led.msgs[o.msg];
	m->no_sender = sim_chance(60);
	m->store = (uint8_t)store;
	len = head_of(o.msg, body, sizeof(body));
	m->size = (uint32_t)len + size_of_body();
	choose_recipients(&o, origin, n);
	fill_commit(&c, &o, origin);
	memcpy(body + len, tail_of(o.msg), m->size - len);
	if (m->size > INLINE_MAX)
		s.fd = memfs_memfd(sim.disk[store], body, m->size);
	else
		s.body = body;
	wait_for(s.token, o.msg);
	sim_trace(EV_SUBMIT, n, o.msg);
	if (queue_submit(&w.q, &s, &no) == -1) {
		npending--;
		if (!fault_is_dead())
			refused_at_once(o.msg, &no);
		else
			led.msgs[o.msg].state = L_UNKNOWN;
	}
	if (s.fd != -1 && !fault_is_dead())
		(void)sim.disk[store]->ops.close(sim.disk[store], s.fd);
}

void
in_submit(void)
{
	unsigned n = sim_chance(800) ? 1 : 1 + sim_below(BATCH_MAX);

	while (n-- > 0 && !fault_is_dead())
		submit_one();
}

/* --- answers --- */

void
in_answered(uint64_t token, const struct iq_done *done)
{
	struct l_msg *m;
	size_t i;

	if (fault_is_dead())
		return;
	for (i = 0; i < npending && pending[i].token != token; i++)
		;
	if (i == npending)
		sim_fail("an answer to nothing");
	m = &led.msgs[pending[i].msg];
	if (done->verdict == IQ_OK) {
		led_name(pending[i].msg, done->msgid);
		m->state = L_ACKED;
		led.acked++;
	} else {
		/* try again later: should it be there after a crash, it is a
		 * double of what the client sends then */
		m->state = L_UNKNOWN;
		led.unknown++;
	}
	pending[i] = pending[--npending];
}

void
in_lost(void)
{
	while (npending > 0) {
		led.msgs[pending[--npending].msg].state = L_UNKNOWN;
		led.unknown++;
	}
}

void
in_start(void)
{
	static const char letters[] =
	    "abcdefghijklmnopqrstuvwxyz 0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ ";
	uint64_t z = 88172645463325252ULL;
	uint32_t i;

	if (noise != NULL)
		return;
	noise = malloc(NOISE);
	if (noise == NULL)
		abort();
	for (i = 0; i < NOISE; i++) {
		z ^= z << 13;
		z ^= z >> 7;
		z ^= z << 17;
		noise[i] = letters[z % 64];
		if (i % 72 == 71) {
			noise[i - 1] = '\r';
			noise[i] = '\n';
		}
	}
}
