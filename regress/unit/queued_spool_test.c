/* SPDX-License-Identifier: ISC */
/* link: queued/spool_check.o queued/spool_damage.o queued/spool_export.o
 * queued/spool_file.o queued/spool_import.o queued/spool_manifest.o
 * queued/spool_print.o regress/unit/spool_world.o regress/unit/remove_below.o
 * queued/store.a common/base.a */
/*
 * check, export and import on spools of a real file system: what comes of
 * each damage is said, what goes out comes in, once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <unistd.h>

#include <cmocka.h>

#include "queued/store/record.h"
#include "regress/unit/spool_world.h"

/* --- check --- */

static void
test_check_sound(void **state)
{
	struct spool_world w;

	(void)state;
	sw_init(&w);
	assert_int_equal(sw_run(&w, spool_check), 0);
	assert_non_null(strstr(w.out, "in: sound: 1 segments"));
	assert_non_null(strstr(w.out, "9 messages (2 in files)"));
	assert_null(strstr(w.out, "damage"));
	w.sp.json = true;
	assert_int_equal(sw_run(&w, spool_check), 0);
	assert_non_null(
	    strstr(w.out, "{\"spool\":\"out\",\"result\":\"sound\""));
	sw_free(&w);
}

/* A store that is not there, or is in use, is not sound. */
static void
test_check_not_there(void **state)
{
	struct spool_world w;
	int fd;

	(void)state;
	sw_init(&w);
	fd = w.sp.stores[1];
	w.sp.stores[1] = -1;
	assert_int_equal(sw_run(&w, spool_check), SPOOL_EXIT_FAILED);
	assert_non_null(strstr(w.err, "out: is not there"));
	w.sp.wanted[1] = false;
	assert_int_equal(sw_run(&w, spool_check), 0);
	w.sp.stores[1] = fd;
	sw_free(&w);
}

static void
test_check_in_use(void **state)
{
	struct spool_world w;

	(void)state;
	sw_init(&w);
	sw_open(&w, 0);
	assert_int_equal(sw_run(&w, spool_check), 0);
	assert_non_null(strstr(w.out, "; in use"));
	sw_close(&w, 0);
	sw_flip(&w, 0, REC_MSG, 1, REC_HEADER + 20);
	sw_open(&w, 1);
	assert_int_equal(sw_run(&w, spool_check), SPOOL_EXIT_DAMAGE);
	sw_close(&w, 1);
	sw_free(&w);
}

static const struct {
	uint16_t type;
	unsigned nth;
	size_t at; /* in the record */
	const char *says, *comes;
} damages[] = {
	{ REC_MSG, 1, REC_HEADER + 20, "damaged record of a message",
	    "the message is lost; to do: if there is a copy" },
	{ REC_MSG, 0, REC_HEADER + 20, "damaged record of a message",
	    "was done with: nothing is lost" },
	{ REC_FILE, 0, REC_HEADER + 30, "damaged record of a message",
	    "taken from its file" },
	{ REC_STATE, 0, REC_HEADER + 9, "damaged record of a result",
	    "may get the message again" },
	{ REC_DONE, 0, 12, "damaged data", "is not known" },
	{ REC_START, 0, REC_HEADER + 4, "damaged record of the log itself",
	    "no message is lost" },
	{ REC_MSG, 1, 0, "damaged data", "is not known" },
};

static void
test_check_says(void **state)
{
	struct spool_world w;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		sw_init(&w);
		sw_flip(&w, 0, damages[i].type, damages[i].nth, damages[i].at);
		assert_int_equal(sw_run(&w, spool_check), SPOOL_EXIT_DAMAGE);
		if (strstr(w.out, damages[i].says) == NULL ||
		    strstr(w.out, damages[i].comes) == NULL) {
			print_error("%zu: %s\n", i, w.out);
			fail();
		}
		assert_non_null(strstr(w.out, "in: damage: seg.00000001 off"));
		assert_non_null(strstr(w.out, "in: damaged:"));
		assert_non_null(strstr(w.out, "out: sound:"));
		if (w.flipped[0] != '\0') /* named if its header is sound */
			assert_int_equal(strstr(w.out, w.flipped) != NULL,
			    damages[i].at >= REC_HEADER);
		sw_free(&w);
	}
}

