/* SPDX-License-Identifier: ISC */
#include "dnsd-int/dnsd-int.h"

static int
allow_domain(struct dns_policy *p, const struct conf_domain *d)
{
	const struct conf_route *r = &d->route;
	uint32_t i;

	if (dns_policy_zone(p, d->name) == -1)
		return -1;
	for (i = 0; i < r->nhosts; i++)
		if (dns_policy_zone(p, r->hosts[i].name) == -1)
			return -1;
	return dns_policy_zone(p, r->mx);
}

int
int_policy(struct dns_policy *p, const struct conf *conf)
{
	uint32_t i;

	for (i = 0; i < conf->ndomains; i++)
		if (allow_domain(p, &conf->domains[i]) == -1)
			return -1;
	return dns_policy_inside(p, &conf->side[SIDE_INT].networks);
}
