/* SPDX-License-Identifier: ISC */
/*
 * A message's envelope as bytes: a list of {u16 tag, u16 length, value}, all
 * little-endian, that the store keeps and spool(5) documents.  Pure: no I/O,
 * no allocation.  A reader skips tags that it does not know.  What is read is
 * checked: lengths, and that no string has CR, LF or NUL inside.
 */
#ifndef QUEUED_STORE_ENVELOPE_H
#define QUEUED_STORE_ENVELOPE_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include "common/base/netaddr.h"
#include "common/msg/addr.h"

enum env_origin { ENV_EXT = 1, ENV_INT = 2, ENV_BOUNCE = 3 };

struct envelope {
	uint64_t id;
	uint64_t accepted; /* Unix ms */
	uint64_t size;	   /* of the body as stored */
	enum env_origin origin;
	uint32_t listener;
	uint32_t nrcpt;
	uint32_t flags; /* enum msg_flag */
	enum msg_ret ret;
	struct netaddr client;	       /* family NONE: a bounce */
	char sender[MSG_ADDR_MAX + 1]; /* empty: null sender */
	char helo[MSG_HELO_MAX + 1];
	char envid[MSG_ENVID_MAX + 1];
};

/* One recipient, a view of the envelope's bytes: not NUL-terminated. */
struct env_rcpt {
	uint32_t index;
	uint8_t notify; /* enum msg_notify bits */
	uint16_t addr_len, orcpt_len;
	const char *addr, *orcpt;
};

/* An upper bound of what env_put() and env_put_rcpt() add. */
#define ENV_HEAD_MAX (160 + MSG_ADDR_MAX + MSG_HELO_MAX + MSG_ENVID_MAX)
#define ENV_RCPT_MAX (4 + 5 + MSG_ADDR_MAX + MSG_ORCPT_MAX)

/*
 * Writing: the head first, then nrcpt recipients in order.  Each returns the
 * bytes added, or -1: ENOBUFS (cap is too small) or EINVAL (a field too long).
 */
ssize_t env_put(void *, size_t cap, const struct envelope *);
ssize_t env_put_rcpt(void *, size_t cap, const struct env_rcpt *);

/* Reading: -1 and EBADMSG if it is not a well-formed envelope. */
int env_get(const void *, size_t, struct envelope *);

struct env_iter { /* recipients one by one, none materialised */
	const uint8_t *p;
	size_t left;
	uint32_t index;
};
void env_iter(struct env_iter *, const void *, size_t);
int env_next(struct env_iter *, struct env_rcpt *); /* 1, 0: end, -1 */
void env_copy_rcpt(const struct env_rcpt *, struct msg_rcpt *);

/*
 * Printed for people, as in NAME.env files: put() is called with pieces of
 * text.  -1 if it is not well-formed.
 */
int env_print(const void *, size_t, void (*put)(void *, const char *, size_t),
    void *);

#endif
