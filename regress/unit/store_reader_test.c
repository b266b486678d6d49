/* SPDX-License-Identifier: ISC */
/* link: regress/unit/remove_below.o queued/store.a common/base.a */
/*
 * The store on a real file system, and its spool read by the independent
 * reader in regress/store, written from spool(5): both see the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <cmocka.h>

#include "queued/store/crc32c.h"
#include "queued/store/envelope.h"
#include "queued/store/state.h"
#include "queued/store/store.h"
#include "regress/unit/remove_below.h"

#define OUTPUT (256 * 1024)

struct spool {
	char path[64];
	int fd;
	struct store *s;
	struct store_loc locs[400];
	size_t n;
	uint64_t next_id;
};

static const struct store_params params = {
	.segment_size = 64 * 1024,
	.spill_threshold = 4096,
	.eager = true,
	.max_live_segments = 2,
};

static void
spool_open(struct spool *sp)
{
	assert_int_equal(store_open(&sp->s, store_ops_posix(), sp->fd, &params,
			     NULL),
	    0);
	while (store_maintain(sp->s) == 1)
		;
}

static void
spool_make(struct spool *sp)
{
	memset(sp, 0, sizeof(*sp));
	strcpy(sp->path, "/tmp/postern-store-XXXXXX");
	assert_non_null(mkdtemp(sp->path));
	sp->fd = open(sp->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(sp->fd != -1);
	sp->next_id = 1ULL << 40;
	spool_open(sp);
}

static void
spool_remove(struct spool *sp)
{
	remove_below(sp->fd, ".");
	(void)close(sp->fd);
	assert_int_equal(rmdir(sp->path), 0);
}

static void
append(struct spool *sp, size_t size)
{
	static uint8_t body[20000];
	uint8_t env[1024];
	struct envelope e = { .id = sp->next_id,
		.accepted = 1,
		.size = size,
		.origin = ENV_INT,
		.nrcpt = 2 };
	struct env_rcpt r = { .addr = "a@example.com", .addr_len = 13 };
	struct iovec iov = { body, size };
	ssize_t n, m;
	int i;

	memset(body, 'a' + (int)(sp->n % 26), size);
	(void)snprintf(e.sender, sizeof(e.sender), "u%zu@example.net", sp->n);
	n = env_put(env, sizeof(env), &e);
	for (i = 0; i < 2; i++) {
		m = env_put_rcpt(env + n, sizeof(env) - (size_t)n, &r);
		assert_true(m > 0);
		n += m;
	}
	if (size <= params.spill_threshold) {
		assert_int_equal(store_append(sp->s, e.id, env, (size_t)n, &iov,
				     1, &sp->locs[sp->n++]),
		    0);
	} else {
		struct store_source src = { .head = { body, 100 },
			.size = size - 100 };
		FILE *f = tmpfile();

		assert_non_null(f);
		src.fd = fileno(f);
		assert_int_equal(pwrite(src.fd, body, size - 100, 0),
		    size - 100);
		assert_int_equal(store_append_fd(sp->s, e.id, env, (size_t)n,
				     &src, &sp->locs[sp->n++]),
		    0);
		(void)fclose(f);
	}
	sp->next_id += 12345;
}

static void
record_state(struct spool *sp, size_t i, uint32_t attempt)
{
	struct store_rcpt r = { .index = attempt % 2,
		.status = 3,
		.reason = 20,
		.code = 450,
		.attempts = (uint16_t)attempt,
		.text = "busy",
		.text_len = 4 };
	struct store_extra x = { 0x100, 2, "xy" };
	struct store_state st = { .set = STORE_SET_ATTEMPTS | STORE_SET_NEXT |
		    STORE_SET_TEXT,
		.attempts = attempt,
		.next = 1000 * attempt,
		.text = "t",
		.text_len = 1,
		.rcpts = &r,
		.nrcpts = 1,
		.extras = &x,
		.nextras = attempt % 3 == 0 ? 1 : 0 };

	assert_int_equal(store_state(sp->s, sp->locs[i], &st), 0);
}

static void
work(struct spool *sp, size_t messages)
{
	size_t i, k;

	for (i = 0; i < messages; i++) {
		append(sp, i % 9 == 0 ? 5000 + i : 300 + i * 17 % 3700);
		if (i % 4 == 3) {
			k = sp->n - 2;
			record_state(sp, k, 1);
			record_state(sp, k, 2 + (uint32_t)i % 3);
		}
		if (i % 5 != 0 && i > 3)
			assert_int_equal(store_done(sp->s, sp->locs[sp->n - 3]),
			    0);
		if (i % 3 == 0 || i + 1 == messages) {
			assert_int_equal(store_commit(sp->s), 0);
			while (store_maintain(sp->s) == 1)
				;
		}
	}
}

/* --- what we see, in the words of the reader --- */

struct text {
	char *p;
	size_t len;
	struct store *s;
};

