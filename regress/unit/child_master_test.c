/* SPDX-License-Identifier: ISC */
/* link: common/msg/child_master.o common/base/ibuf.o common/base/netaddr.o */
/* link: common/base/proc.o common/base/conf.o */
/* Edge 1: round trips, every truncation, one byte more, values out of range. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <bsd/string.h>

#include <cmocka.h>

#include "common/base/chan.h"
#include "common/base/child.h"
#include "common/base/sandbox.h"
#include "common/msg/child_master.h"

#define NELEMS(a) (sizeof(a) / sizeof((a)[0]))

static const struct cm_hello hello = { .version = CM_VERSION,
	.self = { PROC_SMTPD_IN, SIDE_INT, 15 },
	.uid = 0xfffffffe,
	.gid = 1000,
	.flags = CM_HELLO_TRAP | CM_HELLO_DEBUG,
	.nslots = 40,
	.chroot_dir = "/run/postern/empty" };
static const struct cm_peer peer = { { PROC_QUEUED, PROC_SIDE_NONE, 0 }, 3 };
static const struct cm_fd fd = { CHILD_FD_KEYS, 0xdeadbeef };
static const struct cm_sandboxed sandboxed = { 1, 7, 48,
	SANDBOX_NO_LANDLOCK_NET };
static const struct cm_ready ready = { 0x01020304 };
static const struct cm_tickets tickets = { 2, { { 1, 2 }, { 3, 4 } } };
static const struct cm_attack attack = { "socket-fastopen", CM_ATTACK_KILLED,
	31 };
static const struct cm_violation violation = { { PROC_CONND, SIDE_EXT, 0 },
	CHAN_V_FLOOD };

/* One function type for all of them; each is called through its own below. */
#define WRAP(name)                                                             \
	static int put_##name##_any(struct ibuf *b, const void *m)             \
	{                                                                      \
		return put_cm_##name(b, m);                                    \
	}                                                                      \
	static int get_##name##_any(struct ibuf *b, void *m)                   \
	{                                                                      \
		return get_cm_##name(b, m);                                    \
	}
WRAP(hello)
WRAP(peer)
WRAP(fd)
WRAP(sandboxed)
WRAP(ready)
WRAP(violation)
WRAP(tickets)
WRAP(attack)

#define ROW(name, len)                                                         \
	{                                                                      \
#name, put_##name##_any, get_##name##_any, &(name),            \
		    sizeof(name), len                                          \
	}
static const struct {
	const char *name;
	int (*put)(struct ibuf *, const void *);
	int (*get)(struct ibuf *, void *);
	const void *value;
	size_t size, len;
} codecs[] = {
	ROW(hello, CM_HELLO_MIN + 18),
	ROW(peer, CM_PEER_LEN),
	ROW(fd, CM_FD_LEN),
	ROW(sandboxed, CM_SANDBOXED_LEN),
	ROW(ready, CM_READY_LEN),
	ROW(violation, CM_VIOLATION_LEN),
	ROW(tickets, CM_TICKETS_LEN),
	ROW(attack, CM_ATTACK_MIN + 15),
};

static size_t
encode(size_t i, uint8_t *mem, size_t cap)
{
	struct ibuf b;

	memset(mem, 0x11, cap);
	ibuf_wrap(&b, mem, cap);
	assert_int_equal(codecs[i].put(&b, codecs[i].value), 0);
	return ibuf_size(&b);
}

static int
decode(size_t i, const uint8_t *mem, size_t len, void *out)
{
	struct ibuf b;
	int rc;

	memset(out, 0, codecs[i].size);
	ibuf_from(&b, mem, len);
	errno = 0;
	rc = codecs[i].get(&b, out);
	if (rc == -1)
		assert_int_equal(errno, EBADMSG);
	return rc;
}

static void
test_round_trip(void **state)
{
	uint8_t mem[CM_HELLO_MAX + 8], out[sizeof(struct cm_hello)];
	uint8_t again[sizeof(mem)];
	size_t i, len;
	struct ibuf b;

	(void)state;
	for (i = 0; i < NELEMS(codecs); i++) {
		len = encode(i, mem, sizeof(mem));
		if (len != codecs[i].len)
			fail_msg("%s takes %zu", codecs[i].name, len);
		assert_int_equal(decode(i, mem, len, out), 0);
		ibuf_wrap(&b, again, sizeof(again));
		assert_int_equal(codecs[i].put(&b, out), 0);
		assert_int_equal(ibuf_size(&b), len);
		assert_memory_equal(mem, again, len);
	}
}

static void
test_lengths(void **state)
{
	uint8_t mem[CM_HELLO_MAX + 8], out[sizeof(struct cm_hello)];
	static const uint8_t zero[sizeof(out)];
	size_t i, len, cut;

	(void)state;
	for (i = 0; i < NELEMS(codecs); i++) {
		len = encode(i, mem, sizeof(mem));
		for (cut = 0; cut <= len + 2; cut++) {
			if (cut == len)
				continue;
			if (decode(i, mem, cut, out) != -1)
				fail_msg("%s, %zu of %zu bytes", codecs[i].name,
				    cut, len);
			assert_memory_equal(out, zero, codecs[i].size);
		}
	}
}

static void
test_no_room(void **state)
{
	uint8_t mem[CM_HELLO_MAX];
	struct ibuf b;
	size_t i, room;

	(void)state;
	for (i = 0; i < NELEMS(codecs); i++) {
		for (room = 0; room < codecs[i].len; room++) {
			ibuf_wrap(&b, mem, room);
			assert_int_equal(codecs[i].put(&b, codecs[i].value),
			    -1);
		}
	}
}

