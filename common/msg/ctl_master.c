/* SPDX-License-Identifier: ISC */
/*
 * Codec of edge 13, ctld and posternd: see ctl_master.h.
 */
#include <errno.h>
#include <stddef.h>

#include "common/base/log.h"
#include "common/msg/child_master.h"
#include "common/msg/ctl_master.h"

static int
bad(void)
{
	errno = EBADMSG;
	return -1;
}

int
put_ctm_status(struct ibuf *b, const struct ctm_status *s)
{
	(void)ibuf_add_n32(b, s->instance);
	(void)put_peer(b, &s->peer);
	(void)ibuf_add_n32(b, s->pid);
	(void)ibuf_add_n32(b, s->uid);
	(void)ibuf_add_n8(b, s->state);
	(void)ibuf_add_n8(b, s->best_effort);
	(void)ibuf_add_n32(b, s->restarts);
	(void)ibuf_add_n64(b, s->since);
	(void)ibuf_add_n32(b, s->generation);
	return ibuf_failed(b) ? -1 : 0;
}

int
get_ctm_status(struct ibuf *b, struct ctm_status *s)
{
	if (ibuf_get_n32(b, &s->instance) == -1 ||
	    get_peer(b, &s->peer) == -1 || ibuf_get_n32(b, &s->pid) == -1 ||
	    ibuf_get_n32(b, &s->uid) == -1 || ibuf_get_n8(b, &s->state) == -1 ||
	    ibuf_get_n8(b, &s->best_effort) == -1 ||
	    ibuf_get_n32(b, &s->restarts) == -1 ||
	    ibuf_get_n64(b, &s->since) == -1 ||
	    ibuf_get_n32(b, &s->generation) == -1 || ibuf_get_end(b) == -1)
		return -1;
	if (s->state < CTM_STARTING || s->state > CTM_DEGRADED ||
	    s->best_effort > 1)
		return bad();
	return 0;
}

int
put_ctm_audit(struct ibuf *b, const struct ctm_audit *a)
{
	(void)ibuf_add_n32(b, a->instance);
	(void)put_peer(b, &a->peer);
	(void)ibuf_add_n32(b, a->pid);
	(void)ibuf_add_n32(b, a->uid);
	(void)ibuf_add_n32(b, a->gid);
	(void)ibuf_add_n8(b, a->netns);
	(void)ibuf_add_n8(b, a->root);
	(void)ibuf_add_n8(b, a->seccomp);
	(void)ibuf_add_n8(b, a->no_new_privs);
	(void)ibuf_add_n64(b, a->caps);
	(void)ibuf_add_n16(b, a->nslots);
	(void)ibuf_add_cstr(b, a->root_dir, sizeof(a->root_dir) - 1);
	(void)ibuf_add_cstr(b, a->netns_name, sizeof(a->netns_name) - 1);
	return ibuf_failed(b) ? -1 : 0;
}

int
get_ctm_audit(struct ibuf *b, struct ctm_audit *a)
{
	if (ibuf_get_n32(b, &a->instance) == -1 ||
	    get_peer(b, &a->peer) == -1 || ibuf_get_n32(b, &a->pid) == -1 ||
	    ibuf_get_n32(b, &a->uid) == -1 || ibuf_get_n32(b, &a->gid) == -1 ||
	    ibuf_get_n8(b, &a->netns) == -1 || ibuf_get_n8(b, &a->root) == -1 ||
	    ibuf_get_n8(b, &a->seccomp) == -1 ||
	    ibuf_get_n8(b, &a->no_new_privs) == -1 ||
	    ibuf_get_n64(b, &a->caps) == -1 ||
	    ibuf_get_n16(b, &a->nslots) == -1 ||
	    ibuf_get_cstr(b, a->root_dir, sizeof(a->root_dir), NULL) == -1 ||
	    ibuf_get_cstr(b, a->netns_name, sizeof(a->netns_name), NULL) ==
		-1 ||
	    ibuf_get_end(b) == -1)
		return -1;
	if (a->netns < CTM_NETNS_HOST || a->netns > CTM_NETNS_EMPTY ||
	    a->root < CTM_ROOT_HOST || a->root > CTM_ROOT_SPOOL ||
	    a->seccomp > 1 || a->no_new_privs > 1)
		return bad();
	return 0;
}

int
put_ctm_chan(struct ibuf *b, const struct ctm_chan *c)
{
	(void)ibuf_add_n32(b, c->instance);
	(void)ibuf_add_n16(b, c->slot);
	(void)put_peer(b, &c->peer);
	return ibuf_failed(b) ? -1 : 0;
}

int
get_ctm_chan(struct ibuf *b, struct ctm_chan *c)
{
	if (ibuf_get_n32(b, &c->instance) == -1 ||
	    ibuf_get_n16(b, &c->slot) == -1 || get_peer(b, &c->peer) == -1)
		return -1;
	return ibuf_get_end(b);
}

int
put_ctm_fd(struct ibuf *b, const struct ctm_fd *f)
{
	(void)ibuf_add_n32(b, f->instance);
	(void)ibuf_add_n32(b, f->kind);
	(void)ibuf_add_n32(b, f->count);
	return ibuf_failed(b) ? -1 : 0;
}

int
get_ctm_fd(struct ibuf *b, struct ctm_fd *f)
{
	if (ibuf_get_n32(b, &f->instance) == -1 ||
	    ibuf_get_n32(b, &f->kind) == -1 || ibuf_get_n32(b, &f->count) == -1)
		return -1;
	return ibuf_get_end(b);
}

int
put_ctm_text(struct ibuf *b, const struct ctm_text *t)
{
	(void)ibuf_add_n8(b, t->level);
	(void)ibuf_add_cstr(b, t->text, CTM_TEXT_MAX);
	return ibuf_failed(b) ? -1 : 0;
}

int
get_ctm_text(struct ibuf *b, struct ctm_text *t)
{
	if (ibuf_get_n8(b, &t->level) == -1 ||
	    ibuf_get_cstr(b, t->text, sizeof(t->text), NULL) == -1 ||
	    ibuf_get_end(b) == -1)
		return -1;
	if (t->level != LOG_L_ERROR && t->level != LOG_L_WARN &&
	    t->level != LOG_L_INFO)
		return bad();
	return 0;
}

int
put_ctm_reloaded(struct ibuf *b, const struct ctm_reloaded *r)
{
	(void)ibuf_add_n8(b, r->ok);
	(void)ibuf_add_n32(b, r->generation);
	return ibuf_failed(b) ? -1 : 0;
}

int
get_ctm_reloaded(struct ibuf *b, struct ctm_reloaded *r)
{
	if (ibuf_get_n8(b, &r->ok) == -1 ||
	    ibuf_get_n32(b, &r->generation) == -1 || ibuf_get_end(b) == -1)
		return -1;
	return r->ok > 1 ? bad() : 0;
}
