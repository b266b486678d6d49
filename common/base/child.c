/* SPDX-License-Identifier: ISC */
/*
 * See child.h.
 *
 * Descriptors 3 .. 3 + nslots - 1 are the channels, by slot.  The block is
 * rounded up to a power of two, and what is not (yet) a channel in it is a
 * copy of /dev/null, so that no other descriptor can ever get such a number:
 * the sandbox tells channels from sockets by it.
 */
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/child.h"
#include "common/base/ev.h"
#include "common/base/log.h"
#include "common/base/privdrop.h"
#include "common/base/sandbox.h"
#include "common/base/stats.h"
#include "common/msg/child_conf.h"
#include "common/msg/child_master.h"
#include "common/msg/log.h"

#define MASTER_FD  CAGE_MASTER_FD
#define SLOTS_MAX  (CHAN_BLOCK_MAX - MASTER_FD)

#define HELLO_WAIT 1000 /* ms; posternd ends a child that hangs */

struct child {
	const struct program *program;
	void *ctx;
	struct ev *ev;
	struct cm_hello hello;
	char name[INSTANCE_MAX];
	struct chan *master;
	struct chan *log;
	struct conf *conf;     /* in force; NULL at first */
	struct conf *building; /* between BEGIN and END */
	struct privdrop privdrop;
	struct sandbox sandbox;
	struct sandbox_report report;
	bool draining;
	bool hurried;
};

void *
child_ctx(const struct child *c)
{
	return c->ctx;
}

struct ev *
child_ev(const struct child *c)
{
	return c->ev;
}

const struct conf *
child_conf(const struct child *c)
{
	return c->conf;
}

const struct peer *
child_self(const struct child *c)
{
	return &c->hello.self;
}

struct chan *
child_master(const struct child *c)
{
	return c->master;
}

bool
child_draining(const struct child *c)
{
	return c->draining;
}

bool
child_hurried(const struct child *c)
{
	return c->hurried;
}

const struct privdrop *
child_privdrop(const struct child *c)
{
	return &c->privdrop;
}

const struct sandbox *
child_sandbox(const struct child *c)
{
	return &c->sandbox;
}

struct sandbox_report *
child_report(struct child *c)
{
	return &c->report;
}

bool
child_after_fault(const struct child *c)
{
	return (c->hello.flags & CM_HELLO_FAULT) != 0;
}

/* Messages to posternd are few and small: one that does not go out is fatal. */
static void
tell_master(struct child *c, uint16_t type, uint32_t id, struct ibuf *b)
{
	if (chan_send(c->master, type, id, b, -1) == -1)
		_exit(1);
}

/* --- what posternd says --- */

static int
on_stats(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	(void)ch;
	(void)id;
	(void)b;
	if (stats_attach(fd) == -1)
		log_warn("statistics page");
	return 0;
}

/* It has nothing to say; whoever does has taken its place. */
static void
on_log_gone(struct chan *ch, enum chan_violation v)
{
	const struct peer logd = { PROC_LOGD, PROC_SIDE_NONE, 0 };
	struct child *c = chan_ctx(ch);

	log_set_chan(NULL);
	c->log = NULL;
	chan_free(ch);
	child_violation(c, &logd, v);
}

static void
log_peer(struct child *c, int fd)
{
	static const struct chan_msg none[1];
	struct chan_spec spec = {
		.name = "logd",
		.msgs = none,
		.nmsgs = 0,
		.ctx = c,
		.on_violation = on_log_gone,
	};

	if (c->log != NULL) {
		log_set_chan(NULL);
		chan_free(c->log);
	}
	c->log = chan_new(c->ev, fd, &spec);
	log_set_chan(c->log);
}

static int
on_peer(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct child *c = chan_ctx(ch);
	struct cm_peer p;

	(void)id;
	if (get_cm_peer(b, &p) == -1 || p.slot == 0 ||
	    p.slot >= c->hello.nslots) {
		(void)close(fd);
		return -1;
	}
	if ((fd = chan_place(fd, MASTER_FD + p.slot)) == -1) {
		log_warn("placing a channel");
		return 0;
	}
	if (p.peer.proc == PROC_LOGD)
		log_peer(c, fd);
	else if (c->program->on_peer != NULL)
		c->program->on_peer(c, &p.peer, fd);
	else
		return -1;
	return 0;
}

static int
on_fd(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct child *c = chan_ctx(ch);
	struct cm_fd m;

	(void)id;
	if (get_cm_fd(b, &m) == -1 || c->program->on_fd == NULL) {
		(void)close(fd);
		return -1;
	}
	return c->program->on_fd(c, (enum child_fd)m.kind, m.id, fd);
}

static int
on_ping(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	(void)b;
	(void)fd;
	tell_master(chan_ctx(ch), CM_ANS_PONG, id, NULL);
	return 0;
}

static int
on_drain(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct child *c = chan_ctx(ch);

	(void)b;
	(void)fd;
	c->draining = true;
	c->hurried = id == CM_DRAIN_STOP;
	if (c->program->on_drain != NULL)
		c->program->on_drain(c);
	else
		child_exit(c);
	return 0;
}

