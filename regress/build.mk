# Tests. A C file here says in its first lines what it links:
#	/* link: common/base/netaddr.o common/base.a -lm */
# (in as many lines as it needs, within the first fifteen).
# Words that begin with - go to the linker, .o and .a are built. NAME_test.c is
# a cmocka program that check-unit runs, NAME_fuzz.c a libFuzzer target, any
# other file with such a line a helper program of the tests beside it.

PYTEST := PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -m pytest \
    -p no:cacheprovider -q

LINKED := $(shell grep -ls '^/[*] link:' $(wildcard regress/*/*.c) /dev/null)
UNIT_SRCS := $(filter %_test.c,$(LINKED))
FUZZ_SRCS := $(filter %_fuzz.c,$(LINKED))
HELPER_SRCS := $(filter-out $(UNIT_SRCS) $(FUZZ_SRCS),$(LINKED))
UNIT_BINS := $(UNIT_SRCS:%.c=$(O)/%)
FUZZ_BINS := $(FUZZ_SRCS:%.c=$(O)/%)
HELPER_BINS := $(HELPER_SRCS:%.c=$(O)/%)

# cmocka's macros and tables of test functions.
$(O)/regress/%.o $(O)/regress/%.tidy: TEST_NOWARN := $(if $(CC_IS_CLANG),\
    -Wno-missing-variable-declarations)

link_words = $(shell awk 'NR > 15 { exit } /^\/[*] link:/ { on = 1 } \
    on { l = $$0; end = sub(/[*]\/.*/, "", l); sub(/^(\/[*] link:| [*] )/, "", l); \
    print l; if (end) on = 0 }' $1.c)

# $1 = path without .c, $2 = libraries that every program of the family links
define test_rules
$1_WORDS := $(link_words)
$(O)/$1: $(O)/$1.o $$(addprefix $(O)/,$$(filter-out -%,$$($1_WORDS)))
$(O)/$1: LINK_LIBS = $$(filter -%,$$($1_WORDS)) $2 $$(call archive_libs,\
    $$(patsubst common/%.a,%,$$(filter common/%.a,$$($1_WORDS))))
endef
$(foreach t,$(UNIT_SRCS:.c=),$(eval $(call test_rules,$t,-lcmocka -lbsd)))
$(foreach t,$(FUZZ_SRCS:.c=),$(eval $(call test_rules,$t,-fsanitize=fuzzer -lbsd)))
$(foreach t,$(HELPER_SRCS:.c=),$(eval $(call test_rules,$t,-lbsd)))

$(UNIT_BINS) $(FUZZ_BINS) $(HELPER_BINS):
	$(call say,LD,$@)
	$(Q)$(call link) $(LINK_LIBS) $(keep)

# Programs of the gateway with an attacker in them: all of a program's objects,
# and some functions put in the place of others by the linker.
TWIN_DIRS := connd smtpd-in smtpd-out queued dnsd-ext dnsd-int dird keyd logd \
    ctld
TWINS := $(foreach d,$(TWIN_DIRS),$(O)/regress/hostile/twin/$d/$d)
wrap = $(1:%=-Wl,--wrap=%)
TWIN_WRAPS := $(call wrap,child_loop privdrop sandbox_enter landlock_enter \
    seccomp_load recvmsg chan_new)
define twin_rules
TWINS_OF_$1 := $(O)/regress/hostile/twin/$1/$1
$$(TWINS_OF_$1): $(call objs,$1) $(O)/regress/hostile/attack_twin.o \
    $(foreach a,$(sort $($1_LINK) attack),$(call archive_file,$a))
$$(TWINS_OF_$1): LINK_LIBS = $$(TWIN_WRAPS) $(call archive_libs,$($1_LINK)) \
    $($1_LDLIBS)
endef
$(foreach d,$(TWIN_DIRS),$(eval $(call twin_rules,$d)))
$(TWINS_OF_queued): $(O)/queued/store.a
$(TWINS_OF_connd): $(O)/regress/hostile/attack_policy.o
$(TWINS_OF_connd): TWIN_WRAPS += $(call wrap,policy_dial)
$(TWINS): regress/build.mk
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(call link) $(LINK_LIBS) $(keep)

