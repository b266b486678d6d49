/* SPDX-License-Identifier: ISC */
/*
 * Edge 11, smtpd-out/X -> dnsd-X: one question, one answer.  The records of
 * the answer are of the type asked for, CNAMEs followed.
 */
#ifndef COMMON_MSG_SMTP_DNS_H
#define COMMON_MSG_SMTP_DNS_H

#include <stdint.h>

#include "common/base/conf.h"
#include "common/base/ibuf.h"
#include "common/base/netaddr.h"
#include "common/msg/edge.h"

#define SD_RECORDS_MAX 64
#define SD_DATA_MAX    1024 /* TXT or TLSA bytes of one record */

enum sd_type {
	SD_REQ_QUERY = MSG_TYPE(EDGE_SMTP_DNS, 1),
	SD_ANS_QUERY = MSG_TYPE(EDGE_SMTP_DNS, MSG_ANSWER | 1)
};

enum sd_rrtype { /* RFC 1035, 3596, 6698: the numbers of the wire */
	SD_A = 1,
	SD_CNAME = 5,
	SD_PTR = 12,
	SD_MX = 15,
	SD_TXT = 16,
	SD_AAAA = 28,
	SD_TLSA = 52
};

struct sd_query {
	enum sd_rrtype type;
	uint32_t deadline_ms; /* 100 .. 120000: answered by then, or TEMP */
	char name[CONF_NAME_MAX];
};
#define SD_QUERY_MIN 8
#define SD_QUERY_MAX (SD_QUERY_MIN + CONF_NAME_MAX)
int put_sd_query(struct ibuf *, const struct sd_query *);
int get_sd_query(struct ibuf *, struct sd_query *);

enum sd_status {
	SD_OK = 1,
	SD_NODATA = 2, /* the name is there, the type is not */
	SD_NXDOMAIN = 3,
	SD_TEMP = 4,  /* no usable answer: servers down, SERVFAIL, deadline */
	SD_DENIED = 5 /* this side may not ask for that name */
};

enum sd_security {	 /* DNSSEC */
	SD_INSECURE = 1, /* not validated */
	SD_SECURE = 2,
	SD_BOGUS = 3
};

struct sd_record {
	uint16_t preference;	  /* MX */
	char name[CONF_NAME_MAX]; /* MX, PTR, CNAME; "" is the root (null MX) */
	struct netaddr addr;	  /* A, AAAA */
	uint16_t len;		  /* TXT, TLSA */
	uint8_t data[SD_DATA_MAX];
};

struct sd_answer {
	enum sd_status status;
	enum sd_security security;
	uint32_t ttl; /* s */
	enum sd_rrtype type;
	uint16_t n; /* records that follow, each by put_sd_record() */
};
#define SD_ANSWER_MIN 10
#define SD_ANSWER_MAX (SD_ANSWER_MIN + SD_RECORDS_MAX * (2 + 2 + SD_DATA_MAX))
int put_sd_answer(struct ibuf *, const struct sd_answer *);
int get_sd_answer(struct ibuf *, struct sd_answer *);
int put_sd_record(struct ibuf *, enum sd_rrtype, const struct sd_record *);
int get_sd_record(struct ibuf *, enum sd_rrtype, struct sd_record *);

#endif
