/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "smtpd-out/plan.h"
#include "smtpd-out/smtpc.h"

#define PORT_SMTP 25

enum plan_step
plan_step(const struct plan *p)
{
	return p->step;
}

/* While something is left to try, nothing has failed for good. */
const struct qo_outcome *
plan_outcome(const struct plan *p)
{
	static const struct qo_outcome unfinished = { .status = QO_DEFERRED,
		.reason = REASON_SHUTDOWN,
		.enh = "4.3.2",
		.text = "given up before a host was found" };

	if (p->step != PLAN_OVER && !p->deferred)
		return &unfinished;
	return &p->outcome;
}

const char *
plan_name(const struct plan *p)
{
	return p->step == PLAN_MX ? p->name : p->hosts[p->host].name;
}

/* A deferral outlives a permanent failure: another host may take it later. */
static void
remember(struct plan *p, const struct qo_outcome *o)
{
	if (p->deferred && o->status != QO_DEFERRED)
		return;
	p->outcome = *o;
	p->deferred = o->status == QO_DEFERRED;
}

static void
note(struct plan *p, enum qo_status s, enum reason reason, const char *enh,
    const char *what, const char *name)
{
	char text[MSG_TEXT_MAX + 1];
	struct qo_outcome o;

	(void)snprintf(text, sizeof(text), "%s%s%s", what,
	    name[0] != '\0' ? ": " : "", name);
	smtpc_outcome(&o, s, reason, 0, enh, text);
	remember(p, &o);
}

/* --- own name and addresses: mail must not come back to us --- */

static bool
is_own_name(const struct plan *p, const char *name)
{
	return strcasecmp(name, p->conf->hostname) == 0;
}

static bool
is_own_addr(const struct plan *p, const struct netaddr *a)
{
	uint32_t i;

	for (i = 0; i < p->conf->nlisteners; i++)
		if (netaddr_equal(&p->conf->listeners[i].addr, a) &&
		    p->conf->listeners[i].addr.port == a->port)
			return true;
	return false;
}

static void
note_loop(struct plan *p, const char *name)
{
	note(p, QO_FAILED, REASON_MX_LOOP, "5.4.6",
	    "mail for this domain loops back to this gateway", name);
}

/*
 * RFC 5321 5.1: an MX that is ourselves, and all that are not preferred to
 * it, are of no use.  By name that is known before any is tried.
 */
static void
cut_own_name(struct plan *p)
{
	uint32_t i;

	for (i = 0; i < p->nhosts; i++)
		if (is_own_name(p, p->hosts[i].name))
			break;
	if (i == p->nhosts)
		return;
	note_loop(p, p->hosts[i].name);
	while (i > 0 && p->hosts[i - 1].preference == p->hosts[i].preference)
		i--;
	p->nhosts = i;
}

/*
 * The current host turned out to be ourselves: it is the last, if it is an
 * MX.  A list of the configuration means each of its hosts.
 */
static void
pass_self(struct plan *p)
{
	bool listed = p->name[0] == '\0';

	note_loop(p, p->hosts[p->host].name);
	p->host = listed ? p->host + 1 : p->nhosts;
}

/* --- stepping --- */

static void
next_literal(struct plan *p, const struct plan_host *h)
{
	p->addrs[0] = h->addr;
	p->addrs[0].port = h->port;
	if (is_own_addr(p, &p->addrs[0])) {
		pass_self(p);
		return;
	}
	p->naddrs = 1;
	p->step = PLAN_CONNECT;
}

static void
next_host(struct plan *p)
{
	const struct plan_host *h;

	p->naddrs = p->addr = 0;
	p->step = PLAN_OVER;
	while (p->step == PLAN_OVER && p->host < p->nhosts &&
	    p->attempts < PLAN_ATTEMPTS_MAX) {
		h = &p->hosts[p->host];
		if (h->name[0] == '\0') {
			next_literal(p, h);
		} else {
			p->asked = 2;
			p->step = PLAN_ADDRS;
		}
	}
}

static void
host_done(struct plan *p)
{
	p->host++;
	next_host(p);
}

