/* SPDX-License-Identifier: ISC */
/*
 * The message that a client is sending: recipients as they will go to queued,
 * and the body, in memory while it is small and in a memfd beyond.
 */
#include <sys/mman.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "common/base/fdio.h"
#include "common/base/log.h"
#include "smtpd-in/server.h"

#define BODY_FIRST   8192
#define RCPTS_FIRST  256
#define MEMFD_BUDGET (1024ULL * 1024 * 1024) /* all bodies in memfds */

static int
copy_slice(char *to, size_t cap, struct smtp_slice s)
{
	if (s.len >= cap)
		return -1;
	if (s.len > 0) /* a slice that was not given has no bytes */
		memcpy(to, s.p, s.len);
	to[s.len] = '\0';
	return 0;
}

static bool
is_8bit(const char *s)
{
	while (*s != '\0')
		if (smtp_is8bit(*s++))
			return true;
	return false;
}

struct intx *
intx_new(const struct session_act *a, const struct session *s)
{
	struct intx *t;

	if ((t = calloc(1, sizeof(*t))) == NULL)
		return NULL;
	t->memfd = -1;
	if (copy_slice(t->sender, sizeof(t->sender), smtp_addr_text(a->addr)) ==
		-1 ||
	    copy_slice(t->envid, sizeof(t->envid), a->mail->envid) == -1) {
		free(t);
		return NULL;
	}
	if (s->esmtp)
		t->flags |= MSG_F_ESMTP;
	if (a->mail->body == SMTP_BODY_8BITMIME)
		t->flags |= MSG_F_8BITMIME;
	if ((a->mail->given & SMTP_PARAM_SMTPUTF8) != 0)
		t->flags |= MSG_F_SMTPUTF8;
	if ((a->mail->given & SMTP_PARAM_REQUIRETLS) != 0)
		t->flags |= MSG_F_REQUIRETLS;
	t->ret = (uint8_t)a->mail->ret;
	t->utf8 = is_8bit(t->sender);
	return t;
}

void
intx_free(struct server *sv, struct intx *t)
{
	if (t == NULL)
		return;
	if (t->memfd != -1) {
		(void)close(t->memfd);
		sv->memfd_bytes -= t->size;
	}
	free(t->rcpts);
	free(t->body);
	free(t);
}

bool
intx_room(const struct server *sv)
{
	return sv->memfd_bytes < MEMFD_BUDGET;
}

/* At least need bytes behind len; -1: ENOMEM. */
static int
grow(uint8_t **mem, size_t *cap, size_t len, size_t need, size_t first)
{
	size_t want = *cap > 0 ? *cap : first;
	uint8_t *p;

	while (want - len < need)
		want *= 2;
	if (want == *cap)
		return 0;
	if ((p = realloc(*mem, want)) == NULL)
		return -1;
	*mem = p;
	*cap = want;
	return 0;
}

static int
set_orcpt(struct msg_rcpt *r, const struct smtp_rcpt_params *p)
{
	size_t n = p->orcpt_type.len;

	if (n == 0)
		return 0;
	if (n + 1 + p->orcpt.len >= sizeof(r->orcpt))
		return -1;
	memcpy(r->orcpt, p->orcpt_type.p, n);
	r->orcpt[n] = ';';
	return copy_slice(r->orcpt + n + 1, sizeof(r->orcpt) - n - 1, p->orcpt);
}

int
intx_rcpt(struct intx *t, const struct session_act *a)
{
	struct msg_rcpt r = { 0 };
	struct ibuf b;

	if (t->nrcpt >= IQ_TX_RCPTS_MAX)
		return -1;
	r.index = (uint16_t)t->nrcpt;
	r.notify = (uint8_t)a->rcpt->notify;
	if (copy_slice(r.addr, sizeof(r.addr), smtp_addr_text(a->addr)) == -1 ||
	    set_orcpt(&r, a->rcpt) == -1 ||
	    grow(&t->rcpts, &t->rcpts_cap, t->rcpts_len,
		MSG_RCPT_MIN + strlen(r.addr) + strlen(r.orcpt),
		RCPTS_FIRST) == -1)
		return -1;
	ibuf_wrap(&b, t->rcpts + t->rcpts_len, t->rcpts_cap - t->rcpts_len);
	if (put_rcpt(&b, &r) == -1)
		return -1;
	t->rcpts_len += ibuf_size(&b);
	t->nrcpt++;
	t->utf8 |= is_8bit(r.addr);
	return 0;
}

/* --- the body --- */

