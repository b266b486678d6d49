/* SPDX-License-Identifier: ISC */
/*
 * A recipient list: the text of one file, parsed once, looked up by hash.
 * Pure: bytes in, answers out.
 *
 * One recipient a line, "#" starts a comment, blank lines are skipped:
 *
 *	alice                       alice in the domain that names the file
 *	bob@example.com             the same, in full
 *	carol  mail2.corp.example.com [port]    delivered to that host
 *	@example.com                every recipient of that domain
 *
 * Local parts are compared without regard to ASCII case.  Lines that do not
 * parse are reported and left out; the rest of the list serves.
 */
#ifndef DIRD_LIST_H
#define DIRD_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/conf.h"

#define LIST_FILE_MAX (256UL * 1024 * 1024)

struct list;

/*
 * text (len bytes) is taken: owned and freed with the list, also on failure.
 * domain is used for lines without one; lines of another domain are errors.
 * bad is called for each line that does not parse.  NULL: ENOMEM.
 */
struct list *list_parse(char *text, size_t len, const char *domain,
    void (*bad)(void *, uint32_t line, const char *why), void *arg);
void list_free(struct list *);

struct list_answer {
	bool found;
	uint32_t line;
	bool has_host; /* an individual destination */
	struct conf_host host;
};
/* local: canonical text, without quotes where they are not needed */
void list_find(const struct list *, const char *local, struct list_answer *);
uint32_t list_count(const struct list *);
bool list_has_hosts(const struct list *); /* some entry has a destination */

#endif
