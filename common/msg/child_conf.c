/* SPDX-License-Identifier: ISC */
/*
 * Edge 2, the configuration.  Pure.
 *
 * An item is what its put function says; the get function beside it reads the
 * same.  Lists travel in their order, with their ids, so that a child's ids
 * are posternd's: descriptors are named by them (child_master.h).
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "common/msg/child_conf.h"
#include "common/msg/child_conf_int.h"

#define FLAGS                                                                  \
	(CONF_F_SINGLE_HOMED | CONF_F_BEST_EFFORT | CONF_F_FORWARDING |        \
	    CONF_F_COMPANY_SENDERS | CONF_F_NO_SELFTEST |                      \
	    CONF_F_CHECK_SENDER_MX)

struct encoder {
	const struct conf *conf;
	uint32_t grant;
	int (*send)(void *, uint16_t, struct ibuf *);
	void *arg;
};

static int
emit(const struct encoder *e, uint16_t type, struct ibuf *b)
{
	if (ibuf_failed(b)) {
		errno = ERANGE;
		return -1;
	}
	return e->send(e->arg, type, b);
}

/* --- text --- */

static bool
is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	    (c >= 'A' && c <= 'Z');
}

/* Letters, digits and what of "extra" there is; may be empty. */
static bool
made_of(const char *s, const char *extra)
{
	for (; *s != '\0'; s++) {
		if (!is_alnum(*s) && strchr(extra, *s) == NULL)
			return false;
	}
	return true;
}

/* Labels with dots between: a host or domain name. */
static bool
is_name(const char *s)
{
	size_t len = strlen(s);

	return len > 0 && made_of(s, "-._") && s[0] != '.' &&
	    s[len - 1] != '.' && strstr(s, "..") == NULL;
}

static bool
is_lower(const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s >= 'A' && *s <= 'Z')
			return false;
	}
	return true;
}

bool
cc_is_pattern(const char *s)
{
	if (strcmp(s, "*") == 0)
		return true;
	if (strncmp(s, "*.", 2) == 0)
		s += 2;
	return is_name(s) && is_lower(s);
}

int
cc_get_text(struct ibuf *b, char *s, size_t cap, bool (*good)(const char *))
{
	if (ibuf_get_cstr(b, s, cap, NULL) == 0 && good(s))
		return 0;
	b->failed = true;
	return -1;
}

static bool
is_domain(const char *s)
{
	return is_name(s) && is_lower(s);
}

static bool
is_optional_name(const char *s)
{
	return *s == '\0' || is_name(s);
}

/* Linux: no slash, no white space, not . or .. */
static bool
is_optional_interface(const char *s)
{
	return made_of(s, "-._:@") && strcmp(s, ".") != 0 &&
	    strcmp(s, "..") != 0;
}

/* A number that must be one of lo to hi. */
void
cc_get_range8(struct ibuf *b, uint8_t *n, uint8_t lo, uint8_t hi)
{
	if (ibuf_get_n8(b, n) == 0 && (*n < lo || *n > hi))
		b->failed = true;
}

/* --- global --- */

static void
put_global(struct ibuf *b, const struct conf *c)
{
	(void)ibuf_add_cstr(b, c->hostname, CONF_NAME_MAX - 1);
	(void)ibuf_add_n32(b, c->flags);
	(void)ibuf_add_n8(b, (uint64_t)c->log_kind);
}

static int
get_global(struct conf *c, struct ibuf *b)
{
	uint8_t kind;

	(void)cc_get_text(b, c->hostname, sizeof(c->hostname), is_name);
	(void)ibuf_get_n32(b, &c->flags);
	cc_get_range8(b, &kind, CONF_LOG_STDERR, CONF_LOG_FILE);
	if (ibuf_get_end(b) == -1 || (c->flags & ~(uint32_t)FLAGS) != 0)
		return -1;
	c->log_kind = (enum conf_log_kind)kind;
	return 0;
}

/* --- sides and their sets --- */

