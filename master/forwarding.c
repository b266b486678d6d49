/* SPDX-License-Identifier: ISC */
/*
 * IP forwarding: a host that joins two networks and forwards between them is a
 * router, whatever its mail gateway refuses.  See host.h.
 */
#include <sys/socket.h>

#include <linux/netconf.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "master/host.h"
#include "master/netns.h"

/* Every switch of one family, as rtnetlink(7) tells them: RTM_GETNETCONF. */
struct switches {
	const char *family; /* as sysctl(8) calls it */
	unsigned char number;
};

static const struct switches families[] = {
	{ "ipv4", AF_INET },
	{ "ipv6", AF_INET6 },
};

/* Like sysctl(8): "all", or an interface of the namespace we are in. */
static void
name_switch(const struct switches *s, int ifindex, char what[FORWARDING_STRLEN])
{
	char name[IF_NAMESIZE] = "all";

	if (ifindex != NETCONFA_IFINDEX_ALL &&
	    if_indextoname((unsigned int)ifindex, name) == NULL)
		(void)snprintf(name, sizeof(name), "%d", ifindex);
	(void)snprintf(what, FORWARDING_STRLEN, "net.%s.conf.%s.forwarding",
	    s->family, name);
}

/* "default" is only for interfaces yet to come */
static bool
is_on(const struct switches *s, struct nlmsghdr *h,
    char what[FORWARDING_STRLEN])
{
	const size_t head = NLMSG_ALIGN(sizeof(struct netconfmsg));
	int ifindex = NETCONFA_IFINDEX_DEFAULT, forwarding = 0, *to;
	struct rtattr *a; /* its macros would take a const away */
	size_t left;

	if (h->nlmsg_len < NLMSG_LENGTH(head))
		return false;
	left = h->nlmsg_len - NLMSG_LENGTH(head);
	a = (void *)((char *)NLMSG_DATA(h) + head);
	for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		to = a->rta_type == NETCONFA_IFINDEX	 ? &ifindex
		    : a->rta_type == NETCONFA_FORWARDING ? &forwarding
							 : NULL;
		if (to != NULL && RTA_PAYLOAD(a) == sizeof(*to))
			(void)memcpy(to, RTA_DATA(a), sizeof(*to));
	}
	if (forwarding == 0 || ifindex == NETCONFA_IFINDEX_DEFAULT)
		return false;
	name_switch(s, ifindex, what);
	return true;
}

static int
error_of(struct nlmsghdr *h)
{
	const struct nlmsgerr *e = NLMSG_DATA(h);

	return h->nlmsg_len < NLMSG_LENGTH(sizeof(*e)) || e->error >= 0
	    ? EPROTO
	    : -e->error;
}

/* 1: one is on; 0: none is; -1: with errno */
static int
read_switches(int fd, const struct switches *s, char what[FORWARDING_STRLEN])
{
	union {
		struct nlmsghdr h;
		char bytes[32768];
	} in;
	struct nlmsghdr *h;
	ssize_t n;
	size_t left;

	for (;;) {
		n = recv(fd, &in, sizeof(in), 0);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		left = (size_t)n;
		for (h = &in.h; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
			if (h->nlmsg_type == NLMSG_DONE)
				return 0;
			if (h->nlmsg_type == NLMSG_ERROR) {
				errno = error_of(h);
				return -1;
			}
			if (h->nlmsg_type == RTM_NEWNETCONF &&
			    is_on(s, h, what))
				return 1;
		}
	}
}

static int
family_on(const struct switches *s, char what[FORWARDING_STRLEN])
{
	struct {
		struct nlmsghdr h;
		struct netconfmsg m;
	} ask = {
		.h = {
			.nlmsg_len = NLMSG_LENGTH(sizeof(ask.m)),
			.nlmsg_type = RTM_GETNETCONF,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
		},
		.m = { .ncm_family = s->number },
	};
	int fd, on = -1;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd == -1)
		return -1;
	if (send(fd, &ask, ask.h.nlmsg_len, 0) == (ssize_t)ask.h.nlmsg_len)
		on = read_switches(fd, s, what);
	(void)close(fd);
	/* a kernel without IPv6 */
	if (on == -1 && errno == EOPNOTSUPP && s->number == AF_INET6)
		return 0;
	return on;
}

bool
forwarding_on(int ns, char what[FORWARDING_STRLEN])
{
	int back = netns_enter(ns), on = back == -1 ? -1 : 0;
	size_t i;

	for (i = 0; on == 0 && i < sizeof(families) / sizeof(families[0]); i++)
		on = family_on(&families[i], what);
	/* a host that will not tell is not taken for one that does not */
	if (on == -1)
		(void)snprintf(what, FORWARDING_STRLEN,
		    "IP forwarding (perhaps: the kernel says \"%s\")",
		    strerror(errno));
	if (back != -1)
		netns_leave(back);
	return on != 0;
}

/* netconf tells every change of a forwarding switch: rtnetlink(7) */
int
forwarding_watch(int ns)
{
	const struct sockaddr_nl groups = {
		.nl_family = AF_NETLINK,
		.nl_groups = 1U << (RTNLGRP_IPV4_NETCONF - 1) |
		    1U << (RTNLGRP_IPV6_NETCONF - 1),
	};
	int back = netns_enter(ns), fd;

	if (back == -1)
		return -1;
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    NETLINK_ROUTE);
	netns_leave(back);
	if (fd != -1 &&
	    bind(fd, (const struct sockaddr *)&groups, sizeof(groups)) == -1) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

/* What they say does not matter, nor that some were lost: look again. */
void
forwarding_drain(int fd)
{
	char buf[4096];

	while (recv(fd, buf, sizeof(buf), 0) != -1 || errno == ENOBUFS ||
	    errno == EINTR)
		;
}
