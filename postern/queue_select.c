/* SPDX-License-Identifier: ISC */
/* postern queue list, hold, release, remove, flush: what fits a selection */
#include <err.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "common/base/chan.h"
#include "common/base/log.h"
#include "postern/queue.h"

/* Rows of -n. */
#define LOOK_ROWS 10

/* --- arguments --- */

int
selection_flow(const char *text, enum cq_flow *flow)
{
	unsigned f;

	for (f = CQ_FLOW_IN; f <= CQ_FLOW_LOCAL; f++) {
		if (strcmp(cq_flow_name((enum cq_flow)f), text) == 0) {
			*flow = (enum cq_flow)f;
			return 0;
		}
	}
	warnx("%s: a flow is \"in\", \"out\" or \"local\"", text);
	return -1;
}

static int
take_text(char *to, size_t cap, const char *from)
{
	if (strlcpy(to, from, cap) < cap)
		return 0;
	warnx("%s: longer than %zu characters", from, cap - 1);
	return -1;
}

static int
take_sender(struct cq_select *c, const char *text)
{
	if (text[0] == '\0' || strcmp(text, "<>") == 0) {
		c->from = CQ_FROM_NULL;
		return 0;
	}
	c->from = text[0] == '@' ? CQ_FROM_DOMAIN : CQ_FROM_ADDR;
	if (text[0] == '@')
		text++;
	return take_text(c->sender, sizeof(c->sender), text);
}

static int
take_option(struct selection *s, int opt, const char *text)
{
	struct cq_select *c = &s->select;

	if (opt != 'n' && opt != 'a' && opt != 'r')
		s->some = true;
	switch (opt) {
	case 'd':
		return take_text(c->dest, sizeof(c->dest), text);
	case 's':
		return take_sender(c, text);
	case 'o':
		if (text_seconds(text, &c->older) == 0)
			return 0;
		warnx("%s: an age is like 30s, 5m, 2h or 1d", text);
		return -1;
	case 'q':
		return selection_flow(text, &c->flow);
	case 'r':
		return take_text(c->text, sizeof(c->text), text);
	case 'n':
		c->look = true;
		return 0;
	case 'a':
		s->all = true;
		return 0;
	default:
		return -1;
	}
}

int
selection_parse(struct selection *s, int *argc, char ***argv,
    const char *wanted)
{
	int opt;

	/* getopt(3) takes argv[0] for the name of a program: the verb */
	--*argv;
	++*argc;
	optind = 0;
	while ((opt = getopt(*argc, *argv, wanted)) != -1) {
		if (take_option(s, opt, optarg) == -1)
			return -1;
	}
	*argc -= optind;
	*argv += optind;
	return 0;
}

/* --- asking --- */

int
selection_ask(const struct cq_select *c,
    int (*row)(void *, uint16_t, struct ibuf *), void *arg, struct ct_end *end)
{
	uint8_t mem[CQ_SELECT_MAX];
	struct ibuf b;

	ibuf_wrap(&b, mem, sizeof(mem));
	if (put_cq_select(&b, c) == -1)
		return EXIT_USE;
	if (ask(CT_REQ_SELECT, &b, row, arg, end) == -1)
		return EXIT_ASK;
	return ask_status(end, "queue");
}

/* The same for each id that is named, or once for all that fits. */
static int
ask_each(struct selection *s, int argc, char **argv, struct listing *l,
    struct ct_end *sum)
{
	struct ct_end end;
	int i = 0, rc;

	*sum = (struct ct_end){ .result = CT_DONE };
	do {
		if (argc > 0 && queue_id(argv[i], &s->select.msgid) == -1)
			return EXIT_USE;
		rc = selection_ask(&s->select, queue_row, l, &end);
		if (rc != 0)
			return rc;
		if (argc > 0 && end.count == 0 && s->select.verb != CQ_LIST)
			warnx("%s: nothing to be done", argv[i]);
		sum->count += end.count;
		sum->busy += end.busy;
	} while (++i < argc);
	return 0;
}

static const char *
plural(uint32_t n)
{
	return n == 1 ? "" : "s";
}

/* --- list --- */

