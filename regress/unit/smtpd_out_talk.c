/* SPDX-License-Identifier: ISC */
/* The player of dialogues: see smtpd_out_talk.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include <cmocka.h>

#include "smtpd-out/smtpc.h"

#include "regress/unit/smtpd_out_talk.h"

#define NELEMS(a) (sizeof(a) / sizeof((a)[0]))
#define RCPTS_MAX 8

struct run {
	const struct dialogue *d;
	struct smtpc c;
	char outmem[SMTPC_OUT_MIN];
	struct smtp_outbuf out;
	size_t out_seen;
	bool hold;
	struct qo_job job;
	struct msg_rcpt rcpts[RCPTS_MAX];
	struct qo_outcome outcomes[RCPTS_MAX + 1]; /* the last is nobody's */
	size_t text_off;
	struct qo_outcome done[4 * RCPTS_MAX];
	size_t ndone, nread;
	bool unsure;
	/* where the server's octets are cut */
	size_t cut, fed;
	bool bytewise;
};

static struct run run;

static void __attribute__((noreturn)) wrong(const char *line, const char *what)
{
	fail_msg("%s (cut at %zu), at \"%.*s\": %s", run.d->id, run.cut,
	    (int)strcspn(line, "\n"), line, what);
	abort();
}

/* --- driving the client --- */

static const char *
message_text(void)
{
	return run.d->text != NULL ? run.d->text : "hi\r\n";
}

/* Whatever the client says of a recipient, queued must understand it. */
static void
keep_outcome(const struct qo_outcome *o)
{
	uint8_t mem[QO_OUTCOME_MAX];
	struct qo_outcome back;
	struct ibuf b;

	ibuf_wrap(&b, mem, sizeof(mem));
	assert_int_equal(put_qo_outcome(&b, o), 0);
	assert_int_equal(get_qo_outcome(&b, &back), 0);
	assert_string_equal(back.text, o->text);
	assert_true(run.ndone < NELEMS(run.done));
	run.done[run.ndone++] = *o;
}

static void
send_text(void)
{
	const char *text = message_text();
	size_t left;

	if (run.c.body_new)
		run.text_off = 0;
	run.c.body_new = false;
	left = strlen(text) - run.text_off;
	if (left > 0)
		run.text_off += smtpc_body(&run.c,
		    smtp_slice(text + run.text_off, left), &run.out);
	else
		(void)smtpc_body_end(&run.c, &run.out);
}

static void
service(void)
{
	static const struct qo_outcome none;
	uint16_t i;

	for (;;) {
		if (smtpc_wants_text(&run.c) && !run.hold) {
			send_text();
		} else if (smtpc_state(&run.c) == SMTPC_RESULT) {
			for (i = 0; i < run.job.nrcpt; i++)
				keep_outcome(&run.outcomes[i]);
			assert_memory_equal(&run.outcomes[i], &none,
			    sizeof(none));
			smtpc_take(&run.c);
		} else {
			break;
		}
	}
	assert_false(run.out.failed);
}

static void
feed(const char *p, size_t len)
{
	smtpc_input(&run.c, p, len, &run.out);
	service();
}

static void
server(const char *p, size_t len)
{
	size_t i, at = run.cut - run.fed;

	if (run.bytewise) {
		for (i = 0; i < len; i++)
			feed(p + i, 1);
	} else if (run.cut > run.fed && at < len) {
		feed(p, at);
		feed(p + at, len - at);
	} else {
		feed(p, len);
	}
	run.fed += len;
}

/* --- reading a dialogue --- */

