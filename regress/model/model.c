/* SPDX-License-Identifier: ISC */
/* link: regress/model/ref.o regress/model/ops.o regress/model/drive.o */
/* link: smtpd-in/session.o smtpd-in/verb.o smtpd-in/text.o */
/* link: smtpd-in/answer.o smtpd-in/data.o smtpd-in/chunk.o common/smtp.a
 * common/base.a */
/* link: common/base/reason.o */
/*
 * Random sessions of an SMTP client, against the reference model:
 * model [-n COUNT] [-s SEED]
 *
 * One that goes wrong is made shorter while it still does, then printed with
 * its seed; "model -n 1 -s SEED" runs it again.
 */
#include <err.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/stdlib.h>

#include "regress/model/drive.h"

static volatile uint64_t seed_now;

/* An assertion or a bad access in the machine: say where. */
static void
on_crash(int sig)
{
	char line[] = "model: crashed at seed 00000000000000000000\n";
	uint64_t n = seed_now;
	size_t i = sizeof(line) - 2;

	while (n > 0) {
		line[--i] = (char)('0' + n % 10);
		n /= 10;
	}
	(void)!write(STDERR_FILENO, line, sizeof(line) - 1);
	(void)signal(sig, SIG_DFL);
	(void)raise(sig);
}

static bool
fails(const struct seq *s)
{
	static struct drive_tally unused;

	return drive(s, &unused) != NULL;
}

static void
without(struct seq *to, const struct seq *from, uint32_t at)
{
	uint32_t i, n = 0;

	*to = *from;
	for (i = 0; i < from->n; i++)
		if (i != at)
			to->ops[n++] = from->ops[i];
	to->n = n;
	for (i = 0; i < n; i++)
		seq_fix(&to->ops[i]);
}

/* One simplification of op; false: there are no more. */
static bool
simplify(struct op *op, unsigned which)
{
	switch (which) {
	case 0:
		op->join = false;
		return true;
	case 1:
		op->eager = false;
		return true;
	case 2:
		op->late = false;
		return true;
	case 3:
		op->cutoff = false;
		return true;
	case 4:
		op->cmd.answer = A_YES;
		return true;
	case 5:
		op->cmd.submit_answer = A_YES;
		return true;
	case 6:
		op->cmd.params = 0;
		return true;
	case 7:
		op->cmd.len = 0;
		return true;
	case 8:
		op->cmd.bad = false;
		return true;
	default:
		return false;
	}
}

/* Padding that differs costs one more try. */
static bool
same(const struct op *a, const struct op *b)
{
	/* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison) */
	return memcmp(a, b, sizeof(*a)) == 0;
}

static bool
shrink_ops(struct seq *s)
{
	static struct seq t;
	uint32_t i;

	for (i = s->n; i-- > 0 && s->n > 1;) {
		without(&t, s, i);
		if (!fails(&t))
			continue;
		without(s, &t, UINT32_MAX);
		return true;
	}
	return false;
}

static bool
shrink_op(struct seq *s)
{
	struct op was;
	uint32_t i;
	unsigned k;

	for (i = 0; i < s->n; i++) {
		for (k = 0;; k++) {
			was = s->ops[i];
			if (!simplify(&s->ops[i], k))
				break;
			if (same(&was, &s->ops[i]))
				continue;
			if (fails(s))
				return true;
			s->ops[i] = was;
		}
	}
	return false;
}

static void
report(struct seq *s, uint64_t seed)
{
	static struct drive_tally unused;
	uint32_t before = s->n;

	while (shrink_ops(s) || shrink_op(s))
		;
	printf("seed %llu: %s\n", (unsigned long long)seed, drive(s, &unused));
	printf("  (%u of %u commands)\n", s->n, before);
	seq_print(stdout, s);
}

static void
summary(const struct drive_tally *t, uint64_t n)
{
	size_t i;

	printf("model: %llu sessions, %llu commands, %llu under TLS, %llu "
	       "messages\nmodel: replies",
	    (unsigned long long)n, (unsigned long long)t->commands,
	    (unsigned long long)t->secured, (unsigned long long)t->delivered);
	for (i = 0; i < sizeof(t->replies) / sizeof(t->replies[0]); i++)
		if (t->replies[i] != 0)
			printf(" %zu:%llu", i,
			    (unsigned long long)t->replies[i]);
	putchar('\n');
}

int
main(int argc, char **argv)
{
	static struct drive_tally tally;
	static struct seq seq;
	uint64_t count = 20000, first = 1, i;
	int c;

	while ((c = getopt(argc, argv, "n:s:")) != -1) {
		if (c == 'n')
			count = (uint64_t)strtonum(optarg, 1, INT64_MAX, NULL);
		else if (c == 's')
			first = (uint64_t)strtonum(optarg, 0, INT64_MAX, NULL);
		else
			errx(2, "usage: model [-n COUNT] [-s SEED]");
	}
	(void)signal(SIGABRT, on_crash);
	(void)signal(SIGSEGV, on_crash);
	for (i = 0; i < count; i++) {
		seed_now = first + i;
		seq_make(&seq, first + i);
		if (drive(&seq, &tally) != NULL) {
			report(&seq, first + i);
			return 1;
		}
	}
	summary(&tally, count);
	return 0;
}
