/* SPDX-License-Identifier: ISC */
/*
 * The durable store of one direction's messages: a log of checksummed records
 * in segments, and plain files for what is large or stays long (spool(5)).
 *
 * The store has no event loop and starts nothing by itself.  Whoever owns it
 * adds messages and states to the current batch, calls store_commit() once
 * for all of them, and only then answers for any.  It copies what it is given;
 * no pointer of the caller is kept.  It never exits and never logs: what an
 * operator should know goes to the event callback.
 *
 * Units: sizes in bytes, times in Unix milliseconds.  Errors: -1 and errno.
 *	EAGAIN	commit the batch first, then try again; not committed yet
 *	EMSGSIZE  can never fit this store (envelope, or list of states)
 *	ENOSPC	quota or disk
 *	ENOENT	no such message (any more)
 *	EBADMSG	what the disk gave fails its checksum
 *	EIO ...	what the system said
 */
#ifndef QUEUED_STORE_STORE_H
#define QUEUED_STORE_STORE_H

#include <sys/uio.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/reason.h"
#include "queued/store/ops.h"

#define STORE_RCPTS_MAX	      100000 /* recipient indexes are below this */
#define STORE_TEXT_MAX	      1000   /* a status text; longer ones are cut */
#define STORE_SEGMENT_MIN     (64 * 1024)
#define STORE_SEGMENT_DEFAULT (64 * 1024 * 1024)
#define STORE_SPILL_DEFAULT   (1024 * 1024)
#define STORE_LIVE_DEFAULT    8

struct store;

/*
 * Names one message for as long as it is in the store, wherever the store
 * moves it.  Once the message is gone every call answers ENOENT.
 */
struct store_loc {
	uint64_t id;
	uint32_t slot;
};

/* One recipient's part of a message's state. */
struct store_rcpt {
	uint32_t index; /* place in the envelope's list */
	uint8_t status; /* 0: open; else enum qo_status */
	uint8_t reason; /* enum reason */
	uint16_t code;	/* the reply's, 0: there was none */
	uint16_t attempts;
	uint16_t text_len;
	const char *text; /* last reply; NULL if text_len is 0 */
};

/* Anything else that the owner wants kept with a message: last one wins. */
struct store_extra {
	uint16_t tag; /* STORE_EXTRA_MIN and above */
	uint16_t len;
	const void *data;
};
#define STORE_EXTRA_MIN 0x100

enum store_set { /* which of the fields below a state record changes */
	STORE_SET_NEXT = 1 << 0,
	STORE_SET_ATTEMPTS = 1 << 1,
	STORE_SET_HELD = 1 << 2,
	STORE_SET_POISON = 1 << 3,
	STORE_SET_TEXT = 1 << 4
};

/* A change of state, or (given by the store) the sum of all changes. */
struct store_state {
	uint32_t set; /* enum store_set bits */
	uint32_t attempts;
	uint32_t poison; /* times that it was in hand when a process died */
	uint16_t text_len;
	bool held;	  /* true: HOLD, false: RELEASE */
	uint64_t next;	  /* next attempt */
	const char *text; /* last status of the whole message */
	const struct store_rcpt *rcpts;
	size_t nrcpts;
	const struct store_extra *extras;
	size_t nextras;
};

/* A live message, as recovery, store_load() and store_each() show it. */
struct store_msg {
	struct store_loc loc; /* loc.id is the message's id */
	uint64_t size;	      /* of the body */
	bool spilled;	      /* the body is a file: store_open_body() */
	const void *env;
	size_t env_len;
	struct store_state state; /* rcpts: those ever set, by index */
};

