/* SPDX-License-Identifier: ISC */
/*
 * queued check|export|import: started by the operator, through postern(8),
 * never by posternd.  The directories are opened as root; all the rest is done
 * as the owner of the spool, with nothing but these directories in reach.
 */
#include <sys/file.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/privdrop.h"

#include "queued/spool.h"
#include "version.h"

#define DEFAULT_DIR LOCALSTATEDIR "/spool/postern"

enum verb { V_CHECK, V_EXPORT, V_IMPORT };
static const char *const verbs[] = { "check", "export", "import" };

struct job {
	struct spool sp;
	enum verb verb;
	const char *dir, *target;
	uint64_t *ids;
	struct privdrop privdrop;
};

static int
usage(void)
{
	(void)fputs("usage: postern spool check [-jv] [-d DIR] [in|out]\n"
		    "       postern spool export [-j] [-d DIR] TARGET "
		    "[in|out] [ID ...]\n"
		    "       postern spool import [-jk] [-d DIR] TARGET\n",
	    stderr);
	return SPOOL_EXIT_USAGE;
}

/* --- arguments --- */

static int
take_selection(struct job *job, int argc, char **argv)
{
	struct spool *sp = &job->sp;
	int which;

	if (argc > 0 && (which = spool_which(argv[0])) != -1) {
		sp->wanted[0] = which == 0;
		sp->wanted[1] = which == 1;
		argc--;
		argv++;
	}
	if (argc > 0 && job->verb != V_EXPORT)
		return -1;
	job->ids = calloc((size_t)argc + 1, sizeof(*job->ids));
	if (job->ids == NULL)
		fatal("memory");
	sp->ids = job->ids;
	for (; argc > 0; argc--, argv++)
		if (msgid_parse(*argv, &job->ids[sp->nids++]) == -1) {
			spool_complain(sp, "%s is no message id", *argv);
			return -1;
		}
	return 0;
}

static int
take_options(struct job *job, int argc, char **argv)
{
	int opt;

	while ((opt = getopt(argc, argv, "+d:jkv")) != -1) {
		if (opt == 'd')
			job->dir = optarg;
		else if (opt == 'j')
			job->sp.json = true;
		else if (opt == 'v')
			job->sp.verbose = true;
		else if (opt == 'k' && job->verb == V_IMPORT)
			job->sp.keep_going = true;
		else
			return -1;
	}
	argc -= optind;
	argv += optind;
	if (job->verb != V_CHECK) {
		if (argc == 0)
			return -1;
		job->target = argv[0];
		argc--;
		argv++;
	}
	if (job->verb == V_IMPORT)
		return argc == 0 ? 0 : -1;
	return take_selection(job, argc, argv);
}

static int
take_arguments(struct job *job, int argc, char **argv)
{
	size_t i;

	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(argv[1], verbs[i]) == 0)
			break;
	if (i == sizeof(verbs) / sizeof(verbs[0]))
		return -1;
	job->verb = (enum verb)i;
	return take_options(job, argc - 1, argv + 1);
}

/* --- as root --- */

/* Nothing inherited but the three, and all three there. */
static void
only_standard_files(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd != -1 && fd <= STDERR_FILENO);
	closefrom(STDERR_FILENO + 1);
}

static int
open_dir(const struct job *job, const char *path, struct stat *st)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd != -1 && fstat(fd, st) == 0)
		return fd;
	spool_complain(&job->sp, "%s: %s", path, strerror(errno));
	return -1;
}

static int
open_root(struct job *job)
{
	struct stat st;

	job->sp.root = open_dir(job, job->dir, &st);
	if (job->sp.root == -1)
		return -1;
	if (st.st_uid == 0) {
		spool_complain(&job->sp,
		    "%s belongs to root: no spool that posternd has used",
		    job->dir);
		return -1;
	}
	job->privdrop = (struct privdrop){
		.chroot_dir = job->dir,
		.uid = st.st_uid,
		.gid = st.st_gid,
		.empty_netns = true,
		.nofile = 256,
		.fsize = UINT64_MAX,
		.as = 16ULL * 1024 * 1024 * 1024,
	};
	return 0;
}

/* An export is made by the spool's owner, in a directory of its own. */
static int
open_target(struct job *job)
{
	const struct privdrop *p = &job->privdrop;
	struct stat st;
	bool made = false;

	if (job->verb == V_CHECK)
		return 0;
	if (job->verb == V_EXPORT) {
		made = mkdir(job->target, 0700) == 0;
		if (!made && errno != EEXIST) {
			spool_complain(&job->sp, "%s: %s", job->target,
			    strerror(errno));
			return -1;
		}
	}
	job->sp.target = open_dir(job, job->target, &st);
	if (job->sp.target == -1)
		return -1;
	if (made && fchown(job->sp.target, p->uid, p->gid) == -1) {
		spool_complain(&job->sp, "%s: %s", job->target,
		    strerror(errno));
		return -1;
	}
	if (made || st.st_uid == p->uid)
		return 0;
	spool_complain(&job->sp,
	    "%s must belong to the spool's owner: chown -R "
	    "--reference=%s %s",
	    job->target, job->dir, job->target);
	return -1;
}

