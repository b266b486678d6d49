/* SPDX-License-Identifier: ISC */
/*
 * The two sides: addresses that are usable, on their own side, and nowhere
 * twice.  See config.h.
 */
#include <string.h>

#include "master/config.h"

#define WIDE_V4	 8 /* shorter prefixes are nobody's intranet */
#define WIDE_V6	 16
#define LOOSE_V4 16 /* accept from: shorter ones are worth a word */
#define LOOSE_V6 48

static bool
single_homed(const struct config *c)
{
	return (c->conf->flags & CONF_F_SINGLE_HOMED) != 0;
}

/* Without networks nothing can be said to lie on the wrong side of them. */
static bool
placed(const struct config *c)
{
	return !single_homed(c) && c->conf->side[SIDE_INT].networks.n > 0;
}

static const char *
block_name(enum side side)
{
	return side == SIDE_EXT ? "external" : "internal";
}

/* Why an address cannot be one that a host has; NULL: it can. */
static const char *
not_a_host(const struct netaddr *a)
{
	switch (netaddr_class(a, NULL)) {
	case NETCLASS_UNSPEC:
		return "names every address";
	case NETCLASS_MULTICAST:
		return "is a multicast address";
	case NETCLASS_LINKLOCAL:
		return "is a link-local address, which means another host on "
		       "each link";
	case NETCLASS_GLOBAL:
	case NETCLASS_LOOPBACK:
	case NETCLASS_PRIVATE:
	case NETCLASS_RESERVED:
		break;
	}
	return NULL;
}

static void
check_listener(struct config *c, const struct conf_listener *l)
{
	const struct netset *networks = &c->conf->side[SIDE_INT].networks;
	char text[NETADDR_STRLEN];
	const char *fault = not_a_host(&l->addr);
	bool inside = netset_match(networks, &l->addr);

	(void)netaddr_ntop(&l->addr, text, sizeof(text));
	if (fault != NULL)
		report_error(&c->report, l->pos.line,
		    "listen on %s: this %s; "
		    "write the address of the %s interface",
		    text, fault, block_name(l->side));
	else if (l->side == SIDE_EXT && inside && placed(c))
		report_error(&c->report, l->pos.line,
		    "external listens on "
		    "%s, which lies inside internal networks: take the "
		    "address of the Internet interface",
		    text);
	else if (l->side == SIDE_INT && !inside && placed(c))
		report_error(&c->report, l->pos.line,
		    "internal listens on "
		    "%s, which lies outside networks: take the address of the "
		    "intranet interface, or add its network",
		    text);
}

static void
check_listener_pair(struct config *c, const struct conf_listener *a,
    const struct conf_listener *b)
{
	char text[NETADDR_STRLEN];

	if (!netaddr_equal(&a->addr, &b->addr))
		return;
	if (a->side != b->side)
		report_error(&c->report, b->pos.line,
		    "both sides listen on "
		    "%s (line %u): each side has an address of its own",
		    netaddr_ntop(&a->addr, text, sizeof(text)), a->pos.line);
	else if (a->addr.port == b->addr.port)
		report_error(&c->report, b->pos.line,
		    "listen on %s port %u "
		    "is stated twice: the first time in line %u",
		    netaddr_ntop(&a->addr, text, sizeof(text)), a->addr.port,
		    a->pos.line);
}

static void
check_listeners(struct config *c)
{
	const struct conf *conf = c->conf;
	uint32_t count[NSIDES] = { 0, 0 }, i, j;
	enum side s;

	for (i = 0; i < conf->nlisteners; i++) {
		count[conf->listeners[i].side]++;
		check_listener(c, &conf->listeners[i]);
		for (j = 0; j < i; j++)
			check_listener_pair(c, &conf->listeners[j],
			    &conf->listeners[i]);
	}
	for (s = SIDE_EXT; s <= SIDE_INT; s++)
		if (count[s] == 0)
			report_error(&c->report,
			    marks_line(&c->marks, MARK_SIDE, s, 0),
			    "%s has no address to listen on: write listen on "
			    "ADDRESS",
			    block_name(s));
}

