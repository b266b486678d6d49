/* SPDX-License-Identifier: ISC */
/* postern status, reload, stats */
#include <err.h>
#include <inttypes.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "postern/queue.h"

struct status {
	bool json;
	unsigned rows, not_ready;
};

static const char *
state_name(unsigned s)
{
	static const char *const names[] = { "?", "starting", "ready",
		"waiting", "draining", "degraded" };

	return s < sizeof(names) / sizeof(names[0]) ? names[s] : names[0];
}

static void
print_process(struct status *st, const struct ctm_status *m)
{
	char name[INSTANCE_MAX], age[TEXT_MAX], iso[TEXT_MAX];
	uint64_t now = text_now();
	/* none just now, or the clock was set back */
	uint64_t up = m->since != 0 && now > m->since ? now - m->since : 0;

	(void)peer_name(&m->peer, name);
	if (st->json) {
		json_begin();
		json_str("process", name);
		json_num("pid", m->pid);
		json_num("uid", m->uid);
		json_str("state", state_name(m->state));
		json_num("restarts", m->restarts);
		json_str("since", text_iso(m->since, iso));
		json_num("generation", m->generation);
		json_bool("best_effort", m->best_effort != 0);
		json_end();
		return;
	}
	if (st->rows == 1)
		(void)printf("%-18s %8s %8s %-9s %8s %10s %s\n", "PROCESS",
		    "PID", "UID", "STATE", "RESTARTS", "UP", "GENERATION");
	(void)printf("%-18s %8u %8u %-9s %8u %10s %u%s\n", name, m->pid, m->uid,
	    state_name(m->state), m->restarts, text_age(up, age), m->generation,
	    m->best_effort ? "  sandbox best-effort!" : "");
}

static void
print_text(bool json, const struct ctm_text *m)
{
	if (json) {
		json_begin();
		json_str("level",
		    m->level == LOG_L_ERROR	 ? "error"
			: m->level == LOG_L_WARN ? "warn"
						 : "info");
		json_str("text", m->text);
		json_end();
	} else {
		(void)printf("%s\n", text_clean(m->text));
	}
}

static int
on_row(void *arg, uint16_t type, struct ibuf *b)
{
	struct status *st = arg;
	struct ctm_status m;
	struct ctm_text t;

	if (type == CTM_ANS_TEXT) {
		if (get_ctm_text(b, &t) == -1)
			return -1;
		print_text(st->json, &t);
		return 0;
	}
	if (type != CTM_ANS_STATUS || get_ctm_status(b, &m) == -1)
		return -1;
	st->rows++;
	if (m.state != CTM_READY)
		st->not_ready++;
	print_process(st, &m);
	return 0;
}

int
cmd_status(int argc, char **argv, bool json)
{
	struct status st = { .json = json };
	struct ct_end end;
	int rc;

	(void)argv;
	if (argc > 0)
		return EXIT_USE;
	if (ask(CT_REQ_STATUS, NULL, on_row, &st, &end) == -1)
		return EXIT_ASK;
	if ((rc = ask_status(&end, "status")) != 0)
		return rc;
	/* that queued is away was said above */
	(void)queue_rules_note(json);
	return st.not_ready > 0 ? EXIT_NO : 0;
}

int
cmd_reload(int argc, char **argv, bool json)
{
	struct status st = { .json = json };
	struct ct_end end;

	(void)argv;
	if (argc > 0)
		return EXIT_USE;
	if (ask(CT_REQ_RELOAD, NULL, on_row, &st, &end) == -1)
		return EXIT_ASK;
	if (end.result == CT_FAILED)
		warnx("not reloaded: the configuration of generation %u stays "
		      "in force",
		    end.count);
	else if (end.result == CT_DONE && !json)
		(void)printf("reloaded: generation %u\n", end.count);
	return ask_status(&end, "reload");
}

struct sums {
	bool json;
	uint64_t total[STAT_MAX];
};

static int
on_stats(void *arg, uint16_t type, struct ibuf *b)
{
	struct sums *s = arg;
	struct ct_stats m;
	char name[INSTANCE_MAX];
	unsigned i;

	if (type != CT_ROW_STATS || get_ct_stats(b, &m) == -1)
		return -1;
	for (i = 0; i < STAT_MAX; i++)
		s->total[i] += m.value[i];
	if (!s->json)
		return 0;
	json_begin();
	json_str("process", peer_name(&m.peer, name));
	for (i = 0; i < STAT_MAX; i++)
		if (m.value[i] != 0)
			json_num(stats_name((enum counter)i), m.value[i]);
	json_end();
	return 0;
}

int
cmd_stats(int argc, char **argv, bool json)
{
	struct sums s = { .json = json };
	struct ct_end end;
	unsigned i;

	(void)argv;
	if (argc > 0)
		return EXIT_USE;
	if (ask(CT_REQ_STATS, NULL, on_stats, &s, &end) == -1)
		return EXIT_ASK;
	for (i = 0; !json && i < STAT_MAX; i++)
		(void)printf("%-34s %12" PRIu64 "  %s\n",
		    stats_name((enum counter)i), s.total[i],
		    stats_help((enum counter)i));
	return ask_status(&end, "stats");
}
