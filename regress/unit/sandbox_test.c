/* link: common/base.a */
/* SPDX-License-Identifier: ISC */
/*
 * The filter in a process of its own: what is on the list passes, what is not
 * ends the process, and in TRAP mode says what it was and why.
 */
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/sandbox.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static const struct sandbox_call calls[] = {
	{ "getppid", SB_ANY, "as an example" },
	{ "fcntl", SB_GET_SEALS, "as an example" },
	{ "openat", SB_DIRFD, "as an example" },
};

static void
allowed(void)
{
	if (getppid() == -1 || fcntl(0, F_GETFD) == -1)
		_exit(1);
	(void)fcntl(0, F_GET_SEALS);
}

static void
not_listed(void)
{
	(void)getpriority(PRIO_PROCESS, 0);
}

static void
executable_memory(void)
{
	(void)mmap(NULL, 4096, PROT_READ | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

#ifndef __SANITIZE_ADDRESS__
static void
open_anywhere(void)
{
	(void)open("/", O_RDONLY);
}
#endif

static void
other_fcntl(void)
{
	(void)fcntl(0, F_GETLK, NULL);
}

static const struct {
	const char *name;
	void (*act)(void);
	const char *said; /* in TRAP mode; NULL: it may do that */
} cases[] = {
	{ "allowed", allowed, NULL },
	{ "not on the list", not_listed,
	    "sandbox: example called getpriority: not on its list\n" },
	{ "base list, another form", executable_memory,
	    "sandbox: example called mmap: allowed only without PROT_EXEC\n" },
#ifndef __SANITIZE_ADDRESS__ /* whose run-time is told no, and lives */
	{ "own list, another form", open_anywhere,
	    "sandbox: example called openat: allowed only below a directory "
	    "held open\n" },
#endif
	/* one call, listed by both */
	{ "another fcntl", other_fcntl,
	    "sandbox: example called fcntl: allowed only F_GET_SEALS\n" },
};

/* Wait status of a process that acts in the sandbox; its stderr. */
static int
run(enum sandbox_mode mode, void (*act)(void), char *said, size_t size)
{
	struct sandbox s = { .program = "example",
		.calls = calls,
		.ncalls = LENGTH(calls),
		.chan_fds = 8,
		.mode = mode,
		.best_effort = true };
	struct sandbox_report report;
	int out[2], status;
	size_t n = 0;
	ssize_t got;
	pid_t pid;

	assert_int_equal(pipe(out), 0);
	if ((pid = fork()) == 0) {
		(void)dup2(out[1], STDERR_FILENO);
		(void)close(out[1]);
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
			_exit(2);
		(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* leave no core */
		sandbox_enter(&s, &report);
		act();
		_exit(0);
	}
	assert_true(pid > 0);
	(void)close(out[1]);
	while ((got = read(out[0], said + n, size - 1 - n)) > 0)
		n += (size_t)got;
	said[n] = '\0';
	(void)close(out[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void
test_trap(void **state)
{
	char said[4096];
	size_t i;
	int status;

	(void)state;
	for (i = 0; i < LENGTH(cases); i++) {
		status = run(SANDBOX_TRAP, cases[i].act, said, sizeof(said));
		if (!WIFEXITED(status))
			print_message("%s\n", cases[i].name);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status),
		    cases[i].said == NULL ? 0 : 128 + SIGSYS);
		if (cases[i].said != NULL)
			assert_non_null(strstr(said, cases[i].said));
		else
			assert_null(strstr(said, "example called"));
	}
}

static void
test_kill(void **state)
{
	char said[4096];
	size_t i;
	int status;

	(void)state;
	for (i = 0; i < LENGTH(cases); i++) {
		status = run(SANDBOX_KILL, cases[i].act, said, sizeof(said));
		if (cases[i].said == NULL) {
			assert_true(WIFEXITED(status));
			assert_int_equal(WEXITSTATUS(status), 0);
		} else {
			assert_true(WIFSIGNALED(status));
			assert_int_equal(WTERMSIG(status), SIGSYS);
		}
	}
}

static void
test_block(void **state)
{
	static const struct {
		unsigned slots, block;
	} c[] = { { 0, 8 }, { 5, 8 }, { 6, 16 }, { 13, 16 }, { 14, 32 },
		{ 125, 128 } };
	size_t i;

	(void)state;
	for (i = 0; i < LENGTH(c); i++)
		assert_int_equal(sandbox_block(c[i].slots), c[i].block);
}

/* Each condition is one that a person can read. */
static void
test_texts(void **state)
{
	int c;

	(void)state;
	for (c = SB_ANY; c <= SB_FCNTL_FL; c++)
		assert_string_not_equal(sandbox_cond_text((enum sb_cond)c),
		    "?");
}

/* What sandbox_show() writes to standard output, and its result. */
static int
shown(char **argv, int argc, char *text, size_t size)
{
	const struct sandbox s = { .program = "example",
		.calls = calls,
		.ncalls = LENGTH(calls) };
	int out[2], status;
	size_t n = 0;
	ssize_t got;
	pid_t pid;

	assert_int_equal(pipe(out), 0);
	if ((pid = fork()) == 0) {
		(void)dup2(out[1], STDOUT_FILENO);
		(void)close(out[1]);
		status = sandbox_show(argc, argv, &s);
		_exit(status == -1 ? 99 : status);
	}
	(void)close(out[1]);
	while ((got = read(out[0], text + n, size - 1 - n)) > 0)
		n += (size_t)got;
	text[n] = '\0';
	(void)close(out[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
test_show(void **state)
{
	static char self[] = "example", list[] = "--calls", pfc[] = "--filter",
		    six[] = "6", many[] = "70000";
	char *none[] = { self }, *l[] = { self, list },
	     *f[] = { self, pfc, six }, *bad[] = { self, pfc, many },
	     *half[] = { self, pfc };
	static char text[64 * 1024];

	(void)state;
	assert_int_equal(shown(none, 1, text, sizeof(text)), 99);
	assert_int_equal(shown(half, 2, text, sizeof(text)), 99);
	assert_int_equal(shown(bad, 3, text, sizeof(text)), EXIT_FAILURE);
	assert_int_equal(shown(l, 2, text, sizeof(text)), 0);
	assert_non_null(strstr(text, "\ngetppid\t\tas an example\n"));
	assert_non_null(strstr(text, "mmap\twithout PROT_EXEC\t"));
	assert_int_equal(shown(f, 3, text, sizeof(text)), 0);
	assert_non_null(strstr(text, "filter for syscall \"getppid\""));
	/* six slots from descriptor 3: a block of 16 */
	assert_non_null(strstr(text, "$a0.lo32 & 0xfffffff0 == 0"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trap),
		cmocka_unit_test(test_kill),
		cmocka_unit_test(test_block),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_show),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
