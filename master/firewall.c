/* SPDX-License-Identifier: ISC */
/* See firewall.h. */
#include <stdint.h>
#include <string.h>

#include "master/firewall.h"
#include "master/topology.h"

#define PORT_SMTP 25
#define REJECT	  "counter reject with icmpx admin-prohibited"

static const uint8_t families[] = { NETADDR_V4, NETADDR_V6 };
#define NFAMILIES (sizeof(families) / sizeof(families[0]))

struct out {
	FILE *fp;
	const struct conf *conf;
	const char *netns;
};

static const char *
word(uint8_t family)
{
	return family == NETADDR_V4 ? "ip" : "ip6";
}

static bool
is_here(const struct out *o, enum side side)
{
	return strcmp(o->conf->side[side].netns, o->netns) == 0;
}

/* Both sides on one interface: it tells nothing apart. */
static bool
by_interface(const struct out *o, enum side side)
{
	const struct conf_side *e = &o->conf->side[SIDE_EXT],
			       *i = &o->conf->side[SIDE_INT];

	return o->conf->side[side].interface[0] != '\0' &&
	    !(is_here(o, SIDE_EXT) && is_here(o, SIDE_INT) &&
		strcmp(e->interface, i->interface) == 0);
}

static const char *
account(enum side side)
{
	const struct peer connd = { PROC_CONND, (uint8_t)side, 0 };

	return topo_program(&connd)->account;
}

/* --- lists --- */

/* "{ a, b" of one family, then close(): nothing is written for none. */
struct list {
	FILE *fp;
	size_t n;
};

static void
item(struct list *l, const char *text)
{
	(void)fprintf(l->fp, "%s%s", l->n++ == 0 ? "{ " : ", ", text);
}

static size_t
count_prefixes(const struct netset *s, uint8_t family)
{
	size_t i, n = 0;

	for (i = 0; i < s->n; i++)
		n += s->v[i].addr.family == family;
	return n;
}

static void
prefixes(FILE *fp, const struct netset *s, uint8_t family)
{
	struct list l = { fp, 0 };
	char text[NETADDR_STRLEN];
	size_t i;

	for (i = 0; i < s->n; i++)
		if (s->v[i].addr.family == family)
			item(&l, netprefix_ntop(&s->v[i], text, sizeof(text)));
	(void)fputs(" }", fp);
}

/* The side's own addresses, listeners and sources, each once. */
static size_t
own_addresses(const struct out *o, enum side side, uint8_t family, FILE *fp)
{
	const struct conf *c = o->conf;
	const struct netaddr *own[2] = { &c->side[side].source4,
		&c->side[side].source6 };
	struct list l = { fp, 0 };
	char text[NETADDR_STRLEN];
	size_t n = 0;
	uint32_t i, k;

	for (i = 0; i < c->nlisteners + 2; i++) {
		const struct netaddr *a =
		    i < 2 ? own[i] : &c->listeners[i - 2].addr;

		if (a->family != family ||
		    (i >= 2 && c->listeners[i - 2].side != side))
			continue;
		for (k = 0; k < i; k++)
			if (k < 2 ? netaddr_equal(own[k], a)
				  : c->listeners[k - 2].side == side &&
				    netaddr_equal(&c->listeners[k - 2].addr, a))
				break;
		if (k < i)
			continue;
		n++;
		if (fp != NULL)
			item(&l, netaddr_ntop(a, text, sizeof(text)));
	}
	if (fp != NULL)
		(void)fputs(" }", fp);
	return n;
}

static void
note_ports(bool *dialled, const struct conf_route *r)
{
	uint32_t i;

	for (i = 0; i < r->nhosts; i++)
		dialled[r->hosts[i].port] = true;
}

/* The ports that the side may connect to, as connd/policy.c has them. */
static void
dial_ports(const struct out *o, enum side side)
{
	bool dialled[UINT16_MAX + 1] = { false };
	const struct conf *c = o->conf;
	struct list l = { o->fp, 0 };
	char text[16];
	uint32_t i;

	dialled[PORT_SMTP] = true;
	for (i = 0; side == SIDE_EXT && i < c->nconnectors; i++)
		note_ports(dialled, &c->connectors[i].route);
	for (i = 0; side == SIDE_INT && i < c->ndomains; i++)
		note_ports(dialled, &c->domains[i].route);
	for (i = 1; i <= UINT16_MAX; i++)
		if (dialled[i]) {
			(void)snprintf(text, sizeof(text), "%u", i);
			item(&l, text);
		}
	(void)fputs(" }", o->fp);
}

/* --- rules --- */

static void
errors_pass(FILE *fp)
{
	(void)fputs("\t\tct state established,related accept\n"
		    "\t\tct state invalid drop\n"
		    "\t\ticmp type { destination-unreachable, time-exceeded, "
		    "parameter-problem } accept\n"
		    "\t\ticmpv6 type { destination-unreachable, "
		    "packet-too-big, time-exceeded, parameter-problem, "
		    "nd-neighbor-solicit, nd-neighbor-advert, "
		    "nd-router-solicit, nd-router-advert } accept\n",
	    fp);
}

