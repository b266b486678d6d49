# Policy of the int resolver; the body is common/dns.
PROG_DIRS += dnsd-int
dnsd-int_LINK := dns msg base