static void
put_side(struct ibuf *b, const struct conf *c, enum side side)
{
	const struct conf_side *s = &c->side[side];
	uint32_t i;

	(void)ibuf_add_n8(b, (uint64_t)side);
	(void)ibuf_add_cstr(b, s->interface, CONF_IFNAME_MAX - 1);
	(void)ibuf_add_cstr(b, s->netns, CONF_NAME_MAX - 1);
	(void)ibuf_add_netaddr(b, &s->source4);
	(void)ibuf_add_netaddr(b, &s->source6);
	(void)ibuf_add_n8(b, s->workers_in);
	(void)ibuf_add_n8(b, s->workers_out);
	(void)ibuf_add_n8(b, s->ndns);
	for (i = 0; i < s->ndns; i++)
		(void)ibuf_add_netaddr(b, &s->dns[i]);
}

/* An address that may be left out, of one family, without port. */
static void
get_source(struct ibuf *b, struct netaddr *a, enum netaddr_family family)
{
	if (ibuf_get_netaddr(b, a) == -1)
		return;
	if ((a->family != NETADDR_NONE && a->family != family) || a->port != 0)
		b->failed = true;
}

/* An address that must be there, with a port. */
void
cc_get_endpoint(struct ibuf *b, struct netaddr *a)
{
	if (ibuf_get_netaddr(b, a) == 0 &&
	    (a->family == NETADDR_NONE || a->port == 0))
		b->failed = true;
}

static int
get_side(struct conf *c, struct ibuf *b)
{
	uint8_t side, workers_in, workers_out, ndns;
	struct conf_side *s;
	size_t i;

	cc_get_range8(b, &side, SIDE_EXT, SIDE_INT);
	if (ibuf_failed(b))
		return -1;
	s = &c->side[side];
	(void)cc_get_text(b, s->interface, sizeof(s->interface),
	    is_optional_interface);
	(void)cc_get_text(b, s->netns, sizeof(s->netns), is_optional_name);
	get_source(b, &s->source4, NETADDR_V4);
	get_source(b, &s->source6, NETADDR_V6);
	cc_get_range8(b, &workers_in, 1, CONF_WORKERS_MAX);
	cc_get_range8(b, &workers_out, 1, CONF_WORKERS_MAX);
	cc_get_range8(b, &ndns, 0, CONF_DNS_MAX);
	if (ibuf_failed(b))
		return -1;
	for (i = 0; i < ndns; i++)
		cc_get_endpoint(b, &s->dns[i]);
	s->workers_in = workers_in;
	s->workers_out = workers_out;
	s->ndns = ndns;
	return ibuf_get_end(b);
}

static const struct set {
	enum cc_set id;
	uint32_t grant;
	enum side side;
	size_t offset;
} sets[] = {
	{ CC_SET_NETWORKS, CC_G_NETWORKS, SIDE_INT,
	    offsetof(struct conf_side, networks) },
	{ CC_SET_ACCEPT, CC_G_ACCEPT, SIDE_INT,
	    offsetof(struct conf_side, accept_from) },
	{ CC_SET_REPAIR, CC_G_ACCEPT, SIDE_INT,
	    offsetof(struct conf_side, repair) },
	{ CC_SET_REACH_EXT, CC_G_REACH, SIDE_EXT,
	    offsetof(struct conf_side, reach) },
	{ CC_SET_REACH_INT, CC_G_REACH, SIDE_INT,
	    offsetof(struct conf_side, reach) },
	{ CC_SET_TLS_EXT, CC_G_TLS_SERVER_EXT, SIDE_EXT,
	    offsetof(struct conf_side, tls_from) },
	{ CC_SET_TLS_INT, CC_G_TLS_SERVER_INT, SIDE_INT,
	    offsetof(struct conf_side, tls_from) },
};
#define NSETS (sizeof(sets) / sizeof(sets[0]))

static const struct netset *
set_of(const struct conf *c, const struct set *s)
{
	const uint8_t *base = (const uint8_t *)&c->side[s->side];

	return (const struct netset *)(const void *)(base + s->offset);
}

static int
get_prefix(struct conf *c, struct ibuf *b)
{
	struct netprefix prefix;
	uint8_t *base, id;
	size_t i;

	(void)ibuf_get_n8(b, &id);
	(void)ibuf_get_netprefix(b, &prefix);
	if (ibuf_get_end(b) == -1)
		return -1;
	for (i = 0; i < NSETS; i++) {
		if ((unsigned)sets[i].id != id)
			continue;
		base = (uint8_t *)&c->side[sets[i].side];
		return netset_add((struct netset *)(void *)(base +
				      sets[i].offset),
		    &prefix);
	}
	return -1;
}