# The same programs under libFuzzer, with their own tables of messages, and what
# posternd would say to each at its start.
TABLE_DIRS := $(TWIN_DIRS)
table_bin = $(O)/regress/fuzz/table_$(subst -,_,$1)_fuzz
TABLE_BINS := $(foreach d,$(TABLE_DIRS),$(call table_bin,$d))
TABLE_STARTS := $(TABLE_BINS:=.start)
TABLE_LIBS = $(call wrap,privdrop sandbox_enter open child_loop chan_new) \
    $(shell $(CC) --print-runtime-dir)/libclang_rt.fuzzer_no_main-$(shell \
    uname -m).a -lstdc++ -lm -lbsd
define table_rules
$(call table_bin,$1).o: $(O)/$1/main.o
$(call table_bin,$1): $(call table_bin,$1).o $(O)/regress/fuzz/table_play.o \
    $(filter-out $(O)/$1/main.o,$(call objs,$1)) \
    $(foreach a,$($1_LINK),$(call archive_file,$a))
$(call table_bin,$1): LINK_LIBS = $(call archive_libs,$($1_LINK)) \
    $($1_LDLIBS) $$(TABLE_LIBS)
endef
$(foreach d,$(TABLE_DIRS),$(eval $(call table_rules,$d)))
$(call table_bin,queued): $(O)/queued/store.a
$(TABLE_BINS:=.o): regress/build.mk
	@mkdir -p $(@D)
	$(Q)objcopy --redefine-sym main=program_main $(filter %.o,$^) \
	    $(aside) $(keep)
$(TABLE_BINS): regress/build.mk
	$(call say,LD,$@)
	$(Q)$(call link) $(LINK_LIBS) $(keep)
$(TABLE_STARTS): regress/fuzz/table_start.py regress/fuzz/table.conf \
    $(O)/regress/hostile/chan_contracts
	$(Q)O=$(O) /usr/bin/python3 $< start $(notdir $@) >$(aside) $(keep)

# --- families ---------------------------------------------------------------

.PHONY: check check-all check-long check-unit check-e2e check-torture check-crash \
    check-san check-san-quick check-san-units check-valgrind check-fuzz fuzz \
    demo bench audit unit-bins fuzz-bins helper-bins demo-bins

# From a fresh clone, as root: what is missing is installed before the makefile
# is read again with the compilers in place.
check:
	build-aux/deps.sh check
	$(MAKE) check-all

# Compiling uses all cores unless whoever runs make said otherwise.
parallel = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

# One family after the other, also under -j: their timing should be their own.
check-all:
	$(MAKE) $(parallel) all unit-bins helper-bins
	$(MAKE) check-unit
	$(MAKE) $(parallel) check-sim
	$(MAKE) $(parallel) check-san-units
	$(MAKE) $(parallel) check-fuzz
	$(MAKE) audit
	$(MAKE) check-crash CRASH_STATES=240
	$(MAKE) check-e2e
	@echo 'check: every family passed'

unit-bins: $(UNIT_BINS)
helper-bins: $(HELPER_BINS) $(TWINS)
demo-bins: $(filter $(O)/regress/demo/%,$(HELPER_BINS))
# gcc has no libFuzzer
fuzz-bins: $(FUZZ_BINS) $(TABLE_BINS) $(TABLE_STARTS)
FUZZERS = $(notdir $(FUZZ_BINS:_fuzz=) $(TABLE_BINS:_fuzz=))

PYTEST_UNIT_DIRS = $(sort $(patsubst %/,%,$(dir \
    $(wildcard regress/bench/test_*.py regress/conf/test_*.py \
    regress/dsn/test_*.py regress/model/test_*.py regress/session/test_*.py))))

check-unit: all unit-bins helper-bins
	@build-aux/run-units.sh $(UNIT_BINS)
	$(if $(PYTEST_UNIT_DIRS),O=$(O) $(PYTEST) $(PYTEST_UNIT_DIRS))

# Not in check, for its time: a million sessions of smtpd-in's machine beside
# the reference model, and some of them with sanitizers.
MODEL_COUNT ?= 1000000
MODEL_SEED ?= 1
check-long: $(O)/regress/model/model
	$(O)/regress/model/model -n $(MODEL_COUNT) -s $(MODEL_SEED)
	$(MAKE) SAN=1 build/san/regress/model/model
	build/san/regress/model/model -n 100000 -s $(MODEL_SEED)

check-e2e: all helper-bins peers
	regress/e2e/run

