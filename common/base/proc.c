/* SPDX-License-Identifier: ISC */
/* Names of programs and instances.  Pure. */
#include <stdbool.h>
#include <stdio.h>

#include "common/base/proc.h"

static const struct {
	const char *name;
	bool sided;   /* one instance a side */
	bool workers; /* several of each */
} programs[PROC_MAX] = {
	[PROC_MASTER] = { "posternd", false, false },
	[PROC_CONND] = { "connd", true, false },
	[PROC_SMTPD_IN] = { "smtpd-in", true, true },
	[PROC_QUEUED] = { "queued", false, false },
	[PROC_SMTPD_OUT] = { "smtpd-out", true, true },
	[PROC_DNSD_EXT] = { "dnsd-ext", false, false },
	[PROC_DNSD_INT] = { "dnsd-int", false, false },
	[PROC_DIRD] = { "dird", false, false },
	[PROC_LOGD] = { "logd", false, false },
	[PROC_CTLD] = { "ctld", false, false },
	[PROC_KEYD] = { "keyd", false, false },
};

const char *
proc_name(enum proc proc)
{
	return (unsigned)proc < PROC_MAX ? programs[proc].name : "unknown";
}

int
proc_from(unsigned n, enum proc *proc)
{
	if (n >= PROC_MAX)
		return -1;
	*proc = (enum proc)n;
	return 0;
}

const char *
peer_name(const struct peer *p, char buf[INSTANCE_MAX])
{
	bool sided = false, workers = false;
	char index[8] = "";

	if ((unsigned)p->proc < PROC_MAX) {
		sided = programs[p->proc].sided && p->side < NSIDES;
		workers = programs[p->proc].workers;
	}
	if (workers)
		(void)snprintf(index, sizeof(index), ".%u", p->index);
	(void)snprintf(buf, INSTANCE_MAX, "%s%s%s%s", proc_name(p->proc),
	    sided ? "/" : "", sided ? side_name((enum side)p->side) : "",
	    index);
	return buf;
}
