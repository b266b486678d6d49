/* SPDX-License-Identifier: ISC */
/* link: regress/msg/msg_codecs.o common/msg.a common/base.a */
/*
 * All codecs alike: round trips, lengths, every cut, every byte changed, ends
 * of lines in strings, values out of range.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include <cmocka.h>

#include "common/base/chan.h"
#include "common/base/log.h"
#include "common/base/child.h"
#include "common/msg/addr.h"
#include "common/msg/child_master.h"
#include "common/msg/conn_in.h"
#include "common/msg/ctl_master.h"
#include "common/msg/ctl_queue.h"
#include "common/msg/ctl_tool.h"
#include "common/msg/dns_conn.h"
#include "common/msg/in_queue.h"
#include "common/msg/key_set.h"
#include "common/msg/out_conn.h"
#include "common/msg/queue_dir.h"
#include "common/msg/queue_out.h"
#include "common/msg/smtp_dns.h"
#include "common/msg/smtp_key.h"
#include "regress/msg/msg_codecs.h"

#define NELEMS(a) (sizeof(a) / sizeof((a)[0]))

static uint8_t wire[CODEC_SIZE + 8], again[CODEC_SIZE + 8];
static union {
	uint8_t bytes[CODEC_SIZE];
	uint64_t align;
} value, copy;

static size_t
encode(const struct codec *c, const void *m)
{
	struct ibuf b;

	ibuf_wrap(&b, wire, sizeof(wire));
	if (c->put(&b, m) == -1)
		fail_msg("%s: cannot be put", c->name);
	return ibuf_size(&b);
}

/* *left gets what was not read */
static int
decode(const struct codec *c, size_t len, size_t *left)
{
	struct ibuf b;
	int rc;

	assert_true(c->size <= sizeof(value));
	memset(&value, 0xa5, sizeof(value));
	ibuf_from(&b, wire, len);
	rc = c->get(&b, &value);
	*left = ibuf_size(&b);
	if (rc == 0 && ibuf_failed(&b))
		fail_msg("%s: got from a failed buffer", c->name);
	return rc;
}

static bool
good(const struct codec *c, size_t len)
{
	size_t left;

	return decode(c, len, &left) == 0 && left == 0;
}

/* What was decoded, encoded, is the same message. */
static void
check_same(const struct codec *c, size_t len)
{
	struct ibuf b;

	ibuf_wrap(&b, again, sizeof(again));
	assert_int_equal(c->put(&b, &value), 0);
	if (ibuf_size(&b) != len || memcmp(wire, again, len) != 0)
		fail_msg("%s: another message comes back", c->name);
}

static void
test_round_trip(void **state)
{
	const struct codec *c;
	size_t len;

	(void)state;
	for (c = codecs; c < codecs + ncodecs; c++) {
		len = encode(c, c->least);
		if (len != c->min + c->under)
			fail_msg("%s: the smallest is %zu, not %zu", c->name,
			    len, c->min + c->under);
		assert_true(good(c, len));
		check_same(c, len);
		len = encode(c, c->most);
		if (len != c->max - c->over)
			fail_msg("%s: the largest is %zu, not %zu", c->name,
			    len, c->max - c->over);
		if (!good(c, len))
			fail_msg("%s: the largest is refused", c->name);
		check_same(c, len);
	}
}

static void
check_cuts(const struct codec *c, const void *m)
{
	size_t len = encode(c, m), cut, left;

	for (cut = 0; cut < len; cut++)
		if (decode(c, cut, &left) != -1)
			fail_msg("%s: %zu of %zu bytes do", c->name, cut, len);
	wire[len] = 0;
	if (decode(c, len + 1, &left) != (c->part ? 0 : -1))
		fail_msg("%s: one byte too many", c->name);
	if (c->part)
		assert_int_equal(left, 1);
}

