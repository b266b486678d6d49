/* SPDX-License-Identifier: ISC */
/*
 * What recovery tells about a spool, what it means for the mail in it, and
 * what the operator can do.  The store tells what it sees when it sees it;
 * whether a message is lost by it is known at the end.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>

#include "common/base/log.h"
#include "queued/spool.h"
#include "queued/store/record.h"

#define ACT_COPY                                                               \
	"if there is a copy of it, put that in its place while posternd is "   \
	"stopped"
#define ACT_NONE "nothing"

static const char *const record_names[] = { "unknown", "message", "file",
	"moved", "state", "done", "start", "tail" };

static const char *
record_name(uint16_t type)
{
	return type < sizeof(record_names) / sizeof(record_names[0])
	    ? record_names[type]
	    : "later";
}

/* --- collecting --- */

void
spool_damage_event(void *arg, const struct store_event *ev)
{
	struct spool_damages *d = arg;
	struct spool_damage *list;
	size_t cap;

	if (ev->kind == STORE_EV_VERSION)
		d->later = ev->version;
	if (d->n == d->cap) {
		cap = d->cap * 2 + 16;
		list = reallocarray(d->list, cap, sizeof(*list));
		if (list == NULL) {
			d->failed = true;
			return;
		}
		d->list = list;
		d->cap = cap;
	}
	d->list[d->n++] = (struct spool_damage){ .ev = *ev };
	if (ev->kind == STORE_EV_ADOPTED)
		for (cap = 0; cap < d->n; cap++)
			if (d->list[cap].ev.id == ev->id)
				d->list[cap].adopted = true;
}

void
spool_damage_done(void *arg, uint64_t id)
{
	struct spool_damages *d = arg;
	size_t i;

	for (i = 0; i < d->n; i++)
		if (d->list[i].ev.id == id)
			d->list[i].done = true;
}

void
spool_damage_live(void *arg, const struct store_msg *m)
{
	struct spool_damages *d = arg;
	size_t i;

	for (i = 0; i < d->n; i++)
		if (d->list[i].ev.id == m->loc.id)
			d->list[i].live = true;
}

static bool
holds(const struct spool_damages *d, const struct store_event *ev)
{
	const struct store_event *o;
	size_t i;

	for (i = 0; i < d->n; i++) {
		o = &d->list[i].ev;
		if (o->kind == ev->kind && o->segment == ev->segment &&
		    o->offset == ev->offset && o->id == ev->id)
			return true;
	}
	return false;
}

void
spool_damages_both(struct spool_damages *d, const struct spool_damages *other)
{
	size_t i, n = 0;

	for (i = 0; i < d->n; i++)
		if (holds(other, &d->list[i].ev))
			d->list[n++] = d->list[i];
	d->n = n;
}

void
spool_damages_free(struct spool_damages *d)
{
	free(d->list);
	memset(d, 0, sizeof(*d));
}

/* --- judging --- */

static struct spool_verdict
judge_message(const struct spool_damage *d, const char *what)
{
	struct spool_verdict v = { true, true, what, NULL, ACT_NONE };

	if (d->live)
		v.comes = "another record of the message is sound: it is not "
			  "lost";
	else if (d->adopted)
		v.comes = "the message is taken from its file when posternd "
			  "starts; recipients that had it may get it again";
	else if (d->done)
		v.comes = "the message was done with: nothing is lost";
	else {
		v.comes = "the message is lost";
		v.act = ACT_COPY;
	}
	return v;
}

static struct spool_verdict
judge_change(const struct spool_damage *d, const char *what, const char *comes)
{
	struct spool_verdict v = { true, true, what, comes, ACT_NONE };

	if (!d->live)
		v.comes = "its message is done with: nothing is lost";
	return v;
}

static struct spool_verdict
judge_record(const struct spool_damage *d)
{
	static const char what[] = "damaged data";

	if (d->ev.harmless)
		return (struct spool_verdict){ true, true,
			"damaged padding behind a record",
			"the record is sound: nothing is lost", ACT_NONE };
	switch (d->ev.record) {
	case REC_MSG:
	case REC_FILE:
	case REC_MOVED:
		return judge_message(d, "damaged record of a message");
	case REC_STATE:
		return judge_change(d, "damaged record of a result",
		    "that result is forgotten: recipients may get the message "
		    "again");
	case REC_DONE:
		return judge_change(d, "damaged record of an end",
		    "the message is delivered again");
	case REC_START:
	case REC_TAIL:
		return (struct spool_verdict){ true, true,
			"damaged record of the log itself",
			"no message is lost by it", ACT_NONE };
	default:
		break;
	}
	if (d->ev.id != 0)
		return judge_message(d, what);
	return (struct spool_verdict){ true, true, what,
		"what stood there is not known: messages may be lost, or "
		"delivered again",
		ACT_COPY };
}

