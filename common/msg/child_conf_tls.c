/* SPDX-License-Identifier: ISC */
/*
 * Edge 2, the items of TLS.  Pure.  A child gets the certificates that it may
 * use, under posternd's numbers, by which keyd knows their keys.
 */
#include <stdlib.h>
#include <string.h>

#include "common/msg/child_conf_int.h"

#define TLS_OFF	    1
#define TLS_REQUIRE 2

void
cc_put_tls(struct ibuf *b, const struct conf *c, enum side side)
{
	const struct conf_side *s = &c->side[side];

	(void)ibuf_add_n8(b, (uint64_t)side);
	(void)ibuf_add_n8(b,
	    (s->tls_off ? TLS_OFF : 0) | (s->tls_require ? TLS_REQUIRE : 0));
}

int
cc_get_tls(struct conf *c, struct ibuf *b)
{
	uint8_t side, flags;

	cc_get_range8(b, &side, SIDE_EXT, SIDE_INT);
	cc_get_range8(b, &flags, 0, TLS_OFF | TLS_REQUIRE);
	if (ibuf_get_end(b) == -1)
		return -1;
	c->side[side].tls_off = (flags & TLS_OFF) != 0;
	c->side[side].tls_require = (flags & TLS_REQUIRE) != 0;
	return 0;
}

void
cc_put_cert(struct ibuf *b, const struct conf_cert *cert)
{
	(void)ibuf_add_n32(b, cert->id);
	(void)ibuf_add_n32(b, cert->uses);
	(void)ibuf_add_n32(b, cert->pos.line);
	(void)ibuf_add_n32(b, cert->chain_len);
	(void)ibuf_add(b, cert->chain, cert->chain_len);
}

int
cc_get_cert(struct conf *c, struct ibuf *b)
{
	struct conf_cert in = { 0 }, *cert;

	(void)ibuf_get_n32(b, &in.id);
	(void)ibuf_get_n32(b, &in.uses);
	(void)ibuf_get_n32(b, &in.pos.line);
	if (ibuf_get_n32(b, &in.chain_len) == -1 || in.id >= CONF_CERTS_MAX ||
	    in.uses == 0 || (in.uses & ~(uint32_t)CONF_CERT_USES) != 0 ||
	    in.chain_len == 0 || in.chain_len > CONF_CHAIN_MAX ||
	    in.chain_len != ibuf_size(b))
		return -1;
	/* in order; those between may be others' */
	if (c->ncerts > 0 && c->certs[c->ncerts - 1].id >= in.id)
		return -1;
	cert = conf_add_cert(c);
	if (cert == NULL)
		return -1;
	*cert = in;
	cert->chain = malloc(in.chain_len);
	if (cert->chain == NULL)
		return -1;
	return ibuf_get(b, cert->chain, in.chain_len);
}

int
cc_get_accept_cert(struct conf *c, struct ibuf *b)
{
	uint8_t fp[CONF_FINGERPRINT];

	if (ibuf_get(b, fp, sizeof(fp)) == -1 || ibuf_get_end(b) == -1)
		return -1;
	return conf_add_accept_cert(c, fp);
}

/* Lists that its level has no use for are empty. */
void
cc_put_tls_out(struct ibuf *b, const struct conf_tls *t)
{
	uint32_t i;

	(void)ibuf_add_n64(b, t->id);
	(void)ibuf_add_n8(b, (uint64_t)t->side);
	(void)ibuf_add_n8(b, (uint64_t)t->level);
	(void)ibuf_add_n32(b, t->cert);
	(void)ibuf_add_n8(b, t->nnames);
	(void)ibuf_add_n8(b, t->nfingerprints);
	for (i = 0; i < t->nnames; i++)
		(void)ibuf_add_cstr(b, t->names[i], CONF_NAME_MAX - 1);
	for (i = 0; i < t->nfingerprints; i++)
		(void)ibuf_add(b, t->fingerprints[i], CONF_FINGERPRINT);
}

static bool
is_server_name(const char *s)
{
	return cc_is_pattern(s) && strcmp(s, "*") != 0;
}

/* The certificate, if any, is one of this side's clients. */
static bool
has_cert(const struct conf *c, const struct conf_tls *t)
{
	uint32_t use =
	    t->side == SIDE_EXT ? CONF_CERT_CLIENT_EXT : CONF_CERT_CLIENT_INT;
	uint32_t i;

	if (t->cert == CONF_NO_CERT)
		return true;
	for (i = 0; i < c->ncerts; i++)
		if (c->certs[i].id == t->cert)
			return (c->certs[i].uses & use) != 0;
	return false;
}

int
cc_get_tls_out(struct conf *c, struct ibuf *b)
{
	struct conf_tls in = { 0 };
	uint8_t side, level, nnames, nfingerprints, i;

	(void)ibuf_get_n64(b, &in.id);
	cc_get_range8(b, &side, SIDE_EXT, SIDE_INT);
	cc_get_range8(b, &level, CONF_TLS_NONE, CONF_TLS_FINGERPRINT);
	(void)ibuf_get_n32(b, &in.cert);
	cc_get_range8(b, &nnames, 0, CONF_TLS_ITEMS_MAX);
	cc_get_range8(b, &nfingerprints, 0, CONF_TLS_ITEMS_MAX);
	if (ibuf_failed(b))
		return -1;
	for (i = 0; i < nnames; i++)
		(void)cc_get_text(b, in.names[i], CONF_NAME_MAX,
		    is_server_name);
	for (i = 0; i < nfingerprints; i++)
		(void)ibuf_get(b, in.fingerprints[i], CONF_FINGERPRINT);
	if (ibuf_get_end(b) == -1)
		return -1;
	in.side = (enum side)side;
	in.level = (enum conf_tls_level)level;
	in.nnames = nnames;
	in.nfingerprints = nfingerprints;
	if ((nnames > 0 && level != CONF_TLS_VERIFY) ||
	    (nfingerprints > 0) != (level == CONF_TLS_FINGERPRINT) ||
	    !has_cert(c, &in))
		return -1;
	/* in order, and none twice; 0 is the default's */
	if (in.id <= (c->ntls > 0 ? c->tls[c->ntls - 1].id : 0))
		return -1;
	return conf_add_tls(c, &in);
}

int
cc_get_anchors(struct conf *c, struct ibuf *b)
{
	const void *p;
	uint32_t len;
	uint8_t side;

	cc_get_range8(b, &side, SIDE_EXT, SIDE_INT);
	if (ibuf_get_n32(b, &len) == -1 || len == 0 || len > CONF_CHAIN_MAX ||
	    len != ibuf_size(b) || ibuf_get_view(b, &p, len) == -1)
		return -1;
	return conf_add_anchors(c, (enum side)side, p, len);
}
