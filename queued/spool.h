/* SPDX-License-Identifier: ISC */
/*
 * Work on a spool without the queue: queued check|export|import, as
 * postern(8) starts it.  spool_main.c reads the arguments and enters the
 * sandbox; spool_check.c, spool_export.c and spool_import.c do the work on
 * directories that are open; spool_file.c writes and reads files of an export,
 * spool_manifest.c is their list, spool_damage.c says what damage means,
 * spool_print.c says it.
 *
 * Exit status: 0 sound, or all done; 1 damage, or not all; 2 it could not be
 * done; 3 the spool is of a later version; 64 wrong usage.
 */
#ifndef QUEUED_SPOOL_H
#define QUEUED_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <inttypes.h>
#include <stdio.h>

#include "common/base/log.h"
#include "common/base/sandbox.h"
#include "queued/store/store.h"

#define SPOOL_EXIT_DAMAGE 1
#define SPOOL_EXIT_FAILED 2
#define SPOOL_EXIT_LATER  3
#define SPOOL_EXIT_USAGE  64

#define SPOOL_LATER_TEXT                                                       \
	"%s: made by a later Postern: version %" PRIu32 ", this one reads 1"

#define SPOOL_STORES 2 /* as enum q_store: in, out */
extern const char *const spool_names[SPOOL_STORES];
int spool_which(const char *name); /* -1: none of these */

struct spool {
	int root;
	int stores[SPOOL_STORES]; /* directories; -1: not there */
	bool wanted[SPOOL_STORES];
	int target;	     /* the export, or -1 */
	const uint64_t *ids; /* export these; none given: all */
	size_t nids;
	bool json, verbose;
	bool keep_going; /* import what is sound of what is not */
	FILE *out, *err;
};

int spool_main(int argc, char **argv);
int spool_check(const struct spool *);
int spool_export(const struct spool *);
int spool_import(struct spool *); /* makes stores that are not there */

/* spool_print.c: a line of text on sp->err */
void spool_complain(const struct spool *, const char *, ...)
    __attribute__((format(printf, 2, 3)));
/* JSON objects, one a line, on sp->out; also what begins text is the name */
void spool_row(const struct spool *, const char *store);
void spool_row_str(const struct spool *, const char *key, const char *);
void spool_row_num(const struct spool *, const char *key, uint64_t);
void spool_row_bool(const struct spool *, const char *key, bool);
void spool_row_end(const struct spool *);

/* spool_damage.c: what recovery told, and what comes of it */
struct spool_damage {
	struct store_event ev;
	bool live;    /* the message is there all the same */
	bool done;    /* or was done with */
	bool adopted; /* or its file will be taken up */
};
struct spool_damages {
	struct spool_damage *list;
	size_t n, cap;
	bool failed;	/* no memory: not all are here */
	uint32_t later; /* version of a later format, or 0 */
};
struct spool_verdict {
	bool bad;     /* damage, not just worth knowing */
	bool notable; /* to be said without -v */
	const char *what, *comes, *act;
};
/* for store_callbacks.event, .done and .message; arg is spool_damages */
void spool_damage_event(void *, const struct store_event *);
void spool_damage_done(void *, uint64_t id);
void spool_damage_live(void *, const struct store_msg *);
/* Only what the other has too stays. */
void spool_damages_both(struct spool_damages *, const struct spool_damages *);
void spool_damages_free(struct spool_damages *);
struct spool_verdict spool_judge(const struct spool_damage *);
void spool_damage_print(const struct spool *, const char *store,
    const struct spool_damage *);
/* Print them; true if any is bad. */
bool spool_damages_print(const struct spool *, const char *store,
    const struct spool_damages *);

/* spool_file.c */
struct spool_file { /* being written; becomes "name" in dir when it is whole */
	int dir, fd;
	char name[64], temp[64];
	uint64_t size;
	uint32_t crc;
	uint8_t *buf;
	size_t len;
	bool failed;
};
int spool_file_begin(struct spool_file *, int dir, const char *name);
void spool_file_put(struct spool_file *, const void *, size_t);
void spool_file_print(struct spool_file *, const char *, ...)
    __attribute__((format(printf, 2, 3)));
/* Written, synced, renamed.  -1 with errno: nothing is left of it. */
int spool_file_end(struct spool_file *);
void spool_file_abort(struct spool_file *);
/* All of a file, a NUL behind it, in memory that the caller frees; or NULL. */
uint8_t *spool_file_read(int dir, const char *name, size_t *len);
/* Size and CRC-32C of an open file. */
int spool_file_sum(int fd, uint64_t *size, uint32_t *crc);
int spool_dir_open(int dir, const char *name);
int spool_dir_sync(int fd); /* opened anew */

/* spool_manifest.c */
#define SPOOL_MANIFEST "MANIFEST"
struct spool_entry { /* one message of an export */
	uint64_t id;
	uint64_t size, env_size; /* ID.eml, ID.env */
	uint32_t crc, env_crc;
	uint8_t store;
	bool there; /* in the spool already, or not usable */
};
struct spool_manifest {
	uint64_t export_id;
	uint64_t created; /* Unix ms */
	struct spool_entry *list;
	size_t n, cap;
};
int spool_manifest_add(struct spool_manifest *, const struct spool_entry *);
int spool_manifest_write(const struct spool *, const struct spool_manifest *);
/* -1: there is none, or it is damaged; complained */
int spool_manifest_read(const struct spool *, struct spool_manifest *);
void spool_manifest_free(struct spool_manifest *);
/* "ID.eml" */
#define SPOOL_NAME_MAX 24
const char *spool_entry_name(char[SPOOL_NAME_MAX], uint64_t id,
    const char *suffix);

/* sandbox.c */
extern const struct sandbox_call spool_look_calls[], spool_copy_calls[];
extern const size_t spool_look_ncalls, spool_copy_ncalls;

#endif
