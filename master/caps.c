/* SPDX-License-Identifier: ISC */
/* The capabilities of posternd: see caps.h. */
#include <linux/capability.h>

#include <stdbool.h>
#include <stddef.h>

#include "common/base/log.h"
#include "common/base/privdrop.h"
#include "master/caps.h"

static const struct {
	const char *name;
	unsigned number;
	bool run; /* needed after the start as well */
	const char *why;
} caps[] = {
	{ "cap_chown", CAP_CHOWN, false,
	    "the spool belongs to queued, the control socket to its group" },
	{ "cap_fowner", CAP_FOWNER, false, "the mode of the spool" },
	{ "cap_dac_override", CAP_DAC_OVERRIDE, true,
	    "recipient files and logs in directories of other users" },
	{ "cap_net_bind_service", CAP_NET_BIND_SERVICE, true,
	    "port 25, also for listeners that a reload adds" },
	{ "cap_net_raw", CAP_NET_RAW, true,
	    "binding a listener to its interface" },
	{ "cap_sys_admin", CAP_SYS_ADMIN, true,
	    "namespaces: of the external side, and empty ones of children" },
	{ "cap_sys_chroot", CAP_SYS_CHROOT, true,
	    "a child's empty root, when one is replaced" },
	{ "cap_setgid", CAP_SETGID, true, "a child's own group" },
	{ "cap_setuid", CAP_SETUID, true, "a child's own user" },
	{ "cap_setpcap", CAP_SETPCAP, true, "a child's empty bounding set" },
	{ "cap_kill", CAP_KILL, true, "ending a child, which has another uid" },
};

#define NCAPS (sizeof(caps) / sizeof(caps[0]))

static void
keep(bool run_only)
{
	const char *names[NCAPS];
	size_t i, n = 0;

	for (i = 0; i < NCAPS; i++)
		if (caps[i].run || !run_only)
			names[n++] = caps[i].name;
	if (privdrop_keep(names, n) == -1)
		fatal("capabilities");
}

void
caps_start(void)
{
	keep(false);
}

void
caps_run(void)
{
	keep(true);
}

uint64_t
caps_mask(void)
{
	uint64_t mask = 0;
	size_t i;

	for (i = 0; i < NCAPS; i++)
		if (caps[i].run)
			mask |= UINT64_C(1) << caps[i].number;
	return mask;
}
