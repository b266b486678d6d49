/* SPDX-License-Identifier: ISC */
/*
 * ctld: see ctld.h.
 */
#include <unistd.h>

#include "common/base/privdrop.h"
#include "ctld/ctld.h"

static struct ctld ctld;

static void
on_peer(struct child *c, const struct peer *peer, int fd)
{
	(void)c;
	queue_peer(&ctld, peer, fd);
}

static int
on_fd(struct child *c, enum child_fd kind, uint32_t id, int fd)
{
	(void)c;
	if (kind == CHILD_FD_CONTROL)
		tool_listener(fd);
	else if (kind == CHILD_FD_STATS)
		pages_set(id, fd);
	else {
		(void)close(fd);
		return -1;
	}
	return 0;
}

int
main(int argc, char **argv)
{
	struct program program = {
		.proc = PROC_CTLD,
		.cage = &ctld_cage,
		.on_peer = on_peer,
		.on_fd = on_fd,
		.master_msgs = ctld_master_msgs,
		.nmaster_msgs = ctld_nmaster_msgs,
	};

	ctld.child = child_attach(argc, argv, &program, &ctld);
	ctld.ev = child_ev(ctld.child);
	tool_init(&ctld);
	privdrop(child_privdrop(ctld.child));
	sandbox_enter(child_sandbox(ctld.child), child_report(ctld.child));
	return child_loop(ctld.child);
}
