/* SPDX-License-Identifier: ISC */
/*
 * Where to connect for a next hop: MX choice and address order (RFC 5321
 * section 5.1, RFC 7505), host lists, smarthosts.  Pure: what to do next comes
 * out, answers of DNS and outcomes of attempts go in.
 */
#ifndef SMTPD_OUT_PLAN_H
#define SMTPD_OUT_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/conf.h"
#include "common/msg/addr.h"
#include "common/msg/queue_out.h"
#include "common/msg/smtp_dns.h"

#define PLAN_HOSTS_MAX	  SD_RECORDS_MAX
#define PLAN_ADDRS_MAX	  16 /* of one host */
#define PLAN_ATTEMPTS_MAX 12 /* connections tried for one session */

enum plan_step {
	PLAN_MX,      /* ask for the MX records of plan_name() */
	PLAN_ADDRS,   /* ask for A and AAAA of plan_name(), answer both */
	PLAN_CONNECT, /* connect to plan_target() */
	PLAN_OVER     /* nothing left: plan_outcome() */
};

struct plan_host {
	char name[CONF_NAME_MAX]; /* empty: addr is a literal */
	struct netaddr addr;
	uint16_t port;
	uint16_t preference;
};

struct plan {
	enum plan_step step;
	struct plan_host *hosts; /* owned */
	uint32_t nhosts, host;	 /* host: index of the current one */
	struct netaddr addrs[PLAN_ADDRS_MAX];
	uint32_t naddrs, addr;
	uint32_t asked; /* A and AAAA answers still to come */
	uint32_t attempts;
	char name[CONF_NAME_MAX]; /* of the MX question */
	uint64_t tls;		  /* of the hop: conf_tls_find() */
	const struct conf *conf;  /* own name and listeners; outlives it */
	uint32_t (*random)(uint32_t bound);
	struct qo_outcome outcome; /* the worst so far; deferrals win */
	bool deferred;
};

/* -1: ENOMEM.  random(n) gives 0 .. n-1 (arc4random_uniform). */
int plan_init(struct plan *, const struct conf *, const struct msg_hop *,
    uint32_t (*rnd)(uint32_t));
void plan_free(struct plan *);
enum plan_step plan_step(const struct plan *);
const char *plan_name(const struct plan *);
/* PLAN_CONNECT: address with port, and the host's name ("" if none) */
void plan_target(const struct plan *, struct netaddr *, const char **name);
void plan_mx_answer(struct plan *, enum sd_status, const struct sd_record *,
    uint32_t n);
/* once for A, once for AAAA, in any order */
void plan_addr_answer(struct plan *, enum sd_status, const struct sd_record *,
    uint32_t n);
/* The attempt of PLAN_CONNECT came to nothing; on to the next. */
void plan_failed(struct plan *, const struct qo_outcome *);
const struct qo_outcome *plan_outcome(const struct plan *);

#endif
