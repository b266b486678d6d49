/* SPDX-License-Identifier: ISC */
/* New sockets: see attack.h. */
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "common/attack/attack.h"

#define FAMILY_VSOCK   40
#define FAMILY_ALG     38
#define PROTOCOL_MPTCP 262

static int
answer(long rc)
{
	return rc == -1 ? errno : 0;
}

static int
dial(const struct attack_env *e, int family, int protocol)
{
	long fd = syscall(SYS_socket, family, SOCK_STREAM, protocol);

	if (fd == -1)
		return errno;
	return answer(syscall(SYS_connect, (int)fd, &e->tcp, e->len));
}

int
attack_inet_stream(const struct attack_env *e)
{
	return dial(e, AF_INET, 0);
}

int
attack_mptcp(const struct attack_env *e)
{
	return dial(e, AF_INET, PROTOCOL_MPTCP);
}

int
attack_inet6(const struct attack_env *e)
{
	const struct sockaddr_in *to = (const struct sockaddr_in *)&e->tcp;
	struct sockaddr_in6 mapped = { .sin6_family = AF_INET6,
		.sin6_port = to->sin_port };
	long fd;

	mapped.sin6_addr.s6_addr[10] = mapped.sin6_addr.s6_addr[11] = 0xff;
	memcpy(&mapped.sin6_addr.s6_addr[12], &to->sin_addr, 4);
	fd = syscall(SYS_socket, AF_INET6, SOCK_STREAM, 0);
	if (fd == -1)
		return errno;
	return answer(syscall(SYS_connect, (int)fd, &mapped, sizeof(mapped)));
}

int
attack_inet_dgram(const struct attack_env *e)
{
	long fd = syscall(SYS_socket, AF_INET, SOCK_DGRAM, 0);

	if (fd == -1)
		return errno;
	return answer(syscall(SYS_sendto, (int)fd, "x", 1, 0, &e->udp, e->len));
}

static int
make(int family, int type, int protocol)
{
	return answer(syscall(SYS_socket, family, type, protocol));
}

int
attack_raw(const struct attack_env *e)
{
	(void)e;
	return make(AF_INET, SOCK_RAW, IPPROTO_TCP);
}

int
attack_packet(const struct attack_env *e)
{
	(void)e;
	return make(AF_PACKET, SOCK_RAW, 0);
}

int
attack_netlink(const struct attack_env *e)
{
	(void)e;
	return make(AF_NETLINK, SOCK_RAW, 0);
}

int
attack_vsock(const struct attack_env *e)
{
	(void)e;
	return make(FAMILY_VSOCK, SOCK_STREAM, 0);
}

int
attack_alg(const struct attack_env *e)
{
	(void)e;
	return make(FAMILY_ALG, SOCK_SEQPACKET, 0);
}

static int
dial_unix(const char *name, size_t skip)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t len;
	long fd;

	if (name == NULL)
		return ATTACK_NONE;
	len = strnlen(name, sizeof(to.sun_path) - 2);
	memcpy(to.sun_path + skip, name, len);
	fd = syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0);
	if (fd == -1)
		return errno;
	return answer(syscall(SYS_connect, (int)fd, &to,
	    offsetof(struct sockaddr_un, sun_path) + skip + len));
}

int
attack_abstract(const struct attack_env *e)
{
	return dial_unix(e->abstract, 1);
}

int
attack_unix_path(const struct attack_env *e)
{
	return dial_unix(e->path, 0);
}

/* A door of its own for those outside. */
int
attack_listen(const struct attack_env *e)
{
	const struct sockaddr_in any = { .sin_family = AF_INET };
	long fd = syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);

	(void)e;
	if (fd == -1 || syscall(SYS_bind, (int)fd, &any, sizeof(any)) == -1)
		return errno;
	return answer(syscall(SYS_listen, (int)fd, 1));
}

/* Away from the interface of its side. */
int
attack_device(const struct attack_env *e)
{
	int fd = e->stream != -1 ? e->stream : e->listener;

	if (fd == -1)
		return ATTACK_NONE;
	return answer(
	    syscall(SYS_setsockopt, fd, SOL_SOCKET, SO_BINDTODEVICE, "", 0));
}
