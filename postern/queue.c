/* SPDX-License-Identifier: ISC */
/* postern queue: rows of messages; show, destinations */
#include <err.h>
#include <string.h>

#include "common/base/chan.h"
#include "common/base/log.h"
#include "postern/queue.h"

static const char *
state_name(enum cq_state s)
{
	switch (s) {
	case CQ_ACTIVE:
		return "active";
	case CQ_WAITING:
		return "waiting";
	case CQ_HELD:
		return "held";
	case CQ_SUSPENDED:
		return "suspended";
	}
	return "?";
}

const char *
queue_origin(unsigned o)
{
	return o == 1 ? "ext" : o == 2 ? "int" : "bounce";
}

static void
row_json(const struct cq_row *m)
{
	char id[MSGID_STRLEN], t[TEXT_MAX], addr[NETADDR_STRLEN];

	json_begin();
	json_str("id", msgid_fmt(m->msgid, id));
	json_str("state", state_name(m->state));
	json_str("origin", queue_origin(m->origin));
	json_str("accepted", text_iso(m->accepted, t));
	json_str("next", text_iso(m->next, t));
	json_str("expires", text_iso(m->expires, t));
	json_num("size", m->size);
	json_num("attempts", m->attempts);
	json_num("recipients", m->nrcpt);
	json_num("open", m->nopen);
	json_str("reason", reason_name(m->reason));
	json_str("client",
	    m->client.family == NETADDR_NONE
		? ""
		: netaddr_ntop(&m->client, addr, sizeof(addr)));
	json_str("from", m->sender);
	json_str("to", m->rcpt);
	json_str("reply", m->text);
	json_end();
}

static void
row_text(const struct listing *l, const struct cq_row *m)
{
	char id[MSGID_STRLEN], age[TEXT_MAX], size[TEXT_MAX];
	uint64_t now = text_now();

	if (l->rows == 1)
		(void)printf("%-13s %-9s %-6s %8s %10s  %s\n", "ID", "STATE",
		    "FROM", "AGE", "SIZE", "SENDER -> RECIPIENT");
	(void)printf("%-13s %-9s %-6s %8s %10s  <%s> -> ",
	    msgid_fmt(m->msgid, id), state_name(m->state),
	    queue_origin(m->origin),
	    text_age(now > m->accepted ? now - m->accepted : 0, age),
	    text_size(m->size, size), text_clean(m->sender));
	(void)printf("<%s>", text_clean(m->rcpt));
	if (m->nopen > 1)
		(void)printf(" and %u more", m->nopen - 1U);
	(void)putchar('\n');
	if (m->text[0] != '\0')
		(void)printf("              %s: %s\n", reason_name(m->reason),
		    text_clean(m->text));
}

static void
row_whole(const struct cq_row *m)
{
	char buf[TEXT_MAX], id[MSGID_STRLEN], addr[NETADDR_STRLEN];

	(void)printf("id         %s\n", msgid_fmt(m->msgid, id));
	(void)printf("state      %s\n", state_name(m->state));
	(void)printf("came by    %s", queue_origin(m->origin));
	if (m->client.family != NETADDR_NONE)
		(void)printf(" from %s",
		    netaddr_ntop(&m->client, addr, sizeof(addr)));
	(void)printf("\nsender     <%s>\n", text_clean(m->sender));
	(void)printf("size       %s\n", text_size(m->size, buf));
	(void)printf("accepted   %s\n", text_time(m->accepted, buf));
	(void)printf("next try   %s\n",
	    m->next == 0 ? "now" : text_time(m->next, buf));
	(void)printf("expires    %s\n", text_time(m->expires, buf));
	(void)printf("attempts   %u\n", m->attempts);
	if (m->text[0] != '\0')
		(void)printf("last reply %s (%s)\n", text_clean(m->text),
		    reason_name(m->reason));
	(void)printf("recipients %u, %u open\n", m->nrcpt, m->nopen);
}

static const char *
status_name(unsigned s)
{
	static const char *const names[] = { "open", "sent", "failed",
		"deferred" };

	return s < 4 ? names[s] : "?";
}

static int
on_rcpt(const struct listing *l, struct ibuf *b)
{
	struct cq_rcpt m;

	if (get_cq_rcpt(b, &m) == -1)
		return -1;
	if (l->json) {
		json_begin();
		json_str("rcpt", m.addr);
		json_str("status", status_name(m.status));
		json_str("hop", m.hop);
		json_num("attempts", m.attempts);
		json_num("code", m.code);
		json_str("reason", reason_name(m.reason));
		json_str("reply", m.text);
		json_end();
		return 0;
	}
	(void)printf("  %-8s <%s>", status_name(m.status), text_clean(m.addr));
	(void)printf(" by %s", text_clean(m.hop));
	if (m.text[0] != '\0')
		(void)printf(": %s", text_clean(m.text));
	(void)putchar('\n');
	return 0;
}

