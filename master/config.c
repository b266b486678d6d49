/* SPDX-License-Identifier: ISC */
/*
 * Loading a configuration: see config.h.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "master/build.h"
#include "master/config.h"
#include "master/lex.h"

#include "master/parse.h"

/* Whoever can write this file decides where all mail goes. */
static int
check_file(struct config *c, const struct stat *st)
{
	struct report *r = &c->report;

	if (!S_ISREG(st->st_mode))
		report_error(r, 0, "this is not a plain file");
	else if (st->st_size > CONFIG_SIZE_MAX)
		report_error(r, 0, "larger than %d bytes", CONFIG_SIZE_MAX);
	else if ((st->st_mode & S_IWOTH) != 0)
		report_error(r, 0,
		    "everybody may write to this file: "
		    "chmod o-w");
	else if (geteuid() == 0 && st->st_uid != 0)
		report_warning(r, 0,
		    "this file belongs to uid %u, who can "
		    "so decide what root does: chown root",
		    st->st_uid);
	return report_failed(r) ? -1 : 0;
}

static char *
read_all(struct config *c, int fd, size_t size, size_t *len)
{
	char *text = malloc(size + 1);
	ssize_t n;

	*len = 0;
	if (text == NULL) {
		c->report.nomem = true;
		return NULL;
	}
	while (*len <= size) {
		n = read(fd, text + *len, size + 1 - *len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		*len += (size_t)n;
	}
	if (*len > size) {
		report_error(&c->report, 0, "the file grew while it was read");
		free(text);
		return NULL;
	}
	return text;
}

static char *
read_file(struct config *c, size_t *len)
{
	struct stat st;
	char *text = NULL;
	int fd;

	fd = open(c->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd == -1) {
		report_error(&c->report, 0, "%s", strerror(errno));
		return NULL;
	}
	if (fstat(fd, &st) == -1)
		report_error(&c->report, 0, "%s", strerror(errno));
	else if (check_file(c, &st) == 0)
		text = read_all(c, fd, (size_t)st.st_size, len);
	(void)close(fd);
	return text;
}

void
config_parse(struct config *c, const char *text, size_t len)
{
	struct parser *p = calloc(1, sizeof(*p));
	unsigned s, k;

	if (p == NULL) {
		c->report.nomem = true;
		return;
	}
	p->conf = c->conf;
	p->marks = &c->marks;
	p->report = &c->report;
	lex_init(p, text, len);
	(void)yyparse(p);
	build_finish(p);
	conf_seal(c->conf);
	for (s = 0; s < NSIDES; s++)
		for (k = 0; k < 2; k++)
			c->workers_set[s][k] = p->workers[s][k] != 0;
	if (p->nomem)
		c->report.nomem = true;
	lex_free(p);
	free(p);
}

struct config *
config_load(const char *file)
{
	struct config *c = calloc(1, sizeof(*c));
	char *text;
	size_t len;

	if (c == NULL)
		return NULL;
	c->keys = -1;
	report_init(&c->report, c->file);
	c->conf = conf_new();
	if (c->conf == NULL) {
		config_free(c);
		return NULL;
	}
	if (strlcpy(c->file, file, sizeof(c->file)) >= sizeof(c->file)) {
		report_error(&c->report, 0, "this path is too long");
		return c;
	}
	text = read_file(c, &len);
	if (text != NULL)
		config_parse(c, text, len);
	free(text);
	if (!report_failed(&c->report)) {
		config_check(c);
		config_prove(c);
	}
	report_sort(&c->report);
	return c;
}

void
config_free(struct config *c)
{
	if (c == NULL)
		return;
	if (c->keys != -1)
		(void)close(c->keys);
	conf_free(c->conf);
	marks_free(&c->marks);
	report_free(&c->report);
	free(c);
}
