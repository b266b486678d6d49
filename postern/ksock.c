/* SPDX-License-Identifier: ISC */
/*
 * Unix sockets come from sock_diag(7), which alone tells the other end of a
 * pair; TCP and UDP from /proc/PID/net, whose tables are those of the
 * namespace that the sockets are in.
 */
#include <sys/socket.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/stdlib.h>

#include "postern/ksock.h"

#define TCP_STATE_LISTEN 10 /* 0A in /proc/net/tcp */

struct sock {
	uint64_t inode, peer;
	enum kfd_kind kind;
};

static struct sock *socks;
static size_t nsocks, capacity;
static struct klistener *listeners;
static size_t nlisteners;

static int
add(uint64_t inode, uint64_t peer, enum kfd_kind kind)
{
	struct sock *bigger;
	size_t want;

	if (nsocks == capacity) {
		want = capacity > 0 ? capacity * 2 : 1024;
		bigger = reallocarray(socks, want, sizeof(*socks));
		if (bigger == NULL)
			return -1;
		socks = bigger;
		capacity = want;
	}
	socks[nsocks++] = (struct sock){ inode, peer, kind };
	return 0;
}

static int
by_inode(const void *a, const void *b)
{
	const struct sock *x = a, *y = b;

	return (x->inode > y->inode) - (x->inode < y->inode);
}

void
ksock_classify(struct kfd *k)
{
	struct sock key = { k->inode, 0, KFD_SOCKET }, *s;

	s = bsearch(&key, socks, nsocks, sizeof(*socks), by_inode);
	if (s == NULL)
		return;
	k->kind = s->kind;
	k->peer = s->peer;
}

/* --- unix --- */

static enum kfd_kind
unix_kind(const struct unix_diag_msg *m, uint64_t peer)
{
	if (m->udiag_state == TCP_STATE_LISTEN)
		return KFD_UNIX_LISTEN;
	if (m->udiag_type == SOCK_SEQPACKET && peer != 0)
		return KFD_CHANNEL;
	return m->udiag_type == SOCK_DGRAM ? KFD_UNIX_DGRAM : KFD_UNIX_OTHER;
}

static int
unix_message(const struct nlmsghdr *h)
{
	const char *p = (const char *)h + NLMSG_HDRLEN;
	const char *end = (const char *)h + h->nlmsg_len;
	struct unix_diag_msg m;
	struct rtattr a;
	uint32_t peer = 0;

	if (end - p < (ptrdiff_t)sizeof(m))
		return 0;
	memcpy(&m, p, sizeof(m));
	p += NLMSG_ALIGN(sizeof(m));
	while (end - p >= (ptrdiff_t)sizeof(a)) {
		memcpy(&a, p, sizeof(a));
		if (a.rta_len < sizeof(a) || end - p < a.rta_len)
			break;
		if (a.rta_type == UNIX_DIAG_PEER &&
		    a.rta_len >= sizeof(a) + sizeof(peer))
			memcpy(&peer, p + sizeof(a), sizeof(peer));
		p += NLMSG_ALIGN(a.rta_len);
	}
	return add(m.udiag_ino, peer, unix_kind(&m, peer));
}

/* 1: the end; 0: more to come; -1 */
static int
unix_packet(const char *buf, size_t len)
{
	struct nlmsghdr h;

	while (len >= sizeof(h)) {
		memcpy(&h, buf, sizeof(h));
		if (h.nlmsg_len < sizeof(h) || h.nlmsg_len > len)
			break;
		if (h.nlmsg_type == NLMSG_DONE)
			return 1;
		if (h.nlmsg_type == NLMSG_ERROR)
			return -1;
		if (unix_message((const struct nlmsghdr *)(const void *)buf) ==
		    -1)
			return -1;
		if (NLMSG_ALIGN(h.nlmsg_len) >= len)
			break;
		buf += NLMSG_ALIGN(h.nlmsg_len);
		len -= NLMSG_ALIGN(h.nlmsg_len);
	}
	return 0;
}