/* One byte of a good message changed, so that it is good no more. */
static const struct {
	const char *codec;
	size_t at;
	uint8_t value;
} spoilt[] = {
	{ "hello", 0, 1 },	  /* version */
	{ "hello", 3, 0 },	  /* version */
	{ "hello", 3, 2 },	  /* version */
	{ "hello", 4, PROC_MAX }, /* process */
	{ "hello", 4, 255 },	  /* process */
	{ "hello", 5, 3 },	  /* side */
	{ "hello", 6, 16 },	  /* worker */
	{ "hello", 15, 1 },	  /* flags */
	{ "hello", 18, 16 | 5 },  /* flags */
	{ "hello", 20, 0 },	  /* slots: none */
	{ "hello", 22, 17 },	  /* string shorter than the rest */
	{ "hello", 22, 19 },	  /* and longer */
	{ "hello", 23, 'r' },	  /* relative */
	{ "hello", 24, 0 },	  /* NUL inside */
	{ "hello", 24, '\n' },
	{ "peer", 0, PROC_MAX },
	{ "peer", 1, 3 },
	{ "peer", 2, 16 },
	{ "peer", 4, 0 }, /* slot 0 is posternd's */
	{ "fd", 3, 0 },
	{ "fd", 3, CHILD_FD_KEYS + 1 },
	{ "fd", 0, 1 },
	{ "sandboxed", 0, 2 },
	{ "sandboxed", 7, 16 },
	{ "sandboxed", 4, 1 },
	{ "violation", 0, PROC_MAX },
	{ "violation", 1, 3 },
	{ "violation", 6, 0 },
	{ "violation", 6, CHAN_V_ERROR + 1 },
	{ "violation", 3, 1 },
	{ "attack", 1, 14 }, /* string shorter than the rest */
	{ "attack", 2, 0 },  /* NUL inside */
	{ "attack", 17, 0 }, /* outcome */
	{ "attack", 17, CM_ATTACK_GAINED + 1 },
	{ "tickets", 0, 1 },
	{ "tickets", 3, CM_TICKET_KEYS + 1 },
};

static size_t
codec(const char *name)
{
	size_t i;

	for (i = 0; strcmp(codecs[i].name, name) != 0; i++)
		assert_true(i + 1 < NELEMS(codecs));
	return i;
}

static void
test_spoilt(void **state)
{
	uint8_t mem[CM_HELLO_MAX], out[sizeof(struct cm_hello)];
	size_t i, k, len;

	(void)state;
	for (i = 0; i < NELEMS(spoilt); i++) {
		k = codec(spoilt[i].codec);
		len = encode(k, mem, sizeof(mem));
		assert_true(spoilt[i].at < len);
		assert_int_not_equal(mem[spoilt[i].at], spoilt[i].value);
		mem[spoilt[i].at] = spoilt[i].value;
		if (decode(k, mem, len, out) != -1)
			fail_msg("%s with %u at %zu", spoilt[i].codec,
			    spoilt[i].value, spoilt[i].at);
	}
}

static void
test_hello_path(void **state)
{
	struct cm_hello in = hello, out;
	uint8_t mem[CM_HELLO_MAX + CONF_PATH_MAX];
	struct ibuf b;

	(void)state;
	memset(in.chroot_dir, 'x', sizeof(in.chroot_dir));
	in.chroot_dir[0] = '/';
	in.chroot_dir[CONF_PATH_MAX - 1] = '\0';
	ibuf_wrap(&b, mem, sizeof(mem));
	assert_int_equal(put_cm_hello(&b, &in), 0);
	assert_true(ibuf_size(&b) <= CM_HELLO_MAX);
	assert_int_equal(get_cm_hello(&b, &out), 0);
	assert_string_equal(out.chroot_dir, in.chroot_dir);
	/* one byte longer than a path may be, of the right whole length */
	ibuf_wrap(&b, mem, sizeof(mem));
	in.chroot_dir[0] = '\0';
	(void)put_cm_hello(&b, &in);
	b.wpos -= 2;
	(void)ibuf_add_n16(&b, CONF_PATH_MAX);
	memset(ibuf_reserve(&b, CONF_PATH_MAX), '/', CONF_PATH_MAX);
	assert_int_equal(get_cm_hello(&b, &out), -1);
	/* empty: not a place to change to */
	ibuf_wrap(&b, mem, sizeof(mem));
	(void)put_cm_hello(&b, &in);
	assert_int_equal(ibuf_size(&b), CM_HELLO_MIN);
	assert_int_equal(get_cm_hello(&b, &out), -1);
}

/* A peer is part of other messages: it leaves the rest, and fails them. */
static void
test_peer_part(void **state)
{
	const struct peer p = { PROC_SMTPD_OUT, SIDE_EXT, 2 };
	struct peer out;
	uint8_t mem[8], n8;
	struct ibuf b;

	(void)state;
	ibuf_wrap(&b, mem, sizeof(mem));
	assert_int_equal(put_peer(&b, &p), 0);
	assert_int_equal(ibuf_add_n8(&b, 99), 0);
	assert_int_equal(get_peer(&b, &out), 0);
	assert_int_equal(out.proc, p.proc);
	assert_int_equal(out.side, p.side);
	assert_int_equal(out.index, p.index);
	assert_int_equal(ibuf_get_n8(&b, &n8), 0);
	assert_int_equal(n8, 99);

	ibuf_wrap(&b, mem, sizeof(mem));
	(void)ibuf_add(&b, "\xff\0\0\0", 4);
	assert_int_equal(get_peer(&b, &out), -1);
	assert_true(ibuf_failed(&b));
	assert_int_equal(ibuf_get_n8(&b, &n8), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_spoilt),
		cmocka_unit_test(test_hello_path),
		cmocka_unit_test(test_peer_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
