/* SPDX-License-Identifier: ISC */
/* link: master/core.a common/msg.a common/smtp.a common/base.a */
/*
 * What the attacks on channels need to know of the code under attack, as
 * lines of text for chan_stage.py:
 *
 *	chan_contracts list             contract FROM TO NAME TYPE MIN MAX FD
 *	                                sample FROM TO TYPE FD HEX
 *	chan_contracts start CONF NAME  slots N; peer NAME SLOT PROC SIDE INDEX;
 *	                                hello HEX; conf TYPE HEX
 *	chan_contracts play CONF NAME   the same where there are no accounts
 *
 * The contracts stand in the headers of common/msg; they are repeated here by
 * hand on purpose: a receiver's own table is what is being tested.
 */
#include <err.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include "common/base/chan.h"
#include "common/msg/child_conf.h"
#include "common/msg/child_master.h"
#include "common/msg/conn_in.h"
#include "common/msg/ctl_master.h"
#include "common/msg/ctl_queue.h"
#include "common/msg/dns_conn.h"
#include "common/msg/in_dir.h"
#include "common/msg/in_dns.h"
#include "common/msg/in_queue.h"
#include "common/msg/log.h"
#include "common/msg/out_conn.h"
#include "common/msg/queue_dir.h"
#include "common/msg/queue_out.h"
#include "common/msg/smtp_dns.h"
#include "common/msg/smtp_key.h"
#include "master/config.h"
#include "master/topology.h"

struct contract {
	const char *from, *to; /* programs; %s is the side */
	const char *name;
	uint16_t type;
	size_t min, max;
	enum chan_fd fd;
};

#define ROW(from, to, type, min, max, fd)                                      \
	{                                                                      \
		from, to, #type, type, min, max, fd                            \
	}
#define NONE(from, to, type, min, max) ROW(from, to, type, min, max, FD_NONE)

