/* SPDX-License-Identifier: ISC */
/*
 * Edge 2, the configuration: limits, schedules and paces.  Pure.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "common/msg/child_conf.h"
#include "common/msg/child_conf_int.h"

/* --- limits --- */

#define LIMIT32(field)                                                         \
	{                                                                      \
		offsetof(struct conf_limits, field), 4, 1                      \
	}
#define LIMIT64(field)                                                         \
	{                                                                      \
		offsetof(struct conf_limits, field), 8, 1                      \
	}

/* in the order of the message */
static const struct limit {
	size_t offset, width;
	uint64_t least;
} limits[] = {
	LIMIT64(message_size),
	LIMIT32(recipients),
	LIMIT32(sessions),
	LIMIT32(sessions_per_address),
	LIMIT32(sessions_per_network),
	LIMIT32(connections),
	LIMIT32(connections_network),
	LIMIT32(bad_sessions),
	LIMIT32(bad_sessions_network),
	{ offsetof(struct conf_limits, greeting_delay), 4, 0 },
	LIMIT32(errors),
	LIMIT32(unknown_rcpts),
	LIMIT32(messages_per_session),
	LIMIT32(hops),
	LIMIT32(command_timeout),
	LIMIT32(data_timeout),
	{ offsetof(struct conf_limits, data_rate), 4, 0 },
	LIMIT32(session_time),
	LIMIT32(out_sessions),
	LIMIT32(out_messages),
	LIMIT64(spool_in),
	LIMIT64(spool_out),
};
#define NLIMITS (sizeof(limits) / sizeof(limits[0]))

void
cc_put_limits(struct ibuf *b, const struct conf *c)
{
	const uint8_t *base = (const uint8_t *)&c->limits;
	uint64_t n64;
	uint32_t n32;
	size_t i;

	for (i = 0; i < NLIMITS; i++) {
		if (limits[i].width == 8) {
			memcpy(&n64, base + limits[i].offset, 8);
			(void)ibuf_add_n64(b, n64);
		} else {
			memcpy(&n32, base + limits[i].offset, 4);
			(void)ibuf_add_n32(b, n32);
		}
	}
}

static uint64_t
get_limit(struct ibuf *b, const struct limit *l, uint8_t *to)
{
	uint64_t n64 = 0;
	uint32_t n32 = 0;

	if (l->width == 8) {
		(void)ibuf_get_n64(b, &n64);
		memcpy(to, &n64, 8);
		return n64;
	}
	(void)ibuf_get_n32(b, &n32);
	memcpy(to, &n32, 4);
	return n32;
}

int
cc_get_limits(struct conf *c, struct ibuf *b)
{
	uint8_t *base = (uint8_t *)&c->limits;
	const struct limit *l;

	for (l = limits; l < limits + NLIMITS; l++) {
		if (get_limit(b, l, base + l->offset) < l->least)
			return -1;
	}
	return ibuf_get_end(b);
}

/* --- schedules --- */

static void
put_times(struct ibuf *b, const struct conf_schedule *s)
{
	uint32_t i;

	(void)ibuf_add_n32(b, s->expire);
	(void)ibuf_add_n32(b, s->warn_after);
	(void)ibuf_add_n8(b, s->nretry);
	for (i = 0; i < s->nretry; i++)
		(void)ibuf_add_n32(b, s->retry[i]);
}

/* To the end of the item; a field that is not set is zero. */
static int
get_times(struct conf_schedule *s, struct ibuf *b)
{
	uint8_t n;
	size_t i;

	(void)ibuf_get_n32(b, &s->expire);
	(void)ibuf_get_n32(b, &s->warn_after);
	cc_get_range8(b, &n, 0, CONF_RETRY_MAX);
	if (ibuf_failed(b))
		return -1;
	memset(s->retry, 0, sizeof(s->retry));
	for (i = 0; i < n; i++) {
		if (ibuf_get_n32(b, &s->retry[i]) == -1 || s->retry[i] == 0)
			return -1;
	}
	s->nretry = n;
	if (((s->set & CONF_S_RETRY) != 0) != (n > 0) ||
	    ((s->set & CONF_S_EXPIRE) != 0) != (s->expire > 0) ||
	    ((s->set & CONF_S_WARN) == 0 && s->warn_after > 0))
		return -1;
	return ibuf_get_end(b);
}

