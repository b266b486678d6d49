# Reads the configuration, makes listeners and channels, watches the children.
PROG_DIRS += master
master_PROG := posternd
master_LINK := msg smtp base
master_INSTALL := sbin

# All of it but main(), for tests that read configurations.
$(O)/master/core.a: $(patsubst %.c,$(O)/%.o,$(filter-out master/main.c,\
    $(wildcard master/*.c))) $(O)/master/parse.o
