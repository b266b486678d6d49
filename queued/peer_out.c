/* SPDX-License-Identifier: ISC */
/*
 * The channels to smtpd-out: sessions and jobs go out, what became of them
 * comes back.
 */
#include <sys/mman.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/fdio.h"
#include "common/base/log.h"
#include "queued/edges.h"

#define QUEUE_MAX (32UL * 1024 * 1024)
#define COPY_SIZE (256 * 1024)

struct deliverer {
	struct edges *edges;
	struct peer peer;
	struct chan *chan; /* NULL: being replaced */
};

static struct deliverer deliverers[NSIDES][CONF_WORKERS_MAX];

static struct deliverer *
deliverer_of(const struct session *s)
{
	return &deliverers[s->worker->side][s->worker->index];
}

/* --- what the queue wants --- */

int
out_open(void *edges, const struct session *s)
{
	struct deliverer *d = deliverer_of(s);
	struct iovec iov = { s->dest->hop, s->dest->hop_len };

	(void)edges;
	if (d->chan == NULL) {
		errno = EPIPE;
		return -1;
	}
	return chan_sendv(d->chan, QO_REQ_OPEN, s->id, &iov, 1, -1);
}

int
out_job(void *edges, const struct session *s, struct ibuf *job, int fd)
{
	struct deliverer *d = deliverer_of(s);

	(void)edges;
	if (d->chan == NULL) {
		if (fd != -1)
			(void)close(fd);
		errno = EPIPE;
		return -1;
	}
	return chan_send(d->chan, QO_REQ_JOB, s->id, job, fd);
}

int
out_close(void *edges, const struct session *s)
{
	struct deliverer *d = deliverer_of(s);

	(void)edges;
	if (d->chan == NULL) {
		errno = EPIPE;
		return -1;
	}
	return chan_send(d->chan, QO_REQ_CLOSE, s->id, NULL, -1);
}

void
out_scratch(void *edges, struct ibuf *b)
{
	(void)edges;
	chan_scratch(b);
}

static int
copy_body(struct store *st, struct store_loc loc, uint64_t size, int fd)
{
	uint8_t *buf;
	ssize_t n;
	int rc = -1;

	if ((buf = malloc(size > 0 ? size : 1)) == NULL)
		return -1;
	/* the whole body in one read: so its checksum is looked at */
	n = store_read(st, loc, 0, buf, size);
	if (n >= 0 && (uint64_t)n != size) {
		errno = EBADMSG;
		n = -1;
	}
	if (n != -1)
		rc = fd_write_all(fd, buf, size);
	free(buf);
	return rc;
}

/* A body in the log is copied: a segment holds other people's mail, too. */
int
out_body_fd(void *edges, struct store *st, struct store_loc loc, uint64_t size)
{
	int fd, saved;

	(void)edges;
	fd = store_open_body(st, loc);
	if (fd != -1 || errno != EINVAL)
		return fd;
	fd = memfd_create("message", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd == -1)
		return -1;
	if (copy_body(st, loc, size, fd) == -1 ||
	    fcntl(fd, F_ADD_SEALS,
		F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) ==
		-1) {
		saved = errno;
		(void)close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

/* --- what the worker says --- */

static struct worker *
worker_of(const struct deliverer *d)
{
	return sessions_worker(&d->edges->queue.sessions,
	    (enum side)d->peer.side, d->peer.index);
}

static int
on_ready(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct deliverer *d = chan_ctx(ch);
	struct qo_relay relay;

	(void)fd;
	if (get_qo_relay(b, &relay) == -1 || ibuf_get_end(b) == -1)
		return -1;
	edges_time(d->edges);
	return queue_ready(&d->edges->queue, worker_of(d), id);
}

static int
on_result(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	static struct q_outcome outcomes[QO_RCPTS_MAX];
	struct deliverer *d = chan_ctx(ch);
	struct qo_result m;
	uint16_t i;

	(void)fd;
	if (get_qo_result(b, &m) == -1)
		return -1;
	for (i = 0; i < m.n; i++)
		if (ibuf_get_n16(b, &outcomes[i].rcpt) == -1 ||
		    get_qo_outcome(b, &outcomes[i].outcome) == -1)
			return -1;
	if (ibuf_get_end(b) == -1)
		return -1;
	edges_time(d->edges);
	return queue_result(&d->edges->queue, worker_of(d), id, &m, outcomes);
}

static int
on_gone(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct deliverer *d = chan_ctx(ch);
	struct qo_gone m;

	(void)fd;
	if (get_qo_gone(b, &m) == -1)
		return -1;
	edges_time(d->edges);
	return queue_gone(&d->edges->queue, worker_of(d), id, &m);
}

static const struct chan_msg msgs[] = {
	{ QO_ANS_READY, QO_RELAY_MIN, QO_RELAY_MAX, FD_NONE, CHAN_ANY,
	    on_ready },
	{ QO_ANS_RESULT, QO_RESULT_MIN, QO_RESULT_MAX, FD_NONE, CHAN_ANY,
	    on_result },
	{ QO_ANS_GONE, QO_GONE_MIN, QO_GONE_MAX, FD_NONE, CHAN_ANY, on_gone },
};

static void
lost(struct deliverer *d)
{
	chan_free(d->chan);
	d->chan = NULL;
	edges_time(d->edges);
	queue_worker_down(&d->edges->queue, (enum side)d->peer.side,
	    d->peer.index);
}

static void
on_violation(struct chan *ch, enum chan_violation v)
{
	struct deliverer *d = chan_ctx(ch);

	child_violation(d->edges->child, &d->peer, v);
	lost(d);
}

void
out_peer(struct edges *e, const struct peer *p, int fd)
{
	struct chan_spec spec = { .msgs = msgs,
		.nmsgs = sizeof(msgs) / sizeof(msgs[0]),
		.send_fds = true,
		.queue_max = QUEUE_MAX,
		.on_violation = on_violation };
	struct deliverer *d;

	if (p->side >= NSIDES || p->index >= CONF_WORKERS_MAX) {
		(void)close(fd);
		return;
	}
	d = &deliverers[p->side][p->index];
	if (d->chan != NULL)
		lost(d);
	d->edges = e;
	d->peer = *p;
	spec.ctx = d;
	if ((d->chan = edges_chan(e, p, fd, &spec)) == NULL)
		return;
	edges_time(e);
	queue_worker_up(&e->queue, (enum side)p->side, p->index);
}
