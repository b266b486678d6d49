/* SPDX-License-Identifier: ISC */
/* See page.h. */
#include <sys/utsname.h>

#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "version.h"
#include "common/base/child.h"
#include "common/base/sandbox.h"
#include "postern/page.h"

/* One program on one side, in as many processes as there are workers. */
struct row {
	char name[INSTANCE_MAX];
	const struct declared *first;
	unsigned count;
};

struct rows {
	struct row v[AUDIT_PROCESSES];
	size_t n;
};

static const struct sibling posternd = { "master/posternd", "sbin/posternd",
	PREFIX "/sbin/posternd" };

void
page_escape(FILE *fp, const char *s)
{
	for (; *s != '\0'; s++)
		switch (*s) {
		case '&':
			(void)fputs("&amp;", fp);
			break;
		case '<':
			(void)fputs("&lt;", fp);
			break;
		case '>':
			(void)fputs("&gt;", fp);
			break;
		case '"':
			(void)fputs("&quot;", fp);
			break;
		default:
			(void)fputc(*s, fp);
		}
}

/* --- who is there --- */

static const char *
row_name(const struct peer *p, char buf[INSTANCE_MAX])
{
	(void)snprintf(buf, INSTANCE_MAX, "%s%s%s", proc_name(p->proc),
	    p->side < NSIDES ? "/" : "",
	    p->side < NSIDES ? side_name((enum side)p->side) : "");
	return buf;
}

static void
gather(struct rows *rows, const struct declaration *d)
{
	char name[INSTANCE_MAX];
	size_t i, k;

	rows->n = 0;
	for (i = 0; i < d->n; i++) {
		(void)row_name(&d->v[i].audit.peer, name);
		for (k = 0; k < rows->n; k++)
			if (strcmp(rows->v[k].name, name) == 0)
				break;
		if (k == AUDIT_PROCESSES)
			return;
		if (k == rows->n) {
			(void)strlcpy(rows->v[k].name, name, INSTANCE_MAX);
			rows->v[k].first = &d->v[i];
			rows->v[k].count = 0;
			rows->n++;
		}
		rows->v[k].count++;
	}
}

/* --- the table of channels --- */

static int
parse_wire(struct wire *w, char *line)
{
	char *kind = strsep(&line, " ");

	w->planned = strcmp(kind, "planned") == 0;
	if (!w->planned && strcmp(kind, "edge") != 0)
		return -1;
	w->from = strsep(&line, " ");
	w->to = strsep(&line, " ");
	w->pass = w->planned ? "none" : strsep(&line, " ");
	if (w->to == NULL || w->pass == NULL || line == NULL)
		return -1;
	if (strncmp(w->pass, "pass=", 5) == 0)
		w->pass += 5;
	if (line[0] == '"')
		line++;
	line[strcspn(line, "\"")] = '\0';
	w->what = line;
	return 0;
}

int
wires_parse(struct wires *wires, char *text)
{
	struct wire w, *bigger;
	char *line;

	*wires = (struct wires){ .text = text };
	while ((line = strsep(&text, "\n")) != NULL) {
		if (parse_wire(&w, line) == -1)
			continue;
		bigger = reallocarray(wires->v, wires->n + 1, sizeof(*bigger));
		if (bigger == NULL)
			return -1;
		wires->v = bigger;
		wires->v[wires->n++] = w;
	}
	return 0;
}

void
wires_free(struct wires *wires)
{
	free(wires->v);
	free(wires->text);
	*wires = (struct wires){ 0 };
}

static void
write_wires(FILE *fp, const struct wires *wires)
{
	size_t i;

	(void)fputs("<h2 id=\"channels\">Channels</h2>\n<p>The whole list; "
		    "each process has one to posternd and one to logd "
		    "besides.</p>\n<table><tr><th>from<th>to<th>what<th>"
		    "descriptors</tr>\n",
	    fp);
	for (i = 0; i < wires->n; i++) {
		const struct wire *w = &wires->v[i];

		if (w->planned || strcmp(w->to, "posternd") == 0 ||
		    strcmp(w->to, "logd") == 0)
			continue;
		(void)fputs("<tr><td>", fp);
		page_escape(fp, w->from);
		(void)fputs("<td><code>", fp);
		page_escape(fp, w->to);
		(void)fputs("</code><td>", fp);
		page_escape(fp, w->what);
		(void)fprintf(fp, "<td>%s</tr>\n",
		    strcmp(w->pass, "to") == 0	       ? "go along"
			: strcmp(w->pass, "back") == 0 ? "come back"
						       : "none");
	}
	(void)fputs("</table>\n", fp);
}

