/* SPDX-License-Identifier: ISC */
/*
 * What a process is told by posternd: who it is, its channels to others, its
 * configuration, descriptors.  All of it goes over one channel in order, so a
 * process that is still starting finds everything waiting when it reads.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "common/base/log.h"
#include "common/msg/child_conf.h"
#include "common/msg/log.h"
#include "master/config.h"
#include "master/super.h"

static int
send_failed(struct instance *i, const char *what)
{
	log_warn("%s: %s", i->name, what);
	instance_kill(i, "cannot be told");
	return -1;
}

static int
send_fd(struct instance *i, uint16_t type, const struct ibuf *b, int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (copy == -1)
		return -1;
	return chan_send(i->chan, type, 0, b, copy);
}

void
hello_fill(struct cm_hello *hello, const struct conf *conf,
    const struct topo_program *program, const struct peer *self)
{
	memset(hello, 0, sizeof(*hello));
	hello->version = CM_VERSION;
	hello->self = *self;
	hello->nslots = topo_nslots(self);
	if ((conf->flags & CONF_F_BEST_EFFORT) != 0)
		hello->flags |= CM_HELLO_BEST_EFFORT;
	(void)strlcpy(hello->chroot_dir,
	    program->root == TOPO_ROOT_SPOOL ? conf->spool : conf->chroot_dir,
	    sizeof(hello->chroot_dir));
}

int
wire_hello(struct instance *i)
{
	struct super *s = i->super;
	struct cm_hello hello;
	struct ibuf b;

	hello_fill(&hello, s->config->conf, i->program, &i->peer);
	hello.uid = i->uid;
	hello.gid = i->gid;
	hello.flags |= s->hello_flags;
	if (i->fault)
		hello.flags |= CM_HELLO_FAULT;
	chan_scratch(&b);
	if (put_cm_hello(&b, &hello) == -1 ||
	    chan_send(i->chan, CM_REQ_HELLO, 0, &b, -1) == -1 ||
	    send_fd(i, CM_REQ_STATS, NULL, i->stats) == -1)
		return send_failed(i, "hello");
	return 0;
}

static int
send_item(void *arg, uint16_t type, struct ibuf *b)
{
	struct instance *i = arg;

	return chan_send(i->chan, type, 0, b, -1);
}

int
wire_conf(struct instance *i)
{
	if (cc_encode(i->super->config->conf, i->program->grant, send_item,
		i) == -1)
		return send_failed(i, "configuration");
	return 0;
}

int
super_give(struct instance *i, enum child_fd kind, uint32_t id, int fd)
{
	struct cm_fd m = { .kind = kind, .id = id };
	struct ibuf b;

	if ((i->program->fds & 1U << kind) == 0)
		fatalx("%s may not have a descriptor of kind %d", i->name,
		    (int)kind);
	chan_scratch(&b);
	if (put_cm_fd(&b, &m) == -1 || send_fd(i, CM_REQ_FD, &b, fd) == -1)
		return send_failed(i, "descriptor");
	return 0;
}

static int
send_peer(struct instance *to, const struct peer *peer, int fd)
{
	struct cm_peer m = { .peer = *peer };
	struct ibuf b;

	m.slot = (uint16_t)topo_slot(&to->peer, peer);
	chan_scratch(&b);
	if (put_cm_peer(&b, &m) == -1) {
		(void)close(fd);
		return send_failed(to, "peer");
	}
	if (chan_send(to->chan, CM_REQ_PEER, 0, &b, fd) == -1)
		return send_failed(to, "peer");
	return 0;
}

/* A channel of their own for two that run and that an edge joins. */
void
wire_pair(struct instance *a, struct instance *b)
{
	int fd[2];

	if (topo_channel(&a->peer, &b->peer, fd) == -1) {
		log_warn("channel between %s and %s", a->name, b->name);
		instance_kill(a, "has no channel");
		return;
	}
	(void)send_peer(a, &b->peer, fd[0]);
	(void)send_peer(b, &a->peer, fd[1]);
}

/* A worker on its way out gets no sessions, from a new connd neither. */
static bool
parted(const struct instance *i, const struct instance *worker)
{
	return i->peer.proc == PROC_CONND &&
	    worker->peer.proc == PROC_SMTPD_IN && worker->life == LIFE_DRAINING;
}

/*
 * The survivors get their new channel before anything else, and a ping behind
 * it: its answer tells that what they say from then on is about the new peer.
 */
void
wire_peers(struct instance *i)
{
	struct super *s = i->super;
	struct instance *other;
	uint32_t n;

	for (n = 0; n < TOPO_INSTANCES; n++) {
		other = &s->inst[n];
		if (other == i || !instance_runs(other) || parted(i, other) ||
		    topo_slot(&i->peer, &other->peer) <= 0)
			continue;
		wire_pair(i, other);
		if (instance_runs(other))
			watch_ping(other);
		if (!instance_runs(i))
			return;
	}
}

/*
 * A session worker that is to finish gets no new sessions: its connd is given
 * a channel at whose other end is nobody.
 */
void
wire_part(struct instance *worker)
{
	const struct peer peer = { PROC_CONND, worker->peer.side, 0 };
	struct instance *connd = super_find(worker->super, &peer);
	int fd[2];

	if (worker->peer.proc != PROC_SMTPD_IN || connd == NULL)
		return;
	if (topo_channel(&connd->peer, &worker->peer, fd) == -1) {
		log_warn("parting %s from its sessions", worker->name);
		return;
	}
	(void)close(fd[1]);
	(void)send_peer(connd, &worker->peer, fd[0]);
}

static void
on_log_gone(struct chan *c, enum chan_violation why)
{
	struct super *s = chan_ctx(c);

	(void)why;
	log_set_chan(NULL);
	chan_free(c);
	s->log = NULL;
}

int
wire_log(struct super *s)
{
	static const struct chan_msg none[1];
	const struct peer self = { PROC_MASTER, PROC_SIDE_NONE, 0 };
	const struct peer logd = { PROC_LOGD, PROC_SIDE_NONE, 0 };
	struct chan_spec spec = {
		.name = "logd",
		.msgs = none,
		.ctx = s,
		.on_violation = on_log_gone,
	};
	struct instance *to = super_find(s, &logd);
	int fd[2];

	if (to == NULL)
		return -1;
	if (topo_channel(&self, &logd, fd) == -1) {
		log_warn("channel to logd");
		return -1;
	}
	if (send_peer(to, &self, fd[1]) == -1) {
		(void)close(fd[0]);
		return -1;
	}
	if (s->log != NULL) {
		log_set_chan(NULL);
		chan_free(s->log);
	}
	s->log = chan_new(s->ev, fd[0], &spec);
	/* while the first start may still fail, its reason goes to stderr */
	if (s->phase != PHASE_STARTING)
		log_set_chan(s->log);
	return s->log != NULL ? 0 : -1;
}
