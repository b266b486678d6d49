/* SPDX-License-Identifier: ISC */
/* link: common/msg.a common/base.a */
/*
 * queued by itself, as posternd and all its peers at once would have it: this
 * program starts it in its sandbox on a spool of its own, submits messages by
 * one side's smtpd-in, plays dird and smtpd-out, and counts what each message
 * costs queued.  Needs root, as posternd does.
 *
 *	queued_drive -q build/queued/queued -d DIR [-n messages] [-c at once]
 *	    [-s bytes] [-r recipients] [-u uid] [-k] [-b]
 *
 * -k: kill it with SIGKILL in the middle and start it again on the same spool;
 * -b: backlog: nothing can be delivered until all is submitted (with -k: then
 * it is killed, and the time from its start to the first job is shown).
 * Exit status 0: every message that was acknowledged was delivered.
 */
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "common/base/chan.h"
#include "common/base/conf.h"
#include "common/base/ev.h"
#include "common/base/log.h"
#include "common/msg/child_conf.h"
#include "common/msg/child_master.h"
#include "common/msg/in_queue.h"
#include "common/msg/log.h"
#include "common/msg/queue_dir.h"
#include "common/msg/queue_out.h"

#define GRANT                                                                  \
	(CC_G_GLOBAL | CC_G_LIMITS | CC_G_SCHEDULE | CC_G_DOMAINS |            \
	    CC_G_CONNECTORS | CC_G_SIDE_EXT | CC_G_SIDE_INT | CC_G_ACCEPT)
#define AT_ONCE_MAX 4096
#define SESSIONS    1024

enum slot { SLOT_MASTER, SLOT_LOG, SLOT_IN, SLOT_OUT, SLOT_DIR, NSLOTS };

static struct {
	const char *program, *dir;
	unsigned messages, at_once, size, rcpts, uid;
	bool kill, backlog;
} opt = { .messages = 20000,
	.at_once = 20,
	.size = 4096,
	.rcpts = 1,
	.uid = 65534 };

static struct ev *ev;
static struct chan *chans[NSLOTS];
static pid_t pid;
static struct conf *conf;
static char *body;

static unsigned sent, answered, acked, refused, lines, restarts;
static uint64_t delivered; /* recipients; after a restart each but once */
static uint8_t *seen;	   /* message number -> times delivered, summed */
static uint64_t *ack_at;   /* us */
static double *latency;	   /* ms from DONE to the job */
static unsigned nlatency;
static bool killed;
static uint64_t started, ended, restarted, first_job;
static uint32_t held_back[SESSIONS]; /* sessions not yet said READY */
static unsigned nheld_back;

static uint64_t
now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* --- posternd's part --- */

static void
send_to_child(uint16_t type, struct ibuf *b, int fd)
{
	if (chan_send(chans[SLOT_MASTER], type, 0, b, fd) == -1)
		err(1, "queued");
}

static int
send_item(void *arg, uint16_t type, struct ibuf *b)
{
	(void)arg;
	send_to_child(type, b, -1);
	return 0;
}

static int
nothing(struct chan *c, uint32_t id, struct ibuf *b, int fd)
{
	(void)c;
	(void)id;
	(void)b;
	(void)fd;
	return 0;
}

static int
on_drained(struct chan *c, uint32_t id, struct ibuf *b, int fd)
{
	(void)c;
	(void)id;
	(void)b;
	(void)fd;
	ev_break(ev);
	return 0;
}

static int
on_complaint(struct chan *c, uint32_t id, struct ibuf *b, int fd)
{
	(void)c;
	(void)id;
	(void)b;
	(void)fd;
	errx(1, "queued says that a peer broke its contract");
}

static const struct chan_msg master_msgs[] = {
	{ CM_ANS_SANDBOXED, 0, CHAN_PAYLOAD_MAX, FD_NONE, CHAN_ANY, nothing },
	{ CM_ANS_READY, 0, CHAN_PAYLOAD_MAX, FD_NONE, CHAN_ANY, nothing },
	{ CM_ANS_VIOLATION, 0, CHAN_PAYLOAD_MAX, FD_NONE, CHAN_ANY,
	    on_complaint },
	{ CM_ANS_DRAINED, 0, 0, FD_NONE, CHAN_ANY, on_drained },
};

