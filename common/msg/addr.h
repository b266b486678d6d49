/* SPDX-License-Identifier: ISC */
/*
 * Mail addresses, recipients and next hops as they cross channels: the codecs
 * that several edges share.
 */
#ifndef COMMON_MSG_ADDR_H
#define COMMON_MSG_ADDR_H

#include <stdint.h>

#include "common/base/conf.h"
#include "common/base/ibuf.h"

#define MSG_LOCAL_MAX  255 /* SMTP_LOCAL_MAX: VERP needs more than 64 */
#define MSG_DOMAIN_MAX 255 /* RFC 5321 4.5.3.1.2 */
#define MSG_ADDR_MAX   511 /* local@domain */
#define MSG_ORCPT_MAX  500 /* RFC 3461 4.2 */
#define MSG_ENVID_MAX  100 /* RFC 3461 4.4 */
#define MSG_HELO_MAX   255
#define MSG_TEXT_MAX   400 /* a remote's reply, cut and made printable */

/* A question about one address: always ASK_LEN bytes on the wire. */
struct msg_ask {
	char local[MSG_LOCAL_MAX + 1]; /* canonical, unquoted where possible */
	char domain[MSG_DOMAIN_MAX + 1]; /* lower case */
};
#define MSG_ASK_LEN (1 + MSG_LOCAL_MAX + 1 + MSG_DOMAIN_MAX)
int put_ask(struct ibuf *, const struct msg_ask *);
int get_ask(struct ibuf *, struct msg_ask *); /* checks both parts */

enum msg_notify { /* RFC 3461 4.1; 0: not given */
	NOTIFY_NEVER = 1 << 0,
	NOTIFY_SUCCESS = 1 << 1,
	NOTIFY_FAILURE = 1 << 2,
	NOTIFY_DELAY = 1 << 3
};

enum msg_ret { RET_NONE = 0, RET_FULL = 1, RET_HDRS = 2 }; /* RFC 3461 4.3 */

enum msg_flag {
	MSG_F_8BITMIME = 1 << 0, /* BODY=8BITMIME */
	MSG_F_SMTPUTF8 = 1 << 1,
	MSG_F_REQUIRETLS = 1 << 2,
	MSG_F_BOUNCE = 1 << 3,	  /* made by queued itself */
	MSG_F_8BIT_DATA = 1 << 4, /* the text has octets above 127 */
	MSG_F_ESMTP = 1 << 5,	  /* came after EHLO: "with ESMTP" */
	MSG_F_ALL = (1 << 6) - 1
};

/* One recipient; strings NUL-terminated, no CR, LF or NUL inside. */
struct msg_rcpt {
	uint16_t index;		     /* place in the message's recipient list */
	uint8_t notify;		     /* enum msg_notify bits */
	char addr[MSG_ADDR_MAX + 1]; /* canonical local@domain */
	char orcpt[MSG_ORCPT_MAX + 1]; /* as given, decoded not; or empty */
};
#define MSG_RCPT_MIN 7
#define MSG_RCPT_MAX (MSG_RCPT_MIN + MSG_ADDR_MAX + MSG_ORCPT_MAX)
int put_rcpt(struct ibuf *, const struct msg_rcpt *);
int get_rcpt(struct ibuf *, struct msg_rcpt *);

/* Where a message goes next: a route of the configuration, made concrete. */
struct msg_hop {
	enum conf_route_kind kind;
	char name[CONF_NAME_MAX]; /* MX, DNS: the domain to look up */
	uint8_t nhosts;		  /* HOSTS, SMARTHOST */
	struct conf_host hosts[CONF_HOSTS_MAX];
	uint64_t tls; /* the id of a struct conf_tls; what goes there has one */
};
#define MSG_HOP_MIN   12
#define MSG_HOST_WIRE (2 + CONF_NAME_MAX + 19 + 2)
#define MSG_HOP_MAX                                                            \
	(MSG_HOP_MIN + CONF_NAME_MAX + CONF_HOSTS_MAX * MSG_HOST_WIRE)
int put_hop(struct ibuf *, const struct msg_hop *);
int get_hop(struct ibuf *, struct msg_hop *);

#endif
