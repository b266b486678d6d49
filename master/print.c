/* SPDX-License-Identifier: ISC */
/*
 * The canonical form of a configuration: every value in force, one way to
 * write each, in one order.  It parses to the same values, and so prints the
 * same again.  Numbers of workers are printed only when stated: the default
 * depends on the machine.
 */
#include <string.h>

#include "common/base/hex.h"
#include "master/config.h"
#include "master/limits.h"

static void
print_quoted(FILE *fp, const char *s)
{
	(void)fputc('"', fp);
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			(void)fputc('\\', fp);
		(void)fputc(*s, fp);
	}
	(void)fputc('"', fp);
}

static void
print_word_string(FILE *fp, const char *before, const char *s)
{
	(void)fputs(before, fp);
	print_quoted(fp, s);
	(void)fputc('\n', fp);
}

static void
print_addr(FILE *fp, const struct netaddr *a, uint16_t usual)
{
	char text[NETADDR_STRLEN];

	(void)fputs(netaddr_ntop(a, text, sizeof(text)), fp);
	if (a->port != usual)
		(void)fprintf(fp, " port %u", a->port);
}

static void
print_set(FILE *fp, const char *what, const struct netset *set)
{
	char text[NETADDR_STRLEN];
	size_t i;

	if (set->n == 0)
		return;
	(void)fprintf(fp, "\t%s { ", what);
	for (i = 0; i < set->n; i++)
		(void)fprintf(fp, "%s%s", i > 0 ? ", " : "",
		    netprefix_ntop(&set->v[i], text, sizeof(text)));
	(void)fputs(" }\n", fp);
}

static void
print_dns(FILE *fp, const struct conf_side *s)
{
	uint32_t i;

	if (s->ndns == 0)
		return;
	(void)fputs("\tdns { ", fp);
	for (i = 0; i < s->ndns; i++) {
		if (i > 0)
			(void)fputs(", ", fp);
		print_addr(fp, &s->dns[i], 53);
	}
	(void)fputs(" }\n", fp);
}

static void
print_proxies(FILE *fp, const struct netset *set)
{
	char text[NETADDR_STRLEN];
	size_t i;

	for (i = 0; i < set->n; i++)
		(void)fprintf(fp, "%s%s", i == 0 ? " proxy from { " : ", ",
		    netprefix_ntop(&set->v[i], text, sizeof(text)));
	if (set->n > 0)
		(void)fputs(" }", fp);
}

static void
print_listeners(FILE *fp, const struct conf *conf, enum side side)
{
	uint32_t i;

	for (i = 0; i < conf->nlisteners; i++) {
		if (conf->listeners[i].side != side)
			continue;
		(void)fputs("\tlisten on ", fp);
		print_addr(fp, &conf->listeners[i].addr, 25);
		print_proxies(fp, &conf->listeners[i].proxies);
		(void)fputc('\n', fp);
	}
}

static void
print_source(FILE *fp, const struct netaddr *a)
{
	char text[NETADDR_STRLEN];

	if (a->family != NETADDR_NONE)
		(void)fprintf(fp, "\tsource %s\n",
		    netaddr_ntop(a, text, sizeof(text)));
}

static void
print_cert(FILE *fp, const char *indent, const struct conf_cert *cert)
{
	(void)fprintf(fp, "%stls certificate ", indent);
	print_quoted(fp, cert->chain_path);
	(void)fputs(" key ", fp);
	print_quoted(fp, cert->key_path);
	(void)fputc('\n', fp);
}

/* Those of exactly these uses: where a statement stands shows in them. */
static void
print_certs(FILE *fp, const char *indent, const struct conf *conf,
    uint32_t uses)
{
	uint32_t i;

	for (i = 0; i < conf->ncerts; i++)
		if (conf->certs[i].uses == uses)
			print_cert(fp, indent, &conf->certs[i]);
}