static int
on_dest(const struct listing *l, struct ibuf *b)
{
	struct cq_dest m;
	char t[TEXT_MAX];

	if (get_cq_dest(b, &m) == -1)
		return -1;
	if (l->json) {
		json_begin();
		json_str("destination", m.name);
		json_str("side", side_name((enum side)m.side));
		json_num("waiting", m.waiting);
		json_num("active", m.active);
		json_num("sessions", m.sessions);
		json_num("limit", m.limit);
		json_str("oldest", text_iso(m.oldest, t));
		json_str("next", text_iso(m.next, t));
		json_str("trouble", m.text);
		json_end();
		return 0;
	}
	if (l->rows == 1)
		(void)printf("%-32s %-4s %8s %8s %8s %6s  %s\n", "DESTINATION",
		    "SIDE", "WAITING", "ACTIVE", "SESSIONS", "LIMIT",
		    "LAST TROUBLE");
	(void)printf("%-32s %-4s %8u %8u %8u %6u  ", text_clean(m.name),
	    side_name((enum side)m.side), m.waiting, m.active, m.sessions,
	    m.limit);
	(void)printf("%s\n", text_clean(m.text));
	return 0;
}

int
queue_row(void *arg, uint16_t type, struct ibuf *b)
{
	struct listing *l = arg;
	struct cq_row m;

	l->rows++;
	if (type == CQ_ANS_RCPT)
		return on_rcpt(l, b);
	if (type == CQ_ANS_DEST)
		return on_dest(l, b);
	if (type != CQ_ANS_ROW || get_cq_row(b, &m) == -1)
		return -1;
	if (l->json)
		row_json(&m);
	else if (l->whole)
		row_whole(&m);
	else
		row_text(l, &m);
	return 0;
}

/* --- the verbs --- */

int
queue_id(const char *text, uint64_t *id)
{
	if (msgid_parse(text, id) == 0 && *id != 0)
		return 0;
	warnx("%s: a message id has %d characters of 0-9a-z, as \"postern "
	      "queue list\" shows them",
	    text, MSGID_STRLEN - 1);
	return -1;
}

static int
cmd_queue_show(int argc, char **argv, bool json)
{
	struct listing l = { .json = json, .whole = true };
	struct ct_end end;
	uint8_t mem[8];
	struct ibuf b;
	uint64_t id;
	int i, rc = 0, one;

	if (argc < 1)
		return EXIT_USE;
	for (i = 0; i < argc; i++) {
		if (queue_id(argv[i], &id) == -1)
			return EXIT_USE;
		ibuf_wrap(&b, mem, sizeof(mem));
		(void)ibuf_add_n64(&b, id);
		if (ask(CT_REQ_SHOW, &b, queue_row, &l, &end) == -1)
			return EXIT_ASK;
		if ((one = ask_status(&end, argv[i])) != 0)
			rc = one;
	}
	return rc;
}

static int
cmd_queue_dests(int argc, char **argv, bool json)
{
	struct listing l = { .json = json };
	struct ct_end end;

	(void)argv;
	if (argc > 0)
		return EXIT_USE;
	if (ask(CT_REQ_DESTS, NULL, queue_row, &l, &end) == -1)
		return EXIT_ASK;
	return ask_status(&end, "destinations");
}

static const struct {
	const char *name;
	int (*run)(int, char **, bool);
} verbs[] = {
	{ "list", cmd_queue_list },
	{ "show", cmd_queue_show },
	{ "why", cmd_queue_why },
	{ "shape", cmd_queue_shape },
	{ "destinations", cmd_queue_dests },
	{ "hold", cmd_queue_hold },
	{ "release", cmd_queue_release },
	{ "remove", cmd_queue_remove },
	{ "flush", cmd_queue_flush },
	{ "suspend", cmd_queue_suspend },
	{ "resume", cmd_queue_resume },
	{ "reroute", cmd_queue_reroute },
};
#define NVERBS (sizeof(verbs) / sizeof(verbs[0]))

int
cmd_queue(int argc, char **argv, bool json)
{
	size_t i;

	for (i = 0; argc > 0 && i < NVERBS; i++) {
		if (strcmp(argv[0], verbs[i].name) == 0)
			return verbs[i].run(argc - 1, argv + 1, json);
	}
	return EXIT_USE;
}
