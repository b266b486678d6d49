/* SPDX-License-Identifier: ISC */
/* The table of processes and edges: see topology.h. */
#include <sys/socket.h>

#include <string.h>

#include "common/base/chan.h"
#include "common/base/log.h"
#include "common/msg/child_conf.h"
#include "master/topology.h"

#define EXT	     SIDE_EXT
#define INT	     SIDE_INT
#define NONE	     PROC_SIDE_NONE

#define FD(kind)     (1U << CHILD_FD_##kind)

#define CONND_BUFFER (32 * 1024)

/*
 * The rows.  smtpd-in/int decides about clients and connectors, its twin on
 * the Internet side does not even know that there are any.
 */
const struct topo_program topo_programs[TOPO_PROGRAMS] = {
	{ PROC_LOGD, NONE, "_postern-logd", TOPO_ONE, TOPO_NET_EMPTY,
	    TOPO_ROOT_EMPTY, CC_G_GLOBAL,
	    FD(LOG_FILE) | FD(SYSLOG) | FD(STDERR), TOPO_STAGE_LOG },
	/* ahead of those who ask it: it knows new keys before they do */
	{ PROC_KEYD, NONE, "_postern-keyd", TOPO_ONE, TOPO_NET_EMPTY,
	    TOPO_ROOT_EMPTY, CC_G_GLOBAL, FD(KEYS), TOPO_STAGE_HELP },
	{ PROC_CONND, EXT, "_postern-connd-ext", TOPO_ONE, TOPO_NET_SIDE,
	    TOPO_ROOT_EMPTY,
	    CC_G_GLOBAL | CC_G_LIMITS | CC_G_SIDE_EXT | CC_G_SIDE_INT |
		CC_G_NETWORKS | CC_G_REACH | CC_G_LISTENERS | CC_G_CONNECTORS,
	    FD(LISTENER), TOPO_STAGE_ACCEPT },
	{ PROC_CONND, INT, "_postern-connd-int", TOPO_ONE, TOPO_NET_SIDE,
	    TOPO_ROOT_EMPTY,
	    CC_G_GLOBAL | CC_G_LIMITS | CC_G_SIDE_EXT | CC_G_SIDE_INT |
		CC_G_NETWORKS | CC_G_ACCEPT | CC_G_REACH | CC_G_LISTENERS |
		CC_G_DOMAINS | CC_G_ROUTES,
	    FD(LISTENER), TOPO_STAGE_ACCEPT },
	{ PROC_SMTPD_IN, EXT, "_postern-in-ext", TOPO_WORKERS_IN,
	    TOPO_NET_EMPTY, TOPO_ROOT_EMPTY,
	    CC_G_GLOBAL | CC_G_LIMITS | CC_G_DOMAINS | CC_G_TLS_SERVER_EXT, 0,
	    TOPO_STAGE_IN },
	{ PROC_SMTPD_IN, INT, "_postern-in-int", TOPO_WORKERS_IN,
	    TOPO_NET_EMPTY, TOPO_ROOT_EMPTY,
	    CC_G_GLOBAL | CC_G_LIMITS | CC_G_DOMAINS | CC_G_CONNECTORS |
		CC_G_ACCEPT | CC_G_TLS_SERVER_INT,
	    0, TOPO_STAGE_IN },
	{ PROC_QUEUED, NONE, "_postern-queued", TOPO_ONE, TOPO_NET_EMPTY,
	    TOPO_ROOT_SPOOL,
	    CC_G_GLOBAL | CC_G_LIMITS | CC_G_SCHEDULE | CC_G_DOMAINS |
		CC_G_CONNECTORS | CC_G_SIDE_EXT | CC_G_SIDE_INT | CC_G_ACCEPT |
		CC_G_PACE,
	    0, TOPO_STAGE_QUEUE },
	{ PROC_SMTPD_OUT, EXT, "_postern-out-ext", TOPO_WORKERS_OUT,
	    TOPO_NET_EMPTY, TOPO_ROOT_EMPTY,
	    CC_G_GLOBAL | CC_G_LIMITS | CC_G_LISTENERS | CC_G_TLS_CLIENT_EXT, 0,
	    TOPO_STAGE_OUT },
	{ PROC_SMTPD_OUT, INT, "_postern-out-int", TOPO_WORKERS_OUT,
	    TOPO_NET_EMPTY, TOPO_ROOT_EMPTY,
	    CC_G_GLOBAL | CC_G_LIMITS | CC_G_LISTENERS | CC_G_TLS_CLIENT_INT, 0,
	    TOPO_STAGE_OUT },
	{ PROC_DNSD_EXT, NONE, "_postern-dnsd-ext", TOPO_ONE, TOPO_NET_EMPTY,
	    TOPO_ROOT_EMPTY,
	    CC_G_GLOBAL | CC_G_SIDE_EXT | CC_G_NETWORKS | CC_G_REACH |
		CC_G_DOMAINS | CC_G_ROUTES,
	    0, TOPO_STAGE_HELP },
	{ PROC_DNSD_INT, NONE, "_postern-dnsd-int", TOPO_ONE, TOPO_NET_EMPTY,
	    TOPO_ROOT_EMPTY,
	    CC_G_GLOBAL | CC_G_SIDE_INT | CC_G_NETWORKS | CC_G_DOMAINS |
		CC_G_ROUTES,
	    0, TOPO_STAGE_HELP },
	{ PROC_DIRD, NONE, "_postern-dird", TOPO_ONE, TOPO_NET_EMPTY,
	    TOPO_ROOT_EMPTY, CC_G_GLOBAL | CC_G_DOMAINS | CC_G_ROUTES,
	    FD(RCPT_FILE), TOPO_STAGE_HELP },
	{ PROC_CTLD, NONE, "_postern-ctld", TOPO_ONE, TOPO_NET_EMPTY,
	    TOPO_ROOT_EMPTY, CC_G_GLOBAL, FD(CONTROL) | FD(STATS),
	    TOPO_STAGE_HELP },
};

