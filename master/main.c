/* SPDX-License-Identifier: ISC */
/* posternd: reads the configuration, starts the processes, watches them. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/log.h"
#include "master/anchors.h"
#include "master/caps.h"
#include "master/config.h"
#include "master/daemon.h"
#include "master/firewall.h"
#include "master/files.h"
#include "master/host.h"
#include "master/keys.h"
#include "master/netns.h"
#include "master/options.h"
#include "master/selftest.h"
#include "master/topology.h"

/* -n and -v: say what is wrong, or what would be in force. */
static int
check(const struct options *o, struct config *c)
{
	int status = EXIT_CONFIG;

	if (!report_failed(&c->report)) {
		host_check(c, o->libexec, -1, false);
		keys_read(c, o->libexec, false);
		anchors_read(c);
		report_sort(&c->report);
	}
	report_print(&c->report, stderr);
	if (!report_failed(&c->report)) {
		status = 0;
		if (o->print)
			config_print(c, stdout);
		else
			(void)fprintf(stderr, "configuration OK\n");
	}
	config_free(c);
	return status;
}

/* posternd selftest: the attack on the sandboxes by itself. */
static int
selftest(const struct options *o, struct config *c)
{
	const char *name = c->conf->side[SIDE_EXT].netns;
	struct selftest *t = NULL;
	int netns = -1, status = EXIT_FAILURE;

	caps_start();
	if (name[0] != '\0' && (netns = netns_open(name)) == -1)
		fatal("namespace \"%s\"", name);
	if (files_chroot(c) == 0)
		t = selftest_run(c, o->libexec, netns);
	if (t != NULL) {
		selftest_print(t, stdout, o->print);
		selftest_report(t, c, true);
		status = selftest_gained(t) == 0 ? 0 : EXIT_FAILURE;
	}
	report_print(&c->report, stderr);
	selftest_free(t);
	config_free(c);
	return status;
}

static int
firewall(const struct options *o, struct config *c)
{
	int status = EXIT_CONFIG;

	report_print(&c->report, stderr);
	if (!report_failed(&c->report) &&
	    firewall_print(c, o->firewall, stdout) == 0)
		status = 0;
	config_free(c);
	return status;
}

static int
start(const struct options *o, struct config *c)
{
	if (report_failed(&c->report) || !o->selftest)
		report_print(&c->report, stderr);
	if (report_failed(&c->report)) {
		config_free(c);
		return EXIT_CONFIG;
	}
	if (geteuid() != 0)
		fatalx("posternd is started by root: it gives each of its "
		       "processes a user of its own");
	return o->selftest ? selftest(o, c) : daemon_run(o, c);
}

int
main(int argc, char **argv)
{
	struct options o;
	struct config *c;
	int status = 0;

	log_init("posternd", 0);
	options_parse(&o, argc, argv);
	if (o.topology) {
		topo_print(stdout);
	} else {
		c = config_load(o.file);
		if (c == NULL)
			fatal("configuration");
		if (o.firewall != NULL)
			status = firewall(&o, c);
		else
			status = o.check ? check(&o, c) : start(&o, c);
	}
	return fflush(stdout) == 0 ? status : EXIT_FAILURE;
}
