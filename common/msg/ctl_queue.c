/* SPDX-License-Identifier: ISC */
#include <errno.h>

#include "common/msg/ctl_queue.h"

static int
bad(void)
{
	errno = EBADMSG;
	return -1;
}

const char *
cq_flow_name(enum cq_flow f)
{
	switch (f) {
	case CQ_FLOW_ANY:
		break;
	case CQ_FLOW_IN:
		return "in";
	case CQ_FLOW_OUT:
		return "out";
	case CQ_FLOW_LOCAL:
		return "local";
	}
	return "any";
}

/* A number of one octet, at most max: an enum, or a bool. */
static int
get_enum(struct ibuf *b, unsigned min, unsigned max, uint8_t *v)
{
	if (ibuf_get_n8(b, v) == -1)
		return -1;
	return *v < min || *v > max ? bad() : 0;
}

int
put_cq_select(struct ibuf *b, const struct cq_select *m)
{
	(void)ibuf_add_n8(b, m->verb);
	(void)ibuf_add_n8(b, m->look);
	(void)ibuf_add_n8(b, m->flow);
	(void)ibuf_add_n8(b, m->from);
	(void)ibuf_add_n32(b, m->uid);
	(void)ibuf_add_n32(b, m->older);
	(void)ibuf_add_n64(b, m->msgid);
	(void)ibuf_add_n64(b, m->after);
	(void)ibuf_add_n16(b, m->limit);
	(void)ibuf_add_cstr(b, m->dest, MSG_DOMAIN_MAX);
	(void)ibuf_add_cstr(b, m->sender, MSG_ADDR_MAX);
	return ibuf_add_cstr(b, m->text, CQ_TEXT_MAX);
}

