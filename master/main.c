/* SPDX-License-Identifier: ISC */
/* posternd: reads the configuration, starts the processes, watches them. */
#include <stdio.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "master/config.h"
#include "master/options.h"

/* -n and -v: say what is wrong, or what would be in force. */
static int
check(const struct options *o)
{
	struct config *c = config_load(o->file);
	int status = EXIT_CONFIG;

	if (c == NULL)
		fatal("configuration");
	report_print(&c->report, stderr);
	if (!report_failed(&c->report)) {
		status = 0;
		if (o->print)
			config_print(c, stdout);
		else
			(void)fprintf(stderr, "configuration OK\n");
	}
	config_free(c);
	if (fflush(stdout) != 0)
		status = EXIT_FAILURE;
	return status;
}

int
main(int argc, char **argv)
{
	struct options o;

	options_parse(&o, argc, argv);
	log_init("posternd", 0);
	return check(&o);
}
