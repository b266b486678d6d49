/* SPDX-License-Identifier: ISC */
/* Memory, seldom used parts of the kernel, resources: see attack.h. */
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/timex.h>

#include <linux/bpf.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "common/attack/attack.h"

#define PAGE	 4096UL
#define TERABYTE (1ULL << 40)
#define MANY	 10000
#define TIMERS	 100
#define NR_X32	 0x40000000L

static int
answer(long rc)
{
	return rc == -1 ? errno : 0;
}

/* --- memory: code of its own --- */

static long
map(size_t size, int prot, int flags)
{
	return syscall(SYS_mmap, NULL, size, prot, flags, -1, 0);
}

int
attack_wx(const struct attack_env *e)
{
	(void)e;
	return answer(map(PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS));
}

int
attack_mprotect(const struct attack_env *e)
{
	long at =
	    map(PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);

	(void)e;
	if (at == -1)
		return errno;
	return answer(syscall(SYS_mprotect, at, PAGE, PROT_READ | PROT_EXEC));
}

/* What is read may be run as well, from then on. */
int
attack_personality(const struct attack_env *e)
{
	(void)e;
	return answer(syscall(SYS_personality, READ_IMPLIES_EXEC));
}

int
attack_userfaultfd(const struct attack_env *e)
{
	(void)e;
	return answer(syscall(SYS_userfaultfd, 0));
}

/* --- the kernel --- */

int
attack_keyctl(const struct attack_env *e)
{
	(void)e;
	return answer(syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID,
	    KEY_SPEC_SESSION_KEYRING, 1));
}

int
attack_bpf(const struct attack_env *e)
{
	union bpf_attr a = { .map_type = BPF_MAP_TYPE_ARRAY };

	(void)e;
	a.key_size = a.value_size = 4;
	a.max_entries = 1;
	return answer(syscall(SYS_bpf, BPF_MAP_CREATE, &a, sizeof(a)));
}

int
attack_perf(const struct attack_env *e)
{
	struct perf_event_attr a = { .type = PERF_TYPE_SOFTWARE,
		.size = sizeof(a),
		.config = PERF_COUNT_SW_CPU_CLOCK };

	(void)e;
	return answer(syscall(SYS_perf_event_open, &a, 0, -1, -1, 0));
}

/* By nothing: allowed only to those who may set it. */
int
attack_clock(const struct attack_env *e)
{
	struct timex t = { .modes = ADJ_OFFSET_SINGLESHOT };

	(void)e;
	return answer(syscall(SYS_clock_adjtime, CLOCK_REALTIME, &t));
}

/* An empty one: who may load modules hears that it is none. */
int
attack_module(const struct attack_env *e)
{
	int error;

	(void)e;
	error = answer(syscall(SYS_init_module, "", 0, ""));
	return error == ENOEXEC ? 0 : error;
}

/* A call by another door than the filter's numbers are for. */
int
attack_foreign_abi(const struct attack_env *e)
{
	(void)e;
#ifdef __x86_64__
	long rc = 20; /* getpid, as the 80386 numbers it */

	__asm__ volatile("int $0x80"
			 : "+a"(rc)
			 :
			 : "memory", "r8", "r9", "r10", "r11");
	return rc > 0 ? 0 : (int)-rc;
#else
	return ATTACK_NONE;
#endif
}

int
attack_shm(const struct attack_env *e)
{
	long id = syscall(SYS_shmget, IPC_PRIVATE, PAGE, IPC_CREAT | 0600);

	(void)e;
	if (id == -1)
		return errno;
	(void)syscall(SYS_shmctl, (int)id, IPC_RMID, NULL);
	return 0;
}

int
attack_mqueue(const struct attack_env *e)
{
	/* a small one: so many bytes of them may one user have */
	struct mq_attr small = { .mq_maxmsg = 1, .mq_msgsize = 1 };

	(void)e;
	if (syscall(SYS_mq_open, "postern-selftest", O_CREAT | O_RDWR, 0600,
		&small) == -1)
		return errno;
	(void)syscall(SYS_mq_unlink, "postern-selftest");
	return 0;
}

/* --- more than its share --- */

int
attack_rlimit(const struct attack_env *e)
{
	const struct rlimit most = { RLIM_INFINITY, RLIM_INFINITY };

	(void)e;
	return answer(syscall(SYS_prlimit64, 0, RLIMIT_CORE, &most, NULL));
}

/* A terabyte of it, without touching any. */
int
attack_memory(const struct attack_env *e)
{
	(void)e;
	return answer(map(TERABYTE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE));
}

int
attack_mlock(const struct attack_env *e)
{
	long at = map(256 * PAGE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS);

	(void)e;
	if (at == -1)
		return errno;
	return answer(syscall(SYS_mlock, at, 256 * PAGE));
}

int
attack_descriptors(const struct attack_env *e)
{
	int n;

	(void)e;
	for (n = 0; n < MANY; n++)
		if (syscall(SYS_fcntl, STDIN_FILENO, F_DUPFD, 0) == -1)
			return errno;
	return 0;
}

int
attack_priority(const struct attack_env *e)
{
	(void)e;
	return answer(syscall(SYS_setpriority, PRIO_PROCESS, 0, -20));
}

int
attack_timers(const struct attack_env *e)
{
	struct sigevent none = { .sigev_notify = SIGEV_NONE };
	int id, n;

	(void)e;
	for (n = 0; n < TIMERS; n++)
		if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &none, &id) ==
		    -1)
			return errno;
	return 0;
}
