/* SPDX-License-Identifier: ISC */
/* postern queue suspend, resume, reroute */
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "common/base/chan.h"
#include "postern/queue.h"

#define PORT_SMTP 25

struct rules {
	bool json, all;
	bool reroutes; /* which ones, unless all */
	unsigned rows;
};

/* --- a list of them --- */

static const char *
kind_name(const struct cq_rule *r)
{
	return r->kind == CQ_REROUTE ? "reroute" : "suspend";
}

static void
rule_json(const struct cq_rule *r)
{
	char t[TEXT_MAX];

	json_begin();
	json_str("rule", kind_name(r));
	if (r->kind == CQ_SUSPEND_FLOW)
		json_str("flow", cq_flow_name(r->flow));
	else
		json_str("name", r->name);
	if (r->kind == CQ_REROUTE) {
		json_str("host", r->host);
		json_num("port", r->port);
	}
	json_num("uid", r->uid);
	json_str("since", text_iso(r->since, t));
	json_str("until", text_iso(r->until, t));
	json_str("text", r->text);
	json_end();
}

static void
rule_text(const struct cq_rule *r)
{
	char t[TEXT_MAX];

	if (r->kind == CQ_SUSPEND_FLOW)
		(void)printf("flow %s suspended", cq_flow_name(r->flow));
	else if (r->kind == CQ_SUSPEND)
		(void)printf("%s suspended", text_clean(r->name));
	else
		(void)printf("%s", text_clean(r->name));
	if (r->kind == CQ_REROUTE)
		(void)printf(" rerouted via %s port %u", text_clean(r->host),
		    r->port);
	(void)printf(" by uid %u since %s", r->uid, text_time(r->since, t));
	if (r->until != 0)
		(void)printf(" until %s", text_time(r->until, t));
	if (r->text[0] != '\0')
		(void)printf(": %s", text_clean(r->text));
	(void)putchar('\n');
}

static int
on_rule(void *arg, uint16_t type, struct ibuf *b)
{
	struct rules *l = arg;
	struct cq_rule r;

	if (type != CQ_ANS_RULE || get_cq_rule(b, &r) == -1)
		return -1;
	if (!l->all && l->reroutes != (r.kind == CQ_REROUTE))
		return 0;
	l->rows++;
	if (l->json)
		rule_json(&r);
	else
		rule_text(&r);
	return 0;
}

static int
show_rules(struct rules *l)
{
	struct ct_end end;

	if (ask(CT_REQ_RULES, NULL, on_rule, l, &end) == -1)
		return EXIT_ASK;
	return ask_status(&end, "rules");
}

static int
list_rules(bool json, bool reroutes)
{
	struct rules l = { .json = json, .reroutes = reroutes };
	int rc = show_rules(&l);

	if (rc == 0 && l.rows == 0 && !json)
		(void)printf("nothing is %s\n",
		    reroutes ? "rerouted" : "suspended");
	return rc;
}

int
queue_rules_note(bool json)
{
	struct rules l = { .json = json, .all = true };

	return show_rules(&l);
}

/* --- making one, and taking it back --- */

static int
no_rows(void *arg, uint16_t type, struct ibuf *b)
{
	struct cq_row r;

	(void)arg;
	return type == CQ_ANS_ROW ? get_cq_row(b, &r) : -1;
}

/* Messages that a rule concerns now. */
static int
concerned(const struct cq_rule *r, uint32_t *n)
{
	struct cq_select c = { .verb = CQ_REMOVE, .look = true };
	struct ct_end end;
	int rc;

	if (r->kind == CQ_SUSPEND_FLOW)
		c.flow = r->flow;
	else
		(void)strlcpy(c.dest, r->name, sizeof(c.dest));
	rc = selection_ask(&c, no_rows, NULL, &end);
	*n = rc == 0 ? end.count : 0;
	return rc;
}

static int
send_rule(const struct cq_rule *r, struct ct_end *end)
{
	uint8_t mem[CQ_RULE_MAX];
	struct ibuf b;

	ibuf_wrap(&b, mem, sizeof(mem));
	if (put_cq_rule(&b, r) == -1)
		return EXIT_USE;
	/* no rows come */
	return ask(CT_REQ_RULE, &b, no_rows, NULL, end) == -1 ? EXIT_ASK : 0;
}

static const char *
subject(const struct cq_rule *r)
{
	static char buf[16];

	if (r->kind != CQ_SUSPEND_FLOW)
		return text_clean(r->name);
	(void)strlcpy(buf, "flow ", sizeof(buf));
	(void)strlcat(buf, cq_flow_name(r->flow), sizeof(buf));
	return buf;
}

static const char *
verb_of(const struct cq_rule *r)
{
	if (r->kind == CQ_REROUTE)
		return r->set ? "rerouted" : "not rerouted any more";
	return r->set ? "suspended" : "resumed";
}

