/* SPDX-License-Identifier: ISC */
/*
 * The page between a twin and the test: in the file "page.INSTANCE" beside the
 * program, slashes as dashes.  regress/hostile/matrix.py has the same layout.
 */
#ifndef REGRESS_HOSTILE_ATTACK_TWIN_H
#define REGRESS_HOSTILE_ATTACK_TWIN_H

#include <stdint.h>

#define PAGE_SIZE_ 4096

/* layers around an attack; a bit that is not set takes one away */
#define LAYER_FILTER   1U /* system calls */
#define LAYER_NETNS    2U /* empty network namespace */
#define LAYER_USER     4U /* uid, capabilities, limits, no_new_privs */
#define LAYER_LANDLOCK 8U
#define LAYER_ROOT     16U /* empty root */
#define LAYER_DEVICE   32U /* sockets are bound to their side's interface */

enum page_command { PAGE_ATTACK = 1, PAGE_ASK_CONND = 2, PAGE_HELD = 3 };
enum page_result {
	PAGE_KILLED = 1,
	PAGE_REFUSED,
	PAGE_NONE,
	PAGE_JOB,
	PAGE_GAINED
};

struct page {
	/* the test */
	uint32_t asked; /* serial number of the command */
	uint32_t command;
	uint32_t attack; /* index */
	uint32_t layers;
	uint32_t no_policy; /* connd dials wherever it is asked to */
	uint8_t address[4]; /* of the target */
	uint16_t tcp, udp;  /* its ports, in network order */
	char secret[64];
	char path[108]; /* of a unix socket */
	/* the twin */
	uint32_t ready;
	uint32_t done; /* serial number of the last command */
	uint32_t result;
	uint32_t detail; /* signal or errno; PAGE_HELD: sockets kept */
	uint32_t attacks;
	char name[32]; /* of the attack */
	/* the process in the cage */
	volatile uint32_t stage;
	volatile int32_t answer;
};

const struct page *attack_page(void);

#endif
