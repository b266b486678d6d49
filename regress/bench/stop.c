/* SPDX-License-Identifier: ISC */
#include <sys/signalfd.h>

#include <err.h>
#include <signal.h>

#include "regress/bench/stop.h"

int
stop_signals(void)
{
	sigset_t set;
	int fd;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) == -1 ||
	    (fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC)) == -1)
		err(1, "signals");
	return fd;
}
