/* SPDX-License-Identifier: ISC */
/*
 * Edge 3, every process -> logd.  Lines of text, already escaped by their
 * sender and escaped again by logd, which adds the time and the name of the
 * channel they came on.  Nothing is answered.  A hostile sender can at most
 * write lines under its own name, rate-limited; none has a second time=, level=
 * or proc=.
 */
#ifndef COMMON_MSG_LOG_H
#define COMMON_MSG_LOG_H

#include <stdint.h>

#include "common/base/ibuf.h"
#include "common/base/log.h"
#include "common/msg/edge.h"

enum lg_type {
	LG_LINES = MSG_TYPE(EDGE_LOG, 1),  /* put_lg_line(), once or more */
	LG_DROPPED = MSG_TYPE(EDGE_LOG, 2) /* id: lines lost; empty */
};

#define LG_LINE_HEAD 3
#define LG_LINES_MIN (LG_LINE_HEAD + 1)
#define LG_LINES_MAX (16 * 1024)

struct lg_line {
	uint8_t level;	  /* enum log_level, or whatever the sender wrote */
	uint16_t len;	  /* 1 .. LOG_LINE_MAX */
	const char *text; /* in the message's memory, not NUL-terminated */
};
/* Inline, as what links the log alone needs them. */
static inline bool
lg_is_line(uint16_t len)
{
	return len > 0 && len <= LOG_LINE_MAX;
}

static inline int
put_lg_line(struct ibuf *b, const struct lg_line *l)
{
	if (!lg_is_line(l->len) || ibuf_add_n8(b, l->level) == -1 ||
	    ibuf_add_n16(b, l->len) == -1)
		return -1;
	return ibuf_add(b, l->text, l->len);
}

static inline int
get_lg_line(struct ibuf *b, struct lg_line *l)
{
	const void *text;

	if (ibuf_get_n8(b, &l->level) == -1 || ibuf_get_n16(b, &l->len) == -1 ||
	    !lg_is_line(l->len) || ibuf_get_view(b, &text, l->len) == -1)
		return -1;
	l->text = (const char *)text;
	return 0;
}

#endif
