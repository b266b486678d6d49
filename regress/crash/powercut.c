/* SPDX-License-Identifier: ISC */
/* link: regress/crash/tape.o regress/crash/disk.o regress/crash/device.o
 * regress/crash/ledger.o regress/crash/mail.o regress/crash/liar.o
 * regress/crash/load.o regress/crash/judge.o regress/crash/cut.o
 * queued/store.a common/base.a */
/*
 * Power cuts, simulated: drive the store on a real file system whose disk
 * keeps a tape of all writes and flushes, then make that disk as it may have
 * been at many places of the tape, mount it, start the store, and compare with
 * what it had acknowledged.
 *
 *	powercut -f ext4|xfs|btrfs [-b losing] [-c early|nodir] [-n states]
 *	    [-r rounds] [-s seed] [-w tape]
 *	powercut -k state [-i image] -t tape
 *
 * The first form prints one line of numbers; it stops when -b states had lost
 * mail, and keeps the tape where -w says if any was bad.  The second builds one
 * state of such a tape again and tells all about it; -i writes the disk to a
 * file, to be mounted and looked at.  Exit status 0: all states were good; 1:
 * the test could not be made; 2: some were bad.  README says more.
 *
 * Needs root, and does everything in a mount namespace of its own: whichever
 * way it ends, the kernel unmounts and detaches what was mounted there.
 */
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bsd/err.h>
#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "regress/crash/cut.h"
#include "regress/crash/device.h"
#include "regress/crash/disk.h"
#include "regress/crash/judge.h"
#include "regress/crash/load.h"

#define WORK	     "/run"	    /* a file system of our own over it */
#define DISK	     WORK "/disk"   /* of which the tape is */
#define REPLAY	     WORK "/replay" /* that lost power */
#define MOUNTED	     WORK "/fs"
#define SPOOL	     MOUNTED "/spool"
#define TAPE_ENTRIES 4000000
#define TAPE_BYTES   (2UL * 1024 * 1024 * 1024)
#define BLOCK	     4096
#define AGAIN	     4 /* one of so many states loses power twice */

static const uint8_t zero[BLOCK];

struct run {
	const struct fstype *fs;
	enum control control;
	uint64_t seed;
	size_t states;
	unsigned rounds;
	const char *tape_out, *tape_in, *image;
	size_t only; /* -k */
	unsigned enough;
	struct tape *tape, *dirty;
	struct disk disk, replay;
	struct liar went; /* through what */
	struct verdict sum;
	size_t done, again;
	size_t bad_state; /* on the tape that was kept */
	unsigned bad, losing, unmountable;
	char why[300];
};

static double
seconds(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_MONOTONIC, &ts) == -1)
		err(1, "clock_gettime");
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
own_namespace(void)
{
	if (unshare(CLONE_NEWNS) == -1)
		err(1, "a mount namespace (root is needed)");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1)
		err(1, "private mounts");
}

static void
make_file(const char *name)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd == -1)
		err(1, "%s", name);
	(void)close(fd);
}

/*
 * The servers of the disks stay in the outer of two namespaces, file systems
 * are mounted in the inner one: so none waits for the other when they die.
 */
static void
set_up(struct run *r)
{
	own_namespace();
	if (mount("powercut", WORK, "tmpfs", MS_NOSUID, "mode=700") == -1)
		err(1, WORK ": tmpfs");
	if (mkdir(MOUNTED, 0700) == -1)
		err(1, MOUNTED);
	make_file(REPLAY);
	disk_start(&r->replay, r->fs->size, r->dirty, REPLAY);
	if (r->tape_in == NULL) {
		make_file(DISK);
		disk_start(&r->disk, r->fs->size, r->tape, DISK);
	}
	own_namespace();
}

static void
begin(struct run *r, int dirfd)
{
	struct mark m = { .kind = MARK_BEGIN,
		.control = (uint32_t)r->control,
		.seed = r->seed,
		.states = r->states };

	/* what there was before us is long on disk */
	if (syncfs(dirfd) == -1)
		err(1, "syncfs");
	tape_add(r->tape, TAPE_FLUSH, 0, NULL, 0);
	(void)strlcpy(m.fs, r->fs->name, sizeof(m.fs));
	mark_add(r->tape, &m);
}

/* Fill the tape. */
static void
record(struct run *r)
{
	struct load ld = { .tape = r->tape,
		.seed = r->seed,
		.control = r->control };
	size_t end;

	device_mkfs(r->fs, DISK);
	if (device_mount(r->fs, DISK, MOUNTED, NULL) == -1)
		err(1, "mount of a new %s", r->fs->name);
	if (mkdir(SPOOL, 0700) == -1)
		err(1, SPOOL);
	ld.dirfd = open(SPOOL, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ld.dirfd == -1)
		err(1, SPOOL);
	begin(r, ld.dirfd);
	load_run(&ld, r->rounds);
	end = tape_length(r->tape);
	(void)close(ld.dirfd);
	device_unmount(MOUNTED);
	tape_cut(r->tape, end);
	r->went = ld.liar;
}