void
plan_target(const struct plan *p, struct netaddr *addr, const char **name)
{
	*addr = p->addrs[p->addr];
	*name = p->hosts[p->host].name;
}

void
plan_failed(struct plan *p, const struct qo_outcome *o)
{
	remember(p, o);
	p->attempts++;
	p->addr++;
	if (p->attempts >= PLAN_ATTEMPTS_MAX)
		p->step = PLAN_OVER;
	else if (p->addr >= p->naddrs)
		host_done(p);
}

/* --- hosts --- */

static int
by_preference(const void *a, const void *b)
{
	const struct plan_host *x = a, *y = b;

	return (x->preference > y->preference) -
	    (x->preference < y->preference);
}

static void
shuffle(struct plan *p, uint32_t from, uint32_t to)
{
	struct plan_host tmp;
	uint32_t i, j;

	for (i = to; i > from + 1; i--) {
		j = from + p->random(i - from);
		tmp = p->hosts[i - 1];
		p->hosts[i - 1] = p->hosts[j];
		p->hosts[j] = tmp;
	}
}

/* In order of preference; equal ones in random order. */
static void
order(struct plan *p)
{
	uint32_t i, j;

	qsort(p->hosts, p->nhosts, sizeof(*p->hosts), by_preference);
	for (i = 0; i < p->nhosts; i = j) {
		for (j = i + 1; j < p->nhosts &&
		     p->hosts[j].preference == p->hosts[i].preference;
		     j++)
			;
		shuffle(p, i, j);
	}
}

static void
set_host(struct plan_host *h, const char *name, uint16_t port, uint16_t pref)
{
	memset(h, 0, sizeof(*h));
	(void)strlcpy(h->name, name, sizeof(h->name));
	h->port = port;
	h->preference = pref;
}

static void
fail_mx(struct plan *p, enum sd_status status)
{
	switch (status) {
	case SD_NXDOMAIN:
		note(p, QO_FAILED, REASON_DNS_NXDOMAIN, "5.1.2",
		    "domain does not exist", p->name);
		break;
	case SD_DENIED:
		note(p, QO_FAILED, REASON_NO_ROUTE, "5.4.4",
		    "domain may not be looked up on this side", p->name);
		break;
	case SD_TEMP:
	case SD_OK:
	case SD_NODATA:
		note(p, QO_DEFERRED, REASON_DNS_TEMP, "4.4.3",
		    "domain could not be looked up", p->name);
		break;
	}
	p->step = PLAN_OVER;
}

static bool
is_root(const char *name)
{
	return name[0] == '\0' || strcmp(name, ".") == 0;
}

/* RFC 5321 5.1: without an MX the domain itself is its implicit one. */
static void
use_domain(struct plan *p)
{
	set_host(&p->hosts[0], p->name, PORT_SMTP, 0);
	p->nhosts = 1;
}

/* The root is no host (RFC 7505): alone it says that no mail is taken. */
static void
use_mx(struct plan *p, const struct sd_record *r, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n && p->nhosts < PLAN_HOSTS_MAX; i++)
		if (!is_root(r[i].name))
			set_host(&p->hosts[p->nhosts++], r[i].name, PORT_SMTP,
			    r[i].preference);
	if (p->nhosts == 0)
		note(p, QO_FAILED, REASON_NULL_MX, "5.1.10",
		    "domain takes no mail (null MX)", p->name);
	order(p);
}

void
plan_mx_answer(struct plan *p, enum sd_status status, const struct sd_record *r,
    uint32_t n)
{
	if (p->step != PLAN_MX)
		return;
	if (status == SD_NODATA || (status == SD_OK && n == 0)) {
		use_domain(p);
	} else if (status == SD_OK) {
		use_mx(p, r, n);
	} else {
		fail_mx(p, status);
		return;
	}
	cut_own_name(p);
	next_host(p);
}

/* --- addresses --- */

