/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>

#include <bsd/err.h>

#include "queued/store/envelope.h"
#include "regress/crash/mail.h"

#define ID_STEP 30 /* bits that are the same in all ids: see load.c */

static uint64_t
mix(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9ULL;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

uint64_t
mail_hash(const void *p, size_t len)
{
	const uint8_t *b = p;
	uint64_t h = 0xcbf29ce484222325ULL;
	size_t i;

	for (i = 0; i < len; i++)
		h = (h ^ b[i]) * 0x100000001b3ULL;
	return h;
}

/* No line, and no sector, is like another one. */
void
mail_body(uint64_t id, uint8_t *buf, size_t size)
{
	uint64_t x = mix(id) | 1;
	size_t i;

	for (i = 0; i < size; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		buf[i] = i % 64 == 63 ? '\n' : (uint8_t)(' ' + x % 95);
	}
}

static uint32_t
rcpts_of(uint64_t id)
{
	return 1 + (uint32_t)(id >> ID_STEP) % MAIL_RCPTS_MAX;
}

size_t
mail_env(uint64_t id, uint64_t size, uint8_t buf[MAIL_ENV_MAX])
{
	struct envelope e = { .id = id,
		.accepted = 1800000000000ULL,
		.size = size,
		.origin = ENV_EXT,
		.nrcpt = rcpts_of(id),
		.flags = MSG_F_ESMTP };
	char addr[MAIL_RCPTS_MAX][64];
	struct env_rcpt r = { 0 };
	ssize_t n, len;
	uint32_t i;

	e.client.family = NETADDR_V4;
	e.client.bytes[0] = 192;
	(void)snprintf(e.sender, sizeof(e.sender), "s%llu@example.org",
	    (unsigned long long)mix(id));
	(void)snprintf(e.helo, sizeof(e.helo), "mx.example.org");
	len = env_put(buf, MAIL_ENV_MAX, &e);
	for (i = 0; len != -1 && i < e.nrcpt; i++) {
		r.addr = addr[i];
		r.addr_len = (uint16_t)snprintf(addr[i], sizeof(addr[i]),
		    "user%u.%llu@example.com", i, (unsigned long long)id);
		n = env_put_rcpt(buf + len, MAIL_ENV_MAX - (size_t)len, &r);
		len = n == -1 ? -1 : len + n;
	}
	if (len == -1)
		err(1, "envelope");
	return (size_t)len;
}

/* Every attempt is about the first recipient, and all others in turn. */
static bool
concerns(uint32_t rcpt, uint32_t attempt)
{
	return rcpt == 0 || attempt % MAIL_RCPTS_MAX == rcpt;
}

static void
rcpt_change(struct mail_change *c, uint32_t rcpt, uint32_t attempt)
{
	struct store_rcpt *r = &c->rcpts[c->st.nrcpts];
	char *text = c->texts[c->st.nrcpts++];

	*r = (struct store_rcpt){ .index = rcpt,
		.status = rcpt != 0 && attempt % 2 == 0 ? 1 : 3,
		.reason = 7,
		.code = 451,
		.attempts = (uint16_t)attempt,
		.text = text };
	r->text_len = (uint16_t)snprintf(text, sizeof(c->texts[0]),
	    "451 recipient %u, attempt %u", rcpt, attempt);
}

static void
rest_change(struct mail_change *c, uint32_t attempt)
{
	struct store_state *st = &c->st;

	c->note = attempt;
	c->extra =
	    (struct store_extra){ STORE_EXTRA_MIN, sizeof(c->note), &c->note };
	st->set = STORE_SET_NEXT | STORE_SET_ATTEMPTS | STORE_SET_HELD |
	    STORE_SET_TEXT;
	st->next = 1000 * (uint64_t)attempt;
	st->attempts = attempt;
	st->held = attempt % 2 != 0;
	st->text = c->text;
	st->text_len = (uint16_t)snprintf(c->text, sizeof(c->text),
	    "tried %u times", attempt);
	st->rcpts = c->rcpts;
	st->extras = &c->extra;
	st->nextras = 1;
}

void
mail_change(uint64_t id, uint32_t attempt, struct mail_change *c)
{
	uint32_t i;

	memset(c, 0, sizeof(*c));
	for (i = 0; i < rcpts_of(id); i++)
		if (concerns(i, attempt))
			rcpt_change(c, i, attempt);
	rest_change(c, attempt);
}

/* What that many attempts make together. */
static void
mail_sum(uint64_t id, uint32_t attempts, struct mail_change *c)
{
	uint32_t i, k;

	memset(c, 0, sizeof(*c));
	for (i = 0; i < rcpts_of(id); i++) {
		for (k = attempts; k > 0 && !concerns(i, k); k--)
			;
		if (k > 0)
			rcpt_change(c, i, k);
	}
	if (attempts > 0)
		rest_change(c, attempts);
}

static bool
same_text(const char *a, size_t alen, const char *b, size_t blen)
{
	return alen == blen && (alen == 0 || memcmp(a, b, alen) == 0);
}

static bool
same_rcpt(const struct store_rcpt *a, const struct store_rcpt *b)
{
	return a->index == b->index && a->status == b->status &&
	    a->reason == b->reason && a->code == b->code &&
	    a->attempts == b->attempts &&
	    same_text(a->text, a->text_len, b->text, b->text_len);
}

static bool
same_extra(const struct store_state *a, const struct store_state *b)
{
	if (a->nextras != b->nextras)
		return false;
	return a->nextras == 0 ||
	    (a->extras[0].tag == b->extras[0].tag &&
		same_text(a->extras[0].data, a->extras[0].len,
		    b->extras[0].data, b->extras[0].len));
}

bool
mail_state_is_whole(const struct store_msg *m, uint32_t *attempts)
{
	const struct store_state *st = &m->state;
	struct mail_change want;
	size_t i;

	*attempts = st->attempts;
	mail_sum(m->loc.id, *attempts, &want);
	if (st->set != want.st.set || st->attempts != want.st.attempts ||
	    st->next != want.st.next || st->held != want.st.held ||
	    st->nrcpts != want.st.nrcpts || !same_extra(st, &want.st) ||
	    !same_text(st->text, st->text_len, want.st.text, want.st.text_len))
		return false;
	for (i = 0; i < st->nrcpts; i++)
		if (!same_rcpt(&st->rcpts[i], &want.st.rcpts[i]))
			return false;
	return true;
}