static void __attribute__((format(printf, 2, 3)))
add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->p + t->len, OUTPUT - t->len, fmt, ap);
	va_end(ap);
	assert_true(n >= 0 && (size_t)n < OUTPUT - t->len);
	t->len += (size_t)n;
}

static uint32_t
body_crc(struct store *s, const struct store_msg *m)
{
	static uint8_t body[20000];
	ssize_t n = store_read(s, m->loc, 0, body, sizeof(body));

	assert_int_equal(n, m->size);
	return crc32c(0, body, (size_t)n);
}

/* A state's items in the order of their tags, as they are on disk. */
static void
add_state(struct text *t, const struct store_state *st)
{
	struct store_state one = *st;
	uint8_t buf[2048];
	size_t len, off, i, k;
	uint16_t tag, wanted;

	len = state_size(&one);
	if (len == 0)
		return;
	assert_true(len <= sizeof(buf));
	state_put(buf, &one);
	for (wanted = 1; wanted <= 0x100; wanted++) {
		for (off = 0; off < len; off += 4 + k) {
			tag = (uint16_t)(buf[off] | buf[off + 1] << 8);
			k = (size_t)(buf[off + 2] | buf[off + 3] << 8);
			if (tag != wanted)
				continue;
			add(t, " %d:", tag);
			for (i = 0; i < k; i++)
				add(t, "%02x", buf[off + 4 + i]);
		}
	}
}

static int
describe(void *arg, const struct store_msg *m)
{
	struct text *t = arg;
	struct envelope e;

	assert_int_equal(env_get(m->env, m->env_len, &e), 0);
	add(t, "%016llx %s %llu %08x %u <%s>", (unsigned long long)m->loc.id,
	    m->spilled ? "file" : "log", (unsigned long long)m->size,
	    body_crc(t->s, m), e.nrcpt, e.sender);
	add_state(t, &m->state);
	add(t, "\n");
	return 0;
}

static void
read_by_us(struct spool *sp, struct text *t)
{
	struct store_params p = params;

	p.readonly = true;
	t->len = 0;
	t->p[0] = '\0';
	assert_int_equal(store_open(&t->s, store_ops_posix(), sp->fd, &p, NULL),
	    0);
	assert_int_equal(store_each(t->s, describe, t), 0);
	store_close(t->s);
}

/* False: it found damage that it cannot pass by. */
static bool
read_by_other(struct spool *sp, struct text *t)
{
	char command[256];
	FILE *f;

	(void)snprintf(command, sizeof(command),
	    "PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 "
	    "regress/store/reader.py %s 2>/dev/null",
	    sp->path);
	/* NOLINTNEXTLINE(cert-env33-c): our own words, for our own shell */
	f = popen(command, "r");
	assert_non_null(f);
	t->len = fread(t->p, 1, OUTPUT - 1, f);
	t->p[t->len] = '\0';
	return pclose(f) == 0;
}

