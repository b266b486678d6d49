# The control socket: who may ask what.
PROG_DIRS += ctld
ctld_LINK := msg base
