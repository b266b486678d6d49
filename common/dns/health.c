/* SPDX-License-Identifier: ISC */
/* Health of the configured servers.  Pure. */
#include <assert.h>
#include <string.h>

#include "common/dns/health.h"

#define FAILURES_DOWN 3	   /* silent so often in a row: down */
#define PROBE_FIRST   1000 /* ms */
#define PROBE_MAX     (30 * 1000)
#define TIMEOUT_MIN   1000 /* ms: a resolver has to ask others itself */
#define TIMEOUT_MAX   3000 /* first round */
#define TIMEOUT_TOP   8000 /* any round */
#define ROUNDS_TOP    4	   /* the wait doubles so often */

void
dns_health_init(struct dns_health *h, size_t n)
{
	memset(h, 0, sizeof(*h));
	h->n = n < DNS_SERVERS_MAX ? n : DNS_SERVERS_MAX;
}

bool
dns_health_is_up(const struct dns_health *h, size_t i)
{
	assert(i < h->n);
	return h->server[i].failures < FAILURES_DOWN;
}

static bool
skipped(uint32_t skip, size_t i)
{
	return (skip & (1U << i)) != 0;
}

size_t
dns_health_pick(struct dns_health *h, uint32_t skip, uint64_t now)
{
	struct dns_server *s;
	size_t i;

	for (i = 0; i < h->n; i++) {
		s = &h->server[i];
		if (skipped(skip, i))
			continue;
		if (dns_health_is_up(h, i))
			return i;
		if (now >= s->probe_at) {
			/* One question is enough to find out. */
			s->probe_at = now + s->probe_wait;
			s->probing = true;
			return i;
		}
	}
	for (i = 0; i < h->n; i++)
		if (!skipped(skip, i))
			return i;
	return DNS_SERVER_NONE;
}

uint32_t
dns_health_timeout(const struct dns_health *h, size_t i, unsigned round)
{
	uint32_t ms;

	assert(i < h->n);
	ms = h->server[i].srtt + 4 * h->server[i].rttvar;
	if (ms < TIMEOUT_MIN)
		ms = TIMEOUT_MIN;
	if (ms > TIMEOUT_MAX)
		ms = TIMEOUT_MAX;
	ms <<= round < ROUNDS_TOP ? round : ROUNDS_TOP;
	return ms < TIMEOUT_TOP ? ms : TIMEOUT_TOP;
}

bool
dns_health_answered(struct dns_health *h, size_t i, uint64_t now, uint32_t rtt)
{
	struct dns_server *s = &h->server[i];
	uint32_t diff;
	bool was_up;

	assert(i < h->n);
	was_up = dns_health_is_up(h, i);
	s->failures = 0;
	s->probe_wait = 0;
	s->probing = false;
	s->last_answer = now;
	if (rtt > TIMEOUT_TOP)
		rtt = TIMEOUT_TOP;
	if (s->srtt == 0) {
		s->srtt = rtt > 0 ? rtt : 1;
		s->rttvar = rtt / 2;
		return !was_up;
	}
	diff = s->srtt > rtt ? s->srtt - rtt : rtt - s->srtt;
	s->rttvar = (3 * s->rttvar + diff) / 4;
	s->srtt = (7 * s->srtt + rtt) / 8;
	if (s->srtt == 0)
		s->srtt = 1;
	return !was_up;
}

bool
dns_health_failed(struct dns_health *h, size_t i, uint64_t now, uint64_t sent)
{
	struct dns_server *s = &h->server[i];
	bool was_up;

	assert(i < h->n);
	if (s->last_answer != 0 && s->last_answer >= sent)
		return false;
	was_up = dns_health_is_up(h, i);
	if (s->failures < FAILURES_DOWN)
		s->failures++;
	if (dns_health_is_up(h, i))
		return false;
	if (s->probe_wait == 0)
		s->probe_wait = PROBE_FIRST;
	else if (!s->probing)
		return false;
	else if ((s->probe_wait *= 2) > PROBE_MAX)
		s->probe_wait = PROBE_MAX;
	s->probing = false;
	s->probe_at = now + s->probe_wait;
	return was_up;
}
