/* SPDX-License-Identifier: ISC */
/*
 * Lines of statements: see marks.h.
 */
#include <stdlib.h>

#include <bsd/stdlib.h>

#include "master/marks.h"

int
marks_add(struct marks *m, enum mark_kind kind, uint32_t a, uint32_t b,
    uint32_t line)
{
	struct mark *v;

	/* grown by doubling: a realloc at each power of two */
	if ((m->n & (m->n - 1)) == 0) {
		v = reallocarray(m->v, m->n == 0 ? 1 : m->n * 2, sizeof(*v));
		if (v == NULL)
			return -1;
		m->v = v;
	}
	m->v[m->n++] = (struct mark){ kind, a, b, line };
	return 0;
}

uint32_t
marks_line(const struct marks *m, enum mark_kind kind, uint32_t a, uint32_t b)
{
	size_t i;

	for (i = 0; i < m->n; i++)
		if (m->v[i].kind == kind && m->v[i].a == a && m->v[i].b == b)
			return m->v[i].line;
	return 0;
}

void
marks_free(struct marks *m)
{
	free(m->v);
	m->v = NULL;
	m->n = 0;
}
