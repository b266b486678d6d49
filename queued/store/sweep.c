/* SPDX-License-Identifier: ISC */
/*
 * Message files that no record names.  Normally a crash left them between
 * file and record, or between record and removal: they go.  But when recovery
 * found the log damaged, such a file may be all that is left of a message:
 * then it is taken up again from its envelope file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "queued/store/crc32c.h"
#include "queued/store/internal.h"

#define LIST_MAX    256 /* names taken at once from one directory */
#define ID_EPOCH_MS 1577836800000ULL /* 2020 */
#define DIR_MS	    32768ULL	     /* of acceptance, in one directory */

struct list {
	struct store *s;
	uint64_t ids[LIST_MAX];
	size_t n;
	bool envs;	/* envelope files are wanted, else both */
	uint64_t after; /* only higher ids: the way through a directory */
};

/* The id of a message file, "ID" or "ID.env". */
static bool
file_id(const char *name, bool *env, uint64_t *id)
{
	char str[MSGID_STRLEN];
	size_t len = strlen(name);

	*env = len > 4 && strcmp(name + len - 4, ".env") == 0;
	if (*env)
		len -= 4;
	if (len != sizeof(str) - 1)
		return false;
	memcpy(str, name, len);
	str[len] = '\0';
	return msgid_parse(str, id) == 0;
}

/* Collects the lowest LIST_MAX unknown ids above "after". */
static int
note_orphan(void *arg, const char *name)
{
	struct list *l = arg;
	uint64_t id, tmp;
	bool env;
	size_t i;

	if (!file_id(name, &env, &id) || (l->envs && !env) || id <= l->after ||
	    index_find(&l->s->ix, id) != 0)
		return 0;
	for (i = 0; i < l->n; i++) {
		if (l->ids[i] == id)
			return 0;
		if (l->ids[i] > id) {
			tmp = l->ids[i];
			l->ids[i] = id;
			id = tmp;
		}
	}
	if (l->n < LIST_MAX)
		l->ids[l->n++] = id;
	return 0;
}

static int
note_dir(void *arg, const char *name)
{
	struct store *s = arg;
	char str[MSGID_STRLEN] = "0000000000000";
	uint64_t id;

	if (strlen(name) == 2) {
		memcpy(str + 4, name, 2);
		if (msgid_parse(str, &id) == 0)
			s->there[spill_dir(id) / 32] |= 1U
			    << (spill_dir(id) % 32);
	}
	return 0;
}

static void
list_dir(struct list *l, uint32_t dir)
{
	char name[NAME_LEN];
	struct store *s = l->s;

	l->n = 0;
	if (!s->there_known)
		(void)s->ops->list(s->ops->ctx, s->dirfd, "msg", note_dir, s);
	s->there_known = true;
	if (!(s->there[dir / 32] & (1U << (dir % 32))))
		return;
	spill_dir_name(name, dir);
	(void)s->ops->list(s->ops->ctx, s->dirfd, name, note_orphan, l);
}

int
sweep_step(struct store *s)
{
	struct list l = { .s = s };
	size_t i;

	while (s->sweep < SPILL_DIRS && l.n == 0) {
		list_dir(&l, s->sweep);
		if (l.n < LIST_MAX)
			s->sweep++;
	}
	for (i = 0; i < l.n; i++) {
		spill_remove(s, l.ids[i]);
		ev_send(s, STORE_EV_ORPHAN,
		    (struct store_event){ .id = l.ids[i] });
	}
	return l.n > 0;
}

static uint8_t *
read_whole(struct store *s, const char *name, size_t *len)
{
	uint64_t size;
	uint8_t *p = NULL;
	int fd;

	fd = s->ops->openat(s->ops->ctx, s->dirfd, name, O_RDONLY, 0);
	if (fd == -1)
		return NULL;
	if (s->ops->size(s->ops->ctx, fd, &size) == 0 && size < UINT32_MAX &&
	    (p = malloc((size_t)size + 1)) != NULL &&
	    full_pread(s, fd, p, (size_t)size, 0) == (ssize_t)size) {
		*len = (size_t)size;
	} else {
		free(p);
		p = NULL;
	}
	(void)s->ops->close(s->ops->ctx, fd);
	return p;
}

