/* SPDX-License-Identifier: ISC */
/* The configuration: TLS towards servers.  Pure. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>

#include "common/base/conf.h"

const struct conf_tls conf_tls_default = { .level = CONF_TLS_OPPORTUNISTIC,
	.cert = CONF_NO_CERT };

const char *
conf_tls_level_name(enum conf_tls_level level)
{
	switch (level) {
	case CONF_TLS_NONE:
		return "none";
	case CONF_TLS_OPPORTUNISTIC:
		return "opportunistic";
	case CONF_TLS_REQUIRE:
		return "require";
	case CONF_TLS_VERIFY:
		return "verify";
	case CONF_TLS_FINGERPRINT:
		break;
	}
	return "fingerprint";
}

static uint64_t
mix(uint64_t h, const void *p, size_t len)
{
	const uint8_t *b = p;

	while (len-- > 0)
		h = (h ^ *b++) * 0x100000001b3; /* FNV-1a */
	return h;
}

static uint64_t
mix_str(uint64_t h, const char *s)
{
	return mix(h, s, strlen(s) + 1);
}

/* Of what is stated, so that it outlives the numbers of certificates. */
static uint64_t
id_of(const struct conf *c, const struct conf_tls *t)
{
	uint64_t h = 0xcbf29ce484222325;
	uint8_t head[] = { (uint8_t)t->side, (uint8_t)t->level };
	uint32_t i;

	h = mix(h, head, sizeof(head));
	for (i = 0; i < t->nnames; i++)
		h = mix_str(h, t->names[i]);
	for (i = 0; i < t->nfingerprints; i++)
		h = mix(h, t->fingerprints[i], CONF_FINGERPRINT);
	if (t->cert < c->ncerts) {
		h = mix_str(h, c->certs[t->cert].chain_path);
		h = mix_str(h, c->certs[t->cert].key_path);
	}
	return h != 0 ? h : 1;
}

/* The first place whose id is not smaller. */
static uint32_t
place_of(const struct conf *c, uint64_t id)
{
	uint32_t lo = 0, hi = c->ntls, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (c->tls[mid].id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const struct conf_tls *
conf_tls_find(const struct conf *c, uint64_t id)
{
	uint32_t i;

	if (id == 0)
		return &conf_tls_default;
	i = place_of(c, id);
	return i < c->ntls && c->tls[i].id == id ? &c->tls[i] : NULL;
}

static bool
is_default(const struct conf_tls *t)
{
	return t->level == CONF_TLS_OPPORTUNISTIC && t->cert == CONF_NO_CERT;
}

int
conf_add_tls(struct conf *c, struct conf_tls *t)
{
	struct conf_tls *v;
	uint32_t i;

	if (t->id == 0 && is_default(t))
		return 0;
	if (t->id == 0)
		t->id = id_of(c, t);
	i = place_of(c, t->id);
	if (i < c->ntls && c->tls[i].id == t->id)
		return 0;
	if (c->ntls == CONF_TLS_MAX) {
		errno = ERANGE;
		return -1;
	}
	v = reallocarray(c->tls, c->ntls + 1, sizeof(*v));
	if (v == NULL)
		return -1;
	c->tls = v;
	memmove(v + i + 1, v + i, (c->ntls - i) * sizeof(*v));
	v[i] = *t;
	c->ntls++;
	return 0;
}

int
conf_add_anchors(struct conf *c, enum side side, const void *p, size_t len)
{
	struct conf_side *s = &c->side[side];
	uint8_t *v;

	if (len > CONF_ANCHORS_MAX - s->anchors_len) {
		errno = ERANGE;
		return -1;
	}
	if (len == 0)
		return 0;
	v = realloc(s->anchors, s->anchors_len + len);
	if (v == NULL)
		return -1;
	memcpy(v + s->anchors_len, p, len);
	s->anchors = v;
	s->anchors_len += (uint32_t)len;
	return 0;
}
