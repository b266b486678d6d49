/* SPDX-License-Identifier: ISC */
/*
 * See sandbox.h.  The filter is an allow-list by name, so that it serves
 * every architecture libseccomp knows; calls of a foreign architecture kill.
 */
#include <sys/mman.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/landlock.h"
#include "common/base/log.h"
#include "common/base/sandbox.h"

#define LOW32	   0xffffffffU
#define CHAN_FIRST 3 /* the channel to posternd */

/* what every process needs to live */
static const struct sandbox_call base_calls[] = {
	/* the loop */
	{ "epoll_wait", SB_ANY, "wait for events" },
	{ "epoll_pwait", SB_ANY, "the same where epoll_wait is not" },
	{ "epoll_ctl", SB_ANY, "choose events" },
	{ "clock_gettime", SB_ANY, "time, where the vDSO does not serve" },
	{ "gettimeofday", SB_ANY, "the same" },
	{ "restart_syscall", SB_ANY, "the kernel's own after a stop" },
	/* channels */
	{ "sendto", SB_SENDTO, "answers on channels and sockets" },
	{ "recvfrom", SB_RECVFROM, "read channels and sockets" },
	{ "recvmsg", SB_RECVMSG, "peers arrive as descriptors from posternd" },
	{ "dup3", SB_DUP_CHAN, "a new peer takes the place of the old" },
	{ "close", SB_ANY, "descriptors" },
	{ "fcntl", SB_FCNTL_FL, "non-blocking" },
	{ "newfstatat", SB_FSTAT, "what kind of descriptor is this" },
	{ "fstat", SB_ANY, "the same on older C libraries" },
	{ "write", SB_STDERR, "last words" },
	/* memory */
	{ "brk", SB_ANY, "malloc" },
	{ "mmap", SB_NO_EXEC, "malloc, the statistics page" },
	{ "mprotect", SB_NO_EXEC, "malloc arenas" },
	{ "munmap", SB_ANY, "free" },
	{ "mremap", SB_ANY, "realloc" },
	{ "madvise", SB_ANY, "free" },
	{ "futex", SB_ANY, "locks inside the C library" },
	{ "getrandom", SB_ANY, "arc4random" },
	/* the end */
	{ "exit", SB_ANY, "leave" },
	{ "exit_group", SB_ANY, "leave" },
	{ "rt_sigreturn", SB_ANY, "return from a handler" },
	{ "rt_sigprocmask", SB_ANY, "abort(3)" },
	{ "getpid", SB_ANY, "abort(3), arc4random after fork" },
	{ "gettid", SB_ANY, "abort(3)" },
	{ "tgkill", SB_SELF, "abort(3)" },
};

static const struct sandbox *trapped; /* in TRAP mode: whose filter */

#define SEND_FLAGS ((uint32_t)(MSG_NOSIGNAL | MSG_DONTWAIT))
#define RECV_FLAGS ((uint32_t)(MSG_DONTWAIT | MSG_TRUNC | MSG_CMSG_CLOEXEC))

/*
 * What each condition means: rows of one condition are alternatives, the
 * tests of a row must all hold.  A test looks at the low half of an argument
 * (the kernel ignores the high half of an int), masked.
 */
enum test_kind {
	T_NONE, /* no test */
	T_MASK, /* (arg & mask) == value */
	T_CHAN, /* below the channel block */
	T_SELF, /* the process's own number */
	T_NULL	/* a null pointer, all 64 bits */
};

struct arg_test {
	enum test_kind kind;
	unsigned arg;
	uint32_t mask;
	uint32_t value;
};

#define IS(arg, value)                                                         \
	{                                                                      \
		T_MASK, arg, LOW32, value                                      \
	}
#define WITHOUT(arg, bits)                                                     \
	{                                                                      \
		T_MASK, arg, bits, 0                                           \
	}
#define ON_CHAN(arg)                                                           \
	{                                                                      \
		T_CHAN, arg, 0, 0                                              \
	}
#define SELF(arg)                                                              \
	{                                                                      \
		T_SELF, arg, 0, 0                                              \
	}
#define NULL_PTR(arg)                                                          \
	{                                                                      \
		T_NULL, arg, 0, 0                                              \
	}
#define NO_TEST                                                                \
	{                                                                      \
		T_NONE, 0, 0, 0                                                \
	}

