/* SPDX-License-Identifier: ISC */
/* What the store tells its operator: names, levels, phrases. */
#include "common/base/log.h"
#include "queued/store/internal.h"

static const struct {
	const char *name;
	enum log_level level;
	const char *text;
} events[] = {
	[STORE_EV_TORN] = { "store-torn", LOG_L_INFO,
	    "an unfinished write at the end of the log was cut off" },
	[STORE_EV_CORRUPT] = { "store-corrupt", LOG_L_ERROR,
	    "damaged data in a segment; the segment will be kept aside" },
	[STORE_EV_MISSING] = { "store-missing", LOG_L_ERROR,
	    "a segment that is still needed is not there" },
	[STORE_EV_HEADER] = { "store-header", LOG_L_ERROR,
	    "a segment's header is damaged" },
	[STORE_EV_VERSION] = { "store-version", LOG_L_ERROR,
	    "the spool was written by a later version of this program" },
	[STORE_EV_FOREIGN] = { "store-foreign", LOG_L_WARN,
	    "a segment that does not belong here was set aside" },
	[STORE_EV_ORPHAN] = { "store-orphan", LOG_L_INFO,
	    "a message file that no record names was removed" },
	[STORE_EV_ADOPTED] = { "store-adopted", LOG_L_WARN,
	    "a message whose record is lost was taken from its file" },
	[STORE_EV_LOST] = { "store-lost", LOG_L_ERROR,
	    "a message cannot be read any more" },
	[STORE_EV_POISONED] = { "store-poisoned", LOG_L_ERROR,
	    "writing to the spool failed" },
	[STORE_EV_REFUSING] = { "store-refusing", LOG_L_ERROR,
	    "writing failed twice in ten minutes: no new mail is accepted" },
	[STORE_EV_ACCEPTING] = { "store-accepting", LOG_L_INFO,
	    "ten minutes without a failure: mail is accepted again" },
	[STORE_EV_FULL] = { "store-full", LOG_L_WARN,
	    "no space for another segment" },
	[STORE_EV_COW] = { "store-cow", LOG_L_WARN,
	    "copy-on-write file system: slower, and space cannot be taken "
	    "in advance" },
};

#define NEVENTS (sizeof(events) / sizeof(events[0]))

const char *
store_event_name(enum store_event_kind kind)
{
	if ((size_t)kind >= NEVENTS || events[kind].name == NULL)
		return "store-event";
	return events[kind].name;
}

void
ev_send(struct store *s, enum store_event_kind kind, struct store_event ev)
{
	if (s->cb.event == NULL)
		return;
	ev.kind = kind;
	ev.level = (int)events[kind].level;
	ev.text = events[kind].text;
	s->cb.event(s->cb.arg, &ev);
}
