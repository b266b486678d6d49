/* SPDX-License-Identifier: ISC */
/*
 * The edge to posternd: its rows are passed on, and give the statistics pages
 * their names.
 */
#include <string.h>

#include "common/base/log.h"
#include "ctld/ctld.h"

int
master_ask(struct ctld *d, struct tool *t, uint16_t type)
{
	return chan_send(child_master(d->child), type, tool_question(t), NULL,
	    -1);
}

static void
stats_row(struct tool *t, const struct ctm_status *m)
{
	struct ct_stats s = { .peer = m->peer };
	struct ibuf out;

	if (!pages_read(m->instance, &s))
		return;
	chan_scratch(&out);
	if (put_ct_stats(&out, &s) == 0)
		tool_row(t, CT_ROW_STATS, &out);
}

static int
on_status(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct tool *t = tool_asking(id);
	struct ctm_status m;
	struct ibuf out;

	(void)ch;
	(void)fd;
	if (get_ctm_status(b, &m) == -1)
		return -1;
	if (t != NULL && t->asks == ASKS_STATS) {
		stats_row(t, &m);
		return 0;
	}
	chan_scratch(&out);
	if (t != NULL && put_ctm_status(&out, &m) == 0)
		tool_row(t, CTM_ANS_STATUS, &out);
	return 0;
}

static int
on_audit(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct tool *t = tool_asking(id);
	struct ctm_audit m;
	struct ibuf out;

	(void)ch;
	(void)fd;
	if (get_ctm_audit(b, &m) == -1)
		return -1;
	chan_scratch(&out);
	if (t != NULL && put_ctm_audit(&out, &m) == 0)
		tool_row(t, CTM_ANS_AUDIT, &out);
	return 0;
}

static int
on_chan(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct tool *t = tool_asking(id);
	struct ctm_chan m;
	struct ibuf out;

	(void)ch;
	(void)fd;
	if (get_ctm_chan(b, &m) == -1)
		return -1;
	chan_scratch(&out);
	if (t != NULL && put_ctm_chan(&out, &m) == 0)
		tool_row(t, CTM_ANS_CHAN, &out);
	return 0;
}

static int
on_fd(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct tool *t = tool_asking(id);
	struct ctm_fd m;
	struct ibuf out;

	(void)ch;
	(void)fd;
	if (get_ctm_fd(b, &m) == -1)
		return -1;
	chan_scratch(&out);
	if (t != NULL && put_ctm_fd(&out, &m) == 0)
		tool_row(t, CTM_ANS_FD, &out);
	return 0;
}

static int
on_text(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct tool *t = tool_asking(id);
	struct ctm_text m;
	struct ibuf out;

	(void)ch;
	(void)fd;
	if (get_ctm_text(b, &m) == -1)
		return -1;
	chan_scratch(&out);
	if (t != NULL && t->asks != ASKS_STATS && put_ctm_text(&out, &m) == 0)
		tool_row(t, CTM_ANS_TEXT, &out);
	return 0;
}

static int
on_reloaded(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct tool *t = tool_asking(id);
	struct ctm_reloaded m;

	(void)ch;
	(void)fd;
	if (get_ctm_reloaded(b, &m) == -1)
		return -1;
	if (t != NULL)
		tool_end(t, m.ok ? CT_DONE : CT_FAILED, m.generation);
	return 0;
}

static int
on_end(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct tool *t = tool_asking(id);

	(void)ch;
	(void)b;
	(void)fd;
	if (t != NULL)
		tool_end(t, CT_DONE, t->rows);
	return 0;
}

const struct chan_msg ctld_master_msgs[] = {
	{ CTM_ANS_STATUS, CTM_STATUS_LEN, CTM_STATUS_LEN, FD_NONE, CHAN_ANY,
	    on_status },
	{ CTM_ANS_AUDIT, CTM_AUDIT_MIN, CTM_AUDIT_MAX, FD_NONE, CHAN_ANY,
	    on_audit },
	{ CTM_ANS_CHAN, CTM_CHAN_LEN, CTM_CHAN_LEN, FD_NONE, CHAN_ANY,
	    on_chan },
	{ CTM_ANS_FD, CTM_FD_LEN, CTM_FD_LEN, FD_NONE, CHAN_ANY, on_fd },
	{ CTM_ANS_TEXT, CTM_TEXT_MSG_MIN, CTM_TEXT_MSG_MAX, FD_NONE, CHAN_ANY,
	    on_text },
	{ CTM_ANS_RELOADED, CTM_RELOADED_LEN, CTM_RELOADED_LEN, FD_NONE,
	    CHAN_ANY, on_reloaded },
	{ CTM_ANS_END, 0, 0, FD_NONE, CHAN_ANY, on_end },
};
const size_t ctld_nmaster_msgs =
    sizeof(ctld_master_msgs) / sizeof(ctld_master_msgs[0]);
