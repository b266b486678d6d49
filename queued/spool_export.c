/* SPDX-License-Identifier: ISC */
/*
 * A spool as plain files: ID.eml, the message as it is, and ID.env, its
 * envelope and what became of each recipient.  The spool must not be in use:
 * what were exported and delivered as well would be delivered twice.
 */
#include <sys/stat.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "queued/spool.h"
#include "queued/store/envfile.h"

struct export
{
	const struct spool *sp;
	struct store *store;
	int which;
	int dir; /* of the target, for this store */
	struct spool_manifest mf;
	uint64_t bytes, skipped;
	bool *found; /* of sp->ids */
	int error;   /* what ended it */
};

/* --- one message --- */

static int
write_body(struct export *x, struct spool_entry *e, const void *body,
    size_t size)
{
	char name[SPOOL_NAME_MAX];
	struct spool_file f;

	if (spool_file_begin(&f, x->dir,
		spool_entry_name(name, e->id, ".eml")) == -1)
		return -1;
	spool_file_put(&f, body, size);
	e->size = f.size;
	e->crc = f.crc;
	return spool_file_end(&f);
}

static int
write_env(struct export *x, struct spool_entry *e, const struct store_msg *m)
{
	char name[SPOOL_NAME_MAX], note[32];
	struct envfile ef = { 0 };
	struct spool_file f;
	int r = -1;

	(void)snprintf(note, sizeof(note), "Spool: %s", spool_names[x->which]);
	if (envfile_make(&ef, m, e->crc, note) == -1)
		return -1;
	if (spool_file_begin(&f, x->dir,
		spool_entry_name(name, e->id, ".env")) == 0) {
		spool_file_put(&f, ef.text, ef.len);
		e->env_size = f.size;
		e->env_crc = f.crc;
		r = spool_file_end(&f);
	}
	free(ef.text);
	return r;
}

static void
skip(struct export *x, uint64_t id, const char *why)
{
	char str[MSGID_STRLEN];

	x->skipped++;
	spool_complain(x->sp, "%s: message %s is not exported: %s",
	    spool_names[x->which], msgid_fmt(id, str), why);
}

static bool
is_wanted(struct export *x, uint64_t id)
{
	size_t i;

	for (i = 0; i < x->sp->nids; i++) {
		if (x->sp->ids[i] != id)
			continue;
		x->found[i] = true;
		return true;
	}
	return x->sp->nids == 0;
}

static int
export_message(void *arg, const struct store_msg *m)
{
	struct export *x = arg;
	struct spool_entry e = { .id = m->loc.id, .store = (uint8_t)x->which };
	uint8_t *body;
	ssize_t n = -1;
	int r = -1;

	if (!is_wanted(x, m->loc.id))
		return 0;
	body = malloc(m->size > 0 ? m->size : 1);
	if (body != NULL)
		n = store_read(x->store, m->loc, 0, body, m->size);
	if (body != NULL && n != (ssize_t)m->size) {
		skip(x, m->loc.id,
		    n == -1 ? strerror(errno) : "its text is cut off");
		free(body);
		return 0;
	}
	if (body != NULL && write_body(x, &e, body, (size_t)n) == 0 &&
	    write_env(x, &e, m) == 0 && spool_manifest_add(&x->mf, &e) == 0)
		r = 0;
	if (r == -1)
		x->error = errno;
	free(body);
	x->bytes += e.size;
	return r;
}

/* --- all of them --- */

/* What cannot be exported is said with its cause: all of it is looked at. */
static int
look(struct export *x)
{
	struct spool_damages d = { .n = 0 };
	struct store_callbacks cb = { .arg = &d,
		.event = spool_damage_event,
		.done = spool_damage_done,
		.message = spool_damage_live };
	const char *name = spool_names[x->which];
	struct store_report report;
	int r, rc = 0;

	r = store_check(store_ops_posix(), x->sp->stores[x->which], &cb,
	    &report);
	if (r == -1 && d.later == 0)
		spool_complain(x->sp, "%s: %s", name, strerror(errno));
	if (spool_damages_print(x->sp, name, &d) || r == 1)
		rc = SPOOL_EXIT_DAMAGE;
	if (d.later != 0)
		spool_complain(x->sp, SPOOL_LATER_TEXT, name, d.later);
	if (r == -1)
		rc = d.later != 0 ? SPOOL_EXIT_LATER : SPOOL_EXIT_FAILED;
	spool_damages_free(&d);
	return rc;
}

