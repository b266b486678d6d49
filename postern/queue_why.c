/* SPDX-License-Identifier: ISC */
/* postern queue why: what a message waits for */
#include <err.h>
#include <string.h>

#include <bsd/string.h>

#include "common/base/chan.h"
#include "common/base/log.h"
#include "postern/queue.h"

/* What STATUS says before the name of the file, see master/answer.c. */
#define CONF_PREFIX "configuration "

struct why {
	bool json;
	char file[CONF_PATH_MAX]; /* of the configuration */
	char id[MSGID_STRLEN];
};

static const char *
wait_name(enum cq_wait w)
{
	switch (w) {
	case CQ_W_ACTIVE:
		return "active";
	case CQ_W_TURN:
		return "turn";
	case CQ_W_PAUSE:
		return "pause";
	case CQ_W_TIME:
		return "retry";
	case CQ_W_DIRECTORY:
		return "directory";
	case CQ_W_ROUTE:
		return "no-route";
	case CQ_W_SUSPENDED:
		return "suspended";
	case CQ_W_HELD:
		return "held";
	case CQ_W_RATE:
		return "rate";
	}
	return "?";
}

static const char *
route_name(enum cq_route r)
{
	switch (r) {
	case CQ_R_NONE:
		return "none";
	case CQ_R_DOMAIN:
		return "domain";
	case CQ_R_CONNECTOR:
		return "connector";
	case CQ_R_REROUTE:
		return "reroute";
	}
	return "?";
}

static void
group_json(const struct why *y, const struct cq_why *w)
{
	char t[TEXT_MAX];

	json_begin();
	json_str("id", y->id);
	json_str("waits_for", wait_name(w->wait));
	json_str("flow", cq_flow_name(w->flow));
	json_str("to", w->rcpt);
	json_num("recipients", w->nrcpt);
	json_str("domain", w->domain);
	json_str("hop", w->hop);
	json_str("route", route_name(w->route));
	json_str("rule", w->rule);
	json_str("file", w->line != 0 ? y->file : "");
	json_num("line", w->line);
	json_num("ahead", w->ahead);
	json_num("sessions", w->sessions);
	json_num("limit", w->limit);
	json_num("attempts", w->attempts);
	json_str("next", text_iso(w->next, t));
	json_str("until", text_iso(w->until, t));
	json_str("expires", text_iso(w->expires, t));
	json_num("uid", w->by);
	json_str("note", w->note);
	json_num("code", w->code);
	json_str("reason", reason_name(w->reason));
	json_str("reply", w->text);
	json_end();
}

/* "in 4m 10s" */
static const char *
in_time(uint64_t at)
{
	static char buf[TEXT_MAX + 8];
	uint64_t now = text_now();
	char t[TEXT_MAX];

	if (at <= now)
		return "now";
	(void)snprintf(buf, sizeof(buf), "in %s", text_age(at - now, t));
	return buf;
}

static const char *
hop_of(const struct cq_why *w)
{
	return text_clean(w->hop[0] != '\0' ? w->hop : w->domain);
}

static void
print_turn(const struct cq_why *w)
{
	(void)printf("its turn at %s: %u ahead of it, ", hop_of(w), w->ahead);
	(void)printf("%u of at most %u session%s", w->sessions, w->limit,
	    w->limit == 1 ? "" : "s");
}

static void
print_suspended(const struct cq_why *w)
{
	char t[TEXT_MAX];

	(void)printf("the end of a suspension by uid %u", w->by);
	if (w->until != 0)
		(void)printf(", at %s", text_time(w->until, t));
	if (w->note[0] != '\0')
		(void)printf(": %s", text_clean(w->note));
}

static void
print_wait(const struct cq_why *w)
{
	switch (w->wait) {
	case CQ_W_ACTIVE:
		(void)printf("nothing: it is being delivered to %s", hop_of(w));
		break;
	case CQ_W_TURN:
		print_turn(w);
		break;
	case CQ_W_PAUSE:
		(void)printf("%s, where nothing works: tried again %s, %u "
			     "ahead of it",
		    hop_of(w), in_time(w->next), w->ahead);
		break;
	case CQ_W_TIME:
		(void)printf("its next attempt at %s, %s", hop_of(w),
		    in_time(w->next));
		break;
	case CQ_W_DIRECTORY:
		(void)printf("the directory, to say where %s goes",
		    text_clean(w->domain));
		break;
	case CQ_W_ROUTE:
		(void)printf("a way to %s: there is none",
		    text_clean(w->domain));
		break;
	case CQ_W_SUSPENDED:
		print_suspended(w);
		break;
	case CQ_W_RATE:
		(void)printf("the rate that is allowed to %s, or from its "
			     "sender: %s, %u ahead of it",
		    hop_of(w), in_time(w->next), w->ahead);
		break;
	case CQ_W_HELD:
		(void)printf("the operator: it is held: %s",
		    text_clean(w->note));
		break;
	}
	(void)putchar('\n');
}