int
get_cq_select(struct ibuf *b, struct cq_select *m)
{
	uint8_t verb, look, flow, from;

	if (get_enum(b, CQ_LIST, CQ_SHAPE, &verb) == -1 ||
	    get_enum(b, 0, 1, &look) == -1 ||
	    get_enum(b, 0, CQ_FLOW_LOCAL, &flow) == -1 ||
	    get_enum(b, 0, CQ_FROM_NULL, &from) == -1)
		return -1;
	m->verb = (enum cq_verb)verb;
	m->look = look != 0;
	m->flow = (enum cq_flow)flow;
	m->from = (enum cq_from)from;
	(void)ibuf_get_n32(b, &m->uid);
	(void)ibuf_get_n32(b, &m->older);
	(void)ibuf_get_n64(b, &m->msgid);
	(void)ibuf_get_n64(b, &m->after);
	if (ibuf_get_n16(b, &m->limit) == -1 ||
	    ibuf_get_cstr(b, m->dest, sizeof(m->dest), NULL) == -1 ||
	    ibuf_get_cstr(b, m->sender, sizeof(m->sender), NULL) == -1 ||
	    ibuf_get_cstr(b, m->text, sizeof(m->text), NULL) == -1 ||
	    ibuf_get_end(b) == -1)
		return -1;
	return m->limit > CQ_PAGE_MAX ? bad() : 0;
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
	if (state < CQ_ACTIVE || state > CQ_SUSPENDED || m->origin < 1 ||
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
put_cq_why(struct ibuf *b, const struct cq_why *m)
{
	(void)ibuf_add_n8(b, m->wait);
	(void)ibuf_add_n8(b, m->flow);
	(void)ibuf_add_n8(b, m->route);
	(void)ibuf_add_n8(b, m->reason);
	(void)ibuf_add_n16(b, m->code);
	(void)ibuf_add_n16(b, m->attempts);
	(void)ibuf_add_n16(b, m->nrcpt);
	(void)ibuf_add_n32(b, m->line);
	(void)ibuf_add_n32(b, m->ahead);
	(void)ibuf_add_n32(b, m->sessions);
	(void)ibuf_add_n32(b, m->limit);
	(void)ibuf_add_n32(b, m->by);
	(void)ibuf_add_n64(b, m->next);
	(void)ibuf_add_n64(b, m->until);
	(void)ibuf_add_n64(b, m->expires);
	(void)ibuf_add_cstr(b, m->rule, MSG_DOMAIN_MAX);
	(void)ibuf_add_cstr(b, m->domain, MSG_DOMAIN_MAX);
	(void)ibuf_add_cstr(b, m->hop, MSG_DOMAIN_MAX);
	(void)ibuf_add_cstr(b, m->rcpt, MSG_ADDR_MAX);
	(void)ibuf_add_cstr(b, m->note, CQ_TEXT_MAX);
	return ibuf_add_cstr(b, m->text, MSG_TEXT_MAX);
}

int
get_cq_why(struct ibuf *b, struct cq_why *m)
{
	uint8_t wait, flow, route, reason;

	if (get_enum(b, CQ_W_ACTIVE, CQ_W_RATE, &wait) == -1 ||
	    get_enum(b, CQ_FLOW_IN, CQ_FLOW_LOCAL, &flow) == -1 ||
	    get_enum(b, CQ_R_NONE, CQ_R_REROUTE, &route) == -1 ||
	    ibuf_get_n8(b, &reason) == -1 ||
	    reason_from(reason, &m->reason) == -1)
		return bad();
	m->wait = (enum cq_wait)wait;
	m->flow = (enum cq_flow)flow;
	m->route = (enum cq_route)route;
	(void)ibuf_get_n16(b, &m->code);
	(void)ibuf_get_n16(b, &m->attempts);
	(void)ibuf_get_n16(b, &m->nrcpt);
	(void)ibuf_get_n32(b, &m->line);
	(void)ibuf_get_n32(b, &m->ahead);
	(void)ibuf_get_n32(b, &m->sessions);
	(void)ibuf_get_n32(b, &m->limit);
	(void)ibuf_get_n32(b, &m->by);
	(void)ibuf_get_n64(b, &m->next);
	(void)ibuf_get_n64(b, &m->until);
	if (ibuf_get_n64(b, &m->expires) == -1 ||
	    ibuf_get_cstr(b, m->rule, sizeof(m->rule), NULL) == -1 ||
	    ibuf_get_cstr(b, m->domain, sizeof(m->domain), NULL) == -1 ||
	    ibuf_get_cstr(b, m->hop, sizeof(m->hop), NULL) == -1 ||
	    ibuf_get_cstr(b, m->rcpt, sizeof(m->rcpt), NULL) == -1 ||
	    ibuf_get_cstr(b, m->note, sizeof(m->note), NULL) == -1 ||
	    ibuf_get_cstr(b, m->text, sizeof(m->text), NULL) == -1)
		return -1;
	return ibuf_get_end(b);
}

int
put_cq_shape(struct ibuf *b, const struct cq_shape *m)
{
	size_t i;

	(void)ibuf_add_n8(b, m->side);
	(void)ibuf_add_n32(b, m->held);
	(void)ibuf_add_n32(b, m->suspended);
	for (i = 0; i < CQ_AGES; i++)
		(void)ibuf_add_n32(b, m->ages[i]);
	return ibuf_add_cstr(b, m->name, MSG_DOMAIN_MAX);
}

int
get_cq_shape(struct ibuf *b, struct cq_shape *m)
{
	size_t i;

	if (get_enum(b, 0, NSIDES - 1, &m->side) == -1)
		return -1;
	(void)ibuf_get_n32(b, &m->held);
	(void)ibuf_get_n32(b, &m->suspended);
	for (i = 0; i < CQ_AGES; i++)
		(void)ibuf_get_n32(b, &m->ages[i]);
	if (ibuf_get_cstr(b, m->name, sizeof(m->name), NULL) == -1)
		return -1;
	return ibuf_get_end(b);
}

int
put_cq_rule(struct ibuf *b, const struct cq_rule *m)
{
	(void)ibuf_add_n8(b, m->kind);
	(void)ibuf_add_n8(b, m->set);
	(void)ibuf_add_n8(b, m->flow);
	(void)ibuf_add_n32(b, m->uid);
	(void)ibuf_add_n32(b, m->lasts);
	(void)ibuf_add_n16(b, m->port);
	(void)ibuf_add_n64(b, m->since);
	(void)ibuf_add_n64(b, m->until);
	(void)ibuf_add_cstr(b, m->name, MSG_DOMAIN_MAX);
	(void)ibuf_add_cstr(b, m->host, MSG_DOMAIN_MAX);
	return ibuf_add_cstr(b, m->text, CQ_TEXT_MAX);
}

int
get_cq_rule(struct ibuf *b, struct cq_rule *m)
{
	uint8_t kind, set, flow;

	if (get_enum(b, CQ_SUSPEND, CQ_REROUTE, &kind) == -1 ||
	    get_enum(b, 0, 1, &set) == -1 ||
	    get_enum(b, 0, CQ_FLOW_LOCAL, &flow) == -1)
		return -1;
	m->kind = (enum cq_rule_kind)kind;
	m->set = set != 0;
	m->flow = (enum cq_flow)flow;
	(void)ibuf_get_n32(b, &m->uid);
	(void)ibuf_get_n32(b, &m->lasts);
	(void)ibuf_get_n16(b, &m->port);
	(void)ibuf_get_n64(b, &m->since);
	if (ibuf_get_n64(b, &m->until) == -1 ||
	    ibuf_get_cstr(b, m->name, sizeof(m->name), NULL) == -1 ||
	    ibuf_get_cstr(b, m->host, sizeof(m->host), NULL) == -1 ||
	    ibuf_get_cstr(b, m->text, sizeof(m->text), NULL) == -1)
		return -1;
	return ibuf_get_end(b);
}

int
put_cq_end(struct ibuf *b, const struct cq_end *m)
{
	(void)ibuf_add_n8(b, m->result);
	(void)ibuf_add_n32(b, m->count);
	(void)ibuf_add_n32(b, m->busy);
	return ibuf_add_n64(b, m->after);
}

int
get_cq_end(struct ibuf *b, struct cq_end *m)
{
	uint8_t result;

	if (get_enum(b, CQ_DONE, CQ_FAILED, &result) == -1)
		return -1;
	(void)ibuf_get_n32(b, &m->count);
	(void)ibuf_get_n32(b, &m->busy);
	if (ibuf_get_n64(b, &m->after) == -1 || ibuf_get_end(b) == -1)
		return -1;
	m->result = (enum cq_result)result;
	return 0;
}
