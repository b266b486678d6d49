/* SPDX-License-Identifier: ISC */
/*
 * The store from inside.  Who may do what:
 *	segment.c	the table of segments, which messages stand in which
 *	prepare.c	makes, recycles and removes segment files
 *	batch.c		collects records in memory
 *	commit.c	gives them places, writes, syncs, and then applies them
 *	load.c		reads messages back
 *	scan.c recover.c replay.c	from files to memory, at start
 *	last.c		what the log cannot tell: that its end is not there
 *	spill.c envfile.c sweep.c	bodies as files
 *	restore.c	messages with their state, from elsewhere
 *	space.c maintain.c	limits and upkeep
 */
#ifndef QUEUED_STORE_INTERNAL_H
#define QUEUED_STORE_INTERNAL_H

#include <bsd/sys/queue.h>

#include "common/base/log.h"
#include "queued/store/envfile.h"
#include "queued/store/index.h"
#include "queued/store/record.h"
#include "queued/store/state.h"
#include "queued/store/store.h"

#define BATCH_MAX	 (8 * 1024 * 1024) /* bytes; then EAGAIN */
#define BATCH_STATES_MAX (4 * BATCH_MAX)   /* pending while the disk fails */
#define FAILURE_WINDOW	 (10 * 60 * 1000)  /* ms */
#define PREPARED_WANT	 2 /* one to go on, one in reserve for results */
#define PREPARED_KEEP	 4 /* freed ones, so that few are made and removed */
#define SPILL_DIRS	 1024
#define NAME_LEN	 40   /* of any name that the store makes */
#define FILE_OVERHEAD	 8192 /* of a spilled body: blocks, envelope file */
#define START_TOTAL	 (REC_HEADER + REC_START_LEN)

struct segment {
	TAILQ_ENTRY(segment) link;
	uint32_t seq;
	uint32_t batch; /* last one committed */
	uint64_t epoch;
	uint64_t size; /* records end before */
	uint64_t end;  /* of what is committed */
	uint64_t live_bytes;
	uint32_t live;	     /* messages whose base record is here */
	uint32_t head, tail; /* their slots */
	int fd;
	bool poisoned; /* never written or synced again */
	bool damaged;  /* kept aside when it is not needed any more */
};
TAILQ_HEAD(seglist, segment);

struct batch_rec {
	size_t pos; /* in the batch's bytes */
	bool own;   /* a new message that waits for its answer */
};

struct batch {
	uint8_t *buf;
	size_t len, cap;
	struct batch_rec *recs;
	size_t nrecs, cap_recs;
	uint64_t *unlinks; /* files to remove once all of it is durable */
	size_t nunlinks, cap_unlinks;
	uint64_t plan_end;  /* where the next record would go */
	uint64_t plan_size; /* end of that segment; 0: none yet */
	uint32_t plan_used; /* prepared segments that it would take */
	bool stuck;	    /* left over by a commit that failed */
	uint32_t dirs[SPILL_DIRS / 32]; /* to be synced before */
};

/* One STATE record whose back pointer leads nowhere, and where it should. */
struct fixup {
	struct spot at, prev;
};

struct store {
	const struct store_ops *ops;
	int dirfd;
	struct store_params p; /* nothing 0 but the quota */
	struct store_callbacks cb;
	struct index ix;
	struct seglist live; /* in order of seq */
	uint32_t nlive;
	struct seglist prepared;
	uint32_t nprepared;
	struct segment **byseq; /* live ones, at seq & byseq_mask */
	uint32_t byseq_mask;
	struct segment *active; /* the last of live, or NULL */
	uint32_t next_seq;
	uint64_t newest;	/* id that was seen */
	uint64_t adopt_after;	/* files of higher ids are not swept */
	uint32_t oldest;	/* durable: no segment before it is needed */
	uint32_t tail_added;	/* newest TAIL, durable or in the batch */
	struct spot log_end;	/* where the next segment continues from */
	uint32_t log_end_flags; /* enum start_flag */
	struct batch batch;
	struct fixup *fixups; /* sorted by at */
	size_t nfixups, cap_fixups;
	bool cow;
	bool full_told;
	bool report_only; /* what is appended now may exceed the quota */
	int fill_fd;	  /* segment that is being filled, or -1 */
	uint64_t fill_off;
	uint8_t *chunk; /* CHUNK_SIZE of scratch */
	uint64_t last_failure;
	bool refusing;
	struct store_fsinfo fsinfo;
	uint64_t fsinfo_when;
	uint64_t spilled, spilled_bytes, catalogue, bytes;
	uint32_t msgdirs[SPILL_DIRS / 32]; /* known to exist */
	bool msgdir;
	uint32_t there[SPILL_DIRS / 32]; /* existed at start */
	bool there_known;
	uint32_t sweep; /* next directory to look through for orphans */
	uint64_t commits, syncs, poisonings;
	uint64_t commits_seen;	     /* by the last upkeep */
	uint64_t quiet_at;	     /* Unix ms: no commit until then */
	uint64_t spill_at;	     /* Unix ms: a step is due, quiet or not */
	bool damage;		     /* recovery found some */
	struct store_report *report; /* store_check() only, as the next */
	void (*tell)(void *, const struct store_msg *);
};
#define CHUNK_SIZE (256 * 1024)

