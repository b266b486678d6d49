/* SPDX-License-Identifier: ISC */
/* Each cage stands in the sandbox.c of its program; this knows their names. */
#include "selftest/selftest.h"

extern const struct cage connd_cage, smtpd_in_cage, smtpd_out_cage, queued_cage,
    dnsd_ext_cage, dnsd_int_cage, dird_cage, keyd_cage, logd_cage, ctld_cage;

static const struct inmate inmates[] = {
	{ PROC_CONND, &connd_cage,
	    HOLDS_LISTENER | HOLDS_STREAM | HOLDS_DGRAM },
	{ PROC_SMTPD_IN, &smtpd_in_cage, HOLDS_STREAM },
	{ PROC_SMTPD_OUT, &smtpd_out_cage, HOLDS_STREAM },
	{ PROC_QUEUED, &queued_cage, 0 },
	{ PROC_DNSD_EXT, &dnsd_ext_cage, HOLDS_STREAM | HOLDS_DGRAM },
	{ PROC_DNSD_INT, &dnsd_int_cage, HOLDS_STREAM | HOLDS_DGRAM },
	{ PROC_DIRD, &dird_cage, 0 },
	{ PROC_KEYD, &keyd_cage, 0 },
	{ PROC_LOGD, &logd_cage, 0 },
	{ PROC_CTLD, &ctld_cage, 0 },
};

const struct inmate *
inmate_find(enum proc proc)
{
	size_t i;

	for (i = 0; i < sizeof(inmates) / sizeof(inmates[0]); i++)
		if (inmates[i].proc == proc)
			return &inmates[i];
	return NULL;
}
