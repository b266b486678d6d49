/* SPDX-License-Identifier: ISC */
/*
 * The list of an export, written last: with it the export is whole.  Lines of
 * a name, a colon, a space and words; the last one is a checksum of all before
 * it.  See spool(5).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>

#include "common/base/civil.h"
#include "common/base/log.h"
#include "queued/spool.h"
#include "queued/store/crc32c.h"

#define FIRST	  "Postern-Export: 1\n"
#define LAST_LEN  (sizeof("End: 01234567\n") - 1)
#define WORDS_MAX 6

const char *
spool_entry_name(char name[SPOOL_NAME_MAX], uint64_t id, const char *suffix)
{
	char str[MSGID_STRLEN];

	(void)snprintf(name, SPOOL_NAME_MAX, "%s%s", msgid_fmt(id, str),
	    suffix);
	return name;
}

int
spool_manifest_add(struct spool_manifest *mf, const struct spool_entry *e)
{
	struct spool_entry *list;
	size_t cap;

	if (mf->n == mf->cap) {
		cap = mf->cap * 2 + 256;
		list = reallocarray(mf->list, cap, sizeof(*list));
		if (list == NULL)
			return -1;
		mf->list = list;
		mf->cap = cap;
	}
	mf->list[mf->n++] = *e;
	return 0;
}

void
spool_manifest_free(struct spool_manifest *mf)
{
	free(mf->list);
	memset(mf, 0, sizeof(*mf));
}

/* --- writing --- */

static void
put_entry(struct spool_file *f, const struct spool_entry *e)
{
	char id[MSGID_STRLEN];

	spool_file_print(f,
	    "Message: %s %s %" PRIu64 " %08" PRIx32 " %" PRIu64 " %08" PRIx32
	    "\n",
	    spool_names[e->store], msgid_fmt(e->id, id), e->size, e->crc,
	    e->env_size, e->env_crc);
}

int
spool_manifest_write(const struct spool *sp, const struct spool_manifest *mf)
{
	struct spool_file f;
	uint64_t bytes = 0;
	struct civil c;
	size_t i;

	if (spool_file_begin(&f, sp->target, SPOOL_MANIFEST) == -1)
		return -1;
	civil_utc(mf->created / 1000, &c);
	spool_file_print(&f, FIRST "Export-Id: %016" PRIx64 "\n",
	    mf->export_id);
	spool_file_print(&f, "Created: %04u-%02u-%02uT%02u:%02u:%02uZ\n",
	    c.year, c.month, c.day, c.hour, c.minute, c.second);
	for (i = 0; i < mf->n; i++) {
		put_entry(&f, &mf->list[i]);
		bytes += mf->list[i].size;
	}
	spool_file_print(&f, "Messages: %zu\nBytes: %" PRIu64 "\n", mf->n,
	    bytes);
	spool_file_print(&f, "End: %08" PRIx32 "\n", f.crc);
	return spool_file_end(&f);
}

/* --- reading --- */

static int
get_number(const char *s, int base, uint64_t max, uint64_t *v)
{
	char *end;

	if (*s == '\0' || *s == '-' || *s == '+' || *s == ' ')
		return -1;
	errno = 0;
	*v = strtoull(s, &end, base);
	return errno != 0 || *end != '\0' || *v > max ? -1 : 0;
}

static int
parse_message(struct spool_manifest *mf, char *const *w, size_t n)
{
	struct spool_entry e = { 0 };
	uint64_t crc, env_crc;
	int which;

	if (n != 6 || (which = spool_which(w[0])) == -1 ||
	    msgid_parse(w[1], &e.id) == -1 || e.id == 0 ||
	    get_number(w[2], 10, INT64_MAX, &e.size) == -1 ||
	    get_number(w[3], 16, UINT32_MAX, &crc) == -1 ||
	    get_number(w[4], 10, INT64_MAX, &e.env_size) == -1 ||
	    get_number(w[5], 16, UINT32_MAX, &env_crc) == -1)
		return -1;
	e.store = (uint8_t)which;
	e.crc = (uint32_t)crc;
	e.env_crc = (uint32_t)env_crc;
	return spool_manifest_add(mf, &e);
}

static int
parse_line(struct spool_manifest *mf, char *line)
{
	char *words[WORDS_MAX + 1] = { line }, *word;
	size_t n = 0;
	uint64_t v;

	while (n <= WORDS_MAX && (word = strsep(&line, " ")) != NULL)
		words[n++] = word;
	if (strcmp(words[0], "Message:") == 0)
		return parse_message(mf, words + 1, n - 1);
	if (strcmp(words[0], "Export-Id:") == 0)
		return n == 2
		    ? get_number(words[1], 16, UINT64_MAX, &mf->export_id)
		    : -1;
	if (strcmp(words[0], "Messages:") == 0)
		return n == 2 && get_number(words[1], 10, SIZE_MAX, &v) == 0 &&
			v == mf->n
		    ? 0
		    : -1;
	return 0; /* for people, or of a later program */
}

static bool
is_whole(const char *text, size_t len)
{
	char last[LAST_LEN + 1];

	if (len < sizeof(FIRST) - 1 + LAST_LEN || memchr(text, 0, len) != NULL)
		return false;
	(void)snprintf(last, sizeof(last), "End: %08" PRIx32 "\n",
	    crc32c(0, text, len - LAST_LEN));
	return memcmp(text + len - LAST_LEN, last, LAST_LEN) == 0;
}

static int
parse(struct spool_manifest *mf, char *text, size_t len)
{
	char *line;

	if (!is_whole(text, len))
		return -1;
	if (strncmp(text, FIRST, sizeof(FIRST) - 1) != 0)
		return -1;
	text[len - LAST_LEN] = '\0';
	while ((line = strsep(&text, "\n")) != NULL)
		if (parse_line(mf, line) == -1)
			return -1;
	return mf->export_id != 0 ? 0 : -1;
}

int
spool_manifest_read(const struct spool *sp, struct spool_manifest *mf)
{
	size_t len;
	uint8_t *text = spool_file_read(sp->target, SPOOL_MANIFEST, &len);
	int r;

	memset(mf, 0, sizeof(*mf));
	if (text == NULL) {
		spool_complain(sp, "%s: %s%s", SPOOL_MANIFEST, strerror(errno),
		    errno == ENOENT ? ": no export, or one that was cut off"
				    : "");
		return -1;
	}
	r = parse(mf, (char *)text, len);
	free(text);
	if (r == -1) {
		spool_complain(sp, "%s is damaged or of a later version",
		    SPOOL_MANIFEST);
		spool_manifest_free(mf);
	}
	return r;
}
