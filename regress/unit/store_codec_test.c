/* SPDX-License-Identifier: ISC */
/* link: queued/store.a common/base.a */
/* The store's pure parts: checksums, records, states, envelopes, index. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>

#include <cmocka.h>

#include "queued/store/crc32c.h"
#include "queued/store/envelope.h"
#include "queued/store/index.h"
#include "queued/store/internal.h"
#include "queued/store/record.h"
#include "queued/store/state.h"

#define NELEMS(a) (sizeof(a) / sizeof((a)[0]))

/* RFC 3720 B.4 */
static void
test_crc(void **state)
{
	uint8_t buf[300];
	uint32_t a;
	size_t i, k;

	(void)state;
	memset(buf, 0, 32);
	assert_int_equal(crc32c(0, buf, 32), 0x8a9136aa);
	memset(buf, 0xff, 32);
	assert_int_equal(crc32c(0, buf, 32), 0x62a8ab43);
	for (i = 0; i < 32; i++)
		buf[i] = (uint8_t)i;
	assert_int_equal(crc32c(0, buf, 32), 0x46dd794e);
	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(crc32c(0, NULL, 0), 0);
	for (i = 0; i < sizeof(buf); i++)
		buf[i] = (uint8_t)(i * 131 + 7);
	for (i = 0; i < 64; i++)
		for (k = i; k < sizeof(buf); k += 7) {
			a = crc32c(0, buf + i, k - i);
			assert_int_equal(a, crc32c_table(0, buf + i, k - i));
			/* chained, cut anywhere */
			assert_int_equal(crc32c(crc32c(0, buf + i, (k - i) / 2),
					     buf + i + (k - i) / 2,
					     (k - i) - (k - i) / 2),
			    a);
		}
}

static void
test_record(void **state)
{
	struct rec_place here = { 7, 0x1122334455667788, 4096 }, there = here;
	struct rec r = { .type = REC_MSG,
		.flags = REC_LAST,
		.len = 100,
		.batch = 9,
		.id = 42,
		.crc = 0xdeadbeef };
	struct rec got;
	uint8_t h[REC_HEADER];
	size_t i;

	(void)state;
	rec_put(h, &r, &here);
	assert_int_equal(rec_get(h, &got, &here), 0);
	assert_int_equal(got.type, REC_MSG);
	assert_int_equal(got.flags, REC_LAST);
	assert_int_equal(got.len, 100);
	assert_int_equal(got.batch, 9);
	assert_int_equal(got.id, 42);
	assert_int_equal(got.crc, 0xdeadbeef);
	assert_int_equal(h[0], 'P');
	/* valid in its place only */
	there.off += 8;
	assert_int_equal(rec_get(h, &got, &there), -1);
	there = here;
	there.seq++;
	assert_int_equal(rec_get(h, &got, &there), -1);
	there = here;
	there.epoch++;
	assert_int_equal(rec_get(h, &got, &there), -1);
	for (i = 0; i < REC_HEADER * 8; i++) {
		h[i / 8] ^= (uint8_t)(1U << (i % 8));
		assert_int_equal(rec_get(h, &got, &here), -1);
		assert_true(rec_near(h, &here));
		h[i / 8] ^= (uint8_t)(1U << (i % 8));
	}
	assert_int_equal(rec_total(0), 40);
	assert_int_equal(rec_total(1), 48);
	assert_int_equal(rec_total(8), 48);
	assert_int_equal(rec_total(UINT32_MAX), 40 + 4294967296ULL);
}

