/* SPDX-License-Identifier: ISC */
/* Programs, other processes, namespaces, privileges: see attack.h. */
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <linux/capability.h>
#include <linux/sched.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "common/attack/attack.h"

static int
answer(long rc)
{
	return rc == -1 ? errno : 0;
}

/* --- programs --- */

/* A program that is not there shows that it could have been. */
int
attack_execve(const struct attack_env *e)
{
	char path[] = "/bin/true", *argv[] = { path, NULL }, *envp[] = { NULL };

	(void)e;
	return answer(syscall(SYS_execve, path, argv, envp));
}

/* The shortest program: exit status 0. */
int
attack_memfd_exec(const struct attack_env *e)
{
	static const char text[] = "#!/bin/true\n";
	char none[] = "", *argv[] = { none, NULL }, *envp[] = { NULL };
	long fd = syscall(SYS_memfd_create, "x", 0);

	(void)e;
	if (fd == -1 ||
	    syscall(SYS_write, (int)fd, text, sizeof(text) - 1) == -1)
		return errno;
	return answer(
	    syscall(SYS_execveat, (int)fd, none, argv, envp, AT_EMPTY_PATH));
}

static int
born(long pid)
{
	if (pid == 0)
		syscall(SYS_exit_group, 0);
	if (pid > 0)
		(void)syscall(SYS_wait4, (pid_t)pid, NULL, 0, NULL);
	return answer(pid);
}

int
attack_fork(const struct attack_env *e)
{
	(void)e;
	return born(syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL));
}

int
attack_clone3(const struct attack_env *e)
{
	struct clone_args how = { .exit_signal = SIGCHLD };

	(void)e;
	return born(syscall(SYS_clone3, &how, sizeof(how)));
}

/* --- other processes --- */

int
attack_ptrace(const struct attack_env *e)
{
	return answer(syscall(SYS_ptrace, PTRACE_SEIZE, e->above, NULL, NULL));
}

int
attack_vm_read(const struct attack_env *e)
{
	char here[8];
	struct iovec to = { here, sizeof(here) };
	/* after a fork both have the same at the same place */
	static const char there[8] = "secret";
	union {
		const char *in;
		void *out;
	} from = { .in = there };
	struct iovec v = { from.out, sizeof(there) };

	return answer(
	    syscall(SYS_process_vm_readv, e->above, &to, 1, &v, 1, 0));
}

/* Signal 0: may it send one? */
int
attack_kill_above(const struct attack_env *e)
{
	return answer(syscall(SYS_kill, e->above, 0));
}

int
attack_kill_beside(const struct attack_env *e)
{
	return answer(syscall(SYS_kill, e->beside, 0));
}

int
attack_tgkill_beside(const struct attack_env *e)
{
	return answer(syscall(SYS_tgkill, e->beside, e->beside, 0));
}

int
attack_sigqueue(const struct attack_env *e)
{
	siginfo_t si = { .si_code = SI_QUEUE };

	return answer(syscall(SYS_rt_sigqueueinfo, e->beside, SIGURG, &si));
}

int
attack_pidfd_signal(const struct attack_env *e)
{
	long fd = syscall(SYS_pidfd_open, e->beside, 0);

	if (fd == -1)
		return errno;
	return answer(syscall(SYS_pidfd_send_signal, (int)fd, 0, NULL, 0));
}

/* A descriptor out of another process. */
int
attack_pidfd_getfd(const struct attack_env *e)
{
	long fd = syscall(SYS_pidfd_open, e->above, 0);

	if (fd == -1)
		return errno;
	return answer(syscall(SYS_pidfd_getfd, (int)fd, 0, 0));
}

/* --- namespaces --- */

int
attack_setns(const struct attack_env *e)
{
	long fd = syscall(SYS_pidfd_open, e->above, 0);

	if (fd == -1)
		return errno;
	return answer(syscall(SYS_setns, (int)fd, CLONE_NEWNET));
}

int
attack_unshare(const struct attack_env *e)
{
	(void)e;
	return answer(syscall(SYS_unshare, CLONE_NEWUSER | CLONE_NEWNET));
}

int
attack_clone_user(const struct attack_env *e)
{
	(void)e;
	return born(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL,
	    NULL, NULL));
}

/* --- privileges --- */

int
attack_setuid(const struct attack_env *e)
{
	(void)e;
	return answer(syscall(SYS_setresuid, 0, 0, 0));
}

int
attack_setgroups(const struct attack_env *e)
{
	const gid_t root = 0;

	(void)e;
	return answer(syscall(SYS_setgroups, 1, &root));
}

int
attack_capset(const struct attack_env *e)
{
	struct __user_cap_header_struct h = { .version =
						  _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2] = { { .effective = 1U << CAP_KILL,
	    .permitted = 1U << CAP_KILL } };

	(void)e;
	return answer(syscall(SYS_capset, &h, d));
}

/* Open to ptrace and core dumps again. */
int
attack_dumpable(const struct attack_env *e)
{
	(void)e;
	return answer(syscall(SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0));
}