static const struct {
	enum sb_cond cond;
	struct arg_test test[2];
} conds[] = {
	{ SB_ANY, { NO_TEST, NO_TEST } },
	{ SB_CHAN, { ON_CHAN(0), NO_TEST } },
	{ SB_SENDTO, { WITHOUT(3, ~SEND_FLAGS), NULL_PTR(4) } },
	{ SB_SENDMSG, { ON_CHAN(0), WITHOUT(2, ~SEND_FLAGS) } },
	{ SB_RECVFROM, { WITHOUT(3, ~RECV_FLAGS), NULL_PTR(4) } },
	{ SB_RECVMSG, { ON_CHAN(0), WITHOUT(2, ~RECV_FLAGS) } },
	{ SB_ADD_SEALS, { IS(1, F_ADD_SEALS), NO_TEST } },
	{ SB_GET_SEALS, { IS(1, F_GET_SEALS), NO_TEST } },
	{ SB_DUP_CHAN, { ON_CHAN(1), NO_TEST } },
	/* protocol 0: TCP and UDP, nothing that rides on them */
	{ SB_SOCKET_INET, { IS(0, AF_INET), IS(2, 0) } },
	{ SB_SOCKET_INET, { IS(0, AF_INET6), IS(2, 0) } },
	{ SB_GETSOCKOPT_ERROR, { IS(1, SOL_SOCKET), IS(2, SO_ERROR) } },
	{ SB_SETSOCKOPT_CONND, { IS(1, SOL_SOCKET), IS(2, SO_BINDTODEVICE) } },
	{ SB_SETSOCKOPT_CONND, { IS(1, SOL_SOCKET), IS(2, SO_REUSEADDR) } },
	{ SB_SETSOCKOPT_CONND, { IS(1, IPPROTO_TCP), IS(2, TCP_NODELAY) } },
	{ SB_SETSOCKOPT_CONND, { IS(1, IPPROTO_IPV6), IS(2, IPV6_V6ONLY) } },
	{ SB_SETSOCKOPT_CONND,
	    { IS(1, IPPROTO_IP), IS(2, IP_BIND_ADDRESS_NO_PORT) } },
	{ SB_PEERCRED, { IS(1, SOL_SOCKET), IS(2, SO_PEERCRED) } },
	/* AT_FDCWD, as every negative number, has the top bit */
	{ SB_DIRFD, { WITHOUT(0, 0x80000000U), NO_TEST } },
	{ SB_STDERR, { IS(0, STDERR_FILENO), NO_TEST } },
	{ SB_SELF, { SELF(0), NO_TEST } },
	{ SB_NO_EXEC, { WITHOUT(2, PROT_EXEC), NO_TEST } },
	{ SB_FSTAT, { IS(3, AT_EMPTY_PATH), NO_TEST } },
	{ SB_FCNTL_FL, { IS(1, F_GETFL), NO_TEST } },
	{ SB_FCNTL_FL, { IS(1, F_SETFL), NO_TEST } },
	{ SB_FCNTL_FL, { IS(1, F_GETFD), NO_TEST } },
	{ SB_FCNTL_FL, { IS(1, F_SETFD), NO_TEST } },
};

/* The same for people, as the manual and the audit page show it. */
static const struct {
	enum sb_cond cond;
	const char *text;
} cond_texts[] = {
	{ SB_ANY, "" },
	{ SB_CHAN, "on a channel" },
	{ SB_SENDTO, "no address; flags NOSIGNAL, DONTWAIT" },
	{ SB_SENDMSG, "on a channel; flags NOSIGNAL, DONTWAIT" },
	{ SB_RECVFROM, "no address; flags DONTWAIT, TRUNC" },
	{ SB_RECVMSG, "on a channel; flags DONTWAIT, TRUNC" },
	{ SB_ADD_SEALS, "F_ADD_SEALS" },
	{ SB_GET_SEALS, "F_GET_SEALS" },
	{ SB_DUP_CHAN, "onto a channel" },
	{ SB_SOCKET_INET, "AF_INET, AF_INET6; protocol 0" },
	{ SB_GETSOCKOPT_ERROR, "SO_ERROR" },
	{ SB_SETSOCKOPT_CONND,
	    "SO_BINDTODEVICE, SO_REUSEADDR, TCP_NODELAY, "
	    "IPV6_V6ONLY, IP_BIND_ADDRESS_NO_PORT" },
	{ SB_PEERCRED, "SO_PEERCRED" },
	{ SB_DIRFD, "below a directory held open" },
	{ SB_STDERR, "on stderr" },
	{ SB_SELF, "on itself" },
	{ SB_NO_EXEC, "without PROT_EXEC" },
	{ SB_FSTAT, "of a descriptor" },
	{ SB_FCNTL_FL, "F_GETFL, F_SETFL, F_GETFD, F_SETFD" },
};

const char *
sandbox_cond_text(enum sb_cond cond)
{
	size_t i;

	for (i = 0; i < sizeof(cond_texts) / sizeof(cond_texts[0]); i++)
		if (cond_texts[i].cond == cond)
			return cond_texts[i].text;
	return "?";
}

