/* SPDX-License-Identifier: ISC */
/* postern queue list, show, remove, flush, destinations */
#include <err.h>
#include <string.h>

#include "common/base/chan.h"
#include "common/base/log.h"
#include "postern/tool.h"

struct listing {
	bool json;
	bool whole; /* SHOW: every field */
	unsigned rows;
};

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
	}
	return "?";
}

static const char *
origin_name(unsigned o)
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
	json_str("origin", origin_name(m->origin));
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
		(void)printf("%-13s %-7s %-6s %8s %10s  %s\n", "ID", "STATE",
		    "FROM", "AGE", "SIZE", "SENDER -> RECIPIENT");
	(void)printf("%-13s %-7s %-6s %8s %10s  <%s> -> ",
	    msgid_fmt(m->msgid, id), state_name(m->state),
	    origin_name(m->origin),
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
	(void)printf("came by    %s", origin_name(m->origin));
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
	(void)printf("%-32s %-4s %8u %8u %8u %6u  %s\n", m.name,
	    side_name((enum side)m.side), m.waiting, m.active, m.sessions,
	    m.limit, text_clean(m.text));
	return 0;
}

static int
on_row(void *arg, uint16_t type, struct ibuf *b)
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

static int
run(uint16_t type, struct ibuf *b, struct listing *l, const char *what)
{
	struct ct_end end;
	int rc;

	if (ask(type, b, on_row, l, &end) == -1)
		return EXIT_ASK;
	rc = ask_status(&end, what);
	if (rc == 0 && !l->json && type == CT_REQ_LIST)
		(void)printf("%u message%s\n", end.count,
		    end.count == 1 ? "" : "s");
	if (rc == 0 && !l->json && type == CT_REQ_FLUSH)
		(void)printf("%u message%s due now\n", end.count,
		    end.count == 1 ? "" : "s");
	if (rc == 0 && !l->json && type == CT_REQ_REMOVE &&
	    end.result == CT_DONE)
		(void)printf("removed %s\n", what);
	return rc;
}

static int
by_domain(uint16_t type, int argc, char **argv, struct listing *l)
{
	uint8_t mem[2 + MSG_DOMAIN_MAX];
	struct ibuf b;

	if (argc > 1)
		return EXIT_USE;
	ibuf_wrap(&b, mem, sizeof(mem));
	if (ibuf_add_cstr(&b, argc == 1 ? argv[0] : "", MSG_DOMAIN_MAX) == -1) {
		warnx("%s: too long for a domain", argv[0]);
		return EXIT_USE;
	}
	return run(type, &b, l, argc == 1 ? argv[0] : "queue");
}

static int
by_id(uint16_t type, int argc, char **argv, struct listing *l)
{
	uint8_t mem[8];
	struct ibuf b;
	uint64_t id;
	int i, rc = 0, one;

	if (argc < 1)
		return EXIT_USE;
	for (i = 0; i < argc; i++) {
		if (msgid_parse(argv[i], &id) == -1) {
			warnx("%s: a message id has %d characters of 0-9a-z, "
			      "as \"postern queue list\" shows them",
			    argv[i], MSGID_STRLEN - 1);
			return EXIT_USE;
		}
		ibuf_wrap(&b, mem, sizeof(mem));
		(void)ibuf_add_n64(&b, id);
		if ((one = run(type, &b, l, argv[i])) != 0)
			rc = one;
	}
	return rc;
}

int
cmd_queue(int argc, char **argv, bool json)
{
	struct listing l = { .json = json };

	if (argc < 1)
		return EXIT_USE;
	if (strcmp(argv[0], "list") == 0)
		return by_domain(CT_REQ_LIST, argc - 1, argv + 1, &l);
	if (strcmp(argv[0], "flush") == 0)
		return by_domain(CT_REQ_FLUSH, argc - 1, argv + 1, &l);
	if (strcmp(argv[0], "remove") == 0)
		return by_id(CT_REQ_REMOVE, argc - 1, argv + 1, &l);
	if (strcmp(argv[0], "destinations") == 0)
		return argc == 1 ? run(CT_REQ_DESTS, NULL, &l, "destinations")
				 : EXIT_USE;
	if (strcmp(argv[0], "show") != 0)
		return EXIT_USE;
	l.whole = true;
	return by_id(CT_REQ_SHOW, argc - 1, argv + 1, &l);
}