/* The body is there, whole, and has that checksum. */
static bool
body_is_sound(struct store *s, uint64_t id, const struct envfile_parts *ep)
{
	char name[NAME_LEN];
	uint64_t off = 0;
	uint32_t crc = 0;
	ssize_t n = 1;
	int fd;

	spill_name(name, id, "");
	fd = s->ops->openat(s->ops->ctx, s->dirfd, name, O_RDONLY, 0);
	if (fd == -1)
		return false;
	while (n > 0 && off <= ep->size) {
		n = full_pread(s, fd, s->chunk, CHUNK_SIZE, off);
		if (n > 0) {
			crc = crc32c(crc, s->chunk, (size_t)n);
			off += (uint64_t)n;
		}
	}
	(void)s->ops->close(s->ops->ctx, fd);
	return n == 0 && off == ep->size && crc == ep->crc;
}

static int
sync_file(struct store *s, uint64_t id, const char *suffix)
{
	char name[NAME_LEN];
	int fd;

	spill_name(name, id, suffix);
	fd = s->ops->openat(s->ops->ctx, s->dirfd, name, O_RDONLY, 0);
	if (fd == -1)
		return -1;
	return spill_finish(s, fd, 0);
}

int
adopt_add(struct store *s, uint64_t id, const struct store_whole *w,
    uint64_t size)
{
	struct rec_file f = { .env_len = (uint32_t)w->env_len,
		.state_len = (uint32_t)w->state_len,
		.size = size,
		.body_crc = w->crc };
	uint64_t len = REC_FILE_PREFIX + (uint64_t)w->env_len + w->state_len;
	uint32_t slot;
	uint8_t *p;

	if (len > s->p.segment_size - SEG_DATA - START_TOTAL - REC_HEADER) {
		errno = EMSGSIZE;
		return -1;
	}
	slot = index_add(&s->ix, id);
	if (slot == 0)
		return -1;
	p = batch_add(s, REC_MOVED, id, (uint32_t)len, true);
	if (p == NULL) {
		index_remove(&s->ix, slot);
		return -1;
	}
	index_at(&s->ix, slot)->flags = ENTRY_PENDING;
	if (id > s->newest)
		s->newest = id;
	rec_file_put(p, &f);
	p += REC_FILE_PREFIX;
	memcpy(p, w->env, w->env_len);
	if (w->state_len > 0)
		memcpy(p + w->env_len, w->state, w->state_len);
	batch_seal(s);
	return 0;
}

/* Its envelope file is whole, and its body there.  The caller frees ep. */
static bool
is_usable(struct store *s, uint64_t id, struct envfile_parts *ep)
{
	char name[NAME_LEN];
	size_t len = 0;
	uint8_t *text;
	bool good;

	spill_name(name, id, ".env");
	text = read_whole(s, name, &len);
	if (text == NULL)
		return false;
	good = envfile_parse(text, len, ep) == 0 && body_is_sound(s, id, ep);
	free(text);
	return good;
}

/* A process that was killed may have left them in the page cache only. */
static int
sync_files(struct store *s, uint64_t id)
{
	char name[NAME_LEN];

	spill_dir_name(name, spill_dir(id));
	return sync_file(s, id, "") == 0 && sync_file(s, id, ".env") == 0 &&
		dir_sync(s, name) == 0 && dir_sync(s, "msg") == 0 &&
		dir_sync(s, ".") == 0
	    ? 0
	    : -1;
}