static int
export_each(struct export *x)
{
	const struct store_params params = { .readonly = true };
	int r;

	if (store_open(&x->store, store_ops_posix(), x->sp->stores[x->which],
		&params, NULL) == -1)
		return -1;
	r = store_each(x->store, export_message, x);
	if (r == -1 && x->error != 0)
		errno = x->error;
	store_close(x->store);
	return r;
}

static int
export_store(struct export *x)
{
	int rc = look(x);

	if (rc >= SPOOL_EXIT_FAILED)
		return rc;
	x->error = 0;
	if (export_each(x) == 0 && spool_dir_sync(x->dir) == 0)
		return rc;
	spool_complain(x->sp, "%s: %s", spool_names[x->which], strerror(errno));
	return SPOOL_EXIT_FAILED;
}

static int
export_dir(struct export *x)
{
	const char *name = spool_names[x->which];
	int rc;

	if (mkdirat(x->sp->target, name, 0700) == -1 ||
	    (x->dir = spool_dir_open(x->sp->target, name)) == -1) {
		spool_complain(x->sp, "%s: %s", name, strerror(errno));
		return SPOOL_EXIT_FAILED;
	}
	rc = export_store(x);
	(void)close(x->dir);
	return rc;
}

static int
any_entry(void *arg, const char *name)
{
	(void)arg;
	(void)name;
	return 1;
}

static bool
is_empty(const struct spool *sp)
{
	const struct store_ops *ops = store_ops_posix();
	int r = ops->list(ops->ctx, sp->target, ".", any_entry, NULL);

	if (r == 1)
		spool_complain(sp, "the directory to export to is not empty");
	else if (r == -1)
		spool_complain(sp, "the directory to export to: %s",
		    strerror(errno));
	return r == 0;
}

static int
finish(struct export *x)
{
	const struct spool *sp = x->sp;
	char id[MSGID_STRLEN];
	int rc = 0;
	size_t i;

	for (i = 0; i < sp->nids; i++) {
		if (x->found[i])
			continue;
		spool_complain(sp, "there is no message %s",
		    msgid_fmt(sp->ids[i], id));
		rc = SPOOL_EXIT_DAMAGE;
	}
	x->mf.created = store_ops_posix()->now(NULL);
	store_ops_posix()->random(NULL, &x->mf.export_id,
	    sizeof(x->mf.export_id));
	x->mf.export_id |= 1;
	if (spool_manifest_write(sp, &x->mf) == -1 ||
	    spool_dir_sync(sp->target) == -1) {
		spool_complain(sp, "%s: %s", SPOOL_MANIFEST, strerror(errno));
		return SPOOL_EXIT_FAILED;
	}
	if (sp->json) {
		spool_row(sp, "all");
		spool_row_num(sp, "exported", x->mf.n);
		spool_row_num(sp, "bytes", x->bytes);
		spool_row_num(sp, "skipped", x->skipped);
		spool_row_end(sp);
	} else
		(void)fprintf(sp->out,
		    "%zu messages exported, %" PRIu64 " bytes; %" PRIu64
		    " skipped\n",
		    x->mf.n, x->bytes, x->skipped);
	return x->skipped > 0 ? SPOOL_EXIT_DAMAGE : rc;
}

int
spool_export(const struct spool *sp)
{
	struct export x = { .sp = sp };
	int rc = 0, one;

	if (!is_empty(sp))
		return SPOOL_EXIT_FAILED;
	x.found = calloc(sp->nids + 1, sizeof(*x.found));
	if (x.found == NULL)
		return SPOOL_EXIT_FAILED;
	for (x.which = 0; x.which < SPOOL_STORES; x.which++) {
		if (!sp->wanted[x.which])
			continue;
		one = export_dir(&x);
		if (one > rc)
			rc = one;
	}
	if (rc < SPOOL_EXIT_FAILED) {
		one = finish(&x);
		if (one > rc)
			rc = one;
	}
	free(x.found);
	spool_manifest_free(&x.mf);
	return rc;
}
