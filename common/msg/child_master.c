/* SPDX-License-Identifier: ISC */
/* Edge 1, posternd and every child.  Pure. */
#include <errno.h>
#include <string.h>

#include "common/base/chan.h"
#include "common/base/child.h"
#include "common/base/sandbox.h"
#include "common/msg/child_master.h"

#define HELLO_FLAGS                                                            \
	(CM_HELLO_TRAP | CM_HELLO_BEST_EFFORT | CM_HELLO_DEBUG | CM_HELLO_FAULT)
#define MISSING_FLAGS                                                          \
	(SANDBOX_NO_SECCOMP | SANDBOX_NO_LANDLOCK | SANDBOX_NO_LANDLOCK_NET |  \
	    SANDBOX_NO_LANDLOCK_SCOPE)

/* The end of each get: all read, all right; else nothing is given out. */
static int
finish(struct ibuf *b, bool right, void *out, size_t size)
{
	if (ibuf_get_end(b) == 0 && right)
		return 0;
	memset(out, 0, size);
	errno = EBADMSG;
	return -1;
}

int
put_peer(struct ibuf *b, const struct peer *p)
{
	(void)ibuf_add_n8(b, (uint64_t)p->proc);
	(void)ibuf_add_n8(b, p->side);
	return ibuf_add_n8(b, p->index);
}

int
get_peer(struct ibuf *b, struct peer *p)
{
	uint8_t proc;

	memset(p, 0, sizeof(*p));
	(void)ibuf_get_n8(b, &proc);
	(void)ibuf_get_n8(b, &p->side);
	if (ibuf_get_n8(b, &p->index) == 0 && proc_from(proc, &p->proc) == 0 &&
	    p->side <= PROC_SIDE_NONE && p->index < CONF_WORKERS_MAX)
		return 0;
	memset(p, 0, sizeof(*p));
	b->failed = true;
	errno = EBADMSG;
	return -1;
}

int
put_cm_hello(struct ibuf *b, const struct cm_hello *m)
{
	(void)ibuf_add_n32(b, m->version);
	(void)put_peer(b, &m->self);
	(void)ibuf_add_n32(b, m->uid);
	(void)ibuf_add_n32(b, m->gid);
	(void)ibuf_add_n32(b, m->flags);
	(void)ibuf_add_n16(b, m->nslots);
	return ibuf_add_cstr(b, m->chroot_dir, CONF_PATH_MAX - 1);
}

int
get_cm_hello(struct ibuf *b, struct cm_hello *m)
{
	(void)ibuf_get_n32(b, &m->version);
	(void)get_peer(b, &m->self);
	(void)ibuf_get_n32(b, &m->uid);
	(void)ibuf_get_n32(b, &m->gid);
	(void)ibuf_get_n32(b, &m->flags);
	(void)ibuf_get_n16(b, &m->nslots);
	(void)ibuf_get_cstr(b, m->chroot_dir, sizeof(m->chroot_dir), NULL);
	return finish(b,
	    m->version == CM_VERSION && m->nslots > 0 &&
		(m->flags & ~(uint32_t)HELLO_FLAGS) == 0 &&
		m->chroot_dir[0] == '/',
	    m, sizeof(*m));
}

int
put_cm_peer(struct ibuf *b, const struct cm_peer *m)
{
	(void)put_peer(b, &m->peer);
	return ibuf_add_n16(b, m->slot);
}

int
get_cm_peer(struct ibuf *b, struct cm_peer *m)
{
	(void)get_peer(b, &m->peer);
	(void)ibuf_get_n16(b, &m->slot);
	return finish(b, m->slot > 0, m, sizeof(*m));
}

int
put_cm_fd(struct ibuf *b, const struct cm_fd *m)
{
	(void)ibuf_add_n32(b, m->kind);
	return ibuf_add_n32(b, m->id);
}

int
get_cm_fd(struct ibuf *b, struct cm_fd *m)
{
	(void)ibuf_get_n32(b, &m->kind);
	(void)ibuf_get_n32(b, &m->id);
	return finish(b,
	    m->kind >= CHILD_FD_LISTENER && m->kind <= CHILD_FD_KEYS, m,
	    sizeof(*m));
}

int
put_cm_sandboxed(struct ibuf *b, const struct cm_sandboxed *m)
{
	(void)ibuf_add_n8(b, m->seccomp);
	(void)ibuf_add_n8(b, m->landlock_abi);
	(void)ibuf_add_n16(b, m->ncalls);
	return ibuf_add_n32(b, m->missing);
}

int
get_cm_sandboxed(struct ibuf *b, struct cm_sandboxed *m)
{
	(void)ibuf_get_n8(b, &m->seccomp);
	(void)ibuf_get_n8(b, &m->landlock_abi);
	(void)ibuf_get_n16(b, &m->ncalls);
	(void)ibuf_get_n32(b, &m->missing);
	return finish(b,
	    m->seccomp <= 1 && (m->missing & ~(uint32_t)MISSING_FLAGS) == 0, m,
	    sizeof(*m));
}

int
put_cm_ready(struct ibuf *b, const struct cm_ready *m)
{
	return ibuf_add_n32(b, m->generation);
}

int
get_cm_ready(struct ibuf *b, struct cm_ready *m)
{
	(void)ibuf_get_n32(b, &m->generation);
	return finish(b, true, m, sizeof(*m));
}

int
put_cm_violation(struct ibuf *b, const struct cm_violation *m)
{
	(void)put_peer(b, &m->peer);
	return ibuf_add_n32(b, m->kind);
}

int
get_cm_violation(struct ibuf *b, struct cm_violation *m)
{
	(void)get_peer(b, &m->peer);
	(void)ibuf_get_n32(b, &m->kind);
	return finish(b, m->kind >= CHAN_V_CLOSED && m->kind <= CHAN_V_ERROR, m,
	    sizeof(*m));
}

int
put_cm_tickets(struct ibuf *b, const struct cm_tickets *m)
{
	(void)ibuf_add_n32(b, m->n);
	return ibuf_add(b, m->key, sizeof(m->key));
}

int
get_cm_tickets(struct ibuf *b, struct cm_tickets *m)
{
	struct cm_tickets in;

	(void)ibuf_get_n32(b, &in.n);
	if (ibuf_get(b, in.key, sizeof(in.key)) == -1 ||
	    ibuf_get_end(b) == -1 || in.n > CM_TICKET_KEYS) {
		errno = EBADMSG;
		return -1;
	}
	*m = in;
	return 0;
}

int
put_cm_attack(struct ibuf *b, const struct cm_attack *m)
{
	(void)ibuf_add_cstr(b, m->name, sizeof(m->name) - 1);
	(void)ibuf_add_n8(b, m->outcome);
	return ibuf_add_n16(b, m->detail);
}

int
get_cm_attack(struct ibuf *b, struct cm_attack *m)
{
	(void)ibuf_get_cstr(b, m->name, sizeof(m->name), NULL);
	(void)ibuf_get_n8(b, &m->outcome);
	(void)ibuf_get_n16(b, &m->detail);
	return finish(b,
	    m->outcome >= CM_ATTACK_KILLED && m->outcome <= CM_ATTACK_GAINED, m,
	    sizeof(*m));
}
