/* SPDX-License-Identifier: ISC */
/* link: common/base.a common/msg.a */
/* Lines on their way to logd: gathered, in order, none lost without a word. */
#include <sys/socket.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/chan_impl.h"
#include "common/base/ev.h"
#include "common/msg/log.h"

static struct ev *loop;
static struct chan *c;
static int logd; /* the other end */

/* what logd read last */
static uint8_t packet[CHAN_MSG_MAX];
static struct lg_line got[1000];
static size_t ngot;
static uint32_t lost;

static int
up(void **state)
{
	static const struct chan_msg none[1];
	struct chan_spec spec = { .name = "logd", .msgs = none };
	int fds[2];

	(void)state;
	loop = ev_new();
	assert_non_null(loop);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
	logd = fds[1];
	c = chan_new(loop, fds[0], &spec);
	assert_non_null(c);
	log_set_chan(c);
	return 0;
}

static int
down(void **state)
{
	(void)state;
	log_gather(false);
	log_set_chan(NULL);
	chan_free(c);
	(void)close(logd);
	ev_free(loop);
	return 0;
}

/* One message; false: there is none. */
static bool
hear(void)
{
	ssize_t n = recv(logd, packet, sizeof(packet), MSG_DONTWAIT);
	uint16_t type, zero;
	uint32_t id;
	struct ibuf b;

	ngot = 0;
	lost = 0;
	if (n == -1)
		return false;
	ibuf_from(&b, packet, (size_t)n);
	assert_int_equal(ibuf_get_n16(&b, &type), 0);
	assert_int_equal(ibuf_get_n16(&b, &zero), 0);
	assert_int_equal(ibuf_get_n32(&b, &id), 0);
	if (type == LG_DROPPED) {
		lost = id;
		return true;
	}
	assert_int_equal(type, LG_LINES);
	assert_in_range(ibuf_size(&b), LG_LINES_MIN, LG_LINES_MAX);
	while (ibuf_size(&b) > 0) {
		assert_true(ngot < sizeof(got) / sizeof(got[0]));
		assert_int_equal(get_lg_line(&b, &got[ngot++]), 0);
	}
	return true;
}

static void
say(enum log_level level, unsigned n)
{
	struct logline l;

	ll_begin(&l, level, "x");
	ll_num(&l, "n", n);
	ll_send(&l);
}

static void
check(size_t i, enum log_level level, unsigned n)
{
	char want[64];
	int len = snprintf(want, sizeof(want), "event=x n=%u", n);

	assert_true(i < ngot);
	assert_int_equal(got[i].level, level);
	assert_int_equal(got[i].len, len);
	assert_memory_equal(got[i].text, want, got[i].len);
}

static void
test_each_by_itself(void **state)
{
	(void)state;
	say(LOG_L_INFO, 1);
	say(LOG_L_ERROR, 2);
	assert_true(hear());
	assert_int_equal(ngot, 1);
	check(0, LOG_L_INFO, 1);
	assert_true(hear());
	check(0, LOG_L_ERROR, 2);
	assert_false(hear());
}

static void
test_gathered(void **state)
{
	unsigned i;

	(void)state;
	log_gather(true);
	for (i = 0; i < 20; i++)
		say(LOG_L_INFO, i);
	assert_false(hear());
	errno = ENOENT;
	log_flush();
	assert_int_equal(errno, ENOENT);
	assert_true(hear());
	assert_int_equal(ngot, 20);
	for (i = 0; i < 20; i++)
		check(i, LOG_L_INFO, i);
	log_flush();
	assert_false(hear());
}

/* A warning goes at once, with what came before it. */
static void
test_warnings(void **state)
{
	(void)state;
	log_gather(true);
	say(LOG_L_INFO, 1);
	say(LOG_L_WARN, 2);
	assert_true(hear());
	assert_int_equal(ngot, 2);
	check(0, LOG_L_INFO, 1);
	check(1, LOG_L_WARN, 2);
	say(LOG_L_INFO, 3);
	log_gather(false);
	assert_true(hear());
	check(0, LOG_L_INFO, 3);
}

