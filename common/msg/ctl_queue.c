/* SPDX-License-Identifier: ISC */
#include <errno.h>

#include "common/msg/ctl_queue.h"

static int
bad(void)
{
	errno = EBADMSG;
	return -1;
}

int
put_cq_list(struct ibuf *b, const struct cq_list *m)
{
	(void)ibuf_add_n64(b, m->after);
	(void)ibuf_add_n16(b, m->limit);
	return ibuf_add_cstr(b, m->domain, MSG_DOMAIN_MAX);
}

int
get_cq_list(struct ibuf *b, struct cq_list *m)
{
	if (ibuf_get_n64(b, &m->after) == -1 ||
	    ibuf_get_n16(b, &m->limit) == -1 ||
	    ibuf_get_cstr(b, m->domain, sizeof(m->domain), NULL) == -1 ||
	    ibuf_get_end(b) == -1)
		return -1;
	return m->limit == 0 || m->limit > CQ_PAGE_MAX ? bad() : 0;
}

int
put_cq_row(struct ibuf *b, const struct cq_row *m)
{
	(void)ibuf_add_n64(b, m->msgid);
	(void)ibuf_add_n64(b, m->accepted);
	(void)ibuf_add_n64(b, m->next);
	(void)ibuf_add_n64(b, m->expires);
	(void)ibuf_add_n64(b, m->size);
	(void)ibuf_add_n8(b, m->origin);
	(void)ibuf_add_n8(b, m->state);
	(void)ibuf_add_n16(b, m->attempts);
	(void)ibuf_add_n16(b, m->nrcpt);
	(void)ibuf_add_n16(b, m->nopen);
	(void)ibuf_add_n8(b, m->reason);
	(void)ibuf_add_netaddr(b, &m->client);
	(void)ibuf_add_cstr(b, m->sender, MSG_ADDR_MAX);
	(void)ibuf_add_cstr(b, m->rcpt, MSG_ADDR_MAX);
	return ibuf_add_cstr(b, m->text, MSG_TEXT_MAX);
}

int
get_cq_row(struct ibuf *b, struct cq_row *m)
{
	uint8_t state, reason;

	(void)ibuf_get_n64(b, &m->msgid);
	(void)ibuf_get_n64(b, &m->accepted);
	(void)ibuf_get_n64(b, &m->next);
	(void)ibuf_get_n64(b, &m->expires);
	(void)ibuf_get_n64(b, &m->size);
	if (ibuf_get_n8(b, &m->origin) == -1 || ibuf_get_n8(b, &state) == -1)
		return -1;
	(void)ibuf_get_n16(b, &m->attempts);
	(void)ibuf_get_n16(b, &m->nrcpt);
	(void)ibuf_get_n16(b, &m->nopen);
	if (ibuf_get_n8(b, &reason) == -1 ||
	    ibuf_get_netaddr(b, &m->client) == -1 ||
	    ibuf_get_cstr(b, m->sender, sizeof(m->sender), NULL) == -1 ||
	    ibuf_get_cstr(b, m->rcpt, sizeof(m->rcpt), NULL) == -1 ||
	    ibuf_get_cstr(b, m->text, sizeof(m->text), NULL) == -1 ||
	    ibuf_get_end(b) == -1)
		return -1;
	if (state < CQ_ACTIVE || state > CQ_HELD || m->origin < 1 ||
	    m->origin > 3 || reason_from(reason, &m->reason) == -1)
		return bad();
	m->state = (enum cq_state)state;
	return 0;
}

int
put_cq_rcpt(struct ibuf *b, const struct cq_rcpt *m)
{
	(void)ibuf_add_n8(b, m->status);
	(void)ibuf_add_n8(b, m->reason);
	(void)ibuf_add_n16(b, m->code);
	(void)ibuf_add_n16(b, m->attempts);
	(void)ibuf_add_cstr(b, m->addr, MSG_ADDR_MAX);
	(void)ibuf_add_cstr(b, m->hop, MSG_DOMAIN_MAX);
	return ibuf_add_cstr(b, m->text, MSG_TEXT_MAX);
}

int
get_cq_rcpt(struct ibuf *b, struct cq_rcpt *m)
{
	uint8_t reason;

	if (ibuf_get_n8(b, &m->status) == -1 || ibuf_get_n8(b, &reason) == -1 ||
	    ibuf_get_n16(b, &m->code) == -1 ||
	    ibuf_get_n16(b, &m->attempts) == -1 ||
	    ibuf_get_cstr(b, m->addr, sizeof(m->addr), NULL) == -1 ||
	    ibuf_get_cstr(b, m->hop, sizeof(m->hop), NULL) == -1 ||
	    ibuf_get_cstr(b, m->text, sizeof(m->text), NULL) == -1 ||
	    ibuf_get_end(b) == -1)
		return -1;
	if (m->status > QO_DEFERRED || reason_from(reason, &m->reason) == -1)
		return bad();
	return 0;
}

int
put_cq_dest(struct ibuf *b, const struct cq_dest *m)
{
	(void)ibuf_add_n8(b, m->side);
	(void)ibuf_add_n32(b, m->waiting);
	(void)ibuf_add_n32(b, m->active);
	(void)ibuf_add_n32(b, m->sessions);
	(void)ibuf_add_n32(b, m->limit);
	(void)ibuf_add_n64(b, m->oldest);
	(void)ibuf_add_n64(b, m->next);
	(void)ibuf_add_cstr(b, m->name, MSG_DOMAIN_MAX);
	return ibuf_add_cstr(b, m->text, MSG_TEXT_MAX);
}

int
get_cq_dest(struct ibuf *b, struct cq_dest *m)
{
	(void)ibuf_get_n8(b, &m->side);
	(void)ibuf_get_n32(b, &m->waiting);
	(void)ibuf_get_n32(b, &m->active);
	(void)ibuf_get_n32(b, &m->sessions);
	(void)ibuf_get_n32(b, &m->limit);
	(void)ibuf_get_n64(b, &m->oldest);
	(void)ibuf_get_n64(b, &m->next);
	if (ibuf_get_cstr(b, m->name, sizeof(m->name), NULL) == -1 ||
	    ibuf_get_cstr(b, m->text, sizeof(m->text), NULL) == -1 ||
	    ibuf_get_end(b) == -1)
		return -1;
	return m->side >= NSIDES ? bad() : 0;
}

int
put_cq_end(struct ibuf *b, const struct cq_end *m)
{
	(void)ibuf_add_n8(b, m->result);
	(void)ibuf_add_n32(b, m->count);
	return ibuf_add_n64(b, m->after);
}

int
get_cq_end(struct ibuf *b, struct cq_end *m)
{
	uint8_t result;

	if (ibuf_get_n8(b, &result) == -1 || ibuf_get_n32(b, &m->count) == -1 ||
	    ibuf_get_n64(b, &m->after) == -1 || ibuf_get_end(b) == -1)
		return -1;
	if (result < CQ_DONE || result > CQ_BUSY)
		return bad();
	m->result = (enum cq_result)result;
	return 0;
}
