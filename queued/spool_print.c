/* SPDX-License-Identifier: ISC */
/* Lines for people and objects for programs. */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "common/base/json.h"
#include "queued/spool.h"

const char *const spool_names[SPOOL_STORES] = { "in", "out" };

int
spool_which(const char *name)
{
	int i;

	for (i = 0; i < SPOOL_STORES; i++)
		if (strcmp(name, spool_names[i]) == 0)
			return i;
	return -1;
}

void
spool_complain(const struct spool *sp, const char *fmt, ...)
{
	va_list ap;

	(void)fputs("postern: ", sp->err);
	va_start(ap, fmt);
	(void)vfprintf(sp->err, fmt, ap);
	va_end(ap);
	(void)fputc('\n', sp->err);
}

void
spool_row(const struct spool *sp, const char *store)
{
	(void)fputs("{\"spool\":", sp->out);
	json_quote(sp->out, store);
}

static void
put_key(const struct spool *sp, const char *key)
{
	(void)fprintf(sp->out, ",\"%s\":", key);
}

void
spool_row_str(const struct spool *sp, const char *key, const char *value)
{
	put_key(sp, key);
	json_quote(sp->out, value);
}

void
spool_row_num(const struct spool *sp, const char *key, uint64_t value)
{
	put_key(sp, key);
	(void)fprintf(sp->out, "%" PRIu64, value);
}

void
spool_row_bool(const struct spool *sp, const char *key, bool value)
{
	put_key(sp, key);
	(void)fputs(value ? "true" : "false", sp->out);
}

void
spool_row_end(const struct spool *sp)
{
	(void)fputs("}\n", sp->out);
}
