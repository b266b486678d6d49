/* SPDX-License-Identifier: ISC */
/* link: common/base/chan.o common/base/chan_send.o common/base/ev.o */
/* link: common/base/ibuf.o common/base/netaddr.o regress/unit/chan_stage.o */
/* Channels: what is received, what is refused, and the life of a channel. */
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "regress/unit/chan_stage.h"

#define NELEMS(a) (sizeof(a) / sizeof((a)[0]))

/* --- receiving --- */

static void
check_receive(void)
{
	uint32_t i;
	char text[4];

	for (i = 0; i < 10; i++) {
		memcpy(text, &i, sizeof(text));
		say(T_FIXED, i, text, sizeof(text), 0);
	}
	turns(1);
	assert_int_equal(handled, 10);
	assert_int_equal(last_id, 9);
	assert_int_equal(got_len, 4);
	assert_memory_equal(got, text, 4);
	assert_int_equal(chan_received(c), 10);
	say(T_TEXT, 0xffffffff, NULL, 0, 0);
	turns(1);
	assert_int_equal(got_len, 0);
	assert_int_equal(last_id, 0xffffffff);
	assert_int_equal(violations, 0);
}

static void
test_receive(void **state)
{
	(void)state;
	start_plain();
	check_receive();
	stop();
	handled = 0;
	start_fds();
	check_receive();
}

static void
test_receive_biggest(void **state)
{
	static uint8_t big[CHAN_PAYLOAD_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(big); i++)
		big[i] = (uint8_t)(i * 31);
	for (i = 0; i < 2; i++) {
		if (i == 0)
			start_plain();
		else
			start_fds();
		say(T_BIG, 1, big, sizeof(big), 0);
		turns(1);
		assert_int_equal(violations, 0);
		assert_int_equal(got_len, sizeof(big));
		assert_memory_equal(got, big, sizeof(big));
		stop();
	}
}