static int
load_unix(void)
{
	static _Alignas(struct nlmsghdr) char buf[64 * 1024];
	struct {
		struct nlmsghdr h;
		struct unix_diag_req r;
	} req = {
		.h = { .nlmsg_len = sizeof(req),
		    .nlmsg_type = SOCK_DIAG_BY_FAMILY,
		    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.r = { .sdiag_family = AF_UNIX,
		    .udiag_states = ~0U,
		    .udiag_show = UDIAG_SHOW_PEER },
	};
	int fd, rc = -1;
	ssize_t n;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	if (fd == -1)
		return -1;
	if (send(fd, &req, sizeof(req), 0) == sizeof(req))
		do {
			n = recv(fd, buf, sizeof(buf), 0);
			rc = n <= 0 ? -1 : unix_packet(buf, (size_t)n);
		} while (rc == 0);
	(void)close(fd);
	return rc == 1 ? 0 : -1;
}

/* --- TCP and UDP --- */

const struct klistener *
ksock_listener(size_t n)
{
	return n < nlisteners ? &listeners[n] : NULL;
}

/* "0100007F:0019": words of 32 bits as the processor has them */
static int
read_addr(struct netaddr *a, const char *s)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	size_t len = strcspn(s, ":");
	uint32_t word[4] = { 0 };
	char hex[9] = "";
	in_port_t port;
	size_t i;

	if ((len != 8 && len != 32) || s[len] != ':')
		return -1;
	for (i = 0; i < len / 8; i++) {
		memcpy(hex, s + i * 8, 8);
		word[i] = (uint32_t)strtoul(hex, NULL, 16);
	}
	port = htons((uint16_t)strtoul(s + len + 1, NULL, 16));
	v4.sin_port = v6.sin6_port = port;
	memcpy(&v4.sin_addr, word, sizeof(v4.sin_addr));
	memcpy(&v6.sin6_addr, word, sizeof(v6.sin6_addr));
	if (len == 8)
		return netaddr_from_sockaddr(a, (const struct sockaddr *)&v4,
		    sizeof(v4));
	return netaddr_from_sockaddr(a, (const struct sockaddr *)&v6,
	    sizeof(v6));
}

static int
add_listener(const char *local, uint64_t inode, pid_t pid)
{
	struct klistener l = { .inode = inode, .pid = pid }, *bigger;

	if (local == NULL || read_addr(&l.addr, local) == -1)
		return 0;
	bigger = reallocarray(listeners, nlisteners + 1, sizeof(*bigger));
	if (bigger == NULL)
		return -1;
	listeners = bigger;
	listeners[nlisteners++] = l;
	return 0;
}

struct table {
	const char *name;
	bool tcp;
	pid_t pid;
	int error; /* of the first line that could not be kept */
};

/* "sl local remote st queues timer retrnsmt uid timeout inode ..." */
static void
on_inet(char *line, void *arg)
{
	struct table *t = arg;
	unsigned field = 0, state = 0;
	uint64_t inode = 0;
	char *w, *rest = line, *local = NULL;
	enum kfd_kind kind = t->tcp ? KFD_TCP : KFD_UDP;

	while ((w = strsep(&rest, " \n")) != NULL) {
		if (*w == '\0')
			continue;
		if (field == 1)
			local = w;
		else if (field == 3)
			state = (unsigned)strtoul(w, NULL, 16);
		else if (field == 9)
			inode = strtoull(w, NULL, 10);
		field++;
	}
	if (inode == 0)
		return;
	if (state == TCP_STATE_LISTEN && t->tcp)
		kind = KFD_TCP_LISTEN;
	if (add(inode, 0, kind) == -1 ||
	    (kind == KFD_TCP_LISTEN &&
		add_listener(local, inode, t->pid) == -1))
		t->error = errno;
}

/* A table that is not there (no IPv6, the process gone) has nothing in it. */
static int
load_inet(pid_t pid)
{
	struct table tables[] = {
		{ "tcp", true, pid, 0 },
		{ "tcp6", true, pid, 0 },
		{ "udp", false, pid, 0 },
		{ "udp6", false, pid, 0 },
	};
	char path[64];
	size_t i;

	for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		(void)snprintf(path, sizeof(path), "/proc/%d/net/%s", (int)pid,
		    tables[i].name);
		if (kernel_lines(path, on_inet, &tables[i]) == -1) {
			if (errno != ENOENT && errno != ESRCH)
				return -1;
		} else if (tables[i].error != 0) {
			errno = tables[i].error;
			return -1;
		}
	}
	return 0;
}

int
ksock_load(const pid_t *pids, size_t n)
{
	size_t i;

	nsocks = nlisteners = 0;
	if (load_unix() == -1)
		return -1;
	for (i = 0; i < n; i++)
		if (load_inet(pids[i]) == -1)
			return -1;
	qsort(socks, nsocks, sizeof(*socks), by_inode);
	return 0;
}
