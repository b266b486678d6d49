# Reads the configuration, makes listeners and channels, watches the children.
PROG_DIRS += master
master_PROG := posternd
master_LINK := msg smtp base
master_INSTALL := sbin
