/* SPDX-License-Identifier: ISC */
/*
 * Statements of TLS: see build.h.
 */
#include <errno.h>
#include <string.h>

#include "common/base/hex.h"
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

void
build_cert(struct parser *p, uint32_t line, unsigned side, const char *chain,
    const char *key)
{
	struct conf_cert *c = conf_add_cert(p->conf);

	if (c == NULL) {
		if (errno == ENOMEM)
			p->nomem = true;
		else
			report_error(p->report, line,
			    "more than %d certificates", CONF_CERTS_MAX);
		return;
	}
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
	struct conf_cert c;
	uint32_t i, n = 0;

	for (i = 0; i < conf->ncerts; i++) {
		if (conf->certs[i].uses == both)
			continue;
		c = conf->certs[i];
		memmove(&conf->certs[n + 1], &conf->certs[n],
		    (i - n) * sizeof(c));
		conf->certs[n++] = c;
	}
	for (i = 0; i < conf->ncerts; i++)
		conf->certs[i].id = i;
}

void
build_accept_cert(struct parser *p, uint32_t line, const char *s)
{
	uint8_t fp[CONF_FINGERPRINT];

	if (strncmp(s, "sha256 ", 7) != 0 ||
	    hex_parse(s + 7, fp, sizeof(fp)) == -1) {
		report_error(p->report, line,
		    "accept certificate: \"%.80s\" is no fingerprint: write "
		    "\"sha256 \" and 64 hexadecimal digits, as openssl x509 "
		    "-fingerprint -sha256 prints them",
		    s);
		return;
	}
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
