/* SPDX-License-Identifier: ISC */
/*
 * dird: which recipients exist, and where a domain's mail goes.
 */
#ifndef DIRD_DIRD_H
#define DIRD_DIRD_H

#include "common/base/child.h"
#include "common/base/sandbox.h"
#include "common/msg/addr.h"
#include "common/msg/in_dir.h"
#include "common/msg/queue_dir.h"

/* sandbox.c */
extern const struct cage dird_cage;

/* directory.c: the domains and their lists */
/* A new configuration: lists of domains that stay are kept. */
void directory_conf(const struct conf *);
/* The recipient file of domain id; takes fd.  -1: no such domain. */
int directory_file(uint32_t id, int fd);
enum id_verdict directory_recipient(const struct msg_ask *);
void directory_route(const struct msg_ask *, struct qd_route *);

#endif
