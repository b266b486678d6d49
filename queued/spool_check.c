/* SPDX-License-Identifier: ISC */
/*
 * A look at every record and every message file.  It takes no lock, so it
 * works beside queued: what moves while it looks may seem damaged, and counts
 * only if it does so again at a second look.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "queued/spool.h"

#define LOOKS 4 /* at a store that moves */

struct look {
	const struct spool *sp;
	const char *store;
	struct spool_damages found;
	struct store_report report;
	int result; /* of store_check() */
	int error;
};

/* Is it in use?  The lock is not kept: posternd may start at any time. */
static bool
is_used(int dir)
{
	const struct store_ops *ops = store_ops_posix();
	int fd = ops->openat(ops->ctx, dir, ".", O_RDONLY | O_DIRECTORY, 0);
	bool used;

	if (fd == -1)
		return false;
	used = ops->lock(ops->ctx, fd) == -1 && errno == EWOULDBLOCK;
	(void)ops->close(ops->ctx, fd);
	return used;
}

static void
look(struct look *l, int dir)
{
	struct store_callbacks cb = { .arg = &l->found,
		.event = spool_damage_event,
		.done = spool_damage_done,
		.message = spool_damage_live };

	spool_damages_free(&l->found);
	errno = 0;
	l->result = store_check(store_ops_posix(), dir, &cb, &l->report);
	l->error = l->result == -1 ? errno : 0;
	if (l->found.failed) {
		l->result = -1;
		l->error = ENOMEM;
	}
}

static bool
is_settled(const struct look *l)
{
	return l->result == 0 || l->found.later != 0 || l->error == ENOMEM;
}

/* What is damaged at one look only was in motion. */
static void
look_again(struct look *l, int dir)
{
	struct spool_damages before;
	int i;

	for (i = 1; i < LOOKS && !is_settled(l); i++) {
		before = l->found;
		memset(&l->found, 0, sizeof(l->found));
		look(l, dir);
		if (l->result == 1) {
			spool_damages_both(&l->found, &before);
			spool_damages_free(&before);
			break;
		}
		spool_damages_free(&before);
	}
}

static const char *
result_of(const struct look *l, bool bad)
{
	if (l->found.later != 0)
		return "later";
	if (l->result == -1)
		return "failed";
	return bad ? "damaged" : "sound";
}

static void
summary_json(const struct look *l, bool bad, bool used)
{
	const struct store_report *r = &l->report;
	const struct spool *sp = l->sp;

	spool_row(sp, l->store);
	spool_row_str(sp, "result", result_of(l, bad));
	spool_row_bool(sp, "in_use", used);
	spool_row_num(sp, "segments", r->segments);
	spool_row_num(sp, "records", r->records);
	spool_row_num(sp, "messages", r->messages);
	spool_row_num(sp, "files", r->spilled);
	spool_row_num(sp, "states", r->states);
	spool_row_num(sp, "done", r->done);
	spool_row_num(sp, "bytes", r->bytes);
	spool_row_num(sp, "torn", r->torn);
	spool_row_num(sp, "orphans", r->orphans);
	spool_row_end(sp);
}

static void
summary_text(const struct look *l, bool bad, bool used)
{
	const struct store_report *r = &l->report;

	(void)fprintf(l->sp->out,
	    "%s: %s: %" PRIu64 " segments, %" PRIu64 " records, %" PRIu64
	    " messages (%" PRIu64 " in files), %" PRIu64 " bytes read%s\n",
	    l->store, result_of(l, bad), r->segments, r->records, r->messages,
	    r->spilled, r->bytes, used ? "; in use" : "");
}

static void
say_failed(const struct look *l)
{
	if (l->found.later != 0)
		spool_complain(l->sp, SPOOL_LATER_TEXT, l->store,
		    l->found.later);
	else if (l->result == -1)
		spool_complain(l->sp, "%s: %s", l->store, strerror(l->error));
}

static int
check_one(const struct spool *sp, int which)
{
	struct look l = { .sp = sp, .store = spool_names[which] };
	int dir = sp->stores[which], rc = 0;
	bool bad, used;

	if (dir == -1) {
		spool_complain(sp, "%s: is not there", l.store);
		return SPOOL_EXIT_FAILED;
	}
	used = is_used(dir);
	look(&l, dir);
	if (used || is_used(dir)) {
		used = true;
		look_again(&l, dir);
	}
	bad = spool_damages_print(sp, l.store, &l.found);
	if (l.report.segments == 0 && l.report.orphans > 0) {
		spool_complain(sp,
		    "%s: %" PRIu64 " message files, but no log: it is lost; "
		    "posternd takes up what it can when it starts",
		    l.store, l.report.orphans);
		bad = true;
	}
	say_failed(&l);
	if (l.found.later != 0)
		rc = SPOOL_EXIT_LATER;
	else if (l.result == -1)
		rc = SPOOL_EXIT_FAILED;
	else if (bad)
		rc = SPOOL_EXIT_DAMAGE;
	(sp->json ? summary_json : summary_text)(&l, bad, used);
	spool_damages_free(&l.found);
	return rc;
}

/* What is worse of the two: a failure, a later version, damage. */
static int
worse(int a, int b)
{
	static const int order[] = { 0, SPOOL_EXIT_DAMAGE, SPOOL_EXIT_LATER,
		SPOOL_EXIT_FAILED };
	int i, rc = 0;

	for (i = 0; i < 4; i++)
		if (order[i] == a || order[i] == b)
			rc = order[i];
	return rc;
}

int
spool_check(const struct spool *sp)
{
	int i, rc = 0;

	for (i = 0; i < SPOOL_STORES; i++)
		if (sp->wanted[i])
			rc = worse(rc, check_one(sp, i));
	return rc;
}
