/* SPDX-License-Identifier: ISC */
/*
 * Statements of the top level: see build.h.
 */
#include <sys/un.h>

#include <string.h>

#include <bsd/string.h>

#include "master/build.h"
#include "master/limits.h"
#include "master/words.h"

#define DAY 86400U

void
build_mark(struct parser *p, uint32_t line, enum mark_kind kind, uint32_t a,
    uint32_t b)
{
	if (marks_add(p->marks, kind, a, b, line) == -1)
		p->nomem = true;
}

int
build_once(struct parser *p, uint32_t line, enum mark_kind kind, uint32_t a,
    uint32_t b, const char *what)
{
	uint32_t first = marks_line(p->marks, kind, a, b);

	if (first != 0) {
		report_error(p->report, line,
		    "%s is stated twice: the first "
		    "time in line %u",
		    what, first);
		return -1;
	}
	build_mark(p, line, kind, a, b);
	return 0;
}

void
build_hostname(struct parser *p, uint32_t line, const char *s)
{
	if (build_once(p, line, MARK_HOSTNAME, 0, 0, "hostname") == -1 ||
	    value_name(p, line, "hostname", s, p->conf->hostname) == -1)
		return;
	if (strchr(p->conf->hostname, '.') == NULL)
		report_error(p->report, line,
		    "hostname \"%s\" has no dot: "
		    "write the full name, as DNS knows it",
		    p->conf->hostname);
}

void
build_path(struct parser *p, uint32_t line, enum mark_kind kind, const char *s)
{
	const char *what = kind == MARK_SPOOL ? "spool" : "chroot";
	char *to = kind == MARK_SPOOL ? p->conf->spool : p->conf->chroot_dir;

	if (build_once(p, line, kind, 0, 0, what) == 0)
		(void)value_path(p, line, what, s, to, CONF_PATH_MAX);
}

void
build_control(struct parser *p, uint32_t line, const char *path,
    const char *group)
{
	const size_t max = sizeof(((struct sockaddr_un *)NULL)->sun_path);

	if (build_once(p, line, MARK_CONTROL, 0, 0, "control socket") == -1)
		return;
	(void)value_path(p, line, "control socket", path, p->conf->control,
	    max);
	if (group != NULL &&
	    (group[0] == '\0' ||
		strlcpy(p->conf->control_group, group,
		    sizeof(p->conf->control_group)) >=
		    sizeof(p->conf->control_group)))
		report_error(p->report, line,
		    "group \"%.80s\" is no name of "
		    "a group",
		    group);
}

void
build_log(struct parser *p, uint32_t line, enum conf_log_kind kind,
    const char *path)
{
	if (build_once(p, line, MARK_LOG, 0, 0, "log") == -1)
		return;
	p->conf->log_kind = kind;
	if (path != NULL)
		(void)value_path(p, line, "log file", path, p->conf->log_path,
		    sizeof(p->conf->log_path));
}

void
build_flag(struct parser *p, uint32_t line, enum conf_flag flag, bool on)
{
	const char *what = "ip forwarding";

	if (flag == CONF_F_SINGLE_HOMED)
		what = "single-homed";
	else if (flag == CONF_F_NO_SELFTEST)
		what = "sandbox selftest";
	else if (flag == CONF_F_CHECK_SENDER_MX)
		what = "check sender mx";
	if (build_once(p, line, MARK_FLAG, flag, 0, what) == 0 && on)
		p->conf->flags |= flag;
}

void
build_sandbox(struct parser *p, uint32_t line, bool best_effort)
{
	if (build_once(p, line, MARK_SANDBOX, 0, 0, "sandbox") == 0 &&
	    best_effort)
		p->conf->flags |= CONF_F_BEST_EFFORT;
}