/* The first state that power may leave, and whose tape this is. */
static size_t
find_begin(const struct tape *t, struct mark *m)
{
	size_t i;

	for (i = 0; i < tape_length(t); i++) {
		if (tape_at(t, i)->kind != TAPE_MARK)
			continue;
		mark_get(t, tape_at(t, i), m);
		if (m->kind == MARK_BEGIN)
			return i;
	}
	errx(1, "tape: no beginning");
}

static void
add_up(struct run *r, const struct verdict *v)
{
	r->sum.owed += v->owed;
	r->sum.found += v->found;
	r->sum.lost += v->lost;
	r->sum.stale += v->stale;
	r->sum.undead += v->undead;
	r->sum.damaged += v->damaged;
	r->sum.corrupt += v->corrupt;
	r->sum.failed += v->failed;
}

/* A tape with one state, which is the disk as it is now. */
static void
keep_disk(struct run *r, const struct ledger *l)
{
	struct mark m = { .kind = MARK_BEGIN, .seed = r->seed, .states = 1 };
	struct tape *t = tape_new(TAPE_ENTRIES, TAPE_BYTES);
	uint64_t off;

	for (off = 0; off < r->replay.size; off += BLOCK)
		if (memcmp(r->replay.bytes + off, zero, BLOCK) != 0)
			tape_add(t, TAPE_WRITE, off, r->replay.bytes + off,
			    BLOCK);
	tape_add(t, TAPE_FLUSH, 0, NULL, 0);
	ledger_write(l, t);
	(void)strlcpy(m.fs, r->fs->name, sizeof(m.fs));
	mark_add(t, &m);
	if (tape_save(t, r->tape_out) == -1)
		err(1, "%s", r->tape_out);
	tape_free(t);
}

/* True: it is the first, and its tape is to be kept. */
static bool
note_bad(struct run *r, const struct cut *c, size_t state, const char *again,
    const char *why)
{
	if (r->bad++ > 0)
		return false;
	(void)snprintf(r->why, sizeof(r->why),
	    "state %zu (entry %zu of %zu, %s%s): %s", state, c->at,
	    tape_length(r->tape), cut_way_name(c->way), again, why);
	return r->tape_out != NULL;
}

