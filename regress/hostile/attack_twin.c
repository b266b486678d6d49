/* SPDX-License-Identifier: ISC */
/*
 * A program of the gateway, attacked from the inside while it works: all its
 * own code, linked with other functions in the place of four (--wrap).  The
 * process that posternd starts stays outside the cage and does the program's
 * work; for each attack it makes a process that enters the cage, with the very
 * descriptors that the program holds at this moment, as many layers of it as
 * the test says, and tries.  Sockets that were handed over are kept, so that
 * there are some left when the program is done with them.
 */
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "common/attack/attack.h"
#include "common/base/child.h"
#include "common/base/ev.h"
#include "common/base/log.h"
#include "common/base/privdrop.h"
#include "common/msg/out_conn.h"
#include "regress/hostile/attack_twin.h"

#define LOOK_MS	     2
#define ATTACK_LIMIT 5 /* s */
#define KEPT_MAX     64

enum kind { KIND_LISTENER, KIND_STREAM, KIND_DGRAM, KINDS };

static struct {
	struct page *page;
	struct privdrop privdrop;
	struct sandbox sandbox;
	struct child *child;
	struct ev_timer timer;
	int kept[KINDS][KEPT_MAX];
	unsigned nkept[KINDS], turn[KINDS];
	int connd; /* the channel to it */
	pid_t beside;
	bool inside; /* this process is one in the cage */
} twin = { .connd = -1 };

/* declared for the compiler; the linker has the rest of it */
void __wrap_privdrop(const struct privdrop *);
void __real_privdrop(const struct privdrop *);
void __wrap_sandbox_enter(const struct sandbox *, struct sandbox_report *);
void __real_sandbox_enter(const struct sandbox *, struct sandbox_report *);
int __wrap_landlock_enter(bool, bool, const struct sandbox_dir *, size_t);
int __real_landlock_enter(bool, bool, const struct sandbox_dir *, size_t);
int __wrap_seccomp_load(void *);
int __real_seccomp_load(void *);
ssize_t __wrap_recvmsg(int, struct msghdr *, int);
ssize_t __real_recvmsg(int, struct msghdr *, int);
int __wrap_child_loop(struct child *);
int __real_child_loop(struct child *);
struct chan *__wrap_chan_new(struct ev *, int, const struct chan_spec *);
struct chan *__real_chan_new(struct ev *, int, const struct chan_spec *);

const struct page *
attack_page(void)
{
	return twin.page;
}

static bool
has(uint32_t layer)
{
	return (twin.page->layers & layer) != 0;
}

/* --- the page --- */