/* --- domains, connectors, hosts --- */

static void
put_domain(struct ibuf *b, const struct conf_domain *d, bool with_route)
{
	(void)ibuf_add_n32(b, d->id);
	(void)ibuf_add_cstr(b, d->name, CONF_NAME_MAX - 1);
	(void)ibuf_add_n8(b, (uint64_t)d->rcpt_kind);
	(void)ibuf_add_n32(b, d->pos.line);
	(void)ibuf_add_n8(b, with_route ? (uint64_t)d->route.kind : 0);
	if (with_route && d->route.kind == CONF_ROUTE_MX)
		(void)ibuf_add_cstr(b, d->route.mx, CONF_NAME_MAX - 1);
	(void)ibuf_add_n64(b, d->tls);
}

static int
get_domain(struct conf *c, struct ibuf *b)
{
	struct conf_domain in = { 0 }, *d;
	uint8_t rcpt, route;

	(void)ibuf_get_n32(b, &in.id);
	(void)cc_get_text(b, in.name, sizeof(in.name), is_domain);
	cc_get_range8(b, &rcpt, CONF_RCPT_ANY, CONF_RCPT_FILE);
	(void)ibuf_get_n32(b, &in.pos.line);
	cc_get_range8(b, &route, 0, CONF_ROUTE_MX);
	if (route == CONF_ROUTE_MX)
		(void)cc_get_text(b, in.route.mx, sizeof(in.route.mx), is_name);
	(void)ibuf_get_n64(b, &in.tls);
	if (ibuf_get_end(b) == -1 || in.id != c->ndomains)
		return -1;
	/* in order, and none twice */
	if (in.id > 0 && strcmp(c->domains[in.id - 1].name, in.name) >= 0)
		return -1;
	d = conf_add_domain(c);
	if (d == NULL)
		return -1;
	in.rcpt_kind = (enum conf_rcpt_kind)rcpt;
	in.route.kind = (enum conf_route_kind)route;
	*d = in;
	return 0;
}

static void
put_connector(struct ibuf *b, const struct conf_connector *k)
{
	(void)ibuf_add_n32(b, k->id);
	(void)ibuf_add_cstr(b, k->pattern, CONF_NAME_MAX - 1);
	(void)ibuf_add_n32(b, k->pos.line);
	(void)ibuf_add_n8(b, (uint64_t)k->route.kind);
	(void)ibuf_add_n64(b, k->tls);
}

static int
get_connector(struct conf *c, struct ibuf *b)
{
	struct conf_connector in = { 0 }, *k;
	uint8_t route;

	(void)ibuf_get_n32(b, &in.id);
	(void)cc_get_text(b, in.pattern, sizeof(in.pattern), cc_is_pattern);
	(void)ibuf_get_n32(b, &in.pos.line);
	cc_get_range8(b, &route, CONF_ROUTE_DNS, CONF_ROUTE_SMARTHOST);
	(void)ibuf_get_n64(b, &in.tls);
	if (ibuf_get_end(b) == -1 || in.id != c->nconnectors)
		return -1;
	if (in.id > 0 &&
	    conf_pattern_cmp(c->connectors[in.id - 1].pattern, in.pattern) >= 0)
		return -1;
	k = conf_add_connector(c);
	if (k == NULL)
		return -1;
	in.route.kind = (enum conf_route_kind)route;
	*k = in;
	return 0;
}

static void
put_host(struct ibuf *b, uint8_t of, uint32_t id, const struct conf_host *h)
{
	(void)ibuf_add_n8(b, of);
	(void)ibuf_add_n32(b, id);
	(void)ibuf_add_cstr(b, h->name, CONF_NAME_MAX - 1);
	(void)ibuf_add_netaddr(b, &h->addr);
	(void)ibuf_add_n16(b, h->port);
}

