/* SPDX-License-Identifier: ISC */
/*
 * Contradictions, and things that cannot work: what stands in the file alone
 * is judged, not the host it will run on (host.c does that).
 */
#include <string.h>

#include "master/config.h"
#include "master/limits.h"

static uint32_t
line_of(const struct config *c, enum mark_kind kind)
{
	return marks_line(&c->marks, kind, 0, 0);
}

static void
check_missing(struct config *c)
{
	const struct conf *conf = c->conf;
	struct report *r = &c->report;

	if (conf->hostname[0] == '\0')
		report_error(r, 0,
		    "hostname is missing: write hostname "
		    "\"gw.example.com\"");
	if (marks_line(&c->marks, MARK_SIDE, SIDE_EXT, 0) == 0)
		report_error(r, 0,
		    "external { } is missing: the side of the "
		    "Internet, with listen on and dns");
	if (marks_line(&c->marks, MARK_SIDE, SIDE_INT, 0) == 0)
		report_error(r, 0,
		    "internal { } is missing: the side of the "
		    "intranet, with listen on, networks, dns and accept from");
	if (conf->ndomains == 0)
		report_error(r, 0,
		    "no domain is stated: nobody can be "
		    "written to; write domain \"example.com\" { }");
	if (conf->nconnectors == 0)
		report_warning(r, 0,
		    "no connector is stated: mail from "
		    "inside to other domains is refused; to send it write "
		    "connector \"*\" via dns");
}

/*
 * The statement of a block, of one kind or else of the other, or else the
 * general one; 0: a default.
 */
static uint32_t
line_in(const struct config *c, uint32_t block, enum mark_kind kind,
    enum mark_kind other)
{
	uint32_t line = marks_line(&c->marks, kind, block, 0);

	if (line == 0)
		line = marks_line(&c->marks, other, block, 0);
	return line != 0 ? line : line_of(c, kind);
}

/* Times that one statement, or both together, cannot have. */
static void
check_expiry(struct config *c, const struct conf_schedule *s, uint32_t block)
{
	struct report *r = &c->report;
	const struct conf_schedule *retry = conf_retry(c->conf, s);
	char a[QUANTITY_STRLEN], b[QUANTITY_STRLEN];
	uint32_t i, expire = conf_expire(c->conf, s);

	if (expire < retry->retry[0])
		report_error(r, line_in(c, block, MARK_EXPIRE, MARK_RETRY),
		    "expire %s comes before the first retry after %s",
		    quantity_fmt(expire, UNIT_TIME, a),
		    quantity_fmt(retry->retry[0], UNIT_TIME, b));
	for (i = 1; i < retry->nretry; i++)
		if (retry->retry[i] > expire)
			report_warning(r,
			    line_in(c, block, MARK_RETRY, MARK_EXPIRE),
			    "retry %s never comes: mail expires after %s",
			    quantity_fmt(retry->retry[i], UNIT_TIME, a),
			    quantity_fmt(expire, UNIT_TIME, b));
}

/*
 * block: its line, 0 for the top level.  A general time for warnings that is
 * too long for one block is none there; one of its own is a mistake.
 */
static void
check_schedule(struct config *c, const struct conf_schedule *s, uint32_t block)
{
	struct report *r = &c->report;
	char a[QUANTITY_STRLEN], b[QUANTITY_STRLEN];
	uint32_t expire = conf_expire(c->conf, s);

	if (s->set == 0)
		return;
	if ((s->set & CONF_S_RETRY) != 0 && s->nretry == 0) {
		report_error(r, line_in(c, block, MARK_RETRY, MARK_RETRY),
		    "retry has no times: write retry { 1m, 5m, 30m, 2h }");
		return;
	}
	if (conf_retry(c->conf, s)->nretry == 0)
		return; /* said already */
	check_expiry(c, s, block);
	if ((s->set & CONF_S_WARN) == 0 || s->warn_after < expire)
		return;
	report_error(r, line_in(c, block, MARK_WARN, MARK_EXPIRE),
	    "warn after %s does not come before expire %s: write warn never, "
	    "or a shorter time",
	    quantity_fmt(s->warn_after, UNIT_TIME, a),
	    quantity_fmt(expire, UNIT_TIME, b));
}