/* event.c */
void ev_send(struct store *, enum store_event_kind, struct store_event);

/* segment.c */
void seg_name(char[NAME_LEN], const char *prefix, uint32_t seq);
struct segment *seg_by_seq(const struct store *, uint32_t seq);
int seg_add_live(struct store *, struct segment *);
void seg_del_live(struct store *, struct segment *);
void seg_link(struct store *, struct segment *, uint32_t slot);
void seg_unlink(struct store *, uint32_t slot);
struct rec_place seg_place(const struct segment *, uint64_t off);
uint64_t spot_off(struct spot);
struct spot spot_at(const struct segment *, uint64_t off);

/* prepare.c */
int full_pwrite(struct store *, int fd, const void *, size_t, uint64_t off);
ssize_t full_pread(struct store *, int fd, void *, size_t, uint64_t off);
int dir_sync(struct store *, const char *name);
int prepare_step(struct store *); /* 1: more to do, 0: one is ready, -1 */
int prepare_now(struct store *);
/* Recycle; owns the segment.  same: its number was never used. */
int prepare_again(struct store *, struct segment *, bool same);
bool prepare_can(struct store *);		    /* has the disk room? */
bool prepare_may(struct store *, uint64_t grace);   /* and the quota? */
void seg_discard(struct store *, struct segment *); /* and its file */
void seg_set_aside(struct store *, struct segment *);
void seg_close(struct store *, struct segment *);

/* batch.c */
bool batch_empty(const struct store *);
/* Payload of a new record, to be filled at once; NULL and errno. */
uint8_t *batch_add(struct store *, enum rec_type, uint64_t id, uint32_t len,
    bool own);
void batch_seal(struct store *); /* checksum of the one added last */
int batch_may_append(struct store *, uint64_t id, size_t env_len);
int batch_admit(struct store *, uint64_t total); /* a message's record */
int batch_unlink(struct store *, uint64_t id);
void batch_reset(struct store *);
void batch_replan(struct store *); /* after records were taken out */
void batch_keep_file(struct store *, uint64_t id); /* not unlinked */

/* load.c */
struct loader {
	uint8_t *base; /* header, payload */
	size_t cap;
	uint8_t **states;
	size_t nstates, cap_states;
	struct state_sum sum;
	bool lenient; /* states that cannot be read are left out */
};
void loader_free(struct loader *);
int load_entry(struct store *, uint32_t slot, struct loader *,
    struct store_msg *);
int load_slot(const struct store *, struct store_loc, uint32_t *);
bool entry_is_live(const struct entry *);

/* scan.c: the records of one segment */
struct scanned {
	uint64_t off;
	uint64_t id;
	uint64_t size; /* FILE, MOVED: of the body */
	uint32_t len;
	uint32_t batch;
	uint32_t a, b; /* env_len, body_crc; or the STATE's back pointer */
	uint16_t type;
	uint16_t flags;
};
struct scan {
	struct scanned *recs;
	size_t nrecs, cap_recs;
	uint8_t *buf; /* to read with; the next segment's, too */
	size_t cap_buf;
	bool has_start;
	struct rec_start start;
	bool whole; /* the last batch is complete */
};
/* limit: end known from the next segment's START, or 0 */
int scan_segment(struct store *, struct segment *, uint64_t limit, bool synced,
    struct scan *);
void scan_free(struct scan *);

/* recover.c, replay.c */
int recover(struct store *);
int replay_segment(struct store *, struct segment *, const struct scan *);
int replay_again(struct store *);     /* log the last batch once more */
void replay_in_place(struct store *); /* that failed: it counts all the same */

/* spill.c */
void spill_name(char[NAME_LEN], uint64_t id, const char *suffix);
uint32_t spill_dir(uint64_t id);
void spill_dir_name(char[NAME_LEN], uint32_t dir);
int spill_write(struct store *, const struct store_msg *,
    const struct store_source *, uint32_t *crc);
void spill_remove(struct store *, uint64_t id);
/* Sync the file if r is 0; close it in any case: r, or -1 with errno. */
int spill_finish(struct store *, int fd, int r);
int spill_sync_dirs(struct store *);
int spill_oldest(struct store *, struct segment *);

/* last.c: number of the segment that was begun last, beside the log */
void last_write(struct store *, uint32_t seq);
uint32_t last_read(struct store *); /* 0: not known */

/* sweep.c */
int sweep_step(struct store *); /* 1: more directories to see */
int sweep_adopt(struct store *);
/* Message files above this id the log has never seen. */
uint64_t sweep_known(const struct store *, uint32_t known);
int sweep_adopt_newer(struct store *);
/* A MOVED record of what is not in the store; its files are. */
int adopt_add(struct store *, uint64_t id, const struct store_whole *,
    uint64_t size);
uint64_t sweep_count(struct store *);

/* space.c */
void note_failure(struct store *, int error, const struct segment *);
uint64_t disk_used(const struct store *);
bool over_quota(const struct store *); /* take no more at MAIL */
bool over_grace(const struct store *); /* nor at the end of DATA */
uint64_t quota_grace(const struct store *);
const struct store_fsinfo *disk_info(struct store *);
void disk_changed(struct store *); /* ask again */
void account(struct store *, const struct entry *, int sign);

#endif
