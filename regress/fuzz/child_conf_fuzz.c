/* SPDX-License-Identifier: ISC */
/* link: common/msg/child_conf.o common/msg/child_conf_policy.o */
/* link: common/msg/child_conf_listen.o */
/* link: common/msg/child_conf_tls.o */
/* link: common/base/ibuf.o common/base/netaddr.o */
/* link: common/base/conf.o common/base/conf_tls.o */
/*
 * A series of configuration items, each a byte of its type, two of its length,
 * and that many.  What the decoder lets pass must be a whole configuration:
 * it can be searched, sent on, and comes out the same.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include "common/msg/child_conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define ALL 0x1ffffU

struct series {
	uint8_t *data;
	size_t len, cap;
};

static int
keep(void *arg, uint16_t type, struct ibuf *b)
{
	struct series *s = arg;
	size_t n = ibuf_size(b);

	if (s->cap - s->len < 3 + n) {
		s->cap = 2 * s->cap + 3 + n;
		s->data = realloc(s->data, s->cap);
		assert(s->data != NULL);
	}
	s->data[s->len++] = (uint8_t)type;
	s->data[s->len++] = (uint8_t)(n >> 8);
	s->data[s->len++] = (uint8_t)n;
	assert(ibuf_get(b, s->data + s->len, n) == 0);
	s->len += n;
	return 0;
}

/* -1: one was refused, which ends it, as in a child. */
static int
replay(struct conf *c, const uint8_t *p, size_t left)
{
	struct ibuf b;
	uint8_t type;
	size_t n;

	while (left >= 3) {
		type = p[0];
		n = (size_t)p[1] << 8 | p[2];
		p += 3;
		left -= 3;
		if (n > left)
			n = left;
		ibuf_from(&b, p, n);
		if (cc_decode(c, MSG_TYPE(EDGE_CHILD_CONF, type), &b) == -1)
			return -1;
		p += n;
		left -= n;
	}
	return 0;
}

static void
search(const struct conf *c)
{
	const struct conf_connector *k;
	uint32_t i;

	for (i = 0; i < c->ndomains; i++)
		assert(conf_domain_find(c, c->domains[i].name,
			   strlen(c->domains[i].name)) == &c->domains[i]);
	for (i = 0; i < c->nconnectors; i++) {
		k = &c->connectors[i];
		if (k->pattern[0] != '*')
			assert(conf_connector_find(c, k->pattern,
				   strlen(k->pattern)) == k);
	}
	(void)conf_connector_find(c, "a.b.example.net", 15);
	for (i = 0; i < c->npaces; i++)
		if (c->paces[i].pattern[0] != '*')
			assert(
			    conf_pace_find(c, c->paces[i].pattern,
				strlen(c->paces[i].pattern)) == &c->paces[i]);
	for (i = 0; i < c->nsources; i++)
		assert(conf_source_find(c, &c->sources[i].prefix.addr) != NULL);
	assert(conf_schedule_find(c, "a.b.example.net", 15) != NULL);
}

static void
check(struct conf *a)
{
	struct series first = { 0 }, second = { 0 };
	uint32_t ages[CONF_AGES_MAX];
	struct conf *b;
	int rc;

	if (a->hostname[0] == '\0')
		(void)strlcpy(a->hostname, "gw", sizeof(a->hostname));
	if (conf_ages(a, CONF_S_EXPIRE, ages) == -1 ||
	    conf_ages(a, CONF_S_WARN, ages) == -1)
		return; /* refused at its end */
	conf_seal(a);
	b = conf_new();
	assert(b != NULL);
	search(a);
	rc = cc_encode(a, ALL, keep, &first);
	assert(rc == 0);
	assert(replay(b, first.data, first.len) == 0);
	rc = cc_encode(b, ALL, keep, &second);
	assert(rc == 0);
	assert(first.len == second.len);
	assert(memcmp(first.data, second.data, first.len) == 0);
	conf_free(b);
	free(first.data);
	free(second.data);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf *c = conf_new();

	assert(c != NULL);
	if (replay(c, data, size) == 0)
		check(c);
	conf_free(c);
	return 0;
}
