/* SPDX-License-Identifier: ISC */
/*
 * queued: the durable queue.  See queue.h for what it does; here it is given
 * time, peers and the spool.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/stdlib.h>

#include "common/base/log.h"
#include "common/base/privdrop.h"
#include "common/base/stats.h"
#include "queued/edges.h"
#include "queued/spool.h"

static struct edges edges;

void
edges_time(struct edges *e)
{
	queue_time(&e->queue, ev_now(e->ev), ev_realtime(e->ev));
}

struct chan *
edges_chan(struct edges *e, const struct peer *p, int fd,
    struct chan_spec *spec)
{
	char name[INSTANCE_MAX];
	struct chan *c;

	spec->name = peer_name(p, name);
	if ((c = chan_new(e->ev, fd, spec)) == NULL)
		log_warn("channel to %s", name);
	return c;
}

static uint32_t
random_number(void *arg)
{
	(void)arg;
	return arc4random();
}

static const struct q_env env = {
	.arg = &edges,
	.open = out_open,
	.job = out_job,
	.close = out_close,
	.scratch = out_scratch,
	.body_fd = out_body_fd,
	.ask = dir_ask,
	.answer = in_answer,
	.room = in_room,
	.random = random_number,
};

/* --- turns --- */

static void
set_timer(void)
{
	uint64_t next = queue_next(&edges.queue), now = ev_now(edges.ev);

	if (next == SCHED_NEVER)
		ev_timer_del(edges.ev, &edges.timer);
	else if (ev_timer_set(edges.ev, &edges.timer,
		     next > now ? next - now : 0) == -1)
		log_warn("timer");
}

/* After all that peers said in this turn of the loop: one commit for it. */
static bool
on_turn(void *arg)
{
	bool more;

	(void)arg;
	if (!edges.open)
		return false;
	ev_update_time(edges.ev);
	edges_time(&edges);
	more = queue_turn(&edges.queue);
	if (child_draining(edges.child) && queue_quiet(&edges.queue)) {
		child_exit(edges.child);
		return false;
	}
	if (!more)
		set_timer();
	return more;
}

/* The turn that follows does what is due. */
static void
on_timer(struct ev_timer *t)
{
	(void)t;
}

/* --- the spool --- */

static void
open_store(enum q_store which, const char *name, uint64_t quota)
{
	struct store_params params = { .quota = quota };
	int fd;

	if (mkdirat(edges.rootfd, name, 0700) == -1 && errno != EEXIST)
		fatal("spool %s", name);
	fd = openat(edges.rootfd, name,
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd == -1 || fsync(edges.rootfd) == -1)
		fatal("spool %s", name);
	/* the descriptor lives as long as the store, so as long as we do */
	if (queue_open(&edges.queue, which, store_ops_posix(), fd, &params) ==
	    -1)
		fatal("spool %s cannot be used", name);
}

static void
on_conf(struct child *c, const struct conf *conf)
{
	(void)c;
	edges_time(&edges);
	queue_set_conf(&edges.queue, conf);
	if (edges.open)
		return;
	open_store(Q_IN, "in", conf->limits.spool_in);
	open_store(Q_OUT, "out", conf->limits.spool_out);
	edges.open = true;
	queue_start(&edges.queue);
	if (child_after_fault(edges.child)) {
		queue_be_wary(&edges.queue);
		queue_blame(&edges.queue, stats_kept());
	}
}

/* --- posternd --- */

static void
on_peer(struct child *c, const struct peer *p, int fd)
{
	(void)c;
	if (p->proc == PROC_SMTPD_IN)
		in_peer(&edges, p, fd);
	else if (p->proc == PROC_SMTPD_OUT)
		out_peer(&edges, p, fd);
	else if (p->proc == PROC_DIRD)
		dir_peer(&edges, p, fd);
	else
		ctl_peer(&edges, p, fd);
}

static void
on_drain(struct child *c)
{
	if (!edges.open) {
		child_exit(c);
		return;
	}
	edges_time(&edges);
	queue_drain(&edges.queue);
}

int
main(int argc, char **argv)
{
	const struct program program = {
		.proc = PROC_QUEUED,
		.cage = &queued_cage,
		.on_conf = on_conf,
		.on_peer = on_peer,
		.on_drain = on_drain,
	};

	/* posternd gives no arguments: it is the operator */
	if (argc > 1 && strncmp(argv[1], "--", 2) != 0)
		return spool_main(argc, argv);
	edges.child = child_attach(argc, argv, &program, &edges);
	edges.ev = child_ev(edges.child);
	queue_init(&edges.queue, &env);
	ev_hook(edges.ev, on_turn, NULL);
	ev_timer_init(&edges.timer, on_timer, NULL);
	privdrop(child_privdrop(edges.child));
	edges.rootfd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (edges.rootfd == -1)
		fatal("spool");
	sandbox_enter(child_sandbox(edges.child), child_report(edges.child));
	return child_loop(edges.child);
}
