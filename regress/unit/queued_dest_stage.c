/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <bsd/string.h>

#include <cmocka.h>

#include "regress/unit/queued_dest_stage.h"

struct dests ds;
const struct qo_outcome trouble = { .status = QO_DEFERRED,
	.reason = REASON_CONNECT,
	.enh = "4.4.1",
	.text = "refused" };

struct dest *
get(const char *name)
{
	struct msg_hop hop = { .kind = CONF_ROUTE_DNS };

	(void)strlcpy(hop.name, name, sizeof(hop.name));
	return dest_get(&ds, SIDE_EXT, &hop);
}

void
start(void)
{
	dests_init(&ds);
	ds.limit = 20;
}

struct part *
parts_new(size_t n)
{
	struct part *p = calloc(n, sizeof(*p));

	assert_non_null(p);
	return p;
}

void
empty(struct dest *d)
{
	while (dest_pop(&ds, d) != NULL)
		;
	dest_wake(&ds, d, SCHED_NEVER - 1, 1000000);
	while (dest_pop(&ds, d) != NULL)
		;
}