static void
test_check_files(void **state)
{
	struct spool_world w;

	(void)state;
	sw_init(&w);
	sw_remove_body(&w, w.big);
	assert_int_equal(sw_run(&w, spool_check), SPOOL_EXIT_DAMAGE);
	assert_non_null(strstr(w.out,
	    "the file of a message is damaged or "
	    "not there (No such file"));
	assert_non_null(strstr(w.out, "cannot be delivered"));
	sw_free(&w);
	sw_init(&w);
	sw_flip_body(&w, w.big, 3000);
	assert_int_equal(sw_run(&w, spool_check), SPOOL_EXIT_DAMAGE);
	assert_non_null(strstr(w.out, "the file of a message is damaged"));
	sw_free(&w);
	/* what no record names is worth knowing to those who ask */
	sw_init(&w);
	sw_copy_body(&w, w.big, w.big + 1);
	assert_int_equal(sw_run(&w, spool_check), 0);
	assert_null(strstr(w.out, "no record names"));
	w.sp.verbose = true;
	assert_int_equal(sw_run(&w, spool_check), 0);
	assert_non_null(strstr(w.out, "note: message"));
	assert_non_null(strstr(w.out, "no record names"));
	sw_free(&w);
}

static void
test_check_later(void **state)
{
	struct spool_world w;

	(void)state;
	sw_init(&w);
	sw_version(&w, 0, 2);
	assert_int_equal(sw_run(&w, spool_check), SPOOL_EXIT_LATER);
	assert_string_equal(w.err,
	    "postern: in: made by a later Postern: version 2, this one reads "
	    "1\n");
	assert_non_null(strstr(w.out, "out: sound"));
	sw_target(&w);
	assert_int_equal(sw_run(&w, spool_export), SPOOL_EXIT_LATER);
	assert_false(sw_exists(&w, SPOOL_MANIFEST));
	sw_free(&w);
}

static void
test_check_log_gone(void **state)
{
	struct spool_world w;

	(void)state;
	sw_init(&w);
	sw_remove_segments(&w, 0);
	assert_int_equal(sw_run(&w, spool_check), SPOOL_EXIT_DAMAGE);
	assert_non_null(strstr(w.err, "2 message files, but no log"));
	assert_non_null(strstr(w.out, "taken up when posternd starts"));
	sw_free(&w);
}

/* --- export and import --- */

static int
run_import(const struct spool *sp)
{
	struct spool copy = *sp;

	return spool_import(&copy);
}

static void
test_round(void **state)
{
	struct spool_world a, b;
	char *one, *two;

	(void)state;
	sw_init(&a);
	sw_target(&a);
	assert_int_equal(sw_run(&a, spool_export), 0);
	assert_non_null(strstr(a.out, "14 messages exported"));
	sw_empty(&b);
	sw_use_target(&b, &a);
	assert_int_equal(sw_run(&b, run_import), 0);
	assert_non_null(strstr(b.out, "14 messages imported; 0 were there"));
	one = sw_describe(&a);
	two = sw_describe(&b);
	assert_string_equal(one, two);
	assert_int_equal(sw_run(&b, spool_check), 0);
	/* again: nothing is doubled */
	assert_int_equal(sw_run(&b, run_import), 0);
	assert_non_null(strstr(b.out,
	    "0 messages imported; 0 were there, 14 "
	    "were imported before"));
	free(two);
	two = sw_describe(&b);
	assert_string_equal(one, two);
	free(one);
	free(two);
	sw_free(&b);
	sw_free(&a);
}

/* Once delivered, none comes back with a second import. */
static void
test_import_after_delivery(void **state)
{
	struct spool_world a, b;

	(void)state;
	sw_init(&a);
	sw_target(&a);
	assert_int_equal(sw_run(&a, spool_export), 0);
	sw_empty(&b);
	sw_use_target(&b, &a);
	assert_int_equal(sw_run(&b, run_import), 0);
	sw_done_all(&b);
	assert_int_equal(sw_run(&b, run_import), 0);
	assert_non_null(strstr(b.out, "0 messages imported"));
	assert_int_equal(sw_count(&b), 0);
	sw_free(&b);
	sw_free(&a);
}