/*
 * The edges, the whole list; beside it every process has its channel to
 * posternd (slot 0), on which ctld asks posternd as well, and one to logd
 * (slot 1), posternd too.  No row joins the two sides: mail crosses in queued.
 */
static const struct topo_edge edges[] = {
	{ PROC_CONND, EXT, PROC_SMTPD_IN, EXT, TOPO_PASS_TO,
	    "accepted sockets" },
	{ PROC_CONND, INT, PROC_SMTPD_IN, INT, TOPO_PASS_TO,
	    "accepted sockets" },
	{ PROC_SMTPD_IN, EXT, PROC_QUEUED, NONE, TOPO_PASS_TO, "messages in" },
	{ PROC_SMTPD_IN, INT, PROC_QUEUED, NONE, TOPO_PASS_TO, "messages in" },
	{ PROC_SMTPD_IN, EXT, PROC_DIRD, NONE, TOPO_PASS_NONE,
	    "does this recipient exist" },
	{ PROC_SMTPD_IN, INT, PROC_DIRD, NONE, TOPO_PASS_NONE,
	    "does this recipient exist" },
	{ PROC_SMTPD_IN, EXT, PROC_KEYD, NONE, TOPO_PASS_NONE,
	    "sign this handshake with key i" },
	{ PROC_SMTPD_IN, INT, PROC_KEYD, NONE, TOPO_PASS_NONE,
	    "sign this handshake with key i" },
	{ PROC_QUEUED, NONE, PROC_DIRD, NONE, TOPO_PASS_NONE,
	    "route of a local domain" },
	{ PROC_QUEUED, NONE, PROC_SMTPD_OUT, EXT, TOPO_PASS_TO,
	    "messages out" },
	{ PROC_QUEUED, NONE, PROC_SMTPD_OUT, INT, TOPO_PASS_TO,
	    "messages out" },
	{ PROC_SMTPD_OUT, EXT, PROC_CONND, EXT, TOPO_PASS_BACK,
	    "connect me to" },
	{ PROC_SMTPD_OUT, INT, PROC_CONND, INT, TOPO_PASS_BACK,
	    "connect me to" },
	{ PROC_SMTPD_IN, EXT, PROC_DNSD_EXT, NONE, TOPO_PASS_NONE,
	    "has the sender's domain a null MX" },
	{ PROC_SMTPD_OUT, EXT, PROC_DNSD_EXT, NONE, TOPO_PASS_NONE,
	    "MX, A, AAAA, TLSA" },
	{ PROC_SMTPD_OUT, INT, PROC_DNSD_INT, NONE, TOPO_PASS_NONE,
	    "MX, A, AAAA" },
	{ PROC_SMTPD_OUT, EXT, PROC_KEYD, NONE, TOPO_PASS_NONE,
	    "sign this handshake with key i" },
	{ PROC_SMTPD_OUT, INT, PROC_KEYD, NONE, TOPO_PASS_NONE,
	    "sign this handshake with key i" },
	{ PROC_DNSD_EXT, NONE, PROC_CONND, EXT, TOPO_PASS_BACK,
	    "a socket to server i" },
	{ PROC_DNSD_INT, NONE, PROC_CONND, INT, TOPO_PASS_BACK,
	    "a socket to server i" },
	{ PROC_CTLD, NONE, PROC_QUEUED, NONE, TOPO_PASS_NONE,
	    "inspect, operate" },
};

