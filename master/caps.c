/* SPDX-License-Identifier: ISC */
/* The capabilities of posternd: see caps.h. */
#include <linux/capability.h>

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/base/log.h"
#include "common/base/privdrop.h"
#include "master/caps.h"

enum need {
	START_IF_THERE, /* taken where it is given, until the doors open */
	IF_THERE,
	NEEDED,
};

static const struct {
	const char *name;
	unsigned number;
	enum need need;
	const char *why;
} caps[] = {
	{ "cap_chown", CAP_CHOWN, START_IF_THERE,
	    "a spool that is not there yet becomes queued's" },
	{ "cap_fowner", CAP_FOWNER, START_IF_THERE, "the mode of that spool" },
	{ "cap_dac_override", CAP_DAC_OVERRIDE, IF_THERE,
	    "recipient files and logs that others keep from root" },
	/* the kernel asks it for PR_SET_PDEATHSIG as for kill(2) */
	{ "cap_kill", CAP_KILL, IF_THERE,
	    "children that end when posternd is killed, whatever they do" },
	{ "cap_net_bind_service", CAP_NET_BIND_SERVICE, NEEDED,
	    "port 25, also for listeners that a reload adds" },
	{ "cap_sys_admin", CAP_SYS_ADMIN, NEEDED,
	    "namespaces: of the external side, and empty ones of children" },
	{ "cap_sys_chroot", CAP_SYS_CHROOT, NEEDED,
	    "a child's empty root, when one is replaced" },
	{ "cap_setgid", CAP_SETGID, NEEDED,
	    "a child's own group, and the control socket's" },
	{ "cap_setuid", CAP_SETUID, NEEDED,
	    "a child's own user; ending it in that user's name" },
	{ "cap_setpcap", CAP_SETPCAP, NEEDED, "a child's empty bounding set" },
};

#define NCAPS (sizeof(caps) / sizeof(caps[0]))

static void
keep(bool run_only)
{
	const char *names[NCAPS];
	size_t i, n = 0;

	for (i = 0; i < NCAPS; i++)
		if (caps[i].need != START_IF_THERE || !run_only)
			names[n++] = caps[i].name;
	if (privdrop_keep(names, n) == -1)
		fatal("capabilities");
}

void
caps_start(void)
{
	/* postern audit looks whether it is apart from the host's */
	if (privdrop_ipc() == -1 && errno != EPERM)
		fatal("IPC namespace");
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
		if (caps[i].need != START_IF_THERE)
			mask |= UINT64_C(1) << caps[i].number;
	return mask;
}