static void
check_interfaces(struct config *c)
{
	const struct conf_side *e = &c->conf->side[SIDE_EXT];
	const struct conf_side *i = &c->conf->side[SIDE_INT];

	/* in another namespace, another interface may have the name */
	if (e->interface[0] == '\0' || e->netns[0] != '\0' ||
	    strcmp(e->interface, i->interface) != 0 || single_homed(c))
		return;
	report_error(&c->report,
	    marks_line(&c->marks, MARK_INTERFACE, SIDE_INT, 0),
	    "both sides use interface \"%s\": a gateway has one for each "
	    "side; write single-homed to do without this wall",
	    i->interface);
}

static void
check_source(struct config *c, enum side side, const struct netaddr *a)
{
	const struct conf *conf = c->conf;
	char text[NETADDR_STRLEN];
	const char *fault;
	uint32_t i, line;
	bool inside;

	if (a->family == NETADDR_NONE)
		return;
	line = marks_line(&c->marks, MARK_SOURCE, side, a->family);
	(void)netaddr_ntop(a, text, sizeof(text));
	fault = not_a_host(a);
	inside = netset_match(&conf->side[SIDE_INT].networks, a);
	if (fault != NULL)
		report_error(&c->report, line, "source %s: this %s", text,
		    fault);
	else if (inside != (side == SIDE_INT) && placed(c))
		report_error(&c->report, line,
		    "source %s of %s lies %s "
		    "internal networks",
		    text, block_name(side), inside ? "inside" : "outside");
	for (i = 0; i < conf->nlisteners; i++)
		if (conf->listeners[i].side != side &&
		    netaddr_equal(&conf->listeners[i].addr, a))
			report_error(&c->report, line,
			    "source %s of %s is "
			    "the address of the other side (line %u)",
			    text, block_name(side),
			    conf->listeners[i].pos.line);
}

static void
check_dns_server(struct config *c, enum side side, uint32_t n)
{
	const struct conf_side *s = &c->conf->side[side];
	const struct netaddr *a = &s->dns[n];
	char text[NETADDR_STRLEN];
	uint32_t line = marks_line(&c->marks, MARK_DNS, side, n), i;
	const char *fault = not_a_host(a);
	bool inside = netset_match(&c->conf->side[SIDE_INT].networks, a);

	(void)netaddr_ntop(a, text, sizeof(text));
	for (i = 0; i < n; i++)
		if (netaddr_cmp(a, &s->dns[i]) == 0)
			report_error(&c->report, line,
			    "DNS server %s is "
			    "stated twice",
			    text);
	if (fault != NULL)
		report_error(&c->report, line, "DNS server %s: this %s", text,
		    fault);
	else if (!placed(c) || netset_match(&s->reach, a))
		return;
	else if (side == SIDE_EXT && inside)
		report_error(&c->report, line,
		    "DNS server %s of external lies "
		    "inside internal networks: outside a server for Internet "
		    "names is asked",
		    text);
	else if (side == SIDE_INT && !inside)
		report_error(&c->report, line,
		    "DNS server %s of internal lies "
		    "outside networks: names of the intranet would be asked "
		    "outside",
		    text);
}

/* Does some member of the set cover the whole prefix? */
static bool
covered(const struct netset *set, const struct netprefix *p)
{
	size_t i;

	for (i = 0; i < set->n; i++)
		if (set->v[i].len <= p->len &&
		    netprefix_match(&set->v[i], &p->addr))
			return true;
	return false;
}

static bool
shorter(const struct netprefix *p, unsigned v4, unsigned v6)
{
	return p->len < (p->addr.family == NETADDR_V4 ? v4 : v6);
}

static void
check_twice(struct config *c, const struct netset *set, size_t n, uint32_t line,
    const char *what)
{
	char text[NETADDR_STRLEN], other[NETADDR_STRLEN];
	size_t i;

	for (i = 0; i < n; i++) {
		if (!netprefix_overlap(&set->v[i], &set->v[n]))
			continue;
		report_warning(&c->report, line, "%s: %s overlaps %s", what,
		    netprefix_ntop(&set->v[n], text, sizeof(text)),
		    netprefix_ntop(&set->v[i], other, sizeof(other)));
		return;
	}
}

