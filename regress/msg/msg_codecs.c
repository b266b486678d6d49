/* SPDX-License-Identifier: ISC */
/* The table of codecs, with the smallest and the largest message of each. */
#include <stdint.h>
#include <string.h>

#include <bsd/string.h>

#include "common/base/chan.h"
#include "common/base/child.h"
#include "common/base/log.h"
#include "common/msg/addr.h"
#include "common/msg/child_master.h"
#include "common/msg/conn_in.h"
#include "common/msg/ctl_master.h"
#include "common/msg/ctl_queue.h"
#include "common/msg/ctl_tool.h"
#include "common/msg/dns_conn.h"
#include "common/msg/in_dir.h"
#include "common/msg/in_dns.h"
#include "common/msg/in_queue.h"
#include "common/msg/key_set.h"
#include "common/msg/log.h"
#include "common/msg/out_conn.h"
#include "common/msg/queue_dir.h"
#include "common/msg/queue_out.h"
#include "common/msg/smtp_dns.h"
#include "common/msg/smtp_key.h"
#include "regress/msg/msg_codecs.h"

#define V4                                                                     \
	{                                                                      \
		NETADDR_V4, { 192, 0, 2, 1 }, 25                               \
	}
#define V6                                                                     \
	{                                                                      \
		NETADDR_V6,                                                    \
		    { 0x20, 1, 0xd, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,   \
			    12 },                                              \
		    65535                                                      \
	}
#define WORKER                                                                 \
	{                                                                      \
		PROC_SMTPD_IN, SIDE_INT, CONF_WORKERS_MAX - 1                  \
	}

/* One type of function for all of them. */
#define CODEC(name, type)                                                      \
	static int put_one_##name(struct ibuf *b, const void *m)               \
	{                                                                      \
		return put_##name(b, (const struct type *)m);                  \
	}                                                                      \
	static int get_one_##name(struct ibuf *b, void *m)                     \
	{                                                                      \
		return get_##name(b, (struct type *)m);                        \
	}
CODEC(ask, msg_ask)
CODEC(rcpt, msg_rcpt)
CODEC(hop, msg_hop)
CODEC(ci_session, ci_session)
CODEC(ci_client, ci_client)
CODEC(ci_admit, ci_admit)
CODEC(in_sender, in_sender)
CODEC(iq_commit, iq_commit)
CODEC(iq_done, iq_done)
CODEC(iq_room, iq_room)
CODEC(qd_route, qd_route)
CODEC(qo_job, qo_job)
CODEC(qo_relay, qo_relay)
CODEC(qo_outcome, qo_outcome)
CODEC(qo_result, qo_result)
CODEC(qo_gone, qo_gone)
CODEC(oc_connect, oc_connect)
CODEC(oc_answer, oc_answer)
CODEC(dc_socket, dc_socket)
CODEC(sd_query, sd_query)
CODEC(sd_answer, sd_answer)
CODEC(cq_select, cq_select)
CODEC(cq_row, cq_row)
CODEC(cq_rcpt, cq_rcpt)
CODEC(cq_dest, cq_dest)
CODEC(cq_why, cq_why)
CODEC(cq_shape, cq_shape)
CODEC(cq_rule, cq_rule)
CODEC(cq_end, cq_end)
CODEC(ctm_status, ctm_status)
CODEC(ctm_audit, ctm_audit)
CODEC(ctm_chan, ctm_chan)
CODEC(ctm_fd, ctm_fd)
CODEC(ctm_text, ctm_text)
CODEC(ctm_reloaded, ctm_reloaded)
CODEC(ct_end, ct_end)
CODEC(ct_stats, ct_stats)
CODEC(sk_sign, sk_sign)
CODEC(sk_signed, sk_signed)
CODEC(ks_entry, ks_entry)
CODEC(ks_check, ks_check)
CODEC(cm_hello, cm_hello)
CODEC(cm_peer, cm_peer)
CODEC(cm_fd, cm_fd)
CODEC(cm_sandboxed, cm_sandboxed)
CODEC(cm_ready, cm_ready)
CODEC(cm_violation, cm_violation)
CODEC(cm_tickets, cm_tickets)
CODEC(cm_attack, cm_attack)
CODEC(lg_line, lg_line)

