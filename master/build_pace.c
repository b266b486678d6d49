/* SPDX-License-Identifier: ISC */
/*
 * Limits of one destination or one sender: see build.h.
 */
#include <errno.h>
#include <string.h>

#include <bsd/string.h>

#include "master/build.h"
#include "master/limits.h"
#include "master/words.h"

/* what one "limit to" can say, each once */
enum pace_item { PACE_CONNECTIONS, PACE_MESSAGES, PACE_RATE };

static const struct {
	const char *name;
	enum pace_item item;
	uint32_t max;
} items[] = {
	{ "connections", PACE_CONNECTIONS, 1000 },
	{ "messages-per-connection", PACE_MESSAGES, 100000 },
};
#define NITEMS (sizeof(items) / sizeof(items[0]))

void
build_limit_to(struct parser *p, uint32_t line, const char *pattern)
{
	memset(&p->pace, 0, sizeof(p->pace));
	p->pace_errors = p->report->errors;
	p->pace.pos.line = line;
	(void)value_pattern(p, line, "limit to", pattern, p->pace.pattern);
}

static void
unknown_item(struct parser *p, uint32_t line, const char *name)
{
	const char *names[NITEMS + 1], *best;
	size_t i;

	for (i = 0; i < NITEMS; i++)
		names[i] = items[i].name;
	names[i] = "rate";
	best = word_suggest(name, names, NITEMS + 1);
	if (best != NULL)
		report_error(p->report, line,
		    "limit to has no \"%.60s\": did you mean \"%s\"?", name,
		    best);
	else
		report_error(p->report, line,
		    "limit to has no \"%.60s\": write connections, "
		    "messages-per-connection, or rate as in rate 100 per 1m",
		    name);
}

void
build_pace_limit(struct parser *p, uint32_t line, const char *name,
    const char *value)
{
	uint32_t n = 0;
	size_t i;

	for (i = 0; i < NITEMS; i++) {
		if (strcmp(items[i].name, name) == 0)
			break;
	}
	if (i == NITEMS) {
		unknown_item(p, line, name);
		return;
	}
	if (build_once(p, line, MARK_PACE, p->pace.pos.line, items[i].item,
		name) == -1 ||
	    value_number(p, line, name, value, 1, items[i].max, &n) == -1)
		return;
	if (items[i].item == PACE_CONNECTIONS)
		p->pace.sessions = n;
	else
		p->pace.messages = n;
}

static int
value_rate(struct parser *p, uint32_t line, const char *count,
    const char *period, struct conf_rate *r)
{
	if (value_number(p, line, "rate", count, 1, CONF_RATE_COUNT_MAX,
		&r->count) == -1)
		return -1;
	return value_time(p, line, "rate per", period, CONF_RATE_PERIOD_MAX,
	    &r->period);
}

void
build_pace_rate(struct parser *p, uint32_t line, const char *count,
    const char *period)
{
	if (build_once(p, line, MARK_PACE, p->pace.pos.line, PACE_RATE,
		"rate") == 0)
		(void)value_rate(p, line, count, period, &p->pace.rate);
}

/* There is one more, if memory allows; else what it says is too much. */
static void
no_room(struct parser *p, uint32_t line, const char *what, int max)
{
	if (errno == ERANGE)
		report_error(p->report, line, "more than %d %s", max, what);
	else
		p->nomem = true;
}

void
build_pace(struct parser *p)
{
	const struct conf_pace *in = &p->pace;
	struct conf_pace *to;

	if (p->report->errors != p->pace_errors)
		return;
	if (in->sessions == 0 && in->messages == 0 && in->rate.count == 0) {
		report_error(p->report, in->pos.line,
		    "limit to \"%.80s\" limits nothing: write connections, "
		    "messages-per-connection, or rate as in rate 100 per 1m",
		    in->pattern);
		return;
	}
	to = conf_add_pace(p->conf);
	if (to == NULL)
		no_room(p, in->pos.line, "limit to", CONF_PACES_MAX);
	else
		*to = *in;
}

void
build_limit_from(struct parser *p, uint32_t line, const char *addr,
    const char *count, const char *period)
{
	struct conf_source in = { .pos = { line } }, *to;

	if (value_prefix(p, line, "limit from", addr, &in.prefix) == -1 ||
	    value_rate(p, line, count, period, &in.rate) == -1)
		return;
	to = conf_add_source(p->conf);
	if (to == NULL)
		no_room(p, line, "limit from", CONF_SOURCES_MAX);
	else
		*to = in;
}