/* The route that host item belongs to, if it may have hosts. */
static struct conf_route *
owner(struct conf *c, uint8_t of, uint32_t id)
{
	struct conf_route *r = NULL;

	if (of == CC_OF_DOMAIN && id < c->ndomains)
		r = &c->domains[id].route;
	else if (of == CC_OF_CONNECTOR && id < c->nconnectors)
		r = &c->connectors[id].route;
	if (r == NULL ||
	    (r->kind != CONF_ROUTE_HOSTS && r->kind != CONF_ROUTE_SMARTHOST))
		return NULL;
	return r;
}

static int
get_host(struct conf *c, struct ibuf *b)
{
	struct conf_host in = { 0 }, *h;
	struct conf_route *r;
	uint32_t id;
	uint8_t of;

	cc_get_range8(b, &of, CC_OF_DOMAIN, CC_OF_CONNECTOR);
	(void)ibuf_get_n32(b, &id);
	(void)cc_get_text(b, in.name, sizeof(in.name), is_optional_name);
	(void)ibuf_get_netaddr(b, &in.addr);
	(void)ibuf_get_n16(b, &in.port);
	if (ibuf_get_end(b) == -1 || in.port == 0 || in.addr.port != 0)
		return -1;
	/* a name or an address */
	if ((in.name[0] == '\0') == (in.addr.family == NETADDR_NONE))
		return -1;
	r = owner(c, of, id);
	h = r != NULL ? conf_route_add_host(r) : NULL;
	if (h == NULL)
		return -1;
	*h = in;
	return 0;
}

/* --- all of it --- */

/* Each message begins in the same memory. */
static uint8_t item[CC_ITEM_MAX];

static struct ibuf *
fresh(struct ibuf *b)
{
	ibuf_wrap(b, item, sizeof(item));
	return b;
}

static int
send_single(const struct encoder *e)
{
	const struct {
		uint32_t grant;
		uint16_t type;
		void (*put)(struct ibuf *, const struct conf *);
	} singles[] = {
		{ CC_G_GLOBAL, CC_GLOBAL, put_global },
		{ CC_G_LIMITS, CC_LIMITS, cc_put_limits },
		{ CC_G_SCHEDULE, CC_SCHEDULE, cc_put_schedule },
	};
	struct ibuf b;
	size_t i;

	for (i = 0; i < sizeof(singles) / sizeof(singles[0]); i++) {
		if ((e->grant & singles[i].grant) == 0)
			continue;
		singles[i].put(fresh(&b), e->conf);
		if (emit(e, singles[i].type, &b) == -1)
			return -1;
	}
	return 0;
}

static int
send_sides(const struct encoder *e)
{
	static const uint32_t grants[NSIDES] = { CC_G_SIDE_EXT, CC_G_SIDE_INT };
	struct ibuf b;
	unsigned i;

	for (i = 0; i < NSIDES; i++) {
		if ((e->grant & grants[i]) == 0)
			continue;
		put_side(fresh(&b), e->conf, (enum side)i);
		if (emit(e, CC_SIDE, &b) == -1)
			return -1;
	}
	return 0;
}

static int
send_set(const struct encoder *e, const struct set *s)
{
	const struct netset *set = set_of(e->conf, s);
	struct ibuf b;
	size_t i;

	if ((e->grant & s->grant) == 0)
		return 0;
	for (i = 0; i < set->n; i++) {
		(void)ibuf_add_n8(fresh(&b), (uint64_t)s->id);
		(void)ibuf_add_netprefix(&b, &set->v[i]);
		if (emit(e, CC_PREFIX, &b) == -1)
			return -1;
	}
	return 0;
}

static int
send_sets(const struct encoder *e)
{
	size_t i;

	for (i = 0; i < NSETS; i++) {
		if (send_set(e, &sets[i]) == -1)
			return -1;
	}
	return 0;
}

static int
send_listeners(const struct encoder *e)
{
	struct ibuf b;
	uint32_t i;

	if ((e->grant & CC_G_LISTENERS) == 0)
		return 0;
	for (i = 0; i < e->conf->nlisteners; i++) {
		cc_put_listener(fresh(&b), &e->conf->listeners[i]);
		if (emit(e, CC_LISTENER, &b) == -1)
			return -1;
	}
	return 0;
}

static int
send_hosts(const struct encoder *e, uint8_t of, uint32_t id,
    const struct conf_route *r)
{
	struct ibuf b;
	uint32_t i;

	for (i = 0; i < r->nhosts; i++) {
		put_host(fresh(&b), of, id, &r->hosts[i]);
		if (emit(e, CC_HOST, &b) == -1)
			return -1;
	}
	return 0;
}

