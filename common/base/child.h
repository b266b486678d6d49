/* SPDX-License-Identifier: ISC */
/*
 * The life of a child of posternd.
 *
 * Descriptor 3 is the channel to posternd.  child_attach() reads one message
 * from it (who I am), places the descriptors, and returns; main() then drops
 * privileges and enters the sandbox, and child_loop() runs.  Everything else
 * — configuration, peers, listeners, files — arrives inside the sandbox as
 * messages, at start, on reload and when a peer was replaced, by one path.
 *
 *	struct child *c = child_attach(argc, argv, &program, &ctx);
 *	privdrop(child_privdrop(c));
 *	sandbox_enter(child_sandbox(c), child_report(c));
 *	return child_loop(c);
 */
#ifndef COMMON_BASE_CHILD_H
#define COMMON_BASE_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/cage.h"
#include "common/base/chan.h"
#include "common/base/conf.h"
#include "common/base/proc.h"

struct child;
struct ev;
struct privdrop;
struct sandbox;
struct sandbox_report;

/* What posternd may hand to a child besides peers. */
enum child_fd {
	CHILD_FD_LISTENER = 1, /* connd: id = listener id; TCP, listening */
	CHILD_FD_RCPT_FILE,    /* dird: id = domain id; read-only file */
	CHILD_FD_LOG_FILE,     /* logd: append-only file */
	CHILD_FD_SYSLOG,       /* logd: connected unix datagram socket */
	CHILD_FD_STDERR,       /* logd: posternd's stderr */
	CHILD_FD_CONTROL,      /* ctld: listening unix seqpacket socket */
	CHILD_FD_STATS,	       /* ctld: id = instance number; a stats page */
	CHILD_FD_NETNS,	       /* connd: the namespace of its side */
	CHILD_FD_KEYS	       /* keyd: id = generation; key_set.h */
};

struct program {
	enum proc proc;
	const struct cage *cage; /* sandbox.c */
	/*
	 * A complete new configuration; child_conf() still gives the old one
	 * (NULL at first), which is freed after the return.
	 */
	void (*on_conf)(struct child *, const struct conf *);
	/*
	 * A channel to a peer, new or in place of the one before (which is to
	 * be freed).  fd belongs to the callback: chan_new() takes it.
	 */
	void (*on_peer)(struct child *, const struct peer *, int fd);
	/* A descriptor; belongs to the callback.  -1: not wanted (a bug). */
	int (*on_fd)(struct child *, enum child_fd, uint32_t id, int fd);
	/* Finish what is in hand, take nothing new, then child_exit(). */
	void (*on_drain)(struct child *);
	/* further messages from posternd (ctld), or NULL */
	const struct chan_msg *master_msgs;
	size_t nmaster_msgs;
};

/* Fatal on any error: it is set-up. */
struct child *child_attach(int argc, char **argv, const struct program *,
    void *ctx);
const struct privdrop *child_privdrop(const struct child *);
const struct sandbox *child_sandbox(const struct child *);
struct sandbox_report *child_report(struct child *);
/* Reports "sandboxed", runs the loop, returns main's exit status. */
int child_loop(struct child *);

void *child_ctx(const struct child *);
struct ev *child_ev(const struct child *);
const struct conf *child_conf(const struct child *); /* NULL before the first */
const struct peer *child_self(const struct child *);
struct chan *child_master(const struct child *);
bool child_draining(const struct child *);
/* Draining because posternd stops, not just because this worker goes. */
bool child_hurried(const struct child *);
/* The process before this one ended by a fault of its own (SIGSEGV ...). */
bool child_after_fault(const struct child *);
/* posternd replaces the peer behind this channel; then frees nothing here. */
void child_violation(struct child *, const struct peer *, enum chan_violation);
/* Leave the loop and exit 0: drained. */
void child_exit(struct child *);

#endif