enum store_event_kind {
	STORE_EV_TORN = 1, /* info: a torn tail was cut off */
	STORE_EV_CORRUPT,  /* error: a damaged record, skipped; id if known */
	STORE_EV_MISSING,  /* error: a segment is not there */
	STORE_EV_HEADER,   /* error: a damaged segment header */
	STORE_EV_VERSION,  /* error: a format this program does not know */
	STORE_EV_FOREIGN,  /* warn: a segment that does not belong; set aside */
	STORE_EV_ORPHAN,   /* info: a body that nothing refers to; removed */
	STORE_EV_ADOPTED,  /* warn: its record was lost, its file was not */
	STORE_EV_LOST,	   /* error: a live message cannot be read any more */
	STORE_EV_POISONED, /* error: a write or sync failed; error has errno */
	STORE_EV_REFUSING, /* error: too many failures, accepts no more */
	STORE_EV_ACCEPTING, /* info: accepts again */
	STORE_EV_FULL,	    /* warn: no segment could be made; errno in error */
	STORE_EV_COW	    /* warn: copy-on-write file system, slower mode */
};

struct store_event {
	enum store_event_kind kind;
	int level;	  /* enum log_level of common/base/log.h */
	uint32_t segment; /* number in the file's name; 0: none */
	uint64_t offset;  /* in the segment */
	uint64_t length;  /* of what is damaged, where known */
	uint64_t id;	  /* of the message concerned, 0: unknown or none */
	uint32_t version; /* STORE_EV_VERSION: that it was written in */
	uint16_t record;  /* type of the damaged record, 0: unknown */
	bool harmless;	  /* damaged, but nothing is lost by it */
	int error;	  /* errno, 0: none */
	const char *text; /* one static phrase for people */
};
const char *store_event_name(enum store_event_kind); /* "store-torn" ... */

struct store_callbacks {
	void *arg;
	/* per live message, in store_open() only; calls no store function */
	void (*message)(void *, const struct store_msg *);
	/* at any time inside any call; STORE_EV_LOST: forget that message */
	void (*event)(void *, const struct store_event *);
	/* or NULL: a message whose end is read in the log, at start */
	void (*done)(void *, uint64_t id);
};

struct store_params {	       /* 0: the default */
	uint64_t segment_size; /* default: 64 MiB, or less for a small quota */
	uint64_t quota;	       /* bytes on disk; 0: only the disk's limit */
	uint64_t spill_threshold;   /* a larger body becomes a file: 1 MiB */
	uint32_t max_live_segments; /* beyond these messages are spilled: 8 */
	uint64_t reserve; /* of the disk, left free by acceptance; 2 segments */
	bool readonly;	  /* look only: no lock, nothing written, no adds */
	bool eager;	  /* make files of old messages however busy it is */
};

/*
 * Open the store in a directory, an empty one included, and recover: scan,
 * report, call message() for each live message, in no certain order.  dirfd
 * stays the caller's and open as long as the store.  Bad data never makes this
 * fail; an unknown version (ENOTSUP, after an event), another owner
 * (EWOULDBLOCK) and errors of the system do.
 */
int store_open(struct store **, const struct store_ops *, int dirfd,
    const struct store_params *, const struct store_callbacks *);
void store_close(struct store *); /* an uncommitted batch is forgotten */

/*
 * --- one batch ---
 *
 * Add a message whose body is the pieces in order.  id must be new.  At most
 * spill_threshold bytes of body, else EMSGSIZE: use store_append_fd().
 */
int store_append(struct store *, uint64_t id, const void *env, size_t env_len,
    const struct iovec *body, int npieces, struct store_loc *);
/*
 * The same for a report about a message of this store, of which there is less
 * to be kept afterwards: the quota is no bound for it, the disk is.
 */
int store_append_report(struct store *, uint64_t id, const void *env,
    size_t env_len, const struct iovec *body, int npieces, struct store_loc *);
/*
 * The same for a body of any size: first head, then size bytes of fd from its
 * start (read with pread; fd stays the caller's).  Written and synced to a
 * file of its own before this returns.
 */
struct store_source {
	struct iovec head;
	int fd;
	uint64_t size;
};
int store_append_fd(struct store *, uint64_t id, const void *env,
    size_t env_len, const struct store_source *, struct store_loc *);
/*
 * The same with the state that it has elsewhere (the bytes of an export), both
 * in one record: it comes with its state or not at all.  EBADMSG: the body's
 * CRC-32C is not that, or the state is none.  Nothing of it is logged then.
 */
