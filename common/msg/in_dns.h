/* SPDX-License-Identifier: ISC */
/*
 * Edge 17, smtpd-in/ext -> dnsd-ext: does the domain of this sender say that it
 * takes no mail (null MX, RFC 7505)?  Fixed size both ways, and nothing else
 * can be asked.  dnsd-ext limits the rate, and asks nobody while "check sender
 * mx" is not stated.  A hostile smtpd-in/ext can have so many names looked up,
 * as any sender could; of an answer it learns one of three values.
 */
#ifndef COMMON_MSG_IN_DNS_H
#define COMMON_MSG_IN_DNS_H

#include "common/base/conf.h"
#include "common/base/ibuf.h"
#include "common/msg/edge.h"

enum in_dns_type {
	IN_REQ_SENDER = MSG_TYPE(EDGE_IN_DNS, 1), /* put_in_sender() */
	IN_ANS_SENDER = MSG_TYPE(EDGE_IN_DNS, MSG_ANSWER | 1) /* u8 verdict */
};

#define IN_DOMAIN_MAX (CONF_NAME_MAX - 1)
#define IN_SENDER_LEN (1 + IN_DOMAIN_MAX)

/* domain: NUL-terminated, not empty; it has no NUL, CR or LF inside */
struct in_sender {
	char domain[IN_DOMAIN_MAX + 1];
};
int put_in_sender(struct ibuf *, const struct in_sender *);
int get_in_sender(struct ibuf *, struct in_sender *);

enum in_verdict {
	IN_FAIR = 1, /* no null MX */
	IN_NULL_MX = 2,
	IN_UNKNOWN = 3 /* no answer, or not asked: the mail is taken */
};
#define IN_VERDICT_LEN 1
int put_in_verdict(struct ibuf *, enum in_verdict);
int get_in_verdict(struct ibuf *, enum in_verdict *);

#endif
