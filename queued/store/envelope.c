/* SPDX-License-Identifier: ISC */
/* The envelope's codec. */
#include <errno.h>
#include <string.h>

#include "queued/store/envelope.h"
#include "queued/store/le.h"

#define TLV	   4
#define CLIENT_LEN 19 /* u8 family, u16 port, 16 bytes */
#define RCPT_FIXED 3  /* u8 notify, u16 length of the address */

enum env_tag {
	ENV_ID = 1,
	ENV_ACCEPTED = 2,
	ENV_SIZE = 3,
	ENV_ORIGIN = 4,
	ENV_LISTENER = 5,
	ENV_NRCPT = 6,
	ENV_FLAGS = 7,
	ENV_RET = 8,
	ENV_CLIENT = 9,
	ENV_SENDER = 10,
	ENV_HELO = 11,
	ENV_ENVID = 12,
	ENV_RCPT = 13
};

struct out {
	uint8_t *p;
	size_t len, cap;
	int error;
};

static uint8_t *
tlv(struct out *o, enum env_tag tag, size_t len)
{
	uint8_t *p = o->p + o->len;

	if (o->error == 0 && o->cap - o->len < TLV + len)
		o->error = ENOBUFS;
	if (o->error != 0)
		return NULL;
	le16_put(p, (uint16_t)tag);
	le16_put(p + 2, (uint16_t)len);
	o->len += TLV + len;
	return p + TLV;
}

