/* SPDX-License-Identifier: ISC */
/*
 * Recipient files: see recipients.h.  A directory is watched, not the file,
 * so that a file which is replaced by rename (as it should be) is seen.
 */
#include <sys/inotify.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "common/base/log.h"
#include "master/recipients.h"

#define SETTLE 100  /* ms of quiet after a change */
#define AGAIN  5000 /* ms until a directory that is gone is looked for */

#define EVENTS                                                                 \
	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF |           \
	    IN_MOVE_SELF | IN_ONLYDIR)

struct watched_dir {
	char path[CONF_PATH_MAX];
	int wd; /* -1: it cannot be watched now */
};

struct recipients {
	struct ev *ev;
	struct super *super;
	const struct conf *conf;
	struct ev_io io;
	struct ev_timer settle;
	struct watched_dir *dirs;
	size_t ndirs;
	bool *changed; /* by domain id */
};

/* The directory of a path, into dir; returns the name in it. */
static const char *
split(const char *path, char dir[CONF_PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	size_t n = slash == path ? 1 : (size_t)(slash - path);

	memcpy(dir, path, n);
	dir[n] = '\0';
	return slash + 1;
}

static int
open_file(const char *path)
{
	struct stat st;
	int fd;

	fd = open(path,
	    O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd == -1)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	(void)close(fd);
	errno = EINVAL;
	return -1;
}

static void
give_file(struct instance *dird, const struct conf_domain *d)
{
	int fd;

	if (d->rcpt_kind != CONF_RCPT_FILE)
		return;
	fd = open_file(d->rcpt_path);
	if (fd == -1) {
		/* dird goes on with the list it has */
		log_warn("recipients file %s", d->rcpt_path);
		return;
	}
	(void)super_give(dird, CHILD_FD_RCPT_FILE, d->id, fd);
	(void)close(fd);
}

void
recipients_give(struct recipients *r, struct instance *dird)
{
	uint32_t i;

	for (i = 0; i < r->conf->ndomains && instance_runs(dird); i++)
		give_file(dird, &r->conf->domains[i]);
}

static void
watch_dir(struct recipients *r, struct watched_dir *d)
{
	d->wd = inotify_add_watch(r->io.fd, d->path, EVENTS);
	if (d->wd == -1)
		log_warn("watching directory %s", d->path);
}

static void
on_settle(struct ev_timer *t)
{
	const struct peer peer = { PROC_DIRD, PROC_SIDE_NONE, 0 };
	struct recipients *r = t->arg;
	struct instance *dird = super_find(r->super, &peer);
	size_t n;
	uint32_t i;

	for (n = 0; n < r->ndirs; n++)
		if (r->dirs[n].wd == -1)
			watch_dir(r, &r->dirs[n]);
	for (i = 0; i < r->conf->ndomains; i++) {
		if (!r->changed[i])
			continue;
		r->changed[i] = false;
		/* a dird that starts gets all files anyway */
		if (dird != NULL && instance_runs(dird))
			give_file(dird, &r->conf->domains[i]);
	}
	for (n = 0; n < r->ndirs; n++)
		if (r->dirs[n].wd == -1)
			(void)ev_timer_set(r->ev, &r->settle, AGAIN);
}

/* name NULL: whatever is in the directory */
static void
mark_changed(struct recipients *r, const struct watched_dir *d,
    const char *name)
{
	char dir[CONF_PATH_MAX];
	const char *base;
	uint32_t i;

	for (i = 0; i < r->conf->ndomains; i++) {
		if (r->conf->domains[i].rcpt_kind != CONF_RCPT_FILE)
			continue;
		base = split(r->conf->domains[i].rcpt_path, dir);
		if (strcmp(dir, d->path) == 0 &&
		    (name == NULL || strcmp(base, name) == 0))
			r->changed[i] = true;
	}
}

static void
one_event(struct recipients *r, const struct inotify_event *e)
{
	size_t n;

	for (n = 0; n < r->ndirs; n++) {
		if ((e->mask & IN_Q_OVERFLOW) != 0) {
			mark_changed(r, &r->dirs[n], NULL);
			continue;
		}
		if (r->dirs[n].wd != e->wd)
			continue;
		if ((e->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED)) !=
		    0) {
			if ((e->mask & IN_MOVE_SELF) != 0)
				(void)inotify_rm_watch(r->io.fd, e->wd);
			r->dirs[n].wd = -1;
			mark_changed(r, &r->dirs[n], NULL);
		} else if (e->len > 0) {
			mark_changed(r, &r->dirs[n], e->name);
		}
	}
}

static void
on_event(struct ev_io *io, uint32_t events)
{
	struct recipients *r = io->arg;
	union {
		struct inotify_event event; /* for its alignment */
		char bytes[16384];
	} buf;
	const struct inotify_event *e;
	ssize_t n, at;

	(void)events;
	n = read(io->fd, &buf, sizeof(buf));
	for (at = 0; at < n; at += (ssize_t)(sizeof(*e) + e->len)) {
		e = (const struct inotify_event *)(const void *)(buf.bytes +
		    at);
		one_event(r, e);
	}
	if (ev_timer_set(r->ev, &r->settle, SETTLE) == -1)
		log_warn("recipient files");
}

struct recipients *
recipients_new(struct ev *ev, struct super *super)
{
	struct recipients *r = calloc(1, sizeof(*r));
	int fd;

	if (r == NULL)
		return NULL;
	r->ev = ev;
	r->super = super;
	ev_io_init(&r->io, on_event, r);
	ev_timer_init(&r->settle, on_settle, r);
	fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (fd == -1 || ev_io_set(ev, &r->io, fd, EPOLLIN) == -1) {
		log_warn("inotify");
		if (fd != -1)
			(void)close(fd);
		free(r);
		return NULL;
	}
	return r;
}

void
recipients_free(struct recipients *r)
{
	int fd;

	if (r == NULL)
		return;
	fd = r->io.fd;
	ev_io_del(r->ev, &r->io);
	ev_timer_del(r->ev, &r->settle);
	(void)close(fd);
	free(r->dirs);
	free(r->changed);
	free(r);
}

static bool
has_dir(const struct recipients *r, const char *path)
{
	size_t n;

	for (n = 0; n < r->ndirs; n++)
		if (strcmp(r->dirs[n].path, path) == 0)
			return true;
	return false;
}

static void
add_dir(struct recipients *r, const char *path)
{
	struct watched_dir *v;

	v = reallocarray(r->dirs, r->ndirs + 1, sizeof(*v));
	if (v == NULL)
		fatal("memory");
	r->dirs = v;
	(void)strlcpy(v[r->ndirs].path, path, sizeof(v->path));
	watch_dir(r, &v[r->ndirs++]);
}

void
recipients_watch(struct recipients *r, const struct config *c)
{
	char dir[CONF_PATH_MAX];
	size_t n;
	uint32_t i;

	for (n = 0; n < r->ndirs; n++)
		if (r->dirs[n].wd != -1)
			(void)inotify_rm_watch(r->io.fd, r->dirs[n].wd);
	free(r->dirs);
	free(r->changed);
	r->dirs = NULL;
	r->ndirs = 0;
	r->conf = c->conf;
	r->changed = calloc(c->conf->ndomains + 1, sizeof(*r->changed));
	if (r->changed == NULL)
		fatal("memory");
	for (i = 0; i < c->conf->ndomains; i++) {
		if (c->conf->domains[i].rcpt_kind != CONF_RCPT_FILE)
			continue;
		(void)split(c->conf->domains[i].rcpt_path, dir);
		if (!has_dir(r, dir))
			add_dir(r, dir);
	}
}