/* What its statement says of the schedule, if that says anything. */
static int
send_schedule(const struct encoder *e, uint8_t of, uint32_t id,
    const struct conf_schedule *s)
{
	struct ibuf b;

	if ((e->grant & CC_G_SCHEDULE) == 0 || s->set == 0)
		return 0;
	cc_put_schedule_of(fresh(&b), of, id, s);
	return emit(e, CC_SCHEDULE_OF, &b);
}

static int
send_domains(const struct encoder *e)
{
	bool routes = (e->grant & CC_G_ROUTES) != 0;
	const struct conf_domain *d;
	struct ibuf b;
	uint32_t i;

	if ((e->grant & (CC_G_DOMAINS | CC_G_ROUTES)) == 0)
		return 0;
	for (i = 0; i < e->conf->ndomains; i++) {
		d = &e->conf->domains[i];
		put_domain(fresh(&b), d, routes);
		if (emit(e, CC_DOMAIN, &b) == -1)
			return -1;
		if (routes && send_hosts(e, CC_OF_DOMAIN, i, &d->route) == -1)
			return -1;
		if (send_schedule(e, CC_OF_DOMAIN, i, &d->schedule) == -1)
			return -1;
	}
	return 0;
}

static int
send_connectors(const struct encoder *e)
{
	const struct conf_connector *k;
	struct ibuf b;
	uint32_t i;

	if ((e->grant & CC_G_CONNECTORS) == 0)
		return 0;
	for (i = 0; i < e->conf->nconnectors; i++) {
		k = &e->conf->connectors[i];
		put_connector(fresh(&b), k);
		if (emit(e, CC_CONNECTOR, &b) == -1 ||
		    send_hosts(e, CC_OF_CONNECTOR, i, &k->route) == -1 ||
		    send_schedule(e, CC_OF_CONNECTOR, i, &k->schedule) == -1)
			return -1;
	}
	return 0;
}

static int
send_paces(const struct encoder *e)
{
	struct ibuf b;
	uint32_t i;

	if ((e->grant & CC_G_PACE) == 0)
		return 0;
	for (i = 0; i < e->conf->npaces; i++) {
		cc_put_pace(fresh(&b), &e->conf->paces[i]);
		if (emit(e, CC_PACE, &b) == -1)
			return -1;
	}
	for (i = 0; i < e->conf->nsources; i++) {
		cc_put_source(fresh(&b), &e->conf->sources[i]);
		if (emit(e, CC_SOURCE, &b) == -1)
			return -1;
	}
	return 0;
}

static int
send_tls(const struct encoder *e)
{
	static const uint32_t grants[NSIDES] = { CC_G_TLS_SERVER_EXT,
		CC_G_TLS_SERVER_INT };
	struct ibuf b;
	unsigned i;

	for (i = 0; i < NSIDES; i++) {
		if ((e->grant & grants[i]) == 0)
			continue;
		cc_put_tls(fresh(&b), e->conf, (enum side)i);
		if (emit(e, CC_TLS, &b) == -1)
			return -1;
	}
	for (i = 0; (e->grant & CC_G_ACCEPT) != 0 && i < e->conf->naccept_certs;
	     i++) {
		(void)ibuf_add(fresh(&b), e->conf->accept_certs[i],
		    CONF_FINGERPRINT);
		if (emit(e, CC_ACCEPT_CERT, &b) == -1)
			return -1;
	}
	return 0;
}

static int
send_certs(const struct encoder *e)
{
	static uint8_t mem[CC_CERT_MAX];
	uint32_t uses = e->grant / CC_G_TLS_SERVER_EXT & CONF_CERT_USES, i;
	struct conf_cert mine;
	struct ibuf b;

	for (i = 0; i < e->conf->ncerts; i++) {
		mine = e->conf->certs[i];
		mine.uses &= uses;
		if (mine.uses == 0)
			continue;
		ibuf_wrap(&b, mem, sizeof(mem));
		cc_put_cert(&b, &mine);
		if (emit(e, CC_CERT, &b) == -1)
			return -1;
	}
	return 0;
}