static void
all_addrs_known(struct plan *p)
{
	uint32_t i, j;
	struct netaddr tmp;

	for (i = 0; i < p->naddrs; i++)
		if (is_own_addr(p, &p->addrs[i])) {
			pass_self(p);
			next_host(p);
			return;
		}
	for (i = p->naddrs; i > 1; i--) {
		j = p->random(i);
		tmp = p->addrs[i - 1];
		p->addrs[i - 1] = p->addrs[j];
		p->addrs[j] = tmp;
	}
	if (p->naddrs > 0)
		p->step = PLAN_CONNECT;
	else
		host_done(p);
}

void
plan_addr_answer(struct plan *p, enum sd_status status,
    const struct sd_record *r, uint32_t n)
{
	const struct plan_host *h = &p->hosts[p->host];
	uint32_t i;

	if (p->step != PLAN_ADDRS || p->asked == 0)
		return;
	if (status == SD_TEMP)
		note(p, QO_DEFERRED, REASON_DNS_TEMP, "4.4.3",
		    "address could not be looked up", h->name);
	else if (status == SD_DENIED)
		note(p, QO_FAILED, REASON_NO_ROUTE, "5.4.4",
		    "host may not be looked up on this side", h->name);
	else if (status != SD_OK || n == 0)
		note(p, QO_FAILED, REASON_DNS_NODATA, "5.4.4",
		    "host has no address", h->name);
	for (i = 0; status == SD_OK && i < n && p->naddrs < PLAN_ADDRS_MAX;
	     i++) {
		p->addrs[p->naddrs] = r[i].addr;
		p->addrs[p->naddrs++].port = h->port;
	}
	if (--p->asked == 0)
		all_addrs_known(p);
}

/* --- beginning --- */

/* "[192.0.2.1]", "[IPv6:2001:db8::1]" */
static int
literal(const char *s, struct netaddr *a)
{
	char text[NETADDR_STRLEN];
	size_t len = strlen(s);

	if (len < 3 || s[0] != '[' || s[len - 1] != ']')
		return -1;
	s++;
	len -= 2;
	if (len > 5 && strncasecmp(s, "ipv6:", 5) == 0) {
		s += 5;
		len -= 5;
	}
	if (len >= sizeof(text))
		return -1;
	memcpy(text, s, len);
	text[len] = '\0';
	return netaddr_parse(a, text);
}

static void
by_name(struct plan *p, const struct msg_hop *hop)
{
	(void)strlcpy(p->name, hop->name, sizeof(p->name));
	if (hop->name[0] != '[') {
		p->step = PLAN_MX;
		return;
	}
	set_host(&p->hosts[0], "", PORT_SMTP, 0);
	if (literal(hop->name, &p->hosts[0].addr) == -1) {
		note(p, QO_FAILED, REASON_NO_ROUTE, "5.1.2",
		    "address literal cannot be used", hop->name);
		p->step = PLAN_OVER;
		return;
	}
	p->nhosts = 1;
	next_host(p);
}

int
plan_init(struct plan *p, const struct conf *conf, const struct msg_hop *hop,
    uint32_t (*rnd)(uint32_t))
{
	uint8_t i;

	memset(p, 0, sizeof(*p));
	p->conf = conf;
	p->random = rnd;
	p->tls = hop->tls;
	smtpc_outcome(&p->outcome, QO_FAILED, REASON_NO_ROUTE, 0, "5.4.4",
	    "no host to deliver to");
	p->hosts = calloc(PLAN_HOSTS_MAX, sizeof(*p->hosts));
	if (p->hosts == NULL)
		return -1;
	if (hop->kind == CONF_ROUTE_DNS || hop->kind == CONF_ROUTE_MX) {
		by_name(p, hop);
		return 0;
	}
	for (i = 0; i < hop->nhosts; i++) {
		set_host(&p->hosts[i], hop->hosts[i].name, hop->hosts[i].port,
		    i);
		p->hosts[i].addr = hop->hosts[i].addr;
	}
	p->nhosts = hop->nhosts;
	next_host(p);
	return 0;
}

void
plan_free(struct plan *p)
{
	free(p->hosts);
	p->hosts = NULL;
}
