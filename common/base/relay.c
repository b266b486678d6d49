/* SPDX-License-Identifier: ISC */
/*
 * The relay decision: see relay.h.
 */
#include <string.h>

#include "common/base/relay.h"

static void
refuse(struct relay_decision *d, enum reason reason)
{
	d->verdict = RELAY_REFUSE;
	d->reason = reason;
}

enum reason
relay_client(const struct conf *conf, enum side side,
    const struct netaddr *client)
{
	if (side == SIDE_EXT)
		return REASON_OK;
	if (netset_match(&conf->side[SIDE_INT].accept_from, client))
		return REASON_OK;
	return REASON_CLIENT_DENIED;
}

static void
decide_foreign(const struct conf *conf, const char *domain, size_t len,
    struct relay_decision *d)
{
	const struct conf_connector *c;

	c = conf_connector_find(conf, domain, len);
	if (c == NULL) {
		refuse(d, REASON_NO_ROUTE);
		return;
	}
	d->verdict = RELAY_OUTBOUND;
	d->connector = c;
	d->line = c->pos.line;
}

void
relay_decide(const struct conf *conf, enum side side,
    const struct netaddr *client, const char *domain, size_t len,
    struct relay_decision *d)
{
	memset(d, 0, sizeof(*d));
	d->reason = REASON_OK;
	if (client != NULL && relay_client(conf, side, client) != REASON_OK) {
		refuse(d, REASON_CLIENT_DENIED);
		return;
	}
	if (len == 0) {
		refuse(d, REASON_NO_SUCH_DOMAIN);
		return;
	}
	d->domain = conf_domain_find(conf, domain, len);
	if (d->domain != NULL) {
		d->verdict = RELAY_LOCAL;
		d->line = d->domain->pos.line;
	} else if (side == SIDE_INT) {
		decide_foreign(conf, domain, len, d);
	} else {
		refuse(d, REASON_RELAY_DENIED);
	}
}

enum reason
relay_sender(const struct conf *conf, enum side side, const char *domain,
    size_t len)
{
	if (side == SIDE_EXT || len == 0 ||
	    (conf->flags & CONF_F_COMPANY_SENDERS) == 0)
		return REASON_OK;
	if (conf_domain_find(conf, domain, len) != NULL)
		return REASON_OK;
	return REASON_SENDER_DENIED;
}
