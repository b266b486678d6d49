/* SPDX-License-Identifier: ISC */
/*
 * Questions to whoever holds the keys.  libssl wants a signature when it calls
 * for one, so a handshake runs on a stack of its own (ASYNC_JOB) that is left
 * here until the answer has come.
 */
#ifdef __SANITIZE_ADDRESS__
#include <dlfcn.h>
#include <setjmp.h>
#include <stdlib.h>
#endif

#include <errno.h>
#include <string.h>

#include <openssl/async.h>

#include "common/tls/tls_int.h"

#define WAITING_MAX 1024 /* a power of two; 32 KiB of stack for each */

static tls_ask *ask;
static void *ask_arg;
static struct question *open_questions[WAITING_MAX];
static size_t nopen;
static uint32_t next_id;
static struct tls_conn *current;

void
tls_set_signer(tls_ask *f, void *arg)
{
	ask = f;
	ask_arg = arg;
}

size_t
tls_waiting(void)
{
	return nopen;
}

void
sign_set_current(struct tls_conn *c)
{
	current = c;
}

static int
enlist(struct question *q)
{
	size_t i;

	for (i = 0; i < WAITING_MAX; i++) {
		q->id = next_id++;
		if (open_questions[q->id % WAITING_MAX] == NULL) {
			open_questions[q->id % WAITING_MAX] = q;
			nopen++;
			return 0;
		}
	}
	errno = EAGAIN;
	return -1;
}

void
sign_drop(struct question *q)
{
	struct question **slot = &open_questions[q->id % WAITING_MAX];

	if (*slot == q) {
		*slot = NULL;
		nopen--;
	}
	if (q->state == Q_OPEN)
		q->state = Q_REFUSED;
}

/* NOLINTBEGIN(readability-non-const-parameter): sig is kept to be written */
int
sign_ask(uint32_t key, uint16_t scheme, const uint8_t *block, size_t n,
    uint8_t *sig, size_t *len, size_t cap)
/* NOLINTEND(readability-non-const-parameter) */
{
	struct tls_conn *c = current;
	struct question q = { .conn = c, .sig = sig, .cap = cap };

	if (ask == NULL || c == NULL || ASYNC_get_current_job() == NULL ||
	    enlist(&q) == -1)
		return -1;
	if (ask(ask_arg, q.id, key, scheme, block, n) == -1) {
		sign_drop(&q);
		return -1;
	}
	c->question = &q;
	while (q.state == Q_OPEN && ASYNC_pause_job() == 1)
		;
	sign_drop(&q);
	c->question = NULL;
	if (q.state != Q_ANSWERED)
		return -1;
	*len = q.len;
	return 0;
}

void *
tls_signed(uint32_t id, const uint8_t *sig, size_t len)
{
	struct question *q = open_questions[id % WAITING_MAX];

	if (q == NULL || q->id != id || q->state != Q_OPEN)
		return NULL;
	if (len == 0 || len > q->cap) {
		q->state = Q_REFUSED;
	} else {
		memcpy(q->sig, sig, len);
		q->len = len;
		q->state = Q_ANSWERED;
	}
	sign_drop(q);
	return q->conn->owner;
}

#ifdef __SANITIZE_ADDRESS__
/*
 * Sanitizer builds (tests only): libcrypto changes stacks with _longjmp(3).
 * To the sanitizer's own a jump means that frames are left for good: it would
 * forget the red zones of all that wait on the first stack, and complain of
 * the other.  Here no frame is left; so libcrypto gets libc's, from here, and
 * nobody else calls it.
 */
static void (*jump)(jmp_buf, int);

__attribute__((constructor)) static void
find_jump(void)
{
	void *libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);

	*(void **)&jump = libc != NULL ? dlsym(libc, "_longjmp") : NULL;
	if (jump == NULL)
		abort();
}

__attribute__((no_sanitize_address)) void
_longjmp(jmp_buf env, int val)
{
	jump(env, val);
	__builtin_unreachable();
}
#endif