static int
on_lines(struct chan *c, uint32_t id, struct ibuf *b, int fd)
{
	struct lg_line l;

	(void)c;
	(void)id;
	(void)fd;
	while (ibuf_size(b) > 0) {
		if (get_lg_line(b, &l) == -1)
			return -1;
		lines++;
		if (l.level <= LOG_L_WARN)
			(void)fprintf(stderr, "%.*s\n", (int)l.len, l.text);
	}
	return 0;
}

static const struct chan_msg log_msgs[] = {
	{ LG_LINES, LG_LINES_MIN, LG_LINES_MAX, FD_NONE, CHAN_ANY, on_lines },
	{ LG_DROPPED, 0, 0, FD_NONE, CHAN_ANY, nothing },
};

/* --- smtpd-in's --- */

static void
submit(void)
{
	static struct iq_commit c;
	static struct msg_rcpt r;
	struct iovec iov[2];
	struct ibuf b;
	unsigned i;

	memset(&c, 0, sizeof(c));
	(void)netaddr_parse(&c.client, "198.51.100.7");
	c.flags = MSG_F_ESMTP;
	c.size = opt.size;
	(void)strlcpy(c.helo, "client.example.net", sizeof(c.helo));
	/* the number travels in the sender: it comes back with the job */
	(void)snprintf(c.sender, sizeof(c.sender), "s%u@example.net", sent);
	c.nrcpt = (uint16_t)opt.rcpts;
	chan_scratch(&b);
	(void)put_iq_commit(&b, &c);
	for (i = 0; i < opt.rcpts; i++) {
		memset(&r, 0, sizeof(r));
		r.index = (uint16_t)i;
		(void)snprintf(r.addr, sizeof(r.addr), "user%u@example.com", i);
		(void)put_rcpt(&b, &r);
	}
	iov[0].iov_base = b.mem;
	iov[0].iov_len = b.wpos;
	iov[1].iov_base = body;
	iov[1].iov_len = opt.size;
	if (ibuf_failed(&b) ||
	    chan_sendv(chans[SLOT_IN], IQ_REQ_COMMIT, sent, iov, 2, -1) == -1)
		err(1, "submitting");
	sent++;
}

static void release_sessions(void);
static void restart(void);

static int
on_done(struct chan *c, uint32_t id, struct ibuf *b, int fd)
{
	struct iq_done m;

	(void)c;
	(void)fd;
	if (get_iq_done(b, &m) == -1 || id >= opt.messages)
		errx(1, "a malformed answer");
	answered++;
	if (m.verdict == IQ_OK) {
		acked++;
		ack_at[id] = now_us();
	} else {
		refused++;
	}
	if (opt.kill && !killed &&
	    answered == opt.messages / (opt.backlog ? 1 : 2)) {
		killed = true;
		if (opt.backlog)
			release_sessions();
		restart();
		return 0;
	}
	if (sent < opt.messages)
		submit();
	else if (answered == sent && opt.backlog)
		release_sessions();
	return 0;
}

static const struct chan_msg in_msgs[] = {
	{ IQ_ANS_DONE, IQ_DONE_LEN, IQ_DONE_LEN, FD_NONE, CHAN_ANY, on_done },
	{ IQ_NOTE_ROOM, IQ_ROOM_LEN, IQ_ROOM_LEN, FD_NONE, CHAN_ANY, nothing },
};

/* --- smtpd-out's --- */

static void
say_ready(uint32_t id)
{
	struct qo_relay relay = { .name = "mail.corp.example.com" };
	struct ibuf b;

	(void)netaddr_parse(&relay.addr, "10.0.0.14");
	chan_scratch(&b);
	(void)put_qo_relay(&b, &relay);
	(void)chan_send(chans[SLOT_OUT], QO_ANS_READY, id, &b, -1);
}

static void
release_sessions(void)
{
	unsigned i;

	started = now_us();
	opt.backlog = false;
	for (i = 0; i < nheld_back; i++)
		say_ready(held_back[i]);
	nheld_back = 0;
}

static int
on_open(struct chan *c, uint32_t id, struct ibuf *b, int fd)
{
	static struct msg_hop hop;

	(void)c;
	(void)fd;
	if (get_hop(b, &hop) == -1)
		errx(1, "a malformed OPEN");
	if (opt.backlog && nheld_back < SESSIONS)
		held_back[nheld_back++] = id;
	else
		say_ready(id);
	return 0;
}