static void
check_networks(struct config *c)
{
	const struct netset *set = &c->conf->side[SIDE_INT].networks;
	char text[NETADDR_STRLEN];
	uint32_t line;
	size_t i;

	if (set->n == 0)
		report_error(&c->report,
		    marks_line(&c->marks, MARK_SIDE, SIDE_INT, 0),
		    "internal does not say which addresses are inside: write "
		    "networks { 10.0.0.0/8 }");
	for (i = 0; i < set->n; i++) {
		line =
		    marks_line(&c->marks, MARK_NETWORK, SIDE_INT, (uint32_t)i);
		if (shorter(&set->v[i], WIDE_V4, WIDE_V6))
			report_error(&c->report, line,
			    "networks: %s is a "
			    "large part of the Internet: write the networks "
			    "of the intranet",
			    netprefix_ntop(&set->v[i], text, sizeof(text)));
		check_twice(c, set, i, line, "networks");
	}
}

static void
check_accept(struct config *c)
{
	const struct conf_side *s = &c->conf->side[SIDE_INT];
	const struct netset *set = &s->accept_from;
	char text[NETADDR_STRLEN];
	uint32_t line;
	size_t i;

	if (set->n == 0 && c->conf->nconnectors > 0)
		report_error(&c->report,
		    marks_line(&c->marks, MARK_SIDE, SIDE_INT, 0),
		    "no inside host may send: write accept from { } with the "
		    "addresses of the mail servers");
	for (i = 0; i < set->n; i++) {
		line =
		    marks_line(&c->marks, MARK_ACCEPT, SIDE_INT, (uint32_t)i);
		(void)netprefix_ntop(&set->v[i], text, sizeof(text));
		/* the proof shows what a set outside of networks opens */
		if (covered(&s->networks, &set->v[i]) &&
		    shorter(&set->v[i], LOOSE_V4, LOOSE_V6))
			report_warning(&c->report, line,
			    "accept from %s: so "
			    "many hosts may send to the Internet; better name "
			    "the mail servers",
			    text);
		check_twice(c, set, i, line, "accept from");
	}
}

/* Inside, a proxy's word is what "accept from" is measured by. */
static void
check_proxies(struct config *c, const struct conf_listener *l)
{
	const struct netset *inside = &c->conf->side[SIDE_INT].networks;
	char text[NETADDR_STRLEN];
	size_t i;

	for (i = 0; i < l->proxies.n; i++) {
		(void)netprefix_ntop(&l->proxies.v[i], text, sizeof(text));
		if (l->side == SIDE_INT && !covered(inside, &l->proxies.v[i]))
			report_error(&c->report, l->pos.line,
			    "proxy from %s: it is not inside networks, and "
			    "could pose as any inside host",
			    text);
	}
}

static void
check_reach(struct config *c, enum side side)
{
	const struct netset *set = &c->conf->side[side].reach;
	const struct netset *networks = &c->conf->side[SIDE_INT].networks;
	char text[NETADDR_STRLEN], other[NETADDR_STRLEN];
	uint32_t line;
	size_t i, j;

	for (i = 0; i < set->n; i++) {
		line = marks_line(&c->marks, MARK_REACH, side, (uint32_t)i);
		(void)netprefix_ntop(&set->v[i], text, sizeof(text));
		if (shorter(&set->v[i], WIDE_V4, WIDE_V6))
			report_error(&c->report, line,
			    "reach %s: this is no "
			    "exception but the rule",
			    text);
		for (j = 0; side == SIDE_EXT && j < networks->n; j++)
			if (netprefix_overlap(&set->v[i], &networks->v[j]))
				report_error(&c->report, line,
				    "reach %s of "
				    "external overlaps internal networks %s: "
				    "nothing outside ever reaches in",
				    text,
				    netprefix_ntop(&networks->v[j], other,
					sizeof(other)));
	}
}

void
check_sides(struct config *c)
{
	const struct conf_side *s;
	enum side side;
	uint32_t i;

	check_listeners(c);
	for (i = 0; i < c->conf->nlisteners; i++)
		check_proxies(c, &c->conf->listeners[i]);
	check_interfaces(c);
	check_networks(c);
	check_accept(c);
	for (side = SIDE_EXT; side <= SIDE_INT; side++) {
		s = &c->conf->side[side];
		check_source(c, side, &s->source4);
		check_source(c, side, &s->source6);
		check_reach(c, side);
		for (i = 0; i < s->ndns; i++)
			check_dns_server(c, side, i);
	}
}
