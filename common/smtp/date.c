/* SPDX-License-Identifier: ISC */
/* RFC 5322 dates by the proleptic Gregorian calendar. */
#include "common/smtp/date.h"

#define DAY_S 86400
/* from 1 March of year 0 to 1 January 1970, and in 400 years */
#define EPOCH_DAYS 719468
#define ERA_DAYS   146097

static const char days[7][4] = { "Thu", "Fri", "Sat", "Sun", "Mon", "Tue",
	"Wed" };
static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
	"Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

struct ymd {
	uint64_t year;
	uint64_t month; /* 0 to 11 */
	uint64_t day;
};

/*
 * A year that begins in March has its leap day at the end, so that a month's
 * first day is a linear function of its number: 153 days in five months.
 */
static struct ymd
civil(uint64_t unix_days)
{
	uint64_t day = unix_days + EPOCH_DAYS;
	uint64_t era = day / ERA_DAYS;
	uint64_t of_era = day % ERA_DAYS;
	uint64_t year = (of_era - of_era / 1460 + of_era / 36524 -
			    of_era / (ERA_DAYS - 1)) /
	    365;
	uint64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	uint64_t march = (5 * of_year + 2) / 153;
	struct ymd d;

	d.day = of_year - (153 * march + 2) / 5 + 1;
	d.month = (march + 2) % 12;
	d.year = era * 400 + year + (d.month < 2 ? 1 : 0);
	return d;
}

static void
put_zone(struct smtp_outbuf *o, int offset)
{
	uint64_t minutes = (uint64_t)(offset < 0 ? -offset : offset);

	smtp_put_char(o, offset < 0 ? '-' : '+');
	smtp_put_number(o, minutes / 60 * 100 + minutes % 60, 4);
}

void
smtp_put_date(struct smtp_outbuf *o, int64_t when, int offset)
{
	int64_t shifted = when + (int64_t)offset * 60;
	uint64_t local = shifted > 0 ? (uint64_t)shifted : 0;
	uint64_t second = local % DAY_S;
	struct ymd d = civil(local / DAY_S);

	smtp_put(o, days[local / DAY_S % 7], 3);
	smtp_put_str(o, ", ");
	smtp_put_number(o, d.day, 0);
	smtp_put_char(o, ' ');
	smtp_put(o, months[d.month], 3);
	smtp_put_char(o, ' ');
	smtp_put_number(o, d.year, 4);
	smtp_put_char(o, ' ');
	smtp_put_number(o, second / 3600, 2);
	smtp_put_char(o, ':');
	smtp_put_number(o, second / 60 % 60, 2);
	smtp_put_char(o, ':');
	smtp_put_number(o, second % 60, 2);
	smtp_put_char(o, ' ');
	put_zone(o, offset);
}
