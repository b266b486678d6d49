# The operator's command.
PROG_DIRS += postern
postern_LINK := msg base
postern_INSTALL := bin
