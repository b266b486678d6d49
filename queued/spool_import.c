/* SPDX-License-Identifier: ISC */
/*
 * An export into a spool.  All of it is verified before anything is changed.
 * What was taken is noted in the spool, in import.EXPORT-ID, so that what was
 * delivered since is not taken again; a message that the spool has is not
 * touched.  A commit comes before its note: cut off between the two, the next
 * try finds those messages in the spool, if nobody delivered them.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "queued/spool.h"
#include "queued/store/crc32c.h"
#include "queued/store/envelope.h"
#include "queued/store/envfile.h"
#include "queued/store/state.h"

#define BATCH_MESSAGES 64
#define SEGMENT	       ((uint64_t)8 * 1024 * 1024)
#define NOTE_LEN       (MSGID_STRLEN - 1 + 5) /* "out ID\n", at most */

struct import {
	struct spool *sp;
	struct spool_manifest mf;
	struct store *stores[SPOOL_STORES];
	int dirs[SPOOL_STORES]; /* of the export */
	uint64_t largest;	/* record that it needs */
	const struct spool_entry *batch[BATCH_MESSAGES]; /* not committed */
	size_t nbatch;
	int note; /* descriptor of the file of notes */
	uint64_t note_end;
	uint64_t bad, taken, had, before; /* messages */
};

/* --- one message of the export --- */

struct item {
	struct envfile_parts ep;
	struct envelope env;
	int fd; /* its text */
};

static void
item_free(struct item *it)
{
	envfile_free(&it->ep);
	if (it->fd != -1)
		(void)close(it->fd);
	it->fd = -1;
}

static const char *
read_env(struct import *x, const struct spool_entry *e, struct item *it)
{
	char name[SPOOL_NAME_MAX];
	const char *why = NULL;
	size_t len;
	uint8_t *text = spool_file_read(x->dirs[e->store],
	    spool_entry_name(name, e->id, ".env"), &len);

	if (text == NULL)
		return strerror(errno);
	if (len != e->env_size || crc32c(0, text, len) != e->env_crc)
		why = "its envelope file is not the one that was exported";
	else if (envfile_parse(text, len, &it->ep) == -1)
		why = "its envelope file is damaged";
	free(text);
	return why;
}

/* Came by one side, so lies in that side's spool; queued looks again. */
static bool
origin_fits(const struct envelope *env, int which)
{
	return env->origin == ENV_BOUNCE ||
	    env->origin == (which == 0 ? ENV_EXT : ENV_INT);
}

static const char *
check_env(const struct spool_entry *e, struct item *it)
{
	struct state_sum sum = { .cap_rcpts = 0 };
	const struct envfile_parts *ep = &it->ep;
	const char *why = NULL;

	if (env_get(ep->env, ep->env_len, &it->env) == -1)
		return "its envelope is damaged";
	if (it->env.id != e->id || ep->size != e->size || ep->crc != e->crc)
		return "its envelope is that of another message";
	if (!origin_fits(&it->env, e->store))
		return "it came by the other side";
	state_sum_reset(&sum);
	if (ep->state_len > 0 &&
	    state_sum_add(&sum, ep->state, ep->state_len) == -1)
		why =
		    errno == EBADMSG ? "its state is damaged" : strerror(errno);
	state_sum_free(&sum);
	return why;
}

