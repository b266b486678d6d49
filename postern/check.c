/* SPDX-License-Identifier: ISC */
/*
 * The checks of the audit: identity, privileges, namespaces, root, and every
 * open descriptor.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>

#include "common/base/child.h"
#include "postern/audit.h"

#define FIRST_SLOT 3
#define TEXT_LEN   512

/* --- findings --- */

void
finding(struct findings *f, const char *fmt, ...)
{
	char buf[TEXT_LEN], **bigger;
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(buf, sizeof(buf), fmt, ap) < 0)
		buf[0] = '\0';
	va_end(ap);
	bigger = reallocarray(f->text, f->n + 1, sizeof(*bigger));
	if (bigger == NULL)
		return;
	f->text = bigger;
	if ((f->text[f->n] = strdup(buf)) != NULL)
		f->n++;
}

static bool
stands_in(const struct findings *f, const char *text)
{
	size_t i;

	for (i = 0; f != NULL && i < f->n; i++)
		if (strcmp(f->text[i], text) == 0)
			return true;
	return false;
}

void
findings_keep(struct findings *f, const struct findings *other)
{
	size_t i, n = 0;

	for (i = 0; i < f->n; i++) {
		if (stands_in(other, f->text[i]))
			f->text[n++] = f->text[i];
		else
			free(f->text[i]);
	}
	f->n = n;
}

void
findings_free(struct findings *f)
{
	findings_keep(f, NULL);
	free(f->text);
	f->text = NULL;
}

/* --- identity and privileges --- */

static void
check_ids(struct declared *p)
{
	const struct kproc *k = &p->proc;
	int i;

	for (i = 0; i < 4; i++) {
		if (k->uid[i] != p->audit.uid)
			finding(&p->findings, "uid %u, declared %u", k->uid[i],
			    p->audit.uid);
		if (k->gid[i] != p->audit.gid)
			finding(&p->findings, "gid %u, declared %u", k->gid[i],
			    p->audit.gid);
	}
	if (p->audit.instance != CTM_NO_INSTANCE && k->ngroups != 0)
		finding(&p->findings, "%u supplementary groups, declared none",
		    k->ngroups);
}

