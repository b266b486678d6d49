/* SPDX-License-Identifier: ISC */
/*
 * postern audit: what the topology declares of every process, held against
 * the kernel.  Under load descriptors come and go between two looks, so a
 * difference counts only when it is there on each of several.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "common/base/child.h"
#include "common/base/fdio.h"
#include "postern/audit.h"
#include "postern/kernel.h"
#include "postern/page.h"

#define LOOKS 4

/* --- what is declared --- */

static struct declared *
find(struct declaration *d, uint32_t instance)
{
	size_t i;

	for (i = 0; i < d->n; i++)
		if (d->v[i].audit.instance == instance)
			return &d->v[i];
	return NULL;
}

static int
add_audit(struct declaration *d, struct ibuf *b)
{
	struct declared *p;

	p = reallocarray(d->v, d->n + 1, sizeof(*p));
	if (p == NULL)
		return -1;
	d->v = p;
	p = &d->v[d->n];
	memset(p, 0, sizeof(*p));
	if (get_ctm_audit(b, &p->audit) == -1)
		return -1;
	d->n++;
	return 0;
}

static int
add_chan(struct declaration *d, struct ibuf *b)
{
	struct declared *p;
	struct ctm_chan m;

	if (get_ctm_chan(b, &m) == -1 || (p = find(d, m.instance)) == NULL ||
	    m.slot >= AUDIT_SLOTS)
		return -1;
	p->slot[m.slot] = m.peer;
	p->has_slot[m.slot] = true;
	return 0;
}

static int
add_fd(struct declaration *d, struct ibuf *b)
{
	struct declared *p;
	struct ctm_fd m;

	if (get_ctm_fd(b, &m) == -1 || (p = find(d, m.instance)) == NULL ||
	    m.kind >= AUDIT_KINDS)
		return -1;
	p->fds[m.kind] = m.count;
	return 0;
}

static int
on_row(void *arg, uint16_t type, struct ibuf *b)
{
	struct declaration *d = arg;
	struct ctm_text t;

	switch (type) {
	case CTM_ANS_AUDIT:
		return add_audit(d, b);
	case CTM_ANS_CHAN:
		return add_chan(d, b);
	case CTM_ANS_FD:
		return add_fd(d, b);
	case CTM_ANS_TEXT:
		if (get_ctm_text(b, &t) == -1)
			return -1;
		(void)strlcpy(d->note[d->nnotes % AUDIT_NOTES], t.text,
		    sizeof(d->note[0]));
		d->nnotes++;
		return 0;
	default:
		return -1;
	}
}

static void
forget(struct declaration *d)
{
	size_t i;

	for (i = 0; i < d->n; i++) {
		free(d->v[i].kfds);
		findings_free(&d->v[i].findings);
	}
	free(d->v);
	memset(d, 0, sizeof(*d));
}

/* --- looking --- */

/* What a process has that ended between the question and the look. */
static bool
is_gone(int error)
{
	return error == ENOENT || error == ESRCH;
}

static int
look(struct declaration *d)
{
	pid_t pids[AUDIT_PROCESSES];
	size_t i, n = 0;
	ssize_t k;

	for (i = 0; i < d->n && n < AUDIT_PROCESSES; i++)
		if (d->v[i].audit.netns != CTM_NETNS_EMPTY)
			pids[n++] = (pid_t)d->v[i].audit.pid;
	for (i = 0; i < d->n; i++) {
		d->v[i].there =
		    kproc_read((pid_t)d->v[i].audit.pid, &d->v[i].proc) == 0;
		if (!d->v[i].there && !is_gone(errno))
			return -1;
	}
	if (ksock_load(pids, n) == -1)
		return -1;
	for (i = 0; i < d->n; i++) {
		if (!d->v[i].there)
			continue;
		k = kfd_list((pid_t)d->v[i].audit.pid, &d->v[i].kfds);
		if (k == -1 && !is_gone(errno))
			return -1;
		d->v[i].there = k != -1;
		d->v[i].nkfds = k > 0 ? (size_t)k : 0;
	}
	return 0;
}

static size_t
examine(struct declaration *d)
{
	size_t i, total = 0;

	for (i = 0; i < d->n; i++) {
		if (d->v[i].there)
			check_process(d, &d->v[i]);
		else
			finding(&d->v[i].findings, "the process is gone");
	}
	check_strangers(d);
	for (i = 0; i < d->n; i++)
		total += d->v[i].findings.n;
	return total;
}

/* Keep of now what stood in before, by process and words. */
static size_t
intersect(struct declaration *now, const struct declaration *before)
{
	size_t i, j, total = 0;

	for (i = 0; i < now->n; i++) {
		for (j = 0; j < before->n; j++)
			if (before->v[j].audit.instance ==
			    now->v[i].audit.instance)
				break;
		findings_keep(&now->v[i].findings,
		    j < before->n ? &before->v[j].findings : NULL);
		total += now->v[i].findings.n;
	}
	return total;
}

/* -1: it could not be asked or read; else the number of differences */
static ssize_t
one_look(struct declaration *d)
{
	struct ct_end end;
	size_t i;

	memset(d, 0, sizeof(*d));
	if (ask(CT_REQ_AUDIT, NULL, on_row, d, &end) == -1 ||
	    ask_status(&end, "audit") != 0)
		return -1;
	for (i = 0; i < d->n; i++)
		if (d->v[i].audit.instance == CTM_NO_INSTANCE &&
		    kernel_join_netns((pid_t)d->v[i].audit.pid) == -1)
			break;
	if (i < d->n || look(d) == -1) {
		warn("looking at the processes (this needs root)");
		return -1;
	}
	return (ssize_t)examine(d);
}

/* --- printing --- */

