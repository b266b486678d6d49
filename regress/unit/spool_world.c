/* SPDX-License-Identifier: ISC */
/* See spool_world.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <cmocka.h>

#include "queued/store/crc32c.h"
#include "queued/store/envelope.h"
#include "queued/store/record.h"
#include "queued/store/state.h"
#include "regress/unit/remove_below.h"
#include "regress/unit/spool_world.h"

#define SEG1	   "seg.00000001"
#define DIRS_SHIFT 35
#define ACCEPTED   1800000000000ULL
#define TEXT_MAX   (1024 * 1024)

static const struct store_params params = {
	.segment_size = 1024 * 1024,
	.spill_threshold = 4096,
	.eager = true,
};

const char *
sw_id(uint64_t id)
{
	static char str[MSGID_STRLEN];

	return msgid_fmt(id, str);
}

/* --- making and using stores --- */

void
sw_open(struct spool_world *w, int which)
{
	assert_int_equal(store_open(&w->s[which], store_ops_posix(),
			     w->sp.stores[which], &params, NULL),
	    0);
	while (store_maintain(w->s[which]) == 1)
		;
}

void
sw_close(struct spool_world *w, int which)
{
	store_close(w->s[which]);
	w->s[which] = NULL;
	/* the lock is the descriptor's */
	(void)close(w->sp.stores[which]);
	w->sp.stores[which] = spool_dir_open(w->sp.root, spool_names[which]);
	assert_true(w->sp.stores[which] != -1);
}

static size_t
envelope(const struct spool_world *w, int which, uint64_t id, size_t size,
    uint8_t *env, size_t cap)
{
	static struct envelope e;
	struct env_rcpt r = { .notify = NOTIFY_FAILURE,
		.orcpt = "rfc822;a",
		.orcpt_len = 8 };
	char addr[32];
	ssize_t n, k;

	memset(&e, 0, sizeof(e));
	e.id = id;
	e.accepted = ACCEPTED;
	e.size = size;
	e.origin = which == 0 || w->origin_of_all ? ENV_EXT : ENV_INT;
	e.nrcpt = 3;
	e.flags = MSG_F_ESMTP | MSG_F_8BITMIME;
	e.ret = RET_HDRS;
	e.client.family = NETADDR_V4;
	memcpy(e.client.bytes, "\xc0\x00\x02\x01", 4);
	e.client.port = 25;
	strcpy(e.sender, "s@example.org");
	strcpy(e.helo, "mx.example.org");
	strcpy(e.envid, "env-1");
	n = env_put(env, cap, &e);
	assert_true(n > 0);
	for (; r.index < 3; r.index++) {
		r.addr = addr;
		r.addr_len = (uint16_t)snprintf(addr, sizeof(addr),
		    "a%u@example.com", r.index);
		k = env_put_rcpt(env + n, cap - (size_t)n, &r);
		assert_true(k > 0);
		n += k;
	}
	return (size_t)n;
}

static struct store_loc
append(struct spool_world *w, int which, uint64_t id, size_t size)
{
	static uint8_t body[64 * 1024];
	uint8_t env[1024];
	size_t len = envelope(w, which, id, size, env, sizeof(env)), i;
	struct store_source src = { .head = { body, size } };
	struct iovec iov = { body, size };
	struct store_loc loc;

	for (i = 0; i < size; i++)
		body[i] = (uint8_t)('a' + (i + id + (id >> 20)) % 26);
	if (size <= params.spill_threshold) {
		assert_int_equal(store_append(w->s[which], id, env, len, &iov,
				     1, &loc),
		    0);
	} else {
		src.fd = w->sp.root;
		assert_int_equal(store_append_fd(w->s[which], id, env, len,
				     &src, &loc),
		    0);
	}
	return loc;
}