static const struct contract contracts[] = {
	ROW("connd/%s", "smtpd-in/%s", CI_REQ_SESSION, CI_SESSION_LEN,
	    CI_SESSION_LEN, FD_ONE),
	NONE("smtpd-in/%s", "connd/%s", CI_ANS_CLOSED, CI_END_LEN, CI_END_LEN),
	NONE("smtpd-in/%s", "connd/%s", CI_ANS_CLIENT, CI_CLIENT_LEN,
	    CI_CLIENT_LEN),
	NONE("connd/%s", "smtpd-in/%s", CI_REQ_ADMIT, CI_ADMIT_LEN,
	    CI_ADMIT_LEN),
	NONE("smtpd-in/%s", "queued", IQ_REQ_RCPTS, IQ_RCPTS_MIN, IQ_RCPTS_LEN),
	ROW("smtpd-in/%s", "queued", IQ_REQ_COMMIT, IQ_COMMIT_MIN,
	    CHAN_PAYLOAD_MAX, FD_OPT),
	NONE("smtpd-in/%s", "queued", IQ_REQ_ABORT, 0, 0),
	NONE("queued", "smtpd-in/%s", IQ_ANS_DONE, IQ_DONE_LEN, IQ_DONE_LEN),
	NONE("queued", "smtpd-in/%s", IQ_NOTE_ROOM, IQ_ROOM_LEN, IQ_ROOM_LEN),
	NONE("smtpd-in/%s", "dird", ID_REQ_RCPT, MSG_ASK_LEN, MSG_ASK_LEN),
	NONE("dird", "smtpd-in/%s", ID_ANS_RCPT, ID_ANS_LEN, ID_ANS_LEN),
	NONE("smtpd-in/%s", "keyd", SK_REQ_SIGN, SK_SIGN_LEN + 1, SK_SIGN_MAX),
	NONE("smtpd-in/%s", "keyd", SK_REQ_PING, 0, 0),
	NONE("keyd", "smtpd-in/%s", SK_ANS_SIGNED, SK_SIGNED_MIN,
	    SK_SIGNED_MAX),
	NONE("keyd", "smtpd-in/%s", SK_ANS_PONG, 0, 0),
	NONE("smtpd-out/%s", "keyd", SK_REQ_SIGN, SK_SIGN_LEN + 1, SK_SIGN_MAX),
	NONE("smtpd-out/%s", "keyd", SK_REQ_PING, 0, 0),
	NONE("keyd", "smtpd-out/%s", SK_ANS_SIGNED, SK_SIGNED_MIN,
	    SK_SIGNED_MAX),
	NONE("queued", "dird", QD_REQ_ROUTE, MSG_ASK_LEN, MSG_ASK_LEN),
	NONE("dird", "queued", QD_ANS_ROUTE, QD_ROUTE_MIN, QD_ROUTE_MAX),
	NONE("dird", "queued", QD_NOTE_CHANGED, 0, 0),
	NONE("queued", "smtpd-out/%s", QO_REQ_OPEN, MSG_HOP_MIN, MSG_HOP_MAX),
	ROW("queued", "smtpd-out/%s", QO_REQ_JOB, QO_JOB_MIN, CHAN_PAYLOAD_MAX,
	    FD_OPT),
	NONE("queued", "smtpd-out/%s", QO_REQ_CLOSE, 0, 0),
	NONE("smtpd-out/%s", "queued", QO_ANS_READY, QO_RELAY_MIN,
	    QO_RELAY_MAX),
	NONE("smtpd-out/%s", "queued", QO_ANS_RESULT, QO_RESULT_MIN,
	    QO_RESULT_MAX),
	NONE("smtpd-out/%s", "queued", QO_ANS_GONE, QO_GONE_MIN, QO_GONE_MAX),
	NONE("smtpd-out/%s", "connd/%s", OC_REQ_CONNECT, OC_CONNECT_LEN,
	    OC_CONNECT_LEN),
	NONE("smtpd-out/%s", "connd/%s", OC_REQ_CANCEL, 0, 0),
	ROW("connd/%s", "smtpd-out/%s", OC_ANS_CONNECT, OC_ANSWER_LEN,
	    OC_ANSWER_LEN, FD_OPT),
	NONE("dnsd-%s", "connd/%s", DC_REQ_SOCKET, DC_SOCKET_LEN,
	    DC_SOCKET_LEN),
	NONE("dnsd-%s", "connd/%s", DC_REQ_CANCEL, 0, 0),
	ROW("connd/%s", "dnsd-%s", DC_ANS_SOCKET, OC_ANSWER_LEN, OC_ANSWER_LEN,
	    FD_OPT),
	NONE("smtpd-out/%s", "dnsd-%s", SD_REQ_QUERY, SD_QUERY_MIN,
	    SD_QUERY_MAX),
	NONE("dnsd-%s", "smtpd-out/%s", SD_ANS_QUERY, SD_ANSWER_MIN,
	    SD_ANSWER_MAX),
	NONE("smtpd-in/ext", "dnsd-ext", IN_REQ_SENDER, IN_SENDER_LEN,
	    IN_SENDER_LEN),
	NONE("dnsd-ext", "smtpd-in/ext", IN_ANS_SENDER, IN_VERDICT_LEN,
	    IN_VERDICT_LEN),
	NONE("ctld", "queued", CQ_REQ_SELECT, CQ_SELECT_MIN, CQ_SELECT_MAX),
	NONE("ctld", "queued", CQ_REQ_SHOW, 8, 8),
	NONE("ctld", "queued", CQ_REQ_WHY, 8, 8),
	NONE("ctld", "queued", CQ_REQ_RULE, CQ_RULE_MIN, CQ_RULE_MAX),
	NONE("ctld", "queued", CQ_REQ_RULES, 0, 0),
	NONE("ctld", "queued", CQ_REQ_DESTS, 0, 0),
	NONE("queued", "ctld", CQ_ANS_ROW, CQ_ROW_MIN, CQ_ROW_MAX),
	NONE("queued", "ctld", CQ_ANS_RCPT, CQ_RCPT_MIN, CQ_RCPT_MAX),
	NONE("queued", "ctld", CQ_ANS_DEST, CQ_DEST_MIN, CQ_DEST_MAX),
	NONE("queued", "ctld", CQ_ANS_SHAPE, CQ_SHAPE_MIN, CQ_SHAPE_MAX),
	NONE("queued", "ctld", CQ_ANS_WHY, CQ_WHY_MIN, CQ_WHY_MAX),
	NONE("queued", "ctld", CQ_ANS_RULE, CQ_RULE_MIN, CQ_RULE_MAX),
	NONE("queued", "ctld", CQ_ANS_END, CQ_END_LEN, CQ_END_LEN),
	NONE("*", "logd", LG_LINES, LG_LINES_MIN, LG_LINES_MAX),
	NONE("*", "logd", LG_DROPPED, 0, 0),
};

