/* SPDX-License-Identifier: ISC */
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/err.h>

#include "queued/store/store.h"
#include "regress/crash/judge.h"
#include "regress/crash/load.h"
#include "regress/crash/mail.h"

#define DEADLINE   300 /* seconds: for a machine that hangs, not a slow one */
#define UPKEEP_MAX 5000
#define NEW_SIZE   3000
#define NEW_LARGE  9000

struct court {
	struct ledger *ledger; /* the child's own copy */
	struct tape *tape;
	struct verdict *v;
	struct store *s;
	int dirfd;
	bool talk;
	const char *when;
};

bool
verdict_is_good(const struct verdict *v)
{
	return v->lost + v->stale + v->undead + v->damaged + v->corrupt +
	    v->failed ==
	    0;
}

static void __attribute__((format(printf, 3, 4)))
fault(struct court *c, unsigned *count, const char *fmt, ...)
{
	char text[160];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (verdict_is_good(c->v))
		(void)snprintf(c->v->why, sizeof(c->v->why), "%.30s: %.160s",
		    c->when, text);
	if (c->talk)
		(void)printf("  %s: %s\n", c->when, text);
	++*count;
}

static void
on_event(void *arg, const struct store_event *ev)
{
	struct court *c = arg;

	if (c->talk)
		(void)printf("  %s: event %s segment %u offset %llu length "
			     "%llu id %llx errno %d\n",
		    c->when, store_event_name(ev->kind), ev->segment,
		    (unsigned long long)ev->offset,
		    (unsigned long long)ev->length, (unsigned long long)ev->id,
		    ev->error);
	switch (ev->kind) {
	case STORE_EV_TORN:
	case STORE_EV_ORPHAN:
	case STORE_EV_ADOPTED: /* what is taken up is compared like all else */
	case STORE_EV_COW:
	case STORE_EV_ACCEPTING:
		return;
	case STORE_EV_CORRUPT:
	case STORE_EV_MISSING:
	case STORE_EV_HEADER:
	case STORE_EV_VERSION:
	case STORE_EV_FOREIGN:
	case STORE_EV_LOST:
	case STORE_EV_POISONED:
	case STORE_EV_REFUSING:
	case STORE_EV_FULL:
		break;
	}
	fault(c, &c->v->corrupt, "event %s in segment %u",
	    store_event_name(ev->kind), ev->segment);
}

static void
on_message(void *arg, const struct store_msg *m)
{
	struct court *c = arg;
	struct item *it = ledger_find(c->ledger, m->loc.id);
	unsigned long long id = m->loc.id;
	uint32_t attempts;

	c->v->live++;
	if (it == NULL || it->seen) {
		fault(c, &c->v->damaged, "message %llx: %s", id,
		    it == NULL ? "never handed in" : "there twice");
		return;
	}
	it->seen = true;
	if (m->size != it->size ||
	    mail_hash(m->env, m->env_len) != it->env_hash)
		fault(c, &c->v->damaged, "message %llx: another envelope", id);
	else if (!mail_state_is_whole(m, &attempts))
		fault(c, &c->v->damaged, "message %llx: state in pieces", id);
	else if (attempts < it->noted || attempts > it->tried)
		fault(c, &c->v->stale,
		    "message %llx: %u attempts, acknowledged %u, recorded %u",
		    id, attempts, it->noted, it->tried);
	else
		it->found = attempts;
}

/* The whole text, as it would be sent. */
static void
read_body(struct court *c, const struct item *it)
{
	static uint8_t body[MAIL_BODY_MAX];
	unsigned long long id = it->id;
	struct store_loc loc;
	ssize_t n = -1;

	if (store_find(c->s, it->id, &loc) == 0)
		n = store_read(c->s, loc, 0, body, sizeof(body));
	if (n == -1)
		fault(c, &c->v->lost, "message %llx: %s", id, strerror(errno));
	else if ((uint64_t)n != it->size ||
	    mail_hash(body, (size_t)n) != it->body_hash)
		fault(c, &c->v->damaged, "message %llx: another text", id);
}

static void
compare(struct court *c)
{
	const struct item *it;
	size_t i;

	for (i = 0; i < c->ledger->n; i++) {
		it = &c->ledger->items[i];
		if (it->seen)
			read_body(c, it);
		if (it->acked && !it->done_tried && !it->seen)
			fault(c, &c->v->lost,
			    "message %llx: acknowledged, not there",
			    (unsigned long long)it->id);
		if (it->done_acked && it->seen)
			fault(c, &c->v->undead,
			    "message %llx: done with, there again",
			    (unsigned long long)it->id);
	}
}

/*
 * A body of which no record was ever written, in a spool that never had one:
 * it may as well be a spool that lost its log, and the store says so.
 */