static void
set_state(struct spool_world *w, int which, struct store_loc loc, bool held)
{
	struct store_rcpt r[2] = {
		{ .index = 0,
		    .status = 1,
		    .code = 250,
		    .attempts = 1,
		    .text = "ok",
		    .text_len = 2 },
		{ .index = 1,
		    .status = 3,
		    .code = 450,
		    .attempts = 2,
		    .text = "busy",
		    .text_len = 4 },
	};
	struct store_extra x = { STORE_EXTRA_MIN, 0, NULL };
	struct store_state st = { .set = STORE_SET_NEXT | STORE_SET_ATTEMPTS |
		    STORE_SET_TEXT,
		.attempts = 2,
		.next = ACCEPTED + 60000,
		.rcpts = r,
		.nrcpts = 2,
		.extras = &x,
		.nextras = 1,
		.text = "poison",
		.text_len = 6 };

	if (held) {
		st.set |= STORE_SET_HELD | STORE_SET_POISON;
		st.held = true;
		st.poison = 2;
	}
	assert_int_equal(store_state(w->s[which], loc, &st), 0);
}

void
sw_add(struct spool_world *w, int which, uint64_t id, size_t size)
{
	sw_open(w, which);
	(void)append(w, which, id, size);
	assert_int_equal(store_commit(w->s[which]), 0);
	sw_close(w, which);
}

/* n messages that stay: the first is done with, some have states. */
static void
fill(struct spool_world *w, int which, unsigned n)
{
	uint64_t id = (uint64_t)(5 + which) << 50;
	struct store_loc loc = { 0 }, first;
	unsigned i;

	sw_open(w, which);
	first = append(w, which, id++, 500);
	for (i = 0; i < n; i++, id += 1ULL << 30) {
		loc = append(w, which, id, i % 5 == 3 ? 9000 : 300 + 100 * i);
		assert_int_equal(store_commit(w->s[which]), 0);
		if (i % 3 == 1)
			set_state(w, which, loc, i == 4);
		if (which == 0 && i == 0)
			w->small = id;
		if (which == 0 && i == 3)
			w->big = id;
		if (which == 0 && i == 4)
			w->held = id;
	}
	assert_int_equal(store_done(w->s[which], first), 0);
	assert_int_equal(store_commit(w->s[which]), 0);
	/* so that no damage is taken for a torn end */
	assert_int_equal(store_state(w->s[which], loc,
			     &(struct store_state){
				 .set = STORE_SET_ATTEMPTS }),
	    0);
	assert_int_equal(store_commit(w->s[which]), 0);
	sw_close(w, which);
}

