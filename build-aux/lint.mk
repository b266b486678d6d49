# Readers of the source other than the compiler.

CLANG_FORMAT ?= clang-format-14
CLANG_TIDY ?= clang-tidy-14
CPPCHECK ?= cppcheck

SOURCE_DIRS := $(ARCHIVES:%=common/%) $(PROG_DIRS) \
    $(patsubst %/,%,$(sort $(dir $(wildcard $(PROG_DIRS:%=%/*/*.c)))))
C_FILES := $(wildcard $(SOURCE_DIRS:%=%/*.c))
H_FILES := $(wildcard $(SOURCE_DIRS:%=%/*.h))
TEST_FILES := $(wildcard regress/*/*.c regress/*/*.h)

.PHONY: format format-check tidy analyze analyze-gcc analyze-cppcheck
format:
	$(CLANG_FORMAT) --style=file -i $(C_FILES) $(H_FILES) $(TEST_FILES)

format-check:
	$(CLANG_FORMAT) --style=file --dry-run -Werror $(C_FILES) $(H_FILES) \
	    $(TEST_FILES)

TIDY_STAMPS := $(C_FILES:%.c=$(O)/%.tidy)
tidy: $(TIDY_STAMPS)
$(TIDY_STAMPS): $(O)/%.tidy: %.c $(H_FILES) .clang-tidy | \
    $(GRAMMARS:%.y=$(O)/%.h)
	$(call say,TIDY,$<)
	@mkdir -p $(@D)
	$(Q)$(CLANG_TIDY) --quiet $< -- $(P_CPPFLAGS) $(CPPFLAGS) -std=c17 $(WARN) \
	    $(WARN_clang)
	@touch $@

analyze: analyze-gcc analyze-cppcheck

# Beside the build, with the same flags; what it says are errors.
analyze-gcc:
	@$(MAKE) ANALYZE=1 CC=gcc objects

.PHONY: objects
objects: $(foreach d,$(SOURCE_DIRS),$(call objs,$d))

analyze-cppcheck:
	$(CPPCHECK) --quiet --error-exitcode=1 --inline-suppr --std=c11 \
	    --enable=warning,portability --suppress=missingIncludeSystem \
	    --suppress=normalCheckLevelMaxBranches \
	    -D_GNU_SOURCE -I. -I$(O) $(C_FILES)
