/* SPDX-License-Identifier: ISC */
/*
 * The stage of the child_conf tests: a configuration with something in every
 * field, and what was sent of it.
 */
#ifndef REGRESS_UNIT_CHILD_CONF_STAGE_H
#define REGRESS_UNIT_CHILD_CONF_STAGE_H

#include <stddef.h>
#include <stdint.h>

#include "common/msg/child_conf.h"

#define ALL	 0x1ffffU /* every grant */
#define SENT_MAX 200

struct sent {
	uint16_t type;
	size_t len;
	uint8_t data[CONF_CHAIN_MAX + 64];
};
extern struct sent sent[SENT_MAX];
extern size_t nsent;
extern size_t fail_at; /* sending this one fails; set by encode() to none */

struct netaddr addr(const char *, uint16_t port);
struct conf *sample(void);			 /* sealed */
int encode(const struct conf *, uint32_t grant); /* into sent */
int keep(void *, uint16_t type, struct ibuf *);	 /* what encode() sends with */
int decode_bytes(struct conf *, uint16_t type, const uint8_t *, size_t);
int decode(struct conf *, size_t from, size_t to); /* of sent */
/* A configuration as it is just before item n. */
struct conf *before(size_t n);

#endif
