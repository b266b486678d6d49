/* SPDX-License-Identifier: ISC */
/*
 * Edge 3, every process -> logd.  A line of text, already escaped by its
 * sender and escaped again by logd, which adds the time and the name of the
 * channel it came on.  Nothing is answered.  A hostile sender can at most
 * write lines under its own name, rate-limited.
 */
#ifndef COMMON_MSG_LOG_H
#define COMMON_MSG_LOG_H

#include "common/base/log.h"
#include "common/msg/edge.h"

enum lg_type {
	LG_LINE = MSG_TYPE(EDGE_LOG, 1),   /* id: enum log_level; text */
	LG_DROPPED = MSG_TYPE(EDGE_LOG, 2) /* id: lines lost; empty */
};

#define LG_LINE_MIN 1
#define LG_LINE_MAX LOG_LINE_MAX

#endif
