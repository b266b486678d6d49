/* SPDX-License-Identifier: ISC */
/* Who asks us: channels, questions with deadlines, answers (smtp_dns.h). */
#include <sys/socket.h>

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include "common/base/log.h"
#include "common/base/stats.h"
#include "common/dns/dnsd_impl.h"
#include "common/msg/in_dns.h"
#include "common/msg/smtp_dns.h"

/* smtpd-in may have so many names looked up, each worker */
#define SENDERS_A_SECOND 100
#define SENDERS_BURST	 200
#define SENDER_DEADLINE	 4000 /* ms */

struct asker {
	LIST_ENTRY(asker) entry;
	struct dnsd *dnsd;
	struct peer peer;
	struct chan *chan;
	size_t nwaiters;
	struct waiter_list waiters;
	bool senders; /* smtpd-in: asks for null MX, and hears a verdict */
	uint32_t tokens;
	uint64_t refilled; /* ms */
};

/* --- answers --- */

static enum sd_status
sd_status(enum dns_status s)
{
	switch (s) {
	case DNS_OK:
		return SD_OK;
	case DNS_NODATA:
		return SD_NODATA;
	case DNS_NXDOMAIN:
		return SD_NXDOMAIN;
	case DNS_POLICY:
		return SD_DENIED;
	case DNS_SERVFAIL:
	case DNS_REFUSED:
	case DNS_TIMEOUT:
	case DNS_LOOP:
	case DNS_BUSY:
	case DNS_BOGUS:
		break;
	}
	return SD_TEMP;
}

static enum sd_security
sd_security(enum dns_security s)
{
	switch (s) {
	case DNS_SECURE:
		return SD_SECURE;
	case DNS_SEC_BOGUS:
		return SD_BOGUS;
	case DNS_INSECURE:
	case DNS_INDETERMINATE:
		break;
	}
	return SD_INSECURE;
}

static void
addr_from(struct netaddr *a, const struct dns_record *r)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6 };

	if (r->type == DNS_T_A) {
		memcpy(&sin.sin_addr, r->data, sizeof(sin.sin_addr));
		(void)netaddr_from_sockaddr(a, (struct sockaddr *)&sin,
		    sizeof(sin));
	} else {
		memcpy(&sin6.sin6_addr, r->data, sizeof(sin6.sin6_addr));
		(void)netaddr_from_sockaddr(a, (struct sockaddr *)&sin6,
		    sizeof(sin6));
	}
}

/* False: the record does not fit a message. */
static bool
to_record(struct sd_record *out, const struct dns_record *r)
{
	const uint8_t tlsa[3] = { r->usage, r->selector, r->matching };
	size_t head = r->type == DNS_T_TLSA ? sizeof(tlsa) : 0;

	memset(out, 0, sizeof(*out));
	switch (r->type) {
	case DNS_T_A:
	case DNS_T_AAAA:
		addr_from(&out->addr, r);
		return true;
	case DNS_T_MX:
	case DNS_T_CNAME:
	case DNS_T_PTR:
		out->preference = r->pref;
		/* The root is "" there. */
		if (strcmp((const char *)r->data, ".") == 0)
			return true;
		return strlcpy(out->name, (const char *)r->data,
			   sizeof(out->name)) < sizeof(out->name);
	case DNS_T_TXT:
	case DNS_T_TLSA:
		break;
	}
	if (r->len > sizeof(out->data) - head)
		return false;
	memcpy(out->data, tlsa, head);
	if (r->len > 0)
		memcpy(out->data + head, r->data, r->len);
	out->len = (uint16_t)(head + r->len);
	return true;
}

/* The records behind the head, up to the limit; how many. */
static uint16_t
put_records(struct ibuf *b, enum dns_type type, const struct dns_answer *a)
{
	struct sd_record r;
	uint16_t n = 0;
	size_t i;

	for (i = 0; i < a->nrecords && n < SD_RECORDS_MAX; i++) {
		if (!to_record(&r, &a->records[i]))
			continue;
		if (put_sd_record(b, (enum sd_rrtype)type, &r) == -1)
			break;
		n++;
	}
	return n;
}

/* RFC 7505 section 3: one MX, and that is the root. */
static enum in_verdict
sender_verdict(const struct dns_answer *a)
{
	switch (sd_status(a->status)) {
	case SD_OK:
		return a->nrecords == 1 && a->records[0].type == DNS_T_MX &&
			strcmp((const char *)a->records[0].data, ".") == 0
		    ? IN_NULL_MX
		    : IN_FAIR;
	case SD_NODATA:
	case SD_NXDOMAIN:
		return IN_FAIR;
	case SD_TEMP:
	case SD_DENIED:
		break;
	}
	return IN_UNKNOWN;
}