const char *
netns_text(const struct declared *p)
{
	switch (p->audit.netns) {
	case CTM_NETNS_EMPTY:
		return "empty";
	case CTM_NETNS_NAMED:
		return p->audit.netns_name;
	default:
		return "host";
	}
}

static void
print_json(const struct declared *p)
{
	char name[INSTANCE_MAX], hex[32];
	size_t i;

	json_begin();
	json_str("process", peer_name(&p->audit.peer, name));
	json_num("pid", p->audit.pid);
	json_num("uid", p->proc.uid[1]);
	json_num("gid", p->proc.gid[1]);
	json_num("groups", p->proc.ngroups);
	(void)snprintf(hex, sizeof(hex), "%016llx",
	    (unsigned long long)p->proc.cap_eff);
	json_str("capabilities", hex);
	(void)snprintf(hex, sizeof(hex), "%016llx",
	    (unsigned long long)p->proc.cap_bnd);
	json_str("bounding", hex);
	json_bool("no_new_privs", p->proc.no_new_privs != 0);
	json_num("seccomp", p->proc.seccomp);
	json_num("seccomp_filters", p->proc.filters);
	json_str("netns", netns_text(p));
	json_num("netns_inode", p->proc.netns);
	json_str("root", p->audit.root_dir);
	json_num("descriptors", p->nkfds);
	json_list("talks_to");
	for (i = 0; i < AUDIT_SLOTS; i++)
		if (p->has_slot[i])
			json_elem(peer_name(&p->slot[i], name));
	json_list_end();
	json_list("differences");
	for (i = 0; i < p->findings.n; i++)
		json_elem(p->findings.text[i]);
	json_list_end();
	json_bool("ok", p->findings.n == 0);
	json_end();
}

static void
print_talks(const struct declared *p)
{
	char name[INSTANCE_MAX];
	unsigned i, n = 0;

	for (i = 2; i < AUDIT_SLOTS; i++)
		if (p->has_slot[i])
			(void)printf("%s%s", n++ > 0 ? " " : "",
			    peer_name(&p->slot[i], name));
	(void)putchar('\n');
}

static void
print_text(const struct declared *p, bool first)
{
	char name[INSTANCE_MAX];
	size_t i;

	if (first)
		(void)printf("%-16s %7s %6s %-6s %-4s %-4s %-7s %-4s %s\n",
		    "PROCESS", "PID", "UID", "NETNS", "CAPS", "NNP", "SECCOMP",
		    "FDS", "TALKS TO (beside posternd and logd)");
	(void)printf("%-16s %7u %6u %-6s %-4s %-4s %-7s %-4zu ",
	    peer_name(&p->audit.peer, name), p->audit.pid, p->proc.uid[1],
	    netns_text(p), p->proc.cap_prm == 0 ? "none" : "some",
	    p->proc.no_new_privs ? "yes" : "no",
	    p->proc.seccomp == 2 ? "filter" : "no", p->nkfds);
	print_talks(p);
	for (i = 0; i < p->findings.n; i++)
		(void)printf("    DIFFERS: %s\n",
		    text_clean(p->findings.text[i]));
}

static void
print_note(const char *note, bool json)
{
	if (!json) {
		(void)printf("NOTE: %s\n", text_clean(note));
		return;
	}
	json_begin();
	json_str("note", note);
	json_end();
}

static void
print(const struct declaration *d, bool json, size_t total)
{
	size_t i;

	for (i = 0; i < d->n; i++)
		if (json)
			print_json(&d->v[i]);
		else
			print_text(&d->v[i], i == 0);
	for (i = 0; i < d->nnotes && i < AUDIT_NOTES; i++)
		print_note(d->note[i], json);
	if (json)
		return;
	if (total == 0)
		(void)printf("%zu processes, all as declared\n", d->n);
	else
		(void)printf("%zu processes, %zu difference%s\n", d->n, total,
		    total == 1 ? "" : "s");
}

/*
 * To a file of its own; "-": standard output.  The page is made whole before
 * the file is touched.
 */
static int
write_page(const char *path, const struct declaration *d, size_t total)
{
	char *text = NULL;
	size_t len = 0;
	FILE *fp = open_memstream(&text, &len);
	int fd, rc = fp == NULL ? -1 : page_write(fp, d, total);

	if (fp == NULL || fclose(fp) == EOF) {
		warn("the page");
		rc = -1;
	}
	if (rc == -1) {
		free(text);
		return -1;
	}
	fd = strcmp(path, "-") == 0
	    ? dup(STDOUT_FILENO)
	    : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
		  0644);
	if (fd == -1 || fd_write_all(fd, text, len) == -1) {
		warn("%s", path);
		rc = -1;
	}
	if (fd != -1 && close(fd) == -1 && rc == 0) {
		warn("%s", path);
		rc = -1;
	}
	free(text);
	return rc;
}

int
cmd_audit(int argc, char **argv, bool json)
{
	static struct declaration now, before;
	const char *page = NULL;
	ssize_t total;
	int i;

	if (argc == 2 && strcmp(argv[0], "--html") == 0 && !json)
		page = argv[1];
	else if (argc > 0)
		return EXIT_USE;
	total = one_look(&now);
	for (i = 1; i < LOOKS && total > 0; i++) {
		before = now;
		if (one_look(&now) == -1)
			return EXIT_ASK;
		total = (ssize_t)intersect(&now, &before);
		forget(&before);
	}
	if (total == -1)
		return EXIT_ASK;
	if (page == NULL)
		print(&now, json, (size_t)total);
	else if (write_page(page, &now, (size_t)total) == -1)
		return EXIT_ASK;
	forget(&now);
	return total > 0 ? EXIT_NO : 0;
}