static void
unknown_limit(struct parser *p, uint32_t line, const char *name)
{
	const char *names[LIMITS_N], *best;
	char list[512] = "";
	size_t i;

	for (i = 0; i < LIMITS_N; i++) {
		names[i] = limits[i].name;
		if (i > 0)
			(void)strlcat(list, ", ", sizeof(list));
		(void)strlcat(list, names[i], sizeof(list));
	}
	best = word_suggest(name, names, LIMITS_N);
	if (best != NULL)
		report_error(p->report, line,
		    "there is no limit \"%.60s\": "
		    "did you mean \"%s\"?",
		    name, best);
	else
		report_error(p->report, line,
		    "there is no limit \"%.60s\": "
		    "the limits are %s",
		    name, list);
}

/* What to write, when value does not read as the limit's unit. */
static void
bad_limit(struct parser *p, uint32_t line, const struct limit *l,
    const char *value, enum quantity_error error)
{
	char min[QUANTITY_STRLEN], max[QUANTITY_STRLEN];
	static const char *const forms[] = {
		[UNIT_COUNT] = "a number without unit",
		[UNIT_SIZE] = "a number of bytes, or with k, m or g",
		[UNIT_TIME] = "a number with s, m, h or d",
	};

	if (error == QUANTITY_SYNTAX || error == QUANTITY_NO_UNIT)
		report_error(p->report, line,
		    "limit %s cannot be "
		    "\"%.40s\": write %s",
		    l->name, value, forms[l->unit]);
	else
		report_error(p->report, line,
		    "limit %s %.40s is out of "
		    "range: %s to %s",
		    l->name, value, quantity_fmt(l->min, l->unit, min),
		    quantity_fmt(l->max, l->unit, max));
}

void
build_limit(struct parser *p, uint32_t line, const char *name,
    const char *value)
{
	const struct limit *l = limit_find(name);
	enum quantity_error error;
	char what[64];
	uint64_t n = 0;

	if (l == NULL) {
		unknown_limit(p, line, name);
		return;
	}
	(void)snprintf(what, sizeof(what), "limit %s", name);
	if (build_once(p, line, MARK_LIMIT, (uint32_t)(l - limits), 0, what) ==
	    -1)
		return;
	error = quantity_parse(value, l->unit, &n);
	if (error != QUANTITY_OK || n < l->min || n > l->max)
		bad_limit(p, line, l, value, error);
	else
		limit_set(&p->conf->limits, l, n);
}

/* Whose schedule is being stated, and the line of that block. */
static struct conf_schedule *
this_schedule(struct parser *p, uint32_t *block)
{
	if (p->where == NULL) {
		*block = 0;
		return &p->conf->schedule;
	}
	*block = p->block.line;
	return &p->block.schedule;
}

void
build_retry_begin(struct parser *p, uint32_t line)
{
	uint32_t block;
	struct conf_schedule *s = this_schedule(p, &block);

	(void)build_once(p, line, MARK_RETRY, block, 0, "retry");
	s->nretry = 0;
	s->set |= CONF_S_RETRY;
}

void
build_retry(struct parser *p, uint32_t line, const char *value)
{
	uint32_t block, t = 0;
	struct conf_schedule *s = this_schedule(p, &block);

	if (value_time(p, line, "retry", value, 7 * DAY, &t) == -1)
		return;
	if (s->nretry == CONF_RETRY_MAX) {
		report_error(p->report, line, "retry has at most %d times",
		    CONF_RETRY_MAX);
		return;
	}
	s->retry[s->nretry++] = t;
}

void
build_expire(struct parser *p, uint32_t line, const char *value)
{
	uint32_t block;
	struct conf_schedule *s = this_schedule(p, &block);

	if (build_once(p, line, MARK_EXPIRE, block, 0, "expire") == -1)
		return;
	s->set |= CONF_S_EXPIRE;
	(void)value_time(p, line, "expire", value, 30 * DAY, &s->expire);
}

void
build_warn(struct parser *p, uint32_t line, const char *value)
{
	uint32_t block;
	struct conf_schedule *s = this_schedule(p, &block);

	if (build_once(p, line, MARK_WARN, block, 0, "warn") == -1)
		return;
	s->set |= CONF_S_WARN;
	if (value == NULL)
		s->warn_after = 0;
	else
		(void)value_time(p, line, "warn after", value, 30 * DAY,
		    &s->warn_after);
}