/* "list DOMAIN" is "list -d DOMAIN", unless it is an id. */
static int
take_domain(struct selection *s, int *argc, char ***argv)
{
	uint64_t id;

	if (*argc != 1 || s->select.dest[0] != '\0' ||
	    msgid_parse(**argv, &id) == 0)
		return 0;
	s->some = true;
	if (take_text(s->select.dest, sizeof(s->select.dest), **argv) == -1)
		return -1;
	*argc = 0;
	return 0;
}

int
cmd_queue_list(int argc, char **argv, bool json)
{
	struct selection s = { .select = { .verb = CQ_LIST,
				   .limit = CQ_PAGE_MAX } };
	struct listing l = { .json = json };
	struct ct_end end;
	int rc;

	if (selection_parse(&s, &argc, &argv, "d:s:o:q:") == -1 ||
	    take_domain(&s, &argc, &argv) == -1)
		return EXIT_USE;
	rc = ask_each(&s, argc, argv, &l, &end);
	if (rc == 0 && !json)
		(void)printf("%u message%s\n", end.count, plural(end.count));
	return rc;
}

/* --- what changes something --- */

struct verb {
	enum cq_verb verb;
	const char *options;
	const char *done, *future; /* "held", "would be held" */
	const char *later; /* what becomes of those in flight; or NULL */
	bool all;	   /* without a selection: all of it */
};

static void
tell_json(const struct verb *v, bool look, const struct ct_end *end)
{
	json_begin();
	json_str(look ? "would" : "did", v->done);
	json_num("messages", end->count);
	json_num("in_flight", end->busy);
	json_end();
}

static void
tell(const struct verb *v, bool look, const struct listing *l,
    const struct ct_end *end)
{
	const char *words = look ? v->future : v->done;

	if (l->json) {
		tell_json(v, look, end);
		return;
	}
	if (end->count > l->rows && l->rows > 0)
		(void)printf("... and %u more\n", end->count - l->rows);
	if (end->busy == 0)
		(void)printf("%u message%s %s\n", end->count,
		    plural(end->count), words);
	else
		(void)printf("%u message%s %s, %u in flight: %s\n",
		    end->count - end->busy, plural(end->count - end->busy),
		    words, end->busy, v->later);
}

static int
change(const struct verb *v, int argc, char **argv, bool json)
{
	struct selection s = { .select = { .verb = v->verb } };
	struct listing l = { .json = json };
	struct ct_end end;
	int rc;

	if (selection_parse(&s, &argc, &argv, v->options) == -1 ||
	    (v->all && take_domain(&s, &argc, &argv) == -1))
		return EXIT_USE;
	if (!s.some && !s.all && argc == 0 && !v->all) {
		warnx("which messages?  Name ids, or select with -d, -s, -o "
		      "or -q, or say -a for all");
		return EXIT_USE;
	}
	if (s.all && (s.some || argc > 0)) {
		warnx("-a is all, and leaves nothing to select");
		return EXIT_USE;
	}
	s.select.limit = s.select.look ? LOOK_ROWS : 0;
	rc = ask_each(&s, argc, argv, &l, &end);
	if (rc != 0)
		return rc;
	tell(v, s.select.look, &l, &end);
	return end.count == 0 && (s.some || argc > 0) ? EXIT_NO : 0;
}

int
cmd_queue_hold(int argc, char **argv, bool json)
{
	static const struct verb v = { CQ_HOLD, "d:s:o:q:r:an", "held",
		"would be held", "held as soon as it returns", false };

	return change(&v, argc, argv, json);
}

int
cmd_queue_release(int argc, char **argv, bool json)
{
	static const struct verb v = { CQ_RELEASE, "d:s:o:q:an", "released",
		"would be released", "", false };

	return change(&v, argc, argv, json);
}

int
cmd_queue_remove(int argc, char **argv, bool json)
{
	static const struct verb v = { CQ_REMOVE, "d:s:o:q:an", "removed",
		"would be removed", "goes as soon as it returns", false };

	return change(&v, argc, argv, json);
}

int
cmd_queue_flush(int argc, char **argv, bool json)
{
	static const struct verb v = { CQ_FLUSH, "d:s:o:q:an", "due now",
		"would be due now", "", true };

	return change(&v, argc, argv, json);
}