static void
check_room(const struct codec *c, const void *m)
{
	size_t len = encode(c, m), room;
	struct ibuf b;

	for (room = 0; room < len; room++) {
		memset(again, 0x3c, sizeof(again));
		ibuf_wrap(&b, again, room);
		if (c->put(&b, m) != -1)
			fail_msg("%s: put into %zu bytes of %zu", c->name, room,
			    len);
		assert_int_equal(again[room], 0x3c);
	}
}

static void
test_lengths(void **state)
{
	const struct codec *c;

	(void)state;
	for (c = codecs; c < codecs + ncodecs; c++) {
		check_cuts(c, c->least);
		check_cuts(c, c->most);
		check_room(c, c->least);
		check_room(c, c->most);
	}
}

/* --- strings --- */

/* A string of the largest message, marked, on the wire. */
static uint8_t *
mark(const struct codec *c, size_t i, size_t *wire_len, size_t *len)
{
	char *text = (char *)copy.bytes + c->text[i].at;
	char marked[2 * CONF_PATH_MAX];
	uint8_t *at;

	memcpy(&copy, c->most, c->size);
	*len = strlen(text);
	assert_true(*len < sizeof(marked));
	memset(text, 'q', *len);
	memset(marked, 'q', *len);
	*wire_len = encode(c, &copy);
	assert_true(good(c, *wire_len));
	at = memmem(wire, *wire_len, marked, *len);
	assert_non_null(at);
	return at;
}

static void
check_string(const struct codec *c, size_t i)
{
	static const uint8_t bad[] = { '\0', '\r', '\n' };
	size_t wire_len, len, k, n;
	uint8_t *at = mark(c, i, &wire_len, &len);
	size_t places[] = { 0, len / 2, len - 1 };

	for (n = 0; n < NELEMS(places); n++) {
		for (k = 0; k < NELEMS(bad); k++) {
			at[places[n]] = bad[k];
			if (good(c, wire_len))
				fail_msg("%s: byte %u in string %zu", c->name,
				    bad[k], i);
		}
		at[places[n]] = 'q';
	}
	assert_true(good(c, wire_len));
}

/* The same with one octet more than there is room for. */
static void
check_long_string(const struct codec *c, size_t i)
{
	size_t wire_len, len;
	uint8_t *at = mark(c, i, &wire_len, &len);

	if (c->min == c->max)
		return; /* a field of fixed size */
	assert_true(at[-2] == len >> 8 && at[-1] == (len & 0xff));
	memmove(at + 1, at, wire_len - (size_t)(at - wire));
	at[-2] = (uint8_t)((len + 1) >> 8);
	at[-1] = (uint8_t)((len + 1) & 0xff);
	if (good(c, wire_len + 1))
		fail_msg("%s: string %zu may be too long", c->name, i);
}

static void
test_strings(void **state)
{
	const struct codec *c;
	size_t i, n = 0;

	(void)state;
	for (c = codecs; c < codecs + ncodecs; c++) {
		for (i = 0; i < CODEC_TEXTS && c->text[i].size > 0; i++) {
			check_string(c, i);
			check_long_string(c, i);
			n++;
		}
	}
	assert_true(n > 30);
}

/* --- every byte --- */

/* Taken or not, but never taken for something else. */
static void
check_bytes(const struct codec *c, const void *m)
{
	size_t len = encode(c, m), i, left;
	uint8_t old;
	unsigned v;

	for (i = 0; i < len; i++) {
		old = wire[i];
		if (i > 0 && old == 'x' && wire[i - 1] == 'x')
			continue; /* deep in a string */
		for (v = 0; v < 256; v++) {
			wire[i] = (uint8_t)v;
			if (decode(c, len, &left) == 0 && !c->loose)
				check_same(c, len - left);
		}
		wire[i] = old;
	}
}

static void
test_bytes(void **state)
{
	const struct codec *c;

	(void)state;
	for (c = codecs; c < codecs + ncodecs; c++) {
		check_bytes(c, c->least);
		check_bytes(c, c->most);
	}
}

