/* SPDX-License-Identifier: ISC */
/*
 * Sockets that it was handed, turned to somewhere else.  A socket keeps the
 * network namespace that it was made in: an empty one around the process is no
 * help against these.
 */
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <linux/io_uring.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/attack/attack.h"

static int
answer(long rc)
{
	return rc == -1 ? errno : 0;
}

static long
to_addr(int fd, int flags, const struct attack_env *e,
    const struct sockaddr_storage *to)
{
	return syscall(SYS_sendto, fd, "x", 1, flags, to, e->len);
}

static void
compose(struct msghdr *m, struct iovec *v, const struct attack_env *e,
    const struct sockaddr_storage *to)
{
	static char text[] = "x";
	/* sendmsg takes it as not const, but only reads */
	union {
		const struct sockaddr_storage *in;
		void *out;
	} name = { .in = to };

	*v = (struct iovec){ .iov_base = text, .iov_len = 1 };
	*m = (struct msghdr){ .msg_name = name.out,
		.msg_namelen = e->len,
		.msg_iov = v,
		.msg_iovlen = 1 };
}

static long
msg_to(int fd, int flags, const struct attack_env *e,
    const struct sockaddr_storage *to)
{
	struct msghdr m;
	struct iovec v;

	compose(&m, &v, e, to);
	return syscall(SYS_sendmsg, fd, &m, flags);
}

/* --- a listening socket --- */

int
attack_listener_connect(const struct attack_env *e)
{
	if (e->listener == -1)
		return ATTACK_NONE;
	if (syscall(SYS_shutdown, e->listener, SHUT_RDWR) == -1)
		return errno;
	return answer(syscall(SYS_connect, e->listener, &e->tcp, e->len));
}

int
attack_listener_sendto(const struct attack_env *e)
{
	if (e->listener == -1)
		return ATTACK_NONE;
	if (syscall(SYS_shutdown, e->listener, SHUT_RDWR) == -1)
		return errno;
	return answer(to_addr(e->listener, MSG_FASTOPEN, e, &e->tcp));
}

int
attack_listener_sendmsg(const struct attack_env *e)
{
	if (e->listener == -1)
		return ATTACK_NONE;
	if (syscall(SYS_shutdown, e->listener, SHUT_RDWR) == -1)
		return errno;
	return answer(msg_to(e->listener, MSG_FASTOPEN, e, &e->tcp));
}

/* Listening again changes the length of its queue: a door shut, or open. */
int
attack_listener_relisten(const struct attack_env *e)
{
	if (e->listener == -1)
		return ATTACK_NONE;
	return answer(syscall(SYS_listen, e->listener, 1));
}

/* --- a connected one --- */

static int
loose(int fd)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };

	return answer(syscall(SYS_connect, fd, &none, sizeof(none)));
}

int
attack_stream_connect(const struct attack_env *e)
{
	int error;

	if (e->stream == -1)
		return ATTACK_NONE;
	error = loose(e->stream);
	if (error != 0)
		return error;
	return answer(syscall(SYS_connect, e->stream, &e->tcp, e->len));
}

int
attack_stream_sendto(const struct attack_env *e)
{
	if (e->stream == -1)
		return ATTACK_NONE;
	if (syscall(SYS_shutdown, e->stream, SHUT_RDWR) == -1)
		return errno;
	return answer(to_addr(e->stream, MSG_FASTOPEN, e, &e->tcp));
}

/* The same by the send alone, in case shutdown(2) is what stopped that. */
int
attack_stream_fastopen(const struct attack_env *e)
{
	if (e->stream == -1)
		return ATTACK_NONE;
	return answer(to_addr(e->stream, MSG_FASTOPEN, e, &e->tcp));
}

int
attack_stream_sendmsg(const struct attack_env *e)
{
	if (e->stream == -1)
		return ATTACK_NONE;
	return answer(msg_to(e->stream, MSG_FASTOPEN, e, &e->tcp));
}

/* A datagram goes where its address says, connected or not. */
int
attack_dgram_sendto(const struct attack_env *e)
{
	if (e->dgram == -1)
		return ATTACK_NONE;
	return answer(to_addr(e->dgram, 0, e, &e->udp));
}