static void
tell(const struct cq_rule *r, bool look, bool json, uint32_t n)
{
	if (json) {
		json_begin();
		json_str(look ? "would" : "did", verb_of(r));
		json_str("subject", subject(r));
		json_num("messages", n);
		json_end();
		return;
	}
	(void)printf("%s: %s%s, %u message%s in the queue\n", subject(r),
	    look ? "would be " : "", verb_of(r), n, n == 1 ? "" : "s");
}

static int
apply(const struct cq_rule *r, bool look, bool json)
{
	struct ct_end end;
	uint32_t n;
	int rc = concerned(r, &n);

	if (rc == 0 && !look) {
		rc = send_rule(r, &end);
		if (rc == 0 && end.result == CT_NO_SUCH) {
			warnx("%s: it is not", subject(r));
			return EXIT_NO;
		}
		if (rc == 0 && end.result == CT_FAILED) {
			warnx("%s: this could not be kept on disk, and is not "
			      "in force",
			    subject(r));
			return EXIT_ASK;
		}
		if (rc == 0)
			rc = ask_status(&end, subject(r));
	}
	if (rc == 0)
		tell(r, look, json, n);
	return rc;
}

/* "for TIME", if that is what stands there. */
static int
take_for(struct cq_rule *r, int *argc, char ***argv)
{
	if (*argc == 0 || strcmp((*argv)[0], "for") != 0)
		return 0;
	if (*argc < 2 || text_seconds((*argv)[1], &r->lasts) == -1) {
		warnx("for: a time is like 30m, 2h or 1d");
		return -1;
	}
	*argc -= 2;
	*argv += 2;
	return 0;
}

static int
take_name(char *to, size_t cap, const char *from)
{
	if (from[0] != '\0' && strcspn(from, " \t\r\n") == strlen(from) &&
	    strlcpy(to, from, cap) < cap)
		return 0;
	warnx("%s: not a name", text_clean(from));
	return -1;
}

/* DESTINATION or -q FLOW */
static int
take_subject(struct cq_rule *r, const struct selection *s, int *argc,
    char ***argv)
{
	if (s->select.flow != CQ_FLOW_ANY) {
		r->kind = CQ_SUSPEND_FLOW;
		r->flow = s->select.flow;
		return 0;
	}
	if (*argc == 0)
		return -1;
	r->kind = CQ_SUSPEND;
	if (take_name(r->name, sizeof(r->name), (*argv)[0]) == -1)
		return -1;
	--*argc;
	++*argv;
	return 0;
}

int
cmd_queue_suspend(int argc, char **argv, bool json)
{
	struct selection s = { .select = { .verb = CQ_LIST } };
	struct cq_rule r = { .set = true };

	if (argc == 0)
		return list_rules(json, false);
	if (selection_parse(&s, &argc, &argv, "q:r:n") == -1 ||
	    take_subject(&r, &s, &argc, &argv) == -1 ||
	    take_for(&r, &argc, &argv) == -1 || argc != 0)
		return EXIT_USE;
	(void)strlcpy(r.text, s.select.text, sizeof(r.text));
	return apply(&r, s.select.look, json);
}

int
cmd_queue_resume(int argc, char **argv, bool json)
{
	struct selection s = { .select = { .verb = CQ_LIST } };
	struct cq_rule r = { .set = false };

	if (selection_parse(&s, &argc, &argv, "q:n") == -1 ||
	    take_subject(&r, &s, &argc, &argv) == -1 || argc != 0)
		return EXIT_USE;
	return apply(&r, s.select.look, json);
}

static int
take_port(struct cq_rule *r, int *argc, char ***argv)
{
	const char *e = "missing";

	r->port = PORT_SMTP;
	if (*argc == 0 || strcmp((*argv)[0], "port") != 0)
		return 0;
	if (*argc > 1)
		r->port = (uint16_t)strtonum((*argv)[1], 1, UINT16_MAX, &e);
	if (e != NULL) {
		warnx("port: %s", e);
		return -1;
	}
	*argc -= 2;
	*argv += 2;
	return 0;
}

static int
take_way(struct cq_rule *r, int argc, char **argv)
{
	if (argc == 1 && strcmp(argv[0], "off") == 0)
		return 0;
	r->set = true;
	if (argc < 2 || strcmp(argv[0], "via") != 0 ||
	    take_name(r->host, sizeof(r->host), argv[1]) == -1)
		return -1;
	argc -= 2;
	argv += 2;
	if (take_port(r, &argc, &argv) == -1 ||
	    take_for(r, &argc, &argv) == -1 || argc != 0)
		return -1;
	return 0;
}

int
cmd_queue_reroute(int argc, char **argv, bool json)
{
	struct selection s = { .select = { .verb = CQ_LIST } };
	struct cq_rule r = { .kind = CQ_REROUTE };

	if (argc == 0)
		return list_rules(json, true);
	if (selection_parse(&s, &argc, &argv, "r:n") == -1 || argc < 2 ||
	    take_name(r.name, sizeof(r.name), argv[0]) == -1 ||
	    take_way(&r, argc - 1, argv + 1) == -1)
		return EXIT_USE;
	(void)strlcpy(r.text, s.select.text, sizeof(r.text));
	return apply(&r, s.select.look, json);
}
