/* SPDX-License-Identifier: ISC */
/* The resolver's life: configuration, peers, drain. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/stdlib.h>

#include "common/base/log.h"
#include "common/base/stats.h"
#include "common/dns/dnsd_impl.h"

#define LINES_A_SECOND 5

struct dnsd *
dnsd_new(const struct dnsd_side *side)
{
	struct dns_cache_conf conf = {
		.entries = DNS_CACHE_ENTRIES,
		.bytes = DNS_CACHE_BYTES,
		.ttl_max = DNS_CACHE_TTL_MAX,
		.negative_max = DNS_CACHE_NEGATIVE_MAX,
		.failure = DNS_CACHE_FAILURE,
	};
	struct dnsd *d = calloc(1, sizeof(*d));
	size_t i;

	arc4random_buf(conf.key, sizeof(conf.key));
	if (d == NULL || (d->cache = dns_cache_new(&conf)) == NULL)
		fatal("resolver");
	d->side = side;
	dns_health_init(&d->health, 0);
	dns_policy_init(&d->policy, side->rule);
	d->env.health = &d->health;
	d->env.policy = &d->policy;
	d->env.random = arc4random_buf;
	LIST_INIT(&d->askers);
	RB_INIT(&d->lookups);
	for (i = 0; i < DNSD_SHARES; i++)
		TAILQ_INIT(&d->share[i].waiting);
	return d;
}

void
dnsd_free(struct dnsd *d)
{
	askers_free(d);
	lookups_free(d);
	chan_free(d->connd);
	dns_cache_free(d->cache);
	dns_policy_free(&d->policy);
	free(d);
}

static void
attach(struct dnsd *d, struct child *c)
{
	d->child = c;
	d->ev = child_ev(c);
}

/* What is known of servers is kept while they are the same. */
static void
take_servers(struct dnsd *d, const struct conf_side *s)
{
	size_t i, n = s->ndns < DNS_SERVERS_MAX ? s->ndns : DNS_SERVERS_MAX;
	bool same = n == d->health.n;

	for (i = 0; i < n; i++) {
		if (netaddr_cmp(&d->servers[i], &s->dns[i]) != 0)
			same = false;
		d->servers[i] = s->dns[i];
	}
	if (!same)
		dns_health_init(&d->health, n);
}

/*
 * Cached answers passed the old policy, and what is under way counts on the
 * old servers: both begin anew.
 */
void
dnsd_on_conf(struct child *c, const struct conf *conf)
{
	struct dnsd *d = child_ctx(c);

	attach(d, c);
	d->generation = conf->generation;
	d->check_senders = d->side->side == SIDE_EXT &&
	    (conf->flags & CONF_F_CHECK_SENDER_MX) != 0;
	take_servers(d, &conf->side[d->side->side]);
	dns_policy_free(&d->policy);
	dns_policy_init(&d->policy, d->side->rule);
	if (d->side->policy(&d->policy, conf) == -1)
		fatal("policy");
	dns_policy_seal(&d->policy);
	dns_cache_flush(d->cache);
	lookups_restart(d);
	askers_pace(d);
}

void
dnsd_on_peer(struct child *c, const struct peer *peer, int fd)
{
	struct dnsd *d = child_ctx(c);

	attach(d, c);
	if (peer->proc == PROC_CONND)
		sockets_peer(d, fd);
	else
		asker_new(d, peer, fd);
}

void
dnsd_idle(struct dnsd *d)
{
	if (d->draining && d->nwaiters == 0)
		child_exit(d->child);
}

void
dnsd_on_drain(struct child *c)
{
	struct dnsd *d = child_ctx(c);

	attach(d, c);
	d->draining = true;
	askers_pace(d);
	dnsd_idle(d);
}

bool
dnsd_may_log(struct dnsd *d)
{
	uint64_t second = ev_now(d->ev) / 1000;

	if (second != d->gate.second) {
		d->gate.second = second;
		d->gate.said = 0;
	}
	if (d->gate.said >= LINES_A_SECOND) {
		d->gate.held_back++;
		return false;
	}
	d->gate.said++;
	return true;
}

void
dnsd_log_end(struct dnsd *d, struct logline *l)
{
	if (d->gate.held_back > 0)
		ll_num(l, "held-back", d->gate.held_back);
	d->gate.held_back = 0;
	ll_send(l);
}
