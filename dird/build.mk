# Which recipients exist, and where a local domain's mail goes.
PROG_DIRS += dird
dird_LINK := smtp msg base
