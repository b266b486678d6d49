/* SPDX-License-Identifier: ISC */
/*
 * Numbers of the edges.  A message's type is edge << 8 | n, unique in the
 * whole tree, so that one on the wrong pipe is recognisable.  0x80 in n marks
 * an answer.
 */
#ifndef COMMON_MSG_EDGE_H
#define COMMON_MSG_EDGE_H

#define EDGE_CHILD_MASTER 1  /* child_master.h: every child and posternd */
#define EDGE_CHILD_CONF	  2  /* child_conf.h: posternd to every child */
#define EDGE_LOG	  3  /* log.h: every process to logd */
#define EDGE_CONN_IN	  4  /* conn_in.h: connd to smtpd-in */
#define EDGE_IN_QUEUE	  5  /* in_queue.h: smtpd-in to queued */
#define EDGE_IN_DIR	  6  /* in_dir.h: smtpd-in to dird */
#define EDGE_QUEUE_DIR	  7  /* queue_dir.h: queued to dird */
#define EDGE_QUEUE_OUT	  8  /* queue_out.h: queued and smtpd-out */
#define EDGE_OUT_CONN	  9  /* out_conn.h: smtpd-out to connd */
#define EDGE_DNS_CONN	  10 /* dns_conn.h: dnsd to connd */
#define EDGE_SMTP_DNS	  11 /* smtp_dns.h: smtpd-out to dnsd */
#define EDGE_CTL_QUEUE	  12 /* ctl_queue.h: ctld to queued */
#define EDGE_CTL_MASTER	  13 /* ctl_master.h: ctld and posternd */
#define EDGE_CTL_TOOL	  14 /* ctl_tool.h: postern and ctld */
#define EDGE_SMTP_KEY	  15 /* smtp_key.h: smtpd-in and smtpd-out to keyd */
/* 16: dird to connd (LDAP) */
#define EDGE_IN_DNS	  17 /* in_dns.h: smtpd-in/ext to dnsd-ext */

#define MSG_TYPE(edge, n) ((uint16_t)((edge) << 8 | (n)))
#define MSG_ANSWER	  0x80
#define MSG_EDGE(type)	  ((type) >> 8)

#endif