/* Packets of a side, by interface or address: "iifname "x" jump chain". */
static void
jump(const struct out *o, enum side side, bool in, const char *chain)
{
	const struct conf_side *s = &o->conf->side[side];
	size_t i;

	if (by_interface(o, side)) {
		(void)fprintf(o->fp, "\t\t%sname \"%s\" jump %s\n",
		    in ? "iif" : "oif", s->interface, chain);
		return;
	}
	for (i = 0; i < NFAMILIES; i++) {
		if (own_addresses(o, side, families[i], NULL) == 0)
			continue;
		(void)fprintf(o->fp, "\t\t%s %s ", word(families[i]),
		    in ? "daddr" : "saddr");
		(void)own_addresses(o, side, families[i], o->fp);
		(void)fprintf(o->fp, " jump %s\n", chain);
	}
}

static void
from_internet(const struct out *o)
{
	const struct conf *c = o->conf;
	char text[NETADDR_STRLEN];
	uint32_t i;

	(void)fputs("\n\t# Into the Internet side: mail, and what belongs to "
		    "connections.\n\tchain from_internet {\n",
	    o->fp);
	errors_pass(o->fp);
	for (i = 0; i < c->nlisteners; i++) {
		const struct netaddr *a = &c->listeners[i].addr;

		if (c->listeners[i].side == SIDE_EXT)
			(void)fprintf(o->fp,
			    "\t\t%s daddr %s tcp dport %u accept\n",
			    word(a->family),
			    netaddr_ntop(a, text, sizeof(text)), a->port);
	}
	(void)fputs("\t\tcounter drop\n\t}\n", o->fp);
}

static void
servers(const struct out *o, enum side side)
{
	const struct conf_side *s = &o->conf->side[side];
	char text[NETADDR_STRLEN];
	uint32_t i;

	for (i = 0; i < s->ndns; i++)
		(void)fprintf(o->fp,
		    "\t\tmeta skuid \"%s\" %s daddr %s meta l4proto { tcp, "
		    "udp } th dport %u accept\n",
		    account(side), word(s->dns[i].family),
		    netaddr_ntop(&s->dns[i], text, sizeof(text)),
		    s->dns[i].port);
}

static void
to_internet(const struct out *o)
{
	const struct netset *inside = &o->conf->side[SIDE_INT].networks;
	size_t i;

	(void)fputs("\n\t# Out of it: connd/ext, to the configured ports and "
		    "servers, never inside.\n\t# What else this host may say "
		    "to the Internet (time, updates) goes before\n\t# the "
		    "last line.\n\tchain to_internet {\n",
	    o->fp);
	errors_pass(o->fp);
	servers(o, SIDE_EXT);
	for (i = 0; i < NFAMILIES; i++)
		if (count_prefixes(inside, families[i]) > 0) {
			(void)fprintf(o->fp, "\t\t%s daddr ",
			    word(families[i]));
			prefixes(o->fp, inside, families[i]);
			(void)fputs(" " REJECT "\n", o->fp);
		}
	(void)fprintf(o->fp, "\t\tmeta skuid \"%s\" tcp dport ",
	    account(SIDE_EXT));
	dial_ports(o, SIDE_EXT);
	(void)fputs(" accept\n\t\t" REJECT "\n\t}\n", o->fp);
}

static void
to_intranet(const struct out *o)
{
	const struct conf_side *s = &o->conf->side[SIDE_INT];
	const struct netset *sets[] = { &s->networks, &s->reach };
	size_t i, k;

	(void)fputs("\n\t# connd/int: into the internal networks only.\n"
		    "\tchain to_intranet {\n"
		    "\t\tct state established,related accept\n",
	    o->fp);
	servers(o, SIDE_INT);
	for (i = 0; i < NFAMILIES; i++)
		for (k = 0; k < 2; k++) {
			if (count_prefixes(sets[k], families[i]) == 0)
				continue;
			(void)fprintf(o->fp, "\t\t%s daddr ",
			    word(families[i]));
			prefixes(o->fp, sets[k], families[i]);
			(void)fputs(" tcp dport ", o->fp);
			dial_ports(o, SIDE_INT);
			(void)fputs(" accept\n", o->fp);
		}
	(void)fputs("\t\t" REJECT "\n\t}\n", o->fp);
}

static void
forward(const struct out *o)
{
	const char *name = o->conf->side[SIDE_EXT].interface;

	if ((o->conf->flags & CONF_F_FORWARDING) != 0)
		return;
	(void)fputs("\n\t# The gateway passes mail, never packets.\n"
		    "\tchain forward {\n\t\ttype filter hook forward priority "
		    "filter; policy accept;\n",
	    o->fp);
	if (!is_here(o, SIDE_EXT) || !by_interface(o, SIDE_EXT))
		(void)fputs("\t\tcounter drop\n", o->fp);
	else
		(void)fprintf(o->fp,
		    "\t\tiifname \"%s\" counter drop\n"
		    "\t\toifname \"%s\" counter drop\n",
		    name, name);
	(void)fputs("\t}\n", o->fp);
}

