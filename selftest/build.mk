# Attacks the cage of every program from the inside; started by posternd.
PROG_DIRS += selftest
selftest_LINK := attack msg base

# The cages themselves, of the programs' own objects: tables, no code.
CAGES := connd smtpd-in smtpd-out queued dnsd-ext dnsd-int dird keyd logd ctld
$(O)/selftest/selftest: $(CAGES:%=$(O)/%/sandbox.o)
