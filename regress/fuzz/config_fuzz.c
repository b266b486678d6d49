/* SPDX-License-Identifier: ISC */
/* link: master/core.a common/msg.a common/smtp.a common/base.a */
/*
 * A configuration file.  What is wrong in it is reported at a line that it
 * has; what is right prints itself in a form that is right, too, prints the
 * same again, and is proven not to relay just as the first.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "master/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static struct config *
parsed(const char *text, size_t len)
{
	struct config *c = calloc(1, sizeof(*c));

	assert(c != NULL);
	c->keys = -1;
	report_init(&c->report, c->file);
	c->conf = conf_new();
	assert(c->conf != NULL);
	config_parse(c, text, len);
	if (!report_failed(&c->report)) {
		/* no files of the host: what they are named does not matter */
		check_sides(c);
		check_tls(c);
		config_prove(c);
	}
	report_sort(&c->report);
	return c;
}

static char *
printed(const struct config *c, size_t *len)
{
	char *text = NULL;
	FILE *fp = open_memstream(&text, len);

	assert(fp != NULL);
	config_print(c, fp);
	assert(fclose(fp) == 0);
	return text;
}

static char *
reported(const struct config *c)
{
	char *text = NULL;
	size_t len;
	FILE *fp = open_memstream(&text, &len);

	assert(fp != NULL);
	report_print(&c->report, fp);
	assert(fclose(fp) == 0);
	return text;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct config *c, *again;
	char *first, *second, *said;
	size_t n1, n2;

	c = parsed((const char *)data, len);
	said = reported(c);
	assert(!report_failed(&c->report) || said[0] != '\0');
	free(said);
	if (!report_failed(&c->report)) {
		first = printed(c, &n1);
		again = parsed(first, n1);
		if (report_failed(&again->report)) {
			(void)fputs(first, stderr);
			report_print(&again->report, stderr);
			abort();
		}
		second = printed(again, &n2);
		assert(n1 == n2 && memcmp(first, second, n1) == 0);
		free(first);
		free(second);
		config_free(again);
	}
	config_free(c);
	return 0;
}