/* Many of the longest: no message is too long, all arrive in order. */
static void
test_many(void **state)
{
	char big[500];
	struct logline l;
	unsigned i, seen = 0;

	(void)state;
	memset(big, 'x', sizeof(big));
	log_gather(true);
	for (i = 0; i < 100; i++) {
		ll_begin(&l, LOG_L_INFO, "x");
		ll_num(&l, "n", i);
		ll_str(&l, "a", big, sizeof(big));
		ll_str(&l, "b", big, sizeof(big));
		ll_str(&l, "c", big, sizeof(big));
		ll_send(&l);
	}
	log_flush();
	while (hear()) {
		for (i = 0; i < ngot; i++) {
			char want[32];
			int n = snprintf(want, sizeof(want), "event=x n=%u ",
			    seen++);

			assert_memory_equal(got[i].text, want, (size_t)n);
		}
	}
	assert_int_equal(seen, 100);
}

/* A logd that does not read: kept up to a bound, then counted, then told. */
static void
test_slow_logd(void **state)
{
	uint64_t before = log_dropped(), said = 0, heard = 0;
	unsigned turns = 0;

	(void)state;
	log_gather(true);
	while (log_dropped() == before) {
		assert_true(turns++ < 100000);
		say(LOG_L_INFO, 1);
		say(LOG_L_INFO, 2);
		log_flush();
		said += 2;
	}
	/* one turn of the channel's at a time, until all has been read */
	for (turns = 0; turns < 10000; turns++) {
		while (hear())
			heard += ngot + lost;
		if (!chan_busy(c))
			break;
		c->io.cb(&c->io, EPOLLOUT);
	}
	assert_false(chan_busy(c));
	say(LOG_L_INFO, 3);
	log_flush();
	said++;
	assert_true(hear());
	assert_int_equal(lost, log_dropped() - before);
	heard += lost;
	assert_true(hear());
	check(0, LOG_L_INFO, 3);
	heard += ngot;
	assert_int_equal(heard, said);
}

/* It is gone before the turn ends: what waited for it is counted. */
static void
test_logd_gone(void **state)
{
	uint64_t before = log_dropped();

	(void)state;
	log_gather(true);
	say(LOG_L_INFO, 1);
	say(LOG_L_INFO, 2);
	chan_close(c);
	log_flush();
	assert_int_equal(log_dropped(), before + 2);
}

/* --- the codec --- */

static void
test_codec(void **state)
{
	static uint8_t mem[LOG_LINE_MAX + LG_LINE_HEAD + 1];
	static char text[LOG_LINE_MAX + 1];
	struct lg_line l = { LOG_L_INFO, 0, text }, back;
	struct ibuf b;
	size_t cut;

	(void)state;
	ibuf_wrap(&b, mem, sizeof(mem));
	assert_int_equal(put_lg_line(&b, &l), -1);
	l.len = LOG_LINE_MAX + 1;
	assert_int_equal(put_lg_line(&b, &l), -1);
	l.len = LOG_LINE_MAX;
	ibuf_wrap(&b, mem, sizeof(mem));
	assert_int_equal(put_lg_line(&b, &l), 0);
	assert_int_equal(ibuf_size(&b), LG_LINE_HEAD + LOG_LINE_MAX);
	for (cut = 0; cut < LG_LINE_HEAD + LOG_LINE_MAX; cut++) {
		struct ibuf part;

		ibuf_from(&part, mem, cut);
		assert_int_equal(get_lg_line(&part, &back), -1);
	}
	assert_int_equal(get_lg_line(&b, &back), 0);
	assert_int_equal(back.len, LOG_LINE_MAX);
	memset(mem, 0xff, sizeof(mem)); /* a length beyond all bounds */
	ibuf_from(&b, mem, sizeof(mem));
	assert_int_equal(get_lg_line(&b, &back), -1);
	memset(mem, 0, sizeof(mem)); /* an empty line */
	ibuf_from(&b, mem, sizeof(mem));
	assert_int_equal(get_lg_line(&b, &back), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_each_by_itself, up, down),
		cmocka_unit_test_setup_teardown(test_gathered, up, down),
		cmocka_unit_test_setup_teardown(test_warnings, up, down),
		cmocka_unit_test_setup_teardown(test_many, up, down),
		cmocka_unit_test_setup_teardown(test_slow_logd, up, down),
		cmocka_unit_test_setup_teardown(test_logd_gone, up, down),
		cmocka_unit_test(test_codec),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