/* Programs that send nothing by a socket of their own making. */
static void
the_others(const struct out *o)
{
	struct list l = { o->fp, 0 };
	char text[80];
	size_t i;

	(void)fputs("\t\tmeta skuid ", o->fp);
	for (i = 0; i < TOPO_PROGRAMS; i++)
		if (topo_programs[i].proc != PROC_CONND) {
			(void)snprintf(text, sizeof(text), "\"%s\"",
			    topo_programs[i].account);
			item(&l, text);
		}
	(void)fputs(" } " REJECT "\n", o->fp);
}

/*
 * Linux takes packets for any of its addresses on any interface.  Where no
 * interface tells the sides apart, the sender has to: an inside address is
 * for the internal networks.
 */
static void
inside_addresses(const struct out *o)
{
	const struct netset *inside = &o->conf->side[SIDE_INT].networks;
	size_t i;

	if (by_interface(o, SIDE_EXT) || !is_here(o, SIDE_INT))
		return;
	for (i = 0; i < NFAMILIES; i++) {
		const char *w = word(families[i]);

		if (own_addresses(o, SIDE_INT, families[i], NULL) == 0 ||
		    count_prefixes(inside, families[i]) == 0)
			continue;
		(void)fprintf(o->fp, "\t\t%s daddr ", w);
		(void)own_addresses(o, SIDE_INT, families[i], o->fp);
		(void)fprintf(o->fp, " %s saddr != ", w);
		prefixes(o->fp, inside, families[i]);
		(void)fputs(" counter drop\n", o->fp);
	}
}

static void
hooks(const struct out *o)
{
	bool ext = is_here(o, SIDE_EXT), in = is_here(o, SIDE_INT);

	if (ext) {
		(void)fputs("\n\tchain input {\n\t\ttype filter hook input "
			    "priority filter; policy accept;\n"
			    "\t\tiifname \"lo\" accept\n",
		    o->fp);
		inside_addresses(o);
		jump(o, SIDE_EXT, true, "from_internet");
		(void)fputs("\t}\n", o->fp);
	}
	(void)fputs("\n\tchain output {\n\t\ttype filter hook output priority "
		    "filter; policy accept;\n",
	    o->fp);
	the_others(o);
	(void)fprintf(o->fp, "\t\tmeta skuid \"%s\" %s\n", account(SIDE_INT),
	    in ? "jump to_intranet" : REJECT);
	(void)fprintf(o->fp, "\t\tmeta skuid \"%s\" %s\n", account(SIDE_EXT),
	    ext ? "jump to_internet" : REJECT);
	(void)fputs("\t\toifname \"lo\" accept\n", o->fp);
	if (ext)
		jump(o, SIDE_EXT, false, "to_internet");
	(void)fputs("\t}\n", o->fp);
}

static void
print_head(const struct out *o, const char *file)
{
	const char *other = o->conf->side[SIDE_EXT].netns;

	(void)fputs("#!/usr/sbin/nft -f\n# Made by postern firewall", o->fp);
	if (o->netns[0] != '\0')
		(void)fprintf(o->fp, " -n %s", o->netns);
	(void)fprintf(o->fp,
	    " of %s;\n# make it anew when that "
	    "changes.\n"
	    "# In through the Internet side: mail. Out: connd alone, by its "
	    "account.\n",
	    file);
	if (o->netns[0] != '\0')
		(void)fprintf(o->fp,
		    "# To be loaded in its namespace: ip netns "
		    "exec %s nft -f FILE\n",
		    o->netns);
	else if (other[0] != '\0')
		(void)fprintf(o->fp,
		    "# The Internet side is in a namespace "
		    "of its own: postern firewall -n %s\n",
		    other);
	(void)fputs("table inet postern\ndelete table inet postern\n\n"
		    "table inet postern {\n"
		    "\t# Taken down as a whole: nft delete table inet "
		    "postern\n",
	    o->fp);
}

/* Within quotes nftables knows no escape. */
static bool
is_plain(const char *s)
{
	for (; *s != '\0'; s++)
		if (*s <= ' ' || *s == '"' || *s == '\\' || *s == '*' ||
		    *s == 0x7f)
			return false;
	return true;
}

int
firewall_print(const struct config *c, const char *netns, FILE *fp)
{
	struct out o = { fp, c->conf, netns };
	int side;

	if (!is_here(&o, SIDE_EXT) && !is_here(&o, SIDE_INT)) {
		(void)fprintf(stderr, "posternd: %s has no namespace \"%s\"\n",
		    c->file, netns);
		return -1;
	}
	for (side = SIDE_EXT; side < NSIDES; side++)
		if (!is_plain(c->conf->side[side].interface) ||
		    !is_plain(c->conf->side[side].netns)) {
			(void)fprintf(stderr,
			    "posternd: a name in %s cannot be written in "
			    "nftables\n",
			    c->file);
			return -1;
		}
	print_head(&o, c->file);
	if (is_here(&o, SIDE_EXT)) {
		from_internet(&o);
		to_internet(&o);
	}
	if (is_here(&o, SIDE_INT))
		to_intranet(&o);
	forward(&o);
	hooks(&o);
	(void)fputs("}\n", fp);
	return 0;
}