/* of all recipients that were named before */
static bool
dsn_word(const char *w)
{
	uint16_t i;

	if (strncmp(w, "ret=", 4) == 0)
		run.job.ret = (uint8_t)strtoul(w + 4, NULL, 10);
	else if (strncmp(w, "envid=", 6) == 0)
		(void)strlcpy(run.job.envid, w + 6, sizeof(run.job.envid));
	else if (strncmp(w, "notify=", 7) == 0)
		for (i = 0; i < run.job.nrcpt; i++)
			run.rcpts[i].notify = (uint8_t)strtoul(w + 7, NULL, 10);
	else if (strncmp(w, "orcpt=", 6) == 0)
		for (i = 0; i < run.job.nrcpt; i++)
			(void)strlcpy(run.rcpts[i].orcpt, w + 6,
			    sizeof(run.rcpts[i].orcpt));
	else
		return false;
	return true;
}

static void
begin_job(const char *line)
{
	char words[256], *w, *rest = words, *to, *one;

	(void)strlcpy(words, line + 2, sizeof(words));
	words[strcspn(words, "\n")] = '\0';
	memset(&run.job, 0, sizeof(run.job));
	memset(run.outcomes, 0, sizeof(run.outcomes));
	run.job.size = strlen(message_text());
	w = strsep(&rest, " ");
	(void)strlcpy(run.job.sender, strcmp(w, "<>") == 0 ? "" : w,
	    sizeof(run.job.sender));
	to = strsep(&rest, " ");
	while ((one = strsep(&to, ",")) != NULL) {
		assert_true(run.job.nrcpt < RCPTS_MAX);
		memset(&run.rcpts[run.job.nrcpt], 0, sizeof(run.rcpts[0]));
		(void)strlcpy(run.rcpts[run.job.nrcpt++].addr, one,
		    sizeof(run.rcpts[0].addr));
	}
	while ((w = strsep(&rest, " ")) != NULL) {
		if (strcmp(w, "8bit") == 0)
			run.job.flags |= MSG_F_8BIT_DATA;
		else if (strcmp(w, "8bitmime") == 0)
			run.job.flags |= MSG_F_8BITMIME;
		else if (strcmp(w, "utf8") == 0)
			run.job.flags |= MSG_F_SMTPUTF8;
		else if (strcmp(w, "requiretls") == 0)
			run.job.flags |= MSG_F_REQUIRETLS;
		else if (strncmp(w, "size=", 5) == 0)
			run.job.size = strtoull(w + 5, NULL, 10);
		else if (!dsn_word(w))
			wrong(line, "unknown word");
	}
	memset(run.outcomes, 0xa5, run.job.nrcpt * sizeof(run.outcomes[0]));
	run.text_off = 0;
	if (smtpc_state(&run.c) != SMTPC_READY)
		wrong(line, "not ready for a job");
	smtpc_job(&run.c, &run.job, run.rcpts, run.outcomes, &run.out);
	service();
}

static void
client(const char *line)
{
	size_t len = strcspn(line, "\n") - 2;
	const char *p = run.out.buf + run.out_seen;
	size_t left = run.out.len - run.out_seen;

	if (left < len + 2 || memcmp(p, line + 2, len) != 0 ||
	    memcmp(p + len, "\r\n", 2) != 0) {
		run.outmem[run.out.len] = '\0';
		wrong(line, p);
	}
	run.out_seen += len + 2;
}

static void
compare_outcome(const char *line, const struct qo_outcome *o)
{
	static const char *const names[] = { "?", "delivered", "failed",
		"deferred" };
	char buf[MSG_TEXT_MAX + 128];

	(void)snprintf(buf, sizeof(buf), "%s %s %u %s: %s", names[o->status],
	    o->enh, o->code, reason_name(o->reason), o->text);
	if (strncmp(buf, line + 2, strlen(buf)) != 0 ||
	    line[2 + strlen(buf)] != '\n')
		wrong(line, buf);
}

static void
check_over(const char *line)
{
	if (smtpc_state(&run.c) != SMTPC_OVER)
		wrong(line, "it is not over");
	if (line[0] == 'O')
		compare_outcome(line, &run.c.end);
	else if (run.c.end.status != 0 || run.c.broken)
		wrong(line, run.c.end.text);
	if (line[0] == 'O' && run.c.again_plain)
		wrong(line, "it would be tried again");
}

