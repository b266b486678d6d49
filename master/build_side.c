/* SPDX-License-Identifier: ISC */
/*
 * Statements of external { } and internal { }: see build.h.
 */
#include <errno.h>
#include <string.h>

#include <bsd/string.h>

#include "master/build.h"

#define PORT_SMTP 25
#define PORT_DNS  53

static struct conf_side *
this_side(struct parser *p)
{
	return &p->conf->side[p->side];
}

void
build_side(struct parser *p, uint32_t line, enum side side)
{
	p->side = side;
	p->where = side == SIDE_EXT ? "external" : "internal";
	(void)build_once(p, line, MARK_SIDE, side, 0, p->where);
}

void
build_listen(struct parser *p, uint32_t line, const char *addr,
    const char *port)
{
	struct conf_listener *l;
	struct netaddr a;

	p->listening = false;
	if (value_addr(p, line, addr, &a) == -1)
		return;
	a.port = PORT_SMTP;
	if (port != NULL && value_port(p, line, port, &a.port) == -1)
		return;
	l = conf_add_listener(p->conf);
	if (l == NULL) {
		if (errno == ENOMEM)
			p->nomem = true;
		else
			report_error(p->report, line, "more than %d listeners",
			    CONF_LISTEN_MAX);
		return;
	}
	l->side = p->side;
	l->addr = a;
	l->pos.line = line;
	p->listening = true;
}

static struct conf_listener *
last_listener(struct parser *p)
{
	return &p->conf->listeners[p->conf->nlisteners - 1];
}

void
build_proxies(struct parser *p, uint32_t line)
{
	if (p->listening && last_listener(p)->proxies.n == 0)
		report_error(p->report, line,
		    "proxy from names nobody: write the addresses of the "
		    "proxies, or leave it out");
}

/* Whoever may say who he is is believed, so nobody is listed by the way. */
static bool
may_be_proxy(struct parser *p, uint32_t line, const struct netprefix *prefix)
{
	if (last_listener(p)->proxies.n == CONF_PROXIES_MAX) {
		report_error(p->report, line, "more than %d proxies",
		    CONF_PROXIES_MAX);
		return false;
	}
	if (prefix->len < (prefix->addr.family == NETADDR_V4 ? 8 : 16)) {
		report_error(p->report, line,
		    "proxy from: so many hosts could pose as anybody: write "
		    "the addresses of the proxies");
		return false;
	}
	return true;
}

void
build_source(struct parser *p, uint32_t line, const char *addr)
{
	struct netaddr a;
	bool v4;

	if (value_addr(p, line, addr, &a) == -1)
		return;
	v4 = a.family == NETADDR_V4;
	if (build_once(p, line, MARK_SOURCE, p->side, a.family,
		v4 ? "an IPv4 source" : "an IPv6 source") == -1)
		return;
	if (v4)
		this_side(p)->source4 = a;
	else
		this_side(p)->source6 = a;
}

void
build_interface(struct parser *p, uint32_t line, const char *s)
{
	struct conf_side *side = this_side(p);

	if (build_once(p, line, MARK_INTERFACE, p->side, 0, "interface") == -1)
		return;
	if (s[0] == '\0' || strpbrk(s, "/ \t") != NULL ||
	    strlcpy(side->interface, s, sizeof(side->interface)) >=
		sizeof(side->interface))
		report_error(p->report, line,
		    "interface \"%.40s\" is no name "
		    "of an interface",
		    s);
}

void
build_namespace(struct parser *p, uint32_t line, const char *s)
{
	struct conf_side *side = this_side(p);

	if (build_once(p, line, MARK_NAMESPACE, p->side, 0, "namespace") == -1)
		return;
	if (s[0] == '\0' || s[0] == '.' || strchr(s, '/') != NULL ||
	    strlcpy(side->netns, s, sizeof(side->netns)) >= sizeof(side->netns))
		report_error(p->report, line,
		    "namespace \"%.80s\" is no name "
		    "below /run/netns",
		    s);
}

void
build_dns(struct parser *p, uint32_t line, const char *addr, const char *port)
{
	struct conf_side *side = this_side(p);
	struct netaddr a;

	if (value_addr(p, line, addr, &a) == -1)
		return;
	a.port = PORT_DNS;
	if (port != NULL && value_port(p, line, port, &a.port) == -1)
		return;
	if (side->ndns == CONF_DNS_MAX) {
		report_error(p->report, line, "more than %d DNS servers in %s",
		    CONF_DNS_MAX, p->where);
		return;
	}
	build_mark(p, line, MARK_DNS, p->side, side->ndns);
	side->dns[side->ndns++] = a;
}

static struct netset *
set_of(struct parser *p, enum mark_kind kind, const char **what)
{
	if (kind == MARK_NETWORK) {
		*what = "networks";
		return &this_side(p)->networks;
	}
	if (kind == MARK_PROXY) {
		*what = "proxy from";
		return &last_listener(p)->proxies;
	}
	if (kind == MARK_ACCEPT) {
		*what = "accept from";
		return &this_side(p)->accept_from;
	}
	if (kind == MARK_REPAIR) {
		*what = "repair lines from";
		return &this_side(p)->repair;
	}
	if (kind == MARK_TLS_FROM) {
		*what = "tls require from";
		return &this_side(p)->tls_from;
	}
	*what = "reach";
	return &this_side(p)->reach;
}

void
build_prefix(struct parser *p, uint32_t line, enum mark_kind kind,
    const char *s)
{
	struct netprefix prefix;
	const char *what;
	struct netset *set;

	if (kind == MARK_PROXY && !p->listening)
		return;
	set = set_of(p, kind, &what);
	if (value_prefix(p, line, what, s, &prefix) == -1 ||
	    (kind == MARK_PROXY && !may_be_proxy(p, line, &prefix)))
		return;
	build_mark(p, line, kind, p->side, (uint32_t)set->n);
	if (netset_add(set, &prefix) == -1)
		p->nomem = true;
}

void
build_networks_begin(struct parser *p, uint32_t line)
{
	(void)build_once(p, line, MARK_NETWORKS, 0, 0, "networks");
}

void
build_senders(struct parser *p, uint32_t line, bool company)
{
	if (build_once(p, line, MARK_SENDERS, 0, 0, "senders") == 0 && company)
		p->conf->flags |= CONF_F_COMPANY_SENDERS;
}

void
build_workers(struct parser *p, uint32_t line, unsigned side, unsigned kind,
    const char *value)
{
	static const char *const what[] = { "workers in", "workers out" };
	uint32_t n;
	unsigned k;

	if (value_number(p, line, "workers", value, 1, CONF_WORKERS_MAX, &n) ==
	    -1)
		return;
	for (k = 0; k < 2; k++)
		if ((kind == k || kind == BUILD_BOTH) &&
		    build_once(p, line, MARK_WORKERS, side, k, what[k]) == 0)
			p->workers[side][k] = n;
}

/* A side's own number, that for both sides, or the default already there. */
void
build_finish(struct parser *p)
{
	struct conf_side *side;
	uint32_t *to[2];
	unsigned s, k;

	build_certs_finish(p);
	build_trust_finish(p);
	for (s = 0; s < NSIDES; s++) {
		side = &p->conf->side[s];
		to[0] = &side->workers_in;
		to[1] = &side->workers_out;
		for (k = 0; k < 2; k++) {
			if (p->workers[s][k] == 0)
				p->workers[s][k] = p->workers[BUILD_BOTH][k];
			if (p->workers[s][k] != 0)
				*to[k] = p->workers[s][k];
		}
	}
}
