# install, uninstall: GNU conventions, DESTDIR for packagers.

INSTALL ?= install
DEST = $(DESTDIR)

DIR_sbin = $(SBINDIR)
DIR_bin = $(BINDIR)
DIR_libexec = $(LIBEXECDIR)
prog_dest = $(DIR_$(or $($1_INSTALL),libexec))/$(call prog,$1)

MANS := $(wildcard $(foreach s,1 5 7 8,$(PROG_DIRS:%=%/*.$s)))
man_dest = $(MANDIR)/man$(subst .,,$(suffix $1))/$(notdir $1)

UNIT := $(UNITDIR)/postern.service
SYSUSERS := $(SYSUSERSDIR)/postern.conf
TMPFILES := $(TMPFILESDIR)/postern.conf
SAMPLE := $(SYSCONFDIR)/postern/postern.conf.sample
DOCS := README.md LICENSE TRUST

# Files of etc/ in which the paths of this installation are filled in.
SUBST = -e 's,@SBINDIR@,$(SBINDIR),g' -e 's,@BINDIR@,$(BINDIR),g' \
    -e 's,@LIBEXECDIR@,$(LIBEXECDIR),g' -e 's,@SYSCONFDIR@,$(SYSCONFDIR),g' \
    -e 's,@LOCALSTATEDIR@,$(LOCALSTATEDIR),g' \
    -e 's,@RUNSTATEDIR@,$(RUNSTATEDIR),g'

$(O)/etc/%: etc/%.in $(O)/version.h
	@mkdir -p $(@D)
	$(Q)sed $(SUBST) $< >$(aside) $(keep)

GENERATED_ETC := $(patsubst etc/%.in,$(O)/etc/%,$(wildcard etc/*.in))
all: $(GENERATED_ETC)

put = $(INSTALL) -D -m $1 $2 '$(DEST)$3'

define nl


endef

.PHONY: install uninstall
install: all
	$(foreach d,$(PROG_DIRS),$(call put,755,$(call prog_file,$d),$(call prog_dest,$d))$(nl)	)
	$(foreach m,$(MANS),$(call put,644,$m,$(call man_dest,$m))$(nl)	)
	$(call put,644,etc/postern.conf,$(SAMPLE))
	$(call put,644,etc/postern.conf,$(DOCDIR)/postern.conf)
	$(foreach f,$(wildcard $(DOCS)),$(call put,644,$f,$(DOCDIR)/$f)$(nl)	)
	$(call put,644,$(O)/etc/postern.service,$(UNIT))
	$(call put,644,$(O)/etc/sysusers.conf,$(SYSUSERS))
	$(call put,644,$(O)/etc/tmpfiles.conf,$(TMPFILES))

# The configuration, the spool and the accounts stay.
uninstall:
	rm -f $(foreach d,$(PROG_DIRS),'$(DEST)$(call prog_dest,$d)')
	rm -f $(foreach m,$(MANS),'$(DEST)$(call man_dest,$m)')
	rm -f $(foreach f,$(UNIT) $(SYSUSERS) $(TMPFILES) $(SAMPLE),'$(DEST)$f')
	rm -f $(foreach f,postern.conf $(DOCS),'$(DEST)$(DOCDIR)/$f')
	-rmdir '$(DEST)$(LIBEXECDIR)' '$(DEST)$(DOCDIR)' 2>/dev/null