static void
send_verdict(struct asker *k, uint32_t id, enum in_verdict v)
{
	struct ibuf b;

	chan_scratch(&b);
	if (put_in_verdict(&b, v) == 0)
		(void)chan_send(k->chan, IN_ANS_SENDER, id, &b, -1);
}

/* On the asker's channel: what it asked, as the answer says. */
static void
send_answer(struct asker *k, uint32_t id, enum dns_type type,
    const struct dns_answer *a, uint32_t ttl)
{
	static uint8_t mem[SD_ANSWER_MAX];
	struct sd_answer m = {
		.status = sd_status(a->status),
		.security = sd_security(a->security),
		.ttl = ttl,
		.type = (enum sd_rrtype)type,
	};
	struct ibuf b, records;

	if (k->senders) {
		send_verdict(k, id, sender_verdict(a));
		return;
	}
	ibuf_wrap(&records, mem, sizeof(mem));
	m.n = put_records(&records, type, a);
	if (m.status == SD_OK && m.n == 0)
		m.status = SD_NODATA;
	chan_scratch(&b);
	if (put_sd_answer(&b, &m) == -1 ||
	    ibuf_add(&b, ibuf_data(&records), ibuf_size(&records)) == -1) {
		log_warnx("an answer of %zu bytes does not fit a message",
		    ibuf_size(&records));
		return;
	}
	/* If it cannot be sent, the channel's own callback tells. */
	(void)chan_send(k->chan, SD_ANS_QUERY, id, &b, -1);
}

static void
send_bare(struct asker *k, uint32_t id, enum dns_type type,
    enum dns_status status)
{
	const struct dns_answer a = { .status = status, .canon = "" };

	send_answer(k, id, type, &a, 0);
}

/* --- waiters --- */

/*
 * Read on exactly while there is a configuration, the asker has not too much
 * in hand, and takes its answers.
 */
static void
pace(struct asker *k)
{
	const struct dnsd *d = k->dnsd;

	if (d->generation == 0 || d->draining || k->nwaiters >= DNSD_ASKS ||
	    chan_busy(k->chan))
		chan_pause(k->chan);
	else
		chan_resume(k->chan);
}

static void
waiter_free(struct waiter *w)
{
	struct asker *k = w->asker;

	if (w->lookup != NULL)
		lookup_leave(w);
	ev_timer_del(k->dnsd->ev, &w->deadline);
	LIST_REMOVE(w, of_asker);
	k->nwaiters--;
	k->dnsd->nwaiters--;
	dnsd_idle(k->dnsd);
	free(w);
}

void
waiter_answer(struct waiter *w, const struct dns_answer *a, uint32_t ttl)
{
	struct asker *k = w->asker;

	send_answer(k, w->id, w->type, a, ttl);
	waiter_free(w);
	pace(k);
}

static void
on_deadline(struct ev_timer *t)
{
	struct waiter *w = t->arg;
	struct asker *k = w->asker;

	send_bare(k, w->id, w->type, DNS_TIMEOUT);
	waiter_free(w);
	pace(k);
}

/* NULL: ENOMEM */
static struct waiter *
waiter_new(struct asker *k, uint32_t id, const struct sd_query *m)
{
	struct waiter *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->asker = k;
	w->id = id;
	w->type = (enum dns_type)m->type;
	w->share = (k->senders ? CONF_WORKERS_MAX : 0U) +
	    k->peer.index % CONF_WORKERS_MAX;
	ev_timer_init(&w->deadline, on_deadline, w);
	LIST_INSERT_HEAD(&k->waiters, w, of_asker);
	k->nwaiters++;
	k->dnsd->nwaiters++;
	if (ev_timer_set(k->dnsd->ev, &w->deadline, m->deadline_ms) == -1) {
		waiter_free(w);
		return NULL;
	}
	return w;
}

/* From the cache, by a refusal, or when the lookup is done. */
static void
serve(struct asker *k, uint32_t id, const struct sd_query *m)
{
	struct dnsd *d = k->dnsd;
	enum dns_type type = (enum dns_type)m->type;
	char name[DNS_NAME_SIZE];
	struct dns_answer *a;
	struct waiter *w;
	uint32_t ttl;

	stats_inc(STAT_DNS_QUESTIONS);
	if (dns_name_canon(name, sizeof(name), m->name, strlen(m->name)) ==
	    -1) {
		/* What is no name exists nowhere. */
		send_bare(k, id, type, DNS_NXDOMAIN);
	} else if (!dns_policy_may_ask(&d->policy, name)) {
		send_bare(k, id, type, DNS_POLICY);
	} else if ((a = dns_cache_get(d->cache, name, type, ev_now(d->ev),
			&ttl)) != NULL) {
		stats_inc(STAT_DNS_CACHE_HITS);
		send_answer(k, id, type, a, ttl);
	} else if ((w = waiter_new(k, id, m)) == NULL) {
		send_bare(k, id, type, DNS_BUSY);
	} else if (!lookup_ask(d, name, w)) {
		waiter_free(w);
		send_bare(k, id, type, DNS_BUSY);
	}
	pace(k);
}