static void
put_number(struct out *o, enum env_tag tag, uint64_t v, size_t len)
{
	uint8_t *p = tlv(o, tag, len);
	size_t i;

	for (i = 0; p != NULL && i < len; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

static int
clean(const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (s[i] == '\0' || s[i] == '\r' || s[i] == '\n')
			return 0;
	return 1;
}

static void
put_string(struct out *o, enum env_tag tag, const char *s, size_t max)
{
	size_t len = strnlen(s, max + 1);
	uint8_t *p;

	if (len > max || !clean(s, len)) {
		o->error = EINVAL;
		return;
	}
	p = tlv(o, tag, len);
	if (p != NULL && len > 0)
		memcpy(p, s, len);
}

static void
put_client(struct out *o, const struct netaddr *a)
{
	uint8_t *p = tlv(o, ENV_CLIENT, CLIENT_LEN);

	if (p == NULL)
		return;
	p[0] = a->family;
	le16_put(p + 1, a->port);
	memcpy(p + 3, a->bytes, sizeof(a->bytes));
}

static ssize_t
out_end(const struct out *o)
{
	if (o->error == 0)
		return (ssize_t)o->len;
	errno = o->error;
	return -1;
}

ssize_t
env_put(void *buf, size_t cap, const struct envelope *e)
{
	struct out o = { .p = buf, .cap = cap };

	put_number(&o, ENV_ID, e->id, 8);
	put_number(&o, ENV_ACCEPTED, e->accepted, 8);
	put_number(&o, ENV_SIZE, e->size, 8);
	put_number(&o, ENV_ORIGIN, e->origin, 1);
	put_number(&o, ENV_LISTENER, e->listener, 4);
	put_number(&o, ENV_NRCPT, e->nrcpt, 4);
	put_number(&o, ENV_FLAGS, e->flags, 4);
	put_number(&o, ENV_RET, e->ret, 1);
	put_client(&o, &e->client);
	put_string(&o, ENV_SENDER, e->sender, MSG_ADDR_MAX);
	put_string(&o, ENV_HELO, e->helo, MSG_HELO_MAX);
	put_string(&o, ENV_ENVID, e->envid, MSG_ENVID_MAX);
	return out_end(&o);
}

ssize_t
env_put_rcpt(void *buf, size_t cap, const struct env_rcpt *r)
{
	struct out o = { .p = buf, .cap = cap };
	uint8_t *p;

	if (r->addr_len == 0 || r->addr_len > MSG_ADDR_MAX ||
	    r->orcpt_len > MSG_ORCPT_MAX || !clean(r->addr, r->addr_len) ||
	    (r->orcpt_len > 0 && !clean(r->orcpt, r->orcpt_len))) {
		errno = EINVAL;
		return -1;
	}
	p = tlv(&o, ENV_RCPT, (size_t)RCPT_FIXED + r->addr_len + r->orcpt_len);
	if (p != NULL) {
		p[0] = r->notify;
		le16_put(p + 1, r->addr_len);
		memcpy(p + RCPT_FIXED, r->addr, r->addr_len);
		if (r->orcpt_len > 0)
			memcpy(p + RCPT_FIXED + r->addr_len, r->orcpt,
			    r->orcpt_len);
	}
	return out_end(&o);
}

static int
bad(void)
{
	errno = EBADMSG;
	return -1;
}

/* The next TLV: 1, 0 at the end, -1. */
static int
next_tlv(struct env_iter *it, uint16_t *tag, const uint8_t **p, size_t *len)
{
	if (it->left == 0)
		return 0;
	if (it->left < TLV || le16_get(it->p + 2) > it->left - TLV)
		return bad();
	*tag = le16_get(it->p);
	*len = le16_get(it->p + 2);
	*p = it->p + TLV;
	it->p += TLV + *len;
	it->left -= TLV + *len;
	return 1;
}

static int
get_number(const uint8_t *p, size_t len, size_t want, uint64_t *v)
{
	size_t i;

	if (len != want)
		return bad();
	*v = 0;
	for (i = 0; i < len; i++)
		*v |= (uint64_t)p[i] << (8 * i);
	return 0;
}

static int
get_string(const uint8_t *p, size_t len, char *dst, size_t max)
{
	if (len > max || !clean((const char *)p, len))
		return bad();
	memcpy(dst, p, len);
	dst[len] = '\0';
	return 0;
}

static int
get_client(const uint8_t *p, size_t len, struct netaddr *a)
{
	if (len != CLIENT_LEN)
		return bad();
	a->family = p[0];
	a->port = le16_get(p + 1);
	memcpy(a->bytes, p + 3, sizeof(a->bytes));
	if (a->family != NETADDR_NONE && !netaddr_valid(a))
		return bad();
	return 0;
}

static int
get_origin(const uint8_t *p, size_t len, enum env_origin *origin)
{
	uint64_t v;

	if (get_number(p, len, 1, &v) == -1)
		return -1;
	if (v < ENV_EXT || v > ENV_BOUNCE)
		return bad();
	*origin = (enum env_origin)v;
	return 0;
}

static int
get_ret(const uint8_t *p, size_t len, enum msg_ret *ret)
{
	uint64_t v;

	if (get_number(p, len, 1, &v) == -1)
		return -1;
	if (v > RET_HDRS)
		return bad();
	*ret = (enum msg_ret)v;
	return 0;
}

static int
get_u32(const uint8_t *p, size_t len, uint32_t *out)
{
	uint64_t v;

	if (get_number(p, len, 4, &v) == -1)
		return -1;
	*out = (uint32_t)v;
	return 0;
}

static int
get_field(uint16_t tag, const uint8_t *p, size_t len, struct envelope *e)
{
	switch (tag) {
	case ENV_ID:
		return get_number(p, len, 8, &e->id);
	case ENV_ACCEPTED:
		return get_number(p, len, 8, &e->accepted);
	case ENV_SIZE:
		return get_number(p, len, 8, &e->size);
	case ENV_ORIGIN:
		return get_origin(p, len, &e->origin);
	case ENV_LISTENER:
		return get_u32(p, len, &e->listener);
	case ENV_NRCPT:
		return get_u32(p, len, &e->nrcpt);
	case ENV_FLAGS:
		return get_u32(p, len, &e->flags);
	case ENV_RET:
		return get_ret(p, len, &e->ret);
	case ENV_CLIENT:
		return get_client(p, len, &e->client);
	case ENV_SENDER:
		return get_string(p, len, e->sender, MSG_ADDR_MAX);
	case ENV_HELO:
		return get_string(p, len, e->helo, MSG_HELO_MAX);
	case ENV_ENVID:
		return get_string(p, len, e->envid, MSG_ENVID_MAX);
	default:
		return 0;
	}
}

/* Recipients come last: the head ends with the first. */
int
env_get(const void *buf, size_t len, struct envelope *e)
{
	struct env_iter it;
	const uint8_t *p;
	uint16_t tag;
	size_t n;
	int r;

	memset(e, 0, sizeof(*e));
	env_iter(&it, buf, len);
	while ((r = next_tlv(&it, &tag, &p, &n)) == 1 && tag != ENV_RCPT)
		if (get_field(tag, p, n, e) == -1)
			return -1;
	if (r == -1)
		return -1;
	return e->id == 0 || e->origin == 0 ? bad() : 0;
}

void
env_iter(struct env_iter *it, const void *buf, size_t len)
{
	it->p = buf;
	it->left = len;
	it->index = 0;
}

int
env_next(struct env_iter *it, struct env_rcpt *r)
{
	const uint8_t *p;
	uint16_t tag;
	size_t len, rest;
	int ret;

	do {
		ret = next_tlv(it, &tag, &p, &len);
	} while (ret == 1 && tag != ENV_RCPT);
	if (ret != 1)
		return ret;
	if (len < RCPT_FIXED)
		return bad();
	rest = len - RCPT_FIXED;
	r->index = it->index++;
	r->notify = p[0];
	r->addr_len = le16_get(p + 1);
	if (r->addr_len == 0 || r->addr_len > MSG_ADDR_MAX ||
	    r->addr_len > rest || rest - r->addr_len > MSG_ORCPT_MAX)
		return bad();
	r->addr = (const char *)p + RCPT_FIXED;
	r->orcpt_len = (uint16_t)(rest - r->addr_len);
	r->orcpt = r->addr + r->addr_len;
	return clean(r->addr, rest) ? 1 : bad();
}

void
env_copy_rcpt(const struct env_rcpt *r, struct msg_rcpt *m)
{
	m->index = (uint16_t)r->index;
	m->notify = r->notify;
	memcpy(m->addr, r->addr, r->addr_len);
	m->addr[r->addr_len] = '\0';
	memcpy(m->orcpt, r->orcpt, r->orcpt_len);
	m->orcpt[r->orcpt_len] = '\0';
}