#define NEDGES (sizeof(edges) / sizeof(edges[0]))

/* Edges whose far end comes with a later version; no process, no channel. */
static const struct {
	const char *from, *to, *what;
} planned[] = {
	{ "dird", "connd/int", "LDAP servers" },
	{ "dird", "dnsd-int", "names of LDAP servers" },
};

static const struct peer master = { PROC_MASTER, NONE, 0 };

static uint32_t
places(const struct topo_program *t)
{
	return t->count == TOPO_ONE ? 1 : CONF_WORKERS_MAX;
}

const struct topo_program *
topo_program(const struct peer *p)
{
	size_t i;

	for (i = 0; i < TOPO_PROGRAMS; i++)
		if (topo_programs[i].proc == p->proc &&
		    topo_programs[i].side == p->side)
			return p->index < places(&topo_programs[i])
			    ? &topo_programs[i]
			    : NULL;
	return NULL;
}

void
topo_peer(uint32_t number, struct peer *p)
{
	const struct topo_program *t = topo_programs;

	while (number >= places(t)) {
		number -= places(t);
		t++;
	}
	*p = (struct peer){ t->proc, t->side, (uint8_t)number };
}

int
topo_number(const struct peer *p, uint32_t *number)
{
	const struct topo_program *t, *own = topo_program(p);

	if (own == NULL)
		return -1;
	*number = p->index;
	for (t = topo_programs; t < own; t++)
		*number += places(t);
	return 0;
}

bool
topo_wanted(const struct conf *conf, const struct peer *p)
{
	const struct topo_program *t = topo_program(p);

	if (t == NULL)
		return false;
	switch (t->count) {
	case TOPO_ONE:
		return true;
	case TOPO_WORKERS_IN:
		return p->index < conf->side[t->side].workers_in;
	case TOPO_WORKERS_OUT:
		return p->index < conf->side[t->side].workers_out;
	}
	return false;
}

bool
topo_same(const struct peer *a, const struct peer *b)
{
	return a->proc == b->proc && a->side == b->side && a->index == b->index;
}

static bool
is_end(enum proc proc, uint8_t side, const struct peer *p)
{
	return p->proc == proc && p->side == side;
}

/* Does row e of the edges join a and b, either way round? */
static bool
joins(const struct topo_edge *e, const struct peer *a, const struct peer *b)
{
	return (is_end(e->from, e->from_side, a) &&
		   is_end(e->to, e->to_side, b)) ||
	    (is_end(e->from, e->from_side, b) && is_end(e->to, e->to_side, a));
}

static bool
has_edge(const struct peer *a, const struct peer *b)
{
	size_t i;

	if (topo_same(a, b))
		return false;
	if (a->proc == PROC_LOGD || b->proc == PROC_LOGD)
		return true;
	for (i = 0; i < NEDGES; i++)
		if (joins(&edges[i], a, b))
			return true;
	return false;
}

/*
 * Slots of self beyond those of posternd and logd: the peers in the order of
 * their numbers.  logd itself has posternd's own lines in slot 1.
 */
int
topo_slot(const struct peer *self, const struct peer *peer)
{
	struct peer other;
	uint32_t i;
	int slot = 2;

	if (peer->proc == PROC_MASTER)
		return self->proc == PROC_LOGD ? 1 : 0;
	if (topo_program(peer) == NULL || !has_edge(self, peer))
		return -1;
	if (peer->proc == PROC_LOGD)
		return 1;
	for (i = 0; i < TOPO_INSTANCES; i++) {
		topo_peer(i, &other);
		if (topo_same(&other, peer))
			break;
		if (other.proc != PROC_LOGD && has_edge(self, &other))
			slot++;
	}
	return slot;
}