static struct spool_verdict
judge_segment(const struct spool_damage *d)
{
	bool harmless = d->ev.harmless;

	switch ((unsigned)d->ev.kind) {
	case STORE_EV_HEADER:
		if (harmless)
			return (struct spool_verdict){ true, true,
				"the segment's header is damaged",
				"all behind it can be read: nothing is lost",
				ACT_NONE };
		return (struct spool_verdict){ true, true,
			"nothing of the segment can be read",
			"what stood in it is lost; it is set aside as bad.*",
			ACT_COPY };
	case STORE_EV_FOREIGN:
		if (harmless)
			return (struct spool_verdict){ false, true,
				"a segment that does not belong here",
				"it is set aside as bad.*", ACT_NONE };
		return (struct spool_verdict){ true, true,
			"another segment stands in its place",
			"what stood in it is lost", ACT_COPY };
	default:
		return (struct spool_verdict){ true, true,
			"a segment that is still needed is not there",
			"what stood in it is lost, except what is in files "
			"below msg",
			"if it was moved or is in a backup, put it back while "
			"posternd is stopped" };
	}
}

struct spool_verdict
spool_judge(const struct spool_damage *d)
{
	switch ((unsigned)d->ev.kind) {
	case STORE_EV_CORRUPT:
		return judge_record(d);
	case STORE_EV_MISSING:
	case STORE_EV_HEADER:
	case STORE_EV_FOREIGN:
		return judge_segment(d);
	case STORE_EV_VERSION:
		return (struct spool_verdict){ true, true,
			"the segment was made by a later Postern",
			"nothing of the spool is touched",
			"use the Postern that made it" };
	case STORE_EV_LOST:
		return (struct spool_verdict){ true, true,
			"the file of a message is damaged or not there",
			"the message cannot be delivered", ACT_COPY };
	case STORE_EV_TORN:
		return (struct spool_verdict){ false, false,
			"an unfinished write at the end of the log",
			"nothing that was acknowledged was in it", ACT_NONE };
	case STORE_EV_ADOPTED:
		return (struct spool_verdict){ false, true,
			"a message's file of which the record is lost",
			"it is taken up when posternd starts", ACT_NONE };
	case STORE_EV_ORPHAN:
		return (struct spool_verdict){ false, false,
			"a message's file that no record names",
			"it is not part of the queue", ACT_NONE };
	default:
		return (struct spool_verdict){ false, false, d->ev.text,
			"no message is lost by it", ACT_NONE };
	}
}

/* --- telling --- */

static void
print_json(const struct spool *sp, const char *store,
    const struct spool_damage *d, const struct spool_verdict *v)
{
	char id[MSGID_STRLEN];

	spool_row(sp, store);
	spool_row_str(sp, "event", store_event_name(d->ev.kind));
	spool_row_bool(sp, "damage", v->bad);
	if (d->ev.segment != 0) {
		spool_row_num(sp, "segment", d->ev.segment);
		spool_row_num(sp, "offset", d->ev.offset);
		spool_row_num(sp, "length", d->ev.length);
	}
	if (d->ev.record != 0)
		spool_row_str(sp, "record", record_name(d->ev.record));
	if (d->ev.id != 0)
		spool_row_str(sp, "id", msgid_fmt(d->ev.id, id));
	if (d->ev.error != 0)
		spool_row_str(sp, "error", strerror(d->ev.error));
	spool_row_str(sp, "what", v->what);
	spool_row_str(sp, "consequence", v->comes);
	spool_row_str(sp, "action", v->act);
	spool_row_end(sp);
}

static void
print_text(const struct spool *sp, const char *store,
    const struct spool_damage *d, const struct spool_verdict *v)
{
	const char *label = v->bad ? "damage" : "note";
	char id[MSGID_STRLEN];

	(void)fprintf(sp->out, "%s: %s:", store, label);
	if (d->ev.segment != 0)
		(void)fprintf(sp->out, " seg.%08" PRIu32, d->ev.segment);
	if (d->ev.offset != 0)
		(void)fprintf(sp->out, " offset %" PRIu64, d->ev.offset);
	if (d->ev.length != 0)
		(void)fprintf(sp->out, " length %" PRIu64, d->ev.length);
	if (d->ev.id != 0)
		(void)fprintf(sp->out, " message %s", msgid_fmt(d->ev.id, id));
	(void)fprintf(sp->out, "%s%s",
	    d->ev.segment != 0 || d->ev.id != 0 ? ": " : " ", v->what);
	if (d->ev.error != 0 && d->ev.kind != STORE_EV_VERSION)
		(void)fprintf(sp->out, " (%s)", strerror(d->ev.error));
	(void)fprintf(sp->out, "; %s", v->comes);
	if (v->bad)
		(void)fprintf(sp->out, "; to do: %s", v->act);
	(void)fputc('\n', sp->out);
}

void
spool_damage_print(const struct spool *sp, const char *store,
    const struct spool_damage *d)
{
	struct spool_verdict v = spool_judge(d);

	if (!v.bad && !v.notable && !sp->verbose)
		return;
	if (sp->json)
		print_json(sp, store, d, &v);
	else
		print_text(sp, store, d, &v);
}

bool
spool_damages_print(const struct spool *sp, const char *store,
    const struct spool_damages *d)
{
	bool bad = false;
	size_t i;

	for (i = 0; i < d->n; i++) {
		spool_damage_print(sp, store, &d->list[i]);
		bad |= spool_judge(&d->list[i]).bad;
	}
	return bad;
}
