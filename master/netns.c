/* SPDX-License-Identifier: ISC */
/* Network namespaces: see netns.h. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "common/base/conf.h"
#include "common/base/log.h"
#include "master/netns.h"

#define STAYED (-2)

int
netns_open(const char *name)
{
	char path[CONF_NAME_MAX + sizeof("/run/netns/")];

	(void)snprintf(path, sizeof(path), "/run/netns/%s", name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

int
netns_enter(int ns)
{
	int back, error;

	if (ns == -1)
		return STAYED;
	back = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (back == -1)
		return -1;
	if (setns(ns, CLONE_NEWNET) == -1) {
		error = errno;
		(void)close(back);
		errno = error;
		return -1;
	}
	return back;
}

void
netns_leave(int back)
{
	int error = errno;

	if (back == STAYED)
		return;
	if (setns(back, CLONE_NEWNET) == -1)
		fatal("leaving a network namespace");
	(void)close(back);
	errno = error;
}