/* --- values --- */

#define FIELD(type, member)                                                    \
	offsetof(struct type, member), sizeof(((struct type *)NULL)->member)
#define ANY_BUT_NONE 1, 65535

/* Of the largest message: what a field may be, and nothing else. */
static const struct range {
	const char *codec;
	size_t at, size;
	uint64_t from, to;
} ranges[] = {
	{ "rcpt", FIELD(msg_rcpt, notify), 0, 15 },
	{ "hop", FIELD(msg_hop, nhosts), 1, CONF_HOSTS_MAX },
	{ "hop", FIELD(msg_hop, hosts[0].port), ANY_BUT_NONE },
	{ "hop", FIELD(msg_hop, hosts[CONF_HOSTS_MAX - 1].port), ANY_BUT_NONE },
	{ "iq_commit", FIELD(iq_commit, ret), RET_NONE, RET_HDRS },
	{ "iq_commit", FIELD(iq_commit, nrcpt), 0, IQ_RCPTS_MAX },
	{ "iq_done", FIELD(iq_done, verdict), IQ_OK, IQ_PERM },
	{ "iq_done", FIELD(iq_done, reason), 0, REASON_MAX - 1 },
	{ "iq_room", FIELD(iq_room, accepting), 0, 1 },
	{ "iq_room", FIELD(iq_room, reason), 0, REASON_MAX - 1 },
	{ "ci_admit", FIELD(ci_admit, verdict), 0, 2 },
	{ "ci_end", 0, sizeof(int), 0, 1 },
	{ "in_verdict", 0, sizeof(int), 1, 3 },
	{ "id_verdict", 0, sizeof(int), 1, 4 },
	{ "ks_entry", FIELD(ks_entry, uses), 0, CONF_CERT_USES },
	{ "ks_entry", FIELD(ks_entry, chain_len), 0, KS_FILE_MAX },
	{ "ks_entry", FIELD(ks_entry, key_len), 0, KS_FILE_MAX },
	{ "ks_check", FIELD(ks_check, verdict), KS_OK, KS_NOT_YET },
	{ "cm_hello", FIELD(cm_hello, version), CM_VERSION, CM_VERSION },
	{ "cm_hello", FIELD(cm_hello, nslots), ANY_BUT_NONE },
	{ "cm_peer", FIELD(cm_peer, slot), ANY_BUT_NONE },
	{ "cm_fd", FIELD(cm_fd, kind), CHILD_FD_LISTENER, CHILD_FD_KEYS },
	{ "cm_sandboxed", FIELD(cm_sandboxed, seccomp), 0, 1 },
	{ "cm_violation", FIELD(cm_violation, kind), CHAN_V_CLOSED,
	    CHAN_V_ERROR },
	{ "cm_tickets", FIELD(cm_tickets, n), 0, CM_TICKET_KEYS },
	{ "cm_attack", FIELD(cm_attack, outcome), CM_ATTACK_KILLED,
	    CM_ATTACK_GAINED },
	{ "sk_signed", FIELD(sk_signed, len), 1, SK_SIG_MAX },
	{ "sk_signed", FIELD(sk_signed, verdict), SK_SIGNED, SK_SIGNED },
	{ "qd_route", FIELD(qd_route, verdict), QD_OK, QD_FOREIGN },
	{ "qd_route", FIELD(qd_route, scope), QD_SCOPE_ADDRESS,
	    QD_SCOPE_DOMAIN },
	{ "qd_route", FIELD(qd_route, individual), 0, 1 },
	{ "qd_route", FIELD(qd_route, hop.nhosts), 1, CONF_HOSTS_MAX },
	{ "qo_job", FIELD(qo_job, ret), RET_NONE, RET_HDRS },
	{ "qo_job", FIELD(qo_job, flags), 0, MSG_F_ALL },
	{ "qo_job", FIELD(qo_job, nrcpt), 1, QO_RCPTS_MAX },
	{ "qo_outcome", FIELD(qo_outcome, status), QO_DELIVERED, QO_DEFERRED },
	{ "qo_outcome", FIELD(qo_outcome, reason), 0, REASON_MAX - 1 },
	{ "qo_outcome", FIELD(qo_outcome, code), 0, 599 },
	{ "qo_result", FIELD(qo_result, n), 1, QO_RCPTS_MAX },
	{ "qo_gone", FIELD(qo_gone, outcome.status), QO_DELIVERED,
	    QO_DEFERRED },
	{ "qo_gone", FIELD(qo_gone, outcome.reason), 0, REASON_MAX - 1 },
	{ "oc_connect", FIELD(oc_connect, timeout_ms), 1000, 600000 },
	{ "oc_connect", FIELD(oc_connect, to.port), ANY_BUT_NONE },
	{ "oc_answer", FIELD(oc_answer, result), OC_OK, OC_ERROR },
	{ "dc_socket", FIELD(dc_socket, server), 0, CONF_DNS_MAX - 1 },
	{ "dc_socket", FIELD(dc_socket, proto), DC_UDP, DC_TCP },
	{ "sd_query", FIELD(sd_query, deadline_ms), 100, 120000 },
	{ "sd_answer", FIELD(sd_answer, status), SD_OK, SD_OK },
	{ "sd_answer", FIELD(sd_answer, security), SD_INSECURE, SD_BOGUS },
	{ "sd_answer", FIELD(sd_answer, n), 1, SD_RECORDS_MAX },
	{ "cq_select", FIELD(cq_select, limit), 0, CQ_PAGE_MAX },
	{ "cq_select", FIELD(cq_select, verb), CQ_LIST, CQ_SHAPE },
	{ "cq_select", FIELD(cq_select, flow), 0, CQ_FLOW_LOCAL },
	{ "cq_select", FIELD(cq_select, from), 0, CQ_FROM_NULL },
	{ "cq_row", FIELD(cq_row, origin), 1, 3 },
	{ "cq_row", FIELD(cq_row, state), CQ_ACTIVE, CQ_SUSPENDED },
	{ "cq_row", FIELD(cq_row, reason), 0, REASON_MAX - 1 },
	{ "cq_rcpt", FIELD(cq_rcpt, status), 0, QO_DEFERRED },
	{ "cq_rcpt", FIELD(cq_rcpt, reason), 0, REASON_MAX - 1 },
	{ "cq_dest", FIELD(cq_dest, side), SIDE_EXT, SIDE_INT },
	{ "cq_why", FIELD(cq_why, wait), CQ_W_ACTIVE, CQ_W_RATE },
	{ "cq_why", FIELD(cq_why, flow), CQ_FLOW_IN, CQ_FLOW_LOCAL },
	{ "cq_why", FIELD(cq_why, route), CQ_R_NONE, CQ_R_REROUTE },
	{ "cq_why", FIELD(cq_why, reason), 0, REASON_MAX - 1 },
	{ "cq_shape", FIELD(cq_shape, side), SIDE_EXT, SIDE_INT },
	{ "cq_rule", FIELD(cq_rule, kind), CQ_SUSPEND, CQ_REROUTE },
	{ "cq_rule", FIELD(cq_rule, flow), 0, CQ_FLOW_LOCAL },
	{ "cq_end", FIELD(cq_end, result), CQ_DONE, CQ_FAILED },
	{ "ctm_status", FIELD(ctm_status, state), CTM_STARTING, CTM_DEGRADED },
	{ "ctm_status", FIELD(ctm_status, best_effort), 0, 1 },
	{ "ctm_status", FIELD(ctm_status, peer.proc), 0, PROC_MAX - 1 },
	{ "ctm_status", FIELD(ctm_status, peer.side), 0, PROC_SIDE_NONE },
	{ "ctm_status", FIELD(ctm_status, peer.index), 0,
	    CONF_WORKERS_MAX - 1 },
	{ "ctm_audit", FIELD(ctm_audit, netns), CTM_NETNS_HOST,
	    CTM_NETNS_EMPTY },
	{ "ctm_audit", FIELD(ctm_audit, root), CTM_ROOT_HOST, CTM_ROOT_SPOOL },
	{ "ctm_audit", FIELD(ctm_audit, seccomp), 0, 1 },
	{ "ctm_audit", FIELD(ctm_audit, no_new_privs), 0, 1 },
	{ "ctm_audit", FIELD(ctm_audit, peer.proc), 0, PROC_MAX - 1 },
	{ "ctm_chan", FIELD(ctm_chan, peer.proc), 0, PROC_MAX - 1 },
	{ "ctm_reloaded", FIELD(ctm_reloaded, ok), 0, 1 },
	{ "ct_end", FIELD(ct_end, result), CT_DONE, CT_DENIED },
	{ "ct_stats", FIELD(ct_stats, peer.proc), 0, PROC_MAX - 1 },
};

