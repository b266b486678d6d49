/* SPDX-License-Identifier: ISC */
/*
 * smtpd-out: SMTP client sessions on sockets that connd hands over.
 */
#include "common/base/log.h"
#include "common/base/privdrop.h"
#include "smtpd-out/worker.h"

static struct worker worker;

/* Plans of sessions that still search point at the configuration. */
static void
on_conf(struct child *c, const struct conf *conf)
{
	struct session *s;
	uint32_t i;

	(void)c;
	worker.conf = conf;
	secure_conf(&worker, conf);
	for (i = 0; i < SESSIONS_MAX; i++)
		if ((s = worker.slots[i]) != NULL)
			s->plan.conf = conf;
}

static void
on_signed(void *owner)
{
	session_signed(owner);
}

static void
on_peer(struct child *c, const struct peer *peer, int fd)
{
	(void)c;
	peers_set(&worker, peer, fd);
}

static void
on_drain(struct child *c)
{
	(void)c;
	sessions_drain(&worker);
}

int
main(int argc, char **argv)
{
	struct program program = {
		.proc = PROC_SMTPD_OUT,
		.cage = &smtpd_out_cage,
		.on_conf = on_conf,
		.on_peer = on_peer,
		.on_drain = on_drain,
	};

	worker.child = child_attach(argc, argv, &program, &worker);
	worker.ev = child_ev(worker.child);
	worker.side = (enum side)child_self(worker.child)->side;
	RB_INIT(&worker.sessions);
	if (tls_init() == -1)
		fatalx("OpenSSL");
	worker.keys = (struct tls_keys){ &worker.key, on_signed };
	tls_keys_init(&worker.keys);
	privdrop(child_privdrop(worker.child));
	sandbox_enter(child_sandbox(worker.child), child_report(worker.child));
	return child_loop(worker.child);
}
