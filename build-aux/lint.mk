# Readers of the source other than the compiler of every day.

CLANG_FORMAT ?= clang-format-14
CLANG_TIDY ?= clang-tidy-14
CPPCHECK ?= cppcheck

SOURCE_DIRS := $(ARCHIVES:%=common/%) $(PROG_DIRS) \
    $(patsubst %/,%,$(sort $(dir $(wildcard $(PROG_DIRS:%=%/*/*.c)))))
C_FILES := $(wildcard $(SOURCE_DIRS:%=%/*.c))
H_FILES := $(wildcard $(SOURCE_DIRS:%=%/*.h))
TEST_C_FILES := $(wildcard regress/*/*.c)
TEST_FILES := $(TEST_C_FILES) $(wildcard regress/*/*.h)

.PHONY: format format-check tidy tidy-clang tidy-stamps analyze analyze-gcc \
    analyze-cppcheck objects
format:
	$(CLANG_FORMAT) --style=file -i $(C_FILES) $(H_FILES) $(TEST_FILES)

format-check:
	$(CLANG_FORMAT) --style=file --dry-run -Werror $(C_FILES) $(H_FILES) \
	    $(TEST_FILES)

# Every reader over every file, tests included; what one says is an error.
# Each works beside the build, and reads again only what has changed.
tidy: tidy-clang analyze

analyze: analyze-gcc analyze-cppcheck

# A whole build with clang's warnings, then clang-tidy.
tidy-clang:
	@$(MAKE) $(parallel) CC=$(CLANG) all unit-bins helper-bins objects tidy-stamps

# An object is made again when anything it includes has changed.
TIDY_STAMPS := $(patsubst %.c,$(O)/%.tidy,$(C_FILES) $(TEST_C_FILES))
tidy-stamps: $(TIDY_STAMPS)
$(TIDY_STAMPS): $(O)/%.tidy: %.c $(O)/%.o .clang-tidy regress/.clang-tidy
	$(call say,TIDY,$<)
	$(Q)$(CLANG_TIDY) --quiet $< -- $(P_CPPFLAGS) $(CPPFLAGS) -std=c17 \
	    $(WARN) $(WARN_clang) $(TEST_NOWARN)
	@touch $@

analyze-gcc:
	@$(MAKE) $(parallel) ANALYZE=1 CC=gcc objects

objects: $(foreach d,$(SOURCE_DIRS),$(call objs,$d)) \
    $(TEST_C_FILES:%.c=$(O)/%.o)

# Here gcc 12 takes memory for lost that a list or a member keeps: each was
# looked at. Clang's analyzer, LeakSanitizer and valgrind look for leaks too.
KEPT := common/tls/cert common/tls/server connd/accept master/report \
    postern/kernel queued/peer_in queued/queue_fail queued/store/recover \
    smtpd-in/client regress/unit/queued_fake_store \
    regress/unit/queued_world_peers
ifdef ANALYZE
  $(KEPT:%=$(O)/%.o): ANALYZE_NOWARN := -Wno-analyzer-malloc-leak
endif

# Of libraries' headers it reads those with macros that stand for code. Between
# files it takes a pointer to what is written there for a read of it, and a
# test's stand-in for the function itself: that part of its words is left out.
analyze-cppcheck: | $(GRAMMARS:%.y=$(O)/%.h)
	$(call say,CPPCHK,all)
	@mkdir -p $(O)/cppcheck
	$(Q)$(CPPCHECK) --quiet --error-exitcode=1 --inline-suppr --std=c11 \
	    --cppcheck-build-dir=$(O)/cppcheck -j $(shell nproc) \
	    --include=/usr/include/bsd/sys/queue.h \
	    --include=/usr/include/bsd/sys/tree.h \
	    --suppress=ctuuninitvar --suppress=ctunullpointer \
	    --enable=warning,portability --suppress=missingIncludeSystem \
	    --suppress=normalCheckLevelMaxBranches \
	    -D_GNU_SOURCE -I. -I$(O) $(C_FILES) $(TEST_C_FILES)