static void
take_job(const struct qo_job *j)
{
	unsigned n = (unsigned)strtoul(j->sender + 1, NULL, 10);

	if (n >= opt.messages)
		errx(1, "a message that nobody sent");
	/* a message of one job comes again only because of a restart */
	if (seen[n] == 0 || opt.rcpts > QO_RCPTS_MAX)
		delivered += j->nrcpt;
	if (seen[n] < 250)
		seen[n]++;
	if (ack_at[n] != 0 && nlatency < opt.messages)
		latency[nlatency++] = (double)(now_us() - ack_at[n]) / 1e3;
}

static int
on_job(struct chan *c, uint32_t id, struct ibuf *b, int fd)
{
	static struct qo_job j;
	static struct msg_rcpt r[QO_RCPTS_MAX];
	static struct qo_result res;
	static const struct qo_outcome ok = { QO_DELIVERED, REASON_DELIVERED,
		250, "2.0.0", "2.0.0 Ok: queued as 4711" };
	struct ibuf out;
	uint16_t i;

	if (restarted != 0 && first_job == 0)
		first_job = now_us();
	if (get_qo_job(b, &j) == -1 || j.nrcpt > QO_RCPTS_MAX)
		errx(1, "a malformed job");
	for (i = 0; i < j.nrcpt; i++)
		if (get_rcpt(b, &r[i]) == -1)
			errx(1, "a malformed recipient");
	if (!j.in_fd &&
	    (ibuf_size(b) != j.size ||
		memcmp((const char *)ibuf_data(b) + j.size - opt.size, body,
		    opt.size) != 0))
		errx(1, "a message was changed");
	if (fd != -1)
		(void)close(fd);
	take_job(&j);
	res.msgid = j.msgid;
	res.keep = true;
	res.n = j.nrcpt;
	(void)strlcpy(res.relay.name, "mail.corp.example.com",
	    sizeof(res.relay.name));
	(void)netaddr_parse(&res.relay.addr, "10.0.0.14");
	chan_scratch(&out);
	(void)put_qo_result(&out, &res);
	for (i = 0; i < j.nrcpt; i++) {
		(void)ibuf_add_n16(&out, r[i].index);
		(void)put_qo_outcome(&out, &ok);
	}
	(void)chan_send(c, QO_ANS_RESULT, id, &out, -1);
	if (delivered >= (uint64_t)acked * opt.rcpts && answered == sent &&
	    sent == opt.messages) {
		ended = now_us();
		send_to_child(CM_REQ_DRAIN, NULL, -1);
	}
	return 0;
}

static int
on_close(struct chan *c, uint32_t id, struct ibuf *b, int fd)
{
	static struct qo_gone g = { .was_ready = true,
		.outcome = { QO_DEFERRED, REASON_NONE, 0, "2.0.0", "" } };
	struct ibuf out;

	(void)b;
	(void)fd;
	chan_scratch(&out);
	(void)put_qo_gone(&out, &g);
	(void)chan_send(c, QO_ANS_GONE, id, &out, -1);
	return 0;
}

static const struct chan_msg out_msgs[] = {
	{ QO_REQ_OPEN, MSG_HOP_MIN, MSG_HOP_MAX, FD_NONE, CHAN_ANY, on_open },
	{ QO_REQ_JOB, QO_JOB_MIN, CHAN_PAYLOAD_MAX, FD_OPT, CHAN_ANY, on_job },
	{ QO_REQ_CLOSE, 0, 0, FD_NONE, CHAN_ANY, on_close },
};

/* --- dird's --- */

static int
on_ask(struct chan *c, uint32_t id, struct ibuf *b, int fd)
{
	static struct qd_route route = { .verdict = QD_OK,
		.scope = QD_SCOPE_DOMAIN,
		.hop = { .kind = CONF_ROUTE_HOSTS, .nhosts = 1 } };
	struct ibuf out;

	(void)b;
	(void)fd;
	(void)strlcpy(route.hop.hosts[0].name, "mail.corp.example.com",
	    sizeof(route.hop.hosts[0].name));
	route.hop.hosts[0].port = 25;
	chan_scratch(&out);
	if (put_qd_route(&out, &route) == -1)
		errx(1, "route");
	(void)chan_send(c, QD_ANS_ROUTE, id, &out, -1);
	return 0;
}