void
sw_empty(struct spool_world *w)
{
	int i;

	memset(w, 0, sizeof(*w));
	strcpy(w->path, "/tmp/postern-spool-XXXXXX");
	assert_non_null(mkdtemp(w->path));
	w->sp.root = open(w->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(w->sp.root != -1);
	w->sp.target = -1;
	for (i = 0; i < SPOOL_STORES; i++) {
		assert_int_equal(mkdirat(w->sp.root, spool_names[i], 0700), 0);
		w->sp.stores[i] = spool_dir_open(w->sp.root, spool_names[i]);
		assert_true(w->sp.stores[i] != -1);
		w->sp.wanted[i] = true;
	}
}

void
sw_init(struct spool_world *w)
{
	sw_empty(w);
	fill(w, 0, 9);
	fill(w, 1, 5);
}

void
sw_free(struct spool_world *w)
{
	int i;

	free(w->out);
	free(w->err);
	remove_below(w->sp.root, ".");
	for (i = 0; i < SPOOL_STORES; i++)
		(void)close(w->sp.stores[i]);
	if (w->sp.target != -1)
		(void)close(w->sp.target);
	(void)close(w->sp.root);
	assert_int_equal(rmdir(w->path), 0);
}

/* --- looking --- */

static int
count_one(void *arg, const struct store_msg *m)
{
	unsigned *n = arg;

	(void)m;
	(*n)++;
	return 0;
}

unsigned
sw_count(struct spool_world *w)
{
	unsigned n = 0;
	int i;

	for (i = 0; i < SPOOL_STORES; i++) {
		sw_open(w, i);
		assert_int_equal(store_each(w->s[i], count_one, &n), 0);
		sw_close(w, i);
	}
	return n;
}

struct finish {
	struct store_loc locs[64];
	size_t n;
};

static int
note_loc(void *arg, const struct store_msg *m)
{
	struct finish *f = arg;

	f->locs[f->n++] = m->loc;
	return 0;
}

void
sw_done_all(struct spool_world *w)
{
	struct finish f = { .n = 0 };
	int i;

	for (i = 0; i < SPOOL_STORES; i++) {
		sw_open(w, i);
		assert_int_equal(store_each(w->s[i], note_loc, &f), 0);
		while (f.n > 0)
			assert_int_equal(store_done(w->s[i], f.locs[--f.n]), 0);
		assert_int_equal(store_commit(w->s[i]), 0);
		sw_close(w, i);
	}
}

struct text {
	struct spool_world *w;
	FILE *f;
	int which;
};

static int
describe(void *arg, const struct store_msg *m)
{
	struct text *t = arg;
	uint8_t *body = malloc(m->size + 1), state[4096];
	size_t len = state_size(&m->state);

	assert_non_null(body);
	assert_true(len <= sizeof(state));
	assert_int_equal(store_read(t->w->s[t->which], m->loc, 0, body,
			     m->size),
	    m->size);
	if (len > 0)
		state_put(state, &m->state);
	(void)fprintf(t->f, "%s %s %llu %08x %08x %08x\n",
	    spool_names[t->which], sw_id(m->loc.id),
	    (unsigned long long)m->size, crc32c(0, body, m->size),
	    crc32c(0, m->env, m->env_len), crc32c(0, state, len));
	free(body);
	return 0;
}

char *
sw_describe(struct spool_world *w)
{
	struct text t = { .w = w };
	char *text = NULL;
	size_t len;

	t.f = open_memstream(&text, &len);
	assert_non_null(t.f);
	for (t.which = 0; t.which < SPOOL_STORES; t.which++) {
		sw_open(w, t.which);
		assert_int_equal(store_each(w->s[t.which], describe, &t), 0);
		sw_close(w, t.which);
	}
	(void)fclose(t.f);
	return text;
}

int
sw_run(struct spool_world *w, int (*work)(const struct spool *))
{
	int rc;

	free(w->out);
	free(w->err);
	w->sp.out = open_memstream(&w->out, &w->out_len);
	w->sp.err = open_memstream(&w->err, &w->err_len);
	assert_true(w->sp.out != NULL && w->sp.err != NULL);
	rc = work(&w->sp);
	(void)fclose(w->sp.out);
	(void)fclose(w->sp.err);
	if (getenv("SPOOL_VERBOSE") != NULL)
		(void)fprintf(stderr, "%d\n%s%s", rc, w->out, w->err);
	return rc;
}

void
sw_target(struct spool_world *w)
{
	assert_int_equal(mkdirat(w->sp.root, "export", 0700), 0);
	w->sp.target = spool_dir_open(w->sp.root, "export");
	assert_true(w->sp.target != -1);
}

void
sw_use_target(struct spool_world *w, const struct spool_world *from)
{
	w->sp.target = spool_dir_open(from->sp.target, ".");
	assert_true(w->sp.target != -1);
}

bool
sw_exists(const struct spool_world *w, const char *name)
{
	return faccessat(w->sp.target, name, F_OK, 0) == 0;
}

/* --- damage --- */

static void
flip(int dir, const char *name, off_t at)
{
	int fd = openat(dir, name, O_RDWR | O_CLOEXEC);
	uint8_t byte;

	assert_true(fd != -1);
	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	(void)close(fd);
}

void
sw_flip(struct spool_world *w, int which, uint16_t type, unsigned nth,
    size_t at)
{
	struct rec_place place = { .off = SEG_DATA };
	struct seg_header h;
	struct rec r;
	uint8_t *seg;
	size_t len;

	seg = spool_file_read(w->sp.stores[which], SEG1, &len);
	assert_non_null(seg);
	assert_int_equal(seg_header_get(seg, &h), SEG_OK);
	place.seq = h.seq;
	place.epoch = h.epoch;
	for (;; place.off += rec_total(r.len)) {
		assert_int_equal(rec_get(seg + place.off, &r, &place), 0);
		if (r.type == type && nth-- == 0)
			break;
	}
	free(seg);
	w->flipped[0] = '\0';
	if (r.id != 0)
		(void)msgid_fmt(r.id, w->flipped);
	flip(w->sp.stores[which], SEG1, (off_t)(place.off + at));
}

void
sw_version(struct spool_world *w, int which, uint32_t version)
{
	int fd = openat(w->sp.stores[which], SEG1, O_RDWR | O_CLOEXEC);
	uint8_t header[SEG_HEADER];
	struct seg_header h;

	assert_true(fd != -1);
	assert_int_equal(pread(fd, header, sizeof(header), 0), SEG_HEADER);
	assert_int_equal(seg_header_get(header, &h), SEG_OK);
	h.version = version;
	seg_header_put(header, &h);
	assert_int_equal(pwrite(fd, header, sizeof(header), 0), SEG_HEADER);
	(void)close(fd);
}

void
sw_remove_segments(struct spool_world *w, int which)
{
	char name[32];
	int i;

	for (i = 1; i < 20; i++) {
		(void)snprintf(name, sizeof(name), "seg.%08d", i);
		(void)unlinkat(w->sp.stores[which], name, 0);
	}
}

static void
body_name(char name[40], uint64_t id)
{
	char top[MSGID_STRLEN], str[MSGID_STRLEN];

	(void)msgid_fmt((id >> DIRS_SHIFT & 1023) << DIRS_SHIFT, top);
	(void)snprintf(name, 40, "msg/%.2s/%s", top + 4, msgid_fmt(id, str));
}

void
sw_remove_body(struct spool_world *w, uint64_t id)
{
	char name[40];

	body_name(name, id);
	assert_int_equal(unlinkat(w->sp.stores[0], name, 0), 0);
}

void
sw_flip_body(struct spool_world *w, uint64_t id, off_t at)
{
	char name[40];

	body_name(name, id);
	flip(w->sp.stores[0], name, at);
}

void
sw_copy_body(struct spool_world *w, uint64_t id, uint64_t to)
{
	char from[40], name[40];

	body_name(from, id);
	body_name(name, to);
	assert_int_equal(linkat(w->sp.stores[0], from, w->sp.stores[0], name,
			     0),
	    0);
}

void
sw_flip_target(struct spool_world *w, const char *name, size_t at)
{
	int fd = openat(w->sp.target, name, O_RDONLY | O_CLOEXEC);
	struct stat st;

	assert_true(fd != -1);
	assert_int_equal(fstat(fd, &st), 0);
	(void)close(fd);
	flip(w->sp.target, name, (off_t)at % st.st_size);
}

static int
find_notes(void *arg, const char *name)
{
	char *found = arg;

	if (strncmp(name, "import.", 7) == 0)
		(void)snprintf(found, 40, "%s", name);
	return 0;
}

void
sw_cut_notes(struct spool_world *w, size_t bytes)
{
	const struct store_ops *ops = store_ops_posix();
	char name[40] = "";
	struct stat st;
	int fd;

	assert_int_equal(ops->list(ops->ctx, w->sp.root, ".", find_notes, name),
	    0);
	fd = openat(w->sp.root, name, O_RDWR | O_CLOEXEC);
	assert_true(fd != -1);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(ftruncate(fd, st.st_size - (off_t)bytes), 0);
	(void)close(fd);
}
