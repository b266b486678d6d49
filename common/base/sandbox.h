/* SPDX-License-Identifier: ISC */
/*
 * The system call filter and Landlock.  The only place that knows seccomp.
 *
 * A program states its list in its own sandbox.c: call, condition, reason.
 * What every process needs to live (memory, exit, epoll, clocks, random) is
 * the base list in sandbox.c here.  All else kills the process.
 *
 * Descriptors below the channel block (a power of two, struct sandbox.chan_fds)
 * are channels and nothing else, so a condition can name them by a mask.
 */
#ifndef COMMON_BASE_SANDBOX_H
#define COMMON_BASE_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sb_cond {
	SB_ANY,
	SB_CHAN,      /* arg 0 is a channel descriptor */
	SB_SENDTO,    /* flags within MSG_NOSIGNAL|MSG_DONTWAIT, address NULL */
	SB_SENDMSG,   /* on a channel, the same flags */
	SB_RECVFROM,  /* flags within MSG_DONTWAIT|MSG_TRUNC, address NULL */
	SB_RECVMSG,   /* on a channel */
	SB_ADD_SEALS, /* fcntl(F_ADD_SEALS) */
	SB_GET_SEALS, /* fcntl(F_GET_SEALS) */
	SB_DUP_CHAN,  /* dup3 onto a channel descriptor */
	SB_SOCKET_INET,	     /* socket: AF_INET, AF_INET6 only; protocol 0 */
	SB_GETSOCKOPT_ERROR, /* SOL_SOCKET, SO_ERROR */
	SB_SETSOCKOPT_CONND, /* the options that connd sets */
	SB_PEERCRED,	     /* getsockopt SOL_SOCKET, SO_PEERCRED */
	SB_DIRFD,	     /* arg 0 is not AT_FDCWD: a directory held open */
	SB_STDERR,	     /* arg 0 is 2 */
	SB_SELF,	     /* arg 0 is the process itself */
	SB_NO_EXEC,	     /* arg 2, a memory protection, without PROT_EXEC */
	SB_FSTAT,	     /* newfstatat(fd, "", AT_EMPTY_PATH): fstat */
	SB_FCNTL_FL	     /* fcntl: F_GETFL, F_SETFL, F_GETFD, F_SETFD */
};

struct sandbox_call {
	const char *name; /* as in the kernel's table: "sendto" */
	enum sb_cond cond;
	const char *why;
};

/* A directory held open that may be used. */
struct sandbox_dir {
	int fd;
	bool write; /* else: read only */
};

enum sandbox_mode {
	SANDBOX_KILL, /* SCMP_ACT_KILL_PROCESS */
	SANDBOX_TRAP, /* name the call on stderr, then die: for development */
};

struct sandbox {
	const char *program;
	const struct sandbox_call *calls;
	size_t ncalls;
	unsigned chan_fds; /* channel block: descriptors 0 .. chan_fds-1 */
	enum sandbox_mode mode;
	bool best_effort; /* go on, loudly, where the kernel lacks a part */
	bool uses_root;	  /* may use files below its root (queued's spool) */
	bool uses_net;	  /* may bind and connect (connd) */
	const struct sandbox_dir *dirs; /* besides, what is below these */
	size_t ndirs;
	uint32_t self; /* process id for SB_SELF; set by sandbox_enter() */
};

/* what was put in force, for the "sandboxed" report */
struct sandbox_report {
	uint8_t seccomp;      /* 1 */
	uint8_t landlock_abi; /* 0: none */
	uint16_t ncalls;
	uint32_t missing; /* enum sandbox_missing */
};

enum sandbox_missing {
	SANDBOX_NO_SECCOMP = 1 << 0,
	SANDBOX_NO_LANDLOCK = 1 << 1,
	SANDBOX_NO_LANDLOCK_NET = 1 << 2, /* before ABI 4: other layers carry */
	SANDBOX_NO_LANDLOCK_SCOPE = 1 << 3 /* before ABI 6: likewise */
};

/*
 * Landlock, then seccomp, last of all.  Fatal if a mandatory part (seccomp,
 * Landlock's files) is missing, unless best_effort.
 */
void sandbox_enter(const struct sandbox *, struct sandbox_report *);

/* Text (PFC) of the filter to a descriptor.  -1: it cannot be made. */
int sandbox_export(const struct sandbox *, int fd);

/* Descriptors of the channel block, for channels in this many slots from 3. */
unsigned sandbox_block(unsigned nslots);

/* For people: the calls of every process, and what a condition asks. */
const struct sandbox_call *sandbox_base(size_t *n);
const char *sandbox_cond_text(enum sb_cond);

/*
 * A program started by a person, to show what it may ask of the kernel:
 *	--calls		one a line: call, condition, reason, by tabs
 *	--filter N	the filter as PFC, with channels in N slots
 * chan_fds of the sandbox does not matter.  -1: argv asks for neither, else
 * main's exit status.
 */
int sandbox_show(int argc, char **argv, const struct sandbox *);

/*
 * Before it: what the C library looks up once, by calls that it forbids (the
 * size of memory, in qsort(3)).
 */
void sandbox_warm_up(void);

#endif