static void
print_tls(FILE *fp, const struct conf *conf, enum side side)
{
	const struct conf_side *s = &conf->side[side];
	char hex[HEX_STRLEN(CONF_FINGERPRINT)];
	uint32_t i;

	print_certs(fp, "\t", conf,
	    side == SIDE_EXT ? CONF_CERT_SERVER_EXT : CONF_CERT_SERVER_INT);
	/* without a certificate there is nothing to offer */
	if (conf_offers_tls(conf, side) || s->tls_off)
		(void)fprintf(fp, "\ttls %s\n",
		    s->tls_off		 ? "off"
			: s->tls_require ? "require"
					 : "offer");
	print_set(fp, "tls require from", &s->tls_from);
	if (s->trust_path[0] != '\0')
		print_word_string(fp, "\ttls trust ", s->trust_path);
	for (i = 0; side == SIDE_INT && i < conf->naccept_certs; i++)
		(void)fprintf(fp, "\taccept certificate \"sha256 %s\"\n",
		    hex_fmt(conf->accept_certs[i], CONF_FINGERPRINT, hex));
}

static void
print_side(FILE *fp, const struct config *c, enum side side)
{
	const struct conf_side *s = &c->conf->side[side];

	(void)fprintf(fp, "%s {\n", side == SIDE_EXT ? "external" : "internal");
	print_listeners(fp, c->conf, side);
	print_source(fp, &s->source4);
	print_source(fp, &s->source6);
	if (s->interface[0] != '\0')
		print_word_string(fp, "\tinterface ", s->interface);
	if (s->netns[0] != '\0')
		print_word_string(fp, "\tnamespace ", s->netns);
	if (side == SIDE_EXT && (c->conf->flags & CONF_F_CHECK_SENDER_MX) != 0)
		(void)fputs("\tcheck sender mx\n", fp);
	print_dns(fp, s);
	print_set(fp, "networks", &s->networks);
	print_set(fp, "accept from", &s->accept_from);
	print_set(fp, "repair lines from", &s->repair);
	print_set(fp, "reach", &s->reach);
	if (side == SIDE_INT)
		(void)fprintf(fp, "\tsenders %s\n",
		    (c->conf->flags & CONF_F_COMPANY_SENDERS) != 0 ? "company"
								   : "any");
	print_tls(fp, c->conf, side);
	if (c->workers_set[side][0])
		(void)fprintf(fp, "\tworkers in %u\n", s->workers_in);
	if (c->workers_set[side][1])
		(void)fprintf(fp, "\tworkers out %u\n", s->workers_out);
	(void)fputs("}\n", fp);
}

static void
print_host(FILE *fp, const struct conf_host *h)
{
	char text[NETADDR_STRLEN];

	if (h->name[0] != '\0')
		print_quoted(fp, h->name);
	else
		(void)fputs(netaddr_ntop(&h->addr, text, sizeof(text)), fp);
	if (h->port != 25)
		(void)fprintf(fp, " port %u", h->port);
}

/* word stands before each host, or is empty */
static void
print_hosts(FILE *fp, const struct conf_route *r, const char *word)
{
	uint32_t i;

	if (r->nhosts != 1)
		(void)fputs("{ ", fp);
	for (i = 0; i < r->nhosts; i++) {
		(void)fprintf(fp, "%s%s", i > 0 ? ", " : "", word);
		print_host(fp, &r->hosts[i]);
	}
	if (r->nhosts != 1)
		(void)fputs(" }", fp);
}

