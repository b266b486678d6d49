/* SPDX-License-Identifier: ISC */
/* How a program of the bench is told to end. */
#ifndef REGRESS_BENCH_STOP_H
#define REGRESS_BENCH_STOP_H

/* A signalfd(2) of SIGTERM and SIGINT, which are blocked. */
int stop_signals(void);

#endif
