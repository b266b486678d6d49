/* SPDX-License-Identifier: ISC */
/*
 * Strangers: what stands beside the declared processes where only they should
 * be.  A process on the uid of an instance can signal and trace it; a listener
 * on an address of the Internet side is a second door.
 */
#include <sys/types.h>

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "postern/audit.h"
#include "postern/ksock.h"

static const struct declared *
by_pid(const struct declaration *d, pid_t pid)
{
	size_t i;

	for (i = 0; i < d->n; i++)
		if ((pid_t)d->v[i].audit.pid == pid)
			return &d->v[i];
	return NULL;
}

/* The instance on whose uid it runs, in any of the four ways. */
static const struct declared *
by_uid(const struct declaration *d, const struct kproc *k)
{
	size_t i, n;

	for (i = 0; i < d->n; i++) {
		if (d->v[i].audit.instance == CTM_NO_INSTANCE)
			continue;
		for (n = 0; n < 4; n++)
			if (k->uid[n] == d->v[i].audit.uid)
				return &d->v[i];
	}
	return NULL;
}

/* A child of another gateway's posternd: several share the accounts. */
static bool
is_of_another(const struct declared *posternd, const struct kproc *k)
{
	struct kproc parent;

	if (k->parent <= 1 || k->parent == (pid_t)posternd->audit.pid ||
	    kproc_status(k->parent, &parent) == -1)
		return false;
	return parent.uid[1] == 0 && strcmp(parent.name, "posternd") == 0;
}

static void
check_pid(const struct declaration *d, struct declared *posternd, pid_t pid)
{
	const struct declared *p;
	char name[INSTANCE_MAX];
	struct kproc k;

	if (by_pid(d, pid) != NULL || kproc_status(pid, &k) == -1 ||
	    (p = by_uid(d, &k)) == NULL || is_of_another(posternd, &k))
		return;
	finding(&posternd->findings,
	    "process %d (%s) runs on uid %u of %s, not declared", (int)pid,
	    k.name, p->audit.uid, peer_name(&p->audit.peer, name));
}

static void
check_processes(const struct declaration *d, struct declared *posternd)
{
	DIR *dp = opendir("/proc");
	struct dirent *e = NULL;
	long pid;

	for (errno = 0; dp != NULL && (e = readdir(dp)) != NULL; errno = 0) {
		pid = strtol(e->d_name, NULL, 10);
		if (pid > 1)
			check_pid(d, posternd, (pid_t)pid);
	}
	if (dp == NULL || errno != 0)
		finding(&posternd->findings, "/proc cannot be looked at");
	if (dp != NULL)
		(void)closedir(dp);
}

/* --- listeners --- */

static bool
is_held(const struct declaration *d, uint64_t inode)
{
	size_t i, n;

	for (i = 0; i < d->n; i++)
		for (n = 0; n < d->v[i].nkfds; n++)
			if (d->v[i].kfds[n].inode == inode)
				return true;
	return false;
}

/* Is it an address that a declared listener of this process is on? */
static bool
is_door(const struct declared *connd, const struct netaddr *a)
{
	const struct klistener *l;
	size_t i, n;

	for (n = 0; (l = ksock_listener(n)) != NULL; n++)
		for (i = 0; netaddr_equal(&l->addr, a) && i < connd->nkfds; i++)
			if (connd->kfds[i].inode == l->inode)
				return true;
	return false;
}

static void
check_listeners(const struct declaration *d, struct declared *connd)
{
	const struct klistener *l;
	char addr[NETADDR_STRLEN];
	size_t n;

	for (n = 0; (l = ksock_listener(n)) != NULL; n++)
		if (l->pid == (pid_t)connd->audit.pid &&
		    !is_held(d, l->inode) && is_door(connd, &l->addr))
			finding(&connd->findings,
			    "a listener on %s that nobody declared holds",
			    netaddr_ntop_port(&l->addr, addr, sizeof(addr)));
}

void
check_strangers(struct declaration *d)
{
	size_t i;

	for (i = 0; i < d->n; i++) {
		struct declared *p = &d->v[i];

		if (!p->there)
			continue;
		if (p->audit.instance == CTM_NO_INSTANCE)
			check_processes(d, p);
		else if (p->audit.peer.proc == PROC_CONND &&
		    p->audit.peer.side == SIDE_EXT)
			check_listeners(d, p);
	}
}
