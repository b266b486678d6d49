/* SPDX-License-Identifier: ISC */
/* The configuration: defaults, growth, order, look-up.  Pure. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "common/base/conf.h"

#define MIB  (1024ULL * 1024)
#define GIB  (1024 * MIB)
#define HOUR 3600U
#define DAY  (24 * HOUR)

static const struct conf_limits default_limits = {
	.message_size = 50 * MIB,
	.recipients = 1000, /* RFC 5321 4.5.3.1.8: at least 100 */
	.sessions = 1000,
	.sessions_per_address = 50,
	.sessions_per_network = 500,
	.connections = 6000,
	.connections_network = 30000,
	.bad_sessions = 600,
	.bad_sessions_network = 3000,
	.errors = 20,
	.unknown_rcpts = 50,
	.messages_per_session = 1000,
	.hops = 30,
	.command_timeout = 300,
	.data_timeout = 300,
	.data_rate = 100,
	.session_time = 4 * HOUR,
	.out_sessions = 20,
	.out_messages = 1000,
	.spool_in = 4 * GIB,
	.spool_out = 4 * GIB,
};

static const uint32_t default_retry[] = { 30, 60, 300, 900, 1800, HOUR,
	2 * HOUR };

/* Looked up once: the C library opens a file, which the sandbox forbids. */
static uint32_t
cores(void)
{
	static uint32_t known;
	long n;

	if (known != 0)
		return known;
	n = sysconf(_SC_NPROCESSORS_ONLN);
	if (n < 1)
		n = 1;
	known = n > CONF_WORKERS_MAX ? CONF_WORKERS_MAX : (uint32_t)n;
	return known;
}

struct conf *
conf_new(void)
{
	struct conf *c = calloc(1, sizeof(*c));
	size_t i;

	if (c == NULL)
		return NULL;
	c->limits = default_limits;
	memcpy(c->schedule.retry, default_retry, sizeof(default_retry));
	c->schedule.nretry = sizeof(default_retry) / sizeof(default_retry[0]);
	c->schedule.expire = 5 * DAY;
	c->schedule.warn_after = 4 * HOUR;
	c->schedule.set = CONF_S_ALL;
	c->log_kind = CONF_LOG_SYSLOG;
	(void)strlcpy(c->spool, "/var/spool/postern", sizeof(c->spool));
	(void)strlcpy(c->control, "/run/postern/control.sock",
	    sizeof(c->control));
	(void)strlcpy(c->control_group, "_postern-ops",
	    sizeof(c->control_group));
	(void)strlcpy(c->chroot_dir, "/run/postern/empty",
	    sizeof(c->chroot_dir));
	for (i = 0; i < NSIDES; i++)
		c->side[i].workers_in = c->side[i].workers_out = cores();
	return c;
}

void
conf_free(struct conf *c)
{
	size_t i;

	if (c == NULL)
		return;
	for (i = 0; i < NSIDES; i++) {
		netset_free(&c->side[i].networks);
		netset_free(&c->side[i].accept_from);
		netset_free(&c->side[i].repair);
		netset_free(&c->side[i].reach);
		netset_free(&c->side[i].tls_from);
		free(c->side[i].anchors);
	}
	for (i = 0; i < c->ndomains; i++)
		free(c->domains[i].route.hosts);
	for (i = 0; i < c->nconnectors; i++)
		free(c->connectors[i].route.hosts);
	for (i = 0; i < c->ncerts; i++)
		free(c->certs[i].chain);
	for (i = 0; i < c->nlisteners; i++)
		netset_free(&c->listeners[i].proxies);
	free(c->certs);
	free(c->tls);
	free(c->listeners);
	free(c->domains);
	free(c->connectors);
	free(c->paces);
	free(c->sources);
	free(c);
}

/*
 * Room for one more of n elements, zeroed.  The capacity is not stored: it is
 * the least power of two that holds n.
 */
