/* SPDX-License-Identifier: ISC */
/*
 * Who exists and who may talk to whom: the table of programs, instances,
 * accounts, namespaces and edges.  What is not in topology.c does not exist;
 * nothing else in posternd can make a channel.
 *
 * Every instance that may ever run has a number (of its statistics page), and
 * every channel of it a slot (descriptor 3 + slot in the child): both depend on
 * the table alone, not on how many workers are configured, so that workers can
 * be added while the others run.
 */
#ifndef MASTER_TOPOLOGY_H
#define MASTER_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/base/child.h"
#include "common/base/conf.h"
#include "common/base/proc.h"

enum topo_count {
	TOPO_ONE,
	TOPO_WORKERS_IN, /* as many as conf_side.workers_in */
	TOPO_WORKERS_OUT
};

enum topo_net {
	TOPO_NET_EMPTY, /* its own, with nothing in it */
	TOPO_NET_SIDE	/* posternd's, or the one named in its side */
};

enum topo_root {
	TOPO_ROOT_EMPTY, /* the chroot directory */
	TOPO_ROOT_SPOOL
};

/* order in which they stop; each waits for the ones before it */
enum topo_stage {
	TOPO_STAGE_ACCEPT, /* no new sessions */
	TOPO_STAGE_IN,	   /* sessions end */
	TOPO_STAGE_OUT,	   /* deliveries end, results go to queued */
	TOPO_STAGE_QUEUE,
	TOPO_STAGE_HELP,
	TOPO_STAGE_LOG,
	TOPO_STAGES
};

struct topo_program {
	enum proc proc;
	uint8_t side; /* enum side or PROC_SIDE_NONE */
	const char *account;
	enum topo_count count;
	enum topo_net net;
	enum topo_root root;
	uint32_t grant; /* enum cc_grant: what it learns of the conf */
	uint32_t fds;	/* 1 << enum child_fd: what it may be handed */
	enum topo_stage stage;
};

/* descriptors that a message of an edge may carry, seen from "from" */
enum topo_pass {
	TOPO_PASS_NONE = 0,
	TOPO_PASS_TO = 1 << 0,	/* from gives them to to */
	TOPO_PASS_BACK = 1 << 1 /* to gives them to from */
};

struct topo_edge {
	enum proc from;
	uint8_t from_side;
	enum proc to;
	uint8_t to_side;
	uint32_t pass;
	const char *what;
};

#define TOPO_PROGRAMS  13
#define TOPO_INSTANCES (9 + 4 * CONF_WORKERS_MAX)

extern const struct topo_program topo_programs[TOPO_PROGRAMS];

/* The row of a process; NULL: no such process (and for posternd). */
const struct topo_program *topo_program(const struct peer *);
/* number <-> process, number < TOPO_INSTANCES */
void topo_peer(uint32_t number, struct peer *);
int topo_number(const struct peer *, uint32_t *); /* -1: none */
/* Does this configuration want the process to run? */
bool topo_wanted(const struct conf *, const struct peer *);
bool topo_same(const struct peer *, const struct peer *);
/* Slot of peer in self: 0 is posternd; -1: no edge joins them. */
int topo_slot(const struct peer *self, const struct peer *peer);
uint16_t topo_nslots(const struct peer *);
/*
 * The only place where channels are made: both ends of one between two
 * processes that the table joins (fatal if it does not: a bug), close-on-exec
 * and non-blocking.  -1 with errno.
 */
int topo_channel(const struct peer *, const struct peer *, int fd[2]);
/* Text for the audit: one line a program, edge, planned edge. */
void topo_print(FILE *);

#endif
