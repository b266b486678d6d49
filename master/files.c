/* SPDX-License-Identifier: ISC */
/* Files and sockets of the host: see files.h. */
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "common/base/log.h"
#include "common/base/privdrop.h"
#include "master/control.h"
#include "master/files.h"
#include "master/super.h"

#define SYSLOG_SOCKET "/dev/log"

struct files {
	int spool; /* locked */
	struct control_socket control;
	int log; /* file or syslog, or -1 */
};

static void
failed(struct config *c, enum mark_kind kind, const char *what,
    const char *path, const char *why)
{
	report_error(&c->report, marks_line(&c->marks, kind, 0, 0),
	    "%s \"%.200s\": %s", what, path, why);
}

/* The last directory of the path may be missing, and the one above it. */
static int
make_directory(const char *path, mode_t mode)
{
	char parent[CONF_PATH_MAX], *slash;

	if (mkdir(path, mode) == 0)
		return 0;
	if (errno == EEXIST)
		return 0;
	if (errno != ENOENT ||
	    strlcpy(parent, path, sizeof(parent)) >= sizeof(parent))
		return -1;
	slash = strrchr(parent, '/');
	if (slash == NULL || slash == parent)
		return -1;
	*slash = '\0';
	if (mkdir(parent, 0755) == -1)
		return -1;
	return mkdir(path, mode);
}

static int
open_directory(const char *path, struct stat *st)
{
	int fd, error;

	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd != -1 && fstat(fd, st) == -1) {
		error = errno;
		(void)close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

/* With the permissions of whom it belongs to: root may have none there. */
static int
open_as_owner(const char *path, struct stat *st, const struct passwd *pw)
{
	int fd;

	if (lstat(path, st) == -1)
		return -1;
	if (st->st_uid != pw->pw_uid)
		return open_directory(path, st);
	if (privdrop_as(pw->pw_uid, pw->pw_gid) == -1)
		return -1;
	fd = open_directory(path, st);
	privdrop_back();
	return fd;
}

/* Ours alone; it belongs to queued, whose root it is. */
static const char *
take_spool(int fd, const struct stat *st, const struct passwd *pw)
{
	if (st->st_uid != 0 && st->st_uid != pw->pw_uid)
		return "belongs to another user";
	if (flock(fd, LOCK_EX | LOCK_NB) == -1)
		return errno == EWOULDBLOCK
		    ? "is used by another posternd that runs"
		    : strerror(errno);
	if (st->st_uid == pw->pw_uid && st->st_gid == pw->pw_gid &&
	    (st->st_mode & 07777) == 0700)
		return NULL;
	if (fchown(fd, pw->pw_uid, pw->pw_gid) == -1 || fchmod(fd, 0700) == -1)
		return errno == EPERM
		    ? "has to be queued's, and posternd may not make it so: "
		      "chown _postern-queued: and chmod 0700"
		    : strerror(errno);
	return NULL;
}

static int
open_spool(struct config *c)
{
	const struct peer queued = { PROC_QUEUED, PROC_SIDE_NONE, 0 };
	const char *path = c->conf->spool, *why;
	const struct passwd *pw;
	struct stat st;
	int fd;

	pw = getpwnam(topo_program(&queued)->account);
	if (pw == NULL) {
		failed(c, MARK_SPOOL, "spool", path, "queued has no account");
		return -1;
	}
	if (make_directory(path, 0700) == -1 ||
	    (fd = open_as_owner(path, &st, pw)) == -1) {
		failed(c, MARK_SPOOL, "spool", path, strerror(errno));
		return -1;
	}
	why = take_spool(fd, &st, pw);
	if (why != NULL) {
		failed(c, MARK_SPOOL, "spool", path, why);
		(void)close(fd);
		return -1;
	}
	return fd;
}

static bool
is_empty(int fd)
{
	const struct dirent *d;
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	DIR *dp = copy == -1 ? NULL : fdopendir(copy);
	bool empty = dp != NULL;

	if (dp == NULL) {
		if (copy != -1)
			(void)close(copy);
		return false;
	}
	while (empty && (d = readdir(dp)) != NULL)
		empty =
		    strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0;
	(void)closedir(dp);
	return empty;
}

int
files_chroot(struct config *c)
{
	const char *path = c->conf->chroot_dir, *why = NULL;
	struct stat st;
	int fd;

	if (make_directory(path, 0555) == -1 ||
	    (fd = open_directory(path, &st)) == -1) {
		failed(c, MARK_CHROOT, "chroot", path, strerror(errno));
		return -1;
	}
	if (st.st_uid != geteuid() || (st.st_mode & 0022) != 0)
		why = "others than root may write there";
	else if (!is_empty(fd))
		why = "is not empty: the root of the children holds nothing";
	else if ((st.st_mode & 0555) != 0555 && fchmod(fd, 0555) == -1)
		why = strerror(errno); /* made under another umask */
	if (why != NULL)
		failed(c, MARK_CHROOT, "chroot", path, why);
	(void)close(fd);
	return why == NULL ? 0 : -1;
}

/* --- the log --- */

static int
open_log_file(const char *path)
{
	struct stat st;
	int fd;

	fd = open(path,
	    O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY |
		O_NONBLOCK,
	    0640);
	if (fd == -1)
		return -1;
	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode)) {
		(void)close(fd);
		errno = EINVAL;
		return -1;
	}
	return fd;
}

