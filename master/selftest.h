/* SPDX-License-Identifier: ISC */
/*
 * The attack on our own sandboxes, on this kernel, before a port is opened:
 * the program selftest is started in the place of each program of the topology
 * and tells what its attacks came to (selftest/selftest.h).
 */
#ifndef MASTER_SELFTEST_H
#define MASTER_SELFTEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "master/config.h"

struct selftest;

/*
 * Runs it to its end, a second or less; at most one at a time.  Needs the
 * directories of the configuration and root.  NULL after errors in the
 * report: it could not be run, which is not a pass.
 */
struct selftest *selftest_run(struct config *, const char *libexec, int netns);
void selftest_free(struct selftest *);

/* Attacks that gained something, over all programs. */
size_t selftest_gained(const struct selftest *);
/* Each of them to the report: as errors, or as warnings. */
void selftest_report(const struct selftest *, struct config *, bool errors);
uint64_t selftest_took(const struct selftest *); /* ms */
/* "78 attacks in each of 13 sandboxes, all refused; Linux 6.1.0" */
#define SELFTEST_SUMMARY_MAX 256
void selftest_summary(const struct selftest *, char[SELFTEST_SUMMARY_MAX]);
/* The table, program by attack; all: with what each outcome was. */
void selftest_print(const struct selftest *, FILE *, bool all);

#endif
