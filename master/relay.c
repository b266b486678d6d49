/* SPDX-License-Identifier: ISC */
/*
 * The proof that a configuration does not relay.  The decision function that
 * smtpd-in and queued use (common/base/relay.h) is asked about every listener,
 * every kind of client and every kind of domain, and what it says is held
 * against the rule, which is written down here a second time and in other
 * words.  The answers change only at the ends of the configured networks, so
 * the addresses beside each end stand for all there are.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/relay.h"
#include "master/config.h"

#define WOULD_RELAY "this would relay"

enum source_class {
	SOURCE_INTERNET,
	SOURCE_UNLISTED, /* inside, but may not send */
	SOURCE_LISTED,	 /* inside, and may send anywhere */
	SOURCE_GATEWAY	 /* an address of our own, not listed */
};

static const char *const class_names[] = {
	[SOURCE_INTERNET] = "Internet host",
	[SOURCE_UNLISTED] = "inside host",
	[SOURCE_LISTED] = "listed host",
	[SOURCE_GATEWAY] = "the gateway's address",
};

/* addresses that stand for places wherever the networks are */
static const char *const places[] = { "0.0.0.0", "8.8.8.8", "127.0.0.1",
	"192.0.2.7", "255.255.255.255", "::1", "2001:db8:ffff::7",
	"2606:4700::7", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" };

struct proof {
	struct config *c;
	const struct conf *conf;
	const struct conf_listener *listener;
	const char *domain;
	bool ours;
};

static enum source_class
classify(const struct conf *conf, const struct netaddr *a)
{
	const struct conf_side *s = &conf->side[SIDE_INT];
	uint32_t i;

	if (netset_match(&s->networks, a) && netset_match(&s->accept_from, a))
		return SOURCE_LISTED;
	for (i = 0; i < conf->nlisteners; i++)
		if (netaddr_equal(&conf->listeners[i].addr, a))
			return SOURCE_GATEWAY;
	return netset_match(&s->networks, a) ? SOURCE_UNLISTED
					     : SOURCE_INTERNET;
}

/* The rule: from outside to our domains only; from inside only the listed. */
static bool
allowed(enum side side, enum source_class class, bool ours,
    enum relay_verdict verdict)
{
	switch (verdict) {
	case RELAY_REFUSE:
		return true;
	case RELAY_LOCAL:
		return ours && (side == SIDE_EXT || class == SOURCE_LISTED);
	case RELAY_OUTBOUND:
		return !ours && side == SIDE_INT && class == SOURCE_LISTED;
	}
	return false;
}

static uint32_t
accept_line(const struct proof *p, const struct netaddr *a)
{
	const struct netset *set = &p->conf->side[SIDE_INT].accept_from;
	size_t i;

	for (i = 0; i < set->n; i++)
		if (netprefix_match(&set->v[i], a))
			return marks_line(&p->c->marks, MARK_ACCEPT, SIDE_INT,
			    (uint32_t)i);
	return 0;
}

/* One path for each statement that opens one, and kind of client, is enough. */
static bool
shown(const struct proof *p, uint32_t line, enum source_class class)
{
	const struct report *r = &p->c->report;
	size_t i;

	for (i = 0; i < r->n; i++)
		if (r->v[i].line == line && r->v[i].level == REPORT_ERROR &&
		    strstr(r->v[i].text, WOULD_RELAY) != NULL &&
		    strstr(r->v[i].text, class_names[class]) != NULL)
			return true;
	return false;
}

static void
show_path(struct proof *p, const struct netaddr *a, enum source_class class,
    const struct relay_decision *d)
{
	char from[NETADDR_STRLEN], at[NETADDR_STRLEN];
	uint32_t line = accept_line(p, a);
	char way[CONF_NAME_MAX + 64];

	if (shown(p, line, class))
		return;
	if (d->verdict == RELAY_OUTBOUND)
		(void)snprintf(way, sizeof(way), "connector \"%s\" (line %u)",
		    d->connector->pattern, d->connector->pos.line);
	else
		(void)snprintf(way, sizeof(way), "our own domains");
	report_error(&p->c->report, line,
	    WOULD_RELAY
	    ": %s %s -> "
	    "listener %s (line %u) -> \"%s\" -> %s; accept from may list only "
	    "hosts inside networks",
	    class_names[class], netaddr_ntop(a, from, sizeof(from)),
	    netaddr_ntop_port(&p->listener->addr, at, sizeof(at)),
	    p->listener->pos.line, p->domain, way);
}

static void
try_source(struct proof *p, const struct netaddr *a)
{
	enum source_class class = classify(p->conf, a);
	struct relay_decision d;

	relay_decide(p->conf, p->listener->side, a, p->domain,
	    strlen(p->domain), &d);
	if (!allowed(p->listener->side, class, p->ours, d.verdict))
		show_path(p, a, class, &d);
}

static void
step(struct netaddr *a, bool up)
{
	size_t i = a->family == NETADDR_V4 ? 4 : 16;

	while (i-- > 0) {
		if (up && ++a->bytes[i] != 0)
			return;
		if (!up && a->bytes[i]-- != 0)
			return;
	}
}

/* Both ends of a prefix, and the addresses just outside of them. */
static void
try_ends(struct proof *p, const struct netprefix *prefix)
{
	size_t bit, bits = prefix->addr.family == NETADDR_V4 ? 32 : 128;
	struct netaddr first = prefix->addr, last = prefix->addr;

	for (bit = prefix->len; bit < bits; bit++)
		last.bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	try_source(p, &first);
	try_source(p, &last);
	step(&first, false);
	try_source(p, &first);
	step(&last, true);
	try_source(p, &last);
}

static void
try_domain(struct proof *p, const char *domain, bool ours)
{
	const struct conf_side *s = &p->conf->side[SIDE_INT];
	struct netaddr a;
	size_t i;

	p->domain = domain;
	p->ours = ours;
	for (i = 0; i < s->networks.n; i++)
		try_ends(p, &s->networks.v[i]);
	for (i = 0; i < s->accept_from.n; i++)
		try_ends(p, &s->accept_from.v[i]);
	for (i = 0; i < p->conf->nlisteners; i++)
		try_source(p, &p->conf->listeners[i].addr);
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (netaddr_parse(&a, places[i]) == 0)
			try_source(p, &a);
}

static int
name_cmp(const void *key, const void *elem)
{
	return strcmp(key, ((const struct conf_domain *)elem)->name);
}

/* Not conf_domain_find(), which is what is on trial. */
static bool
is_ours(const struct conf *conf, const char *name)
{
	return conf->ndomains > 0 &&
	    bsearch(name, conf->domains, conf->ndomains, sizeof(*conf->domains),
		name_cmp) != NULL;
}

static void
try_below(struct proof *p, const char *label, const char *domain)
{
	char name[2 * CONF_NAME_MAX];

	(void)snprintf(name, sizeof(name), "%s%s", label, domain);
	try_domain(p, name, is_ours(p->conf, name));
}

/* The ways out: what each connector covers, and what none of them names. */
static void
try_foreign(struct proof *p)
{
	static const char *const fixed[] = { "elsewhere.invalid",
		"ELSEWHERE.INVALID.", "[192.0.2.9]", "[IPv6:2001:db8::9]" };
	const char *pattern;
	size_t i;

	for (i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		try_domain(p, fixed[i], false);
	for (i = 0; i < p->conf->nconnectors; i++) {
		pattern = p->conf->connectors[i].pattern;
		if (strncmp(pattern, "*.", 2) == 0)
			try_below(p, "x", pattern + 1);
		else if (strcmp(pattern, "*") != 0)
			try_below(p, "", pattern);
	}
}

void
config_prove(struct config *c)
{
	struct proof p = { .c = c, .conf = c->conf };
	bool done[NSIDES] = { false, false };
	uint32_t i, j;

	/* nothing is inside: said already, and nothing follows from it */
	if (c->conf->side[SIDE_INT].networks.n == 0)
		return;
	for (i = 0; i < p.conf->nlisteners; i++) {
		p.listener = &p.conf->listeners[i];
		/* listeners of one side differ in nothing that is decided */
		if (done[p.listener->side])
			continue;
		done[p.listener->side] = true;
		try_foreign(&p);
		for (j = 0; j < p.conf->ndomains; j++) {
			try_domain(&p, p.conf->domains[j].name, true);
			try_below(&p, "below.", p.conf->domains[j].name);
		}
	}
}
