/* SPDX-License-Identifier: ISC */
/*
 * Which way mail goes: see direction.h.
 */
#include <string.h>

#include "common/base/relay.h"

#include "queued/direction.h"

const char *
origin_name(enum origin origin)
{
	switch (origin) {
	case ORIGIN_EXT:
		return "ext";
	case ORIGIN_INT:
		return "int";
	case ORIGIN_BOUNCE:
		return "bounce";
	}
	return "unknown";
}

const char *
direction_domain_of(const char *addr, size_t *len)
{
	const char *at = strrchr(addr, '@');

	if (at == NULL) {
		*len = 0;
		return addr;
	}
	*len = strlen(at + 1);
	return at + 1;
}

/* The side whose rules hold; a bounce is the gateway's own inside mail. */
static enum side
side_of(enum origin origin)
{
	return origin == ORIGIN_EXT ? SIDE_EXT : SIDE_INT;
}

enum reason
direction_submit(const struct conf *conf, enum origin origin,
    const struct netaddr *client, const uint8_t *cert, const char *sender)
{
	enum side side = side_of(origin);
	const char *domain;
	enum reason reason;
	size_t len;

	if (origin == ORIGIN_BOUNCE)
		return *sender == '\0' ? REASON_OK : REASON_SENDER_DENIED;
	reason = relay_client(conf, side, client);
	if (reason != REASON_OK && cert != NULL &&
	    conf_accepts_cert(conf, cert))
		reason = REASON_OK;
	if (reason != REASON_OK || *sender == '\0')
		return reason;
	domain = direction_domain_of(sender, &len);
	if (len == 0)
		return REASON_SYNTAX;
	return relay_sender(conf, side, domain, len);
}

void
direction_domain(const struct conf *conf, enum origin origin,
    const char *domain, size_t len, struct direction *d)
{
	struct relay_decision r;

	memset(d, 0, sizeof(*d));
	relay_decide(conf, side_of(origin), NULL, domain, len, &r);
	d->reason = r.reason;
	switch (r.verdict) {
	case RELAY_REFUSE:
		d->way = WAY_REFUSE;
		break;
	case RELAY_LOCAL:
		d->way = WAY_INT_OUT;
		d->domain = r.domain;
		break;
	case RELAY_OUTBOUND:
		/* whatever relay_decide() may say one day: ext never relays */
		if (origin == ORIGIN_EXT) {
			d->reason = REASON_DIRECTION;
			break;
		}
		d->way = WAY_EXT_OUT;
		d->connector = r.connector;
		break;
	}
}

void
direction_decide(const struct conf *conf, enum origin origin, const char *rcpt,
    struct direction *d)
{
	const char *domain;
	size_t len;

	domain = direction_domain_of(rcpt, &len);
	direction_domain(conf, origin, domain, len, d);
}
