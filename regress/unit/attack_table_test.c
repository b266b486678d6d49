/* SPDX-License-Identifier: ISC */
/* link: common/attack.a common/base/proc.o */
/*
 * The list of attacks: its names are those of a table and of log lines, and
 * nothing but connd may do what an attack does.  And that attacks are real:
 * without any cage, those that need no privilege succeed.
 */
#include <sys/mman.h>
#include <sys/wait.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/attack/attack.h"

static const struct attack *
find(const char *name)
{
	size_t i;

	for (i = 0; i < attacks_n; i++)
		if (strcmp(attacks[i].name, name) == 0)
			return &attacks[i];
	fail_msg("no attack %s", name);
	abort();
}

static void
test_names(void **state)
{
	size_t i, k, len;

	(void)state;
	assert_true(attacks_n > 60);
	for (i = 0; i < attacks_n; i++) {
		len = strlen(attacks[i].name);
		assert_true(len > 0 && len < ATTACK_NAME_MAX);
		assert_int_equal(strspn(attacks[i].name,
				     "abcdefghijklmnopqrstuvwxyz0123456789-"),
		    len);
		assert_true(attacks[i].gain[0] != '\0');
		assert_non_null(attacks[i].try);
		for (k = 0; k < i; k++)
			assert_string_not_equal(attacks[i].name,
			    attacks[k].name);
	}
}

static void
test_jobs(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < attacks_n; i++)
		if (attacks[i].job != UINT32_MAX)
			assert_int_equal(attacks[i].job &
				~ATTACK_JOB(PROC_CONND),
			    0);
	/* a filter that is too wide is not excused by what connd is for */
	assert_int_equal(find("raw")->job, 0);
	assert_int_equal(find("second-listener")->job, 0);
	assert_int_equal(find("read")->job, 0);
}

/* The outcome in a process of its own; -2: it died. */
static int
outcome(const char *name, const struct attack_env *e)
{
	volatile int *answer = mmap(NULL, sizeof(*answer),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status, rc;
	pid_t pid;

	assert_true(answer != MAP_FAILED);
	*answer = -2;
	pid = fork();
	assert_true(pid != -1);
	if (pid == 0) {
		*answer = find(name)->try(e);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	rc = *answer;
	assert_int_equal(munmap((void *)(uintptr_t)answer, sizeof(*answer)), 0);
	return rc;
}

static void
test_without_a_cage(void **state)
{
	static const char *const free_for_all[] = { "read", "openat2", "fork",
		"clone3", "kill-sibling", "tgkill-sibling", "sigqueue",
		"pidfd-signal", "dumpable", "write-execute", "mprotect",
		"personality", "timers", "memory" };
	const struct attack_env e = {
		.listener = -1,
		.stream = -1,
		.dgram = -1,
		.dir = -1,
		.secret = "/etc/passwd",
		.above = getpid(),
		.beside = getpid(),
	};
	size_t i;
	int rc;

	(void)state;
	for (i = 0; i < sizeof(free_for_all) / sizeof(free_for_all[0]); i++) {
		rc = outcome(free_for_all[i], &e);
		if (rc != 0)
			fail_msg("%s: %d", free_for_all[i], rc);
	}
}

static void
test_without_the_means(void **state)
{
	static const char *const held[] = { "listener-connect",
		"listener-sendto", "listener-sendmsg", "listener-listen",
		"socket-connect", "socket-shutdown", "socket-fastopen",
		"socket-sendmsg", "datagram-sendto", "datagram-sendmsg",
		"datagram-connect", "sendmmsg", "other-interface", "dot-dot",
		"unix-path", "unix-abstract" };
	const struct attack_env e = {
		.listener = -1,
		.stream = -1,
		.dgram = -1,
		.dir = -1,
		.secret = "/etc/passwd",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(held) / sizeof(held[0]); i++)
		assert_int_equal(outcome(held[i], &e), ATTACK_NONE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_jobs),
		cmocka_unit_test(test_without_a_cage),
		cmocka_unit_test(test_without_the_means),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