static void
print_rule(const struct why *y, const struct cq_why *w)
{
	if (w->route == CQ_R_NONE)
		(void)printf("nothing lets it go there");
	else if (w->route == CQ_R_REROUTE)
		(void)printf("rerouted by uid %u: %s", w->by,
		    text_clean(w->rule));
	else
		(void)printf("%s \"%s\"", route_name(w->route),
		    text_clean(w->rule));
	if (w->line != 0)
		(void)printf(" %s:%u", y->file, w->line);
	(void)putchar('\n');
}

static void
group_text(const struct why *y, const struct cq_why *w)
{
	char t[TEXT_MAX];

	(void)printf("%s to <%s>", y->id, text_clean(w->rcpt));
	if (w->nrcpt > 1)
		(void)printf(" and %u more", w->nrcpt - 1U);
	(void)printf("\n  waits for  ");
	print_wait(w);
	(void)printf("  route      ");
	print_rule(y, w);
	if (w->hop[0] != '\0')
		(void)printf("  next hop   %s\n", text_clean(w->hop));
	(void)printf("  flow       %s\n", cq_flow_name(w->flow));
	(void)printf("  attempts   %u\n", w->attempts);
	if (w->text[0] != '\0') {
		(void)printf("  last reply ");
		if (w->code != 0)
			(void)printf("%u ", w->code);
		(void)printf("%s (%s)\n", text_clean(w->text),
		    reason_name(w->reason));
	} else if (w->reason != REASON_NONE) {
		(void)printf("  last time  %s\n", reason_name(w->reason));
	}
	if (w->wait == CQ_W_TIME || w->wait == CQ_W_PAUSE ||
	    w->wait == CQ_W_RATE)
		(void)printf("  next try   %s\n", text_time(w->next, t));
	(void)printf("  expires    %s\n", text_time(w->expires, t));
}

static int
on_row(void *arg, uint16_t type, struct ibuf *b)
{
	struct why *y = arg;
	struct cq_why w;

	if (type != CQ_ANS_WHY || get_cq_why(b, &w) == -1)
		return -1;
	if (y->json)
		group_json(y, &w);
	else
		group_text(y, &w);
	return 0;
}

/* posternd knows which file it read. */
static int
on_status(void *arg, uint16_t type, struct ibuf *b)
{
	struct why *y = arg;
	struct ctm_status s;
	struct ctm_text m;

	if (type == CTM_ANS_STATUS)
		return get_ctm_status(b, &s);
	if (type != CTM_ANS_TEXT || get_ctm_text(b, &m) == -1)
		return -1;
	if (strncmp(m.text, CONF_PREFIX, sizeof(CONF_PREFIX) - 1) == 0)
		(void)strlcpy(y->file, m.text + sizeof(CONF_PREFIX) - 1,
		    sizeof(y->file));
	return 0;
}

static int
why_one(struct why *y, const char *text)
{
	struct ct_end end;
	uint8_t mem[8];
	struct ibuf b;
	uint64_t id;
	int rc;

	if (queue_id(text, &id) == -1)
		return EXIT_USE;
	(void)msgid_fmt(id, y->id);
	ibuf_wrap(&b, mem, sizeof(mem));
	(void)ibuf_add_n64(&b, id);
	if (ask(CT_REQ_WHY, &b, on_row, y, &end) == -1)
		return EXIT_ASK;
	rc = ask_status(&end, text);
	if (rc == 0 && end.count == 0 && !y->json)
		(void)printf("%s: all its recipients are done, the report to "
			     "its sender is being made\n",
		    y->id);
	return rc;
}

int
cmd_queue_why(int argc, char **argv, bool json)
{
	struct why y = { .json = json, .file = "postern.conf" };
	struct ct_end end;
	int i, rc = 0, one;

	if (argc < 1)
		return EXIT_USE;
	if (ask(CT_REQ_STATUS, NULL, on_status, &y, &end) == -1)
		return EXIT_ASK;
	for (i = 0; i < argc; i++) {
		one = why_one(&y, argv[i]);
		if (one == EXIT_USE || one == EXIT_ASK)
			return one;
		if (one != 0)
			rc = one;
	}
	return rc;
}