int
attack_dgram_sendmsg(const struct attack_env *e)
{
	if (e->dgram == -1)
		return ATTACK_NONE;
	return answer(msg_to(e->dgram, 0, e, &e->udp));
}

int
attack_dgram_connect(const struct attack_env *e)
{
	if (e->dgram == -1)
		return ATTACK_NONE;
	if (syscall(SYS_connect, e->dgram, &e->udp, e->len) == -1)
		return errno;
	return answer(syscall(SYS_write, e->dgram, "x", 1));
}

int
attack_sendmmsg(const struct attack_env *e)
{
	int fd = e->dgram != -1 ? e->dgram : e->stream;
	struct mmsghdr m = { .msg_len = 0 };
	struct iovec v;

	if (fd == -1)
		return ATTACK_NONE;
	compose(&m.msg_hdr, &v, e, fd == e->dgram ? &e->udp : &e->tcp);
	return answer(syscall(SYS_sendmmsg, fd, &m, 1,
	    fd == e->dgram ? 0 : MSG_FASTOPEN));
}

/* --- by io_uring, which filters of system calls do not see into --- */

struct ring {
	int fd;
	struct io_uring_params p;
	uint8_t *sq, *cq;
	struct io_uring_sqe *sqes;
};

static void *
ring_map(const struct ring *r, size_t size, off_t what)
{
	long at = syscall(SYS_mmap, NULL, size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_POPULATE, r->fd, what);

	return at == -1 ? NULL : (void *)at;
}

static int
ring_open(struct ring *r)
{
	memset(r, 0, sizeof(*r));
	r->fd = (int)syscall(SYS_io_uring_setup, 4, &r->p);
	if (r->fd == -1)
		return -1;
	r->sq =
	    ring_map(r, r->p.sq_off.array + r->p.sq_entries * sizeof(uint32_t),
		IORING_OFF_SQ_RING);
	r->cq = ring_map(r,
	    r->p.cq_off.cqes + r->p.cq_entries * sizeof(struct io_uring_cqe),
	    IORING_OFF_CQ_RING);
	r->sqes = ring_map(r, r->p.sq_entries * sizeof(struct io_uring_sqe),
	    IORING_OFF_SQES);
	return r->sq != NULL && r->cq != NULL && r->sqes != NULL ? 0 : -1;
}

/* The kernel lays the rings out in words, aligned. */
static uint32_t *
word(uint8_t *ring, uint32_t offset)
{
	return (void *)(ring + offset);
}

/* One operation, waited for. */
static int
ring_do(struct ring *r, const struct io_uring_sqe *op)
{
	uint32_t tail = *word(r->sq, r->p.sq_off.tail);
	uint32_t slot = tail & *word(r->sq, r->p.sq_off.ring_mask);
	const struct io_uring_cqe *done;
	uint32_t head;

	r->sqes[slot] = *op;
	word(r->sq, r->p.sq_off.array)[slot] = slot;
	__atomic_store_n(word(r->sq, r->p.sq_off.tail), tail + 1,
	    __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, r->fd, 1, 1, IORING_ENTER_GETEVENTS,
		NULL, 0) == -1)
		return errno;
	head = *word(r->cq, r->p.cq_off.head);
	done = (const void *)(r->cq + r->p.cq_off.cqes);
	done += head & *word(r->cq, r->p.cq_off.ring_mask);
	__atomic_store_n(word(r->cq, r->p.cq_off.head), head + 1,
	    __ATOMIC_RELEASE);
	return done->res < 0 ? -done->res : 0;
}

int
attack_uring(const struct attack_env *e)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct io_uring_sqe op = { .opcode = IORING_OP_CONNECT };
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);
	struct ring r;
	int error;

	op.fd = e->stream != -1 ? e->stream : e->listener;
	if (ring_open(&r) == -1)
		return errno;
	if (op.fd == -1)
		return 0; /* a ring is enough to make one */
	op.addr = (uintptr_t)&none;
	op.off = sizeof(none);
	error = ring_do(&r, &op);
	if (error != 0)
		return error;
	op.addr = (uintptr_t)&e->tcp;
	op.off = e->len;
	error = ring_do(&r, &op);
	if (error != 0)
		return error;
	/* a route that fails later is not always told by the ring */
	return answer(syscall(SYS_getpeername, op.fd, &peer, &len));
}
