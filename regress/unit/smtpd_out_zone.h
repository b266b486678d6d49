/* SPDX-License-Identifier: ISC */
/*
 * A case of the plan's tests is a zone, and what became of each connection;
 * what comes out is a trace of questions and connections, and the outcome.
 */
#ifndef REGRESS_UNIT_SMTPD_OUT_ZONE_H
#define REGRESS_UNIT_SMTPD_OUT_ZONE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "smtpd-out/plan.h"

#define NELEMS(a) (sizeof(a) / sizeof((a)[0]))
#define DOMAIN	  "o.test"
#define TRACE_MAX 8192

/*
 * Lines, parted by ';': a type, a name, and its data or a status.  MX data are
 * preference and host.  TRY gives an address the result of its connection,
 * which is a deferral else.
 */
extern const char *zone;

extern struct conf *conf; /* gw.test, its listeners 192.0.2.99 and others */
int plan_setup(void **);
int plan_teardown(void **);

uint32_t keep(uint32_t bound); /* for chance: keeps the order */

extern char trace[TRACE_MAX];
/* Into trace and *o. */
void walk(const struct msg_hop *, uint32_t (*rnd)(uint32_t), bool aaaa_first,
    struct qo_outcome *o);
const char *outcome_text(const struct qo_outcome *);

#endif
