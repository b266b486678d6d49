/* SPDX-License-Identifier: ISC */
#include <sys/socket.h>

#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "common/base/ev.h"
#include "master/config.h"
#include "regress/hostile/chan_master_stage.h"

struct super super;
struct instance *child, *last_killed;
unsigned others_killed, wired, asked, reopened, committed;
static struct conf conf;
static struct config config = { .conf = &conf };
static int mine;

/* --- the rest of posternd --- */

void
instance_kill(struct instance *i, const char *why)
{
	(void)why;
	last_killed = i;
	if (i != child)
		others_killed++;
}

void
wire_pair(struct instance *a, struct instance *b)
{
	assert(a == child);
	assert(topo_slot(&a->peer, &b->peer) > 0);
	wired++;
}

struct instance *
super_find(struct super *s, const struct peer *p)
{
	uint32_t n;

	return topo_number(p, &n) == -1 ? NULL : &s->inst[n];
}

void
commit_check(struct super *s)
{
	assert(s == &super);
	committed++;
}

static void
on_request(void *arg, struct instance *i, uint16_t type, uint32_t id)
{
	(void)arg;
	(void)id;
	assert(i == child);
	assert(i->peer.proc == PROC_CTLD);
	assert(type >> 8 == EDGE_CTL_MASTER);
	asked++;
}

static void
on_reopen(void *arg, struct instance *i)
{
	(void)arg;
	assert(i->peer.proc == PROC_LOGD);
	reopened++;
}

static const struct super_hooks hooks = {
	.request = on_request,
	.reopen = on_reopen,
};

/* --- the stage --- */

static bool
one_turn(void *arg)
{
	(void)arg;
	ev_break(super.ev);
	return false;
}

void
stage_begin(const struct peer *p)
{
	uint32_t n, number;
	struct chan_spec spec;
	int fd[2], rc;

	memset(&super, 0, sizeof(super));
	super.hooks = &hooks;
	super.config = &config;
	super.phase = PHASE_RUNNING;
	super.serial = 1000;
	super.ev = ev_new();
	assert(super.ev != NULL);
	ev_hook(super.ev, one_turn, NULL);
	conf.generation = 3;
	for (n = 0; n < TOPO_INSTANCES; n++) {
		super.inst[n].super = &super;
		super.inst[n].number = n;
		super.inst[n].life = LIFE_READY;
		super.inst[n].born = super.inst[n].pong = 10;
		topo_peer(n, &super.inst[n].peer);
		(void)peer_name(&super.inst[n].peer, super.inst[n].name);
	}
	rc = topo_number(p, &number);
	assert(rc == 0);
	child = &super.inst[number];
	last_killed = NULL;
	others_killed = wired = asked = reopened = committed = 0;
	msgs_spec(child, &spec);
	rc = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0, fd);
	assert(rc == 0);
	mine = fd[0];
	child->chan = chan_new(super.ev, fd[1], &spec);
	assert(child->chan != NULL);
}

void
stage_end(void)
{
	chan_free(child->chan);
	(void)close(mine);
	ev_free(super.ev);
}

int
stage_send(const void *data, size_t len, int nfds)
{
	union {
		struct cmsghdr align;
		uint8_t buf[CMSG_SPACE(8 * sizeof(int))];
	} control;
	struct iovec iov = { (void *)(uintptr_t)data, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	int fds[8] = { 0 };
	size_t size = (size_t)nfds * sizeof(int);

	assert(nfds >= 0 && size <= sizeof(fds));
	memset(&control, 0, sizeof(control));
	if (nfds > 0) {
		msg.msg_control = control.buf;
		msg.msg_controllen = CMSG_SPACE(size);
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(size);
		memcpy(CMSG_DATA(&control.align), fds, size);
	}
	return sendmsg(mine, &msg, MSG_NOSIGNAL) == (ssize_t)len ? 0 : -1;
}
