/* SPDX-License-Identifier: ISC */
/* The TCP listeners: see listen.h. */
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "common/base/log.h"
#include "master/host.h"
#include "master/listen.h"
#include "master/netns.h"
#include "master/super.h"

#define BACKLOG 4096 /* the kernel caps it at net.core.somaxconn */

struct listener {
	enum side side;
	uint32_t id;
	struct netaddr addr;
	char device[CONF_IFNAME_MAX];
	int fd;
};

struct listeners {
	size_t n;
	struct listener v[CONF_LISTEN_MAX];
};

void
listeners_free(struct listeners *ls)
{
	size_t i;

	if (ls == NULL)
		return;
	for (i = 0; i < ls->n; i++)
		if (ls->v[i].fd != -1)
			(void)close(ls->v[i].fd);
	free(ls);
}

static int
set_options(int fd, const struct listener *l)
{
	const int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1)
		return -1;
	/* inherited by what is accepted, which may set no options later */
	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == -1)
		return -1;
	if (l->addr.family == NETADDR_V6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == -1)
		return -1;
	if (l->device[0] == '\0')
		return 0;
	return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, l->device,
	    (socklen_t)strlen(l->device) + 1);
}

static int
make_socket(const struct listener *l)
{
	struct sockaddr_storage ss;
	socklen_t len = netaddr_to_sockaddr(&l->addr, &ss);
	int fd, error;

	fd =
	    socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return -1;
	if (set_options(fd, l) == -1 ||
	    bind(fd, (const struct sockaddr *)&ss, len) == -1 ||
	    listen(fd, BACKLOG) == -1) {
		error = errno;
		(void)close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

/* The device that the listener is to be bound to; empty: to none. */
static void
choose_device(struct listener *l, const struct config *c, int ns)
{
	const struct conf_side *s = &c->conf->side[l->side];

	l->device[0] = '\0';
	if (s->interface[0] != '\0')
		(void)strlcpy(l->device, s->interface, sizeof(l->device));
	else if ((c->conf->flags & CONF_F_SINGLE_HOMED) == 0 &&
	    host_interface(ns, &l->addr, l->device) == -1)
		l->device[0] = '\0';
}

static int
take_over(const struct listeners *old, const struct listener *l)
{
	const struct listener *o;
	size_t i;

	for (i = 0; old != NULL && i < old->n; i++) {
		o = &old->v[i];
		if (o->side == l->side &&
		    netaddr_cmp(&o->addr, &l->addr) == 0 &&
		    strcmp(o->device, l->device) == 0)
			return fcntl(o->fd, F_DUPFD_CLOEXEC, 0);
	}
	return -1;
}

static int
open_listener(struct listener *l, struct config *c, int ns,
    const struct listeners *old, uint32_t line)
{
	char text[NETADDR_STRLEN];
	int back;

	choose_device(l, c, ns);
	l->fd = take_over(old, l);
	if (l->fd != -1)
		return 0;
	back = netns_enter(ns);
	if (back == -1) {
		report_error(&c->report, line, "namespace \"%s\": %s",
		    c->conf->side[l->side].netns, strerror(errno));
		return -1;
	}
	l->fd = make_socket(l);
	netns_leave(back);
	if (l->fd != -1)
		return 0;
	report_error(&c->report, line, "listen on %s%s%s: %s",
	    netaddr_ntop_port(&l->addr, text, sizeof(text)),
	    l->device[0] != '\0' ? ", interface " : "", l->device,
	    strerror(errno));
	return -1;
}

struct listeners *
listeners_open(struct config *c, int ns, const struct listeners *old)
{
	const struct conf_listener *cl;
	struct listeners *ls = calloc(1, sizeof(*ls));
	struct listener *l;
	bool failed = false;
	uint32_t i;

	if (ls == NULL) {
		c->report.nomem = true;
		return NULL;
	}
	for (i = 0; i < c->conf->nlisteners; i++) {
		cl = &c->conf->listeners[i];
		l = &ls->v[ls->n++];
		l->side = cl->side;
		l->id = cl->id;
		l->addr = cl->addr;
		if (open_listener(l, c, cl->side == SIDE_EXT ? ns : -1, old,
			cl->pos.line) == -1)
			failed = true;
	}
	if (failed) {
		listeners_free(ls);
		return NULL;
	}
	return ls;
}

void
listeners_give(const struct listeners *ls, struct instance *connd)
{
	size_t i;

	for (i = 0; i < ls->n; i++)
		if (ls->v[i].side == connd->peer.side &&
		    super_give(connd, CHILD_FD_LISTENER, ls->v[i].id,
			ls->v[i].fd) == -1)
			return;
}