static void *
grow(void *v, uint32_t n, uint32_t max, size_t size)
{
	uint8_t *p = v;

	if (n >= max) {
		errno = ERANGE;
		return NULL;
	}
	if ((n & (n - 1)) == 0) {
		p = reallocarray(v, n == 0 ? 1 : 2 * (size_t)n, size);
		if (p == NULL)
			return NULL;
	}
	memset(p + n * size, 0, size);
	return p;
}

struct conf_listener *
conf_add_listener(struct conf *c)
{
	struct conf_listener *v;

	v = grow(c->listeners, c->nlisteners, CONF_LISTEN_MAX, sizeof(*v));
	if (v == NULL)
		return NULL;
	c->listeners = v;
	v += c->nlisteners;
	v->id = c->nlisteners++;
	return v;
}

struct conf_domain *
conf_add_domain(struct conf *c)
{
	struct conf_domain *v;

	v = grow(c->domains, c->ndomains, UINT32_MAX, sizeof(*v));
	if (v == NULL)
		return NULL;
	c->domains = v;
	v += c->ndomains;
	v->id = c->ndomains++;
	return v;
}

struct conf_connector *
conf_add_connector(struct conf *c)
{
	struct conf_connector *v;

	v = grow(c->connectors, c->nconnectors, UINT32_MAX, sizeof(*v));
	if (v == NULL)
		return NULL;
	c->connectors = v;
	v += c->nconnectors;
	v->id = c->nconnectors++;
	return v;
}

struct conf_pace *
conf_add_pace(struct conf *c)
{
	struct conf_pace *v;

	v = grow(c->paces, c->npaces, CONF_PACES_MAX, sizeof(*v));
	if (v == NULL)
		return NULL;
	c->paces = v;
	return v + c->npaces++;
}

struct conf_source *
conf_add_source(struct conf *c)
{
	struct conf_source *v;

	v = grow(c->sources, c->nsources, CONF_SOURCES_MAX, sizeof(*v));
	if (v == NULL)
		return NULL;
	c->sources = v;
	return v + c->nsources++;
}

struct conf_host *
conf_route_add_host(struct conf_route *r)
{
	struct conf_host *v;

	v = grow(r->hosts, r->nhosts, CONF_HOSTS_MAX, sizeof(*v));
	if (v == NULL)
		return NULL;
	r->hosts = v;
	return v + r->nhosts++;
}

struct conf_cert *
conf_add_cert(struct conf *c)
{
	struct conf_cert *v;

	v = grow(c->certs, c->ncerts, CONF_CERTS_MAX, sizeof(*v));
	if (v == NULL)
		return NULL;
	c->certs = v;
	v += c->ncerts;
	v->id = c->ncerts++;
	return v;
}

int
conf_add_accept_cert(struct conf *c, const uint8_t fp[CONF_FINGERPRINT])
{
	if (c->naccept_certs == CONF_ACCEPT_CERTS_MAX) {
		errno = ERANGE;
		return -1;
	}
	memcpy(c->accept_certs[c->naccept_certs++], fp, CONF_FINGERPRINT);
	return 0;
}

bool
conf_accepts_cert(const struct conf *c, const uint8_t fp[CONF_FINGERPRINT])
{
	uint32_t i;

	for (i = 0; i < c->naccept_certs; i++)
		if (memcmp(c->accept_certs[i], fp, CONF_FINGERPRINT) == 0)
			return true;
	return false;
}

static uint32_t
server_use(enum side side)
{
	return side == SIDE_EXT ? CONF_CERT_SERVER_EXT : CONF_CERT_SERVER_INT;
}

bool
conf_offers_tls(const struct conf *c, enum side side)
{
	uint32_t i;

	for (i = 0; i < c->ncerts && !c->side[side].tls_off; i++)
		if ((c->certs[i].uses & server_use(side)) != 0)
			return true;
	return false;
}

bool
conf_requires_tls(const struct conf *c, enum side side,
    const struct netaddr *client)
{
	const struct conf_side *s = &c->side[side];

	return s->tls_require || netset_match(&s->tls_from, client);
}

uint32_t
conf_cert_key(const struct conf *c, const struct conf_cert *cert)
{
	return c->generation << 8 | cert->id;
}