/* SD_REQ_QUERY */
static int
on_query(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct sd_query m;

	(void)fd;
	if (get_sd_query(b, &m) == -1 || !dns_type_known((uint16_t)m.type))
		return -1;
	serve(chan_ctx(ch), id, &m);
	return 0;
}

static const struct chan_msg asker_msgs[] = {
	{ SD_REQ_QUERY, SD_QUERY_MIN, SD_QUERY_MAX, FD_NONE, CHAN_ANY,
	    on_query },
};

/* --- smtpd-in --- */

static bool
within_rate(struct asker *k)
{
	uint64_t now = ev_now(k->dnsd->ev);
	uint64_t add = (now - k->refilled) * SENDERS_A_SECOND / 1000;

	if (add > 0) {
		k->refilled = now;
		k->tokens = add > SENDERS_BURST - k->tokens
		    ? SENDERS_BURST
		    : k->tokens + (uint32_t)add;
	}
	if (k->tokens == 0)
		return false;
	k->tokens--;
	return true;
}

/* IN_REQ_SENDER */
static int
on_sender(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct asker *k = chan_ctx(ch);
	struct sd_query m = { .type = SD_MX, .deadline_ms = SENDER_DEADLINE };
	struct in_sender s;

	(void)fd;
	if (get_in_sender(b, &s) == -1 ||
	    strlcpy(m.name, s.domain, sizeof(m.name)) >= sizeof(m.name))
		return -1;
	if (k->dnsd->check_senders && within_rate(k))
		serve(k, id, &m);
	else
		send_verdict(k, id, IN_UNKNOWN);
	return 0;
}

static const struct chan_msg sender_msgs[] = {
	{ IN_REQ_SENDER, IN_SENDER_LEN, IN_SENDER_LEN, FD_NONE, CHAN_ANY,
	    on_sender },
};

/* --- channels --- */

static void
asker_free(struct asker *k)
{
	struct waiter *w, *next;

	LIST_FOREACH_SAFE(w, &k->waiters, of_asker, next)
		waiter_free(w);
	LIST_REMOVE(k, entry);
	chan_free(k->chan);
	free(k);
}

static void
on_asker_gone(struct chan *ch, enum chan_violation v)
{
	struct asker *k = chan_ctx(ch);

	if (v != CHAN_V_CLOSED)
		child_violation(k->dnsd->child, &k->peer, v);
	asker_free(k);
}

static void
on_asker_drained(struct chan *ch)
{
	pace(chan_ctx(ch));
}

static struct asker *
asker_find(struct dnsd *d, const struct peer *p)
{
	struct asker *k;

	LIST_FOREACH(k, &d->askers, entry)
		if (k->peer.proc == p->proc && k->peer.side == p->side &&
		    k->peer.index == p->index)
			return k;
	return NULL;
}

void
asker_new(struct dnsd *d, const struct peer *peer, int fd)
{
	struct chan_spec spec = {
		.msgs = asker_msgs,
		.nmsgs = sizeof(asker_msgs) / sizeof(asker_msgs[0]),
		.on_drain = on_asker_drained,
		.on_violation = on_asker_gone,
	};
	char name[INSTANCE_MAX];
	struct asker *k;

	if ((k = asker_find(d, peer)) != NULL)
		asker_free(k);
	if ((k = calloc(1, sizeof(*k))) == NULL)
		fatal("asker");
	k->dnsd = d;
	k->peer = *peer;
	k->senders = peer->proc == PROC_SMTPD_IN;
	k->tokens = SENDERS_BURST;
	k->refilled = ev_now(d->ev);
	if (k->senders) {
		spec.msgs = sender_msgs;
		spec.nmsgs = sizeof(sender_msgs) / sizeof(sender_msgs[0]);
	}
	LIST_INIT(&k->waiters);
	spec.name = peer_name(peer, name);
	spec.ctx = k;
	if ((k->chan = chan_new(d->ev, fd, &spec)) == NULL)
		fatal("channel to %s", name);
	LIST_INSERT_HEAD(&d->askers, k, entry);
	pace(k);
}

void
askers_free(struct dnsd *d)
{
	struct asker *k, *next;

	LIST_FOREACH_SAFE(k, &d->askers, entry, next)
		asker_free(k);
}

void
askers_pace(struct dnsd *d)
{
	struct asker *k;

	LIST_FOREACH(k, &d->askers, entry)
		pace(k);
}
