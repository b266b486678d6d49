# The operator's command.
PROG_DIRS += postern
postern_LINK := msg base
postern_INSTALL := bin

# TRUST as lines of C.
$(O)/postern/trust.inc: TRUST
	@mkdir -p $(@D)
	$(Q)sed 's/[\\"]/\\&/g; s/.*/"&",/' $< >$(aside) $(keep)
$(O)/postern/trust.o: $(O)/postern/trust.inc
