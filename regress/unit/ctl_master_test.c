/* SPDX-License-Identifier: ISC */
/* link: common/msg/ctl_master.o common/msg/child_master.o */
/* link: common/base/ibuf.o common/base/netaddr.o common/base/proc.o */
/* link: common/base/conf.o */
/* Edge 13: round trips, every truncation, a byte too many, wrong values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <bsd/string.h>

#include <cmocka.h>

#include "common/base/log.h"
#include "common/msg/ctl_master.h"

#define MEM 4096

static uint8_t mem[MEM];
static size_t len;

/* Any of the structures of this edge; which one is known by its codec. */
union any {
	struct ctm_status status;
	struct ctm_audit audit;
	struct ctm_chan chan;
	struct ctm_fd fd;
	struct ctm_text text;
	struct ctm_reloaded reloaded;
};

struct codec {
	const char *name;
	int (*put)(struct ibuf *, const union any *);
	int (*get)(struct ibuf *, union any *);
	size_t min, max;
	union any sample;
};

#define CODEC(x)                                                               \
	static int put_##x(struct ibuf *b, const union any *u)                 \
	{                                                                      \
		return put_ctm_##x(b, &u->x);                                  \
	}                                                                      \
	static int get_##x(struct ibuf *b, union any *u)                       \
	{                                                                      \
		return get_ctm_##x(b, &u->x);                                  \
	}
CODEC(status)
CODEC(audit)
CODEC(chan)
CODEC(fd)
CODEC(text)
CODEC(reloaded)

#define WORKER                                                                 \
	{                                                                      \
		PROC_SMTPD_IN, SIDE_EXT, 3                                     \
	}

static const struct codec codecs[] = {
	{ "status", put_status, get_status, CTM_STATUS_LEN, CTM_STATUS_LEN,
	    { .status = { 7, WORKER, 4242, 994, CTM_READY, 1, 3,
		  UINT64_C(1790000000123), 9 } } },
	{ "audit", put_audit, get_audit, CTM_AUDIT_MIN, CTM_AUDIT_MAX,
	    { .audit = { 7, WORKER, 4242, 994, 992, CTM_NETNS_NAMED,
		  CTM_ROOT_SPOOL, 1, 1, UINT64_C(0x8000000001), 5,
		  "/run/postern/empty", "ext" } } },
	{ "chan", put_chan, get_chan, CTM_CHAN_LEN, CTM_CHAN_LEN,
	    { .chan = { 7, 4, WORKER } } },
	{ "fd", put_fd, get_fd, CTM_FD_LEN, CTM_FD_LEN, { .fd = { 7, 1, 2 } } },
	{ "text", put_text, get_text, CTM_TEXT_MSG_MIN, CTM_TEXT_MSG_MAX,
	    { .text = { LOG_L_WARN, "postern.conf:3: mistyped" } } },
	{ "reloaded", put_reloaded, get_reloaded, CTM_RELOADED_LEN,
	    CTM_RELOADED_LEN, { .reloaded = { 1, 12 } } },
};

#define NCODECS (sizeof(codecs) / sizeof(codecs[0]))

static void
encode(const struct codec *c, const union any *u)
{
	struct ibuf b;

	ibuf_wrap(&b, mem, sizeof(mem));
	assert_int_equal(c->put(&b, u), 0);
	len = ibuf_size(&b);
}

static int
decode(const struct codec *c, size_t n, union any *u)
{
	struct ibuf b;

	ibuf_from(&b, mem, n);
	return c->get(&b, u);
}

static void
test_round_trip(void **state)
{
	uint8_t first[MEM];
	size_t first_len, i;
	union any u;

	(void)state;
	for (i = 0; i < NCODECS; i++) {
		encode(&codecs[i], &codecs[i].sample);
		assert_true(len >= codecs[i].min && len <= codecs[i].max);
		memcpy(first, mem, len);
		first_len = len;
		memset(&u, 0xa5, sizeof(u));
		assert_int_equal(decode(&codecs[i], len, &u), 0);
		encode(&codecs[i], &u);
		assert_int_equal(len, first_len);
		assert_memory_equal(mem, first, len);
	}
}

static void
test_lengths(void **state)
{
	union any u;
	size_t i, n;

	(void)state;
	for (i = 0; i < NCODECS; i++) {
		encode(&codecs[i], &codecs[i].sample);
		mem[len] = 0;
		for (n = 0; n < len; n++)
			assert_int_equal(decode(&codecs[i], n, &u), -1);
		assert_int_equal(decode(&codecs[i], len + 1, &u), -1);
	}
}

static void
refused(const struct codec *c, size_t at, uint8_t value)
{
	uint8_t old;
	union any u;

	encode(c, &c->sample);
	assert_true(at < len);
	old = mem[at];
	mem[at] = value;
	if (decode(c, len, &u) != -1)
		fail_msg("%s: byte %zu may be %u", c->name, at, value);
	mem[at] = old;
	assert_int_equal(decode(c, len, &u), 0);
}

static void
test_values(void **state)
{
	(void)state;
	/* program, side, state, best_effort */
	refused(&codecs[0], 4, PROC_MAX);
	refused(&codecs[0], 5, 3);
	refused(&codecs[0], 15, 0);
	refused(&codecs[0], 15, CTM_DEGRADED + 1);
	refused(&codecs[0], 16, 2);
	/* netns, root, seccomp, no_new_privs, a NUL in a path */
	refused(&codecs[1], 19, 0);
	refused(&codecs[1], 19, CTM_NETNS_EMPTY + 1);
	refused(&codecs[1], 20, 0);
	refused(&codecs[1], 20, CTM_ROOT_SPOOL + 1);
	refused(&codecs[1], 21, 2);
	refused(&codecs[1], 22, 2);
	refused(&codecs[1], 36, 0);
	/* level, a line end and a NUL in a line */
	refused(&codecs[4], 0, LOG_L_DEBUG);
	refused(&codecs[4], 0, 0);
	refused(&codecs[4], 5, '\n');
	refused(&codecs[4], 5, 0);
	refused(&codecs[5], 0, 2);
}

static void
test_longest(void **state)
{
	union any u = codecs[4].sample, v;

	(void)state;
	memset(u.text.text, 'x', CTM_TEXT_MAX);
	u.text.text[CTM_TEXT_MAX] = '\0';
	encode(&codecs[4], &u);
	assert_int_equal(len, CTM_TEXT_MSG_MAX);
	assert_int_equal(decode(&codecs[4], len, &v), 0);
	assert_string_equal(u.text.text, v.text.text);
	u = codecs[1].sample;
	memset(u.audit.root_dir, 'x', sizeof(u.audit.root_dir) - 1);
	memset(u.audit.netns_name, 'x', sizeof(u.audit.netns_name) - 1);
	encode(&codecs[1], &u);
	assert_true(len <= CTM_AUDIT_MAX);
	assert_int_equal(decode(&codecs[1], len, &v), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_longest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
