/* SPDX-License-Identifier: ISC */
/* link: common/base/chan.o common/base/chan_send.o common/base/ev.o */
/* link: common/base/ibuf.o common/base/netaddr.o regress/unit/chan_stage.o */
/* Channels: sending, waiting, and peers that do not read or are gone. */
#include <sys/socket.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "regress/unit/chan_stage.h"

#define NELEMS(a) (sizeof(a) / sizeof((a)[0]))

/* --- sending --- */

static void
check_heard(const char *want, size_t len)
{
	assert_int_equal(hear(), (ssize_t)(CHAN_HDR + len));
	assert_int_equal(heard[0] << 8 | heard[1], T_TEXT);
	assert_int_equal(heard[2] << 8 | heard[3], 0);
	assert_int_equal(heard_id(), 0x01020304);
	assert_memory_equal(heard + CHAN_HDR, want, len);
	assert_int_equal(heard_fd, -1);
}

static void
check_send(void)
{
	struct iovec iov[3] = { { (void *)(uintptr_t) "ab", 2 }, { NULL, 0 },
		{ (void *)(uintptr_t) "cdef", 4 } };
	struct ibuf b;
	char mem[6];
	uint8_t n8;

	ibuf_wrap(&b, mem, sizeof(mem));
	(void)ibuf_add(&b, "abcdef", 6);
	assert_int_equal(chan_send(c, T_TEXT, 0x01020304, &b, -1), 0);
	check_heard("abcdef", 6);
	assert_int_equal(chan_send(c, T_TEXT, 0x01020304, NULL, -1), 0);
	check_heard("", 0);
	(void)ibuf_get_n8(&b, &n8); /* what is read is not sent */
	assert_int_equal(chan_send(c, T_TEXT, 0x01020304, &b, -1), 0);
	check_heard("bcdef", 5);
	assert_int_equal(chan_sendv(c, T_TEXT, 0x01020304, iov, 3, -1), 0);
	check_heard("abcdef", 6);
	assert_int_equal(chan_sendv(c, T_TEXT, 0x01020304, iov, 2, -1), 0);
	check_heard("ab", 2);
	/* composed in the scratch memory, and twice from there */
	chan_scratch(&b);
	(void)ibuf_add(&b, "scratch", 7);
	assert_int_equal(chan_send(c, T_TEXT, 0x01020304, &b, -1), 0);
	check_heard("scratch", 7);
	(void)ibuf_get_n8(&b, &n8);
	assert_int_equal(chan_send(c, T_TEXT, 0x01020304, &b, -1), 0);
	check_heard("cratch", 6);
	assert_false(chan_busy(c));
	assert_int_equal(hear(), -1);
}

static void
test_send(void **state)
{
	(void)state;
	start_plain();
	check_send();
	stop();
	start_fds();
	check_send();
}

