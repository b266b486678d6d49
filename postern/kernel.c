/* SPDX-License-Identifier: ISC */
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "postern/kernel.h"
#include "postern/ksock.h"

#define LINE_SIZE 4096

int
kernel_lines(const char *path, void (*fn)(char *, void *), void *arg)
{
	char line[LINE_SIZE];
	FILE *f;
	int error;

	if ((f = fopen(path, "re")) == NULL)
		return -1;
	while (fgets(line, sizeof(line), f) != NULL)
		fn(line, arg);
	error = ferror(f) ? errno : 0;
	(void)fclose(f);
	errno = error;
	return error == 0 ? 0 : -1;
}

/* --- /proc/PID/status --- */

static void
ids(const char *s, uid_t *out)
{
	char *end;
	int i;

	for (i = 0; i < 4; i++) {
		out[i] = (uid_t)strtoul(s, &end, 10);
		s = end;
	}
}

static unsigned
words(const char *s)
{
	unsigned n = 0;
	bool in = false;

	for (; *s != '\0' && *s != '\n'; s++) {
		bool space = *s == ' ' || *s == '\t';

		if (!space && !in)
			n++;
		in = !space;
	}
	return n;
}

static void
status_line(struct kproc *k, const char *key, const char *value)
{
	static const struct {
		const char *key;
		size_t off;
	} caps[] = {
		{ "CapInh", offsetof(struct kproc, cap_inh) },
		{ "CapPrm", offsetof(struct kproc, cap_prm) },
		{ "CapEff", offsetof(struct kproc, cap_eff) },
		{ "CapBnd", offsetof(struct kproc, cap_bnd) },
		{ "CapAmb", offsetof(struct kproc, cap_amb) },
	};
	static const struct {
		const char *key;
		size_t off;
	} numbers[] = {
		{ "NoNewPrivs", offsetof(struct kproc, no_new_privs) },
		{ "Seccomp", offsetof(struct kproc, seccomp) },
		{ "Seccomp_filters", offsetof(struct kproc, filters) },
	};
	size_t i;

	for (i = 0; i < sizeof(caps) / sizeof(caps[0]); i++)
		if (strcmp(key, caps[i].key) == 0)
			*(uint64_t *)(void *)((char *)k + caps[i].off) =
			    strtoull(value, NULL, 16);
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (strcmp(key, numbers[i].key) == 0)
			*(unsigned *)(void *)((char *)k + numbers[i].off) =
			    (unsigned)strtoul(value, NULL, 10);
	if (strcmp(key, "Name") == 0) {
		(void)strlcpy(k->name, value + strspn(value, "\t "),
		    sizeof(k->name));
		k->name[strcspn(k->name, "\n")] = '\0';
	} else if (strcmp(key, "PPid") == 0)
		k->parent = (pid_t)strtol(value, NULL, 10);
	else if (strcmp(key, "Uid") == 0)
		ids(value, k->uid);
	else if (strcmp(key, "Gid") == 0)
		ids(value, k->gid);
	else if (strcmp(key, "Groups") == 0)
		k->ngroups = words(value);
}

static void
on_status(char *line, void *arg)
{
	char *colon = strchr(line, ':');

	if (colon == NULL)
		return;
	*colon = '\0';
	status_line(arg, line, colon + 1);
}

int
kproc_status(pid_t pid, struct kproc *k)
{
	char path[64];

	memset(k, 0, sizeof(*k));
	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	return kernel_lines(path, on_status, k);
}

/* --- namespaces and root --- */

int
kernel_stat(const char *path, uint64_t *dev, uint64_t *ino)
{
	struct stat st;

	if (stat(path, &st) == -1)
		return -1;
	*dev = st.st_dev;
	*ino = st.st_ino;
	return 0;
}

static void
on_interface(char *line, void *arg)
{
	unsigned *n = arg;

	if (strchr(line, ':') != NULL &&
	    strncmp(line + strspn(line, " "), "lo:", 3) != 0)
		(*n)++;
}

static int
count_interfaces(pid_t pid, unsigned *n)
{
	char path[64];

	*n = 0;
	(void)snprintf(path, sizeof(path), "/proc/%d/net/dev", (int)pid);
	return kernel_lines(path, on_interface, n);
}

