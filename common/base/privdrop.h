/* SPDX-License-Identifier: ISC */
/*
 * Giving up privileges, for good.  The only place that knows capabilities.
 */
#ifndef COMMON_BASE_PRIVDROP_H
#define COMMON_BASE_PRIVDROP_H

#include <sys/types.h>

#include <stdbool.h>
#include <stdint.h>

struct privdrop {
	const char *chroot_dir; /* becomes / */
	uid_t uid;
	gid_t gid;
	bool empty_netns; /* a network namespace with nothing in it */
	uint64_t nofile;  /* RLIMIT_NOFILE */
	uint64_t fsize;	  /* RLIMIT_FSIZE; also caps a memfd */
	uint64_t as;	  /* RLIMIT_AS; 0: not limited */
	bool dumpable;	  /* debugging builds only */
};

/*
 * In this order: an empty network namespace if asked, chroot and
 * chdir with the file permissions of uid, resource limits, bounding set
 * emptied, groups, gid, uid, all capability sets emptied, ambient cleared,
 * securebits locked, no_new_privs, not dumpable, killed when posternd dies; and
 * then proof that it holds: no capability, an empty bounding set, no way back
 * to uid 0. Any failure is fatal: it is set-up, before any foreign byte.
 */
void privdrop(const struct privdrop *);

/*
 * posternd's own: keep just the named capabilities (names as cap_from_name(3)
 * reads them, "cap_kill") in permitted, effective and bounding sets.
 * -1 with errno; names that the process does not hold are left out.
 */
int privdrop_keep(const char *const *names, size_t n);

/*
 * posternd's own: an IPC namespace for itself and all its children, apart from
 * the host's. -1 with errno: EPERM where a service manager has made one and
 * allows no second.
 */
int privdrop_ipc(void);

/*
 * posternd's own, between calls that only another user may make: be that user
 * (effective ids alone, and so without any effective capability), and root
 * again.  It needs CAP_SETUID and CAP_SETGID, which posternd has for its
 * children, and spares it CAP_CHOWN, CAP_DAC_OVERRIDE and CAP_KILL.  The other
 * user can send us no signal meanwhile: kill(2) asks for the real and saved id.
 * -1 with errno: nothing has changed.  That root does not come back is fatal.
 */
int privdrop_as(uid_t uid, gid_t gid);
void privdrop_back(void);
/* SIGKILL to a child that is root yet, or uid already; -1 with errno. */
int privdrop_kill(pid_t, uid_t uid);

#endif