static void
test_send_refused(void **state)
{
	static uint8_t big[CHAN_PAYLOAD_MAX];
	struct iovec iov[9] = { { big, sizeof(big) }, { big, 1 } };
	struct ibuf b;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	start_plain();
	assert_int_equal(chan_sendv(c, T_BIG, 1, iov, 2, -1), -1);
	assert_int_equal(errno, EMSGSIZE);
	iov[1].iov_len = SIZE_MAX - sizeof(big);
	assert_int_equal(chan_sendv(c, T_BIG, 1, iov, 2, -1), -1);
	assert_int_equal(errno, EMSGSIZE);
	assert_int_equal(chan_sendv(c, T_BIG, 1, iov + 2, 7, -1), 0);
	memset(iov, 0, sizeof(iov));
	assert_int_equal(chan_sendv(c, T_BIG, 1, iov, 9, -1), -1);
	assert_int_equal(errno, EMSGSIZE);
	/* a descriptor where none may pass: refused, and closed */
	assert_int_equal(chan_send(c, T_TEXT, 1, NULL, fd), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	ibuf_wrap(&b, big, 1);
	(void)ibuf_add_n16(&b, 1);
	assert_int_equal(chan_send(c, T_TEXT, 1, &b, -1), -1);
	assert_int_equal(errno, ERANGE);
	turns(1);
	assert_int_equal(violations, 0);
	assert_true(chan_open(c));
}

static void
test_send_fd(void **state)
{
	struct stat a, b;
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	(void)state;
	start_fds();
	assert_int_equal(fstat(fd, &a), 0);
	assert_int_equal(chan_send(c, T_FD, 7, NULL, fd), 0);
	assert_int_equal(fcntl(fd, F_GETFD), -1); /* ours no more */
	assert_int_equal(hear(), CHAN_HDR);
	assert_int_not_equal(heard_fd, -1);
	assert_int_equal(fstat(heard_fd, &b), 0);
	assert_int_equal(a.st_rdev, b.st_rdev);
	(void)close(heard_fd);
}

/* Both ends alike: a big message there and back. */
static void
test_echo(void **state)
{
	static uint8_t big[CHAN_PAYLOAD_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(big); i++)
		big[i] = (uint8_t)(i * 17 + i / 256);
	start_plain();
	say(T_ECHO, 77, big, sizeof(big), 0);
	turns(2);
	assert_int_equal(hear(), CHAN_MSG_MAX);
	assert_int_equal(heard_id(), 77);
	assert_memory_equal(heard + CHAN_HDR, big, sizeof(big));
}

/* --- back-pressure --- */

/* Send until something waits; returns how many were sent. */
static uint32_t
fill(size_t size)
{
	static uint8_t big[CHAN_PAYLOAD_MAX];
	struct iovec iov = { big, size };
	uint32_t n = 0;

	while (!chan_busy(c)) {
		assert_int_equal(chan_sendv(c, T_BIG, n, &iov, 1, -1), 0);
		n++;
		assert_true(n < 100000);
	}
	return n;
}

static void
check_drain(bool fds)
{
	struct chan_spec s = spec(fds);
	uint32_t sent, seen = 0;
	uint8_t small[1] = { 0 };
	struct iovec iov = { small, 1 };

	drains = 0;
	start(&s);
	sent = fill(10000);
	/* there is room again, but those that wait come first */
	for (; seen < 5; seen++) {
		assert_int_equal(hear(), CHAN_HDR + 10000);
		assert_int_equal(heard_id(), seen);
	}
	/* order is kept, and some of it carries descriptors */
	for (; sent % 50 != 0; sent++) {
		assert_int_equal(chan_sendv(c, T_BIG, sent, &iov, 1,
				     fds ? open("/dev/null",
					       O_RDONLY | O_CLOEXEC)
					 : -1),
		    0);
	}
	turns(2);
	assert_int_equal(drains, 0);
	while (seen < sent) {
		if (hear() == -1) {
			turns(1);
			continue;
		}
		assert_int_equal(heard_id(), seen);
		if (heard_fd != -1)
			(void)close(heard_fd);
		seen++;
	}
	turns(2);
	assert_int_equal(hear(), -1);
	assert_int_equal(drains, 1);
	assert_false(chan_busy(c));
	assert_int_equal(violations, 0);
	/* and it can be used as before */
	assert_int_equal(chan_send(c, T_TEXT, 5, NULL, -1), 0);
	assert_int_equal(hear(), CHAN_HDR);
	stop();
}

static void
test_drain(void **state)
{
	(void)state;
	check_drain(false);
	check_drain(true);
}

/* While it waits to send, it reads. */
static void
test_busy_reads(void **state)
{
	(void)state;
	start_plain();
	(void)fill(1000);
	say(T_TEXT, 1, NULL, 0, 0);
	turns(1);
	assert_int_equal(handled, 1);
	/* paused, it still drains */
	chan_pause(c);
	say(T_TEXT, 2, NULL, 0, 0);
	while (chan_busy(c)) {
		while (hear() != -1)
			;
		turns(1);
	}
	assert_int_equal(drains, 1);
	assert_int_equal(handled, 1);
	chan_resume(c);
	turns(1);
	assert_int_equal(handled, 2);
}

static void
test_free_in_drain(void **state)
{
	(void)state;
	start_plain();
	free_on_drain = true;
	(void)fill(1000);
	while (c != NULL) {
		while (hear() != -1)
			;
		turns(1);
	}
	assert_int_equal(drains, 1);
	assert_int_equal(violations, 0);
}

static void
test_flood(void **state)
{
	struct chan_spec s = spec(true);
	uint8_t mem[1000];
	struct iovec iov = { mem, sizeof(mem) };
	unsigned failed = 0, sent = 0;

	(void)state;
	memset(mem, 0, sizeof(mem));
	s.queue_max = 20000;
	start(&s);
	while (failed < 3 && sent < 100000) {
		if (chan_sendv(c, T_BIG, 1, &iov, 1,
			open("/dev/null", O_RDONLY | O_CLOEXEC)) == 0) {
			sent++;
			continue;
		}
		assert_int_equal(errno, ENOBUFS);
		failed++;
		/* not from inside our own call */
		assert_int_equal(violations, 0);
		assert_true(chan_open(c));
	}
	assert_int_equal(failed, 3);
	turns(1);
	assert_int_equal(violations, 1);
	assert_int_equal(violated, CHAN_V_FLOOD);
	assert_int_equal(chan_send(c, T_TEXT, 1, NULL, -1), -1);
	assert_int_equal(errno, EPIPE);
	stop();
	assert_int_equal(open_fds(), fds_before);
}

/* A flood found, and the owner frees its channel before it is told. */
static void
test_flood_and_free(void **state)
{
	struct chan_spec s = spec(false);

	(void)state;
	s.queue_max = 1;
	start(&s);
	while (chan_send(c, T_TEXT, 1, NULL, -1) == 0)
		;
	assert_int_equal(errno, ENOBUFS);
	chan_free(c);
	c = NULL;
	turns(2);
	assert_int_equal(violations, 0);
}

/* The queue takes as many bytes as it was given, counting its own. */
static void
test_queue_bound(void **state)
{
	struct chan_spec s = spec(false);
	uint8_t mem[1000];
	struct iovec iov = { mem, sizeof(mem) };
	unsigned waiting = 1;

	(void)state;
	memset(mem, 0, sizeof(mem));
	s.queue_max = 100000;
	start(&s);
	(void)fill(1000);
	while (chan_sendv(c, T_BIG, 1, &iov, 1, -1) == 0)
		waiting++;
	assert_in_range(waiting, 90, 99);
}

/* What was sent counts no more. */
static void
test_queue_again_and_again(void **state)
{
	struct chan_spec s = spec(false);
	uint8_t mem[1000];
	struct iovec iov = { mem, sizeof(mem) };
	int round, i;

	(void)state;
	memset(mem, 0, sizeof(mem));
	s.queue_max = 100000;
	start(&s);
	for (round = 0; round < 5; round++) {
		(void)fill(1000);
		for (i = 0; i < 50; i++)
			assert_int_equal(chan_sendv(c, T_BIG, 1, &iov, 1, -1),
			    0);
		while (chan_busy(c)) {
			while (hear() != -1)
				;
			turns(1);
		}
	}
	assert_int_equal(drains, 5);
	assert_int_equal(violations, 0);
}

/*
 * The peer dies with messages waiting for it: they are dropped, the owner may
 * go on, and is told after it heard the peer's last words.
 */
static void
test_peer_dies_busy(void **state)
{
	(void)state;
	start_plain();
	(void)fill(1000);
	say(T_TEXT, 9, NULL, 0, 0);
	(void)close(peer);
	peer = -1;
	turns(1);
	assert_int_equal(drains, 1);
	assert_int_equal(handled, 1);
	assert_int_equal(last_id, 9);
	assert_int_equal(violations, 1);
	assert_int_equal(violated, CHAN_V_CLOSED);
}

static void
test_peer_dies_busy_paused(void **state)
{
	(void)state;
	start_plain();
	chan_pause(c);
	(void)fill(1000);
	say(T_TEXT, 9, NULL, 0, 0);
	(void)close(peer);
	peer = -1;
	turns(2);
	assert_int_equal(drains, 1);
	assert_false(chan_busy(c));
	assert_int_equal(handled, 0);
	chan_resume(c);
	turns(1);
	assert_int_equal(handled, 1);
	assert_int_equal(violated, CHAN_V_CLOSED);
}

/* Found while sending: EPIPE, the channel stays until the loop comes by. */
static void
test_peer_dead_when_sent_to(void **state)
{
	int i;

	(void)state;
	start_plain();
	say(T_TEXT, 9, NULL, 0, 0);
	(void)close(peer);
	peer = -1;
	for (i = 0; i < 3; i++) {
		assert_int_equal(chan_send(c, T_TEXT, 1, NULL, -1), -1);
		assert_int_equal(errno, EPIPE);
	}
	assert_true(chan_open(c));
	assert_int_equal(violations, 0);
	turns(1);
	assert_int_equal(handled, 1);
	assert_int_equal(violated, CHAN_V_CLOSED);
}

static void
test_messages_pass_limits(void **state)
{
	struct chan_spec s = spec(false);
	int small = 4096;

	(void)state;
	start(&s);
	/* a socket that can never take it: an error, not a wait for ever */
	assert_int_equal(setsockopt(chan_fileno(c), SOL_SOCKET, SO_SNDBUF,
			     &small, sizeof(small)),
	    0);
	assert_int_equal(chan_sendv(c, T_BIG, 1,
			     &(struct iovec){ heard, 60000 }, 1, -1),
	    -1);
	assert_int_equal(errno, EMSGSIZE);
	turns(1);
	assert_int_equal(violated, CHAN_V_ERROR);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_stage(test_send),
		with_stage(test_send_refused),
		with_stage(test_send_fd),
		with_stage(test_echo),
		with_stage(test_drain),
		with_stage(test_busy_reads),
		with_stage(test_free_in_drain),
		with_stage(test_flood),
		with_stage(test_flood_and_free),
		with_stage(test_queue_bound),
		with_stage(test_queue_again_and_again),
		with_stage(test_peer_dies_busy),
		with_stage(test_peer_dies_busy_paused),
		with_stage(test_peer_dead_when_sent_to),
		with_stage(test_messages_pass_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
