/* SPDX-License-Identifier: ISC */
/*
 * What the two files of the configuration's codec say to each other: the
 * items of child_conf_policy.c, and how child_conf.c judges text and numbers.
 * A getter sets b->failed where the value is none; items return -1 then.
 */
#ifndef COMMON_MSG_CHILD_CONF_INT_H
#define COMMON_MSG_CHILD_CONF_INT_H

#include "common/msg/child_conf.h"

/* whose host or schedule an item is */
#define CC_OF_DOMAIN	1
#define CC_OF_CONNECTOR 2

bool cc_is_pattern(const char *);
int cc_get_text(struct ibuf *, char *, size_t cap, bool (*good)(const char *));
/* A number that must be one of lo to hi. */
void cc_get_range8(struct ibuf *, uint8_t *, uint8_t lo, uint8_t hi);

/* An address with a port, neither of them none. */
void cc_get_endpoint(struct ibuf *, struct netaddr *);

void cc_put_listener(struct ibuf *, const struct conf_listener *);
int cc_get_listener(struct conf *, struct ibuf *);

void cc_put_limits(struct ibuf *, const struct conf *);
int cc_get_limits(struct conf *, struct ibuf *);
void cc_put_schedule(struct ibuf *, const struct conf *);
int cc_get_schedule(struct conf *, struct ibuf *);
void cc_put_schedule_of(struct ibuf *, uint8_t of, uint32_t id,
    const struct conf_schedule *);
int cc_get_schedule_of(struct conf *, struct ibuf *);
void cc_put_pace(struct ibuf *, const struct conf_pace *);
int cc_get_pace(struct conf *, struct ibuf *);
void cc_put_source(struct ibuf *, const struct conf_source *);
int cc_get_source(struct conf *, struct ibuf *);

void cc_put_tls(struct ibuf *, const struct conf *, enum side);
int cc_get_tls(struct conf *, struct ibuf *);
void cc_put_cert(struct ibuf *, const struct conf_cert *);
int cc_get_cert(struct conf *, struct ibuf *);
void cc_put_tls_out(struct ibuf *, const struct conf_tls *);
int cc_get_tls_out(struct conf *, struct ibuf *);
int cc_get_anchors(struct conf *, struct ibuf *);
int cc_get_accept_cert(struct conf *, struct ibuf *);

#endif
