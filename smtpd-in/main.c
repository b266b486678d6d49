/* SPDX-License-Identifier: ISC */
/*
 * smtpd-in: SMTP server sessions on sockets that connd hands over.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <bsd/string.h>

#include "common/base/log.h"
#include "common/base/privdrop.h"
#include "smtpd-in/server.h"

static struct server server;

/* <Postmaster> without a domain is one of ours: that of our own name, best. */
static void
set_postmaster(struct session_conf *s, const struct conf *conf)
{
	const struct conf_domain *d, *best = NULL;
	size_t host = strlen(conf->hostname), len;
	uint32_t i;

	for (i = 0; i < conf->ndomains; i++) {
		d = &conf->domains[i];
		len = strlen(d->name);
		if (best == NULL ||
		    (host > len && conf->hostname[host - len - 1] == '.' &&
			strcasecmp(conf->hostname + host - len, d->name) == 0))
			best = d;
	}
	if (best != NULL)
		(void)strlcpy(s->postmaster_domain, best->name,
		    sizeof(s->postmaster_domain));
}

/* Sessions hold a pointer to it: what changes, changes for the next command. */
static void
on_conf(struct child *c, const struct conf *conf)
{
	struct session_conf s;

	(void)c;
	if (session_conf_init(&s, conf->hostname) == -1) {
		log_errorx("hostname %s is no domain", conf->hostname);
		return;
	}
	if (server.side == SIDE_EXT)
		s.policy |= SESSION_P_LOCAL;
	set_postmaster(&s, conf);
	s.features.ext |= SMTP_EXT_CHUNKING | SMTP_EXT_SMTPUTF8 |
	    SMTP_EXT_LIMITS | SMTP_EXT_DSN;
	s.features.mail_max = conf->limits.messages_per_session;
	s.features.rcpt_max = conf->limits.recipients;
	s.features.size = conf->limits.message_size;
	s.rcpt_max = conf->limits.recipients;
	s.error_max = conf->limits.errors;
	s.unknown_max = conf->limits.unknown_rcpts;
	s.message_max = conf->limits.messages_per_session;
	s.hops_max = conf->limits.hops;
	secure_conf(&server, conf);
	if (server.tls != NULL)
		s.features.ext |= SMTP_EXT_STARTTLS | SMTP_EXT_REQUIRETLS;
	server.session_conf = s;
	/* octets that are counted cannot be repaired */
	s.features.ext &= ~(unsigned)SMTP_EXT_CHUNKING;
	server.repair_conf = s;
	server.conf = conf;
}

static void
on_peer(struct child *c, const struct peer *peer, int fd)
{
	(void)c;
	peers_set(&server, peer, fd);
}

static void
on_drain(struct child *c)
{
	(void)c;
	clients_drain(&server);
}

int
main(int argc, char **argv)
{
	struct program program = {
		.proc = PROC_SMTPD_IN,
		.cage = &smtpd_in_cage,
		.on_conf = on_conf,
		.on_peer = on_peer,
		.on_drain = on_drain,
		.master_msgs = ticket_msgs,
		.nmaster_msgs = nticket_msgs,
	};

	server.child = child_attach(argc, argv, &program, &server);
	server.ev = child_ev(server.child);
	server.side = (enum side)child_self(server.child)->side;
	STAILQ_INIT(&server.submits);
	server.clients = calloc(CLIENTS_MAX, sizeof(struct client *));
	if (server.clients == NULL)
		fatal("memory");
	if (tls_init() == -1)
		fatalx("OpenSSL");
	keys_init(&server);
	privdrop(child_privdrop(server.child));
	sandbox_enter(child_sandbox(server.child), child_report(server.child));
	return child_loop(server.child);
}
