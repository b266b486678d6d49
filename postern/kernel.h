/* SPDX-License-Identifier: ISC */
/*
 * What the kernel says of a process, from /proc and sock_diag.  Needs root.
 */
#ifndef POSTERN_KERNEL_H
#define POSTERN_KERNEL_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kproc {
	char name[64]; /* as it calls itself */
	pid_t parent;
	uid_t uid[4]; /* real, effective, saved, file system */
	gid_t gid[4];
	unsigned ngroups;
	uint64_t cap_inh, cap_prm, cap_eff, cap_bnd, cap_amb;
	unsigned no_new_privs, seccomp, filters;
	uint64_t netns;	     /* inode of its network namespace */
	uint64_t ipcns;	     /* and of that for System V and POSIX IPC */
	unsigned interfaces; /* in it, lo not counted */
	uint64_t root_dev, root_ino;
};
/* -1 with errno; ENOENT, ESRCH: it has just ended */
int kproc_read(pid_t, struct kproc *);
/* the same, but for namespace, interfaces and root */
int kproc_status(pid_t, struct kproc *);

enum kfd_kind {
	KFD_OTHER = 0,
	KFD_NULL, /* /dev/null */
	KFD_PIPE,
	KFD_EPOLL,
	KFD_MEMFD,
	KFD_SIGNALFD,
	KFD_INOTIFY,
	KFD_FILE, /* path in link */
	KFD_DIR,
	KFD_SOCKET,  /* of no table: just made or just closed */
	KFD_CHANNEL, /* unix seqpacket, connected; see peer */
	KFD_UNIX_LISTEN,
	KFD_UNIX_DGRAM,
	KFD_UNIX_OTHER,
	KFD_TCP,
	KFD_TCP_LISTEN,
	KFD_UDP,
	KFD_MAX
};

struct kfd {
	int fd;
	enum kfd_kind kind;
	uint64_t inode;
	uint64_t peer; /* CHANNEL: the inode at the other end */
	char link[256];
};

/* Descriptors of a process, owned; -1 with errno.  Sockets: ksock_load(). */
ssize_t kfd_list(pid_t, struct kfd **);
const char *kfd_name(enum kfd_kind);

/*
 * Read the tables of sockets: unix ones of the network namespace this tool is
 * in, TCP and UDP of the namespaces of these processes.  -1 with errno.
 */
int ksock_load(const pid_t *, size_t n);
/* Be in the network namespace of this process from now on.  -1 with errno. */
int kernel_join_netns(pid_t);
/* device and inode of a path; -1 with errno */
int kernel_stat(const char *path, uint64_t *dev, uint64_t *ino);

/* Each line of a file in /proc; -1 with errno when it is not read to its end */
int kernel_lines(const char *path, void (*)(char *line, void *), void *);

#endif
