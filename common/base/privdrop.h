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
 * In this order: empty namespaces (network if asked, and IPC), chroot and
 * chdir, resource limits, bounding set emptied, groups, gid, uid, all
 * capability sets emptied, ambient cleared, securebits locked,
 * no_new_privs, not dumpable, killed when posternd dies; and then proof that
 * it holds: no capability, an empty bounding set, no way back to uid 0.
 * Any failure is fatal: it is set-up, before any foreign byte.
 */
void privdrop(const struct privdrop *);

/*
 * posternd's own: keep just the named capabilities (names as cap_from_name(3)
 * reads them, "cap_kill") in permitted, effective and bounding sets.
 * -1 with errno; names that the process does not hold are left out.
 */
int privdrop_keep(const char *const *names, size_t n);

#endif
