/* SPDX-License-Identifier: ISC */
/* Checks of the host: see host.h. */
#include <sys/types.h>
#include <net/if.h>
#include <netinet/in.h>

#include <errno.h>
#include <grp.h>
#include <ifaddrs.h>
#include <pwd.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "master/host.h"
#include "master/netns.h"
#include "master/spawn.h"
#include "master/topology.h"

struct host {
	struct config *c;
	int ns;
	bool strict;
};

static __attribute__((format(printf, 3, 4))) void
finding(const struct host *h, uint32_t line, const char *fmt, ...)
{
	char text[REPORT_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (h->strict)
		report_error(&h->c->report, line, "%s", text);
	else
		report_warning(&h->c->report, line, "on this host: %s", text);
}

static void
check_accounts(const struct host *h)
{
	const struct conf *conf = h->c->conf;
	size_t i, missing = 0;
	const char *first = NULL;

	for (i = 0; i < TOPO_PROGRAMS; i++)
		if (getpwnam(topo_programs[i].account) == NULL) {
			if (missing++ == 0)
				first = topo_programs[i].account;
		}
	if (missing > 0)
		finding(h, 0,
		    "%zu of %d accounts are missing, %s first: make "
		    "users, or systemd-sysusers",
		    missing, TOPO_PROGRAMS, first);
	if (strcmp(conf->control_group, CONFIG_OPS_GROUP) != 0 &&
	    getgrnam(conf->control_group) == NULL)
		finding(h, marks_line(&h->c->marks, MARK_CONTROL, 0, 0),
		    "there is no group \"%s\"", conf->control_group);
}

static void
check_programs(const struct host *h, const char *libexec)
{
	char path[CONF_PATH_MAX];
	size_t i;

	for (i = 0; i < TOPO_PROGRAMS; i++) {
		/* two instances in a row are of one program */
		if (i > 0 && topo_programs[i].proc == topo_programs[i - 1].proc)
			continue;
		if (spawn_find(libexec, topo_programs[i].proc, path) == -1)
			finding(h, 0, "%s: %s", path, strerror(errno));
	}
}

int
host_interface(int ns, const struct netaddr *addr, char name[CONF_IFNAME_MAX])
{
	struct ifaddrs *all, *ifa;
	struct netaddr a;
	int back, rc = -1;
	socklen_t len;

	back = netns_enter(ns);
	if (back == -1)
		return -1;
	if (getifaddrs(&all) == -1) {
		netns_leave(back);
		return -1;
	}
	netns_leave(back);
	for (ifa = all; ifa != NULL && rc == -1; ifa = ifa->ifa_next) {
		if (ifa->ifa_addr == NULL)
			continue;
		len = ifa->ifa_addr->sa_family == AF_INET6
		    ? sizeof(struct sockaddr_in6)
		    : sizeof(struct sockaddr_in);
		if (netaddr_from_sockaddr(&a, ifa->ifa_addr, len) == -1 ||
		    !netaddr_equal(&a, addr) ||
		    strlcpy(name, ifa->ifa_name, CONF_IFNAME_MAX) >=
			CONF_IFNAME_MAX)
			continue;
		rc = 0;
	}
	freeifaddrs(all);
	return rc;
}

static int
side_ns(const struct host *h, enum side side)
{
	return side == SIDE_EXT ? h->ns : -1;
}

static bool
interface_exists(int ns, const char *name)
{
	int back = netns_enter(ns);
	unsigned n;

	if (back == -1)
		return false;
	n = if_nametoindex(name);
	netns_leave(back);
	return n != 0;
}

static bool
is_loopback(const struct netaddr *a)
{
	return netaddr_class(a, NULL) == NETCLASS_LOOPBACK;
}

/* All of 127/8 is there without being an address of the interface. */
static int
interface_of(int ns, const struct netaddr *a, char name[CONF_IFNAME_MAX])
{
	if (host_interface(ns, a, name) == 0)
		return 0;
	if (!is_loopback(a))
		return -1;
	(void)strlcpy(name, "lo", CONF_IFNAME_MAX);
	return 0;
}

static void
check_listener(const struct host *h, const struct conf_listener *l)
{
	const struct conf_side *s = &h->c->conf->side[l->side];
	char name[CONF_IFNAME_MAX], text[NETADDR_STRLEN];

	(void)netaddr_ntop(&l->addr, text, sizeof(text));
	if (interface_of(side_ns(h, l->side), &l->addr, name) == -1)
		finding(h, l->pos.line, "no interface has the address %s",
		    text);
	else if (s->interface[0] != '\0' && strcmp(s->interface, name) != 0)
		finding(h, l->pos.line,
		    "%s is an address of %s, not of the "
		    "side's interface %s",
		    text, name, s->interface);
}

static void
check_source(const struct host *h, enum side side, const struct netaddr *a)
{
	char name[CONF_IFNAME_MAX], text[NETADDR_STRLEN];

	if (a->family != NETADDR_NONE &&
	    interface_of(side_ns(h, side), a, name) == -1)
		finding(h,
		    marks_line(&h->c->marks, MARK_SOURCE, side, a->family),
		    "no interface has the source address %s",
		    netaddr_ntop(a, text, sizeof(text)));
}

/* Are two listeners of different sides on one wire? */
static void
check_apart(const struct host *h)
{
	const struct conf *conf = h->c->conf;
	const struct conf_listener *a, *b;
	char na[CONF_IFNAME_MAX], nb[CONF_IFNAME_MAX];
	uint32_t i, j;

	if ((conf->flags & CONF_F_SINGLE_HOMED) != 0 || h->ns != -1)
		return;
	for (i = 0; i < conf->nlisteners; i++)
		for (j = 0; j < conf->nlisteners; j++) {
			a = &conf->listeners[i];
			b = &conf->listeners[j];
			if (a->side != SIDE_EXT || b->side != SIDE_INT ||
			    interface_of(-1, &a->addr, na) == -1 ||
			    interface_of(-1, &b->addr, nb) == -1 ||
			    strcmp(na, nb) != 0)
				continue;
			finding(h, b->pos.line,
			    "both sides are on interface "
			    "%s (line %u): a gateway has one for each side; "
			    "write single-homed to do without this wall",
			    na, a->pos.line);
			return;
		}
}

static void
check_network(const struct host *h)
{
	const struct conf *conf = h->c->conf;
	char what[FORWARDING_STRLEN];
	const struct conf_side *s;
	enum side side;
	uint32_t i;

	for (i = 0; i < conf->nlisteners; i++)
		check_listener(h, &conf->listeners[i]);
	for (side = SIDE_EXT; side <= SIDE_INT; side++) {
		s = &conf->side[side];
		check_source(h, side, &s->source4);
		check_source(h, side, &s->source6);
		if (s->interface[0] != '\0' &&
		    !interface_exists(side_ns(h, side), s->interface))
			finding(h,
			    marks_line(&h->c->marks, MARK_INTERFACE, side, 0),
			    "there is no interface %s", s->interface);
	}
	check_apart(h);
	if ((conf->flags & (CONF_F_SINGLE_HOMED | CONF_F_FORWARDING)) == 0 &&
	    (forwarding_on(-1, what) ||
		(h->ns != -1 && forwarding_on(h->ns, what))))
		finding(h, 0,
		    "%s is on: the host would carry packets between "
		    "the two sides past this gateway; turn it off, or write "
		    "ip forwarding allow",
		    what);
}

void
host_check(struct config *c, const char *libexec, int ns, bool strict)
{
	const struct host h = { c, ns, strict };

	check_accounts(&h);
	check_programs(&h, libexec);
	/* what is in a namespace, only root can see */
	if (c->conf->side[SIDE_EXT].netns[0] == '\0' || ns != -1)
		check_network(&h);
	report_sort(&c->report);
}

void
host_resolve(struct config *c, int ns)
{
	struct conf *conf = c->conf;
	char first[NSIDES][CONF_IFNAME_MAX] = { "", "" };
	char name[CONF_IFNAME_MAX];
	bool one[NSIDES] = { true, true }, known;
	const struct conf_listener *l;
	enum side side;
	uint32_t i;

	if ((conf->flags & CONF_F_SINGLE_HOMED) != 0)
		return;
	for (i = 0; i < conf->nlisteners; i++) {
		l = &conf->listeners[i];
		side = l->side;
		known = interface_of(side == SIDE_EXT ? ns : -1, &l->addr,
			    name) == 0;
		if (known && first[side][0] == '\0')
			(void)strlcpy(first[side], name, CONF_IFNAME_MAX);
		if (!known || strcmp(first[side], name) != 0)
			one[side] = false;
	}
	for (side = SIDE_EXT; side <= SIDE_INT; side++)
		if (one[side] && conf->side[side].interface[0] == '\0')
			(void)strlcpy(conf->side[side].interface, first[side],
			    CONF_IFNAME_MAX);
}