void
cc_put_schedule(struct ibuf *b, const struct conf *c)
{
	put_times(b, &c->schedule);
}

int
cc_get_schedule(struct conf *c, struct ibuf *b)
{
	c->schedule.set = CONF_S_ALL;
	return get_times(&c->schedule, b);
}

void
cc_put_schedule_of(struct ibuf *b, uint8_t of, uint32_t id,
    const struct conf_schedule *s)
{
	(void)ibuf_add_n8(b, of);
	(void)ibuf_add_n32(b, id);
	(void)ibuf_add_n8(b, s->set);
	put_times(b, s);
}

/* Whose schedule the item is; NULL: nobody's. */
static struct conf_schedule *
schedule_of(struct conf *c, uint8_t of, uint32_t id)
{
	if (of == CC_OF_DOMAIN && id < c->ndomains)
		return &c->domains[id].schedule;
	if (of == CC_OF_CONNECTOR && id < c->nconnectors)
		return &c->connectors[id].schedule;
	return NULL;
}

int
cc_get_schedule_of(struct conf *c, struct ibuf *b)
{
	struct conf_schedule in = { 0 }, *s;
	uint8_t of, set;
	uint32_t id;

	cc_get_range8(b, &of, CC_OF_DOMAIN, CC_OF_CONNECTOR);
	(void)ibuf_get_n32(b, &id);
	cc_get_range8(b, &set, 1, CONF_S_ALL);
	if (ibuf_failed(b))
		return -1;
	in.set = set;
	s = schedule_of(c, of, id);
	if (s == NULL || s->set != 0 || get_times(&in, b) == -1)
		return -1;
	*s = in;
	return 0;
}

/* --- paces --- */

static void
put_rate(struct ibuf *b, const struct conf_rate *r)
{
	(void)ibuf_add_n32(b, r->count);
	(void)ibuf_add_n32(b, r->period);
}

static void
get_rate(struct ibuf *b, struct conf_rate *r)
{
	(void)ibuf_get_n32(b, &r->count);
	if (ibuf_get_n32(b, &r->period) == 0 &&
	    ((r->count == 0) != (r->period == 0) ||
		r->count > CONF_RATE_COUNT_MAX ||
		r->period > CONF_RATE_PERIOD_MAX))
		b->failed = true;
}

void
cc_put_pace(struct ibuf *b, const struct conf_pace *p)
{
	(void)ibuf_add_cstr(b, p->pattern, CONF_NAME_MAX - 1);
	(void)ibuf_add_n32(b, p->sessions);
	(void)ibuf_add_n32(b, p->messages);
	put_rate(b, &p->rate);
	(void)ibuf_add_n32(b, p->pos.line);
}

int
cc_get_pace(struct conf *c, struct ibuf *b)
{
	struct conf_pace in = { 0 }, *p;

	(void)cc_get_text(b, in.pattern, sizeof(in.pattern), cc_is_pattern);
	(void)ibuf_get_n32(b, &in.sessions);
	(void)ibuf_get_n32(b, &in.messages);
	get_rate(b, &in.rate);
	(void)ibuf_get_n32(b, &in.pos.line);
	if (ibuf_get_end(b) == -1)
		return -1;
	/* in order, and none twice */
	if (c->npaces > 0 &&
	    conf_pattern_cmp(c->paces[c->npaces - 1].pattern, in.pattern) >= 0)
		return -1;
	p = conf_add_pace(c);
	if (p == NULL)
		return -1;
	*p = in;
	return 0;
}

void
cc_put_source(struct ibuf *b, const struct conf_source *s)
{
	(void)ibuf_add_netprefix(b, &s->prefix);
	put_rate(b, &s->rate);
	(void)ibuf_add_n32(b, s->pos.line);
}

int
cc_get_source(struct conf *c, struct ibuf *b)
{
	struct conf_source in = { 0 }, *s;

	(void)ibuf_get_netprefix(b, &in.prefix);
	get_rate(b, &in.rate);
	(void)ibuf_get_n32(b, &in.pos.line);
	if (ibuf_get_end(b) == -1 || in.rate.count == 0)
		return -1;
	if (c->nsources > 0 &&
	    conf_source_cmp(&c->sources[c->nsources - 1].prefix, &in.prefix) >=
		0)
		return -1;
	s = conf_add_source(c);
	if (s == NULL)
		return -1;
	*s = in;
	return 0;
}