/* Can it be said with the field set to v, and is it understood? */
static bool
accepted(const struct codec *c, size_t at, size_t size, uint64_t v)
{
	uint8_t v8 = (uint8_t)v;
	uint16_t v16 = (uint16_t)v;
	uint32_t v32 = (uint32_t)v;
	struct ibuf b;

	memcpy(&copy, c->most, c->size);
	if (size == 1)
		memcpy(copy.bytes + at, &v8, 1);
	else if (size == 2)
		memcpy(copy.bytes + at, &v16, 2);
	else if (size == 4)
		memcpy(copy.bytes + at, &v32, 4);
	else
		memcpy(copy.bytes + at, &v, 8);
	ibuf_wrap(&b, wire, sizeof(wire));
	if (c->put(&b, &copy) == -1)
		return false;
	return good(c, ibuf_size(&b));
}

static void
check_value(const struct range *r, uint64_t v)
{
	bool in = v >= r->from && v <= r->to;

	if (r->size < 8 && v >> (8 * r->size) != 0)
		return;
	if (accepted(codec_find(r->codec), r->at, r->size, v) != in)
		fail_msg("%s, field at %zu: %llu is %s", r->codec, r->at,
		    (unsigned long long)v, in ? "refused" : "accepted");
}

static void
test_ranges(void **state)
{
	const struct range *r;
	uint64_t v;

	(void)state;
	for (r = ranges; r < ranges + NELEMS(ranges); r++) {
		assert_non_null(codec_find(r->codec));
		for (v = 0; v < 300; v++)
			check_value(r, v);
		if (r->from > 0)
			check_value(r, r->from - 1);
		check_value(r, r->from);
		check_value(r, r->to);
		check_value(r, r->to + 1);
		check_value(r, UINT32_MAX);
		check_value(r, 0x100 + r->to);
	}
}

