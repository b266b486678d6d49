/* SPDX-License-Identifier: ISC */
/*
 * The channels from smtpd-in.  What a worker says is its side's and nothing
 * else: the side is the channel's, whatever an envelope claims.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/sys/queue.h>

#include "common/base/log.h"
#include "queued/edges.h"

#define PENDING_MAX 256 /* transactions whose recipients went ahead */
/* and what these may be in all: 64 Ki recipients of the longest kind */
#define PENDING_BYTES (64UL * 1024 * 1024)
#define ALL_SEALS     (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* Recipients that came before their COMMIT, as they were encoded. */
struct pending {
	LIST_ENTRY(pending) entry;
	uint32_t id;
	uint32_t n;
	size_t len, cap;
	uint8_t *data; /* owned */
};

struct submitter {
	struct edges *edges;
	struct peer peer;
	struct chan *chan; /* NULL: being replaced */
	LIST_HEAD(, pending) pending;
	unsigned npending;
	size_t pending_bytes;
};

static struct submitter submitters[NSIDES][CONF_WORKERS_MAX];

/* --- tokens: who submitted, and as what --- */

static uint64_t
token_of(const struct submitter *s, uint32_t id)
{
	uint64_t who =
	    s->peer.side * (uint64_t)CONF_WORKERS_MAX + s->peer.index;

	return who << 32 | id;
}

static struct submitter *
submitter_of(uint64_t token)
{
	uint64_t who = token >> 32;

	return &submitters[who / CONF_WORKERS_MAX][who % CONF_WORKERS_MAX];
}

static void
answer(struct submitter *s, uint32_t id, const struct iq_done *m)
{
	struct ibuf b;

	if (s->chan == NULL)
		return;
	chan_scratch(&b);
	if (put_iq_done(&b, m) == 0)
		(void)chan_send(s->chan, IQ_ANS_DONE, id, &b, -1);
}

void
in_answer(void *edges, uint64_t token, const struct iq_done *m)
{
	(void)edges;
	answer(submitter_of(token), (uint32_t)token, m);
}

/* --- recipients that go ahead --- */

static struct pending *
pending_find(struct submitter *s, uint32_t id)
{
	struct pending *p;

	LIST_FOREACH(p, &s->pending, entry)
		if (p->id == id)
			return p;
	return NULL;
}

static void
pending_free(struct submitter *s, struct pending *p)
{
	if (p == NULL)
		return;
	LIST_REMOVE(p, entry);
	s->npending--;
	s->pending_bytes -= p->len;
	free(p->data);
	free(p);
}

static struct pending *
pending_get(struct submitter *s, uint32_t id)
{
	struct pending *p = pending_find(s, id);

	if (p != NULL || s->npending >= PENDING_MAX)
		return p;
	if ((p = calloc(1, sizeof(*p))) == NULL)
		return NULL;
	p->id = id;
	LIST_INSERT_HEAD(&s->pending, p, entry);
	s->npending++;
	return p;
}

static int
pending_add(struct pending *p, const void *data, size_t len, uint16_t n)
{
	size_t want = p->cap > 0 ? p->cap : 16 * 1024;
	uint8_t *bigger;

	while (want - p->len < len)
		want *= 2;
	if (want != p->cap) {
		if ((bigger = realloc(p->data, want)) == NULL)
			return -1;
		p->data = bigger;
		p->cap = want;
	}
	memcpy(p->data + p->len, data, len);
	p->len += len;
	p->n += n;
	return 0;
}

/* -1: fewer than n well-formed recipients stand there */
static int
check_rcpts(struct ibuf *b, uint16_t n)
{
	struct msg_rcpt r;
	uint16_t i;

	for (i = 0; i < n; i++)
		if (get_rcpt(b, &r) == -1)
			return -1;
	return 0;
}

static int
on_rcpts(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct submitter *s = chan_ctx(ch);
	const void *data = NULL;
	struct pending *p;
	struct ibuf walk;
	uint16_t n;
	size_t len;

	(void)fd;
	if (ibuf_get_n16(b, &n) == -1 || n == 0 || n > IQ_RCPTS_MAX)
		return -1;
	walk = *b;
	if (check_rcpts(&walk, n) == -1 || ibuf_get_end(&walk) == -1)
		return -1;
	len = ibuf_size(b);
	if (len > PENDING_BYTES - s->pending_bytes ||
	    (p = pending_get(s, id)) == NULL || p->n + n > IQ_TX_RCPTS_MAX ||
	    ibuf_get_view(b, &data, len) == -1 ||
	    pending_add(p, data, len, n) == -1)
		return -1;
	s->pending_bytes += len;
	return 0;
}

static int
on_abort(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct submitter *s = chan_ctx(ch);

	(void)b;
	(void)fd;
	pending_free(s, pending_find(s, id));
	return 0;
}

/* --- COMMIT --- */

/* The recipients of a submission, one after the other, from the first again. */
struct rcpt_source {
	struct ibuf ahead; /* those that came before */
	struct ibuf here;  /* those of the COMMIT itself */
	struct ibuf next_ahead, next_here;
	struct msg_rcpt rcpt;
};