static int
on_conf_begin(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct child *c = chan_ctx(ch);
	uint32_t generation;

	(void)id;
	(void)fd;
	if (ibuf_get_n32(b, &generation) == -1 || ibuf_get_end(b) == -1)
		return -1;
	conf_free(c->building);
	if ((c->building = conf_new()) == NULL)
		fatal("configuration");
	c->building->generation = generation;
	return 0;
}

static int
conf_item(struct chan *ch, uint16_t type, struct ibuf *b)
{
	struct child *c = chan_ctx(ch);

	return c->building == NULL ? -1 : cc_decode(c->building, type, b);
}

static int
on_conf_end(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct child *c = chan_ctx(ch);
	struct conf *old = c->conf, *new = c->building;
	struct cm_ready ready;
	struct ibuf out;

	(void)id;
	(void)b;
	(void)fd;
	if (new == NULL)
		return -1;
	conf_seal(new);
	c->building = NULL;
	if (c->program->on_conf != NULL)
		c->program->on_conf(c, new);
	c->conf = new;
	conf_free(old);
	ready.generation = new->generation;
	chan_scratch(&out);
	if (put_cm_ready(&out, &ready) == -1)
		return -1;
	tell_master(c, CM_ANS_READY, 0, &out);
	return 0;
}

/* A handler is not told the type, so each item has one of its own. */
#define CONF_HANDLER(type)                                                     \
	static int on_##type(struct chan *ch, uint32_t id, struct ibuf *b,     \
	    int fd)                                                            \
	{                                                                      \
		(void)id;                                                      \
		(void)fd;                                                      \
		return conf_item(ch, type, b);                                 \
	}
CONF_HANDLER(CC_GLOBAL)
CONF_HANDLER(CC_LIMITS)
CONF_HANDLER(CC_SCHEDULE)
CONF_HANDLER(CC_SIDE)
CONF_HANDLER(CC_PREFIX)
CONF_HANDLER(CC_LISTENER)
CONF_HANDLER(CC_DOMAIN)
CONF_HANDLER(CC_CONNECTOR)
CONF_HANDLER(CC_HOST)
CONF_HANDLER(CC_TLS)
CONF_HANDLER(CC_CERT)
CONF_HANDLER(CC_ACCEPT_CERT)
CONF_HANDLER(CC_TLS_OUT)
CONF_HANDLER(CC_ANCHORS)
CONF_HANDLER(CC_SCHEDULE_OF)
CONF_HANDLER(CC_PACE)
CONF_HANDLER(CC_SOURCE)

#define CONF_ITEM(type)                                                        \
	{                                                                      \
		type, 0, CC_ITEM_MAX, FD_NONE, CHAN_ANY, on_##type             \
	}
static const struct chan_msg master_msgs[] = {
	{ CM_REQ_STATS, 0, 0, FD_ONE, CHAN_ANY, on_stats },
	{ CM_REQ_PEER, CM_PEER_LEN, CM_PEER_LEN, FD_ONE, CHAN_ANY, on_peer },
	{ CM_REQ_FD, CM_FD_LEN, CM_FD_LEN, FD_ONE, CHAN_ANY, on_fd },
	{ CM_REQ_PING, 0, 0, FD_NONE, CHAN_ANY, on_ping },
	{ CM_REQ_DRAIN, 0, 0, FD_NONE, CHAN_ANY, on_drain },
	{ CC_BEGIN, 4, 4, FD_NONE, CHAN_ANY, on_conf_begin },
	CONF_ITEM(CC_GLOBAL),
	CONF_ITEM(CC_LIMITS),
	CONF_ITEM(CC_SCHEDULE),
	CONF_ITEM(CC_SIDE),
	CONF_ITEM(CC_PREFIX),
	CONF_ITEM(CC_LISTENER),
	CONF_ITEM(CC_DOMAIN),
	CONF_ITEM(CC_CONNECTOR),
	CONF_ITEM(CC_HOST),
	CONF_ITEM(CC_SCHEDULE_OF),
	CONF_ITEM(CC_PACE),
	CONF_ITEM(CC_SOURCE),
	CONF_ITEM(CC_TLS),
	{ CC_CERT, 0, CC_CERT_MAX, FD_NONE, CHAN_ANY, on_CC_CERT },
	CONF_ITEM(CC_ACCEPT_CERT),
	CONF_ITEM(CC_TLS_OUT),
	{ CC_ANCHORS, 0, CC_CERT_MAX, FD_NONE, CHAN_ANY, on_CC_ANCHORS },
	{ CC_END, 0, 0, FD_NONE, CHAN_ANY, on_conf_end },
};
#define NMASTER (sizeof(master_msgs) / sizeof(master_msgs[0]))

/* posternd is gone, or speaks another language: there is nothing left to do */
static void
on_master_gone(struct chan *ch, enum chan_violation v)
{
	(void)ch;
	(void)v;
	_exit(v == CHAN_V_CLOSED ? 0 : 1);
}

/* --- attaching --- */