/* Those whose values do not follow one another. */
static void
test_sets(void **state)
{
	static const unsigned types[] = { 1, 5, 12, 15, 16, 28, 52 };
	const struct codec *query = codec_find("sd_query");
	const struct codec *answer = codec_find("sd_answer");
	const struct codec *text = codec_find("ctm_text");
	const struct codec *commit = codec_find("iq_commit");
	unsigned v;
	size_t i;
	bool is;

	(void)state;
	for (v = 0; v < 256; v++) {
		for (is = false, i = 0; i < NELEMS(types); i++)
			is |= types[i] == v;
		assert_int_equal(accepted(query, FIELD(sd_query, type), v), is);
		assert_int_equal(accepted(answer, FIELD(sd_answer, type), v),
		    is);
		is = v == LOG_L_ERROR || v == LOG_L_WARN || v == LOG_L_INFO;
		assert_int_equal(accepted(text, FIELD(ctm_text, level), v), is);
		/* nobody but queued makes a bounce */
		is = v <= MSG_F_ALL && (v & MSG_F_BOUNCE) == 0;
		assert_int_equal(accepted(commit, FIELD(iq_commit, flags), v),
		    is);
	}
}

/* --- what belongs together --- */

static bool
said(const char *name, const void *m)
{
	const struct codec *c = codec_find(name);
	struct ibuf b;

	ibuf_wrap(&b, wire, sizeof(wire));
	return c->put(&b, m) == 0 && good(c, ibuf_size(&b));
}

