/* SPDX-License-Identifier: ISC */
/*
 * Statements of TLS: see build.h.
 */
#include <errno.h>
#include <string.h>

#include <bsd/string.h>

#include "master/build.h"

void
build_tls(struct parser *p, uint32_t line, enum build_tls what)
{
	struct conf_side *s = &p->conf->side[p->side];

	if (build_once(p, line, MARK_TLS, p->side, 0,
		"tls offer, off or require") == -1)
		return;
	s->tls_off = what == BUILD_TLS_OFF;
	s->tls_require = what == BUILD_TLS_REQUIRE;
}

static uint32_t
uses_of(unsigned side)
{
	if (side == SIDE_EXT)
		return CONF_CERT_SERVER_EXT;
	if (side == SIDE_INT)
		return CONF_CERT_SERVER_INT;
	return CONF_CERT_SERVER_EXT | CONF_CERT_SERVER_INT;
}

struct conf_cert *
build_add_cert(struct parser *p, uint32_t line)
{
	struct conf_cert *c = conf_add_cert(p->conf);

	if (c == NULL && errno == ENOMEM)
		p->nomem = true;
	else if (c == NULL)
		report_error(p->report, line, "more than %d certificates",
		    CONF_CERTS_MAX);
	return c;
}

void
build_cert(struct parser *p, uint32_t line, unsigned side, const char *chain,
    const char *key)
{
	struct conf_cert *c = build_add_cert(p, line);

	if (c == NULL)
		return;
	c->uses = uses_of(side);
	c->pos.line = line;
	if (value_path(p, line, "tls certificate", chain, c->chain_path,
		sizeof(c->chain_path)) == 0)
		(void)value_path(p, line, "key", key, c->key_path,
		    sizeof(c->key_path));
}

/* A side's own come before those of both: the first is its default. */
void
build_certs_finish(struct parser *p)
{
	const uint32_t both = CONF_CERT_SERVER_EXT | CONF_CERT_SERVER_INT;
	struct conf *conf = p->conf;
	uint32_t new[CONF_CERTS_MAX], i, n = 0;
	struct conf_cert c;

	for (i = 0; i < conf->ncerts; i++) {
		if (conf->certs[i].uses == both)
			continue;
		c = conf->certs[i];
		memmove(&conf->certs[n + 1], &conf->certs[n],
		    (i - n) * sizeof(c));
		conf->certs[n++] = c;
	}
	for (i = 0; i < conf->ncerts; i++) {
		new[conf->certs[i].id] = i;
		conf->certs[i].id = i;
	}
	for (i = 0; i < conf->ntls; i++)
		if (conf->tls[i].cert != CONF_NO_CERT)
			conf->tls[i].cert = new[conf->tls[i].cert];
}

void
build_trust(struct parser *p, uint32_t line, unsigned side, const char *path)
{
	char *to =
	    side == BUILD_BOTH ? p->trust : p->conf->side[side].trust_path;

	if (build_once(p, line, MARK_TRUST, side, 0, "tls trust") == 0)
		(void)value_path(p, line, "tls trust", path, to, CONF_PATH_MAX);
}

/* A side's own goes before that of both. */
void
build_trust_finish(struct parser *p)
{
	struct conf_side *s = p->conf->side;

	for (; s < p->conf->side + NSIDES; s++)
		if (s->trust_path[0] == '\0')
			(void)strlcpy(s->trust_path, p->trust,
			    sizeof(s->trust_path));
}

void
build_accept_cert(struct parser *p, uint32_t line, const char *s)
{
	uint8_t fp[CONF_FINGERPRINT];

	if (value_fingerprint(p, line, "accept certificate", s, fp) == -1)
		return;
	if (conf_accepts_cert(p->conf, fp)) {
		report_error(p->report, line,
		    "accept certificate: this one is stated twice");
		return;
	}
	build_mark(p, line, MARK_ACCEPT_CERT, p->conf->naccept_certs, 0);
	if (conf_add_accept_cert(p->conf, fp) == -1)
		report_error(p->report, line,
		    "more than %d accept certificate statements",
		    CONF_ACCEPT_CERTS_MAX);
}