/* --- system calls --- */

static void
write_call(FILE *fp, const char *name, const char *cond, const char *why)
{
	(void)fputs("<tr><td>", fp);
	page_escape(fp, name);
	(void)fputs("<td>", fp);
	page_escape(fp, cond);
	(void)fputs("<td>", fp);
	page_escape(fp, why);
	(void)fputs("</tr>\n", fp);
}

#define CALLS_HEAD "<table><tr><th>call<th>only<th>what for</tr>\n"

static void
write_base_calls(FILE *fp)
{
	const struct sandbox_call *calls;
	size_t i, n;

	calls = sandbox_base(&n);
	(void)fputs("<h2 id=\"calls\">System calls of every process</h2>\n"
		    "<p>Any other call, and any other form of these, ends the "
		    "process. Its own ones stand with each.</p>\n" CALLS_HEAD,
	    fp);
	for (i = 0; i < n; i++)
		write_call(fp, calls[i].name, sandbox_cond_text(calls[i].cond),
		    calls[i].why);
	(void)fputs("</table>\n", fp);
}

static bool
is_base(const char *name, const char *cond, const char *why)
{
	const struct sandbox_call *calls;
	size_t i, n;

	calls = sandbox_base(&n);
	for (i = 0; i < n; i++)
		if (strcmp(calls[i].name, name) == 0 &&
		    strcmp(sandbox_cond_text(calls[i].cond), cond) == 0 &&
		    strcmp(calls[i].why, why) == 0)
			return true;
	return false;
}

/* As the program itself tells them: call, condition, reason. */
static int
write_own_calls(FILE *fp, enum proc proc)
{
	char below[64], installed[256], built[64], arg[] = "--calls";
	const struct sibling s = { built, below, installed };
	char name[32], *args[] = { name, arg, NULL }, *text, *rest, *line;
	const char *call, *cond;
	unsigned n = 0;

	(void)strlcpy(name, proc_name(proc), sizeof(name));
	(void)snprintf(built, sizeof(built), "%s/%s", name, name);
	(void)snprintf(below, sizeof(below), "libexec/postern/%s", name);
	(void)snprintf(installed, sizeof(installed), LIBEXECDIR "/%s", name);
	if ((text = rest = sibling_ask(&s, args)) == NULL)
		return -1;
	while ((line = strsep(&rest, "\n")) != NULL) {
		call = strsep(&line, "\t");
		cond = strsep(&line, "\t");
		if (cond == NULL || line == NULL || is_base(call, cond, line))
			continue;
		if (n++ == 0)
			(void)fputs("<h3>System calls of its "
				    "own</h3>\n" CALLS_HEAD,
			    fp);
		write_call(fp, call, cond, line);
	}
	(void)fputs(n > 0 ? "</table>\n"
			  : "<h3>No system call but those of every "
			    "process</h3>\n",
	    fp);
	free(text);
	return 0;
}

/* --- a process --- */

static void
write_caps(FILE *fp, uint64_t caps)
{
	/* those of posternd, capabilities(7) */
	static const struct {
		unsigned number;
		const char *name;
	} names[] = {
		{ 0, "chown" },
		{ 1, "dac_override" },
		{ 3, "fowner" },
		{ 5, "kill" },
		{ 6, "setgid" },
		{ 7, "setuid" },
		{ 8, "setpcap" },
		{ 10, "net_bind_service" },
		{ 13, "net_raw" },
		{ 18, "sys_chroot" },
		{ 21, "sys_admin" },
	};
	unsigned n = 0;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if ((caps & UINT64_C(1) << names[i].number) != 0) {
			(void)fprintf(fp, "%s%s", n++ > 0 ? ", " : "",
			    names[i].name);
			caps &= ~(UINT64_C(1) << names[i].number);
		}
	if (caps != 0)
		(void)fprintf(fp, "%sothers: %llx", n++ > 0 ? ", " : "",
		    (unsigned long long)caps);
	if (n == 0)
		(void)fputs("none", fp);
}