static int
put_one_ci_end(struct ibuf *b, const void *m)
{
	return put_ci_end(b, *(const enum ci_end *)m);
}

static int
get_one_ci_end(struct ibuf *b, void *m)
{
	return get_ci_end(b, (enum ci_end *)m);
}

static int
put_one_in_verdict(struct ibuf *b, const void *m)
{
	return put_in_verdict(b, *(const enum in_verdict *)m);
}

static int
get_one_in_verdict(struct ibuf *b, void *m)
{
	return get_in_verdict(b, (enum in_verdict *)m);
}

static int
put_one_id_verdict(struct ibuf *b, const void *m)
{
	return put_id_verdict(b, *(const enum id_verdict *)m);
}

static int
get_one_id_verdict(struct ibuf *b, void *m)
{
	return get_id_verdict(b, (enum id_verdict *)m);
}

#define RECORD(type)                                                           \
	static int put_one_##type(struct ibuf *b, const void *m)               \
	{                                                                      \
		return put_sd_record(b, type, m);                              \
	}                                                                      \
	static int get_one_##type(struct ibuf *b, void *m)                     \
	{                                                                      \
		return get_sd_record(b, type, m);                              \
	}
RECORD(SD_A)
RECORD(SD_CNAME)
RECORD(SD_PTR)
RECORD(SD_MX)
RECORD(SD_TXT)
RECORD(SD_AAAA)
RECORD(SD_TLSA)

/* --- structures: the smallest message, and the largest but for strings --- */

static const struct msg_ask ask_least = { "a", "b" };
static struct msg_ask ask_most;
static const struct msg_rcpt rcpt_least = { 0, 0, "a", "" };
static struct msg_rcpt rcpt_most = { .index = 65535,
	.notify =
	    NOTIFY_NEVER | NOTIFY_SUCCESS | NOTIFY_FAILURE | NOTIFY_DELAY };
static const struct msg_hop hop_least = { .kind = CONF_ROUTE_DNS, .name = "a" };
static struct msg_hop hop_most = { .kind = CONF_ROUTE_SMARTHOST,
	.nhosts = CONF_HOSTS_MAX,
	.tls = UINT64_MAX };

static const struct ci_session session_least = { V4, V6, 3, false };
static struct ci_session session_most = { V6, V4, UINT32_MAX, true };
static const struct ci_client client_least = { 0, V4 };
static struct ci_client client_most = { UINT32_MAX, V6 };
static const struct ci_admit admit_least = { 0, CI_MAY };
static struct ci_admit admit_most = { UINT32_MAX, CI_DENIED };

static const struct iq_commit commit_least;
static struct iq_commit commit_most = { .client = V6,
	.listener = UINT32_MAX,
	.flags = MSG_F_ALL & ~MSG_F_BOUNCE,
	.ret = RET_HDRS,
	.size = UINT64_MAX,
	.in_fd = true,
	.nrcpt = IQ_RCPTS_MAX };
static const struct iq_done done_least = { IQ_OK, REASON_OK, 1 };
static struct iq_done done_most = { IQ_PERM, REASON_MAX - 1, UINT64_MAX };
static const struct iq_room room_least = { 0, REASON_QUEUE_FULL, 0 };
static struct iq_room room_most = { 1, REASON_NONE, UINT64_MAX };

static const enum ci_end how_least = CI_END_FAIR;
static enum ci_end how_most = CI_END_BAD;
static const struct in_sender sender_least = { "a" };
static struct in_sender sender_most;
static const enum in_verdict mx_least = IN_FAIR;
static enum in_verdict mx_most = IN_UNKNOWN;
static const enum id_verdict verdict_least = ID_YES;
static enum id_verdict verdict_most = ID_FOREIGN;

static const struct qd_route route_least = { .verdict = QD_LATER,
	.scope = QD_SCOPE_ADDRESS };
static struct qd_route route_most = { .verdict = QD_OK,
	.scope = QD_SCOPE_DOMAIN,
	.individual = 1,
	.line = UINT32_MAX };

/* the header's least counts the recipient that must follow */
static const struct qo_job job_least = { .nrcpt = 1 };
static struct qo_job job_most = { .msgid = UINT64_MAX,
	.size = UINT64_MAX,
	.flags = MSG_F_ALL,
	.ret = RET_FULL,
	.in_fd = true,
	.nrcpt = QO_RCPTS_MAX };