static void
write_image(const struct run *r)
{
	int fd = open(r->image, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	uint64_t off;

	if (fd == -1 || ftruncate(fd, (off_t)r->replay.size) == -1)
		err(1, "%s", r->image);
	for (off = 0; off < r->replay.size; off += BLOCK) {
		if (memcmp(r->replay.bytes + off, zero, BLOCK) == 0)
			continue;
		if (pwrite(fd, r->replay.bytes + off, BLOCK, (off_t)off) !=
		    BLOCK)
			err(1, "%s", r->image);
	}
	(void)close(fd);
}

/* What is wrong with the disk as it is now, or NULL. */
static const char *
look(struct run *r, const struct ledger *l, struct verdict *v)
{
	bool talk = r->tape_in != NULL;

	memset(v, 0, sizeof(*v));
	if (r->image != NULL)
		write_image(r);
	if (device_mount(r->fs, REPLAY, MOUNTED, r->fs->options) == -1) {
		(void)snprintf(v->why, sizeof(v->why), "mount: %s",
		    strerror(errno));
		r->unmountable++;
		return v->why;
	}
	judge(SPOOL, l, r->dirty, talk, v);
	device_unmount(MOUNTED);
	add_up(r, v);
	r->losing += v->lost > 0;
	return verdict_is_good(v) ? NULL : v->why;
}

static void
second_cut(struct run *r, struct cut *c, size_t state)
{
	size_t len = tape_length(r->dirty);
	struct ledger l;
	struct verdict v;
	const char *why;

	(void)cut_again(c, state, r->dirty, len, &l);
	why = look(r, &l, &v);
	r->again++;
	if (why != NULL && note_bad(r, c, state, ", and again", why)) {
		ledger_free(&l);
		(void)cut_again(c, state, r->dirty, len, &l);
		keep_disk(r, &l);
	}
	ledger_free(&l);
}

static void
one_state(struct run *r, struct cut *c, size_t state)
{
	struct verdict v;
	const char *why;

	tape_cut(r->dirty, 0);
	cut_make(c, state, r->tape_in != NULL);
	why = look(r, &c->ledger, &v);
	if (why != NULL && note_bad(r, c, state, "", why)) {
		r->bad_state = state;
		if (tape_save(r->tape, r->tape_out) == -1)
			err(1, "%s", r->tape_out);
	}
	if (why == NULL && r->tape_in == NULL && state % AGAIN == 0)
		second_cut(r, c, state);
	cut_undo(c, r->dirty);
}

static void
replay(struct run *r)
{
	struct mark m;
	struct cut c = { .tape = r->tape,
		.fs = r->fs,
		.seed = r->seed,
		.states = r->states,
		.first = find_begin(r->tape, &m),
		.disk = r->replay.bytes };
	size_t i;

	cut_init(&c, r->replay.size);
	if (r->tape_in != NULL) {
		one_state(r, &c, r->only);
		r->done = 1;
	} else
		for (i = 0; i < r->states && r->losing < r->enough;
		     i++, r->done++)
			one_state(r, &c, i);
	cut_free(&c, r->replay.size);
}

/* One line of words for a program that adds up: regress/crash/run. */
static void
print(const struct run *r, double recorded, double replayed)
{
	const struct verdict *v = &r->sum;

	(void)printf("fs=%s control=%s seed=%llu states=%zu bad=%u owed=%u "
		     "found=%u again=%zu lost=%u stale=%u undead=%u damaged=%u "
		     "corrupt=%u failed=%u unmountable=%u entries=%zu made=%u "
		     "recycled=%u spilled=%u removed=%u record=%.2f "
		     "replay=%.2f\n",
	    r->fs->name, control_name(r->control), (unsigned long long)r->seed,
	    r->done, r->bad, v->owed, v->found, r->again, v->lost, v->stale,
	    v->undead, v->damaged, v->corrupt, v->failed, r->unmountable,
	    tape_length(r->tape), r->went.made, r->went.recycled,
	    r->went.spilled, r->went.removed, recorded, replayed);
}

static void
complain(const struct run *r)
{
	(void)fprintf(stderr,
	    "powercut: %s, seed %llu: %u of %zu states are "
	    "bad; the first is %s\n",
	    r->fs->name, (unsigned long long)r->seed, r->bad, r->done, r->why);
	if (r->tape_out != NULL)
		(void)fprintf(stderr,
		    "powercut: to see it again: %s -t %s -k %zu\n",
		    program_invocation_name, r->tape_out, r->bad_state);
}

static const struct fstype *
need_fs(const char *name)
{
	const struct fstype *fs = fstype_find(name);

	if (fs == NULL)
		errx(1, "%s: neither ext4 nor xfs nor btrfs", name);
	return fs;
}

static void
load_tape(struct run *r)
{
	struct mark m;

	if (tape_load(r->tape, r->tape_in) == -1)
		err(1, "%s", r->tape_in);
	(void)find_begin(r->tape, &m);
	m.fs[sizeof(m.fs) - 1] = '\0';
	r->fs = need_fs(m.fs);
	r->seed = m.seed;
	r->states = m.states;
	if (r->only >= r->states)
		errx(1, "%s has states 0 to %zu", r->tape_in, r->states - 1);
}

static unsigned long long
number(const char *s, unsigned long long max)
{
	const char *error;
	long long n = strtonum(s, 0, (long long)max, &error);

	if (error != NULL)
		errx(1, "%s: %s", s, error);
	return (unsigned long long)n;
}

static enum control
need_control(const char *name)
{
	if (strcmp(name, "early") == 0)
		return CONTROL_EARLY;
	if (strcmp(name, "nodir") == 0)
		return CONTROL_NODIR;
	errx(1, "%s: neither early nor nodir", name);
}

static void
usage(void)
{
	(void)fprintf(stderr,
	    "usage: powercut -f ext4|xfs|btrfs [-b losing] [-c early|nodir] "
	    "[-n states]\n"
	    "\t[-r rounds] [-s seed] [-w tape]\n"
	    "       powercut -k state [-i image] -t tape\n");
	exit(1);
}

static void
options(struct run *r, int argc, char **argv)
{
	int ch;

	while ((ch = getopt(argc, argv, "b:c:f:i:k:n:r:s:t:w:")) != -1) {
		switch (ch) {
		case 'b':
			r->enough = (unsigned)number(optarg, 1000000);
			break;
		case 'c':
			r->control = need_control(optarg);
			break;
		case 'f':
			r->fs = need_fs(optarg);
			break;
		case 'i':
			r->image = optarg;
			break;
		case 'k':
			r->only = (size_t)number(optarg, 1000000);
			break;
		case 'n':
			r->states = (size_t)number(optarg, 1000000);
			break;
		case 'r':
			r->rounds = (unsigned)number(optarg, 100000);
			break;
		case 's':
			r->seed = number(optarg, UINT32_MAX);
			break;
		case 't':
			r->tape_in = optarg;
			break;
		case 'w':
			r->tape_out = optarg;
			break;
		default:
			usage();
		}
	}
	if (optind != argc || (r->fs == NULL) == (r->tape_in == NULL) ||
	    r->states == 0)
		usage();
}

int
main(int argc, char **argv)
{
	struct run r = { .states = 100,
		.rounds = 200,
		.seed = 1,
		.enough = UINT_MAX };
	double start, recorded;

	options(&r, argc, argv);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1)
		err(1, "prctl");
	r.tape = tape_new(TAPE_ENTRIES, TAPE_BYTES);
	r.dirty = tape_new(TAPE_ENTRIES, TAPE_BYTES);
	if (r.tape_in != NULL)
		load_tape(&r);
	set_up(&r);
	start = seconds();
	if (r.tape_in == NULL)
		record(&r);
	recorded = seconds();
	replay(&r);
	if (r.tape_in == NULL)
		print(&r, recorded - start, seconds() - recorded);
	if (r.bad > 0)
		complain(&r);
	return r.bad > 0 ? 2 : 0;
}
