# Policy of the ext resolver; the body is common/dns.
PROG_DIRS += dnsd-ext
dnsd-ext_LINK := dns msg base
