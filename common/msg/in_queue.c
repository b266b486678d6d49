/* SPDX-License-Identifier: ISC */
#include <errno.h>

#include "common/msg/in_queue.h"

static int
bad(void)
{
	errno = EBADMSG;
	return -1;
}

int
put_iq_commit(struct ibuf *b, const struct iq_commit *m)
{
	(void)ibuf_add_netaddr(b, &m->client);
	(void)ibuf_add_n32(b, m->listener);
	(void)ibuf_add_n8(b, m->flags);
	(void)ibuf_add_n8(b, m->ret);
	(void)ibuf_add_n64(b, m->size);
	(void)ibuf_add_n8(b, m->in_fd);
	(void)ibuf_add_cstr(b, m->sender, MSG_ADDR_MAX);
	(void)ibuf_add_cstr(b, m->helo, MSG_HELO_MAX);
	(void)ibuf_add_cstr(b, m->envid, MSG_ENVID_MAX);
	(void)ibuf_add_cstr(b, m->tls, IQ_TLS_MAX);
	(void)ibuf_add_n8(b, m->has_cert);
	(void)ibuf_add(b, m->cert, sizeof(m->cert));
	return ibuf_add_n16(b, m->nrcpt);
}

int
get_iq_commit(struct ibuf *b, struct iq_commit *m)
{
	uint8_t in_fd, has_cert;

	(void)ibuf_get_netaddr(b, &m->client);
	(void)ibuf_get_n32(b, &m->listener);
	(void)ibuf_get_n8(b, &m->flags);
	(void)ibuf_get_n8(b, &m->ret);
	(void)ibuf_get_n64(b, &m->size);
	if (ibuf_get_n8(b, &in_fd) == -1 ||
	    ibuf_get_cstr(b, m->sender, sizeof(m->sender), NULL) == -1 ||
	    ibuf_get_cstr(b, m->helo, sizeof(m->helo), NULL) == -1 ||
	    ibuf_get_cstr(b, m->envid, sizeof(m->envid), NULL) == -1 ||
	    ibuf_get_cstr(b, m->tls, sizeof(m->tls), NULL) == -1 ||
	    ibuf_get_n8(b, &has_cert) == -1 ||
	    ibuf_get(b, m->cert, sizeof(m->cert)) == -1 ||
	    ibuf_get_n16(b, &m->nrcpt) == -1)
		return -1;
	if (in_fd > 1 || m->ret > RET_HDRS || m->nrcpt > IQ_RCPTS_MAX ||
	    (m->flags & ~MSG_F_ALL) != 0 || (m->flags & MSG_F_BOUNCE) != 0 ||
	    has_cert > 1 || (in_fd == 0 && m->size > IQ_INLINE_MAX))
		return bad();
	m->in_fd = in_fd == 1;
	m->has_cert = has_cert == 1;
	return 0;
}

int
put_iq_done(struct ibuf *b, const struct iq_done *m)
{
	(void)ibuf_add_n8(b, m->verdict);
	(void)ibuf_add_n8(b, m->reason);
	return ibuf_add_n64(b, m->msgid);
}

static int
verdict_from(unsigned v, enum iq_verdict *out)
{
	if (v == IQ_OK)
		*out = IQ_OK;
	else if (v == IQ_TEMP)
		*out = IQ_TEMP;
	else if (v == IQ_PERM)
		*out = IQ_PERM;
	else
		return -1;
	return 0;
}

int
get_iq_done(struct ibuf *b, struct iq_done *m)
{
	uint8_t verdict, reason;

	if (ibuf_get_n8(b, &verdict) == -1 || ibuf_get_n8(b, &reason) == -1 ||
	    ibuf_get_n64(b, &m->msgid) == -1 || ibuf_get_end(b) == -1)
		return -1;
	if (verdict_from(verdict, &m->verdict) == -1 ||
	    reason_from(reason, &m->reason) == -1)
		return bad();
	return 0;
}

int
put_iq_room(struct ibuf *b, const struct iq_room *m)
{
	(void)ibuf_add_n8(b, m->accepting);
	(void)ibuf_add_n8(b, m->reason);
	return ibuf_add_n64(b, m->max_size);
}

int
get_iq_room(struct ibuf *b, struct iq_room *m)
{
	uint8_t reason;

	if (ibuf_get_n8(b, &m->accepting) == -1 ||
	    ibuf_get_n8(b, &reason) == -1 ||
	    ibuf_get_n64(b, &m->max_size) == -1 || ibuf_get_end(b) == -1)
		return -1;
	if (m->accepting > 1 || reason_from(reason, &m->reason) == -1)
		return bad();
	return 0;
}