/* NULL, or what is wrong with it. */
static const char *
open_item(struct import *x, const struct spool_entry *e, struct item *it)
{
	char name[SPOOL_NAME_MAX];
	const char *why;

	memset(it, 0, sizeof(*it));
	it->fd = -1;
	why = read_env(x, e, it);
	if (why == NULL)
		why = check_env(e, it);
	if (why != NULL)
		return why;
	it->fd =
	    openat(x->dirs[e->store], spool_entry_name(name, e->id, ".eml"),
		O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	return it->fd == -1 ? strerror(errno) : NULL;
}

static const char *
verify(struct import *x, const struct spool_entry *e)
{
	struct item it;
	const char *why = open_item(x, e, &it);
	uint64_t size = 0, len;
	uint32_t crc = 0;

	if (why == NULL && spool_file_sum(it.fd, &size, &crc) == -1)
		why = strerror(errno);
	else if (why == NULL && (size != e->size || crc != e->crc))
		why = "its text is not the one that was exported";
	len = (uint64_t)it.ep.env_len + it.ep.state_len;
	if (why == NULL && len > x->largest)
		x->largest = len;
	item_free(&it);
	return why;
}

static void
complain_of(const struct import *x, const struct spool_entry *e,
    const char *why)
{
	char id[MSGID_STRLEN];

	spool_complain(x->sp, "%s: message %s: %s", spool_names[e->store],
	    msgid_fmt(e->id, id), why);
}

/* --- the whole export --- */

static int
compare(const void *a, const void *b)
{
	const struct spool_entry *x = a, *y = b;

	if (x->store != y->store)
		return x->store < y->store ? -1 : 1;
	return (x->id > y->id) - (x->id < y->id);
}

static struct spool_entry *
find(const struct import *x, int which, uint64_t id)
{
	struct spool_entry key = { .id = id, .store = (uint8_t)which };

	if (x->mf.n == 0)
		return NULL;
	return bsearch(&key, x->mf.list, x->mf.n, sizeof(key), compare);
}

static int
verify_all(struct import *x)
{
	const char *why;
	size_t i;

	if (x->mf.n > 0)
		qsort(x->mf.list, x->mf.n, sizeof(*x->mf.list), compare);
	for (i = 0; i < x->mf.n; i++) {
		why = i > 0 && compare(&x->mf.list[i - 1], &x->mf.list[i]) == 0
		    ? "is named twice"
		    : verify(x, &x->mf.list[i]);
		if (why == NULL)
			continue;
		x->mf.list[i].there = true;
		x->bad++;
		complain_of(x, &x->mf.list[i], why);
	}
	if (x->bad > 0 && !x->sp->keep_going) {
		spool_complain(x->sp,
		    "%" PRIu64 " of %zu messages cannot be imported, so "
		    "nothing was; -k imports the others",
		    x->bad, x->mf.n);
		return SPOOL_EXIT_DAMAGE;
	}
	return 0;
}

static int
open_dirs(struct import *x)
{
	size_t i;
	int k;

	for (k = 0; k < SPOOL_STORES; k++) {
		x->dirs[k] = spool_dir_open(x->sp->target, spool_names[k]);
		if (x->dirs[k] != -1)
			continue;
		for (i = 0; i < x->mf.n; i++)
			if (x->mf.list[i].store == k)
				break;
		if (errno == ENOENT && i == x->mf.n)
			continue; /* nothing of it was exported */
		spool_complain(x->sp, "%s: %s", spool_names[k],
		    strerror(errno));
		return -1;
	}
	return 0;
}

/* --- notes --- */

static void
note_line(struct import *x, char *line)
{
	char *word = strsep(&line, " ");
	struct spool_entry *e;
	uint64_t id;
	int which;

	if (line == NULL || (which = spool_which(word)) == -1 ||
	    msgid_parse(line, &id) == -1)
		return;
	e = find(x, which, id);
	if (e != NULL && !e->there) {
		e->there = true;
		x->before++;
	}
}

/* What was taken before; a line that was cut off is written over. */
static int
notes_read(struct import *x, const char *name)
{
	size_t len;
	uint8_t *text = spool_file_read(x->sp->root, name, &len);
	char *p = (char *)text, *line;

	if (text == NULL)
		return -1;
	while (len > 0 && text[len - 1] != '\n')
		len--;
	text[len] = '\0';
	x->note_end = len;
	while ((line = strsep(&p, "\n")) != NULL)
		note_line(x, line);
	free(text);
	return 0;
}

static int
notes_open(struct import *x)
{
	char name[32];

	(void)snprintf(name, sizeof(name), "import.%016" PRIx64,
	    x->mf.export_id);
	x->note = openat(x->sp->root, name,
	    O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (x->note == -1 || notes_read(x, name) == -1 ||
	    spool_dir_sync(x->sp->root) == -1) {
		spool_complain(x->sp, "%s: %s", name, strerror(errno));
		return -1;
	}
	return 0;
}

static int
notes_add(struct import *x)
{
	char text[BATCH_MESSAGES * NOTE_LEN + 1], id[MSGID_STRLEN];
	size_t len = 0, i;
	int n;

	for (i = 0; i < x->nbatch; i++) {
		n = snprintf(text + len, sizeof(text) - len, "%s %s\n",
		    spool_names[x->batch[i]->store],
		    msgid_fmt(x->batch[i]->id, id));
		len += (size_t)n;
	}
	if (pwrite(x->note, text, len, (off_t)x->note_end) != (ssize_t)len ||
	    fdatasync(x->note) == -1)
		return -1;
	x->note_end += len;
	return 0;
}

/* --- into the spool --- */

static int
commit(struct import *x)
{
	int k;

	if (x->nbatch == 0)
		return 0;
	for (k = 0; k < SPOOL_STORES; k++)
		if (x->stores[k] != NULL && store_commit(x->stores[k]) == -1)
			return -1;
	if (notes_add(x) == -1)
		return -1;
	x->taken += x->nbatch;
	x->nbatch = 0;
	return 0;
}

struct same {
	const struct item *it;
	bool same;
};

static int
compare_env(void *arg, const struct store_msg *m)
{
	struct same *s = arg;
	const struct envfile_parts *ep = &s->it->ep;

	s->same = m->env_len == ep->env_len && m->size == ep->size &&
	    memcmp(m->env, ep->env, ep->env_len) == 0;
	return 0;
}

/* 1: the spool has it; -1: it has another one of that id; 0 */
static int
is_there(struct import *x, const struct spool_entry *e, const struct item *it)
{
	struct same s = { .it = it };
	struct store_loc loc;
	int k;

	for (k = 0; k < SPOOL_STORES; k++) {
		if (store_find(x->stores[k], e->id, &loc) == -1)
			continue;
		if (k != e->store ||
		    store_load(x->stores[k], loc, compare_env, &s) == -1)
			return -1;
		return s.same ? 1 : -1;
	}
	return 0;
}

static int
restore(struct import *x, const struct spool_entry *e, const struct item *it)
{
	const struct store_whole w = { it->ep.env, it->ep.state, it->ep.env_len,
		it->ep.state_len, e->crc };
	const struct store_source src = { .fd = it->fd, .size = e->size };
	struct store_loc loc;
	int r;

	r = store_restore(x->stores[e->store], e->id, &w, &src, &loc);
	if (r == -1 && errno == EAGAIN) {
		if (commit(x) == -1)
			return -1;
		r = store_restore(x->stores[e->store], e->id, &w, &src, &loc);
	}
	if (r == -1)
		return -1;
	x->batch[x->nbatch++] = e;
	return x->nbatch == BATCH_MESSAGES ? commit(x) : 0;
}

static int
take(struct import *x, struct spool_entry *e)
{
	struct item it;
	const char *why = open_item(x, e, &it);
	int r = 0;

	if (why == NULL) {
		switch (is_there(x, e, &it)) {
		case 0:
			r = restore(x, e, &it);
			break;
		case 1:
			x->had++;
			break;
		default:
			why = "the spool has another message of that id: "
			      "import again when it is delivered";
			break;
		}
	}
	if (why != NULL) {
		x->bad++;
		complain_of(x, e, why);
	} else if (r == -1)
		complain_of(x, e, strerror(errno));
	item_free(&it);
	return r;
}

static void
on_event(void *arg, const struct store_event *ev)
{
	struct spool_damages d = { .n = 0 };
	struct import *x = arg;

	spool_damage_event(&d, ev);
	(void)spool_damages_print(x->sp, "spool", &d);
	spool_damages_free(&d);
}

static int
open_stores(struct import *x)
{
	struct store_params p = { .segment_size = SEGMENT };
	struct store_callbacks cb = { .arg = x, .event = on_event };
	int k;

	while (p.segment_size < 2 * x->largest + SEGMENT / 2)
		p.segment_size *= 2;
	for (k = 0; k < SPOOL_STORES; k++)
		if (store_open(&x->stores[k], store_ops_posix(),
			x->sp->stores[k], &p, &cb) == -1) {
			spool_complain(x->sp, "%s: %s", spool_names[k],
			    strerror(errno));
			return errno == ENOTSUP ? SPOOL_EXIT_LATER
						: SPOOL_EXIT_FAILED;
		}
	return 0;
}

static int
take_all(struct import *x)
{
	size_t i;

	for (i = 0; i < x->mf.n; i++)
		if (!x->mf.list[i].there && take(x, &x->mf.list[i]) == -1)
			goto fail;
	if (commit(x) == 0)
		return x->bad > 0 ? SPOOL_EXIT_DAMAGE : 0;
	spool_complain(x->sp, "%s", strerror(errno));
fail:
	spool_complain(x->sp,
	    "cut off: import again, before posternd starts if that can be");
	return SPOOL_EXIT_FAILED;
}

static void
summary(const struct import *x)
{
	const struct spool *sp = x->sp;

	if (sp->json) {
		spool_row(sp, "all");
		spool_row_num(sp, "imported", x->taken);
		spool_row_num(sp, "there", x->had);
		spool_row_num(sp, "imported_before", x->before);
		spool_row_num(sp, "refused", x->bad);
		spool_row_end(sp);
	} else
		(void)fprintf(sp->out,
		    "%" PRIu64 " messages imported; %" PRIu64
		    " were there, %" PRIu64 " were imported before, %" PRIu64
		    " refused\n",
		    x->taken, x->had, x->before, x->bad);
}

static int
run(struct import *x)
{
	int rc;

	if (spool_manifest_read(x->sp, &x->mf) == -1 || open_dirs(x) == -1)
		return SPOOL_EXIT_FAILED;
	rc = verify_all(x);
	if (rc != 0)
		return rc;
	if (notes_open(x) == -1)
		return SPOOL_EXIT_FAILED;
	rc = open_stores(x);
	if (rc != 0)
		return rc;
	rc = take_all(x);
	summary(x);
	return rc;
}

int
spool_import(struct spool *sp)
{
	struct import x = { .sp = sp, .note = -1, .dirs = { -1, -1 } };
	int rc = run(&x), k;

	for (k = 0; k < SPOOL_STORES; k++) {
		if (x.stores[k] != NULL)
			store_close(x.stores[k]);
		if (x.dirs[k] != -1)
			(void)close(x.dirs[k]);
	}
	if (x.note != -1)
		(void)close(x.note);
	spool_manifest_free(&x.mf);
	return rc;
}
