/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <unistd.h>

#include <bsd/stdlib.h>

#include "common/base/log.h"
#include "ctld/ctld.h"

#define PAGES_MAX 256

static const uint64_t *pages[PAGES_MAX];

/* The page of an instance outlives its process: counters go on counting. */
void
pages_set(uint32_t instance, int fd)
{
	if (instance >= PAGES_MAX || pages[instance] != NULL) {
		(void)close(fd);
		return;
	}
	if ((pages[instance] = stats_map(fd)) == NULL)
		log_warn("statistics page");
}

bool
pages_read(uint32_t instance, struct ct_stats *s)
{
	unsigned i;

	if (instance >= PAGES_MAX || pages[instance] == NULL)
		return false;
	for (i = 0; i < STAT_MAX; i++)
		s->value[i] = stats_read(pages[instance], (enum counter)i);
	return true;
}