#define NCONTRACTS (sizeof(contracts) / sizeof(contracts[0]))

/* --- output --- */

static void
put_hex(const struct ibuf *b)
{
	const uint8_t *p = ibuf_data(b);
	size_t i;

	if (ibuf_failed(b))
		errx(1, "a sample does not fit");
	for (i = 0; i < ibuf_size(b); i++)
		(void)printf("%02x", p[i]);
	(void)printf("\n");
}

static void
put_name(const char *fmt, const char *side)
{
	const char *at = strstr(fmt, "%s");

	if (at == NULL)
		(void)printf(" %s", fmt);
	else
		(void)printf(" %.*s%s", (int)(at - fmt), fmt, side);
}

static void
put_ends(const char *word, const struct contract *c, int side)
{
	const char *name = side_name((enum side)side);

	(void)printf("%s", word);
	put_name(c->from, name);
	put_name(c->to, name);
}

static bool
sided(const struct contract *c)
{
	return strchr(c->from, '%') != NULL || strchr(c->to, '%') != NULL;
}

static void
put_contract(const struct contract *c)
{
	static const char *const rules[] = { "none", "one", "opt" };
	int side;

	for (side = 0; side < (sided(c) ? NSIDES : 1); side++) {
		put_ends("contract", c, side);
		(void)printf(" %s %u %zu %zu %s\n", c->name, c->type, c->min,
		    c->max, rules[c->fd]);
	}
}

/* fd: "none", "socket", "memfd" (four bytes, sealed). */
static void
put_sample(uint16_t type, const char *fd, const struct ibuf *b)
{
	const struct contract *c;
	int side;

	for (c = contracts; c < contracts + NCONTRACTS; c++) {
		if (c->type != type)
			continue;
		for (side = 0; side < (sided(c) ? NSIDES : 1); side++) {
			put_ends("sample", c, side);
			(void)printf(" %u %s ", type, fd);
			put_hex(b);
		}
	}
}

/* --- one message of each type that a receiver must take --- */

static uint8_t mem[CHAN_MSG_MAX];

static struct ibuf
begin(void)
{
	struct ibuf b;

	ibuf_wrap(&b, mem, sizeof(mem));
	return b;
}