uint16_t
topo_nslots(const struct peer *self)
{
	struct peer other;
	uint16_t n = 2;
	uint32_t i;

	for (i = 0; i < TOPO_INSTANCES; i++) {
		topo_peer(i, &other);
		if (other.proc != PROC_LOGD && has_edge(self, &other))
			n++;
	}
	return n;
}

/*
 * So that the largest message fits where the default is small.  What connd
 * says is small and carries a socket each time: such a buffer holds as many
 * as one peer may leave unread, and the kernel counts these against connd.
 */
static int
send_buffer(const struct peer *from, const struct peer *to)
{
	if (from->proc == PROC_CONND && to->proc != PROC_MASTER &&
	    to->proc != PROC_LOGD)
		return CONND_BUFFER;
	return 2 * CHAN_MSG_MAX;
}

int
topo_channel(const struct peer *a, const struct peer *b, int fd[2])
{
	const int size[2] = { send_buffer(a, b), send_buffer(b, a) };
	char na[INSTANCE_MAX], nb[INSTANCE_MAX];
	int i;

	if (a->proc != PROC_MASTER && b->proc != PROC_MASTER && !has_edge(a, b))
		fatalx("no edge joins %s and %s", peer_name(a, na),
		    peer_name(b, nb));
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
		0, fd) == -1)
		return -1;
	for (i = 0; i < 2; i++)
		(void)setsockopt(fd[i], SOL_SOCKET, SO_SNDBUF, &size[i],
		    sizeof(size[i]));
	return 0;
}

static const char *
end_name(enum proc proc, uint8_t side, char buf[INSTANCE_MAX])
{
	bool sided = side != NONE;

	(void)snprintf(buf, INSTANCE_MAX, "%s%s%s", proc_name(proc),
	    sided ? "/" : "", sided ? side_name((enum side)side) : "");
	return buf;
}

static void
print_edge(FILE *fp, const char *from, const char *to, uint32_t pass,
    const char *what)
{
	(void)fprintf(fp, "edge %s %s pass=%s \"%s\"\n", from, to,
	    pass == TOPO_PASS_TO	 ? "to"
		: pass == TOPO_PASS_BACK ? "back"
					 : "none",
	    what);
}

static void
print_program(FILE *fp, const struct topo_program *t)
{
	static const char *const counts[] = { "one", "workers-in",
		"workers-out" };
	struct peer p = { t->proc, t->side, 0 };
	char name[INSTANCE_MAX];

	(void)fprintf(fp,
	    "program %s account=%s count=%s net=%s root=%s slots=%u "
	    "grant=0x%x fds=0x%x stage=%d\n",
	    end_name(t->proc, t->side, name), t->account, counts[t->count],
	    t->net == TOPO_NET_EMPTY ? "empty" : "side",
	    t->root == TOPO_ROOT_EMPTY ? "empty" : "spool", topo_nslots(&p),
	    t->grant, t->fds, (int)t->stage);
}

void
topo_print(FILE *fp)
{
	char from[INSTANCE_MAX], to[INSTANCE_MAX];
	size_t i;

	for (i = 0; i < TOPO_PROGRAMS; i++)
		print_program(fp, &topo_programs[i]);
	for (i = 0; i < NEDGES; i++)
		print_edge(fp,
		    end_name(edges[i].from, edges[i].from_side, from),
		    end_name(edges[i].to, edges[i].to_side, to), edges[i].pass,
		    edges[i].what);
	for (i = 0; i < TOPO_PROGRAMS; i++) {
		(void)end_name(topo_programs[i].proc, topo_programs[i].side,
		    from);
		print_edge(fp, from, proc_name(master.proc), TOPO_PASS_BACK,
		    "start, watch, configure");
		if (topo_programs[i].proc != PROC_LOGD)
			print_edge(fp, from, proc_name(PROC_LOGD),
			    TOPO_PASS_NONE, "log lines");
	}
	print_edge(fp, proc_name(master.proc), proc_name(PROC_LOGD),
	    TOPO_PASS_NONE, "log lines");
	for (i = 0; i < sizeof(planned) / sizeof(planned[0]); i++)
		(void)fprintf(fp, "planned %s %s \"%s\"\n", planned[i].from,
		    planned[i].to, planned[i].what);
}