static const struct chan_msg dir_msgs[] = {
	{ QD_REQ_ROUTE, MSG_ASK_LEN, MSG_ASK_LEN, FD_NONE, CHAN_ANY, on_ask },
};

/* --- start --- */

static void
on_gone(struct chan *c, enum chan_violation v)
{
	(void)c;
	if (v != CHAN_V_CLOSED)
		errx(1, "channel to queued: %s", chan_violation_name(v));
}

static int
make_chan(enum slot slot, const struct chan_msg *msgs, size_t n)
{
	struct chan_spec spec = { .name = "queued",
		.msgs = msgs,
		.nmsgs = n,
		.recv_fds = slot == SLOT_OUT,
		.send_fds = slot == SLOT_MASTER || slot == SLOT_IN,
		.queue_max = 256UL * 1024 * 1024,
		.on_violation = on_gone };
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) == -1)
		err(1, "socketpair");
	chan_free(chans[slot]);
	chans[slot] = chan_new(ev, sv[0], &spec);
	if (chans[slot] == NULL)
		err(1, "channel");
	return sv[1];
}

static void
give_peer(enum slot slot, enum proc proc, unsigned side, int fd)
{
	struct cm_peer m = { .peer = { proc, (uint8_t)side, 0 },
		.slot = (uint16_t)slot };
	struct ibuf b;

	chan_scratch(&b);
	if (put_cm_peer(&b, &m) == -1)
		errx(1, "peer");
	send_to_child(CM_REQ_PEER, &b, fd);
}

static void
say_hello(void)
{
	static struct cm_hello hello = { .version = CM_VERSION,
		.self = { PROC_QUEUED, PROC_SIDE_NONE, 0 },
		.nslots = NSLOTS };
	struct ibuf b;

	hello.uid = hello.gid = opt.uid;
	if (strlcpy(hello.chroot_dir, opt.dir, sizeof(hello.chroot_dir)) >=
	    sizeof(hello.chroot_dir))
		errx(1, "%s: too long", opt.dir);
	chan_scratch(&b);
	if (put_cm_hello(&b, &hello) == -1)
		errx(1, "hello");
	send_to_child(CM_REQ_HELLO, &b, -1);
}

#define N(a) (sizeof(a) / sizeof((a)[0]))

static void
start_queued(void)
{
	int fd = make_chan(SLOT_MASTER, master_msgs, N(master_msgs));

	pid = fork();
	if (pid == -1)
		err(1, "fork");
	if (pid == 0) {
		if (dup2(fd, 3) == -1)
			_exit(127);
		(void)execl(opt.program, opt.program, (char *)NULL);
		_exit(127);
	}
	(void)close(fd);
	say_hello();
	give_peer(SLOT_LOG, PROC_LOGD, PROC_SIDE_NONE,
	    make_chan(SLOT_LOG, log_msgs, N(log_msgs)));
	if (cc_encode(conf, GRANT, send_item, NULL) == -1)
		errx(1, "configuration");
	give_peer(SLOT_DIR, PROC_DIRD, PROC_SIDE_NONE,
	    make_chan(SLOT_DIR, dir_msgs, N(dir_msgs)));
	give_peer(SLOT_IN, PROC_SMTPD_IN, SIDE_EXT,
	    make_chan(SLOT_IN, in_msgs, N(in_msgs)));
	give_peer(SLOT_OUT, PROC_SMTPD_OUT, SIDE_INT,
	    make_chan(SLOT_OUT, out_msgs, N(out_msgs)));
}

static void
fill_window(void)
{
	while (sent < opt.messages && sent - answered < opt.at_once)
		submit();
}

/* In the middle of everything; what was not answered is sent once more. */
static void
restart(void)
{
	if (kill(pid, SIGKILL) == -1 || waitpid(pid, NULL, 0) != pid)
		err(1, "kill");
	restarts++;
	nheld_back = 0;
	restarted = now_us();
	start_queued();
	sent = answered;
	fill_window();
}