static int
open_syslog(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd, error;

	(void)strlcpy(sun.sun_path, SYSLOG_SOCKET, sizeof(sun.sun_path));
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return -1;
	if (connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) == -1) {
		error = errno;
		(void)close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

/*
 * Nobody waits for who reads our stderr, not even its last line: a description
 * of our own does not block, and leaves that of others as it is.  A socket has
 * but one, made for us as a rule (by systemd); a file never blocks.
 */
void
files_stderr(void)
{
	struct stat st;
	int fd = -1, flags;

	if (fstat(STDERR_FILENO, &st) == -1)
		return;
	if (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode))
		fd = open("/proc/self/fd/2",
		    O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd != -1) {
		(void)dup2(fd, STDERR_FILENO);
		(void)close(fd);
	} else if (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)) {
		flags = fcntl(STDERR_FILENO, F_GETFL);
		if (flags != -1)
			(void)fcntl(STDERR_FILENO, F_SETFL, flags | O_NONBLOCK);
	}
}

int
files_log(struct files *f, struct config *c)
{
	const struct conf *conf = c->conf;
	int fd = -1;

	if (conf->log_kind == CONF_LOG_FILE) {
		fd = open_log_file(conf->log_path);
		if (fd == -1) {
			failed(c, MARK_LOG, "log file", conf->log_path,
			    strerror(errno));
			return -1;
		}
	} else if (conf->log_kind == CONF_LOG_SYSLOG) {
		fd = open_syslog();
		if (fd == -1) {
			failed(c, MARK_LOG, "log to syslog", SYSLOG_SOCKET,
			    strerror(errno));
			return -1;
		}
	}
	if (f->log != -1)
		(void)close(f->log);
	f->log = fd;
	return 0;
}

/* --- all of them --- */

struct files *
files_open(struct config *c)
{
	struct files *f = calloc(1, sizeof(*f));

	if (f == NULL) {
		c->report.nomem = true;
		return NULL;
	}
	f->log = -1;
	f->control.fd = -1;
	f->spool = open_spool(c);
	if (f->spool == -1 || files_chroot(c) == -1 || files_log(f, c) == -1 ||
	    control_open(&f->control, c) == -1) {
		files_free(f);
		return NULL;
	}
	return f;
}

void
files_free(struct files *f)
{
	if (f == NULL)
		return;
	control_close(&f->control);
	if (f->log != -1)
		(void)close(f->log);
	if (f->spool != -1)
		(void)close(f->spool);
	free(f);
}

static void
give_log(const struct files *f, struct instance *logd)
{
	const struct conf *conf = logd->super->config->conf;

	switch (conf->log_kind) {
	case CONF_LOG_FILE:
		(void)super_give(logd, CHILD_FD_LOG_FILE, 0, f->log);
		break;
	case CONF_LOG_SYSLOG:
		(void)super_give(logd, CHILD_FD_SYSLOG, 0, f->log);
		break;
	case CONF_LOG_STDERR:
		(void)super_give(logd, CHILD_FD_STDERR, 0, STDERR_FILENO);
		break;
	}
}

/* For reading only: a page is written by its own process. */
static void
give_pages(struct instance *ctld)
{
	const struct instance *i;
	char path[64];
	uint32_t n;
	int fd;

	for (n = 0; n < TOPO_INSTANCES; n++) {
		i = &ctld->super->inst[n];
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d",
		    i->stats);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd == -1) {
			log_warn("%s: page of counters", i->name);
			continue;
		}
		(void)super_give(ctld, CHILD_FD_STATS, n, fd);
		(void)close(fd);
	}
}

void
files_give(const struct files *f, struct instance *i, bool again)
{
	if (i->peer.proc == PROC_LOGD)
		give_log(f, i);
	if (i->peer.proc != PROC_CTLD || again)
		return;
	(void)super_give(i, CHILD_FD_CONTROL, 0, f->control.fd);
	give_pages(i);
}