static void
check_caps(struct declared *p)
{
	const struct kproc *k = &p->proc;
	const struct {
		const char *name;
		uint64_t set;
	} sets[] = {
		{ "permitted", k->cap_prm },
		{ "effective", k->cap_eff },
		{ "inheritable", k->cap_inh },
		{ "ambient", k->cap_amb },
		{ "bounding", k->cap_bnd },
	};
	size_t i;

	for (i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		if ((sets[i].set & ~p->audit.caps) != 0)
			finding(&p->findings,
			    "%s capabilities %016llx, declared %016llx",
			    sets[i].name, (unsigned long long)sets[i].set,
			    (unsigned long long)p->audit.caps);
	if (p->audit.no_new_privs && k->no_new_privs != 1)
		finding(&p->findings, "no_new_privs is off");
	if (p->audit.seccomp && (k->seccomp != 2 || k->filters < 1))
		finding(&p->findings,
		    "seccomp mode %u with %u filters, "
		    "declared a filter",
		    k->seccomp, k->filters);
}

/* --- places --- */

static const struct declared *
posternd(const struct declaration *d)
{
	size_t i;

	for (i = 0; i < d->n; i++)
		if (d->v[i].audit.instance == CTM_NO_INSTANCE)
			return &d->v[i];
	return NULL;
}

static void
check_netns(const struct declaration *d, struct declared *p)
{
	const struct declared *host = posternd(d);
	char path[sizeof(p->audit.netns_name) + 32];
	uint64_t dev, ino;
	size_t i;

	switch (p->audit.netns) {
	case CTM_NETNS_EMPTY:
		if (p->proc.interfaces != 0)
			finding(&p->findings,
			    "%u interfaces in a network namespace declared "
			    "empty",
			    p->proc.interfaces);
		for (i = 0; i < d->n; i++)
			if (&d->v[i] != p && d->v[i].there &&
			    d->v[i].proc.netns == p->proc.netns)
				finding(&p->findings,
				    "network namespace shared, declared own");
		break;
	case CTM_NETNS_NAMED:
		(void)snprintf(path, sizeof(path), "/run/netns/%s",
		    p->audit.netns_name);
		if (kernel_stat(path, &dev, &ino) == -1 || ino != p->proc.netns)
			finding(&p->findings, "not in network namespace \"%s\"",
			    p->audit.netns_name);
		break;
	default:
		if (host != NULL && host->there &&
		    host->proc.netns != p->proc.netns)
			finding(&p->findings,
			    "not in posternd's network namespace");
		break;
	}
}

/* Whoever asks is outside the gateway. */
static void
check_ipc(struct declared *p)
{
	uint64_t dev, ours;

	if (kernel_stat("/proc/self/ns/ipc", &dev, &ours) == 0 &&
	    ours == p->proc.ipcns)
		finding(&p->findings, "in the host's IPC namespace");
}

static void
check_root(struct declared *p)
{
	char path[sizeof(p->audit.root_dir) + 8];
	uint64_t dev, ino;

	(void)snprintf(path, sizeof(path), "%s/.", p->audit.root_dir);
	if (kernel_stat(path, &dev, &ino) == -1)
		finding(&p->findings, "root %s cannot be looked at",
		    p->audit.root_dir);
	else if (dev != p->proc.root_dev || ino != p->proc.root_ino)
		finding(&p->findings, "root is not %s", p->audit.root_dir);
}

/* --- descriptors --- */

static bool
holds(const struct declared *p, uint64_t inode)
{
	size_t i;

	for (i = 0; i < p->nkfds; i++)
		if (p->kfds[i].inode == inode)
			return true;
	return false;
}

static const struct declared *
by_peer(const struct declaration *d, const struct peer *w)
{
	size_t i;

	for (i = 0; i < d->n; i++)
		if (d->v[i].audit.peer.proc == w->proc &&
		    d->v[i].audit.peer.side == w->side &&
		    d->v[i].audit.peer.index == w->index)
			return &d->v[i];
	return NULL;
}

static void
check_slot(const struct declaration *d, struct declared *p, unsigned slot,
    const struct kfd *k)
{
	const struct declared *other;
	char name[INSTANCE_MAX];

	if (slot >= AUDIT_SLOTS || !p->has_slot[slot]) {
		if (k->kind != KFD_NULL)
			finding(&p->findings,
			    "descriptor %d is a %s, declared unused", k->fd,
			    kfd_name(k->kind));
		return;
	}
	(void)peer_name(&p->slot[slot], name);
	if (k->kind != KFD_CHANNEL) {
		finding(&p->findings,
		    "descriptor %d is a %s, declared the channel to %s", k->fd,
		    kfd_name(k->kind), name);
		return;
	}
	other = by_peer(d, &p->slot[slot]);
	if (other != NULL && other->there && !holds(other, k->peer))
		finding(&p->findings,
		    "descriptor %d is a channel, but not to %s", k->fd, name);
}

#define K(kind) (1U << KFD_##kind)

/*
 * Beside channels, epoll and what posternd gave: what a program makes or is
 * handed while it works.
 */
unsigned
check_working_set(enum proc proc)
{
	switch (proc) {
	case PROC_CONND:
		return K(TCP) | K(UDP) | K(SOCKET);
	case PROC_SMTPD_IN:
		return K(TCP) | K(SOCKET) | K(MEMFD);
	case PROC_SMTPD_OUT:
		return K(TCP) | K(SOCKET) | K(MEMFD) | K(FILE);
	case PROC_DNSD_EXT:
	case PROC_DNSD_INT:
		return K(TCP) | K(UDP) | K(SOCKET);
	case PROC_QUEUED:
		return K(FILE) | K(DIR) | K(MEMFD);
	case PROC_CTLD:
		return K(CHANNEL) | K(SOCKET);
	case PROC_DIRD:
		return K(FILE);
	case PROC_MASTER:
	case PROC_LOGD:
	case PROC_KEYD:
	case PROC_MAX:
		break;
	}
	return 0;
}

/* What posternd gives (enum child_fd), and as what it shows. */
static const struct {
	enum child_fd given;
	unsigned kinds;
} gifts[] = {
	{ CHILD_FD_LISTENER, K(TCP_LISTEN) },
	{ CHILD_FD_KEYS, K(MEMFD) },
	{ CHILD_FD_LOG_FILE, K(FILE) },
	{ CHILD_FD_SYSLOG, K(UNIX_DGRAM) },
	/* whatever posternd's stderr is */
	{ CHILD_FD_STDERR,
	    K(PIPE) | K(FILE) | K(NULL) | K(OTHER) | K(UNIX_OTHER) |
		K(UNIX_DGRAM) | K(SOCKET) | K(CHANNEL) },
	{ CHILD_FD_CONTROL, K(UNIX_LISTEN) },
};

struct count {
	uint32_t epoll;
	uint32_t gift[sizeof(gifts) / sizeof(gifts[0])];
};

static void
count_fd(struct declared *p, const struct kfd *k, struct count *c)
{
	size_t i;

	if (k->kind == KFD_EPOLL) {
		c->epoll++;
		return;
	}
	for (i = 0; i < sizeof(gifts) / sizeof(gifts[0]); i++)
		if ((gifts[i].kinds & 1U << k->kind) != 0 &&
		    c->gift[i] < p->fds[gifts[i].given]) {
			c->gift[i]++;
			return;
		}
	if ((check_working_set(p->audit.peer.proc) & 1U << k->kind) == 0) {
		finding(&p->findings,
		    "descriptor %d is a %s (%s), not declared", k->fd,
		    kfd_name(k->kind), k->link);
		return;
	}
	if (k->kind == KFD_FILE && (p->audit.peer.proc == PROC_QUEUED) &&
	    strncmp(k->link, p->audit.root_dir, strlen(p->audit.root_dir)) != 0)
		finding(&p->findings, "descriptor %d is %s, outside the spool",
		    k->fd, k->link);
}

static void
check_fds(const struct declaration *d, struct declared *p)
{
	struct count c = { 0 };
	unsigned block = 8;
	size_t i;

	while (block < FIRST_SLOT + (unsigned)p->audit.nslots)
		block *= 2;
	for (i = 0; i < p->nkfds; i++) {
		const struct kfd *k = &p->kfds[i];

		if (k->fd < FIRST_SLOT) {
			if (k->fd == 0 && k->kind != KFD_NULL)
				finding(&p->findings,
				    "descriptor 0 is not /dev/null");
		} else if (k->fd < (int)block) {
			check_slot(d, p, (unsigned)k->fd - FIRST_SLOT, k);
		} else {
			count_fd(p, k, &c);
		}
	}
	if (c.epoll != 1)
		finding(&p->findings, "%u epoll descriptors, declared 1",
		    c.epoll);
	for (i = 0; i < sizeof(gifts) / sizeof(gifts[0]); i++)
		if (c.gift[i] != p->fds[gifts[i].given])
			finding(&p->findings,
			    "%u descriptors of kind %u, declared %u", c.gift[i],
			    gifts[i].given, p->fds[gifts[i].given]);
}

void
check_process(const struct declaration *d, struct declared *p)
{
	check_ids(p);
	check_caps(p);
	check_netns(d, p);
	check_ipc(p);
	check_root(p);
	if (p->audit.instance != CTM_NO_INSTANCE)
		check_fds(d, p);
}