static void
write_peers(FILE *fp, const struct declared *p)
{
	char name[INSTANCE_MAX], last[INSTANCE_MAX] = "";
	unsigned i, n = 0;

	for (i = 0; i < AUDIT_SLOTS; i++) {
		if (!p->has_slot[i] ||
		    strcmp(row_name(&p->slot[i], name), last) == 0)
			continue;
		(void)strlcpy(last, name, sizeof(last));
		(void)fprintf(fp, "%s%s", n++ > 0 ? ", " : "", name);
	}
}

static void
write_descriptors(FILE *fp, const struct declared *p)
{
	static const struct {
		enum child_fd kind;
		const char *text;
	} given[] = {
		{ CHILD_FD_LISTENER, "listening socket" },
		{ CHILD_FD_RCPT_FILE, "recipient file" },
		{ CHILD_FD_LOG_FILE, "log file, append only" },
		{ CHILD_FD_SYSLOG, "socket to syslog" },
		{ CHILD_FD_STDERR, "posternd's stderr" },
		{ CHILD_FD_CONTROL, "control socket" },
		{ CHILD_FD_STATS, "page of counters" },
		{ CHILD_FD_NETNS, "network namespace" },
		{ CHILD_FD_KEYS, "set of keys, sealed" },
	};
	unsigned set = check_working_set(p->audit.peer.proc), i;

	(void)fprintf(fp, "channels in 3 to %u; epoll", 2U + p->audit.nslots);
	for (i = 0; i < sizeof(given) / sizeof(given[0]); i++)
		if (p->fds[given[i].kind] > 0)
			(void)fprintf(fp, "; %s \xc3\x97 %u", given[i].text,
			    p->fds[given[i].kind]);
	if (set == 0)
		return;
	(void)fputs("<br>at work: ", fp);
	for (i = 0; i < KFD_MAX; i++)
		if ((set & 1U << i) != 0 && i != KFD_SOCKET) {
			set &= ~(1U << i);
			(void)fprintf(fp, "%s%s", kfd_name((enum kfd_kind)i),
			    (set & ~(1U << KFD_SOCKET)) != 0 ? ", " : "");
		}
}

static void
write_facts(FILE *fp, const struct declared *p)
{
	bool child = p->audit.instance != CTM_NO_INSTANCE;

	(void)fprintf(fp, "<dl><dt>uid, gid<dd>%u, %u%s", p->proc.uid[1],
	    p->proc.gid[1], p->proc.ngroups == 0 ? "; no other groups" : "");
	(void)fputs("<dt>capabilities<dd>", fp);
	write_caps(fp, p->proc.cap_prm);
	(void)fputs("; bounding set: ", fp);
	write_caps(fp, p->proc.cap_bnd);
	(void)fprintf(fp,
	    "<dt>new privileges<dd>%s<dt>system calls<dd>%s"
	    "<dt>network<dd>",
	    p->proc.no_new_privs == 1 ? "never" : "possible",
	    p->proc.seccomp == 2 ? "by a filter that kills" : "no filter");
	if (p->audit.netns == CTM_NETNS_EMPTY)
		(void)fprintf(fp, "a namespace of its own, %u interfaces",
		    p->proc.interfaces);
	else if (p->audit.netns == CTM_NETNS_NAMED) {
		(void)fputs("namespace ", fp);
		page_escape(fp, netns_text(p));
	} else
		(void)fputs("the host's", fp);
	(void)fputs("<dt>root<dd>", fp);
	page_escape(fp, p->audit.root_dir);
	if (child) {
		(void)fputs("<dt>talks to<dd>", fp);
		write_peers(fp, p);
		(void)fputs("<dt>descriptors<dd>", fp);
		write_descriptors(fp, p);
	}
	(void)fputs("</dl>\n", fp);
}

static void
write_findings(FILE *fp, const struct declaration *d, const char *row)
{
	char name[INSTANCE_MAX], whole[INSTANCE_MAX];
	size_t i, k;

	for (i = 0; i < d->n; i++) {
		const struct declared *p = &d->v[i];

		if (strcmp(row_name(&p->audit.peer, name), row) != 0)
			continue;
		for (k = 0; k < p->findings.n; k++) {
			(void)fprintf(fp, "<p class=\"bad\">%s differs: ",
			    peer_name(&p->audit.peer, whole));
			page_escape(fp, text_clean(p->findings.text[k]));
			(void)fputs("</p>\n", fp);
		}
	}
}