static const struct qo_relay relay_least;
static struct qo_relay relay_most = { .addr = V6 };
static const struct qo_outcome outcome_least = { QO_DELIVERED, REASON_NONE, 0,
	"2.0.0", "" };
static struct qo_outcome outcome_most = { QO_DEFERRED, REASON_MAX - 1, 599,
	"4.999.999", "" };
static const struct qo_result result_least = { .n = 1 };
static struct qo_result result_most = { .msgid = UINT64_MAX,
	.keep = true,
	.dsn = true,
	.delay = UINT32_MAX,
	.n = QO_RCPTS_MAX,
	.relay = { .addr = V6 } };
static const struct qo_gone gone_least = { .outcome = { QO_FAILED, REASON_NONE,
					       0, "5.0.0", "" } };
static struct qo_gone gone_most = { .was_ready = true,
	.relay = { .addr = V4 },
	.outcome = { QO_DEFERRED, REASON_TIMEOUT, 421, "4.123.456", "" } };

static const struct oc_connect connect_least = { V4, 1000 };
static struct oc_connect connect_most = { V6, 600000 };
static const struct oc_answer answer_least = { OC_OK, 0 };
static struct oc_answer answer_most = { OC_ERROR, UINT32_MAX };
static const struct dc_socket socket_least = { 0, 0, DC_UDP };
static struct dc_socket socket_most = { UINT32_MAX, CONF_DNS_MAX - 1, DC_TCP };

static const struct sd_query query_least = { SD_A, 100, "a" };
static struct sd_query query_most = { .type = SD_TLSA, .deadline_ms = 120000 };
static const struct sd_answer dns_least = { SD_TEMP, SD_INSECURE, 0, SD_MX, 0 };
static struct sd_answer dns_most = { SD_OK, SD_BOGUS, UINT32_MAX, SD_TLSA,
	SD_RECORDS_MAX };
static const struct sd_record v4_least = { .addr = V4 };
static struct sd_record v4_most = { .addr = V4 };
static const struct sd_record v6_least = { .addr = V6 };
/* a mapped address comes folded */
static struct sd_record v6_most = { .addr = V4 };
static const struct sd_record name_least;
static struct sd_record name_most = { .preference = 65535 };
static struct sd_record data_most = { .len = SD_DATA_MAX };

static const struct cq_select select_least = { .verb = CQ_LIST };
static struct cq_select select_most = { CQ_SHAPE, true, CQ_FLOW_LOCAL,
	CQ_FROM_NULL, UINT32_MAX, UINT32_MAX, UINT64_MAX, UINT64_MAX,
	CQ_PAGE_MAX, "", "", "" };
static const struct cq_row row_least = { .origin = 1, .state = CQ_ACTIVE };
static struct cq_row row_most = { UINT64_MAX, UINT64_MAX, UINT64_MAX,
	UINT64_MAX, UINT64_MAX, 3, CQ_SUSPENDED, 65535, 65535, 65535,
	REASON_MAX - 1, V6, "", "", "" };
static const struct cq_rcpt crcpt_least;
static struct cq_rcpt crcpt_most = { QO_DEFERRED, REASON_MAX - 1, 65535, 65535,
	"", "", "" };
static const struct cq_dest dest_least;
static struct cq_dest dest_most = { SIDE_INT, UINT32_MAX, UINT32_MAX,
	UINT32_MAX, UINT32_MAX, UINT64_MAX, UINT64_MAX, "", "" };
static const struct cq_why why_least = { .wait = CQ_W_ACTIVE,
	.flow = CQ_FLOW_IN };
static struct cq_why why_most = { CQ_W_RATE, CQ_FLOW_LOCAL, CQ_R_REROUTE,
	REASON_MAX - 1, 65535, 65535, 65535, UINT32_MAX, UINT32_MAX, UINT32_MAX,
	UINT32_MAX, UINT32_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, "", "", "",
	"", "", "" };
static const struct cq_shape shape_least;
static struct cq_shape shape_most = { SIDE_INT, UINT32_MAX, UINT32_MAX,
	{ UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX,
	    UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX },
	"" };