static void
test_receive_fd(void **state)
{
	struct stat st;

	(void)state;
	start_fds();
	say(T_FD, 1, NULL, 0, 1);
	turns(1);
	assert_int_equal(handled, 1);
	assert_int_not_equal(got_fd, -1);
	assert_int_equal(fstat(got_fd, &st), 0);
	assert_true(S_ISCHR(st.st_mode));
	assert_int_equal(fcntl(got_fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	say(T_OPTFD, 2, NULL, 0, 0);
	turns(1);
	assert_int_equal(got_fd, -1);
	say(T_OPTFD, 3, NULL, 0, 1);
	turns(1);
	assert_int_not_equal(got_fd, -1);
	assert_int_equal(handled, 3);
}

/* A message the table does not allow, in a channel of each kind. */
static const struct {
	const char *name;
	uint16_t type;
	size_t len, nfds;
	enum chan_violation kind;
} breaches[] = {
	{ "unknown type", 0x0100, 0, 0, CHAN_V_TYPE },
	{ "type 0", 0, 0, 0, CHAN_V_TYPE },
	{ "other edge", 0x0901, 0, 0, CHAN_V_TYPE },
	{ "an answer", T_TEXT | 0x80, 0, 0, CHAN_V_TYPE },
	{ "unknown type with descriptor", 0x0100, 0, 1, CHAN_V_TYPE },
	{ "too long", T_TEXT, 101, 0, CHAN_V_LENGTH },
	{ "too short", T_FIXED, 3, 0, CHAN_V_LENGTH },
	{ "one more", T_FIXED, 5, 0, CHAN_V_LENGTH },
	{ "too long with descriptor", T_FD, 1, 1, CHAN_V_LENGTH },
	{ "longer than any", T_BIG, CHAN_PAYLOAD_MAX + 1, 0, CHAN_V_LENGTH },
	{ "longer, descriptor", T_BIG, CHAN_PAYLOAD_MAX + 1, 1, CHAN_V_LENGTH },
	{ "longer than its table says", T_HUGE, CHAN_PAYLOAD_MAX + 1, 0,
	    CHAN_V_LENGTH },
	{ "wrong state", T_LATER, 0, 0, CHAN_V_STATE },
	{ "wrong state with descriptor", T_LATER, 0, 1, CHAN_V_STATE },
	{ "descriptor missing", T_FD, 0, 0, CHAN_V_FD },
	{ "handler refuses", T_REFUSE, 0, 0, CHAN_V_CONTENT },
	{ "handler refuses, descriptor", T_REFUSE, 0, 1, CHAN_V_CONTENT },
	/* only where descriptors can arrive at all */
	{ "descriptor not asked for", T_TEXT, 0, 1, CHAN_V_FD },
	{ "two descriptors", T_FD, 0, 2, CHAN_V_FD },
	{ "two for one optional", T_OPTFD, 0, 2, CHAN_V_FD },
	{ "as many as there is room for", T_FD, 0, 8, CHAN_V_FD },
	{ "more than there is room for", T_FD, 0, 9, CHAN_V_FD },
	{ "many more", T_TEXT, 0, 64, CHAN_V_FD },
};

static void
check_breach(size_t i, bool fds)
{
	static uint8_t payload[CHAN_PAYLOAD_MAX + 1];
	struct chan_spec s = spec(fds);
	unsigned by_handler = breaches[i].kind == CHAN_V_CONTENT;

	handled = violations = 0;
	start(&s);
	say(breaches[i].type, 1, payload, breaches[i].len, breaches[i].nfds);
	/* what comes after is not looked at any more */
	say(T_TEXT, 2, NULL, 0, 0);
	turns(2);
	if (violations != 1 || violated != breaches[i].kind)
		fail_msg("%s: %u times %s", breaches[i].name, violations,
		    chan_violation_name(violated));
	assert_int_equal(handled, by_handler);
	stop();
	if (got_fd != -1)
		(void)close(got_fd);
	got_fd = -1;
	if (open_fds() != fds_before)
		fail_msg("%s: a descriptor is left", breaches[i].name);
}

static void
test_breaches(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < NELEMS(breaches); i++) {
		check_breach(i, true);
		free_on_violation = true;
		check_breach(i, true);
		free_on_violation = false;
		if (breaches[i].nfds == 0)
			check_breach(i, false);
	}
}

/* recvfrom takes no descriptor: the kernel drops what comes with a message. */
static void
test_fds_where_none_can_come(void **state)
{
	(void)state;
	start_plain();
	say(T_TEXT, 1, NULL, 0, 5);
	turns(1);
	assert_int_equal(handled, 1);
	assert_int_equal(got_fd, -1);
	stop();
	assert_int_equal(open_fds(), fds_before);
}

static void
test_headers(void **state)
{
	static const uint8_t whole[] = { 1, 1, 0, 0, 0, 0, 0, 1 };
	static const uint8_t filled[] = { 1, 1, 0, 1, 0, 0, 0, 1 };
	size_t len;

	(void)state;
	for (len = 1; len < sizeof(whole); len++) {
		start_plain();
		say_raw(whole, len, 0);
		turns(1);
		assert_int_equal(violated, CHAN_V_LENGTH);
		stop();
	}
	start_plain();
	say_raw(filled, sizeof(filled), 0);
	turns(1);
	assert_int_equal(violated, CHAN_V_TYPE);
	stop();
	assert_int_equal(handled, 0);
	start_plain();
	say_raw(whole, sizeof(whole), 0);
	turns(1);
	assert_int_equal(handled, 1);
}

static void
test_states(void **state)
{
	(void)state;
	start_plain();
	assert_int_equal(chan_state(c), 1);
	chan_set_state(c, 2);
	say(T_LATER, 1, NULL, 0, 0);
	turns(1);
	assert_int_equal(handled, 1);
	chan_set_state(c, 4);
	say(T_LATER, 1, NULL, 0, 0);
	turns(1);
	assert_int_equal(violated, CHAN_V_STATE);
}

static void
check_end(bool fds)
{
	struct chan_spec s = spec(fds);

	handled = violations = 0;
	start(&s);
	say(T_TEXT, 1, NULL, 0, 0);
	(void)close(peer);
	peer = -1;
	turns(2);
	assert_int_equal(handled, 1); /* what it said before counts */
	assert_int_equal(violations, 1);
	assert_int_equal(violated, CHAN_V_CLOSED);
	assert_int_equal(chan_send(c, T_TEXT, 1, NULL, -1), -1);
	assert_int_equal(errno, EPIPE);
	stop();
}

static void
test_end(void **state)
{
	(void)state;
	check_end(false);
	check_end(true);
}

/* Only an empty packet looks like the end; its descriptors are closed. */
static void
test_empty_packet(void **state)
{
	(void)state;
	start_fds();
	say_raw("", 0, 3);
	turns(1);
	assert_int_equal(violated, CHAN_V_CLOSED);
	stop();
	assert_int_equal(open_fds(), fds_before);
}

/*
 * While the other end of pipe is open, our process may have no descriptor
 * more.  Set by a child: valgrind only plays a limit that we set ourselves.
 */
static void
limit_from_child(int pipe)
{
	struct rlimit old, now;
	pid_t us = getppid();
	char c1 = 0;

	if (prlimit(us, RLIMIT_NOFILE, NULL, &old) == -1)
		_exit(1);
	now = old;
	now.rlim_cur = 3;
	if (prlimit(us, RLIMIT_NOFILE, &now, NULL) == -1 ||
	    write(pipe, &c1, 1) != 1 || read(pipe, &c1, 1) != 1 ||
	    prlimit(us, RLIMIT_NOFILE, &old, NULL) == -1)
		_exit(1);
	_exit(0);
}

static void
check_no_descriptors_left(uint16_t type)
{
	int fds[2], status;
	pid_t pid;
	char c1;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
			     fds),
	    0);
	start_fds();
	say(type, 1, NULL, 0, 1);
	pid = fork();
	if (pid == 0)
		limit_from_child(fds[1]);
	(void)close(fds[1]);
	assert_int_equal(read(fds[0], &c1, 1), 1);
	turns(1);
	assert_int_equal(write(fds[0], &c1, 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	(void)close(fds[0]);
	assert_int_equal(handled, 0);
	assert_int_equal(violated, CHAN_V_FD);
}

/*
 * Out of descriptors: the message is refused, also where it might do without;
 * nothing leaks, we live.
 */
static void
test_no_descriptors_left(void **state)
{
	(void)state;
	check_no_descriptors_left(T_FD);
	stop();
	violated = (enum chan_violation)0;
	check_no_descriptors_left(T_OPTFD);
}

/* --- life within handlers --- */

static void
test_free_in_handler(void **state)
{
	(void)state;
	start_plain();
	say(T_TEXT, 1, NULL, 0, 0);
	say(T_FREE, 2, NULL, 0, 0);
	say(T_TEXT, 3, NULL, 0, 0);
	turns(2);
	assert_null(c);
	assert_int_equal(handled, 2);
	assert_int_equal(last_id, 2);
	assert_int_equal(violations, 0);
}

static void
test_close_in_handler(void **state)
{
	(void)state;
	start_plain();
	say(T_CLOSE, 1, NULL, 0, 0);
	say(T_TEXT, 2, NULL, 0, 0);
	turns(2);
	assert_int_equal(handled, 1);
	assert_false(chan_open(c));
	/* closed means: no callback any more */
	assert_int_equal(violations, 0);
	chan_pause(c);
	chan_resume(c);
	chan_close(c);
	turns(1);
}

static void
test_free_when_violated(void **state)
{
	(void)state;
	start_plain();
	free_on_violation = true;
	say(0, 0, NULL, 0, 0);
	turns(2);
	assert_null(c);
	assert_int_equal(violations, 1);
}

static void
test_free_nothing(void **state)
{
	(void)state;
	chan_free(NULL);
	start_plain();
}

/* --- fairness and pauses --- */

static void
test_burst(void **state)
{
	int i, size = 1 << 20;

	(void)state;
	start_plain();
	assert_int_equal(setsockopt(peer, SOL_SOCKET, SO_SNDBUFFORCE, &size,
			     sizeof(size)) == 0 ||
		setsockopt(peer, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) ==
		    0,
	    1);
	for (i = 0; i < 100; i++)
		say(T_TEXT, (uint32_t)i, NULL, 0, 0);
	turns(1);
	assert_int_equal(handled, 64);
	turns(1);
	assert_int_equal(handled, 100);
	assert_int_equal(last_id, 99);
}

static void
test_pause(void **state)
{
	(void)state;
	start_plain();
	say(T_TEXT, 1, NULL, 0, 0);
	chan_pause(c);
	turns(2);
	assert_int_equal(handled, 0);
	chan_resume(c);
	turns(1);
	assert_int_equal(handled, 1);
	/* from within */
	say(T_PAUSE, 2, NULL, 0, 0);
	say(T_TEXT, 3, NULL, 0, 0);
	turns(2);
	assert_int_equal(last_id, 2);
	chan_resume(c);
	turns(1);
	assert_int_equal(last_id, 3);
}

static bool
count_turns(void *arg)
{
	++*(unsigned *)arg;
	return false;
}

static void
on_break(struct ev_timer *t)
{
	(void)t;
	ev_break(loop);
}

/* A dead peer of a paused channel is no reason to spin. */
static void
test_pause_and_end(void **state)
{
	struct ev_timer t;
	unsigned n = 0;

	(void)state;
	start_plain();
	chan_pause(c);
	say(T_TEXT, 1, NULL, 0, 0);
	(void)close(peer);
	peer = -1;
	ev_timer_init(&t, on_break, NULL);
	assert_int_equal(ev_timer_set(loop, &t, 20), 0);
	ev_hook(loop, count_turns, &n);
	assert_int_equal(ev_loop(loop), 0);
	assert_true(n <= 3);
	assert_int_equal(violations, 0);
	chan_resume(c);
	turns(1);
	assert_int_equal(handled, 1);
	assert_int_equal(violated, CHAN_V_CLOSED);
}

/* --- the rest --- */

static void
test_facts(void **state)
{
	struct chan_spec s = spec(false);
	char name[200];
	int x, i;

	(void)state;
	memset(name, 'n', sizeof(name));
	name[199] = '\0';
	s.name = name;
	s.ctx = &x;
	start(&s);
	name[0] = 'X'; /* it was copied */
	assert_int_equal(chan_name(c)[0], 'n');
	assert_ptr_equal(chan_ctx(c), &x);
	chan_set_ctx(c, &i);
	assert_ptr_equal(chan_ctx(c), &i);
	assert_true(chan_fileno(c) >= 0);
	for (i = CHAN_V_CLOSED; i <= CHAN_V_ERROR; i++)
		assert_string_not_equal(chan_violation_name(
					    (enum chan_violation)i),
		    "unknown");
	assert_string_equal(chan_violation_name((enum chan_violation)0),
	    "unknown");
	assert_string_equal(chan_violation_name(
				(enum chan_violation)(CHAN_V_ERROR + 1)),
	    "unknown");
}

static void
test_new_fails(void **state)
{
	struct chan_spec s = spec(false);
	int fd;

	(void)state;
	/* epoll does not take a file: refused, and closed */
	fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	assert_null(chan_new(loop, fd, &s));
	fd = open("/", O_RDONLY | O_CLOEXEC | O_DIRECTORY);
	assert_null(chan_new(loop, fd, &s));
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

/* --- reserved descriptors --- */

#define BLOCK 64
#define PLACE 60

static bool
same_file(int a, int b)
{
	struct stat x, y;

	assert_int_equal(fstat(a, &x), 0);
	assert_int_equal(fstat(b, &y), 0);
	return x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* A channel on a reserved number; the peer's end is above the block. */
static void
start_placed(void)
{
	struct chan_spec s = spec(false);
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
			     fds),
	    0);
	peer = fcntl(fds[1], F_DUPFD_CLOEXEC, BLOCK);
	assert_true(peer >= BLOCK);
	(void)close(fds[1]);
	assert_int_equal(chan_place(fds[0], PLACE), PLACE);
	assert_int_equal(fcntl(fds[0], F_GETFD), -1);
	assert_int_equal(fcntl(PLACE, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	c = chan_new(loop, PLACE, &s);
	assert_non_null(c);
	say(T_TEXT, 1, NULL, 0, 0);
	turns(1);
}

/* Its number is never free, and a new one there ends the old one. */
static void
test_reserved(void **state)
{
	struct chan *old;
	int old_peer;

	(void)state;
	chan_reserve(BLOCK);
	start_placed();
	assert_int_equal(handled, 1);
	old = c;
	old_peer = peer;
	start_placed();
	assert_int_equal(handled, 2);
	assert_false(chan_open(old));
	assert_int_equal(chan_fileno(c), PLACE);
	chan_free(old); /* harms not the one on its number */
	(void)close(old_peer);
	say(T_TEXT, 2, NULL, 0, 0);
	turns(1);
	assert_int_equal(handled, 3);
	assert_int_equal(violations, 0);
	stop();
	assert_true(same_file(PLACE, STDIN_FILENO));
	(void)close(PLACE);
	chan_reserve(0);
}

static void
test_place_refused(void **state)
{
	static const int places[] = { -1, BLOCK, BLOCK + 1, 1 << 30 };
	size_t i;
	int fd;

	(void)state;
	chan_reserve(BLOCK);
	for (i = 0; i < NELEMS(places); i++) {
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		assert_int_equal(chan_place(fd, places[i]), -1);
		assert_int_equal(errno, EINVAL);
		assert_int_equal(fcntl(fd, F_GETFD), -1);
	}
	chan_reserve(0);
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(chan_place(fd, 0), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_stage(test_receive),
		with_stage(test_receive_biggest),
		with_stage(test_receive_fd),
		with_stage(test_breaches),
		with_stage(test_fds_where_none_can_come),
		with_stage(test_headers),
		with_stage(test_states),
		with_stage(test_end),
		with_stage(test_empty_packet),
		with_stage(test_no_descriptors_left),
		with_stage(test_free_in_handler),
		with_stage(test_close_in_handler),
		with_stage(test_free_when_violated),
		with_stage(test_free_nothing),
		with_stage(test_burst),
		with_stage(test_pause),
		with_stage(test_pause_and_end),
		with_stage(test_facts),
		with_stage(test_new_fails),
		with_stage(test_reserved),
		with_stage(test_place_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
