/* SPDX-License-Identifier: ISC */
/*
 * connd: see connd.h.
 */
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/privdrop.h"
#include "connd/connd.h"

static struct connd connd;

static void
on_conf(struct child *c, const struct conf *conf)
{
	(void)c;
	connd.conf = conf;
	accept_conf(&connd);
}

static void
on_peer(struct child *c, const struct peer *peer, int fd)
{
	(void)c;
	if (peer->proc == PROC_SMTPD_IN)
		accept_peer(&connd, peer, fd);
	else
		dial_peer(&connd, peer, fd);
}

static int
on_fd(struct child *c, enum child_fd kind, uint32_t id, int fd)
{
	(void)c;
	if (kind == CHILD_FD_LISTENER)
		return accept_listener(&connd, id, fd);
	(void)close(fd);
	return -1;
}

/* Sessions in hand go on without us; what we still owe is connections. */
static void
on_drain(struct child *c)
{
	accept_drain(&connd);
	child_exit(c);
}

int
main(int argc, char **argv)
{
	struct program program = {
		.proc = PROC_CONND,
		.cage = &connd_cage,
		.on_conf = on_conf,
		.on_peer = on_peer,
		.on_fd = on_fd,
		.on_drain = on_drain,
	};

	connd.child = child_attach(argc, argv, &program, &connd);
	connd.ev = child_ev(connd.child);
	connd.side = (enum side)child_self(connd.child)->side;
	accept_init(&connd);
	dial_init(&connd);
	privdrop(child_privdrop(connd.child));
	sandbox_enter(child_sandbox(connd.child), child_report(connd.child));
	return child_loop(connd.child);
}