static bool
granted_client(const struct encoder *e, enum side side)
{
	return (e->grant &
		   (side == SIDE_EXT ? CC_G_TLS_CLIENT_EXT
				     : CC_G_TLS_CLIENT_INT)) != 0;
}

static int
send_anchors(const struct encoder *e, enum side side)
{
	static uint8_t mem[CC_CERT_MAX];
	const struct conf_side *s = &e->conf->side[side];
	uint32_t off, n;
	struct ibuf b;

	for (off = 0; off < s->anchors_len; off += n) {
		n = s->anchors_len - off;
		if (n > CONF_CHAIN_MAX)
			n = CONF_CHAIN_MAX;
		ibuf_wrap(&b, mem, sizeof(mem));
		(void)ibuf_add_n8(&b, (uint64_t)side);
		(void)ibuf_add_n32(&b, n);
		(void)ibuf_add(&b, s->anchors + off, n);
		if (emit(e, CC_ANCHORS, &b) == -1)
			return -1;
	}
	return 0;
}

/* Towards servers. */
static int
send_tls_out(const struct encoder *e)
{
	struct ibuf b;
	uint32_t i;
	unsigned s;

	for (i = 0; i < e->conf->ntls; i++) {
		if (!granted_client(e, e->conf->tls[i].side))
			continue;
		cc_put_tls_out(fresh(&b), &e->conf->tls[i]);
		if (emit(e, CC_TLS_OUT, &b) == -1)
			return -1;
	}
	for (s = 0; s < NSIDES; s++) {
		if (granted_client(e, (enum side)s) &&
		    send_anchors(e, (enum side)s) == -1)
			return -1;
	}
	return 0;
}

int
cc_encode(const struct conf *c, uint32_t grant,
    int (*send)(void *, uint16_t type, struct ibuf *), void *arg)
{
	static int (*const parts[])(const struct encoder *) = { send_single,
		send_sides, send_sets, send_listeners, send_domains,
		send_connectors, send_paces, send_tls, send_certs,
		send_tls_out };
	const struct encoder e = { c, grant, send, arg };
	struct ibuf b;
	size_t i;

	(void)ibuf_add_n32(fresh(&b), c->generation);
	if (emit(&e, CC_BEGIN, &b) == -1)
		return -1;
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (parts[i](&e) == -1)
			return -1;
	}
	return emit(&e, CC_END, fresh(&b));
}

static int
get_begin(struct conf *c, struct ibuf *b)
{
	(void)ibuf_get_n32(b, &c->generation);
	return ibuf_get_end(b);
}

static int
get_done(struct conf *c, struct ibuf *b)
{
	uint32_t ages[CONF_AGES_MAX];

	if (ibuf_get_end(b) == -1 || conf_ages(c, CONF_S_EXPIRE, ages) == -1 ||
	    conf_ages(c, CONF_S_WARN, ages) == -1)
		return -1;
	conf_seal(c);
	return 0;
}

int
cc_decode(struct conf *c, uint16_t type, struct ibuf *b)
{
	static const struct {
		uint16_t type;
		int (*get)(struct conf *, struct ibuf *);
	} items[] = {
		{ CC_BEGIN, get_begin },
		{ CC_GLOBAL, get_global },
		{ CC_LIMITS, cc_get_limits },
		{ CC_SCHEDULE, cc_get_schedule },
		{ CC_SIDE, get_side },
		{ CC_PREFIX, get_prefix },
		{ CC_LISTENER, cc_get_listener },
		{ CC_DOMAIN, get_domain },
		{ CC_CONNECTOR, get_connector },
		{ CC_HOST, get_host },
		{ CC_SCHEDULE_OF, cc_get_schedule_of },
		{ CC_PACE, cc_get_pace },
		{ CC_SOURCE, cc_get_source },
		{ CC_TLS, cc_get_tls },
		{ CC_CERT, cc_get_cert },
		{ CC_ACCEPT_CERT, cc_get_accept_cert },
		{ CC_TLS_OUT, cc_get_tls_out },
		{ CC_ANCHORS, cc_get_anchors },
		{ CC_END, get_done },
	};
	size_t i;

	for (i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
		if (items[i].type == type)
			return items[i].get(c, b);
	}
	errno = EBADMSG;
	return -1;
}