static struct scmp_arg_cmp
compile(const struct sandbox *s, const struct arg_test *t)
{
	struct scmp_arg_cmp c = { 0 };

	c.arg = t->arg;
	c.op = t->kind == T_NULL ? SCMP_CMP_EQ : SCMP_CMP_MASKED_EQ;
	if (t->kind == T_MASK) {
		c.datum_a = t->mask;
		c.datum_b = t->value;
	} else if (t->kind == T_CHAN) {
		c.datum_a = LOW32 & ~(uint32_t)(s->chan_fds - 1);
	} else if (t->kind == T_SELF) {
		c.datum_a = LOW32;
		c.datum_b = s->self;
	}
	return c;
}

static int
allow_call(const struct sandbox *s, scmp_filter_ctx f, int nr,
    enum sb_cond cond)
{
	struct scmp_arg_cmp cmp[2];
	size_t i;
	unsigned k, n;
	int rc = -EINVAL;

	for (i = 0; i < sizeof(conds) / sizeof(conds[0]); i++) {
		if (conds[i].cond != cond)
			continue;
		for (k = n = 0; k < 2; k++)
			if (conds[i].test[k].kind != T_NONE)
				cmp[n++] = compile(s, &conds[i].test[k]);
		rc = seccomp_rule_add_array(f, SCMP_ACT_ALLOW, nr, n, cmp);
		if (rc != 0)
			break;
	}
	return rc;
}

static int
add_list(const struct sandbox *s, scmp_filter_ctx f,
    const struct sandbox_call *calls, size_t n)
{
	size_t i;
	int nr, rc;

	for (i = 0; i < n; i++) {
		nr = seccomp_syscall_resolve_name(calls[i].name);
		if (nr == __NR_SCMP_ERROR) {
			errno = EINVAL;
			log_warnx("sandbox: unknown call %s", calls[i].name);
			return -1;
		}
		rc = allow_call(s, f, nr, calls[i].cond);
		/* a call that this architecture does not have is no loss */
		if (rc != 0 && rc != -EDOM) {
			errno = -rc;
			log_warn("sandbox: rule for %s", calls[i].name);
			return -1;
		}
	}
	return 0;
}

#define NBASE (sizeof(base_calls) / sizeof(base_calls[0]))

#ifdef __SANITIZE_ADDRESS__
/*
 * Sanitizer builds (tests only): what their run-time asks for besides, to
 * live and to write a report to stderr.  It finds no leaks from in here (it
 * would trace this process), and the lab gives names to the addresses of its
 * stacks: both would take calls that attacks need.
 */
static const struct sandbox_call san_calls[] = {
	{ "sigaltstack", SB_ANY, "before a call that does not return" },
	{ "sched_yield", SB_ANY, "its locks" },
	{ "rt_sigaction", SB_ANY, "abort(3)" },
};
#define NSAN (sizeof(san_calls) / sizeof(san_calls[0]))

/* what it tries while it reports, and does without: an error, not death */
static const char *const san_refused[] = { "readlink", "readlinkat", "open",
	"ioctl", "getrlimit", "prlimit64", "prctl" };

static bool inside;

void __sanitizer_set_report_fd(void *);

static int
add_san(const struct sandbox *s, scmp_filter_ctx f)
{
	const uint32_t no = SCMP_ACT_ERRNO(EPERM);
	size_t i;
	int nr;

	for (i = 0; i < sizeof(san_refused) / sizeof(san_refused[0]); i++) {
		nr = seccomp_syscall_resolve_name(san_refused[i]);
		if (seccomp_rule_add(f, no, nr, 0) != 0)
			return -1;
	}
	nr = seccomp_syscall_resolve_name("openat");
	if (seccomp_rule_add(f, no, nr, 1,
		SCMP_A0(SCMP_CMP_MASKED_EQ, 0x80000000U, 0x80000000U)) != 0)
		return -1;
	return add_list(s, f, san_calls, NSAN);
}

int __lsan_is_turned_off(void);
const char *__asan_default_options(void);

int
__lsan_is_turned_off(void)
{
	return inside;
}

const char *
__asan_default_options(void)
{
	/* there are many processes, and each keeps what it freed */
	return "symbolize=0:quarantine_size_mb=16";
}
#endif