/* 1: taken up, 0: not usable, -1: no memory or no space */
static int
adopt(struct store *s, uint64_t id)
{
	struct envfile_parts ep = { 0 };
	struct store_whole w;
	int r = 0;

	if (is_usable(s, id, &ep)) {
		w = (struct store_whole){ ep.env, ep.state, ep.env_len,
			ep.state_len, ep.crc };
		r = sync_files(s, id) == 0 && adopt_add(s, id, &w, ep.size) == 0
		    ? 1
		    : -1;
		if (r == 1)
			ev_send(s, STORE_EV_ADOPTED,
			    (struct store_event){ .id = id });
	}
	envfile_free(&ep);
	return r;
}

/* For those who only look: what the next start would do with it. */
static void
foresee(struct store *s, uint64_t id)
{
	struct envfile_parts ep = { 0 };
	bool up = (s->damage || id > s->adopt_after) && is_usable(s, id, &ep);

	envfile_free(&ep);
	ev_send(s, up ? STORE_EV_ADOPTED : STORE_EV_ORPHAN,
	    (struct store_event){ .id = id });
}

uint64_t
sweep_count(struct store *s)
{
	struct list l = { .s = s };
	uint64_t n = 0;
	uint32_t dir;
	size_t i;

	for (dir = 0; dir < SPILL_DIRS; dir++) {
		l.after = 0;
		do {
			list_dir(&l, dir);
			n += l.n;
			for (i = 0; i < l.n; i++)
				foresee(s, l.ids[i]);
			if (l.n > 0)
				l.after = l.ids[l.n - 1];
		} while (l.n == LIST_MAX);
	}
	return n;
}

static int
adopt_dir(struct store *s, uint32_t dir, uint64_t after)
{
	struct list l = { .s = s, .envs = true, .after = after };
	size_t i;

	do {
		list_dir(&l, dir);
		for (i = 0; i < l.n; i++)
			if (adopt(s, l.ids[i]) == -1)
				return -1;
		if (l.n > 0)
			l.after = l.ids[l.n - 1];
		if (!batch_empty(s) && store_commit(s) == -1)
			return -1;
	} while (l.n == LIST_MAX);
	return 0;
}

/*
 * What cannot be taken up stays where it is: with a damaged log nothing is
 * swept.  A failure here is no reason not to start.
 */
int
sweep_adopt(struct store *s)
{
	uint32_t dir;

	s->sweep = SPILL_DIRS;
	for (dir = 0; dir < SPILL_DIRS; dir++)
		if (adopt_dir(s, dir, 0) == -1)
			return errno == ENOMEM ? -1 : 0;
	return 0;
}

/* Ids of that second and before were known to the log. */
uint64_t
sweep_known(const struct store *s, uint32_t known)
{
	uint64_t ids = ((uint64_t)known + 1) * 1000 << 20;

	if (known == 0)
		return s->newest == 0 ? UINT64_MAX : s->newest;
	return s->newest > ids ? s->newest : ids;
}

/*
 * A message file that is newer than all that the log has ever seen: the log
 * was restored from an older copy, or a crash came between file and record,
 * before an answer.  Neither is a reason to lose the message.  Directories
 * change with time, so that only few are looked at, but after a long pause.
 */
int
sweep_adopt_newer(struct store *s)
{
	uint64_t after = s->adopt_after, now = s->ops->now(s->ops->ctx);
	uint64_t n = 1, i;
	uint32_t first = spill_dir(after);

	if (after == UINT64_MAX)
		return 0;
	if (now > ID_EPOCH_MS && now - ID_EPOCH_MS > after >> 20)
		n += (now - ID_EPOCH_MS - (after >> 20)) / DIR_MS + 1;
	for (i = 0; i < n && i < SPILL_DIRS; i++) {
		if (adopt_dir(s, (first + (uint32_t)i) % SPILL_DIRS, after) ==
		    0)
			continue;
		s->sweep = SPILL_DIRS; /* nothing is removed, but later */
		return errno == ENOMEM ? -1 : 0;
	}
	return 0;
}
