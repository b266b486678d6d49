/* SPDX-License-Identifier: ISC */
/*
 * smtpd-in's edges around the pure session machine: sockets and timers of
 * clients, the transaction that a client is building, and the channels to
 * connd, dird and queued.
 */
#ifndef SMTPD_IN_SERVER_H
#define SMTPD_IN_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include <bsd/sys/queue.h>

#include "common/base/chan.h"
#include "common/base/child.h"
#include "common/base/ev.h"
#include "common/base/sandbox.h"
#include "common/msg/conn_in.h"
#include "common/msg/in_dir.h"
#include "common/msg/in_dns.h"
#include "common/msg/in_queue.h"
#include "common/tls/keys.h"
#include "common/tls/ticket.h"
#include "common/tls/tls.h"
#include "smtpd-in/repair.h"
#include "smtpd-in/session.h"

#define CLIENTS_MAX 65536 /* of one worker; slots are 16 bits of a question */

/* The message that is being received. */
struct intx {
	uint8_t *rcpts; /* put_rcpt() series; owned */
	size_t rcpts_len, rcpts_cap;
	uint32_t nrcpt;
	uint8_t *body; /* inline so far; owned */
	size_t body_len, body_cap;
	int memfd;     /* -1: the body is inline */
	uint64_t size; /* of the body, wherever it is */
	bool failed;   /* no memory: refused at its end */
	bool utf8;     /* an address has more than ASCII */
	uint8_t flags; /* enum msg_flag */
	uint8_t ret;
	char sender[MSG_ADDR_MAX + 1];
	char envid[MSG_ENVID_MAX + 1];
};

enum waiting_for {
	WAIT_NOTHING = 0,
	WAIT_ADMIT, /* connd's word on a proxy's client */
	WAIT_DIR,   /* dird's verdict */
	WAIT_DNS,   /* dnsd's; without it the mail is taken */
	WAIT_ROOM,  /* the channel to queued is full: not yet submitted */
	WAIT_QUEUE, /* queued's answer */
	WAIT_KEYD,  /* is keyd there: STARTTLS is not answered yet */
	WAIT_SIGN   /* keyd's signature, in a handshake */
};

/* Where a client is on its way in. */
enum stage {
	STAGE_IN = 0, /* the session has it */
	STAGE_PROXY,  /* its proxy has not said yet for whom it speaks, */
	STAGE_ADMIT,  /* or connd not yet whether that client may come in */
	STAGE_GREET   /* the greeting is held back: "limit greeting-delay" */
};

struct client {
	struct server *server;
	uint16_t slot;
	uint32_t conn_id;	/* connd's number, */
	uint32_t conn_life;	/* of which connd: server.conn_life then */
	struct ci_session peer; /* its client: behind a proxy, the real one */
	struct netaddr proxy;	/* family NONE: it came without */
	int fd;
	struct ev_io io;
	struct ev_timer timer;
	uint64_t started;     /* ms */
	uint64_t quiet_since; /* ms: last command of it, or octet of text */
	uint64_t wait_since;  /* ms: question asked */
	uint64_t rate_since;  /* ms: this minute of DATA began */
	uint64_t rate_bytes;
	uint8_t *in; /* input not yet used; owned, NULL if none */
	uint32_t in_len;
	char *out; /* output not yet written; owned, NULL if none */
	uint32_t out_len;
	/* replies that go out with those to what else it has said; owned */
	char *held;
	uint32_t held_len;
	struct tls_conn *tls; /* NULL: clear text; owned */
	bool secure;	      /* its handshake is done */
	bool by_cert; /* it may send if its certificate is a listed one */
	bool has_cert;
	uint8_t cert[TLS_FINGERPRINT];
	bool eof;
	bool closing;
	bool repairs; /* its line ends are repaired */
	struct repair repair;
	size_t repaired; /* line ends */
	bool offence;	 /* it was hung up on for what it did */
	enum stage stage;
	enum waiting_for waiting;
	uint16_t seq;	   /* of the question asked */
	uint32_t question; /* the session's number of it */
	uint32_t rejects;  /* logged */
	size_t rcpt_mark;  /* end of rcpts before the one in question */
	STAILQ_ENTRY(client) submit; /* in server.submits, WAIT_ROOM */
	struct intx *tx;	     /* NULL: none; owned */
	struct session session;
};

struct server {
	struct child *child;
	struct ev *ev;
	const struct conf *conf; /* NULL until the first */
	enum side side;
	struct session_conf session_conf;
	struct session_conf repair_conf; /* of "repair lines from" */
	/* NULL: being replaced */
	struct chan *conn, *dir, *dns, *queue, *key;
	uint32_t conn_life; /* counts the connds that there were */
	struct peer conn_peer, dir_peer, dns_peer, queue_peer, key_peer;
	struct tls_server *tls; /* NULL: STARTTLS is not offered; owned */
	struct tls_keys keys;
	struct tls_tickets tickets;
	struct iq_room room;
	bool room_known;
	struct client **clients; /* by slot */
	uint32_t nclients;
	uint32_t next_slot;
	uint64_t memfd_bytes; /* bodies held in memfds */
	STAILQ_HEAD(, client) submits;
};