static void
make_conf(void)
{
	struct conf_domain *d;

	conf = conf_new();
	if (conf == NULL || (d = conf_add_domain(conf)) == NULL)
		err(1, "memory");
	conf->generation = 1;
	(void)strlcpy(conf->hostname, "gw.example.com", sizeof(conf->hostname));
	(void)strlcpy(d->name, "example.com", sizeof(d->name));
	d->rcpt_kind = CONF_RCPT_ANY;
	conf->limits.spool_in = conf->limits.spool_out =
	    64ULL * 1024 * 1024 * 1024;
	conf_seal(conf);
}

static int
by_size(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static int
report(void)
{
	unsigned i, lost = 0, twice = 0;
	struct rusage ru;
	double cpu, secs = (double)(ended - started) / 1e6;

	if (wait4(pid, NULL, 0, &ru) != pid)
		err(1, "wait");
	for (i = 0; i < opt.messages; i++) {
		lost += ack_at[i] != 0 && seen[i] == 0;
		twice +=
		    seen[i] > (opt.rcpts + QO_RCPTS_MAX - 1) / QO_RCPTS_MAX;
	}
	cpu = (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1e6 +
	    (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec);
	qsort(latency, nlatency, sizeof(latency[0]), by_size);
	(void)printf("%u acknowledged, %u refused, %u lost, %u doubled, "
		     "%u restarts\n",
	    acked, refused, lost, twice, restarts);
	(void)printf("%.0f msg/s, %.1f us CPU a message (%.1f user, %.1f "
		     "system), %.2f ms to a job at the median, %ld KiB, "
		     "%u lines\n",
	    (double)acked / secs, cpu / acked,
	    ((double)ru.ru_utime.tv_sec * 1e6 + (double)ru.ru_utime.tv_usec) /
		acked,
	    ((double)ru.ru_stime.tv_sec * 1e6 + (double)ru.ru_stime.tv_usec) /
		acked,
	    nlatency > 0 ? latency[nlatency / 2] : 0.0, ru.ru_maxrss, lines);
	if (restarts > 0)
		(void)printf("%.2f s from its start to the first job\n",
		    (double)(first_job - restarted) / 1e6);
	return lost > 0 || (twice > 0 && restarts == 0);
}

static unsigned
number(const char *s)
{
	const char *why;
	long long n = strtonum(s, 0, 100000000, &why);

	if (why != NULL)
		errx(2, "%s: %s", s, why);
	return (unsigned)n;
}

static void
options(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "q:d:n:c:s:r:u:kb")) != -1) {
		switch (c) {
		case 'q':
			opt.program = optarg;
			break;
		case 'd':
			opt.dir = optarg;
			break;
		case 'n':
			opt.messages = number(optarg);
			break;
		case 'c':
			opt.at_once = number(optarg);
			break;
		case 's':
			opt.size = number(optarg);
			break;
		case 'r':
			opt.rcpts = number(optarg);
			break;
		case 'u':
			opt.uid = number(optarg);
			break;
		case 'k':
			opt.kill = true;
			break;
		case 'b':
			opt.backlog = true;
			break;
		default:
			errx(2, "wrong option");
		}
	}
	if (opt.program == NULL || opt.dir == NULL || opt.rcpts == 0 ||
	    opt.rcpts > (opt.kill ? QO_RCPTS_MAX : 100) ||
	    opt.size > IQ_INLINE_MAX || opt.at_once > AT_ONCE_MAX ||
	    opt.messages == 0)
		errx(2, "see the top of the source");
}

int
main(int argc, char **argv)
{
	unsigned i;

	options(argc, argv);
	log_init("drive", 0);
	body = malloc(opt.size + 1);
	seen = calloc(opt.messages, sizeof(*seen));
	ack_at = calloc(opt.messages, sizeof(*ack_at));
	latency = calloc(opt.messages, sizeof(*latency));
	ev = ev_new();
	if (body == NULL || seen == NULL || ack_at == NULL || latency == NULL ||
	    ev == NULL)
		err(1, "memory");
	for (i = 0; i < opt.size; i++)
		body[i] = i % 64 == 62 ? '\r' : i % 64 == 63 ? '\n' : 'x';
	if (chown(opt.dir, opt.uid, opt.uid) == -1)
		err(1, "%s", opt.dir);
	make_conf();
	start_queued();
	started = now_us();
	fill_window();
	if (ev_loop(ev) == -1)
		err(1, "loop");
	return report();
}