static void
test_segment_header(void **state)
{
	struct seg_header h = { SEG_VERSION, 3, 12345, 65536, 99, SEG_FILLED },
			  got;
	uint8_t buf[SEG_HEADER];
	size_t i;

	(void)state;
	seg_header_put(buf, &h);
	assert_int_equal(seg_header_get(buf, &got), SEG_OK);
	/* without the padding behind its last field */
	assert_memory_equal(&h, &got,
	    offsetof(struct seg_header, flags) + sizeof(h.flags));
	for (i = 0; i < SEG_HEADER * 8; i++) {
		buf[i / 8] ^= (uint8_t)(1U << (i % 8));
		/* damage is never taken for a later version */
		assert_int_equal(seg_header_get(buf, &got), SEG_BAD);
		buf[i / 8] ^= (uint8_t)(1U << (i % 8));
	}
	h.version = 2;
	seg_header_put(buf, &h);
	assert_int_equal(seg_header_get(buf, &got), SEG_FUTURE);
}

static void
test_state(void **state)
{
	struct store_rcpt rcpts[] = {
		{ .index = 3,
		    .status = 2,
		    .reason = 40,
		    .code = 550,
		    .attempts = 1,
		    .text = "no such user",
		    .text_len = 12 },
		{ .index = 99999, .status = 3 },
	};
	struct store_extra extra = { STORE_EXTRA_MIN + 1, 3, "abc" };
	struct store_state full = { .set = STORE_SET_NEXT | STORE_SET_ATTEMPTS |
		    STORE_SET_HELD | STORE_SET_POISON | STORE_SET_TEXT,
		.next = 1234567890123,
		.attempts = 7,
		.held = true,
		.poison = 1,
		.text = "later",
		.text_len = 5,
		.rcpts = rcpts,
		.nrcpts = 2,
		.extras = &extra,
		.nextras = 1 };
	struct store_state newer = { .set = STORE_SET_HELD, .held = false };
	struct state_sum sum = { 0 };
	uint8_t a[512], b[64];
	size_t n, m, i;

	(void)state;
	n = state_size(&full);
	assert_in_range(n, 1, sizeof(a));
	state_put(a, &full);
	m = state_size(&newer);
	state_put(b, &newer);
	state_sum_reset(&sum);
	assert_int_equal(state_sum_add(&sum, b, m), 0);
	assert_int_equal(state_sum_add(&sum, a, n), 0);
	assert_int_equal(state_sum_add(&sum, a, n), 0); /* changes nothing */
	assert_int_equal(sum.st.set, full.set);
	assert_int_equal(sum.st.next, full.next);
	assert_int_equal(sum.st.attempts, 7);
	assert_int_equal(sum.st.poison, 1);
	assert_false(sum.st.held);
	assert_int_equal(sum.st.text_len, 5);
	assert_memory_equal(sum.st.text, "later", 5);
	assert_int_equal(sum.st.nrcpts, 2);
	assert_int_equal(sum.st.rcpts[0].index, 3);
	assert_int_equal(sum.st.rcpts[0].code, 550);
	assert_memory_equal(sum.st.rcpts[0].text, "no such user", 12);
	assert_int_equal(sum.st.rcpts[1].index, 99999);
	assert_int_equal(sum.st.nextras, 1);
	assert_memory_equal(sum.st.extras[0].data, "abc", 3);
	/* every truncation: an error or a shorter state, never beyond */
	for (i = 0; i < n; i++) {
		uint8_t *cut = malloc(i + 1);

		assert_non_null(cut);
		memcpy(cut, a, i);
		state_sum_reset(&sum);
		(void)state_sum_add(&sum, cut, i);
		free(cut);
	}
	/* a tag of a later program is skipped */
	memcpy(b, "\x30\x00\x02\x00xy", 6);
	state_sum_reset(&sum);
	assert_int_equal(state_sum_add(&sum, b, 6), 0);
	assert_int_equal(sum.st.set, 0);
	state_sum_free(&sum);
	extra.tag = STATE_TEXT;
	assert_int_equal(state_size(&full), 0);
	assert_int_equal(errno, EINVAL);
}