static void
event(const char *line)
{
	char why[128];

	switch (line[0]) {
	case 'J':
		begin_job(line);
		break;
	case 'R':
		if (run.nread == run.ndone)
			wrong(line, "no outcome");
		compare_outcome(line, &run.done[run.nread++]);
		break;
	case 'K':
	case 'N':
		if (smtpc_state(&run.c) != SMTPC_READY)
			wrong(line, "not ready");
		if (smtpc_may_go_on(&run.c) != (line[0] == 'K'))
			wrong(line, "another is allowed, or is not");
		break;
	case 'Q':
		smtpc_quit(&run.c, &run.out);
		break;
	case 'H':
		run.hold = true;
		break;
	case 'X':
		smtpc_lost(&run.c);
		service();
		break;
	case 'T':
		smtpc_timeout(&run.c);
		service();
		break;
	case 'W':
		if (smtpc_wait(&run.c) != strtoul(line + 2, NULL, 10))
			wrong(line, "another time");
		break;
	case 'V':
		smtpc_tls(&run.c,
		    (enum conf_tls_level)strtoul(line + 2, NULL, 10),
		    strncmp(line + 3, " plain", 6) == 0);
		break;
	case 'G':
		smtpc_secured(&run.c,
		    (enum tls_verified)strtoul(line + 2, NULL, 10), &run.out);
		break;
	case 'F':
	case 'D':
		(void)strlcpy(why, line + 2, sizeof(why));
		why[strcspn(why, "\n")] = '\0';
		smtpc_insecure(&run.c, why, line[0] == 'D');
		break;
	case 'A':
		if (smtpc_state(&run.c) != SMTPC_OVER || !run.c.again_plain)
			wrong(line, "not to be tried again");
		break;
	case 'U':
		run.unsure = true;
		break;
	default:
		check_over(line);
		break;
	}
}

/* The server's lines that stand together are one piece, but for the cut. */
static const char *
server_lines(const char *line)
{
	char piece[8192];
	size_t len = 0, n;

	while (line[0] == 'S' || line[0] == 'L' || line[0] == 'P') {
		n = strcspn(line, "\n");
		assert_true(len + n < sizeof(piece));
		memcpy(piece + len, line + 2, n - 2);
		len += n - 2;
		if (line[0] == 'S')
			piece[len++] = '\r';
		if (line[0] != 'P')
			piece[len++] = '\n';
		line += n + 1;
	}
	server(piece, len);
	return line;
}

/* Returns the octets that the server said. */
static size_t
play(const struct dialogue *d, size_t cut, bool bytewise)
{
	const char *line = d->lines;

	memset(&run, 0, sizeof(run));
	run.d = d;
	run.cut = cut;
	run.bytewise = bytewise;
	smtp_outbuf_init(&run.out, run.outmem, sizeof(run.outmem) - 1);
	smtpc_init(&run.c, "gw.test");
	while (*line != '\0') {
		if (line[0] == 'C') {
			client(line);
		} else {
			if (run.out_seen != run.out.len)
				wrong(line, "the client said more");
			if (strchr("SLP", line[0]) != NULL) {
				line = server_lines(line);
				continue;
			}
			event(line);
		}
		line += strcspn(line, "\n") + 1;
	}
	if (run.out_seen != run.out.len || run.nread != run.ndone)
		wrong("", "there is more at the end");
	smtpc_free(&run.c);
	if (run.c.unsure != run.unsure)
		wrong("", run.unsure ? "it is sure" : "it is not sure");
	return run.fed;
}

void
talk(const struct dialogue *d, size_t n)
{
	size_t i, cut, len;

	for (i = 0; i < n; i++) {
		len = play(&d[i], 0, false);
		(void)play(&d[i], 0, true);
		for (cut = 1; cut < len; cut++)
			(void)play(&d[i], cut, false);
	}
}
