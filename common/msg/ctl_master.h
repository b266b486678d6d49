/* SPDX-License-Identifier: ISC */
/*
 * Edge 13, ctld -> posternd and back, on ctld's descriptor 3 beside edge 1.
 *
 * ctld asks, posternd answers with any number of rows, each a message of its
 * own with the id of the question, and one END (or RELOADED) at last.  Several
 * questions may be open at once; rows of different ids may interleave.
 * A hostile ctld can at most make posternd read its configuration again
 * (one at a time, five in a row, then one in 2 s) and learn which processes
 * exist, which every user of the host may see as well.
 */
#ifndef COMMON_MSG_CTL_MASTER_H
#define COMMON_MSG_CTL_MASTER_H

#include <stdint.h>

#include "common/base/ibuf.h"
#include "common/base/proc.h"
#include "common/msg/edge.h"

enum ctm_type {
	CTM_REQ_STATUS = MSG_TYPE(EDGE_CTL_MASTER, 1), /* empty */
	CTM_REQ_AUDIT = MSG_TYPE(EDGE_CTL_MASTER, 2),  /* empty */
	CTM_REQ_RELOAD = MSG_TYPE(EDGE_CTL_MASTER, 3), /* empty */
	/* STATUS: CTM_ANS_STATUS..., CTM_ANS_TEXT..., CTM_ANS_END */
	CTM_ANS_STATUS = MSG_TYPE(EDGE_CTL_MASTER, MSG_ANSWER | 1),
	/* AUDIT: per instance AUDIT, CHAN..., FD...; TEXT...; then END */
	CTM_ANS_AUDIT = MSG_TYPE(EDGE_CTL_MASTER, MSG_ANSWER | 2),
	/* RELOAD: CTM_ANS_TEXT..., CTM_ANS_RELOADED, no END */
	CTM_ANS_RELOADED = MSG_TYPE(EDGE_CTL_MASTER, MSG_ANSWER | 3),
	CTM_ANS_CHAN = MSG_TYPE(EDGE_CTL_MASTER, MSG_ANSWER | 4),
	CTM_ANS_FD = MSG_TYPE(EDGE_CTL_MASTER, MSG_ANSWER | 5),
	CTM_ANS_TEXT = MSG_TYPE(EDGE_CTL_MASTER, MSG_ANSWER | 6),
	CTM_ANS_END = MSG_TYPE(EDGE_CTL_MASTER, MSG_ANSWER | 7) /* empty */
};

#define CTM_TEXT_MAX 1024 /* bytes of one line of text, without NUL */

enum ctm_state {
	CTM_STARTING = 1, /* forked, not ready yet */
	CTM_READY = 2,
	CTM_WAITING = 3, /* died; waits to be started again */
	CTM_DRAINING = 4,
	CTM_DEGRADED = 5 /* as WAITING, after five deaths in a minute */
};

/* One process; posternd itself is the first row, instance CTM_NO_INSTANCE. */
struct ctm_status {
	uint32_t instance; /* number of its stats page: CHILD_FD_STATS */
	struct peer peer;
	uint32_t pid; /* 0: none just now */
	uint32_t uid;
	uint8_t state;	     /* enum ctm_state */
	uint8_t best_effort; /* a part of the sandbox is missing */
	uint32_t restarts;   /* since posternd started */
	uint64_t since;	     /* Unix time in ms of its start */
	uint32_t generation; /* of the configuration it runs */
};
#define CTM_NO_INSTANCE 0xffffffffU

enum ctm_netns {
	CTM_NETNS_HOST = 1,  /* posternd's own */
	CTM_NETNS_NAMED = 2, /* that of "namespace" in its side */
	CTM_NETNS_EMPTY = 3  /* its own, with nothing in it */
};

enum ctm_root {
	CTM_ROOT_HOST = 1,  /* posternd */
	CTM_ROOT_EMPTY = 2, /* the chroot directory */
	CTM_ROOT_SPOOL = 3  /* the spool directory */
};

/*
 * What the topology declares of one process, to be held against the kernel.
 * Not said in rows: descriptor 0 of a child is /dev/null, 1 and 2 one pipe to
 * posternd; numbers of the channel block without a channel are /dev/null.
 */
struct ctm_audit {
	uint32_t instance;
	struct peer peer;
	uint32_t pid; /* 0: none just now */
	uint32_t uid, gid;
	uint8_t netns;	      /* enum ctm_netns */
	uint8_t root;	      /* enum ctm_root */
	uint8_t seccomp;      /* 1: filter mode */
	uint8_t no_new_privs; /* 1 */
	uint64_t caps;	      /* permitted at most, bit by capability number */
	uint16_t nslots;      /* channel descriptors: 3 .. 3 + nslots - 1 */
	char root_dir[CONF_PATH_MAX];	/* as seen by posternd */
	char netns_name[CONF_NAME_MAX]; /* CTM_NETNS_NAMED, else empty */
};

/* A channel that the process must hold: descriptor 3 + slot. */
struct ctm_chan {
	uint32_t instance;
	uint16_t slot; /* 0: posternd */
	struct peer peer;
};

/* Other descriptors that posternd gave it. */
struct ctm_fd {
	uint32_t instance;
	uint32_t kind;	/* enum child_fd */
	uint32_t count; /* exactly so many */
};

/* A line for the operator: an error of the reload, or what must be seen. */
struct ctm_text {
	uint8_t level; /* enum log_level: error, warn or info */
	char text[CTM_TEXT_MAX + 1];
};

struct ctm_reloaded {
	uint8_t ok;	     /* 0: the old configuration stays in force */
	uint32_t generation; /* the one in force now */
};

#define CTM_STATUS_LEN	 33
#define CTM_AUDIT_MIN	 37
#define CTM_AUDIT_MAX	 (CTM_AUDIT_MIN + CONF_PATH_MAX + CONF_NAME_MAX)
#define CTM_CHAN_LEN	 9
#define CTM_FD_LEN	 12
#define CTM_TEXT_MSG_MIN 3
#define CTM_TEXT_MSG_MAX (CTM_TEXT_MSG_MIN + CTM_TEXT_MAX)
#define CTM_RELOADED_LEN 5

int put_ctm_status(struct ibuf *, const struct ctm_status *);
int get_ctm_status(struct ibuf *, struct ctm_status *);
int put_ctm_audit(struct ibuf *, const struct ctm_audit *);
int get_ctm_audit(struct ibuf *, struct ctm_audit *);
int put_ctm_chan(struct ibuf *, const struct ctm_chan *);
int get_ctm_chan(struct ibuf *, struct ctm_chan *);
int put_ctm_fd(struct ibuf *, const struct ctm_fd *);
int get_ctm_fd(struct ibuf *, struct ctm_fd *);
int put_ctm_text(struct ibuf *, const struct ctm_text *);
int get_ctm_text(struct ibuf *, struct ctm_text *);
int put_ctm_reloaded(struct ibuf *, const struct ctm_reloaded *);
int get_ctm_reloaded(struct ibuf *, struct ctm_reloaded *);

#endif