static scmp_filter_ctx
build(const struct sandbox *s)
{
	uint32_t action =
	    s->mode == SANDBOX_TRAP ? SCMP_ACT_TRAP : SCMP_ACT_KILL_PROCESS;
	scmp_filter_ctx f;

	if ((f = seccomp_init(action)) == NULL)
		return NULL;
	if (seccomp_attr_set(f, SCMP_FLTATR_ACT_BADARCH,
		SCMP_ACT_KILL_PROCESS) != 0 ||
	    seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2) != 0 ||
	    add_list(s, f, base_calls, NBASE) == -1 ||
#ifdef __SANITIZE_ADDRESS__
	    add_san(s, f) == -1 ||
#endif
	    add_list(s, f, s->calls, s->ncalls) == -1) {
		seccomp_release(f);
		return NULL;
	}
	return f;
}

static void
say(const char *s)
{
	ssize_t w = write(STDERR_FILENO, s, strlen(s));

	(void)w;
}

/* What a list allows of a call, as text; NULL: nothing. */
static const char *
allowed_form(const struct sandbox_call *calls, size_t n, const char *name)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(calls[i].name, name) == 0)
			return sandbox_cond_text(calls[i].cond);
	return NULL;
}

/*
 * TRAP mode: name the call, the program, and why it is forbidden, then die as
 * KILL would.
 */
static void
on_sigsys(int sig, siginfo_t *si, void *uc)
{
	const struct sandbox *s = trapped;
	const char *name, *form = NULL;

	(void)sig;
	(void)uc;
	name = seccomp_syscall_resolve_num_arch(si->si_arch, si->si_syscall);
	if (name == NULL)
		name = "an unknown call";
	if ((form = allowed_form(s->calls, s->ncalls, name)) == NULL)
		form = allowed_form(base_calls, NBASE, name);
	say("sandbox: ");
	say(s->program);
	say(" called ");
	say(name);
	if (form != NULL) {
		say(": allowed only ");
		say(form);
	} else {
		say(": not on its list");
	}
	say("\n");
	_exit(128 + SIGSYS);
}

static void
lacks(const struct sandbox *s, struct sandbox_report *r, uint32_t what,
    const char *name)
{
	r->missing |= what;
	if (!s->best_effort)
		fatalx("sandbox: this kernel lacks %s; \"sandbox best-effort\" "
		       "would go on without it",
		    name);
	log_warnx("sandbox: running without %s", name);
}

static void
enter_landlock(const struct sandbox *s, struct sandbox_report *r)
{
	int abi = landlock_enter(s->uses_root, s->uses_net, s->dirs, s->ndirs);

	if (abi <= 0) {
		lacks(s, r, SANDBOX_NO_LANDLOCK, "Landlock");
		return;
	}
	r->landlock_abi = (uint8_t)abi;
	if (abi < 4)
		r->missing |= SANDBOX_NO_LANDLOCK_NET;
	if (abi < 6)
		r->missing |= SANDBOX_NO_LANDLOCK_SCOPE;
}

void
sandbox_enter(const struct sandbox *s, struct sandbox_report *r)
{
	struct sandbox own = *s;
	struct sigaction sa = { 0 };
	scmp_filter_ctx f;

	memset(r, 0, sizeof(*r));
	own.self = (uint32_t)getpid();
	enter_landlock(s, r);
	if ((f = build(&own)) == NULL)
		fatalx("sandbox: cannot build the filter of %s", s->program);
#ifdef __SANITIZE_ADDRESS__
	inside = true;
	__sanitizer_set_report_fd((void *)STDERR_FILENO);
#endif
	if (s->mode == SANDBOX_TRAP) {
		trapped = s;
		sa.sa_sigaction = on_sigsys;
		sa.sa_flags = SA_SIGINFO;
		if (sigaction(SIGSYS, &sa, NULL) == -1)
			fatal("sigaction");
	}
	r->ncalls = (uint16_t)(NBASE + s->ncalls);
	if (seccomp_load(f) == 0)
		r->seccomp = 1;
	else
		lacks(s, r, SANDBOX_NO_SECCOMP, "seccomp filters");
	seccomp_release(f);
}

const struct sandbox_call *
sandbox_base(size_t *n)
{
	*n = NBASE;
	return base_calls;
}

unsigned
sandbox_block(unsigned nslots)
{
	unsigned block = 8;

	while (block < CHAN_FIRST + nslots)
		block *= 2;
	return block;
}

int
sandbox_export(const struct sandbox *s, int fd)
{
	scmp_filter_ctx f;
	int rc;

	if ((f = build(s)) == NULL)
		return -1;
	rc = seccomp_export_pfc(f, fd);
	seccomp_release(f);
	return rc == 0 ? 0 : -1;
}

static int
compare_bytes(const void *a, const void *b)
{
	return memcmp(a, b, 1);
}

void
sandbox_warm_up(void)
{
	char many[2048] = { 0 };

	qsort(many, sizeof(many), 1, compare_bytes);
}
