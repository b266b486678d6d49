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