struct store_whole {
	const void *env, *state;
	size_t env_len, state_len;
	uint32_t crc;
};
int store_restore(struct store *, uint64_t id, const struct store_whole *,
    const struct store_source *, struct store_loc *);
/*
 * Record a change of state, or that a message is done with (all recipients
 * delivered, failed or removed).  These are never refused for quota.  A bounce
 * and the DONE of its cause may share a batch, the bounce appended first.
 */
int store_state(struct store *, struct store_loc, const struct store_state *);
int store_done(struct store *, struct store_loc);
/*
 * Make the batch durable: one write, one sync.  0: all of it is.  -1: every
 * message of this batch must be refused, their locations are void; states
 * need no care: they are durable or ride with the next commit.
 */
int store_commit(struct store *);
size_t store_batch_bytes(const struct store *); /* 0: nothing to commit */

/*
 * --- reading ---
 *
 * store_read(): bytes of the body from an offset: their number, 0 at its end.
 * A read of the whole body in one call is verified.
 * store_open_body(): a read-only descriptor of a spilled body, verified, the
 * caller's to close; EINVAL if it is not spilled.
 * store_load(): envelope and state, verified; valid inside the callback.
 * store_each(): the same for all, roughly oldest first; a callback returning
 * non-zero ends it with that value; the store is not changed meanwhile.
 */
ssize_t store_read(struct store *, struct store_loc, uint64_t off, void *,
    size_t);
int store_open_body(struct store *, struct store_loc);
int store_find(const struct store *, uint64_t id, struct store_loc *);
int store_load(struct store *, struct store_loc,
    int (*)(void *, const struct store_msg *), void *);
int store_each(struct store *, int (*)(void *, const struct store_msg *),
    void *);

/*
 * --- space and upkeep ---
 *
 * store_room(): may a message of this size be taken now?  Asked at MAIL.
 * store_room_max(): the largest that may, 0 if none; *why tells the reason
 * (REASON_OK, REASON_QUEUE_FULL, REASON_STORE_ERROR).
 * store_accepting(): false after two failures of the disk in ten minutes,
 * until ten minutes have passed without another; *why is a static phrase.
 */
bool store_room(struct store *, uint64_t size, enum reason *why);
uint64_t store_room_max(struct store *, enum reason *why);
bool store_accepting(struct store *, const char **why);
/*
 * One bounded step (a few MiB, or a few files) of what is due: prepare
 * and recycle segments, spill, clean up.  Call after commits and when idle;
 * at start until it returns 0, before that there is no room.  With an empty
 * batch it may commit; with another one it leaves out what would have to.
 * 1: call again soon; 2: in STORE_LATER_MS, when it may be quieter; 0: nothing
 * due until the next commit; -1: it failed, try again in some seconds.
 */
#define STORE_LATER_MS 100
int store_maintain(struct store *);
/* Make one message a file now; durable when it returns.  Empty batch only. */
int store_spill(struct store *, struct store_loc);

struct store_stats {
	uint64_t messages, bytes; /* live, and their bodies */
	uint64_t spilled, spilled_bytes;
	uint64_t disk; /* bytes taken: segments and files */
	uint64_t quota;
	uint32_t segments, prepared; /* holding records; ready for use */
	uint64_t commits, syncs, poisoned;
	uint64_t memory; /* bytes of the index */
};
void store_get_stats(const struct store *, struct store_stats *);

/*
 * Look at a whole spool without changing it: every record of every segment,
 * every spilled body.  Events as in recovery, and of each message file that
 * no record names whether it would be removed (STORE_EV_ORPHAN) or taken up
 * (STORE_EV_ADOPTED).  message() is called for each that is sound.  0: sound;
 * 1: damage was found; -1: could not look (ENOTSUP: of a later version).
 */
struct store_report {
	uint64_t segments, records, messages, states, done, spilled;
	uint64_t bytes; /* read and verified */
	uint64_t torn, corrupt, missing, lost, orphans;
};
int store_check(const struct store_ops *, int dirfd,
    const struct store_callbacks *, struct store_report *);

#endif