static const struct cq_rule rule_least = { .kind = CQ_SUSPEND };
static struct cq_rule rule_most = { CQ_REROUTE, true, CQ_FLOW_LOCAL, UINT32_MAX,
	UINT32_MAX, 65535, UINT64_MAX, UINT64_MAX, "", "", "" };
static const struct cq_end cend_least = { CQ_DONE, 0, 0, 0 };
static struct cq_end cend_most = { CQ_FAILED, UINT32_MAX, UINT32_MAX,
	UINT64_MAX };

static const struct ctm_status status_least = { .state = CTM_STARTING };
static struct ctm_status status_most = { CTM_NO_INSTANCE, WORKER, UINT32_MAX,
	UINT32_MAX, CTM_DEGRADED, 1, UINT32_MAX, UINT64_MAX, UINT32_MAX };
static const struct ctm_audit audit_least = { .netns = CTM_NETNS_HOST,
	.root = CTM_ROOT_HOST };
static struct ctm_audit audit_most = { UINT32_MAX, WORKER, UINT32_MAX,
	UINT32_MAX, UINT32_MAX, CTM_NETNS_EMPTY, CTM_ROOT_SPOOL, 1, 1,
	UINT64_MAX, 65535, "", "" };
static const struct ctm_chan chan_least;
static struct ctm_chan chan_most = { UINT32_MAX, 65535, WORKER };
static const struct ctm_fd fd_least;
static struct ctm_fd fd_most = { UINT32_MAX, UINT32_MAX, UINT32_MAX };
static const struct ctm_text text_least = { LOG_L_ERROR, "" };
static struct ctm_text text_most = { .level = LOG_L_INFO };
static const struct ctm_reloaded reloaded_least;
static struct ctm_reloaded reloaded_most = { 1, UINT32_MAX };
static const struct ct_end end_least = { CT_DONE, 0, 0 };
static struct ct_end end_most = { CT_DENIED, UINT32_MAX, UINT32_MAX };
static const struct ct_stats stats_least;
static struct ct_stats stats_most = { .peer = WORKER };
static const struct sk_sign sign_least;
static struct sk_sign sign_most = { UINT32_MAX, UINT16_MAX };
static const struct sk_signed signed_least = { .verdict = SK_REFUSED };
static struct sk_signed signed_most = { .verdict = SK_SIGNED,
	.len = SK_SIG_MAX };
static const struct ks_entry entry_least;
static struct ks_entry entry_most = { CONF_CERT_USES, KS_FILE_MAX,
	KS_FILE_MAX };
static const struct ks_check check_least;
static struct ks_check check_most = { KS_NOT_YET, true, UINT64_MAX };
static const struct cm_hello hello_least = { .version = CM_VERSION,
	.self = WORKER,
	.nslots = 1,
	.chroot_dir = "/" };
static struct cm_hello hello_most = { CM_VERSION, WORKER, UINT32_MAX,
	UINT32_MAX, CM_HELLO_FAULT, UINT16_MAX, "" };
static const struct cm_peer peer_least = { WORKER, 1 };
static struct cm_peer peer_most = { WORKER, UINT16_MAX };
static const struct cm_fd handed_least = { CHILD_FD_LISTENER, 0 };
static struct cm_fd handed_most = { CHILD_FD_KEYS, UINT32_MAX };
static const struct cm_sandboxed boxed_least;
static struct cm_sandboxed boxed_most = { 1, UINT8_MAX, UINT16_MAX, 0 };
static const struct cm_ready ready_least;
static struct cm_ready ready_most = { UINT32_MAX };
static const struct cm_violation violation_least = { WORKER, CHAN_V_CLOSED };
static struct cm_violation violation_most = { WORKER, CHAN_V_ERROR };
static const struct cm_tickets tickets_least;
static struct cm_tickets tickets_most = { .n = CM_TICKET_KEYS };
static const struct cm_attack attack_least = { "", CM_ATTACK_KILLED, 0 };
static struct cm_attack attack_most = { "", CM_ATTACK_GAINED, UINT16_MAX };
static const struct lg_line line_least = { 0, 1, "x" };
static char longest_line[LOG_LINE_MAX + 1];
static struct lg_line line_most = { UINT8_MAX, LOG_LINE_MAX, longest_line };