static const struct netaddr some = { NETADDR_V4, { 192, 0, 2, 1 }, 0 };

static void
test_hops(void **state)
{
	static const enum conf_route_kind by_name[] = { CONF_ROUTE_MX,
		CONF_ROUTE_DNS };
	static const enum conf_route_kind by_host[] = { CONF_ROUTE_HOSTS,
		CONF_ROUTE_SMARTHOST };
	static struct msg_hop hop;
	unsigned v;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		hop = (struct msg_hop){ .kind = by_name[i], .name = "a" };
		assert_true(said("hop", &hop));
		hop.name[0] = '\0';
		assert_false(said("hop", &hop));
		hop = (struct msg_hop){ .kind = by_name[i],
			.name = "a",
			.nhosts = 1,
			.hosts = { { .name = "b", .port = 25 } } };
		assert_false(said("hop", &hop));
		hop.kind = by_host[i];
		assert_true(said("hop", &hop));
		hop.name[0] = '\0';
		assert_true(said("hop", &hop));
		/* a host is a name or an address, not both, not neither */
		hop.hosts[0].addr = some;
		assert_false(said("hop", &hop));
		hop.hosts[0].name[0] = '\0';
		assert_true(said("hop", &hop));
		memset(&hop.hosts[0].addr, 0, sizeof(hop.hosts[0].addr));
		assert_false(said("hop", &hop));
	}
	for (v = 0; v < 256; v++) {
		hop = (struct msg_hop){ .name = "a" };
		memcpy(&hop.kind, &v, sizeof(v));
		assert_int_equal(said("hop", &hop),
		    v == CONF_ROUTE_MX || v == CONF_ROUTE_DNS);
	}
}

/* A body is inline only as far as that goes. */
static void
test_bodies(void **state)
{
	static struct iq_commit commit;
	static struct qo_job job = { .nrcpt = 1 };

	(void)state;
	commit.size = IQ_INLINE_MAX;
	job.size = QO_INLINE_MAX;
	assert_true(said("iq_commit", &commit));
	assert_true(said("qo_job", &job));
	commit.size++;
	job.size++;
	assert_false(said("iq_commit", &commit));
	assert_false(said("qo_job", &job));
	commit.in_fd = job.in_fd = true;
	assert_true(said("iq_commit", &commit));
	assert_true(said("qo_job", &job));
}

static void
test_outcomes(void **state)
{
	static const char *const enh_good[] = { "2.0.0", "4.1.8", "5.7.123",
		"5.123.0", "4.999.999" };
	static const char *const enh_bad[] = { "", "2", "2.", "2.0", "2.0.",
		"2..0", ".0.0", "3.0.0", "1.0.0", "6.0.0", "2.0.0.", "2.0.0.0",
		"2.0000.0", "2.0.0000", "2.0.0 ", " 2.0.0", "2.0.x", "22.0.0",
		"-2.0.0", "x" };
	struct qo_outcome o = { QO_FAILED, REASON_CONNECT, 550, "5.1.1", "" };
	size_t i;
	int c;

	(void)state;
	for (i = 0; i < NELEMS(enh_good); i++) {
		(void)strlcpy(o.enh, enh_good[i], sizeof(o.enh));
		assert_true(said("qo_outcome", &o));
	}
	for (i = 0; i < NELEMS(enh_bad); i++) {
		(void)strlcpy(o.enh, enh_bad[i], sizeof(o.enh));
		if (said("qo_outcome", &o))
			fail_msg("\"%s\" is accepted", enh_bad[i]);
	}
	(void)strlcpy(o.enh, "5.1.1", sizeof(o.enh));
	for (c = 1; c < 256; c++) {
		o.text[0] = (char)c;
		assert_int_equal(said("qo_outcome", &o), c >= ' ' && c <= '~');
	}
}

