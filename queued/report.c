/* SPDX-License-Identifier: ISC */
/*
 * Log lines and counters: see report.h.
 */
#include <stdio.h>
#include <string.h>

#include "common/base/stats.h"

#include "queued/dest.h"
#include "queued/report.h"
#include "queued/store/store.h"

static void
put_client(struct logline *l, enum origin origin, const struct iq_commit *c)
{
	ll_cstr(l, "side", origin_name(origin));
	ll_addr(l, "client", &c->client);
	ll_cstr(l, "helo", c->helo);
	ll_cstr(l, "from", c->sender);
}

void
report_compose_accept(struct logline *l, const struct report_accept *r)
{
	ll_begin(l, LOG_L_INFO, "accept");
	ll_id(l, "id", r->id);
	put_client(l, r->origin, r->commit);
	ll_cstr(l, "to", r->rcpt);
	ll_num(l, "nrcpt", r->nrcpt);
	ll_num(l, "size", r->size);
}

void
report_accepted(enum origin origin, const char *line, size_t len)
{
	struct logline l;

	stats_inc(
	    origin == ORIGIN_EXT ? STAT_Q_RECEIVED_EXT : STAT_Q_RECEIVED_INT);
	if (len >= sizeof(l.text))
		len = sizeof(l.text) - 1;
	l.level = LOG_L_INFO;
	l.len = len;
	memcpy(l.text, line, len);
	l.text[len] = '\0';
	ll_send(&l);
}

void
report_refused(enum origin origin, const struct iq_commit *c, const char *rcpt,
    enum reason why)
{
	struct logline l;

	stats_inc(STAT_Q_REFUSED);
	ll_begin(&l, LOG_L_WARN, "refuse");
	put_client(&l, origin, c);
	ll_cstr(&l, "to", rcpt);
	ll_reason(&l, REASON_DIRECTION);
	if (why != REASON_DIRECTION)
		ll_cstr(&l, "because", reason_name(why));
	ll_send(&l);
}

static const struct {
	const char *name;
	enum counter counter;
	unsigned first_flow; /* counter of the first flow; the others follow */
} statuses[] = {
	[QO_DELIVERED] = { "sent", STAT_Q_DELIVERED, STAT_Q_DELIVERED_IN },
	[QO_FAILED] = { "bounced", STAT_Q_FAILED, STAT_Q_FAILED_IN },
	[QO_DEFERRED] = { "deferred", STAT_Q_DEFERRED, STAT_Q_DEFERRED_IN },
};

static void
count_delivery(const struct report_delivery *r)
{
	unsigned status = r->outcome->status;

	stats_inc(statuses[status].counter);
	stats_inc(
	    (enum counter)(statuses[status].first_flow + r->flow - CQ_FLOW_IN));
	if (r->outcome->reason == REASON_EXPIRED)
		stats_inc(STAT_Q_EXPIRED);
}

static void
put_relay(struct logline *l, const struct qo_relay *r)
{
	char buf[CONF_NAME_MAX + NETADDR_STRLEN + 3];
	char addr[NETADDR_STRLEN];

	if (r == NULL || (r->name[0] == '\0' && r->addr.family == 0)) {
		ll_cstr(l, "relay", "none");
		return;
	}
	(void)snprintf(buf, sizeof(buf), "%s[%s]", r->name,
	    netaddr_ntop(&r->addr, addr, sizeof(addr)));
	ll_cstr(l, "relay", buf);
	if (r->tls[0] != '\0')
		ll_cstr(l, "tls", r->tls);
}

static void
put_reply(struct logline *l, const struct qo_outcome *o)
{
	char buf[MSG_TEXT_MAX + 8];

	if (o->code == 0) {
		ll_cstr(l, "reply", o->text);
		return;
	}
	(void)snprintf(buf, sizeof(buf), "%u %s", (unsigned)o->code, o->text);
	ll_cstr(l, "reply", buf);
}

static void
put_delay(struct logline *l, uint64_t ms)
{
	char buf[32];

	(void)snprintf(buf, sizeof(buf), "%llu.%03u",
	    (unsigned long long)(ms / 1000), (unsigned)(ms % 1000));
	ll_cstr(l, "delay", buf);
}

void
report_delivery(const struct report_delivery *r)
{
	const struct qo_outcome *o = r->outcome;
	struct logline l;

	count_delivery(r);
	ll_begin(&l, LOG_L_INFO, "delivery");
	ll_id(&l, "id", r->id);
	ll_cstr(&l, "to", r->to);
	ll_cstr(&l, "flow", cq_flow_name(r->flow));
	ll_cstr(&l, "status", statuses[o->status].name);
	put_relay(&l, r->relay);
	put_reply(&l, o);
	ll_cstr(&l, "dsn", o->enh);
	ll_reason(&l, o->reason);
	put_delay(&l, r->delay);
	ll_send(&l);
}

void
report_paused(const struct dest *d, uint64_t ms)
{
	struct logline l;

	ll_begin(&l, LOG_L_INFO, "destination");
	ll_cstr(&l, "name", d->name);
	ll_cstr(&l, "side", side_name((enum side)d->side));
	ll_cstr(&l, "status", "paused");
	ll_num(&l, "waiting", d->nready);
	ll_num(&l, "failures", d->fails);
	ll_num(&l, "seconds", ms / 1000);
	if (d->trouble != NULL) {
		ll_reason(&l, d->trouble->reason);
		put_reply(&l, d->trouble);
	}
	ll_send(&l);
}

