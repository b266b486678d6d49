/* SPDX-License-Identifier: ISC */
/* The control socket: see control.h. */
#include <sys/socket.h>
#include <sys/stat.h>

#include <errno.h>
#include <grp.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "common/base/privdrop.h"
#include "master/control.h"

#define BACKLOG 64

static void
failed(struct config *c, const char *path, const char *why)
{
	report_error(&c->report, marks_line(&c->marks, MARK_CONTROL, 0, 0),
	    "control socket \"%.200s\": %s", path, why);
}

/* What lies there already: nothing, a dead socket (removed), or trouble. */
static const char *
clear_path(const struct sockaddr_un *sun)
{
	struct stat st;
	int fd, rc;

	if (lstat(sun->sun_path, &st) == -1)
		return errno == ENOENT ? NULL : strerror(errno);
	if (!S_ISSOCK(st.st_mode))
		return "is there already, and is no socket";
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return strerror(errno);
	rc = connect(fd, (const struct sockaddr *)sun, sizeof(*sun));
	if (rc == -1)
		rc = errno;
	(void)close(fd);
	if (rc != ECONNREFUSED)
		return "is used by another process: does posternd run "
		       "already?";
	return unlink(sun->sun_path) == -1 ? strerror(errno) : NULL;
}

static const char *
bind_socket(struct control_socket *s, const struct sockaddr_un *sun, gid_t gid)
{
	mode_t old;
	struct stat st;
	int rc;

	s->fd =
	    socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd == -1)
		return strerror(errno);
	/* nobody may connect before group and mode are right: made as such */
	if (privdrop_as(0, gid) == -1)
		return strerror(errno);
	old = umask(0117);
	rc = bind(s->fd, (const struct sockaddr *)sun, sizeof(*sun));
	(void)umask(old);
	privdrop_back();
	if (rc == -1)
		return strerror(errno);
	(void)strlcpy(s->path, sun->sun_path, sizeof(s->path));
	if (lstat(s->path, &st) == -1)
		return strerror(errno);
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	/* in a directory that hands its own group down */
	if (st.st_gid != gid && lchown(s->path, 0, gid) == -1)
		return strerror(errno);
	if (listen(s->fd, BACKLOG) == -1)
		return strerror(errno);
	return NULL;
}

static void
make_parent(const char *path)
{
	char parent[CONF_PATH_MAX], *slash;

	(void)strlcpy(parent, path, sizeof(parent));
	slash = strrchr(parent, '/');
	if (slash == NULL || slash == parent)
		return;
	*slash = '\0';
	/* if it fails, bind(2) says why */
	(void)mkdir(parent, 0755);
}

int
control_open(struct control_socket *s, struct config *c)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	const struct group *gr;
	const char *why;

	(void)strlcpy(sun.sun_path, c->conf->control, sizeof(sun.sun_path));
	gr = getgrnam(c->conf->control_group);
	if (gr == NULL &&
	    strcmp(c->conf->control_group, CONFIG_OPS_GROUP) != 0) {
		failed(c, sun.sun_path, "its group does not exist");
		return -1;
	}
	make_parent(sun.sun_path);
	why = clear_path(&sun);
	if (why == NULL)
		why = bind_socket(s, &sun, gr != NULL ? gr->gr_gid : 0);
	if (why == NULL)
		return 0;
	failed(c, sun.sun_path, why);
	control_close(s);
	return -1;
}

void
control_close(struct control_socket *s)
{
	struct stat st;

	if (s->fd == -1)
		return;
	(void)close(s->fd);
	s->fd = -1;
	if (s->path[0] != '\0' && lstat(s->path, &st) == 0 &&
	    st.st_dev == s->dev && st.st_ino == s->ino)
		(void)unlink(s->path);
}
