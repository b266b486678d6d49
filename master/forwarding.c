/* SPDX-License-Identifier: ISC */
/*
 * IP forwarding: a host that joins two networks and forwards between them is a
 * router, whatever its mail gateway refuses.  See host.h.
 */
#include <sys/socket.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/log.h"
#include "master/host.h"
#include "master/netns.h"

static bool
is_on(const char *path)
{
	char c = '0';
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool on;

	if (fd == -1)
		return false;
	on = read(fd, &c, 1) == 1 && c != '0';
	(void)close(fd);
	return on;
}

/* "all" and every interface; "default" is only for those yet to come */
static bool
family_on(const char *family, char what[FORWARDING_STRLEN])
{
	char dir[64], path[512];
	const struct dirent *d;
	bool on = false;
	DIR *dp;

	(void)snprintf(dir, sizeof(dir), "/proc/sys/net/%s/conf", family);
	dp = opendir(dir);
	if (dp == NULL)
		return false;
	while (!on && (d = readdir(dp)) != NULL) {
		if (d->d_name[0] == '.' || strcmp(d->d_name, "default") == 0)
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s/forwarding", dir,
		    d->d_name);
		on = is_on(path);
		if (on)
			(void)snprintf(what, FORWARDING_STRLEN,
			    "net.%s.conf.%.64s.forwarding", family, d->d_name);
	}
	(void)closedir(dp);
	return on;
}

bool
forwarding_on(int ns, char what[FORWARDING_STRLEN])
{
	int back = netns_enter(ns);
	bool on;

	if (back == -1) {
		log_warn("looking for IP forwarding");
		return false;
	}
	on = is_on("/proc/sys/net/ipv4/ip_forward");
	if (on)
		(void)snprintf(what, FORWARDING_STRLEN, "net.ipv4.ip_forward");
	else
		on = family_on("ipv4", what) || family_on("ipv6", what);
	netns_leave(back);
	return on;
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
