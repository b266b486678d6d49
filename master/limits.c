/* SPDX-License-Identifier: ISC */
/*
 * Limits and quantities: see limits.h.
 */
#include <stdio.h>
#include <string.h>

#include "master/limits.h"

#define KIB    (1ULL << 10)
#define MIB    (1ULL << 20)
#define GIB    (1ULL << 30)
#define TIB    (1ULL << 40)

#define MINUTE 60ULL
#define HOUR   3600ULL
#define DAY    86400ULL

#define NARROW(name, member, unit, min, max)                                   \
	{                                                                      \
		name, offsetof(struct conf_limits, member), false, unit, min,  \
		    max                                                        \
	}
#define WIDE(name, member, min, max)                                           \
	{                                                                      \
		name, offsetof(struct conf_limits, member), true, UNIT_SIZE,   \
		    min, max                                                   \
	}

/*
 * Least values: RFC 5321 4.5.3.1.7 (64 KiB of message), 4.5.3.1.8 (100
 * recipients), 6.3 (loops are counted far above any honest path).
 */
const struct limit limits[LIMITS_N] = {
	WIDE("message-size", message_size, 64 * KIB, GIB),
	NARROW("recipients", recipients, UNIT_COUNT, 100, 50000),
	NARROW("sessions", sessions, UNIT_COUNT, 1, 60000),
	NARROW("sessions-per-address", sessions_per_address, UNIT_COUNT, 1,
	    60000),
	NARROW("sessions-per-network", sessions_per_network, UNIT_COUNT, 1,
	    60000),
	NARROW("connections-per-minute", connections, UNIT_COUNT, 1, 60000),
	NARROW("network-connections-per-minute", connections_network,
	    UNIT_COUNT, 1, 60000),
	NARROW("bad-sessions-per-hour", bad_sessions, UNIT_COUNT, 1, 1000000),
	NARROW("network-bad-sessions-per-hour", bad_sessions_network,
	    UNIT_COUNT, 1, 1000000),
	NARROW("greeting-delay", greeting_delay, UNIT_TIME, 0, MINUTE),
	NARROW("errors", errors, UNIT_COUNT, 1, 10000),
	NARROW("unknown-recipients", unknown_rcpts, UNIT_COUNT, 1, 100000),
	NARROW("messages-per-session", messages_per_session, UNIT_COUNT, 1,
	    1000000),
	NARROW("hops", hops, UNIT_COUNT, 10, 1000),
	NARROW("command-timeout", command_timeout, UNIT_TIME, 1, HOUR),
	NARROW("data-timeout", data_timeout, UNIT_TIME, 1, HOUR),
	NARROW("data-rate", data_rate, UNIT_SIZE, 0, GIB),
	NARROW("session-time", session_time, UNIT_TIME, 10, 7 * DAY),
	NARROW("connections-per-destination", out_sessions, UNIT_COUNT, 1,
	    1000),
	NARROW("messages-per-connection", out_messages, UNIT_COUNT, 1, 100000),
	WIDE("inbound-spool", spool_in, MIB, 64 * TIB),
	WIDE("outbound-spool", spool_out, MIB, 64 * TIB),
};

_Static_assert(sizeof(struct conf_limits) == 3 * 8 + 20 * 4,
    "a member of struct conf_limits has no row in limits[]");

struct scale {
	char letter;
	uint64_t factor;
};

/* ascending */
static const struct scale sizes[] = {
	{ 'k', KIB },
	{ 'm', MIB },
	{ 'g', GIB },
};
static const struct scale times[] = {
	{ 's', 1 },
	{ 'm', MINUTE },
	{ 'h', HOUR },
	{ 'd', DAY },
};

static const struct scale *
scales(enum unit unit, size_t *n)
{
	switch (unit) {
	case UNIT_SIZE:
		*n = sizeof(sizes) / sizeof(sizes[0]);
		return sizes;
	case UNIT_TIME:
		*n = sizeof(times) / sizeof(times[0]);
		return times;
	case UNIT_COUNT:
		break;
	}
	*n = 0;
	return NULL;
}

const struct limit *
limit_find(const char *name)
{
	size_t i;

	for (i = 0; i < LIMITS_N; i++)
		if (strcmp(limits[i].name, name) == 0)
			return &limits[i];
	return NULL;
}

uint64_t
limit_get(const struct conf_limits *cl, const struct limit *l)
{
	uint64_t wide;
	uint32_t narrow;

	if (l->wide) {
		memcpy(&wide, (const char *)cl + l->offset, sizeof(wide));
		return wide;
	}
	memcpy(&narrow, (const char *)cl + l->offset, sizeof(narrow));
	return narrow;
}

void
limit_set(struct conf_limits *cl, const struct limit *l, uint64_t value)
{
	uint32_t narrow = (uint32_t)value;

	if (l->wide)
		memcpy((char *)cl + l->offset, &value, sizeof(value));
	else
		memcpy((char *)cl + l->offset, &narrow, sizeof(narrow));
}

static enum quantity_error
parse_unit(const char *s, enum unit unit, uint64_t *factor)
{
	const struct scale *v;
	size_t i, n;

	*factor = 1;
	if (*s == '\0')
		return unit == UNIT_TIME ? QUANTITY_NO_UNIT : QUANTITY_OK;
	v = scales(unit, &n);
	for (i = 0; i < n; i++)
		if (s[0] == v[i].letter && s[1] == '\0') {
			*factor = v[i].factor;
			return QUANTITY_OK;
		}
	return QUANTITY_SYNTAX;
}

enum quantity_error
quantity_parse(const char *s, enum unit unit, uint64_t *value)
{
	enum quantity_error error;
	uint64_t n = 0, factor;

	if (*s < '0' || *s > '9')
		return QUANTITY_SYNTAX;
	for (; *s >= '0' && *s <= '9'; s++)
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(*s - '0'), &n))
			return QUANTITY_RANGE;
	error = parse_unit(s, unit, &factor);
	if (error != QUANTITY_OK)
		return error;
	if (__builtin_mul_overflow(n, factor, value))
		return QUANTITY_RANGE;
	return QUANTITY_OK;
}

const char *
quantity_fmt(uint64_t value, enum unit unit, char buf[QUANTITY_STRLEN])
{
	const struct scale *v;
	size_t i;

	v = scales(unit, &i);
	while (i > 0 && value % v[i - 1].factor != 0)
		i--;
	if (value == 0 && unit == UNIT_TIME)
		(void)snprintf(buf, QUANTITY_STRLEN, "0s");
	else if (i == 0 || value == 0)
		(void)snprintf(buf, QUANTITY_STRLEN, "%ju", (uintmax_t)value);
	else
		(void)snprintf(buf, QUANTITY_STRLEN, "%ju%c",
		    (uintmax_t)(value / v[i - 1].factor), v[i - 1].letter);
	return buf;
}
