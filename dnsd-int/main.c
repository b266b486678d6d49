/* SPDX-License-Identifier: ISC */
/* dnsd-int: see dnsd-int.h. */
#include "common/base/child.h"
#include "common/base/privdrop.h"
#include "common/base/sandbox.h"
#include "common/dns/dnsd.h"
#include "dnsd-int/dnsd-int.h"

static const struct dnsd_side side = {
	.side = SIDE_INT,
	.rule = DNS_ASK_ONLY,
	.policy = int_policy,
};

int
main(int argc, char **argv)
{
	const struct program program = {
		.proc = PROC_DNSD_INT,
		.cage = &dnsd_int_cage,
		.on_conf = dnsd_on_conf,
		.on_peer = dnsd_on_peer,
		.on_drain = dnsd_on_drain,
	};
	struct child *c;

	c = child_attach(argc, argv, &program, dnsd_new(&side));
	privdrop(child_privdrop(c));
	sandbox_enter(child_sandbox(c), child_report(c));
	return child_loop(c);
}