/* What is set of it, each line behind a tab or at the margin. */
static void
print_schedule(FILE *fp, const struct conf_schedule *s, const char *margin)
{
	char text[QUANTITY_STRLEN];
	uint32_t i;

	if ((s->set & CONF_S_RETRY) != 0) {
		(void)fprintf(fp, "%sretry { ", margin);
		for (i = 0; i < s->nretry; i++)
			(void)fprintf(fp, "%s%s", i > 0 ? ", " : "",
			    quantity_fmt(s->retry[i], UNIT_TIME, text));
		(void)fputs(" }\n", fp);
	}
	if ((s->set & CONF_S_EXPIRE) != 0)
		(void)fprintf(fp, "%sexpire %s\n", margin,
		    quantity_fmt(s->expire, UNIT_TIME, text));
	if ((s->set & CONF_S_WARN) == 0)
		return;
	if (s->warn_after == 0)
		(void)fprintf(fp, "%swarn never\n", margin);
	else
		(void)fprintf(fp, "%swarn after %s\n", margin,
		    quantity_fmt(s->warn_after, UNIT_TIME, text));
}

/* What stands in a list, or alone. */
static void
print_list(FILE *fp, uint32_t n,
    void (*one)(FILE *, const struct conf_tls *, uint32_t),
    const struct conf_tls *t)
{
	uint32_t i;

	if (n == 0)
		return;
	(void)fputs(n > 1 ? " { " : " ", fp);
	for (i = 0; i < n; i++) {
		if (i > 0)
			(void)fputs(", ", fp);
		one(fp, t, i);
	}
	if (n > 1)
		(void)fputs(" }", fp);
}

static void
print_tls_name(FILE *fp, const struct conf_tls *t, uint32_t i)
{
	print_quoted(fp, t->names[i]);
}

static void
print_tls_print(FILE *fp, const struct conf_tls *t, uint32_t i)
{
	char hex[HEX_STRLEN(CONF_FINGERPRINT)];

	(void)fprintf(fp, "\"sha256 %s\"",
	    hex_fmt(t->fingerprints[i], CONF_FINGERPRINT, hex));
}

/* The default is printed in domains and connectors that have a block. */
static void
print_tls_out(FILE *fp, const struct conf *conf, uint64_t id)
{
	const struct conf_tls *t = conf_tls_find(conf, id);

	if (t == NULL)
		return;
	(void)fprintf(fp, "\ttls %s", conf_tls_level_name(t->level));
	print_list(fp, t->nnames, print_tls_name, t);
	print_list(fp, t->nfingerprints, print_tls_print, t);
	(void)fputc('\n', fp);
	if (t->cert != CONF_NO_CERT)
		print_cert(fp, "\t", &conf->certs[t->cert]);
}

static void
print_domain(FILE *fp, const struct conf *conf, const struct conf_domain *d)
{
	(void)fputs("domain ", fp);
	print_quoted(fp, d->name);
	(void)fputs(" {\n", fp);
	if (d->rcpt_kind == CONF_RCPT_ANY)
		(void)fputs("\trecipients any\n", fp);
	else
		print_word_string(fp, "\trecipients file ", d->rcpt_path);
	if (d->route.kind == CONF_ROUTE_MX) {
		print_word_string(fp, "\tdeliver to mx ", d->route.mx);
	} else {
		(void)fputs("\tdeliver to ", fp);
		print_hosts(fp, &d->route, "host ");
		(void)fputc('\n', fp);
	}
	print_tls_out(fp, conf, d->tls);
	print_schedule(fp, &d->schedule, "\t");
	(void)fputs("}\n", fp);
}

static void
print_connector(FILE *fp, const struct conf *conf,
    const struct conf_connector *k)
{
	(void)fputs("connector ", fp);
	print_quoted(fp, k->pattern);
	if (k->route.kind == CONF_ROUTE_DNS) {
		(void)fputs(" via dns", fp);
	} else {
		(void)fputs(" via smarthost ", fp);
		print_hosts(fp, &k->route, "");
	}
	(void)fputs(" {\n", fp);
	print_tls_out(fp, conf, k->tls);
	print_schedule(fp, &k->schedule, "\t");
	(void)fputs("}\n", fp);
}

