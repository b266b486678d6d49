# The durable queue. smtp is for addresses and for the text of bounces.
PROG_DIRS += queued
queued_LINK := smtp msg base
