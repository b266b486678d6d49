/* SPDX-License-Identifier: ISC */
/*
 * What somebody would try who has a process of the gateway in hand.
 *
 * Each attack tries one thing and says what the kernel answered.  It is made
 * by raw system calls, as foreign code would, and changes nothing that outlives
 * its process.  Being killed is the outcome of most, so each is tried in a
 * process of its own.  What reaches the target is seen by whoever listens
 * there, even if the process died before it could tell.
 */
#ifndef COMMON_ATTACK_ATTACK_H
#define COMMON_ATTACK_ATTACK_H

#include <sys/socket.h>
#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include "common/base/proc.h"

/* What the process has to work with; a descriptor that it has not is -1. */
struct attack_env {
	int listener; /* TCP, listening */
	int stream;   /* TCP, connected */
	int dgram;    /* UDP, connected */
	int chan;     /* a channel */
	int dir;      /* a directory */
	/* a TCP port that it must not reach, and the same for UDP */
	struct sockaddr_storage tcp, udp;
	socklen_t len;
	const char *abstract; /* a listening unix socket, without the NUL */
	const char *path;     /* the same, in the file system */
	const char *secret;   /* a file that is not for it */
	pid_t above;	      /* posternd, of uid 0 */
	pid_t beside;	      /* another process of its own uid */
};

#define ATTACK_NAME_MAX	 32
#define ATTACK_NONE	 (-1) /* it has not what this attack needs */

#define ATTACK_JOB(proc) (1U << (proc))

struct attack {
	const char *name; /* shorter than ATTACK_NAME_MAX */
	const char *gain; /* what it would give */
	/* programs that may do so, for it is their job */
	uint32_t job;
	/* 0: gained; errno: refused; ATTACK_NONE; or it does not return */
	int (*try)(const struct attack_env *);
};

extern const struct attack attacks[];
extern const size_t attacks_n;

/* net.c */
int attack_inet_stream(const struct attack_env *);
int attack_inet_dgram(const struct attack_env *);
int attack_inet6(const struct attack_env *);
int attack_mptcp(const struct attack_env *);
int attack_raw(const struct attack_env *);
int attack_packet(const struct attack_env *);
int attack_netlink(const struct attack_env *);
int attack_vsock(const struct attack_env *);
int attack_alg(const struct attack_env *);
int attack_abstract(const struct attack_env *);
int attack_unix_path(const struct attack_env *);
int attack_listen(const struct attack_env *);
int attack_device(const struct attack_env *);
/* held.c */
int attack_listener_connect(const struct attack_env *);
int attack_listener_sendto(const struct attack_env *);
int attack_listener_sendmsg(const struct attack_env *);
int attack_listener_relisten(const struct attack_env *);
int attack_stream_connect(const struct attack_env *);
int attack_stream_sendto(const struct attack_env *);
int attack_stream_fastopen(const struct attack_env *);
int attack_stream_sendmsg(const struct attack_env *);
int attack_dgram_sendto(const struct attack_env *);
int attack_dgram_sendmsg(const struct attack_env *);
int attack_dgram_connect(const struct attack_env *);
int attack_sendmmsg(const struct attack_env *);
int attack_uring(const struct attack_env *);
/* file.c */
int attack_read(const struct attack_env *);
int attack_openat2(const struct attack_env *);
int attack_create(const struct attack_env *);
int attack_truncate(const struct attack_env *);
int attack_link(const struct attack_env *);
int attack_chmod(const struct attack_env *);
int attack_dotdot(const struct attack_env *);
int attack_handle(const struct attack_env *);
int attack_chroot(const struct attack_env *);
int attack_mount(const struct attack_env *);
int attack_fsopen(const struct attack_env *);
int attack_mknod(const struct attack_env *);
int attack_proc_fd(const struct attack_env *);
int attack_proc_mem(const struct attack_env *);
int attack_ioctl(const struct attack_env *);
/* process.c */
int attack_execve(const struct attack_env *);
int attack_memfd_exec(const struct attack_env *);
int attack_fork(const struct attack_env *);
int attack_clone3(const struct attack_env *);
int attack_ptrace(const struct attack_env *);
int attack_vm_read(const struct attack_env *);
int attack_kill_above(const struct attack_env *);
int attack_kill_beside(const struct attack_env *);
int attack_tgkill_beside(const struct attack_env *);
int attack_sigqueue(const struct attack_env *);
int attack_pidfd_signal(const struct attack_env *);
int attack_pidfd_getfd(const struct attack_env *);
int attack_setns(const struct attack_env *);
int attack_unshare(const struct attack_env *);
int attack_clone_user(const struct attack_env *);
int attack_setuid(const struct attack_env *);
int attack_setgroups(const struct attack_env *);
int attack_capset(const struct attack_env *);
int attack_dumpable(const struct attack_env *);
/* kernel.c */
int attack_wx(const struct attack_env *);
int attack_mprotect(const struct attack_env *);
int attack_personality(const struct attack_env *);
int attack_userfaultfd(const struct attack_env *);
int attack_keyctl(const struct attack_env *);
int attack_bpf(const struct attack_env *);
int attack_perf(const struct attack_env *);
int attack_clock(const struct attack_env *);
int attack_module(const struct attack_env *);
int attack_foreign_abi(const struct attack_env *);
int attack_shm(const struct attack_env *);
int attack_mqueue(const struct attack_env *);
int attack_rlimit(const struct attack_env *);
int attack_memory(const struct attack_env *);
int attack_mlock(const struct attack_env *);
int attack_descriptors(const struct attack_env *);
int attack_priority(const struct attack_env *);
int attack_timers(const struct attack_env *);

#endif
