/* SPDX-License-Identifier: ISC */
/* connd's twin, besides: its policy can be taken away. */
#include "connd/policy.h"
#include "regress/hostile/attack_twin.h"

enum policy_verdict __wrap_policy_dial(const struct conf *, enum side,
    const struct netaddr *);
enum policy_verdict __real_policy_dial(const struct conf *, enum side,
    const struct netaddr *);

enum policy_verdict
__wrap_policy_dial(const struct conf *c, enum side side,
    const struct netaddr *to)
{
	return attack_page()->no_policy ? POLICY_OK
					: __real_policy_dial(c, side, to);
}
