/* SPDX-License-Identifier: ISC */
#include "dnsd-ext/dnsd-ext.h"

static int
deny_hosts(struct dns_policy *p, const struct conf_route *r)
{
	uint32_t i;

	for (i = 0; i < r->nhosts; i++)
		if (dns_policy_zone(p, r->hosts[i].name) == -1)
			return -1;
	return dns_policy_zone(p, r->mx);
}

int
ext_policy(struct dns_policy *p, const struct conf *conf)
{
	uint32_t i;

	for (i = 0; i < conf->ndomains; i++)
		if (deny_hosts(p, &conf->domains[i].route) == -1)
			return -1;
	if (dns_policy_inside(p, &conf->side[SIDE_INT].networks) == -1)
		return -1;
	return dns_policy_reach(p, &conf->side[SIDE_EXT].reach);
}