/* sandbox.c */
extern const struct cage smtpd_in_cage;

/* entry.c */
void client_start(struct server *, uint32_t conn_id, const struct ci_session *,
    int fd); /* takes fd */
/* When what a stage waits for is late, and what is done then. */
void entry_proxy(struct client *); /* STAGE_PROXY: its socket is readable */
void entry_admit(struct client *, enum ci_verdict);
uint64_t entry_deadline(const struct client *);
void entry_late(struct client *);
void client_free(struct client *);
void clients_drain(struct server *);
void clients_leave(struct server *); /* if drained */
/* Everyone who waits for this goes on without it. */
void clients_give_up(struct server *, enum waiting_for);

/* client.c */
/* An answer to the open question; the session goes on. */
void client_answer(struct client *, enum session_answer, const char *text);
/* There will be no answer: what is said then. */
void client_no_answer(struct client *);
/* The client whose open question has this number; NULL: none (any more). */
struct client *client_asking(struct server *, uint32_t id, enum waiting_for);
uint32_t client_question_id(const struct client *);

/* For the files of a client: */
void client_on_io(struct ev_io *, uint32_t);
void client_on_timer(struct ev_timer *);
void client_input(struct client *); /* its socket is readable */
/*
 * Step the session through len octets of the buffer of client_room(), which
 * begins with what was kept; 0: what was kept alone.
 */
void client_run(struct client *, size_t len);
/* Where new plain text goes, behind what was kept: room for cap octets. */
char *client_room(struct client *, size_t *cap);
/* Keep len octets for the next time.  -1: ENOMEM */
int client_keep(struct client *, const char *, size_t len);
/* Repair len new octets there, if that is wanted; how many they are then. */
size_t client_repair(struct client *, char *room, size_t len);
void client_watch(struct client *);
bool client_in_text(const struct client *);
bool client_in_handshake(const struct client *);
/* Send, and keep what the socket does not take; nothing may be kept yet. */
int client_write(struct client *, const void *, size_t);

/* clientlog.c: a command or message was refused */
void client_log_refused(struct client *, const struct session_act *);

/* secure.c: a client under TLS */
/* Take the configuration's certificates; without, STARTTLS is not offered. */
void secure_conf(struct server *, const struct conf *);
/* The question of STARTTLS: true: answered now, by *answer. */
bool secure_ask(struct client *, enum session_answer *answer);
/* 220 was said: a handshake begins.  -1: it cannot. */
int secure_begin(struct client *, size_t dropped);
void secure_input(struct client *);
void secure_go_on(struct client *); /* its signature is there, or refused */
int secure_write(struct client *, const char *, size_t);
void secure_bye(struct client *);
void secure_late(struct client *);    /* its handshake takes too long */
void secure_give_up(struct server *); /* keyd is gone */
/* "TLSv1.3 TLS_AES_256_GCM_SHA384", or empty */
const char *secure_text(const struct client *, char *, size_t);

/* keys.c: the edge to keyd */
extern const struct chan_msg key_msgs[];
extern const size_t nkey_msgs;
void keys_init(struct server *);
bool keys_ping(struct server *, uint32_t id);
/* posternd's keys of session tickets */
extern const struct chan_msg ticket_msgs[];
extern const size_t nticket_msgs;

/* intx.c */
struct intx *intx_new(const struct session_act *, const struct session *);
void intx_free(struct server *, struct intx *);
/* -1: ENOMEM or too long for the channel */
int intx_rcpt(struct intx *, const struct session_act *);
void intx_text(struct server *, struct intx *, struct smtp_slice);
/* May another body begin, as far as memory goes? */
bool intx_room(const struct server *);
/* Send it to queued as transaction id.  -1: it could not be sent. */
int intx_submit(struct server *, struct client *, uint32_t id);

/* peers.c */
void peers_set(struct server *, const struct peer *, int fd);
/* Ask dird; -1: it is away. */
int peers_ask_recipient(struct server *, uint32_t id, const struct smtp_addr *);
/* Tell connd whom a proxy speaks for; -1: it is away. */
int peers_tell_client(const struct client *, const struct ci_client *);
/* Ask dnsd of a sender's domain; -1: it is away, or cannot be asked. */
int peers_ask_sender(struct server *, uint32_t id, struct smtp_slice domain);
/* Another connd than it came from knows nothing of a connection. */
void peers_conn_closed(struct server *, uint32_t conn_id, uint32_t conn_life,
    enum ci_end);

#endif
