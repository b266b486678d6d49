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

static void
check_schedule(struct config *c)
{
	const struct conf *conf = c->conf;
	struct report *r = &c->report;
	char a[QUANTITY_STRLEN], b[QUANTITY_STRLEN];
	uint32_t i;

	if (conf->nretry == 0) {
		report_error(r, line_of(c, MARK_RETRY),
		    "retry has no times: "
		    "write retry { 1m, 5m, 30m, 2h }");
		return;
	}
	if (conf->expire < conf->retry[0])
		report_error(r, line_of(c, MARK_EXPIRE),
		    "expire %s comes "
		    "before the first retry after %s",
		    quantity_fmt(conf->expire, UNIT_TIME, a),
		    quantity_fmt(conf->retry[0], UNIT_TIME, b));
	if (conf->warn_after >= conf->expire)
		report_error(r,
		    line_of(c, MARK_WARN) != 0 ? line_of(c, MARK_WARN)
					       : line_of(c, MARK_EXPIRE),
		    "warn after %s does not come before expire %s: write "
		    "warn never, or a shorter time",
		    quantity_fmt(conf->warn_after, UNIT_TIME, a),
		    quantity_fmt(conf->expire, UNIT_TIME, b));
	for (i = 1; i < conf->nretry; i++)
		if (conf->retry[i] > conf->expire)
			report_warning(r, line_of(c, MARK_RETRY),
			    "retry %s "
			    "never comes: mail expires after %s",
			    quantity_fmt(conf->retry[i], UNIT_TIME, a),
			    quantity_fmt(conf->expire, UNIT_TIME, b));
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
	check_schedule(c);
	check_order(c, "message-size", "inbound-spool");
	check_order(c, "message-size", "outbound-spool");
	check_order(c, "sessions-per-address", "sessions");
	check_paths(c);
}
