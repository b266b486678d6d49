/* SPDX-License-Identifier: ISC */
/* Can the external side reach in?  See probe.h. */
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/log.h"
#include "master/netns.h"
#include "master/probe.h"

#define TARGETS_MAX 64
#define PATIENCE    500 /* ms; inside hosts are near */
#define PORT_SMTP   25

struct attempt {
	struct probe *probe;
	struct ev_io io;
	struct netaddr to;
};

struct probe {
	struct ev *ev;
	struct ev_timer timer;
	void (*done)(void *, const char *);
	void *arg;
	size_t n;
	struct attempt v[TARGETS_MAX];
};

static void
add_target(struct probe *p, const struct netaddr *to)
{
	size_t i;

	for (i = 0; i < p->n; i++)
		if (netaddr_cmp(&p->v[i].to, to) == 0)
			return;
	if (p->n < TARGETS_MAX)
		p->v[p->n++].to = *to;
}

static bool
is_host(const struct netprefix *p)
{
	return p->len == (p->addr.family == NETADDR_V4 ? 32 : 128);
}

static void
collect(struct probe *p, const struct conf *conf)
{
	const struct conf_side *s = &conf->side[SIDE_INT];
	const struct conf_route *r;
	struct netaddr a;
	uint32_t i, j;
	size_t k;

	for (i = 0; i < conf->ndomains; i++) {
		r = &conf->domains[i].route;
		for (j = 0; j < r->nhosts; j++) {
			a = r->hosts[j].addr;
			a.port = r->hosts[j].port;
			if (a.family != NETADDR_NONE)
				add_target(p, &a);
		}
	}
	for (k = 0; k < s->accept_from.n; k++) {
		a = s->accept_from.v[k].addr;
		a.port = PORT_SMTP;
		if (is_host(&s->accept_from.v[k]))
			add_target(p, &a);
	}
	for (i = 0; i < s->ndns; i++)
		add_target(p, &s->dns[i]);
}

static void
finish(struct probe *p, const struct netaddr *reached)
{
	char text[NETADDR_STRLEN];
	size_t i;
	int fd;

	ev_timer_del(p->ev, &p->timer);
	for (i = 0; i < p->n; i++) {
		fd = p->v[i].io.fd;
		if (fd == -1)
			continue;
		ev_io_del(p->ev, &p->v[i].io);
		(void)close(fd);
		p->v[i].io.fd = -1;
	}
	if (p->done == NULL)
		return;
	p->done(p->arg,
	    reached == NULL ? NULL
			    : netaddr_ntop_port(reached, text, sizeof(text)));
}

static void
on_result(struct ev_io *io, uint32_t events)
{
	struct attempt *a = io->arg;
	int error = 0, fd = io->fd;
	socklen_t len = sizeof(error);

	(void)events;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		error = errno;
	if (error == 0) {
		finish(a->probe, &a->to);
		return;
	}
	ev_io_del(a->probe->ev, io);
	(void)close(fd);
	io->fd = -1;
}

static void
on_patience(struct ev_timer *t)
{
	finish(t->arg, NULL);
}

/* A socket as connd/ext makes it; -1: not even that much is possible. */
static int
dial(const struct netaddr *to, const struct conf_side *ext)
{
	struct sockaddr_storage ss;
	socklen_t len = netaddr_to_sockaddr(to, &ss);
	int fd;

	fd =
	    socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return -1;
	if ((ext->interface[0] == '\0' ||
		setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, ext->interface,
		    (socklen_t)strlen(ext->interface) + 1) == 0) &&
	    (connect(fd, (const struct sockaddr *)&ss, len) == 0 ||
		errno == EINPROGRESS))
		return fd;
	(void)close(fd);
	return -1;
}

static void
dial_all(struct probe *p, const struct conf_side *ext)
{
	size_t i;
	int fd;

	for (i = 0; i < p->n; i++) {
		p->v[i].probe = p;
		ev_io_init(&p->v[i].io, on_result, &p->v[i]);
		fd = dial(&p->v[i].to, ext);
		if (fd != -1 &&
		    ev_io_set(p->ev, &p->v[i].io, fd, EPOLLOUT) == -1)
			(void)close(fd);
	}
}

struct probe *
probe_new(struct ev *ev, const struct config *c, int ns,
    void (*done)(void *, const char *), void *arg)
{
	struct probe *p;
	int back;

	if ((c->conf->flags & CONF_F_SINGLE_HOMED) != 0)
		return NULL;
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		fatal("memory");
	p->ev = ev;
	p->done = done;
	p->arg = arg;
	collect(p, c->conf);
	back = p->n == 0 ? -1 : netns_enter(ns);
	if (back == -1) {
		if (p->n > 0)
			fatal("network namespace of the external side");
		free(p);
		return NULL;
	}
	dial_all(p, &c->conf->side[SIDE_EXT]);
	netns_leave(back);
	ev_timer_init(&p->timer, on_patience, p);
	if (ev_timer_set(ev, &p->timer, PATIENCE) == -1)
		fatal("timer");
	return p;
}

void
probe_free(struct probe *p)
{
	if (p == NULL)
		return;
	p->done = NULL;
	finish(p, NULL);
	free(p);
}
