# Stamps and writes log lines.
PROG_DIRS += logd
logd_LINK := msg base
