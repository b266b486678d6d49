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
	for (i = 0; i < c->conf->ncerts; i++)
		check_twice(c, &c->conf->certs[i]);
}