static void
read_hello(struct child *c)
{
	struct pollfd wait = { .fd = MASTER_FD, .events = POLLIN };
	uint8_t mem[CHAN_HDR + CM_HELLO_MAX];
	struct ibuf b;
	uint16_t type, zero;
	uint32_t id;
	ssize_t n;

	/* posternd may not have come to it yet, and the socket does not wait */
	while ((n = recv(MASTER_FD, mem, sizeof(mem), 0)) == -1)
		if (errno == EAGAIN)
			(void)poll(&wait, 1, HELLO_WAIT);
		else if (errno != EINTR)
			fatal("this program is started by posternd");
	ibuf_from(&b, mem, (size_t)n);
	if (ibuf_get_n16(&b, &type) == -1 || ibuf_get_n16(&b, &zero) == -1 ||
	    ibuf_get_n32(&b, &id) == -1 || type != CM_REQ_HELLO ||
	    get_cm_hello(&b, &c->hello) == -1)
		fatalx("this program is started by posternd");
	if (c->hello.version != CM_VERSION)
		fatalx("posternd is of another version: %u, not %d",
		    c->hello.version, CM_VERSION);
	if (c->hello.self.proc != c->program->proc || c->hello.nslots == 0 ||
	    c->hello.nslots > SLOTS_MAX)
		fatalx("posternd took me for another program");
}

static void
ignore_signals(void)
{
	static const int ignored[] = { SIGPIPE, SIGXFSZ, SIGINT, SIGTERM,
		SIGHUP, SIGUSR1, SIGUSR2 };
	size_t i;

	for (i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		if (signal(ignored[i], SIG_IGN) == SIG_ERR)
			fatal("signal");
}

/* Started by a person who wants to know what the program may do. */
static void
show(int argc, char **argv, const struct program *p)
{
	const struct sandbox s = {
		.program = proc_name(p->proc),
		.calls = p->cage->calls,
		.ncalls = p->cage->ncalls,
	};
	int status = sandbox_show(argc, argv, &s);

	if (status != -1)
		exit(status);
}

struct child *
child_attach(int argc, char **argv, const struct program *p, void *ctx)
{
	struct child *c;
	struct chan_spec spec = {
		.name = "posternd",
		.recv_fds = true,
		.on_violation = on_master_gone,
	};
	struct chan_msg *msgs;
	unsigned block;

	show(argc, argv, p);
	log_init(proc_name(p->proc), 0);
	ignore_signals();
	if ((c = calloc(1, sizeof(*c))) == NULL)
		fatal("memory");
	c->program = p;
	c->ctx = ctx;
	read_hello(c);
	(void)peer_name(&c->hello.self, c->name);
	log_init(c->name, (c->hello.flags & CM_HELLO_DEBUG) != 0);
	block = cage_block(c->hello.nslots);
	chan_reserve(block);
	cage_fit(p->cage, p->proc, &c->hello, block, &c->privdrop, &c->sandbox);
	if ((c->ev = ev_new()) == NULL)
		fatal("epoll");
	log_gather(true);
	ev_last(c->ev, log_flush);
	sandbox_warm_up();
	conf_free(conf_new()); /* the number of processors, too */
	if ((msgs = calloc(NMASTER + p->nmaster_msgs, sizeof(*msgs))) == NULL)
		fatal("memory");
	memcpy(msgs, master_msgs, sizeof(master_msgs));
	if (p->nmaster_msgs > 0)
		memcpy(msgs + NMASTER, p->master_msgs,
		    p->nmaster_msgs * sizeof(*msgs));
	spec.msgs = msgs;
	spec.nmsgs = NMASTER + p->nmaster_msgs;
	spec.ctx = c;
	if ((c->master = chan_new(c->ev, MASTER_FD, &spec)) == NULL)
		fatal("channel to posternd");
	return c;
}

int
child_loop(struct child *c)
{
	struct cm_sandboxed m = {
		.seccomp = c->report.seccomp,
		.landlock_abi = c->report.landlock_abi,
		.ncalls = c->report.ncalls,
		.missing = c->report.missing,
	};
	struct ibuf b;

	chan_scratch(&b);
	if (put_cm_sandboxed(&b, &m) == -1)
		fatalx("report");
	tell_master(c, CM_ANS_SANDBOXED, 0, &b);
	if (ev_loop(c->ev) == -1)
		fatal("event loop");
	return 0;
}

void
child_violation(struct child *c, const struct peer *peer,
    enum chan_violation kind)
{
	struct cm_violation m = { .peer = *peer, .kind = kind };
	char name[INSTANCE_MAX];
	struct logline l;
	struct ibuf b;

	if (kind == CHAN_V_CLOSED)
		return;
	stats_inc(STAT_VIOLATIONS);
	ll_begin(&l, LOG_L_WARN, "violation");
	ll_cstr(&l, "peer", peer_name(peer, name));
	ll_cstr(&l, "kind", chan_violation_name(kind));
	ll_send(&l);
	chan_scratch(&b);
	if (put_cm_violation(&b, &m) == 0)
		tell_master(c, CM_ANS_VIOLATION, 0, &b);
}

void
child_exit(struct child *c)
{
	tell_master(c, CM_ANS_DRAINED, 0, NULL);
	ev_break(c->ev);
}