void
report_notice(uint64_t dsn, uint64_t about, const char *to,
    enum bounce_kind kind)
{
	struct logline l;

	stats_inc(STAT_Q_BOUNCES);
	ll_begin(&l, LOG_L_INFO, "notice");
	ll_id(&l, "id", dsn);
	ll_id(&l, "about", about);
	ll_cstr(&l, "to", to);
	ll_cstr(&l, "kind", bounce_kind_name(kind));
	ll_send(&l);
}

void
report_dropped(uint64_t id, const char *sender, enum reason why)
{
	struct logline l;

	ll_begin(&l, LOG_L_WARN, "drop");
	ll_id(&l, "id", id);
	ll_cstr(&l, "from", sender);
	ll_reason(&l, why);
	ll_cstr(&l, "text",
	    sender[0] == '\0' ? "double bounce: nobody to be told"
			      : "no way to the sender: nobody was told");
	ll_send(&l);
}

static void
about(enum log_level level, const char *event, uint64_t id, enum reason why)
{
	struct logline l;

	ll_begin(&l, level, event);
	ll_id(&l, "id", id);
	ll_reason(&l, why);
	ll_send(&l);
}

void
report_held(uint64_t id, enum reason why)
{
	about(LOG_L_ERROR, "hold", id, why);
}

void
report_lost(uint64_t id)
{
	about(LOG_L_ERROR, "lost", id, REASON_STORE_ERROR);
}

void
report_removed(uint64_t id, uint32_t uid)
{
	struct logline l;

	ll_begin(&l, LOG_L_INFO, "remove");
	ll_id(&l, "id", id);
	ll_num(&l, "uid", uid);
	ll_reason(&l, REASON_REMOVED);
	ll_send(&l);
}

void
report_operator(const char *event, uint64_t id, uint32_t uid, const char *text)
{
	struct logline l;

	ll_begin(&l, LOG_L_INFO, event);
	ll_id(&l, "id", id);
	ll_num(&l, "uid", uid);
	if (text[0] != '\0')
		ll_cstr(&l, "text", text);
	ll_send(&l);
}

void
report_rule(const struct cq_rule *r, bool over)
{
	bool reroute = r->kind == CQ_REROUTE;
	struct logline l;

	ll_begin(&l, LOG_L_INFO,
	    reroute	 ? r->set ? "reroute" : "reroute-off"
		: r->set ? "suspend"
			 : "resume");
	if (r->kind == CQ_SUSPEND_FLOW)
		ll_cstr(&l, "flow", cq_flow_name(r->flow));
	else
		ll_cstr(&l, "name", r->name);
	if (reroute) {
		ll_cstr(&l, "host", r->host);
		ll_num(&l, "port", r->port);
	}
	if (over)
		ll_cstr(&l, "because", "its time is over");
	else
		ll_num(&l, "uid", r->uid);
	if (r->set && r->lasts != 0)
		ll_num(&l, "seconds", r->lasts);
	if (r->text[0] != '\0')
		ll_cstr(&l, "text", r->text);
	ll_send(&l);
}

void
report_flushed(const char *domain, uint32_t uid, uint32_t parts)
{
	struct logline l;

	ll_begin(&l, LOG_L_INFO, "flush");
	ll_cstr(&l, "domain", domain[0] == '\0' ? "*" : domain);
	ll_num(&l, "uid", uid);
	ll_num(&l, "parts", parts);
	ll_send(&l);
}

void
report_store(const char *store, const struct store_event *e)
{
	struct logline l;

	ll_begin(&l, (enum log_level)e->level, store_event_name(e->kind));
	ll_cstr(&l, "spool", store);
	if (e->segment != 0) {
		ll_num(&l, "segment", e->segment);
		ll_num(&l, "offset", e->offset);
	}
	if (e->length != 0)
		ll_num(&l, "length", e->length);
	if (e->id != 0)
		ll_id(&l, "id", e->id);
	if (e->version != 0)
		ll_num(&l, "version", e->version);
	if (e->error != 0)
		ll_errno(&l, e->error);
	if (e->text != NULL)
		ll_cstr(&l, "text", e->text);
	ll_send(&l);
}

void
report_commit(size_t bytes)
{
	stats_inc(STAT_Q_COMMITS);
	stats_add(STAT_Q_COMMIT_BYTES, bytes);
}

void
report_recovered(const char *store, uint64_t messages, uint64_t bytes)
{
	struct logline l;

	ll_begin(&l, LOG_L_INFO, "recovered");
	ll_cstr(&l, "spool", store);
	ll_num(&l, "messages", messages);
	ll_num(&l, "bytes", bytes);
	ll_send(&l);
}

void
report_clock(int64_t off)
{
	struct logline l;

	ll_begin(&l, LOG_L_WARN, "clock");
	ll_int(&l, "off", off);
	ll_cstr(&l, "text",
	    "the system's clock jumped; the queue goes on by its own time");
	ll_send(&l);
}
