# Holds the private keys; signs handshakes of the side that asks, and no more.
PROG_DIRS += keyd
keyd_LINK := msg base
keyd_LDLIBS := -lcrypto
