/* SPDX-License-Identifier: ISC */
#include <fcntl.h>
#include <unistd.h>

#include "common/base/cage.h"
#include "common/base/log.h"
#include "common/msg/child_master.h"

#define DEFAULT_NOFILE 256
#define DEFAULT_AS     (512ULL * 1024 * 1024)

unsigned
cage_block(unsigned nslots)
{
	unsigned block = sandbox_block(nslots);
	int fd;

	for (fd = CAGE_MASTER_FD + 1; fd < (int)block; fd++)
		if (dup3(STDIN_FILENO, fd, O_CLOEXEC) == -1)
			fatal("reserving channel %d", fd);
	return block;
}

void
cage_fit(const struct cage *c, enum proc proc, const struct cm_hello *hello,
    unsigned block, struct privdrop *p, struct sandbox *s)
{
	const uint32_t flags = hello->flags;

	*p = (struct privdrop){
		.chroot_dir = hello->chroot_dir,
		.uid = hello->uid,
		.gid = hello->gid,
		.empty_netns = !c->host_net,
		.nofile = c->nofile != 0 ? c->nofile : DEFAULT_NOFILE,
		.fsize = c->fsize,
		.as = c->as != 0 ? c->as : DEFAULT_AS,
	};
	*s = (struct sandbox){
		.program = proc_name(proc),
		.calls = c->calls,
		.ncalls = c->ncalls,
		.chan_fds = block,
		.mode =
		    (flags & CM_HELLO_TRAP) != 0 ? SANDBOX_TRAP : SANDBOX_KILL,
		.best_effort = (flags & CM_HELLO_BEST_EFFORT) != 0,
		.uses_root = c->uses_dir,
		.uses_net = c->host_net,
	};
#ifdef __SANITIZE_ADDRESS__
	p->as = 0; /* its shadow takes terabytes */
#endif
}
