/* SPDX-License-Identifier: ISC */
/*
 * What an attack may reach for.  The loopback of the namespace in which the
 * program would start stands for the intranet: an address that the process in
 * its cage has no business with.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/log.h"
#include "selftest/selftest.h"

#define NAME_MAX_ 64

static int target_tcp, target_udp;

/* A socket on any port of the loopback, and where that is. */
static int
on_loopback(int type, struct sockaddr_storage *where)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd == -1 || bind(fd, (const struct sockaddr *)&a, len) == -1 ||
	    (type == SOCK_STREAM && listen(fd, 8) == -1) ||
	    getsockname(fd, (struct sockaddr *)&a, &len) == -1)
		fatal("socket on the loopback");
	memset(where, 0, sizeof(*where));
	memcpy(where, &a, sizeof(a));
	return fd;
}

static const char *
on_abstract(void)
{
	static char name[NAME_MAX_];
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t len;

	(void)snprintf(name, sizeof(name), "postern-selftest-%d",
	    (int)getpid());
	len = strlen(name);
	memcpy(a.sun_path + 1, name, len);
	if (fd == -1 ||
	    bind(fd, (const struct sockaddr *)&a,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
		    len)) == -1 ||
	    listen(fd, 8) == -1)
		fatal("abstract socket");
	return name;
}

/* A target that cannot be reached by anybody would prove nothing. */
static void
control(const struct attack_env *e)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1 ||
	    connect(fd, (const struct sockaddr *)&e->tcp, e->len) == -1 ||
	    !world_reached())
		log_warn("the loopback does not work: attacks on it prove "
			 "nothing");
	(void)close(fd);
}

void
world_make(struct attack_env *e)
{
	target_tcp = on_loopback(SOCK_STREAM, &e->tcp);
	target_udp = on_loopback(SOCK_DGRAM, &e->udp);
	e->len = sizeof(struct sockaddr_in);
	e->abstract = on_abstract();
	e->path = "/run/systemd/notify";
	e->secret = "/etc/shadow";
	e->above = getpid();
	control(e);
}

/* Connected to a port of ours that is no target. */
static int
connected(int type)
{
	struct sockaddr_storage to;
	int far = on_loopback(type, &to), end = -1;
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (fd == -1)
		fatal("socket to hold");
	/* not connected, for want of a loopback, it will do as well */
	(void)connect(fd, (const struct sockaddr *)&to,
	    sizeof(struct sockaddr_in));
	if (type == SOCK_STREAM)
		end = accept(far, NULL, NULL);
	return end != -1 ? end : fd;
}

void
world_hold(struct attack_env *e, unsigned holds)
{
	struct sockaddr_storage any;

	e->listener = e->stream = e->dgram = -1;
	if ((holds & HOLDS_LISTENER) != 0)
		e->listener = on_loopback(SOCK_STREAM, &any);
	if ((holds & HOLDS_STREAM) != 0)
		e->stream = connected(SOCK_STREAM);
	if ((holds & HOLDS_DGRAM) != 0)
		e->dgram = connected(SOCK_DGRAM);
}

bool
world_reached(void)
{
	char byte;
	bool reached = false;
	int fd;

	while ((fd = accept(target_tcp, NULL, NULL)) != -1) {
		(void)close(fd);
		reached = true;
	}
	while (recv(target_udp, &byte, 1, MSG_DONTWAIT) != -1)
		reached = true;
	return reached;
}
