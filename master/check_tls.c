/* SPDX-License-Identifier: ISC */
/*
 * TLS: statements that contradict each other, or that nothing can come of.
 * Whether certificates are good is keyd's to say (keys.c).  See config.h.
 */
#include <string.h>

#include "master/config.h"

static const char *
block_name(enum side side)
{
	return side == SIDE_EXT ? "external" : "internal";
}

static void
check_side(struct config *c, enum side side)
{
	const struct conf_side *s = &c->conf->side[side];
	uint32_t line = marks_line(&c->marks, MARK_TLS, side, 0);
	uint32_t from = marks_line(&c->marks, MARK_TLS_FROM, side, 0);

	if (s->tls_off && s->tls_from.n > 0)
		report_error(&c->report, from,
		    "tls require from: tls is off in %s (line %u)",
		    block_name(side), line);
	else if ((s->tls_require || s->tls_from.n > 0) &&
	    !conf_offers_tls(c->conf, side))
		report_error(&c->report, s->tls_require ? line : from,
		    "tls require: %s has no certificate: write tls "
		    "certificate \"/path/chain.pem\" key \"/path/key.pem\"",
		    block_name(side));
	if (s->tls_require && s->tls_from.n > 0)
		report_warning(&c->report, from,
		    "tls require from: in %s tls is required of everyone "
		    "(line %u)",
		    block_name(side), line);
}

static void
check_accept(struct config *c)
{
	if (c->conf->naccept_certs > 0 && !conf_offers_tls(c->conf, SIDE_INT))
		report_error(&c->report,
		    marks_line(&c->marks, MARK_ACCEPT_CERT, 0, 0),
		    "accept certificate: internal has no certificate of its "
		    "own, so no client can show one: write tls certificate "
		    "\"/path/chain.pem\" key \"/path/key.pem\"");
}

/* By default a host is verified by its name. */
static void
check_names(struct config *c, uint64_t id, const struct conf_route *r,
    uint32_t block)
{
	const struct conf_tls *t = conf_tls_find(c->conf, id);
	char text[NETADDR_STRLEN];
	uint32_t i;

	if (t == NULL || t->level != CONF_TLS_VERIFY || t->nnames > 0)
		return;
	for (i = 0; i < r->nhosts; i++)
		if (r->hosts[i].name[0] == '\0')
			report_error(&c->report,
			    marks_line(&c->marks, MARK_TLS_OUT, block, 0),
			    "tls verify: %s has no name to be verified: write "
			    "tls verify \"name\", as in its certificate",
			    netaddr_ntop(&r->hosts[i].addr, text,
				sizeof(text)));
}

/* Nobody has a list of all the servers of the Internet. */
static void
check_prints(struct config *c, const struct conf_connector *k)
{
	const struct conf_tls *t = conf_tls_find(c->conf, k->tls);

	if (t != NULL && t->level == CONF_TLS_FINGERPRINT &&
	    k->route.kind == CONF_ROUTE_DNS && k->pattern[0] == '*')
		report_warning(&c->report,
		    marks_line(&c->marks, MARK_TLS_OUT, k->pos.line, 0),
		    "tls fingerprint: servers of all domains of \"%s\" would "
		    "have to show one of these certificates",
		    k->pattern);
}

static void
check_out(struct config *c)
{
	const struct conf *conf = c->conf;
	uint32_t i, block = 0;

	for (i = 0; i < conf->ndomains; i++) {
		if (conf->domains[i].pos.line != block)
			check_names(c, conf->domains[i].tls,
			    &conf->domains[i].route, conf->domains[i].pos.line);
		block = conf->domains[i].pos.line;
	}
	for (i = 0; i < conf->nconnectors; i++) {
		check_names(c, conf->connectors[i].tls,
		    &conf->connectors[i].route, conf->connectors[i].pos.line);
		check_prints(c, &conf->connectors[i]);
	}
}

/* The same pair twice for one side would only be served once. */
static void
check_twice(struct config *c, const struct conf_cert *b)
{
	const struct conf_cert *a;
	uint32_t i;

	for (i = 0; i < b->id; i++) {
		a = &c->conf->certs[i];
		if ((a->uses & b->uses) != 0 &&
		    strcmp(a->chain_path, b->chain_path) == 0)
			report_error(&c->report, b->pos.line,
			    "tls certificate \"%.200s\" is stated twice: the "
			    "first time in line %u",
			    b->chain_path, a->pos.line);
	}
}

void
check_tls(struct config *c)
{
	uint32_t i;

	check_side(c, SIDE_EXT);
	check_side(c, SIDE_INT);
	check_accept(c);
	check_out(c);
	for (i = 0; i < c->conf->ncerts; i++)
		check_twice(c, &c->conf->certs[i]);
}
