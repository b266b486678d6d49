/* SPDX-License-Identifier: ISC */
/*
 * TLS towards servers, in domains and connectors: see build.h.
 */
#include <errno.h>
#include <string.h>

#include <bsd/string.h>

#include "common/base/hex.h"
#include "master/build.h"

int
value_fingerprint(struct parser *p, uint32_t line, const char *what,
    const char *s, uint8_t fp[CONF_FINGERPRINT])
{
	if (strncmp(s, "sha256 ", 7) == 0 &&
	    hex_parse(s + 7, fp, CONF_FINGERPRINT) == 0)
		return 0;
	report_error(p->report, line,
	    "%s: \"%.80s\" is no fingerprint: write \"sha256 \" and 64 "
	    "hexadecimal digits, as openssl x509 -fingerprint -sha256 prints "
	    "them",
	    what, s);
	return -1;
}

void
build_tls_out(struct parser *p, uint32_t line, enum conf_tls_level level)
{
	struct block *b = &p->block;

	if (b->tls.level != 0) {
		report_error(p->report, line,
		    "tls is stated twice: the first time in line %u",
		    b->tls_line);
		return;
	}
	b->tls.level = level;
	b->tls_line = line;
}

static bool
too_many(struct parser *p, uint32_t line, uint32_t n, const char *what)
{
	if (n < CONF_TLS_ITEMS_MAX)
		return false;
	report_error(p->report, line, "more than %d %s", CONF_TLS_ITEMS_MAX,
	    what);
	return true;
}

void
build_tls_name(struct parser *p, uint32_t line, const char *s)
{
	struct conf_tls *t = &p->block.tls;
	char name[CONF_NAME_MAX];

	if (value_pattern(p, line, "tls verify", s, name) == -1)
		return;
	if (strcmp(name, "*") == 0)
		report_error(p->report, line,
		    "tls verify \"*\" would verify nothing: write the name in "
		    "the server's certificate, or tls require");
	else if (!too_many(p, line, t->nnames, "names after tls verify"))
		(void)strlcpy(t->names[t->nnames++], name, CONF_NAME_MAX);
}

void
build_tls_print(struct parser *p, uint32_t line, const char *s)
{
	struct conf_tls *t = &p->block.tls;
	uint8_t fp[CONF_FINGERPRINT];

	if (value_fingerprint(p, line, "tls fingerprint", s, fp) == -1 ||
	    too_many(p, line, t->nfingerprints, "fingerprints"))
		return;
	memcpy(t->fingerprints[t->nfingerprints++], fp, sizeof(fp));
}

/* One that another block names as well is the same. */
static uint32_t
find_cert(const struct conf *conf, const struct conf_cert *want)
{
	uint32_t i;

	for (i = 0; i < conf->ncerts; i++)
		if (conf->certs[i].uses == want->uses &&
		    strcmp(conf->certs[i].chain_path, want->chain_path) == 0 &&
		    strcmp(conf->certs[i].key_path, want->key_path) == 0)
			return i;
	return CONF_NO_CERT;
}

void
build_tls_cert(struct parser *p, uint32_t line, const char *chain,
    const char *key)
{
	struct block *b = &p->block;
	struct conf_cert cert = { .pos.line = line }, *c;

	if (b->tls_cert_line != 0) {
		report_error(p->report, line,
		    "tls certificate is stated twice: the first time in line "
		    "%u; a client has one to show",
		    b->tls_cert_line);
		return;
	}
	b->tls_cert_line = line;
	cert.uses = strcmp(p->where, "domain") == 0 ? CONF_CERT_CLIENT_INT
						    : CONF_CERT_CLIENT_EXT;
	if (value_path(p, line, "tls certificate", chain, cert.chain_path,
		sizeof(cert.chain_path)) == -1 ||
	    value_path(p, line, "key", key, cert.key_path,
		sizeof(cert.key_path)) == -1)
		return;
	b->tls.cert = find_cert(p->conf, &cert);
	if (b->tls.cert != CONF_NO_CERT)
		return;
	if ((c = build_add_cert(p, line)) == NULL)
		return;
	cert.id = c->id;
	*c = cert;
	b->tls.cert = cert.id;
}

static void
check_block(struct parser *p)
{
	const struct block *b = &p->block;
	const struct conf_tls *t = &b->tls;

	if (t->level == CONF_TLS_NONE && t->cert != CONF_NO_CERT)
		report_error(p->report, b->tls_cert_line,
		    "tls certificate: with tls none (line %u) nobody will see "
		    "it",
		    b->tls_line);
	if (t->level == CONF_TLS_FINGERPRINT && t->nfingerprints == 0)
		report_error(p->report, b->tls_line,
		    "tls fingerprint has no fingerprint: write tls fingerprint "
		    "\"sha256 ...\"");
}

void
build_tls_block(struct parser *p, enum side side, uint64_t *id)
{
	struct conf_tls *t = &p->block.tls;

	check_block(p);
	t->side = side;
	if (t->level == 0)
		t->level = CONF_TLS_OPPORTUNISTIC;
	if (conf_add_tls(p->conf, t) == -1) {
		if (errno == ENOMEM)
			p->nomem = true;
		else
			report_error(p->report, p->block.tls_line,
			    "more than %d different tls statements in domains "
			    "and connectors",
			    CONF_TLS_MAX);
	}
	*id = t->id;
}