static void
test_asks(void **state)
{
	struct msg_ask ask = { "a", "b" };

	(void)state;
	assert_true(said("ask", &ask));
	ask.local[0] = '\0';
	assert_false(said("ask", &ask));
	ask.local[0] = 'a';
	ask.domain[0] = '\0';
	assert_false(said("ask", &ask));
}

static void
test_addresses(void **state)
{
	struct ci_session ci = { some, some, 0, false };
	struct oc_connect oc = { some, 1000 };
	struct qo_relay relay = { .name = "a" };
	struct sd_record rr = { .addr = some };

	(void)state;
	assert_true(said("ci_session", &ci));
	memset(&ci.local, 0, sizeof(ci.local));
	assert_false(said("ci_session", &ci));
	ci.local = some;
	memset(&ci.client, 0, sizeof(ci.client));
	assert_false(said("ci_session", &ci));
	oc.to.port = 25;
	assert_true(said("oc_connect", &oc));
	memset(&oc.to, 0, sizeof(oc.to));
	oc.to.port = 25;
	assert_false(said("oc_connect", &oc));
	/* none was reached */
	assert_true(said("qo_relay", &relay));
	relay.addr.port = 25;
	assert_false(said("qo_relay", &relay));
	relay.addr.port = 0;
	(void)strlcpy(relay.tls, "TLSv1.3", sizeof(relay.tls));
	assert_true(said("qo_relay", &relay));
	relay.tls[3] = '\n';
	assert_false(said("qo_relay", &relay));
	assert_true(said("SD_A", &rr));
	assert_true(said("SD_AAAA", &rr));
	rr.addr.family = NETADDR_V6;
	assert_false(said("SD_A", &rr));
	memset(&rr.addr, 0, sizeof(rr.addr));
	assert_false(said("SD_A", &rr));
	assert_false(said("SD_AAAA", &rr));
}

/* Records and counts that cannot be put into a message at all. */
static void
test_refused_to_put(void **state)
{
	static struct sd_record rr = { .len = SD_DATA_MAX + 1 };
	static struct msg_hop hop = { .kind = CONF_ROUTE_HOSTS,
		.nhosts = CONF_HOSTS_MAX + 1 };
	struct ibuf b;

	(void)state;
	ibuf_wrap(&b, wire, sizeof(wire));
	assert_int_equal(put_sd_record(&b, SD_TXT, &rr), -1);
	assert_int_equal(put_sd_record(&b, SD_TLSA, &rr), -1);
	assert_int_equal(put_sd_record(&b, (enum sd_rrtype)2, &rr), -1);
	assert_int_equal(put_hop(&b, &hop), -1);
	ibuf_from(&b, wire, 4);
	assert_int_equal(get_sd_record(&b, (enum sd_rrtype)2, &rr), -1);
}

static void
test_answers(void **state)
{
	struct sd_answer m = { SD_OK, SD_INSECURE, 0, SD_MX, 0 };
	unsigned s;

	(void)state;
	for (s = 0; s < 256; s++) {
		memcpy(&m.status, &s, sizeof(s));
		m.n = 0;
		assert_int_equal(said("sd_answer", &m),
		    s > SD_OK && s <= SD_DENIED);
		m.n = 1;
		assert_int_equal(said("sd_answer", &m), s == SD_OK);
	}
}