/*
 * Whoever takes the locks is alone: posternd has that of the spool, queued
 * those of its parts.
 */
static int
take_locks(const struct job *job)
{
	if (job->verb == V_CHECK || flock(job->sp.root, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno == EWOULDBLOCK)
		spool_complain(&job->sp, "%s is in use: stop posternd first",
		    job->dir);
	else
		spool_complain(&job->sp, "%s: %s", job->dir, strerror(errno));
	return -1;
}

static void
enter_sandbox(struct job *job)
{
	bool look = job->verb == V_CHECK;
	const struct sandbox_dir dirs[] = {
		{ job->sp.root, job->verb == V_IMPORT },
		{ job->sp.target, job->verb == V_EXPORT },
	};
	const struct sandbox sandbox = {
		.program = "queued",
		.calls = look ? spool_look_calls : spool_copy_calls,
		.ncalls = look ? spool_look_ncalls : spool_copy_ncalls,
		.chan_fds = 8,
		.dirs = dirs,
		.ndirs = look ? 1 : 2,
	};
	struct sandbox_report report;

#ifdef __SANITIZE_ADDRESS__
	job->privdrop.as = 0; /* its shadow takes terabytes */
#endif
	sandbox_warm_up();
	privdrop(&job->privdrop);
	sandbox_enter(&sandbox, &report);
}

/* --- inside --- */

static int
open_stores(struct job *job)
{
	const struct store_ops *ops = store_ops_posix();
	struct spool *sp = &job->sp;
	int i;

	for (i = 0; i < SPOOL_STORES; i++) {
		if (job->verb == V_IMPORT &&
		    mkdirat(sp->root, spool_names[i], 0700) == 0)
			(void)spool_dir_sync(sp->root);
		sp->stores[i] = spool_dir_open(sp->root, spool_names[i]);
		if (sp->stores[i] == -1 && job->verb != V_CHECK) {
			spool_complain(sp, "%s: %s", spool_names[i],
			    strerror(errno));
			return -1;
		}
		if (job->verb != V_CHECK &&
		    ops->lock(ops->ctx, sp->stores[i]) == -1) {
			spool_complain(sp, "%s: %s", spool_names[i],
			    errno == EWOULDBLOCK ? "is in use: stop posternd "
						   "first"
						 : strerror(errno));
			return -1;
		}
	}
	return 0;
}

static int
run(struct job *job)
{
	if (open_stores(job) == -1)
		return SPOOL_EXIT_FAILED;
	switch (job->verb) {
	case V_CHECK:
		return spool_check(&job->sp);
	case V_EXPORT:
		return spool_export(&job->sp);
	case V_IMPORT:
		break;
	}
	return spool_import(&job->sp);
}

int
spool_main(int argc, char **argv)
{
	static char buffer[64 * 1024];
	bool look = strcmp(argv[1], verbs[V_CHECK]) == 0;
	const struct sandbox calls = {
		.program = "queued",
		.calls = look ? spool_look_calls : spool_copy_calls,
		.ncalls = look ? spool_look_ncalls : spool_copy_ncalls,
	};
	struct job job = { .sp = { .root = -1,
			       .stores = { -1, -1 },
			       .wanted = { true, true },
			       .target = -1,
			       .out = stdout,
			       .err = stderr },
		.dir = DEFAULT_DIR };
	int rc;

	if ((rc = sandbox_show(argc - 1, argv + 1, &calls)) != -1)
		return rc;
	log_init("postern", 0);
	only_standard_files();
	/* or it would ask whether that is a terminal */
	(void)setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
	if (take_arguments(&job, argc, argv) == -1) {
		rc = usage();
		goto done;
	}
	rc = SPOOL_EXIT_FAILED;
	if (geteuid() != 0) {
		spool_complain(&job.sp, "spool: only root may do that");
		goto done;
	}
	if (open_root(&job) == -1 || take_locks(&job) == -1 ||
	    open_target(&job) == -1)
		goto done;
	enter_sandbox(&job);
	rc = run(&job);
	if (fflush(stdout) == EOF || ferror(stdout)) {
		spool_complain(&job.sp, "standard output: %s", strerror(errno));
		rc = SPOOL_EXIT_FAILED;
	}
done:
	free(job.ids);
	return rc;
}
