/* SPDX-License-Identifier: ISC */
/*
 * Domains and connectors: see build.h.
 */
#include <errno.h>
#include <string.h>

#include <bsd/string.h>

#include "master/build.h"

#define PORT_SMTP 25

void
build_block(struct parser *p, uint32_t line, const char *where)
{
	memset(&p->block, 0, sizeof(p->block));
	p->block.tls.cert = CONF_NO_CERT;
	p->block.line = line;
	p->block.errors = p->report->errors;
	p->where = where;
}

void
build_name(struct parser *p, uint32_t line, const char *s)
{
	struct block *b = &p->block;

	if (b->nnames == BLOCK_NAMES_MAX) {
		report_error(p->report, line,
		    "more than %d names in one "
		    "domain block: begin another",
		    BLOCK_NAMES_MAX);
		return;
	}
	b->names[b->nnames] = s;
	b->name_lines[b->nnames] = line;
	b->nnames++;
}

void
build_recipients(struct parser *p, uint32_t line, enum conf_rcpt_kind kind,
    const char *path)
{
	struct block *b = &p->block;

	if (b->rcpt_kind != 0) {
		report_error(p->report, line,
		    "recipients is stated twice: "
		    "the first time in line %u",
		    b->rcpt_line);
		return;
	}
	b->rcpt_kind = kind;
	b->rcpt_line = line;
	if (path != NULL)
		(void)value_path(p, line, "recipients file", path, b->rcpt_path,
		    sizeof(b->rcpt_path));
}

void
build_route(struct parser *p, uint32_t line, enum conf_route_kind kind,
    const char *mx)
{
	struct block *b = &p->block;

	if (b->route_kind != 0) {
		report_error(p->report, line,
		    "deliver to is stated twice: "
		    "the first time in line %u; several hosts are "
		    "{ host \"a\", host \"b\" }",
		    b->route_line);
		return;
	}
	b->route_kind = kind;
	b->route_line = line;
	if (mx != NULL)
		(void)value_name(p, line, "mx", mx, b->mx);
}

void
build_host(struct parser *p, uint32_t line, const char *name, const char *port)
{
	struct block *b = &p->block;
	struct conf_host h = { .port = PORT_SMTP };

	if (port != NULL && value_port(p, line, port, &h.port) == -1)
		return;
	if (netaddr_parse(&h.addr, name) == -1) {
		memset(&h.addr, 0, sizeof(h.addr));
		if (value_name(p, line, "host", name, h.name) == -1)
			return;
	}
	if (b->nhosts == CONF_HOSTS_MAX) {
		report_error(p->report, line, "more than %d hosts",
		    CONF_HOSTS_MAX);
		return;
	}
	b->hosts[b->nhosts].host = h;
	b->hosts[b->nhosts].line = line;
	b->nhosts++;
}

/* Is anything known to be wrong in the block?  Then it is not judged whole. */
static bool
block_failed(const struct parser *p)
{
	return p->report->errors != p->block.errors;
}

static int
copy_route(struct parser *p, struct conf_route *r)
{
	const struct block *b = &p->block;
	struct conf_host *h;
	uint32_t i;

	r->kind = b->route_kind;
	(void)strlcpy(r->mx, b->mx, sizeof(r->mx));
	for (i = 0; i < b->nhosts; i++) {
		h = conf_route_add_host(r);
		if (h == NULL) {
			p->nomem = true;
			return -1;
		}
		*h = b->hosts[i].host;
	}
	return 0;
}

static void
mark_block(struct parser *p)
{
	const struct block *b = &p->block;
	uint32_t i;

	build_mark(p, b->route_line, MARK_DELIVER, b->line, 0);
	if (b->rcpt_line != 0)
		build_mark(p, b->rcpt_line, MARK_RECIPIENTS, b->line, 0);
	if (b->tls_line != 0)
		build_mark(p, b->tls_line, MARK_TLS_OUT, b->line, 0);
	for (i = 0; i < b->nhosts; i++)
		build_mark(p, b->hosts[i].line, MARK_HOST, b->line, i);
}

static void
add_domain(struct parser *p, const char *name, uint32_t line, uint64_t tls)
{
	const struct block *b = &p->block;
	char folded[CONF_NAME_MAX];
	struct conf_domain *d;

	if (value_name(p, line, "domain", name, folded) == -1)
		return;
	d = conf_add_domain(p->conf);
	if (d == NULL) {
		p->nomem = true;
		return;
	}
	(void)strlcpy(d->name, folded, sizeof(d->name));
	d->rcpt_kind = b->rcpt_kind;
	(void)strlcpy(d->rcpt_path, b->rcpt_path, sizeof(d->rcpt_path));
	d->pos.line = b->line;
	d->schedule = b->schedule;
	d->tls = tls;
	(void)copy_route(p, &d->route);
}

void
build_domains(struct parser *p)
{
	struct block *b = &p->block;
	uint64_t tls;
	size_t i;

	if (block_failed(p))
		return;
	if (b->nnames == 0)
		report_error(p->report, b->line, "domain has no name");
	else if (b->rcpt_kind == 0)
		report_error(p->report, b->line,
		    "domain \"%.80s\" does not "
		    "say which recipients exist: write recipients file "
		    "\"path\", or recipients any",
		    b->names[0]);
	else if (b->route_kind == 0)
		report_error(p->report, b->line,
		    "domain \"%.80s\" does not "
		    "say where its mail goes: write deliver to host \"name\"",
		    b->names[0]);
	else if (b->route_kind == CONF_ROUTE_HOSTS && b->nhosts == 0)
		report_error(p->report, b->route_line,
		    "deliver to names no "
		    "host");
	if (block_failed(p))
		return;
	build_tls_block(p, SIDE_INT, &tls);
	for (i = 0; i < b->nnames; i++)
		add_domain(p, b->names[i], b->name_lines[i], tls);
	mark_block(p);
}

void
build_connector(struct parser *p)
{
	struct block *b = &p->block;
	char pattern[CONF_NAME_MAX];
	struct conf_connector *c;

	if (b->route_kind == CONF_ROUTE_SMARTHOST && b->nhosts == 0 &&
	    !block_failed(p))
		report_error(p->report, b->route_line,
		    "smarthost names no host");
	if (block_failed(p) ||
	    value_pattern(p, b->line, "connector", b->names[0], pattern) == -1)
		return;
	c = conf_add_connector(p->conf);
	if (c == NULL) {
		p->nomem = true;
		return;
	}
	(void)strlcpy(c->pattern, pattern, sizeof(c->pattern));
	c->pos.line = b->line;
	c->schedule = b->schedule;
	build_tls_block(p, SIDE_EXT, &c->tls);
	(void)copy_route(p, &c->route);
	mark_block(p);
}
