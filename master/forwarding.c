/* SPDX-License-Identifier: ISC */
/*
 * IP forwarding: a host that joins two networks and forwards between them is a
 * router, whatever its mail gateway refuses.  See host.h.
 */
#include <dirent.h>
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
