/* SPDX-License-Identifier: ISC */
#include <stddef.h>

#include "connd/policy.h"

#define PORT_SMTP 25

static bool
route_uses_port(const struct conf_route *r, uint16_t port)
{
	uint32_t i;

	for (i = 0; i < r->nhosts; i++)
		if (r->hosts[i].port == port)
			return true;
	return false;
}

static bool
port_ok(const struct conf *c, enum side side, uint16_t port)
{
	uint32_t i;

	if (port == PORT_SMTP)
		return true;
	if (side == SIDE_EXT) {
		for (i = 0; i < c->nconnectors; i++)
			if (route_uses_port(&c->connectors[i].route, port))
				return true;
		return false;
	}
	for (i = 0; i < c->ndomains; i++)
		if (route_uses_port(&c->domains[i].route, port))
			return true;
	/* a host that the directory names for one recipient: port 25 */
	return false;
}

/* ext: any port of an own address; int: the listeners themselves */
static bool
is_own(const struct conf *c, enum side side, const struct netaddr *a)
{
	uint32_t i;
	int s;

	for (i = 0; i < c->nlisteners; i++)
		if (netaddr_equal(&c->listeners[i].addr, a) &&
		    (side == SIDE_EXT || c->listeners[i].addr.port == a->port))
			return true;
	if (side == SIDE_INT)
		return false;
	for (s = 0; s < NSIDES; s++)
		if (netaddr_equal(&c->side[s].source4, a) ||
		    netaddr_equal(&c->side[s].source6, a))
			return true;
	return false;
}

bool
policy_reach(const struct conf *c, enum side side, const struct netaddr *a)
{
	return netset_match(&c->side[side].reach, a);
}

static enum policy_verdict
dial_ext(const struct conf *c, const struct netaddr *to)
{
	const struct netset *inside = &c->side[SIDE_INT].networks;
	struct netaddr inner;
	enum netclass class = netaddr_class(to, &inner);
	bool embeds = inner.family != NETADDR_NONE;

	if (netset_match(inside, to) ||
	    (embeds && netset_match(inside, &inner)))
		return POLICY_INSIDE;
	inner.port = to->port;
	if (is_own(c, SIDE_EXT, to) || (embeds && is_own(c, SIDE_EXT, &inner)))
		return POLICY_OWN;
	if (class != NETCLASS_GLOBAL && !policy_reach(c, SIDE_EXT, to))
		return POLICY_CLASS;
	return POLICY_OK;
}

static enum policy_verdict
dial_int(const struct conf *c, const struct netaddr *to)
{
	enum netclass class = netaddr_class(to, NULL);

	if (class == NETCLASS_MULTICAST || class == NETCLASS_UNSPEC)
		return POLICY_CLASS;
	if (!netset_match(&c->side[SIDE_INT].networks, to) &&
	    !policy_reach(c, SIDE_INT, to))
		return POLICY_OUTSIDE;
	return is_own(c, SIDE_INT, to) ? POLICY_OWN : POLICY_OK;
}

enum policy_verdict
policy_dial(const struct conf *c, enum side side, const struct netaddr *to)
{
	if (!netaddr_valid(to) || to->family == NETADDR_NONE)
		return POLICY_CLASS;
	if (!port_ok(c, side, to->port))
		return POLICY_PORT;
	return side == SIDE_EXT ? dial_ext(c, to) : dial_int(c, to);
}

const char *
policy_name(enum policy_verdict v)
{
	switch (v) {
	case POLICY_OK:
		return "ok";
	case POLICY_PORT:
		return "port";
	case POLICY_CLASS:
		return "special-use";
	case POLICY_INSIDE:
		return "inside";
	case POLICY_OUTSIDE:
		return "outside";
	case POLICY_OWN:
		return "own";
	}
	return "unknown";
}
