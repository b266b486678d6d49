# SMTP grammar and byte machines, for servers and clients. Pure.
ARCHIVES += smtp
smtp_LDLIBS := -lidn2
