/* SPDX-License-Identifier: ISC */
/*
 * A record of messages in a mapped file, which others read while it grows: a
 * page of counters, then 16 bytes for each message.  It costs no system call
 * for a message; put it on a tmpfs, or its write-back disturbs what is
 * measured.
 *
 * ledger.py reads it.  Times are CLOCK_MONOTONIC in nanoseconds.  Errors end
 * the program.
 */
#ifndef BENCH_LEDGER_H
#define BENCH_LEDGER_H

#include <stdint.h>

#define LEDGER_MAGIC "PBLEDGR1"

struct ledger_head {
	char magic[8];
	uint64_t count;	   /* records that follow */
	uint64_t start;	   /* first connect or first accept */
	uint64_t last;	   /* last record */
	uint64_t refused;  /* 5xx, got or given */
	uint64_t later;	   /* 4xx, got or given */
	uint64_t again;	   /* sent twice: the connection died before the 250 */
	uint64_t damaged;  /* not of the size that the message says */
	uint64_t sessions; /* connections */
	uint64_t idle;	   /* sessions that are held idle now */
	uint64_t bytes;	   /* of messages */
	uint64_t lost;	   /* answered 250 and dropped on purpose */
	uint64_t cut;	   /* sessions that ended before they should */
};

struct ledger_record {
	uint32_t run, number;
	uint64_t when;
};

struct ledger {
	struct ledger_head *head; /* live, for counting */
	struct ledger_record *records;
	int fd;
	uint64_t room;
};

uint64_t ledger_now(void);

/* path NULL: an anonymous one that nobody else sees. */
void ledger_open(struct ledger *, const char *path);
void ledger_add(struct ledger *, uint32_t run, uint32_t number, uint64_t when);

#endif