uint32_t
conf_key_generation(uint32_t key)
{
	return key >> 8;
}

uint32_t
conf_key_number(uint32_t key)
{
	return key & 0xff;
}

/* --- order --- */

static int
domain_order(const void *a, const void *b)
{
	const struct conf_domain *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* 0: a name itself; 1: "*.suffix"; 2: "*" */
static int
breadth(const char *pattern)
{
	if (pattern[0] != '*')
		return 0;
	return pattern[1] == '\0' ? 2 : 1;
}

/* A total order, so that each pattern can be searched for. */
int
conf_pattern_cmp(const char *x, const char *y)
{
	size_t nx = strlen(x), ny = strlen(y);

	if (breadth(x) != breadth(y))
		return breadth(x) - breadth(y);
	if (nx != ny)
		return nx > ny ? -1 : 1;
	return strcmp(x, y);
}

static int
connector_order(const void *a, const void *b)
{
	const struct conf_connector *x = a, *y = b;

	return conf_pattern_cmp(x->pattern, y->pattern);
}

static int
pace_order(const void *a, const void *b)
{
	const struct conf_pace *x = a, *y = b;

	return conf_pattern_cmp(x->pattern, y->pattern);
}

int
conf_source_cmp(const struct netprefix *x, const struct netprefix *y)
{
	if (x->len != y->len)
		return x->len > y->len ? -1 : 1;
	return netaddr_cmp(&x->addr, &y->addr);
}

static int
source_order(const void *a, const void *b)
{
	const struct conf_source *x = a, *y = b;

	return conf_source_cmp(&x->prefix, &y->prefix);
}

void
conf_seal(struct conf *c)
{
	uint32_t i;

	if (c->ndomains > 0)
		qsort(c->domains, c->ndomains, sizeof(*c->domains),
		    domain_order);
	if (c->nconnectors > 0)
		qsort(c->connectors, c->nconnectors, sizeof(*c->connectors),
		    connector_order);
	if (c->npaces > 0)
		qsort(c->paces, c->npaces, sizeof(*c->paces), pace_order);
	if (c->nsources > 0)
		qsort(c->sources, c->nsources, sizeof(*c->sources),
		    source_order);
	for (i = 0; i < c->ndomains; i++)
		c->domains[i].id = i;
	for (i = 0; i < c->nconnectors; i++)
		c->connectors[i].id = i;
}

/* --- look-up --- */

/* As the tables hold names: lower case, no trailing dot; -1: not one. */
static int
fold_name(char out[CONF_NAME_MAX], const char *name, size_t len)
{
	size_t i;

	if (len > 0 && name[len - 1] == '.')
		len--;
	if (len == 0 || len >= CONF_NAME_MAX || memchr(name, '\0', len))
		return -1;
	for (i = 0; i < len; i++)
		out[i] = (char)tolower((unsigned char)name[i]);
	out[len] = '\0';
	return 0;
}

static int
domain_cmp(const void *key, const void *elem)
{
	const struct conf_domain *d = elem;

	return strcmp(key, d->name);
}

const struct conf_domain *
conf_domain_find(const struct conf *c, const char *name, size_t len)
{
	char key[CONF_NAME_MAX];

	if (c->ndomains == 0 || fold_name(key, name, len) == -1)
		return NULL;
	return bsearch(key, c->domains, c->ndomains, sizeof(*c->domains),
	    domain_cmp);
}

static int
connector_cmp(const void *key, const void *elem)
{
	const struct conf_connector *k = elem;

	return conf_pattern_cmp(key, k->pattern);
}

static int
pace_cmp(const void *key, const void *elem)
{
	const struct conf_pace *p = elem;

	return conf_pattern_cmp(key, p->pattern);
}

/* A sorted table of something that has a pattern. */
struct patterns {
	const void *base;
	size_t n, size;
	int (*cmp)(const void *, const void *);
};

static const void *
by_pattern(const struct patterns *t, const char *pattern)
{
	return bsearch(pattern, t->base, t->n, t->size, t->cmp);
}

/* "mail.example.net" is asked for as "*.example.net", then "*.net". */
static const void *
by_suffix(const struct patterns *t, char *name)
{
	const void *found;
	char *dot = strchr(name, '.');

	for (; dot != NULL; dot = strchr(dot + 1, '.')) {
		if (dot == name)
			continue;
		dot[-1] = '*';
		found = by_pattern(t, dot - 1);
		if (found != NULL)
			return found;
	}
	return NULL;
}

static const void *
pattern_find(const struct patterns *t, const char *name, size_t len)
{
	const void *found = NULL;
	char key[CONF_NAME_MAX];

	if (t->n == 0 || fold_name(key, name, len) == -1)
		return NULL;
	/* no pattern is meant by a literal, or by a star from outside */
	if (key[0] != '[' && key[0] != '*') {
		found = by_pattern(t, key);
		if (found == NULL)
			found = by_suffix(t, key);
	}
	return found != NULL ? found : by_pattern(t, "*");
}

const struct conf_connector *
conf_connector_find(const struct conf *c, const char *name, size_t len)
{
	const struct patterns t = { c->connectors, c->nconnectors,
		sizeof(*c->connectors), connector_cmp };

	return pattern_find(&t, name, len);
}

const struct conf_pace *
conf_pace_find(const struct conf *c, const char *name, size_t len)
{
	const struct patterns t = { c->paces, c->npaces, sizeof(*c->paces),
		pace_cmp };

	return pattern_find(&t, name, len);
}

const struct conf_source *
conf_source_find(const struct conf *c, const struct netaddr *a)
{
	uint32_t i;

	for (i = 0; i < c->nsources; i++) {
		if (netprefix_match(&c->sources[i].prefix, a))
			return &c->sources[i];
	}
	return NULL;
}

const struct conf_schedule *
conf_schedule_find(const struct conf *c, const char *name, size_t len)
{
	const struct conf_domain *d = conf_domain_find(c, name, len);
	const struct conf_connector *k;

	if (d != NULL)
		return &d->schedule;
	k = conf_connector_find(c, name, len);
	return k != NULL ? &k->schedule : &c->schedule;
}

/* --- schedules --- */

const struct conf_schedule *
conf_retry(const struct conf *c, const struct conf_schedule *s)
{
	return (s->set & CONF_S_RETRY) != 0 ? s : &c->schedule;
}

uint32_t
conf_expire(const struct conf *c, const struct conf_schedule *s)
{
	return (s->set & CONF_S_EXPIRE) != 0 ? s->expire : c->schedule.expire;
}

uint32_t
conf_warn_after(const struct conf *c, const struct conf_schedule *s)
{
	uint32_t age = (s->set & CONF_S_WARN) != 0 ? s->warn_after
						   : c->schedule.warn_after;

	return age < conf_expire(c, s) ? age : 0;
}

/* One more, in order and once; -1: there is no room. */
static int
add_age(uint32_t v[CONF_AGES_MAX], int n, uint32_t age)
{
	int i = 0;

	if (age == 0 || n == -1)
		return n;
	while (i < n && v[i] < age)
		i++;
	if (i < n && v[i] == age)
		return n;
	if (n == CONF_AGES_MAX)
		return -1;
	memmove(&v[i + 1], &v[i], (size_t)(n - i) * sizeof(v[0]));
	v[i] = age;
	return n + 1;
}

int
conf_ages(const struct conf *c, enum conf_schedule_set which,
    uint32_t v[CONF_AGES_MAX])
{
	uint32_t (*age)(const struct conf *, const struct conf_schedule *) =
	    which == CONF_S_EXPIRE ? conf_expire : conf_warn_after;
	int n = add_age(v, 0, age(c, &c->schedule));
	uint32_t i;

	for (i = 0; i < c->ndomains; i++)
		n = add_age(v, n, age(c, &c->domains[i].schedule));
	for (i = 0; i < c->nconnectors; i++)
		n = add_age(v, n, age(c, &c->connectors[i].schedule));
	return n;
}

const char *
side_name(enum side side)
{
	return side == SIDE_EXT ? "ext" : "int";
}
