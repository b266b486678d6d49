/* SPDX-License-Identifier: ISC */
/*
 * See privdrop.h.  The order matters: the bounding set can be emptied only
 * while CAP_SETPCAP is there, and a change from one non-root uid to another
 * would not clear capabilities by itself, so they are cleared explicitly.
 */
#include <sys/capability.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <linux/securebits.h>

#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/privdrop.h"

#define SECBITS_LOCKED                                                         \
	(SECBIT_NOROOT | SECBIT_NOROOT_LOCKED |                                \
	    SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |          \
	    SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED)

static void
limit(__rlimit_resource_t what, uint64_t max, const char *name)
{
	struct rlimit rl = { .rlim_cur = max, .rlim_max = max };
	struct rlimit old;

	if (getrlimit(what, &old) == 0 && old.rlim_max != RLIM_INFINITY &&
	    old.rlim_max < max)
		rl.rlim_cur = rl.rlim_max = old.rlim_max;
	if (setrlimit(what, &rl) == -1)
		fatal("setrlimit %s", name);
}

static void
set_limits(const struct privdrop *p)
{
	limit(RLIMIT_NOFILE, p->nofile, "NOFILE");
	limit(RLIMIT_FSIZE, p->fsize, "FSIZE");
	limit(RLIMIT_CORE, p->dumpable ? RLIM_INFINITY : 0, "CORE");
	limit(RLIMIT_NPROC, 0, "NPROC");
	limit(RLIMIT_MEMLOCK, 0, "MEMLOCK");
	limit(RLIMIT_MSGQUEUE, 0, "MSGQUEUE");
	if (p->as != 0)
		limit(RLIMIT_AS, p->as, "AS");
}

static void
empty_bounding_set(void)
{
	cap_value_t c;

	for (c = 0; cap_get_bound(c) >= 0; c++)
		if (cap_get_bound(c) == 1 && cap_drop_bound(c) == -1)
			fatal("cap_drop_bound %d", c);
}

static void
clear_caps(void)
{
	cap_t none = cap_init();

	if (none == NULL || cap_set_proc(none) == -1)
		fatal("cap_set_proc");
	(void)cap_free(none);
	if (cap_reset_ambient() == -1 && errno != EINVAL)
		fatal("cap_reset_ambient");
}

/* The proof: what was given up must not come back. */
static void
prove(const struct privdrop *p)
{
	cap_t now = cap_get_proc(), none = cap_init();
	uid_t r, e, s;
	cap_value_t c;

	if (now == NULL || none == NULL || cap_compare(now, none) != 0)
		fatalx("privileges: capabilities are left");
	(void)cap_free(now);
	(void)cap_free(none);
	for (c = 0; cap_get_bound(c) >= 0; c++)
		if (cap_get_bound(c) != 0)
			fatalx("privileges: bounding set holds %d", c);
	if (getresuid(&r, &e, &s) == -1 || r != p->uid || e != p->uid ||
	    s != p->uid || p->uid == 0)
		fatalx("privileges: wrong uid");
	if (setuid(0) == 0)
		fatalx("privileges: uid 0 came back");
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		fatalx("privileges: no_new_privs is off");
}

void
privdrop(const struct privdrop *p)
{
	if (p->empty_netns && unshare(CLONE_NEWNET) == -1)
		fatal("unshare");
	/* of root's permissions on files, none is needed */
	(void)setfsuid(p->uid);
	if (chroot(p->chroot_dir) == -1 || chdir("/") == -1)
		fatal("chroot %s", p->chroot_dir);
	set_limits(p);
	empty_bounding_set();
	if (setgroups(0, NULL) == -1)
		fatal("setgroups");
	if (prctl(PR_SET_SECUREBITS, SECBITS_LOCKED, 0, 0, 0) == -1)
		fatal("securebits");
	if (setresgid(p->gid, p->gid, p->gid) == -1)
		fatal("setresgid");
	if (setresuid(p->uid, p->uid, p->uid) == -1)
		fatal("setresuid");
	clear_caps();
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		fatal("no_new_privs");
	if (prctl(PR_SET_DUMPABLE, p->dumpable ? 1 : 0, 0, 0, 0) == -1)
		fatal("dumpable");
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == -1)
		fatal("pdeathsig");
	prove(p);
}

int
privdrop_ipc(void)
{
	return unshare(CLONE_NEWIPC);
}

int
privdrop_as(uid_t uid, gid_t gid)
{
	int error;

	if (setresgid((gid_t)-1, gid, (gid_t)-1) == -1)
		return -1;
	if (setresuid((uid_t)-1, uid, (uid_t)-1) == -1) {
		error = errno;
		privdrop_back();
		errno = error;
		return -1;
	}
	return 0;
}

void
privdrop_back(void)
{
	int error = errno;

	if (setresuid((uid_t)-1, getuid(), (uid_t)-1) == -1 ||
	    setresgid((gid_t)-1, getgid(), (gid_t)-1) == -1)
		fatal("privileges: root does not come back");
	errno = error;
}

int
privdrop_kill(pid_t pid, uid_t uid)
{
	int rc = kill(pid, SIGKILL);

	if (rc == 0 || errno != EPERM)
		return rc;
	/* it has dropped its privileges; it cannot get them back */
	if (privdrop_as(uid, getgid()) == -1)
		return -1;
	rc = kill(pid, SIGKILL);
	privdrop_back();
	return rc;
}

static int
wanted(cap_value_t c, const cap_value_t *keep, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (keep[i] == c)
			return 1;
	return 0;
}

int
privdrop_keep(const char *const *names, size_t n)
{
	cap_value_t keep[CAP_LAST_CAP + 1], c;
	cap_t now = cap_get_proc(), set = cap_init();
	cap_flag_value_t has;
	size_t i, k = 0;
	int rc = -1;

	if (now == NULL || set == NULL)
		goto done;
	for (i = 0; i < n && k < CAP_LAST_CAP; i++) {
		if (cap_from_name(names[i], &c) == -1)
			continue;
		if (cap_get_flag(now, c, CAP_PERMITTED, &has) == 0 &&
		    has == CAP_SET)
			keep[k++] = c;
	}
	for (c = 0; cap_get_bound(c) >= 0; c++)
		if (!wanted(c, keep, k) && cap_get_bound(c) == 1 &&
		    cap_drop_bound(c) == -1)
			goto done;
	if (k > 0 &&
	    (cap_set_flag(set, CAP_PERMITTED, (int)k, keep, CAP_SET) == -1 ||
		cap_set_flag(set, CAP_EFFECTIVE, (int)k, keep, CAP_SET) == -1))
		goto done;
	rc = cap_set_proc(set);
done:
	(void)cap_free(now);
	(void)cap_free(set);
	return rc;
}