static void
print_rate(FILE *fp, const struct conf_rate *r)
{
	char text[QUANTITY_STRLEN];

	(void)fprintf(fp, "rate %u per %s", r->count,
	    quantity_fmt(r->period, UNIT_TIME, text));
}

static void
print_pace(FILE *fp, const struct conf_pace *p)
{
	const char *comma = "";

	(void)fputs("limit to ", fp);
	print_quoted(fp, p->pattern);
	(void)fputs(" { ", fp);
	if (p->sessions != 0) {
		(void)fprintf(fp, "connections %u", p->sessions);
		comma = ", ";
	}
	if (p->messages != 0) {
		(void)fprintf(fp, "%smessages-per-connection %u", comma,
		    p->messages);
		comma = ", ";
	}
	if (p->rate.count != 0) {
		(void)fputs(comma, fp);
		print_rate(fp, &p->rate);
	}
	(void)fputs(" }\n", fp);
}

static void
print_source_rate(FILE *fp, const struct conf_source *s)
{
	char text[NETADDR_STRLEN];

	(void)fprintf(fp, "limit from %s ",
	    netprefix_ntop(&s->prefix, text, sizeof(text)));
	print_rate(fp, &s->rate);
	(void)fputc('\n', fp);
}

static void
print_log(FILE *fp, const struct conf *conf)
{
	switch (conf->log_kind) {
	case CONF_LOG_STDERR:
		(void)fputs("log to stderr\n", fp);
		break;
	case CONF_LOG_SYSLOG:
		(void)fputs("log to syslog\n", fp);
		break;
	case CONF_LOG_FILE:
		print_word_string(fp, "log to file ", conf->log_path);
		break;
	}
}

static void
print_global(FILE *fp, const struct conf *conf)
{
	char text[QUANTITY_STRLEN];
	size_t i;

	print_certs(fp, "", conf, CONF_CERT_SERVER_EXT | CONF_CERT_SERVER_INT);
	print_word_string(fp, "spool ", conf->spool);
	(void)fputs("control socket ", fp);
	print_quoted(fp, conf->control);
	if (strcmp(conf->control_group, CONFIG_OPS_GROUP) != 0) {
		(void)fputs(" group ", fp);
		print_quoted(fp, conf->control_group);
	}
	print_word_string(fp, "\nchroot ", conf->chroot_dir);
	print_log(fp, conf);
	(void)fprintf(fp, "sandbox %s\n",
	    (conf->flags & CONF_F_BEST_EFFORT) != 0 ? "best-effort" : "strict");
	if ((conf->flags & CONF_F_NO_SELFTEST) != 0)
		(void)fputs("sandbox selftest off\n", fp);
	if ((conf->flags & CONF_F_SINGLE_HOMED) != 0)
		(void)fputs("single-homed\n", fp);
	if ((conf->flags & CONF_F_FORWARDING) != 0)
		(void)fputs("ip forwarding allow\n", fp);
	for (i = 0; i < LIMITS_N; i++)
		(void)fprintf(fp, "limit %s %s\n", limits[i].name,
		    quantity_fmt(limit_get(&conf->limits, &limits[i]),
			limits[i].unit, text));
}

void
config_print(const struct config *c, FILE *fp)
{
	const struct conf *conf = c->conf;
	uint32_t i;

	print_word_string(fp, "hostname ", conf->hostname);
	print_side(fp, c, SIDE_EXT);
	print_side(fp, c, SIDE_INT);
	for (i = 0; i < conf->ndomains; i++)
		print_domain(fp, conf, &conf->domains[i]);
	for (i = 0; i < conf->nconnectors; i++)
		print_connector(fp, conf, &conf->connectors[i]);
	print_global(fp, conf);
	for (i = 0; i < conf->npaces; i++)
		print_pace(fp, &conf->paces[i]);
	for (i = 0; i < conf->nsources; i++)
		print_source_rate(fp, &conf->sources[i]);
	print_schedule(fp, &conf->schedule, "");
}
