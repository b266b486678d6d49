/* SPDX-License-Identifier: ISC */
/* link: queued/store.a common/base.a */
/*
 * What the store alone does on a disk: messages made durable per second with
 * 1, 8 and 64 in a batch, each done with one batch later, as in fast relay.
 * Then a queue of many messages: memory, and the time to open it.
 *
 *	storebench [-n queued] [-s bytes] [-t seconds] DIRECTORY
 *
 * The directory must be empty; what is made in it is left there.
 */
#include <stdio.h>
#include <string.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <bsd/stdlib.h>

#include "queued/store/envelope.h"
#include "queued/store/store.h"

#define BATCH_MAX   64
#define SAMPLES_MAX 1000000

struct bench {
	struct store *s;
	int dirfd;
	size_t size;
	double seconds;
	uint64_t next_id;
	uint8_t *body;
	double *samples;
	size_t nsamples;
};

static double
now(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_MONOTONIC, &ts) == -1)
		err(1, "clock_gettime");
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double
cpu(void)
{
	return (double)clock() / CLOCKS_PER_SEC;
}

static void
on_event(void *arg, const struct store_event *ev)
{
	(void)arg;
	warnx("%s: %s", store_event_name(ev->kind), ev->text);
}

static void
on_message(void *arg, const struct store_msg *m)
{
	(void)m;
	++*(size_t *)arg;
}

static void
upkeep(struct bench *b)
{
	int r;

	while ((r = store_maintain(b->s)) == 1)
		;
	if (r == -1)
		err(1, "store_maintain");
}

static size_t
open_store(struct bench *b)
{
	size_t n = 0;
	struct store_callbacks cb = { .arg = &n,
		.message = on_message,
		.event = on_event };

	if (store_open(&b->s, store_ops_posix(), b->dirfd, NULL, &cb) == -1)
		err(1, "store_open");
	return n;
}

static struct store_loc
append(struct bench *b)
{
	struct envelope e = { .id = b->next_id++,
		.accepted = 1,
		.size = b->size,
		.origin = ENV_EXT,
		.nrcpt = 1,
		.sender = "someone@example.org",
		.helo = "mx.example.org" };
	struct env_rcpt r = { .addr = "user@example.com", .addr_len = 16 };
	struct iovec iov = { b->body, b->size };
	struct store_loc loc;
	uint8_t env[512];
	ssize_t n, m;

	if ((n = env_put(env, sizeof(env), &e)) == -1)
		err(1, "envelope");
	m = env_put_rcpt(env + n, sizeof(env) - (size_t)n, &r);
	if (m == -1)
		err(1, "envelope");
	if (store_append(b->s, e.id, env, (size_t)(n + m), &iov, 1, &loc) == -1)
		err(1, "store_append");
	return loc;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
report(struct bench *b, size_t batch, double took, double used)
{
	double n = (double)(b->nsamples * batch);

	qsort(b->samples, b->nsamples, sizeof(*b->samples), by_value);
	printf("batch %2zu: %9.0f msg/s  commit p50 %6.3f ms p99 %6.3f ms  "
	       "CPU %5.1f us/msg\n",
	    batch, n / took, b->samples[b->nsamples / 2] * 1e3,
	    b->samples[b->nsamples * 99 / 100] * 1e3, used / n * 1e6);
}

static void
relay(struct bench *b, size_t batch)
{
	struct store_loc locs[BATCH_MAX];
	double start = now(), used = cpu(), t;
	size_t i, before = 0;

	b->nsamples = 0;
	while (now() - start < b->seconds && b->nsamples < SAMPLES_MAX) {
		t = now();
		for (i = 0; i < before; i++)
			if (store_done(b->s, locs[i]) == -1)
				err(1, "store_done");
		for (i = 0; i < batch; i++)
			locs[i] = append(b);
		before = batch;
		if (store_commit(b->s) == -1)
			err(1, "store_commit");
		b->samples[b->nsamples++] = now() - t;
		if (store_maintain(b->s) == -1)
			err(1, "store_maintain");
	}
	report(b, batch, now() - start, cpu() - used);
	for (i = 0; i < before; i++)
		if (store_done(b->s, locs[i]) == -1)
			err(1, "store_done");
	if (store_commit(b->s) == -1)
		err(1, "store_commit");
	upkeep(b);
}

/* A queue that only grows, and how long the next start takes. */
static void
queue(struct bench *b, size_t n)
{
	struct store_stats st;
	double t = now();
	size_t i;

	for (i = 0; i < n; i++) {
		(void)append(b);
		if (i % BATCH_MAX == 0 && store_commit(b->s) == -1)
			err(1, "store_commit");
		if (i % BATCH_MAX == 0 && store_maintain(b->s) == -1)
			err(1, "store_maintain");
	}
	if (store_commit(b->s) == -1)
		err(1, "store_commit");
	t = now() - t;
	store_get_stats(b->s, &st);
	printf("queued %zu: %.0f msg/s, %.1f bytes of memory each, "
	       "%u segments, %llu as files\n",
	    n, (double)n / t, (double)st.memory / (double)st.messages,
	    st.segments, (unsigned long long)st.spilled);
	store_close(b->s);
	t = now();
	i = open_store(b);
	printf("opened again: %zu messages in %.2f s\n", i, now() - t);
}

int
main(int argc, char **argv)
{
	struct bench b = { .size = 4096, .seconds = 3, .next_id = 1ULL << 40 };
	const char *error = NULL;
	size_t queued = 0;
	int ch;

	while ((ch = getopt(argc, argv, "n:s:t:")) != -1) {
		if (ch == 'n')
			queued = (size_t)strtonum(optarg, 1, 10000000, &error);
		else if (ch == 's')
			b.size = (size_t)strtonum(optarg, 1, 1 << 20, &error);
		else if (ch == 't')
			b.seconds = (double)strtonum(optarg, 1, 60, &error);
		else
			error = "unknown option";
		if (error != NULL)
			errx(1, "-%c: %s", ch, error);
	}
	if (argc - optind != 1)
		errx(1,
		    "usage: storebench [-n queued] [-s bytes] "
		    "[-t seconds] directory");
	b.dirfd = open(argv[optind], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	b.body = malloc(b.size);
	b.samples = reallocarray(NULL, SAMPLES_MAX, sizeof(*b.samples));
	if (b.dirfd == -1 || b.body == NULL || b.samples == NULL)
		err(1, "%s", argv[optind]);
	memset(b.body, 'x', b.size);
	(void)open_store(&b);
	upkeep(&b);
	relay(&b, 1);
	relay(&b, 8);
	relay(&b, 64);
	if (queued > 0)
		queue(&b, queued);
	store_close(b.s);
	free(b.body);
	free(b.samples);
	return 0;
}