/* Several domains that share a block are judged once. */
static void
check_schedules(struct config *c)
{
	const struct conf *conf = c->conf;
	uint32_t i, ages[CONF_AGES_MAX], block = 0;

	check_schedule(c, &conf->schedule, 0);
	for (i = 0; i < conf->ndomains; i++) {
		if (conf->domains[i].pos.line != block)
			check_schedule(c, &conf->domains[i].schedule,
			    conf->domains[i].pos.line);
		block = conf->domains[i].pos.line;
	}
	for (i = 0; i < conf->nconnectors; i++)
		check_schedule(c, &conf->connectors[i].schedule,
		    conf->connectors[i].pos.line);
	if (conf_ages(conf, CONF_S_EXPIRE, ages) == -1)
		report_error(&c->report, 0,
		    "more than %d different times in expire statements",
		    CONF_AGES_MAX);
	if (conf_ages(conf, CONF_S_WARN, ages) == -1)
		report_error(&c->report, 0,
		    "more than %d different times in warn after statements",
		    CONF_AGES_MAX);
}

/* Of two statements about the same the later is wrong. */
static void
stated_twice(struct config *c, const char *what, const char *of, uint32_t a,
    uint32_t b)
{
	report_error(&c->report, a > b ? a : b,
	    "%s %s is stated twice: the first time in line %u", what, of,
	    a < b ? a : b);
}

static void
check_paces(struct config *c)
{
	const struct conf_pace *p = c->conf->paces;
	const struct conf_source *s = c->conf->sources;
	char text[NETADDR_STRLEN];
	uint32_t i;

	for (i = 1; i < c->conf->npaces; i++)
		if (strcmp(p[i - 1].pattern, p[i].pattern) == 0)
			stated_twice(c, "limit to", p[i].pattern,
			    p[i - 1].pos.line, p[i].pos.line);
	for (i = 1; i < c->conf->nsources; i++)
		if (conf_source_cmp(&s[i - 1].prefix, &s[i].prefix) == 0)
			stated_twice(c, "limit from",
			    netprefix_ntop(&s[i].prefix, text, sizeof(text)),
			    s[i - 1].pos.line, s[i].pos.line);
}

static uint32_t
limit_line(const struct config *c, const char *name)
{
	return marks_line(&c->marks, MARK_LIMIT,
	    (uint32_t)(limit_find(name) - limits), 0);
}

/* Two limits of which the first may not be larger. */
static void
check_order(struct config *c, const char *small, const char *large)
{
	const struct limit *s = limit_find(small), *l = limit_find(large);
	char a[QUANTITY_STRLEN], b[QUANTITY_STRLEN];
	uint64_t vs = limit_get(&c->conf->limits, s);
	uint64_t vl = limit_get(&c->conf->limits, l);
	uint32_t line = limit_line(c, small);

	if (vs <= vl)
		return;
	report_error(&c->report, line != 0 ? line : limit_line(c, large),
	    "limit %s %s is larger than limit %s %s", small,
	    quantity_fmt(vs, s->unit, a), large, quantity_fmt(vl, l->unit, b));
}

/* Is path dir itself or something below it? */
static bool
below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	while (n > 1 && dir[n - 1] == '/')
		n--;
	return strncmp(path, dir, n) == 0 &&
	    (path[n] == '/' || path[n] == '\0' || n == 1);
}

static void
check_paths(struct config *c)
{
	const struct conf *conf = c->conf;
	struct report *r = &c->report;
	const struct {
		const char *what, *path;
		enum mark_kind kind;
	} paths[] = {
		{ "spool", conf->spool, MARK_SPOOL },
		{ "control socket", conf->control, MARK_CONTROL },
		{ "chroot", conf->chroot_dir, MARK_CHROOT },
		{ "log file", conf->log_path, MARK_LOG },
	};
	const size_t n = sizeof(paths) / sizeof(paths[0]);
	size_t i;

	for (i = 0; i < n; i++) {
		if (paths[i].path[0] == '\0')
			continue;
		if (i != 0 && below(paths[i].path, conf->spool))
			report_error(r, line_of(c, paths[i].kind),
			    "%s "
			    "\"%.200s\" lies in the spool: only queued "
			    "writes there",
			    paths[i].what, paths[i].path);
		if (i != 2 && below(paths[i].path, conf->chroot_dir))
			report_error(r, line_of(c, paths[i].kind),
			    "%s "
			    "\"%.200s\" lies in the chroot directory, which "
			    "stays empty",
			    paths[i].what, paths[i].path);
	}
}

void
config_check(struct config *c)
{
	check_missing(c);
	if (report_failed(&c->report))
		return;
	check_sides(c);
	check_routes(c);
	check_tls(c);
	check_schedules(c);
	check_paces(c);
	check_order(c, "message-size", "inbound-spool");
	check_order(c, "message-size", "outbound-spool");
	check_order(c, "sessions-per-address", "sessions");
	check_paths(c);
}