/* The note of the last batch was not written, or half of it. */
static void
test_import_cut_off(void **state)
{
	struct spool_world a, b;
	size_t cut;

	(void)state;
	sw_init(&a);
	sw_target(&a);
	assert_int_equal(sw_run(&a, spool_export), 0);
	for (cut = 0; cut < 40; cut += 7) {
		sw_empty(&b);
		sw_use_target(&b, &a);
		assert_int_equal(sw_run(&b, run_import), 0);
		sw_cut_notes(&b, cut);
		assert_int_equal(sw_run(&b, run_import), 0);
		assert_non_null(strstr(b.out, "0 messages imported; "));
		assert_int_equal(sw_count(&b), 14);
		sw_cut_notes(&b, cut);
		assert_int_equal(sw_run(&b, run_import), 0);
		assert_int_equal(sw_count(&b), 14);
		sw_free(&b);
	}
	sw_free(&a);
}

/* Every file of an export, damaged in several places. */
static void
test_import_refuses_damage(void **state)
{
	static const char *const files[] = { ".eml", ".env", SPOOL_MANIFEST };
	struct spool_world a, b;
	char name[40];
	size_t i, at;

	(void)state;
	sw_init(&a);
	sw_target(&a);
	assert_int_equal(sw_run(&a, spool_export), 0);
	sw_empty(&b);
	sw_use_target(&b, &a);
	for (i = 0; i < 3; i++) {
		if (files[i][0] == '.')
			(void)snprintf(name, sizeof(name), "in/%s%s",
			    sw_id(a.small), files[i]);
		else
			(void)snprintf(name, sizeof(name), "%s", files[i]);
		for (at = 0; at < 400; at += 37) {
			sw_flip_target(&b, name, at);
			assert_int_not_equal(sw_run(&b, run_import), 0);
			if (files[i][0] == '.')
				assert_non_null(strstr(b.err, sw_id(a.small)));
			assert_int_equal(sw_count(&b), 0);
			sw_flip_target(&b, name, at);
		}
	}
	assert_int_equal(sw_run(&b, run_import), 0);
	assert_int_equal(sw_count(&b), 14);
	sw_free(&b);
	sw_free(&a);
}

static void
test_import_missing_file(void **state)
{
	struct spool_world a, b;
	char name[40];

	(void)state;
	sw_init(&a);
	sw_target(&a);
	assert_int_equal(sw_run(&a, spool_export), 0);
	sw_empty(&b);
	sw_use_target(&b, &a);
	(void)snprintf(name, sizeof(name), "in/%s.eml", sw_id(a.small));
	assert_int_equal(unlinkat(b.sp.target, name, 0), 0);
	assert_int_equal(sw_run(&b, run_import), SPOOL_EXIT_DAMAGE);
	assert_non_null(strstr(b.err, "so nothing was; -k imports the others"));
	assert_int_equal(sw_count(&b), 0);
	b.sp.keep_going = true;
	assert_int_equal(sw_run(&b, run_import), SPOOL_EXIT_DAMAGE);
	assert_non_null(strstr(b.out, "13 messages imported"));
	assert_int_equal(sw_count(&b), 13);
	assert_int_equal(unlinkat(b.sp.target, SPOOL_MANIFEST, 0), 0);
	assert_int_equal(sw_run(&b, run_import), SPOOL_EXIT_FAILED);
	assert_non_null(strstr(b.err, "no export, or one that was cut off"));
	sw_free(&b);
	sw_free(&a);
}

/* Two gateways may give the same id: neither message is lost. */
static void
test_import_same_id(void **state)
{
	struct spool_world a, b;

	(void)state;
	sw_init(&a);
	sw_target(&a);
	assert_int_equal(sw_run(&a, spool_export), 0);
	sw_empty(&b);
	sw_use_target(&b, &a);
	sw_add(&b, 0, a.small, 333);
	assert_int_equal(sw_run(&b, run_import), SPOOL_EXIT_DAMAGE);
	assert_non_null(strstr(b.err, "another message of that id"));
	assert_non_null(strstr(b.out, "13 messages imported"));
	assert_int_equal(sw_count(&b), 14);
	assert_int_equal(sw_run(&b, run_import), SPOOL_EXIT_DAMAGE);
	sw_done_all(&b);
	assert_int_equal(sw_run(&b, run_import), 0);
	assert_non_null(strstr(b.out, "1 messages imported"));
	assert_int_equal(sw_count(&b), 1);
	sw_free(&b);
	sw_free(&a);
}

