# SMTP server sessions on accepted sockets.
PROG_DIRS += smtpd-in
smtpd-in_LINK := smtp tls msg base