static bool
is_only_new(const struct court *c, const struct store_report *rp)
{
	size_t i;

	for (i = 0; i < c->ledger->n; i++)
		if (c->ledger->items[i].acked)
			return false;
	return rp->corrupt + rp->missing + rp->lost == 0;
}

static void
look(struct court *c)
{
	struct store_callbacks cb = { .arg = c, .event = on_event };
	struct store_report report;
	int r;

	c->when = "check";
	r = store_check(store_ops_posix(), c->dirfd, &cb, &report);
	if (r == -1)
		fault(c, &c->v->failed, "store_check: %s", strerror(errno));
	else if (r != 0 && !is_only_new(c, &report))
		fault(c, &c->v->corrupt,
		    "%llu corrupt, %llu missing, %llu lost, %llu orphans",
		    (unsigned long long)report.corrupt,
		    (unsigned long long)report.missing,
		    (unsigned long long)report.lost,
		    (unsigned long long)report.orphans);
}

static int
start(struct court *c, const char *when)
{
	struct store_callbacks cb = { .arg = c,
		.message = on_message,
		.event = on_event };
	size_t i;

	c->when = when;
	for (i = 0; i < c->ledger->n; i++)
		c->ledger->items[i].seen = false;
	if (store_open(&c->s, store_ops_posix(), c->dirfd, &load_params, &cb) ==
	    0)
		return 0;
	fault(c, &c->v->failed, "store_open: %s", strerror(errno));
	return -1;
}

/* What was found is the truth from now on. */
static void
take_over(struct court *c)
{
	struct item *it;
	size_t i;

	for (i = 0; i < c->ledger->n; i++) {
		it = &c->ledger->items[i];
		it->acked = it->seen;
		it->done_tried = it->done_acked = !it->seen;
		it->tried = it->noted = it->found;
	}
}

static void
upkeep(struct court *c)
{
	int i, r = 1;

	for (i = 0; i < UPKEEP_MAX && r == 1; i++)
		r = store_maintain(c->s);
	if (r != 0)
		fault(c, &c->v->failed, "store_maintain: %s", strerror(errno));
}

static void
take_mail(struct court *c)
{
	struct mark life = { .kind = MARK_LIFE }, ack = { .kind = MARK_ACK };

	mark_add(c->tape, &life);
	if (load_append(c->s, c->tape, c->ledger, NEW_SIZE) == -1 ||
	    load_append(c->s, c->tape, c->ledger, NEW_LARGE) == -1 ||
	    store_commit(c->s) == -1) {
		fault(c, &c->v->failed, "new messages: %s", strerror(errno));
		return;
	}
	ledger_apply(c->ledger, &ack);
	mark_add(c->tape, &ack);
}

static void
hearing(struct court *c, const char *spool)
{
	c->dirfd = open(spool, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	c->when = "open";
	if (c->dirfd == -1) {
		fault(c, &c->v->failed, "%s: %s", spool, strerror(errno));
		return;
	}
	c->v->owed = (unsigned)ledger_owed(c->ledger);
	look(c);
	if (start(c, "first start") == -1)
		return;
	compare(c);
	c->v->found = c->v->live;
	take_over(c);
	c->when = "use";
	upkeep(c);
	take_mail(c);
	upkeep(c);
	store_close(c->s);
	look(c);
	if (start(c, "second start") == -1)
		return;
	compare(c);
	store_close(c->s);
}

/* The verdict is shared with the process that waits for it. */
static void
send_home(struct verdict *v, int status)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return;
	v->failed++;
	if (v->why[0] != '\0')
		return;
	if (WIFSIGNALED(status))
		(void)snprintf(v->why, sizeof(v->why), "killed by signal %d",
		    WTERMSIG(status));
	else
		(void)snprintf(v->why, sizeof(v->why), "exit status %d",
		    WEXITSTATUS(status));
}

void
judge(const char *spool, const struct ledger *l, struct tape *tape, bool talk,
    struct verdict *out)
{
	struct ledger copy = *l;
	struct court c = { .ledger = &copy, .tape = tape, .talk = talk };
	pid_t parent = getpid(), pid;
	int status;

	c.v = mmap(NULL, sizeof(*c.v), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (c.v == MAP_FAILED)
		err(1, "mmap");
	(void)fflush(NULL);
	pid = fork();
	if (pid == -1)
		err(1, "fork");
	if (pid == 0) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1 ||
		    getppid() != parent)
			_exit(1);
		(void)alarm(DEADLINE);
		hearing(&c, spool);
		(void)fflush(NULL);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) == -1)
		err(1, "waitpid");
	send_home(c.v, status);
	*out = *c.v;
	(void)munmap(c.v, sizeof(*c.v));
}
