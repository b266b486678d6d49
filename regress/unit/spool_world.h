/* SPDX-License-Identifier: ISC */
/*
 * Spools of a real file system below /tmp, with mail of every kind in them,
 * and ways to damage them.
 */
#ifndef REGRESS_SPOOL_WORLD_H
#define REGRESS_SPOOL_WORLD_H

#include "queued/spool.h"

#define SW_MESSAGES 14 /* of a spool that is not empty: 9 in, 5 out */

struct spool_world {
	char path[64];
	struct spool sp;
	struct store *s[SPOOL_STORES];
	char *out, *err; /* of the last run */
	size_t out_len, err_len;
	uint64_t small, big, held;  /* ids in "in" */
	char flipped[MSGID_STRLEN]; /* id of the record, or empty */
	bool own_target, origin_of_all;
};

void sw_init(struct spool_world *);
void sw_empty(struct spool_world *); /* without any mail */
void sw_free(struct spool_world *);
void sw_open(struct spool_world *, int which);
void sw_close(struct spool_world *, int which);
void sw_add(struct spool_world *, int which, uint64_t id, size_t size);
void sw_done_all(struct spool_world *);
unsigned sw_count(struct spool_world *);
/* Each message with envelope, state and text; the caller frees it. */
char *sw_describe(struct spool_world *);
const char *sw_id(uint64_t);

int sw_run(struct spool_world *, int (*)(const struct spool *));
void sw_target(struct spool_world *); /* an empty directory */
void sw_use_target(struct spool_world *, const struct spool_world *);
bool sw_exists(const struct spool_world *, const char *name); /* in target */

/* damage: a bit of the nth record of a type, so many bytes into it */
void sw_flip(struct spool_world *, int which, uint16_t type, unsigned nth,
    size_t at);
void sw_version(struct spool_world *, int which, uint32_t version);
void sw_remove_segments(struct spool_world *, int which);
void sw_remove_body(struct spool_world *, uint64_t id);
void sw_flip_body(struct spool_world *, uint64_t id, off_t at);
void sw_copy_body(struct spool_world *, uint64_t id, uint64_t to);
void sw_flip_target(struct spool_world *, const char *name, size_t at);
void sw_cut_notes(struct spool_world *, size_t bytes);

#endif