static int
write_process(FILE *fp, const struct declaration *d, const struct row *r)
{
	(void)fprintf(fp, "<section id=\"%s\"><h2>%s", r->name, r->name);
	if (r->count > 1)
		(void)fprintf(fp, " <small>in %u processes</small>", r->count);
	(void)fputs("</h2>\n", fp);
	write_findings(fp, d, r->name);
	(void)fputs("<div class=\"cols\">\n", fp);
	write_facts(fp, r->first);
	(void)fputs("<div><h3>Suppose an attacker owned it</h3><pre>", fp);
	if (page_trust(fp, r->name) == -1)
		(void)fputs("TRUST does not say.", fp);
	(void)fputs("</pre></div>\n</div>\n", fp);
	if (r->first->audit.instance != CTM_NO_INSTANCE &&
	    write_own_calls(fp, r->first->audit.peer.proc) == -1)
		return -1;
	(void)fputs("</section>\n", fp);
	return 0;
}

/* --- the page --- */

/* A note without how long something took, ", 123 ms" at its end. */
static void
write_note(FILE *fp, const char *note)
{
	char text[CTM_TEXT_MAX + 1], *comma;

	(void)strlcpy(text, text_clean(note), sizeof(text));
	comma = strrchr(text, ',');
	if (comma != NULL && comma[1] == ' ' &&
	    strcmp(comma + 2 + strspn(comma + 2, "0123456789"), " ms") == 0)
		*comma = '\0';
	(void)fputs("<p>", fp);
	page_escape(fp, text);
	(void)fputs("</p>\n", fp);
}

static void
write_head(FILE *fp, const struct declaration *d, size_t differences)
{
	struct utsname host;
	size_t i;

	(void)fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
		    "<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
		    "content=\"width=device-width\">\n<meta http-equiv="
		    "\"Content-Security-Policy\" content=\"default-src "
		    "'none'; style-src 'unsafe-inline'\">\n"
		    "<title>Postern: who may do what</title>\n",
	    fp);
	page_style(fp);
	(void)fputs("</head>\n<body>\n<h1>Postern: who may do what</h1>\n"
		    "<p class=\"dim\">Version " POSTERN_VERSION,
	    fp);
	if (uname(&host) == 0) {
		(void)fputs(" on ", fp);
		page_escape(fp, host.nodename);
		(void)fputs(", Linux ", fp);
		page_escape(fp, host.release);
	}
	(void)fprintf(fp, ". %zu processes.</p>\n", d->n);
	if (differences == 0)
		(void)fputs("<p class=\"good\">All is as declared.</p>\n", fp);
	else
		(void)fprintf(fp,
		    "<p class=\"bad\">%zu difference%s from what is "
		    "declared, named below.</p>\n",
		    differences, differences == 1 ? "" : "s");
	for (i = 0; i < d->nnotes && i < AUDIT_NOTES; i++)
		write_note(fp, d->note[i]);
}

static const char legend[] =
    "<p class=\"dim\">A line is a channel, a thick one hands out "
    "descriptors, where it points to; nothing else joins two processes, and "
    "no line joins the two sides. Each process has a channel to posternd, "
    "which starts and watches it, and one to logd. Only connd is in a "
    "network.</p>\n";

int
page_write(FILE *fp, const struct declaration *d, size_t differences)
{
	static char name[] = "posternd", arg[] = "--topology";
	static struct rows rows;
	const char *names[AUDIT_PROCESSES];
	char *args[] = { name, arg, NULL };
	struct wires wires;
	char *text;
	size_t i;
	int rc = 0;

	if ((text = sibling_ask(&posternd, args)) == NULL)
		return -1;
	rc = wires_parse(&wires, text);
	gather(&rows, d);
	for (i = 0; i < rows.n; i++)
		names[i] = rows.v[i].name;
	write_head(fp, d, differences);
	page_graph(fp, &wires, names, rows.n);
	(void)fputs(legend, fp);
	for (i = 0; i < rows.n && rc == 0; i++)
		rc = write_process(fp, d, &rows.v[i]);
	write_base_calls(fp);
	write_wires(fp, &wires);
	(void)fputs("</body>\n</html>\n", fp);
	wires_free(&wires);
	return rc;
}