/* --- the table --- */

#define TEXT(type, member)                                                     \
	{                                                                      \
		offsetof(struct type, member),                                 \
		    sizeof(((struct type *)NULL)->member)                      \
	}
#define ROW(id, lo, hi)                                                        \
	.name = #id, .put = put_one_##id, .get = get_one_##id, .least = &(lo), \
	.most = &(hi), .size = sizeof(hi)
#define LENGTH(len) .min = (len), .max = (len)

struct codec codecs[] = {
	{ ROW(ask, ask_least, ask_most), LENGTH(MSG_ASK_LEN), .part = true,
	    .text = { TEXT(msg_ask, local), TEXT(msg_ask, domain) } },
	{ ROW(rcpt, rcpt_least, rcpt_most), .min = MSG_RCPT_MIN, .under = 1,
	    .max = MSG_RCPT_MAX, .part = true,
	    .text = { TEXT(msg_rcpt, addr), TEXT(msg_rcpt, orcpt) } },
	{ ROW(hop, hop_least, hop_most), .min = MSG_HOP_MIN, .under = 1,
	    .over = 17, .max = MSG_HOP_MAX, .part = true,
	    .text = { TEXT(msg_hop, name) } },
	{ ROW(ci_session, session_least, session_most),
	    LENGTH(CI_SESSION_LEN) },
	{ ROW(in_sender, sender_least, sender_most), LENGTH(IN_SENDER_LEN),
	    .text = { TEXT(in_sender, domain) } },
	{ ROW(in_verdict, mx_least, mx_most), LENGTH(IN_VERDICT_LEN) },
	{ ROW(ci_client, client_least, client_most), LENGTH(CI_CLIENT_LEN) },
	{ ROW(ci_admit, admit_least, admit_most), LENGTH(CI_ADMIT_LEN) },
	{ ROW(ci_end, how_least, how_most), LENGTH(CI_END_LEN) },
	{ ROW(iq_commit, commit_least, commit_most), .min = IQ_COMMIT_MIN,
	    .max = IQ_COMMIT_MIN + MSG_ADDR_MAX + MSG_HELO_MAX + MSG_ENVID_MAX +
		IQ_TLS_MAX,
	    .part = true,
	    .text = { TEXT(iq_commit, sender), TEXT(iq_commit, helo),
		TEXT(iq_commit, envid), TEXT(iq_commit, tls) } },
	{ ROW(iq_done, done_least, done_most), LENGTH(IQ_DONE_LEN) },
	{ ROW(iq_room, room_least, room_most), LENGTH(IQ_ROOM_LEN) },
	{ ROW(id_verdict, verdict_least, verdict_most), LENGTH(ID_ANS_LEN) },
	{ ROW(qd_route, route_least, route_most), .min = QD_ROUTE_MIN,
	    .over = 17, .max = QD_ROUTE_MAX,
	    .text = { TEXT(qd_route, hop.name) } },
	{ ROW(qo_job, job_least, job_most), .min = QO_JOB_MIN - MSG_RCPT_MIN,
	    .max = QO_JOB_MIN - MSG_RCPT_MIN + MSG_ADDR_MAX + MSG_ENVID_MAX,
	    .part = true,
	    .text = { TEXT(qo_job, sender), TEXT(qo_job, envid) } },
	{ ROW(qo_relay, relay_least, relay_most), .min = QO_RELAY_MIN,
	    .max = QO_RELAY_MAX, .over = 2, .part = true,
	    .text = { TEXT(qo_relay, name), TEXT(qo_relay, tls) } },
	{ ROW(qo_outcome, outcome_least, outcome_most), .min = QO_OUTCOME_MIN,
	    .under = 5, .over = 3, .max = QO_OUTCOME_MAX, .part = true,
	    .text = { TEXT(qo_outcome, text) } },
	{ ROW(qo_result, result_least, result_most), .min = QO_RESULT_MIN,
	    .max = QO_RESULT_MIN + CONF_NAME_MAX + QO_TLS_MAX, .over = 2,
	    .part = true,
	    .text = { TEXT(qo_result, relay.name),
		TEXT(qo_result, relay.tls) } },
	{ ROW(qo_gone, gone_least, gone_most), .min = QO_GONE_MIN, .under = 5,
	    .over = 5, .max = QO_GONE_MAX,
	    .text = { TEXT(qo_gone, relay.name), TEXT(qo_gone, relay.tls),
		TEXT(qo_gone, outcome.text) } },
	{ ROW(oc_connect, connect_least, connect_most),
	    LENGTH(OC_CONNECT_LEN) },
	{ ROW(oc_answer, answer_least, answer_most), LENGTH(OC_ANSWER_LEN) },
	{ ROW(dc_socket, socket_least, socket_most), LENGTH(DC_SOCKET_LEN) },
	{ ROW(sd_query, query_least, query_most), .min = SD_QUERY_MIN,
	    .under = 1, .over = 1, .max = SD_QUERY_MAX,
	    .text = { TEXT(sd_query, name) } },
	{ ROW(sd_answer, dns_least, dns_most), LENGTH(SD_ANSWER_MIN),
	    .part = true },
	{ ROW(SD_A, v4_least, v4_most), LENGTH(19), .part = true },
	{ ROW(SD_AAAA, v6_least, v6_most), LENGTH(19), .part = true },
	{ ROW(SD_CNAME, name_least, name_most), .min = 2,
	    .max = 2 + MSG_DOMAIN_MAX, .part = true,
	    .text = { TEXT(sd_record, name) } },
	{ ROW(SD_PTR, name_least, name_most), .min = 2,
	    .max = 2 + MSG_DOMAIN_MAX, .part = true,
	    .text = { TEXT(sd_record, name) } },
	{ ROW(SD_MX, name_least, name_most), .min = 4,
	    .max = 4 + MSG_DOMAIN_MAX, .part = true,
	    .text = { TEXT(sd_record, name) } },
	{ ROW(SD_TXT, name_least, data_most), .min = 2, .max = 2 + SD_DATA_MAX,
	    .part = true },
	{ ROW(SD_TLSA, name_least, data_most), .min = 2, .max = 2 + SD_DATA_MAX,
	    .part = true },
	{ ROW(cq_select, select_least, select_most), .min = CQ_SELECT_MIN,
	    .max = CQ_SELECT_MAX,
	    .text = { TEXT(cq_select, dest), TEXT(cq_select, sender),
		TEXT(cq_select, text) } },
	{ ROW(cq_row, row_least, row_most), .min = CQ_ROW_MIN,
	    .max = CQ_ROW_MAX,
	    .text = { TEXT(cq_row, sender), TEXT(cq_row, rcpt),
		TEXT(cq_row, text) } },
	{ ROW(cq_rcpt, crcpt_least, crcpt_most), .min = CQ_RCPT_MIN,
	    .max = CQ_RCPT_MAX,
	    .text = { TEXT(cq_rcpt, addr), TEXT(cq_rcpt, hop),
		TEXT(cq_rcpt, text) } },
	{ ROW(cq_dest, dest_least, dest_most), .min = CQ_DEST_MIN,
	    .max = CQ_DEST_MAX,
	    .text = { TEXT(cq_dest, name), TEXT(cq_dest, text) } },
	{ ROW(cq_why, why_least, why_most), .min = CQ_WHY_MIN,
	    .max = CQ_WHY_MAX,
	    .text = { TEXT(cq_why, rule), TEXT(cq_why, domain),
		TEXT(cq_why, hop), TEXT(cq_why, rcpt), TEXT(cq_why, note),
		TEXT(cq_why, text) } },
	{ ROW(cq_shape, shape_least, shape_most), .min = CQ_SHAPE_MIN,
	    .max = CQ_SHAPE_MAX, .text = { TEXT(cq_shape, name) } },
	{ ROW(cq_rule, rule_least, rule_most), .min = CQ_RULE_MIN,
	    .max = CQ_RULE_MAX,
	    .text = { TEXT(cq_rule, name), TEXT(cq_rule, host),
		TEXT(cq_rule, text) } },
	{ ROW(cq_end, cend_least, cend_most), LENGTH(CQ_END_LEN) },
	{ ROW(ctm_status, status_least, status_most), LENGTH(CTM_STATUS_LEN) },
	{ ROW(ctm_audit, audit_least, audit_most), .min = CTM_AUDIT_MIN,
	    .over = 2, .max = CTM_AUDIT_MAX,
	    .text = { TEXT(ctm_audit, root_dir),
		TEXT(ctm_audit, netns_name) } },
	{ ROW(ctm_chan, chan_least, chan_most), LENGTH(CTM_CHAN_LEN) },
	{ ROW(ctm_fd, fd_least, fd_most), LENGTH(CTM_FD_LEN) },
	{ ROW(ctm_text, text_least, text_most), .min = CTM_TEXT_MSG_MIN,
	    .max = CTM_TEXT_MSG_MAX, .text = { TEXT(ctm_text, text) } },
	{ ROW(ctm_reloaded, reloaded_least, reloaded_most),
	    LENGTH(CTM_RELOADED_LEN) },
	{ ROW(ct_end, end_least, end_most), LENGTH(CT_END_LEN) },
	{ ROW(ct_stats, stats_least, stats_most), .min = CT_STATS_MIN,
	    .max = CT_STATS_MAX, .loose = true },
	{ ROW(sk_sign, sign_least, sign_most), LENGTH(SK_SIGN_LEN),
	    .part = true },
	{ ROW(sk_signed, signed_least, signed_most), .min = SK_SIGNED_MIN,
	    .max = SK_SIGNED_MAX },
	{ ROW(ks_entry, entry_least, entry_most), LENGTH(KS_ENTRY_LEN),
	    .part = true },
	{ ROW(ks_check, check_least, check_most), LENGTH(KS_CHECK_LEN),
	    .part = true },
	{ ROW(cm_hello, hello_least, hello_most), .min = CM_HELLO_MIN,
	    .under = 1, .max = CM_HELLO_MAX, .over = 1 },
	{ ROW(cm_peer, peer_least, peer_most), LENGTH(CM_PEER_LEN) },
	{ ROW(cm_fd, handed_least, handed_most), LENGTH(CM_FD_LEN) },
	{ ROW(cm_sandboxed, boxed_least, boxed_most),
	    LENGTH(CM_SANDBOXED_LEN) },
	{ ROW(cm_ready, ready_least, ready_most), LENGTH(CM_READY_LEN) },
	{ ROW(cm_violation, violation_least, violation_most),
	    LENGTH(CM_VIOLATION_LEN) },
	{ ROW(cm_tickets, tickets_least, tickets_most),
	    LENGTH(CM_TICKETS_LEN) },
	{ ROW(cm_attack, attack_least, attack_most), .min = CM_ATTACK_MIN,
	    .max = CM_ATTACK_MAX, .over = 1,
	    .text = { TEXT(cm_attack, name) } },
	{ ROW(lg_line, line_least, line_most), .min = LG_LINES_MIN,
	    .max = LG_LINE_HEAD + LOG_LINE_MAX, .part = true },
};
const size_t ncodecs = sizeof(codecs) / sizeof(codecs[0]);

