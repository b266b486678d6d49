/* SPDX-License-Identifier: ISC */
/* What the tests of the queue share: see queued_stage.h. */
#include "queued_stage.h"

int
world_up(void **state)
{
	(void)state;
	fake_reset();
	w_start();
	return 0;
}

int
world_down(void **state)
{
	(void)state;
	w_stop();
	fake_reset();
	return 0;
}

struct w_session *
w_opening(void)
{
	struct w_session *s = w_session_opening();

	assert_non_null(s);
	return s;
}

struct w_session *
w_working(void)
{
	struct w_session *s = w_session_with_job();

	assert_non_null(s);
	return s;
}

void
w_wait_for_job(void)
{
	while (w_session_with_job() == NULL) {
		if (w_session_opening() != NULL)
			w_ready(w_opening());
		else
			w_advance(500);
	}
}
