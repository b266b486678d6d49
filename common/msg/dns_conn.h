/* SPDX-License-Identifier: ISC */
/*
 * Edge 10, dnsd-X -> connd/X: "a socket to server i".  The address is the
 * configuration's, which both have; a hostile dnsd can reach nothing else.
 * UDP sockets are new each time (random source port) and connected; TCP ones
 * are answered when connected.
 */
#ifndef COMMON_MSG_DNS_CONN_H
#define COMMON_MSG_DNS_CONN_H

#include <stdint.h>

#include "common/base/ibuf.h"
#include "common/msg/edge.h"
#include "common/msg/out_conn.h"

enum dc_type {
	DC_REQ_SOCKET = MSG_TYPE(EDGE_DNS_CONN, 1),
	DC_REQ_CANCEL = MSG_TYPE(EDGE_DNS_CONN, 2),		/* empty */
	DC_ANS_SOCKET = MSG_TYPE(EDGE_DNS_CONN, MSG_ANSWER | 1) /* oc_answer */
};

enum dc_proto { DC_UDP = 1, DC_TCP = 2 };

struct dc_socket {
	uint32_t generation; /* of the configuration that numbers the servers */
	uint8_t server;	     /* index in conf.side[X].dns */
	enum dc_proto proto;
};
#define DC_SOCKET_LEN 6
int put_dc_socket(struct ibuf *, const struct dc_socket *);
int get_dc_socket(struct ibuf *, struct dc_socket *);

#endif