static const struct msg_rcpt *
next_rcpt(void *arg, uint32_t i)
{
	struct rcpt_source *src = arg;
	struct ibuf *b;

	if (i == 0) {
		src->next_ahead = src->ahead;
		src->next_here = src->here;
	}
	b = ibuf_size(&src->next_ahead) > 0 ? &src->next_ahead
					    : &src->next_here;
	return get_rcpt(b, &src->rcpt) == -1 ? NULL : &src->rcpt;
}

/* A body in a descriptor must be one that nobody can change any more. */
static bool
fd_is_sealed(int fd, uint64_t size)
{
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals == -1 || (seals & ALL_SEALS) != ALL_SEALS ||
	    fstat(fd, &st) == -1)
		return false;
	return st.st_size >= 0 && (uint64_t)st.st_size == size;
}

static int
submit(struct submitter *s, uint32_t id, struct ibuf *b, int fd)
{
	struct pending *p = pending_find(s, id);
	struct rcpt_source src;
	struct iq_commit m;
	struct iq_done no;
	struct q_submit q = { .origin = s->peer.side == SIDE_EXT ? ORIGIN_EXT
								 : ORIGIN_INT,
		.token = token_of(s, id),
		.commit = &m,
		.rcpt = next_rcpt,
		.arg = &src,
		.fd = fd };

	if (get_iq_commit(b, &m) == -1)
		return -1;
	src.here = *b;
	if (check_rcpts(b, m.nrcpt) == -1 || m.in_fd != (fd != -1))
		return -1;
	ibuf_from(&src.ahead, p != NULL ? p->data : NULL,
	    p != NULL ? p->len : 0);
	q.nrcpt = m.nrcpt + (p != NULL ? p->n : 0);
	if (q.nrcpt == 0)
		return -1;
	if (m.in_fd) {
		if (ibuf_get_end(b) == -1 || !fd_is_sealed(fd, m.size))
			return -1;
	} else {
		if (ibuf_size(b) != m.size)
			return -1;
		q.body = ibuf_data(b);
	}
	edges_time(s->edges);
	no = (struct iq_done){ IQ_TEMP, REASON_QUEUE_DOWN, 0 };
	if (!s->edges->open || queue_submit(&s->edges->queue, &q, &no) == -1)
		answer(s, id, &no);
	pending_free(s, p);
	return 0;
}

static int
on_commit(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	int rc = submit(chan_ctx(ch), id, b, fd);

	if (fd != -1)
		(void)close(fd);
	return rc;
}

static const struct chan_msg msgs[] = {
	{ IQ_REQ_RCPTS, IQ_RCPTS_MIN, IQ_RCPTS_LEN, FD_NONE, CHAN_ANY,
	    on_rcpts },
	{ IQ_REQ_COMMIT, IQ_COMMIT_MIN, CHAN_PAYLOAD_MAX, FD_OPT, CHAN_ANY,
	    on_commit },
	{ IQ_REQ_ABORT, 0, 0, FD_NONE, CHAN_ANY, on_abort },
};

/* --- room --- */

static void
tell_room(struct submitter *s, const struct iq_room *m)
{
	struct ibuf b;

	if (s->chan == NULL)
		return;
	chan_scratch(&b);
	if (put_iq_room(&b, m) == 0)
		(void)chan_send(s->chan, IQ_NOTE_ROOM, 0, &b, -1);
}

static enum q_store
store_of(unsigned side)
{
	return side == SIDE_EXT ? Q_IN : Q_OUT;
}

void
in_room(void *edges, enum q_store store, const struct iq_room *m)
{
	unsigned side, i;

	(void)edges;
	for (side = 0; side < NSIDES; side++)
		for (i = 0; store_of(side) == store && i < CONF_WORKERS_MAX;
		     i++)
			tell_room(&submitters[side][i], m);
}

/* --- the channel --- */

static void
lost(struct submitter *s)
{
	struct pending *p, *next;

	for (p = LIST_FIRST(&s->pending); p != NULL; p = next) {
		next = LIST_NEXT(p, entry);
		pending_free(s, p);
	}
	chan_free(s->chan);
	s->chan = NULL;
	queue_forget_tokens(&s->edges->queue, token_of(s, 0),
	    token_of(s, UINT32_MAX));
}

static void
on_violation(struct chan *ch, enum chan_violation v)
{
	struct submitter *s = chan_ctx(ch);

	child_violation(s->edges->child, &s->peer, v);
	lost(s);
}

void
in_peer(struct edges *e, const struct peer *p, int fd)
{
	struct chan_spec spec = { .msgs = msgs,
		.nmsgs = sizeof(msgs) / sizeof(msgs[0]),
		.recv_fds = true,
		.on_violation = on_violation };
	struct submitter *s;
	struct iq_room room;

	if (p->side >= NSIDES || p->index >= CONF_WORKERS_MAX) {
		(void)close(fd);
		return;
	}
	s = &submitters[p->side][p->index];
	if (s->chan != NULL)
		lost(s);
	s->edges = e;
	s->peer = *p;
	LIST_INIT(&s->pending);
	spec.ctx = s;
	if ((s->chan = edges_chan(e, p, fd, &spec)) == NULL || !e->open)
		return;
	queue_get_room(&e->queue, store_of(p->side), &room);
	tell_room(s, &room);
}
