/* SPDX-License-Identifier: ISC */
/*
 * Domains, connectors, and the hosts that they name.  See config.h.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "master/config.h"

/* "name" or "10.0.0.1", for messages */
static const char *
host_text(const struct conf_host *h, char buf[CONF_NAME_MAX])
{
	if (h->name[0] != '\0')
		return h->name;
	return netaddr_ntop(&h->addr, buf, CONF_NAME_MAX);
}

static bool
same_host(const struct conf_host *a, const struct conf_host *b)
{
	if (strcmp(a->name, b->name) != 0)
		return false;
	return a->name[0] != '\0' || netaddr_equal(&a->addr, &b->addr);
}

/* Is it the gateway: its name, or an address on which it listens? */
static bool
is_ourselves(const struct conf *conf, const struct conf_host *h)
{
	uint32_t i;

	if (h->name[0] != '\0')
		return strcmp(h->name, conf->hostname) == 0;
	for (i = 0; i < conf->nlisteners; i++)
		if (netaddr_equal(&conf->listeners[i].addr, &h->addr) &&
		    conf->listeners[i].addr.port == h->port)
			return true;
	return false;
}

/* What holds for the hosts of every route; what: "deliver to", "smarthost" */
static void
check_hosts(struct config *c, const struct conf_route *route,
    uint32_t block_line, const char *what)
{
	const struct conf_host *h;
	char text[CONF_NAME_MAX];
	uint32_t i, j, line;

	for (i = 0; i < route->nhosts; i++) {
		h = &route->hosts[i];
		line = marks_line(&c->marks, MARK_HOST, block_line, i);
		if (is_ourselves(c->conf, h))
			report_error(&c->report, line,
			    "%s %s is this gateway "
			    "itself: mail would turn in a circle",
			    what, host_text(h, text));
		for (j = 0; j < i; j++)
			if (same_host(h, &route->hosts[j]) &&
			    h->port == route->hosts[j].port)
				report_error(&c->report, line,
				    "%s %s is "
				    "stated twice",
				    what, host_text(h, text));
	}
}

static void
check_inside_host(struct config *c, const struct conf_host *h, uint32_t line)
{
	const struct conf_side *s = &c->conf->side[SIDE_INT];
	char text[CONF_NAME_MAX];

	if (h->name[0] != '\0') {
		if (s->ndns == 0)
			report_error(&c->report, line,
			    "host \"%s\" is a "
			    "name, and internal has no dns to ask: write "
			    "internal { dns { ADDRESS } }, or the address",
			    h->name);
		return;
	}
	if (!netset_match(&s->networks, &h->addr) &&
	    !netset_match(&s->reach, &h->addr))
		report_error(&c->report, line,
		    "host %s lies outside internal "
		    "networks: mail of our domains is delivered inside only",
		    host_text(h, text));
}

/* A host that is a smarthost as well stands outside. */
static void
check_not_smarthost(struct config *c, const struct conf_host *h, uint32_t line)
{
	const struct conf_connector *k;
	char text[CONF_NAME_MAX];
	uint32_t i, j;

	for (i = 0; i < c->conf->nconnectors; i++) {
		k = &c->conf->connectors[i];
		for (j = 0; j < k->route.nhosts; j++)
			if (same_host(h, &k->route.hosts[j]))
				report_error(&c->report, line,
				    "host %s is "
				    "the smarthost of line %u too: mail from "
				    "the Internet would go back to it",
				    host_text(h, text), k->pos.line);
	}
}

static void
check_recipient_file(struct config *c, const struct conf_domain *d,
    uint32_t line)
{
	struct report *r = &c->report;
	struct stat st;

	if (lstat(d->rcpt_path, &st) == -1) {
		/* -n may be run by somebody who cannot look there */
		if (errno == EACCES && geteuid() != 0)
			report_warning(r, line,
			    "recipients file \"%.200s\": "
			    "cannot look: %s",
			    d->rcpt_path, strerror(errno));
		else
			report_error(r, line, "recipients file \"%.200s\": %s",
			    d->rcpt_path, strerror(errno));
	} else if (S_ISLNK(st.st_mode)) {
		report_error(r, line,
		    "recipients file \"%.200s\" is a "
		    "symbolic link: name the file itself",
		    d->rcpt_path);
	} else if (!S_ISREG(st.st_mode)) {
		report_error(r, line,
		    "recipients file \"%.200s\" is not a "
		    "plain file",
		    d->rcpt_path);
	} else if ((st.st_mode & S_IWOTH) != 0) {
		report_error(r, line,
		    "everybody may write to recipients file "
		    "\"%.200s\": chmod o-w",
		    d->rcpt_path);
	}
}