# The table of attacks by programs becomes what the run says: look at the
# difference, and commit it with what made it.
.PHONY: hostile
hostile: all helper-bins peers
	MATRIX=write regress/e2e/run regress/e2e/test_matrix.py
	git --no-pager diff --stat -- regress/hostile

# What check-e2e does once, for hours if need be.
TORTURE_ROUNDS ?= 100
check-torture: all helper-bins peers
	TORTURE_ROUNDS=$(TORTURE_ROUNDS) FAULT_ROUNDS=$(TORTURE_ROUNDS) \
	    regress/e2e/run regress/e2e/test_suites.py \
	    regress/e2e/test_faults.py -k 'torture or random'

# Simulated power cuts: regress/crash/README.
CRASH_STATES ?= 10200
CRASH_SEED ?= 1
check-crash: $(O)/regress/crash/powercut
	O=$(O) regress/crash/run -n $(CRASH_STATES) -s $(CRASH_SEED)

# With sanitizers and valgrind every seventh call of the store fails; each one
# does in check-unit. check has the unit tests of it, for its time.
check-san: check-san-units
	@$(MAKE) SAN=1 san-e2e
	$(MAKE) check-valgrind

check-san-quick: check-san-units
	@$(MAKE) SAN=1 san-e2e SAN_E2E='$(SAN_QUICK)'

check-san-units:
	@$(MAKE) SAN=1 unit-bins
	@FAULT_STRIDE=7 $(MAKE) SAN=1 run-units

.PHONY: run-units san-e2e
run-units:
	@ASAN_OPTIONS=symbolize=1 UBSAN_OPTIONS=print_stacktrace=1 \
	    build-aux/run-units.sh $(UNIT_BINS)

# The same suite on the programs of this build: what differs is in one table,
# regress/e2e/lab/san.py.
SAN_E2E :=
SAN_QUICK := $(addprefix regress/e2e/test_,san.py mail.py null_mx.py \
    tls.py::test_versions_and_kinds tls.py::test_pipelined_after_starttls \
    tls.py::test_tickets tls.py::test_keyd_killed tls_out.py::test_levels \
    tls_out.py::test_client_certificate spool.py::test_flipped_byte \
    spool.py::test_export_and_import operate.py::test_hold_and_release \
    operate.py::test_reroute operate.py::test_why)
san-e2e: all helper-bins peers
	O=$(O) regress/e2e/run $(SAN_E2E)

# The queue in a virtual world: a sample, and as long as one likes.
.PHONY: check-sim sim
check-sim: $(O)/regress/sim/sim
	regress/sim/check $(O)

SIM_SECONDS ?= 120
SIM_DELIVERIES ?= 20000
sim: $(O)/regress/sim/sim
	$(O)/regress/sim/sim -r 1000000 -t $(SIM_SECONDS) -n $(SIM_DELIVERIES)

# Valgrind plays the kernel, and has no filters of system calls, nor all of these.
check-valgrind: unit-bins
	@FAULT_STRIDE=7 UNIT_TIMEOUT=600 \
	RUNNER='valgrind -q --error-exitcode=99 --leak-check=full' \
	    build-aux/run-units.sh $(filter-out \
	    %/sandbox_test %/attack_table_test,$(UNIT_BINS))

check-fuzz:
	@$(MAKE) FUZZING=1 fuzz-bins
	@build-aux/run-fuzz.sh build/fuzz 0 $(FUZZERS)

# Which lines the unit tests and the fuzzers' corpora reach, by core.
.PHONY: cover
cover:
	@$(MAKE) COVER=1 all unit-bins fuzz-bins
	build-aux/cover.py build/cover regress/COVERAGE.md

FUZZ_SECONDS ?= 20
fuzz:
	@$(MAKE) FUZZING=1 fuzz-bins
	@build-aux/run-fuzz.sh build/fuzz $(FUZZ_SECONDS) $(FUZZERS)

demo:
	build-aux/deps.sh demo
	$(MAKE) $(parallel) all demo-bins peers
	regress/demo/demo

bench:
	build-aux/deps.sh check
	$(MAKE) $(parallel) all helper-bins peers
	regress/bench/run

# First that each rule can fail, then whether it does.
audit: all
	$(PYTEST) regress/audit
	regress/audit/run $(O)

# The system call filters of what is built become the agreed ones: look at the
# difference before you commit it.
.PHONY: filters
filters: all
	regress/audit/run --accept-filters $(O)
	git --no-pager diff --stat -- regress/audit/filters
