# The only program that accepts from, and connects to, a network. No SMTP here.
PROG_DIRS += connd
connd_LINK := msg base