/* From here on the body is in a memfd. */
static int
to_memfd(struct server *sv, struct intx *t)
{
	t->memfd = memfd_create("message", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (t->memfd == -1)
		return -1;
	sv->memfd_bytes += t->size;
	if (fd_write_all(t->memfd, t->body, t->body_len) == -1)
		return -1;
	free(t->body);
	t->body = NULL;
	t->body_len = t->body_cap = 0;
	return 0;
}

static int
add_text(struct server *sv, struct intx *t, struct smtp_slice s)
{
	if (t->memfd == -1 && s.len <= IQ_INLINE_MAX - t->body_len) {
		if (grow(&t->body, &t->body_cap, t->body_len, s.len,
			BODY_FIRST) == -1)
			return -1;
		memcpy(t->body + t->body_len, s.p, s.len);
		t->body_len += s.len;
		t->size += s.len;
		return 0;
	}
	if (t->memfd == -1 && to_memfd(sv, t) == -1)
		return -1;
	t->size += s.len;
	sv->memfd_bytes += s.len;
	return fd_write_all(t->memfd, s.p, s.len);
}

void
intx_text(struct server *sv, struct intx *t, struct smtp_slice s)
{
	if (t->failed)
		return;
	if (add_text(sv, t, s) == -1) {
		log_warn("keeping a message");
		t->failed = true;
	}
}

/* --- handing it over --- */

/*
 * Recipients that do not fit into the COMMIT go ahead, at most IQ_RCPTS_MAX a
 * message.  Returns the bytes of rcpts that were sent, or -1.
 */
static ssize_t
send_rcpts(struct server *sv, const struct intx *t, uint32_t id)
{
	size_t off = 0, end;
	uint32_t left = t->nrcpt, n;
	struct msg_rcpt r;
	struct ibuf walk, b;

	while (left > IQ_RCPTS_MAX) {
		ibuf_from(&walk, t->rcpts + off, t->rcpts_len - off);
		for (n = 0; n < IQ_RCPTS_MAX; n++)
			if (get_rcpt(&walk, &r) == -1)
				return -1;
		end = t->rcpts_len - ibuf_size(&walk);
		chan_scratch(&b);
		(void)ibuf_add_n16(&b, n);
		if (ibuf_add(&b, t->rcpts + off, end - off) == -1 ||
		    chan_send(sv->queue, IQ_REQ_RCPTS, id, &b, -1) == -1)
			return -1;
		off = end;
		left -= n;
	}
	return (ssize_t)off;
}

static void
fill_commit(struct iq_commit *m, const struct client *c)
{
	const struct intx *t = c->tx;

	m->client = c->peer.client;
	m->listener = c->peer.listener;
	m->flags = t->flags;
	if (c->session.tx.data.eight_bit)
		m->flags |= MSG_F_8BIT_DATA;
	/*
	 * RFC 6531 3.6: it is for this message what it needs, so that one of
	 * plain ASCII goes to any server.
	 */
	if (!t->utf8 && !c->session.tx.header.eight_bit)
		m->flags &= (uint8_t)~MSG_F_SMTPUTF8;
	m->ret = t->ret;
	m->size = t->size;
	m->in_fd = t->memfd != -1;
	(void)strlcpy(m->sender, t->sender, sizeof(m->sender));
	(void)strlcpy(m->helo, c->session.helo, sizeof(m->helo));
	(void)strlcpy(m->envid, t->envid, sizeof(m->envid));
	(void)secure_text(c, m->tls, sizeof(m->tls));
	m->has_cert = c->has_cert;
	memcpy(m->cert, c->cert, sizeof(m->cert));
	m->nrcpt = (uint16_t)(t->nrcpt <= IQ_RCPTS_MAX
		? t->nrcpt
		: (t->nrcpt - 1) % IQ_RCPTS_MAX + 1);
}

#define ALL_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

int
intx_submit(struct server *sv, struct client *c, uint32_t id)
{
	struct intx *t = c->tx;
	struct iq_commit m;
	struct iovec iov[3];
	struct ibuf b;
	ssize_t sent;
	int fd = -1;

	if (t->failed || (sent = send_rcpts(sv, t, id)) == -1)
		return -1;
	fill_commit(&m, c);
	chan_scratch(&b);
	if (put_iq_commit(&b, &m) == -1)
		return -1;
	if (t->memfd != -1) {
		if (fcntl(t->memfd, F_ADD_SEALS, ALL_SEALS) == -1)
			return -1;
		fd = t->memfd;
		t->memfd = -1;
		sv->memfd_bytes -= t->size;
	}
	iov[0].iov_base = b.mem;
	iov[0].iov_len = ibuf_size(&b);
	iov[1].iov_base = t->rcpts + sent;
	iov[1].iov_len = t->rcpts_len - (size_t)sent;
	iov[2].iov_base = t->body;
	iov[2].iov_len = t->body_len;
	return chan_sendv(sv->queue, IQ_REQ_COMMIT, id, iov,
	    t->body_len > 0 ? 3 : 2, fd);
}
