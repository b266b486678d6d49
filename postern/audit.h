/* SPDX-License-Identifier: ISC */
/*
 * The audit: one declared process with what the kernel says of it, and the
 * checks between the two (check.c).
 */
#ifndef POSTERN_AUDIT_H
#define POSTERN_AUDIT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/proc.h"
#include "common/msg/ctl_master.h"
#include "postern/kernel.h"
#include "postern/tool.h"

#define AUDIT_SLOTS	128
#define AUDIT_KINDS	32 /* enum child_fd */
#define AUDIT_NOTES	16
#define AUDIT_PROCESSES 128

/* Differences, in words. */
struct findings {
	char **text; /* owned */
	size_t n;
};
void finding(struct findings *, const char *, ...)
    __attribute__((format(printf, 2, 3)));
/* Drop what does not stand in other, too (NULL: drop all). */
void findings_keep(struct findings *, const struct findings *other);
void findings_free(struct findings *);

struct declared {
	struct ctm_audit audit;
	struct peer slot[AUDIT_SLOTS];
	bool has_slot[AUDIT_SLOTS];
	uint32_t fds[AUDIT_KINDS]; /* by enum child_fd: how many */
	bool there;		   /* the process exists */
	struct kproc proc;
	struct kfd *kfds; /* owned */
	size_t nkfds;
	struct findings findings;
};

struct declaration {
	struct declared *v; /* owned */
	size_t n;
	char note[AUDIT_NOTES][CTM_TEXT_MAX + 1];
	size_t nnotes;
};

/* check.c: compare, and note each difference */
void check_process(const struct declaration *, struct declared *);
/* by enum kfd_kind, 1 << kind: what a program makes or is handed at work */
unsigned check_working_set(enum proc);
/* audit.c: "host", "empty" or a name */
const char *netns_text(const struct declared *);
/* stranger.c: processes and doors that nobody declared */
void check_strangers(struct declaration *);

#endif