static void
open_page(void)
{
	char path[PATH_MAX], name[64], *slash;
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	int fd;

	if (n == -1)
		fatal("page");
	path[n] = '\0';
	slash = strrchr(path, '/');
	(void)strlcpy(name, program_invocation_name, sizeof(name));
	for (char *c = name; *c != '\0'; c++)
		if (*c == '/')
			*c = '-';
	(void)snprintf(slash, sizeof(path) - (size_t)(slash - path), "/page.%s",
	    name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd == -1 || ftruncate(fd, PAGE_SIZE_) == -1)
		fatal("%s", path);
	twin.page =
	    mmap(NULL, PAGE_SIZE_, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (twin.page == MAP_FAILED)
		fatal("%s", path);
	(void)close(fd);
}

/* --- the functions in the places of others --- */

/* Later.  queued alone is told its place by its root. */
void
__wrap_privdrop(const struct privdrop *p)
{
	twin.privdrop = *p;
	open_page();
	if (strcmp(program_invocation_name, "queued") != 0)
		return;
	if (chroot(p->chroot_dir) == -1 || chdir("/") == -1)
		fatal("chroot");
	twin.privdrop.chroot_dir = "/";
}

void
__wrap_sandbox_enter(const struct sandbox *s, struct sandbox_report *r)
{
	twin.sandbox = *s;
	memset(r, 0, sizeof(*r));
	r->seccomp = 1;
	r->landlock_abi = 1;
}

int
__wrap_landlock_enter(bool root, bool net, const struct sandbox_dir *dirs,
    size_t n)
{
	return has(LAYER_LANDLOCK) ? __real_landlock_enter(root, net, dirs, n)
				   : 1;
}

int
__wrap_seccomp_load(void *filter)
{
	return has(LAYER_FILTER) ? __real_seccomp_load(filter) : 0;
}

static int
ask_socket(int fd, int option)
{
	int v = -1;
	socklen_t len = sizeof(v);

	return getsockopt(fd, SOL_SOCKET, option, &v, &len) == -1 ? -1 : v;
}

static void
keep(int fd)
{
	int domain = ask_socket(fd, SO_DOMAIN), type;
	enum kind k;

	if (domain != AF_INET)
		return;
	type = ask_socket(fd, SO_TYPE);
	k = type == SOCK_DGRAM			 ? KIND_DGRAM
	    : ask_socket(fd, SO_ACCEPTCONN) == 1 ? KIND_LISTENER
						 : KIND_STREAM;
	if (twin.nkept[k] < KEPT_MAX)
		twin.kept[k][twin.nkept[k]++] =
		    fcntl(fd, F_DUPFD_CLOEXEC, 1024);
}

ssize_t
__wrap_recvmsg(int from, struct msghdr *m, int flags)
{
	ssize_t n = __real_recvmsg(from, m, flags);
	struct cmsghdr *c;
	int fd;

	if (n == -1 || twin.page == NULL || twin.inside)
		return n;
	for (c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
			memcpy(&fd, CMSG_DATA(c), sizeof(fd));
			keep(fd);
		}
	return n;
}

struct chan *
__wrap_chan_new(struct ev *ev, int fd, const struct chan_spec *spec)
{
	if (strncmp(spec->name, "connd", 5) == 0)
		twin.connd = fd;
	return __real_chan_new(ev, fd, spec);
}

/* --- one attack --- */

/* As many layers as are wanted, in the order of main(). */
static void
enter_cage(void)
{
	struct privdrop p = twin.privdrop;
	struct sandbox_report r;

	p.empty_netns = p.empty_netns && has(LAYER_NETNS);
	if (!has(LAYER_ROOT))
		p.chroot_dir = "/";
	if (has(LAYER_USER)) {
		__real_privdrop(&p);
	} else if ((p.empty_netns && unshare(CLONE_NEWNET) == -1) ||
	    chroot(p.chroot_dir) == -1 || chdir("/") == -1) {
		fatal("cage");
	}
	__real_sandbox_enter(&twin.sandbox, &r);
}

static int
next(enum kind k)
{
	return twin.nkept[k] == 0
	    ? -1
	    : twin.kept[k][twin.turn[k]++ % twin.nkept[k]];
}

static void
environment(struct attack_env *e)
{
	struct page *p = twin.page;
	struct sockaddr_in to = { .sin_family = AF_INET };

	memset(e, 0, sizeof(*e));
	memcpy(&to.sin_addr, p->address, sizeof(p->address));
	to.sin_port = p->tcp;
	memcpy(&e->tcp, &to, sizeof(to));
	to.sin_port = p->udp;
	memcpy(&e->udp, &to, sizeof(to));
	e->len = sizeof(to);
	e->listener = next(KIND_LISTENER);
	e->stream = next(KIND_STREAM);
	e->dgram = next(KIND_DGRAM);
	e->chan = CAGE_MASTER_FD + 1;
	e->dir = -1;
	e->abstract = "postern-hostile";
	e->path = p->path;
	e->secret = p->secret;
	e->above = getpid();
	e->beside = twin.beside;
}

static __attribute__((noreturn)) void
attack(const struct attack *a, struct attack_env *e)
{
	twin.inside = true;
	(void)alarm(ATTACK_LIMIT);
	if (twin.sandbox.uses_root)
		e->dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enter_cage();
	twin.page->stage = 1;
	twin.page->answer = a->try(e);
	twin.page->stage = 2;
	_exit(0);
}

static void
judge(struct page *p, int status)
{
	p->detail = 0;
	if (p->stage == 0)
		fatalx("the cage cannot be entered");
	if (p->stage == 2 && p->answer > 0) {
		p->result = PAGE_REFUSED;
		p->detail = (uint32_t)p->answer;
	} else if (p->stage == 2) {
		p->result = p->answer == 0 ? PAGE_GAINED : PAGE_NONE;
	} else if (WIFSIGNALED(status)) {
		p->result = PAGE_KILLED;
		p->detail = (uint32_t)WTERMSIG(status);
	} else {
		p->result = PAGE_GAINED; /* it became another program */
	}
}

/* To the named interface or off any; name becomes what it was: interface.py */
static void
move(int fd, char name[IFNAMSIZ])
{
	static const char place[] = "\0postern-hostile-interface";
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	union {
		struct cmsghdr h;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .h = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	struct iovec iov = { name, IFNAMSIZ };
	struct msghdr m = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	const socklen_t len =
	    offsetof(struct sockaddr_un, sun_path) + sizeof(place) - 1;
	int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	memcpy(sun.sun_path, place, sizeof(place) - 1);
	memcpy(CMSG_DATA(&control.h), &fd, sizeof(fd));
	if (s == -1 || connect(s, (struct sockaddr *)&sun, len) == -1 ||
	    sendmsg(s, &m, 0) == -1 || recv(s, name, IFNAMSIZ, 0) != IFNAMSIZ)
		fatal("interface of a socket");
	(void)close(s);
}

/* Off its interface; the name of that to put it back, or an empty one. */
static void
unbind(int fd, char name[IFNAMSIZ])
{
	memset(name, 0, IFNAMSIZ);
	if (fd != -1 && !has(LAYER_DEVICE))
		move(fd, name);
}

static void
bind_again(int fd, char name[IFNAMSIZ])
{
	if (name[0] != '\0')
		move(fd, name);
}

static void
run_attack(struct page *p)
{
	const struct attack *a;
	char was[KINDS][IFNAMSIZ];
	struct attack_env e;
	int status;
	pid_t pid;

	p->attacks = (uint32_t)attacks_n;
	if (p->attack >= attacks_n)
		return;
	a = &attacks[p->attack];
	(void)strlcpy(p->name, a->name, sizeof(p->name));
	if ((a->job & ATTACK_JOB(child_self(twin.child)->proc)) != 0) {
		p->result = PAGE_JOB;
		return;
	}
	p->stage = 0;
	environment(&e);
	unbind(e.listener, was[KIND_LISTENER]);
	unbind(e.stream, was[KIND_STREAM]);
	unbind(e.dgram, was[KIND_DGRAM]);
	pid = fork();
	if (pid == -1)
		fatal("fork");
	if (pid == 0)
		attack(a, &e);
	while (waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			fatal("waitpid");
	bind_again(e.listener, was[KIND_LISTENER]);
	bind_again(e.stream, was[KIND_STREAM]);
	bind_again(e.dgram, was[KIND_DGRAM]);
	judge(p, status);
}

/* As smtpd-out asks, but for an address that is none of its business. */
static void
ask_connd(const struct page *p)
{
	struct oc_connect m = { .timeout_ms = 1000 };
	uint8_t mem[CHAN_HDR + OC_CONNECT_LEN];
	struct ibuf b;

	m.to.family = NETADDR_V4;
	memcpy(m.to.bytes, p->address, sizeof(p->address));
	m.to.port = ntohs(p->tcp);
	ibuf_wrap(&b, mem, sizeof(mem));
	(void)ibuf_add_n16(&b, OC_REQ_CONNECT);
	(void)ibuf_add_n16(&b, 0);
	(void)ibuf_add_n32(&b, UINT32_MAX);
	if (put_oc_connect(&b, &m) == -1 ||
	    send(twin.connd, mem, ibuf_size(&b), MSG_DONTWAIT) == -1)
		fatal("asking connd");
}

/* --- beside the program's own work --- */

static void
on_look(struct ev_timer *t)
{
	struct page *p = twin.page;

	if (__atomic_load_n(&p->asked, __ATOMIC_ACQUIRE) != p->done) {
		if (p->command == PAGE_ATTACK)
			run_attack(p);
		else if (p->command == PAGE_ASK_CONND)
			ask_connd(p);
		else
			p->detail = twin.nkept[KIND_LISTENER] |
			    twin.nkept[KIND_STREAM] << 8 |
			    twin.nkept[KIND_DGRAM] << 16;
		__atomic_store_n(&p->done, p->asked, __ATOMIC_RELEASE);
	}
	if (ev_timer_set(child_ev(twin.child), t, LOOK_MS) == -1)
		fatal("timer");
}

static void
start_beside(void)
{
	int ready[2];
	char byte;

	if (pipe2(ready, O_CLOEXEC) == -1 || (twin.beside = fork()) == -1)
		fatal("another process");
	if (twin.beside == 0) {
		twin.page->layers = ~0U;
		__real_privdrop(&twin.privdrop);
		(void)close(ready[1]);
		for (;;)
			(void)pause();
	}
	(void)close(ready[1]);
	if (read(ready[0], &byte, 1) != 0)
		fatal("another process");
	(void)close(ready[0]);
}

int
__wrap_child_loop(struct child *c)
{
	twin.child = c;
	start_beside();
	ev_timer_init(&twin.timer, on_look, NULL);
	if (ev_timer_set(child_ev(c), &twin.timer, LOOK_MS) == -1)
		fatal("timer");
	__atomic_store_n(&twin.page->ready, 1, __ATOMIC_RELEASE);
	return __real_child_loop(c);
}
