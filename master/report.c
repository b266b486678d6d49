/* SPDX-License-Identifier: ISC */
/*
 * Errors and warnings about a configuration: see report.h.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>

#include "common/base/log.h"
#include "master/report.h"

void
report_init(struct report *r, const char *file)
{
	memset(r, 0, sizeof(*r));
	r->file = file;
}

void
report_free(struct report *r)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		free(r->v[i].text);
	free(r->v);
	report_init(r, r->file);
}

bool
report_failed(const struct report *r)
{
	return r->errors > 0 || r->nomem;
}

static __attribute__((format(printf, 4, 0))) void
report_add(struct report *r, enum report_level level, uint32_t line,
    const char *fmt, va_list ap)
{
	char msg[REPORT_TEXT_MAX], text[REPORT_TEXT_MAX + 300];
	const char *tag = level == REPORT_WARNING ? "warning: " : "";
	struct report_line *v;

	if (level == REPORT_ERROR && ++r->errors > REPORT_ERRORS_MAX)
		return;
	(void)vsnprintf(msg, sizeof(msg), fmt, ap);
	if (line == 0)
		(void)snprintf(text, sizeof(text), "%s: %s%s", r->file, tag,
		    msg);
	else
		(void)snprintf(text, sizeof(text), "%s:%u: %s%s", r->file, line,
		    tag, msg);
	v = reallocarray(r->v, r->n + 1, sizeof(*v));
	if (v == NULL) {
		r->nomem = true;
		return;
	}
	r->v = v;
	v[r->n].level = level;
	v[r->n].line = line;
	v[r->n].text = strdup(text);
	if (v[r->n].text == NULL)
		r->nomem = true;
	else
		r->n++;
}

void
report_error(struct report *r, uint32_t line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report_add(r, REPORT_ERROR, line, fmt, ap);
	va_end(ap);
}

void
report_warning(struct report *r, uint32_t line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report_add(r, REPORT_WARNING, line, fmt, ap);
	va_end(ap);
}

void
report_sort(struct report *r)
{
	struct report_line key;
	size_t i, j;

	/* insertion sort: stable, and there are few lines */
	for (i = 1; i < r->n; i++) {
		key = r->v[i];
		for (j = i; j > 0 && r->v[j - 1].line > key.line; j--)
			r->v[j] = r->v[j - 1];
		r->v[j] = key;
	}
}

void
report_print(const struct report *r, FILE *fp)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		(void)fprintf(fp, "%s\n", r->v[i].text);
	if (r->errors > REPORT_ERRORS_MAX)
		(void)fprintf(fp, "%s: and %zu more errors\n", r->file,
		    r->errors - REPORT_ERRORS_MAX);
	if (r->nomem)
		(void)fprintf(fp, "%s: out of memory\n", r->file);
}

void
report_log(const struct report *r)
{
	struct logline l;
	size_t i;

	for (i = 0; i < r->n; i++) {
		ll_begin(&l,
		    r->v[i].level == REPORT_ERROR ? LOG_L_ERROR : LOG_L_WARN,
		    "config");
		ll_cstr(&l, "text", r->v[i].text);
		ll_send(&l);
	}
}
