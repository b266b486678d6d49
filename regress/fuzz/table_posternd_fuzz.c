/* SPDX-License-Identifier: ISC */
/* link: regress/hostile/chan_master_stage.o master/super_msg.o */
/* link: master/topology.o common/msg.a common/base.a */
/*
 * posternd's own tables, over a channel whose other end is owned.  The first
 * byte is whose channel it is; then come messages: u16 type, u8 id, u8 length,
 * payload.  A channel that breaks the contract is closed, and whoever is
 * ended by what is said here is one with whom the speaker has to do.
 */
#include <assert.h>
#include <string.h>

#include "common/base/ev.h"
#include "regress/hostile/chan_master_stage.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define HEAD	4
#define LEN_MAX 255
#define SERIAL	1000 /* the last ping of the stage */

static void
say(const uint8_t *data, size_t len)
{
	uint8_t mem[CHAN_HDR + LEN_MAX] = { data[0], data[1] };
	uint32_t id = data[2] < 0x80 ? data[2] : SERIAL - 0xffU + data[2];

	mem[6] = (uint8_t)(id >> 8);
	mem[7] = (uint8_t)id;
	memcpy(mem + CHAN_HDR, data + HEAD, len);
	if (stage_send(mem, CHAN_HDR + len, 0) == 0)
		(void)ev_loop(super.ev);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct topo_program *t;
	struct peer p = { .index = 0 };
	size_t len;

	if (size < 1)
		return 0;
	t = &topo_programs[data[0] % TOPO_PROGRAMS];
	p.proc = t->proc;
	p.side = (uint8_t)t->side;
	stage_begin(&p);
	for (data++, size--; size >= HEAD && child->chan != NULL;
	     data += HEAD + len, size -= HEAD + len) {
		len = data[3] < size - HEAD ? data[3] : size - HEAD;
		say(data, len);
		if (last_killed != NULL && last_killed != child)
			assert(topo_slot(&p, &last_killed->peer) > 0);
	}
	assert(child->chan != NULL || last_killed == child);
	stage_end();
	return 0;
}