static void
sample(struct envelope *e)
{
	*e = (struct envelope){ .id = 77,
		.accepted = 1700000000123,
		.size = 5000000000,
		.origin = ENV_INT,
		.listener = 3,
		.nrcpt = 2,
		.flags = MSG_F_ALL,
		.ret = RET_HDRS };
	(void)netaddr_parse(&e->client, "2001:db8::7");
	e->client.port = 40001;
	memset(e->sender, 's', MSG_ADDR_MAX);
	memset(e->helo, 'h', MSG_HELO_MAX);
	memset(e->envid, 'e', MSG_ENVID_MAX);
}

static size_t
encode(uint8_t *buf, size_t cap)
{
	static char addr[MSG_ADDR_MAX], orcpt[MSG_ORCPT_MAX];
	struct env_rcpt r = { .notify = NOTIFY_FAILURE | NOTIFY_DELAY,
		.addr = addr,
		.addr_len = sizeof(addr),
		.orcpt = orcpt,
		.orcpt_len = sizeof(orcpt) };
	struct envelope e;
	ssize_t n, m, k;

	memset(addr, 'a', sizeof(addr));
	memset(orcpt, 'o', sizeof(orcpt));
	sample(&e);
	n = env_put(buf, cap, &e);
	assert_in_range(n, 1, ENV_HEAD_MAX);
	m = env_put_rcpt(buf + n, cap - (size_t)n, &r);
	assert_in_range(m, 1, ENV_RCPT_MAX);
	r = (struct env_rcpt){ .addr = "b@example.com", .addr_len = 13 };
	k = env_put_rcpt(buf + n + m, cap - (size_t)(n + m), &r);
	assert_true(k > 0);
	return (size_t)(n + m + k);
}

/* The list of recipients is where it is said to be, also when it has grown. */
static void
test_state_grows(void **state)
{
	struct store_rcpt r[40] = { 0 };
	struct store_state st = { .rcpts = r };
	struct state_sum sum = { 0 };
	uint8_t buf[1024];
	size_t i, n;

	(void)state;
	for (i = 0; i < 40; i++)
		r[i].index = (uint32_t)i;
	for (i = 1; i <= 40; i++) {
		st.nrcpts = i;
		n = state_size(&st);
		state_put(buf, &st);
		state_sum_reset(&sum);
		assert_int_equal(state_sum_add(&sum, buf, n), 0);
		assert_int_equal(state_sum_add(&sum, buf, n), 0);
		assert_int_equal(sum.st.nrcpts, i);
		assert_ptr_equal(sum.st.rcpts, sum.rcpts);
		state_sum_free(&sum);
	}
}

static void
test_envelope(void **state)
{
	static uint8_t buf[4096];
	struct envelope want, e;
	struct env_iter it;
	struct env_rcpt r;
	struct msg_rcpt m;
	size_t n = encode(buf, sizeof(buf)), i;

	(void)state;
	sample(&want);
	assert_int_equal(env_get(buf, n, &e), 0);
	assert_int_equal(e.id, want.id);
	assert_int_equal(e.accepted, want.accepted);
	assert_int_equal(e.size, want.size);
	assert_int_equal(e.origin, want.origin);
	assert_int_equal(e.listener, want.listener);
	assert_int_equal(e.nrcpt, want.nrcpt);
	assert_int_equal(e.flags, want.flags);
	assert_int_equal(e.ret, want.ret);
	assert_int_equal(netaddr_cmp(&e.client, &want.client), 0);
	assert_string_equal(e.sender, want.sender);
	assert_string_equal(e.helo, want.helo);
	assert_string_equal(e.envid, want.envid);
	env_iter(&it, buf, n);
	assert_int_equal(env_next(&it, &r), 1);
	assert_int_equal(r.index, 0);
	assert_int_equal(r.notify, NOTIFY_FAILURE | NOTIFY_DELAY);
	assert_int_equal(r.addr_len, MSG_ADDR_MAX);
	assert_int_equal(r.orcpt_len, MSG_ORCPT_MAX);
	env_copy_rcpt(&r, &m);
	assert_int_equal(strlen(m.addr), MSG_ADDR_MAX);
	assert_int_equal(strlen(m.orcpt), MSG_ORCPT_MAX);
	assert_int_equal(env_next(&it, &r), 1);
	assert_int_equal(r.index, 1);
	assert_int_equal(r.orcpt_len, 0);
	assert_memory_equal(r.addr, "b@example.com", 13);
	assert_int_equal(env_next(&it, &r), 0);
	for (i = 0; i < n; i++) { /* truncations, in memory of that size */
		uint8_t *cut = malloc(i + 1);

		assert_non_null(cut);
		memcpy(cut, buf, i);
		(void)env_get(cut, i, &e);
		env_iter(&it, cut, i);
		while (env_next(&it, &r) == 1)
			;
		free(cut);
	}
}

