/* SPDX-License-Identifier: ISC */
/*
 * What the verbs of "postern queue" share.  Each takes the arguments behind
 * its name and returns the exit status.
 */
#ifndef POSTERN_QUEUE_H
#define POSTERN_QUEUE_H

#include "postern/tool.h"

struct listing {
	bool json;
	bool whole; /* SHOW: every field */
	unsigned rows;
};

/* queue.c: a row as it comes, for a struct listing; -1: it is none */
int queue_row(void *, uint16_t type, struct ibuf *);
const char *queue_origin(unsigned);
/* An id, or -1 with the reason on stderr. */
int queue_id(const char *, uint64_t *);

/* queue_select.c */
/*
 * Take the options of a selection out of the arguments (-d -s -o -q, and -a,
 * -n, -r where wanted names them); what is left are argv[0] .. argv[*argc - 1].
 * -1: the reason is on stderr.
 */
struct selection {
	struct cq_select select;
	bool all;  /* -a */
	bool some; /* any of the others */
};
int selection_parse(struct selection *, int *argc, char ***argv,
    const char *wanted);
/* "in", "out", "local"; -1 with the reason on stderr */
int selection_flow(const char *, enum cq_flow *);
/* Ask it: rows, then what END says; the exit status. */
int selection_ask(const struct cq_select *,
    int (*row)(void *, uint16_t, struct ibuf *), void *, struct ct_end *);
int cmd_queue_list(int argc, char **argv, bool json);
int cmd_queue_hold(int argc, char **argv, bool json);
int cmd_queue_release(int argc, char **argv, bool json);
int cmd_queue_remove(int argc, char **argv, bool json);
int cmd_queue_flush(int argc, char **argv, bool json);

/* queue_rules.c */
int cmd_queue_suspend(int argc, char **argv, bool json);
int cmd_queue_resume(int argc, char **argv, bool json);
int cmd_queue_reroute(int argc, char **argv, bool json);
/* For status: what is suspended or rerouted, if anything is. */
int queue_rules_note(bool json);

int cmd_queue_why(int argc, char **argv, bool json);   /* queue_why.c */
int cmd_queue_shape(int argc, char **argv, bool json); /* queue_shape.c */

#endif
