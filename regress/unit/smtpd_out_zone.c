/* SPDX-License-Identifier: ISC */
/* A plan walked through a zone: see smtpd_out_zone.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include "smtpd-out/smtpc.h"

#include "smtpd_out_zone.h"

/* --- the zone of a case --- */

const char *zone;

static const struct {
	const char *word;
	enum sd_status status;
} words[] = {
	{ "nodata", SD_NODATA }, { "nxdomain", SD_NXDOMAIN },
	{ "temp", SD_TEMP }, { "denied", SD_DENIED },
	{ "none", SD_OK }, /* no records, though it is there */
};

/* What follows type and name in the line at *p, which moves on; or NULL. */
static const char *
match(const char **p, const char *type, const char *name)
{
	static char line[256];
	char want[300];
	size_t n = strcspn(*p, ";");

	assert_true(n < sizeof(line));
	memcpy(line, *p, n);
	line[n] = '\0';
	*p += n;
	*p += strspn(*p, "; ");
	(void)snprintf(want, sizeof(want), "%s %s ", type, name);
	n = strlen(want);
	return strncmp(line, want, n) == 0 ? line + n : NULL;
}

static void
record(enum sd_rrtype type, const char *data, struct sd_record *r)
{
	char *end;

	memset(r, 0, sizeof(*r));
	if (type != SD_MX) {
		assert_int_equal(netaddr_parse(&r->addr, data), 0);
		return;
	}
	r->preference = (uint16_t)strtoul(data, &end, 10);
	assert_int_equal(*end, ' ');
	(void)strlcpy(r->name, strcmp(end + 1, "-") == 0 ? "" : end + 1,
	    sizeof(r->name));
}

static enum sd_status
lookup(enum sd_rrtype type, const char *name, struct sd_record *r, uint32_t *n)
{
	const char *of = type == SD_MX ? "MX" : type == SD_A ? "A" : "AAAA";
	const char *p = zone, *data;
	size_t i;

	*n = 0;
	while (*p != '\0') {
		if ((data = match(&p, of, name)) == NULL)
			continue;
		for (i = 0; i < NELEMS(words); i++)
			if (strcmp(data, words[i].word) == 0)
				return words[i].status;
		assert_true(*n < SD_RECORDS_MAX);
		record(type, data, &r[(*n)++]);
	}
	return *n > 0 ? SD_OK : SD_NODATA;
}

static void
connection(const char *addr, struct qo_outcome *o)
{
	const char *p = zone, *data;

	smtpc_outcome(o, QO_DEFERRED, REASON_CONNECT, 0, "4.4.1", "refused");
	while (*p != '\0') {
		if ((data = match(&p, "TRY", addr)) == NULL)
			continue;
		if (strcmp(data, "ok") == 0)
			o->status = QO_DELIVERED;
		else
			smtpc_outcome(o, QO_FAILED, REASON_POLICY_ADDRESS, 0,
			    "5.4.4", "denied");
	}
}

/* --- who we are --- */

struct conf *conf;

static void
add_listener(const char *addr, uint16_t port)
{
	struct conf_listener *l = conf_add_listener(conf);

	assert_non_null(l);
	assert_int_equal(netaddr_parse(&l->addr, addr), 0);
	l->addr.port = port;
}

int
plan_setup(void **state)
{
	(void)state;
	conf = conf_new();
	assert_non_null(conf);
	(void)strlcpy(conf->hostname, "gw.test", sizeof(conf->hostname));
	add_listener("192.0.2.99", 25);
	add_listener("2001:db8::99", 25);
	add_listener("10.0.0.5", 2525);
	return 0;
}

int
plan_teardown(void **state)
{
	(void)state;
	conf_free(conf);
	return 0;
}

/* --- walking a plan --- */

uint32_t
keep(uint32_t bound)
{
	return bound - 1;
}

char trace[TRACE_MAX];

static void
note(const char *what, const char *name)
{
	if (trace[0] != '\0')
		(void)strlcat(trace, " ", sizeof(trace));
	(void)strlcat(trace, what, sizeof(trace));
	assert_true(strlcat(trace, name, sizeof(trace)) < sizeof(trace));
}

static void
ask_addrs(struct plan *p, bool aaaa_first)
{
	static struct sd_record r[SD_RECORDS_MAX];
	enum sd_rrtype types[] = { SD_A, SD_AAAA };
	char name[CONF_NAME_MAX];
	enum sd_status s;
	uint32_t n;
	int i;

	(void)strlcpy(name, plan_name(p), sizeof(name));
	note("a:", name);
	for (i = 0; i < 2; i++) {
		assert_int_equal(plan_step(p), PLAN_ADDRS);
		s = lookup(types[aaaa_first ? 1 - i : i], name, r, &n);
		plan_addr_answer(p, s, r, n);
	}
}

/* true: it led to a server */
static bool
try(struct plan *p)
{
	struct netaddr addr;
	struct qo_outcome o;
	const char *name;
	char buf[NETADDR_STRLEN + CONF_NAME_MAX];

	plan_target(p, &addr, &name);
	assert_true(addr.port != 0);
	(void)netaddr_ntop(&addr, buf, NETADDR_STRLEN);
	connection(buf, &o);
	if (addr.port != 25)
		(void)netaddr_ntop_port(&addr, buf, NETADDR_STRLEN);
	if (name[0] != '\0') {
		(void)strlcat(buf, "=", sizeof(buf));
		(void)strlcat(buf, name, sizeof(buf));
	}
	note("", buf);
	if (o.status == QO_DELIVERED)
		return true;
	plan_failed(p, &o);
	return false;
}

/* What would be said if it ended here: nothing for good before the end. */
static void
check_outcome(const struct plan *p)
{
	const struct qo_outcome *o = plan_outcome(p);
	const char *s;

	if (plan_step(p) != PLAN_OVER)
		assert_int_equal(o->status, QO_DEFERRED);
	assert_true(o->status == QO_DEFERRED || o->status == QO_FAILED);
	assert_int_equal(o->enh[0], o->status == QO_FAILED ? '5' : '4');
	assert_true(o->text[0] != '\0');
	for (s = o->text; *s != '\0'; s++)
		assert_true(*s >= ' ' && *s <= '~');
}

void
walk(const struct msg_hop *hop, uint32_t (*rnd)(uint32_t), bool aaaa_first,
    struct qo_outcome *o)
{
	static struct sd_record r[SD_RECORDS_MAX];
	struct plan p;
	enum sd_status s;
	bool done = false;
	uint32_t n;

	trace[0] = '\0';
	assert_int_equal(plan_init(&p, conf, hop, rnd), 0);
	while (!done) {
		check_outcome(&p);
		switch (plan_step(&p)) {
		case PLAN_MX:
			note("mx:", plan_name(&p));
			s = lookup(SD_MX, plan_name(&p), r, &n);
			plan_mx_answer(&p, s, r, n);
			break;
		case PLAN_ADDRS:
			ask_addrs(&p, aaaa_first);
			break;
		case PLAN_CONNECT:
			done = try(&p);
			break;
		case PLAN_OVER:
			done = true;
			break;
		}
	}
	*o = *plan_outcome(&p);
	if (plan_step(&p) != PLAN_OVER)
		o->status = QO_DELIVERED;
	plan_free(&p);
}

const char *
outcome_text(const struct qo_outcome *o)
{
	static char buf[64];

	if (o->status == QO_DELIVERED)
		return "found";
	(void)snprintf(buf, sizeof(buf), "%s %s %s",
	    o->status == QO_FAILED ? "failed" : "deferred", o->enh,
	    reason_name(o->reason));
	return buf;
}