int
kproc_read(pid_t pid, struct kproc *k)
{
	char path[64];
	uint64_t dev;

	if (kproc_status(pid, k) == -1)
		return -1;
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	if (kernel_stat(path, &dev, &k->netns) == -1)
		return -1;
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/ipc", (int)pid);
	if (kernel_stat(path, &dev, &k->ipcns) == -1)
		return -1;
	if (count_interfaces(pid, &k->interfaces) == -1)
		return -1;
	(void)snprintf(path, sizeof(path), "/proc/%d/root/.", (int)pid);
	return kernel_stat(path, &k->root_dev, &k->root_ino);
}

int
kernel_join_netns(pid_t pid)
{
	char path[64];
	int fd, rc;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return -1;
	rc = setns(fd, CLONE_NEWNET);
	(void)close(fd);
	return rc;
}

/* --- descriptors --- */

static const struct {
	const char *prefix;
	enum kfd_kind kind;
} links[] = {
	{ "pipe:", KFD_PIPE },
	{ "anon_inode:[eventpoll]", KFD_EPOLL },
	{ "anon_inode:[signalfd]", KFD_SIGNALFD },
	{ "anon_inode:inotify", KFD_INOTIFY },
	{ "/memfd:", KFD_MEMFD },
	{ "socket:[", KFD_SOCKET },
};

static void
classify(pid_t pid, struct kfd *k)
{
	char path[64];
	struct stat st;
	size_t i;

	for (i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		if (strncmp(k->link, links[i].prefix,
			strlen(links[i].prefix)) == 0)
			k->kind = links[i].kind;
	if (k->kind == KFD_SOCKET) {
		k->inode = strtoull(k->link + strlen("socket:["), NULL, 10);
		ksock_classify(k);
		return;
	}
	if (k->kind != KFD_OTHER || k->link[0] != '/')
		return;
	(void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, k->fd);
	if (stat(path, &st) == -1)
		return;
	if (S_ISDIR(st.st_mode))
		k->kind = KFD_DIR;
	else if (S_ISREG(st.st_mode))
		k->kind = KFD_FILE;
	else if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3))
		k->kind = KFD_NULL; /* its path is another mount namespace's */
}

/* 1: added to v, which is what *v becomes; 0: closed meanwhile; -1: errno */
static int
add_fd(pid_t pid, int dir, const char *name, struct kfd **v, size_t n)
{
	struct kfd *bigger = reallocarray(*v, n + 1, sizeof(**v)), *k;

	if (bigger == NULL)
		return -1;
	*v = bigger;
	k = &bigger[n];
	memset(k, 0, sizeof(*k));
	k->fd = (int)strtol(name, NULL, 10);
	if (readlinkat(dir, name, k->link, sizeof(k->link) - 1) == -1)
		return errno == ENOENT ? 0 : -1;
	classify(pid, k);
	return 1;
}

ssize_t
kfd_list(pid_t pid, struct kfd **out)
{
	char path[64];
	struct kfd *v = NULL;
	struct dirent *e;
	ssize_t n = 0;
	int added = 0, saved;
	DIR *d;

	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	if ((d = opendir(path)) == NULL)
		return -1;
	for (errno = 0; (e = readdir(d)) != NULL; errno = 0) {
		if (e->d_name[0] == '.')
			continue;
		added = add_fd(pid, dirfd(d), e->d_name, &v, (size_t)n);
		if (added == -1)
			break;
		n += added;
	}
	saved = errno;
	(void)closedir(d);
	if (saved != 0) {
		free(v);
		errno = saved;
		return -1;
	}
	*out = v;
	return n;
}

const char *
kfd_name(enum kfd_kind kind)
{
	static const char *const names[KFD_MAX] = {
		[KFD_OTHER] = "unknown",
		[KFD_NULL] = "/dev/null",
		[KFD_PIPE] = "pipe",
		[KFD_EPOLL] = "epoll",
		[KFD_MEMFD] = "memfd",
		[KFD_SIGNALFD] = "signalfd",
		[KFD_INOTIFY] = "inotify",
		[KFD_FILE] = "file",
		[KFD_DIR] = "directory",
		[KFD_SOCKET] = "socket",
		[KFD_CHANNEL] = "channel",
		[KFD_UNIX_LISTEN] = "unix listener",
		[KFD_UNIX_DGRAM] = "unix datagram socket",
		[KFD_UNIX_OTHER] = "unix socket",
		[KFD_TCP] = "TCP socket",
		[KFD_TCP_LISTEN] = "TCP listener",
		[KFD_UDP] = "UDP socket",
	};

	return (unsigned)kind < KFD_MAX && names[kind] != NULL ? names[kind]
							       : "unknown";
}