/* What came by the Internet does not get into the spool of inside mail. */
static void
test_import_other_side(void **state)
{
	struct spool_world a, b;

	(void)state;
	sw_empty(&a);
	a.origin_of_all = true;
	sw_add(&a, 1, 77ULL << 40, 333); /* ENV_EXT in "out" */
	sw_target(&a);
	assert_int_equal(sw_run(&a, spool_export), 0);
	sw_empty(&b);
	sw_use_target(&b, &a);
	assert_int_equal(sw_run(&b, run_import), SPOOL_EXIT_DAMAGE);
	assert_non_null(strstr(b.err, "it came by the other side"));
	assert_int_equal(sw_count(&b), 0);
	sw_free(&b);
	sw_free(&a);
}

static void
test_export_selection(void **state)
{
	struct spool_world a;
	uint64_t ids[2];

	(void)state;
	sw_init(&a);
	sw_target(&a);
	ids[0] = a.small;
	ids[1] = 12345;
	a.sp.ids = ids;
	a.sp.nids = 2;
	assert_int_equal(sw_run(&a, spool_export), SPOOL_EXIT_DAMAGE);
	assert_non_null(strstr(a.out, "1 messages exported"));
	assert_non_null(strstr(a.err, "there is no message"));
	/* not into what has something */
	assert_int_equal(sw_run(&a, spool_export), SPOOL_EXIT_FAILED);
	assert_non_null(strstr(a.err, "not empty"));
	sw_free(&a);
}

static void
test_export_damaged(void **state)
{
	struct spool_world a;
	char name[40];

	(void)state;
	sw_init(&a);
	sw_target(&a);
	sw_flip(&a, 0, REC_MSG, 1, REC_HEADER + 20);
	sw_flip_body(&a, a.big, 2000);
	assert_int_equal(sw_run(&a, spool_export), SPOOL_EXIT_DAMAGE);
	assert_non_null(strstr(a.out, "the message is lost"));
	assert_non_null(strstr(a.err, "is not exported"));
	assert_non_null(strstr(a.out, "12 messages exported"));
	assert_true(sw_exists(&a, SPOOL_MANIFEST));
	(void)snprintf(name, sizeof(name), "in/%s.eml", sw_id(a.big));
	assert_false(sw_exists(&a, name));
	sw_free(&a);
}

/* The envelope says to people what there is to know. */
static void
test_export_readable(void **state)
{
	static const char *const lines[] = { "Postern-Message: 1\n",
		"\nSpool: in\n", "\nAccepted: 2027-01-15T08:00:00.000Z\n",
		"\nOrigin: ext\n", "\nSender: <s@example.org>\n",
		"\nClient: 192.0.2.1:25\n", "\nHelo: mx.example.org\n",
		"\nEnvelope-Id: env-1\n", "\nReturn: HDRS\n",
		"\nRecipient: 0 <a0@example.com> notify=failure ",
		" notify=failure orcpt=rfc822;a\n",
		"\nResult: 0 delivered attempts=1 code=250 ok\n",
		"\nResult: 1 deferred attempts=2 code=450 busy\n",
		"\nAttempts: 2\n", "\nNext-Attempt: 2027-01-15T08:01:00.000Z\n",
		"\nHeld: yes\n", "\nStatus: poison\n",
		"\nBody-Size: ", "\nEnd: " };
	struct spool_world a;
	char name[40], *text;
	size_t i;

	(void)state;
	sw_init(&a);
	sw_target(&a);
	assert_int_equal(sw_run(&a, spool_export), 0);
	(void)snprintf(name, sizeof(name), "in/%s.env", sw_id(a.held));
	text = (char *)spool_file_read(a.sp.target, name, &i);
	assert_non_null(text);
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (strstr(text, lines[i]) == NULL) {
			print_error("no %s in %s\n", lines[i], text);
			fail();
		}
	free(text);
	sw_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check_sound),
		cmocka_unit_test(test_check_not_there),
		cmocka_unit_test(test_check_in_use),
		cmocka_unit_test(test_check_says),
		cmocka_unit_test(test_check_files),
		cmocka_unit_test(test_check_later),
		cmocka_unit_test(test_check_log_gone),
		cmocka_unit_test(test_round),
		cmocka_unit_test(test_import_after_delivery),
		cmocka_unit_test(test_import_cut_off),
		cmocka_unit_test(test_import_refuses_damage),
		cmocka_unit_test(test_import_missing_file),
		cmocka_unit_test(test_import_same_id),
		cmocka_unit_test(test_import_other_side),
		cmocka_unit_test(test_export_selection),
		cmocka_unit_test(test_export_damaged),
		cmocka_unit_test(test_export_readable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
