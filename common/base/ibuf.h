/* SPDX-License-Identifier: ISC */
/*
 * Byte buffers for messages, with the names and the exact-length semantics of
 * OpenBSD's ibuf.  Integers are in network byte order.  Every get fails with
 * -1 and EBADMSG when less is left than asked for, every add with -1 and
 * ERANGE when the message would pass its limit; after a failure the buffer
 * stays failed (ibuf_failed), so that a codec may check once at its end.
 * An ibuf owns no memory: it is a view of the caller's.
 */
#ifndef COMMON_BASE_IBUF_H
#define COMMON_BASE_IBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ibuf {
	uint8_t *mem;
	size_t max;  /* size of mem */
	size_t wpos; /* end of what is written */
	size_t rpos; /* end of what is read */
	bool failed;
};

void ibuf_wrap(struct ibuf *, void *mem, size_t max); /* empty, to write */
void ibuf_from(struct ibuf *, const void *mem, size_t len); /* to read */
size_t ibuf_size(const struct ibuf *); /* bytes written and not yet read */
size_t ibuf_left(const struct ibuf *); /* room to write */
const void *ibuf_data(const struct ibuf *);
bool ibuf_failed(const struct ibuf *);

int ibuf_add(struct ibuf *, const void *, size_t);
int ibuf_add_n8(struct ibuf *, uint64_t); /* ERANGE if it does not fit */
int ibuf_add_n16(struct ibuf *, uint64_t);
int ibuf_add_n32(struct ibuf *, uint64_t);
int ibuf_add_n64(struct ibuf *, uint64_t);
/* u16 length and bytes; ERANGE if len > max */
int ibuf_add_str(struct ibuf *, const char *, size_t len, size_t max);
/* the same for a C string */
int ibuf_add_cstr(struct ibuf *, const char *, size_t max);
/* room for len bytes to be filled by the caller; NULL: ERANGE */
void *ibuf_reserve(struct ibuf *, size_t len);

int ibuf_get(struct ibuf *, void *, size_t);
int ibuf_get_n8(struct ibuf *, uint8_t *);
int ibuf_get_n16(struct ibuf *, uint16_t *);
int ibuf_get_n32(struct ibuf *, uint32_t *);
int ibuf_get_n64(struct ibuf *, uint64_t *);
/*
 * Copy a string out: at most cap - 1 bytes and a NUL; *len (may be NULL) gets
 * its length.  A NUL, CR or LF inside, or a longer string, is EBADMSG.
 */
int ibuf_get_cstr(struct ibuf *, char *, size_t cap, size_t *len);
/*
 * A view of the next len bytes, valid only inside the handler that was given
 * the message.
 */
int ibuf_get_view(struct ibuf *, const void **, size_t len);
int ibuf_get_end(struct ibuf *); /* 0 if nothing is left and none failed */

/*
 * Addresses are checked: netaddr_valid(), or NONE with all else zero (whoever
 * needs one asks netaddr_valid() again); a prefix by netprefix_valid().
 */
struct netaddr;
struct netprefix;
int ibuf_add_netaddr(struct ibuf *, const struct netaddr *); /* 19 bytes */
int ibuf_get_netaddr(struct ibuf *, struct netaddr *);
int ibuf_add_netprefix(struct ibuf *, const struct netprefix *); /* 20 */
int ibuf_get_netprefix(struct ibuf *, struct netprefix *);

#endif