#define SAMPLE(type, fd, put, ...)                                             \
	do {                                                                   \
		struct ibuf one = begin();                                     \
		if (put(&one, __VA_ARGS__) == -1)                              \
			errx(1, #type);                                        \
		put_sample(type, fd, &one);                                    \
	} while (0)

static void
sample_in(void)
{
	const struct ci_session session = {
		.client = { NETADDR_V4, { 192, 0, 2, 1 }, 4000 },
		.local = { NETADDR_V4, { 203, 0, 113, 25 }, 25 },
	};
	const struct msg_ask ask = { "alice", "example.com" };
	const struct msg_rcpt rcpt = { 0, 0, "alice@example.com", "" };
	struct iq_commit commit = {
		.client = { NETADDR_V4, { 192, 0, 2, 1 }, 4000 },
		.size = 4,
		.sender = "a@sender.test",
		.helo = "sender.test",
		.nrcpt = 1,
	};
	const struct iq_done done = { IQ_TEMP, REASON_QUEUE_DOWN, 0 };
	const struct iq_room room = { 1, REASON_NONE, 1000000 };
	const struct ci_client client = { 1,
		{ NETADDR_V4, { 192, 0, 2, 1 }, 4000 } };
	const struct ci_admit admit = { 1, CI_MAY };
	struct ibuf b = begin();

	SAMPLE(CI_ANS_CLIENT, "none", put_ci_client, &client);
	SAMPLE(CI_REQ_ADMIT, "none", put_ci_admit, &admit);
	SAMPLE(CI_REQ_SESSION, "socket", put_ci_session, &session);
	(void)ibuf_add_n16(&b, 1);
	(void)put_rcpt(&b, &rcpt);
	put_sample(IQ_REQ_RCPTS, "none", &b);
	b = begin();
	(void)put_iq_commit(&b, &commit);
	(void)put_rcpt(&b, &rcpt);
	(void)ibuf_add(&b, "a\r\n\n", 4);
	put_sample(IQ_REQ_COMMIT, "none", &b);
	commit.in_fd = true;
	b = begin();
	(void)put_iq_commit(&b, &commit);
	(void)put_rcpt(&b, &rcpt);
	put_sample(IQ_REQ_COMMIT, "memfd", &b);
	b = begin();
	put_sample(IQ_REQ_ABORT, "none", &b);
	SAMPLE(IQ_ANS_DONE, "none", put_iq_done, &done);
	SAMPLE(IQ_NOTE_ROOM, "none", put_iq_room, &room);
	SAMPLE(ID_REQ_RCPT, "none", put_ask, &ask);
	SAMPLE(ID_ANS_RCPT, "none", put_id_verdict, ID_LATER);
	SAMPLE(QD_REQ_ROUTE, "none", put_ask, &ask);
}

static void
sample_ways(void)
{
	const struct qd_route route = { .verdict = QD_LATER,
		.scope = QD_SCOPE_ADDRESS };
	const struct msg_hop hop = { .kind = CONF_ROUTE_DNS,
		.name = "example.net" };
	const struct in_sender sender = { "example.net" };
	struct ibuf b = begin();

	SAMPLE(QD_ANS_ROUTE, "none", put_qd_route, &route);
	put_sample(QD_NOTE_CHANGED, "none", &b);
	SAMPLE(QO_REQ_OPEN, "none", put_hop, &hop);
	SAMPLE(IN_REQ_SENDER, "none", put_in_sender, &sender);
	SAMPLE(IN_ANS_SENDER, "none", put_in_verdict, IN_FAIR);
}

static void
sample_sockets(void)
{
	const struct oc_connect connect = {
		.to = { NETADDR_V4, { 198, 51, 100, 1 }, 25 },
		.timeout_ms = 1000,
	};
	const struct oc_answer refused = { OC_REFUSED, 111 };
	const struct oc_answer ok = { OC_OK, 0 };
	const struct dc_socket socket = { 1, 0, DC_UDP };
	const struct sd_query query = { SD_MX, 1000, "example.net" };
	const struct sd_answer none = { SD_NXDOMAIN, SD_INSECURE, 60, SD_MX,
		0 };
	struct ibuf b = begin();

	SAMPLE(OC_REQ_CONNECT, "none", put_oc_connect, &connect);
	put_sample(OC_REQ_CANCEL, "none", &b);
	SAMPLE(OC_ANS_CONNECT, "none", put_oc_answer, &refused);
	SAMPLE(OC_ANS_CONNECT, "socket", put_oc_answer, &ok);
	SAMPLE(DC_REQ_SOCKET, "none", put_dc_socket, &socket);
	b = begin();
	put_sample(DC_REQ_CANCEL, "none", &b);
	SAMPLE(DC_ANS_SOCKET, "none", put_oc_answer, &refused);
	SAMPLE(DC_ANS_SOCKET, "socket", put_oc_answer, &ok);
	SAMPLE(SD_REQ_QUERY, "none", put_sd_query, &query);
	SAMPLE(SD_ANS_QUERY, "none", put_sd_answer, &none);
}

static void
sample_jobs(void)
{
	const struct msg_rcpt rcpt = { 0, 0, "bob@example.net", "" };
	const struct qo_job job = { .msgid = 1, .size = 4, .nrcpt = 1 };
	const struct qo_job job_fd = { .msgid = 1,
		.size = 4,
		.in_fd = true,
		.nrcpt = 1 };
	const struct qo_relay relay = { .name = "mx.example.net" };
	const struct qo_outcome outcome = { QO_DELIVERED, REASON_OK, 250,
		"2.0.0", "ok" };
	const struct qo_result result = { .msgid = 1, .n = 1 };
	const struct qo_gone gone = { .outcome = { QO_DEFERRED, REASON_TIMEOUT,
					  0, "4.4.1", "" } };
	struct ibuf b = begin();

	SAMPLE(CI_ANS_CLOSED, "none", put_ci_end, CI_END_FAIR);
	put_sample(QO_REQ_CLOSE, "none", &b);
	(void)put_qo_job(&b, &job);
	(void)put_rcpt(&b, &rcpt);
	(void)ibuf_add(&b, "a\r\n\n", 4);
	put_sample(QO_REQ_JOB, "none", &b);
	b = begin();
	(void)put_qo_job(&b, &job_fd);
	(void)put_rcpt(&b, &rcpt);
	put_sample(QO_REQ_JOB, "memfd", &b);
	SAMPLE(QO_ANS_READY, "none", put_qo_relay, &relay);
	b = begin();
	(void)put_qo_result(&b, &result);
	(void)ibuf_add_n16(&b, 0);
	(void)put_qo_outcome(&b, &outcome);
	put_sample(QO_ANS_RESULT, "none", &b);
	SAMPLE(QO_ANS_GONE, "none", put_qo_gone, &gone);
}

static void
sample_rows(void)
{
	const struct cq_row row = { .origin = 1, .state = CQ_ACTIVE };
	const struct cq_rcpt rcpt = { .addr = "a@b.test" };
	const struct cq_dest dest = { .name = "b.test" };
	const struct cq_shape shape = { .name = "b.test" };
	const struct cq_why why = { .wait = CQ_W_ACTIVE, .flow = CQ_FLOW_IN };
	const struct cq_rule rule = { .kind = CQ_SUSPEND, .name = "b.test" };
	const struct cq_end end = { .result = CQ_DONE };

	SAMPLE(CQ_ANS_ROW, "none", put_cq_row, &row);
	SAMPLE(CQ_ANS_RCPT, "none", put_cq_rcpt, &rcpt);
	SAMPLE(CQ_ANS_DEST, "none", put_cq_dest, &dest);
	SAMPLE(CQ_ANS_SHAPE, "none", put_cq_shape, &shape);
	SAMPLE(CQ_ANS_WHY, "none", put_cq_why, &why);
	SAMPLE(CQ_ANS_RULE, "none", put_cq_rule, &rule);
	SAMPLE(CQ_ANS_END, "none", put_cq_end, &end);
}

static void
sample_rest(void)
{
	const struct sk_sign sign = { 1, 0x0804 };
	const struct sk_signed later = { .verdict = SK_LATER };
	const struct cq_select select = { .verb = CQ_LIST, .limit = 10 };
	const struct cq_rule rule = { .kind = CQ_SUSPEND,
		.name = "example.net" };
	const struct lg_line line = { LOG_L_INFO, 10, "event=test" };
	struct ibuf b = begin();

	(void)put_sk_sign(&b, &sign);
	(void)ibuf_add(&b, "no block", 8);
	put_sample(SK_REQ_SIGN, "none", &b);
	b = begin();
	put_sample(SK_REQ_PING, "none", &b);
	put_sample(SK_ANS_PONG, "none", &b);
	put_sample(CQ_REQ_RULES, "none", &b);
	put_sample(CQ_REQ_DESTS, "none", &b);
	put_sample(LG_DROPPED, "none", &b);
	SAMPLE(SK_ANS_SIGNED, "none", put_sk_signed, &later);
	SAMPLE(CQ_REQ_SELECT, "none", put_cq_select, &select);
	SAMPLE(CQ_REQ_RULE, "none", put_cq_rule, &rule);
	SAMPLE(CQ_REQ_SHOW, "none", ibuf_add_n64, 1);
	SAMPLE(CQ_REQ_WHY, "none", ibuf_add_n64, 1);
	SAMPLE(LG_LINES, "none", put_lg_line, &line);
}

/* --- how a program is started --- */

static int
put_conf(void *arg, uint16_t type, struct ibuf *b)
{
	(void)arg;
	(void)printf("conf %u ", type);
	put_hex(b);
	return 0;
}

static void
find(const char *name, struct peer *p)
{
	char text[INSTANCE_MAX];
	uint32_t i;

	for (i = 0; i < TOPO_INSTANCES; i++) {
		topo_peer(i, p);
		if (strcmp(peer_name(p, text), name) == 0)
			return;
	}
	errx(1, "%s: no such process", name);
}

static void
put_peers(const struct peer *self)
{
	struct peer other = { PROC_MASTER, PROC_SIDE_NONE, 0 };
	char name[INSTANCE_MAX];
	uint32_t i;

	if (self->proc == PROC_LOGD)
		(void)printf("peer posternd 1 %u %u 0\n", (unsigned)other.proc,
		    (unsigned)other.side);
	for (i = 0; i < TOPO_INSTANCES; i++) {
		topo_peer(i, &other);
		if (topo_slot(self, &other) > 0)
			(void)printf("peer %s %d %u %u %u\n",
			    peer_name(&other, name), topo_slot(self, &other),
			    (unsigned)other.proc, (unsigned)other.side,
			    other.index);
	}
}

static void
start(const char *file, const char *name, bool accounts)
{
	struct config *c = config_load(file);
	const struct topo_program *t;
	struct cm_hello hello = { .version = CM_VERSION };
	struct passwd *pw;
	struct ibuf b = begin();

	if (c == NULL)
		err(1, "%s", file);
	if (report_failed(&c->report)) {
		report_print(&c->report, stderr);
		exit(1);
	}
	find(name, &hello.self);
	t = topo_program(&hello.self);
	pw = accounts ? getpwnam(t->account) : NULL;
	if (accounts && pw == NULL)
		errx(1, "no account %s", t->account);
	hello.uid = pw == NULL ? 1 : pw->pw_uid;
	hello.gid = pw == NULL ? 1 : pw->pw_gid;
	hello.nslots = topo_nslots(&hello.self);
	(void)strlcpy(hello.chroot_dir,
	    t->root == TOPO_ROOT_SPOOL ? c->conf->spool : c->conf->chroot_dir,
	    sizeof(hello.chroot_dir));
	(void)put_cm_hello(&b, &hello);
	(void)printf("slots %u\nhello ", hello.nslots);
	put_hex(&b);
	put_peers(&hello.self);
	c->conf->generation = 1;
	if (cc_encode(c->conf, t->grant, put_conf, NULL) == -1)
		errx(1, "configuration");
	config_free(c);
}

int
main(int argc, char **argv)
{
	size_t i;

	if (argc == 4 &&
	    (strcmp(argv[1], "start") == 0 || strcmp(argv[1], "play") == 0)) {
		start(argv[2], argv[3], argv[1][0] == 's');
		return 0;
	}
	if (argc != 2 || strcmp(argv[1], "list") != 0)
		errx(1,
		    "usage: chan_contracts list | start CONF NAME | play CONF "
		    "NAME");
	for (i = 0; i < NCONTRACTS; i++)
		put_contract(&contracts[i]);
	sample_in();
	sample_ways();
	sample_sockets();
	sample_jobs();
	sample_rows();
	sample_rest();
	return 0;
}