static void
test_envelope_refuses(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} bad[] = {
		{ "\x01\x00\x07\x00"
		  "1234567",
		    11 },		       /* id of seven bytes */
		{ "\x04\x00\x01\x00\x09", 5 }, /* no such origin */
		{ "\x08\x00\x01\x00\x03", 5 }, /* no such RET */
		{ "\x0a\x00\x02\x00"
		  "a\n",
		    6 }, /* LF in the sender */
		{ "\x0a\x00\x02\x00"
		  "a\0",
		    6 }, /* NUL */
		{ "\x0a\x00\x05\x00"
		  "ab",
		    6 },		       /* longer than there is */
		{ "\x09\x00\x01\x00\x04", 5 }, /* client too short */
		{ "", 0 },		       /* no id */
	};
	static uint8_t buf[512];
	struct envelope e;
	struct env_rcpt r = { .addr = "a@b\r", .addr_len = 4 };
	struct env_iter it;
	size_t i;

	(void)state;
	for (i = 0; i < NELEMS(bad); i++) {
		assert_int_equal(env_get(bad[i].bytes, bad[i].len, &e), -1);
		assert_int_equal(errno, EBADMSG);
	}
	/* a recipient longer than its record, an empty one */
	env_iter(&it, "\x0d\x00\x04\x00\x00\x05\x00z", 8);
	assert_int_equal(env_next(&it, &r), -1);
	env_iter(&it, "\x0d\x00\x03\x00\x00\x00\x00", 7);
	assert_int_equal(env_next(&it, &r), -1);
	r = (struct env_rcpt){ .addr = "a@b\r", .addr_len = 4 };
	assert_int_equal(env_put_rcpt(buf, sizeof(buf), &r), -1);
	assert_int_equal(errno, EINVAL);
	r.addr_len = 3;
	assert_int_equal(env_put_rcpt(buf, 9, &r), -1);
	assert_int_equal(errno, ENOBUFS);
	sample(&e);
	assert_int_equal(env_put(buf, 100, &e), -1);
	assert_int_equal(errno, ENOBUFS);
	e.helo[0] = '\r';
	assert_int_equal(env_put(buf, sizeof(buf), &e), -1);
	assert_int_equal(errno, EINVAL);
}

static void
test_envelope_skips_unknown(void **state)
{
	static uint8_t buf[4096], more[4200];
	struct envelope e;
	struct env_iter it;
	struct env_rcpt r;
	size_t n = encode(buf, sizeof(buf));
	int k = 0;

	(void)state;
	memcpy(more, "\x99\x01\x03\x00zzz", 7);
	memcpy(more + 7, buf, n);
	memcpy(more + 7 + n, "\x9a\x01\x00\x00", 4);
	assert_int_equal(env_get(more, n + 11, &e), 0);
	assert_int_equal(e.id, 77);
	env_iter(&it, more, n + 11);
	while (env_next(&it, &r) == 1)
		k++;
	assert_int_equal(k, 2);
}

