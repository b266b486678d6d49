/* SPDX-License-Identifier: ISC */
/* Tests that make a directory of their own empty it again. */
#ifndef REGRESS_UNIT_REMOVE_BELOW_H
#define REGRESS_UNIT_REMOVE_BELOW_H

/* All that is in a directory, which stays. */
void remove_below(int dirfd, const char *name);

#endif