static int
by_line(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static size_t
lines_of(struct text *t, char **lines, size_t max)
{
	char *p = t->p, *line;
	size_t n = 0;

	while ((line = strsep(&p, "\n")) != NULL && *line != '\0') {
		assert_true(n < max);
		lines[n++] = line;
	}
	qsort(lines, n, sizeof(*lines), by_line);
	return n;
}

static size_t
compare(struct spool *sp)
{
	struct text a = { .p = malloc(OUTPUT) }, b = { .p = malloc(OUTPUT) };
	char *la[400] = { NULL }, *lb[400] = { NULL };
	size_t n, m, i;

	if (a.p == NULL || b.p == NULL)
		abort();
	read_by_us(sp, &a);
	assert_true(read_by_other(sp, &b));
	n = lines_of(&a, la, 400);
	m = lines_of(&b, lb, 400);
	for (i = 0; i < n && i < m; i++)
		assert_string_equal(la[i], lb[i]);
	assert_int_equal(n, m);
	free(a.p);
	free(b.p);
	return n;
}

static void
test_reader(void **state)
{
	struct store_stats st;
	struct spool sp;
	size_t n;

	(void)state;
	spool_make(&sp);
	work(&sp, 150);
	store_get_stats(sp.s, &st);
	assert_true(st.spilled > 10 && st.segments >= 2);
	n = compare(&sp); /* also while it is in use */
	assert_int_equal(n, st.messages);
	store_close(sp.s); /* as a killed process leaves it */
	assert_int_equal(compare(&sp), n);
	spool_open(&sp);
	work(&sp, 60);
	store_close(sp.s);
	assert_true(compare(&sp) > 20);
	spool_remove(&sp);
}

/* Both draw the same conclusions from a log that was cut off. */
static void
test_reader_torn(void **state)
{
	static const uint8_t zeros[100];
	struct spool sp;
	size_t seen[4] = { 0 };
	off_t at;
	int fd;

	(void)state;
	spool_make(&sp);
	append(&sp, 500);
	append(&sp, 500);
	assert_int_equal(store_commit(sp.s), 0);
	append(&sp, 500);
	record_state(&sp, 0, 1);
	assert_int_equal(store_done(sp.s, sp.locs[1]), 0);
	assert_int_equal(store_commit(sp.s), 0);
	store_close(sp.s);
	fd = openat(sp.fd, "seg.00000001", O_RDWR | O_CLOEXEC);
	assert_true(fd != -1);
	for (at = 4096 + 2500; at > 4096; at -= (off_t)sizeof(zeros)) {
		seen[compare(&sp)]++;
		assert_int_equal(pwrite(fd, zeros, sizeof(zeros), at),
		    sizeof(zeros));
	}
	/* two with the DONE, three without it, two, one, none */
	assert_true(seen[0] > 0 && seen[1] > 0 && seen[2] > 0 && seen[3] > 0);
	(void)close(fd);
	spool_remove(&sp);
}

static int
highest_number(void *arg, const char *name)
{
	uint32_t *max = arg, n;

	if (strncmp(name, "seg.", 4) == 0) {
		n = (uint32_t)strtoul(name + 4, NULL, 10);
		if (n > *max)
			*max = n;
	}
	return 0;
}

/* Segments that were used more than once, in the order of their numbers. */
static void
test_reader_recycled(void **state)
{
	const struct store_ops *ops = store_ops_posix();
	struct store_stats st;
	struct spool sp;
	uint32_t max = 0;

	(void)state;
	spool_make(&sp);
	work(&sp, 300);
	store_get_stats(sp.s, &st);
	assert_int_equal(ops->list(ops->ctx, sp.fd, ".", highest_number, &max),
	    0);
	assert_true(max > st.segments + st.prepared);
	assert_int_equal(compare(&sp), st.messages);
	store_close(sp.s);
	spool_remove(&sp);
}

static void
overwrite(struct spool *sp, const char *name, off_t at, size_t len)
{
	uint8_t bytes[4096];
	size_t i;
	int fd = openat(sp->fd, name, O_RDWR | O_CLOEXEC);

	assert_true(fd != -1 && len <= sizeof(bytes));
	assert_int_equal(pread(fd, bytes, len, at), len);
	for (i = 0; i < len; i++)
		bytes[i] ^= 0x55;
	assert_int_equal(pwrite(fd, bytes, len, at), len);
	(void)close(fd);
}

static int
find_first(void *arg, const char *name)
{
	(void)snprintf(arg, 40, "%s", name);
	return 1;
}

/* Both see the same of a damaged log, and neither takes a damaged file. */
static void
test_reader_damage(void **state)
{
	static const off_t places[] = { 0, 4096, 4096 + 80, 4096 + 2000,
		4096 + 9000, 4096 + 9001 };
	const struct store_ops *ops = store_ops_posix();
	struct text t = { .p = malloc(OUTPUT) };
	char dir[40], name[90], file[40];
	struct spool sp;
	size_t n, i;

	(void)state;
	assert_non_null(t.p);
	spool_make(&sp);
	append(&sp, 5000);
	while (sp.n < 30) {
		append(&sp, 400);
		record_state(&sp, sp.n / 2, 1);
		assert_int_equal(store_commit(sp.s), 0);
	}
	store_close(sp.s);
	n = compare(&sp);
	assert_int_equal(n, 30);
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		overwrite(&sp, "seg.00000001", places[i], 3);
		assert_true(compare(&sp) >= n - 1);
		overwrite(&sp, "seg.00000001", places[i], 3);
	}
	assert_int_equal(compare(&sp), n);
	assert_int_equal(ops->list(ops->ctx, sp.fd, "msg", find_first, dir), 1);
	(void)snprintf(name, sizeof(name), "msg/%s", dir);
	assert_int_equal(ops->list(ops->ctx, sp.fd, name, find_first, file), 1);
	file[13] = '\0'; /* of the two, the message */
	(void)snprintf(name, sizeof(name), "msg/%s/%s", dir, file);
	overwrite(&sp, name, 4000, 1);
	assert_false(read_by_other(&sp, &t));
	assert_int_equal(store_check(ops, sp.fd, NULL,
			     &(struct store_report){ .lost = 0 }),
	    1);
	free(t.p);
	spool_remove(&sp);
}

/* Two owners at once: the second is turned away. */
static void
test_lock(void **state)
{
	struct spool sp;
	struct store *other;
	int fd;

	(void)state;
	spool_make(&sp);
	fd = open(sp.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd != -1);
	assert_int_equal(store_open(&other, store_ops_posix(), fd, &params,
			     NULL),
	    -1);
	assert_int_equal(errno, EWOULDBLOCK);
	(void)close(fd);
	store_close(sp.s);
	spool_remove(&sp);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reader),
		cmocka_unit_test(test_reader_torn),
		cmocka_unit_test(test_reader_recycled),
		cmocka_unit_test(test_reader_damage),
		cmocka_unit_test(test_lock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