/* The envelope file says it all, and comes back exactly. */
static void
test_envfile(void **state)
{
	static uint8_t env[4096];
	struct store_rcpt rcpt = { .index = 1,
		.status = 3,
		.code = 451,
		.attempts = 2,
		.text = "try \x1b[31mlater",
		.text_len = 14 };
	struct store_msg m = { .loc = { 77, 0 },
		.env = env,
		.size = 10,
		.state = { .rcpts = &rcpt,
		    .nrcpts = 1,
		    .set = STORE_SET_HELD,
		    .held = true } };
	struct envfile ef = { 0 };
	struct envfile_parts ep;
	size_t i;

	(void)state;
	m.env_len = encode(env, sizeof(env));
	assert_int_equal(envfile_make(&ef, &m, 0xabcd1234, NULL), 0);
	assert_non_null(memmem(ef.text, ef.len, "\nSender: <sss", 13));
	assert_non_null(
	    memmem(ef.text, ef.len, "\nRecipient: 1 <b@example.com>\n", 30));
	assert_non_null(memmem(ef.text, ef.len,
	    "\nResult: 1 deferred attempts=2 code=451 try ?[31mlater\n", 55));
	assert_non_null(memmem(ef.text, ef.len, "\nHeld: yes\n", 11));
	assert_non_null(memmem(ef.text, ef.len,
	    "\nAccepted: 2023-11-14T22:13:20.123Z\n", 36));
	assert_int_equal(envfile_parse(ef.text, ef.len, &ep), 0);
	assert_int_equal(ep.env_len, m.env_len);
	assert_memory_equal(ep.env, env, m.env_len);
	assert_int_equal(ep.size, 10);
	assert_int_equal(ep.crc, 0xabcd1234);
	assert_int_equal(ep.state_len, state_size(&m.state));
	free(ep.env);
	free(ep.state);
	for (i = 0; i < ef.len; i++) { /* no part of it, nothing changed */
		assert_int_equal(envfile_parse(ef.text, i, &ep), -1);
		free(ep.env);
		free(ep.state);
		ef.text[i] ^= 1;
		assert_int_equal(envfile_parse(ef.text, ef.len, &ep), -1);
		free(ep.env);
		free(ep.state);
		ef.text[i] ^= 1;
	}
	free(ef.text);
}

static void
test_index(void **state)
{
	struct index ix;
	uint32_t slot, i;

	(void)state;
	assert_int_equal(index_init(&ix), 0);
	assert_int_equal(index_find(&ix, 1), 0);
	for (i = 1; i <= 20000; i++) {
		slot = index_add(&ix, (uint64_t)i << 20);
		assert_int_not_equal(slot, 0);
		assert_int_equal(index_find(&ix, (uint64_t)i << 20), slot);
	}
	assert_int_equal(index_add(&ix, 1ULL << 20), 0);
	assert_int_equal(errno, EEXIST);
	for (i = 1; i <= 20000; i += 2)
		index_remove(&ix, index_find(&ix, (uint64_t)i << 20));
	assert_int_equal(ix.count, 10000);
	for (i = 1; i <= 20000; i++)
		assert_int_equal(index_find(&ix, (uint64_t)i << 20) != 0,
		    i % 2 == 0);
	index_free(&ix);
}

/* Two characters of the printed id, as spool(5) says. */
static void
test_file_names(void **state)
{
	char name[NAME_LEN], id[MSGID_STRLEN];
	uint64_t v = 0x0123456789abcdefULL;

	(void)state;
	(void)msgid_fmt(v, id);
	spill_name(name, v, ".env");
	assert_int_equal(strlen(name), 4 + 3 + 13 + 4);
	assert_memory_equal(name, "msg/", 4);
	assert_memory_equal(name + 4, id + 4, 2);
	assert_memory_equal(name + 7, id, 13);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crc),
		cmocka_unit_test(test_record),
		cmocka_unit_test(test_segment_header),
		cmocka_unit_test(test_state),
		cmocka_unit_test(test_state_grows),
		cmocka_unit_test(test_envelope),
		cmocka_unit_test(test_envelope_refuses),
		cmocka_unit_test(test_envelope_skips_unknown),
		cmocka_unit_test(test_envfile),
		cmocka_unit_test(test_index),
		cmocka_unit_test(test_file_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