/* Counters: their numbers are checked, whatever their order. */
static void
test_counters(void **state)
{
	const struct codec *c = codec_find("ct_stats");
	struct ct_stats m = { .peer = { PROC_LOGD, PROC_SIDE_NONE, 0 } };
	size_t len = 0, i;

	(void)state;
	for (i = 0; i < STAT_MAX; i++) {
		memset(m.value, 0, sizeof(m.value));
		m.value[i] = i + 1;
		len = encode(c, &m);
		assert_int_equal(len, CT_STATS_MIN + 10);
		assert_true(good(c, len));
		assert_memory_equal(((struct ct_stats *)(void *)&value)->value,
		    m.value, sizeof(m.value));
	}
	/* the number of the counter follows the peer and the count */
	for (i = 0; i < 512; i++) {
		wire[5] = (uint8_t)(i >> 8);
		wire[6] = (uint8_t)(i & 0xff);
		assert_int_equal(good(c, len), i < STAT_MAX);
	}
}

/* --- messages of several parts --- */

static uint8_t whole[CHAN_PAYLOAD_MAX];

/* The head, n times the part, and the rest. */
static size_t
compose(const char *head, const char *part, size_t n, bool most, size_t rest)
{
	const struct codec *h = codec_find(head), *p = codec_find(part);
	struct ibuf b;

	ibuf_wrap(&b, whole, sizeof(whole));
	assert_int_equal(h->put(&b, most ? h->most : h->least), 0);
	while (n-- > 0)
		assert_int_equal(p->put(&b, most ? p->most : p->least), 0);
	assert_non_null(ibuf_reserve(&b, rest));
	return ibuf_size(&b);
}

static void
test_whole_messages(void **state)
{
	const struct codec *rcpt = codec_find("rcpt");
	const struct codec *outcome = codec_find("qo_outcome");
	static const char *const records[] = { "SD_A", "SD_AAAA", "SD_CNAME",
		"SD_PTR", "SD_MX", "SD_TXT", "SD_TLSA" };
	size_t i;

	(void)state;
	/* a transaction's recipients, each behind a count of 16 bits */
	assert_int_equal(IQ_RCPTS_MIN, 2 + rcpt->min);
	assert_int_equal(IQ_RCPTS_LEN, 2 + IQ_RCPTS_MAX * rcpt->max);
	assert_true(IQ_RCPTS_LEN <= CHAN_PAYLOAD_MAX);
	/* messages with all recipients and the longest text */
	assert_true(compose("iq_commit", "rcpt", IQ_RCPTS_MAX, true,
			IQ_INLINE_MAX) <= CHAN_PAYLOAD_MAX);
	assert_true(compose("qo_job", "rcpt", QO_RCPTS_MAX, true,
			QO_INLINE_MAX) <= CHAN_PAYLOAD_MAX);
	assert_true(compose("qo_job", "rcpt", 1, false, 0) >= QO_JOB_MIN);
	/* results, each behind its recipient */
	assert_int_equal(QO_RESULT_MAX,
	    codec_find("qo_result")->max + QO_RCPTS_MAX * (2 + outcome->max));
	assert_true(QO_RESULT_MAX <= CHAN_PAYLOAD_MAX);
	/* answers of DNS with as many records as they may have */
	for (i = 0; i < NELEMS(records); i++)
		assert_true(compose("sd_answer", records[i], SD_RECORDS_MAX,
				true, 0) <= SD_ANSWER_MAX);
	assert_true(SD_ANSWER_MAX <= CHAN_PAYLOAD_MAX);
}

/* What ctld passes on, behind its type. */
static void
test_rows(void **state)
{
	static const char *const rows[] = { "cq_row", "cq_rcpt", "cq_dest",
		"cq_why", "cq_shape", "cq_rule", "ctm_status", "ctm_audit",
		"ctm_chan", "ctm_fd", "ctm_text", "ct_stats" };
	size_t i;

	(void)state;
	for (i = 0; i < NELEMS(rows); i++)
		assert_true(2 + codec_find(rows[i])->max <= CT_ROW_MAX);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_hops),
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_outcomes),
		cmocka_unit_test(test_asks),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_refused_to_put),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_counters),
		cmocka_unit_test(test_whole_messages),
		cmocka_unit_test(test_rows),
	};

	codecs_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