static void
fill(char *text, size_t size)
{
	memset(text, 'x', size - 1);
	text[size - 1] = '\0';
}

void
codecs_init(void)
{
	struct codec *c;
	size_t i;

	for (c = codecs; c < codecs + ncodecs; c++)
		for (i = 0; i < CODEC_TEXTS && c->text[i].size > 0; i++)
			fill((char *)c->most + c->text[i].at, c->text[i].size);
	for (i = 0; i < CONF_HOSTS_MAX; i++) {
		fill(hop_most.hosts[i].name, sizeof(hop_most.hosts[i].name));
		hop_most.hosts[i].port = (uint16_t)(65535 - i);
	}
	memcpy(&route_most.hop, &hop_most, sizeof(hop_most));
	for (i = 0; i < SD_DATA_MAX; i++)
		data_most.data[i] = (uint8_t)i;
	fill(hello_most.chroot_dir, sizeof(hello_most.chroot_dir));
	hello_most.chroot_dir[0] = '/';
	fill(longest_line, sizeof(longest_line));
	for (i = 0; i < STAT_MAX; i++)
		stats_most.value[i] = UINT64_MAX - i;
}

struct codec *
codec_find(const char *name)
{
	struct codec *c;

	for (c = codecs; c < codecs + ncodecs; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}