static void
check_domain(struct config *c, const struct conf_domain *d, bool first)
{
	uint32_t i, line;

	if (first && d->rcpt_kind == CONF_RCPT_FILE)
		check_recipient_file(c, d,
		    marks_line(&c->marks, MARK_RECIPIENTS, d->pos.line, 0));
	if (!first)
		return;
	if (d->route.kind == CONF_ROUTE_MX && c->conf->side[SIDE_INT].ndns == 0)
		report_error(&c->report,
		    marks_line(&c->marks, MARK_DELIVER, d->pos.line, 0),
		    "deliver to mx \"%s\" asks the intranet's DNS: write "
		    "internal { dns { ADDRESS } }",
		    d->route.mx);
	check_hosts(c, &d->route, d->pos.line, "host");
	for (i = 0; i < d->route.nhosts; i++) {
		line = marks_line(&c->marks, MARK_HOST, d->pos.line, i);
		check_inside_host(c, &d->route.hosts[i], line);
		check_not_smarthost(c, &d->route.hosts[i], line);
	}
}

/* Several domains of one block are judged once, by the first. */
static bool
first_of_block(const struct conf *conf, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		if (conf->domains[i].pos.line == conf->domains[n].pos.line)
			return false;
	return true;
}

static void
check_domains(struct config *c)
{
	const struct conf *conf = c->conf;
	const struct conf_domain *d;
	uint32_t i;

	for (i = 0; i < conf->ndomains; i++) {
		d = &conf->domains[i];
		if (i > 0 && strcmp(d[-1].name, d->name) == 0)
			report_error(&c->report,
			    d->pos.line > d[-1].pos.line ? d->pos.line
							 : d[-1].pos.line,
			    "domain \"%s\" is stated twice: the first time in "
			    "line %u",
			    d->name,
			    d->pos.line > d[-1].pos.line ? d[-1].pos.line
							 : d->pos.line);
		check_domain(c, d, first_of_block(conf, i));
	}
}

static void
check_smarthost(struct config *c, const struct conf_host *h, uint32_t line)
{
	const struct conf_side *e = &c->conf->side[SIDE_EXT];
	char text[CONF_NAME_MAX];
	enum netclass class;

	if (h->name[0] != '\0') {
		if (e->ndns == 0)
			report_error(&c->report, line,
			    "smarthost \"%s\" is a "
			    "name, and external has no dns to ask: write "
			    "external { dns { ADDRESS } }, or the address",
			    h->name);
		return;
	}
	class = netaddr_class(&h->addr, NULL);
	if (netset_match(&c->conf->side[SIDE_INT].networks, &h->addr))
		report_error(&c->report, line,
		    "smarthost %s lies inside "
		    "internal networks: a connector leads outside",
		    host_text(h, text));
	else if (class != NETCLASS_GLOBAL && !netset_match(&e->reach, &h->addr))
		report_error(&c->report, line,
		    "smarthost %s is a %s address, "
		    "which is never connected to; if it is meant, write "
		    "external { reach { %s } }",
		    host_text(h, text), netclass_name(class),
		    host_text(h, text));
}

static void
check_connector(struct config *c, const struct conf_connector *k)
{
	const struct conf_domain *d;
	uint32_t i;

	d = conf_domain_find(c->conf, k->pattern, strlen(k->pattern));
	if (d != NULL)
		report_error(&c->report, k->pos.line,
		    "connector \"%s\" is "
		    "never used: the domain is ours (line %u), its mail stays "
		    "inside",
		    k->pattern, d->pos.line);
	if (k->route.kind == CONF_ROUTE_DNS &&
	    c->conf->side[SIDE_EXT].ndns == 0)
		report_error(&c->report, k->pos.line,
		    "via dns needs DNS "
		    "servers: write external { dns { ADDRESS } }");
	check_hosts(c, &k->route, k->pos.line, "smarthost");
	for (i = 0; i < k->route.nhosts; i++)
		check_smarthost(c, &k->route.hosts[i],
		    marks_line(&c->marks, MARK_HOST, k->pos.line, i));
}

void
check_routes(struct config *c)
{
	const struct conf *conf = c->conf;
	const struct conf_connector *k;
	uint32_t i;

	check_domains(c);
	for (i = 0; i < conf->nconnectors; i++) {
		k = &conf->connectors[i];
		if (i > 0 && strcmp(k[-1].pattern, k->pattern) == 0)
			report_error(&c->report,
			    k->pos.line > k[-1].pos.line ? k->pos.line
							 : k[-1].pos.line,
			    "connector \"%s\" is stated twice: every domain "
			    "has one way out",
			    k->pattern);
		check_connector(c, k);
	}
}
